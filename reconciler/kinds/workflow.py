"""Workflows: graphs of models, each node pinned to one version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from pydantic import Field

from reconciler.address import Address
from reconciler.call import Call, Json, Listing, Target
from reconciler.catalogue import PUBLIC_WORKFLOWS, ModelType
from reconciler.conversation import Conversation, Write, find_nothing, find_object
from reconciler.kind import (
    Job,
    Kind,
    Learnt,
    Problem,
    Scope,
    as_wanted,
    editable,
    renaming,
    still_there,
    unmoved,
    written_mark,
)
from reconciler.kinds.nodes.normal import (
    NODE_FORM,
    declared_nodes,
    live_nodes,
    node_wire,
    written_overrides,
)
from reconciler.kinds.nodes.spec import NodeSpec
from reconciler.node_graph import node_problems
from reconciler.resource import Path, Reference, Resource, ResourceGraph, laid_over
from reconciler.shape import FREE, TEXT, Message, Table
from reconciler.spec import Flag, Id, Metadata, Notes, Spec, Text
from reconciler.values import Mark, marked, number, unmarked

_EDITABLE = (
    "description",
    "notes",
    "metadata",
    "visibility",
    "use_cases",
    "check_consents",
    "image",
    "is_template",
)
_GENERAL = "clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40"
_NODES = [
    {"id": "general", "model": _GENERAL},
    {"id": "mapper", "model": "to-app-concepts", "node_inputs": ["general"]},
    {"id": "confident", "model": "confident", "node_inputs": ["mapper"]},
    {"id": "success", "model": "write-success-as-me", "node_inputs": ["confident"]},
]


class WorkflowSpec(Spec):
    """A graph of models. The app's default workflow runs on every new input."""

    description: Text | None = None
    """One line about the workflow."""
    notes: Notes | None = None
    """Markdown, at most 64 KB."""
    metadata: Metadata | None = None
    """Free JSON of your own."""
    prevent_destroy: Flag | None = None
    """Refuse any plan that would remove it; only ``false`` lifts that, not leaving it out."""
    nodes: Annotated[list[NodeSpec], Field(min_length=1)]
    """The nodes, in any order; at most 20."""

    WIRE: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "description": "workflow.description",
            "notes": "workflow.notes",
            "metadata": "workflow.metadata",
            "prevent_destroy": "workflow.metadata.reconciler.protect",
            "nodes": "workflow.nodes",
        }
    )
    EXAMPLE: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "description": "Labels what is sure, sends the rest to review.",
            "notes": "Change thresholds together.",
            "metadata": {"team": "annotation"},
            "prevent_destroy": True,
            "nodes": _NODES,
        }
    )


