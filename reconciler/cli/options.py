"""Options that commands share. Each can also be set as ``RECONCILER_`` and its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Connection:
    """Which platform to talk to, and how."""

    sandbox: bool = False
    scores: Path | None = None
    base_url: str | None = None
    parallelism: int | None = None
    max_rps: float | None = None
    max_retries: int | None = None
    verbose: bool = False
    show_requests: bool = False


def option(*names: str, **settings: Any) -> Callable[[Function], Function]:
    """A click option whose environment variable is ``RECONCILER_`` and its long name."""
    long = next(name for name in names if name.startswith("--")).split("/")[0]
    variable = "RECONCILER_" + long.removeprefix("--").replace("-", "_").upper()
    made: Callable[[Function], Function] = click.option(*names, envvar=variable, **settings)
    return made


def connection(function: Function) -> Function:
    """The options of every command that talks to a platform; passed as ``connection``."""
    options = [
        option("--sandbox", is_flag=True, help="Use the local platform; data in .reconciler/."),
        option(
            "--scores",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Scripted scores of public recognition models (sandbox only).",
        ),
        option("--base-url", metavar="URL", help="Another service than CLARIFAI_API_BASE."),
        option("--parallelism", type=click.IntRange(1, 64), help="Requests at a time (8)."),
        option("--max-rps", type=float, metavar="N", help="Requests a second at most (15)."),
        option("--max-retries", type=click.IntRange(0, 100), help="Tries after the first one (4)."),
        option("-v", "--verbose", is_flag=True, help="Say what is going on."),
        option("--requests", "show_requests", is_flag=True, help="Show each request."),
    ]
    for add in reversed(options):
        function = add(function)
    return function


def take_connection(values: dict[str, Any]) -> Connection:
    """Takes the connection's options out of a command's values."""
    return Connection(**{name: values.pop(name) for name in Connection.__dataclass_fields__})


def formats(*names: str) -> Callable[[Function], Function]:
    """``--format`` with the first name as default."""
    return option(
        "--format", "format_", type=click.Choice(names), default=names[0], show_default=True,
        help="How the document on stdout is written.",
    )  # fmt: skip


def selection(function: Function) -> Function:
    """``--target`` and ``--exclude``."""
    for add in (
        option(
            "--exclude", "excludes", multiple=True, metavar="ADDRESS",
            help="Leave it out, with all that depends on it.",
        ),
        option(
            "--target", "targets", multiple=True, metavar="ADDRESS",
            help="Only it, with all that it needs.",
        ),
    ):  # fmt: skip
        function = add(function)
    return function


color = option("--no-color", is_flag=True, help="No colour even on a terminal.")

manifest_path = click.argument("path", type=click.Path(path_type=Path))
