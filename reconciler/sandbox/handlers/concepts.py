"""Concepts of an app. There is no way to delete one: the contract has none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2, service_pb2

from reconciler.sandbox import patching, status
from reconciler.sandbox.context import (
    PUBLIC,
    Context,
    Entry,
    check_action,
    check_batch,
    load,
    need,
    ok,
    reads,
    visibility,
    writes,
)
from reconciler.sandbox.handlers import languages, lookup, matching
from reconciler.sandbox.ids import check_concept_id, stamp
from reconciler.sandbox.transaction import Filter, Key, Row, Scope

_RECOGNITION: Final = "visual-classifier"
_STATES: Final[Mapping[str, tuple[int, ...]]] = {
    "processed": (status.INPUT_SUCCESS,),
    "to_process": (status.INPUT_PENDING,),
    "errors": (status.INPUT_FAILED,),
    "processing": (status.INPUT_IN_PROGRESS,),
}
_PATCHABLE: Final = ("name", "definition", "metadata", "visibility", "image", "keypoint_info")


def language_of(context: Context) -> str:
    """The language of the app, which concepts take whatever a request says."""
    row = context.tx.get(context.key("app", context.scope.app))
    return load(row).default_language if row else "en"


def build(sent: Any, context: Context, at: int, language: str) -> Any:
    """A concept as it will be stored. ``value`` is not a property of a concept: always 1."""
    concept = resources_pb2.Concept(
        id=check_concept_id(sent.id),
        name=sent.name or sent.id,
        value=1,
        created_at=stamp(at),
        language=language,
        app_id=context.scope.app,
        user_id=context.scope.user,
        definition=sent.definition,
        visibility=visibility(sent),
    )
    for name in ("metadata", "image", "keypoint_info"):
        if sent.HasField(name):
            getattr(concept, name).CopyFrom(getattr(sent, name))
    return concept


def insert(concept: Any, context: Context, at: int) -> bool:
    """Store a new concept; False if its id is taken."""
    return context.tx.insert(context.key("concept", concept.id), concept, at=at)


def ensure(sent: Iterable[Any], context: Context) -> dict[str, Any]:
    """The app's concepts that the sent ones name, by id; made where they are missing."""
    wanted = {item.id: item for item in sent}
    rows = context.tx.select("concept", context.scope, Filter("id", tuple(wanted)))
    found = {row.id: load(row) for row in rows}
    if len(found) < len(wanted):
        language = language_of(context)
        for id_, item in wanted.items():
            if id_ in found:
                continue
            if not context.behaviour.missing_concepts_are_created:
                raise status.missing("concept_id", id_)
            at = context.world.clock.now()
            found[id_] = build(item, context, at, language)
            insert(found[id_], context, at)
    return found


def enrich(sent: Any, known: Mapping[str, Any], *, created_at: bool = False) -> Any:
    """A concept with a score or threshold, filled in from the app's own concept."""
    own = known[sent.id]
    concept = resources_pb2.Concept(
        id=sent.id,
        name=own.name,
        value=sent.value,
        language=own.language,
        app_id=own.app_id,
        user_id=own.user_id,
    )
    if created_at:
        concept.created_at.CopyFrom(own.created_at)
    return concept


def list_concepts(request: Any, context: Context) -> Any:
    """The app's concepts, oldest first; ``id`` is a fuzzy search over ids and names."""
    page = context.page(request)
    if request.id:
        found = [item for item in _all(context, context.scope) if _resembles(item, request.id)]
        found = found[page.offset : page.offset + page.limit]
    else:
        rows = context.tx.select("concept", context.scope, offset=page.offset, limit=page.limit)
        found = list(map(load, rows))
    return service_pb2.MultiConceptResponse(status=ok(), concepts=found)


def _all(context: Context, scope: Scope) -> list[Any]:
    return list(map(load, context.tx.select("concept", scope)))


def _resembles(concept: Any, text: str) -> bool:
    wanted = text.casefold()
    return wanted in concept.id.casefold() or wanted in concept.name.casefold()


def get_concept(request: Any, context: Context) -> Any:
    """One concept; the old platform knew the public ones in every app."""
    row = context.tx.get(context.key("concept", request.concept_id))
    if row is None and context.world.legacy:
        row = context.tx.get(Key("concept", *PUBLIC, "", request.concept_id))
    return service_pb2.SingleConceptResponse(
        status=ok(), concept=load(need(row, "concept_id", request.concept_id))
    )


def post_concepts(request: Any, context: Context) -> Any:
    """Add concepts; one that is there already fails the batch (or itself alone, by switch)."""
    check_batch(request.concepts, "concepts")
    language = language_of(context)
    added: list[Any] = []
    refused: list[Any] = []
    for sent in request.concepts:
        at = context.world.clock.now()
        concept = build(sent, context, at, language)
        (added if insert(concept, context, at) else refused).append(concept)
    if refused:
        twice = ", ".join(f"'{concept.id}'" for concept in refused)
        details = f"duplicate concept: {twice} already exists"
        if context.behaviour.batch_is_atomic or not added:
            raise status.PlatformError(context.behaviour.duplicate_concept_code, details)
        envelope = status.make(status.MIXED, details)
    else:
        envelope = ok()
    return service_pb2.MultiConceptResponse(
        status=envelope, concepts=[context.created(concept) for concept in added]
    )


