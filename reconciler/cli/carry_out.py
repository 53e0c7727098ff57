"""Joins the steps of ``apply``: plan, confirm, run, report, prove."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from reconciler import __version__, registry
from reconciler.cli import session
from reconciler.cli.options import Connection
from reconciler.errors import SettingsError, StalePlanError
from reconciler.execution.delivery import Patience
from reconciler.execution.outcome import Outcome, Status
from reconciler.execution.run import Limits, run
from reconciler.planning import file
from reconciler.planning.change import Change
from reconciler.planning.plan import Plan, Selection
from reconciler.report import apply as report
from reconciler.report.plan import RENDERERS


def apply(
    path: Path,
    connection: Connection,
    *,
    format_: str,
    targets: Sequence[str],
    excludes: Sequence[str],
    prune: bool,
    auto_approve: bool,
    read_back_timeout: float,
    train_timeout: float,
    no_color: bool,
) -> int:
    """Carries out a manifest or a plan file. Exit status 1 if anything did not succeed."""
    limits = Limits(
        parallelism=connection.parallelism or 8,
        train_timeout=train_timeout,
        patience=Patience(read_back_timeout=read_back_timeout),
    )
    view = _View(format_, session.colored(no_color))
    if path.suffix == ".json" and path.is_file():
        if targets or excludes or prune:
            raise SettingsError(
                "a plan file says already what it is about",
                hint="leave --target, --exclude and --prune out, or make a new plan with them",
            )
        return _apply_file(path, connection, limits, view)
    manifest = session.load_manifest(path)
    session.show_warnings(manifest)
    selection = session.selected(targets, excludes)
    with session.connect(session.target_of(manifest), connection) as platform:

        def make() -> Plan:
            return session.read_plan(
                platform.client,
                platform,
                manifest,
                owner=manifest.owner,
                selection=selection,
                source=session.source_of(manifest),
                prune=prune,
            )

        made = make()
        view.plan(made)
        if made.is_empty:
            view.nothing(made)
            return 0
        _confirm(made, auto_approve)
        return _carry_out(made, make, platform, limits, view)


def _apply_file(path: Path, connection: Connection, limits: Limits, view: _View) -> int:
    """Carries out a reviewed plan: re-reads, re-plans, and demands the same operations."""
    saved = file.read_json(session.read_text(path))
    with session.connect(saved.target, connection) as platform:
        if platform.base_url != saved.base_url:
            raise StalePlanError([f"the plan is for {saved.base_url}, this is {platform.base_url}"])

        def make() -> Plan:
            return session.read_plan(
                platform.client,
                platform,
                saved.desired,
                owner=saved.owner,
                selection=saved.selection,
                source=saved.source,
                prune=saved.prune,
            )

        made = make()
        if moved := (*session.moved_source(saved), *file.moved(saved, made)):
            raise StalePlanError(moved)
        view.plan(made)
        if made.is_empty:
            view.nothing(made)
            return 0
        return _carry_out(made, make, platform, limits, view)


def _confirm(made: Plan, auto_approve: bool) -> None:
    if auto_approve:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise SettingsError(
            "nobody is there to confirm this plan, so nothing was written",
            hint="add --auto-approve, or review a plan file: reconciler plan PATH -o plan.json",
        )
    count = len(made.operations)
    question = f"Carry out {count} operation{'s' if count != 1 else ''} on {made.target.app_id}?"
    if not click.confirm(question, err=True):
        raise SettingsError("not confirmed, so nothing was written")


def _carry_out(
    made: Plan,
    make: Callable[[], Plan],
    platform: session.Platform,
    limits: Limits,
    view: _View,
) -> int:
    """Runs the plan, reports what was acknowledged, and proves that the app took it."""
    with _stoppable() as stopped:
        outcomes = run(
            made.operations,
            made.target,
            registry.load(),
            platform.client,
            limits=limits,
            observer=view.progress(),
            stopped=stopped,
        )
    left: tuple[Change, ...] = ()
    whole = all(outcome.status is Status.DONE for outcome in outcomes)
    if whole:
        left = _not_converged(make, limits.patience)
    view.outcomes(made, outcomes, left)
    if any(outcome.status is Status.UNKNOWN for outcome in outcomes):
        # threads still wait for answers that nobody asked to see: do not wait for them
        sys.stdout.flush()
        os._exit(1)
    return 0 if whole and not left else 1


def _not_converged(make: Callable[[], Plan], patience: Patience) -> tuple[Change, ...]:
    """What still differs after a re-read; a read from the past gets time to catch up."""
    deadline = time.monotonic() + patience.read_back_timeout
    while True:
        left = tuple(operation.change for operation in make().operations)
        if not left or time.monotonic() >= deadline:
            return left
        time.sleep(patience.interval)


@contextmanager
def _stoppable() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C lets the requests in flight finish, a second one stops at once."""
    pressed: list[float] = []

    def press(*_: object) -> None:
        pressed.append(time.monotonic())
        if len(pressed) > 1:
            raise KeyboardInterrupt
        session.say("stopping: waiting for the requests in flight (Ctrl-C again stops at once)")

    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


class _View:
    """What apply shows, in one format: JSON is one document at the end."""

    def __init__(self, format_: str, color: bool) -> None:
        self._format = format_
        self._color = color

    def plan(self, made: Plan) -> None:
        if self._format == "text":
            text = RENDERERS["text"](made, tool_version=__version__, color=self._color)
            click.echo(text, nl=False)

    def nothing(self, made: Plan) -> None:
        if self._format == "json":
            click.echo(report.render_outcomes_json((), ()), nl=False)

    def progress(self) -> report.Progress:
        return report.Progress(
            lambda text: click.echo(text, nl=False, err=True),
            interactive=sys.stderr.isatty(),
            color=self._color,
        )

    def outcomes(self, made: Plan, outcomes: Sequence[Outcome], left: Sequence[Change]) -> None:
        if self._format == "json":
            click.echo(report.render_outcomes_json(outcomes, left), nl=False)
            return
        click.echo(report.render_outcomes(outcomes, color=self._color), nl=False)
        if left:
            session.say(report.render_not_converged(left).rstrip("\n"))
