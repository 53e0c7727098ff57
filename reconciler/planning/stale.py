"""What moved between a saved plan and a new one: why a plan file is stale, by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.planning.change import Action
from reconciler.planning.file import PlanFile, live_objects, operation_to_json
from reconciler.planning.plan import Plan


def moved(file: PlanFile, fresh: Plan) -> tuple[str, ...]:
    """What moved between a saved plan and a new one from its ``desired``; empty if nothing did."""
    lines = [
        f"{name}: planned for {before}, found {after}"
        for name, before, after in (
            ("base_url", file.base_url, fresh.base_url),
            ("user_id", file.target.user_id, fresh.target.user_id),
            ("app_id", file.target.app_id, fresh.target.app_id),
        )
        if before != after
    ]
    planned = {(op["address"], op["action"]): op for op in file.operations}
    now = {
        (op["address"], op["action"]): op
        for op in json.loads(json.dumps([operation_to_json(one) for one in fresh.operations]))
    }
    named = set()
    for key in [*planned, *(key for key in now if key not in planned)]:
        found = list(_moved_operation(*key, planned.get(key), now.get(key)))
        named |= {key[0]} if found else set()
        lines += found
    if not lines and list(planned) != list(now):
        lines.append("the same operations would run in another order")
    objects = live_objects(fresh)
    for address in sorted({*file.live_objects, *objects} - named):
        lines += _moved_object(address, file.live_objects.get(address), objects.get(address))
    return tuple(lines)


def _moved_operation(
    address: str,
    action: str,
    planned: Mapping[str, Any] | None,
    now: Mapping[str, Any] | None,
) -> Iterator[str]:
    before = {change["path"]: change for change in planned["changes"]} if planned else {}
    after = {change["path"]: change for change in now["changes"]} if now else {}
    if now is None:
        yield f"{address}: planned to {_verb(action)}, and there is no need to now"
    elif planned is None and (action == Action.CREATE or not after):
        yield f"{address}: to {_verb(action)} now, which was not planned"
    elif planned is None:
        for path, change in after.items():
            yield from _moved_field(f"{address} {path}", None, change)
    elif planned != now:
        lines = [
            line
            for path in dict.fromkeys((*before, *after))
            for line in _moved_field(f"{address} {path}", before.get(path), after.get(path))
        ]
        names = ("version", "previous", "class", "requires", "reason", "known_after_apply")
        yield from lines or [
            f"{address} {name}: planned {_value(planned.get(name))}, now {_value(now.get(name))}"
            for name in names
            if planned.get(name) != now.get(name)
        ]


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
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else text[:99] + "…"
