"""Public recognition models and detectors: their scores come from a script and say so."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from clarifai_grpc.grpc.api import resources_pb2

from reconciler.catalogue import PUBLIC_APP_ID, PUBLIC_CONCEPTS, PUBLIC_USER_ID
from reconciler.sandbox.models.job import Job, Message, Result


def scripted_classifier(job: Job) -> Result:
    """The concepts that the scores file has for this image."""
    _check(job)
    data = resources_pb2.Data()
    if not job.data.HasField("image"):
        return Result(data)
    media, scores = job.ctx.media, job.ctx.scores
    found = scores.lookup(job.model.id, media.sha256, media.url)
    if found is None:
        return Result(data, "no concepts: no scores are scripted for this image")
    data.concepts.extend(job.limited(_public_concepts(found)))
    return Result(data, f"scripted scores, not a prediction; source: {scores.source}")


def scripted_detector(job: Job) -> Result:
    """The regions that the scores file has for this image, the surest first."""
    _check(job)
    data = resources_pb2.Data()
    if not job.data.HasField("image"):
        return Result(data)
    media, scores = job.ctx.media, job.ctx.scores
    found = scores.detections(job.model.id, media.sha256, media.url)
    if found is None:
        return Result(data, "no regions: no detections are scripted for this image")
    for number, detection in enumerate(found):
        concepts = job.limited(_public_concepts(detection.concepts))
        if not concepts:
            continue
        region = data.regions.add(value=concepts[0].value)
        # The same image and detection have the same id in every run.
        named = f"{media.sha256 or media.url} {job.model.id} {number}"
        region.id = hashlib.sha256(named.encode()).hexdigest()[:32]
        box = region.region_info.bounding_box
        box.top_row, box.left_col, box.bottom_row, box.right_col = detection.box
        region.data.concepts.extend(concepts)
    ordered = sorted(data.regions, key=lambda region: (-region.value, region.id))
    return Result(
        resources_pb2.Data(regions=ordered),
        f"scripted detections, not a prediction; source: {scores.source}",
    )


def _check(job: Job) -> None:
    if not job.is_public:
        raise job.not_run("cannot train or run deep models; use an embedding-classifier")


def _public_concepts(scores: Mapping[str, float]) -> list[Message]:
    return [
        resources_pb2.Concept(
            id=id_,
            name=PUBLIC_CONCEPTS.get(id_, id_),
            value=value,
            app_id=PUBLIC_APP_ID,
            user_id=PUBLIC_USER_ID,
        )
        for id_, value in scores.items()
    ]
