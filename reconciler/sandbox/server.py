"""The HTTP door: JSON over HTTP/1.1 on loopback, one thread a connection, connections kept alive."""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from reconciler.errors import SandboxError
from reconciler.sandbox import bodies, codec, control, parsing, platform, routes, status
from reconciler.sandbox.bodies import Unreadable
from reconciler.sandbox.control import Controls
from reconciler.sandbox.explorer import door as explorer
from reconciler.sandbox.explorer.reply import Look
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.gate import Dropped, Gate, Refused, Visit
from reconciler.sandbox.handlers import table
from reconciler.sandbox.platform import Ask, Platform

HOST: Final = "127.0.0.1"
_IDLE_SECONDS: Final = 300.0
_GRACE_SECONDS: Final = 5.0
_LINGER_SECONDS: Final = 2.0
_HTML: Final = b"<html><head><title>Error</title></head><body><h1>upstream error</h1></body></html>"
_SKIPPED: Final = "user_app_id"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: ``body`` is complete, unless ``cut`` says that half of it is sent.

    ``code`` is the platform's, for the log.
    """

    status: int
    body: bytes
    code: int = 0
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came, its path still percent-encoded."""

    method: str
    path: str
    query: str
    headers: Any
    body: bytes

    @property
    def prefix(self) -> str:
        """What the id of the answer shall begin with."""
        sent = str(self.headers.get("X-Clarifai-Request-ID-Prefix") or "")
        return f"{sent[:64]}-" if sent and sent.isprintable() else ""


def envelope(error: status.PlatformError, prefix: str = "") -> Reply:
    """The answer for an error outside of any method."""
    found = status.make(error.code, error.details)
    found.req_id = prefix + uuid.uuid4().hex
    body = json.dumps({"status": codec.to_json(found)}, ensure_ascii=False).encode()
    return Reply(error.http, body, error.code)


