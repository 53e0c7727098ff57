"""``reconciler export USER/APP``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.streams import output, say

_NAME = "app.yaml"


@click.command("export")
@click.argument("app", metavar="[USER/]APP")
@options.option(
    "-o", "--out", "folder", type=click.Path(path_type=Path), metavar="DIR",
    help="Write DIR/app.yaml instead of to stdout.",
)  # fmt: skip
@options.option("--force", is_flag=True, help="Write over a DIR/app.yaml that says something else.")
@options.color
@options.connection
def command(app: str, folder: Path | None, force: bool, **values: Any) -> int:
    """Write a live app as a manifest. Only reads.

    Its plan against the same app is empty, so that an app made by hand can be managed from then on;
    with another app.id it makes an equal app. What a manifest cannot say is a comment in it.
    """
    from reconciler.api.client import ReadClient
    from reconciler.cli import exporting, session
    from reconciler.cli.files import make_folder, write_whole
    from reconciler.cli.schema_file import OWN, shared_schema, write_schema

    connection = options.take_connection(values)
    target = exporting.target_of(app, connection)
    path = folder / _NAME if folder is not None else None
    if path is not None:
        exporting.check_folder(path)
    shared = shared_schema(folder or Path())
    with session.connect(target, connection, ReadClient) as platform:
        made = exporting.export(platform, connection, shared or OWN.as_posix())
    if path is None:
        output(made.text)
    else:
        written = exporting.is_new(path, made.text, force=force)
        make_folder(path.parent)
        if written:
            write_whole(path, made.text)
        if shared is None:
            write_schema(path.parent)
        say(f"{'written' if written else 'unchanged'}: {path.as_posix()}")
    for remark in made.remarks:
        say(remark)
    return 0 if made.is_sound else 1
