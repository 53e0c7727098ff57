"""Keys of a user: made, listed, changed and deleted by requests. They work at once, as app keys do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2, service_pb2

from reconciler.sandbox import keys, patching, status
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
from reconciler.sandbox.ids import stamp
from reconciler.sandbox.transaction import Filter, Key, Row, Scope

_PATCHABLE: Final = ("description", "scopes", "endpoints", "expires_at")
_LIVE: Final = Filter("flag", (0,))


def _rows(context: Context, *filters: Filter) -> list[Row]:
    return context.tx.select("key", Scope(context.caller.user, ""), _LIVE, *filters)


def list_keys(request: Any, context: Context) -> Any:
    """The user's keys, each under its SHA-256, oldest first."""
    page, now = context.page(request), context.world.clock.now()
    found = [
        key
        for key in map(load, _rows(context))
        if request.type in ("", key.type)
        and set(request.scopes) <= set(key.scopes)
        and set(request.endpoints) <= set(key.endpoints)
        and not (request.not_expired and _is_over(key, now))
    ]
    return service_pb2.MultiKeyResponse(
        status=ok(), keys=found[page.offset : page.offset + page.limit]
    )


def _is_over(key: Any, now: int) -> bool:
    return bool(key.HasField("expires_at") and key.expires_at.ToMicroseconds() <= now)


def list_app_keys(request: Any, context: Context) -> Any:
    """The keys of one app."""
    page = context.page(request)
    rows = _rows(context, Filter("k1", (context.scope.app,)))[page.offset :][: page.limit]
    return service_pb2.MultiKeyResponse(status=ok(), keys=list(map(load, rows)))


def get_key(request: Any, context: Context) -> Any:
    """One key, asked for by itself or by its SHA-256."""
    return service_pb2.SingleKeyResponse(status=ok(), key=load(_find(request.key_id, context)))


def _find(id_: str, context: Context) -> Row:
    for kept in (id_, keys.digest(id_)):
        row = context.tx.get(keys.place(context.caller.user, kept))
        if row is not None and row.flag != keys.GONE:
            return row
    raise status.PlatformError(status.DOES_NOT_EXIST, "key_id not found; it is not repeated here")


def post_keys(request: Any, context: Context) -> Any:
    """Make keys. This answer alone shows them."""
    check_batch(request.keys, "keys")
    made = []
    for sent in request.keys:
        at, secret = context.world.clock.now(), context.world.ids.new()
        kept = resources_pb2.Key(
            id=keys.digest(secret),
            type=sent.type or keys.APP_KEY,
            description=sent.description,
            scopes=sent.scopes,
            endpoints=sent.endpoints,
            created_at=stamp(at),
        )
        if sent.HasField("expires_at"):
            kept.expires_at.CopyFrom(sent.expires_at)
        _settle_apps(kept, sent, context)
        _check(kept)
        place = keys.place(context.caller.user, kept.id)
        context.tx.insert(place, kept, at=at, k1=kept.apps[0].id if kept.apps else "")
        shown = resources_pb2.Key.FromString(kept.SerializeToString())
        shown.id = secret
        made.append(context.created(shown))
    return service_pb2.MultiKeyResponse(status=ok(), keys=made)


def _settle_apps(kept: Any, sent: Any, context: Context) -> None:
    if kept.type == keys.PERSONAL:
        if sent.apps:
            raise status.invalid("a personal_access_token is for all apps, it names none")
        return
    if kept.type != keys.APP_KEY:
        raise status.invalid(
            f"key type '{kept.type}' is not one of {keys.APP_KEY}, {keys.PERSONAL}"
        )
    if len(sent.apps) != 1:
        raise status.invalid(f"{len(sent.apps)} apps for one key, it must be exactly one")
    user, app = context.real_user(sent.apps[0].user_id), sent.apps[0].id
    if user != context.caller.user:
        raise status.missing("user_id", user)
    need(context.tx.get(Key("app", user, app, "", app)), "app_id", app)
    kept.apps.add(id=app, user_id=user)


def _check(key: Any) -> None:
    if not key.scopes and not key.endpoints:
        raise status.invalid("a key needs scopes or endpoints; the scope 'All' is all of them")
    for names, known, what in (
        (key.scopes, keys.scopes(), "scope"),
        (key.endpoints, keys.endpoints(), "endpoint"),
    ):
        unknown = [name for name in names if name not in known]
        if unknown:
            raise status.invalid(f"{what} '{unknown[0][:80]}' is not known")


def patch_keys(request: Any, context: Context) -> Any:
    """Change what keys allow, and until when."""
    check_action(request.action, patching.OVERWRITE)
    check_batch(request.keys, "keys")
    changed = []
    for sent in request.keys:
        row = _find(sent.id, context)
        key = load(row)
        patching.apply(key, sent, patching.OVERWRITE, _PATCHABLE)
        _check(key)
        context.tx.update(row, key, at=context.world.clock.now())
        changed.append(key)
    return service_pb2.MultiKeyResponse(status=ok(), keys=changed)


def delete_key(request: Any, context: Context) -> Any:
    """Delete a key. It stays known as deleted, so that it never passes for another token."""
    row = _find(request.key_id, context)
    context.tx.update(row, load(row), flag=keys.GONE)
    return done()


def my_scopes(request: Any, context: Context) -> Any:
    """What the token may do in the app of the request."""
    answer = service_pb2.MultiScopeResponse(status=ok())
    _tell_grants(answer, context)
    answer.app.id, answer.app.user_id = context.scope.app, context.scope.user
    return answer


def my_scopes_of_user(request: Any, context: Context) -> Any:
    """What a personal token may do."""
    answer = service_pb2.MultiScopeUserResponse(status=ok())
    _tell_grants(answer, context)
    return answer


def my_scopes_of_root(request: Any, context: Context) -> Any:
    """What a personal token may do, whoever's it is."""
    answer = service_pb2.MultiScopeRootResponse(status=ok())
    _tell_grants(answer, context)
    return answer


def _tell_grants(answer: Any, context: Context) -> None:
    grants = context.caller.grants
    granted = frozenset({keys.EVERYTHING}) if grants is None else grants
    everything = keys.EVERYTHING in granted
    answer.scopes.extend(name for name in keys.scopes() if everything or name in granted)
    answer.endpoints.extend(name for name in keys.endpoints() if everything or name in granted)


def list_scopes(request: Any, context: Context) -> Any:
    """Every scope and every method, with the scopes that they need."""
    return service_pb2.MultiScopeDepsResponse(
        status=ok(),
        scope_deps=[
            resources_pb2.ScopeDeps(scope=name, depending_scopes=needed)
            for name, needed in keys.scopes().items()
        ],
        endpoint_deps=[
            resources_pb2.EndpointDeps(endpoint=name, depending_scopes=needed)
            for name, needed in keys.endpoints().items()
        ],
    )


ENTRIES: Final[Mapping[str, Entry]] = {
    "ListKeys": reads(list_keys),
    "ListAppKeys": reads(list_app_keys),
    "GetKey": reads(get_key),
    "PostKeys": writes(post_keys),
    "PatchKeys": writes(patch_keys),
    "DeleteKey": writes(delete_key),
    "MyScopes": reads(my_scopes),
    "MyScopesUser": reads(my_scopes_of_user),
    "MyScopesRoot": reads(my_scopes_of_root),
    "ListScopes": reads(list_scopes),
}
