"""Joins the steps of ``inputs add``: look, label, send, wait, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from reconciler.api.client import Client
from reconciler.call import Listing, Target
from reconciler.cli import session
from reconciler.cli.options import Connection, Layers
from reconciler.cli.progress import counter
from reconciler.cli.session import ClientT, Platform
from reconciler.cli.streams import say
from reconciler.errors import NotFoundError
from reconciler.execution import data
from reconciler.execution.data import AddReport
from reconciler.execution.sources import Discovery, Problem, discover, label


def push(
    path: Path,
    sources: Sequence[str],
    connection: Connection,
    layers: Layers,
    *,
    concepts: Sequence[str],
    concepts_from_folders: bool,
    texts: bool,
    wait: bool,
    wait_timeout: float,
) -> int:
    """Sends what ``sources`` name to the manifest's app. Exit status 1 if any input failed."""
    manifest = session.load_manifest(path, layers)
    found = discover(sources, texts=texts)
    with session.connect(session.target_of(manifest, connection), connection, Client) as platform:
        target, _ = session.find_app(platform, path, connection)
        if concepts or concepts_from_folders:
            found = _labelled(found, platform, target, concepts, concepts_from_folders)
        _say_problems("left out", found.problems)
        with counter("sent") as tell:
            report = data.add(platform.client, target, found.items, on_progress=tell)
        _say_report(report, found)
        failed = [*found.problems, *report.failed]
        if report.stopped is not None:
            raise report.stopped
        if wait:
            failed += _wait(platform, target, found, report, wait_timeout)
    return 1 if failed else 0


def _labelled(
    found: Discovery,
    platform: Platform[ClientT],
    target: Target,
    concepts: Sequence[str],
    from_folders: bool,
) -> Discovery:
    try:
        live = platform.client.read_list(Listing(target.at("concepts"), "concepts"))
    except NotFoundError:
        live = []
    known = [concept["id"] for concept in live]
    return label(found, known=known, concepts=concepts, from_folders=from_folders)


def _say_problems(word: str, problems: Sequence[Problem]) -> None:
    """A line each; the same advice is given once."""
    advised: set[str] = set()
    for problem in problems:
        known = problem.hint in advised
        advised.add(problem.hint)
        say(f"{word}: {replace(problem, hint='') if known else problem}")


def _say_report(report: AddReport, found: Discovery) -> None:
    _say_problems("failed", report.failed)
    for note in report.notes:
        say(f"note: {note}")
    parts = [f"{len(report.added)} added", f"{len(report.present)} already there"]
    parts += [f"{found.repeated} given twice"] if found.repeated else []
    failed = len(report.failed) + len(found.problems)
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{report.unsent} not sent"] if report.unsent else []
    click.echo("Inputs: " + ", ".join(parts) + ".")


def _wait(
    platform: Platform[ClientT],
    target: Target,
    found: Discovery,
    report: AddReport,
    timeout: float,
) -> list[Problem]:
    """What did not get through the workflow in time."""
    sent = set(report.ids)
    items = [item for item in found.items if item.id in sent]
    with counter("processed") as tell:
        ended = data.wait(platform.client, target, items, timeout=timeout, on_progress=tell)
    _say_problems("failed", ended.failed)
    click.echo(f"Processed: {len(ended.processed)} of {len(items)}.")
    if ended.pending:
        say(f"{len(ended.pending)} are still being processed after {timeout:g} s")
    late = [Problem(item.source, "still being processed") for item in ended.pending]
    return [*ended.failed, *late]
