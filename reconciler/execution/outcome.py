"""What became of each operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from reconciler.call import Call
from reconciler.errors import ReconcilerError
from reconciler.planning.change import Key, Operation


class Status(StrEnum):
    """How an operation ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one operation.

    ``learnt`` is what became known (``{"version": ID}``); ``error`` why it failed; ``cause`` the
    operation whose failure skipped this one. UNKNOWN: a request was in flight when the run was
    broken off, and nothing was read back.
    """

    operation: Operation
    status: Status
    learnt: Mapping[str, str] = field(default_factory=dict)
    error: ReconcilerError | None = None
    cause: Key | None = None


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """One write, and the operations that it belongs to."""

    call: Call
    operations: tuple[Key, ...]


class Observer(Protocol):
    """Sees an apply as it goes. Called from one thread."""

    def started(self, operation: Operation) -> None:
        """Its first request is about to be sent."""

    def waiting(self, operation: Operation, progress: str, seconds: float) -> None:
        """It waits for the service, since ``seconds``."""

    def finished(self, outcome: Outcome) -> None:
        """It ended."""


class Silent:
    """An observer that shows nothing."""

    def started(self, operation: Operation) -> None:
        """Nothing."""

    def waiting(self, operation: Operation, progress: str, seconds: float) -> None:
        """Nothing."""

    def finished(self, outcome: Outcome) -> None:
        """Nothing."""
