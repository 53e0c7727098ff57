"""The whole job over REST: what the walkthrough builds, and what it writes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.sandbox.driving import Api, node, png

EMBED = ("general-image-embedding", "bb186755eda04f9cbb6fe32e816be104")
GENERAL = ("general-image-recognition", "aa7f35c01e0642fda5cf400f543e7c40")
CLUSTER = ("general-clusterering", "cc2074cff6dc4c02b6f4e1b8606dcb54")

THRESHOLDS = {"people": 0.5, "man": 0.5, "adult": 0.95}
PUBLIC = {"people": "ai_l8TKp2h5", "man": "ai_dxSG2s86", "adult": "ai_VPmHr5bm"}


def build_walkthrough(api: Api) -> None:
    api.concepts(*THRESHOLDS)
    for concept, public in PUBLIC.items():
        relation = {"object_concept": {"id": public, "app_id": "main"}, "predicate": "synonym"}
        api("POST", f"/concepts/{concept}/relations", {"concept_relations": [relation]})
    mapper = api.model(
        "mapper", "concept-synonym-mapper", {"output_info": {"params": {"knowledge_graph_id": ""}}}
    )
    above = api.thresholder("above", 2, **THRESHOLDS)
    below = api.thresholder("below", "LESS_THAN", **THRESHOLDS)
    success = api.writer("success", "ANNOTATION_SUCCESS")
    pending = api.writer("pending", 24151)
    nodes = [
        node("embed", *EMBED, public=True),
        node("general", *GENERAL, public=True),
        node("cluster", *CLUSTER, "embed", public=True),
        node("mapper", "mapper", mapper, "general"),
        node("above", "above", above, "mapper"),
        node("write-success", "success", success, "above"),
        node("below", "below", below, "mapper"),
        node("write-pending", "pending", pending, "below"),
    ]
    api("POST", "/workflows", {"workflows": [{"id": "auto", "nodes": nodes}]})
    api(
        "PATCH",
        "/v2/users/me/apps",
        {"apps": [{"id": api.app, "default_workflow_id": "auto"}], "action": "overwrite"},
    )


def scores_file(folder: Path, content: bytes, **scores: float) -> Path:
    path = folder / "scores.yaml"
    lines = [f"  {PUBLIC[name]}: {value}" for name, value in scores.items()]
    path.write_text(
        "source: written for a test\nimages:\n"
        f"- sha256: {hashlib.sha256(content).hexdigest()}\n  concepts:\n    "
        + "\n    ".join(line.strip() for line in lines)
        + "\n"
    )
    return path


def written(api: Api, input_id: str) -> dict[str, dict[int, float]]:
    found = api("GET", "/annotations", per_page=1000, user_ids=api.sandbox.user_id)["annotations"]
    by_concept: dict[str, dict[int, float]] = {}
    for annotation in found:
        if annotation["input_id"] != input_id or annotation.get("input_level"):
            continue
        for concept in annotation["data"]["concepts"]:
            by_concept.setdefault(concept["id"], {})[annotation["status"]["code"]] = concept[
                "value"
            ]
    return by_concept


def test_scores_are_written_by_exactly_one_of_the_two_paths(
    start: Callable[..., Api], tmp_path: Path
) -> None:
    picture = png(80)
    scores = scores_file(tmp_path, picture, people=0.97, man=0.3, adult=0.95)
    api = start(scores=scores)
    build_walkthrough(api)
    image = {"base64": base64.b64encode(picture).decode()}
    posted = api("POST", "/inputs", {"inputs": [{"id": "img", "data": {"image": image}}]})
    assert posted["inputs"][0]["status"]["code"] == 30001
    api.sandbox.wait_idle()
    assert api("GET", "/inputs/img")["input"]["status"] == {
        "code": 30000,
        "description": "Download complete",
    }
    assert written(api, "img") == {
        "people": {24150: 0.97},
        "man": {24151: 0.3},
        "adult": {24150: 0.95},
    }
    assert api("GET", "/inputs/status")["counts"]["processed"] == 1


def test_a_prediction_shows_every_node_and_writes_nothing(
    start: Callable[..., Api], tmp_path: Path
) -> None:
    picture = png(81)
    api = start(scores=scores_file(tmp_path, picture, people=0.97, man=0.3))
    build_walkthrough(api)
    image = {"base64": base64.b64encode(picture).decode()}
    answer = api("POST", "/workflows/auto/results", {"inputs": [{"data": {"image": image}}]})
    outputs: dict[str, Any] = {
        output["model"]["id"]: output["data"] for output in answer["results"][0]["outputs"]
    }
    assert set(outputs) == {
        *(model for model, _ in (EMBED, GENERAL, CLUSTER)),
        "mapper",
        "above",
        "below",
        "success",
        "pending",
    }
    assert [(c["id"], c["value"]) for c in outputs["success"]["concepts"]] == [("people", 0.97)]
    assert [(c["id"], c["value"]) for c in outputs["pending"]["concepts"]] == [("man", 0.3)]
    assert api("GET", "/annotations", list_all_annotations=True)["annotations"] == []


def test_an_image_without_scripted_scores_is_processed_and_annotated_with_nothing(
    start: Callable[..., Api],
) -> None:
    api = start()
    build_walkthrough(api)
    image = {"base64": base64.b64encode(png(5)).decode()}
    api("POST", "/inputs", {"inputs": [{"id": "plain", "data": {"image": image}}]})
    api.sandbox.wait_idle()
    assert api("GET", "/inputs/plain")["input"]["status"]["code"] == 30000
    assert written(api, "plain") == {}
