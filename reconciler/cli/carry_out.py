"""Joins the steps of ``apply``: plan, confirm, run, report, prove."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from reconciler import __version__, registry
from reconciler.api.client import Client
from reconciler.cli import session
from reconciler.cli.leased import Barred, leased
from reconciler.cli.options import Connection, Layers
from reconciler.cli.session import Platform, Question
from reconciler.cli.stopping import stoppable
from reconciler.cli.streams import is_colored, is_interactive, output, say
from reconciler.errors import ApiError, ReconcilerError, SettingsError, StalePlanError
from reconciler.execution.delivery import Patience
from reconciler.execution.outcome import Outcome, Status
from reconciler.execution.run import Limits, run
from reconciler.planning import cutover, file
from reconciler.planning.change import Change
from reconciler.planning.file import PlanFile
from reconciler.planning.options import Options
from reconciler.planning.plan import Plan
from reconciler.report import apply as report
from reconciler.report.plan import RENDERERS

LONGEST_PAUSE = 2.0
"""Seconds between two looks at an app that is not yet as it was made."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks of an apply, besides the path."""

    layers: Layers
    format_: str
    options: Options
    auto_approve: bool
    read_back_timeout: float
    train_timeout: float
    lock_timeout: float | None


def apply(path: Path, connection: Connection, wish: Wish) -> int:
    """Carries out a manifest or a plan file. Exit status 1 if anything did not succeed."""
    limits = Limits(
        parallelism=connection.parallelism or Limits().parallelism,
        train_timeout=wish.train_timeout,
        reindex=wish.options.reindex,
        patience=Patience(read_back_timeout=wish.read_back_timeout),
    )
    view = _View(wish.format_)
    if is_plan_file(path) and not wish.options.destroy:
        if wish.layers or wish.options != Options():
            raise SettingsError(
                "a plan file says already what it is about",
                hint="leave out the options that shape a plan (--target, --prune, --var, "
                "--overlay and the like), or make a new plan with them",
            )
        return _apply_file(path, connection, wish, limits, view)
    manifest = session.load_manifest(path, wish.layers)
    session.show_warnings(manifest)
    question = Question.of_manifest(manifest, wish.layers, wish.options)
    target = session.target_of(manifest, connection)
    with (
        session.connect(target, connection, Client) as platform,
        leased(platform, wish.lock_timeout, wish.train_timeout) as barred,
    ):
        made = session.read_plan(platform, question)
        view.plan(made)
        if made.is_empty:
            view.nothing()
            return 0
        if not wish.auto_approve:
            _confirm(made, view)
        return _carry_out(made, _Errand(question, platform, limits, view, barred))


def is_plan_file(path: Path) -> bool:
    """Whether a path is meant as a plan file: manifests are folders or end in .yaml or .yml."""
    if path.is_file():
        return path.suffix not in {".yaml", ".yml"}
    return path.suffix == ".json" and not path.exists()


def _apply_file(path: Path, connection: Connection, wish: Wish, limits: Limits, view: _View) -> int:
    """Carries out a reviewed plan: re-reads, re-plans, and demands the same operations."""
    saved = session.read_plan_file(path)
    if connection.sandbox != (saved.base_url == session.SANDBOX):
        if connection.sandbox:
            raise _elsewhere(saved, "the sandbox", "leave --sandbox out")
        raise _elsewhere(saved, "another service", "add --sandbox")
    question = Question.of_file(saved)
    with session.connect(saved.target, connection, Client) as platform:
        if platform.base_url != saved.base_url:
            way = f"set CLARIFAI_API_BASE (or --base-url) to {saved.base_url}"
            raise _elsewhere(saved, platform.base_url, way)
        with leased(platform, wish.lock_timeout, wish.train_timeout) as barred:
            made = session.read_plan(platform, question)
            if moved := (*session.moved_source(saved), *file.moved(saved, made)):
                raise StalePlanError(moved)
            view.plan(made)
            if made.is_empty:
                view.nothing()
                return 0
            limits = replace(limits, reindex=saved.options.reindex)
            return _carry_out(made, _Errand(question, platform, limits, view, barred))


def _elsewhere(saved: PlanFile, here: str, way: str) -> SettingsError:
    there = "the sandbox" if saved.base_url == session.SANDBOX else saved.base_url
    return SettingsError(
        f"the plan is for {there}, not for {here}", hint=f"{way}, or make a new plan"
    )


