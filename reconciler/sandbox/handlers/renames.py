"""New ids for apps, models and workflows, and for whatever names them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reconciler.sandbox import patching, status
from reconciler.sandbox.context import MESSAGES, Context, check_action, load
from reconciler.sandbox.ids import check_resource_id
from reconciler.sandbox.transaction import Filter, Scope


def pair(request: Any, what: str) -> tuple[str, str]:
    """The one old and new id that such a request may hold."""
    check_action(request.action, patching.OVERWRITE)
    if len(request.ids) != 1:
        raise status.invalid(f"{len(request.ids)} ids to change, it must be exactly one")
    change = request.ids[0]
    return change.id, check_resource_id(change.new_id, what)


def rewrite(kind: str, scope: Scope, context: Context, change: Callable[[Any], bool]) -> None:
    """Store anew those objects of a kind that ``change`` says it changed."""
    for row in context.tx.select(kind, scope):
        message = load(row)
        if change(message):
            context.tx.update(row, message)


def rename_model(scope: Scope, old: str, new: str, context: Context) -> None:
    """Let versions and workflow nodes follow a model's new id."""
    context.tx.rename_parent("model_version", scope, old, new)

    def change(holder: Any) -> bool:
        hits = [
            node
            for node in holder.nodes
            if (node.model.user_id, node.model.app_id, node.model.id) == (*scope, old)
        ]
        for node in hits:
            node.model.name = new if node.model.name == old else node.model.name
            node.model.id = new
        return bool(hits)

    for kind in ("workflow", "workflow_version"):
        for app in context.tx.apps_of(scope.user):
            rewrite(kind, Scope(scope.user, app), context, change)


def rename_workflow(scope: Scope, old: str, new: str, context: Context) -> None:
    """Let versions and the apps' default workflows follow a workflow's new id."""
    context.tx.rename_parent("workflow_version", scope, old, new)

    def name_version(version: Any) -> bool:
        version.workflow_id = new if version.workflow_id == old else version.workflow_id
        return bool(version.workflow_id == new)

    rewrite("workflow_version", scope, context, name_version)

    def name_default(app: Any) -> bool:
        default = app.default_workflow
        if (default.user_id, default.app_id, default.id) != (*scope, old):
            return False
        default.id = app.default_workflow_id = new
        return True

    for app in context.tx.apps_of(scope.user):
        rewrite("app", Scope(scope.user, app), context, name_default)


def rename_app(scope: Scope, new: str, context: Context) -> None:
    """Move everything of an app, and put the new id wherever a stored message names the old one."""
    context.tx.rename_app(scope, new)
    moved = Scope(scope.user, new)

    def name_app(app: Any) -> bool:
        app.id = new
        return True

    rewrite("app", moved, context, name_app)
    for row in context.tx.select("app", moved):
        context.tx.update(row, load(row), id=new)

    for row in context.tx.select("key", Scope(scope.user, ""), Filter("k1", (scope.app,))):
        key = load(row)
        key.apps[0].id = new
        context.tx.update(row, key, k1=new)

    def change(message: Any) -> bool:
        return _replace(message, scope, new)

    for app in context.tx.apps_of(scope.user):
        for kind in MESSAGES:
            rewrite(kind, Scope(scope.user, app), context, change)


def _replace(message: Any, old: Scope, new: str) -> bool:
    hit = False
    names = message.DESCRIPTOR.fields_by_name
    if "app_id" in names and message.app_id == old.app:
        owner = message.user_id if "user_id" in names else old.user
        if owner in ("", old.user):
            message.app_id = new
            hit = True
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.full_name.startswith("google."):
            continue
        if field.message_type.GetOptions().map_entry:
            continue
        for item in value if field.is_repeated else (value,):
            hit = _replace(item, old, new) or hit
    return hit
