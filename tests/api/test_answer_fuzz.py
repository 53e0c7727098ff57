"""Whatever a service answers, a read ends in a plan or in one error that names the request.

The real client reads from the in-memory platform, through a connection that bends one answer at a
time: its JSON at any place, or its bytes. ``make test-long`` (``LONG=1``) tries more than 5,000.
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plan_cases import APP, KINDS, SOURCE, World, declare, people
from reliability.counting import Cases

from reconciler.api.client import Client
from reconciler.api.settings import Secret, Settings
from reconciler.call import Call, Listing, Target
from reconciler.catalogue import refreshed_types
from reconciler.errors import ApiError, NotFoundError, ReconcilerError
from reconciler.execution.annotations import read_annotations
from reconciler.execution.delivery import Patience
from reconciler.execution.outcome import Status
from reconciler.execution.run import Limits, run
from reconciler.planning import cutover, diff, live
from reconciler.planning.options import Options, Policy
from reconciler.planning.plan import Plan, build

LONG = bool(os.environ.get("LONG"))
BASE = "https://liar.example"
TOKEN = "planted-0123456789abcdef"
TARGET = Target("me", APP)

many = settings(
    max_examples=2400 if LONG else 100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
few = settings(many, max_examples=600 if LONG else 25)

Lie = Callable[[bytes], bytes]


CASES = Cases()


@pytest.fixture(scope="module", autouse=True)
def counted() -> Iterator[None]:
    """Keeps how many there were, where the reliability page is made."""
    yield
    CASES.keep("answers")


@dataclass
class Liar:
    """A service over the in-memory platform that bends its ``nth`` answer."""

    world: World
    nth: int = 0
    lie: Lie = field(default=lambda content: content)
    methods: list[str] = field(default_factory=list)

    def __call__(self, request: Any) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(request.url)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        body = json.loads(request.body) if request.body else None
        status, answer = self.answer(Call(request.method, parts.path, query, body))
        content = json.dumps(answer).encode()
        self.methods.append(request.method)
        if len(self.methods) == self.nth:
            content = self.lie(content)
        return status, {"Content-Type": "application/json"}, content

    def answer(self, call: Call) -> tuple[int, Any]:
        ok = {"status": {"code": 10000, "description": "Ok", "req_id": "0f" * 16}}
        for ending, canned in CANNED.items():
            if call.path.endswith(ending):
                return 200, {**ok, **canned}
        try:
            found = (
                self.world.platform.get(call) if call.method == "GET"
                else self.world.platform.send(call)
            )  # fmt: skip
        except NotFoundError:
            return 404, {"status": {"code": 11101, "description": "absent", "req_id": "0f" * 16}}
        except ApiError:
            return 400, {"status": {"code": 11102, "description": "refused", "req_id": "0f" * 16}}
        return 200, {**ok, **found}


CANNED: dict[str, Any] = {
    "/inputs/status": {"counts": {"processed": 3, "to_process": 1}},
    "/annotations": {
        "annotations": [
            {
                "id": "n1",
                "input_id": "i1",
                "user_id": "alice",
                "status": {"code": 24150, "description": "SUCCESS"},
                "created_at": "2026-01-01T00:00:00Z",
                "modified_at": "2026-01-01T00:00:00Z",
                "worker": {"user": {"id": "alice"}},
                "data": {
                    "concepts": [{"id": "people", "value": 0.97}],
                    "regions": [{"id": "r", "data": {"concepts": [{"id": "adult"}]}}],
                },
            },
        ]
    },
    "/models/types": {
        "model_types": [
            {
                "id": "image-crop",
                "title": "Crop",
                "description": "Crops.",
                "input_fields": ["image"],
                "output_fields": ["image"],
                "trainable": False,
                "creatable": True,
            }
        ]
    },
}


def _world() -> World:
    world = World()
    world.apply(people())
    return world


WORLD = _world()
WANTED = people(sure=0.9, app={"id": APP, "default_workflow": "other", "description": "x"})
WANTED["workflows"]["other"] = WANTED["workflows"]["auto-annotation"]


@dataclass
class Reading:
    """All that the tool reads, through one client."""

    client: Client

    def all(self) -> None:
        """What ``plan``, ``annotations list`` and ``validate --refresh-types`` read."""
        self.plan()
        app = Target("alice", APP)
        for found in read_annotations(self.client, app, include_input_level=True):
            assert isinstance(found.id, str)
        listing = Listing(Target("clarifai", "main").at("models", "types"), "model_types")
        refreshed_types(self.client.read_list(listing))
        cutover.counts(self.client.get(cutover.status_call(app)))

    def plan(self) -> Plan:
        app = live.read_app(self.client, KINDS, TARGET)
        declared = declare(WANTED, app.scope)
        settled = live.settle(self.client, KINDS, declared, app)
        policy = Policy.of(APP, Options(prune=True))
        difference = diff.compare(settled.desired, settled.live, settled.choices, KINDS, policy)
        switch = cutover.read_switch(
            self.client, app.target, difference.changes, settled, Options()
        )
        return build(
            BASE, app.target, settled, difference,
            declared=declared, owner=APP, options=Options(), source=SOURCE, switch=switch,
        )  # fmt: skip


def reading(liar: Liar) -> Iterator[Reading]:
    quick = Settings(token=Secret(TOKEN), base_url=BASE, max_rps=1e6, max_retries=0, parallelism=1)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for method in ("GET", "POST", "PATCH", "DELETE"):
            mock.add_callback(method, re.compile(".*"), liar)
        with Client(quick, sleep=lambda _: None) as client:
            yield Reading(client)


def ends_well(liar: Liar) -> None:
    """One error that names the request, or none at all; never a write."""
    for tool in reading(liar):
        try:
            tool.all()
            CASES["read all the same"] += 1
        except ApiError as error:
            CASES["an error that names the request"] += 1
            assert str(error).startswith(f"GET {error.path}")
            assert error.path.startswith("/v2/users/")
            assert len(str(error)) < 1500
            assert TOKEN not in str(error) + repr(error) + repr(error.__cause__)
        except ReconcilerError as error:
            CASES["refused by the plan"] += 1
            assert TOKEN not in str(error)
    assert set(liar.methods) == {"GET"}


def _count() -> int:
    liar = Liar(WORLD)
    for tool in reading(liar):
        tool.all()
    return len(liar.methods)


READS = _count()

# --- what is tried

ODD = [
    None, True, False, 0, -1, 3, 0.5, 1e308, 10**30, "", "a", "a/b", "..", "\ud800", "\x00\x1b[2J", "é" * 300,
    [], {}, [[]], [{}], [None], ["a"], [1], {"": {}}, {"id": None}, {"id": 3}, {"id": ""}, {"id": "x"},
    [{"id": "x"}], {"code": []}, {"code": "MODEL_TRAINED"}, {"gettable": {}}, {"reconciler": []},
    {"reconciler": {"owner": 3}}, {"reconciler": {"owner": APP, "digest": {}, "relations": [3, None]}},
    {"reconciler": {"owner": APP, "digests": [], "former_default_workflow": "a/b", "leases": 3}},
]  # fmt: skip


def spots(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a JSON value."""
    steps = value.items() if isinstance(value, dict) else enumerate(value)
    for step, item in list(steps):
        yield value, step
        if isinstance(item, dict | list):
            yield from spots(item)


