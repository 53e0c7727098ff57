"""Datasets: made, listed, changed and deleted, and the inputs that are put into them."""

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
    visibility,
    writes,
)
from reconciler.sandbox.handlers import listing, matching, membership
from reconciler.sandbox.ids import check_resource_id, stamp
from reconciler.sandbox.transaction import Filter

_DUPLICATE: Final = 40010
_DUPLICATE_INPUT: Final = 64101
_PATCHABLE: Final = ("description", "notes", "metadata", "visibility", "image")


def list_datasets(request: Any, context: Context) -> Any:
    """The app's datasets, last changed first."""
    if request.sort_by_relevance and not request.search:
        raise status.invalid("sort_by_relevance needs a search: without one nothing is relevant")
    page = context.page(request)
    rows = [] if request.starred_only or request.bookmark else _found(request, context)
    listed = rows[page.offset : page.offset + page.limit]
    return service_pb2.MultiDatasetResponse(status=ok(), datasets=listed)


def _found(request: Any, context: Context) -> list[Any]:
    rows = context.tx.select("dataset", context.scope, order=listing.order_of(request))
    found = []
    for dataset in map(load, rows):
        texts = (dataset.id, dataset.description, dataset.notes)
        score = matching.relevance(request.search, texts)
        if score and (not request.id or matching.pattern(request.id, (dataset.id,))):
            found.append((score, dataset))
    if request.sort_by_relevance:
        found.sort(key=lambda pair: pair[0], reverse=not request.sort_ascending)
    return [dataset for _, dataset in found]


def get_dataset(request: Any, context: Context) -> Any:
    """One dataset."""
    found = load(membership.dataset(request.dataset_id, context))
    return service_pb2.SingleDatasetResponse(status=ok(), dataset=found)


def post_datasets(request: Any, context: Context) -> Any:
    """Make datasets without inputs."""
    check_batch(request.datasets, "datasets")
    made = []
    for sent in request.datasets:
        at = context.world.clock.now()
        id_ = check_resource_id(sent.id or context.world.ids.new(), "dataset id")
        for name in ("default_annotation_filter", "default_processing_info"):
            if sent.HasField(name):
                raise status.PlatformError(
                    status.NOT_IMPLEMENTED, f"the sandbox has datasets without {name}"
                )
        kept = resources_pb2.Dataset(
            id=id_,
            created_at=stamp(at),
            modified_at=stamp(at),
            app_id=context.scope.app,
            user_id=context.scope.user,
            visibility=visibility(sent),
        )
        texts = [name for name in _PATCHABLE if name != "visibility"]
        patching.apply(kept, sent, patching.OVERWRITE, texts)
        if not context.tx.insert(context.key("dataset", id_), kept, at=at):
            raise status.PlatformError(_DUPLICATE, f"duplicate dataset: '{id_}' already exists")
        made.append(context.created(kept))
    return service_pb2.MultiDatasetResponse(status=ok(), datasets=made)


def patch_datasets(request: Any, context: Context) -> Any:
    """Change texts, metadata, visibility and image; ``remove`` takes away what is named."""
    action = check_action(request.action, patching.MERGE, patching.OVERWRITE, patching.REMOVE)
    check_batch(request.datasets, "datasets")
    changed = []
    for sent in request.datasets:
        row = membership.dataset(sent.id, context)
        kept = load(row)
        patching.apply(kept, sent, action, _PATCHABLE)
        context.change(row, kept)
        changed.append(kept)
    return service_pb2.MultiDatasetResponse(status=ok(), datasets=changed)


def delete_datasets(request: Any, context: Context) -> Any:
    """Delete datasets with their versions; the inputs stay."""
    check_batch(request.dataset_ids, "dataset_ids")
    for id_ in dict.fromkeys(request.dataset_ids):
        row = membership.dataset(id_, context)
        below = Filter("parent", (row.id,))
        versions = context.tx.select("dataset_version", context.scope, below)
        membership.forget_versions([version.id for version in versions], context)
        for member in context.tx.select(membership.MEMBER, context.scope, below):
            membership.remove(row.id, member, context)
        context.tx.delete_all(context.scope, Filter("kind", ("dataset_version",)), below)
        context.tx.delete(row)
    return done()


