"""Whatever a request holds, the answer is an envelope: never an exception, never half a write.

The requests are made from the contract's descriptors, for every method that the sandbox has: nothing
here names one. ``make test-long`` (``LONG=1``) makes more than 20,000.
"""

from __future__ import annotations

import base64
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.sandbox import Sandbox, codec, parsing, platform, routes, status, wire
from reconciler.sandbox.auth import Tokens
from reconciler.sandbox.behaviour import Behaviour, switches
from reconciler.sandbox.context import World
from reconciler.sandbox.control import Controls
from reconciler.sandbox.faults import FaultBook, RequestLog
from reconciler.sandbox.handlers import table
from reconciler.sandbox.ids import Clock, IdSource
from reconciler.sandbox.platform import Ask, Platform
from reconciler.sandbox.runner import Runner
from reconciler.sandbox.scores import Scores
from reconciler.sandbox.server import Request, Server
from reconciler.sandbox.switchboard import Switchboard
from tests.sandbox.driving import Api, node, png
from tests.sandbox.making import Known, Maker
from tests.sandbox.undoing import Undoing

USER, APP, OTHER = "me-myself", "park", "zoo"
TOKEN, APP_KEY = "personal", "of-the-app"
KEYS = (*[f"Key {TOKEN}"] * 17, *[f"Key {APP_KEY}"] * 2, "Key nobody", "", None)
LONG = bool(os.environ.get("LONG"))
SECONDS = 300.0
"""More than any one request may take, however busy the machine is."""

SEEDS = st.integers(0, 2**32)
"""What a request is made from: drawing all of it from Hypothesis is ten times as slow."""

