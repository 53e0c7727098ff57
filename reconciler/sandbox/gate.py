"""What every door does with a request before and after it is carried out: faults, waits, the limit."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from google.protobuf.message import Message

from reconciler.sandbox import keys, status
from reconciler.sandbox.control import Controls
from reconciler.sandbox.faults import Fault, Logged, RequestLog
from reconciler.sandbox.platform import Ask, Platform, only_reads
from reconciler.sandbox.routes import Rpc


class Dropped(Exception):
    """The connection shall be closed without an answer."""


class Refused(Exception):
    """The request is answered before anybody looked at it: by a planted fault or the rate limit.

    ``html`` asks for a proxy's page in place of the envelope, ``retry_after`` seconds for its header.
    """

    def __init__(
        self, error: status.PlatformError, *, html: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(error.details)
        self.error = error
        self.html = html
        self.retry_after = retry_after


@dataclass(slots=True, kw_only=True)
class Visit:
    """A request from its arrival to its line in the log; ``rpc`` may become known on the way."""

    log: RequestLog
    number: int
    door: str
    method: str
    path: str
    query: str
    rpc: str
    fault: Fault | None = None
    began: float = field(default_factory=time.monotonic)

    def ends(self, http: int, code: int) -> None:
        """Log it, before the answer goes out: whoever has that may read the log at once.

        ``http`` is 0 where no answer goes out; ``code`` is the platform's.
        """
        self.log.add(
            Logged(
                number=self.number,
                door=self.door,
                method=self.method,
                path=self.path,
                query=self.query,
                rpc=self.rpc,
                status=http,
                code=code,
                milliseconds=(time.monotonic() - self.began) * 1000,
                fault=self.fault,
            )
        )


@dataclass(frozen=True, slots=True)
class Gate:
    """Stands between the doors and the rooms, so that a fault means the same at each door."""

    rooms: Platform
    controls: Controls

    def visit(self, door: str, method: str, path: str, *, query: str = "", rpc: str = "") -> Visit:
        """A request that has just come; its line goes to the log when it ``ends``."""
        log = self.controls.log
        return Visit(
            log=log,
            number=log.count(),
            door=door,
            method=method,
            path=keys.hidden(path),
            query=query,
            rpc=rpc,
        )

    def enter(self, visit: Visit, *names: tuple[str, str]) -> Fault | None:
        """The fault that hits a request, after its wait; ``names`` are its methods with their paths.

        Raises ``Dropped`` or ``Refused`` where the request gets no further.
        """
        hit = self.controls.faults.take(*names, rpc=visit.rpc)
        fault = visit.fault = hit.fault if hit else None
        self.controls.faults.wait(self.controls.latency_ms, hit)
        if fault and fault.drop == "before":
            raise Dropped
        if fault and fault.status:
            _refuse(fault)
        limit = self.controls.limit
        if limit is not None and not limit.admits():
            details = f"the limit is {limit.per_second} requests per second"
            raise Refused(status.PlatformError(status.THROTTLED, details), retry_after=1)
        return fault

    def call(self, rpc: Rpc, message: Message, ask: Ask, fault: Fault | None) -> Any:
        """The answer of the rooms, with what the fault does to it."""
        faults = self.controls.faults
        reader = faults.reader() if only_reads(rpc) else None
        if fault is None:
            return self.rooms.call(rpc, message, replace(ask, reader=reader))
        asked = replace(ask, reader=reader, mixed=fault.mixed, work_delay_ms=fault.work_delay_ms)
        if not (fault.stale_reads or fault.stale_seconds):
            return self.rooms.call(rpc, message, asked)
        state = self.rooms.world.store.snapshot()
        try:
            return self.rooms.call(rpc, message, asked)
        finally:
            faults.go_stale(state, fault)


def _refuse(fault: Fault) -> NoReturn:
    code = fault.code or _usual_code(fault.status)
    error = status.PlatformError(code, "a fault was asked for", http=fault.status)
    raise Refused(error, html=fault.html, retry_after=fault.retry_after)


def _usual_code(http: int) -> int:
    if http == 429:
        return status.THROTTLED
    if http == 401:
        return status.KEY_INVALID
    if http == 404:
        return status.DOES_NOT_EXIST
    return status.INTERNAL if http >= 500 else status.FAILURE
