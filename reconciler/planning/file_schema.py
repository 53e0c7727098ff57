"""The JSON Schema of a plan file: what other programs may rely on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.planning.change import Action, ChangeClass
from reconciler.planning.options import KEPT, Kept

FORMAT_VERSION = "1"


def build() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a plan file: ``schemas/plan.schema.json``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "reconciler plan file",
        "description": "What `reconciler plan -o FILE` and `plan --format json` write.",
        **_closed(_document()),
        "$defs": {
            "operation": _closed(_operation(), "One operation."),
            "live_object": _closed(_live_object(), "What was known of a live object."),
            "resource": _closed(_resource(), "A declared resource."),
        },
    }


@dataclass(frozen=True, slots=True)
class _Optional:
    """A key that need not be there."""

    schema: Mapping[str, Any]


_Keys = Mapping[str, Mapping[str, Any] | _Optional]
"""What an object holds, by key. One function each says it, and nothing else does."""


def _document() -> _Keys:
    version = {
        "const": FORMAT_VERSION,
        "description": "Raised when an older reconciler could misread the file.",
    }
    return {
        "format_version": version,
        "tool_version": _text("The reconciler that made the plan."),
        "plan_digest": _digest("Of all the rest: finds damage, not forgery."),
        "target": _closed(_target(), "What the plan is for."),
        "owner": _text("Whose marks count as this manifest's own."),
        "source": _closed(_source(), "Where the desired state came from."),
        "options": _closed({kept.key: _option(kept) for kept in KEPT}, "What shaped the plan."),
        "manifest_digest": _text("Of the manifest's files."),
        "live_digest": _digest("Of `live_objects`."),
        "live_objects": _map(
            {"$ref": "#/$defs/live_object"},
            "Every live object that an operation touches or pins, by address.",
        ),
        "desired": _map(
            {"$ref": "#/$defs/resource"},
            "What the manifest declares, by address, before versions were chosen.",
        ),
        "summary": _closed(_summary(), "How many."),
        "operations": _list({"$ref": "#/$defs/operation"}, "In order of execution."),
        "switch": _Optional(
            _closed(_switch(), "What a switch of the default workflow may set off.")
        ),
        "moved": _list(_closed(_move()), "Renames that the manifest states, done or not."),
        "unmanaged": _addresses("Live objects that the manifest does not name."),
        "prunable": _addresses("What --prune deletes."),
        "left_out": _addresses("What would change but for --target and --exclude."),
        "warnings": _list(_text(), "What a reviewer should know."),
        "requests": _Optional(
            _list(_closed(_request()), "Every write, if nothing goes wrong (with --requests).")
        ),
    }


def _target() -> _Keys:
    return {
        "base_url": _text("The API that was read."),
        "user_id": _text("The owner of the app, never `me`."),
        "app_id": _text("The app."),
    }


def _source() -> _Keys:
    return {
        "path": _text("The manifest, as it was named."),
        "overlays": _list(_text(), "Files merged over it, in order."),
        "variables": _map({}, "The values of its variables."),
    }


def _option(kept: Kept) -> Mapping[str, Any] | _Optional:
    if kept.is_addresses:
        schema = _addresses(kept.says)
    else:
        schema = _flag(kept.says) if isinstance(kept.usual, bool) else _count(kept.says)
    return schema if kept.always else _Optional(schema)


def _summary() -> _Keys:
    return {
        **{action.value: _count(f"Operations: {action}.") for action in Action},
        "unchanged": _count("Resources that are as declared."),
        "unmanaged": _count("Live objects that the manifest does not name."),
        "prunable": _count("Of those, what this tool created and may delete."),
    }


def _switch() -> _Keys:
    return {
        "workflow": _text("The new default workflow."),
        "inputs": _count("Inputs of the app."),
        "nodes": {"type": ["integer", "null"], "minimum": 0},
        "reindex": _flag("Whether the switch asks for a re-index."),
    }


def _move() -> _Keys:
    return {"from": _text("The old address."), "to": _text("The new one.")}


def _request() -> _Keys:
    return {
        "method": {"enum": ["POST", "PATCH", "DELETE"]},
        "path": _text("Percent-encoded."),
        "body": {"type": "object", "description": "What is sent."},
        "operations": _list(_text(), "`ACTION ADDRESS` of each it is for."),
    }


def _operation() -> _Keys:
    version = {
        "description": "The model version: a new one, or one that holds the configuration.",
        "oneOf": [{"const": "new"}, _closed({"reuse": _text("The version's id.")})],
    }
    return {
        "address": _text("The resource."),
        "action": {"enum": [action.value for action in Action]},
        "previous": _Optional(_text("The address before a rename.")),
        "version": _Optional(version),
        "class": {"enum": [class_.value for class_ in ChangeClass]},
        "reason": _text("Why it is there."),
        "requires": _addresses("Each means all operations of it that stand earlier."),
        "changes": _list(_closed(_field_change()), "Declared fields that differ."),
        "known_after_apply": _list(_text(), "Fields, or `version`."),
    }


def _field_change() -> _Keys:
    return {
        "path": _text("The field; parts with other characters are JSON-quoted."),
        "before": {"description": "The live value; null if there is none."},
        "after": {"description": "The declared value; null if none, or known after apply."},
    }


def _live_object() -> _Keys:
    return {
        "fields": _digest("Of the declared fields, as they are live."),
        "newest_version": _Optional(_text("A model's newest version.")),
        "pins": _Optional(_map(_text(), "The versions that it pins, by field.")),
        "modified_at": _Optional(_text("When the service says it was last changed.")),
    }


def _resource() -> _Keys:
    references = _list(_closed(_reference()), "What it uses in the same app.")
    externals = _list(_closed(_external()), "Models that it uses and this manifest does not make.")
    identity = {"type": "array", "description": "What both sides are matched by."}
    return {
        "fields": _map({}, "What is patched in place."),
        "configuration": _Optional(_map({}, "What lives in immutable versions.")),
        "references": _Optional(references),
        "externals": _Optional(externals),
        "options": _Optional(_map({}, "What steers the tool.")),
        "identity": _Optional(identity),
    }


def _reference() -> _Keys:
    return {
        "path": _path(),
        "to": _text("The address that is used."),
        "pins": _Optional(_flag("Whether `path` holds a version's id.")),
        "version": _Optional(_text("The version that is pinned; absent for the declared one.")),
    }


def _external() -> _Keys:
    return {
        "model": _text("`user/app/model`, or an id looked up in the app, then clarifai/main."),
        "version": _text("The version's id; empty for the newest trained one."),
        "model_path": _path(),
        "version_path": _path(),
    }


# --- types


def _closed(keys: _Keys, description: str = "") -> dict[str, Any]:
    """An object of exactly these keys."""
    return {
        **({"description": description} if description else {}),
        "type": "object",
        "properties": {
            name: dict(value.schema if isinstance(value, _Optional) else value)
            for name, value in keys.items()
        },
        "required": [name for name, value in keys.items() if not isinstance(value, _Optional)],
        "additionalProperties": False,
    }


def _map(values: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {"type": "object", "description": description, "additionalProperties": dict(values)}


def _list(items: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {"type": "array", "description": description, "items": dict(items)}


def _path() -> dict[str, Any]:
    return _list(_text(), "Keys from the resource's fields to the value.")


def _addresses(description: str) -> dict[str, Any]:
    return _list(_text(), description)


def _text(description: str = "") -> dict[str, Any]:
    return {"type": "string", **({"description": description} if description else {})}


def _flag(description: str) -> dict[str, Any]:
    return {"type": "boolean", "description": description}


def _count(description: str) -> dict[str, Any]:
    return {"type": "integer", "minimum": 0, "description": description}


def _digest(description: str) -> dict[str, Any]:
    return {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$", "description": description}
