"""The crash matrix: every scenario, every fault, every request; then the same apply once more."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from planted import PLANTED
from reliability.faults import FAULTS
from reliability.scenarios import SCENARIOS
from reliability.stage import (
    Ended,
    Stage,
    disturb,
    items,
    open_stage,
    planned_requests,
    stage,
    unplanned,
)

from reconciler.planning.change import ChangeClass
from reconciler.sandbox.fate import FaultPlan

Result = TypeVar("Result")

RATE = 0.15
"""The part of the requests at which a fault begins in bad weather."""

WEATHER = ("error", "unavailable", "throttled", "drop_before", "drop_after", "cut", "mixed")

LONGEST_CASE = 300.0
"""Seconds after which a case counts as one that hangs."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scenario up to the apply that is disturbed, and how that ends if nothing happens.

    ``requests`` are those of the undisturbed apply, ``planned`` the items of its writes, ``final``
    the state that it leaves, ``routes`` what is written about the probes before and after it,
    ``at_once`` the operations that the plan classes as routing inputs differently at once.
    """

    name: str
    folder: Path
    requests: tuple[tuple[str, str], ...]
    planned: list[Any]
    final: Any
    routes: tuple[list[Any], list[Any]]
    at_once: tuple[str, ...]

    @property
    def before(self) -> Path:
        """The state of a sandbox that is about to be told."""
        return self.folder / "before"

    def places(self, fault: str) -> tuple[int, ...]:
        """The requests that a fault can meet, counted from 1."""
        writes = FAULTS[fault].writes
        numbered = enumerate(self.requests, 1)
        return tuple(k for k, (method, _) in numbered if method != "GET" or not writes)

    def three(self, fault: str) -> tuple[int, ...]:
        """The first, the middle and the last write; the last read as well, if there are fewer."""
        places = self.places(fault)
        writes = [k for k in places if self.requests[k - 1][0] != "GET"]
        chosen = {writes[0], writes[len(writes) // 2], writes[-1]}
        reads = [k for k in places if k not in writes]
        while len(chosen) < min(3, len(places)):
            chosen.add(reads.pop())
        return tuple(sorted(chosen))


@dataclass(frozen=True, slots=True)
class Case:
    """One disturbed apply and the one after it; ``problems`` is empty if it was survived."""

    scenario: str
    fault: str
    k: int
    request: str
    status: int
    seconds: float
    problems: tuple[str, ...]

    def __str__(self) -> str:
        where = f"{self.scenario}, {self.fault} at request {self.k} ({self.request})"
        return f"{where}: " + "; ".join(self.problems or ("survived",))


def prepare(name: str, folder: Path) -> Prepared:
    """Builds what is there before a scenario, and carries the scenario out once, undisturbed."""
    scenario = SCENARIOS[name]
    with open_stage(scenario, folder / "before", folder / "made") as made:
        for manifest in scenario.before:
            if scenario.learned:
                made.apply(manifest, "--exclude", "model.custom")
                made.label()
            made.apply(manifest)
        made.sandbox.wait_idle()
    with stage(scenario, folder / "before", folder / "old") as old:
        before = old.probe()
    with stage(scenario, folder / "before", folder / "new") as new:
        made = new.plan()
        planned = [item for one in planned_requests(made) for item in items(one.call)]
        at_once = tuple(
            str(operation.key)
            for operation in made.operations
            if operation.change.change_class is ChangeClass.ROUTING_AT_ONCE
        )
        new.sandbox.clear_requests()
        ended = new.command()
        assert ended.status == 0, ended.err + ended.out
        new.sandbox.wait_idle()
        requests = tuple((one.method, one.path) for one in new.sandbox.requests())
        final = new.state()
        routes = (before, new.probe())
    return Prepared(name, folder, requests, planned, final, routes, at_once)


def attempt(prepared: Prepared, fault: str, k: int, folder: Path) -> Case:
    """One case of the matrix."""
    began = time.monotonic()
    with stage(SCENARIOS[prepared.name], prepared.before, folder) as stage_:
        disturb(stage_, FAULTS[fault], k)
        if FAULTS[fault].kills:
            first, problems = _killed(stage_, prepared)
        else:
            patience = ("--read-back-timeout", str(FAULTS[fault].read_back))
            first, problems = _disturbed(stage_, prepared, *patience)
            if not any(one.fault for one in stage_.sandbox.requests()):
                problems.append("the fault met no request")
        stage_.sandbox.clear_faults()
        stage_.sandbox.wait_idle()
        problems += _again(stage_, prepared, first)
    seconds = time.monotonic() - began
    if seconds > LONGEST_CASE:
        problems.append(f"took {seconds:.0f} s")
    method, path = prepared.requests[k - 1]
    request = f"{method} {path.removeprefix('/v2/users/sandbox-user/apps')}"
    return Case(prepared.name, fault, k, request, first.status, round(seconds, 2), tuple(problems))


def weather(prepared: Prepared, seed: int, folder: Path) -> Case:
    """A case of many faults, drawn from a seed, and as many requests at a time as ever."""
    began = time.monotonic()
    plan = FaultPlan(seed=seed, rate=RATE, kinds=WEATHER)
    with stage(SCENARIOS[prepared.name], prepared.before, folder) as stage_:
        stage_.sandbox.clear_requests()
        stage_.sandbox.inject(plan)
        first, problems = _disturbed(stage_, prepared, "--parallelism", "8")
        stage_.sandbox.clear_faults()
        stage_.sandbox.wait_idle()
        problems += _again(stage_, prepared, first)
    seconds = round(time.monotonic() - began, 2)
    return Case(prepared.name, "weather", seed, "drawn", first.status, seconds, tuple(problems))


def weather_alone(prepared: Prepared, seed: int) -> Case:
    """The same in a folder of its own."""
    return in_a_folder(lambda folder: weather(prepared, seed, folder))


def _killed(stage_: Stage, prepared: Prepared) -> tuple[Ended, list[str]]:
    """The real process, killed; what it wrote is known from the sandbox's log alone."""
    problems = [] if stage_.killed() else ["the process ended before it could be killed"]
    allowed = Counter((method, path) for method, path, _ in prepared.planned)
    sent = Counter(
        (one.method, one.path) for one in stage_.sandbox.requests() if one.method != "GET"
    )
    problems += [f"unplanned write: {one}" for one in sent - allowed]
    return Ended(-9, "", ""), problems


