"""``reconciler annotations list PATH``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.groups import Group
from reconciler.cli.streams import output


@click.group("annotations", cls=Group)
def command() -> None:
    """See what the app's default workflow wrote."""


@command.command("list")
@options.manifest_path
@options.layers
@options.option(
    "--status", "statuses", multiple=True, metavar="STATUS",
    help="Only these: success, pending, or as the platform names or numbers them; repeatable.",
)  # fmt: skip
@options.option("--input", "input_id", default="", metavar="ID", help="Only of this input.")
@options.option(
    "--user", "user_id", default="", metavar="ID",
    help="Only by this author; me is the token's user.",
)  # fmt: skip
@options.option("--input-level", is_flag=True, help="Also the labels that inputs came with.")
@options.formats("text", "json")
@options.color
@options.connection
def list_(path: Path, statuses: tuple[str, ...], format_: str, **values: Any) -> int:
    """List annotations, oldest first: input, status, author, concepts with their scores."""
    from reconciler.api.client import ReadClient
    from reconciler.cli import session
    from reconciler.execution.annotations import parse_statuses, read_annotations
    from reconciler.report.annotations import RENDERERS

    connection = options.take_connection(values)
    wanted = parse_statuses(statuses)
    manifest = session.load_manifest(path, options.take_layers(values))
    target = session.target_of(manifest, connection)
    with session.connect(target, connection, ReadClient) as platform:
        target, me = session.find_app(platform, path, connection)
        found = tuple(
            read_annotations(
                platform.client,
                target,
                statuses=wanted,
                input_id=values["input_id"],
                user_id=me if values["user_id"] == "me" else values["user_id"],
                include_input_level=values["input_level"],
            )
        )
    output(RENDERERS[format_](found))
    return 0
