"""Promise 3: disturbed at any request and run again, an apply ends where it would have ended.

Every scenario meets every fault at three requests; with ``LONG`` set, at every request.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from reliability.faults import FAULTS
from reliability.matrix import Prepared, attempt, differences, prepare
from reliability.scenarios import SCENARIOS

LONG = bool(os.environ.get("LONG"))

Prepare = Callable[[str], Prepared]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepare:
    return cache(lambda name: prepare(name, tmp_path_factory.mktemp("scenario")))


@pytest.mark.parametrize("fault", [name for name in FAULTS if LONG or not FAULTS[name].rare])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_promise_3_run_again_it_ends_in_the_same_state(
    scenario: str, fault: str, prepared: Prepare, tmp_path: Path
) -> None:
    given = prepared(scenario)
    places = given.places(fault) if LONG else given.three(fault)
    assert places, "the fault meets no request"
    cases = [attempt(given, fault, k, tmp_path / str(k)) for k in places]
    assert [str(case) for case in cases if case.problems] == []


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_writes_and_shows_it(scenario: str, prepared: Prepare) -> None:
    """Else nothing that the matrix says of it would mean anything."""
    given = prepared(scenario)
    assert [method for method, _ in given.requests if method != "GET"]
    assert given.planned
    assert given.final is not None


def test_a_state_that_differs_is_told() -> None:
    wanted = {"versions": {"sure": ["a"]}, "app": [{"id": "park"}]}
    assert list(differences("", wanted, wanted)) == []
    found = {"versions": {"sure": ["a", "a"]}, "app": [{"id": "mill"}]}
    assert list(differences("", wanted, found)) == [
        "the state differs at /app/0/id: 'park' was wanted, 'mill' is there",
        "the state differs at /versions/sure: ['a'] was wanted, ['a', 'a'] is there",
    ]