class WorkflowKind(Kind):
    """``~/workflows``. A change of nodes is one PATCH with the whole graph: the cutover."""

    name: ClassVar[str] = "workflow"
    rank: ClassVar[int] = 40
    section: ClassVar[str] = "workflows"
    unknown_code: ClassVar[str] = "RC205"
    renames: ClassVar[bool] = True
    routing_fields: ClassVar[frozenset[str]] = frozenset({"nodes"})
    declared: ClassVar[Message] = Message(
        {"description": TEXT, "notes": TEXT, "metadata": FREE, "nodes": Table(NODE_FORM)},
        there=("nodes",),
    )

    def section_type(self) -> Any:
        """The app's workflows by id."""
        example = {"auto-annotation": {"nodes": _NODES}}
        return Annotated[dict[Id, WorkflowSpec], Field(examples=[example])]

    def declare(self, sections: Mapping[str, Any], scope: Scope) -> Iterable[Resource]:
        """One resource for each workflow, which refers to its nodes' models and overridden concepts."""
        own_models = sections.get("models") or {}
        for id_, spec in (sections.get(self.section) or {}).items():
            nodes, references, externals = declared_nodes(spec.nodes, own_models, scope)
            yield Resource(
                Address(self.name, (id_,)),
                {**spec.stated("description", "notes", "metadata"), "nodes": nodes},
                references=references,
                externals=externals,
                options={
                    **spec.stated("prevent_destroy"),
                    "written_nodes": tuple(
                        (node.id, tuple(node.node_inputs)) for node in spec.nodes
                    ),
                    **written_overrides(spec.nodes),
                },
                source=(self.section, id_),
            )

    def check(
        self, resource: Resource, graph: ResourceGraph, types: Mapping[str, ModelType]
    ) -> Iterable[Problem]:
        """Node ids, edges, cycles, the limit, and that each node gets what its model takes."""
        return node_problems(resource, graph, types)

    def elsewhere(self, id_: str) -> str:
        """A base workflow of ``clarifai/main`` by its full name."""
        known = {workflow.id: workflow for workflow in PUBLIC_WORKFLOWS}.get(id_)
        return f"{known.user_id}/{known.app_id}/{known.id}" if known else ""

    def live(self, target: Target) -> Listing:
        """``GET ~/workflows``."""
        return Listing(target.at("workflows"), "workflows")

    def read(self, answer: Json, target: Target) -> Iterable[Resource]:
        """A workflow of this app: the list also shows a default workflow of ``clarifai/main``."""
        if (answer.get("app_id", target.app_id), answer.get("user_id", target.user_id)) != (
            target.app_id,
            target.user_id,
        ):
            return
        nodes, references = live_nodes(answer, target)
        yield Resource(
            Address(self.name, (answer["id"],)),
            {
                "description": answer.get("description", ""),
                "notes": answer.get("notes", ""),
                "metadata": number(unmarked(answer.get("metadata"))),
                "nodes": nodes,
            },
            references=references,
            mark=Mark.read(answer.get("metadata")),
            raw=answer,
        )

    def parts(self, fields: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
        """Each node by itself, without its model's name: the version says it, and survives a rename."""
        yield from super().parts({k: v for k, v in fields.items() if k != "nodes"})
        for id_, node in fields.get("nodes", {}).items():
            yield ("nodes", id_), {name: v for name, v in node.items() if name != "model"}

    def history(self, target: Target, address: Address) -> Listing:
        """``GET ~/workflows/{id}/versions``."""
        return Listing(target.at("workflows", address.id, "versions"), "workflow_versions")

    def read_history(self, item: Json, target: Target) -> Iterable[Reference]:
        """What the nodes of an earlier version pinned."""
        return live_nodes(item, target)[1]

    def create(self, job: Job) -> Conversation[Learnt]:
        """``POST ~/workflows``, merged with others."""
        body = {"workflows": [self._body(job, {})]}
        call = Call("POST", job.target.at("workflows"), body=body)
        yield Write(call, lambda: self._find(job), batch="workflows")
        return {}

    def update(self, job: Job) -> Conversation[Learnt]:
        """``PATCH ~/workflows``: overwrite, since merge cannot remove a node or an edge."""
        job = yield from still_there(self, job)
        body = {"workflows": [self._body(job, job.found.raw)], "action": "overwrite"}
        call = Call("PATCH", job.target.at("workflows"), body=body)
        yield Write(call, lambda: self._find(job), batch="workflows")
        return {}

    def rename(self, job: Job) -> Conversation[Learnt]:
        """``PATCH ~/workflows/ids``."""
        job = yield from still_there(self, job, id_=job.found.raw["id"])
        yield renaming(job, "workflows", lambda: find_object(self._get(job), "workflow", bool))
        return {}

    def delete(self, job: Job) -> Conversation[Learnt]:
        """``DELETE ~/workflows``, merged with others."""
        if (yield from unmoved(self, job)) is None:
            return {}
        call = Call("DELETE", job.target.at("workflows"), body={"ids": [job.found.address.id]})
        yield Write(call, lambda: find_nothing(self._get(job), "workflow"), batch="ids")
        return {}

    def _get(self, job: Job) -> Call:
        resource = job.desired or job.found
        return Call("GET", job.target.at("workflows", resource.address.id))

    def _find(self, job: Job) -> Conversation[Json | None]:
        return find_object(self._get(job), "workflow", lambda item: as_wanted(self, job, item))

    def _body(self, job: Job, raw: Mapping[str, Any]) -> dict[str, Any]:
        stated = dict(job.wanted.fields)
        nodes = [
            node_wire(id_, node, Scope(job.target)) for id_, node in stated.pop("nodes").items()
        ]
        metadata = laid_over(raw.get("metadata") or {}, stated.pop("metadata", {}))
        return {
            **editable(raw, _EDITABLE),
            "id": job.wanted.address.id,
            **stated,
            "nodes": nodes,
            "metadata": marked(metadata, written_mark(self, job)),
        }


KIND = WorkflowKind()
