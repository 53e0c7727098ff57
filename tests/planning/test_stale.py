"""What a stale plan says of each thing that moved, in the words that people read."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.planning.stale import moved_objects, moved_operations

PIN = "nodes.sure.model_version_id"


def operation(*changes: tuple[str, Any, Any], later: tuple[str, ...] = ()) -> dict[str, Any]:
    """An update of one workflow, as a plan file has it."""
    return {
        "address": "workflow.main",
        "action": "update",
        "class": "routing",
        "reason": "it differs",
        "requires": [],
        "changes": [{"path": p, "before": before, "after": after} for p, before, after in changes],
        "known_after_apply": list(later),
    }


FOLLOWS = operation((PIN, "v1", None), later=(PIN,))


@pytest.mark.parametrize(
    ("planned", "now", "line"),
    [
        pytest.param(
            operation(("description", "a", "b")),
            operation(("description", "c", "b")),
            'description: planned against "a", found "c"',
            id="another value is live",
        ),
        pytest.param(
            operation(("description", None, "b")),
            operation(("description", "c", "b")),
            'description: planned against nothing, found "c"',
            id="there is a value now",
        ),
        pytest.param(
            operation(("description", "a", "b")),
            operation(("description", "a", "c")),
            'description: planned to become "b", would now become "c"',
            id="another value is wanted",
        ),
        pytest.param(
            FOLLOWS,
            operation((PIN, "v1", "v0")),
            f'{PIN}: planned to become (known after apply), would now become "v0"',
            id="a new version was planned",
        ),
        pytest.param(
            operation((PIN, "v1", "v0")),
            FOLLOWS,
            f'{PIN}: planned to become "v0", would now become (known after apply)',
            id="a new version is wanted now",
        ),
        pytest.param(
            operation(("description", "a", "b"), ("notes", "x", "y")),
            operation(("notes", "x", "y")),
            'description: planned against "a", found as wanted already',
            id="done by somebody else",
        ),
        pytest.param(
            operation(("notes", "x", "y")),
            operation(("description", "a", "b"), ("notes", "x", "y")),
            'description: planned to stay, would now go from "a" to "b"',
            id="changed as well",
        ),
    ],
)
def test_a_field_that_moved(planned: dict[str, Any], now: dict[str, Any], line: str) -> None:
    assert moved_operations([planned], [now]) == {"workflow.main": (f"workflow.main {line}",)}


def test_operations_that_came_and_went() -> None:
    one, other = FOLLOWS, {**FOLLOWS, "address": "workflow.other", "action": "create"}
    assert moved_operations([one], [other]) == {
        "workflow.main": ("workflow.main: planned to update, and there is no need to now",),
        "workflow.other": ("workflow.other: to create now, which was not planned",),
    }


MADE = {**FOLLOWS, "action": "create"}
TRAINED = {**operation(("thresholds.adult", 0.5, 0.6)), "action": "train"}
NEWLY = operation(("description", "a", "b"))


@pytest.mark.parametrize(
    ("planned", "now", "lines"),
    [
        pytest.param([], [NEWLY], [" description: planned against \"b\", found \"a\""], id="changed"),
        pytest.param([], [FOLLOWS], [f' {PIN}: planned to stay, found "v1"'], id="follows now"),
        pytest.param(
            [NEWLY], [], [" description: planned against \"a\", found \"b\", as wanted"], id="done already"
        ),
        pytest.param(
            [FOLLOWS], [], [f' {PIN}: planned against "v1", found as wanted already'], id="followed already"
        ),
        pytest.param(
            [NEWLY],
            [TRAINED],
            [
                ": planned to update, and there is no need to now",
                " thresholds.adult: planned against 0.6, found 0.5",
            ],
            id="another action",
        ),
        pytest.param([], [MADE], [": planned to stay, found gone"], id="gone"),
        pytest.param([NEWLY], [MADE], [": planned to update, found gone"], id="gone, to be changed"),
        pytest.param(
            [MADE],
            [NEWLY],
            [
                ": planned to create, and there is no need to now",
                " description: planned against nothing, found \"a\"",
            ],
            id="made by somebody else",
        ),
    ],
)  # fmt: skip
def test_of_the_same_wish_it_is_known_what_the_app_was(
    planned: list[dict[str, Any]], now: list[dict[str, Any]], lines: list[str]
) -> None:
    told = moved_operations(planned, now, same_wish=True)
    assert told == {"workflow.main": tuple(f"workflow.main{line}" for line in lines)}


def test_equal_operations_did_not_move() -> None:
    assert moved_operations([FOLLOWS], [dict(FOLLOWS)]) == {}


def test_another_order_is_named_where_nothing_else_moved() -> None:
    other = {**FOLLOWS, "address": "workflow.other"}
    assert moved_operations([FOLLOWS, other], [other, FOLLOWS]) == {
        "": ("the same operations would run in another order",)
    }


def test_what_follows_from_other_differences_is_named_only_alone() -> None:
    reasoned = {**FOLLOWS, "reason": "it follows"}
    assert moved_operations([FOLLOWS], [reasoned]) == {
        "workflow.main": ('workflow.main reason: planned "it differs", now "it follows"',)
    }


def test_objects_that_moved() -> None:
    planned = {
        "model.gone": {"fields": "sha256:1"},
        "model.sure": {"fields": "sha256:1", "newest_version": "v1"},
        "model.same": {"fields": "sha256:1"},
    }
    now = {
        "model.made": {"fields": "sha256:1"},
        "model.sure": {"fields": "sha256:2", "newest_version": "v2"},
        "model.same": {"fields": "sha256:1"},
    }
    assert moved_objects(planned, now) == {
        "model.gone": ("model.gone: is gone",),
        "model.made": ("model.made: was not there when planned",),
        "model.sure": (
            "model.sure: its declared fields changed",
            'model.sure newest_version: planned against "v1", found "v2"',
        ),
    }
