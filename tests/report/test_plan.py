"""Plans as a reviewer reads them: whole texts, and what must hold for any text."""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_cases import APP, World, people, with_

from reconciler.errors import RefusedError
from reconciler.planning.change import Action
from reconciler.planning.file import to_json
from reconciler.planning.plan import Plan
from reconciler.report.diagnostics import visible
from reconciler.report.fields import MAX_FIELDS
from reconciler.report.plan import RENDERERS, render_json, render_refused, render_text
from reconciler.report.style import change, listed, value

GOLDEN = Path(__file__).parents[1] / "golden" / "plan"
HOSTILE = "\x1b[31mred\x9b0m\u202eevil\r\x07"


def planned(live: dict[str, Any] | None, wanted: dict[str, Any], **options: Any) -> Plan:
    """The plan from an app that stands as ``live`` says to ``wanted``."""
    world = World()
    if live is not None:
        world.apply(live)
    return world.plan(wanted, **options)


def digits(**classifier: Any) -> dict[str, Any]:
    """An app with a classifier that has to be trained."""
    digit = {
        "model_type_id": "embedding-classifier",
        "concepts": ["0", "1", "2"],
        "base_embed_model": "clarifai/main/general-image-embedding@" + "b" * 32,
        "concepts_mutually_exclusive": True,
        **classifier,
    }
    nodes = [
        {"id": "embed", "model": "clarifai/main/general-image-embedding@" + "b" * 32},
        {"id": "digit", "model": "digit", "node_inputs": ["embed"]},
    ]
    return {
        "app": {"id": APP, "default_workflow": "read"},
        "concepts": {str(n): None for n in range(4)},
        "models": {"digit": digit},
        "workflows": {"read": {"nodes": nodes}},
    }


def swapped() -> dict[str, Any]:
    """Another workflow becomes the default, and the one that was loses a node."""
    data = copy.deepcopy(people())
    nodes = data["workflows"]["auto-annotation"]["nodes"]
    data["workflows"] = {
        "auto-annotation": {"nodes": nodes[:-1]},
        "confident-only": {"nodes": nodes[:4]},
    }
    data["app"]["default_workflow"] = "confident-only"
    return data


def rewired() -> dict[str, Any]:
    """A node more, one that reads from elsewhere, texts that come and go."""
    data = copy.deepcopy(people())
    nodes = data["workflows"]["auto-annotation"]["nodes"]
    nodes[5]["node_inputs"] = ["mapper", "doubtful"]
    nodes.append({"id": "again", "model": "write-success", "node_inputs": ["plausible"]})
    data["workflows"]["auto-annotation"]["description"] = "Labels people. " * 12
    data["models"]["confident"]["description"] = "sure"
    return data


def many() -> dict[str, Any]:
    """A thousand concepts more, each with a name, a definition and a relation."""
    data = people()
    ids = [f"c{n:04}" for n in range(1000)]
    wide = {
        "model_type_id": "concept-threshold",
        "concept_threshold_type": "GREATER_THAN",
        "thresholds": dict.fromkeys(ids, 0.5),
    }
    return {
        **data,
        "concepts": data["concepts"] | {id_: {"name": id_, "definition": "x"} for id_ in ids},
        "concept_relations": data["concept_relations"]
        + [{"subject": id_, "predicate": "hyponym", "object": "people"} for id_ in ids],
        "models": data["models"] | {"wide": wide, "confident": wide},
    }


def hostile() -> dict[str, Any]:
    """Ids and texts that would like to paint the terminal."""
    data = with_(people(), "concepts", **{HOSTILE: {"name": HOSTILE, "definition": "true"}})
    data["models"]["write-success"]["description"] = f"a\nb\tc {HOSTILE}" * 9
    data["app"]["description"] = "(known after apply)"
    return data


def _reverted() -> Plan:
    world = World()
    world.apply(people())
    world.apply(people(sure=0.9))
    return world.plan(people())


