"""Annotations (fact sheet, section 12): what people, writers and models say of inputs."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.behaviour import Behaviour
from tests.sandbox.driving import Api, png

DOG = "https://pictures.example/dog.jpeg"
SCORES = f"""
source: a test
images:
  - url: {DOG}
    concepts: {{ai_8S2Vq3cR: 0.99, ai_mFqxrph2: 0.25}}
"""
RECOGNITION = "aa7f35c01e0642fda5cf400f543e7c40"


def text(id_: str) -> Any:
    return {"id": id_, "data": {"text": {"raw": "hello"}}}


def add(api: Api, *inputs: Any) -> None:
    api("POST", "/inputs", {"inputs": list(inputs)})
    api.sandbox.wait_idle()


def written(api: Api, **query: Any) -> list[Any]:
    found = api("GET", "/annotations", per_page=1000, **query)["annotations"]
    return [item for item in found if not item.get("input_level")]


def annotate(api: Api, input_id: str, concept: str, **fields: Any) -> Any:
    annotation = {"input_id": input_id, "data": {"concepts": [{"id": concept}]}, **fields}
    return api("POST", "/annotations", {"annotations": [annotation]})["annotations"][0]


@pytest.fixture
def annotated(api: Api) -> dict[str, str]:
    add(api, text("i1"), text("i2"))
    return {
        "a": annotate(api, "i1", "cat", status={"code": "ANNOTATION_PENDING"})["id"],
        "b": annotate(api, "i1", "dog", user_id="ann", task_id="t1")["id"],
        "c": annotate(api, "i2", "cat", user_id="bob")["id"],
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "abc"),
        ({"input_ids": "i1"}, "ab"),
        ({"input_ids": ["i1", "i2"]}, "abc"),
        ({"user_ids": ["ann", "bob"]}, "bc"),
        ({"user_ids": "nobody"}, ""),
        ({"statuses": "24151"}, "a"),
        ({"statuses": "ANNOTATION_SUCCESS"}, "bc"),
        ({"statuses.code": "24150", "input_ids": "i2"}, "c"),
        ({"task_id": "t1"}, "b"),
        ({"list_all_annotations": "True"}, "abc"),
        ({"workflow_version_ids": "x"}, ""),
        ({"workflow_version_ids": "x", "user_ids": "ann"}, "b"),
        ({"user_ids": "me"}, "a"),
        ({"statuses[].code": "ANNOTATION_PENDING"}, "a"),
        ({"statuses": ["24150", "24151"]}, "abc"),
        ({"statuses[0].code": "24151"}, "a"),
        ({"statuses[0].code": "24151", "statuses[1].code": "24150", "input_ids[0]": "i1"}, "ab"),
        ({"statuses.code": ["ANNOTATION_SUCCESS", "24151"]}, "abc"),
        ({"statuses": "24152"}, ""),
        ({"user_ids": "ann", "statuses": "24151"}, ""),
        ({"task_id": "t1", "user_ids": "bob"}, ""),
        ({"model_version_ids": "x", "user_ids": ["ann", "bob"]}, "bc"),
    ],
)
def test_annotation_filters(api: Api, annotated: dict[str, str], query: Any, found: str) -> None:
    names = {id_: name for name, id_ in annotated.items()}
    assert "".join(names[item["id"]] for item in written(api, **query)) == found


def test_ids_with_input_ids_are_pairs(api: Api, annotated: dict[str, str]) -> None:
    pairs = {"ids": [annotated["a"], annotated["c"]], "input_ids": ["i1", "i1"]}
    assert [item["id"] for item in written(api, **pairs)] == [annotated["a"]]
    wrong = {"ids": [annotated["a"], annotated["c"]], "input_ids": ["i2", "i1"]}
    assert api.refused("DELETE", "/annotations", wrong)[:2] == (404, 11101)
    right = {"ids": [annotated["a"], annotated["c"]], "input_ids": ["i1", "i2"]}
    api("DELETE", "/inputs/annotations", right)
    assert [item["id"] for item in written(api)] == [annotated["b"]]


def test_input_ids_alone_delete_all_but_the_labels(api: Api, annotated: dict[str, str]) -> None:
    api("DELETE", "/annotations", {"input_ids": ["i1"]})
    assert [item["id"] for item in written(api)] == [annotated["c"]]
    assert len(api("GET", "/annotations")["annotations"]) == 3


def test_annotations_come_oldest_first_twenty_a_page(api: Api) -> None:
    add(api, text("i1"))
    made = [annotate(api, "i1", f"c{number}")["id"] for number in range(25)]
    first = api("GET", "/annotations")["annotations"]
    assert len(first) == 20
    assert [item["id"] for item in written(api)] == made
    api.sandbox.switch(annotations_newest_first=True)
    assert [item["id"] for item in written(api)] == made[::-1]


def test_an_annotation_is_patched(api: Api, annotated: dict[str, str]) -> None:
    def patch(action: str, **fields: Any) -> Any:
        item = {"id": annotated["a"], "input_id": "i1", **fields}
        body = {"annotations": [item], "action": action}
        return api("PATCH", "/annotations", body)["annotations"][0]

    changed = patch("merge", data={"concepts": [{"id": "new"}]}, status={"code": 24150})
    assert [c["id"] for c in changed["data"]["concepts"]] == ["cat", "new"]
    assert changed["status"]["code"] == 24150
    assert [
        c["id"] for c in patch("remove", data={"concepts": [{"id": "cat"}]})["data"]["concepts"]
    ] == ["new"]
    assert [
        c["id"] for c in patch("overwrite", data={"concepts": [{"id": "z"}]})["data"]["concepts"]
    ] == ["z"]
    assert len(written(api, statuses="24150")) == 3


@pytest.mark.parametrize(
    ("annotation", "http", "code"),
    [
        ({"input_id": "nobody", "data": {}}, 404, 11101),
        ({"data": {}}, 400, 24155),
        ({"input_id": "i1", "status": {"code": 10000}}, 400, 24155),
        ({"input_id": "i1", "status": {"code": 24155}}, 400, 24155),
        ({"input_id": "i1", "data": {"regions": [{}, {}]}}, 400, 24155),
        ({"input_id": "i1", "user_id": "ann", "worker": {"user": {"id": "bob"}}}, 400, 24155),
        ({"input_id": "i1", "worker": {"model": {"id": "m"}}}, 400, 24156),
        ({"input_id": "i1", "model_version_id": "v"}, 400, 24156),
        ({"input_id": "i1", "id": "a.b"}, 400, 11102),
        ({"input_id": "i1", "data": {"concepts": [{"id": "x", "app_id": "main"}]}}, 400, 24155),
    ],
)
def test_annotations_that_are_refused(api: Api, annotation: Any, http: int, code: int) -> None:
    add(api, text("i1"))
    body = {"annotations": [annotation]}
    assert api.refused("POST", "/annotations", body)[:2] == (http, code)
    assert written(api) == []


def test_workers_are_listed(api: Api, annotated: dict[str, str]) -> None:
    workers = api("GET", "/annotations/workers")["workers"]
    assert {worker["user"]["id"] for worker in workers} == {api.sandbox.user_id, "ann", "bob"}


def test_the_first_page_may_also_have_128(start: Callable[..., Api]) -> None:
    api = start(behaviour=Behaviour(annotations_per_page=128))
    add(api, *(text(f"i{number}") for number in range(25)))
    assert len(api("GET", "/annotations")["annotations"]) == 25


@pytest.mark.parametrize(
    ("fields", "author"),
    [
        ({}, "sandbox-user"),
        ({"user_id": "me"}, "sandbox-user"),
        ({"user_id": "ann"}, "ann"),
        ({"worker": {"user": {"id": "ann"}}}, "ann"),
        ({"worker": {"user": {"id": "ann"}}, "user_id": "ann"}, "ann"),
    ],
    ids=str,
)
def test_the_owner_may_write_for_somebody_else(api: Api, fields: Any, author: str) -> None:
    add(api, text("i1"))
    made = annotate(api, "i1", "cat", **fields)
    assert (made["user_id"], made["worker"]) == (author, {"user": {"id": author}})


def box(concept: str, top: float = 0.1, **more: Any) -> Any:
    corners = {"top_row": top, "left_col": 0.1, "bottom_row": 0.9, "right_col": 0.5}
    data = {"concepts": [{"id": concept}]}
    return {"region_info": {"bounding_box": corners}, "data": data, **more}


def test_a_region_has_an_id_and_concepts_that_the_app_knows(api: Api) -> None:
    add(api, text("i1"))
    body = {"annotations": [{"input_id": "i1", "data": {"regions": [box("cat")]}}]}
    made = api("POST", "/annotations", body)["annotations"][0]
    (region,) = made["data"]["regions"]
    assert len(region["id"]) == 32
    assert region["data"]["concepts"][0]["app_id"] == "park"
    assert api("GET", "/concepts/cat")["concept"]["name"] == "cat"
    more = {"id": made["id"], "input_id": "i1", "data": {"regions": [box("dog")]}}
    second = {**more, "data": {"regions": [box("dog", id="another")]}}
    body = {"annotations": [second], "action": "merge"}
    assert api.refused("PATCH", "/annotations", body)[:2] == (400, 24155)
    same = {**more, "data": {"regions": [box("dog", id=region["id"])]}}
    merged = api("PATCH", "/annotations", {"annotations": [same], "action": "merge"})
    (region,) = merged["annotations"][0]["data"]["regions"]
    assert [concept["id"] for concept in region["data"]["concepts"]] == ["cat", "dog"]
    assert [concept["app_id"] for concept in region["data"]["concepts"]] == ["park", "park"]


@pytest.mark.parametrize(
    ("action", "seen"),
    [("merge", [("same", 0.5, ["cat", "dog"])]), ("overwrite", [("same", 0.5, ["dog"])]), ("remove", [])],
)  # fmt: skip
def test_a_region_without_an_id_is_the_one_that_there_is(api: Api, action: str, seen: Any) -> None:
    """The SDK's examples move a box, and remove it, by sending it without an id."""
    add(api, text("i1"))
    body = {"annotations": [{"input_id": "i1", "data": {"regions": [box("cat")]}}]}
    made = api("POST", "/annotations", body)["annotations"][0]
    more = {"id": made["id"], "input_id": "i1", "data": {"regions": [box("dog", top=0.5)]}}
    api("PATCH", "/annotations", {"annotations": [more], "action": action})
    (found,) = [item for item in written(api) if item["id"] == made["id"]]
    own = made["data"]["regions"][0]["id"]
    assert [
        (
            "same" if region["id"] == own else "other",
            region["region_info"]["bounding_box"]["top_row"],
            [concept["id"] for concept in region["data"]["concepts"]],
        )
        for region in found["data"].get("regions", [])
    ] == seen


