"""Options that commands share. Each can also be set as ``RECONCILER_`` and its name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from reconciler.address import Address
from reconciler.cli.streams import NO_COLOR
from reconciler.errors import SettingsError
from reconciler.planning.options import PRUNE_LIMIT, SWITCH_LIMIT, Options, Selection

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


def above_zero(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """A finite number above 0, or a usage error."""
    if value == 0:
        raise click.BadParameter(f"{value:g} is not above 0", ctx, param)
    return not_negative(ctx, param, value)


def not_negative(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """A finite number from 0, or a usage error."""
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise click.BadParameter(f"{value:g} is not a number from 0", ctx, param)
    return value


class Option(click.Option):
    """An option whose mistakes name the variable that they came from."""

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """What the message calls it: the option, or its variable."""
        source = ctx.get_parameter_source(self.name or "") if ctx is not None else None
        if source is ParameterSource.ENVIRONMENT:
            return f"{self.envvar} (environment)"
        return super().get_error_hint(ctx)


def option(*names: str, **settings: Any) -> Callable[[Function], Function]:
    """A click option whose environment variable is ``RECONCILER_`` and its long name."""
    long = next(name for name in names if name.startswith("--")).split("/")[0]
    variable = "RECONCILER_" + long.removeprefix("--").replace("-", "_").upper()
    made: Callable[[Function], Function] = click.option(
        *names, cls=Option, envvar=variable, **settings
    )
    return made


def _with(function: Function, *options: Callable[[Function], Function]) -> Function:
    """A command with several options, in the order in which its help shows them."""
    for add in reversed(options):
        function = add(function)
    return function


def connection(function: Function) -> Function:
    """The options of every command that talks to a platform; ``take_connection`` collects them."""
    return _with(
        function,
        option(
            "--sandbox", is_flag=True,
            help="Use the local platform, which keeps its data in .reconciler/; no token needed.",
        ),
        option(
            "--scores", type=click.Path(dir_okay=False, path_type=Path),
            help="Scripted scores of public recognition models (with --sandbox).",
        ),
        option("--base-url", metavar="URL", help="The service, instead of CLARIFAI_API_BASE."),
        option(
            "--parallelism", type=click.IntRange(1, 64), metavar="N",
            help="At most so many requests at a time.  [default: 8]",
        ),
        option(
            "--max-rps", type=float, callback=above_zero, metavar="N",
            help="At most so many requests a second.  [default: 15; sandbox: no limit]",
        ),
        option(
            "--max-retries", type=click.IntRange(0, 100), metavar="N",
            help="How often a request is tried again.  [default: 4]",
        ),
        option("-v", "--verbose", is_flag=True, help="Show each request and each wait, on stderr."),
        option("--requests", "show_requests", is_flag=True, help="Show each request, on stderr (plan: each write that it plans)."),
    )  # fmt: skip


def take_connection(values: dict[str, Any]) -> Connection:
    """Takes the connection's options out of a command's values."""
    return Connection(**{name: values.pop(name) for name in Connection.__dataclass_fields__})


def formats(*names: str) -> Callable[[Function], Function]:
    """``--format`` with the first name as default."""
    return option(
        "--format", "format_", type=click.Choice(names), default=names[0], show_default=True,
        help="How the document on stdout is written.",
    )  # fmt: skip


def _addresses(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from reconciler.cli import complete

    return complete.addresses(ctx, param, incomplete)


def selection(function: Function) -> Function:
    """``--target`` and ``--exclude``."""
    return _with(
        function,
        option(
            "--target", "targets", multiple=True, metavar="ADDRESS", shell_complete=_addresses,
            help="Only it, with all that it needs (model.ID, workflow.ID, …); repeatable.",
        ),
        option(
            "--exclude", "excludes", multiple=True, metavar="ADDRESS", shell_complete=_addresses,
            help="Leave it out, with all that depends on it; repeatable.",
        ),
    )  # fmt: skip


def _remember_no_color(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.meta[NO_COLOR] = value


color = option(
    "--no-color", is_flag=True, expose_value=False, callback=_remember_no_color,
    help="No colour even on a terminal (as NO_COLOR=1).",
)  # fmt: skip


def switching(function: Function) -> Function:
    """The options of what may switch the default workflow."""
    return _with(
        function,
        option(
            "--allow-default-switch", is_flag=True,
            help="Switch the default workflow of an app with many inputs.",
        ),
        option(
            "--switch-limit", type=click.IntRange(0), default=SWITCH_LIMIT, show_default=True,
            metavar="N", help="Inputs above which a switch has to be allowed.",
        ),
        option("--reindex", is_flag=True, help="Ask for a re-index where the default is switched."),
    )  # fmt: skip


def decisions(function: Function) -> Function:
    """The options that shape a plan; ``take_options`` collects them."""
    return _with(
        function,
        selection,
        option(
            "--prune", is_flag=True,
            help="Also delete what this tool made and the manifest does not name.",
        ),
        option(
            "--prune-limit", type=click.IntRange(0, 100), default=PRUNE_LIMIT, show_default=True,
            metavar="PERCENT", help="Refuse to prune more than this share of a kind.",
        ),
        switching,
        option(
            "--refresh", "refresh", type=click.Choice(("full", "only")),
            help="full: trust no recorded digest, read every version. only: show drift.",
        ),
        option(
            "--take-over", "take_over", multiple=True, metavar="ADDRESS", shell_complete=_addresses,
            help="Make it this manifest's although another owner marked it; repeatable.",
        ),
        option(
            "--retrain", "retrain", multiple=True, metavar="ADDRESS", shell_complete=_addresses,
            help="Train this model anew although nothing changed; repeatable.",
        ),
    )  # fmt: skip


def take_selection(values: dict[str, Any]) -> Selection:
    """Takes ``--target`` and ``--exclude`` out of a command's values. Raises ``SettingsError``."""
    chosen, left_out = (
        tuple(map(Address.parse, values.pop(name))) for name in ("targets", "excludes")
    )
    return Selection(chosen, left_out)


