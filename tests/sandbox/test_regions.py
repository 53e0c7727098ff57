"""Regions over the API: scripted detections, real crops, what runs on each of them, what is written."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reconciler.sandbox import vision
from tests.sandbox.driving import Api, node

FACE = ("face-detection", "fe995da8cb73490f8556416ecf25cea3")
CROP = ("margin-110-image-crop", "b9987421b40a46649566826ef9325303")
EMBED = ("general-image-embedding", "bb186755eda04f9cbb6fe32e816be104")
RED, BLUE, GREY = (220, 20, 20), (20, 20, 220), (128, 128, 128)


def picture() -> Image.Image:
    """Grey, 100 wide and 200 high, with a red field above and a blue one below."""
    image = Image.new("RGB", (100, 200), GREY)
    image.paste(RED, (20, 20, 60, 80))
    image.paste(BLUE, (40, 120, 80, 180))
    return image


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


PICTURE = png(picture())
RED_BOX, BLUE_BOX = [0.1, 0.2, 0.4, 0.6], [0.6, 0.4, 0.9, 0.8]


@pytest.fixture
def faces(start: Callable[..., Api], tmp_path: Path) -> Api:
    """A sandbox that finds two faces in the picture, and none in another one."""
    scores = tmp_path / "scores.yaml"
    digest = hashlib.sha256(PICTURE).hexdigest()
    scores.write_text(
        f"""\
source: drawn by hand
images:
  - sha256: {digest}
    concepts: {{ai_l8TKp2h5: 0.9}}
    regions:
      - {{box: {BLUE_BOX}, concepts: {{face: 0.6, hat: 0.2}}}}
      - {{box: {RED_BOX}, concepts: {{face: 0.95}}}}
  - {{url: "http://example.invalid/faces.jpg", regions: [{{box: {RED_BOX}, concepts: {{face: 0.9}}}}]}}
