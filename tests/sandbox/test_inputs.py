"""Inputs and annotations (fact sheet, sections 11 and 12), and when routing is settled."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.sandbox.behaviour import Behaviour
from tests.sandbox.driving import Api, node, png


def image(shade: int = 1) -> Any:
    return {"image": {"base64": base64.b64encode(png(shade)).decode()}}


def add(api: Api, *inputs: Any, **options: Any) -> Any:
    return api("POST", "/inputs", {"inputs": list(inputs), **options})["inputs"]


def written(api: Api, **query: Any) -> list[Any]:
    found = api("GET", "/annotations", per_page=1000, **query)["annotations"]
    return [item for item in found if not item.get("input_level")]


def writing_workflow(api: Api, id_: str, status: int) -> None:
    """A workflow whose writer notes that an input came by: it writes the media's metadata."""
    regex = {
        "data": {"concepts": [{"id": "seen"}]},
        "params": {"regex": "."},
    }
    matcher = api.model(f"{id_}-match", "regex-based-classifier", {"output_info": regex})
    writer = api.writer(f"{id_}-write", status)
    nodes = [node("m", f"{id_}-match", matcher), node("w", f"{id_}-write", writer, "m")]
    api("POST", "/workflows", {"workflows": [{"id": id_, "nodes": nodes}]})


def switch(api: Api, id_: str, **options: Any) -> None:
    app = {"default_workflow_id": id_}
    api("PATCH", "", {"app": app, "action": "overwrite", **options})


def test_an_input_goes_from_pending_to_processed(start: Callable[..., Api]) -> None:
    api = start()
    api.sandbox.hold()
    made = add(api, {"id": "i1", "data": image()})[0]
    assert made["status"] == {"code": 30001, "description": "Download pending"}
    assert "base64" not in made["data"]["image"]
    assert api("GET", "/inputs/status")["counts"] == {
        "processed": 0,
        "to_process": 1,
        "errors": 0,
        "processing": 0,
        "reindexed": 0,
        "to_reindex": 0,
        "reindex_errors": 0,
        "reindexing": 0,
    }
    api.sandbox.release()
    api.sandbox.wait_idle(60)
    found = api("GET", "/inputs/i1")["input"]
    assert found["status"]["code"] == 30000
    assert found["data"]["image"]["image_info"] == {"width": 16, "height": 16, "format": "PNG"}
    assert api("GET", "/inputs/status")["counts"]["processed"] == 1


@pytest.mark.parametrize(
    ("data", "details"),
    [
        (
            {"image": {"base64": base64.b64encode(b"no image").decode()}},
            "the bytes are no image that can be read: UnidentifiedImageError",
        ),
        (
            {"image": {"url": "http://127.0.0.1:9/x.png"}},
            "INPUT_DOWNLOAD_FAILED: http://127.0.0.1:9/x.png: ",
        ),
        (
            {"image": {"url": "file:///etc/passwd"}},
            "INPUT_DOWNLOAD_FAILED: file:///etc/passwd: only http and https addresses are fetched",
        ),
        ({"video": {"base64": "AAAA"}}, "the sandbox does not process video inputs"),
    ],
)
def test_what_cannot_be_processed_says_why(api: Api, data: Any, details: str) -> None:
    add(api, {"id": "bad", "data": data}, {"id": "good", "data": image()})
    api.sandbox.wait_idle(60)
    status = api("GET", "/inputs/bad")["input"]["status"]
    assert status["code"] == 30002
    assert status["details"].startswith(details)
    assert api("GET", "/inputs/good")["input"]["status"]["code"] == 30000
    assert api("GET", "/inputs/status")["counts"]["errors"] == 1
    listed = api("GET", "/inputs", **{"status.code": "INPUT_DOWNLOAD_FAILED"})["inputs"]
    assert [item["id"] for item in listed] == ["bad"]


