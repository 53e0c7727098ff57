"""``reconciler apply PATH | PLAN.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options


@click.command("apply")
@click.argument("path", type=click.Path(path_type=Path), metavar="PATH|PLAN.json")
@options.layers
@options.formats("text", "json")
@options.decisions
@options.carrying_out
@options.color
@options.connection
def command(path: Path, **values: Any) -> int:
    """Bring the live app to the manifest, or carry out a plan file that was reviewed.

    A manifest's plan is shown first, and confirmed on a terminal; without one it needs
    --auto-approve. A plan file is never asked about: it is carried out if the live app and the
    manifest are what they were when it was made, and refused if not.

    Ctrl-C lets the requests in flight finish and reports what was done; a second one stops at once
    and says what is unknown. Running the same apply again goes on from there.
    """
    from reconciler.cli.carry_out import Wish, apply

    connection = options.take_connection(values)
    layers = options.take_layers(values)
    shaped = options.take_options(values)
    return apply(path, connection, Wish(layers=layers, options=shaped, **values))
