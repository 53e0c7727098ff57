"""How hits are ranked: by what models predicted, or by likeness to a picture, a text or an input.

Documented: inputs are searched by the predictions of their base workflow; a score lies between 0 (unlike)
and 1 (the same, or certain). Inferred: an input of which nothing is known is no hit, of a negated rank it
is one with 0.5, as the contract has it for what has nothing to do with the query; of several concepts in
one rank the best counts, several ranks are multiplied. Likeness is that of the sandbox's own embedders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from clarifai_grpc.grpc.api import resources_pb2

from reconciler.sandbox import language, media, runs, vision
from reconciler.sandbox.context import Context, need
from reconciler.sandbox.places import places
from reconciler.sandbox.searching.filters import Named
from reconciler.sandbox.searching.query import Asked, Ranking, bad
from reconciler.sandbox.status import PlatformError
from reconciler.sandbox.transaction import Row

Vector: TypeAlias = npt.NDArray[np.float64]
Scorer: TypeAlias = Callable[[Row], float | None]
"""The score of an input; None for one that the rank says nothing about."""

_KINDS: Final = ("image", "text")
_UNKNOWN: Final = 0.5


@dataclass(frozen=True, slots=True)
class Sought:
    """What to look like: a vector of an embedder version, or (scripted) only the address."""

    vector: Vector | None
    version: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What scorers may ask: predictions by input, the ids that a concept means, the metric."""

    predictions: Mapping[str, Sequence[Any]]
    named: Named
    cosine: bool
    context: Context


def sought_of(ranking: Ranking, context: Context) -> Sought | None:
    """What a rank by medium or vector looks for; fetches and embeds, so outside of transactions.

    Raises 30002 for a URL that cannot be fetched, 30101 for bytes that are no image.
    """
    wanted = ranking.annotation
    if wanted.data.HasField("image"):
        found = _picture(wanted.data.image, context)
    elif wanted.data.HasField("text"):
        found = _embedded("text", lambda: language.embed(wanted.data.text.raw))
    elif wanted.data.embeddings:
        found = _given(wanted)
    else:
        return None
    if wanted.model_version_id not in ("", found.version):
        raise bad(f"no vectors of model version '{wanted.model_version_id}' are kept")
    return found


def _picture(image: Any, context: Context) -> Sought:
    if not image.base64 and not image.url:
        raise bad("an image to rank by has neither a url nor content")
    if image.base64:
        return _embedded("image", lambda: vision.embed(image.base64))
    data = resources_pb2.Data(image=resources_pb2.Image(url=image.url.strip()))
    medium = media.open_medium(data, "", lambda _: None, context.world.scores)
    if medium.data is None:
        return Sought(None, runs.embedder_version("image"), medium.url)
    content = medium.data
    return _embedded("image", lambda: vision.embed(content))


def _embedded(kind: str, embed: Callable[[], Sequence[float]]) -> Sought:
    try:
        return Sought(np.asarray(embed(), dtype=np.float64), runs.embedder_version(kind))
    except vision.ImageError as error:
        raise PlatformError(error.code, str(error)) from error


def _given(wanted: Any) -> Sought:
    if len(wanted.data.embeddings) != 1:
        raise bad(f"{len(wanted.data.embeddings)} embeddings in one rank, the most is one")
    embedding = wanted.data.embeddings[0]
    vector = np.asarray(embedding.vector, dtype=np.float64)
    if embedding.num_dimensions not in (0, len(vector)):
        raise bad(f"the vector has {len(vector)} numbers, not {embedding.num_dimensions}")
    version = wanted.model_version_id or runs.embedder_version("image")
    return Sought(vector, version)


def scorer_of(asked: Asked, sought: Sequence[Sought | None], known: Known) -> Scorer | None:
    """The score of an input by all ranks of a search; None if it has none."""
    scorers = [
        _negated(part) if ranking.negate else part
        for ranking, found in zip(asked.rankings, sought, strict=True)
        for part in _parts(ranking, found, known)
    ]
    if not scorers:
        return None

    def score(row: Row) -> float | None:
        product = 1.0
        for part in scorers:
            value = part(row)
            if value is None:
                return None
            product *= value
        return product

    return score


def _negated(part: Scorer) -> Scorer:
    def score(row: Row) -> float | None:
        value = part(row)
        return _UNKNOWN if value is None else 1.0 - value

    return score


def _parts(ranking: Ranking, sought: Sought | None, known: Known) -> list[Scorer]:
    wanted = ranking.annotation
    parts = []
    if wanted.data.concepts:
        parts.append(_by_concepts(wanted, known))
    if wanted.input_id:
        sought = _of_input(wanted.input_id, known.context)
    if sought is not None:
        parts.append(_by_likeness(sought, known))
    return parts


def _by_concepts(wanted: Any, known: Known) -> Scorer:
    alternatives = [(known.named(item), item) for item in wanted.data.concepts]

    def predicted(row: Row, ids: frozenset[str]) -> float | None:
        values = [
            concept.value
            for annotation in known.predictions.get(row.id, ())
            if wanted.model_version_id in ("", annotation.model_version_id)
            for place in places(annotation.data)
            for concept in place.concepts
            if concept.id in ids
        ]
        return max(values, default=None)

    def score(row: Row) -> float | None:
        scores = []
        for ids, item in alternatives:
            value = predicted(row, ids)
            if item.value == 0:
                scores.append(_UNKNOWN if value is None else 1.0 - value)
            elif value is not None:
                scores.append(value)
        return max(scores, default=None)

    return score


def _of_input(id_: str, context: Context) -> Sought:
    row = need(context.tx.get(context.key("input", id_)), "input_id", id_)
    for kind in _KINDS:
        version = runs.embedder_version(kind)
        vector = _kept(row, version, context)
        if vector is not None:
            return Sought(vector, version, row.k1)
    if row.k1:
        return Sought(None, runs.embedder_version("image"), row.k1)
    raise bad(f"input '{id_}' has no vector: its workflow has no embedding model of the sandbox")


def _kept(row: Row, version: str, context: Context) -> Vector | None:
    content = context.tx.embedding(row.k2, version) if row.k2 else None
    return None if content is None else np.frombuffer(content, "<f4").astype(np.float64)


def _by_likeness(sought: Sought, known: Known) -> Scorer:
    compare = _cosine if known.cosine else _nearness

    def score(row: Row) -> float | None:
        if sought.vector is None:
            # A scripted address was not fetched: only inputs of the very same one are known to be like it.
            return 1.0 if row.k1 == sought.url else None
        vector = _kept(row, sought.version, known.context)
        if vector is None:
            return None
        if len(vector) != len(sought.vector):
            raise bad(f"the vector has {len(sought.vector)} numbers, those kept {len(vector)}")
        return compare(sought.vector, vector)

    return score


def _cosine(one: Vector, other: Vector) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return min(1.0, max(0.0, float(one @ other) / lengths)) if lengths else 0.0


def _nearness(one: Vector, other: Vector) -> float:
    return 1.0 / (1.0 + float(np.linalg.norm(one - other)))
