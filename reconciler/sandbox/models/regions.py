"""Models on regions: a model behind a cropper runs on each crop, and its results stay in their regions."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Final, Literal

from clarifai_grpc.grpc.api import resources_pb2

from reconciler.sandbox.models.job import Job, Media, Message, Result, Run

_SINGLE: Final = frozenset({"image", "text"})


def in_regions(run: Run, *reads: str) -> Run:
    """The same model for inputs and for regions that carry one of the fields which it ``reads``.

    A region in which nothing is left disappears, as a data point does (operator pages).
    """

    def everywhere(job: Job) -> Result:
        found = [region for region in job.data.regions if _carries(region.data, reads)]
        if not found:
            return run(job)
        whole = run(job)
        data, details = whole.data, [whole.details] if _carries(job.data, reads) else []
        for region in found:
            result = run(_inside(job, region))
            details.append(result.details)
            if result.data.ByteSize():
                kept = data.regions.add(
                    id=region.id, value=region.value, track_id=region.track_id, data=result.data
                )
                kept.region_info.CopyFrom(region.region_info)
        return Result(data, "; ".join(dict.fromkeys(filter(None, details))))

    return everywhere


def _carries(data: Message, fields: tuple[str, ...]) -> bool:
    return any(
        data.HasField(name) if name in _SINGLE else len(getattr(data, name)) > 0 for name in fields
    )


def _inside(job: Job, region: Message) -> Job:
    """The model at work on one region: its crop stands for the input's medium."""
    data = resources_pb2.Data()
    data.CopyFrom(region.data)
    ctx = job.ctx
    if data.HasField("image"):
        content = data.image.base64
        data.image.ClearField("base64")
        ctx = replace(ctx, media=_medium("image", content), embedding=None)
    elif data.HasField("text"):
        ctx = replace(ctx, media=_medium("text", data.text.raw.encode()), embedding=None)
    return replace(job, data=data, ctx=ctx)


def _medium(kind: Literal["image", "text"], content: bytes) -> Media:
    return Media(kind, content or None, "", hashlib.sha256(content).hexdigest() if content else "")
