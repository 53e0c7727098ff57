"""An apply as it goes, and what became of it: text and JSON."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from reconciler.address import field_path
from reconciler.errors import ApiError, ReconcilerError
from reconciler.execution.outcome import Outcome, Status
from reconciler.planning.change import Action, Change, Key, Operation
from reconciler.planning.diff import shown
from reconciler.report import style
from reconciler.report.diagnostics import visible
from reconciler.report.style import SYMBOLS, Style, counted, listed
from reconciler.resource import ReuseVersion

_DONE: Mapping[Action, str] = MappingProxyType(
    {
        Action.CREATE: "created",
        Action.UPDATE: "updated",
        Action.TRAIN: "trained",
        Action.RENAME: "renamed",
        Action.DELETE: "deleted",
        Action.SET_DEFAULT: "made the default",
    }
)
_DOING: Mapping[Action, str] = MappingProxyType(
    {
        Action.CREATE: "creating",
        Action.UPDATE: "updating",
        Action.TRAIN: "training",
        Action.RENAME: "renaming",
        Action.DELETE: "deleting",
        Action.SET_DEFAULT: "switching",
    }
)

_BESIDE = " " * 11
_CLEAR = "\r\x1b[K"
_AGAIN = (
    "Run the same apply again: it goes on from what is there, and nothing is done twice. "
    "(A plan file is stale by now: plan again.)"
)


Group: TypeAlias = tuple[Action, str]
"""What operations share that are counted together: their action and kind."""


# --- as it goes


class Progress:
    """An observer for a terminal; without one it is silent.

    A line for each operation that ends, or one for all if there are many of its kind. Below them
    one line, rewritten in place, with what is being waited for; ``close`` takes it away.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        interactive: bool,
        color: bool,
        width: int = 80,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._interactive = interactive
        self._style = Style(color)
        self._width = width
        self._clock = clock
        self._began: dict[Key, float] = {}
        self._waits: dict[Key, tuple[str, float, float]] = {}
        self._begun_at: dict[Group, float] = {}
        self._begun: Counter[Group] = Counter()
        self._running: Counter[Group] = Counter()
        self._unsaid: Counter[Group] = Counter()
        self._done = 0
        self._drawn = ""
        self._drawn_at = float("-inf")

    def started(self, operation: Operation) -> None:
        """Its first request is about to be sent."""
        if self._interactive:
            key, now = operation.key, self._clock()
            group = key.action, key.address.kind
            self._began[key] = now
            self._begun_at.setdefault(group, now)
            self._begun[group] += 1
            self._running[group] += 1
            self._draw()

    def waiting(self, operation: Operation, progress: str, seconds: float) -> None:
        """Shows the service's own words and how long it has taken."""
        if self._interactive:
            self._waits[operation.key] = progress, seconds, self._clock()
            self._draw(now=True)

    def finished(self, outcome: Outcome) -> None:
        """A line for it, or one more in a count."""
        if not self._interactive:
            return
        key = outcome.operation.key
        group = key.action, key.address.kind
        now = self._clock()
        began = self._began.pop(key, None)
        self._waits.pop(key, None)
        self._running[group] -= began is not None
        if outcome.status is Status.DONE:
            self._done += 1
            if self._begun[group] > _ONE_BY_ONE:
                self._unsaid[group] += 1
            else:
                took = 0.0 if began is None else now - began
                self._say(_done_line(outcome, took, self._style))
        elif outcome.status is Status.FAILED:
            said = str(outcome.error).splitlines()[0] if outcome.error else ""
            mark, word = self._style.bad("x"), self._style.bad("failed")
            self._say(f"  {mark} {visible(str(key.address))}  {word}  {visible(said)}")
        if not self._running[group]:
            self._count(group)
        if self._began:
            self._draw()
        else:
            self._erase()

    def close(self) -> None:
        """Takes the last line away; what was counted so far is told."""
        if self._interactive:
            for group in list(self._unsaid):
                self._count(group)
            self._erase()

    def _count(self, group: Group) -> None:
        """The line for many operations."""
        count = self._unsaid.pop(group, 0)
        if count:
            action, kind = group
            mark = self._style.action(action, SYMBOLS[action])
            took = _time(self._clock() - self._begun_at[group])
            self._say(f"  {mark} {counted(count, kind)}  {_DONE[action]}  {took}")

    def _say(self, line: str) -> None:
        self._erase()
        self._write(line + "\n")

    def _erase(self) -> None:
        if self._drawn:
            self._write(_CLEAR)
            self._drawn = ""

    def _draw(self, *, now: bool = False) -> None:
        """Rewrites the last line, not more often than an eye can follow."""
        if not now and self._clock() - self._drawn_at < 0.1:
            return
        text = f"  {self._doing()}"
        text = text if len(text) < self._width else text[: self._width - 2] + "…"
        if text != self._drawn:
            self._write(_CLEAR + text)
            self._drawn, self._drawn_at = text, self._clock()

    def _doing(self) -> str:
        """What is being waited for: by name, or how many."""
        waits = [
            f"{visible(str(key.address))}  {_DOING[key.action]}… {seconds + self._clock() - at:.0f} s"
            f"  {visible(said)}"
            for key, (said, seconds, at) in self._waits.items()
        ]
        others = [key for key in self._began if key not in self._waits]
        done = f"{self._done:,} done" if self._done else ""
        running = ""
        if len(others) > 3:
            running = f"{len(others):,} under way"
        elif others:
            running = ", ".join(
                f"{_DOING[key.action]} {visible(str(key.address))}" for key in others
            )
        return "; ".join(filter(None, (*waits, done, running)))


