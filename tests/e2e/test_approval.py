"""Nothing is written before somebody said yes; and what a terminal sees."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from e2e.conftest import Here
from e2e.terminal import Terminal
from e2e.tool import Tool, people, writes

from reconciler.sandbox import Sandbox

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
QUESTION = "Carry out 15 operations on sandbox-user/"


@pytest.fixture
def tool(platform: Sandbox, tmp_path: Path) -> Tool:
    platform.clear_faults()
    platform.clear_requests()
    return Tool.on(platform, tmp_path)


@pytest.mark.parametrize("format_", ["text", "json"])
def test_without_a_terminal_it_needs_auto_approve(
    here: Here, platform: Sandbox, format_: str
) -> None:
    ended = here("apply", people(here.folder, "alone"), "--format", format_)
    assert ended.status == 1
    assert ended.err.startswith(
        "error: nobody is there to confirm this plan, so nothing was written\n  add --auto-approve"
    )
    assert writes(platform) == []


def test_input_that_is_no_terminal_is_not_taken_for_a_yes(tool: Tool, platform: Sandbox) -> None:
    ended = tool("apply", people(tool.folder, "piped"), stdin="y\n")
    assert ended.status == 1
    assert writes(platform) == []


@pytest.mark.parametrize("answer", ["n\n", "\n", "\x04", "\x03"], ids=["n", "enter", "end", "^C"])
def test_anything_but_yes_writes_nothing(tool: Tool, platform: Sandbox, answer: str) -> None:
    with Terminal(tool, "apply", people(tool.folder, "no")) as terminal:
        terminal.wait_for("[y/N]:")
        assert f"{QUESTION}no on http://127.0.0.1" in terminal.seen
        assert "workflow.auto-annotation" in terminal.seen
        terminal.type(answer)
        ended = terminal.end(again=answer)
    assert ended.status == 1
    assert "not confirmed, so nothing was written" in ended.out
    assert writes(platform) == []


def test_yes_applies_with_progress_and_colour(tool: Tool, platform: Sandbox) -> None:
    path = people(tool.folder, "yes")
    with Terminal(tool, "apply", path) as terminal:
        terminal.wait_for("[y/N]:")
        terminal.type("y\n")
        ended = terminal.end()
    assert ended.status == 0
    assert ESCAPE.search(ended.out)
    plain = ESCAPE.sub("", ended.out)
    assert "model.confident  created (version " in plain
    assert "Apply complete: 14 created, default workflow switched." in plain
    with Terminal(tool, "apply", path) as terminal:  # nothing to do, nothing to ask
        ended = terminal.end()
    assert ended.status == 0
    assert "No changes." in ESCAPE.sub("", ended.out)


def test_json_with_a_terminal_shows_what_it_asks_about(tool: Tool) -> None:
    path = people(tool.folder, "asked")
    with Terminal(tool, "apply", path, "--format", "json", stdout=subprocess.PIPE) as terminal:
        terminal.wait_for("[y/N]:")
        assert "workflow.auto-annotation" in terminal.seen
        terminal.type("y\n")
        ended = terminal.end()
    assert ended.status == 0
    document, _ = json.JSONDecoder().raw_decode(ended.out)
    assert document["complete"] is True


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--no-color"], {}),
        ([], {"NO_COLOR": "1"}),
        ([], {"RECONCILER_NO_COLOR": "yes"}),
        ([], {"TERM": "dumb"}),
    ],
    ids=["--no-color", "NO_COLOR", "RECONCILER_NO_COLOR", "TERM=dumb"],
)
def test_colour_can_be_refused(
    tool: Tool, arguments: list[str], environment: dict[str, str]
) -> None:
    path = people(tool.folder, "grey")
    broken = tool.folder / "broken.yaml"
    broken.write_text("app: {id: a}\nmodel: {}\n", "utf-8")
    plain = Tool(tool.folder, tool.base_url, tool.token, environment)
    for command in (("plan", path), ("plan", broken), ("validate", broken)):
        with Terminal(plain, *command, *arguments) as terminal:
            assert not ESCAPE.search(terminal.end().out)
        with Terminal(tool, *command) as terminal:
            assert ESCAPE.search(terminal.end().out)


def test_a_saved_plan_is_never_asked_about(here: Here, platform: Sandbox) -> None:
    here.done("plan", people(here.folder, "saved"), "-o", "plan.json")
    assert writes(platform) == []
    assert "Apply complete: 14 created" in here.done("apply", "plan.json")
