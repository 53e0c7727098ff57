"""Concept relations: the edges of a knowledge graph, which mappers follow.

The platform stores an edge once and shows it from either end, so that both sides of a diff are
matched by the edge, whichever way round it is told (proto comment on ListConceptRelations).
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from reconciler.address import Address
from reconciler.call import Call, Json, Listing, Target
from reconciler.catalogue import PUBLIC_APP_ID, PUBLIC_USER_ID, ModelType
from reconciler.conversation import Conversation, Write, find_item
from reconciler.kind import Job, Kind, Learnt, Problem, Scope, unmoved
from reconciler.resource import Reference, Resource, ResourceGraph
from reconciler.shape import TEXT, Message
from reconciler.spec import LooseId, Spec, Text, mistake
from reconciler.values import Mark

_INVERSE = {"hypernym": "hyponym", "hyponym": "hypernym", "synonym": "synonym"}

End = tuple[str, str, str]
"""A concept as (user, app, id)."""


_OBJECT_PATTERN = r"^[^/]+(/[^/]+/[^/]+)?$"


def _well_formed(stated: str) -> str:
    if re.fullmatch(_OBJECT_PATTERN, stated, re.DOTALL) is None:
        hint = "write ID of a concept of this manifest, or user/app/concept"
        raise mistake("RC106", f"{stated!r} names no concept", hint=hint)
    return stated


ConceptName = Annotated[
    Text,
    AfterValidator(_well_formed),
    WithJsonSchema({"type": ["string", "number", "boolean"], "pattern": _OBJECT_PATTERN}),
]


class RelationSpec(Spec):
    """An edge from a concept of the app to another concept."""

    subject: LooseId
    """A concept of this manifest."""
    predicate: Literal["hypernym", "hyponym", "synonym"]
    """``honey hyponym food``: honey is a kind of food."""
    object: ConceptName
    """A concept of this manifest, or ``user/app/concept`` (``clarifai/main/ai_l8TKp2h5``)."""
    knowledge_graph_id: Text = ""
    """The graph that the edge belongs to; empty is the global one."""

    WIRE: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "subject": "concept_relation.subject_concept",
            "predicate": "concept_relation.predicate",
            "object": "concept_relation.object_concept",
            "knowledge_graph_id": "concept_relation.knowledge_graph_id",
        }
    )
    EXAMPLE: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "subject": "people",
            "predicate": "synonym",
            "object": "clarifai/main/ai_l8TKp2h5",
            "knowledge_graph_id": "my-graph",
        }
    )


class RelationKind(Kind):
    """``~/concepts/{subject}/relations``: no PATCH, so that a changed edge is another edge."""

    name: ClassVar[str] = "relation"
    rank: ClassVar[int] = 20
    section: ClassVar[str] = "concept_relations"
    at_once: ClassVar[bool] = True
    id_count: ClassVar[int] = 3
    declared_options: ClassVar[Message] = Message({"marked_on": TEXT}, needs=("marked_on",))

    def section_type(self) -> Any:
        """Edges between concepts, which mappers follow."""
        example = {
            "subject": "people",
            "predicate": "synonym",
            "object": "clarifai/main/ai_l8TKp2h5",
        }
        return Annotated[list[RelationSpec], Field(examples=[[example]])]

    def declare(self, sections: Mapping[str, Any], scope: Scope) -> Iterable[Resource]:
        """One resource for each edge."""
        for index, spec in enumerate(sections.get(self.section) or ()):
            target = scope.target
            external = spec.object.count("/") == 2
            far = tuple(spec.object.split("/")) if external else (*_own(target), spec.object)
            if far[0] == "me":
                far = (scope.me, *far[1:])
            if far[:2] == _own(target):
                external, far = False, (*_own(target), far[2])
            place = (self.section, index)
            references = [
                Reference(("subject",), Address("concept", (spec.subject,)), at=("subject",))
            ]
            if not external:
                references.append(
                    Reference(("object",), Address("concept", (far[2],)), at=("object",))
                )
            yield _edge(
                (*_own(target), spec.subject),
                spec.predicate,
                (far[0], far[1], far[2]),
                spec.knowledge_graph_id,
                target,
                references=tuple(references),
                options={"marked_on": str(Address("concept", (spec.subject,)))},
                source=place,
            )

    def check(
        self, resource: Resource, graph: ResourceGraph, types: Mapping[str, ModelType]
    ) -> Iterable[Problem]:
        """An edge joins two concepts."""
        subject, _, object_ = resource.address.parts
        if subject == object_:
            yield Problem(
                "RC209",
                ("object",),
                f"concept {object_!r} is related to itself",
                "name two different concepts",
            )

    def live(self, target: Target) -> Listing:
        """``GET ~/concepts/relations``: each edge of the app once, in all graphs."""
        return Listing(target.at("concepts", "relations"), "concept_relations")

    def read(self, answer: Json, target: Target) -> Iterable[Resource]:
        """An edge, told from the end that belongs to this app."""
        near, far = (
            _end(answer.get(name), target) for name in ("subject_concept", "object_concept")
        )
        predicate = answer.get("predicate", "")
        if near[:2] != _own(target):
            near, far, predicate = far, near, _INVERSE.get(predicate, predicate)
        if near[:2] == _own(target) and predicate in _INVERSE:
            graph = answer.get("knowledge_graph_id", "")
            references = [Reference(("subject",), Address("concept", (near[2],)))]
            yield _edge(
                near, predicate, far, graph, target, references=tuple(references), raw=answer
            )

    def owner(self, resource: Resource, graph: ResourceGraph) -> Mark | None:
        """Relations have no metadata: the subject's mark lists those that we created.

        They are ours even where the concept itself was there before and only adopted.
        """
        ends = (part for part in (resource.address.parts[0], resource.address.parts[2]))
        for end in ends:
            concept = graph.get(Address("concept", (end,)))
            mark = concept.mark if concept else None
            if mark and str(resource.address) in mark.relations:
                return replace(mark, origin="created")
        return None

    def create(self, job: Job) -> Conversation[Learnt]:
        """``POST ~/concepts/{subject}/relations``, merged with others of this subject."""
        subject, predicate, object_ = job.wanted.address.parts
        far = object_.split("/")
        ids = {"id": far[-1]}
        if len(far) == 3:
            ids |= {"user_id": far[0], "app_id": far[1]}
        edge = {
            "object_concept": ids,
            "predicate": predicate,
            "knowledge_graph_id": job.wanted.address.graph,
        }
        path = job.target.at("concepts", subject, "relations")
        yield Write(
            Call("POST", path, body={"concept_relations": [edge]}),
            lambda: find_item(
                self.live(job.target),
                lambda item: any(
                    found.identity == job.wanted.identity for found in self.read(item, job.target)
                ),
            ),
            batch="concept_relations",
        )
        return {}

    def delete(self, job: Job) -> Conversation[Learnt]:
        """``DELETE ~/concepts/{subject}/relations`` by the edge's own id."""
        id_ = job.found.raw["id"]
        if (yield from unmoved(self, job, id_=id_)) is None:
            return {}
        path = job.target.at("concepts", job.found.address.parts[0], "relations")

        def is_gone() -> Conversation[Json | None]:
            items = yield self.live(job.target)
            return None if any(item.get("id") == id_ for item in items) else {}

        yield Write(Call("DELETE", path, body={"ids": [id_]}), is_gone, batch="ids")
        return {}


def _own(target: Target) -> tuple[str, str]:
    return target.user_id, target.app_id


def _end(concept: Mapping[str, Any] | None, target: Target) -> End:
    """An edge's end with its owner filled in as the platform does: ``main`` is Clarifai's own."""
    concept = concept or {}
    app_id = concept.get("app_id") or target.app_id
    owner = PUBLIC_USER_ID if app_id == PUBLIC_APP_ID else target.user_id
    return concept.get("user_id") or owner, app_id, concept.get("id", "")


def _edge(
    near: End, predicate: str, far: End, graph: str, target: Target, **parts: Any
) -> Resource:
    shown = far[2] if far[:2] == _own(target) else "/".join(far)
    address = Address("relation", (near[2], predicate, shown), graph)
    return Resource(address, {}, identity=_identity(near, predicate, far, graph), **parts)


def _identity(near: End, predicate: str, far: End, graph: str) -> Hashable:
    """The edge itself, the same from both ends."""
    if predicate == "hyponym" or (predicate == "synonym" and far < near):
        near, predicate, far = far, _INVERSE[predicate], near
    return near, predicate, far, graph


KIND = RelationKind()
