"""``reconciler sandbox serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.groups import Group


@click.group("sandbox", cls=Group)
def command() -> None:
    """A local platform that speaks the same API and really runs the workflows."""


def _app_keys(ctx: click.Context, param: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    """Key to app. What is said of a mistake leaves the key out: it is a secret."""
    found: dict[str, str] = {}
    for number, pair in enumerate(pairs, 1):
        key, equals, app = pair.partition("=")
        if not (key and equals and app):
            message = f"number {number} is not KEY=APP: a key, an equals sign, the id of its app"
            raise click.BadParameter(message, ctx, param)
        if found.setdefault(key, app) != app:
            message = f"one key is given for two apps, {found[key]!r} and {app!r}"
            raise click.BadParameter(message, ctx, param)
    return found


@command.command("serve")
@options.option(
    "--port", type=click.IntRange(0, 65535), metavar="N", default=8080, show_default=True,
    help="Where to listen, on loopback; 0 takes any free port.",
)  # fmt: skip
@options.option(
    "--grpc-port", type=click.IntRange(0, 65535), metavar="N",
    help="Listen for gRPC, too, which Clarifai's SDK speaks; 0 takes any free port.",
)  # fmt: skip
@options.option(
    "--data", type=click.Path(file_okay=False, path_type=Path),
    help="Keep the state in this folder (made if absent); else it is gone at the end.",
)  # fmt: skip
@options.option(
    "--user", default="sandbox-user", show_default=True, metavar="ID", help="Whose token it is."
)
@options.option("--pat", metavar="TOKEN", help="Let in only this token, and the app keys.")
@options.option(
    "--app-key", "app_keys", multiple=True, metavar="KEY=APP", callback=_app_keys,
    help="Let this key in, to one app; repeatable.",
)  # fmt: skip
@options.option(
    "--scores", type=click.Path(dir_okay=False, path_type=Path),
    help="Scripted scores of public recognition models.",
)  # fmt: skip
@options.option(
    "--latency-ms", type=click.IntRange(0), metavar="N", default=0,
    help="Wait so long before each answer.",
)  # fmt: skip
@options.option(
    "--limit-rps", type=click.IntRange(1), metavar="N",
    help="Answer 429 to more requests a second than this.",
)  # fmt: skip
@options.option("--legacy", is_flag=True, help="Model versions as they were before 2023.")
@options.color
def serve(**values: Any) -> int:
    """Serve until interrupted. The URL is printed to stdout once it listens.

    With --grpc-port that of gRPC is the second line. Without --pat and --app-key any token is let in.
    """
    from reconciler.cli.serve import serve_until_interrupted

    return serve_until_interrupted(**values)


@command.command("coverage")
def coverage() -> int:
    """Print what the sandbox has of the platform, and how well it is known: docs/sandbox-coverage.md."""
    from reconciler.errors import SandboxError

    try:
        from reconciler.sandbox.coverage import page
    except ImportError as error:
        raise SandboxError(
            f"the sandbox needs a package that is not installed: {error.name}",
            hint="pip install 'reconciler[sandbox]'",
        ) from error
    click.echo(page.render(), nl=False)
    return 0