@pytest.mark.parametrize(
    ("action", "flag", "left"),
    [("remove", True, 0), ("remove", False, 1), ("merge", True, 1), ("overwrite", True, 1)],
)
def test_an_emptied_annotation_goes_if_the_request_says_so(
    api: Api, action: str, flag: bool, left: int
) -> None:
    add(api, text("i1"))
    made = annotate(api, "i1", "cat")
    item = {"id": made["id"], "input_id": "i1", "data": {"concepts": [{"id": "cat"}]}}
    body = {"annotations": [item], "action": action, "delete_if_empty_data": flag}
    api("PATCH", "/annotations", body)
    assert len(written(api)) == left


def test_the_input_level_annotation_stays_though_it_is_empty(api: Api) -> None:
    add(api, {"id": "i1", "data": {"text": {"raw": "x"}, "concepts": [{"id": "cat"}]}})
    own = api("GET", "/annotations")["annotations"][0]
    item = {"id": own["id"], "input_id": "i1", "data": {"concepts": [{"id": "cat"}]}}
    body = {"annotations": [item], "action": "remove", "delete_if_empty_data": True}
    api("PATCH", "/annotations", body)
    assert len(api("GET", "/annotations")["annotations"]) == 1
    assert "concepts" not in api("GET", "/inputs/i1")["input"]["data"]


