"""Promise 7: a switch of the default workflow says what it may cost, and asks for nothing unasked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.tool import Tool
from PIL import Image

from reconciler.sandbox import Sandbox

NODES = "{id: all, model: clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40}"
MANIFEST = """\
app: {id: APP, default_workflow: clarifai/main/Empty}
workflows:
  own: {nodes: [NODES]}
""".replace("NODES", NODES)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


@pytest.fixture
def tool(sandbox: Sandbox, tmp_path: Path) -> Tool:
    return Tool.on(sandbox, tmp_path)


def standing(tool: Tool, app: str) -> Path:
    """An app with three inputs whose default is to be switched."""
    manifest = tool.folder / "app.yaml"
    manifest.write_text(MANIFEST.replace("APP", app))
    tool.done("apply", manifest, "--auto-approve")
    for number in range(3):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tool.folder / f"{number}.png")
    pictures = sorted(tool.folder.glob("*.png"))
    tool.done("inputs", "add", manifest, *pictures, "--wait")
    manifest.write_text(MANIFEST.replace("APP", app).replace("clarifai/main/Empty", "own"))
    return manifest


def reindexes(sandbox: Sandbox, app: str, tool: Tool) -> int:
    import requests

    url = f"{sandbox.base_url}/v2/users/{sandbox.user_id}/apps/{app}/inputs/status"
    headers = {"Authorization": f"Key {tool.token}"}
    counts = requests.get(url, headers=headers, timeout=300).json()["counts"]
    return int(counts["reindexed"] + counts["to_reindex"] + counts["reindexing"])


def test_promise_7_the_plan_says_inputs_times_nodes_and_apply_how_they_stand(
    sandbox: Sandbox, tool: Tool
) -> None:
    manifest = standing(tool, "told")
    text = tool.done("plan", manifest)
    assert (
        "      New inputs run through it from then on. Whether the platform then re-indexes those that "
        "are\n      already there is undocumented: 3 inputs x 1 node = 3 model runs; no reindex is "
        "asked for.\n"
    ) in text
    plan = json.loads(tool.done("plan", manifest, "--format", "json"))
    assert plan["switch"] == {"workflow": "own", "inputs": 3, "nodes": 1, "reindex": False}
    done = tool.done("apply", manifest, "--auto-approve")
    assert done.endswith(
        "Apply complete: default workflow switched.\nInputs after the switch: 3 processed.\n"
    )
    assert reindexes(sandbox, "told", tool) == 0


def test_promise_7_a_reindex_is_asked_for_only_by_its_option(sandbox: Sandbox, tool: Tool) -> None:
    manifest, saved = standing(tool, "asked"), tool.folder / "plan.json"
    text = tool.done("plan", manifest, "--reindex", "-o", saved)
    assert "is asked for: 3 inputs x 1 node = 3 model runs." in " ".join(text.split())
    outcome = json.loads(tool.done("apply", saved, "--format", "json"))
    counted = outcome["inputs_status"]
    assert sum(counted[name] for name in ("processed", "processing", "to_process", "errors")) == 3
    assert reindexes(sandbox, "asked", tool) == 3


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_promise_7_an_app_with_many_inputs_needs_to_be_asked_for(
    command: str, sandbox: Sandbox, tool: Tool
) -> None:
    manifest = standing(tool, f"many-{command}")
    more = () if command == "plan" else ("--auto-approve",)
    sandbox.clear_requests()
    ended = tool(command, manifest, "--switch-limit", "2", *more)
    assert (ended.status, ended.out) == (1, "")
    assert (
        "- app.default_workflow: the app has 3 inputs, more than 2, and a switch may make the "
        "platform run the new workflow over all of them: if that is meant, allow it with "
        "--allow-default-switch\n"
    ) in ended.err
    assert {request.method for request in sandbox.requests()} == {"GET"}
    tool.done(command, manifest, "--switch-limit", "2", "--allow-default-switch", *more)
    tool.done(command, manifest, "--switch-limit", "3", *more)


def test_a_default_of_another_app_that_is_not_there_is_refused(tool: Tool) -> None:
    manifest = tool.folder / "app.yaml"
    manifest.write_text("app: {id: lost, default_workflow: clarifai/main/Nothing}\n")
    ended = tool("plan", manifest)
    assert (ended.status, ended.out) == (1, "")
    assert (
        "- app.default_workflow: workflow 'clarifai/main/Nothing' is not there, or this token may "
        "not see it\n"
    ) in ended.err