def _surplus() -> dict[str, Any]:
    data = with_(people(), "models", old={"model_type_id": "concept-synonym-mapper"})
    data = with_(data, "concepts", man=None, woman=None)
    data["concept_relations"].append(
        {"subject": "adult", "predicate": "hyponym", "object": "people"}
    )
    nodes = [
        {"id": "general", "model": "clarifai/main/general-image-recognition@" + "a" * 32},
        {"id": "old", "model": "old", "node_inputs": ["general"]},
    ]
    return with_(data, "workflows", old={"nodes": nodes})


CASES: dict[str, Callable[[], Plan]] = {
    "create-all": lambda: planned(None, people()),
    "threshold": lambda: planned(people(), people(sure=0.9)),
    "revert": _reverted,
    "train-first": lambda: planned(None, digits()),
    "retrain": lambda: planned(digits(), digits(concepts=["0", "1", "2", "3"])),
    "default-swap": lambda: planned(people(), swapped()),
    "rewired": lambda: planned(people(), rewired()),
    "no-changes": lambda: planned(people(), people()),
    "no-changes-unmanaged": lambda: planned(
        with_(people(), "models", old={"model_type_id": "concept-synonym-mapper"}), people()
    ),
    "excluded": lambda: planned(people(), people(sure=0.9, floor=0.2), exclude=["model.confident"]),
    "only-left-out": lambda: planned(people(), people(floor=0.2), exclude=["model.plausible"]),
    "prune": lambda: planned(_surplus(), people(), prune=True),
    "big": lambda: planned(people(), many()),
    "hostile": lambda: planned(people(), hostile()),
}


@pytest.mark.parametrize("name", CASES)
def test_the_text_is_as_kept(name: str) -> None:
    """UPDATE_GOLDEN=1 writes the files anew: read them before they are committed."""
    text = render_text(CASES[name]())
    kept = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        kept.write_text(text, "utf-8")
    assert text == kept.read_text("utf-8")


def test_no_kept_text_is_without_a_case() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(CASES)


# --- laws


@pytest.mark.parametrize("name", CASES)
def test_nothing_in_a_text_is_obeyed_by_a_terminal(name: str) -> None:
    text = render_text(CASES[name]())
    assert re.sub(r"[^\x00-\x1f\x7f-\x9f\u202a-\u202e]", "", text).strip("\n") == ""
    assert text.endswith("\n")
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize("name", CASES)
def test_colour_only_paints(name: str) -> None:
    made = CASES[name]()
    painted = render_text(made, color=True)
    assert painted != render_text(made)
    assert re.sub(r"\x1b\[\d+m", "", painted) == render_text(made)
    assert painted.count("\x1b[0m") * 2 == painted.count("\x1b[")


@pytest.mark.parametrize("name", sorted(set(CASES) - {"big"}))
def test_every_operation_and_every_field_that_differs_is_named(name: str) -> None:
    made = CASES[name]()
    text = render_text(made)
    for operation in made.operations:
        assert f" {visible(str(operation.change.address))} " in text.replace("\n", " ")
    flat = re.sub(r"\s+", " ", text)
    for told in to_json(made, "")["operations"]:
        if told["action"] == Action.UPDATE:
            for field in told["changes"]:
                path = field["path"].removesuffix(".model_version_id")
                assert path in flat or ".".join(path.split(".")[:2]) in flat


def test_a_thousand_of_a_kind_take_one_line() -> None:
    text = render_text(CASES["big"]())
    assert len(text.splitlines()) < 60
    assert "1,000 concepts" in text
    assert "1,000 relations" in text


def test_where_pruning_is_folded_every_name_still_stands() -> None:
    data = with_(people(), "models", **{f"m{n:03}": {"model_type_id": "concept-synonym-mapper"}
                                        for n in range(40)})  # fmt: skip
    text = render_text(planned(data, people(), prune=True, prune_limit=100))
    assert "- 40 models" in text
    flat = re.sub(r"\s+", " ", text)
    assert ", ".join(f"m{n:03}" for n in range(40)) in flat


