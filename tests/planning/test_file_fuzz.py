"""Whatever stands in a plan file, an apply ends with a word about it: no traceback, no write, soon.

The files are cut, hit, bent at every key (and sealed again with a fresh digest, so that they get
past it), forged and blown up. ``make test-long`` (``LONG=1``) tries more than 5,000 of them.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plan_cases import APP, KINDS, World, people
from reliability.counting import Cases
from work import calls

from reconciler.call import Target
from reconciler.errors import PlanFileError, ReconcilerError
from reconciler.execution.delivery import Patience
from reconciler.execution.run import Limits, run
from reconciler.planning import diff, live
from reconciler.planning import plan as planning
from reconciler.planning.file import PlanFile, moved, read_json, to_text
from reconciler.planning.options import Policy
from reconciler.values import digest

LONG = bool(os.environ.get("LONG"))
MEGABYTES = 200

many = settings(
    max_examples=1800 if LONG else 90,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def _world() -> World:
    """An applied app whose manifest changed since: the plan touches every kind there is."""
    world = World()
    world.apply(people())
    return world


WANTED = people(
    sure=0.9,
    concepts={"people": {"name": "people"}, "adult": {"name": "grown"}, "man": {}},
    app={"id": APP, "default_workflow": "auto-annotation", "description": "Sorts people."},
)
WANTED["models"]["own"] = {
    "model_type_id": "embedding-classifier",
    "concepts": ["people", "adult"],
    "base_embed_model": "clarifai/main/general-image-embedding@" + "b" * 32,
}
WANTED["models"]["crop"] = {"model_type_id": "image-crop", "params": {"margin": 1.5}}
WANTED["workflows"]["auto-annotation"]["nodes"][3]["output_info_override"] = {
    "data": {"concepts": [{"id": "adult", "value": 0.9}]},
    "params": {"concept_threshold_type": "GREATER_THAN"},
}
WORLD = _world()
TEXT = to_text(WORLD.plan(WANTED), "1.2.3")
DOCUMENT: dict[str, Any] = json.loads(TEXT)


CASES = Cases()


@pytest.fixture(scope="module", autouse=True)
def counted() -> Iterator[None]:
    """Keeps how many there were, where the reliability page is made."""
    yield
    CASES.keep("plan files")


def sealed(document: Any) -> str:
    """A document with the digest that it ought to have."""
    if isinstance(document, dict) and "plan_digest" in document:
        rest = {name: value for name, value in document.items() if name != "plan_digest"}
        with contextlib.suppress(UnicodeEncodeError):
            document["plan_digest"] = digest(rest)
    return json.dumps(document)


def carried_out(text: str) -> None:
    """Does with a file what ``apply`` does; whatever is no word about it comes through.

    It is refused or stale; one that still holds is carried out, over an app of its own.
    """
    before = len(WORLD.platform.writes)
    try:
        saved = read_json(text, KINDS)
    except PlanFileError as error:
        CASES["refused, with the place"] += 1
        assert error.hint
        assert len(str(error)) < 1500
        return
    try:
        made = planned_again(WORLD, saved)
        stale = moved(saved, made)
    except ReconcilerError as error:
        CASES["read, and refused by the plan made anew"] += 1
        assert str(error)
        return
    finally:
        assert len(WORLD.platform.writes) == before
    CASES["stale" if stale else "carried out"] += 1
    if not stale:
        limits = Limits(parallelism=1, patience=Patience(read_back_timeout=0.0))
        run(made.operations, made.target, KINDS, _world().platform, limits=limits)


def planned_again(world: World, saved: PlanFile) -> planning.Plan:
    """The plan of now for what a file declares: ``session.read_plan`` over the in-memory platform."""
    app = live.read_app(world.platform, KINDS, Target("me", APP))
    settled = live.settle(world.platform, KINDS, saved.desired, app, retrain=saved.options.retrain)
    policy = Policy.of(saved.owner, saved.options)
    difference = diff.compare(settled.desired, settled.live, settled.choices, KINDS, policy)
    return planning.build(
        saved.base_url,
        app.target,
        settled,
        difference,
        declared=saved.desired,
        owner=saved.owner,
        options=saved.options,
        source=saved.source,
    )


# --- what is tried

ODD = [
    None, True, False, 0, -1, 1, 0.5, 1e308, -1e308, 10**30, 10**400, "", " ", "a", "a/b", "a/b/c", "../..",
    "a/b/c/d", "\ud800", "\x00\x1b[31m", "x" * 5000, "model.confident", "model", "app", "nothing.at.all",
    'concept."', 'concept."\\ud800"', "relation.a.b", "relation.a.synonym.b@g", "workflow.auto-annotation",
    "app.default_workflow", "/etc/passwd", "sha256:" + "0" * 64, [], {}, [[]], [{}], {"": {}}, {"a": None},
    ["a"], [1], [None], {"id": "a"}, "new", {"reuse": ""}, {"reuse": 3},
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document."""
    yield path
    steps = value.items() if isinstance(value, dict) else enumerate(value)
    for step, item in steps if isinstance(value, dict | list) else ():
        yield from places(item, (*path, step)) if isinstance(item, dict | list) else [(*path, step)]


