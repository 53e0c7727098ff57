"""``reconciler destroy PATH``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options


@click.command("destroy")
@options.manifest_path
@options.layers
@options.formats("text", "json")
@options.switching
@options.option("--delete-app", is_flag=True, help="Delete the app itself, with all that is in it.")
@options.carrying_out
@options.color
@options.connection
def command(path: Path, **values: Any) -> int:
    """Delete what this tool made for a manifest, and give the app its former default workflow.

    What it adopted or never touched stays; concepts stay too, since the API cannot delete them.
    The plan is shown first, and confirmed on a terminal; without one it needs --auto-approve.
    """
    from reconciler.cli.carry_out import Wish, apply
    from reconciler.planning.options import Options

    connection = options.take_connection(values)
    layers = options.take_layers(values)
    names = ("reindex", "switch_limit", "allow_default_switch", "delete_app")
    shaped = Options(destroy=True, **{name: values.pop(name) for name in names})
    return apply(path, connection, Wish(layers=layers, options=shaped, **values))
