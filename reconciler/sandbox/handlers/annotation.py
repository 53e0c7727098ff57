"""Annotations: what people, and writers of the default workflow, say of an input (fact sheet, 12).

A row's ``parent`` is the input, ``k1`` the author, ``k2`` the version of a model or workflow that
made it, ``status`` its status; ``flag`` is 1 for the input-level one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2, service_pb2

from reconciler.sandbox import patching, status
from reconciler.sandbox.context import (
    Context,
    Entry,
    check_action,
    check_batch,
    done,
    load,
    need,
    ok,
    reads,
    writes,
)
from reconciler.sandbox.handlers import concepts
from reconciler.sandbox.ids import check_resource_id, stamp
from reconciler.sandbox.transaction import Filter, Row

_DEFAULT_PAGE: Final = 20
_STATUSES: Final = range(24150, 24160)


def insert(annotation: Any, context: Context, *, maker: str = "") -> bool:
    """Store a new annotation; False if its id is taken on that input."""
    at = context.world.clock.now()
    annotation.created_at.CopyFrom(stamp(at))
    annotation.modified_at.CopyFrom(stamp(at))
    return context.tx.insert(
        context.key("annotation", annotation.id, annotation.input_id),
        annotation,
        at=at,
        status=annotation.status.code,
        k1=annotation.user_id,
        k2=maker,
        flag=int(annotation.input_level),
    )


def list_annotations(request: Any, context: Context) -> Any:
    """Annotations, oldest first. Author filters are alternatives to one another."""
    page = context.page(request, _DEFAULT_PAGE)
    filters = _filters(request)
    pairs = set(zip(request.input_ids, request.ids, strict=False))
    paired = bool(request.ids) and bool(request.input_ids)
    if paired and len(request.ids) != len(request.input_ids):
        raise status.invalid(
            f"{len(request.ids)} ids with {len(request.input_ids)} input_ids; with both given they "
            "are pairs"
        )
    if paired or request.task_id:
        rows = context.tx.select("annotation", context.scope, *filters)
        rows = [
            row
            for row in rows
            if (not paired or (row.parent, row.id) in pairs)
            and (not request.task_id or load(row).task_id == request.task_id)
        ][page.offset : page.offset + page.limit]
    else:
        rows = context.tx.select(
            "annotation", context.scope, *filters, offset=page.offset, limit=page.limit
        )
    return service_pb2.MultiAnnotationResponse(status=ok(), annotations=list(map(load, rows)))


def _filters(request: Any) -> list[Filter]:
    filters = []
    if request.ids:
        filters.append(Filter("id", tuple(request.ids)))
    if request.input_ids:
        filters.append(Filter("parent", tuple(request.input_ids)))
    if request.statuses:
        filters.append(Filter("status", tuple(item.code for item in request.statuses)))
    makers = (*request.model_version_ids, *request.workflow_version_ids)
    if request.user_ids:
        other = Filter("k2", makers) if makers else None
        filters.append(Filter("k1", tuple(request.user_ids), other=other))
    elif makers:
        filters.append(Filter("k2", makers))
    return filters


def get_annotation(request: Any, context: Context) -> Any:
    """One annotation of one input."""
    row = _required(request.input_id, request.annotation_id, context)
    return service_pb2.SingleAnnotationResponse(status=ok(), annotation=load(row))


def _required(input_id: str, id_: str, context: Context) -> Row:
    row = context.tx.get(context.key("annotation", id_, input_id))
    return need(row, f"annotation_id of input '{input_id}':", id_)


def post_annotations(request: Any, context: Context) -> Any:
    """Add annotations by a person. They do not run the default workflow."""
    check_batch(request.annotations, "annotations")
    added = []
    for sent in request.annotations:
        if not sent.input_id:
            raise _invalid("an annotation names no input_id")
        need(context.tx.get(context.key("input", sent.input_id)), "input_id", sent.input_id)
        if len(sent.data.regions) > 1:
            raise _invalid(f"{len(sent.data.regions)} regions in one annotation, the most is one")
        annotation = resources_pb2.Annotation()
        annotation.CopyFrom(sent)
        annotation.id = check_resource_id(sent.id or context.world.ids.new(), "annotation id")
        annotation.user_id = context.real_user(sent.user_id or sent.worker.user.id)
        annotation.worker.user.id = annotation.user_id
        annotation.status.CopyFrom(
            status.make(_status(sent.status.code) or status.ANNOTATION_SUCCESS)
        )
        annotation.trusted = True
        annotation.input_level = False
        _label(annotation.data, context)
        if not insert(annotation, context):
            raise status.PlatformError(
                40010, f"duplicate annotation: '{annotation.id}' already exists"
            )
        added.append(context.created(annotation))
    return service_pb2.MultiAnnotationResponse(status=ok(), annotations=added)


def _invalid(details: str) -> status.PlatformError:
    return status.PlatformError(status.ANNOTATION_INVALID_ARGUMENT, details)


def _status(code: int) -> int:
    if code and code not in _STATUSES:
        raise _invalid(f"status code {code} is not one of an annotation")
    return code


def _label(data: Any, context: Context) -> None:
    """Concepts of the annotation and of its region, as the app knows them."""
    places = [data, *(region.data for region in data.regions)]
    sent = [concept for place in places for concept in place.concepts]
    if not sent:
        return
    for concept in sent:
        if concept.app_id not in ("", context.scope.app):
            raise _invalid(f"concept '{concept.id}' is of app '{concept.app_id}', not of this one")
    known = concepts.ensure(sent, context)
    for place in places:
        enriched = [concepts.enrich(concept, known) for concept in place.concepts]
        place.ClearField("concepts")
        place.concepts.extend(enriched)


def patch_annotations(request: Any, context: Context) -> Any:
    """Change data, status and info of annotations; those that a model made cannot be changed."""
    action = check_action(request.action, patching.MERGE, patching.OVERWRITE, patching.REMOVE)
    check_batch(request.annotations, "annotations")
    changed = []
    for sent in request.annotations:
        row = _required(sent.input_id, sent.id, context)
        annotation = load(row)
        if annotation.worker.HasField("model"):
            raise status.PlatformError(
                24156, f"annotation '{sent.id}' was made by a model and cannot be changed"
            )
        _change(annotation, sent, action, row, context)
        empty = not annotation.data.ListFields()
        if request.delete_if_empty_data and empty and not row.flag:
            context.tx.delete(row)
        changed.append(annotation)
    return service_pb2.MultiAnnotationResponse(status=ok(), annotations=changed)


def _change(annotation: Any, sent: Any, action: str, row: Row, context: Context) -> None:
    if sent.HasField("data"):
        names = [field.name for field in sent.data.DESCRIPTOR.fields]
        patching.apply(annotation.data, sent.data, action, names)
        if action != patching.REMOVE:
            _label(annotation.data, context)
    if action != patching.REMOVE:
        patching.apply(annotation, sent, action, ("annotation_info", "task_id"))
        if sent.status.code:
            annotation.status.CopyFrom(status.make(_status(sent.status.code)))
    at = context.world.clock.now()
    annotation.modified_at.CopyFrom(stamp(at))
    context.tx.update(row, annotation, at=at, status=annotation.status.code)
    if row.flag:
        owner = context.tx.get(context.key("input", row.parent))
        kept = load(need(owner, "input_id", row.parent))
        for name in ("concepts", "metadata", "geo"):
            kept.data.ClearField(name)
        patching.apply(
            kept.data, annotation.data, patching.OVERWRITE, ("concepts", "metadata", "geo")
        )
        context.tx.update(need(owner, "input_id", row.parent), kept, at=at)


def delete_annotation(request: Any, context: Context) -> Any:
    """Delete one annotation; not the input-level one, which goes with its input."""
    _delete(_required(request.input_id, request.annotation_id, context), context)
    return done()


def _delete(row: Row, context: Context) -> None:
    if row.flag:
        raise _invalid(
            f"annotation '{row.id}' holds the labels of input '{row.parent}' itself and goes with it"
        )
    context.tx.delete(row)


def delete_annotations(request: Any, context: Context) -> Any:
    """Delete pairs of input and annotation, or all but the input-level ones of some inputs."""
    if not request.input_ids:
        raise _invalid("the request names no input_ids")
    if request.ids and len(request.ids) != len(request.input_ids):
        raise _invalid(
            f"{len(request.ids)} ids with {len(request.input_ids)} input_ids; they must be pairs"
        )
    if request.ids:
        for input_id, id_ in zip(request.input_ids, request.ids, strict=True):
            _delete(_required(input_id, id_, context), context)
        return done()
    for input_id in request.input_ids:
        need(context.tx.get(context.key("input", input_id)), "input_id", input_id)
    context.tx.delete_all(
        context.scope,
        Filter("kind", ("annotation",)),
        Filter("parent", tuple(request.input_ids)),
        Filter("flag", (0,)),
    )
    return done()


def patch_annotations_status(request: Any, context: Context) -> Any:
    """Set the status of all annotations of a task that have one of the named statuses."""
    check_action(request.action, patching.OVERWRITE)
    wanted = _status(request.status_code)
    if not wanted:
        raise _invalid("the request names no status_code")
    filters = []
    if request.status_codes:
        filters.append(Filter("status", tuple(request.status_codes)))
    if request.user_ids:
        filters.append(Filter("k1", tuple(request.user_ids)))
    changed = 0
    for row in context.tx.select("annotation", context.scope, *filters):
        annotation = load(row)
        if annotation.task_id != request.task_id:
            continue
        annotation.status.CopyFrom(status.make(wanted))
        context.tx.update(row, annotation, at=context.world.clock.now(), status=wanted)
        changed += 1
    return service_pb2.PatchAnnotationsStatusResponse(status=ok())


def list_workers(request: Any, context: Context) -> Any:
    """Who wrote annotations in this app."""
    page = context.page(request)
    users = {row.k1: None for row in context.tx.select("annotation", context.scope) if row.k1}
    workers = [resources_pb2.Worker(user=resources_pb2.User(id=user)) for user in users]
    return service_pb2.MultiWorkerResponse(
        status=ok(), workers=workers[page.offset : page.offset + page.limit]
    )


def write(effect: Any, input_id: str, maker: str, context: Context) -> list[Any]:
    """Store what a writer wants: one annotation for the concepts, one for each region."""
    pieces = []
    for region in effect.data.regions:
        pieces.append(resources_pb2.Data(regions=[region]))
    rest = resources_pb2.Data()
    rest.CopyFrom(effect.data)
    rest.ClearField("regions")
    if rest.ListFields():
        pieces.insert(0, rest)
    return [_written(effect, piece, input_id, maker, context) for piece in pieces]


def _written(effect: Any, data: Any, input_id: str, maker: str, context: Context) -> Any:
    annotation = resources_pb2.Annotation(
        id=context.world.ids.new(),
        input_id=input_id,
        data=data,
        user_id=effect.annotation_user_id or context.caller.user,
        status=status.make(effect.annotation_status),
        trusted=True,
        task_id=effect.task_id,
    )
    annotation.worker.user.id = annotation.user_id
    if effect.annotation_info:
        annotation.annotation_info.update(dict(effect.annotation_info))
    insert(annotation, context, maker=maker)
    return annotation


ENTRIES: Final[Mapping[str, Entry]] = {
    "ListAnnotations": reads(list_annotations),
    "GetAnnotation": reads(get_annotation),
    "PostAnnotations": writes(post_annotations),
    "PatchAnnotations": writes(patch_annotations),
    "PatchAnnotationsStatus": writes(patch_annotations_status),
    "DeleteAnnotation": writes(delete_annotation),
    "DeleteAnnotations": writes(delete_annotations),
    "ListAnnotationWorkers": reads(list_workers),
}
