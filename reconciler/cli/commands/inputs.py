"""``reconciler inputs add PATH SOURCE…``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options


@click.group("inputs")
def command() -> None:
    """Push inputs through the app's default workflow."""


@command.command("add")
@options.manifest_path
@click.argument("sources", nargs=-1, required=True, metavar="IMAGE|FOLDER|URL...")
@options.option(
    "--concept", "concepts", multiple=True, metavar="ID", help="Label them all with it."
)
@options.option("--concepts-from-folders", is_flag=True, help="Label each with its folder's name.")
@options.option("--wait", is_flag=True, help="Wait until the workflow has run on all of them.")
@options.option(
    "--wait-timeout", type=float, default=600.0, show_default=True, help="Seconds to wait at most."
)
@options.connection
def add(path: Path, sources: tuple[str, ...], **values: Any) -> int:
    """Send images, folders of images, or URLs. A rerun skips what is there already.

    An input's id is the first 32 hex digits of the SHA-256 of its bytes, or of its URL.
    """
    from reconciler.cli.push import push

    connection = options.take_connection(values)
    return push(path, sources, connection, **values)
