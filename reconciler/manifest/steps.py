"""The workflows of a manifest as steps through which scores flow, and where each step is declared.

What the manifest does not tell, an unknown model or a pinned older version, stays unknown here: it
may give and let pass anything, so that no check builds on a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.address import Address
from reconciler.catalogue import (
    COMPARATORS,
    MODEL_TYPES,
    PUBLIC_APP_ID,
    PUBLIC_USER_ID,
    canonical_model_type,
    may_be_public_concept,
    public_model,
)
from reconciler.manifest.flow import Emission, Step
from reconciler.manifest.intervals import EVERYTHING, ScoreSet, at_least, passing
from reconciler.resource import Place, Resource, ResourceGraph
from reconciler.routing.operators import Comparator, Relation
from reconciler.routing.scores import ConceptKey
from reconciler.routing.workflow import Mapper, Operator, Pass, Source, Thresholder, Writer

APP: Final = ("", "")
"""The owner of the app's own concepts, whoever that will be."""

MAPPER: Final = "concept-synonym-mapper"
_PUBLIC: Final = (PUBLIC_USER_ID, PUBLIC_APP_ID)

_ONE: Final = passing(Comparator.EQUAL, 1.0)
_MATCHERS: Final = frozenset({"regex-based-classifier", "keyword-filter-operator"})
"""Types that give a concept with the score 1 or not at all."""

_SAMPLERS: Final = frozenset({"random-sample", "input-filter"})
"""Types that let an input pass or not, for reasons of their own."""

_OPAQUE: Final = frozenset({"custom-code-operator", "aws-lambda"})
"""Types that may make anything of what arrives."""

_ANNOTATED: Final = ("regions", "frames", "time_segments", "metadata", "hits")
"""Beginnings of the data paths that an annotation can hold besides concepts."""

_UNKNOWN: Final = Emission(None, other=True)


@dataclass(frozen=True, slots=True)
class Writing:
    """What a writer writes; ``status`` is empty and ``task`` of no meaning if it is not known."""

    status: str = ""
    task: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """A step and the place of its node. ``thresholds_at`` gives the place of a concept's threshold.

    ``model`` is the manifest's model that the node follows, empty where there is none.
    """

    step: Step
    at: Place
    workflow: str
    model: str = ""
    writing: Writing | None = None
    thresholds_at: Callable[[str], Place] = field(default=lambda _: ())


class Translator:
    """Turns workflows into steps. What several nodes share is built once."""

    def __init__(self, graph: ResourceGraph) -> None:
        self.graph = graph
        self._operators: dict[tuple[str, str], Operator] = {}
        self._relations: dict[str, list[Relation]] = {}
        for resource in graph:
            if resource.address.kind == "relation":
                self._relations.setdefault(resource.address.graph, []).append(_relation(resource))

    def steps(self, workflow: Resource) -> tuple[Placed, ...]:
        """The nodes of a workflow, in the order in which they are written."""
        nodes: Mapping[str, Any] = workflow.fields["nodes"]
        written: tuple[tuple[str, tuple[str, ...]], ...] = workflow.options["written_nodes"]
        orders = workflow.options.get("written_overrides", {})
        return tuple(
            self._placed(
                _Node(workflow, index, id_, inputs, nodes[id_], tuple(orders.get(id_, ())))
            )
            for index, (id_, inputs) in enumerate(written)
        )

    def _placed(self, node: _Node) -> Placed:
        own = self.graph.get(Address("model", (node.model,)))
        follows = own is not None and not node.version
        type_id = own.fields["model_type_id"] if own else _public_type(node.model)
        configuration = own.configuration if own and follows else None
        return _Build(self, node, type_id, configuration or {}, own is None, follows).placed()

    def relations(self, graph_id: str) -> tuple[Relation, ...]:
        """The edges of a knowledge graph."""
        return tuple(self._relations.get(graph_id, ()))

    def shared(self, key: tuple[str, str], build: Callable[[], Operator]) -> Operator:
        """An operator that many nodes have, built once."""
        if key not in self._operators:
            self._operators[key] = build()
        return self._operators[key]


@dataclass(frozen=True, slots=True)
class _Node:
    workflow: Resource
    index: int
    id: str
    inputs: tuple[str, ...]
    fields: Mapping[str, Any]
    override_order: tuple[str, ...]

    @property
    def model(self) -> str:
        return str(self.fields["model"])

    @property
    def version(self) -> str:
        return str(self.fields["model_version_id"])

    @property
    def at(self) -> Place:
        return (*self.workflow.source, "nodes", self.index)

    @property
    def override(self) -> Mapping[str, Any]:
        override: Mapping[str, Any] = self.fields["output_info_override"]
        return override

    @property
    def override_params(self) -> Mapping[str, Any]:
        params: Mapping[str, Any] = self.override.get("params", {})
        return params


