"""``reconciler explain CODE``."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem


def _codes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    del ctx, param
    from reconciler.diagnostics import CODES

    return [
        CompletionItem(info.code, help=info.title)
        for info in CODES.values()
        if info.code.startswith(incomplete.upper())
    ]


@click.command("explain")
@click.argument("code", required=False, shell_complete=_codes)
def command(code: str | None) -> int:
    """Print what a code such as RC512 means, why it matters, and an example.

    Without CODE all codes are listed.
    """
    from reconciler.report.explain import render_list, render_text

    click.echo(render_text(code) if code else render_list(), nl=False)
    return 0
