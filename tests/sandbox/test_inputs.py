"""Inputs (fact sheet, section 11), and when routing is settled."""

from __future__ import annotations

import base64
import re
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
    api.sandbox.wait_idle()
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
    api.sandbox.wait_idle()
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
        ({"id": "taken", "data": image()}, 30100, "Input has a duplicate ID."),
        (
            {"id": "x", "data": {"image": {"url": "http://127.0.0.1:9/taken"}}},
            30100,
            "duplicate input: url 'http://127.0.0.1:9/taken' already exists; allow_duplicate_url lets it in",
        ),
        (
            {"id": "x"},
            30104,
            "an input has one of image, video, audio or text, or an image with a text; "
            "this one has no medium",
        ),
        (
            {"id": "x", "data": {**image(), "audio": {"url": "http://127.0.0.1:9/a.mp3"}}},
            30104,
            "an input has one of image, video, audio or text, or an image with a text; "
            "this one has image and audio",
        ),
        (
            {"id": "x", "data": {**image(), "text": {"url": "http://127.0.0.1:9/a.txt"}}},
            30104,
            "the text beside an image comes as raw, not by url",
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


@pytest.mark.parametrize("resolution", ["SKIP", "INPUT_ID_CONFLICT_RESOLUTION_NOT_SET", 1])
def test_a_taken_id_is_skipped_with_an_error(api: Api, resolution: Any) -> None:
    add(api, {"id": "i1", "data": image(1)})
    body = {"inputs": [{"id": "i1", "data": image(2)}], "input_id_conflict_resolution": resolution}
    answer = api.raw("POST", "/inputs", json=body).json()
    assert answer["status"]["code"] == 10020
    assert [item["status"]["code"] for item in answer["inputs"]] == [30100]
    assert len(api("GET", "/inputs")["inputs"]) == 1


def test_the_envelope_says_which_id_is_taken(api: Api) -> None:
    add(api, {"id": "i1", "data": image()})
    refused = api.refused("POST", "/inputs", {"inputs": [{"id": "i1", "data": image()}]})
    assert refused == (400, 10020, "duplicate input: id 'i1' already exists")


def test_an_image_may_come_with_a_text_and_the_models_read_both(api: Api) -> None:
    writing_workflow(api, "seen", 24150)
    switch(api, "seen")
    add(api, {"id": "both", "data": {**image(), "text": {"raw": "a dog"}}})
    add(api, {"id": "image", "data": image()})
    api.sandbox.wait_idle()
    found = api("GET", "/inputs/both")["input"]
    assert found["status"]["code"] == 30000
    assert found["data"]["text"]["raw"] == "a dog"
    assert found["data"]["image"]["image_info"]["format"] == "PNG"
    # The expression matches any text: the image alone has none.
    assert [note["input_id"] for note in written(api)] == ["both"]
    nodes = [
        node("image", "general-image-embedding", ""),
        node("text", "multilingual-text-embedding", ""),
    ]
    api("POST", "/workflows", {"workflows": [{"id": "embed", "nodes": nodes}]})
    for sent in ({"id": "both"}, {"data": {**image(), "text": {"raw": "a dog"}}}):
        results = api("POST", "/workflows/embed/results", {"inputs": [sent]})["results"]
        outputs = results[0]["outputs"]
        assert [len(output["data"]["embeddings"]) for output in outputs] == [1, 1]
        sizes = [output["data"]["embeddings"][0]["num_dimensions"] for output in outputs]
        assert sizes[0] != sizes[1]


def test_what_came_as_bytes_can_be_had_again_at_the_address_that_answers_show(api: Api) -> None:
    content = base64.b64decode(image(7)["image"]["base64"])
    made = add(api, {"id": "i1", "data": image(7)})[0]
    api.sandbox.wait_idle()
    shown = api("GET", "/inputs/i1")["input"]["data"]["image"]
    hosted = shown["hosted"]
    assert shown["url"] == made["data"]["image"]["url"]
    assert shown["url"] == hosted["prefix"] + hosted["sizes"][0] + hosted.get("suffix", "")
    found = api.session.get(shown["url"], headers={"Authorization": "Key any"}, timeout=300)
    assert (found.status_code, found.content) == (200, content)
    assert found.headers["Content-Type"] == "application/octet-stream"
    assert found.headers["Content-Disposition"] == "attachment"
    listed = api("GET", "/inputs")["inputs"]
    search = {"searches": [{"query": {}}]}
    hits = api("POST", "/inputs/searches", search)["hits"]
    assert [item["data"]["image"] for item in (listed[0], hits[0]["input"])] == [shown, shown]
    # Who edits what GET showed sends the address back.
    change = {"id": "i1", "data": {"image": shown, "concepts": [{"id": "cat"}]}}
    api("PATCH", "/inputs", {"inputs": [change], "action": "merge"})
    assert api("GET", "/inputs/i1")["input"]["data"]["image"] == shown
    assert api.session.get(shown["url"].replace("i1", "i2"), timeout=300).status_code == 404


def test_a_taken_id_gets_the_next_free_suffix(api: Api) -> None:
    def again(id_: str) -> str:
        made = add(api, {"id": id_, "data": image(2)}, input_id_conflict_resolution="SUFFIX")
        return str(made[0]["id"])

    endless = "a" * 46 + "-b"
    for id_ in ("i1", "i1-2", endless):
        add(api, {"id": id_, "data": image(1)})
    assert [again("i1"), again("i1")] == ["i1-1", "i1-3"]
    assert again(endless) == "a" * 46 + "-1"
    for number in range(4, 10):
        assert again("i1") == f"i1-{number}"
    assert re.fullmatch("i1-[0-9a-f]{8}", again("i1"))


def test_one_id_twice_in_a_request_is_an_error_whatever_the_resolution(api: Api) -> None:
    twice = [{"id": "i1", "data": image(1)}, {"id": "i1", "data": image(2)}]
    body = {"inputs": twice, "input_id_conflict_resolution": "SUFFIX"}
    answer = api.raw("POST", "/inputs", json=body)
    assert answer.status_code == 207
    assert [item["status"]["code"] for item in answer.json()["inputs"]] == [30001, 30100]


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
    api.sandbox.wait_idle()
    change = {"id": "i1", "data": {"concepts": labels, "metadata": metadata}}
    changed = api("PATCH", "/inputs", {"inputs": [change], "action": action})["inputs"][0]
    assert changed["status"]["code"] == 30200
    data = api("GET", "/inputs/i1")["input"]["data"]
    assert {c["id"]: c["value"] for c in data["concepts"]} == left
    assert data["metadata"] == kept
    assert data["image"]["image_info"]["format"] == "PNG"
    own = api("GET", "/annotations")["annotations"][0]
    assert {c["id"]: c["value"] for c in own["data"]["concepts"]} == left


@pytest.mark.parametrize(
    ("medium", "http"),
    [
        (image(1), 200),
        ({"image": {}}, 200),
        (image(2), 400),
        ({"image": {"url": "http://127.0.0.1:9/other"}}, 400),
        ({"text": {"raw": "a word"}}, 400),
    ],
    ids=["the same bytes", "an empty image", "other bytes", "a url", "a text"],
)
@pytest.mark.parametrize("action", ["merge", "overwrite", "remove"])
def test_the_medium_of_an_input_cannot_be_patched(
    api: Api, action: str, medium: Any, http: int
) -> None:
    add(api, {"id": "i1", "data": image(1)})
    api.sandbox.wait_idle()
    before = api("GET", "/inputs/i1")["input"]["data"]
    body = {"inputs": [{"id": "i1", "data": medium}], "action": action}
    answer = api.raw("PATCH", "/inputs", json=body)
    assert answer.status_code == http
    if http != 200:
        assert answer.json()["status"]["code"] == 30104
    assert api("GET", "/inputs/i1")["input"]["data"] == before


def test_another_medium_may_also_be_passed_over(start: Callable[..., Api]) -> None:
    api = start(behaviour=Behaviour(patched_media_is_refused=False))
    add(api, {"id": "i1", "data": image(1)})
    change = {"id": "i1", "data": {**image(2), "concepts": [{"id": "cat"}]}}
    api("PATCH", "/inputs", {"inputs": [change], "action": "merge"})
    data = api("GET", "/inputs/i1")["input"]["data"]
    assert [concept["id"] for concept in data["concepts"]] == ["cat"]


def test_a_place_is_patched(api: Api) -> None:
    def at(longitude: float, latitude: float) -> Any:
        return {"geo": {"geo_point": {"longitude": longitude, "latitude": latitude}}}

    add(api, {"id": "i1", "data": {**image(), **at(55, 66)}})
    change = {"id": "i1", "data": at(77, 88)}
    api("PATCH", "/inputs", {"inputs": [change], "action": "merge"})
    assert api("GET", "/inputs/i1")["input"]["data"]["geo"] == at(77, 88)["geo"]
    own = api("GET", "/annotations")["annotations"][0]
    assert own["data"]["geo"] == at(77, 88)["geo"]
    api("PATCH", "/inputs", {"inputs": [{"id": "i1", "data": at(1, 2)}], "action": "remove"})
    assert "geo" not in api("GET", "/inputs/i1")["input"]["data"]
    assert "geo" not in api("GET", "/annotations")["annotations"][0].get("data", {})


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ({}, ["b", "a", "c", "e", "d"]),
        ({"descending": "True"}, ["d", "e", "c", "a", "b"]),
        ({"order_by_id": "True"}, ["a", "b", "c", "d", "e"]),
        ({"order_by_id": "True", "descending": "true"}, ["e", "d", "c", "b", "a"]),
    ],
    ids=str,
)
def test_a_stream_goes_on_behind_the_last_id(api: Api, options: Any, order: list[str]) -> None:
    add(api, *(text(id_) for id_ in "bac"))
    add(api, *(text(id_) for id_ in "ed"))
    seen: list[str] = []
    while True:
        query = {**options, "per_page": 2, **({"last_id": seen[-1]} if seen else {})}
        found = api("GET", "/inputs/stream", **query)["inputs"]
        if not found:
            break
        seen += [item["id"] for item in found]
    assert seen == order


