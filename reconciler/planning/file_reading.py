"""From a plan file's text to a document that can be taken as it is, or to one error with a place.

The digest finds accidents; who edits a file can seal it again. So what a later step relies on is
looked at here, whatever the digest says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from reconciler.address import Address
from reconciler.errors import PlanFileError, SettingsError
from reconciler.json_schema import first_problems
from reconciler.kind import Kind, VersionedKind
from reconciler.planning import file_schema
from reconciler.planning.file_schema import FORMAT_VERSION
from reconciler.planning.options import KEPT
from reconciler.shape import FULL_NAME, MisfitError, Shape, check_depth, parse_json
from reconciler.values import digest

ANEW = "make a new plan with: reconciler plan PATH -o FILE"
_MOST = 20
"""Problems that are counted: a file that is all wrong is no plan after the first of them."""

_LONGEST = 500
"""Characters of an error: names and values are those of somebody else's file."""


def read_document(text: str, kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """The document in ``text``, in which all has its type and every address its kind.

    Raises ``PlanFileError``: not JSON, of a newer format, of another shape, or changed since it
    was written.
    """
    document = _decoded(text)
    version = document.get("format_version")
    if isinstance(version, str) and _is_newer(version):
        raise PlanFileError(
            f"the plan file has format {version:.20}, written by a newer reconciler; "
            f"this one reads format {FORMAT_VERSION}",
            hint="use the reconciler that wrote it, or make a new plan with this one",
        )
    problems, more = first_problems(document, file_schema.build(), _MOST)
    if problems:
        others = len(problems) - 1
        counted = f" (and {others}{' or' if more else ''} more)" if others else ""
        raise _no_plan(f"{problems[0]}{counted}")
    _check_digest(document)
    try:
        _check_addresses(document, kinds)
        _check_desired(document["desired"], kinds)
    except MisfitError as misfit:
        raise _no_plan(f"{misfit.path}: {misfit.what}") from misfit
    return document


def _no_plan(why: str) -> PlanFileError:
    shown = why if len(why) <= _LONGEST else why[: _LONGEST - 1] + "…"
    return PlanFileError(f"this is no plan file: {shown}", hint=ANEW)


def _is_newer(version: str) -> bool:
    return (
        version.isascii()
        and version.isdecimal()
        and len(version) <= 20
        and int(version) > int(FORMAT_VERSION)
    )


# --- JSON


def _decoded(text: str) -> dict[str, Any]:
    doubles: list[tuple[str, dict[str, Any]]] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            ((name, _),) = Counter(name for name, _ in pairs).most_common(1)
            doubles.append((name, found))
        return found

    try:
        document = parse_json(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise PlanFileError(f"the plan file is not JSON: {error}", hint=ANEW) from error
    if not isinstance(document, dict):
        raise _no_plan("expected a JSON object")
    try:
        check_depth(document)
    except MisfitError as misfit:
        raise _no_plan(f"it {misfit.what}") from misfit
    for name, twice in doubles:
        where = _path_to(document, twice)
        raise _no_plan(f"{where or 'the document'}: the key {name[:60]!r} stands there twice")
    return document


def _path_to(whole: Any, part: Any) -> str:
    """Where a part of a document stands, in steps joined by dots."""
    waiting: list[tuple[str, Any]] = [("", whole)]
    while waiting:
        path, value = waiting.pop()
        if value is part:
            return path
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        waiting += [
            (f"{path}.{step}".lstrip("."), item)
            for step, item in inner
            if isinstance(item, dict | list)
        ]
    return ""


def _check_digest(document: Mapping[str, Any]) -> None:
    rest = {name: value for name, value in document.items() if name != "plan_digest"}
    try:
        actual = digest(rest)
    except UnicodeEncodeError:
        actual = "text that is no Unicode"
    if actual != document["plan_digest"]:
        raise PlanFileError(
            "the plan file was edited or damaged: its content does not give its plan_digest",
            hint=ANEW,
        )


# --- addresses


def _check_addresses(document: Mapping[str, Any], kinds: Mapping[str, Kind]) -> None:
    for address in document["live_objects"]:
        _address(address, kinds, "live_objects", address)
    for index, move in enumerate(document["moved"]):
        for end in ("from", "to"):
            _address(move[end], kinds, "moved", index, end)
    for kept in KEPT:
        if kept.is_addresses:
            for index, text in enumerate(document["options"].get(kept.key, ())):
                _address(text, kinds, "options", kept.key, index)


def _address(text: str, kinds: Mapping[str, Kind], *where: str | int) -> Address:
    """The address in ``text``. Raises ``MisfitError`` for one that nothing can have."""
    try:
        address = Address.parse(text)
    except SettingsError as error:
        raise _at(MisfitError(error.message), *where) from error
    kind = kinds.get(address.kind)
    wrong = (
        kind is None
        or len(address.parts) != kind.id_count
        or (address.graph and kind.id_count != 3)
        or not all(address.parts)
    )
    if wrong:
        raise _at(MisfitError(f"{text[:60]!r} is the address of nothing that there is"), *where)
    return address


def _at(misfit: MisfitError, *where: str | int) -> MisfitError:
    misfit.steps += reversed(where)
    return misfit


# --- resources


def _check_desired(desired: Mapping[str, Any], kinds: Mapping[str, Kind]) -> None:
    for text, found in desired.items():
        address = _address(text, kinds, "desired", text)
        try:
            _check_resource(found, kinds[address.kind], kinds)
        except MisfitError as misfit:
            raise _at(misfit, "desired", text) from misfit


def _check_resource(found: Mapping[str, Any], kind: Kind, kinds: Mapping[str, Kind]) -> None:
    _check(found["fields"], kind.declared, "fields")
    _check(found.get("options", {}), kind.declared_options, "options")
    if isinstance(kind, VersionedKind):
        shape = kind.declared_configuration(found["fields"])
        _check(found.get("configuration"), shape, "configuration")
    elif "configuration" in found:
        raise _at(MisfitError("stands where nothing has versions"), "configuration")
    if _holds_map(found.get("identity", [])):
        raise _at(MisfitError("holds a map, where lists and text were expected"), "identity")
    values = {**found["fields"], **found.get("configuration", {})}
    for index, reference in enumerate(found.get("references", ())):
        where = ("references", index)
        used = _address(reference["to"], kinds, *where, "to")
        if not reference.get("pins", False):
            continue
        if not isinstance(kinds[used.kind], VersionedKind):
            raise _at(MisfitError("pins a version of what has none"), *where)
        _check_path(values, reference["path"], *where, "path")
    for index, external in enumerate(found.get("externals", ())):
        where = ("externals", index)
        _check(external["model"], FULL_NAME, *where, "model")
        for name in ("model_path", "version_path"):
            _check_path(values, external[name], *where, name)


def _check(value: Any, shape: Shape, *where: str | int) -> None:
    try:
        shape.check(value)
    except MisfitError as misfit:
        raise _at(misfit, *where) from misfit


def _holds_map(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_holds_map, value))
    return isinstance(value, dict)


def _check_path(values: Any, path: list[str], *where: str | int) -> None:
    """That a text stands where a version's id is to be filled in."""
    for step in path:
        values = values.get(step) if isinstance(values, dict) else None
    if not isinstance(values, str):
        raise _at(MisfitError("leads to no field that names a version"), *where)