@pytest.mark.parametrize(
    ("item", "code", "details"),
    [
        ({"id": "taken", "data": image()}, 30100, "duplicate input: id 'taken' already exists"),
        (
            {"id": "x", "data": {"image": {"url": "http://127.0.0.1:9/taken"}}},
            30100,
            "duplicate input: url 'http://127.0.0.1:9/taken' already exists; allow_duplicate_url lets it in",
        ),
        (
            {"id": "x"},
            30104,
            "an input has one of image, video, audio or text; this one has no medium",
        ),
        ({"id": "x", "data": {"image": {}}}, 30104, "the image has neither a url nor content"),
        (
            {"id": "a.b", "data": image()},
            39999,
            "input id 'a.b' is not an id: 1 to 48 letters and digits, with single '-' or '_' between them",
        ),
    ],
)
def test_an_input_that_is_refused_fails_alone(api: Api, item: Any, code: int, details: str) -> None:
    add(api, {"id": "taken", "data": {"image": {"url": "http://127.0.0.1:9/taken"}}})
    alone = api.raw("POST", "/inputs", json={"inputs": [item]})
    assert (alone.status_code, alone.json()["status"]["code"]) == (400, 10020)
    assert alone.json()["inputs"][0]["status"]["code"] == code
    assert alone.json()["inputs"][0]["status"]["details"] == details
    mixed = api.raw("POST", "/inputs", json={"inputs": [item, {"id": "ok", "data": image()}]})
    assert (mixed.status_code, mixed.json()["status"]["code"]) == (207, 10010)
    assert [made["status"]["code"] for made in mixed.json()["inputs"]] == [code, 30001]
    assert api("GET", "/inputs/ok")["input"]["id"] == "ok"


def test_conflicts_of_ids_can_be_resolved(api: Api) -> None:
    add(api, {"id": "i1", "data": image(1)})
    skipped = add(api, {"id": "i1", "data": image(2)}, input_id_conflict_resolution="SKIP")
    assert [item["id"] for item in skipped] == ["i1"]
    renamed = add(api, {"id": "i1", "data": image(2)}, input_id_conflict_resolution="SUFFIX")
    assert renamed[0]["id"].startswith("i1-")
    assert len(api("GET", "/inputs")["inputs"]) == 2


def test_a_batch_has_at_most_128_inputs(api: Api) -> None:
    inputs = [{"id": f"i{number}", "data": {"text": {"raw": "x"}}} for number in range(129)]
    assert api.refused("POST", "/inputs", {"inputs": inputs})[:2] == (400, 11102)
    assert len(add(api, *inputs[:128])) == 128


def test_labels_stand_in_the_input_and_in_its_own_annotation(api: Api) -> None:
    labels = [{"id": "cat"}, {"id": "dog", "value": 0}]
    add(api, {"id": "i1", "data": {**image(), "concepts": labels, "metadata": {"k": 1}}})
    own = api("GET", "/annotations")["annotations"]
    assert len(own) == 1
    assert own[0]["input_level"] is True
    assert own[0]["worker"] == {"user": {"id": api.sandbox.user_id}}
    expected = [("cat", 1), ("dog", 0)]
    assert [(c["id"], c["value"]) for c in own[0]["data"]["concepts"]] == expected
    assert [
        (c["id"], c["value"]) for c in api("GET", "/inputs/i1")["input"]["data"]["concepts"]
    ] == expected
    assert api.refused("DELETE", f"/inputs/i1/annotations/{own[0]['id']}")[:2] == (400, 24155)


