"""``reconciler init [DIR]``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import options
from reconciler.cli.streams import is_colored, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.diagnostics import Diagnostic

_NAME = "app.yaml"


@click.command("init")
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=Path())
@options.option("--app-id", metavar="ID", help="The app.  [default: the folder's name]")
@options.option(
    "--from-workflow",
    "workflow_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Make it from a workflow file of the official SDK.",
)
def command(folder: Path, app_id: str | None, workflow_file: Path | None) -> int:
    """Write a first manifest, with comments, to DIR/app.yaml (default: here).

    Editors that know the YAML language server complete and check it by a schema: one that is found
    in a schemas/ folder around it, else DIR/_schema/manifest.schema.json, written too.
    Nothing is overwritten.
    """
    from reconciler.cli.files import make_folder, write_whole
    from reconciler.cli.schema_file import OWN, shared_schema, write_schema
    from reconciler.manifest.starter import from_workflow, starter

    _check_folder(folder)
    id_ = _app_id(folder, app_id)
    shared = shared_schema(folder)
    schema = shared or OWN.as_posix()
    if workflow_file is None:
        text = starter(id_, schema)
    else:
        text = from_workflow(_read(workflow_file), workflow_file.as_posix(), id_, schema)
    if shared is None:
        write_schema(folder)
    make_folder(folder)
    write_whole(folder / _NAME, text)
    say(f"written: {(folder / _NAME).as_posix()}")
    return _next(folder)


def _check_folder(folder: Path) -> None:
    """Raises ``SettingsError`` if a manifest could not stand there, or would not stand alone."""
    from reconciler.diagnostics import Diagnostic
    from reconciler.errors import SettingsError
    from reconciler.manifest.files import find_files

    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{folder} is not a folder", hint="name a folder, new or empty")
    target = folder / _NAME
    if os.path.lexists(target):
        raise SettingsError(f"{target} exists already", hint="name another folder")
    found = find_files(folder)
    if isinstance(found, Diagnostic):
        if found.code == "RC001" and folder.exists():
            raise SettingsError(f"{folder}: {found.message}")
        return
    hint = (
        "all YAML files of a folder are one manifest: name a new one, as in reconciler init my-app"
    )
    shown = found[0].relative_to(folder)
    raise SettingsError(f"{folder} holds YAML files already, such as {shown}", hint=hint)


def _app_id(folder: Path, stated: str | None) -> str:
    from reconciler.errors import SettingsError
    from reconciler.spec import ID_LENGTH, ID_PATTERN

    if stated is None:
        name = re.sub(r"[^0-9A-Za-z]+", "-", folder.resolve().name)[:ID_LENGTH].strip("-")
        return name or "my-app"
    if re.fullmatch(ID_PATTERN, stated) is None or len(stated) > ID_LENGTH:
        hint = f"letters and digits with single '-' or '_' inside, at most {ID_LENGTH}"
        raise SettingsError(f"--app-id: {stated!r} is no id that the platform takes", hint=hint)
    return stated


def _read(path: Path) -> bytes:
    from reconciler.errors import SettingsError

    try:
        return path.read_bytes()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise SettingsError(f"{path} cannot be read: {why}") from error


def _next(folder: Path) -> int:
    """Says what the new manifest leaves open, and what to do with it."""
    from reconciler.cli.session import load_manifest
    from reconciler.errors import ManifestError

    try:
        manifest = load_manifest(folder)
    except ManifestError as error:
        _tell(error.diagnostics, dict(error.sources))
        say("next: mend these, then: reconciler validate " + folder.as_posix())
        return 1
    _tell(manifest.diagnostics, dict(manifest.sources))
    say(f"next: reconciler plan {folder.as_posix()} --sandbox")
    return 0


def _tell(diagnostics: Sequence[Diagnostic], sources: dict[str, str]) -> None:
    from reconciler.report.diagnostics import render_text

    if diagnostics:
        say(render_text(diagnostics, sources, color=is_colored(err=True)).rstrip("\n"))
