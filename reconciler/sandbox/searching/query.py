"""What a search asks for, checked: every field that it names is one that can be searched by.

The fields are those that the contract lists for filters and ranks, old (``ands``) and new; a search
that names another is refused (40002), since passing over it would answer a question nobody asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2

from reconciler.sandbox import status

SEARCH_INVALID: Final = 40002
_STRUCT: Final = "google.protobuf.Struct"
_ALGORITHMS: Final = ("", "nearest_neighbor", "brute_force")

# A ``*`` at the end takes everything below.
_FILTER: Final = (
    "annotation_info.*",
    "data",
    "data.clusters.id",
    "data.concepts.*",
    "data.frames.frame_info",
    "data.geo.*",
    "data.metadata.*",
    "data.regions.region_info.bounding_box",
    "data.regions.region_info.mask",
    "data.regions.region_info.point",
    "data.regions.region_info.polygon",
    "data.regions.region_info.span",
    "data.regions.track_id",
    "data.text",
    "data.time_segments.time_info",
    "id",
    "input_id",
    "input_level",
    "model_version_id",
    "status.code",
    "task_id",
    "trusted",
    "user_id",
    "worker.model.model_version.id",
    "worker.user.id",
    "worker.workflow.version.id",
)
_FILTER_INPUT: Final = (
    "data",
    "data.audio",
    "data.image",
    "data.text",
    "data.video",
    "dataset_ids",
    "id",
    "status.code",
)
_RANK: Final = (
    "data",
    "data.concepts.*",
    "data.embeddings.*",
    "data.image.allow_duplicate_url",
    "data.image.base64",
    "data.image.url",
    "data.text.raw",
    "input_id",
    "model_version_id",
)
# The old client sends an empty image beside the id of an input.
_OLD_INPUT: Final = (
    "data",
    "data.concepts.*",
    "data.geo.*",
    "data.image",
    "data.image.allow_duplicate_url",
    "data.image.url",
    "data.metadata.*",
    "dataset_ids",
    "id",
    "status.code",
)
_OLD_OUTPUT: Final = (
    "data",
    "data.clusters.id",
    "data.concepts.*",
    "data.image.base64",
    "data.image.url",
    "input.data.image",
    "input.data.image.allow_duplicate_url",
    "input.data.image.base64",
    "input.data.image.url",
    "input.id",
)
_OLD_ANNOTATION: Final = (*_FILTER, "data.image.url")


def bad(details: str) -> status.PlatformError:
    """The error for a search that cannot be meant, or not be carried out."""
    return status.PlatformError(SEARCH_INVALID, details)


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter. Of ``any_input`` one field has to hold, of ``annotation`` and the rest all."""

    annotation: Any
    all_input: Any
    any_input: Any
    times: Any
    negate: bool

    @property
    def is_about_annotations(self) -> bool:
        """Whether annotations have to be looked at."""
        return bool(self.annotation.ListFields()) or self.times is not None

    @property
    def is_about_models(self) -> bool:
        """Whether it asks for what models said, which nobody is shown otherwise."""
        one = self.annotation
        return bool(one.model_version_id or one.worker.HasField("model") or one.data.clusters)


