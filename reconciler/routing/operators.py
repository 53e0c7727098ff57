"""The operators that decide about concepts: threshold and synonym mapper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias, assert_never

from reconciler.routing.scores import ConceptKey, Score, float32, merge

Thresholds: TypeAlias = (
    Mapping[str, float] | Mapping[ConceptKey, float] | Mapping[str | ConceptKey, float]
)
"""A threshold per concept; a plain id stands for that id of any owner."""

SYNONYM = "synonym"


class Comparator(IntEnum):
    """``ValueComparator`` of the contract: what a score must be to its threshold to be kept."""

    GREATER_THAN = 1
    GREATER_THAN_OR_EQUAL = 2
    LESS_THAN = 3
    LESS_THAN_OR_EQUAL = 4
    EQUAL = 5

    def keeps(self, score: float, threshold: float) -> bool:
        """Whether a concept of that score passes. Both are rounded to float32 first."""
        left, right = float32(score), float32(threshold)
        match self:
            case Comparator.GREATER_THAN:
                return left > right
            case Comparator.GREATER_THAN_OR_EQUAL:
                return left >= right
            case Comparator.LESS_THAN:
                return left < right
            case Comparator.LESS_THAN_OR_EQUAL:
                return left <= right
            case Comparator.EQUAL:
                return left == right
            case _:
                assert_never(self)


@dataclass(frozen=True, slots=True)
class Relation:
    """One stored edge of a knowledge graph."""

    subject: ConceptKey
    predicate: str
    object: ConceptKey


def threshold(
    scores: Iterable[Score],
    thresholds: Thresholds,
    comparator: Comparator,
    filter_other_concepts: bool = True,
) -> tuple[Score, ...]:
    """The scores that pass, in the order given.

    A concept without a threshold is dropped, or passes if ``filter_other_concepts`` is False. The
    platform documents neither the effect nor the default of that flag: both are inferred.
    """
    limits = dict[str | ConceptKey, float](thresholds.items())
    kept = []
    for score in scores:
        limit = limits.get(score.concept, limits.get(score.concept.id))
        if limit is None:
            passes = not filter_other_concepts
        else:
            passes = comparator.keeps(score.value, limit)
        if passes:
            kept.append(score)
    return tuple(kept)


def map_synonyms(
    scores: Iterable[Score],
    relations: Iterable[Relation],
    app: tuple[str, str],
    follow_hierarchy: bool = False,
) -> tuple[Score, ...]:
    """The app's concepts that stand in relation to the given ones, with their scores, best first.

    ``app`` is ``(user_id, app_id)``; ``relations`` are those of the mapper's graph. An edge is
    followed from either end, so that one stored from the app's concept to a public one leads from
    public to app. What has no edge vanishes; of two that lead to one concept the greater stays.
    ``follow_hierarchy`` follows hypernyms and hyponyms too: the documentation disagrees on it.
    """
    targets: dict[ConceptKey, set[ConceptKey]] = {}
    for relation in relations:
        if relation.predicate != SYNONYM and not follow_hierarchy:
            continue
        for start, end in (
            (relation.subject, relation.object),
            (relation.object, relation.subject),
        ):
            if end.app == app:
                targets.setdefault(start, set()).add(end)
    return merge(
        Score(target, score.value) for score in scores for target in targets.get(score.concept, ())
    )
