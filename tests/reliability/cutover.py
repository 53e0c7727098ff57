"""Atomic cutover: stop an apply after any request, add pictures, and see by which definition they go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reliability.matrix import Prepared, in_a_folder
from reliability.scenarios import SCENARIOS
from reliability.stage import stage

from reconciler.sandbox.faults import Fault


@dataclass(frozen=True, slots=True)
class Stop:
    """An apply that was stopped after ``k`` requests; what was written about the pictures added then.

    ``routed`` is ``before`` or ``after``, ``alike`` where both definitions say the same, else
    ``neither``.
    """

    scenario: str
    k: int
    routed: str
    written: list[Any]


def stops(prepared: Prepared, *, every: bool = True) -> list[int]:
    """How many requests may have been answered when an apply is stopped: ``every`` number of them,
    or those right before and right after a write."""
    writes = [k for k, (method, _) in enumerate(prepared.requests, 1) if method != "GET"]
    if every:
        return list(range(len(prepared.requests) + 1))
    return sorted({*writes, *(k - 1 for k in writes)})


def stop(prepared: Prepared, k: int) -> Stop:
    """Cuts the line after ``k`` requests, lets the tool end, and adds the pictures."""
    return in_a_folder(lambda folder: _stop(prepared, k, folder))


def _stop(prepared: Prepared, k: int, folder: Path) -> Stop:
    with stage(SCENARIOS[prepared.name], prepared.before, folder) as stage_:
        stage_.sandbox.inject(Fault(drop="before", nth=k + 1, times=0))
        ended = stage_.command("--max-retries", "0")
        assert ended.status == (0 if k == len(prepared.requests) else 1), ended.err
        stage_.sandbox.clear_faults()
        stage_.sandbox.wait_idle()
        written = stage_.probe()
    old, new = (written == routes for routes in prepared.routes)
    routed = "alike" if old and new else "before" if old else "after" if new else "neither"
    return Stop(prepared.name, k, routed, written)
