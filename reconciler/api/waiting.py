"""Waiting for threads so that a signal always ends it."""

from __future__ import annotations

import math
import time
from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, Final

_LONGEST: Final = 0.25
"""Seconds in which nobody looks whether there was a signal.

A handler runs between two steps of the main thread. A signal that comes after the last step before
a wait, or that another thread of the process is given, interrupts no wait: Ctrl-C would do nothing
until the answer is there.
"""


def first_done(futures: Collection[Future[Any]], timeout: float | None = None) -> set[Future[Any]]:
    """Those that are done as soon as one is; none once ``timeout`` seconds are over.

    Raises what a signal's handler raises, at most a quarter of a second after the signal.
    """
    until = math.inf if timeout is None else time.monotonic() + timeout
    while True:
        left = max(0.0, until - time.monotonic())
        done = wait(futures, min(left, _LONGEST), return_when=FIRST_COMPLETED).done
        if done or left <= _LONGEST:
            return done
