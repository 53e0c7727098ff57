"""Background work on classifiers: they are trained, and evaluated. Each job is begun in one
transaction, done without one, and ended in another, so that a killed server takes it up again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from reconciler.sandbox import evaluation, learning, metrics, status
from reconciler.sandbox.context import World, load
from reconciler.sandbox.ids import stamp
from reconciler.sandbox.transaction import Filter, Job, Key, Row, Tx

TRAIN: Final = "train"
EVALUATE: Final = "evaluate"
KINDS: Final = (TRAIN, EVALUATE)


@dataclass(frozen=True, slots=True)
class Task:
    """A job that was begun, with all that it needs."""

    job: Job
    lesson: learning.Lesson


Outcome: TypeAlias = learning.Learned | metrics.Graded
"""What came of it."""


def begin(tx: Tx, job: Job, world: World) -> Task | None:
    """Show that the work goes on, and gather what it needs; None if nobody wants it any more."""
    row = _version(tx, job)
    model = tx.get(Key("model", *job.scope, "", row.parent)) if row is not None else None
    evaluated = _evaluation(tx, job)
    if row is None or model is None or (job.kind == EVALUATE and evaluated is None):
        tx.end_job(job)
        return None
    if evaluated is not None:
        _set(tx, evaluated, metrics.EVALUATING)
    else:
        _set(tx, row, status.MODEL_TRAINING)
    tx.start_job(job, b"")
    # An evaluation without a dataset is about all that is labelled, whatever was trained on.
    dataset = load(evaluated).ground_truth_dataset if evaluated is not None else None
    lenient = world.behaviour.zero_labels_may_be_unset
    lesson = learning.gather(tx, job.scope, load(model), load(row), dataset, lenient=lenient)
    return Task(job, lesson)


def work(task: Task, world: World) -> Outcome:
    """Learn, or find out how well was learned."""
    if task.job.kind == TRAIN:
        return learning.learn(task.lesson, world)
    found = learning.embedded(task.lesson, world)
    if task.lesson.problem:
        return metrics.Graded(metrics.FAILED, task.lesson.problem)
    if not found.examples:
        return metrics.Graded(metrics.NEEDS_INPUTS, "no labelled inputs to evaluate with")
    result = evaluation.evaluate(
        found.examples, task.lesson.concept_ids, mutually_exclusive=task.lesson.exclusive
    )
    return metrics.Graded(
        metrics.EVALUATED, metrics.said_of(result, len(found.examples)), result, found
    )


def end(tx: Tx, task: Task, outcome: Outcome | None, bug: str, world: World) -> None:
    """Store what came of it; ``bug`` is what is said if nothing did."""
    if not tx.end_job(task.job):
        return
    if task.job.kind == EVALUATE:
        graded = outcome if isinstance(outcome, metrics.Graded) else None
        _end_evaluation(tx, task, graded or metrics.Graded(metrics.UNKNOWN_ERROR, bug), world)
    else:
        learned = outcome if isinstance(outcome, learning.Learned) else None
        learned = learned or learning.Learned(status.MODEL_TRAINING_ERROR, bug)
        _end_training(tx, task.job, learned, world)


def _end_training(tx: Tx, job: Job, result: learning.Learned, world: World) -> None:
    row = _version(tx, job)
    if row is None:
        return
    version = load(row)
    at = world.clock.now()
    version.status.CopyFrom(status.make(result.code, result.details))
    version.completed_at.CopyFrom(stamp(at))
    version.modified_at.CopyFrom(stamp(at))
    version.total_input_count = result.examples
    tx.update(row, version, at=at, status=result.code)
    if result.artifact is not None:
        tx.put_artifact(version.id, result.artifact)
    for vector in result.vectors:
        tx.put_embedding(*vector)


def _end_evaluation(tx: Tx, task: Task, graded: metrics.Graded, world: World) -> None:
    row, version = _evaluation(tx, task.job), _version(tx, task.job)
    if row is None or version is None:
        return
    kept = load(row)
    metrics.fill(kept, graded, load(version).output_info.data.concepts)
    kept.status.CopyFrom(status.make(graded.code, graded.details))
    tx.update(row, kept, at=world.clock.now(), status=graded.code)
    for vector in graded.found.made if graded.found is not None else ():
        tx.put_embedding(*vector)


def _version(tx: Tx, job: Job) -> Row | None:
    """The version: an evaluation's job stands under it, its own under the model."""
    if job.kind == TRAIN:
        return tx.get(Key("model_version", *job.scope, job.parent, job.id))
    found = tx.select("model_version", job.scope, Filter("id", (job.parent,)), limit=1)
    return found[0] if found else None


def _evaluation(tx: Tx, job: Job) -> Row | None:
    if job.kind != EVALUATE:
        return None
    return tx.get(Key("evaluation", *job.scope, job.parent, job.id))


def _set(tx: Tx, row: Row, code: int) -> None:
    kept: Any = load(row)
    kept.status.CopyFrom(status.make(code))
    tx.update(row, kept, status=code)
