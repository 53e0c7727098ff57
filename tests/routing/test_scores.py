"""float32, and one score per concept."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.routing.scores import ConceptKey, Score, float32, merge

A = ConceptKey("me", "app", "a")
B = ConceptKey("me", "app", "b")


@pytest.mark.parametrize(
    ("decimal", "exact"),
    [
        (0.95, 0.949999988079071),
        (0.9, 0.8999999761581421),
        (0.8, 0.800000011920929),
        (0.7, 0.699999988079071),
        (0.55, 0.550000011920929),
        (0.3, 0.30000001192092896),
        (0.1, 0.10000000149011612),
        (0.99, 0.9900000095367432),
        (0.5, 0.5),
        (0.25, 0.25),
        (0.0, 0.0),
        (1.0, 1.0),
        (1e39, math.inf),
        (-1e39, -math.inf),
        (1e-60, 0.0),
    ],
)
def test_float32_of_the_decimals_in_use(decimal: float, exact: float) -> None:
    assert float32(decimal) == exact


def test_float32_keeps_not_a_number() -> None:
    assert math.isnan(float32(math.nan))


@given(st.floats(width=32, allow_nan=False))
def test_float32_changes_no_float32(number: float) -> None:
    assert float32(number) == number


def test_the_same_id_in_two_apps_is_two_concepts() -> None:
    public = ConceptKey("clarifai", "main", "a")
    assert merge([Score(A, 0.5), Score(public, 0.6)]) == (Score(public, 0.6), Score(A, 0.5))


@pytest.mark.parametrize(
    ("scores", "merged"),
    [
        ([], ()),
        ([Score(A, 0.2), Score(A, 0.7), Score(A, 0.4)], (Score(A, 0.7),)),
        ([Score(A, 0.2), Score(B, 0.7)], (Score(B, 0.7), Score(A, 0.2))),
        ([Score(B, 0.5), Score(A, 0.5)], (Score(A, 0.5), Score(B, 0.5))),
    ],
    ids=["none", "one concept", "best first", "equal by concept"],
)
def test_merge(scores: list[Score], merged: tuple[Score, ...]) -> None:
    assert merge(scores) == merged
