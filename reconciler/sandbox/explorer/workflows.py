"""Workflows as pages: the graph as a picture, its versions, what each of its nodes runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any, Final

from reconciler.catalogue import ANNOTATION_STATUSES, COMPARATORS, canonical_model_type
from reconciler.picture.drawing import Box, Drawing, Role, connected, cut, passing, writer_role
from reconciler.picture.svg import render_figure
from reconciler.sandbox import codec, runs
from reconciler.sandbox.context import load
from reconciler.sandbox.explorer import links, text
from reconciler.sandbox.explorer.visit import Page, Time, Visit, absent, paging
from reconciler.sandbox.transaction import Filter, Key, Row, Scope, Tx

PAGE: Final = 12
_VERSIONS: Final = 50


@dataclass(frozen=True, slots=True)
class Node:
    """A node as a line of a table."""

    id: str
    model: str
    link: str
    version: str
    type: str
    reads: str
    passes: str


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow with its picture (SVG that the page's stylesheet colours)."""

    id: str
    owner: str
    link: str
    version: str
    description: str
    default: bool
    figure: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a workflow."""

    id: str
    link: str
    made: Time
    nodes: int
    current: bool
    written: int


def default_of(tx: Tx, scope: Scope) -> tuple[Key, str] | None:
    """The app's default workflow, and the version that it is pinned to, if it is."""
    app = tx.get(Key("app", *scope, "", scope.app))
    if app is None:
        return None
    default = load(app).default_workflow
    if not default.id:
        return None
    return Key("workflow", default.user_id, default.app_id, "", default.id), default.version.id


def version_of(tx: Tx, key: Key, version_id: str) -> Row | None:
    """A version of a workflow; None where it is not there."""
    return tx.get(Key("workflow_version", key.user, key.app, key.id, version_id))


def show(tx: Tx, scope: Scope, row: Row, number: int = 0, version: Row | None = None) -> Workflow:
    """A workflow as it is, or as one of its versions has it."""
    workflow = load(row)
    nodes = load(version).nodes if version else workflow.nodes
    default = default_of(tx, scope)
    parts = _parts(tx, scope, nodes)
    return Workflow(
        id=row.id,
        owner="" if Scope(row.user, row.app) == scope else f"{row.user}/{row.app}",
        link=links.to(row.user, row.app, "workflows", row.id),
        version=version.id if version else workflow.version.id,
        description=workflow.description,
        default=default is not None and default[0] == row.key,
        figure=render_figure(_drawing(row.id, parts, nodes), number) if nodes else "",
        nodes=tuple(node for node, _ in parts.values()),
    )


def _drawing(title: str, parts: Mapping[str, tuple[Node, Box]], nodes: Sequence[Any]) -> Drawing:
    inputs = {node.id: [source.node_id for source in node.node_inputs] for node in nodes}
    return connected(text.visible(title), {id_: box for id_, (_, box) in parts.items()}, inputs)


def _parts(tx: Tx, scope: Scope, nodes: Sequence[Any]) -> dict[str, tuple[Node, Box]]:
    """Each node as a line and as a box, behind those it reads from."""
    by_id = {node.id: node for node in nodes}
    order = TopologicalSorter(
        {id_: sorted(source.node_id for source in node.node_inputs) for id_, node in by_id.items()}
    ).static_order()
    return {id_: _part(tx, scope, by_id[id_]) for id_ in order}


