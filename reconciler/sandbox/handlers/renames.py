"""New ids for apps, models and workflows, and for whatever names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from clarifai_grpc.grpc.api import resources_pb2
from google.protobuf.descriptor import Descriptor

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
    """Let versions, workflow nodes, annotations and whatever else follow a model's new id."""
    context.tx.rename_parent("model_version", scope, old, new)
    _follow(resources_pb2.Model.DESCRIPTOR, scope, old, new, context)


def rename_workflow(scope: Scope, old: str, new: str, context: Context) -> None:
    """Let versions, the apps' default workflows and annotations follow a workflow's new id."""
    context.tx.rename_parent("workflow_version", scope, old, new)

    def name_version(version: Any) -> bool:
        version.workflow_id = new if version.workflow_id == old else version.workflow_id
        return bool(version.workflow_id == new)

    rewrite("workflow_version", scope, context, name_version)
    _follow(resources_pb2.Workflow.DESCRIPTOR, scope, old, new, context)

    def name_default(app: Any) -> bool:
        default = app.default_workflow
        if (default.user_id, default.app_id, default.id) != (*scope, new):
            return False
        app.default_workflow_id = new
        return True

    for app in context.tx.apps_of(scope.user):
        rewrite("app", Scope(scope.user, app), context, name_default)


def _follow(of: Descriptor, scope: Scope, old: str, new: str, context: Context) -> None:
    """Put a new id wherever a stored message refers to an object by its old one."""
    kinds = [kind for kind, message in MESSAGES.items() if _reaches(message.DESCRIPTOR, of)]
    for app in context.tx.apps_of(scope.user):
        home = app == scope.app

        def change(message: Any, home: bool = home) -> bool:
            return _rename(message, of, scope, old, new, home=home)

        for kind in kinds:
            rewrite(kind, Scope(scope.user, app), context, change)


@cache
def _reaches(holder: Descriptor, wanted: Descriptor) -> bool:
    """Whether a message of one type can hold one of another, however deep."""
    seen: set[str] = set()
    found = [holder]
    while found:
        at = found.pop()
        if at.full_name == wanted.full_name:
            return True
        if at.full_name not in seen:
            seen.add(at.full_name)
            found += [field.message_type for field in at.fields if field.message_type is not None]
    return False


def _rename(message: Any, of: Descriptor, scope: Scope, old: str, new: str, *, home: bool) -> bool:
    """Rename references within a message; one that names no owner means the app that it is in."""
    hit = False
    if message.DESCRIPTOR.full_name == of.full_name and message.id == old:
        owner = (message.user_id or scope.user, message.app_id or (scope.app if home else ""))
        if owner == scope:
            message.id = new
            if "name" in of.fields_by_name and message.name == old:
                message.name = new
            hit = True
    for item in _inner(message):
        hit = _rename(item, of, scope, old, new, home=home) or hit
    return hit


def _inner(message: Any) -> Iterator[Any]:
    """The messages directly within a message, but for the libraries' own."""
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.full_name.startswith("google."):
            continue
        if not field.message_type.GetOptions().map_entry:
            yield from value if field.is_repeated else (value,)


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
    for item in _inner(message):
        hit = _replace(item, old, new) or hit
    return hit
