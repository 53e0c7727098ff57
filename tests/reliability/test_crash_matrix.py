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
from reliability.matrix import Prepared, attempt, differences, prepare, weather
from reliability.scenarios import SCENARIOS
from reliability.stage import stage

from reconciler.sandbox.faults import Fault

# what it runs is covered by others, and tracing it would take half as long again
pytestmark = pytest.mark.no_cover

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
def test_promise_3_in_bad_weather_with_many_requests_at_a_time(
    scenario: str, prepared: Prepare, tmp_path: Path
) -> None:
    seeds = range(20 if LONG else 2)
    cases = [weather(prepared(scenario), seed, tmp_path / str(seed)) for seed in seeds]
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


def test_a_version_that_no_read_showed_in_time_is_never_pinned_beside_its_twin(
    prepared: Prepare, tmp_path: Path
) -> None:
    """Reads lag for longer than the tool looks, so that it has to send the version again."""
    given = prepared("change thresholds")
    k = next(k for k in given.places("500") if given.requests[k - 1][0] == "POST")
    with stage(SCENARIOS[given.name], given.before, tmp_path) as stage_:
        stage_.sandbox.inject(Fault(nth=k, drop="after", stale_seconds=3600))
        first = stage_.command("--read-back-timeout", "0")
        assert first.status == 1, "what reads show cannot be proven"
        stage_.sandbox.clear_faults()
        assert stage_.command().status == 0
        assert stage_.plan().is_empty
        found = stage_.state()
    twins = [
        versions for versions in found["versions"].values() if len(set(versions)) < len(versions)
    ]
    assert [len(versions) for versions in twins] == [3], (
        "one model, its old version and two new ones"
    )
    found["versions"] = given.final["versions"]
    found["models"] = given.final["models"]
    assert list(differences("", given.final, found)) == []
