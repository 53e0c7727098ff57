"""The sandbox as an object: started and stopped, asked for its address, told to misbehave."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Final

from reconciler.errors import SandboxError
from reconciler.sandbox.behaviour import Behaviour
from reconciler.sandbox.faults import Logged, Planted
from reconciler.sandbox.wanted import Wanted

if TYPE_CHECKING:
    from reconciler.sandbox.house import House

_NO_KEYS: Final[Mapping[str, str]] = MappingProxyType({})
_OPEN_TOKEN: Final = "sandbox-token"


class Sandbox:
    """A local platform that speaks Clarifai's API and does its work; a context manager.

    ``data`` is the folder of its state (None: nothing is kept), ``port`` 0 takes any free one, and so
    does ``grpc_port`` (None: no gRPC). With neither ``pat`` nor ``app_keys`` (key to app id) any key is the user's. ``scores`` is a file of
    scripted scores, ``legacy`` behaves as in 2022, ``seed`` makes ids repeatable. Raises SandboxError
    where it cannot start.
    """

    def __init__(
        self,
        *,
        data: Path | str | None = None,
        port: int = 0,
        grpc_port: int | None = None,
        user: str = "sandbox-user",
        pat: str | None = None,
        app_keys: Mapping[str, str] = _NO_KEYS,
        scores: Path | str | None = None,
        latency_ms: int = 0,
        limit_rps: int | None = None,
        legacy: bool = False,
        behaviour: Behaviour | None = None,
        seed: int | None = None,
    ) -> None:
        self.user_id = user
        self._wanted = Wanted(
            data=None if data is None else Path(data),
            port=port,
            grpc_port=grpc_port,
            user=user,
            pat=pat,
            app_keys=MappingProxyType(dict(app_keys)),
            scores=None if scores is None else Path(scores),
            latency_ms=latency_ms,
            limit_rps=limit_rps,
            legacy=legacy,
            behaviour=behaviour or Behaviour(),
            seed=seed,
        )
        self._house: House | None = None

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to answer; returns when it does."""
        if self._house is not None:
            raise SandboxError("this sandbox is running already")
        try:
            # Protobuf, numerics and image decoders: only for those who start one.
            from reconciler.sandbox.house import House
        except ImportError as error:
            raise SandboxError(
                f"the sandbox needs a package that is not installed: {error.name}",
                hint="pip install 'reconciler[sandbox]'",
            ) from error
        house = House(self._wanted)
        house.open()
        self._house = house

    def stop(self, drain: bool = False) -> None:
        """Stop; with ``drain`` only after all background work is done. Queued work stays queued."""
        house, self._house = self._house, None
        if house is not None:
            house.close(drain=drain)

    @property
    def _open_house(self) -> House:
        if self._house is None:
            raise SandboxError("the sandbox is not running", hint="call start() first")
        return self._house

    @property
    def base_url(self) -> str:
        """Where it listens, without a path: ``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self._open_house.port}"

    @property
    def grpc_port(self) -> int:
        """Where it listens for gRPC, on ``127.0.0.1``. Raises SandboxError if it does not."""
        found = self._open_house.grpc_port
        if found is None:
            raise SandboxError("this sandbox has no gRPC door", hint="start it with grpc_port=0")
        return found

    @property
    def grpc_url(self) -> str:
        """What ``CLARIFAI_API_BASE`` must be for Clarifai's SDK: ``http://127.0.0.1:GRPC_PORT``."""
        return f"http://127.0.0.1:{self.grpc_port}"

    @property
    def token(self) -> str:
        """A token that it accepts: the personal one, else the first app key, else any."""
        return self._wanted.pat or next(iter(self._wanted.app_keys), _OPEN_TOKEN)

    def idle(self) -> bool:
        """Whether no background work is queued or running."""
        return self._open_house.runner.idle()

    def wait_idle(self, timeout: float = 300.0) -> None:
        """Wait for all background work. Raises SandboxError after ``timeout`` seconds."""
        self._open_house.runner.wait_idle(timeout)

    def hold(self) -> None:
        """Begin no more background work until ``release``; returns when none is running."""
        self._open_house.runner.hold()

    def release(self) -> None:
        """Let background work go on."""
        self._open_house.runner.release()

    def requests(self) -> tuple[Logged, ...]:
        """The requests so far, oldest first."""
        return self._open_house.controls.log.entries()

    def clear_requests(self) -> None:
        """Forget the requests so far."""
        self._open_house.controls.log.clear()

    def inject(self, *planted: Planted) -> None:
        """Plant a ``Fault``, several, or a ``FaultPlan``. Raises ValueError for an unknown RPC."""
        self._open_house.controls.faults.inject(*planted)

    def faults(self) -> tuple[tuple[Planted, int], ...]:
        """What is planted and can still hit, with how often it did."""
        return self._open_house.controls.faults.planted()

    def clear_faults(self) -> None:
        """Remove all faults; requests that one lets wait go on."""
        self._open_house.controls.faults.clear()

    @property
    def behaviour(self) -> Behaviour:
        """The switches as they are now."""
        return self._open_house.controls.switches.now

    def switch(self, **changes: bool | int) -> Behaviour:
        """Change switches by name, for requests that begin from now on. Raises ValueError."""
        return self._open_house.controls.switches.set(changes)

    def reset_behaviour(self) -> Behaviour:
        """Put every switch to where it was at the start."""
        return self._open_house.controls.switches.reset()
