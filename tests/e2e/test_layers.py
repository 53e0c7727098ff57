"""Variables, overlays and renames through the real command line, up to the live app."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from e2e.tool import Tool

from reconciler.sandbox import Sandbox

APP = """\
app: {id: staged, default_workflow: main}
variables:
  SURE: {type: number, default: 0.9}
concepts: {cat: {}}
concept_relations: [{subject: cat, predicate: synonym, object: clarifai/main/ai_mFqxrph2}]
models:
  mapper: {model_type_id: concept-synonym-mapper}
  sure:
    model_type_id: concept-threshold
    concept_threshold_type: GREATER_THAN_OR_EQUAL
    thresholds: {cat: "${SURE}"}
  label: {model_type_id: annotation-writer, annotation_status: ANNOTATION_SUCCESS, annotation_user_id: me}
workflows:
  main:
    nodes:
      - {id: see, model: clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40}
      - {id: map, model: mapper, node_inputs: [see]}
      - {id: sure, model: sure, node_inputs: [map]}
      - {id: label, model: label, node_inputs: [sure]}
"""


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    (tmp_path / "app.yaml").write_text(APP, "utf-8")
    (tmp_path / "_strict.yaml").write_text("variables: {SURE: {default: 0.95}}\n", "utf-8")
    with Sandbox() as sandbox:
        yield Tool.on(sandbox, tmp_path)


def operations(tool: Tool, *arguments: str) -> list[str]:
    plan = json.loads(tool.done("plan", ".", "--format", "json", *arguments))
    return [f"{o['action']} {o['address']}" for o in plan["operations"]]


CHANGED = ["update model.sure", "update workflow.main"]


def test_values_come_from_default_environment_file_and_command_line(tool: Tool) -> None:
    tool.done("apply", ".", "--auto-approve")
    assert operations(tool) == []
    assert operations(tool, "--var", "SURE=0.9") == []
    assert operations(tool, "--var", "SURE=0.8") == CHANGED
    (tool.folder / "_values.yaml").write_text("SURE: 0.7\n", "utf-8")
    assert operations(tool, "--var-file", "_values.yaml") == CHANGED
    tool.environment["RECONCILER_VAR_SURE"] = "0.6"
    assert operations(tool) == CHANGED
    assert operations(tool, "--var", "SURE=0.9") == []


def test_a_plan_of_an_overlay_is_carried_out_only_while_the_overlay_is_what_it_was(
    tool: Tool,
) -> None:
    tool.done("apply", ".", "--auto-approve")
    tool.done("plan", ".", "--overlay", "_strict.yaml", "-o", "plan.json")
    saved = json.loads((tool.folder / "plan.json").read_text("utf-8"))
    assert saved["source"] == {
        "path": ".",
        "overlays": ["_strict.yaml"],
        "variables": {"SURE": 0.95},
    }
    overlay = tool.folder / "_strict.yaml"
    before = overlay.read_text("utf-8")
    overlay.write_text(before.replace("0.95", "0.96"), "utf-8")
    ended = tool("apply", "plan.json")
    assert (ended.status, "stale plan" in ended.err) == (1, True)
    overlay.write_text(before, "utf-8")
    assert "2 updated" in tool.done("apply", "plan.json")
    assert operations(tool, "--overlay", "_strict.yaml") == []
    ended = tool("apply", "plan.json", "--var", "SURE=0.5")
    assert ended.status == 1
    assert "a plan file says already what it is about" in ended.err


def test_a_rename_keeps_what_inputs_run_through(tool: Tool) -> None:
    tool.done("apply", ".", "--auto-approve")
    text = APP.replace("  sure:\n", "  certain:\n").replace("model: sure,", "model: certain,")
    text += "moved: [{from: model.sure, to: model.certain}]\n"
    (tool.folder / "app.yaml").write_text(text, "utf-8")
    assert operations(tool) == ["rename model.certain"]
    tool.done("plan", ".", "-o", "plan.json")
    assert "1 renamed" in tool.done("apply", "plan.json")
    assert operations(tool) == []


@pytest.mark.parametrize("name", ["--var", "--overlay", "--var-file"])
def test_what_cannot_be_laid_over_is_said_before_anything_is_sent(tool: Tool, name: str) -> None:
    ended = tool("plan", ".", name, "nothing")
    assert (ended.status, ended.out) == (1, "")
    assert "nothing" in ended.err


def test_refreshed_types_come_from_the_service(tool: Tool) -> None:
    ended = tool("validate", ".", "--refresh-types", "--requests")
    assert (ended.status, ended.out) == (0, "")
    assert "GET /v2/users/clarifai/apps/main/models/types -> 200" in ended.err
