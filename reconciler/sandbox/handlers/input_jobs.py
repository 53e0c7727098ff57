"""Jobs that count inputs as they are added: the official SDK waits for its uploads with them.

Its inputs are rows of kind ``inputs_add_item`` below it, without a body; how many are done is counted
from the inputs themselves when somebody asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2, service_pb2

from reconciler.sandbox import status
from reconciler.sandbox.context import Context, Entry, load, need, ok, reads, writes
from reconciler.sandbox.ids import check_resource_id, stamp
from reconciler.sandbox.transaction import Filter, Row

_JOB: Final = "inputs_add_job"
_ITEM: Final = "inputs_add_item"
_RUNNING: Final = 64001
_COMPLETED: Final = 64002
_CANCELLED: Final = 64004
_SHARE: Final = 500


def note(id_: str, taken: Sequence[Any], refused: int, context: Context) -> Any:
    """Count inputs that a request added, or failed to add, in the job of this id; made if absent."""
    check_resource_id(id_, "inputs_add_job_id")
    at = context.world.clock.now()
    key = context.key(_JOB, id_)
    if context.tx.get(key) is None:
        made = resources_pb2.InputsAddJob(id=id_, created_at=stamp(at), modified_at=stamp(at))
        context.tx.insert(key, made, at=at)
    row = need(context.tx.get(key), "inputs_add_job_id", id_)
    job = load(row)
    job.modified_at.CopyFrom(stamp(at))
    job.progress.failed_count += refused
    context.tx.update(row, job, at=at)
    for item in taken:
        if item.status.code == status.INPUT_PENDING:
            context.tx.insert(context.key(_ITEM, item.id, id_), resources_pb2.Input(), at=at)
    return _counted(row, job, context)


def _counted(row: Row, job: Any, context: Context) -> Any:
    """The job with its counts as they are now; inputs that are gone again count as done."""
    items = context.tx.select(_ITEM, context.scope, Filter("parent", (row.id,)))
    ids = [item.id for item in items]
    by_status: dict[int, int] = {}
    for start in range(0, len(ids), _SHARE):
        share = Filter("id", tuple(ids[start : start + _SHARE]))
        for found in context.tx.select("input", context.scope, share):
            by_status[found.status] = by_status.get(found.status, 0) + 1
    progress = job.progress
    progress.pending_count = by_status.get(status.INPUT_PENDING, 0)
    progress.in_progress_count = by_status.get(status.INPUT_IN_PROGRESS, 0)
    failed = by_status.get(status.INPUT_FAILED, 0)
    waiting = progress.pending_count + progress.in_progress_count
    progress.success_count = len(ids) - failed - waiting
    progress.failed_count += failed
    code = _RUNNING if waiting else _COMPLETED
    job.status.CopyFrom(status.make(job.status.code or code))
    return job


def get_job(request: Any, context: Context) -> Any:
    """One job."""
    row = need(context.tx.get(context.key(_JOB, request.id)), "inputs_add_job_id", request.id)
    return service_pb2.SingleInputsAddJobResponse(
        status=ok(), inputs_add_job=_counted(row, load(row), context)
    )


def list_jobs(request: Any, context: Context) -> Any:
    """The app's jobs, newest first."""
    page = context.page(request)
    rows = context.tx.select(
        _JOB, context.scope, order="-created", offset=page.offset, limit=page.limit
    )
    return service_pb2.MultiInputsAddJobResponse(
        status=ok(), inputs_add_jobs=[_counted(row, load(row), context) for row in rows]
    )


def cancel_job(request: Any, context: Context) -> Any:
    """Call a job cancelled. Inputs that it has added stay, and are processed."""
    row = need(context.tx.get(context.key(_JOB, request.id)), "inputs_add_job_id", request.id)
    job = load(row)
    job.status.CopyFrom(status.make(_CANCELLED))
    context.tx.update(row, job, at=context.world.clock.now())
    return service_pb2.SingleInputsAddJobResponse(
        status=ok(), inputs_add_job=_counted(row, job, context)
    )


ENTRIES: Final[Mapping[str, Entry]] = {
    "GetInputsAddJob": reads(get_job),
    "ListInputsAddJobs": reads(list_jobs),
    "CancelInputsAddJob": writes(cancel_job),
}
