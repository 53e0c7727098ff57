"""``reconciler inputs add PATH SOURCE…``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.groups import Group


@click.group("inputs", cls=Group)
def command() -> None:
    """Push inputs through the app's default workflow."""


@command.command("add")
@options.manifest_path
@options.layers
@click.argument("sources", nargs=-1, required=True, metavar="FILE|FOLDER|URL...")
@options.option(
    "--concept", "concepts", multiple=True, metavar="ID",
    help="Label all of them with this concept; repeatable.",
)  # fmt: skip
@options.option(
    "--concepts-from-folders", is_flag=True,
    help="Label each with the concept that its folder is named after.",
)  # fmt: skip
@options.option(
    "--texts", is_flag=True,
    help="Take .txt files in folders too; a file that is named is always taken.",
)  # fmt: skip
@options.option("--wait", is_flag=True, help="Wait until the workflow has run on all of them.")
@options.seconds("--wait-timeout", 600.0, "Wait at most so long.")
@options.color
@options.connection
def add(path: Path, sources: tuple[str, ...], **values: Any) -> int:
    """Send images, texts (.txt), folders of images, or URLs. A rerun skips what is there already.

    An input's id is the first 32 hex digits of the SHA-256 of its bytes, or of its URL.
    """
    from reconciler.cli.push import push

    connection = options.take_connection(values)
    layers = options.take_layers(values)
    return push(path, sources, connection, layers, **values)
