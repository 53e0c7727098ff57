"""Which annotations and inputs pass a filter.

Documented: filters are and-ed, concepts of one filter are or-ed. That the other fields of one annotation
have to hold together is inferred from the contract's example ("annotated dog by this worker").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

from reconciler.sandbox import media
from reconciler.sandbox.places import places
from reconciler.sandbox.searching import geography
from reconciler.sandbox.transaction import Row

Test: TypeAlias = Callable[[Row, Any], bool]
Named: TypeAlias = Callable[[Any], frozenset[str]]
"""The ids that a concept of a search means."""

_SHAPES: Final = ("bounding_box", "mask", "point", "polygon", "span")


def annotation_test(wanted: Any, named: Named, *, all_keys: bool) -> Test:
    """Whether an annotation (its row and message) is as ``wanted`` says."""
    tests = [*_top_tests(wanted), *_data_tests(wanted, named, all_keys=all_keys)]
    return lambda row, annotation: all(test(row, annotation) for test in tests)


def _top_tests(wanted: Any) -> Iterator[Test]:
    worker = wanted.worker
    users = {wanted.user_id, worker.user.id} - {""}
    makers = {wanted.model_version_id, worker.model.model_version.id, worker.workflow.version.id}
    yield from (_by_user(user) for user in users)
    yield from (_by_maker(maker) for maker in makers - {""})
    if wanted.id:
        yield lambda row, _: row.id == wanted.id
    if wanted.input_id:
        yield lambda row, _: row.parent == wanted.input_id
    if wanted.task_id:
        yield lambda _, annotation: annotation.task_id == wanted.task_id
    if wanted.status.code:
        yield lambda row, _: row.status == wanted.status.code
    if wanted.input_level:
        yield lambda row, _: row.flag == 1
    if wanted.trusted:
        yield lambda _, annotation: annotation.trusted
    if wanted.annotation_info.fields:
        yield lambda _, annotation: holds(annotation.annotation_info, wanted.annotation_info)


def _by_user(user: str) -> Test:
    return lambda row, _: row.k1 == user


def _by_maker(version_id: str) -> Test:
    return lambda row, _: row.k2 == version_id


def _data_tests(wanted: Any, named: Named, *, all_keys: bool) -> Iterator[Test]:
    data = wanted.data
    if wanted.HasField("data") and not data.ListFields():
        # Contract: an empty object asks for what has no place in space or time.
        yield lambda _, one: not (one.data.regions or one.data.frames or one.data.time_segments)
    if data.concepts:
        concepts = [(named(item), item) for item in data.concepts]
        yield lambda _, one: any(
            _is_concept(found, ids, item) for found in _concepts(one) for ids, item in concepts
        )
    if data.clusters:
        clusters = {item.id for item in data.clusters}
        yield lambda _, one: any(item.id in clusters for item in one.data.clusters)
    if data.HasField("geo"):
        within = geography.within(data.geo)
        yield lambda _, one: one.data.geo.HasField("geo_point") and within(one.data.geo.geo_point)
    if data.metadata.fields:
        yield lambda _, one: holds(one.data.metadata, data.metadata, all_keys=all_keys)
    if data.HasField("text"):
        yield lambda _, one: one.data.HasField("text")
    if data.frames:
        yield lambda _, one: bool(one.data.frames)
    if data.time_segments:
        yield lambda _, one: bool(one.data.time_segments)
    for region in data.regions:
        yield from _region_tests(region)


def _region_tests(wanted: Any) -> Iterator[Test]:
    if wanted.track_id:
        yield lambda _, one: any(found.track_id == wanted.track_id for found in _regions(one))
    for shape in _SHAPES:
        if wanted.region_info.HasField(shape):
            yield _by_shape(shape)


def _by_shape(shape: str) -> Test:
    return lambda _, one: any(found.region_info.HasField(shape) for found in _regions(one))


def _concepts(annotation: Any) -> Iterator[Any]:
    return (concept for place in places(annotation.data) for concept in place.concepts)


def _regions(annotation: Any) -> Iterator[Any]:
    return (region for place in places(annotation.data) for region in place.regions)


def _is_concept(found: Any, ids: frozenset[str], wanted: Any) -> bool:
    """Whether a concept is the wanted one, with the wanted value.

    Contract: 1 is a positive label, 0 a negative one. Inferred: a writer's score above 0 is positive
    too, and a fraction asks for at least that much.
    """
    same = found.id in ids or (not wanted.id and found.name.casefold() == wanted.name.casefold())
    if not same or (wanted.app_id and found.app_id != wanted.app_id):
        return False
    if wanted.value == 0:
        return bool(found.value == 0)
    return bool(found.value > 0 if wanted.value == 1 else found.value >= wanted.value)


def holds(kept: Any, wanted: Any, *, all_keys: bool = True) -> bool:
    """Whether a ``Struct`` contains what another says: every key of it, or at least one."""
    found = (
        key in kept.fields and _contains(kept.fields[key], value)
        for key, value in wanted.fields.items()
    )
    return all(found) if all_keys else any(found)


def _contains(kept: Any, wanted: Any) -> bool:
    kind = wanted.WhichOneof("kind")
    if kind != kept.WhichOneof("kind"):
        return False
    if kind == "struct_value":
        return holds(kept.struct_value, wanted.struct_value)
    if kind == "list_value":
        return all(
            any(_contains(one, other) for one in kept.list_value.values)
            for other in wanted.list_value.values
        )
    return bool(kept == wanted)


def input_tests(wanted: Any) -> list[Test]:
    """What each field of ``wanted`` asks of an input; a medium without content asks for its kind."""
    return list(_input_tests(wanted))


def _input_tests(wanted: Any) -> Iterator[Test]:
    if wanted.id:
        yield lambda row, _: row.id == wanted.id
    if wanted.status.code:
        yield lambda row, _: row.status == wanted.status.code
    if wanted.dataset_ids:
        yield lambda _, one: not set(wanted.dataset_ids).isdisjoint(one.dataset_ids)
    kinds = [kind for kind in media.KINDS if wanted.data.HasField(kind)]
    url = wanted.data.image.url.strip()
    if url:
        yield lambda row, _: row.k1 == url
    elif kinds:
        yield lambda _, one: any(one.data.HasField(kind) for kind in kinds)


def in_time(times: Any, row: Row) -> bool:
    """Whether an annotation was last changed within a range, both ends included."""
    after = not times.HasField("start_time") or row.modified >= times.start_time.ToMicroseconds()
    before = not times.HasField("end_time") or row.modified <= times.end_time.ToMicroseconds()
    return after and before


def passes(tests: Iterable[Test], row: Row, message: Any) -> bool:
    """Whether all tests hold."""
    return all(test(row, message) for test in tests)
