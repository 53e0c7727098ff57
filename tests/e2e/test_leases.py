"""Two at once: a lease is held, waited for, ended, and watched until the cutover."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from e2e.tool import Tool, eventually

from reconciler.call import Call, Target
from reconciler.errors import LeaseError
from reconciler.execution.lease import Clock, take
from reconciler.sandbox import Sandbox
from reconciler.sandbox.faults import Fault

MANIFEST = """\
app: {id: leased, default_workflow: main}
concepts: [cat]
models:
  sure: {model_type_id: concept-threshold, concept_threshold_type: GREATER_THAN, thresholds: {cat: %s}}
workflows:
  main:
    nodes:
      - {id: general, model: clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40}
      - {id: sure, model: sure, node_inputs: [general]}
"""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


@pytest.fixture
def tool(sandbox: Sandbox, tmp_path: Path) -> Tool:
    return Tool.on(sandbox, tmp_path)


@pytest.fixture
def manifest(tool: Tool) -> Path:
    path = tool.folder / "app.yaml"
    path.write_text(MANIFEST % 0.5)
    tool.done("apply", path, "--auto-approve")
    path.write_text(MANIFEST % 0.6)
    return path


def app_of(sandbox: Sandbox) -> dict[str, object]:
    headers = {"Authorization": f"Key {sandbox.token}"}
    url = f"{sandbox.base_url}/v2/users/{sandbox.user_id}/apps/leased"
    found: dict[str, object] = requests.get(url, headers=headers, timeout=300).json()["app"]
    return found


def lease(sandbox: Sandbox, holder: str, expires: str) -> None:
    """Somebody else's lease, put there as the API puts it."""
    put(sandbox, {"holder": holder, "started": "2026-01-01T00:00:00Z", "expires": expires})


def put(sandbox: Sandbox, held: object) -> None:
    """What stands where a lease stands."""
    body = {
        "apps": [{"id": "leased", "metadata": {"reconciler": {"leases": {"apply": held}}}}],
        "action": "overwrite",
        "metadata_action": {"op": "merge", "merge_conflict_resolution": "do_nothing"},
    }
    headers = {"Authorization": f"Key {sandbox.token}"}
    url = f"{sandbox.base_url}/v2/users/{sandbox.user_id}/apps"
    assert requests.patch(url, json=body, headers=headers, timeout=300).status_code == 200


def in_flight(sandbox: Sandbox) -> bool:
    """Whether a request has come to the slow place that the test planted."""
    answer = requests.get(f"{sandbox.base_url}/_sandbox/faults", timeout=300).json()
    return all(fault["hit"] for fault in answer["faults"])


def leases(sandbox: Sandbox) -> object:
    metadata = app_of(sandbox)["metadata"]
    assert isinstance(metadata, dict)
    return metadata["reconciler"].get("leases", {})


def test_a_lease_is_taken_before_the_plan_and_ended_after_it(
    sandbox: Sandbox, tool: Tool, manifest: Path
) -> None:
    sandbox.clear_requests()
    tool.done("apply", manifest, "--auto-approve", "--lock-timeout", "0")
    writes = [(r.method, r.path) for r in sandbox.requests() if r.method != "GET"]
    apps = ("PATCH", "/v2/users/me/apps")
    assert (writes[0], writes[-1]) == (apps, apps)
    assert leases(sandbox) == {}


def test_without_the_option_nobody_hears_of_leases(
    sandbox: Sandbox, tool: Tool, manifest: Path
) -> None:
    lease(sandbox, "ada@laptop", "2999-01-01T00:00:00Z")
    tool.done("apply", manifest, "--auto-approve")
    assert "apply" in str(leases(sandbox)), "what it does not name survives its own updates"


def test_anothers_lease_is_named_and_nothing_sent(
    sandbox: Sandbox, tool: Tool, manifest: Path
) -> None:
    lease(sandbox, "ada@laptop", "2999-01-01T00:00:00Z")
    sandbox.clear_requests()
    ended = tool("apply", manifest, "--auto-approve", "--lock-timeout", "0.2")
    assert (ended.status, ended.out) == (1, "")
    assert (
        "error: the app is leased to ada@laptop since 2026-01-01T00:00:00Z, until "
        "2999-01-01T00:00:00Z at the latest" in ended.err
    )
    assert "reconciler unlock PATH" in ended.err
    assert {r.method for r in sandbox.requests()} == {"GET"}