few = settings(
    max_examples=400 if LONG else 8,
    deadline=None,
    database=None,
    derandomize=not LONG,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def furnish(api: Api) -> None:
    """An app in which there is something of everything."""
    for app in (OTHER, APP):
        api("POST", "/v2/users/me/apps", {"apps": [{"id": app}]})
    api.concepts("people", "man", "adult", "seen")
    relation = {"subject_concept": {"id": "man"}, "object_concept": {"id": "people"}}
    api(
        "POST",
        "/concepts/man/relations",
        {"concept_relations": [{**relation, "predicate": "hyponym"}]},
    )
    above = api.thresholder("above", 1, people=0.5, man=0.5)
    pending = api.writer("pending", 24151)
    mapper = api.model(
        "mapper", "concept-synonym-mapper", {"output_info": {"params": {"knowledge_graph_id": ""}}}
    )
    matched = {"data": {"concepts": [{"id": "seen"}]}, "params": {"regex": "."}}
    matcher = api.model("matcher", "regex-based-classifier", {"output_info": matched})
    nodes = [
        node("general", "general-image-recognition", public=True),
        node("mapper", "mapper", mapper, "general"),
        node("above", "above", above, "mapper"),
        node("pending", "pending", pending, "above"),
    ]
    api("POST", "/workflows", {"workflows": [{"id": "auto", "nodes": nodes}]})
    texts = [node("m", "matcher", matcher), node("w", "pending", pending, "m")]
    api("POST", "/workflows", {"workflows": [{"id": "texts", "nodes": texts}]})
    api("PATCH", "", {"app": {"default_workflow_id": "texts"}, "action": "overwrite"})
    inputs = [
        {"id": f"i{number}", "data": {"text": {"raw": text}, "concepts": [{"id": concept}]}}
        for number, (text, concept) in enumerate([("a word", "people"), ("another", "man")])
    ]
    for shade, concept in ((3, "people"), (9, "people"), (230, "man"), (250, "man")):
        image = {"base64": base64.b64encode(png(shade)).decode()}
        data = {"image": image, "concepts": [{"id": concept}]}
        inputs.append({"id": f"i{shade}", "data": data})
    api("POST", "/inputs", {"inputs": inputs, "inputs_add_job_id": "added"})
    box = {"top_row": 0.1, "left_col": 0.1, "bottom_row": 0.5, "right_col": 0.5}
    region = {"region_info": {"bounding_box": box}, "data": {"concepts": [{"id": "man"}]}}
    annotation = {"input_id": "i9", "data": {"regions": [region]}}
    api("POST", "/annotations", {"annotations": [annotation]})
    kind = {"id": "learner", "model_type_id": "embedding-classifier"}
    api("POST", "/models", {"model": kind})
    concepts = {"data": {"concepts": [{"id": "people"}, {"id": "man"}]}}
    learned = api.version("learner", {"output_info": concepts})
    api.sandbox.wait_idle()
    furnish_more(api, learned)
    api.sandbox.wait_idle()


def furnish_more(api: Api, learned: str) -> None:
    """What the main job does not need: datasets, keys, saved searches, evaluations, translations."""
    api("POST", "/datasets", {"datasets": [{"id": "set"}]})
    api("POST", "/datasets/set/inputs", {"dataset_inputs": [{"input": {"id": "i9"}}]})
    api("POST", "/datasets/set/versions", {"dataset_versions": [{"id": "first"}]})
    key = {"description": "d", "scopes": ["All"], "apps": [{"id": APP, "user_id": "me"}]}
    api("POST", "/v2/users/me/keys", {"keys": [key]})
    german = {"concept_languages": [{"id": "de", "name": "Mann"}]}
    api("POST", "/concepts/man/languages", german)
    api("POST", f"/models/learner/versions/{learned}/evaluations", {"eval_metrics": [{"id": "e"}]})
    named = {"filters": [{"annotation": {"data": {"concepts": [{"id": "man"}]}}}]}
    saved = {"id": "saved", "name": "x", "save": True, "query": named}
    api("POST", "/searches", {"searches": [saved]})


@dataclass
class Rooms:
    """A platform of its own for each example, its state on the desk."""

    world: World
    store: Undoing
    platforms: tuple[Platform, Platform]
    known: Known
    server: Server
    runner: Runner

    def make(self, rng: random.Random, name: str) -> Any:
        """A request as the gRPC door would read it; None if it would not."""
        kind = routes.rpcs()[name].request
        message = Maker(self.known, rng).request(kind, USER, (APP, OTHER))
        try:
            return wire.read(kind, message.SerializeToString())
        except parsing.BadJson as error:
            assert str(error)
            return None

    @contextmanager
    def example(self, rng: random.Random) -> Iterator[Platform]:
        """A platform as it was at first, now and then another one of those that may be."""
        if rng.random() < 0.3:
            for switch in rng.sample(switches(), 5):
                self.world.switches.set({switch.name: rng.choice(switch.others)})
        with self.store.undone():
            yield self.platforms[rng.random() < 0.15]
        self.world.switches.reset()

    def call(self, floor: Platform, name: str, request: Any, key: str | None = KEYS[0]) -> Any:
        before = self.store.digest()
        began = time.monotonic()
        rpc = routes.rpcs()[name]
        try:
            answer = floor.call(rpc, request, Ask(key))
        except Exception as error:
            error.add_note(f"{name} of {request}")
            raise
        assert time.monotonic() - began < SECONDS, (name, request)
        self.check(name, request, answer, before)
        return answer

    def check(self, name: str, request: Any, answer: Any, before: tuple[object, ...]) -> None:
        said = (name, request, answer.status)
        assert answer.status.code in status.names(), said
        assert answer.status.code not in (status.INTERNAL, 98004, 99009), said
        assert answer.status.description, said
        assert answer.status.req_id, said
        http = platform.http_status(answer)
        assert (http == 200) == (answer.status.code == status.SUCCESS), said
        assert (http == 207) == (answer.status.code == status.MIXED), said
        others = {self.world.behaviour.malformed_authorization_http}
        assert http in {status.http_of(answer.status.code), *others}, said
        if http >= 400:
            assert answer.status.code == status.NOT_IMPLEMENTED or answer.status.details, said
            # Where each item of a batch failed by itself, a job may still have counted them.
            unchanged = self.store.digest() == before or answer.status.code == status.FAILURE
            assert unchanged, f"half a write: {said}"
        assert type(answer).FromString(answer.SerializeToString()) == answer, said
        found = json.loads(codec.dumps(answer), parse_constant=_no_number)
        assert found["status"]["code"] == answer.status.code


def _no_number(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rooms]:
    folder = tmp_path_factory.mktemp("furnished")
    with Sandbox(seed=1, user=USER, data=folder) as sandbox:
        api = Api(sandbox, APP)
        with api.session:
            furnish(api)
    store = Undoing(folder)
    world = World(
        store=store,
        switches=Switchboard(Behaviour()),
        legacy=False,
        ids=IdSource(1),
        clock=Clock(),
        owner=USER,
        wake=_nothing,
        scores=Scores.empty(),
    )
    tokens = Tokens(USER, TOKEN, {APP_KEY: APP})
    floors = Platform(world, tokens), Platform(replace(world, legacy=True), tokens)
    controls = Controls(FaultBook(), RequestLog(), None, 0, lambda: True, world.switches)
    server = Server(0, floors[0], controls)
    runner = Runner(world)
    runner.hold()
    runner.start()
    try:
        yield Rooms(world, store, floors, Known.of(store, USER, APP), server, runner)
    finally:
        runner.stop()
        server.server_close()
        store.close()


def _nothing() -> None:
    """There is no background to wake."""


def read_all(rooms: Rooms, floor: Platform) -> None:
    """What was let in can be shown: everything that lists answers."""
    for name in table.ENTRIES:
        request = routes.rpcs()[name].request()
        fields = request.DESCRIPTOR.fields_by_name
        if not name.startswith("List") or "user_app_id" not in fields:
            continue
        request.user_app_id.user_id, request.user_app_id.app_id = "me", APP
        if "per_page" in fields:
            request.per_page = 1000
        rooms.call(floor, name, request)


def work_off(rooms: Rooms) -> None:
    """Background work takes whatever was queued, and ends."""
    rooms.runner.release()
    rooms.runner.wait_idle(300)
    rooms.runner.hold()


@pytest.mark.parametrize("name", sorted(table.ENTRIES))
def test_any_message_gets_an_envelope(
    rooms: Rooms, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """Some other requests first, so that what they leave is met too; then background work."""

    @few
    @given(SEEDS)
    def lives(seed: int) -> None:
        rng = random.Random(seed)
        with rooms.example(rng) as floor:
            before = rng.choices(sorted(table.ENTRIES), k=rng.choice((0, 0, 1, 2)))
            began = rooms.store.digest()
            for each in (*before, name):
                request = rooms.make(rng, each)
                if request is not None:
                    rooms.call(floor, each, request, rng.choice(KEYS))
            if rooms.store.digest() != began:
                work_off(rooms)
                read_all(rooms, floor)

    lives()
    assert [record.getMessage() for record in caplog.records] == []


BENT: tuple[Callable[[Any], Any], ...] = (
    lambda _: None,
    lambda _: True,
    lambda _: "",
    lambda _: "x\ud800",
    lambda _: "\0",
    lambda _: 10**400,
    lambda _: -(2**63) - 1,
    lambda _: 1e308,
    lambda _: [],
    lambda _: {},
    lambda value: [value],
    lambda value: {"id": value},
    lambda value: {"\udfff": value, "": value, "x" * 300: value},
    lambda value: value * 2 if isinstance(value, str | list) else str(value),
    lambda value: json.loads("[" * 90 + "]" * 90),
    lambda value: {"fields": {"x": {"string_value": value}}},
)


def bend(rng: random.Random, value: Any) -> Any:
    """A JSON value with something else somewhere in it."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(sorted(value))
        return {**value, key: bend(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.8:
        index = rng.randrange(len(value))
        return [*value[:index], bend(rng, value[index]), *value[index + 1 :]]
    return rng.choice(BENT)(value)


class Headers(dict[str, str]):
    """What a request over HTTP brings."""


@pytest.mark.parametrize("name", sorted(table.ENTRIES))
def test_any_json_gets_an_envelope(rooms: Rooms, name: str) -> None:
    ways = routes.routes_of(name)
    if not ways:
        return

    @few
    @given(SEEDS)
    def lives(seed: int) -> None:
        rng = random.Random(seed)
        message = rooms.make(rng, name)
        if message is None:
            return
        way = rng.choice(ways)
        path = rest_path(rng, way.template, message)
        sent = json.loads(json.dumps(codec.to_json(message)))
        for _ in range(rng.choice((0, 1, 1, 2))):
            sent = bend(rng, sent)
        body, query = json.dumps(sent).encode(), ""
        if not way.takes_body:
            query = "&".join(
                f"{key}={rng.choice((str(value), '%ff', '', 'x', '[]', '1'))}"
                for key, value in (sent.items() if isinstance(sent, dict) else ())
                if isinstance(key, str) and key.isascii() and not isinstance(value, dict | list)
            )
        request = Request(way.verb, path, query, Headers(Authorization=KEYS[0]), body)
        with rooms.example(rng):
            before = rooms.store.digest()
            reply = rooms.server.answer(request, rooms.server.gate.visit("rest", way.verb, path))
            said = (way.verb, path, query, body[:2000], reply)
            found = json.loads(reply.body, parse_constant=_no_number)["status"]
            assert found["code"] == reply.code, said
            assert found["code"] in status.names(), said
            assert found["code"] not in (status.INTERNAL, 98004, 99009), said
            assert reply.status == status.http_of(reply.code), said
            assert found["req_id"], said
            if reply.status >= 400 and reply.code != status.FAILURE:
                assert rooms.store.digest() == before, f"half a write: {said}"

    lives()


def rest_path(rng: random.Random, template: str, message: Any) -> str:
    """A path with what the message says in its variables, now and then spoilt."""
    parts = template.split("/")
    for index, part in enumerate(parts):
        if part.startswith("{"):
            target = message
            for name in part[1:-1].split("."):
                target = getattr(target, name)
            spoilt = rng.choice(("%ff", "%00", "%2f", "..", "%F0%9F%92%A5", "x" * 3000))
            text = quote(str(target), safe="") or "x"
            parts[index] = spoilt if rng.random() < 0.05 else text
    return "/".join(parts)
