"""Inputs: taken at once, processed in the background by the default workflow (fact sheet, 11).

A row's ``k1`` holds the URL, ``k2`` the SHA-256 of the bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2, service_pb2

from reconciler.sandbox import media, patching, status
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
from reconciler.sandbox.handlers import hosting, input_jobs, labels, membership
from reconciler.sandbox.ids import MAX_LENGTH, check_resource_id, stamp
from reconciler.sandbox.transaction import Beyond, Filter, Key, Row

_SUFFIX: Final = resources_pb2.SUFFIX
_STREAM_PAGE: Final = 20
_DUPLICATE_ID: Final = "Input has a duplicate ID."
"""What an input's own status says, to the letter: the SDK's uploads know duplicates by it."""
REINDEXED: Final = "reindexed"
REINDEX_ERRORS: Final = "reindex_errors"


def post_inputs(request: Any, context: Context) -> Any:
    """Take inputs. Each good one is stored and queued, each bad one says why in its own status."""
    check_batch(request.inputs, "inputs")
    taken: list[Any] = []
    resolution = request.input_id_conflict_resolution
    seen = _Seen(request.inputs, context)
    for sent in request.inputs:
        try:
            taken.append(_take(sent, seen, resolution, context))
        except status.PlatformError as error:
            taken.append(
                resources_pb2.Input(id=sent.id, status=status.make(error.code, error.details))
            )
    bad = [item for item in taken if item.status.code not in _GOOD]
    if bad and context.behaviour.input_batch_is_atomic:
        raise status.PlatformError(bad[0].status.code, _said_of(bad[0]))
    job = None
    if request.inputs_add_job_id:
        job = input_jobs.note(request.inputs_add_job_id, taken, len(bad), context)
    return service_pb2.MultiInputResponse(
        status=_envelope(len(bad), len(taken), bad), inputs=taken, inputs_add_job=job
    )


_GOOD: Final = frozenset(
    {status.INPUT_SUCCESS, status.INPUT_PENDING, status.INPUT_IN_PROGRESS, status.INPUT_FAILED}
)


def _envelope(bad: int, all_: int, items: Sequence[Any]) -> Any:
    if not bad:
        return ok()
    details = _said_of(items[0])
    if bad < all_:
        return status.make(status.MIXED, f"{bad} of {all_} inputs were refused: {details}")
    return status.make(status.FAILURE, details)


def _said_of(refused: Any) -> str:
    """Why an input was refused, for an envelope, where nothing else names it."""
    if refused.status.details == _DUPLICATE_ID:
        return f"duplicate input: id '{refused.id}' already exists"
    return str(refused.status.details)


class _Seen:
    """Which ids and URLs are taken: ``ids`` in the store, ``here`` earlier in the same request."""

    def __init__(self, sent: Sequence[Any], context: Context) -> None:
        ids = tuple(item.id for item in sent if item.id)
        urls = tuple(url for item in sent if (url := media.url_of(item.data)))
        select = context.tx.select
        self.ids = {row.id for row in select("input", context.scope, Filter("id", ids))}
        self.here: set[str] = set()
        self.urls = {row.k1 for row in select("input", context.scope, Filter("k1", urls))}


def _free_id(sent: Any, seen: _Seen, resolution: int, context: Context) -> str:
    """The id of a new input. Contract: SKIP, the default, calls a taken one an error; SUFFIX tries
    ``-1`` to ``-9`` and then a random ending, but not for an id that stands twice in one request.
    """
    id_ = check_resource_id(
        sent.id or context.world.ids.new(), "input id", code=status.INPUT_INVALID_REQUEST
    )
    if id_ not in seen.ids | seen.here:
        return id_
    if id_ in seen.here or resolution != _SUFFIX:
        raise status.PlatformError(status.INPUT_DUPLICATE, _DUPLICATE_ID)
    for ending in (*map(str, range(1, 10)), context.world.ids.new()[:8]):
        # An id that is as long as may be gives way to its ending.
        stem = id_[: MAX_LENGTH - 1 - len(ending)].rstrip("-_")
        longer = f"{stem}-{ending}"
        if longer not in seen.here and context.tx.get(context.key("input", longer)) is None:
            return longer
    raise status.PlatformError(status.INPUT_DUPLICATE, f"no suffix of id '{id_}' is free")


def _take(sent: Any, seen: _Seen, resolution: int, context: Context) -> Any:
    id_ = _free_id(sent, seen, resolution, context)
    kind = _check_medium(sent)
    url = media.url_of(sent.data)
    if url and url in seen.urls and not getattr(sent.data, kind).allow_duplicate_url:
        raise status.PlatformError(
            status.INPUT_DUPLICATE,
            f"duplicate input: url '{url}' already exists; allow_duplicate_url lets it in",
        )
    if sent.data.concepts and _has_detector(context):
        raise status.PlatformError(
            status.INPUT_INVALID_ARGUMENT,
            "the default workflow has a detector: label with annotations, not in the input",
        )
    membership.check(sent.dataset_ids, context)
    stored = _store(sent, id_, url, context)
    seen.here.update((id_, sent.id))
    seen.urls.add(url)
    return stored


def _check_medium(sent: Any) -> media.Kind:
    """The medium that an input is known by: of an image with a text it is the image."""
    kinds = [kind for kind in media.KINDS if sent.data.HasField(kind)]
    if len(kinds) != 1 and kinds != ["image", "text"]:
        which = " and ".join(kinds) or "no medium"
        raise status.PlatformError(
            status.INPUT_INVALID_ARGUMENT,
            "an input has one of image, video, audio or text, or an image with a text; "
            f"this one has {which}",
        )
    for kind in kinds:
        medium = getattr(sent.data, kind)
        content = medium.raw if kind == "text" else medium.base64
        if not content and not medium.url:
            raise status.PlatformError(
                status.INPUT_INVALID_ARGUMENT, f"the {kind} has neither a url nor content"
            )
    if len(kinds) > 1 and not sent.data.text.raw:
        raise status.PlatformError(
            status.INPUT_INVALID_ARGUMENT, "the text beside an image comes as raw, not by url"
        )
    return kinds[0]


def _default_workflow(context: Context) -> Any:
    """The app's default workflow; empty if it is gone."""
    app = load(need(context.tx.get(context.key("app", context.scope.app)), "app_id", ""))
    default = app.default_workflow
    row = context.tx.get(Key("workflow", default.user_id, default.app_id, "", default.id))
    return load(row) if row else resources_pb2.Workflow()


