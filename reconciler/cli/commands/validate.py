"""``reconciler validate PATH``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.streams import is_colored, say


@click.command("validate")
@options.manifest_path
@options.layers
@options.formats("text", "json", "github")
@options.color
def command(path: Path, format_: str, **values: Any) -> int:
    """Check a manifest offline: syntax, schema, references, graphs, ranges, limits.

    All problems of all files are reported in one run. Nothing is sent.
    """
    from reconciler.cli.session import load_manifest
    from reconciler.errors import ManifestError
    from reconciler.report.diagnostics import RENDERERS, summary

    try:
        manifest = load_manifest(path, options.take_layers(values))
        diagnostics, sources, status = manifest.diagnostics, manifest.sources, 0
    except ManifestError as error:
        diagnostics, sources, status = error.diagnostics, error.sources, 1
    document = RENDERERS[format_](diagnostics, sources, color=is_colored())
    click.echo(document, nl=False)
    if not diagnostics and format_ == "text":
        say(f"{path}: {summary(diagnostics)}")
    return status
