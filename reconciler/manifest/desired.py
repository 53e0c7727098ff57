"""From a path to a checked manifest, and from a manifest to the desired graph."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reconciler.address import APP, Address
from reconciler.call import Target
from reconciler.catalogue import MODEL_TYPES, ModelType
from reconciler.diagnostics import Diagnostic, arrange, has_errors, problem
from reconciler.errors import ManifestError
from reconciler.kind import Kind, Scope
from reconciler.manifest import checks, documents, domain, language, schema, soundness, variables
from reconciler.manifest.overlay import lay_over
from reconciler.manifest.sections import Form, Sections, merge
from reconciler.manifest.torn import torn
from reconciler.origin import Origin
from reconciler.resource import Resource, ResourceGraph


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest without errors.

    ``sections`` are the validated specs by top-level key; ``app_id`` is the manifest's, else the
    default that ``load`` was given; ``owner`` goes into marks. ``sources`` has each file's text by
    its name, ``digest`` covers names and bytes of all files and the ``variables``' values;
    ``moves`` are renames, from and to; ``diagnostics`` are warnings.
    """

    path: Path
    sections: Mapping[str, Any]
    app_id: str
    user_id: str | None
    owner: str
    sources: Mapping[str, str]
    digest: str
    moves: tuple[tuple[Address, Address], ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
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


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is laid over a manifest's files when it is loaded.

    ``variables`` and ``environment`` are texts by name; a name in ``environment`` that the manifest
    does not declare is nobody's mistake. ``types`` are the platform's model types.
    """

    overlays: tuple[Path, ...] = ()
    variable_files: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, ModelType] = field(default_factory=lambda: MODEL_TYPES)


def load(
    path: Path,
    kinds: Mapping[str, Kind],
    *,
    default_app_id: str | None,
    inputs: Inputs | None = None,
) -> Manifest:
    """The manifest at a path, a file or a directory, with what is laid over it.

    Raises ``ManifestError`` with every problem found, warnings included, if one is an error.
    """
    read = _Read()
    inputs = inputs or Inputs()
    loaded = documents.load(path, read)
    forms = schema.forms(kinds)
    sections, found = merge(loaded.documents, forms, Origin(path.as_posix()))
    sources = dict(loaded.sources)
    sections, wrong, overlaid = _overlaid(sections, forms, inputs.overlays, read, sources)
    found += [*loaded.diagnostics, *wrong]
    given, wrong, all_given = _given(sections, inputs, read, sources)
    found += wrong
    filled = variables.fill(sections, given)
    # what has no value may have one in the file that could not be read
    found += [one for one in filled.diagnostics if all_given or one.code != "RC402"]
    validated = schema.validate(filled.sections, kinds)
    app = validated.specs.get(APP)
    app_id = getattr(app, "id", None) or default_app_id or None
    user_id = getattr(app, "user_id", None)
    found += [d for d in validated.diagnostics if d.origin not in filled.broken]
    left = replace(
        validated.sections,
        torn=torn(filled.sections, validated.sections, filled.broken),
        complete=loaded.complete,
    )
    moves, wrong = language.moves(validated.specs, left)
    found += [*wrong, *language.levelled((), validated.specs, left)[1]]
    if overlaid:
        scope = Scope(Target(user_id or "me", app_id or ""))
        declared = tuple(_declared(validated.specs, kinds, scope))
        wrong = checks.check(declared, left, kinds, inputs.types)
        found += [d for d in wrong if d.origin not in filled.broken]
        found += checks.check_moves(moves, declared, left, kinds)
        found += _app_id_missing(app_id, left)
        found += _warnings(found, declared, filled, left, user_id)
    found = language.levelled(found, validated.specs, validated.sections)[0]
    diagnostics = arrange(variables.explained(found, filled.set_at))
    if has_errors(diagnostics) or app_id is None:
        raise ManifestError(diagnostics, sources)
    return Manifest(
        path=path,
        sections=validated.specs,
        app_id=app_id,
        user_id=user_id,
        owner=getattr(app, "owner", None) or app_id,
        sources=sources,
        digest=_digest(path, read.files, filled.values),
        moves=tuple((move.old, move.new) for move in moves),
        variables=filled.values,
        diagnostics=diagnostics,
    )


def _warnings(
    found: Iterable[Diagnostic],
    declared: Iterable[Resource],
    filled: variables.Filled,
    left: Sections,
    user_id: str | None,
) -> list[Diagnostic]:
    """What the domain says of all that no error makes doubtful."""
    graph = ResourceGraph.of(declared)
    before = replace(filled.sections, lost=left.lost, complete=left.complete)
    variable = filled.set_at.keys() | filled.broken
    doubt = soundness.doubt(found, graph, before, variable)
    return [] if doubt is None else domain.check(graph, left.origin, user_id, doubt)


class _Read:
    """Reads files and remembers their bytes, for the digest."""

    def __init__(self) -> None:
        self.files: dict[Path, bytes] = {}

    def __call__(self, file: Path) -> bytes:
        self.files[file] = file.read_bytes()
        return self.files[file]


def _overlaid(
    sections: Sections,
    forms: Mapping[str, Form],
    overlays: Iterable[Path],
    read: _Read,
    sources: dict[str, str],
) -> tuple[Sections, list[Diagnostic], bool]:
    """The sections with the overlays over them, in order; if every overlay could be read whole."""
    found: list[Diagnostic] = []
    complete = True
    for overlay in overlays:
        loaded = documents.load(overlay, read)
        changes, wrong = merge(loaded.documents, forms, Origin(overlay.as_posix()))
        sections, refused = lay_over(sections, changes)
        found += [*loaded.diagnostics, *wrong, *refused]
        sources |= loaded.sources
        complete = complete and loaded.complete
    return sections, found, complete


def _given(
    sections: Sections, inputs: Inputs, read: _Read, sources: dict[str, str]
) -> tuple[dict[str, variables.Given], list[Diagnostic], bool]:
    """What sets variables, the later winning: environment, files, command line; if that is all."""
    declared = sections.entries.get(variables.SECTION, {})
    given = {
        name: variables.Given(text, Origin(f"RECONCILER_VAR_{name}"))
        for name, text in inputs.environment.items()
        if name in declared
    }
    found: list[Diagnostic] = []
    complete = True
    for file in inputs.variable_files:
        loaded = documents.load(file, read)
        complete = complete and loaded.complete
        sources |= loaded.sources
        found += loaded.diagnostics
        for document in loaded.documents:
            more, wrong = variables.given_by_file(document.root)
            given |= more
            found += wrong
    given |= {
        name: variables.Given(text, Origin(f"--var {name}"))
        for name, text in inputs.variables.items()
    }
    return given, found, complete


def _app_id_missing(app_id: str | None, sections: Sections) -> Iterator[Diagnostic]:
    hidden = not sections.complete or not sections.lost.isdisjoint({(APP,), (APP, "id")})
    if app_id is None and not hidden:
        where = sections.find((APP,)).origin
        hint = "set app.id, or the environment variable CLARIFAI_APP_ID"
        yield problem("RC206", "the app has no id", where, hint=hint)


def _digest(path: Path, files: Mapping[Path, bytes], values: Mapping[str, Any]) -> str:
    """``sha256:HEX`` of the files' names as seen from the manifest, their bytes, and variables."""
    root = path if path.is_dir() else path.parent
    whole = hashlib.sha256()
    named = {
        Path(os.path.relpath(file, root)).as_posix().encode(): data for file, data in files.items()
    }
    if values:
        named[b""] = json.dumps(dict(values), sort_keys=True).encode()
    for name in sorted(named):
        for part in (name, named[name]):
            whole.update(len(part).to_bytes(8, "big"))
            whole.update(part)
    return f"sha256:{whole.hexdigest()}"
