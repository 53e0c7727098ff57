"""The annotation writer: says what is to be written, and passes on what it read."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from clarifai_grpc.grpc.api import resources_pb2

from reconciler.catalogue import ANNOTATION_STATUSES
from reconciler.sandbox.models.job import Job, Result, WriterEffect

# What an annotation can hold; the medium itself and its embedding are no annotation.
_ANNOTATED: Final = ("concepts", "regions", "frames", "time_segments", "metadata")
_NOT_ANNOTATED: Final = ("image", "embeddings", "clusters")


def annotation_writer(job: Job) -> Result:
    """The annotation that the input is to have; nothing where nothing arrived."""
    spelled = job.params.get("annotation_status")
    number = ANNOTATION_STATUSES.number_of(spelled)
    if number is None:
        known = ", ".join(ANNOTATION_STATUSES.names)
        raise job.invalid(f"annotation_status must be one of {known}, not {spelled!r}")
    info = job.params.get("annotation_info") or {}
    if not isinstance(info, Mapping):
        raise job.invalid(f"annotation_info must be a JSON object, not {info!r}")
    written = resources_pb2.Data()
    for name in _ANNOTATED:
        part = getattr(job.data, name)
        if part:
            getattr(written, name).MergeFrom(part)
    for region in written.regions:
        for name in _NOT_ANNOTATED:
            region.data.ClearField(name)
    if not written.ByteSize():
        return Result(job.data)
    author = str(job.params.get("annotation_user_id", ""))
    effect = WriterEffect(
        annotation_status=number,
        annotation_user_id=job.ctx.user_id if author in ("", "me") else author,
        annotation_info=MappingProxyType(dict(info)),
        task_id=str(job.params.get("task_id", "")),
        data=written,
    )
    return Result(job.data, effect=effect)
