"""Model versions: the configuration of a model, pinned by workflow nodes (fact sheet, section 8.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    ok,
    reads,
    visibility,
    writes,
)
from reconciler.sandbox.handlers import evaluations, lookup, parameters
from reconciler.sandbox.handlers.model_types import model_type
from reconciler.sandbox.ids import stamp
from reconciler.sandbox.transaction import Filter, Key, Row, Scope

_HIDDEN: Final = "Show output_info with: GET /models/{model_id}/output_info"
_PATCHABLE: Final = ("visibility", "metadata", "license", "description")
_SORTS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "sort_by_status_code": lambda version: version.status.code,
    "sort_by_num_inputs": lambda version: version.total_input_count,
    "sort_by_description": lambda version: version.description.casefold(),
}
_NARROWS: Final = ("concept_ids", "min_replicas", *_SORTS)


def shown(version: Any, context: Context, *, full: bool, listed: bool = False) -> Any:
    """A version as an answer has it; unless ``full`` its configuration is replaced by a message."""
    if not full and version.HasField("output_info"):
        version.output_info.Clear()
    if not full:
        version.output_info.message = _HIDDEN
    if listed and not context.behaviour.lists_show_version_metadata:
        version.ClearField("metadata")
    if listed and not context.behaviour.lists_show_version_times:
        version.ClearField("created_at")
        version.ClearField("modified_at")
    return version


def list_versions(request: Any, context: Context) -> Any:
    """The versions of a model, newest first."""
    model = lookup.model(request.model_id, context)
    page = context.page(request)
    filters = [Filter("parent", (model.id,))]
    if request.trained_only:
        filters.append(Filter("status", (status.MODEL_TRAINED,)))
    order = "created" if request.sort_ascending else "-created"
    if any(getattr(request, name) for name in _NARROWS):
        every = context.tx.select("model_version", context.scope, *filters, order=order)
        rows = _narrowed(every, request)[page.offset : page.offset + page.limit]
    else:
        rows = context.tx.select(
            "model_version",
            context.scope,
            *filters,
            order=order,
            offset=page.offset,
            limit=page.limit,
        )
    full = context.behaviour.version_lists_show_output_info
    found = [shown(load(row), context, full=full, listed=True) for row in rows]
    return service_pb2.MultiModelVersionResponse(status=ok(), model_versions=found)


def _narrowed(rows: list[Row], request: Any) -> list[Row]:
    """Versions that know all the concepts asked for, in an order that the store does not know."""
    if request.min_replicas:
        return []  # nothing has replicas here
    wanted = set(request.concept_ids)
    found = [(row, load(row)) for row in rows]
    found = [
        (row, version)
        for row, version in found
        if wanted <= {concept.id for concept in version.output_info.data.concepts}
    ]
    for name, key in _SORTS.items():
        if getattr(request, name):
            found.sort(key=lambda pair: key(pair[1]), reverse=not request.sort_ascending)
            break
    return [row for row, _ in found]


def get_version(request: Any, context: Context) -> Any:
    """One version with its whole configuration."""
    model = lookup.model(request.model_id, context)
    row = lookup.version(model.id, request.version_id, context)
    return service_pb2.SingleModelVersionResponse(
        status=ok(), model_version=shown(load(row), context, full=True)
    )


def list_model_concepts(request: Any, context: Context) -> Any:
    """The concepts of a version, or of the newest one."""
    model = lookup.model(request.model_id, context)
    page = context.page(request)
    if request.version_id:
        row: Row | None = lookup.version(model.id, request.version_id, context)
    else:
        row = context.tx.newest_children("model_version", context.scope, [model.id]).get(model.id)
    found = list(load(row).output_info.data.concepts) if row else []
    wanted = request.search.casefold()
    found = [
        item for item in found if wanted in item.id.casefold() or wanted in item.name.casefold()
    ]
    return service_pb2.MultiConceptResponse(
        status=ok(), concepts=found[page.offset : page.offset + page.limit]
    )


def post_versions(request: Any, context: Context) -> Any:
    """Add versions: fixed-function types are ready at once, trainable ones are queued."""
    row = lookup.own_model(request.model_id, context)
    sent_versions = list(request.model_versions) or [resources_pb2.ModelVersion()]
    check_batch(sent_versions, "model_versions")
    model = load(row)
    for sent in sent_versions:
        if request.description and not sent.description:
            sent.description = request.description
        version = create(model, sent, context)
    model.model_version.CopyFrom(context.created(shown(version, context, full=True)))
    return service_pb2.SingleModelResponse(status=ok(), model=model)


def create(model: Any, sent: Any, context: Context, *, train: bool = True) -> Any:
    """Store a new version; queue its training if its type is trained and ``train`` says so."""
    known = model_type(model.model_type_id)
    assert known is not None
    at = context.world.clock.now()
    version = resources_pb2.ModelVersion(
        id=context.world.ids.new(),
        created_at=stamp(at),
        modified_at=stamp(at),
        description=sent.description,
        license=sent.license,
        visibility=visibility(sent),
        app_id=model.app_id,
        user_id=model.user_id,
    )
    if context.behaviour.post_keeps_version_metadata and sent.HasField("metadata"):
        version.metadata.CopyFrom(sent.metadata)
    for name in ("output_info", "input_info", "train_info"):
        if sent.HasField(name):
            getattr(version, name).CopyFrom(getattr(sent, name))
    if train and context.world.legacy and known.trainable and not sent.HasField("output_info"):
        _inherit(model, version, context)
    parameters.settle(version, known, context, lenient=not train)
    version.status.CopyFrom(status.make(_first_status(known.trainable, train)))
    if not known.trainable:
        version.completed_at.CopyFrom(stamp(at))
    version.active_concept_count = len(version.output_info.data.concepts)
    key = context.key("model_version", version.id, model.id)
    context.tx.insert(key, version, at=at, status=version.status.code)
    if known.trainable and train:
        due = at + context.behaviour.training_delay_ms * 1000
        context.tx.add_job("train", context.scope, model.id, version.id, due=due)
    touch_model(model, at, context)
    return version


def _first_status(trainable: bool, train: bool) -> int:
    if not trainable:
        return status.MODEL_TRAINED
    return status.MODEL_QUEUED if train else status.MODEL_UNTRAINED


def _inherit(model: Any, version: Any, context: Context) -> None:
    newest = context.tx.newest_children("model_version", context.scope, [model.id]).get(model.id)
    if newest is not None:
        version.output_info.CopyFrom(load(newest).output_info)


def create_from_model(model: Any, output_info: Any, action: str, context: Context) -> None:
    """Legacy: patching the configuration of a model makes a new version of it."""
    version = resources_pb2.ModelVersion()
    _inherit(model, version, context)
    sent = resources_pb2.ModelVersion(output_info=output_info)
    patching.apply(version, sent, patching.MERGE, ("output_info",))
    if action == patching.OVERWRITE and output_info.data.concepts:
        version.output_info.data.CopyFrom(output_info.data)
    if action == patching.REMOVE:
        gone = {concept.id for concept in output_info.data.concepts}
        kept = [item for item in version.output_info.data.concepts if item.id not in gone]
        version.output_info.data.ClearField("concepts")
        version.output_info.data.concepts.extend(kept)
    create(model, version, context, train=False)


def touch_model(model: Any, at: int, context: Context) -> None:
    """Move the model's modification time: a version was added, changed or removed."""
    row = context.tx.get(context.key("model", model.id))
    if row is None:
        return
    stored = load(row)
    stored.modified_at.CopyFrom(stamp(at))
    model.modified_at.CopyFrom(stamp(at))
    context.tx.update(row, stored, at=at)


