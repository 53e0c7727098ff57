"""A manifest that names what another app has, and what is nowhere: refused whole, nothing half written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.tool import Tool, writes

from reconciler.sandbox import Sandbox
from reconciler.sandbox.faults import Fault

MODEL = """\
models:
  sure: {model_type_id: concept-threshold, concept_threshold_type: GREATER_THAN, thresholds: {people: 0.5}}
"""
GENERAL = "clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40"
NOWHERE = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


@pytest.fixture
def tool(sandbox: Sandbox, tmp_path: Path) -> Tool:
    return Tool.on(sandbox, tmp_path)


def manifest(tool: Tool, app: str, rest: str = "") -> Path:
    path = tool.folder / f"{app}.yaml"
    path.write_text(f"app: {{id: {app}}}\nconcepts: [people]\n{rest}", "utf-8")
    return path


def workflow(model: str) -> str:
    return (
        "workflows:\n  w:\n    nodes:\n"
        f"      - {{id: all, model: {GENERAL}}}\n"
        f"      - {{id: sure, model: {model}, node_inputs: [all]}}\n"
    )


def relation(object_: str) -> str:
    return f"concept_relations: [{{subject: people, predicate: synonym, object: {object_}}}]\n"


LACKING = {
    "a concept of another app": (
        relation("me/{app}-other/nothing"),
        '- relation.people.synonym."USER/{app}-other/nothing": concept '
        "'USER/{app}-other/nothing' is not there, or this token may not see it",
    ),
    "a concept of another user": (
        relation("bob/zoo/bear"),
        "- relation.people.synonym.\"bob/zoo/bear\": concept 'bob/zoo/bear' is not there, "
        "or this token may not see it",
    ),
    "a version of a model that has yet to be made": (
        MODEL + workflow(f"sure@{NOWHERE}"),
        f"- workflow.w: model.sure has no version '{NOWHERE}': pin one that it has, or leave the "
        "version out to mean the one that is described here",
    ),
}


@pytest.mark.parametrize("case", LACKING)
def test_what_is_nowhere_is_refused_before_anything_is_written(
    sandbox: Sandbox, tool: Tool, case: str
) -> None:
    app = f"a{list(LACKING).index(case)}"
    rest, said = (text.replace("{app}", app) for text in LACKING[case])
    tool.done("apply", manifest(tool, f"{app}-other"), "--auto-approve")
    sandbox.clear_requests()
    ended = tool("apply", manifest(tool, app, rest), "--auto-approve")
    assert (ended.status, ended.out) == (1, "")
    assert said.replace("USER", sandbox.user_id) in ended.err.splitlines()
    assert writes(sandbox) == []


def test_a_version_that_the_model_does_not_have_any_more(sandbox: Sandbox, tool: Tool) -> None:
    path = manifest(tool, "gone", MODEL + workflow("sure"))
    tool.done("apply", path, "--auto-approve")
    manifest(tool, "gone", MODEL + workflow(f"sure@{NOWHERE}"))
    sandbox.clear_requests()
    ended = tool("apply", path, "--auto-approve")
    assert ended.status == 1
    assert f"- workflow.w: model.sure has no version '{NOWHERE}'" in ended.err
    assert writes(sandbox) == []
    assert "Left out (--exclude): workflow.w" in tool.done("plan", path, "--exclude", "workflow.w")


def test_what_is_there_is_taken(tool: Tool) -> None:
    tool.done("apply", manifest(tool, "there"), "--auto-approve")
    path = manifest(tool, "taking", relation("me/there/people"))
    tool.done("apply", path, "--auto-approve")
    assert "No changes." in tool.done("plan", path)


def test_what_the_token_may_not_see_is_named_like_what_is_not_there(
    sandbox: Sandbox, tool: Tool
) -> None:
    path = manifest(tool, "barred", relation("bob/zoo/bear"))
    sandbox.inject(Fault(path="bob/apps/zoo/concepts/bear$", times=0, status=403, code=11007))
    ended = tool("plan", path)
    assert (ended.status, ended.out) == (1, "")
    assert "or this token may not see it" in ended.err
    tool.done("plan", path, "--exclude", 'relation.people.synonym."bob/zoo/bear"')
    sandbox.clear_faults()