def test_a_stream_has_twenty_inputs_a_page_and_knows_its_last_id(api: Api) -> None:
    add(api, *(text(f"i{number}") for number in range(21)))
    assert len(api("GET", "/inputs/stream")["inputs"]) == 20
    assert api.refused("GET", "/inputs/stream", last_id="gone")[:2] == (404, 11101)


def test_a_job_counts_what_became_of_the_inputs_of_its_uploads(api: Api) -> None:
    api.sandbox.hold()
    body = {
        "inputs": [text("a"), text("b"), {"id": "bad", "data": {"video": {"base64": "AAAA"}}}],
        "inputs_add_job_id": "upload",
    }
    made = api("POST", "/inputs", body)["inputs_add_job"]
    assert (made["id"], made["status"]["code"]) == ("upload", 64001)
    api.raw("POST", "/inputs", json={"inputs": [text("a")], "inputs_add_job_id": "upload"})
    waiting = api("GET", "/inputs/jobs/add/upload")["inputs_add_job"]["progress"]
    assert waiting == {"pending_count": "3", "failed_count": "1"}
    api.sandbox.release()
    api.sandbox.wait_idle()
    (done,) = api("GET", "/inputs/jobs/add")["inputs_add_jobs"]
    assert done["progress"] == {"success_count": "2", "failed_count": "2"}
    assert done["status"]["code"] == 64002
    cancelled = api("PATCH", "/inputs/jobs/add/upload", {})["inputs_add_job"]
    assert cancelled["status"]["code"] == 64004
    assert api.refused("GET", "/inputs/jobs/add/other")[:2] == (404, 11101)


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
    api.sandbox.wait_idle()
    assert api.refused("GET", "/inputs/i1")[:2] == (404, 11101)