class Server(ThreadingHTTPServer):
    """Listens; ``stop`` ends it and every connection."""

    daemon_threads = False
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, port: int, rooms: Platform, controls: Controls) -> None:
        self.gate = Gate(rooms, controls)
        self.controls = controls
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise SandboxError(
                f"cannot listen on {HOST}:{port}: {error.strerror or error}",
                hint="another program uses that port; name another one, or 0 for any free one",
            ) from error
        except OverflowError:
            raise SandboxError(
                f"{port} is no port", hint="a port is a number from 0 to 65535"
            ) from None
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, name="sandbox-http"
        )

    def server_bind(self) -> None:
        """Bind without looking up the host's name, which can take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = HOST, self.server_address[1]

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more; requests that are being worked on are finished, if not always heard."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self._hang_up_all(socket.SHUT_RD)
        until = time.monotonic() + _GRACE_SECONDS
        while self._open and time.monotonic() < until:
            time.sleep(0.01)
        # Whoever does not even take the answer shall not hold up the end.
        self._hang_up_all(socket.SHUT_RDWR)
        self.server_close()

    def _hang_up_all(self, how: int) -> None:
        with self._open_lock:
            for connection in self._open:
                _hang_up(connection, how)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that ``stop`` can end it."""
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A bug in a handler: the client has its 500 already, the log gets the rest.

        That a client is gone amid a request (somebody pressed Ctrl-C) is none.
        """
        if not isinstance(sys.exception(), ConnectionError):
            _log.exception("a request failed in an unforeseen way")

    # --- the way of a request -----------------------------------------------------------------

    def answer(self, request: Request, visit: Visit) -> Reply:
        """The reply to a request; raises ``Dropped``."""
        path = unquote(request.path, errors="replace")
        match = _route(request)
        if isinstance(match, routes.Match):
            visit.rpc = match.route.rpc.name
        try:
            fault = self.gate.enter(visit, (request.method, path))
        except Refused as refused:
            return _refusal(refused, request.prefix)
        if isinstance(match, status.PlatformError):
            reply = envelope(match, request.prefix)
        else:
            reply = self._dispatch(request, match, fault)
        if fault and fault.drop == "after":
            raise Dropped
        return replace(reply, cut=fault.cut) if fault else reply

    def _dispatch(self, request: Request, match: routes.Match, fault: Fault | None) -> Reply:
        rpc = match.route.rpc
        if rpc.streaming and rpc.name not in table.ENTRIES:
            error = platform.not_implemented(rpc.name)
            return _reply(platform.refusal(rpc, error), request.prefix)
        message = rpc.request()
        try:
            self.gate.rooms.authorize(rpc, request.headers.get("Authorization"))
            given = _fill(message, match, request)
        except parsing.BadJson as error:
            refusal = status.PlatformError(status.BAD_FORMAT, str(error))
            return _reply(platform.refusal(rpc, refusal), request.prefix)
        except status.PlatformError as error:
            return _reply(platform.refusal(rpc, error), request.prefix)
        ask = Ask(request.headers.get("Authorization"), given, request.prefix)
        response = self.gate.call(rpc, message, ask, fault)
        http = platform.http_status(response)
        platform.forget_http(rpc, response)
        return Reply(http, codec.dumps(response), response.status.code)


def _reply(response: Any, prefix: str) -> Reply:
    response.status.req_id = prefix + uuid.uuid4().hex
    http = platform.http_status(response)
    response.status.http_status_code = 0
    return Reply(http, codec.dumps(response), response.status.code)


def _route(request: Request) -> routes.Match | status.PlatformError:
    """What a request calls, or why it calls nothing."""
    try:
        match = routes.find(request.method, request.path)
    except UnicodeDecodeError:
        return status.PlatformError(
            status.BAD_FORMAT, "the path is not UTF-8 behind its percent-encoding"
        )
    if isinstance(match, routes.Match):
        return match
    if match:
        return status.PlatformError(
            status.METHOD_NOT_ALLOWED,
            f"{request.method} is not for {request.path}; allowed: {', '.join(sorted(match))}",
        )
    return status.PlatformError(
        status.DOES_NOT_EXIST, f"there is nothing at {request.path}. Check the url of your request."
    )


def _fill(message: Any, match: routes.Match, request: Request) -> frozenset[str]:
    """Fill the message from body or query, then from the path; which fields were spelled out.

    The official client repeats in body and query whose app the path is about: that is left out. On a
    short path it counts, as in the documentation's own calls of public models.
    """
    skipped = _SKIPPED if match.route.names_user or match.route.names_app else ""
    if match.route.takes_body:
        sent = parsing.loads(request.body)
        parsing.parse_into(message, sent, skip=(skipped,))
        given = frozenset(sent)
    else:
        texts: dict[str, list[str]] = {}
        try:
            for name, text in parse_qsl(request.query, keep_blank_values=True, errors="strict"):
                texts.setdefault(name, []).append(text)
        except UnicodeDecodeError:
            raise parsing.BadJson("query", "not UTF-8 behind its percent-encoding") from None
        for name, values in texts.items():
            if name.partition(".")[0] != skipped:
                parsing.bind_text(message, name, values)
        given = frozenset(texts)
    for name, value in match.values.items():
        parsing.bind_text(message, name, [value])
    return given


def _refusal(refused: Refused, prefix: str) -> Reply:
    headers = {}
    if refused.retry_after is not None:
        headers["Retry-After"] = f"{refused.retry_after:g}"
    if refused.html:
        return Reply(refused.error.http, _HTML, content_type="text/html", headers=headers)
    return replace(envelope(refused.error, prefix), headers=headers)


def _hang_up(connection: socket.socket, how: int) -> None:
    try:
        connection.shutdown(how)
    except OSError:
        _log.debug("the connection was closed already")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # So that even a request line that says no version is answered with a status line.
    default_request_version = "HTTP/1.1"
    server_version = "clarifai-sandbox"
    sys_version = ""
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server
    # Whether the client may still be sending what nobody wants to read.
    _unread = False

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = do_GET

    def _serve(self) -> None:
        try:
            parts = urlsplit(self.path)
        except ValueError:
            self.send_error(400, "the address of the request cannot be read")
            return
        if parts.path.startswith(control.PREFIX):
            self._finish(self._controlled(parts))
            return
        if explorer.is_page(parts.path):
            self._show(parts)
            return
        visit = self.server.gate.visit("rest", self.command, parts.path, query=parts.query)
        # Stays in place if the work below fails in a way that nobody foresaw.
        reply: Reply | None = envelope(status.PlatformError(status.INTERNAL, platform.BUG))
        try:
            reply = self.server.answer(self._request(parts), visit)
        except Dropped:
            reply = None
        except Unreadable as unreadable:
            reply = self._give_up(unreadable)
        finally:
            visit.ends(reply.status if reply else 0, reply.code if reply else 0)
            self._finish(reply)

    def _controlled(self, parts: SplitResult) -> Reply | None:
        if self.headers.get("Origin"):
            # No page in a browser shall plant faults here.
            return envelope(status.PlatformError(status.INVALID_REQUEST, "no", http=403))
        try:
            request = self._request(parts)
        except Dropped:
            return None
        except Unreadable as unreadable:
            return self._give_up(unreadable)
        found = self.server.controls.answer(
            request.method, request.path, request.query, request.body
        )
        return Reply(found.status, found.body, content_type=found.content_type)

    def _show(self, parts: SplitResult) -> None:
        """A page of the explorer. Nobody meets a fault here, and the log has no line of it."""
        reply: Reply | None = envelope(status.PlatformError(status.INTERNAL, platform.BUG))
        try:
            seen = self._request(parts)
            host, tag = (self.headers.get(name) or "" for name in ("Host", "If-None-Match"))
            look = Look(seen.method, seen.path, seen.query, host, tag)
            shown = explorer.answer(self.server.gate.rooms.world, look)
            reply = Reply(
                shown.status, shown.body, content_type=shown.content_type, headers=shown.headers
            )
        except Dropped:
            reply = None
        except Unreadable as unreadable:
            reply = self._give_up(unreadable)
        finally:
            self._finish(reply)

    def _request(self, parts: SplitResult) -> Request:
        try:
            body = bodies.read(self.headers, self.rfile)
        except ConnectionError:
            raise Dropped from None
        return Request(self.command, parts.path, parts.query, self.headers, body)

    def _give_up(self, unreadable: Unreadable) -> Reply:
        self.close_connection = self._unread = True
        return envelope(unreadable.error)

    def _finish(self, reply: Reply | None) -> None:
        if reply is None:
            self.close_connection = True
            _hang_up(self.connection, socket.SHUT_RDWR)
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if self.close_connection or reply.cut:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        body = b"" if self.command == "HEAD" else reply.body
        try:
            self.wfile.write(body[: len(body) // 2] if reply.cut else body)
            self.wfile.flush()
            if self._unread:
                self._linger()
        except OSError:
            # The client is gone; there is nobody to tell.
            self.close_connection = True

    def _linger(self) -> None:
        """Take in for a moment what the client still sends: closing on it would take the answer away."""
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(_LINGER_SECONDS)
        until = time.monotonic() + _LINGER_SECONDS
        while time.monotonic() < until and self.connection.recv(65536):
            pass

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library refuses by itself (a broken request line, an unknown verb)."""
        self.close_connection = self._unread = True
        number = status.METHOD_NOT_ALLOWED if code == 501 else status.BAD_FORMAT
        http = 405 if code == 501 else code
        self.command = getattr(self, "command", None) or "GET"
        error = status.PlatformError(number, message or "the request cannot be read", http=http)
        self._finish(envelope(error))

    def log_message(self, format: str, *args: Any) -> None:
        """Requests go to the request log, not to the terminal."""
