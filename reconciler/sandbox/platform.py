"""The way of a request to its handler, the same for every door: token, app, transaction, envelope."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2
from google.protobuf.message import Message

from reconciler.sandbox import auth, keys, status
from reconciler.sandbox.auth import Tokens
from reconciler.sandbox.context import Caller, Context, Entry, World, need
from reconciler.sandbox.handlers import table
from reconciler.sandbox.routes import Rpc
from reconciler.sandbox.transaction import Key, Scope, Tx

BUG: Final = "the sandbox has a bug; see its log"
"""The details of an answer to a request that failed in a way nobody foresaw."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a door knows of a request besides the message.

    ``given`` names the fields that were spelled out, ``request_prefix`` begins the request id,
    ``reader`` replaces the state that reads see (stale answers), ``mixed`` lets part of a batch fail,
    ``work_delay_ms`` puts off the background work that comes of it.
    """

    authorization: str | None
    given: frozenset[str] | None = None
    request_prefix: str = ""
    reader: Callable[[], AbstractContextManager[Tx]] | None = None
    mixed: bool = False
    work_delay_ms: int = 0


class Platform:
    """All the rooms behind the doors."""

    def __init__(self, world: World, tokens: Tokens) -> None:
        self.world = world
        self._tokens = tokens

    def authorize(self, rpc: Rpc, authorization: str | None) -> None:
        """Refuse a token that is none, before anybody reads what came with it."""
        if rpc.name not in auth.OPEN:
            self._caller(authorization)

    def _caller(self, authorization: str | None) -> Caller:
        return self._tokens.caller(
            authorization, self._made, self.world.behaviour.malformed_authorization_http
        )

    def _made(self, token: str) -> Caller | None:
        with self.world.store.read() as tx:
            return keys.caller_of(token, self.world.owner, self.world.clock.now(), tx)

    def call(self, rpc: Rpc, request: Message, ask: Ask) -> Any:
        """Carry out one request; whatever happens, the answer is a message with an envelope."""
        try:
            response = self._carry_out(rpc, request, ask)
        except status.PlatformError as error:
            response = refusal(rpc, error)
        response.status.req_id = ask.request_prefix + uuid.uuid4().hex
        return response

    def _carry_out(self, rpc: Rpc, request: Any, ask: Ask) -> Any:
        entry = table.ENTRIES.get(rpc.name)
        if rpc.name in auth.OPEN:
            caller, scope = Caller(""), Scope("", "")
        else:
            caller = self._caller(ask.authorization)
            if entry is None:
                raise not_implemented(rpc.name)
            named = getattr(request, "user_app_id", resources_pb2.UserAppIDSet())
            scope = auth.scope_for(rpc.name, named, caller)
            named.user_id, named.app_id = scope
        if entry is None:
            raise not_implemented(rpc.name)
        context = Context(self.world, caller, scope, ask.given, ask.reader)
        if ask.mixed:
            return self._half(entry, request, context, ask)
        return self._run(entry, request, context, ask)

    def _run(self, entry: Entry, request: Any, context: Context, ask: Ask) -> Any:
        if entry.mode == "free":
            with context.reading():
                _check_app(context)
            return entry.handler(request, context)
        if entry.mode == "read":
            with context.reading():
                _check_app(context)
                return entry.handler(request, context)
        if context.is_public:
            raise status.missing("app_id", context.scope.app)
        with self.world.store.write() as tx, context.using(tx):
            tx.job_delay = ask.work_delay_ms * 1000
            _check_app(context)
            response = entry.handler(request, context)
        if tx.new_jobs:
            self.world.wake()
        return response

    def _half(self, entry: Entry, request: Any, context: Context, ask: Ask) -> Any:
        """Mixed success on purpose: every second item of the batch is left out and reported."""
        for field in request.DESCRIPTOR.fields:
            items = getattr(request, field.name)
            if field.is_repeated and len(items) > 1:
                kept = [item for index, item in enumerate(items) if index % 2 == 0]
                request.ClearField(field.name)
                getattr(request, field.name).extend(kept)
                response = self._run(entry, request, context, ask)
                if response.status.code == status.SUCCESS:
                    response.status.CopyFrom(
                        status.make(status.MIXED, "a fault made every second item fail")
                    )
                return response
        return self._run(entry, request, context, ask)


def only_reads(rpc: Rpc) -> bool:
    """Whether a method reads one state and no more, so that a stale one can be shown to it."""
    entry = table.ENTRIES.get(rpc.name)
    return entry is not None and entry.mode == "read"


def _check_app(context: Context) -> None:
    user, app = context.scope
    if app:
        need(context.tx.get(Key("app", user, app, "", app)), "app_id", app)


def not_implemented(name: str) -> status.PlatformError:
    """What is answered for a method that the sandbox does not have."""
    return status.PlatformError(status.NOT_IMPLEMENTED, f"the sandbox does not implement {name}")


def refusal(rpc: Rpc, error: status.PlatformError) -> Any:
    """The answer of this method for an error."""
    response = rpc.response()
    response.status.CopyFrom(status.make(error.code, error.details))
    if error.http != status.http_of(error.code):
        response.status.http_status_code = error.http
    return response


def http_status(response: Any) -> int:
    """The HTTP status that goes with an answer."""
    return int(response.status.http_status_code) or status.http_of(response.status.code)


def forget_http(rpc: Rpc, response: Any) -> None:
    """Take the HTTP status out of the envelope, where it was only a note to the doors."""
    if rpc.name != "GetStatusCode":
        response.status.http_status_code = 0