# --- routing --------------------------------------------------------------------------------


def text(id_: str) -> Any:
    return {"id": id_, "data": {"text": {"raw": "hello"}}}


def test_a_writer_writes_once_with_its_status_and_user(api: Api) -> None:
    writing_workflow(api, "first", 24151)
    switch(api, "first")
    add(api, text("i1"))
    api.sandbox.wait_idle()
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
    api.sandbox.wait_idle()
    api.sandbox.hold()
    add(api, text("between"))
    switch(api, "second")
    add(api, text("after"))
    api.sandbox.release()
    api.sandbox.wait_idle()
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
    api.sandbox.wait_idle()
    assert [item["status"]["code"] for item in written(api)] == [24151]


@pytest.mark.parametrize("reindex", [False, True])
def test_existing_inputs_are_run_again_on_request_alone(api: Api, reindex: bool) -> None:
    add(api, text("old"))
    api.sandbox.wait_idle()
    writing_workflow(api, "first", 24150)
    switch(api, "first", reindex=reindex)
    api.sandbox.wait_idle()
    assert [item["input_id"] for item in written(api)] == (["old"] if reindex else [])
    assert api("GET", "/inputs/status")["counts"]["reindexed"] == int(reindex)
    assert api("GET", "/inputs/old")["input"]["status"]["code"] == 30000


def test_a_workflow_whose_model_is_gone_fails_the_input(api: Api) -> None:
    writing_workflow(api, "first", 24151)
    switch(api, "first")
    api("DELETE", "/models/first-write")
    add(api, text("i1"))
    api.sandbox.wait_idle()
    status = api("GET", "/inputs/i1")["input"]["status"]
    assert status["code"] == 30002
    assert "first-write" in status["details"]
    assert written(api) == []


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
    api.sandbox.wait_idle()
    by_input = {item["input_id"]: item["status"]["code"] for item in written(api)}
    assert by_input == {"i1": 24151, "i2": 24150}


def test_a_list_may_report_failed_inputs(start: Callable[..., Api]) -> None:
    api = start(behaviour=Behaviour(input_lists_report_failures=True))
    add(api, {"id": "bad", "data": {"image": {"base64": "AAAA"}}})
    api.sandbox.wait_idle()
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
        api.sandbox.wait_idle()
    add(api, {"id": "good", "data": image()})
    api.sandbox.wait_idle()
    status = api("GET", "/inputs/odd")["input"]["status"]
    assert (status["code"], status["details"]) == (30002, "the sandbox has a bug; see its log")
    assert api("GET", "/inputs/good")["input"]["status"]["code"] == 30000
    assert "nobody foresaw this" in caplog.text
