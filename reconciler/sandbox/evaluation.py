"""How good a classifier is: trained anew on most of the labelled inputs, asked about the rest.

The labelled inputs are dealt into up to five parts, each with its share of every concept. Each part
is held out once: a classifier trained on the others predicts it. Areas under the curve and mean
scores are over all parts; counts, curves and the test set are those of one part (the platform's
page on evaluations describes both, and that a classifier of its own is made for it).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from reconciler.sandbox import training
from reconciler.sandbox.training import Example

_MOST_PARTS: Final = 5
_LEAST: Final = 2
"""Positive and negative examples that a concept needs: one to learn from, one to be asked about."""
_THRESHOLD: Final = 0.5
_SEED: Final = 20_230_120

Scores = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of equal number: x, y, and the threshold that each stands for."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    thresholds: tuple[float, ...]


_NO_CURVE: Final = Curve((), (), ())


@dataclass(frozen=True, slots=True)
class ConceptMetrics:
    """How well one concept is told: counts and curves of the test part, ``roc_auc`` over all parts.

    ``roc`` has false positive rate and true positive rate, ``precision_recall`` recall and precision.
    """

    concept_id: str
    positives: int
    negatives: int
    roc_auc: float
    average_precision: float
    precision: float
    recall: float
    f1: float
    roc: Curve
    precision_recall: Curve


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of it. ``test`` has the held-out examples by position, with all their scores.

    ``confusion`` is the mean score of the second concept where the first is labelled, ``cooccurrence``
    how often both are labelled in the test part. ``left_out`` says why a concept has no metrics.
    """

    concepts: tuple[ConceptMetrics, ...]
    parts: int
    test: tuple[tuple[int, Scores], ...]
    labels: Mapping[str, int]
    confusion: Mapping[tuple[str, str], float]
    cooccurrence: Mapping[tuple[str, str], int]
    top1_accuracy: float
    top5_accuracy: float
    left_out: Mapping[str, str]


def evaluate(
    examples: Sequence[Example], concept_ids: Iterable[str], *, mutually_exclusive: bool
) -> Evaluation:
    """Hold out each part of the examples once. The same examples give the same result, in any order."""
    order = sorted(range(len(examples)), key=lambda at: _identity(examples[at]))
    known = sorted(set(concept_ids))
    counts = {id_: sum(id_ in example.positives for example in examples) for id_ in known}
    enough = {
        id_: min(count, len(examples) - count)
        for id_, count in counts.items()
        if min(count, len(examples) - count) >= _LEAST
    }
    if mutually_exclusive and len(enough) < 2:
        enough = {}
    left_out = {
        id_: f"{counts[id_]} positive and {len(examples) - counts[id_]} negative labelled inputs"
        for id_ in known
        if id_ not in enough
    }
    wanted = tuple(enough)
    if not wanted:
        return _nothing(counts, left_out)
    parts = deal([(at, examples[at]) for at in order], wanted, min(_MOST_PARTS, *enough.values()))
    predicted = [
        scores
        for part in parts
        if (scores := _held_out(examples, part, wanted, mutually_exclusive))
    ]
    if not predicted:
        return _nothing(counts, {**left_out, **dict.fromkeys(wanted, "no part could be held out")})
    return _summed_up(examples, wanted, predicted, counts, left_out)


def _identity(example: Example) -> tuple[object, ...]:
    return example.vector, sorted(example.positives), sorted(example.negatives)


def _nothing(counts: Mapping[str, int], left_out: Mapping[str, str]) -> Evaluation:
    empty: Mapping[tuple[str, str], int] = MappingProxyType({})
    return Evaluation((), 0, (), counts, empty, empty, 0.0, 0.0, MappingProxyType(dict(left_out)))


def deal(
    examples: Sequence[tuple[int, Example]], concept_ids: Sequence[str], parts: int
) -> list[tuple[int, ...]]:
    """Positions of the examples in parts that each have their share of every concept.

    The rarest concept is dealt first, each of its examples to the part that has fewest of it.
    """
    shuffled = list(examples)
    random.Random(_SEED).shuffle(shuffled)
    dealt: list[list[int]] = [[] for _ in range(parts)]
    have = [dict.fromkeys(concept_ids, 0) for _ in range(parts)]
    sizes = {id_: sum(id_ in one.positives for _, one in shuffled) for id_ in concept_ids}
    waiting = dict(shuffled)
    for id_ in sorted(concept_ids, key=lambda id_: (sizes[id_], id_)):
        for at, example in list(waiting.items()):
            if id_ in example.positives:
                part = min(range(parts), key=lambda number: (have[number][id_], len(dealt[number])))
                dealt[part].append(at)
                for shown in example.positives & have[part].keys():
                    have[part][shown] += 1
                del waiting[at]
    for at in waiting:
        dealt[min(range(parts), key=lambda number: len(dealt[number]))].append(at)
    return [tuple(sorted(part)) for part in dealt]


