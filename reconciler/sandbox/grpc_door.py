"""The gRPC door: the whole service of the contract on loopback, over the same rooms as the HTTP door.

Every method answers with a message that holds an envelope, whatever came in; gRPC's own statuses are
only for what no server says, such as a lost connection.
"""

from __future__ import annotations

import logging
import socket
import uuid
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Any, Final

import grpc

from reconciler.errors import SandboxError
from reconciler.sandbox import parsing, platform, routes, status, wire
from reconciler.sandbox.control import Controls
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.gate import Dropped, Gate, Refused, Visit
from reconciler.sandbox.handlers import table
from reconciler.sandbox.platform import Ask, Platform
from reconciler.sandbox.routes import Rpc

HOST: Final = "127.0.0.1"
METHOD: Final = "GRPC"
"""What stands for the HTTP method in the request log and in faults."""
MAX_MESSAGE: Final = 128 * 1024 * 1024
_WORKERS: Final = 64
_GRACE_SECONDS: Final = 5.0

# What is a little too large gets an envelope; far larger messages never reach this program.
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", 2 * MAX_MESSAGE),
    ("grpc.max_send_message_length", -1),
    # Else a second server would share the port and get half of the requests.
    ("grpc.so_reuseport", 0),
)

_CODES: Final[Mapping[int, grpc.StatusCode]] = MappingProxyType(
    {
        400: grpc.StatusCode.INTERNAL,
        401: grpc.StatusCode.UNAUTHENTICATED,
        403: grpc.StatusCode.PERMISSION_DENIED,
        404: grpc.StatusCode.UNIMPLEMENTED,
        429: grpc.StatusCode.UNAVAILABLE,
        502: grpc.StatusCode.UNAVAILABLE,
        503: grpc.StatusCode.UNAVAILABLE,
        504: grpc.StatusCode.UNAVAILABLE,
    }
)
"""What gRPC clients make of the page of a proxy (gRPC's own table of HTTP statuses)."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came."""

    rpc: Rpc
    body: bytes
    metadata: Mapping[str, str]

    @property
    def prefix(self) -> str:
        """What the id of the answer shall begin with."""
        sent = self.metadata.get("x-clarifai-request-id-prefix", "")
        return f"{sent[:64]}-" if sent and sent.isprintable() else ""

    @property
    def path(self) -> str:
        """The name of the method on the wire."""
        return f"/{routes.SERVICE.full_name}/{self.rpc.name}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: a message and the metadata behind it, or else the broken call of ``code``.

    ``http`` is the HTTP status that goes with it, 0 where no answer goes out; ``number`` is the
    platform's code, for the log.
    """

    http: int
    body: bytes = b""
    trailers: tuple[tuple[str, str], ...] = ()
    code: grpc.StatusCode | None = None
    details: str = ""
    number: int = 0


class _Foreseen(AbstractContextManager[None]):
    """Lets no bug of a handler through: the log gets it, the client the answer that stands ready."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """Swallow the errors of programs, not what shall end this one."""
        if not isinstance(error, Exception):
            return False
        _log.error("a request failed in an unforeseen way", exc_info=error)
        return True


class GrpcDoor:
    """Listens; ``stop`` ends it and every call."""

    def __init__(self, port: int, rooms: Platform, controls: Controls) -> None:
        _check_port(port)
        self._gate = Gate(rooms, controls)
        self._controls = controls
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="sandbox-grpc")
        handlers = {name: self._handler(rpc) for name, rpc in routes.rpcs().items()}
        self._server = grpc.server(
            self._pool,
            handlers=(grpc.method_handlers_generic_handler(routes.SERVICE.full_name, handlers),),
            options=_OPTIONS,
        )
        self.port = self._bind(port)

    def _bind(self, port: int) -> int:
        found = 0
        try:
            found = self._server.add_insecure_port(f"{HOST}:{port}")
        except RuntimeError as error:
            raise _taken(port, str(error)) from error
        finally:
            if not found:
                self._end(0)
        return int(found)

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def stop(self) -> None:
        """Answer no more; calls that are being worked on have a few seconds to be heard."""
        self._end(_GRACE_SECONDS)

    def _end(self, grace: float) -> None:
        self._server.stop(grace).wait()
        self._pool.shutdown()

    def _handler(self, rpc: Rpc) -> Any:
        """How gRPC shall call us: bytes in, bytes out, so that no broken message is gRPC's affair."""

        def one(body: bytes, context: grpc.ServicerContext) -> bytes:
            return self._serve(rpc, body, context)

        def stream(body: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            yield self._serve(rpc, body, context)

        def both(bodies: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            for body in _heard(rpc, bodies):
                yield self._serve(rpc, body, context)

        if rpc.client_streaming:
            return grpc.stream_stream_rpc_method_handler(both)
        if rpc.streaming:
            return grpc.unary_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(one)

    # --- the way of a request -----------------------------------------------------------------

    def _serve(self, rpc: Rpc, body: bytes, context: grpc.ServicerContext) -> bytes:
        call = Call(rpc, body, _texts(context.invocation_metadata()))
        visit = self._gate.visit("grpc", METHOD, call.path, rpc=rpc.name)
        # Stays in place if the work below fails in a way that nobody foresaw.
        reply = _refusal(call, status.PlatformError(status.INTERNAL, platform.BUG))
        with _Foreseen():
            reply = self._answer(call, visit)
        visit.ends(reply.http, reply.number)
        if reply.code is not None:
            context.abort(reply.code, reply.details)
        context.set_trailing_metadata(reply.trailers)
        return reply.body

    def _answer(self, call: Call, visit: Visit) -> Reply:
        message, mistake = _read(call)
        names = [(METHOD, call.path)]
        if message is not None:
            names += rest_names(call.rpc, message)
        try:
            fault = self._gate.enter(visit, *names)
            reply = self._carry_out(call, message, mistake, fault)
        except Dropped:
            return _LOST
        except Refused as refused:
            return _refused(call, refused)
        if fault and fault.drop == "after":
            return _LOST
        if fault and fault.cut:
            return Reply(reply.http, code=grpc.StatusCode.INTERNAL, details="the answer was cut")
        return reply

    def _carry_out(
        self, call: Call, message: Any, mistake: status.PlatformError | None, fault: Fault | None
    ) -> Reply:
        authorization = call.metadata.get("authorization")
        try:
            self._gate.rooms.authorize(call.rpc, authorization)
        except status.PlatformError as error:
            return _refusal(call, error)
        if mistake is not None:
            return _refusal(call, mistake)
        # Which fields were spelled out cannot be known here.
        ask = Ask(authorization, None, call.prefix)
        return _reply(call, self._gate.call(call.rpc, message, ask, fault))


def _check_port(port: int) -> None:
    """Try a port first: gRPC itself says little about one that it cannot have, and says it to stderr."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError as error:
            raise _taken(port, error.strerror or str(error)) from error
        except OverflowError:
            raise SandboxError(
                f"{port} is no port", hint="a port is a number from 0 to 65535"
            ) from None


def _taken(port: int, problem: str) -> SandboxError:
    return SandboxError(
        f"cannot listen for gRPC on {HOST}:{port}: {problem}",
        hint="another program uses that port; name another one, or 0 for any free one",
    )


def rest_names(rpc: Rpc, message: Any) -> list[tuple[str, str]]:
    """The methods and paths that a request could have had over REST, the long form first.

    So a fault that is meant for ``POST`` and ``/inputs$`` meets both doors.
    """
    return [
        (route.verb, path)
        for route in routes.routes_of(rpc.name)
        if (path := _path(route.template, message)) is not None
    ]


def _path(template: str, message: Any) -> str | None:
    parts = template.split("/")
    for index, part in enumerate(parts):
        if part.startswith("{"):
            target = message
            for name in part[1:-1].split("."):
                target = getattr(target, name)
            if not target:
                return None
            parts[index] = str(target)
    return "/".join(parts)


def _read(call: Call) -> tuple[Any, status.PlatformError | None]:
    """The message, or why there is none."""
    if len(call.body) > MAX_MESSAGE:
        details = f"the message is larger than {MAX_MESSAGE} bytes"
        return None, status.PlatformError(status.TOO_LARGE, details)
    try:
        return wire.read(call.rpc.request, call.body), None
    except parsing.BadJson as error:
        return None, status.PlatformError(status.BAD_FORMAT, str(error))


def _heard(rpc: Rpc, bodies: Iterable[bytes]) -> Iterator[bytes]:
    """What a client streams, as far as it is worth listening: one "no" is enough, also to silence."""
    heard = False
    for body in bodies:
        heard = True
        yield body
        if rpc.name not in table.ENTRIES:
            return
    if not heard:
        yield b""


def _texts(metadata: Iterable[tuple[str, str | bytes]] | None) -> Mapping[str, str]:
    """The first value of each key; keys that end in ``-bin`` hold bytes, and nothing for us."""
    found: dict[str, str] = {}
    for key, value in metadata or ():
        if isinstance(value, str):
            found.setdefault(key, value)
    return found


def _reply(call: Call, response: Any, trailers: tuple[tuple[str, str], ...] = ()) -> Reply:
    http = platform.http_status(response)
    platform.forget_http(call.rpc, response)
    return Reply(http, response.SerializeToString(), trailers, number=response.status.code)


def _refusal(
    call: Call, error: status.PlatformError, trailers: tuple[tuple[str, str], ...] = ()
) -> Reply:
    response = platform.refusal(call.rpc, error)
    response.status.req_id = call.prefix + uuid.uuid4().hex
    return _reply(call, response, trailers)


def _refused(call: Call, refused: Refused) -> Reply:
    if refused.html:
        http = refused.error.http
        code = _CODES.get(http, grpc.StatusCode.UNKNOWN)
        return Reply(http, code=code, details=f"Received http2 header with status: {http}")
    trailers: tuple[tuple[str, str], ...] = ()
    if refused.retry_after is not None:
        trailers = (("retry-after", f"{refused.retry_after:g}"),)
    return _refusal(call, refused.error, trailers)


# What a client sees of a connection that is gone, and what the official ones try again by themselves.
_LOST: Final = Reply(0, code=grpc.StatusCode.UNAVAILABLE, details="Socket closed")
