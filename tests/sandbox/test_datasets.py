"""Datasets: what they are told, which inputs they hold, and what a version holds from then on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.driving import Api


def text(id_: str, *datasets: str) -> Any:
    return {"id": id_, "dataset_ids": list(datasets), "data": {"text": {"raw": "hello"}}}


@pytest.fixture
def filled(api: Api) -> Api:
    """The dataset ``full`` with ``a`` and ``b``, the dataset ``bare``, and an input of neither."""
    api("POST", "/datasets", {"datasets": [{"id": "full"}, {"id": "bare"}]})
    inputs = [text("a", "full"), text("b", "full"), text("c")]
    api("POST", "/inputs", {"inputs": inputs})
    api.sandbox.wait_idle()
    return api


def held(api: Api, dataset: str) -> list[str]:
    found = api("GET", f"/datasets/{dataset}/inputs")["dataset_inputs"]
    return sorted(item["input"]["id"] for item in found)


def made(api: Api, dataset: str, **fields: Any) -> Any:
    body = {"dataset_versions": [fields]}
    return api("POST", f"/datasets/{dataset}/versions", body)["dataset_versions"][0]


def test_a_dataset_keeps_what_it_was_told(api: Api) -> None:
    sent = {"id": "d", "description": "pictures", "notes": "n", "metadata": {"k": 1}}
    posted = api("POST", "/datasets", {"datasets": [sent]})["datasets"][0]
    found = api("GET", "/datasets/d")["dataset"]
    assert {key: found[key] for key in sent} == sent
    assert (found["app_id"], found["user_id"]) == ("park", "sandbox-user")
    assert found["visibility"] == {"gettable": 10}
    assert posted["id"] == "d"
    assert len(api("POST", "/datasets", {"datasets": [{}]})["datasets"][0]["id"]) == 32


def test_a_second_dataset_of_the_same_id_is_refused_with_its_batch(api: Api) -> None:
    api("POST", "/datasets", {"datasets": [{"id": "d"}]})
    body = {"datasets": [{"id": "other"}, {"id": "d"}]}
    assert api.refused("POST", "/datasets", body) == (
        400,
        40010,
        "duplicate dataset: 'd' already exists",
    )
    assert [item["id"] for item in api("GET", "/datasets")["datasets"]] == ["d"]


@pytest.mark.parametrize(
    ("action", "sent", "left"),
    [
        ("merge", {"metadata": {"b": 2}}, {"description": "old", "metadata": {"a": 1, "b": 2}}),
        ("overwrite", {"metadata": {"b": 2}}, {"description": "old", "metadata": {"b": 2}}),
        ("merge", {"description": "new"}, {"description": "new", "metadata": {"a": 1}}),
        ("remove", {"metadata": {"a": True}}, {"description": "old", "metadata": {}}),
    ],
)
def test_a_patch_does_what_its_action_says(api: Api, action: str, sent: Any, left: Any) -> None:
    body = {"id": "d", "description": "old", "metadata": {"a": 1}}
    api("POST", "/datasets", {"datasets": [body]})
    changed = api("PATCH", "/datasets", {"datasets": [{"id": "d", **sent}], "action": action})
    assert changed["datasets"] == [api("GET", "/datasets/d")["dataset"]]
    found = changed["datasets"][0]
    assert {key: found[key] for key in left} == left


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["cats", "dogs"]),
        ({"sort_by_id": True, "sort_ascending": True}, ["cats", "dogs"]),
        ({"sort_by_created_at": True, "sort_ascending": True}, ["dogs", "cats"]),
        ({"id": "do*"}, ["dogs"]),
        ({"search": "purring"}, ["cats"]),
        ({"page": 2, "per_page": 1}, ["dogs"]),
        ({"starred_only": True}, []),
    ],
)
def test_lists_filter_and_sort(api: Api, query: Any, found: list[str]) -> None:
    datasets = [{"id": "dogs"}, {"id": "cats", "description": "all purring"}]
    api("POST", "/datasets", {"datasets": datasets})
    assert [item["id"] for item in api("GET", "/datasets", **query)["datasets"]] == found


def test_an_input_comes_with_its_datasets(filled: Api) -> None:
    assert (held(filled, "full"), held(filled, "bare")) == (["a", "b"], [])
    assert filled("GET", "/inputs/a")["input"]["dataset_ids"] == ["full"]
    one = filled("GET", "/datasets/full/inputs/a")["dataset_input"]
    assert one["input"] == filled("GET", "/inputs/a")["input"]
    assert filled.refused("GET", "/datasets/full/inputs/c")[1] == 11101


def test_an_input_for_a_dataset_that_there_is_not_is_refused_alone(filled: Api) -> None:
    body = {"inputs": [text("d", "full"), text("e", "nobody")]}
    answer = filled.raw("POST", "/inputs", json=body)
    assert (answer.status_code, answer.json()["status"]["code"]) == (207, 10010)
    assert answer.json()["inputs"][1]["status"]["details"].startswith("dataset_id 'nobody' not ")
    assert held(filled, "full") == ["a", "b", "d"]
    assert filled.refused("GET", "/inputs/e")[1] == 11101


def test_inputs_are_put_in_and_taken_out(filled: Api) -> None:
    body = {"dataset_inputs": [{"input": {"id": id_}} for id_ in ("a", "c")]}
    added = filled("POST", "/datasets/bare/inputs", body)["dataset_inputs"]
    assert [item["input"]["id"] for item in added] == ["a", "c"]
    assert filled("GET", "/inputs/a")["input"]["dataset_ids"] == ["full", "bare"]
    again = {"dataset_inputs": [{"input": {"id": "b"}}, {"input": {"id": "c"}}]}
    assert filled.refused("POST", "/datasets/bare/inputs", again) == (
        400,
        64101,
        "input 'c' already exists in dataset 'bare'",
    )
    assert held(filled, "bare") == ["a", "c"]
    filled("DELETE", "/datasets/bare/inputs", {"input_ids": ["a"]})
    assert held(filled, "bare") == ["c"]
    assert filled("GET", "/inputs/a")["input"]["dataset_ids"] == ["full"]
    gone = {"input_ids": ["c", "a"]}
    assert filled.refused("DELETE", "/datasets/bare/inputs", gone)[1] == 11101
    assert held(filled, "bare") == ["c"]


def test_a_whole_dataset_is_merged_into_another(filled: Api) -> None:
    wanted = {"search": {"query": {"filters": [{"input": {"dataset_ids": ["full"]}}]}}}
    filled("POST", "/datasets/bare/inputs", wanted)
    filled("POST", "/datasets/bare/inputs", wanted)
    assert held(filled, "bare") == ["a", "b"]
    narrower = {"search": {"query": {"filters": [{"input": {"id": "a"}}]}}}
    assert filled.refused("POST", "/datasets/bare/inputs", narrower)[:2] == (501, 10040)


def test_a_deleted_input_leaves_every_dataset(filled: Api) -> None:
    filled("DELETE", "/inputs/a")
    assert held(filled, "full") == ["b"]


def test_a_deleted_dataset_leaves_its_inputs(filled: Api) -> None:
    version = made(filled, "full")["id"]
    filled("DELETE", "/datasets", {"dataset_ids": ["full"]})
    assert [item["id"] for item in filled("GET", "/datasets")["datasets"]] == ["bare"]
    assert len(filled("GET", "/inputs")["inputs"]) == 3
    assert "dataset_ids" not in filled("GET", "/inputs/a")["input"]
    assert filled.refused("GET", f"/datasets/full/versions/{version}")[1] == 11101
    filled("POST", "/datasets", {"datasets": [{"id": "full"}]})
    assert held(filled, "full") == []
    assert filled("GET", "/datasets/full/versions")["dataset_versions"] == []


def test_versions_are_listed_patched_and_deleted(filled: Api) -> None:
    first = made(filled, "full", description="first")
    second = made(filled, "full", id="chosen", metadata={"k": 1})
    assert (first["dataset_id"], first["status"]["code"]) == ("full", 64015)
    listed = filled("GET", "/datasets/full/versions")["dataset_versions"]
    assert [item["id"] for item in listed] == [second["id"], first["id"]]
    body = {"dataset_versions": [{"id": "chosen", "description": "new"}], "action": "merge"}
    changed = filled("PATCH", "/datasets/full/versions", body)["dataset_versions"][0]
    assert (changed["description"], changed["metadata"]) == ("new", {"k": 1})
    assert filled("GET", "/datasets/full/versions/chosen")["dataset_version"] == changed
    filled("DELETE", "/datasets/full/versions", {"dataset_version_ids": [first["id"]]})
    left = filled("GET", "/datasets/full/versions")["dataset_versions"]
    assert [item["id"] for item in left] == ["chosen"]
    taken = {"dataset_versions": [{"id": "chosen"}]}
    assert filled.refused("POST", "/datasets/bare/versions", taken) == (
        400,
        40010,
        "duplicate dataset version: 'chosen' already exists",
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/datasets", {"datasets": [{"id": "d", "default_annotation_filter": {"id": "f"}}]}),
        (
            "/datasets/full/versions",
            {"dataset_versions": [{"annotation_filter_config": {"ignore_empty_inputs": True}}]},
        ),
        ("/datasets/full/versions", {"dataset_versions": [{"model_predict_config": {}}]}),
    ],
)
def test_what_is_not_there_says_so(filled: Api, path: str, body: Any) -> None:
    assert filled.refused("POST", path, body)[:2] == (501, 10040)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/datasets/x", None),
        ("GET", "/datasets/x/inputs", None),
        ("POST", "/datasets/x/inputs", {"dataset_inputs": [{"input": {"id": "a"}}]}),
        ("POST", "/datasets/full/inputs", {"dataset_inputs": [{"input": {"id": "x"}}]}),
        ("GET", "/datasets/x/versions", None),
        ("GET", "/datasets/full/versions/x", None),
        ("DELETE", "/datasets", {"dataset_ids": ["full", "x"]}),
    ],
)
def test_what_is_absent_is_named(filled: Api, method: str, path: str, body: Any) -> None:
    http, code, details = filled.refused(method, path, body)
    assert (http, code) == (404, 11101)
    assert "'x' not found" in details
    assert filled("GET", "/datasets/full")["dataset"]["id"] == "full"