def test_the_cutover_is_where_the_routing_of_the_live_default_changes() -> None:
    cutover = "the live default: the cutover"
    assert cutover in render_text(CASES["threshold"]())
    assert cutover not in render_text(CASES["default-swap"]())
    words = copy.deepcopy(people())
    words["workflows"]["auto-annotation"]["description"] = "words"
    assert cutover not in render_text(planned(people(), words))
    second = with_(people(), "workflows", second=people()["workflows"]["auto-annotation"])
    changed = copy.deepcopy(second)
    changed["workflows"]["second"]["nodes"].pop()
    assert cutover not in render_text(planned(second, changed))


def test_a_switch_says_what_is_not_known_about_the_inputs_that_are_there() -> None:
    text = re.sub(r"\s+", " ", render_text(CASES["default-swap"]()))
    assert (
        "Whether the platform then re-indexes the inputs that are already there is undocumented; "
        "no reindex is asked for." in text
    )


def wide(thresholds: dict[str, float]) -> dict[str, Any]:
    """A thresholder of many concepts."""
    data = with_(people(), "concepts", **dict.fromkeys(thresholds))
    return with_(data, "models", wide={**data["models"]["confident"], "thresholds": thresholds})


def test_the_one_of_many_that_differs_does_not_hide() -> None:
    before = {f"c.{n:03}": 0.5 for n in range(500)}
    after = {**dict.fromkeys(before, 0.6), "c.321": 0.01}
    created = re.sub(r"\s+", " ", render_text(planned(people(), wide(after))))
    assert 'thresholds 0.01 for "c.321"; 0.6 for 499: "c.000", "c.001", ' in created
    changed = render_text(planned(wide(before), wide(after)))
    assert '      thresholds."c.321"  0.5 -> 0.01\n' in changed
    assert '      thresholds          0.5 -> 0.6 for 499: "c.000", "c.001", ' in changed


def test_very_many_rows_say_how_many_more() -> None:
    before = {f"c{n:03}": 0.5 for n in range(50)}
    after = {id_: 0.6 + index / 1000 for index, id_ in enumerate(before)}
    text = render_text(planned(wide(before), wide(after)))
    assert text.count("0.5 -> ") == MAX_FIELDS
    assert "… and 20 more lines (--format json shows all)" in text


def test_what_is_left_out_by_a_target_says_so() -> None:
    text = render_text(planned(people(), people(sure=0.9), target=["model.confident"]))
    assert "\nLeft out (--target): model.doubtful, workflow.auto-annotation\n" in text


def test_concepts_that_cannot_be_deleted_are_counted() -> None:
    text = render_text(CASES["prune"]())
    assert "2 concepts cannot be deleted: the API has no way to do it" in text


def test_json_is_the_plan_file() -> None:
    made = CASES["threshold"]()
    text = render_json(made, "1.2.3")
    assert json.loads(text) == to_json(made, "1.2.3")
    assert RENDERERS["json"](made, "1.2.3", color=True) == text
    assert set(RENDERERS) == {"text", "json"}


def test_every_action_has_its_own_symbol_and_word() -> None:
    made = CASES["threshold"]()
    first = made.operations[0]
    marks = set()
    for action in Action:
        one = replace(first, change=replace(first.change, action=action))
        line = render_text(replace(made, operations=(one,))).splitlines()[2]
        mark, _, word = line.split()[:3]
        assert word == action.value
        marks.add(mark)
    assert len(marks) == len(Action)


def test_refusals_are_listed_with_their_way_out() -> None:
    error = RefusedError(["model.a: is of another type: delete it first", "model.b: \x1b[2J"])
    assert render_refused(error) == (
        "No plan: 2 refusals. Nothing was written.\n"
        "- model.a: is of another type: delete it first\n"
        "- model.b: \ufffd[2J\n"
    )


def test_a_refusal_that_quotes_an_endless_name_keeps_its_way_out() -> None:
    told = f"model.a: belongs to {'y' * 300_000!r}; --take-over model.a makes it this manifest's"
    _, line = render_refused(RefusedError([told])).splitlines()
    assert line.startswith("- model.a: belongs to 'yyy")
    assert line.endswith("yyy'; --take-over model.a makes it this manifest's")
    assert len(line) == 1002


