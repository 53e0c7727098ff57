"""``reconciler unlock PATH``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options


@click.command("unlock")
@options.manifest_path
@options.layers
@options.color
@options.connection
def command(path: Path, **values: Any) -> int:
    """End the lease that a run with --lock-timeout holds, or left behind when it was killed.

    A run that is still at work stops before its next phase, and before the cutover.
    """
    from reconciler.api.client import Client
    from reconciler.cli import session
    from reconciler.cli.streams import say
    from reconciler.execution import lease

    connection = options.take_connection(values)
    manifest = session.load_manifest(path, options.take_layers(values))
    target = session.target_of(manifest, connection)
    with session.connect(target, connection, Client) as platform:
        ended = lease.end(platform.client, platform.target)
    if ended is None:
        say(f"no lease on {target.app_id}")
    else:
        click.echo(f"Ended the lease of {ended}.")
    return 0