@pytest.mark.parametrize(
    ("action", "labels", "metadata", "left", "kept"),
    [
        (
            "merge",
            [{"id": "new"}],
            {"b": {"y": 2}},
            {"cat": 1, "dog": 0, "new": 1},
            {"a": 1, "b": {"x": 1, "y": 2}},
        ),
        ("merge", [{"id": "dog", "value": 1}], {}, {"cat": 1, "dog": 1}, {}),
        ("overwrite", [{"id": "new"}], {"c": 1}, {"new": 1}, {"c": 1}),
        (
            "remove",
            [{"id": "dog"}],
            {"b": {"x": True}, "a": False},
            {"cat": 1},
            {"a": False, "b": {}},
        ),
    ],
)
def test_patching_labels_keeps_the_medium(
    api: Api, action: str, labels: Any, metadata: Any, left: Any, kept: Any
) -> None:
    first = {
        "concepts": [{"id": "cat"}, {"id": "dog", "value": 0}],
        "metadata": {"a": 1, "b": {"x": 1}},
    }
    add(api, {"id": "i1", "data": {**image(), **first}})
    api.sandbox.wait_idle(60)
    change = {"id": "i1", "data": {"concepts": labels, "metadata": metadata}}
    changed = api("PATCH", "/inputs", {"inputs": [change], "action": action})["inputs"][0]
    assert changed["status"]["code"] == 30200
    data = api("GET", "/inputs/i1")["input"]["data"]
    assert {c["id"]: c["value"] for c in data["concepts"]} == left
    assert data["metadata"] == kept
    assert data["image"]["image_info"]["format"] == "PNG"
    own = api("GET", "/annotations")["annotations"][0]
    assert {c["id"]: c["value"] for c in own["data"]["concepts"]} == left


def test_an_input_is_deleted_with_its_annotations(api: Api) -> None:
    add(api, {"id": "i1", "data": image()}, {"id": "i2", "data": image()})
    api("DELETE", "/inputs/i1")
    assert api.refused("GET", "/inputs/i1")[:2] == (404, 11101)
    assert {a["input_id"] for a in api("GET", "/annotations")["annotations"]} == {"i2"}
    assert api.refused("DELETE", "/inputs", {"ids": ["nobody"]})[:2] == (404, 11101)


def test_a_delete_may_take_a_while(start: Callable[..., Api]) -> None:
    api = start(behaviour=Behaviour(deletes_are_slow_ms=200))
    add(api, {"id": "i1", "data": image()})
    api("DELETE", "/inputs/i1")
    assert api("GET", "/inputs/i1")["input"]["id"] == "i1"
    api.sandbox.wait_idle(60)
    assert api.refused("GET", "/inputs/i1")[:2] == (404, 11101)


# --- routing --------------------------------------------------------------------------------


def text(id_: str) -> Any:
    return {"id": id_, "data": {"text": {"raw": "hello"}}}


def test_a_writer_writes_once_with_its_status_and_user(api: Api) -> None:
    writing_workflow(api, "first", 24151)
    switch(api, "first")
    add(api, text("i1"))
    api.sandbox.wait_idle(60)
    (annotation,) = written(api)
    assert annotation["input_id"] == "i1"
    assert annotation["status"]["code"] == 24151
    assert annotation["user_id"] == api.sandbox.user_id
    assert annotation["worker"] == {"user": {"id": api.sandbox.user_id}}
    assert annotation["trusted"] is True
    assert [(c["id"], c["value"]) for c in annotation["data"]["concepts"]] == [("seen", 1)]


def test_an_input_is_bound_when_its_processing_starts(api: Api) -> None:
    writing_workflow(api, "first", 24151)
    writing_workflow(api, "second", 24150)
    switch(api, "first")
    add(api, text("before"))
    api.sandbox.wait_idle(60)
    api.sandbox.hold()
    add(api, text("between"))
    switch(api, "second")
    add(api, text("after"))
    api.sandbox.release()
    api.sandbox.wait_idle(60)
    by_input = {item["input_id"]: item["status"]["code"] for item in written(api)}
    assert by_input == {"before": 24151, "between": 24150, "after": 24150}


def test_the_default_workflow_may_pin_a_version_of_itself(api: Api) -> None:
    writing_workflow(api, "first", 24151)
    old = api("GET", "/workflows/first")["workflow"]["version"]["id"]
    other = api.writer("other", 24150)
    body = {
        "workflows": [{"id": "first", "nodes": [node("w", "other", other, "m")]}],
        "action": "merge",
    }
    api("PATCH", "/workflows", body)
    default = {"id": "first", "version": {"id": old}}
    api("PATCH", "", {"app": {"default_workflow": default}, "action": "overwrite"})
    add(api, text("i1"))
    api.sandbox.wait_idle(60)
    assert [item["status"]["code"] for item in written(api)] == [24151]


