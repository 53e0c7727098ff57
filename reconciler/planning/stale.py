"""What moved between a saved plan and a new one: why a plan file is stale, by name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.planning.change import Action
from reconciler.values import LATER

_FACTS = ("version", "previous")
_CONSEQUENCES = ("class", "requires", "reason", "known_after_apply")


def moved_operations(
    planned: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]
) -> Mapping[str, tuple[str, ...]]:
    """What differs between two lists of operations, as plan files have them, by address.

    Empty only for equal lists. What follows from other differences is named only if there are none.
    """
    before = {(op["address"], op["action"]): op for op in planned}
    after = {(op["address"], op["action"]): op for op in now}
    lines: dict[str, tuple[str, ...]] = {}
    for describe in (_moved_operation, _moved_consequences):
        for key in dict.fromkeys((*before, *after)):
            found = tuple(describe(*key, before.get(key), after.get(key)))
            if found:
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


def _moved_operation(
    address: str,
    action: str,
    planned: Mapping[str, Any] | None,
    now: Mapping[str, Any] | None,
) -> Iterator[str]:
    before, after = _changes(planned), _changes(now)
    if now is None:
        yield f"{address}: planned to {_verb(action)}, and there is no need to now"
    elif planned is None and (action == Action.CREATE or not after):
        yield f"{address}: to {_verb(action)} now, which was not planned"
    elif planned is None:
        for path, change in after.items():
            yield from _moved_field(f"{address} {path}", None, change)
    elif planned != now:
        for path in dict.fromkeys((*before, *after)):
            yield from _moved_field(f"{address} {path}", before.get(path), after.get(path))
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


def _moved_consequences(
    address: str, action: str, planned: Mapping[str, Any] | None, now: Mapping[str, Any] | None
) -> Iterator[str]:
    del action
    if planned and now:
        yield from _moved_facts(address, planned, now, _CONSEQUENCES)


def _moved_facts(
    address: str, planned: Mapping[str, Any], now: Mapping[str, Any], names: Iterable[str]
) -> Iterator[str]:
    for name in names:
        was, is_ = planned.get(name), now.get(name)
        if was != is_:
            yield f"{address} {name}: planned {_value(was)}, now {_value(is_)}"


def _moved_field(
    name: str, planned: Mapping[str, Any] | None, now: Mapping[str, Any] | None
) -> Iterator[str]:
    if now is None and planned is not None:
        against = _value(planned["before"])
        yield f"{name}: planned against {against}, found as wanted already"
    elif planned is None and now is not None:
        yield f"{name}: planned to stay, found {_value(now['before'])}"
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
