"""Makes the figures of the crash matrix, the cutover and the window: ``make reliability``.

Every case runs in a process of a pool; the whole takes less than an hour on two idle cores.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from reliability import figures
from reliability.cutover import Stop, stop, stops
from reliability.faults import FAULTS, READ_BACK, STALE
from reliability.figures import Table, Topic
from reliability.matrix import (
    RATE,
    WEATHER,
    Case,
    Prepared,
    all_cases,
    attempt_alone,
    in_a_folder,
    prepare,
    weather_alone,
)
from reliability.scenarios import SCENARIOS, limited, scripted
from reliability.stage import open_stage

APPLIES = 40
"""Applies whose windows are measured."""

SEEDS = 20
"""Runs of each scenario in bad weather."""

MAKE = "make reliability"


def main() -> int:
    """Measures what was asked for; exit status 1 if a case was not survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("topics", nargs="*", default=["window", "cutover", "weather", "matrix"])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    wanted = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory(prefix="reliability-") as folder:
        if "window" in wanted.topics:
            figures.write("window", window())
        if {"cutover", "weather", "matrix"} & set(wanted.topics):
            prepared = [prepare(name, Path(folder) / str(n)) for n, name in enumerate(SCENARIOS)]
            with ProcessPoolExecutor(wanted.jobs) as pool:
                if "cutover" in wanted.topics:
                    bad += _cutover(prepared, pool)
                if "weather" in wanted.topics:
                    bad += _weather(prepared, pool)
                if "matrix" in wanted.topics:
                    bad += _matrix(prepared, pool, wanted.jobs)
    return 1 if bad else 0


# --- many faults at once


def _weather(prepared: Sequence[Prepared], pool: ProcessPoolExecutor) -> int:
    todo = [(one, seed) for one in prepared for seed in range(SEEDS)]
    cases = list(pool.map(weather_alone, *zip(*todo, strict=True), chunksize=4))
    figures.write("weather", bad_weather(prepared, cases))
    lost = [case for case in cases if case.problems]
    for case in lost:
        print(case, file=sys.stderr)
    return len(lost)


def bad_weather(prepared: Sequence[Prepared], cases: Sequence[Case]) -> Topic:
    """The topic of many faults at once."""
    rows = []
    for one in prepared:
        own = [case for case in cases if case.scenario == one.name]
        clean = sum(case.status == 0 for case in own)
        rows.append((one.name, len(own), sum(not case.problems for case in own), clean))
    survived = sum(not case.problems for case in cases)
    return Topic(
        title="Bad weather",
        order=15,
        command=MAKE,
        text=(
            f"**{len(cases)} cases tried, {survived} survived.** Here one run meets many faults, with "
            f"eight requests at a time: {RATE:.0%} of its requests begin a misfortune drawn from a "
            f"seed, out of {', '.join(WEATHER)}. Judged as in the crash matrix.",
        ),
        tables=(Table(("scenario", "seeds", "survived", "first run succeeded"), rows),),
    )


# --- the crash matrix


def _matrix(prepared: Sequence[Prepared], pool: ProcessPoolExecutor, jobs: int) -> int:
    todo = [(one, fault, k) for one in prepared for fault, k in all_cases(one)]
    began, cases = time.monotonic(), []
    for case in pool.map(attempt_alone, *zip(*todo, strict=True), chunksize=4):
        cases.append(case)
        if case.problems:
            print(case, file=sys.stderr, flush=True)
        if len(cases) % 100 == 0:
            print(f"{len(cases)} of {len(todo)} cases", file=sys.stderr, flush=True)
    minutes = (time.monotonic() - began) / 60
    figures.write("matrix", matrix(prepared, cases, minutes, jobs))
    return sum(1 for case in cases if case.problems)


def matrix(prepared: Sequence[Prepared], cases: Sequence[Case], minutes: float, jobs: int) -> Topic:
    """The topic of the crash matrix."""
    tried = Counter((case.scenario, case.fault) for case in cases)
    survived = Counter((case.scenario, case.fault) for case in cases if not case.problems)
    clean = Counter(case.fault for case in cases if case.status == 0)
    names = list(FAULTS)
    whole = sum(survived.values())

    def cell(scenario: str, fault: str) -> str:
        number, of = survived[scenario, fault], tried[scenario, fault]
        return str(of) if number == of else f"**{number} of {of}**"

    return Topic(
        title="The crash matrix",
        order=10,
        command=MAKE,
        text=(
            f"**{len(cases)} cases tried, {whole} survived**, in {minutes:.0f} minutes with "
            f"{jobs} processes (Python {platform.python_version()}). One case is one scenario, one "
            "fault, and one request of its apply, reads included: the k-th request meets the fault, "
            "and nothing else is disturbed. After that the same command runs again, undisturbed.",
            "A case is survived if the first run ends with a report or a message, with an exit "
            "status that fits, and without a traceback; if every item that either run wrote stands "
            "among the requests that its plan showed (of a killed process: method, path and how "
            "often, from the sandbox's log); if nothing that was reported as done is sent again; if "
            "the second run succeeds and the plan after it is empty; and if the app then is, object "
            "for object, version for version, field for field, what the undisturbed apply leaves. "
            "Only times and the service's own ids may differ.",
            f"Reads that lag do so for {STALE:g} s, with a `--read-back-timeout` of {READ_BACK:g} s; "
            "against the other faults it is 0, so that one look has to do. The client rests "
            "for 5 ms between two tries instead of what the retry table says. One request at "
            "a time (`--parallelism 1`), so that it is known which one the k-th is.",
        ),
        tables=(
            Table(
                ("fault", "what happens", "cases", "survived", "first run succeeded"),
                [
                    (
                        name,
                        FAULTS[name].words,
                        sum(n for (_, fault), n in tried.items() if fault == name),
                        sum(n for (_, fault), n in survived.items() if fault == name),
                        "killed" if FAULTS[name].kills else clean[name],
                    )
                    for name in names
                ],
            ),
            Table(
                ("scenario", "requests", "of these writes", *names),
                [
                    (
                        one.name,
                        len(one.requests),
                        sum(method != "GET" for method, _ in one.requests),
                        *(cell(one.name, fault) for fault in names),
                    )
                    for one in prepared
                ],
            ),
        ),
    )


