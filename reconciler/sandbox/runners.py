"""What each model type makes of the data that reaches it, over the platform's own messages.

What a small machine can really compute is computed; public recognition models answer with scripted
scores and say so; everything else is a ``ModelFailure``, never a made-up result.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, TypeGuard

from clarifai_grpc.grpc.api import resources_pb2

from reconciler.catalogue import (
    ANNOTATION_STATUSES,
    COMPARATORS,
    PUBLIC_APP_ID,
    PUBLIC_CONCEPTS,
    PUBLIC_USER_ID,
)
from reconciler.routing.operators import Comparator, Relation, map_synonyms, threshold
from reconciler.routing.scores import ConceptKey, Score, float32
from reconciler.sandbox.scores import Scores

NOT_IMPLEMENTED: Final = 10040
MODEL_INVALID_ARGUMENT: Final = 21202
MODEL_PREDICTION_FAILED: Final = 21313

_MAX_CONCEPTS: Final = 200
_DEFAULT_CONCEPTS: Final = 20
# What an annotation can hold; the medium itself and its embedding are no annotation.
_ANNOTATED: Final = ("concepts", "regions", "frames", "time_segments", "metadata")

_NO_BYTES: Final = "no embedding: the sandbox has the URL of this image, not its bytes"

Message: TypeAlias = Any
"""A protobuf message; the generated classes carry no types of their own."""


class ModelFailure(Exception):
    """A model cannot answer: ``code`` is the platform's status code, ``details`` says why."""

    def __init__(self, code: int, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


@dataclass(frozen=True, slots=True)
class Media:
    """The input. ``data`` is None where only the URL is known; ``sha256`` is then empty."""

    kind: Literal["image", "text", "video", "audio"]
    data: bytes | None = None
    url: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class WriterEffect:
    """An annotation that a writer wants on the input."""

    annotation_status: int
    annotation_user_id: str
    annotation_info: Mapping[str, Any]
    task_id: str
    data: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """All that a run may ask of its surroundings.

    ``find_version`` turns the reference of a node into a model and its version. ``relations`` lists
    the stored edges of a graph ("" is the global one). ``artifact`` is what training left for a
    version. ``write`` is None where annotations are not to be written. ``embedding`` gives the
    vector of the input if it is already known.
    """

    media: Media
    user_id: str
    app_id: str
    find_version: Callable[[Message], tuple[Message, Message]]
    relations: Callable[[str], Sequence[Any]]
    artifact: Callable[[str], bytes]
    scores: Scores = field(default_factory=Scores.empty)
    write: Callable[[WriterEffect], None] | None = None
    embedding: Callable[[], Sequence[float]] | None = None
    follow_hierarchy: bool = False
    filter_other_default: bool = True
    rng: Random = field(default_factory=Random)


@dataclass(frozen=True, slots=True)
class Result:
    """What a model made of its input; ``details`` is what its user should know about it."""

    data: Message
    details: str = ""
    effect: WriterEffect | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A model with its configuration in effect, and the data that reached it."""

    model: Message
    version: Message
    data: Message
    ctx: RunContext
    params: Mapping[str, Any]
    concepts: Sequence[Any]
    output_config: Any

    @property
    def name(self) -> str:
        """What messages call this model."""
        return f"{self.model.model_type_id} '{self.model.id}'"

    @property
    def is_public(self) -> bool:
        """Whether the platform itself published the model."""
        return (self.model.user_id, self.model.app_id) == (PUBLIC_USER_ID, PUBLIC_APP_ID)

    def invalid(self, problem: str) -> ModelFailure:
        """The failure for a configuration that makes no sense."""
        return ModelFailure(MODEL_INVALID_ARGUMENT, f"{self.name}: {problem}")

    def not_run(self, why: str) -> ModelFailure:
        """The failure for what the sandbox leaves to the platform."""
        return ModelFailure(NOT_IMPLEMENTED, f"{self.name}: the sandbox {why}")


def _embedder(job: Job) -> Result:
    if not job.is_public:
        raise job.not_run("has only the public embedding model")
    data = resources_pb2.Data()
    if not job.data.HasField("image"):
        return Result(data)
    vector = _vector(job)
    if vector is None:
        return Result(data, _NO_BYTES)
    data.embeddings.add(vector=vector, num_dimensions=len(vector))
    return Result(data)


def _vector(job: Job) -> Sequence[float] | None:
    """The embedding that reached the model, else that of the input; None without its bytes."""
    if job.data.embeddings:
        return list(job.data.embeddings[0].vector)
    if not job.data.HasField("image"):
        return None
    from reconciler.sandbox import vision  # decoders and numerics, needed for images alone

    try:
        if job.ctx.embedding is not None:
            return job.ctx.embedding()
        return None if job.ctx.media.data is None else vision.embed(job.ctx.media.data)
    except vision.ImageError as error:
        raise ModelFailure(error.code, f"{job.name}: {error}") from error


def _scripted_classifier(job: Job) -> Result:
    if not job.is_public:
        raise job.not_run("cannot train or run deep models; use an embedding-classifier")
    data = resources_pb2.Data()
    if not job.data.HasField("image"):
        return Result(data)
    media, scores = job.ctx.media, job.ctx.scores
    found = scores.lookup(job.model.id, media.sha256, media.url)
    if found is None:
        return Result(data, "no concepts: no scores are scripted for this image")
    concepts = [
        resources_pb2.Concept(
            id=id_,
            name=PUBLIC_CONCEPTS.get(id_, id_),
            value=value,
            app_id=PUBLIC_APP_ID,
            user_id=PUBLIC_USER_ID,
        )
        for id_, value in found.items()
    ]
    data.concepts.extend(_limited(job, concepts))
    return Result(data, f"scripted scores, not a prediction; source: {scores.source}")


def _embedding_classifier(job: Job) -> Result:
    data = resources_pb2.Data()
    vector = _vector(job)
    if vector is None:
        return Result(data, _NO_BYTES if job.data.HasField("image") else "")
    from reconciler.sandbox import training  # numerics, needed for trained classifiers alone

    try:
        scores = training.predict(job.ctx.artifact(job.version.id), vector)
    except ValueError as error:
        raise ModelFailure(MODEL_PREDICTION_FAILED, f"{job.name}: {error}") from error
    names = {concept.id: concept.name for concept in job.version.output_info.data.concepts}
    concepts = [
        resources_pb2.Concept(
            id=id_,
            name=names.get(id_) or id_,
            value=value,
            app_id=job.model.app_id or job.ctx.app_id,
            user_id=job.model.user_id or job.ctx.user_id,
        )
        for id_, value in scores.items()
    ]
    data.concepts.extend(_limited(job, concepts))
    return Result(data)


def _limited(job: Job, concepts: Sequence[Any]) -> Sequence[Any]:
    """Only the concepts asked for, best first."""
    config = job.output_config
    most = job.params.get("max_concepts", config.max_concepts or _DEFAULT_CONCEPTS)
    least = job.params.get("min_value", config.min_value)
    if not _is_number(most) or not 0 < most <= _MAX_CONCEPTS or most != int(most):
        raise job.invalid(
            f"max_concepts must be a whole number in (0, {_MAX_CONCEPTS}], not {most!r}"
        )
    if not _is_number(least) or not 0 <= least <= 1:
        raise job.invalid(f"min_value must be in [0, 1], not {least!r}")
    selected = _selected(job)
    kept = [
        concept
        for concept in concepts
        if concept.value >= float32(least)
        and (not selected or concept.id in selected or concept.name in selected)
    ]
    return ranked(kept)[: int(most)]


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _selected(job: Job) -> frozenset[str]:
    """Ids and names of the only concepts wanted; empty for all."""
    names = {name for one in job.output_config.select_concepts for name in (one.id, one.name)}
    listed = job.params.get("select_concepts") or ()
    if isinstance(listed, str) or not isinstance(listed, Iterable):
        raise job.invalid(f"select_concepts must be a list, not {listed!r}")
    for entry in listed:
        if isinstance(entry, Mapping):
            names |= {str(entry.get("id", "")), str(entry.get("name", ""))}
        else:
            names.add(str(entry))
    return frozenset(names - {""})


def _clusterer(job: Job) -> Result:
    if not job.is_public:
        raise job.not_run("has only the public clusterer")
    data = resources_pb2.Data()
    vector = _vector(job)
    if vector is not None:
        data.clusters.add(id=_cluster_id(vector))
    return Result(data)


def _cluster_id(vector: Sequence[float]) -> str:
    """Like vectors share a cluster: each bit says which of two neighbouring stretches is longer."""
    step = max(1, len(vector) // 11)
    lengths = [sum(x * x for x in vector[at * step : (at + 1) * step]) for at in range(11)]
    bits = "".join("1" if left > right else "0" for left, right in pairwise(lengths))
    return f"{int(bits[:5], 2)}_{int(bits[5:], 2)}"


def _thresholder(job: Job) -> Result:
    data = resources_pb2.Data()
    data.concepts.extend(_kept(job, job.data.concepts))
    return Result(data)


def _region_thresholder(job: Job) -> Result:
    data = resources_pb2.Data()
    for region in job.data.regions:
        kept = [copied(concept) for concept in _kept(job, region.data.concepts)]
        if kept:
            data.regions.append(region)
            data.regions[-1].data.ClearField("concepts")
            data.regions[-1].data.concepts.extend(kept)
    return Result(data)


def _kept(job: Job, concepts: Iterable[Message]) -> list[Message]:
    """The concepts that pass the thresholds of the model, in their order."""
    spelled = job.params.get("concept_threshold_type")
    number = COMPARATORS.number_of(spelled)
    if number is None:
        known = ", ".join(COMPARATORS.names)
        raise job.invalid(f"concept_threshold_type must be one of {known}, not {spelled!r}")
    others = job.params.get("filter_other_concepts", job.ctx.filter_other_default)
    if not isinstance(others, bool):
        raise job.invalid(f"filter_other_concepts must be true or false, not {others!r}")
    # A threshold names a concept of the app by its id alone. The id then decides for the concepts
    # of every owner: a thresholder right behind a public model knows only public ids.
    limits: dict[str | ConceptKey, float] = {}
    for concept in job.concepts:
        key = _key(concept, job.ctx)
        limits[key.id if key.app == (job.ctx.user_id, job.ctx.app_id) else key] = concept.value
    return [
        concept
        for concept in concepts
        if threshold(
            (Score(_key(concept, job.ctx), concept.value),), limits, Comparator(number), others
        )
    ]


def _mapper(job: Job) -> Result:
    graph = str(job.params.get("knowledge_graph_id", ""))
    names: dict[ConceptKey, str] = {}
    relations = []
    for stored in job.ctx.relations(graph):
        ends = (stored.subject_concept, stored.object_concept)
        subject, object_ = (_key(end, job.ctx) for end in ends)
        names |= {subject: ends[0].name, object_: ends[1].name}
        relations.append(Relation(subject, stored.predicate, object_))
    mapped = map_synonyms(
        [Score(_key(concept, job.ctx), concept.value) for concept in job.data.concepts],
        relations,
        (job.ctx.user_id, job.ctx.app_id),
        job.ctx.follow_hierarchy,
    )
    data = resources_pb2.Data()
    for score in mapped:
        data.concepts.add(
            id=score.concept.id,
            name=names[score.concept] or score.concept.id,
            value=score.value,
            app_id=score.concept.app_id,
            user_id=score.concept.user_id,
        )
    return Result(data)


def _key(concept: Message, ctx: RunContext) -> ConceptKey:
    """Whose concept it is: one without an app is the app's own, one of ``main`` is public."""
    app_id = concept.app_id or ctx.app_id
    default = PUBLIC_USER_ID if app_id == PUBLIC_APP_ID else ctx.user_id
    return ConceptKey(concept.user_id or default, app_id, concept.id)


def _writer(job: Job) -> Result:
    spelled = job.params.get("annotation_status")
    number = ANNOTATION_STATUSES.number_of(spelled)
    if number is None:
        known = ", ".join(ANNOTATION_STATUSES.names)
        raise job.invalid(f"annotation_status must be one of {known}, not {spelled!r}")
    info = job.params.get("annotation_info") or {}
    if not isinstance(info, Mapping):
        raise job.invalid(f"annotation_info must be a JSON object, not {info!r}")
    written = resources_pb2.Data()
    for name in _ANNOTATED:
        part = getattr(job.data, name)
        if part:
            getattr(written, name).MergeFrom(part)
    if not written.ByteSize():
        return Result(job.data)
    author = str(job.params.get("annotation_user_id", ""))
    effect = WriterEffect(
        annotation_status=number,
        annotation_user_id=job.ctx.user_id if author in ("", "me") else author,
        annotation_info=MappingProxyType(dict(info)),
        task_id=str(job.params.get("task_id", "")),
        data=written,
    )
    return Result(job.data, effect=effect)


def _random_sample(job: Job) -> Result:
    fraction = job.params.get("keep_fraction")
    if not _is_number(fraction) or not 0 <= fraction <= 1:
        raise job.invalid(f"keep_fraction must be in [0, 1], not {fraction!r}")
    return Result(job.data if fraction > job.ctx.rng.random() else resources_pb2.Data())


def _regex_classifier(job: Job) -> Result:
    pattern = job.params.get("regex")
    if not pattern or not isinstance(pattern, str):
        raise job.invalid(f"regex must be a text, not {pattern!r}")
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise job.invalid(f"regex {pattern!r} is not one: {error}") from error
    data = resources_pb2.Data()
    if job.data.HasField("text") and expression.search(job.data.text.raw):
        for concept in job.concepts:
            data.concepts.append(concept)
            data.concepts[-1].value = 1.0
    return Result(data)


RUNNERS: Final[Mapping[str, Callable[[Job], Result]]] = MappingProxyType(
    {
        "annotation-writer": _writer,
        "clusterer": _clusterer,
        "concept-synonym-mapper": _mapper,
        "concept-threshold": _thresholder,
        "embedding-classifier": _embedding_classifier,
        "random-sample": _random_sample,
        "regex-based-classifier": _regex_classifier,
        "region-thresholder": _region_thresholder,
        "visual-classifier": _scripted_classifier,
        "visual-embedder": _embedder,
    }
)
"""The model types that the sandbox runs, by canonical id."""


def copied(message: Message) -> Message:
    """A copy that shares nothing with the original."""
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def ranked(concepts: Iterable[Message]) -> list[Message]:
    """Concepts as predictions list them: best first, equal ones by id."""
    return sorted(concepts, key=lambda concept: (-concept.value, concept.id))
