"""Workflows of a manifest as drawings: which model runs behind which, what passes, who writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler import dag
from reconciler.address import DEFAULT_WORKFLOW, Address
from reconciler.catalogue import public_model
from reconciler.diagnostics import did_you_mean
from reconciler.errors import SettingsError
from reconciler.picture.drawing import Box, Drawing, Role, connected, cut, passing, writer_role
from reconciler.report.diagnostics import visible
from reconciler.report.style import version
from reconciler.resource import Resource, ResourceGraph


def draw(graph: ResourceGraph, workflow_id: str | None = None) -> tuple[Drawing, ...]:
    """The workflows of a desired graph, the default one first, or one of them.

    Raises ``SettingsError`` if there is none, or none of that id.
    """
    found = {r.address.id: r for r in graph if r.address.kind == "workflow"}
    if not found:
        raise SettingsError(
            "the manifest has no workflow to draw", hint="declare one under 'workflows'"
        )
    if workflow_id is not None:
        if workflow_id not in found:
            hint = did_you_mean(workflow_id, found) or f"there are: {', '.join(found)}"
            raise SettingsError(f"the manifest has no workflow {workflow_id!r}", hint=hint)
        found = {workflow_id: found[workflow_id]}
    default = graph.get(Address(DEFAULT_WORKFLOW))
    first = default.fields["workflow"] if default else None
    ordered = sorted(found.values(), key=lambda workflow: workflow.address.id != first)
    return tuple(
        _drawing(workflow, graph, is_default=workflow.address.id == first) for workflow in ordered
    )


def _drawing(workflow: Resource, graph: ResourceGraph, *, is_default: bool) -> Drawing:
    nodes: Mapping[str, Mapping[str, Any]] = workflow.fields["nodes"]
    inputs = {id_: tuple(node["node_inputs"]) for id_, node in nodes.items()}
    order = dag.sort(inputs, key=str, name=str)
    title = visible(workflow.address.id) + (" (default workflow)" if is_default else "")
    return connected(title, {id_: _box(id_, nodes[id_], graph) for id_ in order}, inputs)


def _box(id_: str, node: Mapping[str, Any], graph: ResourceGraph) -> Box:
    name: str = node["model"]
    own = graph.get(Address("model", (name,)))
    pinned = f"@{version(node['model_version_id'])}" if node["model_version_id"] else ""
    override = node["output_info_override"]
    title = _seen(id_)
    if own is None:
        known = public_model(name.rpartition("/")[2]) if "/" in name else None
        kind = known.model_type_id if known and name.startswith(known.user_id) else "model"
        return Box(title, (_seen(name) + pinned, f"external {kind}"), Role.EXTERNAL)
    type_id: str = own.fields["model_type_id"]
    settings = {**(own.configuration or {}), **override.get("params", {})}
    lines = [_seen(name) + pinned] if name != id_ or pinned else []
    lines.append(_seen(type_id) + (" (overridden)" if override else ""))
    match type_id:
        case "concept-threshold":
            thresholds = override.get("data", {}).get("concepts", settings["thresholds"])
            named = ((visible(id_), value) for id_, value in sorted(thresholds.items()))
            passes = tuple(passing(settings["concept_threshold_type"], named))
            return Box(title, tuple(lines), Role.THRESHOLD, passes)
        case "annotation-writer":
            status = settings["annotation_status"]
            lines.append(f"{_seen(str(status))} as {_seen(settings['annotation_user_id'])}")
            return Box(title, tuple(lines), writer_role(str(status)))
        case "concept-synonym-mapper":
            return Box(title, tuple(lines), Role.MAPPER)
    return Box(title, tuple(lines), Role.MODEL)


def _seen(text: str) -> str:
    return cut(visible(text))
