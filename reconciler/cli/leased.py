"""The lease around a command that writes: taken before the app is read, ended whatever happens."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from reconciler.api.client import Client
from reconciler.cli.session import Platform
from reconciler.cli.streams import say
from reconciler.errors import ApiError, ReconcilerError
from reconciler.execution import lease

Barred: TypeAlias = Callable[[], ReconcilerError | None]

MARGIN = 900.0
"""Seconds that a lease outlives the longest wait of its run."""


@contextmanager
def leased(
    platform: Platform[Client], timeout: float | None, longest_wait: float
) -> Iterator[Barred]:
    """Holds a lease if ``timeout`` says how long to wait for another's; yields what ends a run.

    Raises ``LeaseError``, ApiError.
    """
    if timeout is None:
        yield lambda: None
        return
    client, target = platform.client, platform.target
    held = lease.take(
        client,
        target,
        lease.holder_name(_user(), socket.gethostname()),
        seconds=longest_wait + MARGIN,
        timeout=timeout,
        waiting=lambda other: say(f"waiting for the lease of {other}"),
    )
    if held is None:
        say("the app is not there yet, so there is nothing to hold a lease on")
        yield lambda: None
        return
    try:
        yield lambda: lease.lost(client, target, held)
    finally:
        try:
            lease.end(client, target, held)
        except ApiError as error:
            say(f"the lease could not be ended, it ends by itself at {held.expires}: {error}")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "somebody"
