"""The entry point: which commands there are, and how a run ends.

Nothing heavy is imported here, so that ``--help`` is instant; each command imports what it needs
once it is certain to run.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from reconciler import __version__
from reconciler.errors import ManifestError, ReconcilerError

COMMANDS = {
    "validate": ("validate", "Check a manifest offline."),
    "plan": ("plan", "Show what apply would do."),
    "apply": ("apply", "Carry out a manifest, or a saved plan."),
    "inputs": ("inputs", "Push inputs through the default workflow."),
    "annotations": ("annotations", "See what the workflow wrote."),
    "sandbox": ("sandbox", "Run the local platform."),
    "schema": ("schema", "Print a JSON Schema, for editors and CI."),
}
"""Command to (module in ``cli.commands``, help), so that help needs no import."""


class LazyGroup(click.Group):
    """A group that imports a command when it is asked for."""

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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A mistyped command names the nearest one."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"commands: {', '.join(COMMANDS)}"
            raise click.UsageError(f"no command {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="reconciler")
def cli() -> None:
    """Plan and apply Clarifai auto-annotation apps from YAML manifests.

    A manifest is a directory of YAML files (or one file) that describes one app. With --sandbox
    every command works against a local platform, without account, token or network.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and ends the process: 0 done, 1 error, 2 "there are changes"."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit status of one command line. A user's mistake is a message, never a traceback."""
    try:
        status = cli.main(args=arguments, prog_name="reconciler", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.UsageError as error:
        _say(f"error: {error.format_message()}")
        if error.ctx is not None:
            _say(f"  {error.ctx.command_path} --help shows what it takes")
    except click.ClickException as error:
        _say(f"error: {error.format_message()}")
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted")
    except ManifestError as error:
        _say(_manifest_problems(error))
    except ReconcilerError as error:
        _say(f"error: {error}")
    except BrokenPipeError:
        # whoever reads us went away, as `| head` does
        sys.stderr.close()
    return 1


def _manifest_problems(error: ManifestError) -> str:
    from reconciler.report.diagnostics import render_text

    return render_text(error.diagnostics, error.sources, color=sys.stderr.isatty()).rstrip("\n")


def _say(text: str) -> None:
    click.echo(text, err=True)
