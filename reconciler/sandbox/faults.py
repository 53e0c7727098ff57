"""Faults on demand and the log of requests: what tests tell the doors to do, and read back."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeAlias

Reader: TypeAlias = Callable[[], AbstractContextManager[Any]]

_LOG_LENGTH: Final = 100_000
_ACTIONS: Final = ("status", "latency_ms", "drop", "cut", "stale_reads", "mixed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What shall happen to the requests it is for.

    ``method`` (empty: any) and ``path`` (a regular expression searched in the decoded path; empty:
    any) say which requests; the ``nth`` of them is the first to be hit, ``times`` of them are (0: all
    from then on). The rest says what happens, several things together if they fit:

    ``latency_ms`` waits first. ``drop`` closes the connection ``before`` the work is done or ``after``
    the commit. ``status`` answers at once with that HTTP status: the platform's envelope with ``code``,
    or a proxy's page if ``html``; ``retry_after`` seconds go into the header. ``cut`` sends half of the
    answer. ``mixed`` leaves out every second item of a batch. ``stale_reads`` lets that many later reads
    see the state from before this request.
    """

    method: str = ""
    path: str = ""
    nth: int = 1
    times: int = 1
    status: int = 0
    code: int = 0
    html: bool = False
    retry_after: float | None = None
    latency_ms: int = 0
    drop: Literal["", "before", "after"] = ""
    cut: bool = False
    stale_reads: int = 0
    mixed: bool = False

    def __post_init__(self) -> None:
        """Refuse what could never do anything."""
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"path {self.path!r} is no regular expression: {error}") from None
        if self.nth < 1 or self.times < 0:
            raise ValueError("nth counts from 1, times from 0")
        if self.drop not in ("", "before", "after"):
            raise ValueError(f"drop is {self.drop!r}; it must be 'before' or 'after'")
        if not any(getattr(self, name) for name in _ACTIONS):
            raise ValueError(f"the fault does nothing: give one of {', '.join(_ACTIONS)}")

    def is_for(self, method: str, path: str) -> bool:
        """Whether a request is one of those it is about."""
        return self.method in ("", method) and re.search(self.path, path) is not None


@dataclass(frozen=True, slots=True)
class Logged:
    """One request that came in; ``status`` is 0 where no answer went out, ``rpc`` empty without one."""

    method: str
    path: str
    query: str
    status: int
    rpc: str
    milliseconds: float


class RequestLog:
    """The requests of the platform's API, oldest first; those to the control route do not count."""

    def __init__(self) -> None:
        self._entries: deque[Logged] = deque(maxlen=_LOG_LENGTH)
        self._lock = threading.Lock()

    def add(self, entry: Logged) -> None:
        """Note a request."""
        with self._lock:
            self._entries.append(entry)

    def entries(self) -> tuple[Logged, ...]:
        """What was noted."""
        with self._lock:
            return tuple(self._entries)

    def clear(self) -> None:
        """Forget it."""
        with self._lock:
            self._entries.clear()


class OldState(Protocol):
    """A state of the store that no later write touches."""

    def read(self) -> AbstractContextManager[Any]:
        """A reading transaction over it."""

    def close(self) -> None:
        """Let it go."""


@dataclass(slots=True)
class _Planted:
    fault: Fault
    matched: int = 0
    hit: int = 0


class FaultBook:
    """The faults that are planted, and the stale state that later reads shall see."""

    def __init__(self) -> None:
        self._planted: list[_Planted] = []
        self._stale: OldState | None = None
        self._stale_left = 0
        self._lock = threading.Lock()

    def inject(self, fault: Fault) -> None:
        """Plant a fault."""
        with self._lock:
            self._planted.append(_Planted(fault))

    def planted(self) -> tuple[tuple[Fault, int], ...]:
        """Every fault that can still hit, with how often it did."""
        with self._lock:
            return tuple((item.fault, item.hit) for item in self._planted if not _spent(item))

    def clear(self) -> None:
        """Remove all faults and the stale state."""
        with self._lock:
            self._planted.clear()
            self._drop_stale()

    def take(self, *names: tuple[str, str]) -> Fault | None:
        """The first fault that hits this request; every one that it is for counts it.

        ``names`` are the methods with their paths that the request goes by: one over REST; over gRPC
        its own and the one that it would have over REST.
        """
        taken: Fault | None = None
        with self._lock:
            for item in self._planted:
                if _spent(item) or not any(item.fault.is_for(*name) for name in names):
                    continue
                item.matched += 1
                if taken is None and item.matched >= item.fault.nth:
                    item.hit += 1
                    taken = item.fault
        return taken

    def go_stale(self, state: OldState, reads: int) -> None:
        """Let the next reads see this old state."""
        with self._lock:
            self._drop_stale()
            self._stale, self._stale_left = state, reads

    def reader(self) -> Reader | None:
        """How a read that begins now sees the state, if not as it is; counts the read."""
        with self._lock:
            if self._stale is None:
                return None
            if self._stale_left <= 0:
                self._drop_stale()
                return None
            self._stale_left -= 1
            return self._stale.read

    def _drop_stale(self) -> None:
        if self._stale is not None:
            self._stale.close()
        self._stale, self._stale_left = None, 0


def _spent(item: _Planted) -> bool:
    return bool(item.fault.times) and item.hit >= item.fault.times


class RateLimit:
    """At most so many requests in any second."""

    def __init__(self, per_second: int) -> None:
        self.per_second = per_second
        self._times: deque[float] = deque()
        self._lock = threading.Lock()

    def admits(self) -> bool:
        """Whether one more may come now."""
        now = time.monotonic()
        with self._lock:
            while self._times and self._times[0] <= now - 1.0:
                self._times.popleft()
            if len(self._times) >= self.per_second:
                return False
            self._times.append(now)
            return True
