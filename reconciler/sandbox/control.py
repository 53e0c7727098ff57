"""The sandbox's own route, ``/_sandbox``: request log, faults, switches, whether work is pending."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

from reconciler.sandbox.fate import FaultPlan
from reconciler.sandbox.faults import Fault, FaultBook, Planted, RateLimit, RequestLog
from reconciler.sandbox.switchboard import Switchboard

PREFIX: Final = "/_sandbox"
_FILTERS: Final = ("after", "method", "rpc", "door")


@dataclass(frozen=True, slots=True)
class Found:
    """An answer of the control route."""

    status: int
    body: bytes
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Order:
    """What a request to the control route brings."""

    query: str
    body: bytes

    def sent(self) -> Any:
        """Its body, empty as an empty object."""
        try:
            return json.loads(self.body or b"{}", parse_constant=_refuse_constant)
        except RecursionError:
            raise ValueError("the body is nested too deeply") from None
        except UnicodeDecodeError:
            raise ValueError("the body is not UTF-8") from None
        except json.JSONDecodeError as error:
            raise ValueError(f"the body is not JSON: {error}") from None


Action: TypeAlias = Callable[[Order], Any]


@dataclass(frozen=True, slots=True)
class Controls:
    """What tests hold in their hands."""

    faults: FaultBook
    log: RequestLog
    limit: RateLimit | None
    latency_ms: int
    idle: Callable[[], bool]
    switches: Switchboard

    def answer(self, method: str, path: str, query: str, body: bytes) -> Found:
        """Answer a request to the control route."""
        actions: Mapping[tuple[str, str], Action] = {
            ("GET", "requests"): self._list_requests,
            ("DELETE", "requests"): self._clear_requests,
            ("GET", "faults"): self._list_faults,
            ("POST", "faults"): self._inject,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "behaviour"): self._show_behaviour,
            ("PUT", "behaviour"): self._set_behaviour,
            ("DELETE", "behaviour"): self._reset_behaviour,
            ("GET", "idle"): self._idle,
        }
        name = path.removeprefix(PREFIX).strip("/")
        action = actions.get((method, name))
        if action is None:
            known = ", ".join(f"{verb} {PREFIX}/{part}" for verb, part in actions)
            return _found(404, {"error": f"nothing at {method} {path}; there is {known}"})
        try:
            return _found(200, action(Order(query, body)))
        except ValueError as error:
            return _found(400, {"error": str(error)})

    def _list_requests(self, order: Order) -> Any:
        wanted = dict(parse_qsl(order.query, keep_blank_values=True))
        for name in wanted:
            if name not in _FILTERS:
                raise ValueError(f"unknown filter {name!r:.60}; there are {', '.join(_FILTERS)}")
        after = wanted.pop("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) < 16):
            raise ValueError(f"after is {after!r:.60}; it must be the number of a request")
        return {
            "requests": [
                entry.shown()
                for entry in self.log.entries()
                if entry.number > int(after)
                and all(getattr(entry, name) == value for name, value in wanted.items())
            ]
        }

    def _clear_requests(self, _order: Order) -> Any:
        self.log.clear()
        return {"requests": []}

    def _list_faults(self, _order: Order) -> Any:
        return {"faults": [{**_shown(item), "hit": hit} for item, hit in self.faults.planted()]}

    def _inject(self, order: Order) -> Any:
        sent = order.sent()
        made = [_planted(item) for item in (sent if isinstance(sent, list) else [sent])]
        self.faults.inject(*made)
        return {"faults": [_shown(item) for item in made]}

    def _clear_faults(self, _order: Order) -> Any:
        self.faults.clear()
        return {"faults": []}

    def _show_behaviour(self, _order: Order) -> Any:
        return {"behaviour": asdict(self.switches.now)}

    def _set_behaviour(self, order: Order) -> Any:
        sent = order.sent()
        if not isinstance(sent, dict):
            raise ValueError(
                "the behaviour is an object: the switches to change, with their values"
            )
        return {"behaviour": asdict(self.switches.set(sent))}

    def _reset_behaviour(self, _order: Order) -> Any:
        return {"behaviour": asdict(self.switches.reset())}

    def _idle(self, _order: Order) -> Any:
        return {"idle": self.idle()}


def _planted(sent: Any) -> Planted:
    if not isinstance(sent, dict):
        raise ValueError("a fault is an object")
    if "seed" in sent:
        _check_keys(sent, FaultPlan, "a plan of faults")
        kinds = sent.get("kinds", [])
        return FaultPlan(**{**sent, "kinds": tuple(kinds) if isinstance(kinds, list) else kinds})
    _check_keys(sent, Fault, "a fault")
    return Fault(**sent)


def _check_keys(sent: Mapping[str, Any], type_: type[Any], what: str) -> None:
    known = [field.name for field in fields(type_)]
    unknown = sorted(set(sent) - set(known))
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r:.60}; {what} has {', '.join(known)}")


def _shown(item: Planted) -> Any:
    """A fault with all its fields, a plan as it is."""
    return asdict(item) if isinstance(item, Fault) else item.said()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"the body is not JSON: {name} is not a number")


def _found(status: int, value: Any) -> Found:
    return Found(status, json.dumps(value).encode())
