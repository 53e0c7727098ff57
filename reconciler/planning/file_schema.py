"""The JSON Schema of a plan file: what other programs may rely on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.planning.change import Action, ChangeClass

FORMAT_VERSION = "1"


def build() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a plan file: ``schemas/plan.schema.json``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "reconciler plan file",
        "description": "What `reconciler plan -o FILE` and `plan --format json` write.",
        **_closed(
            {
                "format_version": {
                    "const": FORMAT_VERSION,
                    "description": "Raised when an older reconciler could misread the file.",
                },
                "tool_version": _text("The reconciler that made the plan."),
                "plan_digest": _digest("Of all the rest: finds damage, not forgery."),
                "target": _closed(
                    {
                        "base_url": _text("The API that was read."),
                        "user_id": _text("The owner of the app, never `me`."),
                        "app_id": _text("The app."),
                    },
                    "What the plan is for.",
                ),
                "owner": _text("Whose marks count as this manifest's own."),
                "source": _closed(
                    {
                        "path": _text("The manifest, as it was named."),
                        "overlays": _list(_text(), "Files merged over it, in order."),
                        "variables": _map({}, "The values of its variables."),
                    },
                    "Where the desired state came from.",
                ),
                "options": _closed(
                    {
                        "prune": _flag("Whether surplus is deleted."),
                        "prune_limit": _count("Percent of a kind that may go."),
                        "target": _addresses("The only ones planned, with what they need."),
                        "exclude": _addresses("Left out, with what depends on them."),
                        "take_over": _addresses("Ours from now on, whatever their mark says."),
                        "retrain": _addresses("Trained although nothing changed."),
                        "reindex": _flag("Whether a switch asks for a re-index."),
                        "allow_default_switch": _flag("Whether a switch on a large app is meant."),
                        "switch_limit": _count("Inputs from which on an app is large."),
                        "refresh": _flag("Whether every version was read."),
                        "destroy": _flag("Whether the manifest is to end."),
                        "delete_app": _flag("Whether the app goes too."),
                    },
                    "What shaped the plan.",
                    optional=(
                        "prune_limit",
                        "take_over",
                        "retrain",
                        "reindex",
                        "allow_default_switch",
                        "switch_limit",
                        "refresh",
                        "destroy",
                        "delete_app",
                    ),
                ),
                "manifest_digest": {"type": "string", "description": "Of the manifest's files."},
                "live_digest": _digest("Of `live_objects`."),
                "live_objects": _map(
                    {"$ref": "#/$defs/live_object"},
                    "Every live object that an operation touches or pins, by address.",
                ),
                "desired": _map(
                    {"$ref": "#/$defs/resource"},
                    "What the manifest declares, by address, before versions were chosen.",
                ),
                "summary": _closed(
                    {
                        **{action.value: _count(f"Operations: {action}.") for action in Action},
                        "unchanged": _count("Resources that are as declared."),
                        "unmanaged": _count("Live objects that the manifest does not name."),
                        "prunable": _count("Of those, what this tool created and may delete."),
                    },
                    "How many.",
                ),
                "operations": _list({"$ref": "#/$defs/operation"}, "In order of execution."),
                "switch": _closed(
                    {
                        "workflow": _text("The new default workflow."),
                        "inputs": _count("Inputs of the app."),
                        "nodes": {"type": ["integer", "null"], "minimum": 0},
                        "reindex": _flag("Whether the switch asks for a re-index."),
                    },
                    "What a switch of the default workflow may set off.",
                ),
                "moved": _list(
                    _closed({"from": _text("The old address."), "to": _text("The new one.")}),
                    "Renames that the manifest states, done or not.",
                ),
                "unmanaged": _addresses("Live objects that the manifest does not name."),
                "prunable": _addresses("What --prune deletes."),
                "left_out": _addresses("What would change but for --target and --exclude."),
                "warnings": _list(_text(), "What a reviewer should know."),
                "requests": _list(
                    _closed(
                        {
                            "method": {"enum": ["POST", "PATCH", "DELETE"]},
                            "path": _text("Percent-encoded."),
                            "body": {"type": "object", "description": "What is sent."},
                            "operations": _list(_text(), "`ACTION ADDRESS` of each it is for."),
                        }
                    ),
                    "Every write, if nothing goes wrong (with --requests).",
                ),
            },
            optional=("switch", "requests"),
        ),
        "$defs": _definitions(),
    }


def _definitions() -> dict[str, Any]:
    path = _list(_text(), "Keys from the resource's fields to the value.")
    version = {
        "description": "The model version: a new one, or one that holds the configuration.",
        "oneOf": [{"const": "new"}, _closed({"reuse": _text("The version's id.")})],
    }
    change = _closed(
        {
            "path": _text("The field; parts with other characters are JSON-quoted."),
            "before": {"description": "The live value; null if there is none."},
            "after": {"description": "The declared value; null if none, or known after apply."},
        }
    )
    reference = _closed(
        {
            "path": path,
            "to": _text("The address that is used."),
            "pins": {"type": "boolean", "description": "Whether `path` holds a version's id."},
            "version": _text("The version that is pinned; absent for the declared one."),
        },
        optional=("pins", "version"),
    )
    external = _closed(
        {
            "model": _text("`user/app/model`, or an id looked up in the app, then clarifai/main."),
            "version": _text("The version's id; empty for the newest trained one."),
            "model_path": path,
            "version_path": path,
        }
    )
    return {
        "operation": _closed(
            {
                "address": _text("The resource."),
                "action": {"enum": [action.value for action in Action]},
                "previous": _text("The address before a rename."),
                "version": version,
                "class": {"enum": [class_.value for class_ in ChangeClass]},
                "reason": _text("Why it is there."),
                "requires": _addresses("Each means all operations of it that stand earlier."),
                "changes": _list(change, "Declared fields that differ."),
                "known_after_apply": _list(_text(), "Fields, or `version`."),
            },
            "One operation.",
            optional=("previous", "version"),
        ),
        "live_object": _closed(
            {
                "fields": _digest("Of the declared fields, as they are live."),
                "newest_version": _text("A model's newest version."),
                "pins": _map(_text(), "The versions that it pins, by field."),
                "modified_at": _text("When the service says it was last changed."),
            },
            "What was known of a live object.",
            optional=("newest_version", "pins", "modified_at"),
        ),
        "resource": _closed(
            {
                "fields": _map({}, "What is patched in place."),
                "configuration": _map({}, "What lives in immutable versions."),
                "references": _list(reference, "What it uses in the same app."),
                "externals": _list(
                    external, "Models that it uses and this manifest does not make."
                ),
                "options": _map({}, "What steers the tool."),
                "identity": {"type": "array", "description": "What both sides are matched by."},
            },
            "A declared resource.",
            optional=("configuration", "references", "externals", "options", "identity"),
        ),
    }


def _closed(
    properties: Mapping[str, Any], description: str = "", *, optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    """An object of exactly these keys."""
    return {
        **({"description": description} if description else {}),
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _map(values: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {"type": "object", "description": description, "additionalProperties": dict(values)}


def _list(items: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {"type": "array", "description": description, "items": dict(items)}


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