def test_the_labels_of_an_input_can_be_patched_in_its_own_annotation(api: Api) -> None:
    add(api, text("i1"))
    own = api("GET", "/annotations")["annotations"][0]
    item = {"id": own["id"], "input_id": "i1", "data": {"concepts": [{"id": "cat"}]}}
    api("PATCH", "/annotations", {"annotations": [item], "action": "merge"})
    data = api("GET", "/inputs/i1")["input"]["data"]
    assert [concept["id"] for concept in data["concepts"]] == ["cat"]
    assert data["text"]["raw"] == "hello"


def test_the_status_of_a_task_is_set_at_once(api: Api, annotated: dict[str, str]) -> None:
    annotate(api, "i2", "cat", user_id="bob", task_id="t1", status={"code": 24157})
    path = "/task/t1/annotations/status"
    body = {"action": "overwrite", "status_code": 24158, "status_codes": [24150, 24151]}
    done = api("PATCH", path, body)
    assert (done["updated_count"], done["user_ids"]) == (1, ["ann"])
    assert [item["id"] for item in written(api, statuses="24158")] == [annotated["b"]]
    body = {"action": "overwrite", "status_code": "ANNOTATION_SUCCESS", "user_ids": ["bob"]}
    assert api("PATCH", path, body)["user_ids"] == ["bob"]
    assert api.refused("PATCH", path, {"action": "overwrite"})[:2] == (400, 24155)
    assert api.refused("PATCH", path, {"action": "merge", "status_code": 24150})[:2] == (400, 11102)