def take_options(values: dict[str, Any]) -> Options:
    """Takes what shapes a plan out of a command's values. Raises ``SettingsError`` for no address."""
    refresh = values.pop("refresh")
    if refresh == "only":
        raise SettingsError(
            "--refresh only shows drift and changes nothing",
            hint="use it with plan, or the command drift",
        )
    taken, trained = (
        tuple(map(Address.parse, values.pop(name))) for name in ("take_over", "retrain")
    )
    return Options(
        selection=take_selection(values),
        take_over=taken,
        retrain=trained,
        refresh=refresh == "full",
        **{name: values.pop(name) for name in _PLAIN},
    )


def take_ending(values: dict[str, Any]) -> Options | None:
    """Takes what plans for the manifest's end, None if nothing does. Raises ``SettingsError``."""
    destroy, delete_app = values.pop("destroy"), values.pop("delete_app")
    if not destroy:
        if delete_app:
            raise SettingsError(
                "--delete-app belongs to --destroy", hint="add --destroy, or leave it out"
            )
        return None
    switching = {name: values[name] for name in ("reindex", "switch_limit", "allow_default_switch")}
    if take_options(dict(values)) != Options(**switching):
        raise SettingsError(
            "--destroy is about all that was made for the manifest",
            hint="it goes with --delete-app and the options of a switch of the default workflow alone",
        )
    return Options(destroy=True, delete_app=delete_app, **switching)


_PLAIN = ("prune", "prune_limit", "reindex", "allow_default_switch", "switch_limit")


def seconds(name: str, default: float, help_: str) -> Callable[[Function], Function]:
    """An option for a time to wait at most."""
    return option(
        name, type=float, callback=not_negative, default=default, show_default=True,
        metavar="SECONDS", help=help_,
    )  # fmt: skip


def carrying_out(function: Function) -> Function:
    """The options of what writes: whether it asks, and how long it waits for what."""
    return _with(
        function,
        option("--auto-approve", is_flag=True, help="Do not ask."),
        option(
            "--lock-timeout", type=float, callback=not_negative, metavar="SECONDS",
            help="Hold a lease on the app, and wait so long for another's.  [default: no lease]",
        ),
        seconds(
            "--read-back-timeout",
            10.0,
            "Look so long for a write whose answer was lost, and for its effect.",
        ),
        seconds("--train-timeout", 3600.0, "Wait so long for one training."),
    )  # fmt: skip


class _ManifestPath(click.Path):
    """A path; an empty one is a variable of the shell that is not set, and not the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("it is empty; name a file or a folder, such as '.'", param, ctx)
        return super().convert(value, param, ctx)


manifest_path = click.argument("path", type=_ManifestPath(path_type=Path))


@dataclass(frozen=True, slots=True)
class Layers:
    """What the command line lays over a manifest's files."""

    overlays: tuple[Path, ...] = ()
    variable_files: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.overlays or self.variable_files or self.variables)


def layers(function: Function) -> Function:
    """``--var``, ``--var-file`` and ``--overlay``; ``take_layers`` collects them."""
    file = click.Path(dir_okay=False, path_type=Path)
    return _with(
        function,
        option(
            "--var", "variables", multiple=True, metavar="NAME=VALUE", callback=_pairs,
            help="Set a variable (also RECONCILER_VAR_NAME=VALUE); repeatable.",
        ),
        option(
            "--var-file", "variable_files", multiple=True, type=file, metavar="FILE",
            help="Set variables from a file of NAME: VALUE lines; repeatable.",
        ),
        option(
            "--overlay", "overlays", multiple=True, type=file, metavar="FILE",
            help="Merge this file over the manifest; repeatable, the last one wins.",
        ),
    )  # fmt: skip


def _pairs(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in value:
        name, equals, set_to = text.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{text!r} is not NAME=VALUE", ctx, param)
        pairs[name] = set_to
    return pairs


def take_layers(values: dict[str, Any]) -> Layers:
    """Takes what is laid over a manifest out of a command's values."""
    return Layers(**{name: values.pop(name) for name in Layers.__dataclass_fields__})
