"""Joins the steps of ``sandbox serve``."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping
from pathlib import Path

import click

from reconciler.cli.session import say


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
        click.echo(sandbox.base_url)
        say(f"serving as user {sandbox.user_id}; export these, then use reconciler as ever:")
        say(f"  export CLARIFAI_API_BASE={sandbox.base_url}")
        say("  export CLARIFAI_PAT=" + ("the token of --pat" if pat else "any-token"))
        say("stop it with Ctrl-C")
        ended.wait()
    finally:
        sandbox.stop()
    return 0