@dataclass(frozen=True, slots=True)
class Ranking:
    """One thing that hits are ranked by."""

    annotation: Any
    negate: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A search as it will be carried out; ``as_of`` in microseconds."""

    conditions: tuple[Condition, ...]
    rankings: tuple[Ranking, ...]
    language: str
    min_value: float
    cosine: bool
    as_of: int | None


def read(search: Any, *, old: bool) -> Asked:
    """A search of the contract, checked; ``old`` ones may use ``ands``. Raises 40002."""
    query = search.query
    if query.ands and not old:
        raise bad("'ands' belong to the old /searches; here a query has 'filters' and 'ranks'")
    conditions, rankings = [], []
    for index, item in enumerate(query.filters):
        conditions.append(_filter(item, f"filters[{index}]"))
    for index, item in enumerate(query.ranks):
        _check(item.annotation, f"ranks[{index}].annotation", _RANK)
        rankings.append(Ranking(item.annotation, item.negate))
    for index, item in enumerate(query.ands):
        condition, ranking = _old(item, f"ands[{index}]")
        conditions.append(condition)
        rankings.append(ranking)
    return Asked(
        tuple(item for item in conditions if _says_something(item)),
        tuple(item for item in rankings if item.annotation.ListFields()),
        query.language,
        search.min_value,
        _is_cosine(search, old=old),
        search.as_of.ToMicroseconds() if search.HasField("as_of") else None,
    )


def _says_something(condition: Condition) -> bool:
    inputs = (condition.all_input, condition.any_input)
    return condition.is_about_annotations or any(item.ListFields() for item in inputs)


def _is_cosine(search: Any, *, old: bool) -> bool:
    """Contract: Euclidean is the default, and only brute force knows another metric."""
    if search.algorithm not in _ALGORITHMS:
        known = ", ".join(f"'{name}'" for name in _ALGORITHMS if name)
        raise bad(f"algorithm '{search.algorithm}' is not one that the sandbox has: {known}")
    cosine = bool(search.metric == resources_pb2.Search.Metric.COSINE_DISTANCE)
    if cosine and search.algorithm != "brute_force" and not old:
        raise bad("COSINE_DISTANCE needs the algorithm 'brute_force'")
    return cosine


def _filter(item: Any, where: str) -> Condition:
    _check(item.annotation, f"{where}.annotation", _FILTER)
    _check(item.input, f"{where}.input", _FILTER_INPUT)
    times = item.last_updated_time_range if item.HasField("last_updated_time_range") else None
    return Condition(item.annotation, resources_pb2.Input(), item.input, times, item.negate)


def _old(item: Any, where: str) -> tuple[Condition, Ranking]:
    """An ``And``: its input and annotation filter, its output ranks."""
    _check(item.input, f"{where}.input", _OLD_INPUT)
    _check(item.output, f"{where}.output", _OLD_OUTPUT)
    _check(item.annotation, f"{where}.annotation", _OLD_ANNOTATION)
    annotation, inputs = resources_pb2.Annotation(), resources_pb2.Input()
    annotation.CopyFrom(item.annotation)
    inputs.CopyFrom(item.input)
    for name in ("concepts", "metadata", "geo"):
        inputs.data.ClearField(name)
    if annotation.data.HasField("image"):
        inputs.data.image.CopyFrom(annotation.data.image)
        annotation.data.ClearField("image")
    labels = resources_pb2.Data()
    labels.CopyFrom(item.input.data)
    labels.ClearField("image")
    if labels.ListFields():
        # Contract: this searches the input's own labels, not what others said of it.
        annotation.data.MergeFrom(labels)
        annotation.input_level = True
    annotation.data.clusters.extend(item.output.data.clusters)
    for message in (annotation, inputs):
        if not message.data.ListFields():
            message.ClearField("data")
    ranked = resources_pb2.Annotation(input_id=item.output.input.id)
    ranked.data.concepts.extend(item.output.data.concepts)
    for image in (item.output.data.image, item.output.input.data.image):
        if image.ListFields():
            ranked.data.image.CopyFrom(image)
    if not ranked.data.ListFields():
        ranked.ClearField("data")
    condition = Condition(annotation, inputs, resources_pb2.Input(), None, item.negate)
    return condition, Ranking(ranked, item.negate)


def _check(message: Any, where: str, allowed: Iterable[str]) -> None:
    for path in _paths(message):
        if not any(_covers(pattern, path) for pattern in allowed):
            known = ", ".join(pattern.removesuffix(".*") for pattern in allowed)
            raise bad(f"{where}.{path} is nothing that can be searched by; what can be: {known}")


def _covers(pattern: str, path: str) -> bool:
    stem = pattern.removesuffix(".*")
    return path == stem or (stem != pattern and path.startswith(f"{stem}."))


def _paths(message: Any, before: str = "") -> Iterator[str]:
    """The fields that are set, down to those without further ones."""
    for field, value in message.ListFields():
        path = before + field.name
        kind = field.message_type
        if kind is None or kind.full_name == _STRUCT or kind.GetOptions().map_entry:
            yield path
            continue
        for item in value if field.is_repeated else (value,):
            inner = tuple(_paths(item, f"{path}."))
            yield from inner or (path,)
