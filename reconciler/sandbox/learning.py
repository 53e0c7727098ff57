"""Training of an embedding-classifier: its labelled inputs gathered, embedded and learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from reconciler import catalogue
from reconciler.sandbox import codec, media, runs, status, training, vision
from reconciler.sandbox.context import PUBLIC, World, load
from reconciler.sandbox.transaction import Filter, Scope, Tx

_TRAINED_HERE: Final = "embedding-classifier"
_TRAINING_FAILED: Final = 21106
_INVALID_PARAMS: Final = 21118
_EMBEDDER_TYPE: Final = "visual-embedder"


@dataclass(frozen=True, slots=True)
class Labelled:
    """An input with what people, or confident writers, said it shows and does not show."""

    data: Any
    sha256: str
    vector: bytes | None
    positives: frozenset[str]
    negatives: frozenset[str]


@dataclass(frozen=True, slots=True)
class Lesson:
    """All that training needs; ``problem`` says why it cannot begin."""

    concept_ids: tuple[str, ...]
    exclusive: bool
    examples: tuple[Labelled, ...]
    problem: str = ""
    problem_code: int = _TRAINING_FAILED


@dataclass(frozen=True, slots=True)
class Learned:
    """What came of it: a status code, and the classifier if it was trained."""

    code: int
    details: str = ""
    artifact: bytes | None = None
    examples: int = 0
    vectors: tuple[tuple[str, str, bytes], ...] = ()


def gather(tx: Tx, scope: Scope, model: Any, version: Any) -> Lesson:
    """The processed inputs whose successful annotations name the concepts of the version."""
    type_id = catalogue.canonical_model_type(model.model_type_id)
    if type_id != _TRAINED_HERE:
        return Lesson((), False, (), f"the sandbox does not train models of type '{type_id}'")
    base = version.input_info.base_embed_model
    known = catalogue.public_model(base.id) if base.id else None
    foreign = (base.user_id, base.app_id) not in (("", ""), PUBLIC)
    if base.id and (known is None or foreign or known.model_type_id != _EMBEDDER_TYPE):
        problem = f"base_embed_model '{base.id}' is not the sandbox's embedding model"
        return Lesson((), False, (), problem, _INVALID_PARAMS)
    concept_ids = tuple(concept.id for concept in version.output_info.data.concepts)
    labels = _labels(tx, scope, frozenset(concept_ids))
    rows = tx.select(
        "input",
        scope,
        Filter("status", (status.INPUT_SUCCESS,)),
    )
    wanted = runs.embedder_version()
    examples = tuple(
        Labelled(
            load(row).data,
            row.k2,
            tx.embedding(row.k2, wanted) if row.k2 else None,
            frozenset(labels[row.id][0]),
            frozenset(labels[row.id][1]),
        )
        for row in rows
        if row.id in labels
    )
    return Lesson(concept_ids, _is_exclusive(version), examples)


def _labels(
    tx: Tx, scope: Scope, wanted: frozenset[str]
) -> Mapping[str, tuple[set[str], set[str]]]:
    """Positive and negative concepts by input: only successful annotations teach."""
    labels: dict[str, tuple[set[str], set[str]]] = {}
    for row in tx.select("annotation", scope, Filter("status", (status.ANNOTATION_SUCCESS,))):
        for concept in load(row).data.concepts:
            if concept.id in wanted:
                shown, absent = labels.setdefault(row.parent, (set(), set()))
                (shown if concept.value > 0 else absent).add(concept.id)
    return MappingProxyType(labels)


def _is_exclusive(version: Any) -> bool:
    info = version.output_info
    if "concepts_mutually_exclusive" in info.params.fields:
        return codec.value_json(info.params.fields["concepts_mutually_exclusive"]) in (True, 1)
    return bool(info.output_config.concepts_mutually_exclusive)


def learn(lesson: Lesson, world: World) -> Learned:
    """Embed what has no vector yet and train; every failure is a status of the version."""
    if lesson.problem:
        return Learned(lesson.problem_code, lesson.problem)
    examples, made = [], []
    for item in lesson.examples:
        vector = runs.unpack(item.vector) if item.vector else _embed(item, world)
        if vector is None:
            continue
        if item.sha256 and item.vector is None:
            made.append((item.sha256, runs.embedder_version(), runs.pack(vector)))
        # What both stands and is denied is doubtful; a label wins over its denial.
        examples.append(
            training.Example(tuple(vector), item.positives, item.negatives - item.positives)
        )
    try:
        artifact = training.train(examples, lesson.concept_ids, mutually_exclusive=lesson.exclusive)
    except training.TrainingError as error:
        return Learned(error.code, str(error), None, len(examples), tuple(made))
    return Learned(status.MODEL_TRAINED, "", artifact, len(examples), tuple(made))


def _embed(item: Labelled, world: World) -> Sequence[float] | None:
    def stored(sha256: str) -> bytes | None:
        with world.store.read() as tx:
            return tx.media(sha256)

    try:
        medium = media.open_medium(item.data, item.sha256, stored, world.scores)
        if medium.kind != "image" or medium.data is None:
            return None
        return vision.embed(medium.data)
    except (status.PlatformError, vision.ImageError):
        return None
