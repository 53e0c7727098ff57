"""Sets of scores hold exactly the float32 numbers that the comparators keep."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.manifest.intervals import (
    EVERYTHING,
    HIGHEST,
    LOWEST,
    NOTHING,
    ScoreSet,
    at_least,
    number,
    passing,
    plain,
    rank,
    spoken,
)
from reconciler.routing.operators import Comparator
from reconciler.values import float32

ranks = st.integers(LOWEST, HIGHEST)
scores = st.floats(0, 1, width=32)
sets = st.lists(st.tuples(ranks, ranks), max_size=4).map(ScoreSet.of)


def exact(rank_: int) -> float:
    return float(struct.unpack("<f", struct.pack("<i", rank_))[0])


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (0.0, LOWEST),
        (-0.0, LOWEST),
        (1e-45, 1),
        (1.0, HIGHEST),
        (-0.5, -1),
        (-1e300, -1),
        (1.0000001, HIGHEST + 1),
        (1e300, HIGHEST + 1),
        (float("inf"), HIGHEST + 1),
        (float("-inf"), -1),
        (1e-60, LOWEST),
    ],
)
def test_ranks_at_the_ends(score: float, expected: int) -> None:
    assert rank(score) == expected


def test_what_is_no_number_has_no_rank() -> None:
    with pytest.raises(ValueError, match="NaN is no score"):
        rank(float("nan"))


@given(ranks)
def test_a_rank_is_one_number(rank_: int) -> None:
    assert rank(exact(rank_)) == rank_
    assert rank(number(rank_)) == rank_
    assert rank(float(plain(rank_))) == rank_


@given(ranks.filter(lambda rank_: rank_ < HIGHEST))
def test_ranks_are_in_the_order_of_scores(rank_: int) -> None:
    assert exact(rank_) < exact(rank_ + 1)


@given(st.sampled_from(Comparator), scores, scores)
def test_what_passes_is_what_the_comparator_keeps(
    comparator: Comparator, threshold: float, score: float
) -> None:
    kept = passing(comparator, threshold)
    at = rank(threshold)
    tried = [score, *(exact(r) for r in (at - 1, at, at + 1) if LOWEST <= r <= HIGHEST)]
    for one in tried:
        assert (one in kept) == comparator.keeps(one, threshold)


@given(sets, sets, ranks)
def test_sets_follow_the_laws_of_logic(one: ScoreSet, other: ScoreSet, rank_: int) -> None:
    score = exact(rank_)
    assert (score in one | other) == (score in one or score in other)
    assert (score in one & other) == (score in one and score in other)
    assert (score in ~one) == (score not in one)
    assert (score in one - other) == (score in one and score not in other)
    assert ~~one == one
    assert bool(one) == (one != NOTHING)
    assert (one | ~one, one & ~one) == (EVERYTHING, NOTHING)


@given(sets)
def test_ranges_neither_overlap_nor_touch(one: ScoreSet) -> None:
    for (low, high), (after, _) in zip(one.ranges, one.ranges[1:], strict=False):
        assert low <= high and high + 1 < after


def bounded(*bounds: tuple[Comparator, float]) -> ScoreSet:
    found = EVERYTHING
    for comparator, threshold in bounds:
        found &= passing(comparator, threshold)
    return found


GT, GTE, LT, LTE, EQ = Comparator


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (EVERYTHING, "any score"),
        (NOTHING, "no score"),
        (bounded((GT, 0.95)), "> 0.95"),
        (bounded((GTE, 0.95)), ">= 0.95"),
        (bounded((LT, 0.1)), "< 0.1"),
        (bounded((LTE, 0.1)), "<= 0.1"),
        (bounded((EQ, 0.3)), "exactly 0.3"),
        (bounded((GTE, 0.5), (LT, 0.9)), ">= 0.5 and < 0.9"),
        (bounded((GT, 0.5), (LTE, 0.9)), "> 0.5 and <= 0.9"),
        (bounded((GTE, 0.333333), (LT, 0.666667)), ">= 0.333333 and < 0.666667"),
        (bounded((GT, 0.0)), "> 0"),
        (bounded((LT, 1.0)), "< 1"),
        (bounded((LT, 0.2)) | bounded((GTE, 0.8)), "< 0.2 or >= 0.8"),
        (at_least(0.25), ">= 0.25"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_sets_are_told_as_a_person_wrote_them(found: ScoreSet, said: str) -> None:
    assert str(found) == said


@given(ranks, ranks)
def test_what_is_told_is_exact(one: int, other: int) -> None:
    low, high = min(one, other), max(one, other)
    found = EVERYTHING
    text = spoken((low, high))
    for part in () if text == "any score" else text.split(" and "):
        sign, value = part.split(" ")
        comparator = {">": GT, ">=": GTE, "<": LT, "<=": LTE, "exactly": EQ}[sign]
        found &= passing(comparator, float32(float(value)))
    assert found == ScoreSet(((low, high),))
