"""Joins the steps: from options and environment to a manifest, a platform, a plan."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from reconciler import registry
from reconciler.address import Address
from reconciler.api.client import Client
from reconciler.api.protocol import Reader
from reconciler.api.settings import Secret, Settings
from reconciler.call import Call, Target
from reconciler.cli.options import Connection
from reconciler.errors import ManifestError, SettingsError
from reconciler.kind import Kind, Scope
from reconciler.manifest.desired import Manifest, load
from reconciler.planning import diff, live, plan
from reconciler.planning.file import PlanFile
from reconciler.planning.ownership import Policy
from reconciler.resource import ResourceGraph

SANDBOX_DATA = Path(".reconciler") / "sandbox"
DEFAULT_USER = "sandbox-user"


@dataclass(frozen=True, slots=True)
class Platform:
    """An open connection, and which app it is about."""

    client: Client
    base_url: str
    target: Target


def load_manifest(path: Path) -> Manifest:
    """The checked manifest at ``path``. Raises ``ManifestError`` with every problem."""
    return load(path, registry.load(), default_app_id=os.environ.get("CLARIFAI_APP_ID") or None)


def target_of(manifest: Manifest) -> Target:
    """The app that a manifest is about; its user may still be ``me``."""
    user = manifest.user_id or os.environ.get("CLARIFAI_USER_ID") or "me"
    return Target(user, manifest.app_id or "")


@contextmanager
def connect(target: Target, connection: Connection) -> Iterator[Platform]:
    """A client for an app: of the configured service, or of the embedded sandbox."""
    user = target.user_id
    if not connection.sandbox:
        if connection.scores is not None:
            raise SettingsError(
                "--scores is for the sandbox alone", hint="add --sandbox, or leave --scores out"
            )
        with _client(connection, {"user_id": user}) as (client, base_url):
            yield Platform(client, base_url, target)
        return
    with _embedded(connection, user) as (base_url, token):
        overrides = {"user_id": user, "base_url": base_url}
        with _client(connection, overrides, token=Secret(token)) as (client, _):
            yield Platform(client, "sandbox", target)


@contextmanager
def _client(
    connection: Connection, overrides: Mapping[str, str], token: Secret | None = None
) -> Iterator[tuple[Client, str]]:
    settings = Settings.from_environment(
        os.environ,
        token=token,
        base_url=overrides.get("base_url") or connection.base_url,
        user_id=overrides["user_id"],
        parallelism=connection.parallelism,
        max_rps=connection.max_rps,
        max_retries=connection.max_retries,
    )
    show = connection.verbose or connection.show_requests
    with Client(settings, on_request=_show_request if show else None) as client:
        yield client, settings.base_url


@contextmanager
def _embedded(connection: Connection, user: str) -> Iterator[tuple[str, str]]:
    """The local platform, for as long as this command runs; it finishes its work before it ends."""
    if connection.base_url:
        raise SettingsError("--sandbox and --base-url name two platforms", hint="use one of them")
    from reconciler.sandbox import Sandbox

    owner = DEFAULT_USER if user == "me" else user
    sandbox = Sandbox(data=SANDBOX_DATA, user=owner, scores=connection.scores)
    sandbox.start()
    try:
        yield sandbox.base_url, sandbox.token
    except BaseException:
        sandbox.stop()
        raise
    sandbox.stop(drain=True)


def read_plan(
    reader: Reader,
    platform: Platform,
    desired: Manifest | ResourceGraph,
    *,
    owner: str,
    selection: plan.Selection,
    source: plan.Source,
    prune: bool = False,
) -> plan.Plan:
    """Reads the live app and compares: the whole way from a manifest to a plan."""
    kinds = registry.load()
    app = live.read_app(reader, kinds, platform.target)
    declared = declare(desired, app.scope, kinds)
    settled = live.settle(reader, kinds, declared, app)
    policy = Policy(owner, prune=prune)
    difference = diff.compare(settled.desired, settled.live, settled.choices, kinds, policy)
    return plan.build(
        platform.base_url,
        app.target,
        settled,
        difference,
        declared=declared,
        owner=owner,
        selection=selection,
        prune=prune,
        source=source,
    )


def declare(
    desired: Manifest | ResourceGraph, scope: Scope, kinds: Mapping[str, Kind]
) -> ResourceGraph:
    """The desired graph for a resolved user; one from a plan file is resolved already."""
    return desired if isinstance(desired, ResourceGraph) else desired.build(kinds, scope)


def selected(targets: Sequence[str], excludes: Sequence[str]) -> plan.Selection:
    """The selection that ``--target`` and ``--exclude`` name. Raises ``SettingsError``."""
    return plan.Selection(tuple(map(Address.parse, targets)), tuple(map(Address.parse, excludes)))


def source_of(manifest: Manifest) -> plan.Source:
    """Where a plan of this manifest comes from."""
    return plan.Source(str(manifest.path), manifest.digest)


def colored(no_color: bool, *, err: bool = False) -> bool:
    """Whether a stream is a terminal that wants colour (https://no-color.org)."""
    stream = sys.stderr if err else sys.stdout
    return not no_color and not os.environ.get("NO_COLOR") and stream.isatty()


def say(text: str) -> None:
    """To stderr: everything that is not the document."""
    click.echo(text, err=True)


def _show_request(call: Call, status: int, seconds: float) -> None:
    say(f"{call.method} {call.path} -> {status or 'no answer'} ({seconds * 1000:.0f} ms)")


def show_warnings(manifest: Manifest) -> None:
    """The warnings of a checked manifest, to stderr."""
    if manifest.diagnostics:
        from reconciler.report.diagnostics import render_text

        text = render_text(manifest.diagnostics, manifest.sources, color=colored(False, err=True))
        say(text.rstrip("\n"))


def no_app(target: Target, path: Path) -> SettingsError:
    """That the app has to be applied before data can flow through it."""
    return SettingsError(
        f"the app {target.app_id!r} of user {target.user_id!r} does not exist yet",
        hint=f"create it first: reconciler apply {path}",
    )


def write_file(path: Path, text: str) -> None:
    """Writes a file whole or not at all. Raises ``SettingsError``."""
    scratch = path.with_name(path.name + ".tmp")
    try:
        scratch.write_text(text, "utf-8")
        scratch.replace(path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise SettingsError(
            f"{path} cannot be written: {error.strerror}", hint="name another file with -o"
        ) from error


def read_text(path: Path) -> str:
    """A file's text. Raises ``SettingsError``."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{path} cannot be read: {reason}") from error


def moved_source(saved: PlanFile) -> tuple[str, ...]:
    """How the manifest that a plan was made from differs by now; nothing if it is not here."""
    path = Path(saved.source.path)
    if not saved.source.path or not path.exists():
        return ()
    try:
        now = load(path, registry.load(), default_app_id=saved.target.app_id).digest
    except ManifestError:
        return (f"{path}: the manifest has problems now (reconciler validate {path})",)
    same = now == saved.source.digest
    return () if same else (f"{path}: the manifest's files are not those the plan was made from",)
