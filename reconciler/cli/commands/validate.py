"""``reconciler validate PATH``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.streams import is_colored, output, say


@click.command("validate")
@options.manifest_path
@options.layers
@options.formats("text", "json", "github")
@options.option(
    "--refresh-types", is_flag=True,
    help="Check nodes against the live service's model types, not the shipped ones.",
)  # fmt: skip
@options.color
@options.connection
def command(path: Path, format_: str, refresh_types: bool, **values: Any) -> int:
    """Check a manifest offline: syntax, schema, references, graphs, ranges, limits.

    All problems of all files are reported in one run. Nothing is sent,
    unless --refresh-types asks the service which model types it has.
    """
    from reconciler.catalogue import MODEL_TYPES
    from reconciler.cli.session import load_manifest, read_types
    from reconciler.errors import ManifestError
    from reconciler.report.diagnostics import RENDERERS, summary

    connection = options.take_connection(values)
    layers = options.take_layers(values)
    types = read_types(connection) if refresh_types else MODEL_TYPES
    try:
        manifest = load_manifest(path, layers, types)
        diagnostics, sources, status = manifest.diagnostics, manifest.sources, 0
    except ManifestError as error:
        diagnostics, sources, status = error.diagnostics, error.sources, 1
    document = RENDERERS[format_](diagnostics, sources, color=is_colored())
    output(document)
    if not diagnostics and format_ == "text":
        say(f"{path}: {summary(diagnostics)}")
    return status
