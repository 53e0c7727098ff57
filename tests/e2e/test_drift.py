"""What changed outside, as people read it, and that looking at it writes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from e2e.conftest import Here
from e2e.tool import people

from reconciler.sandbox import Sandbox
from tests.sandbox.driving import Api, threshold_version

GOLDEN = Path(__file__).parents[1] / "golden" / "drift"


@pytest.fixture
def api(platform: Sandbox) -> Iterator[Callable[[str], Api]]:
    """A colleague's hands on an app."""
    with requests.Session() as session:
        yield lambda app: Api(platform, app, session)


def settled(text: str, platform: Sandbox) -> str:
    """A report without what is another one each time."""
    text = text.replace(platform.base_url, "http://sandbox").replace(platform.user_id, "user")
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    return re.sub(r"\b[0-9a-f]{8}…", "VERSION", text)


def by_hand(api: Api) -> str:
    """Somebody lowers a threshold in the portal, pins the new version and says so in the app."""
    model = api("GET", "/models/confident")["model"]
    path = f"/models/confident/versions/{model['model_version']['id']}/output_info"
    info = api("GET", path)["model"]["model_version"]["output_info"]
    for concept in info["data"]["concepts"]:
        concept["value"] = 0.5 if concept["id"] == "adult" else concept["value"]
    version = {"output_info": {"data": info["data"], "params": info["params"]}}
    made = api("POST", "/models/confident/versions", {"model_versions": [version]})
    id_: str = made["model"]["model_version"]["id"]
    workflow = api("GET", "/workflows/auto-annotation")["workflow"]
    for node in workflow["nodes"]:
        if node["id"] == "confident":
            node["model"]["model_version"] = {"id": id_}
    changed = [{"id": "auto-annotation", "nodes": workflow["nodes"]}]
    api("PATCH", "/workflows", {"workflows": changed, "action": "overwrite"})
    app = {"id": api.app, "description": "by hand"}
    api("PATCH", "/v2/users/me/apps", {"apps": [app], "action": "overwrite"})
    (edge,) = (
        edge
        for edge in api("GET", "/concepts/relations")["concept_relations"]
        if edge["subject_concept"]["id"] == "man"
    )
    api("DELETE", "/concepts/man/relations", {"ids": [edge["id"]]})
    api.concepts("somebody's")
    return id_


def test_drift_names_what_changed_outside_and_only_reads(
    here: Here, platform: Sandbox, api: Callable[[str], Api]
) -> None:
    manifest = people(here.folder, "drifting")
    assert here.done("drift", manifest) == (
        f"{platform.user_id}/drifting is not there: deleted outside, or not made yet.\n"
    )
    assert here("drift", manifest, "--detailed-exitcode").status == 2
    here.done("apply", manifest, "--auto-approve")
    nothing = f"No drift. {platform.user_id}/drifting is as it was last written (15 resources compared).\n"
    assert here.done("drift", manifest, "--detailed-exitcode") == nothing

    version = by_hand(api("drifting"))
    platform.clear_requests()
    ended = here("drift", manifest, "--detailed-exitcode")
    assert (ended.status, ended.err) == (2, "")
    assert settled(ended.out, platform) == (GOLDEN / "by-hand.txt").read_text("utf-8")
    assert here("drift", manifest).status == 0
    assert here.done("plan", manifest, "--refresh", "only") == ended.out
    document = json.loads(here.done("drift", manifest, "--format", "json"))
    assert {request.method for request in platform.requests()} == {"GET"}

    found = {finding["address"]: finding for finding in document["findings"]}
    assert document["drift"] is True
    assert found["model.confident"]["version"] == version
    assert found["model.confident"]["modified_at"].endswith("Z")
    assert found["model.confident"]["changes"] == [
        {"path": "thresholds.adult", "declared": 0.95, "live": 0.5}
    ]
    assert document["unmanaged"] == ['concept."somebody\'s"']

    here.done("apply", manifest, "--auto-approve")
    told = here.done("drift", manifest, "--detailed-exitcode").splitlines()
    assert told[0] + "\n" == nothing
    assert told[1:] == [
        "Versions newer than ours, or made twice, that nothing here uses: model.confident (1)",
        'Unmanaged: concept."somebody\'s"',
    ]


def test_what_the_manifest_changed_is_no_drift(here: Here, platform: Sandbox) -> None:
    here.done("apply", people(here.folder, "changed"), "--auto-approve")
    manifest = people(here.folder, "changed", ("adult: 0.95", "adult: 0.9"))
    assert here.done("drift", manifest, "--detailed-exitcode") == (
        f"No drift. {platform.user_id}/changed is as it was last written (15 resources compared).\n"
        "3 objects more differ since the manifest changed, not the app: "
        f"reconciler plan {manifest}\n"
    )


