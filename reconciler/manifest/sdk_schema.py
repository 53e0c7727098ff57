"""What an editor offers and flags in a workflow file of the official SDK; ``sdk`` reads such files."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from reconciler.model_reference import NAME_PATTERN
from reconciler.spec import ID_LENGTH, ID_PATTERN, LOOSE_ID_LENGTH

JsonSchema: TypeAlias = dict[str, Any]

_TEXT: Final = ["string", "number", "boolean"]
_NODE_ID: Final = {"type": _TEXT, "minLength": 1, "maxLength": LOOSE_ID_LENGTH}
_ID: Final = {"type": _TEXT, "pattern": ID_PATTERN, "maxLength": ID_LENGTH}
_NEVER: Final[JsonSchema] = {"not": {}}
_DETECT: Final = {
    "model_id": "face-detection",
    "model_version_id": "fe995da8cb73490f8556416ecf25cea3",
    "user_id": "clarifai",
    "app_id": "main",
}
_CROP: Final = {
    "model_id": "margin-130-image-crop",
    "model_type_id": "image-crop",
    "output_info": {"params": {"margin": 1.3}},
}
_NODES: Final = [
    {"id": "detect", "model": _DETECT},
    {"id": "crop", "model": _CROP, "node_inputs": [{"node_id": "detect"}]},
]


def _said(description: str, example: Any, wire: str, form: JsonSchema) -> JsonSchema:
    return {"description": description, "examples": [example], "x-wire": wire, **form}


def _object(properties: JsonSchema, *required: str) -> JsonSchema:
    form = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**form, "required": list(required)} if required else form


def _model() -> JsonSchema:
    text = {"type": _TEXT}
    optional = {"type": [*_TEXT, "null"]}
    params = _said(
        "Parameters, as the platform names them.",
        {"margin": 1.3},
        "model_version.output_info.params",
        {"type": ["object", "null"]},
    )
    model = _object(
        {
            "model_id": _said("The model's id.", "face-detection", "model.id", _NODE_ID),
            "model_version_id": _said(
                "The version to pin.", _DETECT["model_version_id"], "model_version.id", optional
            ),
            "user_id": _said("The owner.", "clarifai", "model.user_id", optional),
            "app_id": _said("The app it belongs to.", "main", "model.app_id", optional),
            "model_type_id": _said(
                "Of an inline model: its type.", "image-crop", "model.model_type_id", text
            ),
            "description": _said(
                "Of an inline model: one line.", "Crops faces.", "model.description", optional
            ),
            "output_info": _said(
                "Of an inline model: what it does.",
                _CROP["output_info"],
                "model_version.output_info",
                {**_object({"params": params}), "type": ["object", "null"]},
            ),
        },
        "model_id",
    )
    inline = ("model_type_id", "description", "output_info")
    return {
        **model,
        "dependentRequired": {name: ["model_type_id"] for name in inline[1:]},
        "dependentSchemas": {
            "model_version_id": {"properties": dict.fromkeys(inline, _NEVER)},
            "model_type_id": {"properties": {"model_id": _ID}},
        },
    }


def _node() -> JsonSchema:
    named = _said("The node's id.", "detect", "workflow.nodes[].node_inputs[].node_id", _NODE_ID)
    source = {"anyOf": [_NODE_ID, _object({"node_id": named}, "node_id")]}
    nodes = "workflow.nodes[]"
    return _object(
        {
            "id": _said("Unique in the workflow.", "detect", f"{nodes}.id", _NODE_ID),
            "model": _said(
                "A model by the platform's field names, or one described inline.",
                _DETECT,
                f"{nodes}.model",
                {"anyOf": [_model(), {"type": _TEXT, "pattern": NAME_PATTERN}]},
            ),
            "node_inputs": _said(
                "The nodes it reads from; the workflow's input if left out.",
                [{"node_id": "detect"}],
                f"{nodes}.node_inputs[].node_id",
                {"type": "array", "items": source},
            ),
        },
        "id",
        "model",
    )


def json_schema() -> JsonSchema:
    """The form of ``workflow``, by the rules of ``clarifai/workflows/validate.py`` (12.5)."""
    nodes = {"type": "array", "minItems": 1, "items": _node()}
    workflow = {
        "id": _said("The workflow's id.", "faces", "workflow.id", _ID),
        "nodes": _said("The nodes, in any order; at most 20.", _NODES, "workflow.nodes", nodes),
    }
    return {
        "description": "A workflow file of the official SDK, as it stands.",
        "examples": [{"id": "faces", "nodes": _NODES}],
        **_object(workflow, "id", "nodes"),
    }
