"""Models: what is said of them without their versions (fact sheet, section 8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2, service_pb2

from reconciler import catalogue
from reconciler.sandbox import patching, status
from reconciler.sandbox.context import (
    PUBLIC,
    Context,
    Entry,
    Page,
    check_action,
    check_batch,
    done,
    load,
    ok,
    reads,
    visibility,
    writes,
)
from reconciler.sandbox.handlers import images, listing, lookup, matching, renames, versions
from reconciler.sandbox.handlers.model_types import model_type
from reconciler.sandbox.ids import check_resource_id, stamp
from reconciler.sandbox.transaction import Filter, Row, Scope

_TEXTS: Final = ("description", "notes", "metadata", "presets", "task")
_FACTS: Final = ("creator", "source", "license_type")
_TAGS: Final = ("toolkits", "use_cases", "languages")
_LISTS: Final = (*_TAGS, "check_consents")
_PATCHABLE: Final = ("name", *_TEXTS, *_FACTS, *_LISTS, "visibility", "image", "display_name")
_DEFAULT_TYPE: Final = "embedding-classifier"
_TRAINED: Final = Filter("status", (status.MODEL_TRAINED,))


def shown(
    rows: Sequence[Row], context: Context, *, full: bool = False, trained: bool = False
) -> list[Any]:
    """Models with their newest version; ``full`` shows its configuration, lists hide it."""
    by_scope: dict[Scope, list[str]] = {}
    for row in rows:
        by_scope.setdefault(Scope(row.user, row.app), []).append(row.id)
    newest: dict[tuple[Scope, str], Row] = {}
    for scope, ids in by_scope.items():
        found = context.tx.newest_children(
            "model_version", scope, ids, *((_TRAINED,) if trained else ())
        )
        newest.update({(scope, id_): row for id_, row in found.items()})
    models = []
    for row in rows:
        model = load(row)
        version = newest.get((Scope(row.user, row.app), row.id))
        if version is not None:
            model.model_version.CopyFrom(
                versions.shown(load(version), context, full=full, listed=True)
            )
        models.append(model)
    return models


def list_models(request: Any, context: Context) -> Any:
    """The app's models (or all of the user's), last changed first, each with its newest version."""
    page = context.page(request)
    scopes = [context.scope]
    if not context.scope.app:
        user = context.scope.user
        scopes = [Scope(user, app) for app in context.tx.apps_of(user)]
    mixes = context.behaviour.list_models_mixes_public or context.world.legacy
    if mixes and not request.dont_fetch_from_main and PUBLIC not in scopes:
        scopes.append(PUBLIC)
    if len(scopes) == 1 and listing.is_plain(request):
        order = listing.order_of(request)
        rows = context.tx.select(
            "model", scopes[0], order=order, offset=page.offset, limit=page.limit
        )
    else:
        rows = _filtered(request, scopes, page, context)
    models = shown(
        rows,
        context,
        full=context.behaviour.lists_show_output_info,
        trained=request.trained_only,
    )
    if {"all", "counts"}.intersection(request.additional_fields):
        for row, model in zip(rows, models, strict=True):
            parents = Filter("parent", (row.id,))
            model.version_count = context.tx.count(
                "model_version", Scope(row.user, row.app), parents
            )
    return service_pb2.MultiModelResponse(status=ok(), models=models)


def _filtered(request: Any, scopes: Iterable[Scope], page: Page, context: Context) -> list[Row]:
    listing.check(request)
    found: list[listing.Found] = []
    newest: dict[Row, Row] = {}
    for scope in scopes:
        rows = context.tx.select("model", scope)
        if request.model_version_ids:
            wanted = Filter("id", tuple(request.model_version_ids))
            owners = {row.parent for row in context.tx.select("model_version", scope, wanted)}
            rows = [row for row in rows if row.id in owners]
        trained = (_TRAINED,) if request.trained_only else ()
        if trained or request.license or request.sort_by_num_inputs:
            ids = [row.id for row in rows]
            versions_of = context.tx.newest_children("model_version", scope, ids, *trained)
            newest.update((row, versions_of[row.id]) for row in rows if row.id in versions_of)
            rows = [row for row in rows if row in newest] if trained else rows
        found += [item for item in listing.candidates(rows, request) if _passes(item, request)]
    if request.license:
        found = [
            item
            for item in found
            if item.row in newest and load(newest[item.row]).license == request.license
        ]

    def inputs(row: Row) -> int:
        return load(newest[row]).total_input_count if row in newest else 0

    return listing.page_of(found, request, page, _texts, inputs)


def _texts(model: Any) -> tuple[str, ...]:
    return (model.id, model.name, model.description, model.notes)


def _passes(item: listing.Found, request: Any) -> bool:
    row, model = item
    canonical = catalogue.canonical_model_type
    if request.model_type_id and canonical(row.k1) != canonical(request.model_type_id):
        return False
    known = model_type(row.k1)
    if request.input_fields and not (known and set(request.input_fields) <= set(known.inputs)):
        return False
    if request.output_fields and not (known and set(request.output_fields) <= set(known.outputs)):
        return False
    if any(getattr(request, name) not in (0, "", getattr(model, name)) for name in _FACTS):
        return False
    for name in _TAGS:
        wanted = getattr(request, name)
        if wanted and not set(wanted).intersection(getattr(model, name)):
            return False
    if request.query and not matching.words(request.query, _texts(model)[:3]):
        return False
    named = (model.id, model.name, model.description)
    owner = (model.user_id,) if request.filter_by_user_id else ()
    return not request.name or matching.pattern(request.name, (*named, *owner))


def search_models(request: Any, context: Context) -> Any:
    """Models by name (``*`` stands for anything) and type, last changed first."""
    query, page = request.model_query, context.page(request.pagination)
    canonical = catalogue.canonical_model_type
    found = [
        listing.Found(row, model)
        for scope in ([context.scope, PUBLIC] if context.world.legacy else [context.scope])
        for row in context.tx.select("model", scope)
        if canonical(query.model_type_id) in ("", canonical(row.k1))
        and matching.pattern(query.name or "*", ((model := load(row)).name,))
    ]
    rows = listing.page_of(found, service_pb2.ListModelsRequest(), page, _texts)
    return service_pb2.MultiModelResponse(status=ok(), models=shown(rows, context))


def get_model(request: Any, context: Context) -> Any:
    """One model with its newest version, or the one that is asked for, its configuration hidden."""
    return _one(request, context, full=False)


def get_output_info(request: Any, context: Context) -> Any:
    """One model with the whole configuration of its newest or the named version."""
    return _one(request, context, full=True)


def _one(request: Any, context: Context, *, full: bool) -> Any:
    known_everywhere = context.caller.personal and context.behaviour.get_model_finds_public
    if known_everywhere or context.world.legacy:
        _look_around(request.model_id, context)
    row = lookup.model(request.model_id, context)
    if request.version_id:
        version = lookup.version(row.id, request.version_id, context)
        model = load(row)
        model.model_version.CopyFrom(versions.shown(load(version), context, full=full, listed=True))
    else:
        model = shown([row], context, full=full)[0]
    if full:
        model.output_info.CopyFrom(model.model_version.output_info)
    return service_pb2.SingleModelResponse(status=ok(), model=model)


def _look_around(id_: str, context: Context) -> None:
    """Go on in ``clarifai/main`` if the app has no model of this id."""
    own = context.scope
    if lookup.find_model(id_, context) is None:
        context.scope = PUBLIC
        if lookup.find_model(id_, context) is None:
            context.scope = own


def post_models(request: Any, context: Context) -> Any:
    """Create models. Without a version: that is a request of its own since January 2023."""
    sent_models = [request.model] if request.HasField("model") else []
    sent_models += list(request.models)
    check_batch(sent_models, "models")
    made = [_create(sent, context) for sent in sent_models]
    return service_pb2.SingleModelResponse(status=ok(), model=context.created(made[-1]))


def _create(sent: Any, context: Context) -> Any:
    id_ = check_resource_id(sent.id or context.world.ids.new(), "model id")
    type_id = sent.model_type_id or _DEFAULT_TYPE
    known = model_type(type_id)
    if known is None:
        raise status.PlatformError(
            status.MODEL_INVALID_ARGUMENT, f"model_type_id '{type_id}' is not a model type"
        )
    if not known.creatable:
        raise status.PlatformError(
            status.MODEL_INVALID_ARGUMENT, f"models of type '{type_id}' cannot be created"
        )
    at = context.world.clock.now()
    model = resources_pb2.Model(
        id=id_,
        name=sent.name or id_,
        created_at=stamp(at),
        modified_at=stamp(at),
        app_id=context.scope.app,
        user_id=context.scope.user,
        model_type_id=type_id,
        visibility=visibility(sent),
    )
    names = tuple(name for name in _PATCHABLE if name not in ("name", "visibility"))
    patching.apply(model, sent, patching.OVERWRITE, names)
    if not context.tx.insert(context.key("model", id_), model, at=at, k1=type_id):
        raise status.PlatformError(
            context.behaviour.duplicate_model_code, f"duplicate model: '{id_}' already exists"
        )
    if context.world.legacy:
        version = versions.create(
            model, resources_pb2.ModelVersion(output_info=sent.output_info), context, train=False
        )
        model.model_version.CopyFrom(versions.shown(version, context, full=True))
    return model


def patch_models(request: Any, context: Context) -> Any:
    """Change what is said of models. Never their type, never (but in legacy mode) their versions."""
    action = check_action(request.action, patching.MERGE, patching.OVERWRITE, patching.REMOVE)
    check_batch(request.models, "models")
    rows = []
    for sent in request.models:
        row = lookup.own_model(sent.id, context)
        model = load(row)
        if sent.model_type_id and sent.model_type_id != model.model_type_id:
            raise status.PlatformError(
                status.MODEL_INVALID_ARGUMENT,
                f"model '{sent.id}' is a '{model.model_type_id}': its type cannot be changed",
            )
        drops = context.behaviour.overwrite_drops_unsent
        if action == patching.REMOVE and sent.HasField("image"):
            images.remove(model, sent)
        else:
            names = _LISTS if action == patching.REMOVE else _PATCHABLE
            patching.apply(model, sent, action, names, drop_unsent=False)
        if drops and action == patching.OVERWRITE:
            patching.apply(model, sent, action, _TEXTS, drop_unsent=True)
        context.change(row, model)
        if context.world.legacy and sent.HasField("output_info"):
            versions.create_from_model(model, sent.output_info, action, context)
        rows.append(lookup.own_model(sent.id, context))
    return service_pb2.MultiModelResponse(status=ok(), models=shown(rows, context))


def patch_ids(request: Any, context: Context) -> Any:
    """Rename a model; workflow nodes follow."""
    old, new = renames.pair(request, "model id")
    row = lookup.own_model(old, context)
    if context.tx.get(context.key("model", new)):
        raise status.PlatformError(
            context.behaviour.duplicate_model_code, f"duplicate model: '{new}' already exists"
        )
    model = load(row)
    model.name = new if model.name == old else model.name
    model.id = new
    context.change(row, model, id=new)
    renames.rename_model(context.scope, old, new, context)
    changed = lookup.own_model(new, context)
    return service_pb2.MultiModelResponse(status=ok(), models=shown([changed], context))


def delete_model(request: Any, context: Context) -> Any:
    """Delete a model with its versions."""
    _delete(request.model_id, context)
    return done()


def delete_models(request: Any, context: Context) -> Any:
    """Delete models by id, or all of them."""
    for id_ in lookup.to_delete(request, "model", context):
        _delete(id_, context)
    return done()


def _delete(id_: str, context: Context) -> None:
    row = lookup.own_model(id_, context)
    for version in context.tx.select("model_version", context.scope, Filter("parent", (id_,))):
        versions.remove(version, context)
    context.tx.delete(row)


ENTRIES: Final[Mapping[str, Entry]] = {
    "ListModels": reads(list_models),
    "PostModelsSearches": reads(search_models),
    "GetModel": reads(get_model),
    "GetModelOutputInfo": reads(get_output_info),
    "PostModels": writes(post_models),
    "PatchModels": writes(patch_models),
    "PatchModelIds": writes(patch_ids),
    "DeleteModel": writes(delete_model),
    "DeleteModels": writes(delete_models),
}
