"""Background work: inputs run through the default workflow, classifiers are trained and evaluated.

Jobs stand in the store. A worker takes some in one transaction (which settles what they are bound to),
computes without one, and writes all that came of it, the end of the job included, in a second one: so a
server that dies in between takes the work up again and nothing is written twice.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from reconciler.errors import SandboxError
from reconciler.sandbox import engine, media, runs, status, study
from reconciler.sandbox.context import Caller, Context, World, load
from reconciler.sandbox.handlers import annotation, inputs, predictions
from reconciler.sandbox.transaction import Job, Key, Row, Scope, Tx

_log = logging.getLogger(__name__)

_In = TypeVar("_In")
_Out = TypeVar("_Out")

_BATCH: Final = 8
_BUG: Final = "the sandbox has a bug; see its log"
_IDLE_WAIT: Final = 0.5
_INPUT_KINDS: Final = ("input", "reindex", "delete")


@dataclass(frozen=True, slots=True)
class _Task:
    """An input that is being processed, with the plan that it is bound to."""

    job: Job
    row: Row
    plan: runs.Plan


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of a task; ``details`` say why it failed, if ``code`` does."""

    task: _Task
    code: int
    details: str = ""
    effects: tuple[engine.WriterEffect, ...] = ()
    data: Any = None
    medium: engine.Media | None = None
    vectors: tuple[tuple[str, str, bytes], ...] = ()
    outputs: tuple[engine.NodeOutput, ...] = ()


