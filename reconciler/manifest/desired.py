"""From a path to a checked manifest, and from a manifest to the desired graph."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.address import APP
from reconciler.call import Target
from reconciler.diagnostics import Diagnostic, arrange, has_errors, problem
from reconciler.errors import ManifestError
from reconciler.kind import Kind, Scope
from reconciler.manifest import checks, documents, schema
from reconciler.manifest.sections import Sections, merge
from reconciler.origin import Origin
from reconciler.resource import Resource, ResourceGraph


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest without errors.

    ``sections`` are the validated specs by top-level key; ``app_id`` is the manifest's, else the
    default that ``load`` was given; ``owner`` goes into marks. ``sources`` has each file's text by
    its name, ``digest`` covers names and bytes of all files; ``diagnostics`` are warnings.
    """

    path: Path
    sections: Mapping[str, Any]
    app_id: str
    user_id: str | None
    owner: str
    sources: Mapping[str, str]
    digest: str
    diagnostics: tuple[Diagnostic, ...] = ()

    def build(self, kinds: Mapping[str, Kind], scope: Scope) -> ResourceGraph:
        """The desired graph, for the app and user that the scope names."""
        return build(self.sections, kinds, scope)


def build(sections: Mapping[str, Any], kinds: Mapping[str, Kind], scope: Scope) -> ResourceGraph:
    """All resources that validated sections declare."""
    return ResourceGraph.of(_declared(sections, kinds, scope))


def _declared(
    sections: Mapping[str, Any], kinds: Mapping[str, Kind], scope: Scope
) -> Iterator[Resource]:
    for kind in kinds.values():
        yield from kind.declare(sections, scope)


def load(path: Path, kinds: Mapping[str, Kind], *, default_app_id: str | None) -> Manifest:
    """The manifest at a path, a file or a directory.

    Raises ``ManifestError`` with every problem found, warnings included, if one is an error.
    """
    files: dict[Path, bytes] = {}

    def read(file: Path) -> bytes:
        files[file] = file.read_bytes()
        return files[file]

    loaded = documents.load(path, read)
    whole = Origin(path.as_posix())
    sections, found = merge(loaded.documents, schema.forms(kinds), whole)
    validated = schema.validate(sections, kinds)
    app = validated.specs.get(APP)
    app_id = getattr(app, "id", None) or default_app_id or None
    user_id = getattr(app, "user_id", None)
    found += [*loaded.diagnostics, *validated.diagnostics]
    if loaded.complete:
        scope = Scope(Target(user_id or "me", app_id or ""))
        declared = _declared(validated.specs, kinds, scope)
        found += checks.check(declared, validated.sections, kinds)
        found += _app_id_missing(app_id, validated.sections)
    diagnostics = arrange(found)
    if has_errors(diagnostics) or app_id is None:
        raise ManifestError(diagnostics, loaded.sources)
    return Manifest(
        path=path,
        sections=validated.specs,
        app_id=app_id,
        user_id=user_id,
        owner=getattr(app, "owner", None) or app_id,
        sources=loaded.sources,
        digest=_digest(path, files),
        diagnostics=diagnostics,
    )


def _app_id_missing(app_id: str | None, sections: Sections) -> Iterator[Diagnostic]:
    if app_id is None and sections.lost.isdisjoint({(APP,), (APP, "id")}):
        where = sections.find((APP,)).origin
        hint = "set app.id, or the environment variable CLARIFAI_APP_ID"
        yield problem("RC206", "the app has no id", where, hint=hint)


def _digest(path: Path, files: Mapping[Path, bytes]) -> str:
    """``sha256:HEX`` of the files' names below the manifest's root and their bytes."""
    root = path if path.is_dir() else path.parent
    whole = hashlib.sha256()
    named = {file.relative_to(root).as_posix().encode(): data for file, data in files.items()}
    for name in sorted(named):
        for part in (name, named[name]):
            whole.update(len(part).to_bytes(8, "big"))
            whole.update(part)
    return f"sha256:{whole.hexdigest()}"


__all__ = ["Manifest", "build", "load"]
