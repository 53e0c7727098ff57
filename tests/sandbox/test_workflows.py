"""Workflows: graph rules, versions, patches (fact sheet, section 10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.sandbox.behaviour import Behaviour
from tests.sandbox.calling import calling
from tests.sandbox.driving import Api, node

GENERAL = "general-image-recognition"
GENERAL_VERSION = "aa7f35c01e0642fda5cf400f543e7c40"


def post(api: Api, *nodes: Any, id_: str = "w") -> Any:
    body = {"workflows": [{"id": id_, "nodes": list(nodes)}]}
    return api("POST", "/workflows", body)["workflows"][0]


def general(*inputs: str, id_: str = "general") -> Any:
    return node(id_, GENERAL, "", *inputs, public=True)


def order(workflow: Any) -> list[str]:
    return [item["id"] for item in workflow["nodes"]]


def edges(workflow: Any) -> dict[str, list[str]]:
    return {
        item["id"]: [source["node_id"] for source in item.get("node_inputs", [])]
        for item in workflow["nodes"]
    }


def test_nodes_come_back_expanded_and_in_another_order(api: Api) -> None:
    above = api.thresholder("above", 1, a=0.5)
    writer = api.writer("writer", 24150)
    made = post(
        api,
        node("z-write", "writer", writer, "m-above"),
        node("m-above", "above", above, "y-general"),
        general(id_="y-general"),
        node("x-embed", "general-image-embedding", public=True),
    )
    assert order(made) == ["y-general", "x-embed", "m-above", "z-write"]
    model = made["nodes"][0]["model"]
    assert (model["id"], model["user_id"], model["app_id"], model["model_type_id"]) == (
        GENERAL,
        "clarifai",
        "main",
        "visual-classifier",
    )
    assert model["model_version"]["id"] == GENERAL_VERSION
    assert "output_info" not in model
    read = api("GET", "/workflows/w")["workflow"]
    assert {k: v for k, v in read.items() if not k.endswith("_at")} == {
        k: v for k, v in made.items() if not k.endswith("_at")
    }


def test_the_order_may_be_left_alone(start: Callable[..., Api]) -> None:
    api = start(behaviour=Behaviour(reorder_nodes=False))
    writer = api.writer("writer", 24150)
    made = post(api, node("w", "writer", writer, "general"), general())
    assert order(made) == ["w", "general"]


@pytest.mark.parametrize(
    "reference",
    [
        {"id": "aaa03c23b3724a16a56b629203edc62c"},
        {"id": "aaa03c23b3724a16a56b629203edc62c", "user_id": "clarifai", "app_id": "main"},
        {"id": GENERAL},
        {"id": GENERAL, "app_id": "main"},
        {"id": GENERAL, "model_version": {"id": GENERAL_VERSION.upper()}},
    ],
)
def test_public_models_are_found_under_every_name(api: Api, reference: Any) -> None:
    model = post(api, {"id": "n", "model": reference})["nodes"][0]["model"]
    assert (model["id"], model["user_id"], model["app_id"]) == (GENERAL, "clarifai", "main")


def test_the_apps_own_model_comes_before_a_public_one_of_that_id(api: Api) -> None:
    version = api.writer(GENERAL, 24150)
    model = post(api, {"id": "n", "model": {"id": GENERAL}})["nodes"][0]["model"]
    assert (model["app_id"], model["model_version"]["id"]) == ("park", version)


def test_a_node_without_version_pins_the_newest_trained_one_and_stays_there(api: Api) -> None:
    first = api.writer("m", 24150)
    post(api, node("n", "m"))
    params = {"annotation_status": 24151, "annotation_user_id": "me"}
    api.version("m", {"output_info": {"params": params}})
    pinned = api("GET", "/workflows/w")["workflow"]["nodes"][0]["model"]["model_version"]["id"]
    assert pinned == first


def broken_graphs() -> list[Any]:
    many = [general(id_=f"n{number}") for number in range(21)]
    ring = [node("a", GENERAL, "", "b"), node("b", GENERAL, "", "a")]
    clusterer = node("c", "general-clusterering", public=True)
    embed = node("e", "general-image-embedding", public=True)
    return [
        pytest.param(many, 400, 22107, "the workflow has 21 nodes, the most is 20", id="too many"),
        pytest.param(ring, 400, 22107, "the nodes go round in a circle: ", id="circle"),
        pytest.param(
            [general("general")], 400, 22107, "the nodes go round in a circle: ", id="self"
        ),
        pytest.param(
            [general("nobody")],
            400,
            22107,
            "node 'general' takes its input from 'nobody', which is no node of this workflow",
            id="unknown input",
        ),
        pytest.param(
            [general(), general()], 400, 22107, "node id 'general' is used twice", id="twice"
        ),
        pytest.param([{"id": "n"}], 400, 22107, "node 'n' names no model", id="no model"),
        pytest.param([{"model": {"id": GENERAL}}], 400, 22107, "a node has no id", id="no id"),
        pytest.param(
            [node("n", "nobody")], 404, 11101, "node 'n': model_id 'nobody' not found", id="model"
        ),
        pytest.param(
            [node("n", GENERAL, "f" * 32, public=True)],
            404,
            11101,
            f"node 'n': model_version id '{'f' * 32}' not found",
            id="version",
        ),
        pytest.param(
            [node("n", "untrained")],
            400,
            22002,
            "node 'n': model 'untrained' is not trained",
            id="untrained",
        ),
        pytest.param(
            [clusterer],
            400,
            22107,
            "node 'c': model type 'clusterer' needs 'embeddings', but the workflow's input gives",
            id="type of the input",
        ),
        pytest.param(
            [embed, node("t", "above", "", "e")],
            400,
            22107,
            "node 't': model type 'concept-threshold' needs 'concepts', but 'e' gives embeddings",
            id="type of a node",
        ),
        pytest.param([], 400, 22104, "workflow 'w' has no nodes", id="empty"),
        pytest.param(
            [{**general(), "output_info_override": {"data": {"concepts": [{"id": "ghost"}]}}}],
            404,
            11101,
            "node 'general': concept_id 'ghost' not found",
            id="concept",
        ),
    ]


@pytest.mark.parametrize(("nodes", "http", "code", "details"), broken_graphs())
@pytest.mark.parametrize("verb", ["POST", "PATCH"])
def test_graphs_that_are_refused(
    api: Api, verb: str, nodes: Any, http: int, code: int, details: str
) -> None:
    api.thresholder("above", 1, a=0.5)
    api("POST", "/models", {"model": {"id": "untrained"}})
    if verb == "PATCH":
        if not nodes:
            return
        before = post(api, general())
    body = {"workflows": [{"id": "w", "nodes": nodes}], "action": "overwrite"}
    refused = api.refused(verb, "/workflows", body)
    assert refused[:2] == (http, code)
    assert refused[2].startswith(details)
    if verb == "PATCH":
        assert api("GET", "/workflows/w")["workflow"]["version"]["id"] == before["version"]["id"]
    else:
        assert api.refused("GET", "/workflows/w")[:2] == (404, 11101)


def test_media_may_come_from_further_up_the_graph(api: Api) -> None:
    face = node("face", "face-detection", public=True)
    crop = node("crop", "margin-110-image-crop", "", "face", public=True)
    embed = node("embed", "general-image-embedding", "", "crop", public=True)
    writer = api.writer("w", 24150)
    made = post(api, face, crop, embed, node("write", "w", writer, "face", "embed"))
    assert edges(made) == {
        "face": [],
        "crop": ["face"],
        "embed": ["crop"],
        "write": ["face", "embed"],
    }


def test_the_type_check_can_be_switched_off(start: Callable[..., Api]) -> None:
    api = start(behaviour=Behaviour(type_check_graph=False))
    post(api, node("c", "general-clusterering", public=True))


def test_other_nodes_are_a_new_version_and_other_texts_are_not(api: Api) -> None:
    first = post(api, general())["version"]["id"]

    def patch(action: str, **fields: Any) -> Any:
        body = {"workflows": [{"id": "w", **fields}], "action": action}
        return api("PATCH", "/workflows", body)["workflows"][0]

    assert patch("overwrite", description="d", metadata={"k": 1})["version"]["id"] == first
    changed = patch("overwrite", nodes=[{**general(), "suppress_output": True}])
    assert changed["version"]["id"] != first
    assert (changed["description"], changed["metadata"]) == ("d", {"k": 1})
    assert changed["nodes"][0]["suppress_output"] is True
    versions = api("GET", "/workflows/w/versions")["workflow_versions"]
    assert [item["id"] for item in versions] == [changed["version"]["id"], first]
    old = api("GET", f"/workflows/w/versions/{first}")["workflow_version"]
    assert "suppress_output" not in old["nodes"][0]


def test_merge_adds_and_alters_nodes_but_overwrite_alone_removes_them(api: Api) -> None:
    post(api, general(), general(id_="second"))

    def patch(action: str, *nodes: Any) -> list[str]:
        body = {"workflows": [{"id": "w", "nodes": list(nodes)}], "action": action}
        return sorted(order(api("PATCH", "/workflows", body)["workflows"][0]))

    assert patch("merge", general(id_="third")) == ["general", "second", "third"]
    assert patch("overwrite", general()) == ["general"]


@pytest.mark.parametrize("mints", [True, False])
def test_whether_an_identical_patch_mints_a_version_is_a_switch(
    start: Callable[..., Api], mints: bool
) -> None:
    api = start(behaviour=Behaviour(identical_workflow_patch_mints_version=mints))
    first = post(api, general())["version"]["id"]
    body = {"workflows": [{"id": "w", "nodes": [general()]}], "action": "overwrite"}
    again = api("PATCH", "/workflows", body)["workflows"][0]["version"]["id"]
    assert (again != first) == mints


def test_the_empty_id_means_the_default_workflow(start: Callable[..., Api]) -> None:
    api = start(grpc_port=0)
    with calling(api.sandbox, api.app) as call:
        assert call.ok("GetWorkflow").workflow.id == "Universal"
        post(api, general())
        api("PATCH", "", {"app": {"default_workflow_id": "w"}, "action": "overwrite"})
        assert call.ok("GetWorkflow").workflow.id == "w"
        assert [item.workflow_id for item in call.ok("ListWorkflowVersions").workflow_versions] == [
            "w"
        ]
        assert call.refused("DeleteWorkflow")[0] == 11101


def test_a_list_also_shows_the_public_default_workflow(api: Api) -> None:
    post(api, general())
    listed = api("GET", "/workflows", per_page=1000)["workflows"]
    assert [(item["app_id"], item["id"]) for item in listed] == [
        ("park", "w"),
        ("main", "Universal"),
    ]
    assert api("GET", "/workflows/Universal")["workflow"]["app_id"] == "main"
    api("PATCH", "", {"app": {"default_workflow_id": "w"}, "action": "overwrite"})
    assert [item["id"] for item in api("GET", "/workflows")["workflows"]] == ["w"]


def test_foreign_workflows_can_be_kept_out_of_lists(start: Callable[..., Api]) -> None:
    api = start(behaviour=Behaviour(list_workflows_shows_foreign_default=False))
    assert api("GET", "/workflows")["workflows"] == []


def test_a_duplicate_is_refused(api: Api) -> None:
    post(api, general())
    body = {"workflows": [{"id": "w", "nodes": [general()]}]}
    refused = api.refused("POST", "/workflows", body)
    assert refused == (400, 22100, "duplicate workflow: 'w' already exists")


def test_the_default_workflow_is_not_deleted(api: Api) -> None:
    post(api, general())
    api("PATCH", "", {"app": {"default_workflow_id": "w"}, "action": "overwrite"})
    assert api.refused("DELETE", "/workflows/w")[:2] == (400, 22104)
    api("PATCH", "", {"app": {"default_workflow_id": "Empty"}, "action": "overwrite"})
    api("DELETE", "/workflows", {"ids": ["w"]})
    assert api.refused("GET", "/workflows/w")[:2] == (404, 11101)


def test_deleting_the_default_workflow_may_leave_the_empty_one(start: Callable[..., Api]) -> None:
    api = start(behaviour=Behaviour(delete_default_workflow_refused=False))
    post(api, general())
    api("PATCH", "", {"app": {"default_workflow_id": "w"}, "action": "overwrite"})
    api("DELETE", "/workflows/w")
    assert api("GET", "")["app"]["default_workflow"]["id"] == "Empty"


def test_a_renamed_workflow_stays_the_default(api: Api) -> None:
    post(api, general())
    api("PATCH", "", {"app": {"default_workflow_id": "w"}, "action": "overwrite"})
    body = {"ids": [{"id": "w", "new_id": "v"}], "action": "overwrite"}
    assert api("PATCH", "/workflows/ids", body)["workflows"][0]["id"] == "v"
    app = api("GET", "")["app"]
    assert (app["default_workflow_id"], app["default_workflow"]["id"]) == ("v", "v")
    assert len(api("GET", "/workflows/v/versions")["workflow_versions"]) == 1


def test_old_versions_can_be_described_and_deleted(api: Api) -> None:
    first = post(api, general())["version"]["id"]
    body = {"workflows": [{"id": "w", "nodes": [general(id_="x")]}], "action": "overwrite"}
    current = api("PATCH", "/workflows", body)["workflows"][0]["version"]["id"]
    described: Any = {"workflow_versions": [{"id": first, "description": "old"}], "action": "merge"}
    changed = api("PATCH", "/workflows/w/versions", described)["workflow_versions"][0]
    assert changed["description"] == "old"
    refused = api.refused("DELETE", "/workflows/w/versions", {"workflow_version_ids": [current]})
    assert refused[:2] == (400, 22104)
    api("DELETE", "/workflows/w/versions", {"workflow_version_ids": [first]})
    assert [v["id"] for v in api("GET", "/workflows/w/versions")["workflow_versions"]] == [current]


def test_general_is_what_the_sdk_exported(api: Api) -> None:
    found = api("GET", "/v2/users/clarifai/apps/main/workflows/General")["workflow"]
    pins = [
        (item["id"], item["model"]["id"], item["model"]["model_version"]["id"])
        for item in found["nodes"]
    ]
    assert pins == [
        ("general-v1.5-concept", GENERAL, GENERAL_VERSION),
        ("general-v1.5-embed", "general-image-embedding", "bb186755eda04f9cbb6fe32e816be104"),
        ("general-v1.5-cluster", "general-clusterering", "cc2074cff6dc4c02b6f4e1b8606dcb54"),
    ]
    assert edges(found)["general-v1.5-cluster"] == ["general-v1.5-embed"]


def test_the_sdks_sample_of_many_nodes_is_taken(api: Api) -> None:
    versions = {
        "face-detection": "fe995da8cb73490f8556416ecf25cea3",
        "margin-110-image-crop": "b9987421b40a46649566826ef9325303",
        "face-sentiment-recognition": "a5d7776f0c064a41b48c3ce039049f65",
        "moderation-recognition": "aa8be956dbaa4b7a858826a84253cab9",
    }
    crop, sentiment = "margin-110-image-crop", "face-sentiment-recognition"
    made = post(
        api,
        node("detector", "face-detection", versions["face-detection"]),
        node("cropper", crop, versions[crop], "detector"),
        node("face-sentiment", sentiment, versions[sentiment], "cropper"),
        node("moderation", "moderation-recognition", versions["moderation-recognition"]),
    )
    assert sorted(order(made)) == ["cropper", "detector", "face-sentiment", "moderation"]
    older = node("old", "a403429f2ddf4b49b307e318f00e528b", "34ce21a40cc24b6b96ffee54aabff139")
    assert post(api, older, id_="older")["nodes"][0]["model"]["app_id"] == "main"


def test_a_version_that_an_app_runs_by_default_is_not_deleted(api: Api) -> None:
    old = post(api, general())["version"]["id"]
    default = {"id": "w", "version": {"id": old}}
    api("PATCH", "", {"app": {"default_workflow": default}, "action": "overwrite"})
    graph = {"id": "w", "nodes": [general(id_="another")]}
    api("PATCH", "/workflows", {"workflows": [graph], "action": "overwrite"})
    body = {"workflow_version_ids": [old]}
    http, code, details = api.refused("DELETE", "/workflows/w/versions", body)
    assert (http, code) == (400, 22104)
    assert details == (
        f"version '{old}' is what app 'park' runs by default; give the app another one first"
    )
    api("PATCH", "", {"app": {"default_workflow_id": "Empty"}, "action": "overwrite"})
    api("DELETE", "/workflows/w/versions", body)


def test_a_deleted_model_version_deprecates_what_pins_it_in_every_app(api: Api) -> None:
    version = api.writer("m", 24150)
    post(api, node("n", "m", version))
    other = {"apps": [{"id": "other"}]}
    api("POST", "/v2/users/me/apps", other)
    reference = {"id": "m", "app_id": "park", "user_id": "me", "model_version": {"id": version}}
    far = "/v2/users/me/apps/other/workflows"
    nodes = [{"id": "n", "model": reference}]
    api("POST", far, {"workflows": [{"id": "far", "nodes": nodes}]})
    assert "is_deprecated" not in api("GET", "/workflows/w")["workflow"]["version"]
    api("DELETE", "/models/m")
    for path in ("/workflows/w", f"{far}/far"):
        assert api("GET", path)["workflow"]["version"]["is_deprecated"] is True
        versions = api("GET", f"{path}/versions")["workflow_versions"]
        assert [item["is_deprecated"] for item in versions] == [True]
    graph = {"id": "w", "nodes": [general()]}
    changed = api("PATCH", "/workflows", {"workflows": [graph], "action": "overwrite"})
    assert "is_deprecated" not in changed["workflows"][0]["version"]
    deprecated = [
        item.get("is_deprecated", False)
        for item in api("GET", "/workflows/w/versions")["workflow_versions"]
    ]
    assert deprecated == [False, True]