# --- atomic cutover


def _cutover(prepared: Sequence[Prepared], pool: ProcessPoolExecutor) -> int:
    todo = [(one, k) for one in prepared for k in stops(one)]
    found = list(pool.map(stop, *zip(*todo, strict=True), chunksize=4))
    figures.write("cutover", cutover(prepared, found))
    neither = [one for one in found if one.routed == "neither"]
    for one in neither:
        print(one, file=sys.stderr)
    return sum(1 for one in neither if not SCENARIOS[one.scenario].at_once)


def cutover(prepared: Sequence[Prepared], found: Sequence[Stop]) -> Topic:
    """The topic of atomic cutover."""
    names = ("before", "after", "alike", "neither")
    counted = {
        one.name: Counter(stop.routed for stop in found if stop.scenario == one.name)
        for one in prepared
    }
    return Topic(
        title="Atomic cutover",
        order=20,
        command=MAKE,
        text=(
            f"**{len(found)} stops.** The line is cut after each request of an apply, the tool ends, "
            "and only then are pictures added, whose scores lie above the thresholds, between and "
            "below them. What is written about them is what the old definition writes, or what the "
            "new one writes; a rename changes neither. In each scenario the second follows the "
            "first, once.",
            "Relations are the exception that the platform dictates: they have no versions, and a "
            "mapper follows them as they are. The plan classes such operations `routing (at once)`, "
            "adds before the cutover and removes after it; in between a picture goes by both.",
        ),
        tables=(
            Table(
                (
                    "scenario",
                    "stops",
                    "wholly as before",
                    "wholly as after",
                    "no difference",
                    "by both",
                ),
                [
                    (
                        one.name,
                        sum(counted[one.name].values()),
                        *(counted[one.name][n] for n in names),
                    )
                    for one in prepared
                ],
            ),
        ),
    )


# --- the window without compare-and-swap


def window() -> Topic:
    """The topic of the time between a re-read and its write."""
    rows = []
    for pace, rps in (("as it is (`--max-rps 15`)", "15"), ("no limit of its own", "10000")):
        own, whole = in_a_folder(lambda folder, rps=rps: _windows(folder, rps))
        rows.append(
            (pace, len(own), *map(_milliseconds, _both(own)), *map(_milliseconds, _both(whole)))
        )
    return Topic(
        title="The window without compare-and-swap",
        order=30,
        command=MAKE,
        text=(
            "The API has no compare-and-swap. Right before each PATCH and DELETE the object is read "
            "again, and nothing is sent if it moved since the plan; somebody else's write that falls "
            "between that read and ours is overwritten where it touches the same field. How long "
            f"that window is, over {APPLIES} applies of changed thresholds to an app in the sandbox "
            "on this machine: from the answer to the read until the write goes out (the tool's part), "
            "and from the read going out until the write is answered (all of it). To the real service "
            "the second grows by the time that two requests travel.",
            "Where several write to one app, `--lock-timeout S` takes an advisory lease first: it is "
            "kept in the app's mark, names its holder, its start and its expiry, is asked for before "
            "each phase and right before the cutover, and `reconciler unlock PATH` ends one whose "
            "holder is gone. It binds this tool alone; somebody in the portal does not see it. A "
            "lease, too, is written by merge and read back, so that of two who come at once one "
            "withdraws.",
        ),
        tables=(
            Table(
                (
                    "pace",
                    "writes",
                    "tool, median ms",
                    "tool, longest ms",
                    "all, median ms",
                    "all, longest ms",
                ),
                rows,
            ),
        ),
    )


def _windows(folder: Path, rps: str) -> tuple[list[float], list[float]]:
    """Seconds of each window, the tool's part and all of it."""
    scenario = SCENARIOS["change thresholds"]
    own, whole = [], []
    with open_stage(scenario, folder / "data", folder) as stage_:
        stage_.apply(scripted())
        for turn in range(APPLIES):
            changed = limited(scripted(), 0.4, 0.2) if turn % 2 == 0 else scripted()
            path = stage_.write(changed)
            ended = stage_.tool("apply", path, "--auto-approve", "--max-rps", rps, rest=60.0)
            assert ended.status == 0, ended.err
            for reread, write in ended.pairs():
                own.append(write.began - reread.ended)
                whole.append(write.ended - reread.began)
    return own, whole


def _both(seconds: Sequence[float]) -> tuple[float, float]:
    return statistics.median(seconds), max(seconds)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


if __name__ == "__main__":
    sys.exit(main())
