"""``--sandbox`` and ``sandbox serve``."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from e2e.conftest import Here
from e2e.tool import Tool, eventually, people

from reconciler.sandbox import Sandbox

PAT = "served-0123456789abcdef"


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    """No service, no token: what a newcomer has."""
    return Tool(tmp_path, token=PAT, environment={"CLARIFAI_PAT": ""})


@contextmanager
def served(tool: Tool, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A served sandbox: its URL, and its process."""
    running = tool.start("sandbox", "serve", "--port", "0", *options)
    try:
        assert running.stdout is not None
        url = running.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), tool.end(running)
        yield url, running
    finally:
        running.kill()
        running.communicate()


def get(url: str, path: str, token: str = "any") -> requests.Response:
    return requests.get(url + path, headers={"Authorization": f"Key {token}"}, timeout=300)


# --- --sandbox


def test_a_newcomer_needs_no_token_and_finds_all_again(tool: Tool) -> None:
    """Real processes, one after another, in a folder that was empty."""
    path = people(tool.folder, "first")
    tool.done("apply", path, "--sandbox", "--auto-approve")
    assert tool.done("plan", path, "--sandbox").startswith("No changes. sandbox-user/first ")
    assert (tool.folder / ".reconciler" / "sandbox" / "sandbox.db").is_file()
    assert (tool.folder / ".reconciler" / ".gitignore").read_text("utf-8") == "*\n"
    assert sorted(one.name for one in tool.folder.iterdir()) == [".reconciler", "first.yaml"]
    elsewhere = Tool(tool.folder / "elsewhere")
    elsewhere.folder.mkdir()
    assert "Plan: 14 to create" in elsewhere.done("plan", path, "--sandbox")


def test_two_at_once_in_one_folder(here: Here) -> None:
    """The second one waits a while, then says who is in its way."""
    path = people(here.folder, "twice")
    here.done("plan", path, "--sandbox")
    data = Path(".reconciler") / "sandbox"
    with Sandbox(data=data):
        ended = here("plan", path, "--sandbox")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == (
        "error: another sandbox uses the data folder .reconciler/sandbox\n"
        "  wait until it has ended, or stop it; sandbox serve can use another one with --data\n"
    )
    assert here("plan", path, "--sandbox").status == 0


def test_the_sandbox_knows_a_user_that_the_manifest_names(here: Here) -> None:
    path = people(here.folder, "alices", ("  id: alices", "  user_id: alice\n  id: alices"))
    here.done("apply", path, "--sandbox", "--auto-approve")
    assert here.done("plan", path, "--sandbox").startswith("No changes. alice/alices ")


def test_work_in_the_background_is_finished_before_the_command_ends(here: Here) -> None:
    from execution.pictures import picture, write

    path = people(here.folder, "background")
    here.done("apply", path, "--sandbox", "--auto-approve")
    for number in range(30):
        write(here.folder / "album" / f"{number}.png", picture(number))
    here.done("inputs", "add", path, "album", "--sandbox")
    out = here.done("inputs", "add", path, "album", "--sandbox", "--wait", "--wait-timeout", "0")
    assert out.endswith("Processed: 30 of 30.\n")


def test_a_folder_that_cannot_be_written(here: Here) -> None:
    path = people(here.folder, "blocked")
    (here.folder / ".reconciler").write_text("in the way", "utf-8")
    ended = here("plan", path, "--sandbox")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == (
        "error: .reconciler cannot be used for the sandbox's data: file exists\n"
        "  run it in a folder that can be written\n"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "scores.yaml: cannot read the scores: No such file or directory"),
        ("images: {", "scores.yaml:1:10: no YAML: "),
        ("source: x\nimages:\n- {sha256: abc, concepts: {}}\n", "scores.yaml:3:12: "),
    ],
    ids=["absent", "no YAML", "bad digest"],
)
@pytest.mark.parametrize("command", ["plan", "serve"])
def test_a_bad_scores_file(here: Here, command: str, text: str | None, said: str) -> None:
    path = people(here.folder, "scored")
    if text is not None:
        (here.folder / "scores.yaml").write_text(text, "utf-8")
    arguments = ("plan", path, "--sandbox") if command == "plan" else ("sandbox", "serve")
    ended = here(*arguments, "--scores", "scores.yaml")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.startswith(f"error: {said}")


@pytest.mark.parametrize("arguments", [["plan", "app.yaml", "--sandbox"], ["sandbox", "serve"]])
def test_without_the_extra_it_says_what_to_install(tool: Tool, arguments: list[str]) -> None:
    """The packages of the extra are hidden, as where it was not installed."""
    people(tool.folder, "app")
    code = f"""
import sys
for name in ("clarifai_grpc", "google.protobuf", "numpy", "PIL", "skimage", "sklearn", "werkzeug"):
    sys.modules[name] = None
from reconciler.cli.main import main
main({arguments!r})
"""
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tool.folder, env=tool.environ(), capture_output=True, text=True,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("error: the sandbox needs a package that is not installed: ")
    assert ended.stderr.endswith("\n  pip install 'reconciler[sandbox]'\n")