def _part(tx: Tx, scope: Scope, node: Any) -> tuple[Node, Box]:
    model, pinned = node.model, node.model.model_version.id
    own = (model.user_id, model.app_id) == scope
    name = text.visible(model.id if own else f"{model.user_id}/{model.app_id}/{model.id}")
    type_id = canonical_model_type(model.model_type_id)
    pair = runs.load_pair(tx, runs.reference_of(model))
    settings = _Settings.of(node, pair[1] if pair else model.model_version)
    passes = settings.passes if type_id in _THRESHOLDERS else ()
    line = Node(
        id=node.id,
        model=name,
        link=links.to(model.user_id, model.app_id, "models", model.id, version=pinned),
        version=pinned,
        type=type_id,
        reads=", ".join(source.node_id for source in node.node_inputs) or "input",
        passes="; ".join(passes) or (settings.writes if type_id == _WRITER else ""),
    )
    lines = [cut(name) if name != node.id else "", cut(text.visible(type_id))]
    if type_id == _WRITER:
        lines.append(cut(settings.writes))
    role = _role(type_id, settings) if own else Role.EXTERNAL
    return line, Box(cut(text.visible(node.id)), tuple(filter(None, lines)), role, passes)


_THRESHOLDERS: Final = frozenset({"concept-threshold", "region-thresholder"})
_WRITER: Final = "annotation-writer"


@dataclass(frozen=True, slots=True)
class _Settings:
    """What a node runs with that a picture tells: what passes, what is written."""

    passes: tuple[str, ...]
    status: str
    user: str

    @property
    def writes(self) -> str:
        """``ANNOTATION_PENDING as me``."""
        return f"{self.status} as {self.user or 'me'}"

    @classmethod
    def of(cls, node: Any, version: Any) -> _Settings:
        override, stored = node.output_info_override, version.output_info
        concepts = override.data.concepts or stored.data.concepts
        params = codec.struct_json(stored.params) | codec.struct_json(override.params)
        comparator = COMPARATORS.name_of(params.get("concept_threshold_type")) or ""
        named = (
            (text.visible(concept.id), float(str(codec.shortest(concept.value))))
            for concept in sorted(concepts, key=lambda concept: concept.id)
        )
        spelled = params.get("annotation_status", "")
        return cls(
            tuple(passing(comparator, named)),
            ANNOTATION_STATUSES.name_of(spelled) or text.visible(str(spelled)),
            text.visible(str(params.get("annotation_user_id", ""))),
        )


def _role(type_id: str, settings: _Settings) -> Role:
    if type_id in _THRESHOLDERS:
        return Role.THRESHOLD
    if type_id == _WRITER:
        return writer_role(settings.status)
    return Role.MAPPER if type_id == "concept-synonym-mapper" else Role.MODEL


def listing(visit: Visit) -> Page:
    """The app's workflows, the default one first."""
    tx, scope = visit.tx, visit.scope
    place = paging(visit, tx.count("workflow", scope), PAGE, "workflows")
    rows = tx.select("workflow", scope, order="id", offset=place.offset, limit=place.size)
    default = default_of(tx, scope)
    if default is not None and place.number == 1:
        first = tx.get(default[0])
        rows = [*filter(None, [first]), *(row for row in rows if row.key != default[0])]
    shown = [show(tx, scope, row, number) for number, row in enumerate(rows)]
    return Page("workflows.html", "Workflows", {"workflows": shown, "paging": place}, "workflows")


def one(visit: Visit, id_: str) -> Page:
    """One workflow, or one of its versions, and all versions that it had."""
    tx, scope = visit.tx, visit.scope
    row = visit.row("workflow", "workflow", id_)
    asked = visit.query.get("version", "")
    version = version_of(tx, row.key, asked) if asked else None
    if asked and version is None:
        absent("version", asked)
    current = load(row).version.id
    versions = [
        Version(
            found.id,
            links.within(scope, "workflows", id_, version=found.id),
            text.time(found.created),
            len(load(found).nodes),
            found.id == current,
            tx.count("annotation", scope, Filter("k2", (found.id,))),
        )
        for found in tx.select(
            "workflow_version",
            scope,
            Filter("parent", (id_,)),
            order="-created",
            limit=_VERSIONS,
        )
    ]
    shown = show(tx, scope, row, version=version)
    data = {"workflow": shown, "versions": versions, "is_current": shown.version == current}
    crumbs = [("Workflows", links.within(scope, "workflows"))]
    return Page("workflow.html", id_, data, "workflows", crumbs)
