"""Carries a plan out: what is ready runs at once, what depends on a failure is skipped.

One thread leads all conversations; others only wait for the network. So nothing here needs a lock,
and writes that are ready together travel together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from reconciler.api.protocol import Writer
from reconciler.api.waiting import first_done
from reconciler.call import Call, Listing, Target
from reconciler.conversation import Conversation, Pause, Request, Write
from reconciler.errors import ApiError, ReconcilerError
from reconciler.execution.delivery import (
    Answer,
    Patience,
    batch_key,
    deliver,
    merged,
    read,
    read_key,
)
from reconciler.execution.outcome import Observer, Outcome, Silent, Status
from reconciler.execution.stages import stages
from reconciler.kind import Job, Kind, Learnt
from reconciler.planning.change import Action, Key, Operation
from reconciler.resource import Resource
from reconciler.values import Unknown, fill

BATCH = 128
"""Items in one bulk request (the documented maximum for inputs, safe for all)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How an apply behaves: requests at a time, how long it waits for what, what it may cost."""

    parallelism: int = 8
    train_timeout: float = 3600.0
    reindex: bool = False
    rehearsal: bool = False
    patience: Patience = field(default_factory=Patience)


def run(
    operations: Sequence[Operation],
    target: Target,
    kinds: Mapping[str, Kind],
    writer: Writer,
    *,
    limits: Limits | None = None,
    observer: Observer | None = None,
    stopped: Callable[[], bool] = lambda: False,
    barred: Callable[[], ReconcilerError | None] = lambda: None,
    sending: Callable[[Sequence[Key], Call], None] = lambda keys, call: None,
) -> tuple[Outcome, ...]:
    """The outcome of each operation, in plan order. Does not raise for a failed one.

    Deletes run only if everything before them succeeded. Once ``stopped()`` is true nothing new is
    sent; what is in flight is waited for. A ``KeyboardInterrupt`` ends the run at once, and what
    was in flight is reported as unknown. ``barred`` is asked before each phase and right before
    the cutover; what it answers with is why nothing more is begun. ``sending`` is told of each
    write, and whose it is.
    """
    return _Run(
        operations,
        target=target,
        kinds=kinds,
        writer=writer,
        limits=limits or Limits(),
        observer=observer or Silent(),
        stopped=stopped,
        barred=barred,
        sending=sending,
    ).outcomes()


@dataclass(slots=True)
class _Talk:
    """An operation under way: its conversation, and what it has asked for.

    ``after`` is what it waited for in its stage: those that waited for the same are ready together.
    """

    operation: Operation
    conversation: Conversation[Learnt]
    after: frozenset[Key]
    request: Request | None = None
    in_flight: bool = False
    paused_at: float = 0.0
    resume_at: float = 0.0


class _Run:
    """The state of one run; lives as long as one call of ``run``."""

    def __init__(
        self,
        operations: Sequence[Operation],
        *,
        target: Target,
        kinds: Mapping[str, Kind],
        writer: Writer,
        limits: Limits,
        observer: Observer,
        stopped: Callable[[], bool],
        barred: Callable[[], ReconcilerError | None],
        sending: Callable[[Sequence[Key], Call], None],
    ) -> None:
        self._operations = operations
        self._target = target
        self._kinds = kinds
        self._writer = writer
        self._limits = limits
        self._observer = observer
        self._stopped = stopped
        self._barred = barred
        self._sending = sending
        self._clock = limits.patience.clock
        self._ended: dict[Key, Outcome] = {}
        self._known: dict[Unknown, Any] = {}
        self._by_key = {operation.key: operation for operation in operations}
        self._waits_for = {operation.key: set(operation.requires) for operation in operations}
        self._dependants: dict[Key, list[Key]] = defaultdict(list)
        for operation in operations:
            for key in operation.requires:
                self._dependants[key].append(operation.key)
        self._phase: frozenset[Key] = frozenset()
        self._ready: list[Operation] = []
        self._talks: dict[Key, _Talk] = {}
        self._flights: dict[Future[list[Answer]], Sequence[_Talk]] = {}

    def outcomes(self) -> tuple[Outcome, ...]:
        """Runs everything but deletes, then, if all of it succeeded, the deletes."""
        pool = ThreadPoolExecutor(self._limits.parallelism, thread_name_prefix="apply")
        deletes = [op for op in self._operations if op.change.action is Action.DELETE]
        others = [op for op in self._operations if op.change.action is not Action.DELETE]
        try:
            self._carry_out(others, pool)
            broken = [key for key, ended in self._ended.items() if ended.status is not Status.DONE]
            if not broken:
                self._carry_out(deletes, pool)
            for operation in deletes:
                if operation.key not in self._ended:
                    self._end(Outcome(operation, Status.SKIPPED, cause=broken[0]))
        except KeyboardInterrupt:
            self._break_off()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        return tuple(self._ended[operation.key] for operation in self._operations)

    def _carry_out(self, operations: Sequence[Operation], pool: ThreadPoolExecutor) -> None:
        free = [operation for operation in operations if not self._waits_for[operation.key]]
        if free and (error := self._barred()):
            for operation in free:
                if operation.key not in self._ended:
                    self._end(Outcome(operation, Status.FAILED, error=error))
        for stage in stages(operations):
            self._run_stage(stage, pool)

    def _run_stage(self, stage: Sequence[Operation], pool: ThreadPoolExecutor) -> None:
        self._phase = frozenset(operation.key for operation in stage)
        self._ready = [
            operation
            for operation in stage
            if not self._waits_for[operation.key] and operation.key not in self._ended
        ]
        while self._ready or self._talks:
            ready, self._ready = self._ready, []
            for operation in ready:
                if not self._stopped():
                    self._start(operation)
            self._send(pool)
            self._receive()
        for operation in stage:
            if operation.key not in self._ended:
                self._end(Outcome(operation, Status.STOPPED))

    def _start(self, operation: Operation) -> None:
        if operation.cutover and (error := self._barred()):
            self._end(Outcome(operation, Status.FAILED, error=error))
            return
        self._observer.started(operation)
        after = self._phase.intersection(operation.requires)
        talk = _Talk(operation, self._converse(operation), after)
        self._talks[operation.key] = talk
        self._advance(talk, None)

    def _converse(self, operation: Operation) -> Conversation[Learnt]:
        change = operation.change
        kind = self._kinds[change.address.kind]
        job = Job(
            self._target,
            change.mark,
            change.desired if change.action is Action.RENAME else self._filled(change.desired),
            change.live,
            change.version,
            self._limits.train_timeout,
            self._limits.patience.read_back_timeout,
            self._limits.reindex,
            self._limits.rehearsal,
        )
        match change.action:
            case Action.CREATE:
                return kind.create(job)
            case Action.UPDATE:
                return kind.update(job)
            case Action.TRAIN:
                return kind.train(job)
            case Action.DELETE:
                return kind.delete(job)
            case Action.SET_DEFAULT:
                return kind.create(job) if change.live is None else kind.update(job)
            case Action.RENAME:
                return kind.rename(job)
            case _:
                assert_never(change.action)

    def _filled(self, resource: Resource | None) -> Resource | None:
        """The desired side with what earlier operations made known."""
        if resource is None:
            return None
        configuration = resource.configuration
        return replace(
            resource,
            fields=fill(resource.fields, self._known),
            configuration=None if configuration is None else fill(configuration, self._known),
        )

    def _advance(self, talk: _Talk, answer: Any) -> None:
        """Hands a conversation its answer and takes its next request, or its end."""
        try:
            if isinstance(answer, ReconcilerError):
                raise answer
            talk.request = talk.conversation.send(answer)
        except StopIteration as stop:
            self._end(Outcome(talk.operation, Status.DONE, stop.value))
        except ReconcilerError as error:
            self._end(Outcome(talk.operation, Status.FAILED, error=error))
        else:
            # behind all that asked for something before
            self._talks[talk.operation.key] = self._talks.pop(talk.operation.key)
            if isinstance(talk.request, Pause):
                now = self._clock()
                talk.paused_at = talk.paused_at or now
                talk.resume_at = now + talk.request.seconds
                self._observer.waiting(talk.operation, talk.request.progress, now - talk.paused_at)

    def _send(self, pool: ThreadPoolExecutor) -> None:
        """Sends what was asked for first: equal reads once, writes that fit together as one."""
        if not self._has_room():
            return
        groups: dict[object, list[_Talk]] = defaultdict(list)
        for talk in self._talks.values():
            if talk.in_flight:
                continue
            if isinstance(talk.request, Call | Listing):
                groups[read_key(talk.request)].append(talk)
            elif isinstance(talk.request, Write):
                groups[batch_key(talk.request), talk.after].append(talk)
        for group in groups.values():
            if not isinstance(group[0].request, Write):
                if self._has_room():
                    self._fly(group, pool, self._read, group[0].request, len(group))
                continue
            for start in range(0, len(group), BATCH):
                batch = group[start : start + BATCH]
                if self._stopped():
                    for talk in batch:
                        self._end(Outcome(talk.operation, Status.STOPPED))
                elif self._has_room():
                    writes = [talk.request for talk in batch if isinstance(talk.request, Write)]
                    self._sending([talk.operation.key for talk in batch], merged(writes))
                    self._fly(batch, pool, self._write, batch)

    def _has_room(self) -> bool:
        """Whether a thread is free: what would only queue up could not be stopped any more."""
        return len(self._flights) < self._limits.parallelism

    def _fly(
        self,
        talks: Sequence[_Talk],
        pool: ThreadPoolExecutor,
        work: Callable[..., list[Answer]],
        *arguments: object,
    ) -> None:
        for talk in talks:
            talk.in_flight = True  # first, since Ctrl-C may come before the next line is done
        self._flights[pool.submit(work, *arguments)] = talks

    def _read(self, request: Any, count: int) -> list[Answer]:
        try:
            answer = read(self._writer, request)
        except ApiError as error:
            answer = error
        return [answer] * count

    def _write(self, talks: Sequence[_Talk]) -> list[Answer]:
        writes = [talk.request for talk in talks if isinstance(talk.request, Write)]
        return deliver(self._writer, writes, self._limits.patience)

    def _receive(self) -> None:
        """Waits for the next answer or the end of a pause."""
        if self._flights:
            for future in first_done(self._flights, self._next_pause_ends_in()):
                for talk, answer in zip(self._flights[future], future.result(), strict=True):
                    self._advance(talk, answer)
                    talk.in_flight = False
                del self._flights[future]
        elif (seconds := self._next_pause_ends_in()) is not None:
            self._limits.patience.sleep(seconds)
        for talk in list(self._talks.values()):
            if isinstance(talk.request, Pause):
                now = self._clock()
                if self._stopped():
                    self._end(Outcome(talk.operation, Status.STOPPED))
                elif now >= talk.resume_at:
                    self._advance(talk, now - talk.paused_at)

    def _next_pause_ends_in(self) -> float | None:
        ends = [t.resume_at for t in self._talks.values() if isinstance(t.request, Pause)]
        return max(0.0, min(ends) - self._clock()) if ends else None

    def _end(self, outcome: Outcome) -> None:
        """Files an outcome, frees what waited for it, or skips what can no longer run."""
        key = outcome.operation.key
        self._ended[key] = outcome
        self._talks.pop(key, None)
        for attribute, value in outcome.learnt.items():
            self._known[Unknown(key.address, attribute)] = value
        self._observer.finished(outcome)
        for dependant in self._dependants[key]:
            if dependant in self._ended:
                continue
            if outcome.status is Status.DONE:
                self._waits_for[dependant].discard(key)
                if not self._waits_for[dependant] and dependant in self._phase:
                    self._ready.append(self._by_key[dependant])
            else:
                status = Status.STOPPED if outcome.status is Status.STOPPED else Status.SKIPPED
                cause = outcome.cause or key
                self._end(Outcome(self._by_key[dependant], status, cause=cause))

    def _break_off(self) -> None:
        """The end by force: what was in flight may or may not have happened."""
        for operation in self._operations:
            if operation.key not in self._ended:
                talk = self._talks.get(operation.key)
                status = Status.UNKNOWN if talk and talk.in_flight else Status.STOPPED
                self._ended[operation.key] = Outcome(operation, status)
