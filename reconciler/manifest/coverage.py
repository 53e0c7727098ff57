"""What writers make of the scores of one concept: which nobody writes, which several write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from itertools import combinations

from reconciler.manifest.intervals import LOWEST, NOTHING, Range, ScoreSet

SUCCESS = "ANNOTATION_SUCCESS"
REVIEWED = frozenset(
    {"ANNOTATION_PENDING", "ANNOTATION_AWAITING_REVIEW", "ANNOTATION_AWAITING_CONSENSUS_REVIEW"}
)
"""The statuses that ask a human."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one writer writes of a concept. ``exact`` is False where these scores are the most.

    ``status`` is empty where it is not known; writers of different ``task`` may write alike.
    """

    status: str
    task: str
    scores: ScoreSet
    exact: bool = True


class Flaw(Enum):
    """What can be wrong with the shares of a concept."""

    HOLE = auto()  # a single score between two written ones
    GAP = auto()  # scores between two written ones
    TOP = auto()  # scores above all that are written
    OVERLAP = auto()  # scores written with two statuses
    TWICE = auto()  # scores written twice with one status
    FLOORLESS = auto()  # scores down to 0 for a human


@dataclass(frozen=True, slots=True)
class Finding:
    """A flaw, the scores that it is about, and the writers, by position."""

    flaw: Flaw
    range: Range
    writers: tuple[int, ...] = ()


@lru_cache(maxsize=4096)
def findings(possible: ScoreSet, shares: tuple[Share, ...]) -> tuple[Finding, ...]:
    """All flaws, for the scores that a source can give.

    Scores below all written ones are no flaw: what is screened out is screened out on purpose.
    """
    return (*_unwritten(possible, shares), *_written_twice(shares), *_floorless(shares))


def _unwritten(possible: ScoreSet, shares: tuple[Share, ...]) -> Iterator[Finding]:
    written = NOTHING
    for share in shares:
        written |= share.scores
    if not written:
        return
    lowest, highest = written.ranges[0][0], written.ranges[-1][1]
    for range_ in (possible - written).ranges:
        low, high = range_
        if low > highest:
            yield Finding(Flaw.TOP, range_)
        elif low > lowest:
            yield Finding(Flaw.HOLE if low == high else Flaw.GAP, range_)


def _written_twice(shares: tuple[Share, ...]) -> Iterator[Finding]:
    said: set[tuple[Flaw, Range]] = set()
    for (i, one), (j, other) in combinations(enumerate(shares), 2):
        if not (one.exact and other.exact and one.status and other.status):
            continue
        if one.status == other.status:
            flaw, is_fine = Flaw.TWICE, one.task != other.task
        else:
            flaw, is_fine = Flaw.OVERLAP, False
        for range_ in () if is_fine else (one.scores & other.scores).ranges:
            if (flaw, range_) not in said:
                said.add((flaw, range_))
                yield Finding(flaw, range_, (i, j))


def _floorless(shares: tuple[Share, ...]) -> Iterator[Finding]:
    for i, share in enumerate(shares):
        if not (share.exact and share.status in REVIEWED and share.scores):
            continue
        low, high = share.scores.ranges[0]
        # "> 0" is no floor: it lets pass all that a model ever says
        if low <= LOWEST + 1 < high:
            yield Finding(Flaw.FLOORLESS, (low, high), (i,))
