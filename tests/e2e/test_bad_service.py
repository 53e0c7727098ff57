"""What a service can do to us: one clear line, status 1, and a rerun that converges."""

from __future__ import annotations

import json
import re
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from e2e.conftest import Here
from e2e.servers import proxy, serving
from e2e.tool import people, writes

from reconciler.cli import carry_out, session
from reconciler.planning.plan import Plan
from reconciler.sandbox import Sandbox
from reconciler.sandbox.faults import Fault

USER = "/v2/users/sandbox-user/apps"


def one_line_and_hint(err: str) -> tuple[str, str]:
    """The message and what to do, which is all that is said."""
    message, hint = err.splitlines()
    assert message.startswith("error: ")
    assert hint.startswith("  ")
    return message, hint


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


COMMANDS = pytest.mark.parametrize(
    "command",
    [("plan",), ("apply", "--auto-approve"), ("annotations", "list"), ("inputs", "add", "x.png")],
    ids=lambda command: command[0],
)


def filled(command: tuple[str, ...], path: Path) -> list[str]:
    """The command with its manifest."""
    if command[0] == "inputs":
        return ["inputs", "add", str(path), *command[2:]]
    return [*command, str(path)]


@COMMANDS
def test_nobody_listens(here: Here, command: tuple[str, ...]) -> None:
    base = f"http://127.0.0.1:{free_port()}"
    here.set(CLARIFAI_API_BASE=base, RECONCILER_MAX_RETRIES="1")
    ended = here(*filled(command, people(here.folder, "away")))
    assert (ended.status, ended.out) == (1, "")
    message, hint = one_line_and_hint(ended.err)
    assert message == (
        f"error: GET /v2/users/me/apps/away: {base} refused the connection (after 2 tries)"
    )
    assert "CLARIFAI_API_BASE" in hint
    assert "--sandbox" in hint


@COMMANDS
@pytest.mark.parametrize("status", [200, 502])
def test_a_page_instead_of_json(here: Here, command: tuple[str, ...], status: int) -> None:
    page = b"<!doctype html><title>Welcome to our proxy</title>"
    with serving(lambda *_: (status, "text/html", page)) as base:
        here.set(CLARIFAI_API_BASE=base, RECONCILER_MAX_RETRIES="0")
        ended = here(*filled(command, people(here.folder, "page")))
    assert (ended.status, ended.out) == (1, "")
    message, hint = one_line_and_hint(ended.err)
    assert message == (
        f"error: GET /v2/users/me/apps/page (HTTP {status}): the answer is not the platform's "
        "JSON but an HTML page: '<!doctype html><title>Welcome to our proxy</title>'"
    )
    assert hint == "  check CLARIFAI_API_BASE, and proxies on the way to it"


@COMMANDS
def test_a_token_that_is_refused(here: Here, command: tuple[str, ...]) -> None:
    here.set(CLARIFAI_PAT="another-0123456789")
    ended = here(*filled(command, people(here.folder, "token")))
    assert (ended.status, ended.out) == (1, "")
    message, hint = one_line_and_hint(ended.err)
    request = r"\(HTTP 401, code 11008, request [0-9a-f]{32}\)"
    assert re.match(rf"error: GET /v2/users/me/apps/token {request}: \S", message)
    assert "CLARIFAI_PAT" in hint
    assert "another-0123456789" not in ended.err


@COMMANDS
def test_a_token_that_may_not(here: Here, platform: Sandbox, command: tuple[str, ...]) -> None:
    platform.inject(Fault(path="apps/forbidden$", status=403, code=11007))
    ended = here(*filled(command, people(here.folder, "forbidden")))
    assert (ended.status, ended.out) == (1, "")
    message, hint = one_line_and_hint(ended.err)
    assert re.match(
        r"error: GET /v2/users/me/apps/forbidden \(HTTP 403, code 11007, request [0-9a-f]+\): ",
        message,
    )
    assert "scopes" in hint


@COMMANDS
def test_a_service_that_only_fails(here: Here, platform: Sandbox, command: tuple[str, ...]) -> None:
    here.set(RECONCILER_MAX_RETRIES="1")
    platform.inject(Fault(path="apps/broken$", times=0, status=500, code=99009))
    ended = here(*filled(command, people(here.folder, "broken")))
    assert (ended.status, ended.out) == (1, "")
    message, _ = one_line_and_hint(ended.err)
    assert "(HTTP 500, code 99009, request " in message
    assert message.endswith("(after 2 tries)")
    assert len(platform.requests()) == 2


