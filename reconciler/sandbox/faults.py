"""Faults on demand and the log of requests: what tests tell the doors to do, and read back."""

from __future__ import annotations

import difflib
import math
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, Protocol, TypeAlias

Reader: TypeAlias = Callable[[], AbstractContextManager[Any]]

_LOG_LENGTH: Final = 100_000
_LONGEST_WAIT: Final = 3600
_ACTIONS: Final = (
    "status",
    "latency_ms",
    "drop",
    "cut",
    "stale_reads",
    "stale_seconds",
    "mixed",
    "work_delay_ms",
)
_NEED_STATUS: Final = ("code", "html", "retry_after")
_WAITS: Final[Mapping[str, int]] = {
    "latency_ms": _LONGEST_WAIT * 1000,
    "work_delay_ms": _LONGEST_WAIT * 1000,
    "stale_seconds": _LONGEST_WAIT,
    "retry_after": _LONGEST_WAIT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What shall happen to the requests it is for.

    ``method`` (empty: any), ``path`` (a regular expression searched in the decoded path; empty: any)
    and ``rpc`` (the name of a method of the service; empty: any) say which requests; the ``nth`` of
    them is the first to be hit, ``times`` of them are (0: all from then on). The log shows ``name``.
    The rest says what happens, several things together if they fit:

    ``latency_ms`` waits first, until the faults are cleared at the latest. ``drop`` closes the connection ``before`` the work is done or ``after``
    the commit. ``status`` answers at once with that HTTP status: the platform's envelope with ``code``,
    or a proxy's page if ``html``; ``retry_after`` seconds go into the header. ``cut`` sends half of the
    answer. ``mixed`` leaves out every second item of a batch. ``stale_reads`` lets that many later reads
    see the state from before this request, ``stale_seconds`` those of that time; with both, what ends
    first ends it. ``work_delay_ms`` lets the background work of this request (processing of inputs,
    training) begin that much later.

    Raises ValueError for what could never do anything.
    """

    method: str = ""
    path: str = ""
    rpc: str = ""
    nth: int = 1
    times: int = 1
    name: str = ""
    status: int = 0
    code: int = 0
    html: bool = False
    retry_after: float | None = None
    latency_ms: int = 0
    drop: Literal["", "before", "after"] = ""
    cut: bool = False
    stale_reads: int = 0
    stale_seconds: float = 0.0
    mixed: bool = False
    work_delay_ms: int = 0

    def __post_init__(self) -> None:
        """Refuse what could never do anything."""
        check_types(self)
        check_path(self.path)
        if self.nth < 1 or self.times < 0:
            raise ValueError("nth counts from 1, times from 0")
        if self.drop not in ("", "before", "after"):
            raise ValueError(f"drop is {self.drop!r}; it must be 'before' or 'after'")
        for name, most in _WAITS.items():
            value = getattr(self, name)
            if value is not None and not 0 <= value <= most:
                raise ValueError(f"{name} is {value!r:.40}; it must be from 0 to {most}")
        if self.status and not 200 <= self.status <= 599:
            raise ValueError(f"status is {self.status!r:.40}; an answer has one from 200 to 599")
        if self.stale_reads < 0 or self.code < 0:
            raise ValueError("stale_reads and code are never negative")
        if not any(getattr(self, name) for name in _ACTIONS):
            raise ValueError(f"the fault does nothing: give one of {', '.join(_ACTIONS)}")
        lonely = [name for name in _NEED_STATUS if getattr(self, name) not in (None, 0, False)]
        if lonely and not self.status:
            raise ValueError(f"{lonely[0]} belongs to a status: give one too")

    def is_for(self, method: str, path: str, rpc: str = "") -> bool:
        """Whether a request is one of those it is about."""
        return is_about(self, method, path, rpc)

    def fate(self, number: int) -> Fault | None:
        """What happens to this one, counted from 1, of the requests that it is for."""
        return self if number >= self.nth else None

    def said(self) -> dict[str, Any]:
        """The fields that were given, as JSON shows them."""
        usual = {field.name: field.default for field in fields(self)}
        return {name: value for name, value in asdict(self).items() if value != usual[name]}


class Planted(Protocol):
    """What can be planted: a fault, or a plan that faults are drawn from."""

    @property
    def rpc(self) -> str:
        """The name of the method it is about; empty for any."""

    @property
    def times(self) -> int:
        """How many requests it hits; 0 for all."""

    def is_for(self, method: str, path: str, rpc: str = "") -> bool:
        """Whether a request is one of those it is about."""

    def fate(self, number: int) -> Fault | None:
        """What happens to this one, counted from 1, of the requests that it is for."""

    def said(self) -> dict[str, Any]:
        """The fields that were given, as JSON shows them."""


def is_about(about: Any, method: str, path: str, rpc: str) -> bool:
    """Whether ``method``, ``path`` and ``rpc`` of something planted fit a request."""
    return (
        about.method.upper() in ("", method.upper())
        and about.rpc in ("", rpc)
        and re.search(about.path, path) is not None
    )


def check_types(value: Any) -> None:
    """Raises ValueError for a field whose value is not of the type of its default."""
    for field in fields(value):
        given, usual = getattr(value, field.name), field.default
        if isinstance(usual, bool):
            good, wanted = isinstance(given, bool), "true or false"
        elif isinstance(usual, str):
            good, wanted = isinstance(given, str), "text"
        elif isinstance(usual, int):
            good, wanted = isinstance(given, int) and not isinstance(given, bool), "a whole number"
        elif isinstance(usual, float) or usual is None:
            good, wanted = given is None is usual or _is_number(given), "a number"
        else:
            continue
        if not good:
            raise ValueError(f"{field.name} is {given!r:.60}; it must be {wanted}")


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def check_path(path: str) -> None:
    """Raises ValueError for what is no regular expression."""
    try:
        re.compile(path)
    except re.error as error:
        raise ValueError(f"path {path!r} is no regular expression: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One request that came in.

    ``status`` is the HTTP status, 0 where no answer went out; ``rpc`` is empty where no method was
    meant; ``code`` is the platform's; ``fault`` is what was injected; ``number`` counts the requests
    of this sandbox in the order they came, from 1, at all doors; ``door`` is ``rest`` or ``grpc``.
    """

    number: int
    door: str
    method: str
    path: str
    query: str
    rpc: str
    status: int
    code: int
    milliseconds: float
    fault: Fault | None

    def shown(self) -> dict[str, Any]:
        """As JSON shows it."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**found, "fault": self.fault.said() if self.fault else None}


class RequestLog:
    """The requests of the platform's API; those to the control route do not count."""

    def __init__(self) -> None:
        self._entries: deque[Logged] = deque(maxlen=_LOG_LENGTH)
        self._count = 0
        self._lock = threading.Lock()

    def count(self) -> int:
        """The number of a request that has just come."""
        with self._lock:
            self._count += 1
            return self._count

    def add(self, entry: Logged) -> None:
        """Note a request."""
        with self._lock:
            self._entries.append(entry)

    def entries(self) -> tuple[Logged, ...]:
        """What was noted, in the order in which the requests came."""
        with self._lock:
            return tuple(sorted(self._entries, key=lambda entry: entry.number))

    def clear(self) -> None:
        """Forget it; numbers go on."""
        with self._lock:
            self._entries.clear()


class OldState(Protocol):
    """A state of the store that no later write touches."""

    def read(self) -> AbstractContextManager[Any]:
        """A reading transaction over it."""

    def close(self) -> None:
        """Let it go."""


@dataclass(frozen=True, slots=True)
class Hit:
    """What happens to one request, and the moment at which nobody waits for it any longer."""

    fault: Fault
    over: threading.Event


@dataclass(slots=True)
class _Sown:
    planted: Planted
    over: threading.Event
    matched: int = 0
    hit: int = 0

    @property
    def spent(self) -> bool:
        return bool(self.planted.times) and self.hit >= self.planted.times


class FaultBook:
    """The faults that are planted, and the stale state that later reads shall see.

    ``known`` are the names of the service's methods, for mistakes in ``rpc``.
    """

    def __init__(self, known: Collection[str] = ()) -> None:
        self._known = known
        self._sown: list[_Sown] = []
        self._stale: OldState | None = None
        self._stale_left = 0.0
        self._stale_until = 0.0
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def inject(self, *planted: Planted) -> None:
        """Plant faults or plans, all or none. Raises ValueError for an unknown RPC."""
        for item in planted:
            self._check_rpc(item.rpc)
        with self._lock:
            self._sown.extend(_Sown(item, threading.Event()) for item in planted)

    def _check_rpc(self, name: str) -> None:
        if not name or not self._known or name in self._known:
            return
        near = difflib.get_close_matches(name, self._known, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"rpc {name!r:.60} is no method of the service{hint}")

    def planted(self) -> tuple[tuple[Planted, int], ...]:
        """Everything that can still hit, with how often it did."""
        with self._lock:
            return tuple((item.planted, item.hit) for item in self._sown if not item.spent)

    def clear(self) -> None:
        """Remove all faults and the stale state; requests that a fault lets wait go on."""
        with self._lock:
            self._end_latency()
            self._sown.clear()
            self._drop_stale()

    def take(self, *names: tuple[str, str], rpc: str = "") -> Hit | None:
        """The first fault that hits this request; everything that is for it counts it.

        ``names`` are the methods with their paths that the request goes by: one over REST; over gRPC
        its own and the one that it would have over REST.
        """
        taken: Hit | None = None
        with self._lock:
            for item in self._sown:
                if item.spent or not any(item.planted.is_for(*name, rpc) for name in names):
                    continue
                item.matched += 1
                fate = None if taken else item.planted.fate(item.matched)
                if fate is not None:
                    item.hit += 1
                    taken = Hit(fate, item.over)
        return taken

    def wait(self, milliseconds: int, hit: Hit | None) -> None:
        """Let a request wait, and longer if it was hit; it goes on at once when the sandbox ends."""
        if milliseconds:
            self._ended.wait(milliseconds / 1000)
        if hit and hit.fault.latency_ms and not self._ended.is_set():
            hit.over.wait(hit.fault.latency_ms / 1000)

    def end_waits(self) -> None:
        """The sandbox ends: nobody waits any longer."""
        self._ended.set()
        with self._lock:
            self._end_latency()

    def _end_latency(self) -> None:
        for item in self._sown:
            item.over.set()

    def go_stale(self, state: OldState, fault: Fault) -> None:
        """Let the next reads see this old state, as many or as long as the fault says."""
        with self._lock:
            self._drop_stale()
            self._stale = state
            self._stale_left = fault.stale_reads or math.inf
            self._stale_until = time.monotonic() + (fault.stale_seconds or math.inf)

    def reader(self) -> Reader | None:
        """How a read that begins now sees the state, if not as it is; counts the read."""
        with self._lock:
            if self._stale is None:
                return None
            if self._stale_left <= 0 or time.monotonic() >= self._stale_until:
                self._drop_stale()
                return None
            self._stale_left -= 1
            return self._stale.read

    def _drop_stale(self) -> None:
        if self._stale is not None:
            self._stale.close()
        self._stale = None


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
