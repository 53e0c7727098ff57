"""Concepts of an app. There is no way to delete one: the contract has none."""

from __future__ import annotations

import fnmatch
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
from reconciler.sandbox.ids import check_concept_id, stamp
from reconciler.sandbox.transaction import Filter, Key, Scope

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
    """One concept."""
    row = context.tx.get(context.key("concept", request.concept_id))
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
        changed.append(concept)
    return service_pb2.MultiConceptResponse(status=ok(), concepts=changed)


def search_concepts(request: Any, context: Context) -> Any:
    """Concepts by name (``*`` stands for anything): the app's, then the public ones."""
    page = context.page(request.pagination)
    query = request.concept_query
    own = [] if query.ignore_app_concepts else _all(context, context.scope)
    public = [] if context.is_public else _all(context, PUBLIC)
    pattern = query.name.casefold() or "*"
    language = query.language or "en"
    found = [
        item
        for item in (*own, *public)
        if fnmatch.fnmatchcase(item.name.casefold(), pattern) and item.language == language
    ]
    return service_pb2.MultiConceptResponse(
        status=ok(), concepts=found[page.offset : page.offset + page.limit]
    )


def _need_concept(context: Context, id_: str) -> None:
    need(context.tx.get(context.key("concept", id_)), "concept_id", id_)


def list_languages(request: Any, context: Context) -> Any:
    """The translations of a concept."""
    _need_concept(context, request.concept_id)
    page = context.page(request)
    rows = context.tx.select(
        "concept_language",
        context.scope,
        Filter("parent", (request.concept_id,)),
        offset=page.offset,
        limit=page.limit,
    )
    return service_pb2.MultiConceptLanguageResponse(
        status=ok(), concept_languages=list(map(load, rows))
    )


def get_language(request: Any, context: Context) -> Any:
    """One translation."""
    _need_concept(context, request.concept_id)
    row = context.tx.get(context.key("concept_language", request.language, request.concept_id))
    return service_pb2.SingleConceptLanguageResponse(
        status=ok(), concept_language=load(need(row, "language", request.language))
    )


def post_languages(request: Any, context: Context) -> Any:
    """Add translations."""
    _need_concept(context, request.concept_id)
    check_batch(request.concept_languages, "concept_languages")
    for sent in request.concept_languages:
        key = context.key("concept_language", check_concept_id(sent.id), request.concept_id)
        if not context.tx.insert(key, sent, at=context.world.clock.now()):
            raise status.PlatformError(
                context.behaviour.duplicate_concept_code,
                f"duplicate language: '{sent.id}' of concept '{request.concept_id}' already exists",
            )
    return service_pb2.MultiConceptLanguageResponse(
        status=ok(), concept_languages=request.concept_languages
    )


def patch_languages(request: Any, context: Context) -> Any:
    """Overwrite translations."""
    check_action(request.action, patching.OVERWRITE)
    check_batch(request.concept_languages, "concept_languages")
    changed = []
    for sent in request.concept_languages:
        key: Key = context.key("concept_language", sent.id, request.concept_id)
        row = need(context.tx.get(key), "language", sent.id)
        translation = load(row)
        patching.apply(translation, sent, patching.OVERWRITE, ("name", "definition"))
        context.tx.update(row, translation, at=context.world.clock.now())
        changed.append(translation)
    return service_pb2.MultiConceptLanguageResponse(status=ok(), concept_languages=changed)


ENTRIES: Final[Mapping[str, Entry]] = {
    "ListConcepts": reads(list_concepts),
    "GetConcept": reads(get_concept),
    "PostConcepts": writes(post_concepts),
    "PatchConcepts": writes(patch_concepts),
    "PostConceptsSearches": reads(search_concepts),
    "ListConceptLanguages": reads(list_languages),
    "GetConceptLanguage": reads(get_language),
    "PostConceptLanguages": writes(post_languages),
    "PatchConceptLanguages": writes(patch_languages),
}
