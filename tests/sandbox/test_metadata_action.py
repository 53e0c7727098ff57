"""``metadata_action``: the contract's own examples, and laws for what it does not show."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.sandbox.metadata_action import apply
from reconciler.sandbox.status import PlatformError

TAGS = {"tag": [{"id": "1", "data": 1}, {"id": "2", "data": 2}]}
THIRD = {"tag": [{"id": "2", "data": 3}]}

SCALARS = st.integers(-9, 9) | st.text("abc", max_size=3) | st.booleans()
OBJECTS = st.recursive(
    st.dictionaries(st.text("abc", min_size=1, max_size=2), SCALARS, max_size=3),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("op", "resolution", "path", "sent", "expected"),
    [
        pytest.param(
            "merge", "overwrite_by_id", "", THIRD,
            {"tag": [{"id": "1", "data": 1}, {"id": "2", "data": 3}]}, id="overwrite_by_id",
        ),
        pytest.param(
            "merge", "remove_by_id", "", THIRD, {"tag": [{"id": "1", "data": 1}]},
            id="remove_by_id",
        ),
        pytest.param(
            "merge", "merge_by_id", "", {"tag": [{"id": "2", "more": True}]},
            {"tag": [{"id": "1", "data": 1}, {"id": "2", "data": 2, "more": True}]},
            id="merge_by_id",
        ),
        pytest.param("merge", "overwrite", "", THIRD, THIRD, id="overwrite"),
        pytest.param("merge", "do_nothing", "", THIRD, TAGS, id="do_nothing"),
        pytest.param(
            "merge", "append", "tag[1].data", 3,
            {"tag": [{"id": "1", "data": 1}, {"id": "2", "data": [2, 3]}]}, id="append at a path",
        ),
        pytest.param(
            "overwrite", "", "tag[0].data", 9,
            {"tag": [{"id": "1", "data": 9}, {"id": "2", "data": 2}]}, id="overwrite at a path",
        ),
        pytest.param(
            "delete", "", "tag[1]", {}, {"tag": [{"id": "1", "data": 1}]}, id="delete at a path",
        ),
        pytest.param("delete", "", "nothing.here", {}, TAGS, id="delete what is not there"),
        pytest.param("delete", "", "", {}, {}, id="delete all"),
    ],
)  # fmt: skip
def test_an_action_on_metadata(
    op: str, resolution: str, path: str, sent: Any, expected: Any
) -> None:
    assert apply(TAGS, sent, op, resolution, path) == expected


@pytest.mark.parametrize(
    ("op", "resolution", "path", "said"),
    [
        ("rename", "", "", "metadata_action.op 'rename' is none of merge, overwrite, delete"),
        ("merge", "win", "", "metadata_action.merge_conflict_resolution 'win' is none of"),
        ("delete", "", "tag[", "metadata_action.path 'tag[' is no path like tag[1].data"),
        ("overwrite", "", "tag[7]", "metadata_action.path leads nowhere at '7'"),
    ],
)
def test_what_it_does_not_know_is_refused(op: str, resolution: str, path: str, said: str) -> None:
    with pytest.raises(PlatformError) as caught:
        apply(TAGS, {}, op, resolution, path)
    assert caught.value.details.startswith(said)


@given(OBJECTS, OBJECTS)
def test_do_nothing_keeps_what_is_there_and_adds_the_rest(old: Any, new: Any) -> None:
    merged = apply(old, new, "merge", "do_nothing", "")
    assert apply(merged, old, "merge", "overwrite", "") == merged, "nothing old was lost or changed"
    assert apply(merged, new, "merge", "do_nothing", "") == merged, "the second time adds nothing"


@given(OBJECTS)
def test_create_if_absent_has_one_winner(first: Any) -> None:
    """What a lease rests on: of two merges of one key, the first stays whole."""
    after_first = apply({}, {"key": {"holder": "first", **first}}, "merge", "do_nothing", "")
    after_both = apply(
        after_first, {"key": {"holder": "second", **first}}, "merge", "do_nothing", ""
    )
    assert after_both == after_first