@st.composite
def bending(draw: st.DrawFn) -> Lie:
    """Changes one to three places of an answer's JSON."""
    changes = draw(
        st.lists(
            st.tuples(
                st.integers(0, 10**6),
                st.sampled_from(["replace", "replace", "drop", "wrap", "twice", "unknown", "key"]),
                st.sampled_from(ODD),
            ),
            min_size=1,
            max_size=3,
        )
    )

    def lie(content: bytes) -> bytes:
        body = json.loads(content)
        for number, change, odd in changes:
            found = list(spots(body)) or [({"": body}, "")]
            holder, step = found[number % len(found)]
            match change:
                case "drop":
                    del holder[step]
                case "wrap":
                    holder[step] = [holder[step]]
                case "twice" if isinstance(holder, list):
                    holder.append(copy.deepcopy(holder[step]))
                case "unknown" if isinstance(holder, dict):
                    holder["no_such_field"] = copy.deepcopy(odd)
                case "key" if isinstance(holder, dict) and isinstance(odd, str):
                    holder[odd] = holder.pop(step)
                case _:
                    holder[step] = copy.deepcopy(odd)
        return json.dumps(body).encode()

    return lie


@st.composite
def hitting(draw: st.DrawFn) -> Lie:
    """Changes bytes of an answer."""
    hits = draw(
        st.lists(
            st.tuples(
                st.floats(0, 1),
                st.sampled_from([0, 0, 1, 10, 100_000]),
                st.sampled_from([b"", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"NaN", b"1e999", b"9" * 5000, b"{",
                                 b"]", b'"', b"null", b"[" * 3000, b"\x00", b"<html>"]),
            ),
            min_size=1, max_size=3,
        )
    )  # fmt: skip

    def lie(content: bytes) -> bytes:
        for where, length, piece in hits:
            start = int(where * len(content))
            content = content[:start] + piece + content[start + length :]
        return content

    return lie


