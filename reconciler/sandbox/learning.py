"""What a classifier learns from: the app's labelled inputs gathered, embedded, and trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from clarifai_grpc.grpc.api import resources_pb2

from reconciler import catalogue
from reconciler.sandbox import codec, media, parsing, runs, status, training, vision
from reconciler.sandbox.context import PUBLIC, World, load
from reconciler.sandbox.handlers import membership
from reconciler.sandbox.transaction import Filter, Key, Scope, Tx

Kind: TypeAlias = Literal["image", "text"]

_TRAINED_HERE: Final = "embedding-classifier"
_TRAINING_FAILED: Final = 21106
_INVALID_PARAMS: Final = 21118
_EMBEDDERS: Final[Mapping[str, Kind]] = MappingProxyType(
    {"visual-embedder": "image", "text-embedder": "text"}
)
_NO_EXTRA_NEGATIVES: Final = "Disabled"


@dataclass(frozen=True, slots=True)
class Labelled:
    """An input with what people, or confident writers, said it shows and does not show.

    ``input`` is the stored message; ``vector`` is the packed one of its medium, if it was kept.
    """

    input: Any
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
    kind: Kind = "image"
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


@dataclass(frozen=True, slots=True)
class Examples:
    """Labelled inputs with their vectors, side by side; ``made`` are vectors that were not kept."""

    inputs: tuple[Any, ...]
    examples: tuple[training.Example, ...]
    made: tuple[tuple[str, str, bytes], ...]


def gather(
    tx: Tx, scope: Scope, model: Any, version: Any, dataset: Any = None, *, lenient: bool = False
) -> Lesson:
    """The processed inputs of ``dataset`` whose successful annotations name concepts.

    Without a dataset it is the one that the version names for its training, else the whole app.
    Inputs that carry only other concepts are further examples of what the version's concepts are
    not, unless ``enrich_dataset`` is Disabled: the platform adds negatives of its own there.
    ``lenient`` takes zeros of official clients for labels without a value where a concept has no other.
    """
    type_id = catalogue.canonical_model_type(model.model_type_id)
    if type_id != _TRAINED_HERE:
        problem = f"the sandbox does not train models of type '{type_id}'"
        return Lesson((), False, (), problem=problem)
    base = version.input_info.base_embed_model
    known = catalogue.public_model(base.id) if base.id else None
    foreign = (base.user_id, base.app_id) not in (("", ""), PUBLIC)
    if base.id and (known is None or foreign or known.model_type_id not in _EMBEDDERS):
        problem = f"base_embed_model '{base.id}' is not the sandbox's embedding model"
        return Lesson((), False, (), problem=problem, problem_code=_INVALID_PARAMS)
    if dataset is None:
        dataset = _dataset(version)
    if dataset.id and not _is_there(tx, scope, dataset):
        problem = f"{_called(dataset)} is not there"
        return Lesson((), False, (), problem=problem, problem_code=_INVALID_PARAMS)
    concept_ids = tuple(concept.id for concept in version.output_info.data.concepts)
    exclusive = _is_exclusive(version)
    labels = _labels(tx, scope, lenient=lenient)
    others = not exclusive and _takes_others(version)
    labelled = _labelled(tx, scope, concept_ids, labels, others=others)
    if dataset.id:
        members = _members(tx, scope, dataset)
        labelled = tuple(item for item in labelled if item.input.id in members)
    kinds = _kinds(tx, scope) if known is None else (_EMBEDDERS[known.model_type_id],)
    # Without a word on the embedder it is the default workflow's; where that has both, the one
    # for most of what shows the concepts: that texts show others says nothing about images.
    shown = [item for item in labelled if item.positives] or labelled
    kind = max(kinds, key=lambda kind: sum(_is_of(item, kind) for item in shown))
    wanted = runs.embedder_version(kind)
    examples = tuple(
        Labelled(
            item.input,
            item.sha256,
            tx.embedding(item.sha256, wanted) if item.sha256 else None,
            item.positives,
            item.negatives,
        )
        for item in labelled
        if _is_of(item, kind)
    )
    return Lesson(concept_ids, exclusive, examples, kind)


def _dataset(version: Any) -> Any:
    """What a version is to be trained on: named in its parameters or beside them."""
    info = version.train_info
    named = resources_pb2.Dataset()
    named.CopyFrom(info.dataset)
    params = info.params.fields
    if "dataset_id" in params:
        named.id = params["dataset_id"].string_value or named.id
    if "dataset_version_id" in params:
        named.version.id = params["dataset_version_id"].string_value or named.version.id
    return named


def _is_there(tx: Tx, scope: Scope, dataset: Any) -> bool:
    if dataset.version.id:
        return tx.get(Key("dataset_version", *scope, dataset.id, dataset.version.id)) is not None
    return tx.get(Key("dataset", *scope, "", dataset.id)) is not None


def _called(dataset: Any) -> str:
    which = f"version '{dataset.version.id}' of " if dataset.version.id else ""
    return f"{which}dataset '{dataset.id}'"


def _members(tx: Tx, scope: Scope, dataset: Any) -> frozenset[str]:
    """The ids of the inputs that a dataset holds, or that its version held."""
    kind = membership.FROZEN if dataset.version.id else membership.MEMBER
    parent = dataset.version.id or dataset.id
    return frozenset(row.id for row in tx.select(kind, scope, Filter("parent", (parent,))))


def _is_of(item: Labelled, kind: Kind) -> bool:
    return media.kind_of(item.input.data) == kind


def _kinds(tx: Tx, scope: Scope) -> tuple[Kind, ...]:
    """What the embedders of the default workflow read; everything if it has none."""
    row = tx.get(Key("app", *scope, "", scope.app))
    default = load(row).default_workflow if row is not None else None
    found = default and tx.get(Key("workflow", default.user_id, default.app_id, "", default.id))
    nodes = load(found).nodes if found else ()
    types = {catalogue.canonical_model_type(node.model.model_type_id) for node in nodes}
    kinds = tuple(kind for type_id, kind in _EMBEDDERS.items() if type_id in types)
    return kinds or tuple(_EMBEDDERS.values())


def _labelled(
    tx: Tx,
    scope: Scope,
    concept_ids: Sequence[str],
    labels: Mapping[str, tuple[set[str], set[str]]],
    *,
    others: bool,
) -> tuple[Labelled, ...]:
    wanted = frozenset(concept_ids)
    if not any(wanted & (shown | absent) for shown, absent in labels.values()):
        return ()
    found = []
    for row in tx.select("input", scope, Filter("status", (status.INPUT_SUCCESS,))):
        shown, absent = labels.get(row.id, (set(), set()))
        positives, negatives = wanted & shown, wanted & absent
        if not positives and not negatives:
            if not others or not shown:
                continue
            negatives = wanted
        found.append(Labelled(load(row), row.k2, None, positives, negatives))
    return tuple(found)


def _labels(tx: Tx, scope: Scope, *, lenient: bool) -> Mapping[str, tuple[set[str], set[str]]]:
    """Positive and negative concepts by input: only successful annotations teach."""
    labels: dict[str, tuple[set[str], set[str]]] = {}
    unsaid: list[tuple[str, str]] = []
    for row in tx.select("annotation", scope, Filter("status", (status.ANNOTATION_SUCCESS,))):
        for concept in load(row).data.concepts:
            shown, absent = labels.setdefault(row.parent, (set(), set()))
            (shown if concept.value > 0 else absent).add(concept.id)
            if lenient and not parsing.is_meant(concept.value):
                unsaid.append((row.parent, concept.id))
    seen = frozenset[str]().union(*(shown for shown, _ in labels.values()))
    for input_id, concept_id in unsaid:
        if concept_id not in seen:
            shown, absent = labels[input_id]
            shown.add(concept_id)
            absent.discard(concept_id)
    return MappingProxyType(labels)


def _is_exclusive(version: Any) -> bool:
    info = version.output_info
    if "concepts_mutually_exclusive" in info.params.fields:
        return codec.value_json(info.params.fields["concepts_mutually_exclusive"]) in (True, 1)
    return bool(info.output_config.concepts_mutually_exclusive)


def _takes_others(version: Any) -> bool:
    """Whether negatives may come from elsewhere."""
    params = version.train_info.params.fields
    enrich = params["enrich_dataset"].string_value if "enrich_dataset" in params else ""
    return enrich != _NO_EXTRA_NEGATIVES


def learn(lesson: Lesson, world: World) -> Learned:
    """Embed what has no vector yet and train; every failure is a status of the version."""
    if lesson.problem:
        return Learned(lesson.problem_code, lesson.problem)
    found = embedded(lesson, world)
    try:
        artifact = training.train(
            found.examples,
            lesson.concept_ids,
            mutually_exclusive=lesson.exclusive,
            kind=lesson.kind,
        )
    except training.TrainingError as error:
        return Learned(error.code, str(error), None, len(found.examples), found.made)
    return Learned(status.MODEL_TRAINED, "", artifact, len(found.examples), found.made)


def embedded(lesson: Lesson, world: World) -> Examples:
    """The examples with their vectors; inputs whose medium cannot be had are left out."""
    inputs, examples, made = [], [], []
    for item in lesson.examples:
        vector = runs.unpack(item.vector) if item.vector else _embed(item, world)
        if vector is None:
            continue
        if item.sha256 and item.vector is None:
            made.append((item.sha256, runs.embedder_version(lesson.kind), runs.pack(vector)))
        # What both stands and is denied is doubtful; a label wins over its denial.
        negatives = item.negatives - item.positives
        examples.append(training.Example(tuple(vector), item.positives, negatives))
        inputs.append(item.input)
    return Examples(tuple(inputs), tuple(examples), tuple(made))


def _embed(item: Labelled, world: World) -> Sequence[float] | None:
    def stored(sha256: str) -> bytes | None:
        with world.store.read() as tx:
            return tx.media(sha256)

    try:
        return runs.embed(media.open_medium(item.input.data, item.sha256, stored, world.scores))
    except (status.PlatformError, vision.ImageError):
        return None
