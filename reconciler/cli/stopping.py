"""Ctrl-C in two steps: the first lets the requests in flight finish, the second ends at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reconciler.cli.streams import interject

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""CI sends either one when somebody cancels a job."""


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """Whether somebody wants it to stop; the second time raises ``KeyboardInterrupt``."""
    wanted = False

    def stop(*_: object) -> None:
        nonlocal wanted
        if wanted:
            raise KeyboardInterrupt
        wanted = True
        interject("stopping once the requests in flight are answered (Ctrl-C again: at once)")

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield lambda: wanted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
