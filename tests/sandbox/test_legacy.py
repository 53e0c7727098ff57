"""The published walkthrough's calls, with only base, key and ids filled in, as in 2022."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.driving import Api, node, png
from tests.sandbox.test_auto_annotation import scores_file

CONCEPTS = {
    "peopleID": ("people", "ai_l8TKp2h5"),
    "manID": ("man", "ai_dxSG2s86"),
    "adultID": ("adult", "ai_VPmHr5bm"),
}


def make_model(api: Api, id_: str, type_id: str, **info: Any) -> str:
    """One request makes model and version; the id of the version is in its answer."""
    model = {"id": id_, "model_type_id": type_id, "output_info": info}
    headers = {"Content-Type": "application/javascript"}
    answer = api.raw("POST", "/models", json={"model": model}, headers=headers).json()
    version = answer["model"]["model_version"]
    assert version["status"]["code"] == 21100
    return str(version["id"])


def build(api: Api) -> None:
    concepts = [{"id": id_, "name": name} for id_, (name, _) in CONCEPTS.items()]
    api("POST", "/concepts", {"concepts": concepts})
    for id_, (_, public) in CONCEPTS.items():
        relation = {"object_concept": {"id": public, "app_id": "main"}, "predicate": "synonym"}
        api("POST", f"/concepts/{id_}/relations", {"concept_relations": [relation]})
    thresholds = {
        "concepts": [
            {"id": "peopleID", "value": 0.5},
            {"id": "manID", "value": 0.5},
            {"id": "adultID", "value": 0.95},
        ]
    }
    me = api.sandbox.user_id
    mapper = make_model(
        api, "synonym-model-id", "concept-synonym-mapper", params={"knowledge_graph_id": ""}
    )
    above = make_model(
        api,
        "greater-than-model-id",
        "concept-threshold",
        data=thresholds,
        params={"concept_threshold_type": 1},
    )
    below = make_model(
        api,
        "less-than-model-id",
        "concept-threshold",
        data=thresholds,
        params={"concept_threshold_type": 3},
    )
    success = make_model(
        api,
        "write-success-as-me",
        "annotation-writer",
        params={"annotation_status": 24150, "annotation_user_id": me},
    )
    pending = make_model(
        api,
        "write-pending-as-me",
        "annotation-writer",
        params={"annotation_status": 24151, "annotation_user_id": me},
    )
    nodes = [
        node(
            "general-embed", "bbb5f41425b8468d9b7a554ff10f8581", "bb186755eda04f9cbb6fe32e816be104"
        ),
        node(
            "general-concept",
            "aaa03c23b3724a16a56b629203edc62c",
            "aa7f35c01e0642fda5cf400f543e7c40",
        ),
        node(
            "general-cluster",
            "cccbe437d6e54e2bb911c6aa292fb072",
            "cc2074cff6dc4c02b6f4e1b8606dcb54",
        ),
        node("mapper", "synonym-model-id", mapper, "general-concept"),
        node("greater-than", "greater-than-model-id", above, "mapper"),
        node("write-success", "write-success-as-me", success, "greater-than"),
        node("less-than", "less-than-model-id", below, "mapper"),
        node("write-pending", "write-pending-as-me", pending, "less-than"),
    ]
    body = {"workflows": [{"id": "auto-annotation-workflow-id", "nodes": nodes}]}
    made = api("POST", "/workflows", body)["workflows"][0]
    assert {"general-image-embedding", "general-image-recognition", "general-clusterering"} <= {
        item["model"]["id"] for item in made["nodes"]
    }


def test_the_walkthrough_annotates(start: Callable[..., Api], tmp_path: Path) -> None:
    picture = png(80)
    scores = scores_file(tmp_path, picture, people=0.97, man=0.3, adult=0.95)
    api = start(legacy=True, scores=scores)
    assert api("GET", "")["app"]["default_workflow_id"] == "General"
    build(api)
    switch: Any = {
        "apps": [{"id": api.app, "default_workflow_id": "auto-annotation-workflow-ID"}],
        "action": "overwrite",
    }
    assert api.refused("PATCH", "/v2/users/me/apps", switch)[:2] == (404, 22102)
    switch["apps"][0]["default_workflow_id"] = "auto-annotation-workflow-id"
    api("PATCH", "/v2/users/me/apps", switch)
    image = {"base64": base64.b64encode(picture).decode()}
    api("POST", "/inputs", {"inputs": [{"id": "img", "data": {"image": image}}]})
    api.sandbox.wait_idle(60)
    found = api("GET", "/annotations", user_ids=api.sandbox.user_id)["annotations"]
    written = {
        (concept["id"], annotation["status"]["code"])
        for annotation in found
        for concept in annotation["data"].get("concepts", [])
    }
    # adult stands exactly on its threshold: neither above nor below it.
    assert written == {("peopleID", 24150), ("manID", 24151)}


def test_today_the_same_graph_is_refused_for_its_clusterer(api: Api) -> None:
    cluster = node("general-cluster", "cccbe437d6e54e2bb911c6aa292fb072")
    body = {"workflows": [{"id": "w", "nodes": [cluster]}]}
    assert api.refused("POST", "/workflows", body)[:2] == (400, 22107)


@pytest.mark.parametrize(("legacy", "versions"), [(True, 2), (False, 0)])
def test_patching_a_model_made_versions_then(
    start: Callable[..., Api], legacy: bool, versions: int
) -> None:
    api = start(legacy=legacy)
    info: Any = {
        "data": {"concepts": [{"id": "a", "value": 0.5}]},
        "params": {"concept_threshold_type": 1},
    }
    model: Any = {"id": "m", "model_type_id": "concept-threshold", "output_info": info}
    api("POST", "/models", {"model": model})
    change = {"id": "m", "output_info": {"data": {"concepts": [{"id": "a", "value": 0.7}]}}}
    api("PATCH", "/models", {"models": [change], "action": "overwrite"})
    listed = api("GET", "/models/m/versions")["model_versions"]
    assert len(listed) == versions
    if legacy:
        info = api("GET", "/models/m/output_info")["model"]["output_info"]
        assert [c["value"] for c in info["data"]["concepts"]] == [0.7]
        assert info["params"] == {"concept_threshold_type": 1}


def test_a_trainable_model_starts_untrained_then(start: Callable[..., Api]) -> None:
    api = start(legacy=True)
    info = {"data": {"concepts": [{"id": "a"}]}}
    made = api("POST", "/models", {"model": {"id": "m", "output_info": info}})["model"]
    assert made["model_version"]["status"]["code"] == 21102
    trained = api("POST", "/models/m/versions", {})["model"]["model_version"]
    assert trained["status"]["code"] == 21103
    assert [c["id"] for c in trained["output_info"]["data"]["concepts"]] == ["a"]


def test_lists_mixed_in_public_models_then(start: Callable[..., Api]) -> None:
    api = start(legacy=True)
    mixed = {model["app_id"] for model in api("GET", "/models")["models"]}
    own = api("GET", "/models", dont_fetch_from_main="true")["models"]
    assert (mixed, own) == ({"main"}, [])