def patch_versions(request: Any, context: Context) -> Any:
    """Change the few things of a version that may change; its id stays."""
    action = check_action(request.action, patching.MERGE, patching.OVERWRITE, patching.REMOVE)
    check_batch(request.model_versions, "model_versions")
    row = lookup.own_model(request.model_id, context)
    model = load(row)
    changed = [_patch(model, sent, action, context) for sent in request.model_versions]
    return service_pb2.MultiModelVersionResponse(status=ok(), model_versions=changed)


def _patch(model: Any, sent: Any, action: str, context: Context) -> Any:
    row = lookup.version(model.id, sent.id, context)
    version = load(row)
    known = model_type(model.model_type_id)
    assert known is not None
    drops = context.behaviour.overwrite_drops_unsent
    patching.apply(version, sent, action, _PATCHABLE, drop_unsent=drops)
    if not version.HasField("visibility"):
        version.visibility.CopyFrom(visibility(version))
    if sent.HasField("output_info"):
        _patch_output_info(version, sent, action, known.trainable, context)
        parameters.settle(version, known, context)
        version.active_concept_count = len(version.output_info.data.concepts)
    at = context.change(row, version)
    touch_model(model, at, context)
    return shown(version, context, full=True)


def _patch_output_info(
    version: Any, sent: Any, action: str, trainable: bool, context: Context
) -> None:
    before = sorted(concept.id for concept in version.output_info.data.concepts)
    names = ["output_config", "params", "fields_map"]
    if context.behaviour.version_patch_changes_concepts:
        names.append("data")
    patching.apply(version.output_info, sent.output_info, action, names)
    after = sorted(concept.id for concept in version.output_info.data.concepts)
    if trainable and before != after:
        raise status.PlatformError(
            status.MODEL_INVALID_ARGUMENT,
            f"the concepts that version '{version.id}' was trained on cannot be changed",
        )


def delete_version(request: Any, context: Context) -> Any:
    """Delete a version; workflow versions that pin it become deprecated."""
    row = lookup.own_model(request.model_id, context)
    remove(lookup.version(row.id, request.version_id, context), context)
    touch_model(load(row), context.world.clock.now(), context)
    return done()


def remove(row: Row, context: Context) -> None:
    """Delete a version with its background work, and mark the workflow versions that pin it."""
    context.tx.delete(row)
    context.tx.drop_jobs(context.scope, Filter("kind", ("train",)), Filter("id", (row.id,)))
    evaluations.remove_all(row, context)
    for app in context.tx.apps_of(context.scope.user):
        _deprecate(row.id, Scope(context.scope.user, app), context)


def _deprecate(version_id: str, scope: Scope, context: Context) -> None:
    """Mark the workflow versions of an app that pin a version, in their workflows as well."""
    for found in context.tx.select("workflow_version", scope):
        pinning = load(found)
        pins = {node.model.model_version.id for node in pinning.nodes}
        if version_id not in pins or pinning.is_deprecated:
            continue
        pinning.is_deprecated = True
        context.tx.update(found, pinning)
        row = context.tx.get(Key("workflow", *scope, "", found.parent))
        if row is not None:
            workflow = load(row)
            if workflow.version.id == found.id:
                workflow.version.is_deprecated = True
                context.tx.update(row, workflow)


ENTRIES: Final[Mapping[str, Entry]] = {
    "ListModelVersions": reads(list_versions),
    "GetModelVersion": reads(get_version),
    "ListModelConcepts": reads(list_model_concepts),
    "PostModelVersions": writes(post_versions),
    "PatchModelVersions": writes(patch_versions),
    "DeleteModelVersion": writes(delete_version),
}