PLACES = [path for path in places(DOCUMENT) if path and path[0] != "plan_digest"]


def changed(document: Any, path: tuple[Any, ...], change: str, odd: Any) -> Any:
    """A copy with one place replaced, dropped, doubled under another key, or renamed."""
    found = copy.deepcopy(document)
    holder = found
    for step in path[:-1]:
        holder = holder[step]
    match change:
        case "replace":
            holder[path[-1]] = odd
        case "drop":
            del holder[path[-1]]
        case "wrap":
            holder[path[-1]] = [holder[path[-1]]]
        case _ if isinstance(holder, list):
            holder.insert(0, odd)
        case _ if isinstance(odd, str):
            holder[odd] = holder.pop(path[-1]) if change == "rename" else holder[path[-1]]
    return found


@st.composite
def bent(draw: st.DrawFn) -> str:
    """The plan with one to four places changed, and sealed again."""
    found: Any = DOCUMENT
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(PLACES))
        change = draw(st.sampled_from(["replace", "replace", "drop", "wrap", "rename", "copy"]))
        try:
            found = changed(found, path, change, draw(st.sampled_from(ODD)))
        except (AttributeError, KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    return sealed(found)


@st.composite
def hit(draw: st.DrawFn) -> str:
    """The plan's text, cut or with a few bytes in other places."""
    text = TEXT.encode()
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 1, 2, 30, 3000])))
        piece = draw(st.sampled_from([b"", b"\x00", b'"', b"{", b"}", b"[", b"]", b",", b"9" * 5000,
                                      b"NaN", b"1e999", b"-", b"\\ud800", b"null", text[start:end]]))  # fmt: skip
        text = text[:start] + piece + text[end:]
        if draw(st.integers(0, 3)) == 0:
            text = text[: draw(st.integers(0, len(text)))]
    return text.decode("utf-8", "replace")


# --- the laws


@many
@given(text=bent())
def test_a_bent_and_sealed_plan(text: str) -> None:
    carried_out(text)


@many
@given(text=hit())
def test_a_plan_that_was_hit(text: str) -> None:
    carried_out(text)


@many
@given(text=st.text(max_size=60) | st.recursive(
    st.sampled_from(ODD), lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from([*DOCUMENT, "a"]), inner, max_size=6), max_leaves=12,
).map(sealed))  # fmt: skip
def test_any_json(text: str) -> None:
    carried_out(text)


@pytest.mark.parametrize("number", range(0, len(PLACES), 1 if LONG else 5))
def test_another_type_at_every_place(number: int) -> None:
    path = PLACES[number]
    for odd in (None, 3, "text", [], {}, [3], {"a": 3}):
        carried_out(sealed(changed(DOCUMENT, path, "replace", odd)))
    carried_out(sealed(changed(DOCUMENT, path, "drop", None)))


def test_the_plan_as_it_is_holds() -> None:
    """Else the laws above would only see refusals."""
    saved = read_json(TEXT, KINDS)
    assert moved(saved, planned_again(WORLD, saved)) == ()


# --- with an address

NODES = ("desired", "workflow.auto-annotation", "fields", "nodes")


