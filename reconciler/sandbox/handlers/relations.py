"""Concept relations: one stored edge, seen from either end (fact sheet, section 6).

A row's ``k1`` and ``k2`` hold the ids of subject and object.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2, service_pb2

from reconciler import catalogue
from reconciler.sandbox import public, status
from reconciler.sandbox.context import (
    PUBLIC,
    Context,
    Entry,
    check_batch,
    done,
    load,
    need,
    ok,
    reads,
    visibility,
    writes,
)
from reconciler.sandbox.ids import check_concept_id
from reconciler.sandbox.transaction import Filter, Key, Row

_INVERSE: Final = {"hypernym": "hyponym", "hyponym": "hypernym", "synonym": "synonym"}
_PUBLIC_ID: Final = re.compile(r"ai_[0-9A-Za-z]{8}")


def list_relations(request: Any, context: Context) -> Any:
    """The edges of a concept, each with that concept as subject; or of the app, each once."""
    page = context.page(request)
    if request.predicate and request.predicate not in _INVERSE:
        raise _bad_predicate(request.predicate)
    if request.concept_id:
        found = _of_concept(request.concept_id, context)
    else:
        found = [
            _facing(load(row), request.predicate)
            for row in context.tx.select("relation", context.scope)
        ]
    wanted = _graph_filter(request, context)
    found = [
        relation
        for relation in found
        if (not request.predicate or relation.predicate == request.predicate)
        and (wanted is None or relation.knowledge_graph_id == wanted)
    ]
    return service_pb2.MultiConceptRelationResponse(
        status=ok(), concept_relations=found[page.offset : page.offset + page.limit]
    )


def _graph_filter(request: Any, context: Context) -> str | None:
    """No parameter means every graph, an empty one the global graph."""
    given = context.given is not None and "knowledge_graph_id" in context.given
    return request.knowledge_graph_id if request.knowledge_graph_id or given else None


def _of_concept(concept_id: str, context: Context) -> list[Any]:
    rows = _touching(concept_id, context)
    if not rows:
        need(context.tx.get(context.key("concept", concept_id)), "concept_id", concept_id)
    return [
        load(row) if row.k1 == concept_id else inverse(load(row))
        for row in sorted(rows, key=lambda row: row.seq)
    ]


def _touching(concept_id: str, context: Context) -> list[Row]:
    either = Filter("k1", (concept_id,), other=Filter("k2", (concept_id,)))
    return context.tx.select("relation", context.scope, either)


def _facing(relation: Any, predicate: str) -> Any:
    """App-wide lists turn an edge round where the asked predicate is its inverse."""
    if predicate and relation.predicate != predicate and _INVERSE[relation.predicate] == predicate:
        return inverse(relation)
    return relation


def inverse(relation: Any) -> Any:
    """The same edge, seen from its other end."""
    return resources_pb2.ConceptRelation(
        id=relation.id,
        subject_concept=relation.object_concept,
        object_concept=relation.subject_concept,
        predicate=_INVERSE[relation.predicate],
        knowledge_graph_id=relation.knowledge_graph_id,
        visibility=relation.visibility,
    )


def post_relations(request: Any, context: Context) -> Any:
    """Add edges from the concept of the path; an edge that is there, either way round, is refused."""
    check_batch(request.concept_relations, "concept_relations")
    row = context.tx.get(context.key("concept", request.concept_id))
    subject = load(need(row, "concept_id", request.concept_id))
    added = []
    for sent in request.concept_relations:
        relation = _build(sent, subject, context)
        _refuse_twin(relation, context)
        context.tx.insert(
            context.key("relation", relation.id),
            relation,
            at=context.world.clock.now(),
            k1=relation.subject_concept.id,
            k2=relation.object_concept.id,
        )
        added.append(relation)
    return service_pb2.MultiConceptRelationResponse(status=ok(), concept_relations=added)


def _build(sent: Any, subject: Any, context: Context) -> Any:
    if sent.predicate not in _INVERSE:
        raise _bad_predicate(sent.predicate)
    if sent.subject_concept.id not in ("", subject.id):
        raise status.invalid(
            f"subject_concept '{sent.subject_concept.id}' is not the concept of the path, "
            f"'{subject.id}'"
        )
    other = _object(sent.object_concept, context)
    if _end(other) == _end(subject):
        raise status.invalid(f"concept '{subject.id}' cannot be related to itself")
    return resources_pb2.ConceptRelation(
        id=sent.id or context.world.ids.new(),
        subject_concept=_bare(subject),
        object_concept=_bare(other),
        predicate=sent.predicate,
        knowledge_graph_id=sent.knowledge_graph_id,
        visibility=visibility(sent),
    )


def _object(sent: Any, context: Context) -> Any:
    id_ = check_concept_id(sent.id)
    app = sent.app_id or context.scope.app
    user = sent.user_id or (PUBLIC.user if app == PUBLIC.app else context.scope.user)
    user = context.caller.user if user == "me" else user
    if user in (context.scope.user, PUBLIC.user):
        row = context.tx.get(Key("concept", user, app, "", id_))
        if row is not None:
            return load(row)
    if (user, app) == PUBLIC and _PUBLIC_ID.fullmatch(id_):
        # The platform has thousands of public concepts; the sandbox knows the names of a few.
        return public.concept(id_, id_)
    raise status.missing("object concept", f"{user}/{app}/{id_}")


def _bare(concept: Any) -> Any:
    return resources_pb2.Concept(
        id=concept.id,
        name=concept.name,
        value=1,
        language=concept.language,
        app_id=concept.app_id,
        user_id=concept.user_id,
    )


def _end(concept: Any) -> tuple[str, str, str]:
    return concept.user_id, concept.app_id, concept.id


def canonical(relation: Any) -> tuple[object, ...]:
    """What two descriptions of one edge have in common."""
    one, other = _end(relation.subject_concept), _end(relation.object_concept)
    if relation.predicate == "synonym":
        one, other = sorted((one, other))
    elif relation.predicate == "hypernym":
        one, other = other, one
    kind = "synonym" if relation.predicate == "synonym" else "hyponym"
    return one, other, kind, relation.knowledge_graph_id


def _refuse_twin(relation: Any, context: Context) -> None:
    wanted = canonical(relation)
    for row in _touching(relation.subject_concept.id, context):
        if canonical(load(row)) == wanted:
            raise status.PlatformError(
                context.behaviour.duplicate_relation_code,
                f"duplicate relation: '{relation.subject_concept.id}' {relation.predicate} "
                f"'{relation.object_concept.id}' already exists",
            )
    if relation.id and context.tx.get(context.key("relation", relation.id)):
        raise status.PlatformError(
            context.behaviour.duplicate_relation_code,
            f"duplicate relation: the id '{relation.id}' already exists",
        )


def _bad_predicate(predicate: str) -> status.PlatformError:
    known = ", ".join(catalogue.PREDICATES)
    return status.invalid(f"predicate '{predicate}' is not one of {known}")


def delete_relations(request: Any, context: Context) -> Any:
    """Remove edges by id; the concept of the path may be at either end of them."""
    if not request.ids:
        raise status.invalid("the request names no relation ids")
    for id_ in dict.fromkeys(request.ids):
        row = context.tx.get(context.key("relation", id_))
        if row is None or request.concept_id not in (row.k1, row.k2):
            raise status.missing(f"relation of concept '{request.concept_id}'", id_)
        context.tx.delete(row)
    return done()


def list_graphs(request: Any, context: Context) -> Any:
    """The knowledge graphs that were posted or that relations name."""
    rows = context.tx.select("graph", context.scope)
    found = {row.id: load(row) for row in rows}
    for row in context.tx.select("relation", context.scope):
        id_ = load(row).knowledge_graph_id
        if id_ and id_ not in found:
            found[id_] = resources_pb2.KnowledgeGraph(id=id_, name=id_)
    graphs = [found[id_] for id_ in sorted(found)]
    return service_pb2.MultiKnowledgeGraphResponse(status=ok(), knowledge_graphs=graphs)


def post_graphs(request: Any, context: Context) -> Any:
    """Name knowledge graphs."""
    check_batch(request.knowledge_graphs, "knowledge_graphs")
    for sent in request.knowledge_graphs:
        check_concept_id(sent.id)
        sent.name = sent.name or sent.id
        if not context.tx.insert(context.key("graph", sent.id), sent, at=context.world.clock.now()):
            raise status.PlatformError(
                context.behaviour.duplicate_relation_code,
                f"duplicate knowledge graph: '{sent.id}' already exists",
            )
    return service_pb2.MultiKnowledgeGraphResponse(
        status=ok(), knowledge_graphs=request.knowledge_graphs
    )


def in_graph(graph: str, context: Context) -> list[Any]:
    """All edges of the app in one graph, for the mapper."""
    rows = context.tx.select("relation", context.scope)
    return [relation for row in rows if (relation := load(row)).knowledge_graph_id == graph]


ENTRIES: Final[Mapping[str, Entry]] = {
    "ListConceptRelations": reads(list_relations),
    "PostConceptRelations": writes(post_relations),
    "DeleteConceptRelations": writes(delete_relations),
    "ListKnowledgeGraphs": reads(list_graphs),
    "PostKnowledgeGraphs": writes(post_graphs),
}
