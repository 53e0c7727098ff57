"""``reconciler plan PATH``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.streams import is_colored, say


@click.command("plan")
@options.manifest_path
@options.layers
@options.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path),
    help="Also write a plan file, for `reconciler apply`.",
)  # fmt: skip
@options.formats("text", "json")
@options.decisions
@options.option("--detailed-exitcode", is_flag=True, help="Exit 2 if there are changes.")
@options.color
@options.connection
def command(
    path: Path, out: Path | None, format_: str, detailed_exitcode: bool, **values: Any
) -> int:
    """Show what apply would do to the live app. Only reads.

    A plan file written with -o is what `reconciler apply PLAN.json` carries out after a review:
    exactly these operations, or none if the app or the manifest moved since.
    """
    from reconciler import __version__
    from reconciler.api.client import ReadClient
    from reconciler.cli import files, session
    from reconciler.errors import SettingsError
    from reconciler.report.plan import RENDERERS, render_json

    connection = options.take_connection(values)
    layers = options.take_layers(values)
    shaped = options.take_options(values)
    if out is not None and out.suffix in {".yaml", ".yml"}:
        raise SettingsError(
            f"a plan file cannot be called {out}: that is how manifests are called",
            hint=f"write it to {out.with_suffix('.json')}",
        )
    manifest = session.load_manifest(path, layers)
    session.show_warnings(manifest)
    question = session.Question.of_manifest(manifest, layers, shaped)
    target = session.target_of(manifest, connection)
    with session.connect(target, connection, ReadClient) as platform:
        made = session.read_plan(platform, question)
    if out is not None:
        files.write_whole(out, render_json(made, __version__))
    document = RENDERERS[format_](made, tool_version=__version__, color=is_colored())
    click.echo(document, nl=False)
    if out is not None:
        sandbox = " --sandbox" if connection.sandbox else ""
        way = f"Carry it out with: reconciler apply {out}{sandbox}"
        say(f"Plan written to {out}. {'It holds nothing to do.' if made.is_empty else way}")
    return 2 if detailed_exitcode and not made.is_empty else 0
