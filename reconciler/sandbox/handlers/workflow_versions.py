"""The history of a workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clarifai_grpc.grpc.api import service_pb2

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
from reconciler.sandbox.handlers import lookup
from reconciler.sandbox.transaction import Filter, Key, Row, Scope

_PATCHABLE: Final = ("metadata", "description", "license", "visibility")


def _workflow(id_: str, context: Context) -> Row:
    return need(lookup.workflow(id_, context), "workflow_id", id_)


def list_versions(request: Any, context: Context) -> Any:
    """The versions of a workflow, newest first."""
    workflow = _workflow(request.workflow_id, context)
    page = context.page(request)
    rows = context.tx.select(
        "workflow_version",
        Scope(workflow.user, workflow.app),
        Filter("parent", (workflow.id,)),
        order="-created",
        offset=page.offset,
        limit=page.limit,
    )
    return service_pb2.MultiWorkflowVersionResponse(
        status=ok(), workflow_versions=list(map(load, rows))
    )


def get_version(request: Any, context: Context) -> Any:
    """One version."""
    workflow = _workflow(request.workflow_id, context)
    row = lookup.version_of_workflow(workflow, request.workflow_version_id, context)
    return service_pb2.SingleWorkflowVersionResponse(status=ok(), workflow_version=load(row))


def _own(id_: str, context: Context) -> Row:
    return need(context.tx.get(context.key("workflow", id_)), "workflow_id", id_)


def patch_versions(request: Any, context: Context) -> Any:
    """Change what is said of versions, never their nodes."""
    action = check_action(request.action, patching.MERGE, patching.OVERWRITE, patching.REMOVE)
    check_batch(request.workflow_versions, "workflow_versions")
    workflow = _own(request.workflow_id, context)
    changed = []
    for sent in request.workflow_versions:
        row = lookup.version_of_workflow(workflow, sent.id, context)
        version = load(row)
        patching.apply(
            version,
            sent,
            action,
            _PATCHABLE,
            drop_unsent=context.behaviour.overwrite_drops_unsent,
        )
        context.change(row, version)
        changed.append(version)
    return service_pb2.MultiWorkflowVersionResponse(status=ok(), workflow_versions=changed)


def delete_versions(request: Any, context: Context) -> Any:
    """Delete versions, but not the one that is current."""
    workflow = _own(request.workflow_id, context)
    check_batch(request.workflow_version_ids, "workflow_version_ids")
    current = load(workflow).version.id
    for id_ in dict.fromkeys(request.workflow_version_ids):
        row = lookup.version_of_workflow(workflow, id_, context)
        if id_ == current:
            raise status.PlatformError(
                status.WORKFLOW_INVALID_ARGUMENT,
                f"version '{id_}' is the current one of workflow '{workflow.id}'",
            )
        _refuse_default(workflow, id_, context)
        context.tx.delete(row)
    return done()


def _refuse_default(workflow: Row, version_id: str, context: Context) -> None:
    """Refuse to delete a version that an app runs by default."""
    for app_id in context.tx.apps_of(workflow.user):
        app = load(
            need(context.tx.get(Key("app", workflow.user, app_id, "", app_id)), "app", app_id)
        )
        default = app.default_workflow
        owner = (default.user_id, default.app_id, default.id, default.version.id)
        if owner == (workflow.user, workflow.app, workflow.id, version_id):
            raise status.PlatformError(
                status.WORKFLOW_INVALID_ARGUMENT,
                f"version '{version_id}' is what app '{app_id}' runs by default; give the app "
                "another one first",
            )


ENTRIES: Final[Mapping[str, Entry]] = {
    "ListWorkflowVersions": reads(list_versions),
    "GetWorkflowVersion": reads(get_version),
    "PatchWorkflowVersions": writes(patch_versions),
    "DeleteWorkflowVersions": writes(delete_versions),
}
