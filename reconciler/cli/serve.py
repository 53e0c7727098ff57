"""Joins the steps of ``sandbox serve``."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path

import click

from reconciler.cli.streams import say

ENDS = frozenset({signal.SIGINT, signal.SIGTERM})
"""Either signal ends it."""


def serve_until_interrupted(
    *,
    port: int,
    grpc_port: int | None,
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
        grpc_port=grpc_port,
        user=user,
        pat=pat,
        app_keys=app_keys,
        scores=scores,
        latency_ms=latency_ms,
        limit_rps=limit_rps,
        legacy=legacy,
    )
    # Held back and then waited for, from before there are threads: a handler could come at any
    # moment, and whatever it set or raised could be missed or leave half a sandbox behind.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    try:
        sandbox.start()
        kept = f"kept in {data}" if data else "kept until it ends (longer with --data DIR)"
        say(f"The sandbox runs as user {sandbox.user_id}, its state {kept}. In another terminal:")
        say(f"  export CLARIFAI_API_BASE={sandbox.base_url}")
        say(f"  export CLARIFAI_PAT={_token(pat, app_keys)}")
        if grpc_port is not None:
            say("For Clarifai's SDK and other gRPC clients, in place of the first line:")
            say(f"  export CLARIFAI_API_BASE={sandbox.grpc_url}")
        say(f"What is in it, in a browser: {sandbox.base_url}/")
        say("Ctrl-C stops it.")
        # last: whoever waits for these lines may send requests as soon as they are there
        lines = [sandbox.base_url] if grpc_port is None else [sandbox.base_url, sandbox.grpc_url]
        click.echo("\n".join(lines))
        signal.sigwait(ENDS)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
        sandbox.stop()
    return 0


def _token(pat: str | None, app_keys: Mapping[str, str]) -> str:
    """What stands for the token, which is never shown."""
    if pat:
        return "TOKEN    # the one of --pat"
    return "KEY    # one of --app-key" if app_keys else "any-token"
