"""The entry point: how a run begins, and how it ends.

Nothing heavy is imported here, so that ``--help`` is instant; each command imports what it needs
once it is certain to run.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

import click

from reconciler import __version__
from reconciler.cli.groups import LazyGroup
from reconciler.cli.streams import is_colored, say
from reconciler.errors import ManifestError, ReconcilerError, RefusedError

COMPLETING = "_RECONCILER_COMPLETE"
"""Set by the scripts of ``completion`` when a shell wants to know what could come next."""

_OBJECTS_BETWEEN_COLLECTIONS = 10_000
"""A command keeps nearly all that it makes until it ends: looking for what it let go after every
few hundred objects, as Python does by itself, costs a quarter of the plan of a large app."""


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="reconciler")
def cli() -> None:
    """Plan and apply Clarifai auto-annotation apps from YAML manifests.

    A manifest is a directory of YAML files (or one file) that describes one app. With --sandbox
    every command works against a local platform, without account, token or network.

    \b
    Settings from the environment:
      CLARIFAI_PAT       the personal access token
      CLARIFAI_USER_ID   the app's owner, if the manifest names none (else: the token's user)
      CLARIFAI_APP_ID    the app, if the manifest names none
      CLARIFAI_API_BASE  the service (https://api.clarifai.com)
      RECONCILER_…       every option of a command, as in RECONCILER_MAX_RPS=5

    Exit status: 0 done, or nothing to do; 1 any error; 2 only with --detailed-exitcode: there are
    changes.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and ends the process: 0 done, 1 error, 2 "there are changes"."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    for stream in (sys.stdout, sys.stderr):
        # a terminal or pipe that cannot show a character is no reason to fail
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # not redirected
    if os.environ.get(COMPLETING):
        from reconciler.cli import complete

        click.echo(complete.answer(cli))
        sys.exit(0)
    try:
        status = run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        say("interrupted")
        # threads may wait for answers that nobody asks for any more: do not wait for them
        os._exit(1)
    except BrokenPipeError:
        # whoever reads us went away, as `| head` does; the interpreter flushes once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    sys.exit(status)


def run(arguments: Sequence[str]) -> int:
    """The exit status of one command line. A user's mistake is a message, never a traceback."""
    try:
        with cli.make_context("reconciler", list(arguments)) as context:
            return _invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        say(f"error: {_one_line(error)}")
        if error.ctx is not None:
            say(f"  {error.ctx.command_path} --help shows what it takes")
    except click.ClickException as error:
        say(f"error: {error.format_message()}")
    except click.Abort:
        say("interrupted")
    return 1


def _invoke(context: click.Context) -> int:
    """Runs the command; its errors are told while it is still known how it wants its output."""
    try:
        status = cli.invoke(context)
        return status if isinstance(status, int) else 0
    except ManifestError as error:
        from reconciler.report.diagnostics import render_text

        text = render_text(error.diagnostics, error.sources, color=is_colored(err=True))
        say(text.rstrip("\n"))
    except RefusedError as error:
        from reconciler.report.plan import render_refused

        say(render_refused(error, color=is_colored(err=True)).rstrip("\n"))
    except ReconcilerError as error:
        say(f"error: {error}")
    return 1


def _one_line(error: click.ClickException) -> str:
    """What click says, without the lists it spreads over several lines."""
    return " ".join(error.format_message().split())
