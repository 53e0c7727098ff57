"""``reconciler plan PATH``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options


@click.command("plan")
@options.manifest_path
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write a plan file."
)
@options.formats("text", "json")
@options.selection
@options.option("--prune", is_flag=True, help="Delete what this tool made and nothing declares.")
@options.option("--detailed-exitcode", is_flag=True, help="Exit 2 if there are changes.")
@options.color
@options.connection
def command(
    path: Path,
    out: Path | None,
    format_: str,
    detailed_exitcode: bool,
    no_color: bool,
    prune: bool,
    **values: Any,
) -> int:
    """Show what apply would do to the live app. Only reads.

    A plan file written with -o is what `reconciler apply PLAN.json` carries out after a review.
    """
    from reconciler import __version__
    from reconciler.cli import session
    from reconciler.report.plan import RENDERERS, render_json

    connection = options.take_connection(values)
    manifest = session.load_manifest(path)
    selection = session.selected(values["targets"], values["excludes"])
    with session.connect(session.target_of(manifest), connection) as platform:
        made = session.read_plan(
            platform.client,
            platform,
            manifest,
            owner=manifest.owner,
            selection=selection,
            source=session.source_of(manifest),
            prune=prune,
        )
    if out is not None:
        session.write_file(out, render_json(made, __version__))
    session.show_warnings(manifest)
    document = RENDERERS[format_](made, tool_version=__version__, color=session.colored(no_color))
    click.echo(document, nl=False)
    if out is not None:
        session.say(f"written to {out}: carry it out with: reconciler apply {out}")
    return 2 if detailed_exitcode and not made.is_empty else 0
