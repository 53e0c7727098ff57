"""Joins the steps of ``sandbox serve``."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping
from pathlib import Path

import click

from reconciler.cli.streams import say


def serve_until_interrupted(
    *,
    port: int,
    data: Path | None,
    user: str,
    pat: str | None,
    app_keys: Mapping[str, str],
    scores: Path | None,
    latency_ms: int,
    limit_rps: int | None,
    legacy: bool,
) -> int:
    """Serves until SIGINT or SIGTERM; what is acknowledged is stored by then."""
    from reconciler.sandbox import Sandbox

    sandbox = Sandbox(
        data=data,
        port=port,
        user=user,
        pat=pat,
        app_keys=app_keys,
        scores=scores,
        latency_ms=latency_ms,
        limit_rps=limit_rps,
        legacy=legacy,
    )
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    sandbox.start()
    try:
        kept = f"kept in {data}" if data else "kept in memory only (--data DIR keeps it)"
        say(f"The sandbox runs as user {sandbox.user_id}, its state {kept}. In another terminal:")
        say(f"  export CLARIFAI_API_BASE={sandbox.base_url}")
        say(f"  export CLARIFAI_PAT={_token(pat, app_keys)}")
        say("Ctrl-C stops it.")
        # last: whoever waits for this line may send requests as soon as it is there
        click.echo(sandbox.base_url)
        ended.wait()
    finally:
        sandbox.stop()
    return 0


def _token(pat: str | None, app_keys: Mapping[str, str]) -> str:
    """What stands for the token, which is never shown."""
    if pat:
        return "TOKEN    # the one of --pat"
    return "KEY    # one of --app-key" if app_keys else "any-token"
