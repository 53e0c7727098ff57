"""Groups of commands: what they say when no command, or none of theirs, was named."""

from __future__ import annotations

import difflib
from importlib import import_module

import click

COMMANDS = {
    "validate": ("validate", "Check a manifest offline."),
    "plan": ("plan", "Show what apply would do to the live app."),
    "apply": ("apply", "Carry out a manifest, or a reviewed plan file."),
    "destroy": ("destroy", "Delete what this tool made for a manifest."),
    "export": ("export", "Write a live app as a manifest."),
    "drift": ("drift", "Show what changed outside since the last apply."),
    "unlock": ("unlock", "End the lease of a run that is gone."),
    "inputs": ("inputs", "Push inputs through the default workflow."),
    "annotations": ("annotations", "See what the default workflow wrote."),
    "graph": ("graph", "Draw a manifest's workflows."),
    "explain": ("explain", "Say what a code of validate means."),
    "fmt": ("fmt", "Give manifests their canonical spelling."),
    "init": ("init", "Write a first manifest."),
    "sandbox": ("sandbox", "Run the local platform."),
    "schema": ("schema", "Print a JSON Schema, for editors and CI."),
    "completion": ("completion", "Print the script that completes in a shell."),
}
"""Command to (module in ``cli.commands``, help), so that help needs no import."""


class Group(click.Group):
    """A group that names the nearest command; without any it shows its help, as an error."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Help belongs to stdout only where somebody asked for it."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(1)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A mistyped command names the nearest one."""
        known = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in known:
            near = difflib.get_close_matches(args[0], known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"commands: {', '.join(known)}"
            raise click.UsageError(f"no command {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)


class LazyGroup(Group):
    """The program: a group that imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order people use them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"reconciler.cli.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])
