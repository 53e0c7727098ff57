"""New ids for apps, models and workflows: whatever names them follows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.driving import Api, node


@pytest.fixture
def texts(api: Api) -> Api:
    """An app whose default workflow finds dogs in texts, with a text that holds one."""
    info = {"data": {"concepts": [{"id": "dog"}]}, "params": {"regex": "dog"}}
    finder = api.model("finder", "regex-based-classifier", {"output_info": info})
    writer = api.writer("writer", 24150)
    nodes = [node("find", "finder", finder), node("write", "writer", writer, "find")]
    api("POST", "/workflows", {"workflows": [{"id": "hunt", "nodes": nodes}]})
    api("PATCH", "", {"app": {"default_workflow_id": "hunt"}, "action": "overwrite"})
    add_text(api, "first")
    return api


def add_text(api: Api, id_: str) -> None:
    api("POST", "/inputs", {"inputs": [{"id": id_, "data": {"text": {"raw": "a dog"}}}]})
    api.sandbox.wait_idle()


def rename(api: Api, path: str, old: str, new: str) -> Any:
    return api("PATCH", path, {"ids": [{"id": old, "new_id": new}], "action": "overwrite"})


def annotations(api: Api, id_: str) -> list[Any]:
    query = {"input_ids": id_, "list_all_annotations": "true", "return_model_output": "true"}
    found: list[Any] = api("GET", "/annotations", **query)["annotations"]
    return [item for item in found if item["data"].get("concepts")]


def workers(api: Api, id_: str) -> set[tuple[str, str]]:
    return {
        (kind, worker["id"])
        for item in annotations(api, id_)
        for kind, worker in item["worker"].items()
    }


def test_a_model_is_followed_by_all_that_names_it(texts: Api) -> None:
    me = texts.sandbox.user_id
    assert workers(texts, "first") == {("user", me), ("model", "finder")}
    other = {"apps": [{"id": "other"}]}
    texts("POST", "/v2/users/me/apps", other)
    texts.app = "other"
    foreign = {"id": "finder", "user_id": "me", "app_id": "park"}
    graph = {"id": "far", "nodes": [{"id": "n", "model": foreign}]}
    texts("POST", "/workflows", {"workflows": [graph]})
    texts.writer("finder", 24150)
    own = {"id": "near", "nodes": [node("n", "finder")]}
    texts("POST", "/workflows", {"workflows": [own]})
    texts.app = "park"
    rename(texts, "/models/ids", "finder", "seeker")
    assert workers(texts, "first") == {("user", me), ("model", "seeker")}
    for path in ("/workflows/hunt", "/v2/users/me/apps/other/workflows/far"):
        model = texts("GET", path)["workflow"]["nodes"][0]["model"]
        assert (model["id"], model["name"], model["app_id"]) == ("seeker", "seeker", "park")
    versions = texts("GET", "/workflows/hunt/versions")["workflow_versions"]
    assert versions[0]["nodes"][0]["model"]["id"] == "seeker"
    near = texts("GET", "/v2/users/me/apps/other/workflows/near")["workflow"]
    assert (near["nodes"][0]["model"]["id"], near["nodes"][0]["model"]["app_id"]) == (
        "finder",
        "other",
    )
    add_text(texts, "second")
    assert workers(texts, "second") == {("user", me), ("model", "seeker")}


def test_a_name_of_its_own_is_kept(texts: Api) -> None:
    body = {"models": [{"id": "finder", "name": "Dog finder"}], "action": "merge"}
    texts("PATCH", "/models", body)
    renamed = rename(texts, "/models/ids", "finder", "seeker")["models"][0]
    assert (renamed["id"], renamed["name"]) == ("seeker", "Dog finder")


def test_a_workflow_stays_the_default_one(texts: Api) -> None:
    renamed = rename(texts, "/workflows/ids", "hunt", "chase")["workflows"][0]
    assert (renamed["id"], renamed["version"]["workflow_id"]) == ("chase", "chase")
    assert texts.refused("GET", "/workflows/hunt")[:2] == (404, 11101)
    app = texts("GET", "")["app"]
    assert (app["default_workflow_id"], app["default_workflow"]["id"]) == ("chase", "chase")
    versions = texts("GET", "/workflows/chase/versions")["workflow_versions"]
    assert [version["workflow_id"] for version in versions] == ["chase"]
    add_text(texts, "second")
    assert len(annotations(texts, "second")) == len(annotations(texts, "first"))


def test_an_app_takes_everything_along(texts: Api) -> None:
    texts.concepts("cat")
    relation = {"object_concept": {"id": "cat"}, "predicate": "hyponym"}
    texts("POST", "/concepts/dog/relations", {"concept_relations": [relation]})
    rename(texts, "/v2/users/me/apps/ids", "park", "garden")
    texts.app = "garden"
    found = texts("GET", "/concepts/relations")["concept_relations"][0]
    assert {found[end]["app_id"] for end in ("subject_concept", "object_concept")} == {"garden"}
    assert {
        item["model"]["app_id"] for item in texts("GET", "/workflows/hunt")["workflow"]["nodes"]
    } == {"garden"}
    add_text(texts, "second")
    assert len(annotations(texts, "second")) == len(annotations(texts, "first"))
    assert {
        concept["app_id"]
        for item in annotations(texts, "first")
        for concept in item["data"]["concepts"]
    } == {"garden"}


@pytest.mark.parametrize(
    ("path", "old", "new", "http", "code"),
    [
        ("/models/ids", "nobody", "x", 404, 11101),
        ("/models/ids", "finder", "a.b", 400, 11102),
        ("/models/ids", "finder", "writer", 400, 40010),
        ("/models/ids", "general-image-recognition", "mine", 404, 11101),
        ("/workflows/ids", "nobody", "x", 404, 11101),
        ("/workflows/ids", "hunt", "", 400, 11102),
        ("/workflows/ids", "General", "mine", 404, 11101),
        ("/v2/users/me/apps/ids", "nobody", "x", 404, 11101),
        ("/v2/users/me/apps/ids", "park", "park", 400, 40010),
    ],
)
def test_renames_that_are_refused(
    texts: Api, path: str, old: str, new: str, http: int, code: int
) -> None:
    body: Any = {"ids": [{"id": old, "new_id": new}], "action": "overwrite"}
    assert texts.refused("PATCH", path, body)[:2] == (http, code)
    assert texts.refused("PATCH", path, {**body, "action": "merge"})[:2] == (400, 11102)