"""
    )
    return start(scores=scores)


def image(content: bytes = PICTURE, **data: Any) -> Any:
    return {"data": {"image": {"base64": base64.b64encode(content).decode()}, **data}}


def results(api: Api, *nodes: Any, item: Any = None) -> dict[str, Any]:
    api("POST", "/workflows", {"workflows": [{"id": "w", "nodes": list(nodes)}]})
    body = {"inputs": [item or image()]}
    (result,) = api("POST", "/workflows/w/results", body)["results"]
    return {output["model"]["id"]: output for output in result["outputs"]}


def cropped(api: Api, params: Any, *boxes: list[float]) -> Any:
    """The output of a cropper for the picture with regions that came with the request."""
    api.model("crop", "image-crop", {"output_info": {"params": params}})
    body = {"inputs": [image(regions=[region(box) for box in boxes])]}
    (output,) = api("POST", "/models/crop/outputs", body)["outputs"]
    return output


def crops(output: Any) -> list[Image.Image]:
    contents = [
        base64.b64decode(region["data"]["image"]["base64"]) for region in output["data"]["regions"]
    ]
    return [Image.open(io.BytesIO(content)) for content in contents]


def mean(crop: Image.Image) -> tuple[int, ...]:
    return tuple(int(level) for level in np.asarray(crop.convert("RGB")).mean(axis=(0, 1)).round())


def region(box: list[float], **data: Any) -> Any:
    top, left, bottom, right = box
    sides = {"top_row": top, "left_col": left, "bottom_row": bottom, "right_col": right}
    return {"region_info": {"bounding_box": sides}, "data": data}


def test_detections_are_scripted_and_say_so(faces: Api) -> None:
    output = results(faces, node("face", *FACE, public=True))[FACE[0]]
    assert output["status"]["details"] == (
        "scripted detections, not a prediction; source: drawn by hand"
    )
    first, second = output["data"]["regions"]
    assert (first["value"], second["value"]) == (0.95, 0.6)
    assert first["region_info"]["bounding_box"] == {
        "top_row": 0.1,
        "left_col": 0.2,
        "bottom_row": 0.4,
        "right_col": 0.6,
    }
    assert [(one["id"], one["value"], one["app_id"]) for one in second["data"]["concepts"]] == [
        ("face", 0.6, "main"),
        ("hat", 0.2, "main"),
    ]
    again = results_again(faces)
    assert [item["id"] for item in again] == [first["id"], second["id"]]
    assert len({first["id"], second["id"]}) == 2


def results_again(api: Api) -> Any:
    body = {"inputs": [image()]}
    (output,) = api("POST", "/v2/users/clarifai/apps/main/models/face-detection/outputs", body)[
        "outputs"
    ]
    return output["data"]["regions"]


def test_an_image_without_scripted_detections_has_no_regions_and_says_so(faces: Api) -> None:
    other = image(png(Image.new("RGB", (8, 8), RED)))
    output = results(faces, node("face", *FACE, public=True), item=other)[FACE[0]]
    assert output["data"].get("regions", []) == []
    assert output["status"]["details"] == ("no regions: no detections are scripted for this image")


@pytest.mark.parametrize(
    ("margin", "size", "colour"),
    [
        (None, (40, 60), RED),
        (1.0, (40, 60), RED),
        (0.5, (20, 30), RED),
        (1.5, (60, 90), None),
        # Three times as large it reaches beyond the picture: above, and on the left.
        (3.0, (100, 140), None),
    ],
    ids=["default", "as it is", "smaller", "larger", "beyond the picture"],
)
def test_a_crop_is_cut_out_of_the_picture(
    api: Api, margin: float | None, size: tuple[int, int], colour: tuple[int, ...] | None
) -> None:
    params = {} if margin is None else {"margin": margin}
    output = cropped(api, params, RED_BOX)
    (crop,) = crops(output)
    assert crop.size == size
    assert crop.format == "PNG"
    info = output["data"]["regions"][0]["data"]["image"]["image_info"]
    assert (info["width"], info["height"], info["format"]) == (*size, "PNG")
    if colour is not None:
        assert mean(crop) == colour


@pytest.mark.parametrize(
    "box",
    [[0.5, 0.5, 0.5, 0.9], [0.6, 0.1, 0.2, 0.9], [1.2, 0.1, 1.5, 0.9]],
    ids=["empty", "upside down", "outside"],
)
def test_a_region_that_covers_nothing_disappears(api: Api, box: list[float]) -> None:
    assert [mean(crop) for crop in crops(cropped(api, {}, box, BLUE_BOX))] == [BLUE]


def test_a_crop_may_be_a_single_pixel() -> None:
    (crop,) = vision.crops(PICTURE, [(0.5, 0.5, 0.5001, 0.5001)], 1.0)
    assert crop is not None
    assert (crop.width, crop.height) == (1, 1)


def test_the_public_cropper_has_its_margin(faces: Api) -> None:
    outputs = results(
        faces, node("face", *FACE, public=True), node("crop", *CROP, "face", public=True)
    )
    first, second = crops(outputs[CROP[0]])
    assert (first.size, second.size) == ((44, 66), (44, 66))
    boxes = [item["region_info"] for item in outputs[FACE[0]]["data"]["regions"]]
    assert [item["region_info"] for item in outputs[CROP[0]]["data"]["regions"]] == boxes


def test_a_wrong_margin_fails_and_names_it(api: Api) -> None:
    api.model("crop", "image-crop", {"output_info": {"params": {"margin": 0}}})
    answer = api.raw("POST", "/models/crop/outputs", json={"inputs": [image()]}).json()
    assert answer["outputs"][0]["status"]["code"] == 21202
    assert answer["outputs"][0]["status"]["details"] == (
        "image-crop 'crop': margin must be in (0, 10], not 0.0"
    )


def test_an_image_that_is_only_a_url_cannot_be_cropped(faces: Api) -> None:
    outputs = results(
        faces,
        node("face", *FACE, public=True),
        node("crop", *CROP, "face", public=True),
        item={"data": {"image": {"url": "http://example.invalid/faces.jpg"}}},
    )
    assert len(outputs[FACE[0]]["data"]["regions"]) == 1
    assert outputs[CROP[0]]["data"].get("regions", []) == []
    assert outputs[CROP[0]]["status"]["details"] == (
        "no crops: the sandbox has the URL of this image, not its bytes"
    )


def colour_classifier(api: Api) -> str:
    """Trained on plain pictures, so that it tells the colour of a crop."""
    inputs = []
    for name, (red, green, blue) in (("red", RED), ("blue", BLUE)):
        for step in range(6):
            plain = Image.new("RGB", (32, 32), (red - step, green + step, blue - step))
            inputs.append({**image(png(plain)), "id": f"{name}-{step}"})
            inputs[-1]["data"]["concepts"] = [{"id": name}]
    api("POST", "/inputs", {"inputs": inputs})
    api.sandbox.wait_idle()
    info = {
        "data": {"concepts": [{"id": "red"}, {"id": "blue"}]},
        "params": {"concepts_mutually_exclusive": True},
    }
    version = api.model("colour", "embedding-classifier", {"output_info": info})
    api.sandbox.wait_idle()
    return version


def test_what_follows_a_cropper_sees_the_crops(faces: Api) -> None:
    version = colour_classifier(faces)
    outputs = results(
        faces,
        node("face", *FACE, public=True),
        node("crop", *CROP, "face", public=True),
        node("embed", *EMBED, "crop", public=True),
        node("colour", "colour", version, "embed"),
    )
    first, second = outputs[EMBED[0]]["data"]["regions"]
    contents = [
        base64.b64decode(item["data"]["image"]["base64"])
        for item in outputs[CROP[0]]["data"]["regions"]
    ]
    for item, content in zip((first, second), contents, strict=True):
        vector = item["data"]["embeddings"][0]["vector"]
        assert vector == pytest.approx(vision.embed(content), abs=1e-6)
    told = outputs["colour"]["data"]["regions"]
    assert [item["data"]["concepts"][0]["id"] for item in told] == ["red", "blue"]
    assert [item["id"] for item in told] == [first["id"], second["id"]]
    assert outputs["colour"]["data"].get("concepts", []) == []


@pytest.mark.parametrize(
    ("comparator", "limit", "kept"),
    [(2, 0.9, [0.95]), (4, 0.9, [0.6]), (1, 0.1, [0.95, 0.6]), (1, 0.99, [])],
    ids=["sure ones", "doubtful ones", "both", "none"],
)
def test_regions_are_filtered_by_their_concepts(
    faces: Api, comparator: int, limit: float, kept: list[float]
) -> None:
    faces.concepts("face")
    version = faces.model(
        "limit",
        "region-thresholder",
        {
            "output_info": {
                "data": {"concepts": [{"id": "face", "value": limit}]},
                "params": {"concept_threshold_type": comparator},
            }
        },
    )
    count = faces.model("count", "object-counter", {})
    outputs = results(
        faces,
        node("face", *FACE, public=True),
        node("limit", "limit", version, "face"),
        node("crop", *CROP, "limit", public=True),
        node("count", "count", count, "limit"),
    )
    found = outputs["limit"]["data"].get("regions", [])
    assert [item["value"] for item in found] == kept
    assert [[one["id"] for one in item["data"]["concepts"]] for item in found] == [
        ["face"] for _ in kept
    ]
    assert len(outputs[CROP[0]]["data"].get("regions", [])) == len(kept)
    assert outputs["count"]["data"]["metadata"] == {"object_count": len(kept)}


def test_each_region_becomes_an_annotation_of_its_own(faces: Api) -> None:
    version = colour_classifier(faces)
    limit = faces.thresholder("limit", 2, red=0.5, blue=0.5)
    nodes = [
        node("face", *FACE, public=True),
        node("crop", *CROP, "face", public=True),
        node("embed", *EMBED, "crop", public=True),
        node("colour", "colour", version, "embed"),
        node("limit", "limit", limit, "colour"),
        node("write", "w", faces.writer("w", 24150), "limit"),
        node("write-crops", "p", faces.writer("p", 24151), "crop"),
    ]
    faces("POST", "/workflows", {"workflows": [{"id": "w", "nodes": nodes}]})
    body = {"apps": [{"id": faces.app, "default_workflow": {"id": "w"}}], "action": "overwrite"}
    faces("PATCH", "/v2/users/me/apps", body)
    faces("POST", "/inputs", {"inputs": [{"id": "two", **image()}]})
    faces.sandbox.wait_idle()
    assert faces("GET", "/inputs/two")["input"]["status"]["code"] == 30000
    found = [
        item
        for item in faces("GET", "/annotations", input_ids="two")["annotations"]
        if not item.get("input_level")
    ]
    sure = [item["data"]["regions"] for item in found if item["status"]["code"] == 24150]
    assert [len(regions) for regions in sure] == [1, 1]
    assert [regions[0]["data"]["concepts"][0]["id"] for regions in sure] == ["red", "blue"]
    assert {regions[0]["region_info"]["bounding_box"]["top_row"] for regions in sure} == {0.1, 0.6}
    doubtful = [item["data"]["regions"][0] for item in found if item["status"]["code"] == 24151]
    assert len(doubtful) == 2
    assert all("image" not in item.get("data", {}) for item in doubtful)  # a crop is no annotation
