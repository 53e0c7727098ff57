"""Ids and times: generated ones that a seed makes repeatable, and what an id may look like."""

from __future__ import annotations

import random
import re
import threading
import time
from typing import Any, Final

from google.protobuf import timestamp_pb2

from reconciler.sandbox import status

MAX_LENGTH: Final = 48
_RESOURCE: Final = re.compile(r"[0-9A-Za-z]+([-_][0-9A-Za-z]+)*")
_MICRO: Final = 1_000_000


class IdSource:
    """Makes 32 lower-case hex digits at a time; with a seed, always the same ones in turn."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed) if seed is not None else random.SystemRandom()
        self._lock = threading.Lock()

    def new(self) -> str:
        """A fresh id."""
        with self._lock:
            return f"{self._random.getrandbits(128):032x}"

    def fraction(self) -> float:
        """A number in [0, 1), for operators that sample."""
        with self._lock:
            return self._random.random()


class Clock:
    """Microseconds since 1970 that never stand still, so that order by time is order of events."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def now(self) -> int:
        """The time in microseconds; later than any that was handed out before."""
        with self._lock:
            self._last = max(self._last + 1, time.time_ns() // 1000)
            return self._last


def stamp(micros: int) -> Any:
    """Microseconds since 1970 as a protobuf timestamp."""
    return timestamp_pb2.Timestamp(seconds=micros // _MICRO, nanos=micros % _MICRO * 1000)


def check_resource_id(id_: str, what: str, *, code: int = status.INVALID_REQUEST) -> str:
    """The id itself if the platform takes it (1 to 48 letters and digits with ``-``/``_`` inside)."""
    if len(id_) > MAX_LENGTH or not _RESOURCE.fullmatch(id_):
        raise status.PlatformError(
            code,
            f"{what} '{id_[:80]}' is not an id: 1 to {MAX_LENGTH} letters and digits, "
            "with single '-' or '_' between them",
        )
    if id_ == "me":
        raise status.PlatformError(code, f"{what} 'me' is reserved")
    return id_


def check_concept_id(id_: str) -> str:
    """The id itself if a concept may have it: any text without control characters."""
    if not id_:
        raise status.PlatformError(status.CONCEPTS_INVALID_REQUEST, "a concept needs an id")
    if len(id_) > 256 or not id_.isprintable():
        raise status.PlatformError(
            status.CONCEPTS_INVALID_REQUEST, f"concept id {id_[:40]!r} is too long or not printable"
        )
    return id_