_ONE_BY_ONE = 20
"""So many operations of one group get a line each; more are counted."""


def _done_line(outcome: Outcome, took: float, paint: Style) -> str:
    key = outcome.operation.key
    learnt = outcome.learnt.get("version", "")
    version = f" (version {style.version(learnt)})" if learnt else ""
    mark = paint.action(key.action, SYMBOLS[key.action])
    return f"  {mark} {visible(str(key.address))}  {_DONE[key.action]}{version}  {_time(took)}"


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


# --- the report


def render_outcomes(outcomes: Sequence[Outcome], *, color: bool = False) -> str:
    """What the service acknowledged; every failure, and what to do about the rest."""
    paint = Style(color)
    by_status: dict[Status, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_status[outcome.status].append(outcome)
    done = _acknowledged(by_status[Status.DONE])
    if len(by_status[Status.DONE]) == len(outcomes):
        return f"{paint.good('Apply complete:')} {done or 'nothing to do'}.\n"
    counts = [f"{len(by_status[Status.DONE]):,} done" + (f" ({done})" if done else "")]
    counts += [
        f"{len(by_status[status]):,} {word}" for status, word in _WORDS.items() if by_status[status]
    ]
    lines = [f"{paint.bad('Apply incomplete:')} {', '.join(counts)}."]
    lines += _failed(by_status[Status.FAILED], paint)
    lines += _unknown(by_status[Status.UNKNOWN], paint)
    lines += _skipped(by_status[Status.SKIPPED])
    lines += _stopped(by_status[Status.STOPPED])
    return "\n".join([*lines, _AGAIN]) + "\n"


_WORDS: Mapping[Status, str] = MappingProxyType(
    {
        Status.FAILED: "failed",
        Status.UNKNOWN: "unknown",
        Status.SKIPPED: "skipped",
        Status.STOPPED: "stopped",
    }
)


def _acknowledged(done: Iterable[Outcome]) -> str:
    """``12 created, 2 updated``; what took no request of its own is told apart."""
    counts: Counter[str] = Counter()
    for outcome in done:
        change = outcome.operation.change
        reused = change.action is Action.UPDATE and isinstance(change.version, ReuseVersion)
        counts["used again" if reused and not _patched(change) else _DONE[change.action]] += 1
    words = [*_DONE.values(), "used again"]
    said = [f"{counts[word]:,} {word}" for word in words if counts[word] and word not in _PHRASES]
    said += [
        _PHRASES[word].format(counts[word]) for word in words if counts[word] and word in _PHRASES
    ]
    return ", ".join(said)


_PHRASES: Mapping[str, str] = MappingProxyType(
    {
        "made the default": "default workflow switched",
        "used again": "{:,} set back to an earlier version",
    }
)


def _patched(change: Change) -> bool:
    """Whether an update of a model changes more than its configuration."""
    configuration = change.desired.configuration or {} if change.desired else {}
    return any(field.path[0] not in configuration for field in change.fields)


def _failed(outcomes: Sequence[Outcome], paint: Style) -> Iterator[str]:
    """Each cause once, with all that it hit."""
    causes: dict[object, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        error = outcome.error
        code = (error.method, error.code) if isinstance(error, ApiError) else ()
        causes[error and error.message, code].append(outcome)
    for hit in causes.values():
        yield f"  {paint.bad('failed')}   {_names(hit)}"
        for line in str(hit[0].error).splitlines():
            yield f"{_BESIDE}{visible(line.strip())}"


def _unknown(outcomes: Sequence[Outcome], paint: Style) -> Iterator[str]:
    if outcomes:
        yield f"  {paint.warning('unknown')}  {_names(outcomes)}"
        yield f"{_BESIDE}its request was on its way when this was broken off: it may be done, or not"


def _skipped(outcomes: Sequence[Outcome]) -> Iterator[str]:
    causes: dict[tuple[Key | None, bool], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        causes[outcome.cause, outcome.operation.key.action is Action.DELETE].append(outcome)
    for (cause, deletes), hit in causes.items():
        yield f"  skipped  {_names(hit)}"
        if cause is not None:
            rule = "deletes run only after all else succeeded: " if deletes else "needs "
            yield f"{_BESIDE}{rule}{visible(str(cause))}"


def _stopped(outcomes: Sequence[Outcome]) -> Iterator[str]:
    if outcomes:
        yield f"  stopped  {_names(outcomes)}"
        yield f"{_BESIDE}not carried out, or only in part"


def _names(outcomes: Sequence[Outcome]) -> str:
    keys = (visible(str(outcome.operation.key)) for outcome in outcomes)
    return listed(keys, len(outcomes), 160)


def render_not_converged(changes: Iterable[Change], *, color: bool = False) -> str:
    """What differs still when the app is read once more: a line for each field."""
    paint = Style(color)
    lines = []
    for change in changes:
        name = visible(str(change.address))
        if change.action is Action.CREATE or not change.fields:
            lines.append(f"{name}: still to {change.action} ({visible(change.reason)})")
            continue
        lines += [
            f"{name} {visible(field_path(field.path))}: wanted {style.value(field.after)}, "
            f"the live app has {style.live(field.before)}"
            for field in change.fields
        ]
    return "".join(f"{paint.bad('did not converge:')} {line}\n" for line in lines)


# --- JSON


def render_inputs(counts: Mapping[str, int]) -> str:
    """Where the app's inputs stand after another workflow became the default."""
    said = [f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items() if count]
    return f"Inputs after the switch: {', '.join(said) or 'none'}.\n"


def render_outcomes_json(
    outcomes: Sequence[Outcome],
    left: Sequence[Change] = (),
    inputs: Mapping[str, int] | None = None,
) -> str:
    """``complete``, counts by status, each outcome, and the fields that did not converge.

    ``inputs_status`` is there after a switch of the default workflow.
    """
    differences = [
        {"address": str(change.address), "action": change.action.value, **shown(field)}
        for change in left
        for field in change.fields
    ]
    unfinished = [
        {"address": str(change.address), "action": change.action.value}
        for change in left
        if not change.fields
    ]
    statuses = Counter(outcome.status for outcome in outcomes)
    not_converged = [*differences, *unfinished]
    document = {
        "complete": statuses[Status.DONE] == len(outcomes) and not not_converged,
        "counts": {status.value: statuses[status] for status in Status},
        "outcomes": [_outcome(outcome) for outcome in outcomes],
        "not_converged": not_converged,
        **({"inputs_status": dict(inputs)} if inputs is not None else {}),
    }
    return json.dumps(document, indent=2) + "\n"


def _outcome(outcome: Outcome) -> dict[str, Any]:
    found = {**_key(outcome.operation.key), "status": outcome.status.value}
    if outcome.learnt:
        found["learnt"] = dict(outcome.learnt)
    if outcome.error is not None:
        found["error"] = _error(outcome.error)
    if outcome.cause is not None:
        found["cause"] = _key(outcome.cause)
    return found


def _key(key: Key) -> dict[str, Any]:
    return {"address": str(key.address), "action": key.action.value}


def _error(error: ReconcilerError) -> dict[str, Any]:
    found: dict[str, Any] = {"message": error.message, "hint": error.hint}
    if isinstance(error, ApiError):
        found |= {
            "method": error.method,
            "path": error.path,
            "http_status": error.http_status,
            "code": error.code,
            "request_id": error.request_id,
        }
    return found
