"""Searches over inputs and annotations, run at once or saved under an id.

A saved search is a row of kind ``search``; ``k1`` says by which method it was saved, and how it runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

from clarifai_grpc.grpc.api import resources_pb2, service_pb2

from reconciler.sandbox import patching, status
from reconciler.sandbox.context import (
    PUBLIC,
    Context,
    Entry,
    check_action,
    check_batch,
    computes,
    done,
    load,
    need,
    ok,
    reads,
    visibility,
    writes,
)
from reconciler.sandbox.handlers import hosting
from reconciler.sandbox.ids import check_resource_id, stamp
from reconciler.sandbox.searching import hits, query, ranks
from reconciler.sandbox.transaction import Row

Way: TypeAlias = Literal["inputs", "annotations", "old"]

_PATCHABLE: Final = ("name", "query", "algorithm", "min_value", "metric", "as_of", "visibility")


def post_inputs_searches(request: Any, context: Context) -> Any:
    """Search inputs, count hits, or save searches."""
    if request.only_count:
        return _counted(request.searches, context)
    return _post(request.searches, request.pagination, "inputs", context)


def post_annotations_searches(request: Any, context: Context) -> Any:
    """Search annotations, or save such searches."""
    return _post(request.searches, request.pagination, "annotations", context)


def post_searches(request: Any, context: Context) -> Any:
    """Search inputs in the old way, by ``query`` or by ``searches``."""
    searches = list(request.searches)
    if request.HasField("query"):
        if searches:
            raise query.bad("the request has both a query and searches")
        searches = [resources_pb2.Search(query=request.query)]
    return _post(searches, request.pagination, "old", context)


def _post(searches: Sequence[Any], pagination: Any, way: Way, context: Context) -> Any:
    if not searches:
        raise query.bad("the request names no searches")
    saved = [search for search in searches if search.save]
    if saved:
        # Contract: what is saved is not carried out.
        if len(saved) < len(searches):
            raise query.bad("some searches of the request are to be saved, others not")
        return _save(saved, way, context)
    if len(searches) > 1:
        raise query.bad(f"the sandbox runs one search in a request, not {len(searches)}")
    return _run(searches[0], pagination, way, context)


def _counted(searches: Sequence[Any], context: Context) -> Any:
    if not searches or any(search.save for search in searches):
        raise query.bad("only_count needs searches that are carried out")
    counts = [
        resources_pb2.HitCount(estimated_total=len(_find(search, "inputs", context)))
        for search in searches
    ]
    return service_pb2.MultiSearchResponse(
        status=ok(), id=context.world.ids.new(), searches=searches, hit_counts=counts
    )


def _find(search: Any, way: Way, context: Context) -> list[hits.Found]:
    asked = query.read(search, old=way == "old")
    sought = [ranks.sought_of(ranking, context) for ranking in asked.rankings]
    with context.reading():
        return hits.find(asked, sought, context, by_input=way != "annotations")


def _run(search: Any, pagination: Any, way: Way, context: Context) -> Any:
    page = context.page(pagination)
    found = _find(search, way, context)[page.offset : page.offset + page.limit]
    answer = service_pb2.MultiSearchResponse(
        status=ok(), id=context.world.ids.new(), query=search.query, searches=[search]
    )
    for item in found:
        answer.hits.add(
            score=item.score,
            input=hosting.add(item.input, item.sha256, context),
            annotation=item.annotation,
            user_id=context.scope.user,
            app_id=context.scope.app,
        )
    return answer


# --- saved searches -------------------------------------------------------------------------------


def _save(searches: Sequence[Any], way: Way, context: Context) -> Any:
    if context.scope == PUBLIC:
        raise status.missing("app_id", context.scope.app)
    for search in searches:
        query.read(search, old=way == "old")
    with context.world.store.write() as tx, context.using(tx):
        kept = [_insert(search, way, context) for search in searches]
    return service_pb2.MultiSearchResponse(
        status=ok(), searches=[context.created(search) for search in kept]
    )


def _insert(sent: Any, way: Way, context: Context) -> Any:
    at = context.world.clock.now()
    search = resources_pb2.Search()
    search.CopyFrom(sent)
    search.id = check_resource_id(sent.id or context.world.ids.new(), "search id")
    search.application_id = context.scope.app
    search.created_at.CopyFrom(stamp(at))
    search.modified_at.CopyFrom(stamp(at))
    search.visibility.CopyFrom(visibility(sent))
    if not context.tx.insert(context.key("search", search.id), search, at=at, k1=way):
        raise status.PlatformError(40010, f"duplicate search: '{search.id}' already exists")
    return search


def _saved(id_: str, context: Context) -> Row:
    return need(context.tx.get(context.key("search", id_)), "search_id", id_)


def list_searches(request: Any, context: Context) -> Any:
    """The app's saved searches, oldest first."""
    page = context.page(request)
    rows = context.tx.select("search", context.scope, offset=page.offset, limit=page.limit)
    return service_pb2.MultiSearchResponse(status=ok(), searches=list(map(load, rows)))


def get_search(request: Any, context: Context) -> Any:
    """One saved search."""
    return service_pb2.SingleSearchResponse(status=ok(), search=load(_saved(request.id, context)))


def post_searches_by_id(request: Any, context: Context) -> Any:
    """Carry out a saved search, in the way in which it was saved."""
    with context.reading():
        row = _saved(request.id, context)
    return _run(load(row), request.pagination, _WAYS[row.k1], context)


_WAYS: Final[Mapping[str, Way]] = {"inputs": "inputs", "annotations": "annotations", "old": "old"}


def patch_inputs_searches(request: Any, context: Context) -> Any:
    """Overwrite saved searches for inputs; the only action there is."""
    return _patch(request, "inputs", context)


def patch_annotations_searches(request: Any, context: Context) -> Any:
    """Overwrite saved searches for annotations; the only action there is."""
    return _patch(request, "annotations", context)


def patch_searches(request: Any, context: Context) -> Any:
    """Overwrite searches that were saved in the old way; the only action there is."""
    return _patch(request, "old", context)


def _patch(request: Any, way: Way, context: Context) -> Any:
    check_action(request.action, patching.OVERWRITE)
    check_batch(request.searches, "searches")
    changed = []
    for sent in request.searches:
        row = _saved(sent.id, context)
        if row.k1 != way:
            raise status.missing("search_id", sent.id)
        search = load(row)
        patching.apply(search, sent, patching.OVERWRITE, _PATCHABLE)
        query.read(search, old=way == "old")
        context.change(row, search)
        changed.append(search)
    return service_pb2.MultiSearchResponse(status=ok(), searches=changed)


def delete_search(request: Any, context: Context) -> Any:
    """Delete a saved search."""
    context.tx.delete(_saved(request.id, context))
    return done()


ENTRIES: Final[Mapping[str, Entry]] = {
    "PostInputsSearches": computes(post_inputs_searches),
    "PostAnnotationsSearches": computes(post_annotations_searches),
    "PostSearches": computes(post_searches),
    "PostSearchesByID": computes(post_searches_by_id),
    "PatchInputsSearches": writes(patch_inputs_searches),
    "PatchAnnotationsSearches": writes(patch_annotations_searches),
    "PatchSearches": writes(patch_searches),
    "ListSearches": reads(list_searches),
    "GetSearch": reads(get_search),
    "DeleteSearch": writes(delete_search),
}
