"""Workflows as boxes and arrows: which model runs behind which, what a threshold lets pass, who writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from reconciler import dag
from reconciler.address import DEFAULT_WORKFLOW, Address
from reconciler.catalogue import public_model
from reconciler.diagnostics import did_you_mean
from reconciler.errors import SettingsError
from reconciler.report.diagnostics import visible
from reconciler.report.style import counted, version
from reconciler.resource import Resource, ResourceGraph
from reconciler.values import number

_INPUT: Final = "input"
_NAMED = 3
"""So many concepts of one threshold are named; more are counted."""

_LINES = 6
_LONGEST = 46
_SIGNS: Final = MappingProxyType(
    {
        "GREATER_THAN": ">",
        "GREATER_THAN_OR_EQUAL": ">=",
        "LESS_THAN": "<",
        "LESS_THAN_OR_EQUAL": "<=",
        "EQUAL": "=",
    }
)


class Role(StrEnum):
    """What a box is to a reader."""

    INPUT = "input"
    EXTERNAL = "external"
    MODEL = "model"
    MAPPER = "mapper"
    THRESHOLD = "threshold"
    SUCCESS = "success"
    PENDING = "pending"
    WRITER = "writer"


@dataclass(frozen=True, slots=True)
class Box:
    """A node, or the workflow's input. ``passes``: what a thresholder lets through, in lines."""

    title: str
    lines: tuple[str, ...]
    role: Role
    passes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawing:
    """One workflow: boxes by key, each behind those it reads from, and arrows between keys."""

    title: str
    boxes: Mapping[str, Box]
    arrows: tuple[tuple[str, str], ...]

    def told(self, key: str) -> tuple[str, ...]:
        """What a box has to say; what it passes to nobody can stand on no arrow."""
        box = self.boxes[key]
        leads_on = any(source == key for source, _ in self.arrows)
        return (box.title, *box.lines, *(() if leads_on else box.passes))


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
    # ids are any text, so keys are numbers: they need no escaping, and 0 is free for the input
    keys = {id_: f"n{number_}" for number_, id_ in enumerate(order, 1)}
    boxes = {"n0": Box(_INPUT, (), Role.INPUT)}
    boxes |= {keys[id_]: _box(id_, nodes[id_], graph) for id_ in order}
    arrows = tuple(
        (keys[source] if source else "n0", keys[id_])
        for id_ in order
        for source in sorted(inputs[id_]) or [""]
    )
    title = visible(workflow.address.id) + (" (default workflow)" if is_default else "")
    return Drawing(title, MappingProxyType(boxes), arrows)


def _box(id_: str, node: Mapping[str, Any], graph: ResourceGraph) -> Box:
    name: str = node["model"]
    own = graph.get(Address("model", (name,)))
    pinned = f"@{version(node['model_version_id'])}" if node["model_version_id"] else ""
    override = node["output_info_override"]
    title = _cut(id_)
    if own is None:
        known = public_model(name.rpartition("/")[2]) if "/" in name else None
        kind = known.model_type_id if known and name.startswith(known.user_id) else "model"
        return Box(title, (_cut(name) + pinned, f"external {kind}"), Role.EXTERNAL)
    type_id: str = own.fields["model_type_id"]
    settings = {**(own.configuration or {}), **override.get("params", {})}
    lines = [_cut(name) + pinned] if name != id_ or pinned else []
    lines.append(_cut(type_id) + (" (overridden)" if override else ""))
    match type_id:
        case "concept-threshold":
            thresholds = override.get("data", {}).get("concepts", settings["thresholds"])
            passes = tuple(_passing(settings["concept_threshold_type"], thresholds))
            return Box(title, tuple(lines), Role.THRESHOLD, passes)
        case "annotation-writer":
            status = settings["annotation_status"]
            lines.append(f"{_cut(str(status))} as {_cut(settings['annotation_user_id'])}")
            return Box(title, tuple(lines), _writer(str(status)))
        case "concept-synonym-mapper":
            return Box(title, tuple(lines), Role.MAPPER)
    return Box(title, tuple(lines), Role.MODEL)


def _writer(status: str) -> Role:
    match status:
        case "ANNOTATION_SUCCESS":
            return Role.SUCCESS
        case "ANNOTATION_PENDING":
            return Role.PENDING
    return Role.WRITER


def _passing(comparator: str, thresholds: Mapping[str, float]) -> Iterable[str]:
    """``people, man >= 0.5``: concepts of one threshold together, the strictest value last."""
    sign = _SIGNS.get(comparator, "?")
    by_value: dict[float, list[str]] = {}
    for concept, value in sorted(thresholds.items()):
        by_value.setdefault(value, []).append(concept)
    for count, value in enumerate(sorted(by_value)):
        concepts = by_value[value]
        if count == _LINES - 1 < len(by_value) - 1:
            left = sum(len(by_value[v]) for v in sorted(by_value)[count:])
            yield f"... and {left:,} more"
            return
        names = ", ".join(map(visible, concepts))
        if len(concepts) > _NAMED or len(names) > _LONGEST:
            names = counted(len(concepts), "concept") if len(concepts) > 1 else _cut(names)
            names = f"all {names}" if len(by_value) == 1 < len(concepts) else names
        yield f"{names} {sign} {number(value)}"


def _cut(text: str) -> str:
    text = visible(text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
