"""Apps, and above all which workflow is the default one of an app (fact sheet, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2, service_pb2

from reconciler.sandbox import keys, metadata_action, patching, status
from reconciler.sandbox.codec import struct_json
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
from reconciler.sandbox.handlers import images, listing, matching, renames
from reconciler.sandbox.ids import check_resource_id, stamp
from reconciler.sandbox.parsing import fill_struct
from reconciler.sandbox.transaction import Filter, Key, Row, Scope

_DETAILS: Final = (
    "name",
    "description",
    "notes",
    "metadata",
    "visibility",
    "image",
)
_PATCHABLE: Final = (*_DETAILS, "default_language", "sample_ms", "data_tier_id", "is_template")


def key_of(scope: Scope) -> Key:
    """Where an app is stored."""
    return Key("app", scope.user, scope.app, "", scope.app)


def _apps(context: Context) -> list[Row]:
    user = context.scope.user
    rows = (context.tx.get(key_of(Scope(user, app))) for app in context.tx.apps_of(user))
    return [row for row in rows if row is not None]


def list_apps(request: Any, context: Context) -> Any:
    """The user's apps, last changed first."""
    page = context.page(request)
    listing.check(request)
    found = [
        item
        for item in listing.candidates(_apps(context), request)
        if _passes(item.message, request)
    ]
    rows = listing.page_of(found, request, page, _texts)
    return service_pb2.MultiAppResponse(status=ok(), apps=list(map(load, rows)))


def _texts(app: Any) -> tuple[str, ...]:
    return (app.id, app.name, app.description, app.notes)


def _passes(app: Any, request: Any) -> bool:
    if request.template_only and not app.is_template.value:
        return False
    if request.id and not matching.pattern(request.id, (app.id,)):
        return False
    if request.name and not matching.pattern(request.name, (app.id, app.name, app.notes)):
        return False
    return not request.query or matching.words(request.query, _texts(app))


def search_apps(request: Any, context: Context) -> Any:
    """Apps by name or id; ``*`` stands for anything."""
    page = context.page(request.pagination)
    asked = service_pb2.ListAppsRequest()
    wanted = request.app_query.name or "*"
    found = [
        item
        for item in listing.candidates(_apps(context), asked)
        if matching.pattern(wanted, (item.message.id, item.message.name))
    ]
    rows = listing.page_of(found, asked, page, _texts)
    return service_pb2.MultiAppResponse(status=ok(), apps=list(map(load, rows)))


def get_app(request: Any, context: Context) -> Any:
    """One app."""
    row = need(context.tx.get(key_of(context.scope)), "app_id", context.scope.app)
    return service_pb2.SingleAppResponse(status=ok(), app=load(row))


def post_apps(request: Any, context: Context) -> Any:
    """Create apps for the user of the token, whatever user the request names."""
    check_batch(request.apps, "apps")
    added = []
    for sent in request.apps:
        at = context.world.clock.now()
        id_ = check_resource_id(sent.id or context.world.ids.new(), "app id")
        scope = Scope(context.caller.user, id_)
        app = resources_pb2.App(
            id=id_,
            name=sent.name or id_,
            default_language=sent.default_language or "en",
            user_id=scope.user,
            created_at=stamp(at),
            modified_at=stamp(at),
            visibility=visibility(sent),
        )
        patching.apply(app, sent, patching.OVERWRITE, _without(_PATCHABLE, "name", "visibility"))
        _set_default(app, *_default_sent(sent, scope, context, create=True))
        if not context.tx.insert(key_of(scope), app, at=at):
            raise status.PlatformError(
                context.behaviour.duplicate_app_code, f"duplicate app: '{id_}' already exists"
            )
        added.append(context.created(app))
    return service_pb2.MultiAppResponse(status=ok(), apps=added)


def _without(names: tuple[str, ...], *gone: str) -> tuple[str, ...]:
    return tuple(name for name in names if name not in gone)


def _set_default(app: Any, owner: Scope, id_: str, version_id: str) -> None:
    app.default_workflow_id = id_
    app.default_workflow.Clear()
    app.default_workflow.id = id_
    app.default_workflow.user_id, app.default_workflow.app_id = owner
    if version_id:
        app.default_workflow.version.id = version_id


def _default_sent(
    sent: Any, scope: Scope, context: Context, *, create: bool = False
) -> tuple[Scope, str, str]:
    """Owner, id and version of the workflow that a request wants; the object wins over the id."""
    reference = sent.default_workflow
    id_ = reference.id or sent.default_workflow_id
    if not id_ and create:
        return PUBLIC, "General" if context.world.legacy else "Universal", ""
    version_id = reference.version.id if reference.id else ""
    owners = [scope, PUBLIC]
    if reference.id and (reference.user_id or reference.app_id):
        app = reference.app_id or scope.app
        public = app == PUBLIC.app and not reference.user_id
        user = PUBLIC.user if public else context.real_user(reference.user_id)
        owners = [Scope(user, app)]
    elif not context.behaviour.app_workflow_shadows_public:
        owners.reverse()
    for owner in owners:
        if owner.user not in (scope.user, PUBLIC.user):
            continue
        row = context.tx.get(Key("workflow", *owner, "", id_))
        if row is None:
            continue
        if version_id:
            version = context.tx.get(Key("workflow_version", *owner, id_, version_id))
            need(version, "workflow version_id", version_id, code=status.WORKFLOW_MISSING)
        return owner, id_, version_id
    raise status.missing("workflow_id", id_, code=status.WORKFLOW_MISSING)


