from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.api.pace import MARGIN, Pace


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(
    rate=st.one_of(st.floats(0.05, 40), st.integers(1, 40).map(float)),
    gaps=st.lists(st.floats(0, 3), min_size=1, max_size=120),
)
def test_no_second_holds_more_than_the_rate(rate: float, gaps: list[float]) -> None:
    clock = Clock()
    pace = Pace(rate, clock=clock)
    slots = []
    for gap in gaps:
        clock.now += gap
        wait = pace.reserve()
        assert wait >= 0
        slots.append(clock.now + wait)
    assert slots == sorted(slots)
    most = max(1, math.floor(rate))
    for start in slots:
        assert sum(start <= slot <= start + 1.0 for slot in slots) <= most
    # Nobody waits longer than the rate demands.
    window = max(1.0, 1.0 / rate) + MARGIN
    arrivals = [sum(gaps[: index + 1]) for index in range(len(gaps))]
    for index, (slot, arrival) in enumerate(zip(slots, arrivals, strict=True)):
        earliest = max(arrival, slots[index - most] + window) if index >= most else arrival
        assert slot == pytest.approx(earliest)


def test_the_first_burst_is_immediate_and_then_the_window_rules() -> None:
    clock = Clock()
    pace = Pace(3, clock=clock)
    assert [pace.reserve() for _ in range(7)] == [
        0,
        0,
        0,
        1 + MARGIN,
        1 + MARGIN,
        1 + MARGIN,
        2 * (1 + MARGIN),
    ]


def test_a_rate_below_one_spaces_requests() -> None:
    pace = Pace(0.25, clock=Clock())
    assert [pace.reserve(), pace.reserve()] == [0, 4 + MARGIN]


def test_a_pause_holds_everyone_and_never_shortens() -> None:
    clock = Clock()
    pace = Pace(10, clock=clock)
    pace.pause(5)
    pace.pause(2)
    assert pace.reserve() == 5
    clock.now = 5.0
    assert pace.reserve() == 0