def test_another_default_workflow_shows_with_the_one_that_we_set(
    here: Here, api: Callable[[str], Api]
) -> None:
    manifest = people(here.folder, "switched")
    here.done("apply", manifest, "--auto-approve")
    empty = {"id": "Empty", "user_id": "clarifai", "app_id": "main"}
    app = {"id": "switched", "default_workflow": empty}
    api("switched")("PATCH", "/v2/users/me/apps", {"apps": [app], "action": "overwrite"})
    ended = here("drift", manifest, "--format", "json", "--detailed-exitcode")
    (finding,) = json.loads(ended.out)["findings"]
    assert ended.status == 2
    assert (finding["address"], finding["cause"]) == ("app.default_workflow", "changed outside")
    change: Any = {"declared": "auto-annotation", "live": "clarifai/main/Empty"}
    assert finding["changes"] == [{"path": "workflow", **change}]


def test_without_a_record_the_report_says_so(
    here: Here, api: Callable[[str], Api], platform: Sandbox
) -> None:
    platform_app = api("adopted")
    platform_app("POST", "/v2/users/me/apps", {"apps": [{"id": "adopted", "description": "old"}]})
    manifest = here.folder / "app.yaml"
    manifest.write_text("app: {id: adopted, description: new}\n")
    ended = here("drift", manifest, "--detailed-exitcode")
    assert ended.status == 2
    assert settled(ended.out, platform) == (
        "reconciler drift for user/adopted on http://sandbox\n\n"
        "  ~ app  differs, no record of our last write; last modified TIME\n"
        "      description  new -> old\n\n"
        "Drift: 1 object changed (declared -> live); 1 resource compared.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("apply", "--auto-approve", "--refresh", "only"),
            "use it with plan, or the command drift",
        ),
        (
            ("plan", "--refresh", "only", "-o", "p.json"),
            "leave out -o, --compare, --requests, --destroy and --delete-app",
        ),
    ],
    ids=["apply", "a plan file"],
)
def test_a_look_at_drift_is_no_plan(here: Here, arguments: tuple[str, ...], told: str) -> None:
    manifest = people(here.folder, "looked-at")
    command, *options = arguments
    ended = here(command, manifest, *options)
    assert (ended.status, ended.out) == (1, "")
    assert told in ended.err


def test_a_revert_runs_the_earlier_version_and_what_is_minted_beside_it_is_only_told(
    here: Here, api: Callable[[str], Api], platform: Sandbox
) -> None:
    """Promise 6."""
    first = people(here.folder, "reverted")
    here.done("apply", first, "--auto-approve")
    app = api("reverted")
    ran = pins(app)
    here.done(
        "apply", people(here.folder, "reverted", ("adult: 0.95", "adult: 0.9")), "--auto-approve"
    )
    changed = pins(app)
    first = people(here.folder, "reverted")
    platform.clear_requests()
    here.done("apply", first, "--auto-approve")
    sent = [f"{one.method} {one.path}" for one in platform.requests() if one.method != "GET"]
    assert pins(app) == ran
    assert [line.rpartition("/")[2] for line in sent] == ["workflows"], "one PATCH, and no version"

    stray = app.version("confident", threshold_version(3, adult=0.2))
    ended = here("plan", first, "--detailed-exitcode", "--format", "json")
    plan = json.loads(ended.out)
    assert (ended.status, plan["operations"]) == (0, [])
    told = " ".join(plan["warnings"])
    assert stray in told, "the newest version of its model"
    assert changed["doubtful"] in told, "what the revert left behind"
    text = here.done("plan", first)
    assert text.startswith("No changes.")
    assert sum("ersions newer than ours" in line for line in text.splitlines()) == 1
    assert pins(app) == ran


SPARE = """
  spare:
    nodes: [{id: general, model: clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40}]
  late:
    nodes: [{id: general, model: clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40}]
"""


def test_what_nothing_refers_to_is_missed_when_it_is_deleted_outside(
    here: Here, api: Callable[[str], Api]
) -> None:
    """The app's mark remembers it, from the app's last write; what was never made is no drift."""
    manifest = people(here.folder, "traces")
    manifest.write_text(manifest.read_text("utf-8").rstrip() + SPARE, "utf-8")
    here.done("apply", manifest, "--auto-approve", "--exclude", "workflow.late")
    app = api("traces")
    assert app("GET", "")["app"]["metadata"]["reconciler"]["resources"] == ["workflow.spare"]
    ended = here("drift", manifest, "--detailed-exitcode")
    assert (ended.status, ended.out.splitlines()[1]) == (
        0,
        "Deleted outside, or new in the manifest: workflow.late",
    )
    app("DELETE", "/workflows/spare")
    found = here("drift", manifest, "--detailed-exitcode", "--format", "json")
    assert found.status == 2
    assert json.loads(found.out)["findings"] == [
        {
            "address": "workflow.spare",
            "cause": "not there, though the app's mark records it",
            "changes": [],
        }
    ]
    here.done("apply", manifest, "--auto-approve")
    assert here("drift", manifest, "--detailed-exitcode").status == 0


def pins(app: Api) -> dict[str, str]:
    """The model version that each node of the default workflow runs."""
    nodes = app("GET", "/workflows/auto-annotation")["workflow"]["nodes"]
    return {node["id"]: node["model"]["model_version"]["id"] for node in nodes}
