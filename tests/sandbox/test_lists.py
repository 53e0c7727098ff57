"""Filters, orders and searches of lists: apps, models, workflows (the contract's list requests)."""

from __future__ import annotations

from typing import Any

import pytest
from clarifai_grpc.grpc.api import resources_pb2

from reconciler.sandbox.store import Store
from reconciler.sandbox.transaction import Key, Scope
from tests.sandbox.driving import Api, node, threshold_version

PUBLIC = "/v2/users/clarifai/apps/main"


def ids(listed: list[Any]) -> list[str]:
    return [item["id"] for item in listed]


@pytest.fixture
def apps(api: Api) -> Api:
    for app in (
        {"id": "b-garden", "name": "Zoo", "description": "roses and a pond", "notes": "quiet"},
        {"id": "a-garden", "name": "Alley", "is_template": True, "visibility": {"gettable": 50}},
    ):
        api("POST", "/v2/users/me/apps", {"apps": [app]})
    return api


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["a-garden", "b-garden", "park"]),
        ({"sort_ascending": True}, ["park", "b-garden", "a-garden"]),
        ({"sort_by_id": True, "sort_ascending": "true"}, ["a-garden", "b-garden", "park"]),
        ({"sort_by_name": True, "sort_ascending": True}, ["a-garden", "park", "b-garden"]),
        ({"sort_by_created_at": True}, ["a-garden", "b-garden", "park"]),
        ({"id": "*garden"}, ["a-garden", "b-garden"]),
        ({"id": "garden"}, []),
        ({"id": "PARK"}, ["park"]),
        ({"name": "zo*"}, ["b-garden"]),
        ({"name": "quiet"}, ["b-garden"]),
        ({"query": "pond roses"}, ["b-garden"]),
        ({"query": "pond -roses"}, []),
        ({"query": "pond OR alley"}, ["a-garden", "b-garden"]),
        ({"query": "pon"}, []),
        ({"search": "pon"}, ["b-garden"]),
        ({"search": "rose"}, ["b-garden"]),
        ({"search": "gard", "sort_by_relevance": True}, ["a-garden", "b-garden"]),
        ({"template_only": True}, ["a-garden"]),
        ({"visibility.gettable": "PUBLIC"}, ["a-garden"]),
        ({"starred_only": True}, []),
        ({"featured_only": True}, []),
        ({"search": "gard", "per_page": 1, "page": 2}, ["b-garden"]),
    ],
)
def test_apps_can_be_filtered_and_sorted(apps: Api, query: Any, found: list[str]) -> None:
    assert ids(apps("GET", "/v2/users/me/apps", **query)["apps"]) == found


@pytest.mark.parametrize(
    ("name", "found"),
    [("", ["a-garden", "b-garden", "park"]), ("b-*", ["b-garden"]), ("alley", ["a-garden"])],
)
def test_apps_can_be_searched(apps: Api, name: str, found: list[str]) -> None:
    body = {"app_query": {"name": name}}
    assert ids(apps("POST", "/v2/users/me/apps/searches", body)["apps"]) == found


@pytest.fixture
def models(api: Api) -> Api:
    """Three models, in this order: a writer, an untrained classifier, a thresholder with a licence."""
    api.writer("write-all", 24150)
    api(
        "POST",
        "/models",
        {"model": {"id": "sky", "name": "Weather", "description": "clouds, rain"}},
    )
    api("POST", "/models", {"model": {"id": "above", "model_type_id": "concept-threshold"}})
    api.version("above", {**threshold_version(1, a=0.5), "license": "MIT"})
    tags = {"id": "sky", "toolkits": ["SDK"], "use_cases": ["farm"], "languages": ["en"]}
    body = {"models": [{**tags, "notes": "for farmers", "creator": "me"}], "action": "merge"}
    api("PATCH", "/models", body)
    return api


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["sky", "above", "write-all"]),
        ({"sort_by_name": True, "sort_ascending": True}, ["above", "sky", "write-all"]),
        ({"sort_by_name": True}, ["write-all", "sky", "above"]),
        ({"sort_by_created_at": True}, ["above", "sky", "write-all"]),
        ({"sort_by_num_inputs": True, "sort_ascending": True}, ["write-all", "sky", "above"]),
        ({"name": "wr*"}, ["write-all"]),
        ({"name": "rain"}, ["sky"]),
        ({"name": "writ"}, []),
        ({"query": "clouds"}, ["sky"]),
        ({"query": "cloud"}, []),
        ({"search": "farm"}, ["sky"]),
        ({"search": "write"}, ["write-all"]),
        ({"license": "MIT"}, ["above"]),
        ({"toolkits": ["SDK", "other"]}, ["sky"]),
        ({"use_cases": "park"}, []),
        ({"languages": "en"}, ["sky"]),
        ({"creator": "me"}, ["sky"]),
        ({"trained_only": True}, ["above", "write-all"]),
        ({"bookmark": True}, []),
        ({"min_replicas": 1}, []),
        ({"model_type_id": "annotation-writer", "name": "sky"}, []),
    ],
)
def test_models_can_be_filtered_and_sorted(models: Api, query: Any, found: list[str]) -> None:
    assert ids(models("GET", "/models", **query)["models"]) == found
    assert ids(models("GET", "/v2/users/me/models", **query)["models"]) == found


