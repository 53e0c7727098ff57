"""The published walkthrough's calls, with only base, key and ids filled in, as in 2022."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.sandbox.driving import Api, node, png
from tests.sandbox.test_auto_annotation import scores_file

CONCEPTS = {
    "peopleID": ("people", "ai_l8TKp2h5"),
    "manID": ("man", "ai_dxSG2s86"),
    "adultID": ("adult", "ai_VPmHr5bm"),
}


JAVASCRIPT = "application/javascript"
JSON = "application/json"
GENERAL_IDS = {
    "embed": ("bbb5f41425b8468d9b7a554ff10f8581", "bb186755eda04f9cbb6fe32e816be104"),
    "concept": ("aaa03c23b3724a16a56b629203edc62c", "aa7f35c01e0642fda5cf400f543e7c40"),
    "cluster": ("cccbe437d6e54e2bb911c6aa292fb072", "cc2074cff6dc4c02b6f4e1b8606dcb54"),
}
THRESHOLDS = """
  "concepts": [{"id": "peopleID", "value": 0.5}, {"id": "manID", "value": 0.5},
               {"id": "adultID", "value": 0.95}]"""


def curl(api: Api, method: str, path: str, content_type: str, body: str) -> requests.Response:
    """What the cURL of the walkthrough sends: that method, path, content type and text."""
    headers = {"Content-Type": content_type}
    if not path.startswith("/v2"):
        path = f"/v2/users/me/apps/{api.app}{path}"
    return api.raw(method, path, data=body, headers=headers)


def took(answer: requests.Response) -> Any:
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["status"]["code"] == 10000
    return found


def make_model(api: Api, id_: str, type_id: str, info: str) -> str:
    """One request makes model and version; the id of the version is in its answer."""
    body = (
        f'{{"model": {{"id": "{id_}", "model_type_id": "{type_id}", "output_info": {{{info}}}}}}}'
    )
    model = took(curl(api, "POST", "/models", JAVASCRIPT, body))["model"]
    assert (model["id"], model["model_version"]["status"]["code"]) == (id_, 21100)
    return str(model["model_version"]["id"])


def public_node(id_: str, kind: str) -> str:
    model, version = GENERAL_IDS[kind]
    return (
        f'{{"id": "{id_}", "model": {{"id": "{model}", "model_version": {{"id": "{version}"}}}}}}'
    )


def own_node(id_: str, model: str, version: str, source: str) -> str:
    return (
        f'{{"id": "{id_}", "model": {{"id": "{model}", "model_version": {{"id": "{version}"}}}}, '
        f'"node_inputs": [{{"node_id": "{source}"}}]}}'
    )


def build(api: Api) -> None:
    """The calls of the walkthrough up to its workflow, in its order."""
    concepts = ", ".join(
        f'{{"id": "{id_}", "name": "{name}"}}' for id_, (name, _) in CONCEPTS.items()
    )
    took(curl(api, "POST", "/concepts", JSON, f'{{"concepts": [{concepts}]}}'))
    for id_, (_, public) in CONCEPTS.items():
        relation = (
            f'{{"object_concept": {{"id": "{public}", "app_id": "main"}}, "predicate": "synonym"}}'
        )
        body = f'{{"concept_relations": [{relation}]}}'
        took(curl(api, "POST", f"/concepts/{id_}/relations", JAVASCRIPT, body))
    me = api.sandbox.user_id
    mapper = make_model(
        api, "synonym-model-id", "concept-synonym-mapper", '"params": {"knowledge_graph_id": ""}'
    )
    above, below = (
        make_model(
            api,
            f"{name}-model-id",
            "concept-threshold",
            f'"data": {{{THRESHOLDS}}}, "params": {{"concept_threshold_type": {comparator}}}',
        )
        for name, comparator in (("greater-than", 1), ("less-than", 3))
    )
    success, pending = (
        make_model(
            api,
            f"write-{name}-as-me",
            "annotation-writer",
            f'"params": {{"annotation_status": {code}, "annotation_user_id": "{me}"}}',
        )
        for name, code in (("success", 24150), ("pending", 24151))
    )
    nodes = [
        *(public_node(f"general-{kind}", kind) for kind in GENERAL_IDS),
        own_node("mapper", "synonym-model-id", mapper, "general-concept"),
        own_node("greater-than", "greater-than-model-id", above, "mapper"),
        own_node("write-success", "write-success-as-me", success, "greater-than"),
        own_node("less-than", "less-than-model-id", below, "mapper"),
        own_node("write-pending", "write-pending-as-me", pending, "less-than"),
    ]
    graph = f'{{"id": "auto-annotation-workflow-id", "nodes": [{", ".join(nodes)}]}}'
    made = took(curl(api, "POST", "/workflows", JSON, f'{{"workflows": [{graph}]}}'))
    assert {"general-image-embedding", "general-image-recognition", "general-clusterering"} <= {
        item["model"]["id"] for item in made["workflows"][0]["nodes"]
    }


def test_the_walkthrough_annotates(start: Callable[..., Api], tmp_path: Path) -> None:
    picture = png(80)
    scores = scores_file(tmp_path, picture, people=0.97, man=0.3, adult=0.95)
    api = start(
        legacy=True, scores=scores, pat="the-pat", app_keys={"the-key": "park"}, user="owner"
    )
    assert api("GET", "")["app"]["default_workflow_id"] == "General"
    build(api)
    # Its recommendation: what is not the default workflow can be tried, and writes nothing.
    image = f'{{"data": {{"image": {{"base64": "{base64.b64encode(picture).decode()}"}}}}}}'
    body = f'{{"inputs": [{image}]}}'
    tried = curl(api, "POST", "/workflows/auto-annotation-workflow-id/results", JSON, body)
    outputs = {
        item["model"]["id"]: item["data"].get("concepts", [])
        for item in took(tried)["results"][0]["outputs"]
    }
    assert [item["id"] for item in outputs["write-success-as-me"]] == ["peopleID"]
    assert api("GET", "/annotations", user_ids="owner")["annotations"] == []
    # Its slip: the workflow was created as ...-id.
    wanted = f'{{"id": "{api.app}", "default_workflow_id": "auto-annotation-workflow-ID"}}'
    switch = f'{{"action": "overwrite", "apps": [{wanted}]}}'
    slip = curl(api, "PATCH", "/v2/users/me/apps", JSON, switch)
    assert (slip.status_code, slip.json()["status"]["code"]) == (404, 22102)
    assert api("GET", "")["app"]["default_workflow_id"] == "General"
    took(curl(api, "PATCH", "/v2/users/me/apps", JSON, switch.replace("-ID", "-id")))
    took(curl(api, "POST", "/inputs", JSON, body))
    api.sandbox.wait_idle()
    # Its last call takes an app key, since its path is a short one.
    path = "/v2/annotations?user_ids=owner"
    refused = api.raw("GET", path)
    assert (refused.status_code, refused.json()["status"]["code"]) == (401, 11008)
    found = took(api.raw("GET", path, headers={"Authorization": "Key the-key"}))["annotations"]
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