# --- values


@pytest.mark.parametrize(
    ("found", "text"),
    [
        pytest.param(None, "(none)", id="None"),
        pytest.param("", '""', id="empty text"),
        pytest.param((), "[]", id="empty list"),
        pytest.param({}, "{}", id="empty map"),
        pytest.param(False, "false", id="False"),
        pytest.param(0, "0", id="0"),
        pytest.param(0.95, "0.95", id="float"),
        pytest.param("adult", "adult", id="id"),
        pytest.param("clarifai/main/x", "clarifai/main/x", id="three parts"),
        pytest.param("two words", '"two words"', id="words"),
        pytest.param("true", '"true"', id="text true"),
        pytest.param("Null", '"Null"', id="text null"),
        pytest.param("1", '"1"', id="text 1"),
        pytest.param("(known after apply)", '"(known after apply)"', id="text like a placeholder"),
        pytest.param("a\nb", '"a\\nb"', id="line break"),
        pytest.param("\x7f\u202e", '"\ufffd\ufffd"', id="invisible"),
        pytest.param("a" * 32, "aaaaaaaa…", id="a version"),
        pytest.param("x" * 99, "x" * 59 + "…", id="long"),
        pytest.param(["a", {"b": [1]}], "[a, {b: [1]}]", id="nested"),
        pytest.param(["abcdefgh"] * 9, "[" + "abcdefgh, " * 6 + "… and 3 more]", id="long list"),
    ],
)
def test_values_are_short_and_cannot_be_mistaken(found: Any, text: str) -> None:
    assert value(found) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        pytest.param(0.95, 0.9, "0.95 -> 0.9", id="numbers"),
        pytest.param("", "sure", "(none) -> sure", id="nothing before"),
        pytest.param({"a": [1]}, {"a": []}, "{a: [1]} -> {a: []}", id="nothing inside"),
        pytest.param([1], [], "[1] -> []", id="nothing left"),
        pytest.param([1], None, "[1] -> (none)", id="nothing at all"),
        pytest.param("a" * 32, "a" * 31 + "b", f"{'a' * 32} -> {'a' * 31}b", id="alike versions"),
        pytest.param("x" * 300 + "1" + "y" * 99, "x" * 300 + "2" + "y" * 99,
                     f'"…{"x" * 20}1{"y" * 37}…" -> "…{"x" * 20}2{"y" * 37}…"', id="long texts"),
        pytest.param([f"c{n:03}" for n in range(99)], [f"c{n:03}" for n in range(1, 100)],
                     "99 items -> 99 items, without c000 and with c099", id="long lists"),
        pytest.param([f"c{n:03}" for n in range(99)], [f"c{n:03}" for n in range(98, -1, -1)],
                     "99 items -> 99 items, in another order", id="order"),
    ],
)  # fmt: skip
def test_a_difference_shows_even_in_what_is_cut(before: Any, after: Any, text: str) -> None:
    assert change(before, after) == text


@given(st.text(max_size=300), st.text(max_size=300))
@settings(deadline=None)
def test_two_texts_that_differ_look_different(before: str, after: str) -> None:
    shown = change(before, after)
    assert "\n" not in shown
    assert "\x1b" not in shown
    if before != after and visible(before) != visible(after):
        left, _, right = shown.partition(" -> ")
        assert left != right or " -> " in before + after or not (before and after)


@given(st.lists(st.text(min_size=1, max_size=30), max_size=30), st.integers(1, 80))
def test_a_list_shows_at_least_one_and_counts_the_rest(texts: list[str], width: int) -> None:
    shown = listed(texts, len(texts), width)
    more = re.search(r", … and (\d+) more\Z", shown)
    if more:
        left = len(texts) - int(more[1])
        assert left >= 1
        assert shown == ", ".join(texts[:left]) + more[0]
    else:
        assert shown == ", ".join(texts)