def _disturbed(stage_: Stage, prepared: Prepared, *options: str) -> tuple[Ended, list[str]]:
    """The command in this process; it may succeed or fail, but cleanly."""
    ended = stage_.command(*options)
    problems = [f"unplanned write: {one}" for one in unplanned(ended.sent, prepared.planned)]
    problems += _unclean(ended)
    return ended, problems


def _unclean(ended: Ended) -> Iterator[str]:
    """What is wrong with how a command ended, whatever it was told."""
    if ended.status not in (0, 1):
        yield f"exit status {ended.status}"
    if "Traceback" in ended.err + ended.out:
        yield "a traceback: " + ended.err
    if PLANTED in ended.err + ended.out:
        yield "the token is shown"
    document = ended.document
    if document is None:
        if ended.status == 0 or "error: " not in ended.err:
            yield f"exit status {ended.status} without a report: {ended.err}{ended.out}"
        return
    counts, outcomes = document["counts"], document["outcomes"]
    if sum(counts.values()) != len(outcomes):
        yield f"{sum(counts.values())} counted, {len(outcomes)} reported"
    whole = counts["done"] == len(outcomes) and not document["not_converged"]
    if document["complete"] is not whole or (ended.status == 0 and not whole):
        yield f"exit status {ended.status}, complete {document['complete']}, counts {counts}"
    if ended.status == 1 and whole and "error: " not in ended.err:
        yield f"fails without a reason: {ended.err}"


def _again(stage_: Stage, prepared: Prepared, first: Ended) -> Iterator[str]:
    """The same command once more: it has to end where the undisturbed one ended."""
    left = stage_.plan()
    planned = planned_requests(left)
    if first.status == 0 and left.operations:
        keys = ", ".join(str(one.key) for one in left.operations)
        yield f"exit status 0, and the next plan is not empty: {keys}"
    if first.document is not None:
        # what is done and shows only once something else is done sends nothing more of its own
        open_ = {str(key) for request in planned for key in request.operations}
        done = {_key(one) for one in first.document["outcomes"] if one["status"] == "done"}
        yield from (f"reported as done, and to be sent again: {one}" for one in open_ & done)
    ended = stage_.command()
    if ended.status != 0:
        yield f"the second run fails: {ended.err}{ended.out}"
    yield from _unclean(ended)
    allowed = [item for request in planned for item in items(request.call)]
    for one in unplanned(ended.sent, allowed):
        yield f"unplanned write in the second run: {one}"
    stage_.sandbox.wait_idle()
    if left.operations and (more := stage_.plan().operations):
        yield f"the plan is not empty: {', '.join(str(one.key) for one in more)}"
    yield from differences("", prepared.final, stage_.state())


def _key(one: dict[str, Any]) -> str:
    return f"{one['action']} {one['address']}"


def differences(path: str, wanted: Any, found: Any) -> Iterator[str]:
    """Where a state is not what it should be."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name in sorted({*wanted, *found}):
            yield from differences(f"{path}/{name}", wanted.get(name), found.get(name))
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from differences(f"{path}/{number}", one, other)
    elif wanted != found:
        yield f"the state differs at {path}: {wanted!r:.300} was wanted, {found!r:.300} is there"


def all_cases(prepared: Prepared) -> Iterator[tuple[str, int]]:
    """Every fault at every request that it can meet."""
    for fault in FAULTS:
        for k in prepared.places(fault):
            yield fault, k


def attempt_alone(prepared: Prepared, fault: str, k: int) -> Case:
    """One case in a folder of its own."""
    return in_a_folder(lambda folder: attempt(prepared, fault, k, folder))


def in_a_folder(work: Callable[[Path], Result]) -> Result:
    """What ``work`` makes in a folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="case-"))
    try:
        return work(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
