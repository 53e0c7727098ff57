"""The end of a manifest, reviewed first like any other plan."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from e2e.conftest import Here
from e2e.tool import people

from reconciler.sandbox import Sandbox


def test_a_reviewed_end_is_what_runs(here: Here, platform: Sandbox) -> None:
    path = people(here.folder, "ending")
    here.done("apply", path, "--auto-approve")
    shown = here("plan", path, "--destroy", "-o", "end.json", "--detailed-exitcode", "--requests")
    assert shown.status == 2
    assert (
        "Plan: 0 to create, 0 to update, 10 to delete, the default workflow to switch" in shown.out
    )
    assert "DELETE " in shown.out
    assert shown.err.endswith("Carry it out with: reconciler apply end.json\n")
    platform.clear_requests()
    done = here.done("apply", "end.json")
    assert "Apply complete: 10 deleted, default workflow switched." in done
    sent = [f"{one.method} {one.path}" for one in platform.requests() if one.method != "GET"]
    planned = [
        line.split(" ", 3)
        for line in shown.out.splitlines()
        if " DELETE " in line or " PATCH " in line
    ]
    assert len(sent) == len(planned)
    assert here.done("plan", path, "--destroy").startswith("No changes.")
    again = here("apply", "end.json")
    assert again.status == 1
    assert "stale plan" in again.err


def test_the_app_goes_along_only_where_the_plan_says_so(here: Here) -> None:
    path = people(here.folder, "leaving")
    here.done("apply", path, "--auto-approve")
    here.done("plan", path, "--destroy", "--delete-app", "-o", "end.json")
    (operation,) = json.loads(Path("end.json").read_text("utf-8"))["operations"]
    assert (operation["action"], operation["address"]) == ("delete", "app")
    here.done("apply", "end.json")
    assert here("drift", path, "--detailed-exitcode").status == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(("--delete-app",), "--delete-app belongs to --destroy", id="half of it"),
        pytest.param(("--destroy", "--prune"), "it goes with --delete-app", id="prune"),
        pytest.param(
            ("--destroy", "--target", "model.confident"),
            "it goes with --delete-app",
            id="a part",
        ),
        pytest.param(
            ("--destroy", "--refresh", "only"), "leave out -o, --compare", id="a look at drift"
        ),
    ],
)
def test_what_does_not_go_with_an_end(here: Here, arguments: tuple[str, ...], told: str) -> None:
    ended = here("plan", people(here.folder, "mixed"), *arguments)
    assert (ended.status, ended.out) == (1, "")
    assert told in ended.err
