"""An evaluation as the contract's message: summary, matrices, metrics of each concept, test set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2

from reconciler.sandbox.evaluation import ConceptMetrics, Evaluation
from reconciler.sandbox.learning import Examples

EVALUATED: Final = 21300
EVALUATING: Final = 21301
NOT_EVALUATED: Final = 21302
QUEUED: Final = 21303
UNKNOWN_ERROR: Final = 21312
NEEDS_INPUTS: Final = 21316
FAILED: Final = 21317

ON_REQUEST: Final = (
    "confusion_matrix",
    "cooccurrence_matrix",
    "label_counts",
    "binary_metrics",
    "test_set",
    "metrics_by_area",
    "metrics_by_class",
)
"""The parts of an evaluation that an answer has only if its request's ``fields`` name them."""

# "Note that a single split will be capped at 1,000 inputs": the page on evaluations.
_MOST_TESTED: Final = 1000


@dataclass(frozen=True, slots=True)
class Graded:
    """What came of an evaluation: a status code, and the result with the inputs that it is about."""

    code: int
    details: str = ""
    result: Evaluation | None = None
    found: Examples | None = None


def said_of(result: Evaluation, examples: int) -> str:
    """What the user should know about how it was done."""
    parts = []
    if result.concepts:
        parts.append(
            f"{len(result.test)} of {examples} labelled inputs were held out, "
            f"areas under the curve are over {result.parts} such parts"
        )
    for id_, why in result.left_out.items():
        parts.append(f"no metrics for concept '{id_}': {why}, 2 of each are needed")
    return "; ".join(parts)


def fill(message: Any, graded: Graded, concepts: Iterable[Any]) -> None:
    """Put all parts of a result into an ``EvalMetrics``; one without a result stays as it is."""
    for name in ("summary", *ON_REQUEST):
        message.ClearField(name)
    result = graded.result
    if result is None or graded.found is None:
        return
    named = {concept.id: concept for concept in concepts}
    _summarise(message.summary, result)
    # The contract orders the concepts of both matrices by the diagonal of the first.
    order = [one.concept_id for one in result.concepts]
    order.sort(key=lambda id_: (-result.confusion[id_, id_], id_))
    for matrix in (message.confusion_matrix, message.cooccurrence_matrix):
        matrix.concept_ids.extend(order)
    for actual in order:
        for other in order:
            message.confusion_matrix.matrix.add(
                actual=actual,
                predicted=other,
                value=result.confusion[actual, other],
                actual_concept=_concept(actual, named),
                predicted_concept=_concept(other, named),
            )
            message.cooccurrence_matrix.matrix.add(
                row=actual, col=other, count=result.cooccurrence[actual, other]
            )
    for id_, count in result.labels.items():
        concept = _concept(id_, named)
        message.label_counts.positive_label_counts.add(
            concept_name=concept.name, count=count, concept=concept
        )
    message.binary_metrics.extend(_binary(one, named) for one in result.concepts)
    _list_tested(message, result, graded.found, named)


def _concept(id_: str, named: Mapping[str, Any], value: float = 1.0) -> Any:
    known = named.get(id_)
    concept = resources_pb2.Concept(id=id_, name=id_, value=value)
    if known is not None:
        concept.name = known.name or id_
        concept.app_id, concept.user_id = known.app_id, known.user_id
    return concept


def _summarise(summary: Any, result: Evaluation) -> None:
    summary.top1_accuracy = result.top1_accuracy
    summary.top5_accuracy = result.top5_accuracy
    if not result.concepts:
        return
    areas = [one.roc_auc for one in result.concepts]
    scores = [one.f1 for one in result.concepts]
    summary.macro_avg_roc_auc, summary.macro_std_roc_auc = fmean(areas), pstdev(areas)
    summary.macro_avg_f1_score, summary.macro_std_f1_score = fmean(scores), pstdev(scores)
    summary.macro_avg_precision = fmean(one.precision for one in result.concepts)
    summary.macro_avg_recall = fmean(one.recall for one in result.concepts)


def _binary(one: ConceptMetrics, named: Mapping[str, Any]) -> Any:
    message = resources_pb2.BinaryMetrics(
        num_pos=one.positives,
        num_neg=one.negatives,
        num_tot=one.positives + one.negatives,
        roc_auc=one.roc_auc,
        f1=one.f1,
        avg_precision=one.average_precision,
        concept=_concept(one.concept_id, named),
    )
    roc, pairs = message.roc_curve, message.precision_recall_curve
    roc.fpr.extend(one.roc.x)
    roc.tpr.extend(one.roc.y)
    roc.thresholds.extend(one.roc.thresholds)
    pairs.recall.extend(one.precision_recall.x)
    pairs.precision.extend(one.precision_recall.y)
    pairs.thresholds.extend(one.precision_recall.thresholds)
    return message


def _list_tested(
    message: Any, result: Evaluation, found: Examples, named: Mapping[str, Any]
) -> None:
    for at, scores in result.test[:_MOST_TESTED]:
        entry = message.test_set.add()
        entry.input.CopyFrom(found.inputs[at])
        best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
        entry.predicted_concepts.extend(_concept(id_, named, value) for id_, value in best)
        shown = found.examples[at].positives.intersection(scores)
        entry.ground_truth_concepts.extend(_concept(id_, named) for id_ in sorted(shown))
