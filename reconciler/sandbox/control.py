"""The sandbox's own route, ``/_sandbox``: the request log, faults, and whether work is pending."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from reconciler.sandbox.faults import Fault, FaultBook, RateLimit, RequestLog

PREFIX: Final = "/_sandbox"


@dataclass(frozen=True, slots=True)
class Found:
    """An answer of the control route."""

    status: int
    body: bytes
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Controls:
    """What tests hold in their hands."""

    faults: FaultBook
    log: RequestLog
    limit: RateLimit | None
    latency_ms: int
    idle: Callable[[], bool]

    def answer(self, method: str, path: str, query: str, body: bytes) -> Found:
        """Answer a request to the control route."""
        actions: Mapping[tuple[str, str], Callable[[bytes], Any]] = {
            ("GET", "requests"): self._list_requests,
            ("DELETE", "requests"): self._clear_requests,
            ("GET", "faults"): self._list_faults,
            ("POST", "faults"): self._inject,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "idle"): self._idle,
        }
        name = path.removeprefix(PREFIX).strip("/")
        action = actions.get((method, name))
        if action is None:
            known = ", ".join(f"{verb} {PREFIX}/{part}" for verb, part in actions)
            return _found(404, {"error": f"nothing at {method} {path}; there is {known}"})
        try:
            return _found(200, action(body))
        except (ValueError, TypeError, RecursionError) as error:
            return _found(400, {"error": str(error)})

    def _list_requests(self, _body: bytes) -> Any:
        return {"requests": [asdict(entry) for entry in self.log.entries()]}

    def _clear_requests(self, _body: bytes) -> Any:
        self.log.clear()
        return {"requests": []}

    def _list_faults(self, _body: bytes) -> Any:
        return {"faults": [{**asdict(fault), "hit": hit} for fault, hit in self.faults.planted()]}

    def _inject(self, body: bytes) -> Any:
        sent = json.loads(body or b"{}")
        listed = sent if isinstance(sent, list) else [sent]
        made = [_fault(item) for item in listed]
        for fault in made:
            self.faults.inject(fault)
        return {"faults": [asdict(fault) for fault in made]}

    def _clear_faults(self, _body: bytes) -> Any:
        self.faults.clear()
        return {"faults": []}

    def _idle(self, _body: bytes) -> Any:
        return {"idle": self.idle()}


def _fault(sent: Any) -> Fault:
    if not isinstance(sent, dict):
        raise ValueError("a fault is an object")
    known = [field.name for field in fields(Fault)]
    unknown = sorted(set(sent) - set(known))
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}; a fault has {', '.join(known)}")
    return Fault(**sent)


def _found(status: int, value: Any) -> Found:
    return Found(status, json.dumps(value).encode())
