"""``metadata_action`` of PatchApps: metadata changed at a path, by a rule (contract, PatchAction).

The contract names operations and resolutions and shows lists of objects with ids; what happens to
anything that it does not show is inferred, and said where it is done.
"""

from __future__ import annotations

import copy
import re
from typing import Any, Final

from reconciler.sandbox import status

Json = Any
_OPERATIONS: Final = ("merge", "overwrite", "delete")
_RESOLUTIONS: Final = (
    "overwrite_by_id",
    "remove_by_id",
    "merge_by_id",
    "overwrite",
    "append",
    "do_nothing",
)
_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def apply(metadata: Json, sent: Json, op: str, resolution: str, path: str) -> Json:
    """The metadata as the action leaves it; neither argument is changed.

    ``path`` is like ``tag[1].data``, empty for the root. Raises PlatformError for what it does not
    know.
    """
    if op not in _OPERATIONS:
        raise status.invalid(f"metadata_action.op '{op}' is none of {', '.join(_OPERATIONS)}")
    resolution = resolution or "overwrite"
    if resolution not in _RESOLUTIONS:
        raise status.invalid(
            f"metadata_action.merge_conflict_resolution '{resolution}' is none of "
            f"{', '.join(_RESOLUTIONS)}"
        )
    root = {"": copy.deepcopy(metadata)}
    steps: list[str | int] = ["", *_steps(path)]
    holder = _holder(root, steps, make=op != "delete")
    last = steps[-1]
    if op == "delete":
        if holder is not None:
            _delete(holder, last)
    elif op == "overwrite":
        _put(holder, last, copy.deepcopy(sent))
    else:
        _put(holder, last, _merged(_at(holder, last), sent, resolution))
    return root.get("", {})


def _steps(path: str) -> list[str | int]:
    found = list(_STEP.finditer(path))
    if "".join(match.group(0) for match in found) != path.replace(".", ""):
        raise status.invalid(f"metadata_action.path '{path}' is no path like tag[1].data")
    return [match.group(1) or int(match.group(2)) for match in found]


def _holder(root: Json, steps: list[str | int], *, make: bool) -> Json:
    """What holds the last step; missing objects on the way are made, or nothing is found."""
    at = root
    for step in steps[:-1]:
        value = _at(at, step)
        if value is None:
            if not make:
                return None
            value = {}
            _put(at, step, value)
        at = value
    return at


def _at(holder: Json, step: str | int) -> Json:
    if isinstance(holder, dict) and isinstance(step, str):
        return holder.get(step)
    if isinstance(holder, list) and isinstance(step, int) and step < len(holder):
        return holder[step]
    return None


def _put(holder: Json, step: str | int, value: Json) -> None:
    fits = isinstance(step, str) if isinstance(holder, dict) else isinstance(step, int)
    if not fits or (isinstance(holder, list) and int(step) >= len(holder)):
        raise status.invalid(f"metadata_action.path leads nowhere at '{step}'")
    holder[step] = value


def _delete(holder: Json, step: str | int) -> None:
    """Deleting what is not there changes nothing (inferred)."""
    if isinstance(holder, dict) and isinstance(step, str):
        holder.pop(step, None)
    elif isinstance(holder, list) and isinstance(step, int) and step < len(holder):
        del holder[step]


def _merged(old: Json, new: Json, resolution: str) -> Json:
    """Objects meet key by key; where both have a value that is no object, the rule decides."""
    if old is None:
        return copy.deepcopy(new)
    if isinstance(old, dict) and isinstance(new, dict):
        merged = dict(old)
        for key, value in new.items():
            merged[key] = _merged(old.get(key), value, resolution)
            if merged[key] is None and value is not None:
                del merged[key]
        return merged
    return _resolved(old, new, resolution)


def _resolved(old: Json, new: Json, resolution: str) -> Json:
    if resolution == "do_nothing":
        return old
    if resolution == "append":
        return [*_list(old), *_list(copy.deepcopy(new))]
    if resolution.endswith("_by_id") and isinstance(old, list) and isinstance(new, list):
        return _by_id(old, new, resolution)
    return copy.deepcopy(new)


def _by_id(old: list[Json], new: list[Json], resolution: str) -> list[Json]:
    """Items of one id meet; new ids go to the end, but for a removal. Items without one are kept."""
    sent = {item["id"]: item for item in new if isinstance(item, dict) and "id" in item}
    known = {item["id"] for item in old if isinstance(item, dict) and "id" in item}
    kept: list[Json] = []
    for item in old:
        twin = sent.get(item.get("id")) if isinstance(item, dict) else None
        if twin is None:
            kept.append(item)
        elif resolution == "overwrite_by_id":
            kept.append(copy.deepcopy(twin))
        elif resolution == "merge_by_id":
            kept.append(_merged(item, twin, "overwrite"))
    if resolution == "remove_by_id":
        return kept
    return [*kept, *(copy.deepcopy(item) for id_, item in sent.items() if id_ not in known)]


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]
