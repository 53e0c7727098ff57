"""``reconciler apply PATH | PLAN.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options


@click.command("apply")
@options.manifest_path
@options.formats("text", "json")
@options.selection
@options.option("--prune", is_flag=True, help="Delete what this tool made and nothing declares.")
@options.option("--auto-approve", is_flag=True, help="Do not ask.")
@options.option(
    "--read-back-timeout", type=float, default=10.0, show_default=True,
    help="Seconds to look for a write whose answer was lost.",
)  # fmt: skip
@options.option(
    "--train-timeout", type=float, default=3600.0, show_default=True,
    help="Seconds to wait for one training.",
)  # fmt: skip
@options.color
@options.connection
def command(path: Path, **values: Any) -> int:
    """Bring the live app to the manifest, or carry out a plan file that was reviewed.

    A manifest's plan is shown first, and confirmed on a terminal; without one it needs
    --auto-approve. A plan file is carried out only if the live app and the manifest are what they
    were when it was made.
    """
    from reconciler.cli.carry_out import apply

    connection = options.take_connection(values)
    return apply(path, connection, **values)
