"""A scripted HTTP server on loopback: it plays one prepared reply for each request."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REQUEST_ID = "0f" * 16


def envelope(code: int = 10000, description: str = "Ok", **rest: Any) -> dict[str, Any]:
    """The platform's answer; ``details`` goes into the status, all else beside it."""
    status = {"code": code, "description": description, "req_id": REQUEST_ID}
    if "details" in rest:
        status["details"] = rest.pop("details")
    return {"status": status, **rest}


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Reply = Callable[[BaseHTTPRequestHandler, Seen], None]


def reply(
    body: object = None, *, http: int = 200, kind: str = "application/json", **headers: str
) -> Reply:
    """A whole answer; keyword headers are spelled with underscores."""
    raw = body if isinstance(body, bytes) else json.dumps(body or envelope()).encode()

    def play(handler: BaseHTTPRequestHandler, seen: Seen) -> None:
        handler.send_response(http)
        handler.send_header("Content-Type", kind)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)

    return play


def reset(handler: BaseHTTPRequestHandler, seen: Seen) -> None:
    """Breaks the connection off without an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def cut(handler: BaseHTTPRequestHandler, seen: Seen) -> None:
    """Promises more bytes than it sends."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"status": {"code": 100')
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


@dataclass
class Wire:
    """The script and what has arrived. After the script's end every answer is ``always``."""

    url: str = ""
    script: list[Reply] = field(default_factory=list)
    always: Reply = field(default_factory=reply)
    seen: list[Seen] = field(default_factory=list)
    finished: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def silent(self, handler: BaseHTTPRequestHandler, seen: Seen) -> None:
        """Takes the request and says nothing until the test is over."""
        self.finished.wait(300)
        handler.close_connection = True

    def play(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        seen = Seen(
            handler.command, handler.path, dict(handler.headers), handler.rfile.read(length)
        )
        with self.lock:
            self.seen.append(seen)
            play = self.script.pop(0) if self.script else self.always
        play(handler, seen)


@contextmanager
def running() -> Iterator[Wire]:
    """A server that lives as long as the block."""
    wire = Wire()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 300
        disable_nagle_algorithm = True

        def _play(self) -> None:
            try:
                wire.play(self)
            except OSError:
                self.close_connection = True

        do_GET = do_POST = do_PATCH = do_DELETE = _play

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    wire.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield wire
    finally:
        wire.finished.set()
        server.shutdown()
        server.server_close()
        thread.join()