@dataclass(frozen=True, slots=True)
class _Build:
    """One node on its way to be a step. ``configuration`` is empty where it is not known."""

    translator: Translator
    node: _Node
    type_id: str
    configuration: Mapping[str, Any]
    is_external: bool
    follows: bool

    def placed(self) -> Placed:
        type_ = MODEL_TYPES.get(self.type_id)
        match self.type_id:
            case "concept-threshold":
                return self._thresholder()
            case _ if self.type_id == MAPPER:
                return self._mapper()
            case "annotation-writer":
                return self._writer()
            case _ if type_ is None or self.type_id in _OPAQUE:
                return self._opaque()
            case _ if "any" in type_.outputs:
                return self._place(Pass(), exact=self.type_id not in _SAMPLERS)
            case _ if "concepts" in type_.outputs:
                return self._place(Source(), emits=self._classified())
            case _:
                other = any(path.startswith(_ANNOTATED) for path in type_.outputs)
                return self._place(Source(), emits=Emission(other=other))

    def _thresholder(self) -> Placed:
        stated = {**self.configuration, **self.node.override_params}
        concepts = self.node.override.get("data", {}).get("concepts")
        thresholds = concepts if concepts is not None else stated.get("thresholds")
        number = COMPARATORS.number_of(stated.get("concept_threshold_type"))
        others = stated.get("filter_other_concepts", True)
        if thresholds is None or number is None or not isinstance(others, bool):
            return self._place(Pass(), exact=False)

        def build() -> Operator:
            return Thresholder(thresholds, Comparator(number), others)

        if self.node.override:
            operator = build()
        else:
            operator = self.translator.shared(("model", self.node.model), build)
        return self._place(operator, thresholds_at=self._thresholds_at(concepts is not None))

    def _thresholds_at(self, is_override: bool) -> Callable[[str], Place]:
        if not is_override:
            return lambda concept: ("models", self.node.model, "thresholds", concept)
        order = self.node.override_order
        base = (*self.node.at, "output_info_override", "data", "concepts")
        return lambda concept: (*base, order.index(concept)) if concept in order else base

    def _mapper(self) -> Placed:
        graph_id = {**self.configuration, **self.node.override_params}.get("knowledge_graph_id")
        if not isinstance(graph_id, str):
            return self._opaque()
        # the documentation disagrees on whether hypernyms are followed: here what may come counts
        operator = self.translator.shared(
            ("graph", graph_id),
            lambda: Mapper(self.translator.relations(graph_id), APP, follow_hierarchy=True),
        )
        return self._place(operator)

    def _writer(self) -> Placed:
        stated = {**self.configuration, **self.node.override_params}
        writing = Writing(str(stated.get("annotation_status", "")), str(stated.get("task_id", "")))
        return self._place(Writer(0, ""), writing=writing)

    def _opaque(self) -> Placed:
        return self._place(Pass(), emits=_UNKNOWN, exact=False)

    def _classified(self) -> Emission:
        """What a classifier may say: all concepts of its app, or the public ones, or anything."""
        scores = self._given()
        is_replaced = bool(self.node.override.get("data"))
        if self.is_external and not is_replaced:
            return Emission(None, _PUBLIC, may_be_public_concept, scores=scores)
        if self.is_external:
            return Emission(None, _PUBLIC, scores=scores)
        concepts = self.configuration.get("concepts")
        if not concepts or is_replaced:
            return Emission(None, scores=scores)
        return Emission(tuple(ConceptKey(*APP, id_) for id_ in concepts), scores=scores)

    def _given(self) -> ScoreSet:
        if self.type_id in _MATCHERS:
            return _ONE
        params = {**self.configuration.get("params", {}), **self.node.override_params}
        match params.get("min_value"):
            case bool():
                return EVERYTHING
            case int() | float() as least if 0 <= least <= 1:
                return at_least(least)
            case _:
                return EVERYTHING

    def _place(self, operator: Operator, **known: Any) -> Placed:
        node = self.node
        # an overridden node is like no other; equal ones of two workflows are no loss
        override = (str(node.workflow.address), node.id) if node.override else ()
        identity = ("node", node.model, node.version, override)
        parts = {name: known.pop(name) for name in ("emits", "exact") if name in known}
        return Placed(
            Step(node.id, operator, node.inputs, identity, **parts),
            node.at,
            node.workflow.address.id,
            node.model if self.follows else "",
            **known,
        )


def _public_type(model: str) -> str:
    """The type of a model of ``clarifai/main``; empty for all others."""
    user, _, rest = model.partition("/")
    app, _, id_ = rest.partition("/")
    known = public_model(id_) if (user, app) == _PUBLIC else None
    return canonical_model_type(known.model_type_id) if known else ""


def _relation(resource: Resource) -> Relation:
    subject, predicate, object_ = resource.address.parts
    return Relation(_end(subject), predicate, _end(object_))


def _end(name: str) -> ConceptKey:
    parts = name.split("/")
    return ConceptKey(parts[0], parts[1], parts[2]) if len(parts) == 3 else ConceptKey(*APP, name)
