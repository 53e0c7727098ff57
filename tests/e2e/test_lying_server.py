"""A server in front of the sandbox that answers what no service should: the tool says so, and stops."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from e2e.conftest import TOKEN, Here
from e2e.tool import Tool, people, writes

from reconciler.sandbox import Sandbox

COMMANDS = {
    "plan": lambda path: ["plan", path],
    "apply": lambda path: ["apply", path, "--auto-approve"],
    "inputs add": lambda path: ["inputs", "add", path, "x.png"],
    "annotations list": lambda path: ["annotations", "list", path],
    "validate": lambda path: ["validate", path, "--refresh-types"],
}

Send = Callable[[BaseHTTPRequestHandler, int, bytes], None]


def whole(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    """An answer as it should be; keyword headers are spelled with underscores."""
    handler.send_response(status)
    for name, value in ({"Content_Type": "application/json"} | headers).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def lying(base_url: str, send: Send) -> Iterator[str]:
    """The base URL of a server that asks another one and lets ``send`` tell what that answered."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            reply = requests.request(
                self.command,
                base_url + self.path,
                data=body or None,
                headers={"Authorization": self.headers.get("Authorization") or ""},
                timeout=300,
            )
            send(self, reply.status_code, reply.content)

        do_GET = do_POST = do_PATCH = do_DELETE = _any

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Who is told lies may go away in the middle of them."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def applied(platform: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An app that is there, so that there are lists to lie about."""
    return "liar"


@pytest.fixture
def path(here: Here, platform: Sandbox, applied: str) -> Any:
    manifest = people(here.folder, applied)
    if not any(entry for entry in _apps(platform) if entry["id"] == applied):
        here.done("apply", manifest, "--auto-approve")
    (here.folder / "x.png").write_bytes(b"\x89PNG no picture")
    platform.clear_requests()
    return manifest


def _apps(platform: Sandbox) -> list[Any]:
    reply = requests.get(
        f"{platform.base_url}/v2/users/me/apps?per_page=1000",
        headers={"Authorization": f"Key {platform.token}"},
        timeout=300,
    )
    found: list[Any] = reply.json().get("apps", [])
    return found


# --- lies that every command meets