def _has_detector(context: Context) -> bool:
    nodes = _default_workflow(context).nodes
    return any("detector" in node.model.model_type_id for node in nodes)


def _default_version(context: Context) -> str:
    app = load(need(context.tx.get(context.key("app", context.scope.app)), "app_id", ""))
    return str(app.default_workflow.version.id or _default_workflow(context).version.id)


def _store(sent: Any, id_: str, url: str, context: Context) -> Any:
    at = context.world.clock.now()
    kept = resources_pb2.Input(
        id=id_,
        data=sent.data,
        created_at=stamp(at),
        modified_at=stamp(at),
        status=status.make(status.INPUT_PENDING),
        dataset_ids=dict.fromkeys(sent.dataset_ids),
    )
    content = media.take_bytes(kept.data)
    sha256 = media.digest(content) if content is not None else ""
    if content is not None and media.kind_of(kept.data) != "text":
        context.tx.put_media(sha256, content)
    labels.complete(kept.data, context)
    context.tx.insert(
        context.key("input", id_), kept, at=at, status=kept.status.code, k1=url, k2=sha256
    )
    labels.insert_own(kept, at, context)
    for dataset_id in kept.dataset_ids:
        membership.insert(dataset_id, id_, context)
    due = at + context.behaviour.input_delay_ms * 1000
    binding = _default_version(context) if context.behaviour.inputs_bind_when_posted else ""
    context.tx.add_job("input", context.scope, "", id_, due=due, binding=binding)
    return hosting.add(context.created(kept), sha256, context)


def list_inputs(request: Any, context: Context) -> Any:
    """The app's inputs, newest first."""
    page = context.page(request)
    filters = []
    if request.ids:
        filters.append(Filter("id", tuple(request.ids)))
    if request.status.code:
        filters.append(Filter("status", (request.status.code,)))
    rows = context.tx.select(
        "input",
        context.scope,
        *filters,
        order="-created",
        offset=page.offset,
        limit=page.limit,
    )
    failed = sum(row.status == status.INPUT_FAILED for row in rows)
    envelope = ok()
    if failed and context.behaviour.input_lists_report_failures:
        envelope = status.make(status.MIXED, f"{failed} of the listed inputs failed")
    return service_pb2.MultiInputResponse(
        status=envelope, inputs=[hosting.shown(row, context) for row in rows]
    )


def stream_inputs(request: Any, context: Context) -> Any:
    """One page of the app's inputs, oldest first or by id, going on behind ``last_id``."""
    page = context.page(service_pb2.ListInputsRequest(per_page=request.per_page), _STREAM_PAGE)
    filters = []
    if request.last_id:
        row = context.tx.get(context.key("input", request.last_id))
        last = need(row, "last_id", request.last_id)
        column, value = ("id", last.id) if request.order_by_id else ("seq", last.seq)
        filters.append(Beyond(column, value, backwards=request.descending))
    order = ("-" if request.descending else "") + ("id" if request.order_by_id else "created")
    rows = context.tx.select("input", context.scope, *filters, order=order, limit=page.limit)
    return service_pb2.MultiInputResponse(
        status=ok(), inputs=[hosting.shown(row, context) for row in rows]
    )


