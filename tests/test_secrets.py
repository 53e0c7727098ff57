"""The token goes into a header and nowhere else: no plan, log, error, trace or sandbox file has it.

Beside these laws, ``conftest.py`` looks through what every test of a run said and left in files.
"""

from __future__ import annotations

import json
import logging
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from api.wire import Wire, cut, envelope, reply, reset, running
from e2e.tool import Tool, people
from planted import PLANTED, leaks_in_files, leaks_in_texts

from reconciler.api.client import Client
from reconciler.api.settings import Secret, Settings
from reconciler.call import Call
from reconciler.errors import ApiError, SettingsError
from reconciler.sandbox import Sandbox
from reconciler.sandbox.faults import Fault

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Any:
    data = tmp_path_factory.mktemp("data") / "sandbox"
    with Sandbox(pat=PLANTED, data=data) as sandbox:
        yield sandbox, data


# --- the whole tool

COMMANDS: dict[str, tuple[str, ...]] = {
    "validate": ("validate", "app.yaml"),
    "validate, types refreshed": ("validate", "app.yaml", "--refresh-types", "-v"),
    "plan": ("plan", "app.yaml", "-v"),
    "plan as JSON": ("plan", "app.yaml", "--format", "json", "--requests"),
    "plan into a file": ("plan", "app.yaml", "-o", "plan.json"),
    "apply a file": ("apply", "plan.json", "-v"),
    "apply": ("apply", "app.yaml", "--auto-approve", "-v", "--lock-timeout", "5"),
    "drift": ("drift", "app.yaml", "-v"),
    "export": ("export", "sandbox-user/secrets", "-o", "exported"),
    "inputs": ("inputs", "add", "app.yaml", "red.png", "-v"),
    "annotations": ("annotations", "list", "app.yaml", "--format", "json"),
    "unlock": ("unlock", "app.yaml"),
    "destroy": ("destroy", "app.yaml", "--auto-approve", "-v"),
}


def test_promise_9_no_command_shows_or_writes_the_token(
    platform: tuple[Sandbox, Path], tmp_path: Path
) -> None:
    from PIL import Image

    sandbox, data = platform
    people(tmp_path, "secrets").rename(tmp_path / "app.yaml")
    Image.new("RGB", (8, 8), "red").save(tmp_path / "red.png")
    tool = Tool.on(sandbox, tmp_path)
    said = []
    for name, command in COMMANDS.items():
        ended = tool(*command)
        assert ended.status == 0, (name, ended.err)
        said += [(name, ended.out), (name, ended.err)]
    assert list(leaks_in_texts(said)) == []
    assert list(leaks_in_files(tmp_path)) == []
    assert list(leaks_in_files(data)) == []
    assert (tmp_path / "plan.json").is_file()
    assert any(path.is_file() for path in data.rglob("*"))


def test_promise_9_no_failure_shows_the_token(
    platform: tuple[Sandbox, Path], tmp_path: Path
) -> None:
    sandbox, data = platform
    path = people(tmp_path, "failing")
    tool = Tool.on(sandbox, tmp_path, RECONCILER_MAX_RETRIES="1")
    for fault in (
        Fault(path="apps", times=0, status=500, code=99009),
        Fault(path="apps", times=0, status=502, html=True),
        Fault(path="apps", times=0, drop="before"),
        Fault(path="apps", times=0, cut=True),
        Fault(method="POST", times=0, drop="after"),
        Fault(path="apps", times=0, status=401, code=11008),
    ):
        sandbox.inject(fault)
        ended = tool("apply", path, "--auto-approve", "-v", "--read-back-timeout", "0")
        sandbox.clear_faults()
        assert fault.drop == "after" or ended.status == 1
        assert PLANTED not in ended.out + ended.err
    log = json.dumps([str(entry) for entry in sandbox.requests()])
    assert PLANTED not in log
    assert list(leaks_in_files(data)) == []


MISPLACED = {
    "in the address": ("CLARIFAI_API_BASE", f"http://127.0.0.1:1/?key={PLANTED}"),
    "behind the address": ("CLARIFAI_API_BASE", f"http://127.0.0.1:1/#{PLANTED}"),
    "no address at all": ("CLARIFAI_API_BASE", f"{PLANTED}://x"),
    "as the user": ("CLARIFAI_USER_ID", PLANTED),
    "as an option": ("RECONCILER_MAX_RPS", PLANTED),
}


@pytest.mark.parametrize("place", MISPLACED)
def test_it_is_not_shown_where_somebody_put_it_by_mistake(
    platform: tuple[Sandbox, Path], tmp_path: Path, place: str
) -> None:
    name, value = MISPLACED[place]
    ended = Tool.on(platform[0], tmp_path, **{name: value})("export", "misplaced", "-v")
    assert (ended.status, ended.out) == (1, "")
    assert PLANTED not in ended.err
    assert "***" in ended.err


