"""``reconciler drift PATH``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import options

if TYPE_CHECKING:
    from reconciler.planning.options import Options


@click.command("drift")
@options.manifest_path
@options.layers
@options.formats("text", "json")
@options.selection
@options.option(
    "--refresh", "refresh", type=click.Choice(("full",)),
    help="full: trust no recorded digest, read every version.",
)  # fmt: skip
@options.option("--detailed-exitcode", is_flag=True, help="Exit 2 if there is drift.")
@options.color
@options.connection
def command(path: Path, format_: str, detailed_exitcode: bool, **values: Any) -> int:
    """Show what changed outside since the last apply: which fields, and when. Only reads.

    What we wrote is known by the marks of objects; a change of the manifest is no drift. The API
    tells when an app, a model, a version or a workflow changed, not who did it.
    """
    from reconciler.planning.options import Options

    connection = options.take_connection(values)
    layers = options.take_layers(values)
    selected = options.take_selection(values)
    shaped = Options(selection=selected, refresh=values.pop("refresh") == "full")
    return show(path, connection, layers, shaped, format_, drifted=2 if detailed_exitcode else 0)


def show(
    path: Path,
    connection: options.Connection,
    layers: options.Layers,
    shaped: Options,
    format_: str,
    *,
    drifted: int,
) -> int:
    """Shows the drift of a manifest's app; the exit status, ``drifted`` if there is any."""
    from reconciler.api.client import ReadClient
    from reconciler.cli import session
    from reconciler.cli.streams import is_colored, output
    from reconciler.report.drift import RENDERERS

    manifest = session.load_manifest(path, layers)
    session.show_warnings(manifest)
    question = session.Question.of_manifest(manifest, layers, shaped)
    with session.connect(session.target_of(manifest, connection), connection, ReadClient) as it:
        found = session.read_drift(it, question)
    output(RENDERERS[format_](found, str(path), color=is_colored()))
    return drifted if found.findings else 0
