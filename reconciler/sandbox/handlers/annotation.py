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
from reconciler.sandbox.handlers import labels
from reconciler.sandbox.ids import check_resource_id, stamp
from reconciler.sandbox.places import places
from reconciler.sandbox.transaction import Filter, Row

STATUSES: Final = frozenset({24150, 24151, 24152, 24157, 24158, 24159})
"""What an annotation can be: the codes between are errors about one."""
_PERMISSION_DENIED: Final = 24156


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


def get_annotation(request: Any, context: Context) -> Any:
    """One annotation of one input."""
    row = _required(request.input_id, request.annotation_id, context)
    return service_pb2.SingleAnnotationResponse(status=ok(), annotation=load(row))


def _required(input_id: str, id_: str, context: Context) -> Row:
    """The annotation, be it somebody's or a model's."""
    row = context.tx.get(context.key("annotation", id_, input_id))
    row = row or context.tx.get(context.key("prediction", id_, input_id))
    return need(row, f"annotation_id of input '{input_id}':", id_)


def post_annotations(request: Any, context: Context) -> Any:
    """Add annotations by a person. They do not run the default workflow."""
    check_batch(request.annotations, "annotations")
    added = []
    for sent in request.annotations:
        annotation = _built(sent, context)
        if not insert(annotation, context):
            raise status.PlatformError(
                40010, f"duplicate annotation: '{annotation.id}' already exists"
            )
        added.append(context.created(annotation))
    return service_pb2.MultiAnnotationResponse(status=ok(), annotations=added)


def _built(sent: Any, context: Context) -> Any:
    if not sent.input_id:
        raise invalid("an annotation names no input_id")
    need(context.tx.get(context.key("input", sent.input_id)), "input_id", sent.input_id)
    annotation = resources_pb2.Annotation()
    annotation.CopyFrom(sent)
    annotation.id = check_resource_id(sent.id or context.world.ids.new(), "annotation id")
    annotation.user_id = _author(sent, context)
    annotation.worker.Clear()
    annotation.worker.user.id = annotation.user_id
    annotation.status.CopyFrom(
        status.make(check_status(sent.status.code) or status.ANNOTATION_SUCCESS)
    )
    annotation.trusted = True
    annotation.input_level = False
    _complete(annotation.data, context)
    return annotation


def _author(sent: Any, context: Context) -> str:
    """Whose annotation it is; the older field says it too."""
    worker = sent.worker
    if sent.model_version_id or worker.HasField("model") or worker.HasField("workflow"):
        raise status.PlatformError(
            _PERMISSION_DENIED,
            "only the platform writes annotations of a model or a workflow: name a user, or nobody",
        )
    if sent.user_id and worker.user.id and sent.user_id != worker.user.id:
        raise invalid(f"user_id '{sent.user_id}' is not worker.user.id '{worker.user.id}'")
    return context.real_user(worker.user.id or sent.user_id)


def _complete(data: Any, context: Context) -> None:
    """Fill in what the platform adds: concepts as the app knows them, the id of the region."""
    if len(data.regions) > 1:
        raise invalid(f"{len(data.regions)} regions in one annotation, the most is one")
    for place in places(data):
        for concept in place.concepts:
            if concept.app_id not in ("", context.scope.app):
                raise invalid(
                    f"concept '{concept.id}' is of app '{concept.app_id}', not of this one"
                )
    for region in data.regions:
        region.id = region.id or context.world.ids.new()
    labels.complete(data, context)


def invalid(details: str) -> status.PlatformError:
    """The error for a request about annotations that cannot be meant."""
    return status.PlatformError(status.ANNOTATION_INVALID_ARGUMENT, details)


def check_status(code: int) -> int:
    """The code itself if it is none or one that an annotation can have."""
    if code and code not in STATUSES:
        raise invalid(f"status code {code} is not one of an annotation")
    return code


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
                _PERMISSION_DENIED,
                f"annotation '{sent.id}' was made by a model and cannot be changed",
            )
        _change(annotation, sent, action, row, context)
        # Contract: an empty annotation goes only after a removal, and never the input-level one.
        empties = action == patching.REMOVE and request.delete_if_empty_data
        if empties and _says_nothing(annotation.data) and not row.flag:
            context.tx.delete(row)
        changed.append(annotation)
    return service_pb2.MultiAnnotationResponse(status=ok(), annotations=changed)


def _says_nothing(data: Any) -> bool:
    left = {field.name for field, _ in data.ListFields()}
    return left <= {"metadata"} and not data.metadata.fields


def _change(annotation: Any, sent: Any, action: str, row: Row, context: Context) -> None:
    if sent.HasField("data"):
        names = [field.name for field in sent.data.DESCRIPTOR.fields]
        _mean_the_region(annotation.data, sent.data, action)
        patching.apply(annotation.data, sent.data, action, names)
        if action == patching.REMOVE:
            labels.remove_place(annotation.data, sent.data)
        else:
            _complete(annotation.data, context)
    if action != patching.REMOVE:
        patching.apply(annotation, sent, action, ("annotation_info", "task_id"))
        if sent.status.code:
            annotation.status.CopyFrom(status.make(check_status(sent.status.code)))
    at = context.change(row, annotation, status=annotation.status.code)
    if row.flag:
        owner = context.tx.get(context.key("input", row.parent))
        labels.copy_to_input(annotation, need(owner, "input_id", row.parent), at, context)


def _mean_the_region(stored: Any, sent: Any, action: str) -> None:
    """A region that comes without an id is the one region of its annotation (the SDK's examples)."""
    if len(stored.regions) != 1 or len(sent.regions) != 1 or sent.regions[0].id:
        return
    region = sent.regions[0]
    region.id = stored.regions[0].id
    if action == patching.MERGE:
        target, names = stored.regions[0], [field.name for field, _ in region.ListFields()]
        patching.apply(target, region, patching.MERGE, [name for name in names if name == "data"])
        patching.apply(
            target, region, patching.OVERWRITE, [name for name in names if name != "data"]
        )
        sent.ClearField("regions")


def delete_annotation(request: Any, context: Context) -> Any:
    """Delete one annotation; not the input-level one, which goes with its input."""
    _delete(_required(request.input_id, request.annotation_id, context), context)
    return done()


def _delete(row: Row, context: Context) -> None:
    if row.flag:
        raise invalid(
            f"annotation '{row.id}' holds the labels of input '{row.parent}' itself and goes with it"
        )
    context.tx.delete(row)


def delete_annotations(request: Any, context: Context) -> Any:
    """Delete pairs of input and annotation, or all but the input-level ones of some inputs."""
    if not request.input_ids:
        raise invalid("the request names no input_ids")
    if request.ids and len(request.ids) != len(request.input_ids):
        raise invalid(
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
        Filter("kind", ("annotation", "prediction")),
        Filter("parent", tuple(request.input_ids)),
        Filter("flag", (0,)),
    )
    return done()


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
    "GetAnnotation": reads(get_annotation),
    "PostAnnotations": writes(post_annotations),
    "PatchAnnotations": writes(patch_annotations),
    "DeleteAnnotation": writes(delete_annotation),
    "DeleteAnnotations": writes(delete_annotations),
}
