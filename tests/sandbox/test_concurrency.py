"""Fifty clients at once, at both doors: no lost update, no torn read, one winner, no surprise."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from clarifai_grpc.grpc.api import resources_pb2 as r
from clarifai_grpc.grpc.api import service_pb2 as s
from google.protobuf import struct_pb2

from tests.sandbox.calling import Grpc, calling
from tests.sandbox.driving import Api, node

CLIENTS, ROUNDS = 50, 3
OK = 10000


@dataclass
class Tally:
    """What all clients were answered, by what they asked."""

    answers: dict[str, Counter[int]] = field(default_factory=dict)
    torn: list[object] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str, code: int) -> None:
        with self.lock:
            self.answers.setdefault(what, Counter())[code] += 1


def furnish(api: Api) -> None:
    matched = {"data": {"concepts": [{"id": "seen"}]}, "params": {"regex": "."}}
    match = api.model("match", "regex-based-classifier", {"output_info": matched})
    writer = api.writer("write", 24150)
    nodes = [node("m", "match", match), node("w", "write", writer, "m")]
    api("POST", "/workflows", {"workflows": [{"id": "auto", "nodes": nodes}]})
    api("PATCH", "", {"app": {"default_workflow_id": "auto"}, "action": "overwrite"})
    api.thresholder("keep", 1, seen=0.5)
    labelled = {"id": "base", "data": {"text": {"raw": "x"}}}
    api("POST", "/inputs", {"inputs": [labelled]})
    api.sandbox.wait_idle()


def over_rest(api: Api, tally: Tally, client: int) -> None:
    """All kinds of reads and writes, the same as over gRPC."""
    own = Api(api.sandbox)

    def ask(what: str, method: str, path: str, body: Any = None, **query: Any) -> Any:
        answer = own.raw(method, path, json=body, params=query).json()
        tally.note(what, answer["status"]["code"])
        return answer

    with own.session:
        for turn in range(ROUNDS):
            name = f"c{client}-{turn}"
            mark = {"metadata": {name: turn}}
            ask("pair", "POST", "/concepts", {"concepts": [{"id": f"{name}{x}"} for x in "ab"]})
            ask("same", "POST", "/concepts", {"concepts": [{"id": f"same{turn}"}]})
            change = {"models": [{"id": "keep", **mark}], "action": "merge"}
            ask("merge", "PATCH", "/models", change)
            change = {"workflows": [{"id": "auto", **mark}], "action": "merge"}
            ask("workflow", "PATCH", "/workflows", change)
            text = {"data": {"text": {"raw": "x"}}}
            ask("input", "POST", "/inputs", {"inputs": [{"id": name, **text}]})
            ask("same input", "POST", "/inputs", {"inputs": [{"id": f"same{turn}", **text}]})
            note = {"input_id": "base", "annotation_info": {name: 1}}
            note["data"] = {"concepts": [{"id": "seen"}]}
            ask("note", "POST", "/annotations", {"annotations": [note]})
            listed = ask("list", "GET", "/concepts", per_page=1000)["concepts"]
            found_torn(tally, [concept["id"] for concept in listed])


def over_grpc(api: Api, tally: Tally, client: int) -> None:
    with calling(api.sandbox, api.app) as call:
        for turn in range(ROUNDS):
            ask_all(call, tally, f"c{client}-{turn}", turn)


def ask_all(call: Grpc, tally: Tally, name: str, turn: int) -> None:
    def ask(what: str, method: str, request: Any) -> Any:
        answer = call(method, request)
        tally.note(what, answer.status.code)
        return answer

    mark = struct_pb2.Struct()
    mark.update({name: turn})
    pair = [r.Concept(id=f"{name}{x}") for x in "ab"]
    ask("pair", "PostConcepts", s.PostConceptsRequest(concepts=pair))
    ask("same", "PostConcepts", s.PostConceptsRequest(concepts=[r.Concept(id=f"same{turn}")]))
    models = [r.Model(id="keep", metadata=mark)]
    ask("merge", "PatchModels", s.PatchModelsRequest(models=models, action="merge"))
    workflows = [r.Workflow(id="auto", metadata=mark)]
    ask("workflow", "PatchWorkflows", s.PatchWorkflowsRequest(workflows=workflows, action="merge"))
    text = r.Data(text=r.Text(raw="x"))
    ask("input", "PostInputs", s.PostInputsRequest(inputs=[r.Input(id=name, data=text)]))
    same = [r.Input(id=f"same{turn}", data=text)]
    ask("same input", "PostInputs", s.PostInputsRequest(inputs=same))
    seen = r.Data(concepts=[r.Concept(id="seen", value=1)])
    note = r.Annotation(input_id="base", annotation_info=mark, data=seen)
    ask("note", "PostAnnotations", s.PostAnnotationsRequest(annotations=[note]))
    listed = ask("list", "ListConcepts", s.ListConceptsRequest(per_page=1000)).concepts
    found_torn(tally, [concept.id for concept in listed])


def found_torn(tally: Tally, ids: list[str]) -> None:
    """The two concepts of one request are seen both or not at all, and none is seen twice."""
    pairs = Counter(id_[:-1] for id_ in ids if id_.startswith("c"))
    with tally.lock:
        tally.torn += [pair for pair in pairs.items() if pair[1] != 2]


@pytest.fixture
def doors(start: Callable[..., Api]) -> Iterator[Api]:
    api = start(grpc_port=0)
    furnish(api)
    yield api


def together(work: Callable[[int], None], clients: int) -> None:
    """Let all begin at the same moment, and end."""
    failed: list[BaseException] = []
    gate = threading.Barrier(clients)

    def one(client: int) -> None:
        gate.wait()
        try:
            work(client)
        except (AssertionError, requests.RequestException, ValueError, KeyError) as error:
            failed.append(error)

    threads = [threading.Thread(target=one, args=(client,)) for client in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_fifty_clients_lose_no_update(doors: Api) -> None:
    api, tally = doors, Tally()
    together(lambda client: (over_grpc if client % 2 else over_rest)(api, tally, client), CLIENTS)
    api.sandbox.wait_idle()
    all_ = CLIENTS * ROUNDS
    good = ("pair", "merge", "workflow", "input", "note", "list")
    assert {what: tally.answers[what] for what in good} == {key: {OK: all_} for key in good}
    assert tally.answers["same"] == {OK: ROUNDS, 40003: all_ - ROUNDS}
    assert tally.answers["same input"] == {OK: ROUNDS, 10020: all_ - ROUNDS}
    assert tally.torn == []

    names = {f"c{client}-{turn}" for client in range(CLIENTS) for turn in range(ROUNDS)}
    listed = [item["id"] for item in api("GET", "/concepts", per_page=1000)["concepts"]]
    same = {f"same{turn}" for turn in range(ROUNDS)}
    assert sorted(listed) == sorted(
        {f"{name}{x}" for name in names for x in "ab"} | same | {"seen"}
    )
    assert set(api("GET", "/models/keep")["model"]["metadata"]) == names
    assert set(api("GET", "/workflows/auto")["workflow"]["metadata"]) == names
    annotations = [
        item
        for item in api("GET", "/annotations", per_page=1000)["annotations"]
        if not item.get("input_level")
    ]
    notes = Counter(name for item in annotations for name in item.get("annotation_info", {}))
    assert notes == dict.fromkeys(names, 1)
    written = Counter(item["input_id"] for item in annotations if not item.get("annotation_info"))
    assert written == dict.fromkeys(names | same | {"base"}, 1)


@pytest.mark.parametrize(
    ("method", "path", "body", "lost"),
    [
        ("DELETE", "/inputs/base", None, 404),
        ("DELETE", "/models/keep", None, 404),
        ("POST", "/workflows", {"workflows": [{"id": "one", "nodes": []}]}, 400),
        ("POST", "/models", {"model": {"id": "one", "model_type_id": "annotation-writer"}}, 400),
    ],
)
def test_of_fifty_who_want_the_same_one_wins(
    doors: Api, method: str, path: str, body: Any, lost: int
) -> None:
    if body and "workflows" in body:
        nodes = doors("GET", "/workflows/auto")["workflow"]["nodes"]
        body = {"workflows": [{"id": "one", "nodes": nodes}]}
    found: list[int] = []

    def work(_client: int) -> None:
        own = Api(doors.sandbox)
        with own.session:
            found.append(own.raw(method, path, json=body).status_code)

    together(work, CLIENTS)
    assert Counter(found) == {200: 1, lost: CLIENTS - 1}


def test_faults_are_counted_exactly_with_many_clients(doors: Api) -> None:
    plan = {"seed": 4, "rate": 0.3, "kinds": ["error", "unavailable"], "method": "GET"}
    assert doors.raw("POST", "/_sandbox/faults", json=plan).status_code == 200
    doors.sandbox.clear_requests()

    def work(_client: int) -> None:
        own = Api(doors.sandbox)
        with own.session:
            for _ in range(4):
                own.raw("GET", "/concepts")

    together(work, CLIENTS)
    log = doors.sandbox.requests()
    assert [entry.number for entry in log] == list(range(log[0].number, log[0].number + 200))
    drawn = Counter(entry.fault.name for entry in log if entry.fault)
    ((planted, hits),) = doors.sandbox.faults()
    fates = [planted.fate(number) for number in range(1, 201)]
    assert drawn == Counter(fate.name for fate in fates if fate)
    assert hits == drawn.total()