def list_dataset_inputs(request: Any, context: Context) -> Any:
    """The inputs of a dataset, last added first."""
    page = context.page(request)
    members = context.tx.select(
        membership.MEMBER,
        context.scope,
        Filter("parent", (membership.dataset(request.dataset_id, context).id,)),
        order="-created",
        offset=page.offset,
        limit=page.limit,
    )
    found = membership.shown(members, context)
    return service_pb2.MultiDatasetInputResponse(status=ok(), dataset_inputs=found)


def get_dataset_input(request: Any, context: Context) -> Any:
    """One input of a dataset."""
    dataset = membership.dataset(request.dataset_id, context)
    row = context.tx.get(context.key(membership.MEMBER, request.input_id, dataset.id))
    (found,) = membership.shown([need(row, "input_id", request.input_id)], context)
    return service_pb2.SingleDatasetInputResponse(status=ok(), dataset_input=found)


def post_dataset_inputs(request: Any, context: Context) -> Any:
    """Put inputs into a dataset: those that are named, or all of other datasets."""
    dataset = membership.dataset(request.dataset_id, context)
    if request.HasField("search"):
        for id_ in _merged(request.search, context):
            membership.add(dataset.id, id_, context)
        return service_pb2.MultiDatasetInputResponse(status=ok())
    check_batch(request.dataset_inputs, "dataset_inputs")
    for sent in request.dataset_inputs:
        row = need(context.tx.get(context.key("input", sent.input.id)), "input_id", sent.input.id)
        if not membership.add(dataset.id, row.id, context):
            raise status.PlatformError(
                _DUPLICATE_INPUT, f"input '{row.id}' already exists in dataset '{dataset.id}'"
            )
    rows = [
        context.tx.get(context.key(membership.MEMBER, sent.input.id, dataset.id))
        for sent in request.dataset_inputs
    ]
    found = membership.shown([row for row in rows if row], context)
    return service_pb2.MultiDatasetInputResponse(status=ok(), dataset_inputs=found)


def _merged(search: Any, context: Context) -> list[str]:
    """The inputs of the datasets that a search names; the one search that is understood here."""
    plain = resources_pb2.Search()
    found: dict[str, None] = {}
    for sent in search.query.filters:
        plain.query.filters.add().input.dataset_ids.extend(sent.input.dataset_ids)
        for id_ in sent.input.dataset_ids:
            found.update(
                dict.fromkeys(membership.ids(membership.dataset(id_, context).id, context))
            )
    if (not found and not search.query.filters) or plain != search:
        raise status.PlatformError(
            status.NOT_IMPLEMENTED,
            "the sandbox adds inputs to a dataset by a search for whole datasets alone "
            "(query.filters[].input.dataset_ids)",
        )
    return list(found)


def delete_dataset_inputs(request: Any, context: Context) -> Any:
    """Take inputs out of a dataset; they stay in the app."""
    dataset = membership.dataset(request.dataset_id, context)
    check_batch(request.input_ids, "input_ids")
    for id_ in dict.fromkeys(request.input_ids):
        row = context.tx.get(context.key(membership.MEMBER, id_, dataset.id))
        membership.remove(dataset.id, need(row, "input_id", id_), context)
    return done()


ENTRIES: Final[Mapping[str, Entry]] = {
    "ListDatasets": reads(list_datasets),
    "GetDataset": reads(get_dataset),
    "PostDatasets": writes(post_datasets),
    "PatchDatasets": writes(patch_datasets),
    "DeleteDatasets": writes(delete_datasets),
    "ListDatasetInputs": reads(list_dataset_inputs),
    "GetDatasetInput": reads(get_dataset_input),
    "PostDatasetInputs": writes(post_dataset_inputs),
    "DeleteDatasetInputs": writes(delete_dataset_inputs),
}
