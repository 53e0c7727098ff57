"""The image cropper: each region cut out of the picture, with a margin."""

from __future__ import annotations

from typing import Final

from clarifai_grpc.grpc.api import resources_pb2

from reconciler.sandbox.models.job import Job, ModelFailure, Result, is_number

_MOST_MARGIN: Final = 10.0
_NO_BYTES: Final = "no crops: the sandbox has the URL of this image, not its bytes"


def image_crop(job: Job) -> Result:
    """Each region with its crop as PNG; regions without a box, or with an empty one, disappear.

    The picture is the input's own, however far up the graph (operator page). ``margin`` makes the
    box so many times as wide and high about its centre, as far as the picture goes.
    """
    margin = job.params.get("margin", 1.0)
    if not is_number(margin) or not 0 < margin <= _MOST_MARGIN:
        raise job.invalid(f"margin must be in (0, {_MOST_MARGIN:g}], not {margin!r}")
    data = resources_pb2.Data()
    boxed = [item for item in job.data.regions if item.region_info.HasField("bounding_box")]
    if job.ctx.media.kind != "image" or not boxed:
        return Result(data)
    if job.ctx.media.data is None:
        return Result(data, _NO_BYTES)
    from reconciler.sandbox import vision  # decoders and numerics, needed for images alone

    boxes = []
    for region in boxed:
        box = region.region_info.bounding_box
        boxes.append((box.top_row, box.left_col, box.bottom_row, box.right_col))
    try:
        crops = vision.crops(job.ctx.media.data, boxes, margin)
    except vision.ImageError as error:
        raise ModelFailure(error.code, f"{job.name}: {error}") from error
    for region, crop in zip(boxed, crops, strict=True):
        if crop is not None:
            kept = data.regions.add(id=region.id, value=region.value, track_id=region.track_id)
            kept.region_info.CopyFrom(region.region_info)
            kept.data.image.base64 = crop.content
            info = kept.data.image.image_info
            info.width, info.height, info.format = crop.width, crop.height, "PNG"
    return Result(data)
