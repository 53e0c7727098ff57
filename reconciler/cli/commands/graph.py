"""``reconciler graph PATH``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.streams import output


@click.command("graph")
@options.manifest_path
@options.layers
@options.formats("mermaid", "dot", "svg")
@options.option("--workflow", metavar="ID", help="Only this workflow.  [default: all]")
@options.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it to a file."
)
def command(path: Path, format_: str, workflow: str | None, out: Path | None, **values: Any) -> int:
    """Draw the workflows of a manifest: models, thresholds, and who writes what.

    The default workflow comes first. Offline.
    """
    from reconciler import registry
    from reconciler.call import Target
    from reconciler.cli.files import write_whole
    from reconciler.cli.session import load_manifest
    from reconciler.kind import Scope
    from reconciler.report.drawing import draw
    from reconciler.report.graph import RENDERERS

    manifest = load_manifest(path, options.take_layers(values))
    scope = Scope(Target(manifest.user_id or "me", manifest.app_id))
    document = RENDERERS[format_](draw(manifest.build(registry.load(), scope), workflow))
    if out is not None:
        write_whole(out, document)
    else:
        output(document)
    return 0
