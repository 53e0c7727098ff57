"""What counts as the same: for what is free JSON, and for what is not."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.resource import same
from reconciler.values import freeze

OPEN = frozenset({"metadata"})


@pytest.mark.parametrize(
    ("want", "have", "expected"),
    [
        pytest.param({"a": 1}, {"a": 1.0}, True, id="a double is the integer that it is"),
        pytest.param({"a": 1}, {"a": True}, False, id="one is not true"),
        pytest.param({"a": False}, {"a": 0}, False, id="false is not nought"),
        pytest.param(
            {"a": [1, {"b": 0}]}, {"a": [1, {"b": False}]}, False, id="nor deep in a list"
        ),
        pytest.param({"a": [True]}, {"a": [True]}, True, id="true is true"),
        pytest.param({"a": True}, {"a": True, "b": 1}, True, id="only stated keys count"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, True, id="at every depth"),
        pytest.param({"a": {"b": 1}}, {"a": 1}, False, id="a map is no number"),
        pytest.param({"a": {"b": ""}}, {}, True, id="blank inside an absent map"),
        pytest.param({"a": ""}, {"a": []}, True, id="blank is blank"),
        pytest.param({"a": None}, {"a": {}}, True, id="null is blank"),
        pytest.param({"a": False}, {}, False, id="false says something"),
        pytest.param({"a": 0}, {"a": ""}, False, id="so does nought"),
    ],
)
def test_free_json(want: dict[str, Any], have: dict[str, Any], expected: bool) -> None:
    frozen = freeze({"metadata": want}), freeze({"metadata": have})
    assert same(*frozen, OPEN) is expected


@pytest.mark.parametrize(
    ("want", "have", "expected"),
    [
        pytest.param({"a": 1}, {"a": 1, "b": 2}, False, id="all keys count"),
        pytest.param({}, None, True, id="blank is absent"),
        pytest.param({"a": 0.95}, {"a": 0.95}, True, id="equal"),
        pytest.param({"a": {"on": True}}, {"a": {"on": 1}}, False, id="true is not 1 here either"),
        pytest.param([1, "a"], (1, "a"), True, id="a list is a list"),
        pytest.param([1], [1, 2], False, id="a shorter list"),
    ],
)
def test_a_closed_map(want: Any, have: Any, expected: bool) -> None:
    assert same(freeze({"thresholds": want}), freeze({"thresholds": have}), OPEN) is expected
