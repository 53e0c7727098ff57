"""Workflows: a graph of pinned model versions (fact sheet, section 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2, service_pb2

from reconciler.sandbox import patching, status
from reconciler.sandbox.context import (
    PUBLIC,
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
from reconciler.sandbox.handlers import graph, images, listing, lookup, matching, renames
from reconciler.sandbox.handlers.apps import key_of
from reconciler.sandbox.ids import check_resource_id, stamp
from reconciler.sandbox.transaction import Filter, Key, Row, Scope

_TEXTS: Final = ("description", "notes", "metadata")
_PATCHABLE: Final = (*_TEXTS, "visibility", "use_cases", "check_consents", "image")


def list_workflows(request: Any, context: Context) -> Any:
    """The app's workflows, last changed first; its default one too, even if that is a public one."""
    page = context.page(request)
    scopes = [context.scope]
    if not context.scope.app:
        user = context.scope.user
        scopes = [Scope(user, app) for app in context.tx.apps_of(user)]
    if len(scopes) == 1 and listing.is_plain(request):
        rows = _page(scopes[0], request, page.offset, page.limit, context)
    else:
        listing.check(request)
        every = (row for scope in scopes for row in context.tx.select("workflow", scope))
        found = [item for item in listing.candidates(every, request) if _passes(item, request)]
        rows = listing.page_of(found, request, page, _texts)
    return service_pb2.MultiWorkflowResponse(status=ok(), workflows=list(map(load, rows)))


def _page(scope: Scope, request: Any, offset: int, limit: int, context: Context) -> list[Row]:
    order = listing.order_of(request)
    rows = context.tx.select("workflow", scope, order=order, offset=offset, limit=limit)
    if len(rows) < limit and context.behaviour.list_workflows_shows_foreign_default:
        foreign = _foreign_default(scope, context)
        if foreign is not None and offset <= context.tx.count("workflow", scope):
            rows.append(foreign)
    return rows


def _texts(workflow: Any) -> tuple[str, ...]:
    return (workflow.id, workflow.description, workflow.notes)


def _passes(item: listing.Found, request: Any) -> bool:
    texts = _texts(item.message)
    if request.id and not matching.pattern(request.id, texts[:1]):
        return False
    if request.query and not matching.words(request.query, texts):
        return False
    owned = (*texts, item.row.user)
    return not request.search_term or matching.relevance(request.search_term, owned) > 0


def _foreign_default(scope: Scope, context: Context) -> Row | None:
    app = context.tx.get(key_of(scope))
    if app is None:
        return None
    default = load(app).default_workflow
    if (default.user_id, default.app_id) == scope or not default.id:
        return None
    return context.tx.get(Key("workflow", default.user_id, default.app_id, "", default.id))


def get_workflow(request: Any, context: Context) -> Any:
    """One workflow."""
    row = need(lookup.workflow(request.workflow_id, context), "workflow_id", request.workflow_id)
    return service_pb2.SingleWorkflowResponse(status=ok(), workflow=load(row))


def post_workflows(request: Any, context: Context) -> Any:
    """Create workflows, each with its first version."""
    check_batch(request.workflows, "workflows")
    added = []
    for sent in request.workflows:
        id_ = check_resource_id(sent.id or context.world.ids.new(), "workflow id")
        if not sent.nodes:
            raise status.PlatformError(
                status.WORKFLOW_INVALID_ARGUMENT, f"workflow '{id_}' has no nodes"
            )
        at = context.world.clock.now()
        workflow = resources_pb2.Workflow(
            id=id_,
            app_id=context.scope.app,
            user_id=context.scope.user,
            created_at=stamp(at),
            modified_at=stamp(at),
            visibility=visibility(sent),
        )
        names = tuple(name for name in _PATCHABLE if name != "visibility")
        patching.apply(workflow, sent, patching.OVERWRITE, names)
        workflow.nodes.extend(graph.build(sent.nodes, context))
        _add_version(workflow, sent.version, at, context)
        if not context.tx.insert(context.key("workflow", id_), workflow, at=at):
            raise status.PlatformError(
                context.behaviour.duplicate_workflow_code,
                f"duplicate workflow: '{id_}' already exists",
            )
        added.append(context.created(workflow))
    return service_pb2.MultiWorkflowResponse(status=ok(), workflows=added)


def _add_version(workflow: Any, sent: Any, at: int, context: Context) -> None:
    version = resources_pb2.WorkflowVersion(
        id=context.world.ids.new(),
        workflow_id=workflow.id,
        created_at=stamp(at),
        modified_at=stamp(at),
        visibility=workflow.visibility,
        nodes=workflow.nodes,
        app_id=workflow.app_id,
        user_id=workflow.user_id,
        description=sent.description,
        license=sent.license,
    )
    if sent.HasField("metadata"):
        version.metadata.CopyFrom(sent.metadata)
    key = context.key("workflow_version", version.id, workflow.id)
    context.tx.insert(key, version, at=at)
    workflow.version.Clear()
    workflow.version.CopyFrom(
        resources_pb2.WorkflowVersion(
            id=version.id,
            workflow_id=workflow.id,
            created_at=version.created_at,
            modified_at=version.modified_at,
            visibility=version.visibility,
            app_id=version.app_id,
            user_id=version.user_id,
            description=version.description,
            license=version.license,
        )
    )


