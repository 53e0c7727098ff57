"""A running sandbox put together: store, background, rooms and doors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from clarifai_grpc.grpc.api import resources_pb2

from reconciler.errors import SandboxError
from reconciler.sandbox import public, routes
from reconciler.sandbox.auth import Tokens
from reconciler.sandbox.context import World
from reconciler.sandbox.control import Controls
from reconciler.sandbox.faults import FaultBook, RateLimit, RequestLog
from reconciler.sandbox.ids import Clock, IdSource, check_resource_id, stamp
from reconciler.sandbox.platform import Platform
from reconciler.sandbox.runner import Runner
from reconciler.sandbox.scores import Scores
from reconciler.sandbox.server import HOST, Server
from reconciler.sandbox.status import PlatformError
from reconciler.sandbox.store import Store
from reconciler.sandbox.switchboard import Switchboard
from reconciler.sandbox.transaction import Key
from reconciler.sandbox.wanted import Wanted

if TYPE_CHECKING:
    from reconciler.sandbox.grpc_door import GrpcDoor

_DRAIN_SECONDS: Final = 600.0


class House:
    """Everything that runs while a sandbox does."""

    def __init__(self, wanted: Wanted) -> None:
        _check(wanted)
        scores = Scores.load(wanted.scores) if wanted.scores else Scores.empty()
        self._store = Store(wanted.data)
        self._world = World(
            store=self._store,
            switches=Switchboard(wanted.behaviour),
            legacy=wanted.legacy,
            ids=IdSource(wanted.seed),
            clock=Clock(),
            owner=wanted.user,
            wake=self._wake,
            scores=scores,
            origin=lambda: f"http://{HOST}:{self.port}",
        )
        self.runner = Runner(self._world)
        tokens = Tokens(wanted.user, wanted.pat, wanted.app_keys)
        self.controls = Controls(
            FaultBook(frozenset(routes.rpcs())),
            RequestLog(),
            RateLimit(wanted.limit_rps) if wanted.limit_rps else None,
            wanted.latency_ms,
            self.runner.idle,
            self._world.switches,
        )
        self._server: Server | None = None
        self._grpc: GrpcDoor | None = None
        rooms = Platform(self._world, tokens)
        whole = False
        try:
            self._server = Server(wanted.port, rooms, self.controls)
            if wanted.grpc_port is not None:
                # Its core starts threads when it is imported: only for those who ask for it.
                from reconciler.sandbox.grpc_door import GrpcDoor

                self._grpc = GrpcDoor(wanted.grpc_port, rooms, self.controls)
            whole = True
        finally:
            if not whole:
                if self._server is not None:
                    self._server.stop()
                self._store.close()

    def _wake(self) -> None:
        self.runner.wake()

    @property
    def port(self) -> int:
        """Where the HTTP door is."""
        assert self._server is not None
        return int(self._server.server_port)

    @property
    def grpc_port(self) -> int | None:
        """Where the gRPC door is, if there is one."""
        return self._grpc.port if self._grpc else None

    def open(self) -> None:
        """Fill in what every sandbox has and open the doors."""
        named = self._world.scores.concept_ids
        with self._store.write() as tx:
            public.seed(tx, named)
            owner = self._world.owner
            at = self._world.clock.now()
            tx.insert(
                Key("user", owner, "", "", owner),
                resources_pb2.User(id=owner, created_at=stamp(at)),
                at=at,
            )
        self.runner.start()
        assert self._server is not None
        self._server.start()
        if self._grpc is not None:
            self._grpc.start()

    def close(self, *, drain: bool) -> None:
        """Close the doors, end the background and the store."""
        try:
            if drain:
                self.runner.wait_idle(_DRAIN_SECONDS)
        finally:
            assert self._server is not None
            self.controls.faults.end_waits()
            self._server.stop()
            if self._grpc is not None:
                self._grpc.stop()
            self.runner.stop()
            self.controls.faults.clear()
            self._store.close()


def _check(wanted: Wanted) -> None:
    try:
        check_resource_id(wanted.user, "user id")
        for app in wanted.app_keys.values():
            check_resource_id(app, "app id")
    except PlatformError as error:
        raise SandboxError(error.details) from error
    for token in (*wanted.app_keys, *([] if wanted.pat is None else [wanted.pat])):
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise SandboxError(
                "a token is printable ASCII without spaces", hint="choose another one"
            )
    if wanted.limit_rps is not None and wanted.limit_rps < 1:
        raise SandboxError(f"limit_rps is {wanted.limit_rps}; it must be at least 1")
