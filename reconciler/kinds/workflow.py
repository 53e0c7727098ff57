"""Workflows: graphs of models, each node pinned to one version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Discriminator, Field, Tag

from reconciler.address import Address
from reconciler.call import Call, Json, Listing, Target
from reconciler.catalogue import ANNOTATION_STATUSES, COMPARATORS, PUBLIC_WORKFLOWS, ModelType
from reconciler.kind import (
    Conversation,
    Job,
    Kind,
    Learnt,
    Problem,
    Scope,
    Write,
    as_wanted,
    editable,
    find_nothing,
    find_object,
    renaming,
    still_there,
    unmoved,
    written_mark,
)
from reconciler.model_reference import (
    ModelName,
    model_wire,
    owned_model,
    uses_model,
    written_model,
)
from reconciler.node_graph import node_problems
from reconciler.resource import (
    External,
    Path,
    Place,
    Reference,
    Resource,
    ResourceGraph,
    laid_over,
)
from reconciler.shape import FLAG, FREE, FULL_NAME, NUMBER, TEXT, Many, Message, Table
from reconciler.spec import (
    Data,
    Flag,
    Id,
    LooseId,
    Metadata,
    Notes,
    Score,
    Spec,
    Text,
    form,
)
from reconciler.values import Mark, float32, marked, number, unmarked

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
_ENUMS = {"concept_threshold_type": COMPARATORS, "annotation_status": ANNOTATION_STATUSES}


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


_NODE_FORM = Message(
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


class WorkflowKind(Kind):
    """``~/workflows``. A change of nodes is one PATCH with the whole graph: the cutover."""

    name: ClassVar[str] = "workflow"
    rank: ClassVar[int] = 40
    section: ClassVar[str] = "workflows"
    unknown_code: ClassVar[str] = "RC205"
    renames: ClassVar[bool] = True
    routing_fields: ClassVar[frozenset[str]] = frozenset({"nodes"})
    declared: ClassVar[Message] = Message(
        {"description": TEXT, "notes": TEXT, "metadata": FREE, "nodes": Table(_NODE_FORM)},
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
            nodes: dict[str, Any] = {}
            references: list[Reference] = []
            externals: list[External] = []
            for index, node in enumerate(spec.nodes):
                model, version, external = _model(node.model, own_models, scope)
                nodes[node.id] = {
                    "model": model,
                    "model_version_id": version,
                    "node_inputs": tuple(sorted(node.node_inputs)),
                    "suppress_output": node.suppress_output,
                    "output_info_override": _override(
                        node.output_info_override.model_dump()
                        if node.output_info_override
                        else None
                    ),
                }
                base, at = ("nodes", node.id), ("nodes", index, "model")
                if external:
                    externals.append(
                        External(model, version, (*base, "model"), (*base, "model_version_id"), at)
                    )
                else:
                    references += uses_model(model, version, base, at)[0]
                    references += _named_concepts(node, base, ("nodes", index))
            yield Resource(
                Address(self.name, (id_,)),
                {**spec.stated("description", "notes", "metadata"), "nodes": nodes},
                references=tuple(references),
                externals=tuple(externals),
                options={
                    **spec.stated("prevent_destroy"),
                    "written_nodes": tuple(
                        (node.id, tuple(node.node_inputs)) for node in spec.nodes
                    ),
                    **_written_overrides(spec),
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
        nodes, references = _live_nodes(answer, target)
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
        return _live_nodes(item, target)[1]

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
            _node_wire(id_, node, Scope(job.target)) for id_, node in stated.pop("nodes").items()
        ]
        metadata = laid_over(raw.get("metadata") or {}, stated.pop("metadata", {}))
        return {
            **editable(raw, _EDITABLE),
            "id": job.wanted.address.id,
            **stated,
            "nodes": nodes,
            "metadata": marked(metadata, written_mark(self, job)),
        }


def _named_concepts(node: NodeSpec, base: Path, at: Place) -> Iterator[Reference]:
    """The concepts that a node of the app's own model has instead of its model's."""
    data = node.output_info_override.data if node.output_info_override else None
    within = ("output_info_override", "data", "concepts")
    for index, concept in enumerate(data.concepts if data else ()):
        to = Address("concept", (concept.id,))
        yield Reference((*base, *within, concept.id), to, at=(*at, *within, index, "id"))


def _written_overrides(spec: WorkflowSpec) -> Mapping[str, Any]:
    """The concepts of overriding nodes, in the order in which they are written, if there are any."""
    orders = {
        node.id: tuple(concept.id for concept in node.output_info_override.data.concepts)
        for node in spec.nodes
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


def _live_nodes(answer: Json, target: Target) -> tuple[dict[str, Any], tuple[Reference, ...]]:
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


def _node_wire(id_: str, node: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
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


KIND = WorkflowKind()