def get_input(request: Any, context: Context) -> Any:
    """One input."""
    row = need(context.tx.get(context.key("input", request.input_id)), "input_id", request.input_id)
    return service_pb2.SingleInputResponse(status=ok(), input=hosting.shown(row, context))


def patch_inputs(request: Any, context: Context) -> Any:
    """Change labels, metadata and place; the medium stays what it is."""
    action = check_action(request.action, patching.MERGE, patching.OVERWRITE, patching.REMOVE)
    check_batch(request.inputs, "inputs")
    changed = []
    for sent in request.inputs:
        row = need(context.tx.get(context.key("input", sent.id)), "input_id", sent.id)
        kept = load(row)
        same = _same_medium(sent, hosting.shown(row, context), row)
        if context.behaviour.patched_media_is_refused and not same:
            raise status.PlatformError(
                status.INPUT_INVALID_ARGUMENT,
                f"the medium of input '{sent.id}' cannot be changed: add another input",
            )
        patching.apply(
            kept.data,
            sent.data,
            action,
            labels.LABELS,
            drop_unsent=context.behaviour.overwrite_drops_unsent,
        )
        if action == patching.REMOVE:
            labels.remove_place(kept.data, sent.data)
        else:
            labels.complete(kept.data, context)
        labels.store(kept, row, context)
        shown = hosting.add(kept, row.k2, context)
        shown.status.CopyFrom(status.make(status.INPUT_MODIFIED))
        changed.append(shown)
    return service_pb2.MultiInputResponse(status=ok(), inputs=changed)


def _same_medium(sent: Any, kept: Any, row: Row) -> bool:
    """Whether a patch names no medium, or the one there is: who edits what GET showed sends it."""
    kind = media.kind_of(sent.data)
    if kind is None:
        return True
    if kind != media.kind_of(kept.data):
        return False
    new, old = getattr(sent.data, kind), getattr(kept.data, kind)
    if kind == "text":
        return new.raw in ("", old.raw) and new.url in ("", old.url)
    return new.url in ("", old.url) and (not new.base64 or media.digest(new.base64) == row.k2)


def delete_input(request: Any, context: Context) -> Any:
    """Delete an input with its annotations."""
    _delete(request.input_id, context)
    return done()


def delete_inputs(request: Any, context: Context) -> Any:
    """Delete up to 128 inputs by id."""
    check_batch(request.ids, "input ids")
    for id_ in dict.fromkeys(request.ids):
        _delete(id_, context)
    return done()


def _delete(id_: str, context: Context) -> None:
    row = need(context.tx.get(context.key("input", id_)), "input_id", id_)
    slow = context.behaviour.deletes_are_slow_ms
    if slow:
        due = context.world.clock.now() + slow * 1000
        context.tx.add_job("delete", context.scope, "", id_, due=due)
    else:
        remove(row, context)


def remove(row: Row, context: Context) -> None:
    """Take an input out, with its annotations and what was queued for it."""
    context.tx.delete(row)
    membership.forget_input(row.id, context)
    context.tx.delete_all(
        context.scope, Filter("kind", ("annotation", "prediction")), Filter("parent", (row.id,))
    )
    context.tx.drop_jobs(
        context.scope, Filter("kind", ("input", "reindex")), Filter("id", (row.id,))
    )


def get_input_count(request: Any, context: Context) -> Any:
    """How many inputs are in which state."""
    counts = context.tx.count_by_status("input", context.scope)
    jobs = Filter("kind", ("reindex",))
    count = resources_pb2.InputCount(
        processed=counts.get(status.INPUT_SUCCESS, 0),
        to_process=counts.get(status.INPUT_PENDING, 0),
        errors=counts.get(status.INPUT_FAILED, 0),
        processing=counts.get(status.INPUT_IN_PROGRESS, 0),
        reindexed=context.tx.counter(context.scope, REINDEXED),
        to_reindex=context.tx.count_jobs(context.scope, jobs, Filter("running", (0,))),
        reindex_errors=context.tx.counter(context.scope, REINDEX_ERRORS),
        reindexing=context.tx.count_jobs(context.scope, jobs, Filter("running", (1,))),
    )
    return service_pb2.SingleInputCountResponse(status=ok(), counts=count)


ENTRIES: Final[Mapping[str, Entry]] = {
    "PostInputs": writes(post_inputs),
    "ListInputs": reads(list_inputs),
    "StreamInputs": reads(stream_inputs),
    "GetInput": reads(get_input),
    "PatchInputs": writes(patch_inputs),
    "DeleteInput": writes(delete_input),
    "DeleteInputs": writes(delete_inputs),
    "GetInputCount": reads(get_input_count),
}
