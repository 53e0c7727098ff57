"""The normal form of a node: from a manifest, from the API, and back to the wire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.address import Address
from reconciler.call import Json, Target
from reconciler.catalogue import ANNOTATION_STATUSES, COMPARATORS
from reconciler.kind import Scope
from reconciler.kinds.nodes.spec import NodeModelSpec, NodeSpec
from reconciler.model_reference import model_wire, owned_model, uses_model, written_model
from reconciler.resource import External, Path, Place, Reference
from reconciler.shape import FLAG, FREE, FULL_NAME, NUMBER, TEXT, Many, Message, Table
from reconciler.values import float32, number

_ENUMS = {"concept_threshold_type": COMPARATORS, "annotation_status": ANNOTATION_STATUSES}

NODE_FORM = Message(
    {
        "model": FULL_NAME,
        "model_version_id": TEXT,
        "node_inputs": Many(TEXT),
        "suppress_output": FLAG,
        "output_info_override": Message(
            {
                "data": Message({"concepts": Table(NUMBER)}, there=("concepts",)),
                "params": FREE,
            }
        ),
    },
    there=(
        "model",
        "model_version_id",
        "node_inputs",
        "suppress_output",
        "output_info_override",
    ),
)
"""The shape of a declared node, in which a plan file has to bring it back."""


def declared_nodes(
    stated: Sequence[NodeSpec], own_models: Mapping[str, Any], scope: Scope
) -> tuple[dict[str, Any], tuple[Reference, ...], tuple[External, ...]]:
    """The nodes of a manifest's workflow, and what they use: of this manifest, and of elsewhere."""
    nodes: dict[str, Any] = {}
    references: list[Reference] = []
    externals: list[External] = []
    for index, node in enumerate(stated):
        model, version, external = _model(node.model, own_models, scope)
        override = node.output_info_override
        nodes[node.id] = {
            "model": model,
            "model_version_id": version,
            "node_inputs": tuple(sorted(node.node_inputs)),
            "suppress_output": node.suppress_output,
            "output_info_override": _override(override.model_dump() if override else None),
        }
        base, at = ("nodes", node.id), ("nodes", index, "model")
        if external:
            externals.append(
                External(model, version, (*base, "model"), (*base, "model_version_id"), at)
            )
        else:
            references += uses_model(model, version, base, at)[0]
            references += _named_concepts(node, base, ("nodes", index))
    return nodes, tuple(references), tuple(externals)


def _named_concepts(node: NodeSpec, base: Path, at: Place) -> Iterator[Reference]:
    """The concepts that a node of the app's own model has instead of its model's."""
    data = node.output_info_override.data if node.output_info_override else None
    within = ("output_info_override", "data", "concepts")
    for index, concept in enumerate(data.concepts if data else ()):
        to = Address("concept", (concept.id,))
        yield Reference((*base, *within, concept.id), to, at=(*at, *within, index, "id"))


def written_overrides(stated: Sequence[NodeSpec]) -> Mapping[str, Any]:
    """The concepts of overriding nodes, in the order in which they are written, if there are any."""
    orders = {
        node.id: tuple(concept.id for concept in node.output_info_override.data.concepts)
        for node in stated
        if node.output_info_override and node.output_info_override.data
    }
    return {"written_overrides": orders} if orders else {}


def _model(
    stated: str | NodeModelSpec, own_models: Mapping[str, Any], scope: Scope
) -> tuple[str, str, bool]:
    """A node's model in normal form: its name, its version, and whether it is not of this manifest."""
    if isinstance(stated, str):
        model, version = written_model(stated, scope)
        return model, version, "/" in stated and model not in own_models
    version = stated.model_version_id or ""
    if stated.user_id is None and stated.app_id is None:
        return stated.model_id, version, stated.model_id not in own_models
    user = stated.user_id or scope.target.user_id
    user = scope.me if user == "me" else user
    model = owned_model(user, stated.app_id or scope.target.app_id, stated.model_id, scope)
    return model, version, model not in own_models


def live_nodes(answer: Json, target: Target) -> tuple[dict[str, Any], tuple[Reference, ...]]:
    """The nodes of a live workflow, or of a version of it, and what they pin."""
    nodes: dict[str, Any] = {}
    references: list[Reference] = []
    for node in answer.get("nodes") or ():
        wire = node.get("model") or {}
        model = owned_model(
            wire.get("user_id") or target.user_id,
            wire.get("app_id") or target.app_id,
            wire.get("id", ""),
            Scope(target),
        )
        version = (wire.get("model_version") or {}).get("id", "")
        inputs = (source["node_id"] for source in node.get("node_inputs") or ())
        nodes[node["id"]] = {
            "model": model,
            "model_version_id": version,
            "node_inputs": tuple(sorted(inputs)),
            "suppress_output": bool(node.get("suppress_output")),
            "output_info_override": _override(node.get("output_info_override")),
        }
        references += uses_model(model, version, ("nodes", node["id"]), ())[0]
    return nodes, tuple(references)


def _override(stated: Mapping[str, Any] | None) -> dict[str, Any]:
    """Only ``data`` and ``params`` count; concepts by id, enums by name."""
    stated = stated or {}
    override: dict[str, Any] = {}
    concepts = (stated.get("data") or {}).get("concepts")
    if concepts:
        override["data"] = {
            "concepts": {c["id"]: float32(float(c.get("value", 1))) for c in concepts}
        }
    params = number(stated.get("params") or {})
    if params:
        override["params"] = {
            key: (_ENUMS[key].name_of(value) or value) if key in _ENUMS else value
            for key, value in params.items()
        }
    return override


def node_wire(id_: str, node: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    """A node as the API takes it."""
    wire: dict[str, Any] = {
        "id": id_,
        "model": model_wire(node["model"], node["model_version_id"], scope),
    }
    if node["node_inputs"]:
        wire["node_inputs"] = [{"node_id": source} for source in node["node_inputs"]]
    if node["suppress_output"]:
        wire["suppress_output"] = True
    if override := dict(node["output_info_override"]):
        if "data" in override:
            concepts = override["data"]["concepts"].items()
            override["data"] = {"concepts": [{"id": i, "value": v} for i, v in concepts]}
        if "params" in override:
            override["params"] = {
                key: _ENUMS[key].number_of(value) if key in _ENUMS else value
                for key, value in override["params"].items()
            }
        wire["output_info_override"] = override
    return wire
