"""How many requests a plan and an apply may send, counted at the sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests
import yaml
from e2e.tool import MANIFESTS, Tool

from reconciler.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Sandbox:
    with Sandbox() as running:
        yield running


def counted(sandbox: Sandbox, method: str = "") -> list[str]:
    """What was asked since the log was last cleared."""
    return [f"{r.method} {r.path}" for r in sandbox.requests() if method in ("", r.method)]


def write(folder: Path, manifest: object) -> Path:
    path = folder / "app.yaml"
    path.write_text(yaml.safe_dump(manifest), "utf-8")
    return path


def test_a_no_op_plan_sends_one_request_for_the_app_and_one_a_list(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    tool = Tool.on(sandbox, tmp_path)
    tool.done("apply", MANIFESTS / "people", "--auto-approve")
    sandbox.clear_requests()
    assert tool.done("plan", MANIFESTS / "people", "--detailed-exitcode").startswith("No changes.")
    app = "/v2/users/sandbox-user/apps/people-auto-annotation"
    assert sorted(counted(sandbox)) == [
        "GET /v2/users/me/apps/people-auto-annotation",
        f"GET {app}/concepts",
        f"GET {app}/concepts/relations",
        f"GET {app}/models",
        f"GET {app}/workflows",
    ]


def test_an_unpinned_external_model_costs_one_request_more(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    text = (MANIFESTS / "people" / "app.yaml").read_text("utf-8")
    pin = "@aa7f35c01e0642fda5cf400f543e7c40"
    assert pin in text
    (tmp_path / "app.yaml").write_text(text.replace(pin, ""), "utf-8")
    tool = Tool.on(sandbox, tmp_path)
    tool.done("apply", "app.yaml", "--auto-approve")
    sandbox.clear_requests()
    assert tool.done("plan", "app.yaml").startswith("No changes.")
    assert len(counted(sandbox)) == 6


def test_a_pinned_version_that_is_not_the_newest_costs_one_request_more(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    tool = Tool.on(sandbox, tmp_path)
    tool.done("apply", MANIFESTS / "people", "--auto-approve")
    _post_version(sandbox, "people-auto-annotation", "confident", 0.2)
    sandbox.clear_requests()
    out = tool.done("plan", MANIFESTS / "people")
    assert out.startswith("No changes.")
    assert (
        "\nVersions newer than ours, or made twice, that nothing here uses: model.confident (1)\n"
        in out
    )
    assert len(counted(sandbox)) == 6
    (told,) = json.loads(tool.done("plan", MANIFESTS / "people", "--format", "json"))["warnings"]
    assert told.startswith("model.confident: newer versions, or copies, that nothing here uses: ")


def test_a_thousand_concepts_take_at_most_eight_writes(sandbox: Sandbox, tmp_path: Path) -> None:
    tool = Tool.on(sandbox, tmp_path)
    write(tmp_path, {"app": {"id": "app"}})
    tool.done("apply", "app.yaml", "--auto-approve")
    write(tmp_path, {"app": {"id": "app"}, "concepts": [f"c{n}" for n in range(1000)]})
    sandbox.clear_requests()
    tool.done("apply", "app.yaml", "--auto-approve", "--max-rps", "1000")
    writes = [line for line in counted(sandbox) if not line.startswith("GET")]
    assert len(writes) <= 8, writes
    sandbox.clear_requests()
    assert tool.done("plan", "app.yaml").startswith("No changes.")
    assert len(counted(sandbox)) == 1 + 2 + 3  # a full page of 1000 says nothing of the next one


def test_the_digest_is_no_blindfold(sandbox: Sandbox, tmp_path: Path) -> None:
    tool = Tool.on(sandbox, tmp_path)
    tool.done("apply", MANIFESTS / "people", "--auto-approve")
    base = f"{sandbox.base_url}/v2/users/me/apps/people-auto-annotation/models/confident/versions"
    headers = {"Authorization": f"Key {sandbox.token}"}
    (version,) = requests.get(base, headers=headers, timeout=300).json()["model_versions"]
    concepts = [{"id": id_, "value": 0.5} for id_ in ("people", "man", "adult")]
    changed = {
        "model_versions": [{"id": version["id"], "output_info": {"data": {"concepts": concepts}}}],
        "action": "merge",
    }
    answer = requests.patch(base, headers=headers, json=changed, timeout=300)
    assert answer.json()["status"]["code"] == 10000
    ended = tool("plan", MANIFESTS / "people", "--detailed-exitcode")
    assert ended.status == 2
    assert "thresholds.adult" in ended.out
    assert "0.5 -> 0.95" in ended.out


def _post_version(sandbox: Sandbox, app: str, model: str, threshold: float) -> None:
    """What somebody clicks together in the portal."""
    concepts = [{"id": id_, "value": threshold} for id_ in ("people", "man", "adult")]
    output_info = {"data": {"concepts": concepts}, "params": {"concept_threshold_type": 1}}
    answer = requests.post(
        f"{sandbox.base_url}/v2/users/me/apps/{app}/models/{model}/versions",
        headers={"Authorization": f"Key {sandbox.token}"},
        json={"model_versions": [{"output_info": output_info}]},
        timeout=300,
    )
    assert answer.json()["status"]["code"] == 10000, answer.text
