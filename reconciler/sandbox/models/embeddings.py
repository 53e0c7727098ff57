"""The public embedders and what reads their vectors: clusterer and trained classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from clarifai_grpc.grpc.api import resources_pb2

from reconciler.sandbox.models.job import (
    MODEL_PREDICTION_FAILED,
    Job,
    ModelFailure,
    Result,
)

_NO_BYTES: Final = "no embedding: the sandbox has the URL of this image, not its bytes"


def visual_embedder(job: Job) -> Result:
    """The vector of the picture, by the one embedding model that the sandbox has for images."""
    return _embedded(job, "image")


def text_embedder(job: Job) -> Result:
    """The vector of the text, by the one embedding model that the sandbox has for texts."""
    return _embedded(job, "text")


def _embedded(job: Job, kind: str) -> Result:
    if not job.is_public:
        raise job.not_run("has only the public embedding model")
    data = resources_pb2.Data()
    if not job.data.HasField(kind):
        return Result(data)
    vector = _own_vector(job, kind)
    if vector is None:
        return Result(data, _NO_BYTES)
    data.embeddings.add(vector=vector, num_dimensions=len(vector))
    return Result(data)


def _vector(job: Job, kind: str) -> Sequence[float] | None:
    """The embedding that reached the model, else that of the input; None without its bytes."""
    if job.data.embeddings:
        return list(job.data.embeddings[0].vector)
    return _own_vector(job, kind) if job.data.HasField(kind) else None


def _own_vector(job: Job, kind: str) -> Sequence[float] | None:
    """The vector of the input itself, or of the text that a model before made of it."""
    medium = job.ctx.media
    if kind == "text":
        written = job.data.text.raw
        of_input = medium.kind == "text" and written == medium.text
        if job.ctx.embedding is not None and of_input:
            return job.ctx.embedding()
        from reconciler.sandbox import language  # numerics, needed for texts alone

        return language.embed(written)
    from reconciler.sandbox import vision  # decoders and numerics, needed for images alone

    try:
        if job.ctx.embedding is not None:
            return job.ctx.embedding()
        return None if medium.data is None else vision.embed(medium.data)
    except vision.ImageError as error:
        raise ModelFailure(error.code, f"{job.name}: {error}") from error


def clusterer(job: Job) -> Result:
    """A cluster that like vectors share."""
    if not job.is_public:
        raise job.not_run("has only the public clusterer")
    data = resources_pb2.Data()
    vector = _vector(job, "image")
    if vector is not None:
        data.clusters.add(id=_cluster_id(vector))
    return Result(data)


def _cluster_id(vector: Sequence[float]) -> str:
    """Like vectors share a cluster: each bit says which of two neighbouring stretches is longer."""
    step = max(1, len(vector) // 11)
    lengths = [sum(x * x for x in vector[at * step : (at + 1) * step]) for at in range(11)]
    bits = "".join("1" if left > right else "0" for left, right in pairwise(lengths))
    return f"{int(bits[:5], 2)}_{int(bits[5:], 2)}"


def embedding_classifier(job: Job) -> Result:
    """The scores of the trained concepts for the vector."""
    from reconciler.sandbox import training  # numerics, needed for trained classifiers alone

    data = resources_pb2.Data()
    try:
        classifier = training.load(job.ctx.artifact(job.version.id))
        if not job.data.embeddings and not job.data.HasField(classifier.kind):
            return Result(data)
        vector = _vector(job, classifier.kind)
        if vector is None:
            return Result(data, _NO_BYTES)
        scores = classifier.scores(vector)
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
    data.concepts.extend(job.limited(concepts))
    return Result(data)
