"""The flaws that are found are those that the scores themselves show, one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.manifest.coverage import REVIEWED, SUCCESS, Finding, Flaw, Share, findings
from reconciler.manifest.intervals import EVERYTHING, HIGHEST, LOWEST, ScoreSet, at_least

FEW = st.integers(LOWEST, LOWEST + 12) | st.integers(HIGHEST - 12, HIGHEST)
RANGES = st.lists(st.tuples(FEW, FEW), max_size=3)
PENDING = "ANNOTATION_PENDING"
SHARES = st.lists(
    st.builds(
        Share,
        st.sampled_from([SUCCESS, PENDING, ""]),
        st.sampled_from(["", "task"]),
        RANGES.map(ScoreSet.of),
        st.booleans(),
    ),
    max_size=4,
).map(tuple)


def ranks() -> list[int]:
    return [*range(LOWEST, LOWEST + 14), *range(HIGHEST - 14, HIGHEST + 1)]


def inside(rank_: int, scores: ScoreSet) -> bool:
    return any(low <= rank_ <= high for low, high in scores.ranges)


@given(SHARES)
def test_what_nobody_writes_is_found_rank_by_rank(shares: tuple[Share, ...]) -> None:
    found = findings(EVERYTHING, shares)
    gaps = ScoreSet.of(one.range for one in found if one.flaw in (Flaw.HOLE, Flaw.GAP))
    top = ScoreSet.of(one.range for one in found if one.flaw is Flaw.TOP)
    written = [r for r in ranks() if any(inside(r, share.scores) for share in shares)]
    for rank_ in ranks():
        between = bool(written) and written[0] < rank_ < written[-1] and rank_ not in written
        assert inside(rank_, gaps) == between
        assert inside(rank_, top) == (bool(written) and rank_ > written[-1])
    assert all(
        (one.range[0] == one.range[1]) == (one.flaw is Flaw.HOLE)
        for one in found
        if one.flaw in (Flaw.HOLE, Flaw.GAP)
    )


@given(SHARES)
def test_what_is_written_twice_is_found_rank_by_rank(shares: tuple[Share, ...]) -> None:
    found = findings(EVERYTHING, shares)
    doubled = ScoreSet.of(one.range for one in found if one.flaw in (Flaw.OVERLAP, Flaw.TWICE))
    for rank_ in ranks():
        writing = [s for s in shares if s.exact and s.status and inside(rank_, s.scores)]
        kinds = {(share.status, share.task) for share in writing}
        expected = len({status for status, _ in kinds}) > 1 or len(kinds) < len(writing)
        assert inside(rank_, doubled) == expected


@pytest.mark.parametrize(
    ("low", "high", "is_floorless"),
    [
        (LOWEST, HIGHEST, True),
        (LOWEST + 1, HIGHEST, True),
        (LOWEST + 2, HIGHEST, False),
        (LOWEST, LOWEST, False),
        (at_least(0.1).ranges[0][0], HIGHEST, False),
    ],
)
@pytest.mark.parametrize("status", [SUCCESS, *sorted(REVIEWED)])
def test_a_floor_is_anything_above_zero(
    status: str, low: int, high: int, is_floorless: bool
) -> None:
    scores = ScoreSet(((low, high),))
    found = list(findings(scores, (Share(status, "", scores),)))
    wanted = is_floorless and status in REVIEWED
    assert found == ([Finding(Flaw.FLOORLESS, (low, high), (0,))] if wanted else [])


def test_a_source_that_gives_only_some_scores_leaves_no_gap_where_it_gives_none() -> None:
    low, high = ScoreSet(((0, 10),)), ScoreSet(((20, HIGHEST),))
    shares = (Share(SUCCESS, "", high), Share("", "", low))
    assert findings(low | high, shares) == ()
    assert findings(EVERYTHING, shares) == (Finding(Flaw.GAP, (11, 19)),)
