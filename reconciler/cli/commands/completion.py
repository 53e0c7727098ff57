"""``reconciler completion bash|zsh|fish``."""

from __future__ import annotations

import click

from reconciler.cli import complete


@click.command("completion")
@click.argument("shell", type=click.Choice(list(complete.SCRIPTS)))
def command(shell: str) -> int:
    """Print the script that makes a shell complete commands, options, paths and addresses.

    \b
      bash   eval "$(reconciler completion bash)"            in ~/.bashrc
      zsh    eval "$(reconciler completion zsh)"             in ~/.zshrc, after compinit
      fish   reconciler completion fish > ~/.config/fish/completions/reconciler.fish
    """
    click.echo(complete.SCRIPTS[shell], nl=False)
    return 0