def _patch(row: Row, sent: Any, action: str, context: Context, request: Any = None) -> Any:
    app = load(row)
    scope = Scope(row.user, row.id)
    own_way = ("metadata",) if request is not None and request.metadata_action.op else ()
    if own_way:
        _patch_metadata(app, sent, request.metadata_action)
    if action == patching.REMOVE:
        images.remove(app, sent, besides=own_way)
    else:
        patching.apply(app, sent, patching.OVERWRITE, _without(_PATCHABLE, *own_way))
        if context.behaviour.overwrite_drops_unsent:
            texts = _without(("description", "notes", "metadata"), *own_way)
            patching.apply(app, sent, patching.OVERWRITE, texts, drop_unsent=True)
        if sent.default_workflow.id or sent.default_workflow_id:
            before = app.default_workflow.SerializeToString()
            _set_default(app, *_default_sent(sent, scope, context))
            if (
                request is not None
                and request.reindex
                and app.default_workflow.SerializeToString() != before
            ):
                _reindex(scope, context)
    context.change(row, app)
    return app


def _patch_metadata(app: Any, sent: Any, action: Any) -> None:
    """Metadata has an action of its own, which leaves ``action`` to all the rest (contract)."""
    changed = metadata_action.apply(
        struct_json(app.metadata),
        struct_json(sent.metadata),
        action.op,
        action.merge_conflict_resolution,
        action.path,
    )
    app.metadata.Clear()
    fill_struct(app.metadata, changed)


def _reindex(scope: Scope, context: Context) -> None:
    context.tx.drop_jobs(scope, Filter("kind", ("reindex",)))
    for name in ("reindexed", "reindex_errors"):
        context.tx.reset_counter(scope, name)
    for row in context.tx.select("input", scope, Filter("status", (status.INPUT_SUCCESS,))):
        context.tx.add_job("reindex", scope, "", row.id, due=context.world.clock.now())


def patch_apps(request: Any, context: Context) -> Any:
    """Change apps of the user; ``overwrite`` replaces fields, ``remove`` only takes the image."""
    action = check_action(request.action, patching.OVERWRITE, patching.REMOVE)
    check_batch(request.apps, "apps")
    changed = []
    for sent in request.apps:
        row = context.tx.get(key_of(Scope(context.scope.user, sent.id)))
        row = need(row, "app_id", sent.id)
        changed.append(_patch(row, sent, action, context, request))
    return service_pb2.MultiAppResponse(status=ok(), apps=changed)


def patch_app(request: Any, context: Context) -> Any:
    """Change the app of the path."""
    action = check_action(request.action, patching.OVERWRITE, patching.REMOVE)
    if request.app.id not in ("", context.scope.app):
        raise status.invalid(
            f"app id '{request.app.id}' is not the app of the path, '{context.scope.app}'"
        )
    row = need(context.tx.get(key_of(context.scope)), "app_id", context.scope.app)
    changed = _patch(row, request.app, action, context, request)
    return service_pb2.SingleAppResponse(status=ok(), app=changed)


def patch_details(request: Any, context: Context) -> Any:
    """Change name, texts, metadata, visibility and image alone."""
    action = check_action(request.action, patching.OVERWRITE, patching.REMOVE)
    check_batch(request.apps, "apps")
    changed = []
    for sent in request.apps:
        scope = Scope(context.scope.user, sent.id or context.scope.app)
        row = need(context.tx.get(key_of(scope)), "app_id", scope.app)
        details = resources_pb2.App()
        patching.apply(details, sent, patching.OVERWRITE, _DETAILS)
        changed.append(_patch(row, details, action, context))
    return service_pb2.MultiAppResponse(status=ok(), apps=changed)


def patch_ids(request: Any, context: Context) -> Any:
    """Rename an app, with everything in it."""
    old, new = renames.pair(request, "app id")
    scope = Scope(context.scope.user, old)
    need(context.tx.get(key_of(scope)), "app_id", old)
    if context.tx.get(key_of(Scope(scope.user, new))):
        raise status.PlatformError(
            context.behaviour.duplicate_app_code, f"duplicate app: '{new}' already exists"
        )
    renames.rename_app(scope, new, context)
    row = need(context.tx.get(key_of(Scope(scope.user, new))), "app_id", new)
    return service_pb2.MultiAppResponse(status=ok(), apps=[load(row)])


def delete_app(request: Any, context: Context) -> Any:
    """Delete an app with all that is in it, and the keys that were made for it."""
    context.tx.drop_jobs(context.scope)
    context.tx.delete_all(context.scope)
    for name in ("reindexed", "reindex_errors"):
        context.tx.reset_counter(context.scope, name)
    owned = Filter("k1", (context.scope.app,))
    for row in context.tx.select("key", Scope(context.scope.user, ""), owned):
        context.tx.update(row, load(row), flag=keys.GONE)
    return done()


def get_resource_counts(request: Any, context: Context) -> Any:
    """How many models, workflows and inputs the app has."""
    count = context.tx.count
    return service_pb2.GetResourceCountsResponse(
        status=ok(),
        models=count("model", context.scope),
        workflows=count("workflow", context.scope),
        inputs=count("input", context.scope),
    )


ENTRIES: Final[Mapping[str, Entry]] = {
    "ListApps": reads(list_apps),
    "PostAppsSearches": reads(search_apps),
    "GetApp": reads(get_app),
    "PostApps": writes(post_apps),
    "PatchApps": writes(patch_apps),
    "PatchApp": writes(patch_app),
    "PatchAppsDetails": writes(patch_details),
    "PatchAppsIds": writes(patch_ids),
    "DeleteApp": writes(delete_app),
    "GetResourceCounts": reads(get_resource_counts),
}
