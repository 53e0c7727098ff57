"""Sets of scores, exactly: unions of intervals over the float32 numbers from 0 to 1.

The platform compares float32 with float32, so that there are only so many scores. Each has a rank,
its place among them, and "just above 0.5" is the rank after that of 0.5: no end of an interval needs
to be open, and no rounding can hide or invent a gap.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias, assert_never

from reconciler.routing.operators import Comparator
from reconciler.values import float32

_FLOAT: Final = struct.Struct("<f")
_BITS: Final = struct.Struct("<i")

Range: TypeAlias = tuple[int, int]
"""The ranks from the first to the second, both included."""

LOWEST: Final = 0
HIGHEST: Final = 0x3F800000
"""The rank of 1: the bits of float32 numbers from 0 up are in the order of the numbers."""


def rank(score: float) -> int:
    """Where a number stands among the float32 scores, after rounding to float32.

    Below 0 it is -1, above 1 one more than ``HIGHEST``. Raises ValueError for NaN.
    """
    if math.isnan(score):
        raise ValueError("NaN is no score")
    if score > 1.5:
        return HIGHEST + 1
    (bits,) = _BITS.unpack(_FLOAT.pack(score + 0.0 if score >= -1.0 else -1.0))
    return min(int(bits), HIGHEST + 1) if bits >= 0 else -1


def number(rank_: int) -> float:
    """The score of a rank, as its shortest decimal."""
    return float32(_FLOAT.unpack(_BITS.pack(rank_))[0])


@dataclass(frozen=True, slots=True)
class ScoreSet:
    """A set of scores. ``ranges`` are in order, and neither overlap nor touch."""

    ranges: tuple[Range, ...] = ()

    @classmethod
    def of(cls, ranges: Iterable[Range]) -> ScoreSet:
        """The union of any ranges, cut to the scores that there are."""
        joined: list[Range] = []
        cut = ((max(low, LOWEST), min(high, HIGHEST)) for low, high in ranges)
        for low, high in sorted(cut):
            if low > high:
                continue
            if joined and low <= joined[-1][1] + 1:
                joined[-1] = (joined[-1][0], max(joined[-1][1], high))
            else:
                joined.append((low, high))
        return cls(tuple(joined))

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __contains__(self, score: float) -> bool:
        found = rank(score)
        return any(low <= found <= high for low, high in self.ranges)

    def __or__(self, other: ScoreSet) -> ScoreSet:
        if not other.ranges or self.ranges == other.ranges:
            return self
        return _union(self, other) if self.ranges else other

    def __and__(self, other: ScoreSet) -> ScoreSet:
        if other.ranges == _ALL:
            return self
        if len(self.ranges) == len(other.ranges) == 1:  # nearly always
            (a, b), (c, d) = self.ranges[0], other.ranges[0]
            low, high = max(a, c), min(b, d)
            return ScoreSet(((low, high),)) if low <= high else NOTHING
        return _intersection(self, other)

    def __invert__(self) -> ScoreSet:
        edges = [LOWEST - 1]
        for low, high in self.ranges:
            edges += (low, high)
        edges.append(HIGHEST + 1)
        return ScoreSet.of((edges[i] + 1, edges[i + 1] - 1) for i in range(0, len(edges), 2))

    def __sub__(self, other: ScoreSet) -> ScoreSet:
        return self & ~other

    def __str__(self) -> str:
        return " or ".join(map(spoken, self.ranges)) or "no score"


@lru_cache(maxsize=4096)
def _union(one: ScoreSet, other: ScoreSet) -> ScoreSet:
    return ScoreSet.of((*one.ranges, *other.ranges))


@lru_cache(maxsize=4096)
def _intersection(one: ScoreSet, other: ScoreSet) -> ScoreSet:
    return ScoreSet.of(
        (max(a, c), min(b, d)) for a, b in one.ranges for c, d in other.ranges if a <= d and c <= b
    )


_ALL: Final = ((LOWEST, HIGHEST),)
NOTHING: Final = ScoreSet()
EVERYTHING: Final = ScoreSet(_ALL)


@lru_cache(maxsize=4096)
def passing(comparator: Comparator, threshold: float) -> ScoreSet:
    """The scores that a thresholder of this comparator keeps."""
    at = rank(threshold)
    low, high = LOWEST, HIGHEST
    match comparator:
        case Comparator.GREATER_THAN:
            low = at + 1
        case Comparator.GREATER_THAN_OR_EQUAL:
            low = at
        case Comparator.LESS_THAN:
            high = at - 1
        case Comparator.LESS_THAN_OR_EQUAL:
            high = at
        case Comparator.EQUAL:
            low = high = at
        case _:
            assert_never(comparator)
    low, high = max(low, LOWEST), min(high, HIGHEST)
    return ScoreSet(((low, high),)) if low <= high else NOTHING


def at_least(score: float) -> ScoreSet:
    """The scores from this one up."""
    return passing(Comparator.GREATER_THAN_OR_EQUAL, score)


def spoken(range_: Range) -> str:
    """``>= 0.5 and < 0.9``: exact, and with the decimals that a person is likely to have written."""
    low, high = range_
    if low == high:
        return f"exactly {plain(low)}"
    ends = [_lower(low)] if low > LOWEST else []
    ends += [_upper(high)] if high < HIGHEST else []
    return " and ".join(ends) or "any score"


def plain(rank_: int) -> str:
    """A score as a person writes it: ``0.95``, ``1``."""
    return f"{number(rank_):.9g}"


def _lower(rank_: int) -> str:
    """Of "from this on" and "beyond the one before", the one with fewer digits."""
    here, before = plain(rank_), plain(rank_ - 1)
    return f">= {here}" if len(here) <= len(before) else f"> {before}"


def _upper(rank_: int) -> str:
    here, after = plain(rank_), plain(rank_ + 1)
    return f"<= {here}" if len(here) <= len(after) else f"< {after}"