def patch_concepts(request: Any, context: Context) -> Any:
    """Overwrite named fields of concepts; the only action there is."""
    check_action(request.action, patching.OVERWRITE)
    check_batch(request.concepts, "concepts")
    changed = []
    for sent in request.concepts:
        row = need(context.tx.get(context.key("concept", sent.id)), "concept_id", sent.id)
        concept = load(row)
        patching.apply(
            concept,
            sent,
            patching.OVERWRITE,
            _PATCHABLE,
            drop_unsent=context.behaviour.overwrite_drops_unsent,
        )
        concept.name = concept.name or concept.id
        if not concept.HasField("visibility"):
            concept.visibility.CopyFrom(visibility(concept))
        context.tx.update(row, concept, at=context.world.clock.now())
        languages.keep_up(concept, context)
        changed.append(concept)
    return service_pb2.MultiConceptResponse(status=ok(), concepts=changed)


def search_concepts(request: Any, context: Context) -> Any:
    """Concepts by name (``*`` stands for anything): the app's, then those of a source.

    The source is a model or a workflow, else the public concepts. Names are looked at in the language
    asked for, English unless said otherwise, and answered in it.
    """
    page = context.page(request.pagination)
    query = request.concept_query
    language = query.language or "en"
    found = [] if query.ignore_app_concepts or query.use_cases else _all(context, context.scope)
    found = languages.spoken(found, language, context.scope, context)
    seen = {(item.app_id, item.id) for item in found}
    for scope in (context.scope, PUBLIC):
        more = languages.spoken(_of_source(query, scope, context), language, scope, context)
        found += [item for item in more if (item.app_id, item.id) not in seen]
        seen.update((item.app_id, item.id) for item in more)
    wanted = query.name or "*"
    found = [item for item in found if matching.is_like(wanted, item.name)]
    return service_pb2.MultiConceptResponse(
        status=ok(), concepts=found[page.offset : page.offset + page.limit]
    )


def _of_source(query: Any, scope: Scope, context: Context) -> list[Any]:
    """Concepts of one owner that the source of a search knows."""
    if query.model.id:
        pairs = [_version_of(query.model, context)]
    elif query.workflow.id or query.workflow_id:
        id_ = query.workflow.id or query.workflow_id
        row = need(lookup.workflow(id_, context), "workflow_id", id_)
        pairs = [_version_of(node.model, context) for node in load(row).nodes]
    else:
        return _all(context, scope) if scope == PUBLIC != context.scope else []
    if scope == PUBLIC:
        predicts = any(
            Scope(model.user, model.app) == PUBLIC and model.k1 == _RECOGNITION
            for model, _ in pairs
        )
        return _all(context, PUBLIC) if predicts else []
    named = {item.id for _, row in pairs if row for item in load(row).output_info.data.concepts}
    return [item for item in _all(context, scope) if item.id in named]


def _version_of(reference: Any, context: Context) -> tuple[Row, Row | None]:
    """A model and the version of it that is named, else its newest."""
    model = lookup.referred_model(reference, context)
    scope = Scope(model.user, model.app)
    version_id = reference.model_version.id
    if version_id:
        return model, context.tx.get(Key("model_version", *scope, model.id, version_id))
    return model, context.tx.newest_children("model_version", scope, [model.id]).get(model.id)


def count_concepts(request: Any, context: Context) -> Any:
    """How many inputs are labelled with each concept, positively and negatively, by their state."""
    page = context.page(request)
    states = {row.id: row.status for row in context.tx.select("input", context.scope)}
    labels: dict[tuple[str, bool], set[str]] = {}
    trusted = Filter("status", (status.ANNOTATION_SUCCESS,))
    for row in context.tx.select("annotation", context.scope, trusted):
        for item in load(row).data.concepts:
            labels.setdefault((item.id, item.value > 0), set()).add(row.parent)
    rows = context.tx.select("concept", context.scope, offset=page.offset, limit=page.limit)
    counts = []
    for row in rows:
        count = resources_pb2.ConceptCount(id=row.id, name=load(row).name)
        for positive, side in ((True, "positive"), (False, "negative")):
            labelled = labels.get((row.id, positive), set()) & states.keys()
            setattr(count.concept_type_count, side, len(labelled))
            for state, codes in _STATES.items():
                number = sum(states[id_] in codes for id_ in labelled)
                setattr(getattr(count.detail_concept_count, state), side, number)
        counts.append(count)
    return service_pb2.MultiConceptCountResponse(status=ok(), concept_counts=counts)


ENTRIES: Final[Mapping[str, Entry]] = {
    "ListConcepts": reads(list_concepts),
    "GetConcept": reads(get_concept),
    "PostConcepts": writes(post_concepts),
    "PatchConcepts": writes(patch_concepts),
    "PostConceptsSearches": reads(search_concepts),
    "GetConceptCounts": reads(count_concepts),
}
