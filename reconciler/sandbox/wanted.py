"""How a sandbox is wanted: the settings of ``Sandbox`` as data, checked when it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.sandbox.behaviour import Behaviour


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The arguments of ``Sandbox``; that is where they are explained."""

    data: Path | None
    port: int
    grpc_port: int | None
    user: str
    pat: str | None
    app_keys: Mapping[str, str]
    scores: Path | None
    latency_ms: int
    limit_rps: int | None
    legacy: bool
    behaviour: Behaviour
    seed: int | None