@many
@given(nth=st.integers(1, READS), lie=bending())
def test_a_bent_answer(nth: int, lie: Lie) -> None:
    ends_well(Liar(WORLD, nth, lie))


@many
@given(nth=st.integers(1, READS), lie=hitting())
def test_a_hit_answer(nth: int, lie: Lie) -> None:
    ends_well(Liar(WORLD, nth, lie))


@few
@given(nth=st.integers(1, 60), lie=bending() | hitting())
def test_a_bent_answer_to_an_apply(nth: int, lie: Lie) -> None:
    """Each operation ends with an outcome, whatever it was told: nothing is raised half-way."""
    world = _world()
    planner = Liar(world)
    for tool in reading(planner):
        made = tool.plan()
    liar = Liar(world, nth, lie)
    limits = Limits(
        parallelism=1,
        train_timeout=0.0,
        patience=Patience(read_back_timeout=0.0, sleep=lambda _: None),
    )
    for tool in reading(liar):
        outcomes = run(made.operations, made.target, KINDS, tool.client, limits=limits)
    assert len(outcomes) == len(made.operations)
    CASES["an apply whose every operation had an outcome"] += 1
    for outcome in outcomes:
        assert outcome.status in Status
        assert TOKEN not in str(outcome)


# --- by name


@pytest.mark.parametrize(
    ("path", "odd", "said"),
    [
        pytest.param(("models", 0, "id"), 5, "models[0].id is number 5, where text without a slash "
                     "was expected", id="a number as id"),
        pytest.param(("models", 0, "id"), None, "models[0] has no id", id="a null id"),
        pytest.param(("models", 0, "metadata"), [], "models[0].metadata is a list, where a map was "
                     "expected", id="metadata"),
        pytest.param(("models",), {"a": 1}, "models is a map, where a list was expected", id="a map"),
        pytest.param(("workflows", 0, "nodes", 1, "node_inputs"), "mapper", "workflows[0].nodes[1]"
                     ".node_inputs is text 'mapper', where a list was expected", id="a node's inputs"),
        pytest.param(("concepts", 0, "name"), {"en": "people"}, "concepts[0].name is a map, where "
                     "text was expected", id="a name"),
        pytest.param(("app", "default_workflow"), "auto", "app.default_workflow is text 'auto', "
                     "where a map was expected", id="the default"),
        pytest.param(("app", "default_workflow", "version"), "v1", "app.default_workflow.version is "
                     "text 'v1', where a map was expected", id="the default's version"),
        pytest.param(("app",), None, "the answer has no app", id="no app"),
        pytest.param(("app", "id"), "other", f"app.id is 'other', where {APP!r} was asked for",
                     id="another app"),
        pytest.param(("concept_relations", 0, "object_concept"), None,
                     "concept_relations[0] has no object_concept", id="half an edge"),
    ],
)  # fmt: skip
def test_it_says_what_was_expected_where(path: tuple[Any, ...], odd: Any, said: str) -> None:
    def lie(content: bytes) -> bytes:
        body = json.loads(content)
        if path[0] in body:
            holder = body
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = odd
        return json.dumps(body).encode()

    class Every(Liar):
        def __call__(self, request: Any) -> tuple[int, dict[str, str], bytes]:
            status, headers, content = super().__call__(request)
            return status, headers, lie(content)

    for tool in reading(Every(WORLD)):
        with pytest.raises(ApiError) as caught:
            tool.plan()
    error = caught.value
    assert error.message == said
    assert str(error).startswith(
        f"GET {error.path} (HTTP 200, code 10000, request {'0f' * 16}): {said}"
    )


def test_it_reads_well_when_nobody_lies() -> None:
    assert READS > 8
    ends_well(Liar(WORLD))
