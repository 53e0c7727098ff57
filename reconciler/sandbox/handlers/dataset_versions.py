"""Versions of datasets: what a dataset held at a moment. They are ready as soon as they are made."""

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
    ok,
    reads,
    visibility,
    writes,
)
from reconciler.sandbox.handlers import membership
from reconciler.sandbox.ids import check_resource_id, stamp
from reconciler.sandbox.transaction import Filter

_DUPLICATE: Final = 40010
_READY: Final = 64015
_PATCHABLE: Final = ("description", "metadata", "visibility")
_BEYOND_US: Final = ("annotation_filter_config", "model_predict_config", "processing_info")


def list_dataset_versions(request: Any, context: Context) -> Any:
    """The versions of a dataset, newest first."""
    page = context.page(request)
    filters = [Filter("parent", (membership.dataset(request.dataset_id, context).id,))]
    if request.request_origins:
        filters.append(Filter("flag", tuple(request.request_origins)))
    rows = context.tx.select(
        "dataset_version",
        context.scope,
        *filters,
        order="-created",
        offset=page.offset,
        limit=page.limit,
    )
    found = list(map(load, rows))
    return service_pb2.MultiDatasetVersionResponse(status=ok(), dataset_versions=found)


def get_dataset_version(request: Any, context: Context) -> Any:
    """One version."""
    row = membership.version(request.dataset_id, request.dataset_version_id, context)
    return service_pb2.SingleDatasetVersionResponse(status=ok(), dataset_version=load(row))


def post_dataset_versions(request: Any, context: Context) -> Any:
    """Keep what the dataset holds now as versions of it."""
    dataset = membership.dataset(request.dataset_id, context)
    check_batch(request.dataset_versions, "dataset_versions")
    made = []
    for sent in request.dataset_versions:
        for name in _BEYOND_US:
            if sent.HasField(name):
                raise status.PlatformError(
                    status.NOT_IMPLEMENTED,
                    f"the sandbox makes versions of whole datasets, without {name}",
                )
        at = context.world.clock.now()
        id_ = check_resource_id(sent.id or context.world.ids.new(), "dataset version id")
        origin = sent.request_origin or resources_pb2.DatasetVersionRequestOrigin.MANUAL
        kept = resources_pb2.DatasetVersion(
            id=id_,
            created_at=stamp(at),
            modified_at=stamp(at),
            app_id=context.scope.app,
            user_id=context.scope.user,
            dataset_id=dataset.id,
            status=status.make(_READY),
            visibility=visibility(sent),
            request_origin=origin,
        )
        patching.apply(kept, sent, patching.OVERWRITE, ("description", "metadata"))
        # In the whole app, since what they hold stands below their ids alone.
        if context.tx.select("dataset_version", context.scope, Filter("id", (id_,)), limit=1):
            raise status.PlatformError(
                _DUPLICATE, f"duplicate dataset version: '{id_}' already exists"
            )
        key = context.key("dataset_version", id_, dataset.id)
        context.tx.insert(key, kept, at=at, status=_READY, flag=origin)
        membership.freeze(dataset.id, id_, context)
        made.append(context.created(kept))
    return service_pb2.MultiDatasetVersionResponse(status=ok(), dataset_versions=made)


def patch_dataset_versions(request: Any, context: Context) -> Any:
    """Change description, metadata and visibility; what a version holds never changes."""
    action = check_action(request.action, patching.MERGE, patching.OVERWRITE, patching.REMOVE)
    check_batch(request.dataset_versions, "dataset_versions")
    changed = []
    for sent in request.dataset_versions:
        row = membership.version(request.dataset_id, sent.id, context)
        kept = load(row)
        patching.apply(kept, sent, action, _PATCHABLE)
        context.change(row, kept)
        changed.append(kept)
    return service_pb2.MultiDatasetVersionResponse(status=ok(), dataset_versions=changed)


def delete_dataset_versions(request: Any, context: Context) -> Any:
    """Delete versions of a dataset."""
    check_batch(request.dataset_version_ids, "dataset_version_ids")
    for id_ in dict.fromkeys(request.dataset_version_ids):
        row = membership.version(request.dataset_id, id_, context)
        context.tx.delete(row)
        membership.forget_versions([row.id], context)
    return done()


ENTRIES: Final[Mapping[str, Entry]] = {
    "ListDatasetVersions": reads(list_dataset_versions),
    "GetDatasetVersion": reads(get_dataset_version),
    "PostDatasetVersions": writes(post_dataset_versions),
    "PatchDatasetVersions": writes(patch_dataset_versions),
    "DeleteDatasetVersions": writes(delete_dataset_versions),
}
