"""Runs processes and says what they cost: CPU seconds (user and system), wall seconds."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TOKEN = "any-token"


@dataclass(frozen=True)
class Cost:
    """What one process took, and what it said."""

    cpu: float
    wall: float
    out: str = ""


def run(*command: str, folder: Path, base_url: str = "") -> Cost:
    """Runs a Python program to its end; ends the benchmark if it fails."""
    # as it is installed: with its own settings alone, and compiled once
    foreign = ("CLARIFAI_", "RECONCILER_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(foreign)}
    service = {"CLARIFAI_API_BASE": base_url, "CLARIFAI_PAT": TOKEN} if base_url else {}
    before, started = _cpu(), time.perf_counter()
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**kept, **service},
        capture_output=True,
        text=True,
        check=False,
    )
    wall = time.perf_counter() - started
    if ended.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{ended.stdout}{ended.stderr}")
    return Cost(_cpu() - before, wall, ended.stdout)


def _cpu() -> float:
    """Of the processes that were run and waited for; the sandbox is not among them yet."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def median(costs: Sequence[Cost]) -> Cost:
    """The middle of several runs."""
    return Cost(
        statistics.median(cost.cpu for cost in costs),
        statistics.median(cost.wall for cost in costs),
        costs[-1].out,
    )


@contextmanager
def sandbox(folder: Path, *options: str) -> Iterator[str]:
    """The sandbox as a process of its own; gives its address."""
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler", "sandbox", "serve", "--port", "0", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def table(rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns; the first to the left, numbers to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
