"""``reconciler annotations list PATH``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options


@click.group("annotations")
def command() -> None:
    """See what the app's default workflow wrote."""


@command.command("list")
@options.manifest_path
@options.option("--status", "statuses", multiple=True, metavar="STATUS", help="success, pending, …")
@options.option("--input", "input_id", default="", metavar="ID", help="Of this input alone.")
@options.option("--user", "user_id", default="", metavar="ID", help="By this author; me is you.")
@options.option("--input-level", is_flag=True, help="Also the inputs' own labels.")
@options.formats("text", "json")
@options.connection
def list_(
    path: Path,
    statuses: tuple[str, ...],
    input_id: str,
    user_id: str,
    input_level: bool,
    format_: str,
    **values: Any,
) -> int:
    """List annotations, oldest first: input, status, author, concepts with their scores."""
    from reconciler.cli import session
    from reconciler.execution.annotations import parse_statuses, read_annotations
    from reconciler.planning.live import identify
    from reconciler.report.annotations import RENDERERS

    connection = options.take_connection(values)
    wanted = parse_statuses(statuses)
    manifest = session.load_manifest(path)
    with session.connect(session.target_of(manifest), connection) as platform:
        target, me, answer = identify(platform.client, platform.target)
        if answer is None:
            raise session.no_app(target, path)
        found = tuple(
            read_annotations(
                platform.client,
                target,
                statuses=wanted,
                input_id=input_id,
                user_id=me if user_id == "me" else user_id,
                include_input_level=input_level,
            )
        )
    click.echo(RENDERERS[format_](found), nl=False)
    return 0
