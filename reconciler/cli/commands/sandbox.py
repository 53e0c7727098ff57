"""``reconciler sandbox serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options


@click.group("sandbox")
def command() -> None:
    """A local platform that speaks the same API and really runs the workflows."""


@command.command("serve")
@options.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True)
@options.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that keeps its state; in memory if left out.",
)
@options.option("--user", default="sandbox-user", show_default=True, help="Who the token is.")
@options.option("--pat", metavar="TOKEN", help="The only personal token that is let in.")
@options.option("--app-key", "app_keys", multiple=True, metavar="KEY=APP", help="An app key.")
@options.option(
    "--scores",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Scripted scores of public recognition models.",
)
@options.option("--latency-ms", type=click.IntRange(0), default=0, help="Added to every answer.")
@options.option("--limit-rps", type=click.IntRange(1), help="Answer 429 above this rate.")
@options.option("--legacy", is_flag=True, help="Model versions as before January 2023.")
def serve(app_keys: tuple[str, ...], **values: Any) -> int:
    """Serve until interrupted. Listens on loopback only."""
    from reconciler.cli.serve import serve_until_interrupted

    keys = {}
    for pair in app_keys:
        key, equals, app = pair.partition("=")
        if not (key and equals and app):
            raise click.BadParameter(f"{pair!r} is not KEY=APP", param_hint="--app-key")
        keys[key] = app
    return serve_until_interrupted(app_keys=keys, **values)
