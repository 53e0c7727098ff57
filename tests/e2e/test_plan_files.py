"""A reviewed plan is what runs, or nothing is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from e2e.conftest import TOKEN, Here
from e2e.tool import people, writes

from reconciler.sandbox import Sandbox
from reconciler.sandbox.faults import Fault
from reconciler.values import digest

RAISE = ("man: 0.1, adult: 0.1}", "man: 0.1, adult: 0.2}")
"""A higher floor under the doubtful path."""


def raised(path: Path) -> None:
    old, new = RAISE
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def refused(here: Here, platform: Sandbox, *arguments: str | Path) -> str:
    """The message of an apply that sent nothing but reads."""
    platform.clear_requests()
    ended = here("apply", "plan.json", *arguments)
    assert (ended.status, ended.out) == (1, "")
    assert writes(platform) == []
    return ended.err


@pytest.fixture
def planned(here: Here, request: pytest.FixtureRequest) -> Path:
    """An applied manifest with one threshold raised since, and plan.json for that."""
    app = request.node.name.replace("_", "-").split("[")[0][:40].strip("-")
    path = people(here.folder, app)
    here.done("apply", path, "--auto-approve")
    raised(path)
    out = here("plan", path, "-o", "plan.json")
    assert out.err == "Plan written to plan.json. Carry it out with: reconciler apply plan.json\n"
    return path


def test_a_plan_that_still_holds_is_carried_out(here: Here, planned: Path) -> None:
    document = json.loads((here.folder / "plan.json").read_text("utf-8"))
    actions = [(one["action"], one["address"]) for one in document["operations"]]
    assert actions == [("update", "model.plausible"), ("update", "workflow.auto-annotation")]
    assert "Apply complete: 2 updated." in here.done("apply", "plan.json")
    assert here.done("plan", planned).startswith("No changes.")


def test_it_is_stale_once_carried_out(here: Here, planned: Path, platform: Sandbox) -> None:
    here.done("apply", "plan.json")
    said = refused(here, platform)
    assert said.startswith("error: stale plan:\n")
    assert "model.plausible thresholds.adult: planned against 0.1, found 0.2, as wanted" in said
    assert "make a new plan" in said


def test_it_runs_without_its_manifest(here: Here, planned: Path) -> None:
    planned.unlink()
    assert "Apply complete: 2 updated." in here.done("apply", "plan.json")


def test_a_manifest_that_moved(here: Here, planned: Path, platform: Sandbox) -> None:
    planned.write_text(planned.read_text("utf-8") + "\n# a remark\n", "utf-8")
    said = refused(here, platform)
    assert "stale plan:" in said
    assert f"{planned}: the manifest's files are not those the plan was made from" in said
    planned.write_text("nonsense: [", "utf-8")
    assert f"the manifest has problems now (reconciler validate {planned})" in refused(
        here, platform
    )


def test_an_app_that_moved(here: Here, planned: Path, platform: Sandbox) -> None:
    """Somebody else raises the same threshold, further."""
    text = planned.read_text("utf-8")
    further = people(here.folder / "else", planned.stem)
    further.write_text(text.replace("adult: 0.2}", "adult: 0.3}"), "utf-8")
    here.done("apply", further, "--auto-approve")
    said = refused(here, platform)
    assert "stale plan:" in said
    assert "model.plausible thresholds.adult: planned against 0.1, found 0.3" in said
    assert planned.read_text("utf-8") == text


def test_a_plan_that_was_half_carried_out_is_stale(
    here: Here, planned: Path, platform: Sandbox
) -> None:
    app = planned.stem
    platform.inject(Fault(method="PATCH", path=f"{app}/workflows", status=400, code=11102))
    ended = here("apply", "plan.json")
    assert ended.status == 1
    assert "Apply incomplete: 1 done (1 updated), 1 failed." in ended.out
    assert "A plan file is stale by now" in ended.out
    said = refused(here, platform)
    assert "stale plan:" in said
    assert "model.plausible" in said
    assert here("apply", planned, "--auto-approve").status == 0
    assert here.done("plan", planned).startswith("No changes.")


def edited(change: Callable[[Any], None], *, sealed: bool) -> Callable[[str], str]:
    def edit(text: str) -> str:
        document = json.loads(text)
        change(document)
        if sealed:
            rest = {name: value for name, value in document.items() if name != "plan_digest"}
            document["plan_digest"] = digest(rest)
        return json.dumps(document)

    return edit


def _other_after(document: Any) -> None:
    document["operations"][0]["changes"][0]["after"] = 0.05


def _newer(document: Any) -> None:
    document["format_version"] = "2"


def _elsewhere(document: Any) -> None:
    document["target"]["base_url"] = "https://api.clarifai.com"


def _other_app(document: Any) -> None:
    document["target"]["app_id"] = "another-app"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (
            edited(_other_after, sealed=False),
            "error: plan.json: the plan file was edited or damaged",
        ),
        (edited(_other_after, sealed=True), "would now become 0.2"),
        (
            edited(_newer, sealed=False),
            "error: plan.json: the plan file has format 2, written by a newer",
        ),
        (edited(_elsewhere, sealed=True), "error: the plan is for https://api.clarifai.com, not"),
        (edited(_other_app, sealed=True), "stale plan:"),
        (lambda text: text[: len(text) // 2], "error: plan.json: the plan file is not JSON"),
        (lambda text: "{}", "error: plan.json: this is no plan file"),
        (lambda text: "[1]", "error: plan.json: this is no plan file: expected a JSON object"),
        (lambda text: "", "error: plan.json: the plan file is not JSON"),
    ],
    ids=["edited", "forged", "newer", "elsewhere", "other app", "cut", "no plan", "list", "empty"],
)
def test_a_file_that_is_not_the_plan_for_here(
    here: Here, planned: Path, platform: Sandbox, edit: Callable[[str], str], said: str
) -> None:
    file = here.folder / "plan.json"
    file.write_text(edit(file.read_text("utf-8")), "utf-8")
    assert said in refused(here, platform)


def test_a_plan_file_that_is_not_utf_8(here: Here, platform: Sandbox) -> None:
    (here.folder / "plan.json").write_bytes(b"\xff\xfe{}")
    assert refused(here, platform) == "error: plan.json cannot be read: it is not UTF-8\n"


def test_plans_of_the_sandbox_and_of_a_service_are_told_apart(
    here: Here, planned: Path, platform: Sandbox
) -> None:
    assert refused(here, platform, "--sandbox").startswith(
        f"error: the plan is for {platform.base_url}, not for the sandbox\n  leave --sandbox out"
    )
    ended = here("plan", planned, "--sandbox", "-o", "plan.json")
    assert "reconciler apply plan.json --sandbox\n" in ended.err
    assert refused(here, platform) == (
        "error: the plan is for the sandbox, not for another service\n"
        "  add --sandbox, or make a new plan\n"
    )
    assert "Apply complete" in here.done("apply", "plan.json", "--sandbox")


def test_a_plan_file_says_already_what_it_is_about(
    here: Here, planned: Path, platform: Sandbox
) -> None:
    for option in (("--prune",), ("--target", "model.confident"), ("--exclude", "app")):
        assert "a plan file says already what it is about" in refused(here, platform, *option)


def test_a_selection_is_kept_in_the_file(here: Here, platform: Sandbox) -> None:
    path = people(here.folder, "selected")
    here.done("plan", path, "--target", "model.plausible", "-o", "plan.json")
    out = here.done("apply", "plan.json", "--format", "json")
    done = [one["address"] for one in json.loads(out)["outcomes"]]
    assert done == ["app", "concept.adult", "concept.man", "concept.people", "model.plausible"]


def test_an_empty_plan_is_a_plan_too(here: Here, platform: Sandbox) -> None:
    path = people(here.folder, "empty-plan")
    here.done("apply", path, "--auto-approve")
    assert here.done("plan", path, "-o", "plan.json").startswith("No changes.")
    platform.clear_requests()
    assert here.done("apply", "plan.json").startswith("No changes.")
    assert writes(platform) == []


def test_the_file_is_written_whole_or_not_at_all(here: Here) -> None:
    path = people(here.folder, "whole")
    (here.folder / "folder.json").mkdir()
    for out, why in (
        ("absent/plan.json", "no such file or directory"),
        ("folder.json", "File 'folder.json' is a directory."),
        (f"{path.name}/plan.json", "not a directory"),
    ):
        ended = here("plan", path, "-o", out)
        assert (ended.status, ended.out) == (1, "")
        assert why in ended.err
    assert sorted(one.name for one in here.folder.iterdir()) == ["folder.json", "whole.yaml"]
    link, real = here.folder / "link.json", here.folder / "real.json"
    real.write_text("before", "utf-8")
    link.symlink_to(real)
    here.done("plan", path, "-o", link)
    assert link.is_symlink()
    assert json.loads(real.read_text("utf-8"))["summary"]["create"] == 14


def test_the_token_stands_in_no_plan_file(here: Here, planned: Path) -> None:
    assert TOKEN not in (here.folder / "plan.json").read_text("utf-8")
