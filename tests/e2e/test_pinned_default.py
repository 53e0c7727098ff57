"""An app may name its default workflow with a version: then that version runs, whatever is newer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from e2e.conftest import TOKEN, Here

from reconciler.sandbox import Sandbox

GENERAL = "clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40"
MANIFEST = """\
app: {id: pinned, default_workflow: flow, description: TEXT}
concepts: [cat]
models: {sure: {model_type_id: concept-threshold, concept_threshold_type: GREATER_THAN, thresholds: {cat: HIGH}}}
workflows:
  flow:
    nodes:
      - {id: see, model: GENERAL}
      - {id: sure, model: sure, node_inputs: [see]}
""".replace("GENERAL", GENERAL)


class App:
    """An app that a colleague pinned to one version of its default workflow."""

    def __init__(self, sandbox: Sandbox, tool: Here) -> None:
        self.tool, self.path = tool, tool.folder / "app.yaml"
        self._url = f"{sandbox.base_url}/v2/users/me/apps/pinned"
        self._headers = {"Authorization": f"Key {sandbox.token}"}
        self.apply()
        self.newest = self.get("/workflows/flow")["workflow"]["version"]["id"]
        self.pin(self.newest)

    def get(self, path: str) -> Any:
        return requests.get(self._url + path, headers=self._headers, timeout=300).json()

    def default(self) -> Any:
        return self.get("")["app"]["default_workflow"]

    def pin(self, version: str) -> None:
        named = {**self.default(), "version": {"id": version}}
        body = {"app": {"id": "pinned", "default_workflow": named}, "action": "overwrite"}
        answer = requests.patch(self._url, json=body, headers=self._headers, timeout=300)
        assert answer.status_code == 200, answer.text

    def apply(self, text: str = "One.", high: str = "0.5") -> str:
        self.write(text, high)
        return self.tool.done("apply", self.path, "--auto-approve")

    def write(self, text: str = "One.", high: str = "0.5") -> None:
        self.path.write_text(MANIFEST.replace("TEXT", text).replace("HIGH", high))

    def operations(self) -> list[str]:
        plan = json.loads(self.tool.done("plan", self.path, "--format", "json"))
        return [f"{op['action']} {op['address']}" for op in plan["operations"]]


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    with Sandbox(pat=TOKEN) as sandbox:
        yield App(sandbox, Here.on(sandbox, tmp_path, monkeypatch, capsys))


def test_the_newest_version_pinned_is_what_the_manifest_says(app: App) -> None:
    assert app.operations() == []
    app.apply(text="Two.")
    assert app.default()["version"] == {"id": app.newest}
    assert app.operations() == []


def test_promise_2_where_a_version_is_pinned_the_cutover_is_the_switch_to_the_newest(
    app: App,
) -> None:
    app.write(high="0.7")
    assert app.operations() == [
        "update model.sure",
        "update workflow.flow",
        "set_default app.default_workflow",
    ]
    app.apply(high="0.7")
    assert "version" not in app.default()
    assert app.operations() == []


def test_promise_1_an_older_version_that_is_pinned_is_not_what_the_manifest_says(app: App) -> None:
    older = app.newest
    app.apply(high="0.7")
    app.pin(older)
    assert app.operations() == ["set_default app.default_workflow"]
    (finding,) = json.loads(app.tool.done("drift", app.path, "--format", "json"))["findings"]
    assert (finding["address"], finding["cause"]) == ("app.default_workflow", "changed outside")
    assert finding["changes"] == [{"path": "version", "declared": None, "live": older}]
    app.apply(high="0.7")
    assert "version" not in app.default()
    recorded = app.get("")["app"]["metadata"]["reconciler"]
    assert recorded["former_default_workflow"] == "clarifai/main/Universal"
    assert app.operations() == []