def test_promise_8_a_broken_manifest_is_told_whole_with_places_and_sends_nothing(
    here: Here, platform: Sandbox
) -> None:
    (here.folder / "app.yaml").write_text(
        "app: {id: broken, default_workflow: w}\n"
        "concepts: [a]\n"
        "models:\n"
        "  m:\n"
        "    model_type_id: concept-threshold\n"
        "    concept_threshold_type: GREATER\n"
        "    thresholds: {b: 2.0}\n"
        "workflows:\n"
        "  w: {nodes: [{id: n, modl: m}]}\n",
        "utf-8",
    )
    (here.folder / "more.yaml").write_text("concepts: {a: {nam: x}}\nconcepts: {}\n", "utf-8")
    commands = (["plan", "."], ["apply", ".", "--auto-approve"], ["annotations", "list", "."],
                ["inputs", "add", ".", "x.png"])  # fmt: skip
    checked = here("validate", ".")
    assert (checked.status, checked.err) == (1, "")
    for place in (
        "app.yaml:6:29",
        "app.yaml:7:21",
        "app.yaml:9:23",
        "more.yaml:1:12",
        "more.yaml:2:1",
    ):
        assert f"{place}: error RC" in checked.out
    for command in commands:
        ended = here(*command)
        assert (ended.status, ended.out) == (1, "")
        assert ended.err == checked.out
    assert platform.requests() == ()


@pytest.mark.parametrize("app", ["", "models"])
def test_a_404_in_the_middle(here: Here, platform: Sandbox, app: str) -> None:
    """A model that cannot be created: what needs it is skipped, all else is done."""
    name = f"middle-{app or 'app'}"
    path = people(here.folder, name)
    platform.inject(
        Fault(method="POST", path=f"{name}/models/confident/versions", status=404, code=21200)
    )
    ended = here("apply", path, "--auto-approve")
    assert ended.status == 1
    report = ended.out[ended.out.index("Apply incomplete") :]
    assert report.startswith("Apply incomplete: 12 done (12 created), 1 failed, 2 skipped.\n")
    failed = rf"POST {USER}/{name}/models/confident/versions \(HTTP 404, code 21200, request \w+\)"
    assert re.search(rf"  failed   create model.confident\n +{failed}: ", report)
    assert re.search(
        r"  skipped  create workflow.auto-annotation, set_default app.default_workflow\n"
        r" +needs create model.confident\n",
        report,
    )
    assert "Run the same apply again" in report
    assert here("plan", path, "--detailed-exitcode").status == 2
    here.done("apply", path, "--auto-approve")
    assert here.done("plan", path).startswith("No changes.")
    assert len(versions(here, platform, name)["confident"]) == 1


def versions(here: Here, platform: Sandbox, app: str) -> dict[str, list[str]]:
    """The ids of the versions of each model of an app."""
    headers = {"Authorization": f"Key {platform.token}"}
    base = f"{platform.base_url}{USER}/{app}/models"
    query = {"dont_fetch_from_main": "true", "per_page": 100}
    listed = requests.get(base, headers=headers, params=query, timeout=300).json()["models"]
    return {
        model["id"]: [
            version["id"]
            for version in requests.get(
                f"{base}/{model['id']}/versions", headers=headers, timeout=300
            ).json()["model_versions"]
        ]
        for model in listed
    }


FAULTS = {
    "lost before": {"drop": "before"},
    "lost after": {"drop": "after"},
    "cut": {"cut": True},
    "throttled": {"status": 429, "code": 11005, "retry_after": 0.05},
    "500": {"status": 500, "code": 99009},
    "502 page": {"status": 502, "html": True},
    "stale reads": {"stale_reads": 2},
    "lost, then stale": {"drop": "after", "stale_reads": 3},
}


def patience(fault: dict[str, Any]) -> str:
    """Seconds to look for a lost write: until its reads are stale no longer, else little."""
    return "300" if "stale_reads" in fault else "0.3"


PLACES = {
    "every write, its first time": [
        ("POST", r"/apps$"), ("POST", "/concepts$"), ("POST", "/relations$"),
        ("POST", "/models$"), ("POST", "confident/versions$"), ("POST", "/workflows$"),
        ("PATCH", "/apps$"),
    ],
    "every read, its first time": [("GET", "apps/[^/]+$"), ("GET", "/models$"), ("GET", "/workf")],
}  # fmt: skip


@pytest.mark.parametrize("places", PLACES.values(), ids=PLACES.keys())
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_flaky_service_still_ends_with_one_version_a_model(
    here: Here, platform: Sandbox, fault: dict[str, Any], places: list[tuple[str, str]]
) -> None:
    app = f"flaky-{abs(hash((str(fault), str(places)))) % 10**8}"
    path = people(here.folder, app)
    for method, place in places:
        platform.inject(Fault(method=method, path=place, **fault))
    ended = here("apply", path, "--auto-approve", "--read-back-timeout", patience(fault))
    assert ended.status == 0, ended.out + ended.err
    assert "Apply complete: 14 created, default workflow switched." in ended.out
    platform.clear_faults()
    assert here.done("plan", path).startswith("No changes.")
    found = versions(here, platform, app)
    assert len(found) == 6
    assert {len(ids) for ids in found.values()} == {1}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_an_update_mints_one_version(here: Here, platform: Sandbox, fault: dict[str, Any]) -> None:
    app = f"minted-{abs(hash(str(fault))) % 10**8}"
    path = people(here.folder, app)
    here.done("apply", path, "--auto-approve")
    people(here.folder, app, ("adult: 0.95}\n  doubtful", "adult: 0.9}\n  doubtful"))
    for method, place in (("POST", "confident/versions$"), ("PATCH", "/workflows$")):
        platform.inject(Fault(method=method, path=place, **fault))
    out = here.done("apply", path, "--auto-approve", "--read-back-timeout", patience(fault))
    assert "Apply complete: 2 updated." in out
    platform.clear_faults()
    assert here.done("plan", path).startswith("No changes.")
    assert len(versions(here, platform, app)["confident"]) == 2


