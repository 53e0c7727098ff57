"""Carries a search out over an app: filters first, then ranks, the best first and the newest of equals.

Every input is looked at, whatever the algorithm: exact, and slow for very large apps.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from clarifai_grpc.grpc.api import resources_pb2

from reconciler.sandbox.context import PUBLIC, Context, load
from reconciler.sandbox.searching import filters, ranks
from reconciler.sandbox.searching.query import Asked, Condition, bad
from reconciler.sandbox.transaction import Filter, Row, Scope

_Annotated: TypeAlias = tuple[Row, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """A hit: an input, the annotation by which it was found if there is one, and the score.

    ``sha256`` is the digest of the input's bytes, if they are kept.
    """

    score: float
    input: Any
    annotation: Any
    sha256: str


@dataclass(frozen=True, slots=True)
class _App:
    """What is looked at: inputs (newest first), and by input its annotations and predictions."""

    inputs: Sequence[_Annotated]
    annotations: Mapping[str, Sequence[_Annotated]]
    predictions: Mapping[str, Sequence[_Annotated]]

    def of(self, condition: Condition, input_id: str) -> Iterator[_Annotated]:
        """The annotations that a condition is about: those of models only if it names them."""
        yield from self.annotations.get(input_id, ())
        if condition.is_about_models:
            yield from self.predictions.get(input_id, ())


@dataclass(frozen=True, slots=True)
class _Test:
    """A condition made ready: what to ask of an annotation, and of the input."""

    condition: Condition
    annotation: filters.Test
    all_input: Sequence[filters.Test]
    any_input: Sequence[filters.Test]

    def annotated(self, row: Row, message: Any) -> bool:
        """Whether an annotation is as the condition says."""
        times = self.condition.times
        return self.annotation(row, message) and (times is None or filters.in_time(times, row))

    def input(self, row: Row, message: Any) -> bool:
        """Whether an input is: of an SDK's filter one field suffices, as its tests have it."""
        if not filters.passes(self.all_input, row, message):
            return False
        return not self.any_input or any(test(row, message) for test in self.any_input)


def find(
    asked: Asked, sought: Sequence[ranks.Sought | None], context: Context, *, by_input: bool
) -> list[Found]:
    """All hits of a search: one an input, or one an annotation. Within a reading transaction."""
    app = _look(asked, context)
    named = _names(asked.language, context)
    tests = [_ready(condition, named, context) for condition in asked.conditions]
    predictions = {id_: [one for _, one in found] for id_, found in app.predictions.items()}
    known = ranks.Known(predictions, named, asked.cosine, context)
    score = ranks.scorer_of(asked, sought, known)
    hits = []
    for row, message in app.inputs:
        value = 1.0 if score is None else score(row)
        if value is None or _float32(value) < asked.min_value:
            continue
        matched = _of_input(tests, app, row, message, by_input=by_input)
        hits += [Found(value, message, annotation, row.k2) for annotation in matched]
    return sorted(hits, key=lambda hit: -hit.score)


def _float32(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def _of_input(
    tests: Sequence[_Test], app: _App, row: Row, message: Any, *, by_input: bool
) -> Iterator[Any]:
    """The annotations of an input that are hits; of a search for inputs at most one."""
    if by_input:
        found = _first_match(tests, app, row, message)
        if found is not None:
            yield found
        return
    reach = {id(one): one for test in tests for one in app.of(test.condition, row.id)}
    for one in reach.values() if tests else app.annotations.get(row.id, ()):
        if all(
            (test.annotated(*one) and test.input(row, message)) != test.condition.negate
            for test in tests
        ):
            yield one[1]


def _first_match(tests: Sequence[_Test], app: _App, row: Row, message: Any) -> Any:
    """The annotation by which an input passes all filters, else its own one; None if it does not."""
    shown = None
    for test in tests:
        match = None
        passes = test.input(row, message)
        if passes and test.condition.is_about_annotations:
            candidates = app.of(test.condition, row.id)
            match = next((one for one in candidates if test.annotated(*one)), None)
            passes = match is not None
        if passes == test.condition.negate:
            return None
        if match is not None and shown is None:
            shown = match[1]
    return shown or next((one for own, one in app.annotations.get(row.id, ()) if own.flag), None)


def _ready(condition: Condition, named: filters.Named, context: Context) -> _Test:
    wanted = resources_pb2.Annotation()
    wanted.CopyFrom(condition.annotation)
    if wanted.user_id == "me":
        wanted.user_id = context.caller.user
    if wanted.worker.user.id == "me":
        wanted.worker.user.id = context.caller.user
    return _Test(
        condition,
        filters.annotation_test(
            wanted, named, all_keys=context.behaviour.metadata_filter_needs_all_keys
        ),
        filters.input_tests(condition.all_input),
        filters.input_tests(condition.any_input),
    )


def _look(asked: Asked, context: Context) -> _App:
    as_of = asked.as_of
    inputs = context.tx.select("input", context.scope, order="-created")
    return _App(
        [(row, load(row)) for row in inputs if as_of is None or row.created <= as_of],
        _by_input(_then(context.tx.select("annotation", context.scope), as_of)),
        _by_input(_then(_predictions(asked, context), as_of)),
    )


def _predictions(asked: Asked, context: Context) -> list[Row]:
    ranked = any(ranking.annotation.data.concepts for ranking in asked.rankings)
    if ranked or any(condition.is_about_models for condition in asked.conditions):
        return context.tx.select("prediction", context.scope)
    return []


def _then(rows: Iterable[Row], as_of: int | None) -> Iterator[Row]:
    """Those that were there then. What was changed since cannot be seen as it was: no history."""
    for row in rows:
        if as_of is None or row.created <= as_of:
            if as_of is not None and row.modified > as_of:
                raise bad(
                    f"annotation '{row.id}' was changed since as_of; the sandbox keeps no history"
                )
            yield row


def _by_input(rows: Iterable[Row]) -> dict[str, list[_Annotated]]:
    found: dict[str, list[_Annotated]] = {}
    for row in rows:
        found.setdefault(row.parent, []).append((row, load(row)))
    return found


def _names(language: str, context: Context) -> Callable[[Any], frozenset[str]]:
    """The ids that a concept means: its own, else those of its name in the language of the query."""

    def named(concept: Any) -> frozenset[str]:
        if concept.id:
            return frozenset((concept.id,))
        wanted = concept.language or language or "en"
        scopes = dict.fromkeys((context.scope, PUBLIC))
        return frozenset(
            id_ for scope in scopes for id_ in _called(concept.name, wanted, scope, context)
        )

    return named


def _called(name: str, language: str, scope: Scope, context: Context) -> Iterator[str]:
    folded = name.casefold()
    for row in context.tx.select("concept", scope):
        concept = load(row)
        if concept.name.casefold() == folded and concept.language in ("", language):
            yield row.id
    for row in context.tx.select("concept_language", scope, Filter("id", (language,))):
        if load(row).name.casefold() == folded:
            yield row.parent