class Runner:
    """The workers. ``wake`` tells them that there may be work."""

    def __init__(self, world: World, *, workers: int = 2) -> None:
        self._world = world
        lock = threading.Lock()
        self._work_there = threading.Condition(lock)
        self._settled = threading.Condition(lock)
        self._stopping = False
        self._held = False
        self._busy = 0
        self._ticks = 0
        self._pool = ThreadPoolExecutor(workers + 1, thread_name_prefix="sandbox-work")
        self._threads = [
            threading.Thread(target=self._work, args=(_INPUT_KINDS,), name=f"sandbox-inputs-{n}")
            for n in range(workers)
        ]
        self._threads.append(
            threading.Thread(target=self._work, args=(study.KINDS,), name="sandbox-study")
        )

    def start(self) -> None:
        """Take up what a former server left half done, and begin."""
        with self._world.store.write() as tx:
            tx.requeue_jobs()
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look for work now."""
        with self._work_there:
            self._ticks += 1
            self._work_there.notify_all()

    def hold(self) -> None:
        """Begin no more work until ``release``; returns when what was begun is done."""
        with self._settled:
            self._held = True
            self._settled.wait_for(lambda: not self._busy)

    def release(self) -> None:
        """Go on."""
        with self._work_there:
            self._held = False
        self.wake()

    def stop(self) -> None:
        """Finish what is being computed and end; what is queued stays queued."""
        with self._work_there:
            self._stopping = True
            self._work_there.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        self._pool.shutdown()

    def idle(self) -> bool:
        """Whether nothing is queued or being worked on."""
        with self._world.store.read() as tx:
            return tx.count_jobs() == 0

    def wait_idle(self, timeout: float) -> None:
        """Wait until nothing is left to do. Raises SandboxError after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while not self.idle():
            if not all(thread.is_alive() for thread in self._threads):
                raise SandboxError("a background worker of the sandbox died", hint="see its log")
            left = deadline - time.monotonic()
            if left <= 0:
                raise SandboxError(f"the sandbox still has work to do after {timeout:g} s")
            with self._settled:
                self._settled.wait(min(left, 0.05))

    def _work(self, kinds: Sequence[str]) -> None:
        while True:
            with self._work_there:
                if self._stopping:
                    return
                seen, held = self._ticks, self._held
                self._busy += not held
            found = False
            try:
                found = not held and self._do_some(kinds)
            finally:
                with self._settled:
                    self._busy -= not held
                    self._settled.notify_all()
            pause = 0.0 if found else self._pause()
            with self._work_there:
                if pause and not self._stopping and self._ticks == seen:
                    self._work_there.wait(pause)

    def _pause(self) -> float:
        with self._world.store.read() as tx:
            due = tx.next_due()
        if due is None:
            return _IDLE_WAIT
        return min(max((due - self._now()) / 1e6, 0.005), _IDLE_WAIT)

    def _now(self) -> int:
        return time.time_ns() // 1000

    def _do_some(self, kinds: Sequence[str]) -> bool:
        # A look without a lock first: most of the time there is nothing.
        with self._world.store.read() as tx:
            if not tx.due_jobs(kinds, self._now(), 1):
                return False
        if kinds is study.KINDS:
            return self._study_one()
        return self._process_some()

    # --- inputs -------------------------------------------------------------------------------

    def _process_some(self) -> bool:
        with self._world.store.write() as tx:
            jobs = tx.due_jobs(_INPUT_KINDS, self._now(), _BATCH)
            tasks = self._begin(tx, jobs)
        outcomes = [
            outcome or _Outcome(task, status.INPUT_FAILED, _BUG)
            for task, outcome in zip(tasks, self._compute(self._process, tasks), strict=True)
        ]
        if outcomes:
            with self._world.store.write() as tx:
                for outcome in outcomes:
                    self._end(tx, outcome)
        return bool(jobs)

    def _begin(self, tx: Tx, jobs: Sequence[Job]) -> list[_Task]:
        """Bind each input to the default workflow as it is now, unless it was bound before."""
        tasks = []
        plans: dict[tuple[Scope, bytes], runs.Plan | None] = {}
        for job in jobs:
            row = tx.get(Key("input", *job.scope, "", job.id))
            if row is None:
                tx.end_job(job)
                continue
            if job.kind == "delete":
                inputs.remove(row, self._context(tx, job.scope))
                tx.end_job(job)
                continue
            place = (job.scope, job.binding)
            if place not in plans:
                plans[place] = runs.plan_default(tx, job.scope, job.binding.decode())
            plan = plans[place]
            if plan is None:
                tx.end_job(job)
                continue
            tx.start_job(job, plan.version_id.encode())
            if job.kind == "input":
                self._set_status(tx, row, status.INPUT_IN_PROGRESS, "")
            tasks.append(_Task(job, row, plan))
        return tasks

    def _context(self, tx: Tx, scope: Scope) -> Context:
        return Context(self._world, Caller(scope.user), scope, _tx=tx)

    def _set_status(self, tx: Tx, row: Row, code: int, details: str) -> None:
        kept = load(row)
        kept.status.CopyFrom(status.make(code, details))
        tx.update(row, kept, status=code)

    def _process(self, task: _Task) -> _Outcome:
        kept = load(task.row)
        kind = media.kind_of(kept.data)
        if kind in ("video", "audio"):
            return _Outcome(
                task, status.INPUT_FAILED, f"the sandbox does not process {kind} inputs"
            )
        try:
            medium = self._open(kept, task.row)
            if medium.data is not None:
                describe = media.describe_image if kind == "image" else media.describe_text
                describe(kept.data, medium.data)
            effects: list[engine.WriterEffect] = []
            outputs = task.plan.run(
                self._world, medium, write=effects.append, vector=self._kept_vector(medium)
            )
        except engine.ModelFailure as failure:
            return _Outcome(task, status.INPUT_FAILED, failure.details)
        except status.PlatformError as error:
            return _Outcome(task, status.INPUT_FAILED, error.details)
        return _Outcome(
            task,
            status.INPUT_SUCCESS,
            effects=tuple(effects),
            data=kept.data,
            medium=medium,
            vectors=_vectors(outputs, medium),
            outputs=outputs,
        )

    def _open(self, kept: Any, row: Row) -> engine.Media:
        """The stored medium; one that is only a URL is fetched, outside of any transaction."""

        def stored(sha256: str) -> bytes | None:
            with self._world.store.read() as tx:
                return tx.media(sha256)

        return media.open_medium(kept.data, row.k2, stored, self._world.scores)

    def _kept_vector(self, medium: engine.Media) -> tuple[float, ...] | None:
        if not medium.sha256:
            return None
        with self._world.store.read() as tx:
            vector = tx.embedding(medium.sha256, runs.embedder_version(medium.kind))
        return runs.unpack(vector) if vector else None

    def _end(self, tx: Tx, outcome: _Outcome) -> None:
        job = outcome.task.job
        if not tx.end_job(job):
            return
        row = tx.get(outcome.task.row.key)
        if row is None:
            return
        context = self._context(tx, job.scope)
        failed = outcome.code != status.INPUT_SUCCESS
        if job.kind == "reindex":
            tx.bump(job.scope, inputs.REINDEX_ERRORS if failed else inputs.REINDEXED)
        if not failed:
            for effect in outcome.effects:
                annotation.write(effect, job.id, outcome.task.plan.version_id, context)
            for vector in outcome.vectors:
                tx.put_embedding(*vector)
            predictions.replace(job.id, outcome.outputs, context)
        if job.kind == "input":
            kept = load(row)
            kept.status.CopyFrom(status.make(outcome.code, outcome.details))
            sha256 = row.k2
            if not failed and outcome.medium is not None:
                _describe(kept.data, outcome.data)
                sha256 = self._keep(tx, outcome.medium) or sha256
            tx.update(row, kept, status=outcome.code, k2=sha256)

    def _keep(self, tx: Tx, medium: engine.Media) -> str:
        """What was fetched is kept, so that the input stays what it was when its URL is gone."""
        if medium.url and medium.data is not None:
            tx.put_media(medium.sha256, medium.data)
        return medium.sha256

    # --- classifiers ----------------------------------------------------------------------------

    def _study_one(self) -> bool:
        with self._world.store.write() as tx:
            jobs = tx.due_jobs(study.KINDS, self._now(), 1)
            task = study.begin(tx, jobs[0], self._world) if jobs else None
        if task is None:
            return bool(jobs)
        (outcome,) = self._compute(lambda item: study.work(item, self._world), [task])
        with self._world.store.write() as tx:
            study.end(tx, task, outcome, _BUG, self._world)
        return True

    def _compute(self, work: Callable[[_In], _Out], items: Sequence[_In]) -> list[_Out | None]:
        """What came of each item; None where the work failed in a way that nobody foresaw.

        One input with a surprise in it must not end a worker and with it all later inputs.
        """
        results: list[_Out | None] = []
        for future in [self._pool.submit(work, item) for item in items]:
            error = future.exception()
            if error is not None:
                _log.error("background work failed in an unforeseen way", exc_info=error)
            results.append(None if error is not None else future.result())
        return results


def _describe(kept: Any, found: Any) -> None:
    """What was found out about the medium, without what was changed meanwhile."""
    if found.HasField("image"):
        kept.image.image_info.CopyFrom(found.image.image_info)
    elif found.HasField("text"):
        kept.text.text_info.CopyFrom(found.text.text_info)


def _vectors(
    outputs: Sequence[engine.NodeOutput], medium: engine.Media
) -> tuple[tuple[str, str, bytes], ...]:
    """Embeddings of the input itself, to be kept for training."""
    if not medium.sha256:
        return ()
    wanted = runs.embedder_version(medium.kind)
    for made in outputs:
        if made.version.id == wanted and made.data.embeddings:
            vector = runs.pack(list(made.data.embeddings[0].vector))
            return ((medium.sha256, wanted, vector),)
    return ()
