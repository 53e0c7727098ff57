"""Joins the steps: from options and environment to a manifest, a platform, a plan."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from reconciler import registry
from reconciler.address import Address
from reconciler.api.client import ReadClient
from reconciler.api.settings import Secret, Settings
from reconciler.call import Call, Listing, Target
from reconciler.catalogue import (
    MODEL_TYPES,
    PUBLIC_APP_ID,
    PUBLIC_USER_ID,
    ModelType,
    refreshed_types,
)
from reconciler.cli import files
from reconciler.cli.options import Connection, Layers
from reconciler.cli.streams import is_colored, say
from reconciler.errors import ManifestError, PlanFileError, SettingsError
from reconciler.execution.outcome import PlannedRequest
from reconciler.execution.rehearsal import rehearse
from reconciler.kind import Kind, Scope
from reconciler.manifest.desired import Inputs, Manifest, load
from reconciler.manifest.variables import spelt
from reconciler.planning import absent, cutover, diff, drift, ending, file, live, plan, rename
from reconciler.planning.file import PlanFile
from reconciler.planning.options import Options, Policy
from reconciler.resource import ResourceGraph

SANDBOX = "sandbox"
"""What plans call the embedded platform: its address is another one each time."""

SANDBOX_DATA = Path(".reconciler") / "sandbox"
DEFAULT_USER = "sandbox-user"
UNLIMITED_RPS = 1e6

LARGEST_PLAN = 64 * 1024 * 1024
"""Bytes of a plan file that are read; one that makes 10,000 resources has a third of them."""

ClientT = TypeVar("ClientT", bound=ReadClient)


@dataclass(frozen=True, slots=True)
class Platform(Generic[ClientT]):
    """An open connection, and which app it is about."""

    client: ClientT
    base_url: str
    target: Target


# --- manifests


VARIABLE_PREFIX = "RECONCILER_VAR_"


def load_manifest(
    path: Path,
    layers: Layers | None = None,
    types: Mapping[str, ModelType] = MODEL_TYPES,
) -> Manifest:
    """The checked manifest at ``path``. Raises ``ManifestError`` with every problem."""
    app_id = os.environ.get("CLARIFAI_APP_ID", "").strip()
    layers = layers or Layers()
    environment = {
        name.removeprefix(VARIABLE_PREFIX): text
        for name, text in os.environ.items()
        if name.startswith(VARIABLE_PREFIX) and name != VARIABLE_PREFIX + "FILE"
    }
    inputs = Inputs(layers.overlays, layers.variable_files, layers.variables, environment, types)
    return load(path, registry.load(), default_app_id=app_id or None, inputs=inputs)


def show_warnings(manifest: Manifest) -> None:
    """The warnings of a checked manifest, to stderr."""
    if manifest.diagnostics:
        from reconciler.report.diagnostics import render_text

        color = is_colored(err=True)
        say(render_text(manifest.diagnostics, manifest.sources, color=color).rstrip("\n"))


def target_of(manifest: Manifest, connection: Connection) -> Target:
    """The app that a manifest is about; its user may still be ``me``.

    The sandbox is nobody's account: what the environment says of one does not count there.
    """
    named = "" if connection.sandbox else os.environ.get("CLARIFAI_USER_ID", "").strip()
    return Target(manifest.user_id or named or "me", manifest.app_id)


def read_plan_file(path: Path) -> PlanFile:
    """The plan file at ``path``. Raises ``PlanFileError`` that names it; ``SettingsError``."""
    try:
        return file.read_json(files.read_text(path, LARGEST_PLAN), registry.load())
    except PlanFileError as error:
        raise PlanFileError(f"{path}: {error.message}", hint=error.hint) from error


def moved_source(saved: PlanFile) -> tuple[str, ...]:
    """How the manifest that a plan was made from differs by now; nothing if it is not here."""
    path = Path(saved.source.path)
    if not saved.source.path or not path.exists():
        return ()
    try:
        overlays = tuple(map(Path, saved.source.overlays))
        values = {name: spelt(value) for name, value in saved.source.variables.items()}
        inputs = Inputs(overlays, variables=values)
        kinds = registry.load()
        now = load(path, kinds, default_app_id=saved.target.app_id, inputs=inputs).digest
    except ManifestError:
        return (f"{path}: the manifest has problems now (reconciler validate {path})",)
    same = now == saved.source.digest
    return () if same else (f"{path}: the manifest's files are not those the plan was made from",)


# --- platforms


@contextmanager
def connect(
    target: Target, connection: Connection, client: type[ClientT]
) -> Iterator[Platform[ClientT]]:
    """A client for an app: of the configured service, or of the embedded sandbox.

    ``client`` says what it can do: a ``ReadClient`` has no way to write.
    """
    if connection.sandbox:
        with _embedded(target, connection) as settings, _open(client, settings, connection) as it:
            yield Platform(it, SANDBOX, target)
        return
    if connection.scores is not None:
        raise SettingsError(
            "--scores is for the sandbox alone", hint="add --sandbox, or leave --scores out"
        )
    settings = Settings.from_environment(
        os.environ,
        base_url=connection.base_url,
        user_id=target.user_id,
        app_id=target.app_id,
        parallelism=connection.parallelism,
        max_rps=connection.max_rps,
        max_retries=connection.max_retries,
    )
    with _open(client, settings, connection) as it:
        yield Platform(it, settings.base_url, target)


@contextmanager
def _embedded(target: Target, connection: Connection) -> Iterator[Settings]:
    """The local platform, for as long as this command runs; it finishes its work before it ends."""
    if connection.base_url:
        raise SettingsError("--sandbox and --base-url name two platforms", hint="use one of them")
    from reconciler.sandbox import Sandbox

    owner = DEFAULT_USER if target.user_id == "me" else target.user_id
    files.make_private_folder(SANDBOX_DATA.parent)
    sandbox = Sandbox(data=SANDBOX_DATA, user=owner, scores=connection.scores)
    sandbox.start()
    try:
        yield Settings.from_environment(
            {},
            token=Secret(sandbox.token),
            base_url=sandbox.base_url,
            parallelism=connection.parallelism,
            max_rps=connection.max_rps or UNLIMITED_RPS,
            max_retries=connection.max_retries,
        )
    except BaseException:
        sandbox.stop()
        raise
    if not sandbox.idle():
        say("the sandbox finishes its work (Ctrl-C leaves the rest to the next command)")
    sandbox.stop(drain=True)


@contextmanager
def _open(client: type[ClientT], settings: Settings, connection: Connection) -> Iterator[ClientT]:
    shown = connection.verbose or connection.show_requests
    with (
        _logged(connection.verbose),
        client(settings, on_request=_show_request if shown else None) as opened,
    ):
        yield opened


@contextmanager
def _logged(verbose: bool) -> Iterator[None]:
    """With ``verbose``, what modules log (waits and retries) goes to stderr."""
    if not verbose:
        yield
        return
    logger = logging.getLogger("reconciler")
    handler = logging.StreamHandler()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)


def _show_request(call: Call, status: int, seconds: float) -> None:
    say(f"{call.method} {call.path} -> {status or 'no answer'} ({seconds * 1000:.0f} ms)")


def read_types(connection: Connection) -> Mapping[str, ModelType]:
    """The model types of the live service. Raises ``ApiError``."""
    with connect(Target("me", ""), connection, ReadClient) as platform:
        public = Target(PUBLIC_USER_ID, PUBLIC_APP_ID)
        listing = Listing(public.at("models", "types"), "model_types")
        return refreshed_types(platform.client.read_list(listing))


def find_app(platform: Platform[ClientT], path: Path, connection: Connection) -> tuple[Target, str]:
    """The app with its real user, and the token's user. Raises ``SettingsError`` if it is absent.

    For commands that need an app: its manifest has to be applied before data can flow through it.
    """
    target, me, answer = live.identify(platform.client, platform.target)
    if answer is not None:
        return target, me
    sandbox = " --sandbox" if connection.sandbox else ""
    way = f"create it first: reconciler apply {path}{sandbox}"
    app = f"the app {target.app_id!r} of user {target.user_id!r}"
    if target.user_id != me:
        raise SettingsError(
            f"{app} is not there, or not for the eyes of {me!r}, whose token this is",
            hint=f"check CLARIFAI_USER_ID; or {way}",
        )
    raise SettingsError(f"{app} does not exist yet", hint=way)


# --- plans


@dataclass(frozen=True, slots=True)
class Question:
    """What a plan is made from: the same question can be asked again."""

    desired: Manifest | ResourceGraph
    owner: str
    source: plan.Source
    options: Options
    moves: tuple[tuple[Address, Address], ...]

    @classmethod
    def of_manifest(
        cls,
        manifest: Manifest,
        layers: Layers,
        options: Options,
    ) -> Question:
        """What a command line asks."""
        return cls(
            manifest,
            manifest.owner,
            plan.Source(
                str(manifest.path),
                manifest.digest,
                tuple(map(str, layers.overlays)),
                manifest.variables,
            ),
            options,
            manifest.moves,
        )

    @classmethod
    def of_file(cls, saved: PlanFile) -> Question:
        """What a plan file answers."""
        return cls(saved.desired, saved.owner, saved.source, saved.options, saved.moves)

    def afterwards(self) -> Question:
        """What is asked to see whether the app took it all."""
        return replace(self, options=self.options.afterwards())


def read_plan(platform: Platform[ClientT], question: Question) -> plan.Plan:
    """Reads the live app and compares: the whole way from a manifest to a plan."""
    kinds, reader = registry.load(), platform.client
    options = question.options
    policy = Policy.of(question.owner, options)
    app = live.read_app(reader, kinds, platform.target, trusting=not options.refresh)
    renamed = rename.rename(app.graph, question.moves)
    app = replace(app, graph=renamed.live, called=renamed.called)
    declared = (
        ending.ending(app.graph, kinds, policy)
        if options.destroy
        else _declared(question.desired, app.scope, kinds)
    )
    settled = live.settle(
        reader, kinds, declared, app, trusting=not options.refresh, retrain=options.retrain
    )
    difference = (
        ending.without_app(settled.live, kinds, policy)
        if options.delete_app
        else diff.compare(settled.desired, settled.live, settled.choices, kinds, policy)
    )
    return plan.build(
        platform.base_url,
        app.target,
        settled,
        difference,
        declared=declared,
        owner=question.owner,
        renames=rename.changes(renamed, settled.desired, kinds),
        moves=question.moves,
        options=options,
        switch=cutover.read_switch(reader, app.target, difference.changes, settled, options),
        absent=absent.find(reader, kinds, difference.changes, settled, app),
        source=question.source,
    )


def read_drift(platform: Platform[ClientT], question: Question) -> drift.Drift:
    """What changed outside since the last write, by the same reads as a plan's."""
    kinds, reader, options = registry.load(), platform.client, question.options
    trusting = not options.refresh
    app = live.read_app(reader, kinds, platform.target, trusting=trusting)
    renamed = rename.rename(app.graph, question.moves)
    app = replace(app, graph=renamed.live, called=renamed.called)
    declared = _declared(question.desired, app.scope, kinds)
    settled = live.settle(reader, kinds, declared, app, trusting=trusting)
    difference = diff.compare(
        settled.desired, settled.live, settled.choices, kinds, Policy.of(question.owner, options)
    )
    return drift.find(
        platform.base_url, app, settled, difference, kinds, selection=options.selection
    )


def planned_requests(made: plan.Plan) -> tuple[PlannedRequest, ...]:
    """Every write that carrying out a plan sends if nothing goes wrong."""
    return rehearse(
        made.operations, made.target, registry.load(), made.live, reindex=made.options.reindex
    )


def _declared(
    desired: Manifest | ResourceGraph, scope: Scope, kinds: Mapping[str, Kind]
) -> ResourceGraph:
    """The desired graph for a resolved user; one from a plan file is resolved already."""
    return desired if isinstance(desired, ResourceGraph) else desired.build(kinds, scope)