def test_a_version_that_turns_up_too_late_is_named(here: Here, platform: Sandbox) -> None:
    """A post is lost, and not to be seen for longer than we look: its twin is posted and pinned."""
    app = "late"
    path = people(here.folder, app)
    here.done("apply", path, "--auto-approve")
    people(here.folder, app, ("adult: 0.95}\n  doubtful", "adult: 0.9}\n  doubtful"))
    late = Fault(method="POST", path="confident/versions$", drop="after", stale_reads=3)
    platform.inject(late)
    out = here.done("apply", path, "--auto-approve", "--read-back-timeout", "0.3")
    assert "Apply complete: 2 updated." in out
    platform.clear_faults()
    platform.clear_requests()
    pinned, twin, first = versions(here, platform, app)["confident"]
    planned = json.loads(here.done("plan", path, "--format", "json"))
    assert planned["operations"] == []
    (told,) = (text for text in planned["warnings"] if twin in text)
    assert told == (f"model.confident: newer versions, or copies, that nothing here uses: {twin}")
    asked = [r.path for r in platform.requests() if r.path.endswith("/versions")]
    assert asked[-1].endswith("/late/models/confident/versions")
    assert first not in told
    assert pinned not in told


def test_reads_that_took_long_are_not_the_last_to_prove_an_apply(
    here: Here, platform: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They show what was there as they began, and nothing of the time that was granted since."""
    clock, read = [0.0], session.read_plan

    def takes_long(*arguments: Any) -> Plan:
        made = read(*arguments)
        clock[0] += 60
        return made

    time_ = SimpleNamespace(monotonic=lambda: clock[0], sleep=lambda _: None)
    monkeypatch.setattr(carry_out, "time", time_)
    monkeypatch.setattr(session, "read_plan", takes_long)
    platform.inject(Fault(method="PATCH", path="/apps$", stale_reads=5))
    out = here.done("apply", people(here.folder, "slowly"), "--auto-approve")
    assert "Apply complete: 14 created, default workflow switched." in out


def test_retry_after_is_honoured(here: Here, platform: Sandbox) -> None:
    path = people(here.folder, "patient")
    platform.inject(Fault(method="GET", path="patient$", status=429, code=11005, retry_after=1.2))
    began = time.monotonic()
    here.done("plan", path)
    assert time.monotonic() - began >= 1.2


def test_what_the_app_does_not_take_is_named(here: Here, platform: Sandbox) -> None:
    """A server between us and the app loses a description on its way."""

    def lose(method: str, path: str, body: Any) -> None:
        if method in ("POST", "PATCH") and path.endswith("/apps"):
            for app in body["apps"]:
                app.pop("description", None)

    path = people(here.folder, "lossy")
    said = (
        'did not converge: app description: wanted "Labels people; sends doubtful images to '
        'review.", the live app has (none)'
    )
    with proxy(platform.base_url, lose) as base:
        here.set(CLARIFAI_API_BASE=base)
        arguments = ("apply", path, "--auto-approve", "--read-back-timeout", "0")
        first = here(*arguments)
        assert first.status == 1
        assert "Apply complete: 14 created" in first.out
        assert first.err.startswith("did not converge: app description: wanted ")
        again = here(*arguments, "--format", "json")
        assert again.status == 1
        document = json.loads(again.out)
        assert document["complete"] is False
        (left,) = document["not_converged"]
        assert (left["address"], left["path"]) == ("app", "description")
        assert again.err.strip() == said


def test_a_service_that_goes_away_before_the_proof(here: Here, platform: Sandbox) -> None:
    """All was acknowledged: the report is not lost with the service."""
    here.set(RECONCILER_MAX_RETRIES="0")
    path = people(here.folder, "gone")
    switched: list[bool] = []

    def watch(method: str, place: str, body: Any) -> None:
        if method == "PATCH" and place.endswith("/apps"):
            switched.append(True)
        elif switched:
            raise ConnectionAbortedError

    with proxy(platform.base_url, watch) as base:
        here.set(CLARIFAI_API_BASE=base)
        ended = here("apply", path, "--auto-approve")
    assert ended.status == 1
    assert "Apply complete: 14 created, default workflow switched." in ended.out
    assert "it is not proven that it took all of this" in ended.err
    assert "error: GET /v2/users/me/apps/gone: " in ended.err
    assert writes(platform, "gone")