def _held_out(
    examples: Sequence[Example], part: Sequence[int], wanted: Sequence[str], exclusive: bool
) -> dict[int, Scores]:
    """Scores for the examples of a part by a classifier that never saw them; none if it cannot be."""
    asked = set(part)
    rest = [example for at, example in enumerate(examples) if at not in asked]
    try:
        classifier = training.fit(rest, wanted, mutually_exclusive=exclusive)
    except training.TrainingError:
        return {}
    return {at: classifier.scores(examples[at].vector) for at in part}


def _summed_up(
    examples: Sequence[Example],
    wanted: Sequence[str],
    predicted: Sequence[Mapping[int, Scores]],
    counts: Mapping[str, int],
    left_out: Mapping[str, str],
) -> Evaluation:
    test = predicted[0]
    everything = {at: scores for part in predicted for at, scores in part.items()}
    concepts = tuple(_metrics(id_, examples, test, predicted) for id_ in wanted)
    confusion: dict[tuple[str, str], float] = {}
    cooccurrence: dict[tuple[str, str], int] = {}
    for actual in wanted:
        shown = [scores for at, scores in everything.items() if actual in examples[at].positives]
        tested = [examples[at] for at in test if actual in examples[at].positives]
        for other in wanted:
            mean = sum(scores[other] for scores in shown) / len(shown) if shown else 0.0
            confusion[actual, other] = mean
            cooccurrence[actual, other] = sum(other in one.positives for one in tested)
    return Evaluation(
        concepts=concepts,
        parts=len(predicted),
        test=tuple(test.items()),
        labels=MappingProxyType(dict(counts)),
        confusion=MappingProxyType(confusion),
        cooccurrence=MappingProxyType(cooccurrence),
        top1_accuracy=_top(examples, test, wanted, 1),
        top5_accuracy=_top(examples, test, wanted, 5),
        left_out=MappingProxyType(dict(left_out)),
    )


def _top(
    examples: Sequence[Example], test: Mapping[int, Scores], wanted: Sequence[str], most: int
) -> float:
    """The share of labelled test examples with one of their labels among the best scores."""
    labelled = [at for at in test if examples[at].positives.intersection(wanted)]
    hits = 0
    for at in labelled:
        best = sorted(test[at], key=lambda id_: (-test[at][id_], id_))[:most]
        hits += bool(examples[at].positives.intersection(best))
    return hits / len(labelled) if labelled else 0.0


def _metrics(
    id_: str,
    examples: Sequence[Example],
    test: Mapping[int, Scores],
    predicted: Sequence[Mapping[int, Scores]],
) -> ConceptMetrics:
    from sklearn import metrics

    areas = []
    for part in predicted:
        shown, scores = _columns(id_, examples, part)
        if shown.any() and not shown.all():
            areas.append(float(metrics.roc_auc_score(shown, scores)))
    shown, scores = _columns(id_, examples, test)
    positives, said = int(shown.sum()), scores > _THRESHOLD
    hits = int((shown & said).sum())
    precision = hits / int(said.sum()) if said.any() else 0.0
    recall = hits / positives if positives else 0.0
    both_ways = bool(shown.any() and not shown.all())
    return ConceptMetrics(
        concept_id=id_,
        positives=positives,
        negatives=len(shown) - positives,
        roc_auc=float(np.mean(areas)) if areas else 0.0,
        average_precision=float(metrics.average_precision_score(shown, scores))
        if positives
        else 0.0,
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / (precision + recall) if hits else 0.0,
        roc=_roc(shown, scores) if both_ways else _NO_CURVE,
        precision_recall=_precision_recall(shown, scores) if positives else _NO_CURVE,
    )


def _columns(
    id_: str, examples: Sequence[Example], part: Mapping[int, Scores]
) -> tuple[np.ndarray, np.ndarray]:
    shown = np.array([id_ in examples[at].positives for at in part], dtype=bool)
    return shown, np.array([scores[id_] for scores in part.values()])


def _roc(shown: np.ndarray, scores: np.ndarray) -> Curve:
    from sklearn import metrics

    false_rate, true_rate, thresholds = metrics.roc_curve(shown, scores)
    # Its first point says nothing is found: above every score, and a score is at most 1.
    return _curve(false_rate, true_rate, np.minimum(thresholds, 1.0))


def _precision_recall(shown: np.ndarray, scores: np.ndarray) -> Curve:
    from sklearn import metrics

    precision, recall, thresholds = metrics.precision_recall_curve(shown, scores)
    # Its last point, where nothing is found any more, comes without a threshold.
    return _curve(recall, precision, np.append(thresholds, 1.0))


def _curve(x: np.ndarray, y: np.ndarray, thresholds: np.ndarray) -> Curve:
    return Curve(tuple(x.tolist()), tuple(y.tolist()), tuple(thresholds.tolist()))