def test_it_is_not_told_where_somebody_put_it_into_the_app(tmp_path: Path) -> None:
    token = "misplaced-0123456789"
    with Sandbox() as sandbox, requests.Session() as session:
        tool = Tool(tmp_path, sandbox.base_url, token)
        session.headers["Authorization"] = f"Key {token}"
        made = {"apps": [{"id": "told", "description": f"The token is {token}"}]}
        session.post(f"{sandbox.base_url}/v2/users/me/apps", json=made, timeout=300)
        (tmp_path / "app.yaml").write_text("app: {id: told, description: Of cats}\n")
        shown = [
            tool.done("plan", "app.yaml"),
            tool.done("plan", "app.yaml", "--format", "json", "--requests"),
            tool.done("drift", "app.yaml"),
            tool.done("export", "told"),
        ]
        assert all("The token is ***" in document for document in shown)
        for command in (("plan", "app.yaml", "-o", "p.json"), ("export", "told", "-o", "made")):
            ended = tool(*command)
            assert (ended.status, ended.out) == (1, "")
            assert "would hold the token of CLARIFAI_PAT, and was not written" in ended.err
        assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["app.yaml"]
        assert "1 updated" in tool.done("apply", "app.yaml", "--auto-approve")


def test_it_stands_in_no_file_of_the_embedded_sandbox(tmp_path: Path) -> None:
    """Nobody asks for one there, but who has one exported takes it along."""
    path = people(tmp_path, "embedded")
    tool = Tool(tmp_path, base_url="")
    assert tool.environ()["CLARIFAI_PAT"] == PLANTED
    tool.done("apply", path, "--auto-approve", "--sandbox", "-v")
    assert (tmp_path / ".reconciler").is_dir()
    assert list(leaks_in_files(tmp_path)) == []


# --- the client


def _said(error: BaseException) -> str:
    """An exception in every way that it may be shown, causes and locals' reprs included."""
    ours = error.__traceback__.tb_next if error.__traceback__ else None  # without the test itself
    whole = traceback.TracebackException(type(error), error, ours, capture_locals=True)
    return "".join((str(error), repr(error), repr(error.__cause__), *whole.format()))


@pytest.mark.parametrize(
    "answer",
    [
        reply(envelope(99009, f"fault {PLANTED}", details=f"Key {PLANTED}"), http=500),
        reply(f"<html>{PLANTED}</html>".encode(), kind=f"text/html; {PLANTED}"),
        reply(b"", http=302, Location=f"https://other.example/?key={PLANTED}"),
        reply(envelope(app={"id": [PLANTED]})),
        reply(envelope(app={PLANTED: {}, "id": 3})),
        reply(envelope(models=[{"id": f"{PLANTED}/"}])),
        reply({"status": {"code": 21200, "description": "no", "req_id": PLANTED}}, http=404),
        reset,
        cut,
    ],
    ids=["fault", "page", "redirect", "type", "key", "name", "request id", "reset", "cut"],
)
def test_no_error_shows_it(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with running() as wire:
        wire.always = answer
        assert PLANTED not in _failure(wire)
    assert PLANTED not in caplog.text


def _failure(wire: Wire) -> str:
    settings = Settings(token=Secret(PLANTED), base_url=wire.url, max_retries=1)
    with Client(settings, sleep=lambda _: None) as client:
        try:
            client.get(Call("GET", "/v2/users/me/apps/a"))
        except ApiError as error:
            shown = _said(error)
            assert PLANTED not in repr(client) + repr(vars(client)) + repr(settings)
            return shown
    raise AssertionError("nothing failed")


@pytest.mark.parametrize(
    "show",
    [repr, str, "{}".format, "{!r}".format, lambda s: f"{s}", lambda s: str([s])],
)  # fmt: skip
def test_a_secret_shows_itself_to_nobody(show: Callable[[Secret], str]) -> None:
    assert PLANTED not in show(Secret(PLANTED))


def test_a_secret_is_not_written() -> None:
    for write in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError) as caught:
            write(Secret(PLANTED))
        assert PLANTED not in str(caught.value)


@pytest.mark.parametrize("token", [f"Key {PLANTED}", f"{PLANTED} x", f"{PLANTED}\n", f"{PLANTED}é"])
def test_a_token_that_is_none_is_not_shown_either(token: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings(token=Secret(token))
    assert PLANTED not in str(caught.value) + repr(caught.value)


# --- the search itself

_LEAKING = """
from pathlib import Path

def test_it(tmp_path):
    {body}
"""


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["one process", "workers"])
@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('print("planted-" + "0123456789abcdef")', "test_it.py::test_it: Captured stdout call"),
        ('(tmp_path / "log").write_text("x" * 9 + "planted-" + "0123456789abcdef")', "log"),
        ('print("planted")', ""),
    ],
    ids=["said", "written", "neither"],
)
def test_a_run_that_leaks_fails(
    tmp_path: Path, workers: tuple[str, ...], body: str, found: str
) -> None:
    """Built from halves, so that this run does not find its own bait."""
    (tmp_path / "test_it.py").write_text(_LEAKING.format(body=body), "utf-8")
    (tmp_path / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'tests')!r})\nfrom conftest_of_all import *\n",
        "utf-8",
    )
    (tmp_path / "conftest_of_all.py").write_text(
        (ROOT / "tests" / "conftest.py").read_text("utf-8"), "utf-8"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:clarifai_sandbox",
         "--basetemp", str(tmp_path / "base"), *workers, "test_it.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    for path in (tmp_path / "base").rglob("log"):
        path.unlink()
    assert ended.returncode == (1 if found else 0), ended.stdout + ended.stderr
    assert ("LEAKED the planted token: " in ended.stdout) == bool(found)
    assert found in ended.stdout
    assert "1 passed" in ended.stdout
