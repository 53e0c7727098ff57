"""Models, versions and workflows by what a request calls them."""

from __future__ import annotations

from typing import Any

from reconciler import catalogue
from reconciler.sandbox import status
from reconciler.sandbox.context import PUBLIC, Context, load, need
from reconciler.sandbox.transaction import Filter, Key, Row, Scope

_TRAINED = Filter("status", (status.MODEL_TRAINED,))


def own_model(id_: str, context: Context) -> Row:
    """A model that may be changed: of this app, under its very id."""
    row = context.tx.get(context.key("model", id_))
    if row is None:
        raise _missing_model(id_, context)
    return row


def to_delete(request: Any, kind: str, context: Context) -> list[str]:
    """The ids that are named, each once; with ``delete_all`` every one of the app."""
    if request.delete_all:
        return [row.id for row in context.tx.select(kind, context.scope)]
    ids = list(dict.fromkeys(request.ids))
    if not ids:
        raise status.invalid(f"the request names no {kind} ids; delete_all deletes every {kind}")
    return ids


def find_model(id_: str, context: Context) -> Row | None:
    """A model of the app. In ``clarifai/main`` the hash ids of before 2023 do as well."""
    return _model_in(context.scope, id_, context)


def model(id_: str, context: Context) -> Row:
    """The same, or the error for an absent one."""
    row = find_model(id_, context)
    if row is None:
        raise _missing_model(id_, context)
    return row


def version(model_id: str, version_id: str, context: Context) -> Row:
    """A version of a model of this app, or the error for an absent one."""
    row = context.tx.get(context.key("model_version", version_id, model_id))
    return need(row, "version_id", version_id, code=context.behaviour.missing_model_code)


def _missing_model(id_: str, context: Context) -> status.PlatformError:
    """The error for an absent model. The SDK makes one from YAML only if it reads these very words."""
    found = status.missing("model_id", id_, code=context.behaviour.missing_model_code)
    return status.PlatformError(found.code, f"{found.details} Model does not exist.")


def _model_in(scope: Scope, id_: str, context: Context) -> Row | None:
    if scope == PUBLIC:
        known = catalogue.public_model(id_)
        id_ = known.id if known else id_
    return context.tx.get(Key("model", *scope, "", id_))


def referred_model(reference: Any, context: Context) -> Row:
    """The model that a reference means: with an owner that one, else the app's, else a public one."""
    for scope in _owners(reference, context):
        row = _model_in(scope, reference.id, context)
        if row is not None:
            return row
    raise _missing_model(reference.id, context)


def _owners(reference: Any, context: Context) -> tuple[Scope, ...]:
    if not reference.user_id and not reference.app_id:
        return (context.scope, PUBLIC)
    app = reference.app_id or context.scope.app
    if app == PUBLIC.app and not reference.user_id:
        return (PUBLIC, Scope(context.scope.user, app))
    scope = Scope(context.real_user(reference.user_id), app)
    return (scope,) if scope.user in (context.caller.user, PUBLIC.user) else ()


def referred_version(row: Row, version_id: str, context: Context) -> Row:
    """The named version of a model, else its newest trained one; it must be trained."""
    scope = Scope(row.user, row.app)
    if version_id:
        key = Key("model_version", *scope, row.id, version_id.lower())
        found = need(
            context.tx.get(key),
            "model_version id",
            version_id,
            code=context.behaviour.missing_model_code,
        )
    else:
        newest = context.tx.newest_children("model_version", scope, [row.id], _TRAINED)
        if row.id not in newest:
            raise untrained(row.id, "")
        found = newest[row.id]
    if found.status != status.MODEL_TRAINED:
        raise untrained(row.id, version_id)
    return found


def untrained(model_id: str, version_id: str) -> status.PlatformError:
    """The error for a model that cannot run yet."""
    which = f"version '{version_id}' of model '{model_id}'" if version_id else f"model '{model_id}'"
    return status.PlatformError(
        status.WORKFLOW_UNTRAINED, f"{which} is not trained; only trained versions can run"
    )


def workflow(id_: str, context: Context) -> Row | None:
    """A workflow of the app, else a public one of that id (which comes first is a switch).

    No id means the app's default workflow (contract, GetWorkflowRequest).
    """
    if not id_:
        return _default_workflow(context)
    owners = [context.scope, PUBLIC]
    if not context.behaviour.app_workflow_shadows_public:
        owners.reverse()
    for scope in owners:
        row = context.tx.get(Key("workflow", *scope, "", id_))
        if row is not None:
            return row
    return None


def _default_workflow(context: Context) -> Row | None:
    app = context.tx.get(context.key("app", context.scope.app))
    default = load(app).default_workflow if app else None
    if default is None:
        return None
    return context.tx.get(Key("workflow", default.user_id, default.app_id, "", default.id))


def version_of_workflow(row: Row, version_id: str, context: Context) -> Row:
    """A version of a workflow by id."""
    key = Key("workflow_version", row.user, row.app, row.id, version_id)
    return need(context.tx.get(key), "workflow_version_id", version_id)