def test_the_owner_may_count_as_part_of_a_models_name(models: Api) -> None:
    owner = models.sandbox.user_id
    assert models("GET", "/models", name=owner)["models"] == []
    found = models("GET", "/models", name=owner, filter_by_user_id="True")["models"]
    assert len(found) == 3


def test_versions_are_counted_where_that_is_asked_for(models: Api) -> None:
    counted = models("GET", "/models", additional_fields="counts")["models"]
    assert [model.get("version_count") for model in counted] == [None, 1, 1]
    assert not any("version_count" in model for model in models("GET", "/models")["models"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"name": "*general*"}, 3),
        ({"name": "general-image-*"}, 2),
        ({"name": "general"}, 0),
        ({"name": "*general*", "model_type_id": "clusterer"}, 1),
    ],
)
def test_public_models_are_searched_by_name(api: Api, query: Any, found: int) -> None:
    listed = api("POST", f"{PUBLIC}/models/searches", {"model_query": query})["models"]
    assert len(listed) == found
    assert all("general" in model["name"] for model in listed)


def test_a_model_search_has_pages(models: Api) -> None:
    body = {"model_query": {}, "pagination": {"page": 2, "per_page": 2}}
    assert ids(models("POST", "/models/searches", body)["models"]) == ["write-all"]


@pytest.fixture
def workflows(api: Api) -> Api:
    nodes = [node("general", "general-image-recognition", public=True)]
    for graph in (
        {"id": "food", "description": "what is on the plate", "notes": "lunch"},
        {"id": "general-food", "visibility": {"gettable": 50}},
    ):
        api("POST", "/workflows", {"workflows": [{**graph, "nodes": nodes}]})
    return api


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"sort_by_id": True, "sort_ascending": True}, ["food", "general-food", "Universal"]),
        ({"id": "gen*"}, ["general-food"]),
        ({"id": "food"}, ["food"]),
        ({"query": "plate"}, ["food"]),
        ({"query": "plates"}, []),
        ({"search_term": "pla"}, ["food"]),
        ({"search_term": "sandbox"}, ["general-food", "food"]),
        ({"search": "plates"}, ["food"]),
        ({"search": "sandbox"}, []),
        ({"search": "food", "sort_by_relevance": True}, ["general-food", "food"]),
        ({"visibility.gettable": "50"}, ["general-food"]),
        ({"starred_only": True}, []),
    ],
)
def test_workflows_can_be_filtered_and_sorted(workflows: Api, query: Any, found: list[str]) -> None:
    assert ids(workflows("GET", "/workflows", **query)["workflows"]) == found


@pytest.mark.parametrize("path", ["/models", "/workflows", "/v2/users/me/apps"])
def test_what_cannot_be_combined_is_refused(api: Api, path: str) -> None:
    refused = api.refused("GET", path, sort_by_relevance="True")
    assert refused == (
        400,
        11102,
        "sort_by_relevance needs a search: without one nothing is relevant",
    )
    if path == "/models":
        both = api.refused("GET", path, trained_only="True", bookmark="True")
        assert both[:2] == (400, 11102)


def test_a_list_of_very_many_models_can_be_filtered() -> None:
    store = Store(None)
    scope = Scope("u", "a")
    names = [f"m{number}" for number in range(40_000)]
    try:
        with store.write() as tx:
            for name in ("m0", "m39999"):
                version = resources_pb2.ModelVersion(id=f"version-of-{name}")
                tx.insert(Key("model_version", *scope, name, version.id), version, at=1)
        with store.read() as tx:
            found = tx.newest_children("model_version", scope, names)
    finally:
        store.close()
    assert {name: row.id for name, row in found.items()} == {
        "m0": "version-of-m0",
        "m39999": "version-of-m39999",
    }
