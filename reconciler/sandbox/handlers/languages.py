"""What concepts are called in other languages.

The translation into an app's own language is the name and definition that its concepts show (comment
on ``ConceptLanguage`` in the contract).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2, service_pb2

from reconciler.sandbox import patching, status
from reconciler.sandbox.context import (
    Context,
    Entry,
    check_action,
    check_batch,
    load,
    need,
    ok,
    reads,
    writes,
)
from reconciler.sandbox.transaction import Filter, Row, Scope
from reconciler.sandbox.words import LANGUAGES

_TEXTS: Final = ("name", "definition")


def names_in(language: str, scope: Scope, context: Context) -> Mapping[str, Any]:
    """Translations of an app's concepts into a language, by the id of the concept."""
    rows = context.tx.select("concept_language", scope, Filter("id", (language,)))
    return {row.parent: load(row) for row in rows}


def spoken(concepts: Iterable[Any], language: str, scope: Scope, context: Context) -> list[Any]:
    """Those of the concepts that have a name in a language, under that name."""
    translated = names_in(language, scope, context)
    found = []
    for concept in concepts:
        words = translated.get(concept.id)
        if concept.language != language and words is None:
            continue
        if words is not None:
            concept.name, concept.language = words.name, language
            concept.definition = words.definition
        found.append(concept)
    return found


def keep_up(concept: Any, context: Context) -> None:
    """Let the translation into the app's own language follow a changed concept, if there is one."""
    row = context.tx.get(context.key("concept_language", concept.language, concept.id))
    if row is not None:
        words = load(row)
        patching.apply(words, concept, patching.OVERWRITE, _TEXTS)
        context.tx.update(row, words, at=context.world.clock.now())


def _concept(id_: str, context: Context) -> Row:
    return need(context.tx.get(context.key("concept", id_)), "concept_id", id_)


def _check(language: str) -> str:
    if language not in LANGUAGES:
        raise status.PlatformError(
            status.CONCEPTS_INVALID_REQUEST,
            f"'{language[:40]}' is not a language of concepts: {', '.join(LANGUAGES)}",
        )
    return language


def list_languages(request: Any, context: Context) -> Any:
    """The translations of a concept."""
    _concept(request.concept_id, context)
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
    """One translation; the concept itself is the one into its own language."""
    concept = load(_concept(request.concept_id, context))
    row = context.tx.get(context.key("concept_language", request.language, request.concept_id))
    if row is None and request.language == concept.language:
        found = resources_pb2.ConceptLanguage(
            id=concept.language, name=concept.name, definition=concept.definition
        )
    else:
        found = load(need(row, "language", request.language))
    return service_pb2.SingleConceptLanguageResponse(status=ok(), concept_language=found)


def post_languages(request: Any, context: Context) -> Any:
    """Add translations."""
    concept = _concept(request.concept_id, context)
    check_batch(request.concept_languages, "concept_languages")
    for sent in request.concept_languages:
        key = context.key("concept_language", _check(sent.id), request.concept_id)
        if not sent.name:
            raise status.PlatformError(
                status.CONCEPTS_INVALID_REQUEST, f"the translation into '{sent.id}' has no name"
            )
        if not context.tx.insert(key, sent, at=context.world.clock.now()):
            raise status.PlatformError(
                context.behaviour.duplicate_concept_code,
                f"duplicate language: '{sent.id}' of concept '{request.concept_id}' already exists",
            )
        _show(concept, sent, context)
    return service_pb2.MultiConceptLanguageResponse(
        status=ok(), concept_languages=request.concept_languages
    )


def patch_languages(request: Any, context: Context) -> Any:
    """Overwrite translations."""
    check_action(request.action, patching.OVERWRITE)
    concept = _concept(request.concept_id, context)
    check_batch(request.concept_languages, "concept_languages")
    changed = []
    for sent in request.concept_languages:
        key = context.key("concept_language", sent.id, request.concept_id)
        row = need(context.tx.get(key), "language", sent.id)
        words = load(row)
        patching.apply(words, sent, patching.OVERWRITE, _TEXTS)
        context.tx.update(row, words, at=context.world.clock.now())
        _show(concept, words, context)
        changed.append(words)
    return service_pb2.MultiConceptLanguageResponse(status=ok(), concept_languages=changed)


def _show(row: Row, words: Any, context: Context) -> None:
    """Call the concept what its translation into the app's own language calls it."""
    concept = load(row)
    if words.id == concept.language:
        patching.apply(concept, words, patching.OVERWRITE, _TEXTS)
        context.tx.update(row, concept, at=context.world.clock.now())


ENTRIES: Final[Mapping[str, Entry]] = {
    "ListConceptLanguages": reads(list_languages),
    "GetConceptLanguage": reads(get_language),
    "PostConceptLanguages": writes(post_languages),
    "PatchConceptLanguages": writes(patch_languages),
}
