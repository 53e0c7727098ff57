"""What a manifest states of a node: its model, what it reads from, what it overrides."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Discriminator, Field, Tag

from reconciler.model_reference import ModelName
from reconciler.spec import Data, Flag, LooseId, Score, Spec, Text, form


class NodeModelSpec(Spec):
    """A model by the platform's own field names."""

    model_id: LooseId
    """The model's id."""
    model_version_id: Text | None = None
    """The version to pin; the one this manifest describes if left out."""
    user_id: Text | None = None
    """The owner, for a model of another app."""
    app_id: Text | None = None
    """The app that the model belongs to."""

    WIRE: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "model_id": "workflow.nodes[].model.id",
            "model_version_id": "workflow.nodes[].model.model_version.id",
            "user_id": "workflow.nodes[].model.user_id",
            "app_id": "workflow.nodes[].model.app_id",
        }
    )
    EXAMPLE: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "model_id": "general-image-recognition",
            "model_version_id": "aa7f35c01e0642fda5cf400f543e7c40",
            "user_id": "clarifai",
            "app_id": "main",
        }
    )


_NAME, _LONG = form("name"), form("long form")


def _model_form(value: Any) -> str:
    return _LONG if isinstance(value, dict | NodeModelSpec) else _NAME


NodeModel = Annotated[
    Annotated[ModelName, Tag(_NAME)] | Annotated[NodeModelSpec, Tag(_LONG)],
    Discriminator(_model_form),
]


class OverrideConceptSpec(Spec):
    """A concept as a node has it instead of as its model has it."""

    id: LooseId
    """The concept's id."""
    value: Score = 1.0
    """Of a thresholder, the threshold."""

    WIRE: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "id": "workflow.nodes[].output_info_override.data.concepts[].id",
            "value": "workflow.nodes[].output_info_override.data.concepts[].value",
        }
    )
    EXAMPLE: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "id": "adult",
            "value": 0.9,
        }
    )


class OverrideDataSpec(Spec):
    """What replaces ``output_info.data``."""

    concepts: list[OverrideConceptSpec] = Field(default_factory=list)
    """All concepts that the model is to have here."""

    WIRE: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "concepts": "workflow.nodes[].output_info_override.data.concepts",
        }
    )
    EXAMPLE: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "concepts": [{"id": "adult", "value": 0.9}],
        }
    )


class OverrideSpec(Spec):
    """What replaces parts of a model's ``output_info`` in one workflow."""

    data: OverrideDataSpec | None = None
    """Concepts, with their thresholds."""
    params: Data | None = None
    """Parameters, as the platform names them."""

    WIRE: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "data": "workflow.nodes[].output_info_override.data",
            "params": "workflow.nodes[].output_info_override.params",
        }
    )
    EXAMPLE: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "data": {"concepts": [{"id": "adult", "value": 0.9}]},
            "params": {"concept_threshold_type": "GREATER_THAN"},
        }
    )


class NodeInputSpec(Spec):
    """A node to read from, as the API and the official SDK write it."""

    node_id: LooseId
    """The id of a node of this workflow."""

    WIRE: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"node_id": "workflow.nodes[].node_inputs[].node_id"}
    )
    EXAMPLE: ClassVar[Mapping[str, Any]] = MappingProxyType({"node_id": "mapper"})


_ID = form("id")


def _input_form(value: Any) -> str:
    return _LONG if isinstance(value, dict | NodeInputSpec) else _ID


def _node_id(value: str | NodeInputSpec) -> str:
    return value if isinstance(value, str) else value.node_id


NodeInput = Annotated[
    Annotated[LooseId, Tag(_ID)] | Annotated[NodeInputSpec, Tag(_LONG)],
    Discriminator(_input_form),
    AfterValidator(_node_id),
]


class NodeSpec(Spec):
    """One step of a workflow: a model, and the nodes that it reads from."""

    id: LooseId
    """Unique in the workflow."""
    model: NodeModel
    """``ID`` of this manifest or ``user/app/model``, either with ``@version``; or the long form."""
    node_inputs: list[NodeInput] = Field(default_factory=list)
    """The nodes it reads from; the workflow's input if empty."""
    suppress_output: Flag = False
    """Run, but leave the output out of prediction results."""
    output_info_override: OverrideSpec | None = None
    """``data`` and ``params`` that replace the model's own in this workflow."""

    WIRE: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "id": "workflow.nodes[].id",
            "model": "workflow.nodes[].model",
            "node_inputs": "workflow.nodes[].node_inputs[].node_id",
            "suppress_output": "workflow.nodes[].suppress_output",
            "output_info_override": "workflow.nodes[].output_info_override",
        }
    )
    EXAMPLE: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "id": "confident",
            "model": "confident",
            "node_inputs": ["mapper"],
            "suppress_output": True,
            "output_info_override": {"data": {"concepts": [{"id": "adult", "value": 0.9}]}},
        }
    )