# --- sandbox serve


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_prints_its_url_and_ends_well(tool: Tool, number: signal.Signals) -> None:
    with served(tool) as (url, running):
        assert get(url, "/v2/users/me").json()["user"]["id"] == "sandbox-user"
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as connection:
            connection.sendall(b"GET /v2/us")  # a client that is killed amid its request
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        running.send_signal(number)
        ended = tool.end(running)
    assert (ended.status, ended.out) == (0, "")
    assert f"  export CLARIFAI_API_BASE={url}\n  export CLARIFAI_PAT=any-token\n" in ended.err
    assert ended.err.endswith(f"What is in it, in a browser: {url}/\nCtrl-C stops it.\n")


def test_serve_keeps_its_data_and_lets_in_one_token(tool: Tool) -> None:
    options = ("--data", "kept", "--user", "alice", "--pat", PAT)
    path = people(tool.folder, "kept-app")
    for expected in ("Apply complete: 14 created", "No changes. alice/kept-app"):
        with served(tool, *options) as (url, running):
            user = Tool(tool.folder, url, PAT)
            assert expected in user.done("apply", path, "--auto-approve")
            assert get(url, "/v2/users/me", "another").status_code == 401
            running.send_signal(signal.SIGTERM)
            ended = tool.end(running)
        assert "its state kept in kept" in ended.err
        assert "export CLARIFAI_PAT=TOKEN    # the one of --pat" in ended.err
    assert PAT.encode() not in b"".join(
        one.read_bytes() for one in (tool.folder / "kept").iterdir() if one.is_file()
    )


def six_at_once(url: str) -> list[int]:
    """The statuses of six requests that are sent together."""
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(get, url, "/v2/concepts", "key-two") for _ in range(6)]
        return [answer.result().status_code for answer in asked]


def test_serve_by_variables_with_app_keys_latency_and_a_limit(tool: Tool) -> None:
    settings = {
        "RECONCILER_APP_KEY": "key-one=app-one key-two=app-two",
        "RECONCILER_LATENCY_MS": "300",
        "RECONCILER_LIMIT_RPS": "2",
    }
    keyed = Tool(tool.folder, token=PAT, environment={**tool.environment, **settings})
    with served(keyed) as (url, running):
        began = time.monotonic()
        first = get(url, "/v2/concepts", "key-one")
        assert time.monotonic() - began >= 0.3
        assert first.status_code == 404, "an app that is not there yet"
        assert get(url, "/v2/concepts", "key-three").status_code == 401
        eventually(lambda: 429 in six_at_once(url), "more requests in a second than are let in")
        running.send_signal(signal.SIGINT)
        ended = keyed.end(running)
    assert ended.status == 0
    assert "export CLARIFAI_PAT=KEY    # one of --app-key" in ended.err
    assert "key-one" not in ended.err


def test_serve_where_the_port_is_taken(here: Here) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = here("sandbox", "serve", "--port", str(port))
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.startswith(f"error: cannot listen on 127.0.0.1:{port}: Address already in use")
    assert "0 for any free one" in ended.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--app-key", "hidden-key"], "'--app-key': number 1 is not KEY=APP"),
        (["--app-key", "=app"], "'--app-key': number 1 is not KEY=APP"),
        (["--app-key", "k=a", "--app-key", "hidden-key="], "number 2 is not KEY=APP"),
        (["--app-key", "hidden-key=a", "--app-key", "hidden-key=b"], "for two apps, 'a' and 'b'"),
        (["--app-key", "hidden-key=no/id"], "app id"),
        (["--pat", "hidden-key with spaces"], "a token is printable ASCII without spaces"),
        (["--user", "no/id"], "user id"),
        (["--port", "99999"], "99999 is not in the range"),
        (["--latency-ms", "-1"], "-1 is not in the range"),
        (["--limit-rps", "0"], "0 is not in the range"),
        (["--data", "file"], "Directory 'file' is a file."),
    ],
)
def test_serve_with_a_mistake(here: Here, options: list[str], said: str) -> None:
    (here.folder / "file").write_text("", "utf-8")
    ended = here("sandbox", "serve", *options)
    assert (ended.status, ended.out) == (1, "")
    assert said in ended.err
    assert "hidden-key" not in ended.err


PATIENT = """
import sys
from reconciler.cli.main import main
from reconciler.sandbox.store import Store
usual = Store.__init__.__kwdefaults__
assert usual["lock_timeout"] >= 3
usual["lock_timeout"] = 300
main(sys.argv[1:])
"""
"""The command, which waits for a folder until it is free, however busy the machine is."""


def test_a_command_waits_for_a_served_sandbox_to_let_its_folder_go(tool: Tool) -> None:
    """``--sandbox`` right after ``serve`` was stopped: the lock is waited for, not complained of."""
    path = people(tool.folder, "handover")
    (tool.folder / ".reconciler").mkdir()
    with served(tool, "--data", ".reconciler/sandbox") as (_, running):
        waiting = subprocess.Popen(
            [sys.executable, "-c", PATIENT, "plan", path, "--sandbox", "--format", "json"],
            cwd=tool.folder, env=tool.environ(), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        eventually(lambda: _opened(waiting.pid, "sandbox.lock"), "the second one at the lock")
        running.send_signal(signal.SIGTERM)
        running.wait(300)
        ended = tool.end(waiting)
    assert ended.status == 0, ended.err
    assert json.loads(ended.out)["summary"]["create"] == 14


def _opened(pid: int, name: str) -> bool:
    """Whether a process has a file of this name open."""
    folder = Path(f"/proc/{pid}/fd")
    found = []
    for entry in folder.iterdir():
        try:
            found.append(os.readlink(entry))
        except OSError:
            continue
    return any(one.endswith(name) for one in found)
