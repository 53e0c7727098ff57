"""Who sees what: the document goes to stdout, everything else to stderr."""

from __future__ import annotations

import os
import sys

import click

NO_COLOR = f"{__name__}.no_color"
"""Where the running command keeps that it was told ``--no-color``."""


def say(text: str) -> None:
    """To stderr: everything that is not the document, without the token wherever it was put."""
    click.echo(without_token(text), err=True)


def output(document: str) -> None:
    """To stdout: the document as it is, but for a token that somebody put into the app."""
    shown = without_token(document)
    click.echo(shown, nl=False)
    if shown != document:
        say("warning: the document holds the token of CLARIFAI_PAT, and shows *** in its place")


def without_token(text: str) -> str:
    """The text with ``***`` for each token of ours in it."""
    token = os.environ.get("CLARIFAI_PAT", "").strip()
    if not token or token not in text:
        return text
    from reconciler.api.envelope import redact
    from reconciler.api.settings import Secret

    return redact(text, Secret(token))


def interject(text: str) -> None:
    """Like ``say``, from inside a signal handler: it may come amid another write to stderr."""
    start = "\r\x1b[K" if is_interactive() else ""
    os.write(2, f"{start}{text}\n".encode())


def is_interactive() -> bool:
    """Whether a person watches stderr on a terminal that can rewrite a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def is_colored(*, err: bool = False) -> bool:
    """Whether a stream is a terminal that wants colour (https://no-color.org)."""
    context = click.get_current_context(silent=True)
    if context is not None and context.meta.get(NO_COLOR):
        return False
    stream = sys.stderr if err else sys.stdout
    unwanted = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not unwanted and stream.isatty()
