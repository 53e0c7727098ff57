from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.api.retry import (
    RULES,
    GiveUp,
    Outcome,
    Policy,
    Situation,
    Wait,
    decide,
    retry_after_seconds,
    situation_of,
)

NOW = datetime(2025, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("situation", Situation)
def test_every_situation_has_a_rule(situation: Situation) -> None:
    assert situation in RULES


@pytest.mark.parametrize(
    ("situation", "write", "expected"),
    [
        pytest.param(Situation.NEVER_SENT, False, Wait(0.25), id="read never sent"),
        pytest.param(Situation.NEVER_SENT, True, Wait(0.25), id="write never sent"),
        pytest.param(Situation.UNUSABLE, False, GiveUp(""), id="read to no address"),
        pytest.param(Situation.UNUSABLE, True, GiveUp(""), id="write to no address"),
        pytest.param(Situation.NO_ANSWER, False, Wait(0.5), id="read reset"),
        pytest.param(Situation.NO_ANSWER, True, GiveUp("", unclear=True), id="write reset"),
        pytest.param(Situation.GARBLED, False, Wait(0.5), id="read cut"),
        pytest.param(Situation.GARBLED, True, GiveUp("", unclear=True), id="write cut"),
        pytest.param(Situation.FOREIGN, False, GiveUp(""), id="read of a page"),
        pytest.param(Situation.FOREIGN, True, GiveUp("", unclear=True), id="write to a page"),
        pytest.param(Situation.THROTTLED, False, Wait(1.0), id="read throttled"),
        pytest.param(Situation.THROTTLED, True, Wait(1.0), id="write throttled"),
        pytest.param(Situation.SERVER_FAULT, False, Wait(0.5), id="read 5xx"),
        pytest.param(Situation.SERVER_FAULT, True, GiveUp("", unclear=True), id="write 5xx"),
        pytest.param(Situation.REFUSED, False, GiveUp(""), id="read refused"),
        pytest.param(Situation.REFUSED, True, GiveUp(""), id="write refused"),
    ],
)
def test_first_failure(situation: Situation, write: bool, expected: Wait | GiveUp) -> None:
    assert decide(Outcome(situation, write), 1, Policy()) == expected


def test_the_wait_doubles_up_to_its_limit() -> None:
    policy = Policy(max_retries=7, longest_backoff=10.0)
    outcome = Outcome(Situation.THROTTLED, write=True)
    assert [decide(outcome, attempt, policy) for attempt in range(1, 9)] == [
        Wait(1.0),
        Wait(2.0),
        Wait(4.0),
        Wait(8.0),
        Wait(10.0),
        Wait(10.0),
        Wait(10.0),
        GiveUp("after 8 tries"),
    ]


def test_no_retries_at_all() -> None:
    assert decide(Outcome(Situation.THROTTLED, write=False), 1, Policy(max_retries=0)) == GiveUp("")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(0.0, Wait(0.0), id="at once"),
        pytest.param(7.0, Wait(7.0), id="longer than the backoff"),
        pytest.param(120.0, Wait(120.0), id="the longest"),
        pytest.param(3600.0, GiveUp("the service asks for a rest of 3600 s"), id="too long"),
    ],
)
def test_retry_after_wins(asked: float, expected: Wait | GiveUp) -> None:
    outcome = Outcome(Situation.THROTTLED, write=True, retry_after=asked)
    assert decide(outcome, 1, Policy(), jitter=0.0) == expected


@given(
    situation=st.sampled_from(Situation),
    write=st.booleans(),
    attempt=st.integers(1, 10_000),
    retries=st.integers(0, 20_000),
    jitter=st.floats(0, 1),
)
def test_waits_are_bounded_and_tries_are_counted(
    situation: Situation, write: bool, attempt: int, retries: int, jitter: float
) -> None:
    policy = Policy(max_retries=retries)
    verdict = decide(Outcome(situation, write), attempt, policy, jitter=jitter)
    if isinstance(verdict, Wait):
        assert attempt <= retries
        assert 0 < verdict.seconds <= policy.longest_backoff
        assert not (write and RULES[situation].unclear), "a write of unknown fate was repeated"
    else:
        assert verdict.unclear == (write and RULES[situation].unclear)


@pytest.mark.parametrize(
    ("http", "code", "expected"),
    [
        (200, 10000, None),
        (400, 11102, None),
        (404, 11101, None),
        (200, 11101, None),
        (429, 11005, Situation.THROTTLED),
        (429, 0, Situation.THROTTLED),
        (200, 11005, Situation.THROTTLED),
        (400, 11003, Situation.THROTTLED),
        (400, 11004, None),
        (500, 98004, Situation.SERVER_FAULT),
        (503, 0, Situation.SERVER_FAULT),
        (200, 99009, Situation.SERVER_FAULT),
        (400, 10030, Situation.SERVER_FAULT),
        (408, 0, Situation.SERVER_FAULT),
        (501, 10040, Situation.REFUSED),
        (400, 10040, Situation.REFUSED),
    ],
)
def test_situation_of(http: int, code: int, expected: Situation | None) -> None:
    assert situation_of(http, code) is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("3", 3.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("Wed, 01 Jan 2025 12:00:30 GMT", 30.0),
        ("Wed, 01 Jan 2025 11:00:00 GMT", 0.0),
        ("Wed, 01 Jan 2025 12:00:30 -0000", 30.0),
        ("Wed, 99 Jan 2025 12:00:30 GMT", None),
    ],
)
def test_retry_after(header: str | None, expected: float | None) -> None:
    assert retry_after_seconds(header, NOW) == expected
