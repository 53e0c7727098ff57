"""The graph of a workflow: resolved, checked as the platform checks it, and put in its order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2

from reconciler.sandbox import status
from reconciler.sandbox.context import Context, load
from reconciler.sandbox.handlers import lookup
from reconciler.sandbox.handlers.model_types import model_type
from reconciler.sandbox.transaction import Filter

MAX_NODES: Final = 20
_MEDIA: Final = frozenset({"image", "video", "text", "audio"})
_ANY: Final = "any"
_REGION: Final = "regions[...].data."
_FRAME: Final = "frames[...].data."
_OVERRIDABLE: Final = ("data", "params")


def build(sent: Sequence[Any], context: Context) -> list[Any]:
    """Nodes as they are stored and answered: models resolved, versions pinned, order settled."""
    check_shape(sent)
    nodes = [_resolve(node, context) for node in sent]
    by_id = {node.id: node for node in nodes}
    depth = _depths(by_id)
    if context.behaviour.type_check_graph:
        _check_types(by_id, depth, context)
    if context.behaviour.reorder_nodes:
        # Level by level, and as they were sent within a level: the client's own test-suite reads
        # the first of two nodes without inputs back as the first.
        nodes.sort(key=lambda node: depth[node.id])
    return nodes


def _bad(details: str) -> status.PlatformError:
    return status.PlatformError(status.WORKFLOW_INVALID_GRAPH, details)


def check_shape(nodes: Sequence[Any]) -> None:
    """Count, ids, inputs and cycles; needs no look at models."""
    if len(nodes) > MAX_NODES:
        raise _bad(f"the workflow has {len(nodes)} nodes, the most is {MAX_NODES}")
    ids = [node.id for node in nodes]
    for node in nodes:
        if not node.id:
            raise _bad("a node has no id")
        if ids.count(node.id) > 1:
            raise _bad(f"node id '{node.id}' is used twice")
        if not node.model.id:
            raise _bad(f"node '{node.id}' names no model")
        for source in node.node_inputs:
            if source.node_id not in ids:
                raise _bad(
                    f"node '{node.id}' takes its input from '{source.node_id}', which is no node "
                    "of this workflow"
                )
    try:
        TopologicalSorter(
            {node.id: [source.node_id for source in node.node_inputs] for node in nodes}
        ).prepare()
    except CycleError as error:
        members = " -> ".join(error.args[1])
        raise _bad(f"the nodes go round in a circle: {members}") from None


def _resolve(sent: Any, context: Context) -> Any:
    try:
        model = lookup.referred_model(sent.model, context)
        version = lookup.referred_version(model, sent.model.model_version.id, context)
    except status.PlatformError as error:
        raise status.PlatformError(
            error.code, f"node '{sent.id}': {error.details}", http=error.http
        ) from None
    node = resources_pb2.WorkflowNode(id=sent.id, suppress_output=sent.suppress_output)
    node.model.CopyFrom(load(model))
    for name in ("output_info", "notes", "description", "metadata"):
        node.model.ClearField(name)
    pinned = load(version)
    kept = resources_pb2.ModelVersion(
        id=pinned.id,
        created_at=pinned.created_at,
        status=pinned.status,
        visibility=pinned.visibility,
        app_id=pinned.app_id,
        user_id=pinned.user_id,
        active_concept_count=pinned.active_concept_count,
    )
    node.model.model_version.CopyFrom(kept)
    for source in sent.node_inputs:
        node.node_inputs.add(node_id=source.node_id)
    if sent.HasField("output_info_override"):
        _override(node, sent, context)
    return node


def _override(node: Any, sent: Any, context: Context) -> None:
    """Only ``data`` and ``params`` of an override count; its concepts must exist."""
    for name in _OVERRIDABLE:
        if sent.output_info_override.HasField(name):
            getattr(node.output_info_override, name).CopyFrom(
                getattr(sent.output_info_override, name)
            )
    wanted = {concept.id for concept in node.output_info_override.data.concepts}
    if not wanted:
        return
    found = context.tx.select("concept", context.scope, Filter("id", tuple(wanted)))
    absent = sorted(wanted - {row.id for row in found})
    if absent:
        raise status.missing(f"node '{node.id}': concept_id", absent[0])


def _depths(nodes: Mapping[str, Any]) -> Mapping[str, int]:
    order = TopologicalSorter(
        {id_: [source.node_id for source in node.node_inputs] for id_, node in nodes.items()}
    ).static_order()
    depth: dict[str, int] = {}
    for id_ in order:
        depth[id_] = 1 + max(
            (depth[source.node_id] for source in nodes[id_].node_inputs), default=-1
        )
    return depth


def _check_types(nodes: Mapping[str, Any], depth: Mapping[str, int], context: Context) -> None:
    gives: dict[str, frozenset[str]] = {}
    for id_ in sorted(nodes, key=lambda id_: depth[id_]):
        node = nodes[id_]
        known = model_type(node.model.model_type_id)
        sources = [source.node_id for source in node.node_inputs]
        arriving = frozenset().union(*(gives[source] for source in sources)) if sources else _MEDIA
        if known is None:
            gives[id_] = arriving | {_ANY}
            continue
        if sources or not context.world.legacy:
            # The walkthrough of 2022 has a clusterer without inputs; legacy lets it pass.
            _check_inputs(node, known.inputs, arriving, sources)
        outputs = frozenset(known.outputs)
        gives[id_] = arriving if outputs == {_ANY} else outputs


def _check_inputs(
    node: Any, wanted: Sequence[str], arriving: frozenset[str], sources: Sequence[str]
) -> None:
    # With several inputs, media may come from further up the graph (image-crop needs regions and
    # the picture they are cut from).
    reachable = arriving | (_MEDIA if len(wanted) > 1 else frozenset())
    for entry in wanted:
        if all(_is_met(path.strip(), reachable) for path in entry.split(",")):
            continue
        origin = " and ".join(f"'{source}'" for source in sources) or "the workflow's input"
        raise _bad(
            f"node '{node.id}': model type '{node.model.model_type_id}' needs '{entry}', "
            f"but {origin} gives {', '.join(sorted(arriving)) or 'nothing'}"
        )


def _is_met(path: str, arriving: frozenset[str]) -> bool:
    if path == _ANY or _ANY in arriving or path in arriving:
        return True
    inside = path.removeprefix(_FRAME)
    if any(given.removeprefix(_FRAME) == inside for given in arriving):
        return True
    if path in _MEDIA:
        return f"{_REGION}{path}" in arriving
    return path.endswith("[...]") and any(given.startswith(path) for given in arriving)
