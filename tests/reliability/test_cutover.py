"""Promise 2: stopped after any request, an input goes wholly by the old definition or the new one.

Here an apply is stopped right before and right after each of its writes; with ``LONG`` set, after
each of its requests.
"""

from __future__ import annotations

import os
from itertools import groupby
from pathlib import Path

import pytest
from reliability.cutover import stop, stops
from reliability.matrix import prepare
from reliability.scenarios import SCENARIOS

# what it runs is covered by others, and tracing it would take half as long again
pytestmark = pytest.mark.no_cover

LONG = bool(os.environ.get("LONG"))

ALIKE = {"rename"}
"""What changes nothing for an input."""


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_promise_2_there_is_one_moment_of_change(scenario: str, tmp_path: Path) -> None:
    prepared = prepare(scenario, tmp_path)
    routed = [stop(prepared, k).routed for k in stops(prepared, every=LONG)]
    turns = [name for name, _ in groupby(routed)]
    if SCENARIOS[scenario].at_once:
        assert turns == ["before", "neither", "after"], "relations have no versions"
        assert prepared.at_once, "the plan says so"
    else:
        assert turns == (["alike"] if scenario in ALIKE else ["before", "after"]), routed