@pytest.mark.parametrize("reindex", [False, True])
def test_existing_inputs_are_run_again_on_request_alone(api: Api, reindex: bool) -> None:
    add(api, text("old"))
    api.sandbox.wait_idle(60)
    writing_workflow(api, "first", 24150)
    switch(api, "first", reindex=reindex)
    api.sandbox.wait_idle(60)
    assert [item["input_id"] for item in written(api)] == (["old"] if reindex else [])
    assert api("GET", "/inputs/status")["counts"]["reindexed"] == int(reindex)
    assert api("GET", "/inputs/old")["input"]["status"]["code"] == 30000


def test_a_workflow_whose_model_is_gone_fails_the_input(api: Api) -> None:
    writing_workflow(api, "first", 24151)
    switch(api, "first")
    api("DELETE", "/models/first-write")
    add(api, text("i1"))
    api.sandbox.wait_idle(60)
    status = api("GET", "/inputs/i1")["input"]["status"]
    assert status["code"] == 30002
    assert "first-write" in status["details"]
    assert written(api) == []


# --- annotations ----------------------------------------------------------------------------


def annotate(api: Api, input_id: str, concept: str, **fields: Any) -> Any:
    annotation = {"input_id": input_id, "data": {"concepts": [{"id": concept}]}, **fields}
    return api("POST", "/annotations", {"annotations": [annotation]})["annotations"][0]


@pytest.fixture
def annotated(api: Api) -> dict[str, str]:
    add(api, text("i1"), text("i2"))
    api.sandbox.wait_idle(60)
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
        ({"input_id": "i1", "data": {"regions": [{}, {}]}}, 400, 24155),
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


def test_an_input_may_also_be_bound_when_it_is_posted(start: Callable[..., Api]) -> None:
    api = start(behaviour=Behaviour(inputs_bind_when_posted=True))
    writing_workflow(api, "first", 24151)
    switch(api, "first")
    api.sandbox.hold()
    add(api, text("i1"))
    other = api.writer("other", 24150)
    body = {
        "workflows": [{"id": "first", "nodes": [node("w", "other", other, "m")]}],
        "action": "merge",
    }
    api("PATCH", "/workflows", body)
    add(api, text("i2"))
    api.sandbox.release()
    api.sandbox.wait_idle(60)
    by_input = {item["input_id"]: item["status"]["code"] for item in written(api)}
    assert by_input == {"i1": 24151, "i2": 24150}


def test_a_list_may_report_failed_inputs(start: Callable[..., Api]) -> None:
    api = start(behaviour=Behaviour(input_lists_report_failures=True))
    add(api, {"id": "bad", "data": {"image": {"base64": "AAAA"}}})
    api.sandbox.wait_idle(60)
    answer = api.raw("GET", "/inputs")
    assert (answer.status_code, answer.json()["status"]["code"]) == (207, 10010)
    assert [item["id"] for item in answer.json()["inputs"]] == ["bad"]


def test_a_surprise_in_one_input_does_not_end_the_work(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from reconciler.sandbox import media

    def surprise(data: Any, content: bytes) -> None:
        raise ZeroDivisionError("nobody foresaw this")

    with monkeypatch.context() as patched:
        patched.setattr(media, "describe_image", surprise)
        add(api, {"id": "odd", "data": image()})
        api.sandbox.wait_idle(60)
    add(api, {"id": "good", "data": image()})
    api.sandbox.wait_idle(60)
    status = api("GET", "/inputs/odd")["input"]["status"]
    assert (status["code"], status["details"]) == (30002, "the sandbox has a bug; see its log")
    assert api("GET", "/inputs/good")["input"]["status"]["code"] == 30000
    assert "nobody foresaw this" in caplog.text
