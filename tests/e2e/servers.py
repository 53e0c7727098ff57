"""Servers that behave as no sandbox would: plain ones on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

Answer = tuple[int, str, bytes]
"""HTTP status, content type, body."""


@contextmanager
def serving(answer: Callable[[str, str, bytes, str], Answer]) -> Iterator[str]:
    """The base URL of a server; ``answer`` gets method, path with query, body, authorization."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            key = self.headers.get("Authorization") or ""
            status, kind, content = answer(self.command, self.path, body, key)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """An ``answer`` that raises is a connection that breaks."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def proxy(base_url: str, change: Callable[[str, str, Any], None]) -> Any:
    """A server before another one; ``change`` may alter the JSON body of a request."""

    def answer(method: str, path: str, body: bytes, key: str) -> Answer:
        sent = json.loads(body) if body else None
        change(method, path, sent)
        reply = requests.request(
            method,
            base_url + path,
            data=None if sent is None else json.dumps(sent),
            headers={"Authorization": key},
            timeout=300,
        )
        return reply.status_code, reply.headers["Content-Type"], reply.content

    return serving(answer)