# --- what models say ------------------------------------------------------------------------


@pytest.fixture
def predicted(start: Callable[..., Api], tmp_path: Path) -> Api:
    """An app whose default workflow recognises; ``d`` is scripted as a dog, ``p`` is just bytes."""
    path = tmp_path / "scores.yaml"
    path.write_text(SCORES)
    api = start(scores=path)
    api("PATCH", "", {"app": {"default_workflow_id": "General"}, "action": "overwrite"})
    bytes_ = {"image": {"base64": base64.b64encode(png(3)).decode()}}
    add(api, {"id": "d", "data": {"image": {"url": DOG}}}, {"id": "p", "data": bytes_})
    return api


def test_a_scripted_url_is_not_fetched(predicted: Api) -> None:
    assert predicted("GET", "/inputs/d")["input"]["status"]["code"] == 30000


def test_predictions_are_listed_to_those_who_ask_for_them(predicted: Api) -> None:
    assert written(predicted) == []
    listed = written(predicted, list_all_annotations="True", input_ids="d")
    assert all("data" not in item and "trusted" not in item for item in listed)
    (made,) = written(predicted, model_version_ids=RECOGNITION, return_model_output="true")
    assert made["input_id"] == "d"
    assert made["worker"]["model"]["id"] == "general-image-recognition"
    assert made["worker"]["model"]["model_version"]["id"] == RECOGNITION
    scores = {concept["name"]: concept["value"] for concept in made["data"]["concepts"]}
    assert scores == {"dog": 0.99, "cat": 0.25}


def test_a_prediction_cannot_be_patched_and_teaches_nobody(predicted: Api) -> None:
    (made,) = written(predicted, model_version_ids=RECOGNITION)
    found = predicted("GET", f"/inputs/d/annotations/{made['id']}")["annotation"]
    assert found["data"]["concepts"][0]["name"] == "dog"
    item = {"id": made["id"], "input_id": "d", "data": {"concepts": [{"id": "cat"}]}}
    body = {"annotations": [item], "action": "merge"}
    assert predicted.refused("PATCH", "/annotations", body)[:2] == (400, 24156)


def test_models_are_workers_but_not_trusted_ones(predicted: Api) -> None:
    workers = predicted("GET", "/annotations/workers")["workers"]
    models = [worker["model"]["id"] for worker in workers if "model" in worker]
    assert sorted(models) == ["general-clusterering", "general-image-recognition"]
    trusted = predicted("GET", "/annotations/workers", trusted_only="True")["workers"]
    assert trusted == [{"user": {"id": "sandbox-user"}}]


def test_a_second_run_replaces_what_the_first_one_predicted(predicted: Api) -> None:
    app = {"default_workflow_id": "Universal"}
    predicted("PATCH", "", {"app": app, "action": "overwrite", "reindex": True})
    predicted.sandbox.wait_idle()
    assert written(predicted, model_version_ids=RECOGNITION) == []
    predicted("DELETE", "/inputs/p")
    listed = written(predicted, list_all_annotations="True")
    assert "p" not in {item["input_id"] for item in listed}


def test_annotations_of_an_input_go_with_all_that_models_said(predicted: Api) -> None:
    predicted("DELETE", "/annotations", {"input_ids": ["d"]})
    assert written(predicted, list_all_annotations="True", input_ids="d") == []
    assert len(predicted("GET", "/annotations", input_ids="d")["annotations"]) == 1
