"""What a whole workflow writes for given concept scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TypeAlias, assert_never

from reconciler.routing.operators import (
    Comparator,
    Relation,
    Thresholds,
    map_synonyms,
    threshold,
)
from reconciler.routing.scores import ConceptKey, Score, merge


@dataclass(frozen=True, slots=True)
class Source:
    """A node whose scores are given: a classifier."""


@dataclass(frozen=True, slots=True)
class Mapper:
    """``concept-synonym-mapper`` with the relations of its graph; ``app`` is (user, app)."""

    relations: tuple[Relation, ...]
    app: tuple[str, str]
    follow_hierarchy: bool = False


@dataclass(frozen=True, slots=True)
class Thresholder:
    """``concept-threshold``."""

    thresholds: Thresholds
    comparator: Comparator
    filter_other_concepts: bool = True


@dataclass(frozen=True, slots=True)
class Writer:
    """``annotation-writer``: ``status`` is the number, such as 24150."""

    status: int
    user_id: str


@dataclass(frozen=True, slots=True)
class Pass:
    """A node that lets the scores of its inputs through: none, if nothing feeds it."""


Operator: TypeAlias = Source | Mapper | Thresholder | Writer | Pass


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a workflow; ``inputs`` are ids of other nodes."""

    id: str
    operator: Operator
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """One concept in one annotation that the workflow writes."""

    status: int
    user_id: str
    concept: ConceptKey
    value: float


def flow(
    nodes: Sequence[Node], scores: Mapping[str, Iterable[Score]]
) -> Mapping[str, tuple[Score, ...]]:
    """The scores that leave each node, by node id, for ``scores`` given at the source nodes.

    The order of ``nodes`` does not matter. A source without given scores has none. Raises
    ValueError for a duplicate id, an input that is no node, or a cycle.
    """
    by_id = {node.id: node for node in nodes}
    if len(by_id) != len(nodes):
        raise ValueError("two nodes have the same id")
    for node in nodes:
        for input_id in node.inputs:
            if input_id not in by_id:
                raise ValueError(f"node {node.id!r} reads {input_id!r}, which is no node")
    sorter = TopologicalSorter({node.id: node.inputs for node in nodes})
    leaving: dict[str, tuple[Score, ...]] = {}
    for id_ in sorter.static_order():
        node = by_id[id_]
        arriving = merge(score for input_id in node.inputs for score in leaving[input_id])
        given = scores.get(id_, ()) if isinstance(node.operator, Source) else arriving
        leaving[id_] = _run(node.operator, tuple(given))
    return leaving


def route(nodes: Sequence[Node], scores: Mapping[str, Iterable[Score]]) -> frozenset[Written]:
    """What the writers of a workflow write; nothing where all was filtered on the way.

    Arguments and errors are those of ``flow``.
    """
    leaving = flow(nodes, scores)
    return frozenset(
        Written(node.operator.status, node.operator.user_id, score.concept, score.value)
        for node in nodes
        if isinstance(node.operator, Writer)
        for score in leaving[node.id]
    )


def _run(operator: Operator, scores: tuple[Score, ...]) -> tuple[Score, ...]:
    match operator:
        case Mapper(relations, app, follow_hierarchy):
            return map_synonyms(scores, relations, app, follow_hierarchy)
        case Thresholder(thresholds, comparator, filter_other_concepts):
            return threshold(scores, thresholds, comparator, filter_other_concepts)
        case Source():
            return merge(scores)
        case Writer() | Pass():
            return scores
        case _:
            assert_never(operator)