@pytest.mark.parametrize(
    ("path", "odd", "said"),
    [
        pytest.param((*NODES, "success", "model"), 3,
                     "desired.workflow.auto-annotation.fields.nodes.success.model: is number 3, "
                     "where ID or user/app/ID was expected", id="a model"),
        pytest.param((*NODES, "success", "model"), "a/b",
                     "desired.workflow.auto-annotation.fields.nodes.success.model: is text 'a/b', "
                     "where ID or user/app/ID was expected", id="half a name"),
        pytest.param((*NODES,), [], "desired.workflow.auto-annotation.fields.nodes: is a list, "
                     "where a map was expected", id="nodes"),
        pytest.param(("desired", "model.confident", "configuration", "thresholds", "adult"), "high",
                     "desired.model.confident.configuration.thresholds.adult: is text 'high', where "
                     "a number was expected", id="a threshold"),
        pytest.param(("desired", "model.a.b"), {"fields": {}}, "desired.model.a.b: 'model.a.b' is "
                     "the address of nothing that there is", id="an address"),
        pytest.param(("options", "target"), ["thing.x"], "options.target[0]: 'thing.x' is the "
                     "address of nothing that there is", id="a target"),
        pytest.param(("summary", "create"), -1, "summary.create: expected a number of at least 0, "
                     "got -1", id="a count"),
    ],
)  # fmt: skip
def test_it_says_where(path: tuple[str, ...], odd: Any, said: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    holder: Any = document
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = odd
    with pytest.raises(PlanFileError) as caught:
        read_json(sealed(document), KINDS)
    assert caught.value.message == f"this is no plan file: {said}"


def test_a_key_that_stands_twice() -> None:
    """Who reviews the first of them would not see what the second does."""
    text = TEXT.replace('"adult": 0.9', '"adult": 0.1,\n "adult": 0.9', 1)
    assert text != TEXT
    with pytest.raises(PlanFileError) as caught:
        read_json(text, KINDS)
    assert caught.value.message == (
        "this is no plan file: desired.model.confident.configuration.thresholds: "
        "the key 'adult' stands there twice"
    )


# --- as a file, with the whole command


def _limited(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """The command, with no more memory than it may need beyond what an idle one has."""

    def limit() -> None:
        bytes_ = (600 + MEGABYTES) * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_AS, (bytes_, bytes_))

    return subprocess.run(
        [sys.executable, "-m", "reconciler", *arguments],
        cwd=folder,
        env={**os.environ, "CLARIFAI_PAT": "none", "CLARIFAI_API_BASE": "http://127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        preexec_fn=limit,
    )


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _gigantic(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)


FILES = {
    "a pipe": (_pipe, "error RC001: plan.json is no file that can be read"),
    "a folder": (Path.mkdir, "error RC006: no manifest here"),
    "absent": (lambda _: None, "plan.json cannot be read: no such file or directory"),
    "empty": (Path.touch, "plan.json: the plan file is not JSON: Expecting value"),
    "gigantic": (_gigantic, "plan.json has 104,857,600 bytes, more than the 67,108,864 that are read"),
    "binary": (lambda path: path.write_bytes(bytes(range(256))), "plan.json cannot be read: it is not UTF-8"),
    "UTF-16": (lambda path: path.write_text(TEXT, "utf-16"), "plan.json cannot be read: it is not UTF-8"),
    "a byte order mark": (lambda path: path.write_text(TEXT, "utf-8-sig"),
                          "plan.json: the plan file is not JSON: Unexpected UTF-8 BOM"),
    "deep": (lambda path: path.write_text('{"a":' * 100_000), "plan.json: the plan file is not JSON: "),
    "nested": (lambda path: path.write_text('{"a":' * 300 + "1" + "}" * 300),
               "plan.json: this is no plan file: it is nested more than 100 deep"),
    "a long number": (lambda path: path.write_text('{"a": ' + "9" * 1_000_000 + "}"),
                      "plan.json: the plan file is not JSON: "),
    "all wrong": (lambda path: path.write_text(
        sealed({**DOCUMENT, "operations": [1] * 500_000})), "plan.json: this is no plan file: operations.0: "
        "expected a mapping, got number 1 (and 19 or more)"),
    "unknown keys": (lambda path: path.write_text(json.dumps({f"key{n}": n for n in range(50_000)})),
                     "plan.json: this is no plan file: "),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_none(tmp_path: Path, name: str) -> None:
    make, said = FILES[name]
    make(tmp_path / "plan.json")
    ended = _limited(["apply", "plan.json"], tmp_path)  # a pipe that is waited for takes for ever
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    assert said in ended.stderr
    assert len(ended.stderr) < 3000


GROWING = {
    "operations": lambda n: sealed({**DOCUMENT, "operations": [1] * n}),
    "warnings": lambda n: sealed({**DOCUMENT, "warnings": ["w"] * n}),
    "unknown keys": lambda n: json.dumps({f"key{number}": number for number in range(n)}),
    "a long text": lambda n: json.dumps({**DOCUMENT, "owner": "x" * n}),
    "depth": lambda n: "[" * n,
}


def _refuse(text: str) -> None:
    with pytest.raises(PlanFileError):
        read_json(text.replace("sha256:", "sha256:0", 1), KINDS)


@pytest.mark.parametrize("name", GROWING)
def test_a_plan_file_twice_as_long_is_twice_the_work(name: str) -> None:
    """Quadratic, it would be four times as much."""
    make = GROWING[name]
    _refuse(make(10))  # what is built once and kept
    once, twice = (calls(partial(_refuse, make(n))) for n in (2000, 4000))
    assert twice < 2.5 * once
    _refuse(make(20_000))
