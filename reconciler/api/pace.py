"""The client-side rate limit: how long to wait before the next request."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

MARGIN = 0.05
"""Seconds added to the window, for requests that overtake one another on their way."""


class Pace:
    """Hands out moments to send at, never more than ``max_rps`` of them within a second.

    The first ``max_rps`` are immediate; a rate below one spaces requests further apart than a
    second. Safe to use from several threads.
    """

    def __init__(self, max_rps: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._count = max(1, math.floor(max_rps))
        self._window = max(1.0, 1.0 / max_rps) + MARGIN
        self._slots: deque[float] = deque(maxlen=self._count)
        self._not_before = -math.inf
        self._lock = threading.Lock()

    def reserve(self) -> float:
        """Books the next moment and returns the seconds until it."""
        with self._lock:
            now = self._clock()
            slot = max(now, self._not_before)
            if len(self._slots) == self._count:
                slot = max(slot, self._slots[0] + self._window)
            self._slots.append(slot)
            return slot - now

    def pause(self, seconds: float) -> None:
        """Holds all that is not booked yet: one throttled request speaks for the others."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock() + seconds)
