"""Joins the steps of ``export``: reads an app, writes its manifest, and tries that like any other."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler import registry
from reconciler.api.client import ReadClient
from reconciler.api.protocol import Reader
from reconciler.call import Target
from reconciler.cli.options import Connection
from reconciler.cli.session import DEFAULT_USER, Platform
from reconciler.diagnostics import Severity
from reconciler.errors import ManifestError, SettingsError
from reconciler.export import reading
from reconciler.export.manifest import export as write
from reconciler.export.reading import Found
from reconciler.export.statements import Shape
from reconciler.kind import Kind
from reconciler.manifest.desired import Manifest, load
from reconciler.manifest.format import Formatted, format_text
from reconciler.planning import diff, live
from reconciler.planning.options import Options, Policy


@dataclass(frozen=True, slots=True)
class Made:
    """A manifest's text and what is to be said of it; ``is_sound``: it can be loaded."""

    text: str
    remarks: tuple[str, ...]
    is_sound: bool


def target_of(app: str, connection: Connection) -> Target:
    """``USER/APP``, or ``APP`` of the user that a manifest without one is about."""
    parts = app.split("/")
    if len(parts) > 2 or not all(parts):
        hint = "name it as USER/APP, or APP alone for one of your own"
        raise SettingsError(f"{app!r} names no app", hint=hint)
    if len(parts) == 2:
        return Target(parts[0], parts[1])
    return Target(_usual_user(connection), parts[0])


def _usual_user(connection: Connection) -> str:
    named = "" if connection.sandbox else os.environ.get("CLARIFAI_USER_ID", "").strip()
    return named or "me"


def check_folder(path: Path) -> None:
    """Raises ``SettingsError`` if a manifest would not stand alone there."""
    from reconciler.diagnostics import Diagnostic
    from reconciler.manifest.files import find_files

    folder = path.parent
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{folder} is not a folder", hint="name a folder with -o")
    found = find_files(folder) if folder.exists() else ()
    others = [] if isinstance(found, Diagnostic) else [file for file in found if file != path]
    if others:
        hint = "all YAML files of a folder are one manifest: name a folder of its own with -o"
        shown = others[0].relative_to(folder)
        raise SettingsError(f"{folder} holds other YAML files, such as {shown}", hint=hint)


def is_new(path: Path, text: str, *, force: bool) -> bool:
    """Whether a file has yet to be written. Raises ``SettingsError`` for one that says otherwise."""
    if not os.path.lexists(path):
        return True
    try:
        same = path.read_bytes() == text.encode("utf-8")
    except OSError as error:
        raise SettingsError(
            f"{path} is there and cannot be read", hint="name another folder"
        ) from error
    if not same and not force:
        hint = "--force writes over it; or name another folder with -o"
        raise SettingsError(f"{path} is there already and says something else", hint=hint)
    return not same


def export(platform: Platform[ReadClient], connection: Connection, schema: str) -> Made:
    """The manifest of a live app. Raises ``SettingsError`` if there is no such app."""
    kinds = registry.load()
    found = reading.find(platform.client, kinds, platform.target)
    app = found.app
    if not app.exists:
        raise SettingsError(
            f"there is no app {app.target.app_id!r} of user {app.target.user_id!r}, "
            f"or not for the eyes of {app.me!r}, whose token this is",
            hint="check the id; another user's app is named USER/APP",
        )
    usual = _usual_user(connection)
    by_default = DEFAULT_USER if connection.sandbox else app.me if usual == "me" else usual
    named = by_default != app.target.user_id or app.me != app.target.user_id
    return manifest_of(
        platform.client, found, kinds, Shape(app.target.user_id if named else "", schema)
    )


def manifest_of(reader: Reader, found: Found, kinds: Mapping[str, Kind], shape: Shape) -> Made:
    """A found app's manifest in canonical form, validated and planned as any other would be."""
    with tempfile.TemporaryDirectory() as folder:
        trial = _Trial(Path(folder) / "app.yaml", kinds)
        exported = write(found, shape, trial)
    remarks = [f"{address} is left out: {why}" for address, why in sorted(exported.left.items())]
    remarks += [f"line {line}: {why}" for line, why in exported.mistakes]
    formatted = format_text(exported.text, "app.yaml")
    text = formatted.text if isinstance(formatted, Formatted) else exported.text
    if trial.manifest is not None:
        remarks += _changes(reader, found, kinds, trial.manifest)
    return Made(text, tuple(remarks), trial.manifest is not None)


class _Trial:
    """Loads a text as a manifest is loaded, and keeps it if it is one."""

    def __init__(self, path: Path, kinds: Mapping[str, Kind]) -> None:
        self._path = path
        self._kinds = kinds
        self.manifest: Manifest | None = None

    def __call__(self, text: str) -> list[tuple[int, str]]:
        self.manifest = None
        self._path.write_text(text, "utf-8", newline="\n")
        try:
            self.manifest = load(self._path, self._kinds, default_app_id=None)
        except ManifestError as error:
            return [
                (found.origin.line or 1, f"{found.message} ({found.code})")
                for found in error.diagnostics
                if found.severity is Severity.ERROR
            ]
        return []


def _changes(
    reader: Reader, found: Found, kinds: Mapping[str, Kind], manifest: Manifest
) -> Iterator[str]:
    """What a plan of the manifest would do to the app that it was made from; it should be nothing."""
    desired = manifest.build(kinds, found.app.scope)
    settled = live.settle(reader, kinds, desired, found.app)
    policy = Policy.of(manifest.owner, Options())
    difference = diff.compare(settled.desired, settled.live, settled.choices, kinds, policy)
    yield from (f"its plan is refused: {refusal}" for refusal in difference.refusals)
    for change in difference.changes:
        fields = ", ".join(dict.fromkeys(field.path[0] for field in change.fields))
        yield f"its plan is not empty: {change.action} {change.address}" + (
            f" ({fields})" if fields else ""
        )
