"""Promise 5: a reviewed plan is what runs. Written, read back, and told when something moved."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_cases import KINDS, World, people, undeclared, with_, without

from reconciler.address import Address
from reconciler.errors import PlanFileError
from reconciler.json_schema import validate
from reconciler.planning.file import (
    PlanFile,
    graph_from_json,
    graph_to_json,
    json_schema,
    live_digest,
    moved,
    read_json,
    to_json,
    to_text,
)
from reconciler.planning.stale import moved_operations
from reconciler.resource import External, Reference, Resource, ResourceGraph
from reconciler.values import Unknown, digest

SCHEMA_FILE = Path(__file__).parents[2] / "schemas" / "plan.schema.json"
CONFIDENT = "model.confident"


@pytest.fixture
def world() -> World:
    """An app that stands as `people()` says."""
    world = World()
    world.apply(people())
    return world


def operation(document: dict[str, Any], address: str) -> dict[str, Any]:
    (found,) = [op for op in document["operations"] if op["address"] == address]
    return found


# --- the shape


def test_a_threshold_change_in_the_words_of_the_contract(world: World) -> None:
    made = world.plan(people(sure=0.9))
    document = to_json(made, "1.2.3")
    assert list(document) == [
        "format_version", "tool_version", "plan_digest", "target", "owner", "source", "options",
        "manifest_digest", "live_digest", "live_objects", "desired",
        "moved", "summary", "operations",
        "unmanaged", "prunable", "left_out", "warnings",
    ]  # fmt: skip
    assert document["format_version"] == "1"
    assert document["tool_version"] == "1.2.3"
    assert document["target"] == {
        "base_url": "https://api.clarifai.com",
        "user_id": "alice",
        "app_id": "people-auto-annotation",
    }
    assert document["source"] == {"path": "manifests/people", "overlays": [], "variables": {}}
    assert document["options"] == {"prune": False, "target": [], "exclude": []}
    assert document["summary"] == {
        "create": 0, "update": 3, "train": 0, "rename": 0, "delete": 0, "set_default": 0,
        "unchanged": 8, "unmanaged": 0, "prunable": 0,
    }  # fmt: skip
    pinned = document["live_objects"]["workflow.auto-annotation"]["pins"]
    assert document["operations"] == [
        {
            "address": CONFIDENT,
            "action": "update",
            "version": "new",
            "class": "routing",
            "reason": made.operations[0].change.reason,
            "requires": [],
            "changes": [{"path": "thresholds.adult", "before": 0.95, "after": 0.9}],
            "known_after_apply": ["version"],
        },
        {
            "address": "model.doubtful",
            "action": "update",
            "version": "new",
            "class": "routing",
            "reason": made.operations[0].change.reason,
            "requires": [],
            "changes": [{"path": "thresholds.adult", "before": 0.95, "after": 0.9}],
            "known_after_apply": ["version"],
        },
        {
            "address": "workflow.auto-annotation",
            "action": "update",
            "class": "routing",
            "reason": made.operations[2].change.reason,
            "requires": [CONFIDENT, "model.doubtful"],
            "changes": [
                {
                    "path": f"nodes.{node}.model_version_id",
                    "before": pinned[f"nodes.{node}.model_version_id"],
                    "after": None,
                }
                for node in ("confident", "doubtful")
            ],
            "known_after_apply": [
                "nodes.confident.model_version_id",
                "nodes.doubtful.model_version_id",
            ],
        },
    ]


def test_a_revert_names_the_version_that_is_used_again(world: World) -> None:
    before = to_json(world.plan(people(sure=0.9)), "")["live_objects"][CONFIDENT]["newest_version"]
    world.apply(people(sure=0.9))
    found = operation(to_json(world.plan(people()), ""), CONFIDENT)
    assert found["version"] == {"reuse": before}
    assert found["known_after_apply"] == []


def test_placeholders_deep_in_a_value_are_named_by_their_own_path(world: World) -> None:
    made = world.plan(people(sure=0.9))
    first, *rest = made.operations
    unknown = Unknown(Address("model", ("x",)), "version")
    change = replace(first.change.fields[0], path=("a b",), after={"c": [1, {"d": unknown}]})
    odd = replace(first, change=replace(first.change, fields=(change,)))
    document = to_json(replace(made, operations=(odd, *rest)), "")
    assert document["operations"][0]["known_after_apply"] == ['"a b".c.1.d', "version"]
    assert document["operations"][0]["changes"] == [
        {"path": '"a b"', "before": 0.95, "after": {"c": [1, {"d": None}]}}
    ]


def test_the_same_plan_is_the_same_text(world: World) -> None:
    data = people(sure=0.9)
    shuffled = {key: data[key] for key in reversed(data)}
    shuffled["models"] = {key: data["models"][key] for key in reversed(data["models"])}
    assert to_text(world.plan(data), "1") == to_text(world.plan(shuffled), "1")


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(lambda: World().plan(people()), id="everything is new"),
        pytest.param(lambda: _standing().plan(people()), id="nothing to do"),
        pytest.param(lambda: _standing().plan(people(sure=0.9)), id="a threshold"),
        pytest.param(
            lambda: _standing().plan(people(sure=0.9), exclude=["workflow.auto-annotation"]),
            id="left out",
        ),
        pytest.param(
            lambda: _standing().plan(_smaller(), prune=True, target=["workflow.auto-annotation"]),
            id="target and prune",
        ),
        pytest.param(lambda: _standing().plan(_smaller(), prune=True), id="prune"),
    ],
)
def test_every_plan_fits_the_schema_and_reads_back(case: Any) -> None:
    made = case()
    document = to_json(made, "1.2.3")
    assert validate(document, json_schema()) == []
    file = read_json(to_text(made, "1.2.3"), KINDS)
    assert file.desired == made.declared
    assert (file.target, file.base_url, file.owner) == (made.target, made.base_url, made.owner)
    assert (file.source, file.options) == (made.source, made.options)
    assert list(map(dict, file.operations)) == document["operations"]
    assert file.live_digest == live_digest(made)
    assert moved(file, made) == ()


def _standing() -> World:
    world = World()
    world.apply(people())
    return world


def _smaller() -> dict[str, Any]:
    data = without(people(), "models", "plausible")
    nodes = data["workflows"]["auto-annotation"]["nodes"]
    return {**data, "workflows": {"auto-annotation": {"nodes": nodes[:-1]}}}


def test_a_plan_file_has_no_byte_that_a_terminal_obeys() -> None:
    hostile = "\x1b[31mred\x9b0m\u202e"
    made = World().plan(with_(people(), "concepts", **{hostile: {"name": hostile}}))
    text = to_text(made, "")
    assert text.isascii()
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text) is None
    assert read_json(text, KINDS).desired == made.declared


def test_a_plan_that_cannot_be_read_back_is_not_written() -> None:
    made = World().plan(people())
    with pytest.raises(ValueError, match="declared graph"):
        to_json(undeclared(made), "")
    with pytest.raises(ValueError, match="settled already"):
        to_json(replace(made, declared=made.desired), "")


def test_the_schema_is_kept_beside_the_manifests_own() -> None:
    assert json.loads(SCHEMA_FILE.read_text("utf-8")) == json_schema()


def test_the_schema_is_a_schema_and_says_what_each_key_is() -> None:
    from jsonschema import Draft202012Validator

    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    assert [name for name, one in schema["properties"].items() if not one.get("description")] == []


# --- the graph, there and back

TEXT = st.text(max_size=8)
SCALAR = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT
)
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
FIELDS = st.dictionaries(TEXT, VALUE, max_size=3)
KIND_NAMES = st.sampled_from(["concept", "relation", "model", "workflow"])
ADDRESS = st.one_of(
    st.sampled_from([Address("app"), Address("app.default_workflow")]),
    st.builds(Address, KIND_NAMES, st.lists(TEXT, min_size=1, max_size=3).map(tuple), TEXT),
)
PATH = st.lists(TEXT, max_size=3).map(tuple)
IDENTITY = st.recursive(TEXT, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=4)
RESOURCE = st.builds(
    Resource,
    ADDRESS,
    FIELDS,
    st.none() | FIELDS,
    st.lists(st.builds(Reference, PATH, ADDRESS, TEXT, st.booleans()), max_size=2).map(tuple),
    st.lists(st.builds(External, TEXT, TEXT, PATH, PATH), max_size=2).map(tuple),
    options=FIELDS,
    identity=st.none() | IDENTITY.filter(lambda one: isinstance(one, tuple)),
)


@given(st.lists(RESOURCE, max_size=4))
@settings(max_examples=200, deadline=None)
def test_a_graph_comes_back_equal(resources: list[Resource]) -> None:
    graph = ResourceGraph.of(resources)
    document = graph_to_json(graph)
    found = graph_from_json(json.loads(json.dumps(document, allow_nan=False)))
    assert found == graph
    assert digest(graph_to_json(found)) == digest(document)
    assert validate(document, {**json_schema(), **json_schema()["properties"]["desired"],
                               "required": [], "properties": {}}) == []  # fmt: skip


# --- reading what is not right


def file_text(world: World) -> str:
    return to_text(world.plan(people(sure=0.9)), "1.2.3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "the plan file is not JSON: Expecting value: line 1 column 1 (char 0)",
                     id="empty"),
        pytest.param("models:\n  a: {}\n", "the plan file is not JSON: Expecting value: line 1 "
                     "column 1 (char 0)", id="a manifest"),
        pytest.param("[" * 200_000, "the plan file is not JSON: ", id="too deep"),
        pytest.param('{"a": NaN}', "the plan file is not JSON: NaN is no number", id="NaN"),
        pytest.param('{"a": 1e999}', "the plan file is not JSON: a number is larger than any double",
                     id="a large float"),
        pytest.param('{"a": 1' + "0" * 400 + "}", "the plan file is not JSON: a number is larger "
                     "than any double", id="a large integer"),
        pytest.param("[]", "this is no plan file: expected a JSON object", id="a list"),
        pytest.param("{}", "this is no plan file: the document: missing key 'desired' (and 17 more)",
                     id="another object"),
        pytest.param('{"format_version": "2"}', "the plan file has format 2, written by a newer "
                     "reconciler; this one reads format 1", id="newer"),
        pytest.param('{"format_version": "10"}', "the plan file has format 10, written by a newer "
                     "reconciler; this one reads format 1", id="much newer"),
    ],
)  # fmt: skip
def test_what_is_no_plan_file_is_refused(text: str, message: str) -> None:
    with pytest.raises(PlanFileError) as caught:
        read_json(text, KINDS)
    assert caught.value.message.startswith(message)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        pytest.param(lambda d: d["operations"][0]["changes"][0].update(after=0.1),
                     "the plan file was edited or damaged", id="an operation"),
        pytest.param(lambda d: d["target"].update(app_id="other"),
                     "the plan file was edited or damaged", id="another app"),
        pytest.param(lambda d: d.update(tool_version="\ud800"),
                     "the plan file was edited or damaged", id="no Unicode"),
        pytest.param(lambda d: d["operations"][0].update(action="erase"),
                     "this is no plan file: operations.0.action: expected 'create'", id="action"),
        pytest.param(lambda d: d["options"].update(prun=True),
                     "this is no plan file: options.prun: unknown key 'prun', did you mean 'prune'?",
                     id="unknown key"),
        pytest.param(lambda d: d["desired"].update({"model.a b": {"fields": {}}}),
                     "this is no plan file: desired.model.a b: 'model.a b' is not an address", id="address"),
        pytest.param(lambda d: d["live_objects"].update({"model": {"fields": "sha256:" + "0" * 64}}),
                     "this is no plan file: live_objects.model: 'model' is not an address", id="live address"),
    ],
)  # fmt: skip
def test_a_changed_file_is_refused(world: World, edit: Any, message: str) -> None:
    document = json.loads(file_text(world))
    edit(document)
    if "address" in message:
        rest = {name: value for name, value in document.items() if name != "plan_digest"}
        document["plan_digest"] = digest(rest)
    with pytest.raises(PlanFileError) as caught:
        read_json(json.dumps(document), KINDS)
    assert caught.value.message.startswith(message)


def test_the_layout_of_the_file_is_free(world: World) -> None:
    text = file_text(world)
    again = json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False)
    assert read_json(again, KINDS) == read_json(text, KINDS)


# --- what moved


def saved(world: World, data: dict[str, Any], **options: Any) -> PlanFile:
    return read_json(to_text(world.plan(data, **options), "1"), KINDS)


def replanned(world: World, file: PlanFile) -> tuple[str, ...]:
    return moved(file, world.plan(file.desired, prune=file.options.prune, owner=file.owner))


def test_nothing_moved_while_nobody_touched_the_app(world: World) -> None:
    assert replanned(world, saved(world, people(sure=0.9))) == ()
    assert replanned(World(), saved(World(), people())) == ()


def test_a_field_that_someone_changed_is_named_with_both_values(world: World) -> None:
    file = saved(world, people(sure=0.9))
    world.apply(people(sure=0.97))
    lines = replanned(world, file)
    assert f"{CONFIDENT} thresholds.adult: planned against 0.95, found 0.97" in lines
    assert "model.doubtful thresholds.adult: planned against 0.95, found 0.97" in lines
    assert [line for line in lines if not re.search("planned against .*, found", line)] == []


def test_a_new_difference_is_named(world: World) -> None:
    file = saved(world, people(sure=0.9))
    world.platform.concepts["adult"]["name"] = "grown-up"
    assert replanned(world, file) == (
        'concept.adult name: planned against "adult", found "grown-up"',
    )


def test_an_operation_that_was_carried_out_since_is_named(world: World) -> None:
    data = with_(people(), "concepts", child={"name": "child"})
    file = saved(world, data)
    world.apply(data)
    assert replanned(world, file) == (
        "concept.child: planned to create, and there is no need to now",
    )


def test_a_plan_that_was_carried_out_is_stale_for_what_it_did_alone(world: World) -> None:
    file = saved(world, people(sure=0.9))
    assert "model.mapper" in file.live_objects
    world.apply(people(sure=0.9))
    nodes = "workflow.auto-annotation nodes."
    for line, pattern in zip(
        replanned(world, file),
        (
            f"{CONFIDENT} thresholds.adult: planned against 0.95, found 0.9, as wanted",
            "model.doubtful thresholds.adult: planned against 0.95, found 0.9, as wanted",
            rf'{nodes}confident.model_version_id: planned against "\w+", found as wanted already',
            rf'{nodes}doubtful.model_version_id: planned against "\w+", found as wanted already',
        ),
        strict=True,
    ):
        assert re.fullmatch(pattern, line)


def test_a_pinned_model_that_vanished_is_named(world: World) -> None:
    file = saved(world, people(sure=0.9))
    data = with_(people(sure=0.9), "models", mapper={"model_type_id": "concept-synonym-mapper"})
    fresh = world.plan(data)
    live = ResourceGraph.of(r for r in fresh.live if str(r.address) != "model.mapper")
    assert moved(file, replace(fresh, live=live)) == ("model.mapper: is gone",)


def test_an_object_that_vanished_is_named(world: World) -> None:
    file = saved(world, people(sure=0.9))
    del world.platform.concepts["adult"]
    assert replanned(world, file) == ("concept.adult: planned to stay, found gone",)


def test_a_stray_version_of_what_is_touched_is_named(world: World) -> None:
    file = saved(world, people(sure=0.9))
    wanted = next(iter(world.platform.versions["confident"].values()))
    stray = {**wanted["output_info"], "params": {"concept_threshold_type": 1}}
    world.platform._mint("confident", {"output_info": stray})
    (line,) = replanned(world, file)
    pattern = rf'{CONFIDENT} newest_version: planned against "\w+", found "\w+"'
    assert re.fullmatch(pattern, line)


def test_a_touched_object_that_was_saved_anew_is_named(world: World) -> None:
    world.platform.models["confident"]["modified_at"] = "2026-01-01T00:00:00Z"
    file = saved(world, people(sure=0.9))
    world.platform.models["confident"]["modified_at"] = "2026-01-02T00:00:00Z"
    assert replanned(world, file) == (
        f'{CONFIDENT} modified_at: planned against "2026-01-01T00:00:00Z", '
        'found "2026-01-02T00:00:00Z"',
    )


@pytest.mark.parametrize("name", ["apps", "models"])
def test_what_no_operation_touches_may_move(world: World, name: str) -> None:
    """The app's own time moves with anything; a model that nothing pins is not the plan's matter."""
    data = with_(people(), "concepts", child={"name": "child"})
    file = saved(world, data)
    for item in getattr(world.platform, name).values():
        item["modified_at"] = "2026-01-02T00:00:00Z"
    assert replanned(world, file) == ()


def test_another_app_or_another_platform_is_named(world: World) -> None:
    made = world.plan(people(sure=0.9))
    file = read_json(to_text(made, "1"), KINDS)
    elsewhere = replace(made, base_url="sandbox", target=replace(made.target, user_id="bob"))
    assert moved(file, elsewhere) == (
        "base_url: planned for https://api.clarifai.com, found sandbox",
        "user_id: planned for alice, found bob",
    )


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_difference_between_operations_is_told(data: st.DataObject) -> None:
    planned = json.loads(to_text(_PLANNED, "1"))["operations"]
    now = json.loads(json.dumps(planned))
    index = data.draw(st.integers(0, len(now) - 1))
    key = data.draw(st.sampled_from(sorted(now[index])))
    edit = data.draw(st.sampled_from(["drop", "change", "swap"]))
    if edit == "drop":
        del now[index]
    elif edit == "swap":
        now[index], now[0] = now[0], now[index]
    elif key == "changes":
        now[index][key] = now[index][key][:-1] or [{"path": "x", "before": 1, "after": 2}]
    else:
        now[index][key] = ["other"] if isinstance(now[index][key], list) else "other"
    told = moved_operations(planned, now)
    assert bool(told) == (planned != now)
    assert moved_operations(planned, planned) == {}


_PLANNED = _standing().plan(people(sure=0.9))
