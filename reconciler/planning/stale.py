"""What moved between a saved plan and a new one: why a plan file is stale, by name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from reconciler.planning.change import Action
from reconciler.values import LATER

_FACTS = ("version", "previous")
_CHANGING = (Action.UPDATE, Action.SET_DEFAULT)
_CONSEQUENCES = ("class", "requires", "reason", "known_after_apply")


def moved_operations(
    planned: Sequence[Mapping[str, Any]],
    now: Sequence[Mapping[str, Any]],
    *,
    same_wish: bool = False,
) -> Mapping[str, tuple[str, ...]]:
    """What differs between two lists of operations, as plan files have them, by address.

    Empty only for equal lists. What follows from other differences is named only if there are none.
    ``same_wish``: both want the same of the app, so that only the app can have moved; then what it
    was and what it is are told, also of what no operation was planned for.
    """
    before = {(op["address"], op["action"]): op for op in planned}
    after = {(op["address"], op["action"]): op for op in now}
    gone = _created(after) - _created(before) if same_wish else frozenset()
    lines: dict[str, tuple[str, ...]] = {
        address: (_gone(address, [action for one, action in before if one == address]),)
        for address in sorted(gone)
    }
    pending = {address for address, _ in after}
    keys = [key for key in dict.fromkeys((*before, *after)) if key[0] not in gone]
    for describe in (_moved_operation, _moved_consequences):
        for key in keys:
            sides = _Sides(
                *key,
                before.get(key),
                after.get(key),
                same_wish,
                created=(key[0], Action.CREATE) in before,
                settled=key[0] not in pending,
            )
            if found := tuple(describe(sides)):
                lines[key[0]] = lines.get(key[0], ()) + found
        if lines:
            return lines
    if list(planned) != list(now):
        lines[""] = ("the same operations would run in another order",)
    return lines


def moved_objects(
    planned: Mapping[str, Any], now: Mapping[str, Any]
) -> Mapping[str, tuple[str, ...]]:
    """What differs between two maps of ``live_objects``, by address."""
    return {
        address: lines
        for address in sorted({*planned, *now})
        if (lines := tuple(_moved_object(address, planned.get(address), now.get(address))))
    }


@dataclass(frozen=True, slots=True)
class _Sides:
    """One operation then and now; ``created``: its object was to be made, ``settled``: nothing is to
    be done to it any more.
    """

    address: str
    action: str
    planned: Mapping[str, Any] | None
    now: Mapping[str, Any] | None
    same_wish: bool
    created: bool
    settled: bool


def _created(operations: Iterable[tuple[str, str]]) -> Set[str]:
    return {address for address, action in operations if action == Action.CREATE}


def _gone(address: str, actions: Sequence[str]) -> str:
    verbs = " and ".join(map(_verb, actions)) or "stay"
    return f"{address}: planned to {verbs}, found gone"


def _moved_operation(sides: _Sides) -> Iterator[str]:
    address, action, planned, now = sides.address, sides.action, sides.planned, sides.now
    before, after = _changes(planned), _changes(now)
    fields_tell = sides.same_wish and sides.settled and before and action in _CHANGING
    if now is None and not fields_tell:
        yield f"{address}: planned to {_verb(action)}, and there is no need to now"
    elif planned is None and (action == Action.CREATE or not after):
        yield f"{address}: to {_verb(action)} now, which was not planned"
    else:
        for path in dict.fromkeys((*before, *after)):
            yield from _moved_field(path, sides, before.get(path), after.get(path))
        if planned and now:
            yield from _moved_facts(address, planned, now, _FACTS)


def _changes(operation: Mapping[str, Any] | None) -> Mapping[str, Mapping[str, Any]]:
    """Changes by path, with a word in place of a value that only an apply makes known."""
    if operation is None:
        return {}
    later = operation["known_after_apply"]
    return {
        change["path"]: {**change, "after": LATER} if change["path"] in later else change
        for change in operation["changes"]
    }


def _moved_consequences(sides: _Sides) -> Iterator[str]:
    if sides.planned and sides.now:
        yield from _moved_facts(sides.address, sides.planned, sides.now, _CONSEQUENCES)


def _moved_facts(
    address: str, planned: Mapping[str, Any], now: Mapping[str, Any], names: Iterable[str]
) -> Iterator[str]:
    for name in names:
        was, is_ = planned.get(name), now.get(name)
        if was != is_:
            yield f"{address} {name}: planned {_value(was)}, now {_value(is_)}"


def _moved_field(
    path: str,
    sides: _Sides,
    planned: Mapping[str, Any] | None,
    now: Mapping[str, Any] | None,
) -> Iterator[str]:
    name = f"{sides.address} {path}"
    if now is None and planned is not None:
        known = sides.same_wish and planned["after"] != LATER
        found = f"{_value(planned['after'])}, as wanted" if known else "as wanted already"
        yield f"{name}: planned against {_value(planned['before'])}, found {found}"
    elif planned is None and now is not None:
        yield f"{name}: planned {_stayed(sides, now)}"
    elif planned is not None and now is not None:
        if planned["before"] != now["before"]:
            yield (
                f"{name}: planned against {_value(planned['before'])}, "
                f"found {_value(now['before'])}"
            )
        elif planned["after"] != now["after"]:
            yield (
                f"{name}: planned to become {_value(planned['after'])}, "
                f"would now become {_value(now['after'])}"
            )


def _stayed(sides: _Sides, now: Mapping[str, Any]) -> str:
    """How a field was that no operation was to change: as it is wanted, if that is still the same."""
    found = _value(now["before"])
    if not sides.same_wish:
        return f"to stay, would now go from {found} to {_value(now['after'])}"
    if now["after"] == LATER:
        return f"to stay, found {found}"
    was = None if sides.created else now["after"]
    return f"against {_value(was)}, found {found}"


def _moved_object(
    address: str, planned: Mapping[str, Any] | None, now: Mapping[str, Any] | None
) -> Iterator[str]:
    if planned is None:
        yield f"{address}: was not there when planned"
    elif now is None:
        yield f"{address}: is gone"
    else:
        for name in dict.fromkeys((*planned, *now)):
            if planned.get(name) == now.get(name):
                continue
            if name == "fields":
                yield f"{address}: its declared fields changed"
            else:
                was, is_ = _value(planned.get(name)), _value(now.get(name))
                yield f"{address} {name}: planned against {was}, found {is_}"


def _verb(action: str) -> str:
    return "be switched" if action == Action.SET_DEFAULT else action


def _value(value: Any) -> str:
    if value == LATER:
        return LATER
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else text[:99] + "…"