def _confirm(made: Plan, view: _View) -> None:
    """Asks whoever sits at the terminal. Raises ``SettingsError`` for anything but a yes."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise SettingsError(
            "nobody is there to confirm this plan, so nothing was written",
            hint="add --auto-approve; or let it be reviewed: reconciler plan PATH -o plan.json, "
            "then reconciler apply plan.json",
        )
    view.plan_to_confirm(made)
    count = len(made.operations)
    operations = f"{count} operation{'s' if count != 1 else ''}"
    where = f"{made.target.user_id}/{made.target.app_id} on {made.base_url}"
    try:
        sure = click.confirm(f"Carry out {operations} on {where}?", err=True)
    except click.Abort:
        sure = False
        say("")
    if not sure:
        raise SettingsError("not confirmed, so nothing was written")


@dataclass(frozen=True, slots=True)
class _Errand:
    """What carrying out a plan takes besides the plan."""

    question: Question
    platform: Platform[Client]
    limits: Limits
    view: _View
    barred: Barred


def _carry_out(made: Plan, errand: _Errand) -> int:
    """Runs the plan, reports what was acknowledged, and proves that the app took it."""
    progress = errand.view.progress()
    with stoppable() as stopped:
        outcomes = run(
            made.operations,
            made.target,
            registry.load(),
            errand.platform.client,
            limits=errand.limits,
            observer=progress,
            stopped=stopped,
            barred=errand.barred,
        )
    progress.close()
    if any(outcome.status is Status.UNKNOWN for outcome in outcomes):
        errand.view.outcomes(outcomes)
        raise KeyboardInterrupt
    if any(outcome.status is not Status.DONE for outcome in outcomes):
        errand.view.outcomes(outcomes)
        return 1
    try:
        left = _not_converged(
            lambda: session.read_plan(errand.platform, errand.question.afterwards()),
            errand.limits.patience.read_back_timeout,
        )
    except (ReconcilerError, KeyboardInterrupt):
        errand.view.outcomes(outcomes)
        say("the app was not read once more, so it is not proven that it took all of this:")
        say("plan again to see it")
        raise
    errand.view.outcomes(outcomes, left, _inputs_after(made, errand.platform))
    return 1 if left else 0


def _inputs_after(made: Plan, platform: Platform[Client]) -> Mapping[str, int] | None:
    """How many inputs are in which state after a switch of the default workflow."""
    if made.switch is None or not made.switch.inputs:
        return None
    try:
        return cutover.counts(platform.client.get(cutover.status_call(made.target)))
    except ApiError as error:
        say(f"the inputs' state after the switch is not known: {error}")
        return None


def _not_converged(make: Callable[[], Plan], timeout: float) -> tuple[Change, ...]:
    """What still differs after a re-read; a read from the past gets time to catch up.

    The last reads begin when the time is up: those that took long say nothing of the time since.
    """
    deadline, pause = time.monotonic() + timeout, 0.25
    while True:
        last = time.monotonic() >= deadline
        left = tuple(operation.change for operation in make().operations)
        if last or not left:
            return left
        time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        pause = min(2 * pause, LONGEST_PAUSE)


class _View:
    """What apply shows, in one format: text as it goes, JSON as one document at the end."""

    def __init__(self, format_: str) -> None:
        self._text = format_ == "text"

    def plan(self, made: Plan) -> None:
        """The plan, before anything is done."""
        if self._text:
            output(_plan_text(made, color=is_colored()))
        else:
            for warning in made.warnings:
                say(f"warning: {warning}")

    def plan_to_confirm(self, made: Plan) -> None:
        """What is asked about, where the document does not show it."""
        if not self._text:
            say(_plan_text(made, color=is_colored(err=True)))

    def nothing(self) -> None:
        """The end of an apply that had nothing to do; the text of the plan said so."""
        if not self._text:
            self.outcomes(())

    def progress(self) -> report.Progress:
        """The observer of a run."""
        return report.Progress(
            lambda text: click.echo(text, nl=False, err=True),
            interactive=is_interactive(),
            color=is_colored(err=True),
            width=shutil.get_terminal_size().columns,
        )

    def outcomes(
        self,
        outcomes: Sequence[Outcome],
        left: Sequence[Change] = (),
        inputs: Mapping[str, int] | None = None,
    ) -> None:
        """What became of it."""
        if self._text:
            output(report.render_outcomes(outcomes, color=is_colored()))
            if inputs is not None:
                output(report.render_inputs(inputs))
        else:
            output(report.render_outcomes_json(outcomes, left, inputs))
        if left:
            say(report.render_not_converged(left, color=is_colored(err=True)).rstrip("\n"))


def _plan_text(made: Plan, *, color: bool) -> str:
    return RENDERERS["text"](made, tool_version=__version__, color=color)
