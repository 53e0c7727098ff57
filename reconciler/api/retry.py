"""What is tried again, as a table: nothing here sleeps, sends or reads a clock."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, unique
from types import MappingProxyType


@unique
class Situation(Enum):
    """How a try failed, as far as it matters for trying again."""

    NEVER_SENT = "never sent"
    """No connection came about: refused, unknown host, connect timeout."""
    UNUSABLE = "unusable"
    """Nothing was sent, nor will be: no valid address, or a certificate that is not trusted."""
    NO_ANSWER = "no answer"
    """Sent, at least in part; then reset, cut off or silent."""
    GARBLED = "garbled"
    """JSON that breaks off."""
    FOREIGN = "foreign"
    """Something else than the platform's JSON: a page of a proxy, another service."""
    THROTTLED = "throttled"
    """Turned away for coming too often."""
    SERVER_FAULT = "server fault"
    """The service failed while at it: HTTP 5xx, its 9xxxx codes."""
    REFUSED = "refused"
    """A definite no, which another try will not change."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What to do in one situation. ``first_wait`` is in seconds and doubles with each try."""

    repeat_read: bool
    repeat_write: bool
    unclear: bool
    """Whether a write may have been carried out all the same."""
    first_wait: float = 0.0


RULES: Mapping[Situation, Rule] = MappingProxyType(
    {
        Situation.NEVER_SENT: Rule(True, True, False, first_wait=0.25),
        Situation.UNUSABLE: Rule(False, False, False),
        Situation.NO_ANSWER: Rule(True, False, True, first_wait=0.5),
        Situation.GARBLED: Rule(True, False, True, first_wait=0.5),
        Situation.FOREIGN: Rule(False, False, True),
        Situation.THROTTLED: Rule(True, True, False, first_wait=1.0),
        Situation.SERVER_FAULT: Rule(True, False, True, first_wait=0.5),
        Situation.REFUSED: Rule(False, False, False),
    }
)

THROTTLED_CODES = frozenset({11003, 11005})
"""Hourly limit and requests a second; the official SDK waits on both."""

FAULT_CODES = frozenset(
    {10030, 40011, 40013, 40030, 40031, 40032, 98004, 98009, 99009},
)
"""TRY_AGAIN, a database timeout or deadlock, RPC queue, server or timeout, internal faults."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How patiently. ``max_retries`` counts after the first try, the rest is seconds."""

    max_retries: int = 4
    longest_backoff: float = 30.0
    longest_retry_after: float = 120.0
    """A service that asks for a longer rest is not waited for."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One failed try. ``retry_after`` is what the service asked for, in seconds."""

    situation: Situation
    write: bool
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Try again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not try again. ``unclear``: a write whose fate only reading back can tell."""

    reason: str
    unclear: bool = False


def decide(outcome: Outcome, attempt: int, policy: Policy, *, jitter: float = 1.0) -> Wait | GiveUp:
    """What follows a failed try. ``attempt`` counts from 1, ``jitter`` is from 0 to 1.

    The wait is what the service asked for, never less; else it doubles with each attempt, of which
    the jitter leaves a half to the whole.
    """
    rule = RULES[outcome.situation]
    unclear = rule.unclear and outcome.write
    if not (rule.repeat_write if outcome.write else rule.repeat_read):
        return GiveUp("", unclear)
    if attempt > policy.max_retries:
        return GiveUp(f"after {attempt} tries" if attempt > 1 else "", unclear)
    if outcome.retry_after is not None:
        if outcome.retry_after > policy.longest_retry_after:
            return GiveUp(f"the service asks for a rest of {outcome.retry_after:.0f} s", unclear)
        return Wait(outcome.retry_after)
    # Capped before 2**n leaves the range of a float.
    doubled = rule.first_wait * 2.0 ** min(attempt - 1, 60)
    return Wait(min(doubled, policy.longest_backoff) * (0.5 + 0.5 * jitter))


def situation_of(http_status: int, code: int) -> Situation | None:
    """The situation of an answer in the platform's JSON; None if it is no failure to retry on.

    ``code`` is the envelope's, 0 where there is none.
    """
    if http_status == 429 or code in THROTTLED_CODES:
        return Situation.THROTTLED
    if http_status == 501 or code == 10040:
        return Situation.REFUSED
    if http_status >= 500 or http_status == 408 or code in FAULT_CODES:
        return Situation.SERVER_FAULT
    return None


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Seconds of a ``Retry-After`` header: a number, or an HTTP date against ``now``.

    None where there is none or it is not readable (RFC 9110, 10.2.3).
    """
    if header is None:
        return None
    text = header.strip()
    try:
        seconds = float(text)
    except ValueError:
        return _seconds_until(text, now)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _seconds_until(date: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