def patch_workflows(request: Any, context: Context) -> Any:
    """Change workflows. Other nodes are a new version; the rest of the object is not versioned."""
    action = check_action(request.action, patching.MERGE, patching.OVERWRITE, patching.REMOVE)
    check_batch(request.workflows, "workflows")
    changed = [_patch(sent, action, context) for sent in request.workflows]
    return service_pb2.MultiWorkflowResponse(status=ok(), workflows=changed)


def _patch(sent: Any, action: str, context: Context) -> Any:
    row = need(context.tx.get(context.key("workflow", sent.id)), "workflow_id", sent.id)
    workflow = load(row)
    at = context.world.clock.now()
    if action == patching.REMOVE:
        images.remove(workflow, sent)
    else:
        patching.apply(workflow, sent, action, _PATCHABLE)
        if context.behaviour.overwrite_drops_unsent and action == patching.OVERWRITE:
            patching.apply(workflow, sent, action, _TEXTS, drop_unsent=True)
        if sent.nodes:
            _patch_nodes(workflow, sent, action, at, context)
    workflow.modified_at.CopyFrom(stamp(at))
    context.tx.update(row, workflow, at=at)
    return workflow


def _patch_nodes(workflow: Any, sent: Any, action: str, at: int, context: Context) -> None:
    wanted = list(sent.nodes)
    if action == patching.MERGE:
        named = {node.id: node for node in sent.nodes}
        kept = [named.pop(node.id, node) for node in workflow.nodes]
        wanted = [*kept, *(node for node in sent.nodes if node.id in named)]
    nodes = graph.build(wanted, context)
    same = [node.SerializeToString(deterministic=True) for node in nodes] == [
        node.SerializeToString(deterministic=True) for node in workflow.nodes
    ]
    if same and not context.behaviour.identical_workflow_patch_mints_version:
        return
    workflow.ClearField("nodes")
    workflow.nodes.extend(nodes)
    _add_version(workflow, sent.version, at, context)


def patch_ids(request: Any, context: Context) -> Any:
    """Rename a workflow; apps whose default it is follow."""
    old, new = renames.pair(request, "workflow id")
    row = need(context.tx.get(context.key("workflow", old)), "workflow_id", old)
    if context.tx.get(context.key("workflow", new)):
        raise status.PlatformError(
            context.behaviour.duplicate_workflow_code,
            f"duplicate workflow: '{new}' already exists",
        )
    workflow = load(row)
    workflow.id = workflow.version.workflow_id = new
    context.change(row, workflow, id=new)
    renames.rename_workflow(context.scope, old, new, context)
    return service_pb2.MultiWorkflowResponse(status=ok(), workflows=[workflow])


def delete_workflow(request: Any, context: Context) -> Any:
    """Delete a workflow with its versions."""
    _delete(request.workflow_id, context)
    return done()


def delete_workflows(request: Any, context: Context) -> Any:
    """Delete workflows by id, or all of them."""
    for id_ in lookup.to_delete(request, "workflow", context):
        _delete(id_, context)
    return done()


def _delete(id_: str, context: Context) -> None:
    row = need(context.tx.get(context.key("workflow", id_)), "workflow_id", id_)
    _let_go(id_, context)
    context.tx.delete_all(
        context.scope, Filter("kind", ("workflow_version",)), Filter("parent", (id_,))
    )
    context.tx.delete(row)


def _let_go(id_: str, context: Context) -> None:
    """What becomes of apps whose default workflow is about to go."""
    for app_id in context.tx.apps_of(context.scope.user):
        row = context.tx.get(key_of(Scope(context.scope.user, app_id)))
        assert row is not None
        app = load(row)
        default = app.default_workflow
        if (default.user_id, default.app_id, default.id) != (*context.scope, id_):
            continue
        if context.behaviour.delete_default_workflow_refused:
            raise status.PlatformError(
                status.WORKFLOW_INVALID_ARGUMENT,
                f"workflow '{id_}' is the default workflow of app '{app_id}'; give the app "
                "another one first",
            )
        app.default_workflow_id = default.id = "Empty"
        default.ClearField("version")
        default.user_id, default.app_id = PUBLIC
        context.tx.update(row, app, at=context.world.clock.now())


ENTRIES: Final[Mapping[str, Entry]] = {
    "ListWorkflows": reads(list_workflows),
    "GetWorkflow": reads(get_workflow),
    "PostWorkflows": writes(post_workflows),
    "PatchWorkflows": writes(patch_workflows),
    "PatchWorkflowIds": writes(patch_ids),
    "DeleteWorkflow": writes(delete_workflow),
    "DeleteWorkflows": writes(delete_workflows),
}
