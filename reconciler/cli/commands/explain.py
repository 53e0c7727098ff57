"""``reconciler explain CODE``."""

from __future__ import annotations

import click


@click.command("explain")
@click.argument("code", required=False)
def command(code: str | None) -> int:
    """Print what a code such as RC512 means, why it matters, and an example.

    Without CODE all codes are listed.
    """
    from reconciler.report.explain import render_list, render_text

    click.echo(render_text(code) if code else render_list(), nl=False)
    return 0
