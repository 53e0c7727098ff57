"""``reconciler plan PATH``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import options
from reconciler.cli.streams import is_colored, output, say

if TYPE_CHECKING:
    from reconciler.planning.options import Options
    from reconciler.planning.plan import Plan


@click.command("plan")
@options.manifest_path
@options.layers
@options.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path),
    help="Also write a plan file, for `reconciler apply`.",
)  # fmt: skip
@options.formats("text", "json")
@options.decisions
@options.option(
    "--compare", type=click.Path(dir_okay=False, path_type=Path), metavar="PLAN.json",
    help="Show instead how the plan differs from this one.",
)  # fmt: skip
@options.option("--destroy", is_flag=True, help="Plan what destroy would do instead.")
@options.option("--delete-app", is_flag=True, help="With --destroy: the app itself goes too.")
@options.option("--detailed-exitcode", is_flag=True, help="Exit 2 if there are changes.")
@options.color
@options.connection
def command(
    path: Path,
    out: Path | None,
    compare: Path | None,
    format_: str,
    detailed_exitcode: bool,
    **values: Any,
) -> int:
    """Show what apply would do to the live app. Only reads.

    A plan file written with -o is what `reconciler apply PLAN.json` carries out after a review:
    exactly these operations, or none if the app or the manifest moved since. --requests adds every
    write that they take, with its body. --destroy shows what `reconciler destroy` would do.
    """
    from reconciler import __version__
    from reconciler.api.client import ReadClient
    from reconciler.cli import files, session
    from reconciler.report.plan import render_json

    connection = options.take_connection(values)
    show_requests, connection = connection.show_requests, replace(connection, show_requests=False)
    layers = options.take_layers(values)
    changed = 2 if detailed_exitcode else 0
    if values["refresh"] == "only":
        from reconciler.cli.commands.drift import show

        alone = out is None and compare is None and not show_requests
        shaped = _drift_options(values, alone=alone)
        return show(path, connection, layers, shaped, format_, drifted=changed)
    shaped = options.take_ending(values) or options.take_options(values)
    if out is not None:
        _check_name(out)
    manifest = session.load_manifest(path, layers)
    session.show_warnings(manifest)
    question = session.Question.of_manifest(manifest, layers, shaped)
    target = session.target_of(manifest, connection)
    with session.connect(target, connection, ReadClient) as platform:
        made = session.read_plan(platform, question)
    if compare is not None:
        return _compare(made, compare, format_, differs=changed)
    if out is not None:
        files.write_whole(out, render_json(made, __version__))
    _show(made, format_, with_requests=show_requests)
    if out is not None:
        sandbox = " --sandbox" if connection.sandbox else ""
        way = f"Carry it out with: reconciler apply {out}{sandbox}"
        say(f"Plan written to {out}. {'It holds nothing to do.' if made.is_empty else way}")
    return 0 if made.is_empty else changed


def _drift_options(values: dict[str, Any], *, alone: bool) -> Options:
    """What shapes a drift. Raises ``SettingsError`` beside what shapes or keeps a plan."""
    from reconciler.errors import SettingsError

    if not alone or values["destroy"] or values["delete_app"]:
        raise SettingsError(
            "--refresh only shows drift instead of a plan",
            hint="leave out -o, --compare, --requests, --destroy and --delete-app",
        )
    return options.take_options({**values, "refresh": None})


def _check_name(out: Path) -> None:
    """Raises ``SettingsError`` for a plan file that would be taken for a manifest."""
    from reconciler.errors import SettingsError

    if out.suffix in {".yaml", ".yml"}:
        raise SettingsError(
            f"a plan file cannot be called {out}: that is how manifests are called",
            hint=f"write it to {out.with_suffix('.json')}",
        )


def _show(made: Plan, format_: str, *, with_requests: bool) -> None:
    """The plan; with every write that it takes, if that is asked for."""
    from reconciler import __version__
    from reconciler.cli import session
    from reconciler.planning.file import to_text
    from reconciler.report.plan import RENDERERS
    from reconciler.report.requests import render_requests, requests_json

    requests = session.planned_requests(made) if with_requests else None
    if requests is not None and format_ == "json":
        output(to_text(made, __version__, requests_json(requests)))
        return
    output(RENDERERS[format_](made, tool_version=__version__, color=is_colored()))
    if requests is not None:
        output("\n" + render_requests(requests))


def _compare(made: Plan, approved: Path, format_: str, *, differs: int) -> int:
    """Shows what a plan would do otherwise than an approved one; the exit status for that."""
    from reconciler.cli import session
    from reconciler.planning import file
    from reconciler.report.plan import render_delta, render_delta_json

    delta = file.delta(session.read_plan_file(approved), made)
    render = render_delta_json if format_ == "json" else render_delta
    output(render(delta, made, str(approved)))
    return differs if delta else 0
