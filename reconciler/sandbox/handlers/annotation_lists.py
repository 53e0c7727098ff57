"""Lists of annotations and of those who made them, and the status of many at once.

What models of the default workflow predicted is listed too, where a request asks for more than what
is trusted: it is kept as rows of kind ``prediction``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2, service_pb2

from reconciler.sandbox import patching, status
from reconciler.sandbox.context import Context, Entry, check_action, load, ok, reads, writes
from reconciler.sandbox.handlers.annotation import check_status, invalid
from reconciler.sandbox.ids import stamp
from reconciler.sandbox.transaction import Filter, Row

_TRUSTED: Final = ("annotation",)
_ALL: Final = ("annotation", "prediction")


def list_annotations(request: Any, context: Context) -> Any:
    """Annotations, oldest first. Author filters are alternatives to one another."""
    order = "-created" if context.behaviour.annotations_newest_first else "created"
    page = context.page(request, context.behaviour.annotations_per_page)
    filters = _filters(request, context)
    pairs = set(zip(request.input_ids, request.ids, strict=False))
    paired = bool(request.ids) and bool(request.input_ids)
    if paired and len(request.ids) != len(request.input_ids):
        raise status.invalid(
            f"{len(request.ids)} ids with {len(request.input_ids)} input_ids; with both given they "
            "are pairs"
        )
    if paired or request.task_id:
        rows = context.tx.select(None, context.scope, *filters, order=order)
        rows = [
            row
            for row in rows
            if (not paired or (row.parent, row.id) in pairs)
            and (not request.task_id or load(row).task_id == request.task_id)
        ][page.offset : page.offset + page.limit]
    else:
        rows = context.tx.select(
            None, context.scope, *filters, order=order, offset=page.offset, limit=page.limit
        )
    return service_pb2.MultiAnnotationResponse(
        status=ok(), annotations=[_shown(row, request) for row in rows]
    )


def _filters(request: Any, context: Context) -> list[Filter]:
    makers = (*request.model_version_ids, *request.workflow_version_ids)
    # Contract: whoever asks for workers asks for all annotations, not for the trusted alone.
    everything = request.list_all_annotations or makers or request.user_ids
    filters = [Filter("kind", _ALL if everything else _TRUSTED)]
    if request.ids:
        filters.append(Filter("id", tuple(request.ids)))
    if request.input_ids:
        filters.append(Filter("parent", tuple(request.input_ids)))
    if request.statuses:
        filters.append(Filter("status", tuple(item.code for item in request.statuses)))
    if request.user_ids:
        other = Filter("k2", makers) if makers else None
        users = tuple(map(context.real_user, request.user_ids))
        filters.append(Filter("k1", users, other=other))
    elif makers:
        filters.append(Filter("k2", makers))
    return filters


def _shown(row: Row, request: Any) -> Any:
    """An annotation as a list shows it: what a model said only to those who ask for it."""
    annotation = load(row)
    if row.kind == "prediction" and not request.return_model_output:
        annotation.ClearField("data")
    return annotation


def list_workers(request: Any, context: Context) -> Any:
    """Who made annotations in this app: people, and the model versions of its default workflow."""
    page = context.page(request)
    kinds = Filter("kind", _TRUSTED if request.trusted_only else _ALL)
    workers = list(_workers(context.tx.select(None, context.scope, kinds)))
    return service_pb2.MultiWorkerResponse(
        status=ok(), workers=workers[page.offset : page.offset + page.limit]
    )


def _workers(rows: list[Row]) -> Iterator[Any]:
    """Each worker once, in the order of their first annotations."""
    seen: set[tuple[str, str]] = set()
    for row in rows:
        who = ("user", row.k1) if row.kind == "annotation" else ("model", row.k2)
        if who in seen:
            continue
        seen.add(who)
        if row.kind == "prediction":
            yield load(row).worker
        elif row.k1:
            yield resources_pb2.Worker(user=resources_pb2.User(id=row.k1))


def patch_annotations_status(request: Any, context: Context) -> Any:
    """Set the status of all annotations of a task that have one of the named statuses."""
    check_action(request.action, patching.OVERWRITE)
    wanted = check_status(request.status_code)
    if not wanted:
        raise invalid("the request names no status_code")
    filters = []
    if request.status_codes:
        filters.append(Filter("status", tuple(request.status_codes)))
    if request.user_ids:
        filters.append(Filter("k1", tuple(map(context.real_user, request.user_ids))))
    users: dict[str, None] = {}
    changed = 0
    for row in context.tx.select("annotation", context.scope, *filters):
        annotation = load(row)
        if annotation.task_id != request.task_id:
            continue
        at = context.world.clock.now()
        annotation.status.CopyFrom(status.make(wanted))
        annotation.modified_at.CopyFrom(stamp(at))
        context.tx.update(row, annotation, at=at, status=wanted)
        users[row.k1] = None
        changed += 1
    return service_pb2.PatchAnnotationsStatusResponse(
        status=ok(), user_ids=users, updated_count=changed
    )


ENTRIES: Final[Mapping[str, Entry]] = {
    "ListAnnotations": reads(list_annotations),
    "ListAnnotationWorkers": reads(list_workers),
    "PatchAnnotationsStatus": writes(patch_annotations_status),
}
