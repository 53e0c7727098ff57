"""Ctrl-C, with real signals: once to finish what is in flight, twice to stop at once."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from e2e.tool import Tool, eventually, people, writes

from reconciler.sandbox import Sandbox
from reconciler.sandbox.faults import Fault

APPLY = ("apply", "--auto-approve", "--parallelism", "1")
"""One request at a time, so that it is known which one is in flight."""

NEVER = 3_600_000
"""Milliseconds until an answer, unless the faults are cleared: who waits for it fails, on any machine."""

STOPPING = "stopping once the requests in flight are answered (Ctrl-C again: at once)\n"


@pytest.fixture
def tool(platform: Sandbox, tmp_path: Path) -> Iterator[Tool]:
    platform.clear_faults()
    platform.clear_requests()
    yield Tool.on(platform, tmp_path)
    platform.clear_faults()


def in_flight(platform: Sandbox) -> bool:
    """Whether a request has come to the slow place that a test planted."""
    (fault,) = requests.get(f"{platform.base_url}/_sandbox/faults", timeout=300).json()["faults"]
    return bool(fault["hit"])


def begin(tool: Tool, platform: Sandbox, slow: Fault, *arguments: object) -> subprocess.Popen[str]:
    """A command that has reached the slow place."""
    platform.inject(slow)
    running = tool.start(*map(str, arguments))
    eventually(lambda: in_flight(platform) or running.poll() is not None, "the slow request")
    assert running.poll() is None, tool.end(running)
    return running


def next_line(running: subprocess.Popen[str]) -> str:
    assert running.stderr is not None
    return running.stderr.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_one_lets_the_requests_in_flight_finish(
    tool: Tool, platform: Sandbox, number: signal.Signals
) -> None:
    app = f"once-{number.name.lower()}"
    path = people(tool.folder, app)
    slow = Fault(method="POST", path=f"{app}/concepts$", times=0, latency_ms=NEVER)
    running = begin(tool, platform, slow, *APPLY, path)
    running.send_signal(number)
    assert next_line(running) == STOPPING
    platform.clear_faults()  # the answer comes
    ended = tool.end(running)
    assert ended.status == 1
    assert "Apply incomplete: 4 done (4 created), 11 stopped." in ended.out
    assert "stopped  create relation.adult.synonym" in ended.out
    assert "Run the same apply again" in ended.out
    assert writes(platform, f"{app}/") == [f"POST /v2/users/sandbox-user/apps/{app}/concepts"]
    tool.done("apply", path, "--auto-approve")
    assert tool.done("plan", path).startswith("No changes.")


def test_json_of_an_apply_that_was_stopped(tool: Tool, platform: Sandbox) -> None:
    path = people(tool.folder, "stopped-json")
    slow = Fault(method="POST", path="stopped-json/concepts$", times=0, latency_ms=NEVER)
    running = begin(tool, platform, slow, *APPLY, path, "--format", "json")
    running.send_signal(signal.SIGINT)
    assert next_line(running) == STOPPING
    platform.clear_faults()
    ended = tool.end(running)
    assert ended.status == 1
    counts = json.loads(ended.out)["counts"]
    assert (counts["done"], counts["stopped"]) == (4, 11)


def test_the_second_one_stops_at_once_and_says_what_is_unknown(
    tool: Tool, platform: Sandbox
) -> None:
    path = people(tool.folder, "twice")
    concepts = "/v2/users/sandbox-user/apps/twice/concepts"
    slow = Fault(method="POST", path="twice/concepts$", times=0, latency_ms=NEVER)
    running = begin(tool, platform, slow, *APPLY, path)
    running.send_signal(signal.SIGINT)
    assert next_line(running) == STOPPING
    running.send_signal(signal.SIGINT)
    ended = tool.end(running)
    assert ended.status == 1
    assert "Apply incomplete: 1 done (1 created), 3 unknown, 11 stopped." in ended.out
    assert "unknown  create concept.adult, create concept.man, create concept.people" in ended.out
    assert ended.err == "interrupted\n"
    platform.clear_faults()  # the concepts are made after all
    eventually(lambda: f"POST {concepts}" in writes(platform), "the end of what is unknown")
    tool.done("apply", path, "--auto-approve")
    assert tool.done("plan", path).startswith("No changes.")


@pytest.mark.parametrize("command", ["plan", "apply"])
@pytest.mark.parametrize("place", ["apps/reading$", "apps/reading/concepts$"])
def test_while_reading_once_is_enough(
    tool: Tool, platform: Sandbox, command: str, place: str
) -> None:
    path = people(tool.folder, "reading")
    tool.done("apply", path, "--auto-approve")
    platform.clear_requests()
    slow = Fault(method="GET", path=place, times=0, latency_ms=NEVER)
    running = begin(tool, platform, slow, command, path)
    running.send_signal(signal.SIGINT)
    ended = tool.end(running)
    assert (ended.status, ended.out, ended.err) == (1, "", "interrupted\n")
    assert writes(platform, "apps/reading") == []


def test_while_proving_the_report_comes_first(tool: Tool, platform: Sandbox) -> None:
    """All is written and acknowledged when somebody loses patience with the last reads."""
    path = people(tool.folder, "proving")
    slow = Fault(method="GET", path="proving/workflows$", nth=1, times=0, latency_ms=NEVER)
    running = begin(tool, platform, slow, *APPLY, path)
    running.send_signal(signal.SIGINT)
    ended = tool.end(running)
    assert ended.status == 1
    assert "Apply complete: 14 created, default workflow switched." in ended.out
    assert "it is not proven that it took all of this" in ended.err
    assert ended.err.endswith("interrupted\n")