def test_unlock_ends_it_and_a_lease_that_ran_out_is_taken(
    sandbox: Sandbox, tool: Tool, manifest: Path
) -> None:
    lease(sandbox, "ada@laptop", "2999-01-01T00:00:00Z")
    assert tool.done("unlock", manifest) == (
        "Ended the lease of ada@laptop since 2026-01-01T00:00:00Z, until 2999-01-01T00:00:00Z "
        "at the latest.\n"
    )
    assert leases(sandbox) == {}
    assert "no lease on leased" in tool("unlock", manifest).err
    lease(sandbox, "ada@laptop", "2020-01-01T00:00:00Z")
    tool.done("apply", manifest, "--auto-approve", "--lock-timeout", "0")
    assert leases(sandbox) == {}


def test_a_lease_that_is_lost_stops_the_cutover(
    sandbox: Sandbox, tool: Tool, manifest: Path
) -> None:
    """The version's POST waits; meanwhile somebody ends the lease."""
    sandbox.inject(Fault(method="POST", path=r"/versions$", latency_ms=3_600_000))
    process = tool.start("apply", manifest, "--auto-approve", "--lock-timeout", "0")
    headers = {"Authorization": f"Key {sandbox.token}"}
    url = f"{sandbox.base_url}/v2/users/{sandbox.user_id}/apps"
    eventually(lambda: in_flight(sandbox), "the version's POST")
    body = {
        "apps": [{"id": "leased"}],
        "action": "overwrite",
        "metadata_action": {"op": "delete", "path": "reconciler.leases.apply"},
    }
    assert requests.patch(url, json=body, headers=headers, timeout=300).status_code == 200
    sandbox.clear_faults()
    ended = tool.end(process)
    assert ended.status == 1
    assert "failed   update workflow.main" in ended.out
    assert "the lease on the app is lost: somebody ended it" in ended.out
    plan = json.loads(tool.done("plan", manifest, "--format", "json"))
    assert [op["address"] for op in plan["operations"]] == ["model.sure", "workflow.main"]
    assert plan["operations"][0]["version"] != "new", "the version stands and is used again"


@pytest.mark.parametrize("held", ["junk", 7, ["a"], {"holder": ""}, {"expires": "2999-01-01"}])
def test_what_is_no_lease_is_nobodys_and_unlock_ends_it(
    sandbox: Sandbox, tool: Tool, manifest: Path, held: object
) -> None:
    put(sandbox, held)
    sandbox.clear_requests()
    ended = tool("apply", manifest, "--auto-approve", "--lock-timeout", "0.1")
    assert (ended.status, ended.out) == (1, "")
    assert "error: the app is leased to somebody unnamed" in ended.err
    assert {r.method for r in sandbox.requests()} == {"GET"}
    assert "Ended the lease of somebody unnamed" in tool.done("unlock", manifest)
    assert leases(sandbox) == {}


class Forgetful:
    """A service that takes every write of metadata and keeps none."""

    def __init__(self) -> None:
        self.now = 0.0
        self.writes = 0

    def get(self, call: Call) -> Any:
        del call
        return {"app": {"id": "leased", "metadata": {}}}

    def get_all(self, calls: Any) -> Any:
        raise NotImplementedError

    read_list = read_lists = get_all

    def send(self, call: Call) -> Any:
        del call
        self.writes += 1

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> Clock:
        return Clock(lambda: datetime.now(UTC), lambda: self.now, self.sleep)


@pytest.mark.parametrize("timeout", [0.0, 60.0])
def test_a_lease_that_the_service_never_shows_is_given_up(timeout: float) -> None:
    service = Forgetful()
    with pytest.raises(LeaseError, match="does not show the lease"):
        take(
            service,
            Target("ada", "leased"),
            "ada@laptop-1",
            seconds=60,
            timeout=timeout,
            clock=service.clock(),
        )
    assert service.now >= timeout
    assert service.writes < 30