def _page(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    whole(handler, 200, b"<html><title>Sign in</title>", Content_Type="text/html")


def _failing(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    said = {"code": 99009, "description": "Internal", "req_id": "ab" * 16}
    whole(handler, 200, json.dumps({"status": said}).encode())


def _no_status(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    whole(handler, status, json.dumps({**json.loads(body), "status": None}).encode())


def _not_utf_8(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    whole(handler, status, body.replace(b'"description":', b'"description\xff":', 1))


def _bomb(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    packed = gzip.compress(b'{"status": {"code": 10000}, "a": "' + b" " * 200_000_000, 1)
    whole(handler, status, packed, Content_Encoding="gzip")


def _no_gzip(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    whole(handler, status, body, Content_Encoding="gzip")


def _garbage_in_chunks(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b'5\r\n{"sta\r\nzz\r\n!!\r\n')
    handler.close_connection = True


def _many_values(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    whole(handler, status, b'{"status": {"code": 10000}, "a": [' + b"[]," * 1_500_000 + b"[]]}")


def _below_the_limits(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    whole(handler, status, b'{"status": {"code": 10000}, "a": [' + b"{}," * 450_000 + b"{}]}")


def _deep(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    inner = b'{"a":' * 300 + b"1" + b"}" * 300
    whole(handler, status, b'{"status": {"code": 10000}, "deep": ' + inner + b"}")


def _numbers_as_ids(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    whole(handler, status, json.dumps(_with_ids(json.loads(body), 7)).encode())


def _null_ids(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    whole(handler, status, json.dumps(_with_ids(json.loads(body), None)).encode())


def _with_ids(value: Any, id_: Any) -> Any:
    if isinstance(value, dict):
        return {k: id_ if k == "id" else _with_ids(v, id_) for k, v in value.items()}
    return [_with_ids(item, id_) for item in value] if isinstance(value, list) else value


LIES: dict[str, tuple[Send, str]] = {
    "a page": (_page, "the answer is not the platform's JSON but an HTML page"),
    "200 with a failing code": (_failing, "(HTTP 200, code 99009, request abab"),
    "no status": (_no_status, "the answer is not the platform's JSON"),
    "not UTF-8": (_not_utf_8, "the answer is not the platform's JSON"),
    "a gzip bomb": (_bomb, "the answer is larger than 24 MB, more than is read"),
    "gzip that is none": (_no_gzip, "broke the connection off before its answer was whole"),
    "garbage in chunks": (_garbage_in_chunks, "broke the connection off before its answer was whole"),
    "many values": (_many_values, "the answer holds up to 3,000,005 values, more than the 1,000,000 that are read"),
    "deep": (_deep, "is nested more than 100 deep"),
    "numbers as ids": (_numbers_as_ids, "id is number 7, where text"),
    "null ids": (_null_ids, "has no id"),
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_called_one(
    here: Here, platform: Sandbox, path: Any, command: str, lie: str
) -> None:
    send, said = LIES[lie]
    here.set(RECONCILER_MAX_RETRIES="0")
    with lying(platform.base_url, send) as base:
        here.set(CLARIFAI_API_BASE=base)
        ended = here(*COMMANDS[command](path))
    assert ended.status == 1
    assert ended.out == ""
    assert "error: GET /v2/users/" in ended.err
    assert said in ended.err
    assert len(ended.err) < 2000
    assert writes(platform) == []


_MEASURED = """
import atexit, sys
from pathlib import Path
from reconciler.cli.main import main
def tell():
    status = Path("/proc/self/status").read_text()
    print(next(line.split()[1] for line in status.splitlines() if "VmHWM" in line))
atexit.register(tell)
main(["plan", sys.argv[1]])
"""


def _most_memory(here: Here, base: str, path: Any) -> int:
    """Megabytes that a plan takes at most, as a process of its own."""
    fast = {"RECONCILER_MAX_RETRIES": "0", "RECONCILER_MAX_RPS": "10000"}
    tool = Tool(here.folder, base, TOKEN, fast)
    ended = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(path)],
        cwd=here.folder,
        env=tool.environ(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    tool.checked(ended.returncode, ended.stdout, ended.stderr)
    return int(ended.stdout.split()[-1]) // 1024


def test_no_lie_takes_much_memory(here: Here, platform: Sandbox, path: Any) -> None:
    for send in (_bomb, _many_values, _below_the_limits, _wordy("description"), _wordy("notes")):
        with lying(platform.base_url, send) as base:
            assert _most_memory(here, base, path) < 200


def _wordy(name: str) -> Send:
    """Every object of every answer has 10 MB of one text."""

    def add(found: Any) -> None:
        if isinstance(found, dict):
            if "id" in found:
                found[name] = "x" * 10_000_000
            for item in found.values():
                add(item)
        elif isinstance(found, list):
            for item in found:
                add(item)

    def send(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
        answer = json.loads(body)
        add(answer)
        whole(handler, status, json.dumps(answer).encode())

    return send


# --- lies about lists


def _grown(change: Callable[[str, int, list[Any]], list[Any]]) -> Send:
    """Lists as ``change`` makes them of the path, the page and the true items of page 1."""
    first: dict[str, list[Any]] = {}

    def send(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
        parts = urlsplit(handler.path)
        page = int(parse_qs(parts.query).get("page", ["0"])[0])
        answer = json.loads(body)
        key = parts.path.rsplit("/", 1)[-1]
        if page and isinstance(answer.get(key), list):
            true = first.setdefault(parts.path, answer[key])
            answer[key] = change(key, page, true)
        whole(handler, status, json.dumps(answer).encode())

    return send


def test_a_list_without_end_takes_not_much_memory(here: Here, platform: Sandbox, path: Any) -> None:
    usual = _most_memory(here, platform.base_url, path)
    more = _grown(lambda key, page, true: _concepts(1000 * page) if key == "concepts" else true)
    with lying(platform.base_url, more) as base:
        assert _most_memory(here, base, path) - usual < 200


def _fat(key: str, page: int, true: list[Any]) -> list[Any]:
    """Pages of small values, each just below what is read of one answer."""
    return (
        [one | {"who_knows": [[]] * 450} for one in _concepts(1000 * page)]
        if key == "concepts"
        else true
    )


def test_fat_pages_of_one_list_end_before_the_memory_does(
    here: Here, platform: Sandbox, path: Any
) -> None:
    usual = _most_memory(here, platform.base_url, path)
    with lying(platform.base_url, _grown(_fat)) as base:
        here.set(CLARIFAI_API_BASE=base)
        ended = here("plan", path, "--max-rps", "10000")
        most = _most_memory(here, base, path)
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == (
        "error: GET /v2/users/sandbox-user/apps/liar/concepts: with page 5 of 'concepts' the lists "
        "that are read together hold more than 4,000,000 values, which is more than is kept\n"
        "  look at what the service lists: texts or metadata of this size are hardly meant\n"
    )
    assert most - usual < 200


def _concepts(start: int) -> list[Any]:
    return [{"id": f"c{number}", "app_id": "liar"} for number in range(start, start + 1000)]


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        pytest.param(lambda key, page, true: _concepts(0) if key == "concepts" else true,
                     "page 2 is page 1 again, so the list has no end", id="the same page for ever"),
        pytest.param(lambda key, page, true: _concepts(1000 * (page % 2)) if key == "concepts" else true,
                     "page 3 holds only what earlier pages held, so the list has no end", id="two in turn"),
        pytest.param(lambda key, page, true: _concepts(1000 * page) if key == "concepts" else true,
                     "there is more after 200 pages, so the list has no end", id="never-ending"),
    ],
)  # fmt: skip
def test_a_list_without_end(
    here: Here, platform: Sandbox, path: Any,
    pages: Callable[[str, int, list[Any]], list[Any]], said: str,
) -> None:  # fmt: skip
    with lying(platform.base_url, _grown(pages)) as base:
        here.set(CLARIFAI_API_BASE=base)
        ended = here("plan", path, "--max-rps", "10000")
    assert (ended.status, ended.out) == (1, "")
    assert "error: GET /v2/users/sandbox-user/apps/liar/concepts: " in ended.err
    assert said in ended.err


def test_items_that_come_again_are_one(here: Here, platform: Sandbox, path: Any) -> None:
    with lying(platform.base_url, _grown(lambda key, page, true: [*true, *true])) as base:
        here.set(CLARIFAI_API_BASE=base)
        assert here.done("plan", path).startswith("No changes.")


def test_a_description_of_10_mb_and_unknown_fields(
    here: Here, platform: Sandbox, path: Any
) -> None:
    def send(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
        answer = json.loads(body)
        answer["who_knows"] = [{"a": {"b": 1}}]
        for one in (answer.get("app"), *(answer.get("models") or ())):
            if one is not None:
                one |= {"no_such_field": {"x": []}}
        if answer.get("app"):
            answer["app"]["description"] = "d" * 10_000_000
        whole(handler, status, json.dumps(answer).encode())

    with lying(platform.base_url, send) as base:
        here.set(CLARIFAI_API_BASE=base)
        ended = here("plan", path)
    assert ended.status == 0
    assert len(ended.out) < 10_000


def test_a_token_does_not_follow_a_redirect(here: Here, platform: Sandbox, path: Any) -> None:
    met: list[str] = []

    def elsewhere(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
        met.append(handler.path)
        whole(handler, status, body)

    with lying(platform.base_url, elsewhere) as other:

        def redirect(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
            whole(handler, 307, b"", Location=f"{other}{handler.path}?key={TOKEN}")

        with lying(platform.base_url, redirect) as base:
            here.set(CLARIFAI_API_BASE=base)
            for command in COMMANDS.values():
                ended = here(*command(path))
                assert ended.status == 1
                assert "redirected to " in ended.err
                assert "not followed, since the token would go along" in ended.err
    assert met == []
