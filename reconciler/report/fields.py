"""The fields of one operation as rows of a name and a text, short enough for a reviewer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.address import Address, field_path
from reconciler.planning.change import Action, Change, FieldChange
from reconciler.report import style
from reconciler.report.diagnostics import visible
from reconciler.report.style import counted, listed
from reconciler.resource import NewVersion, Path, Resource, ReuseVersion, is_blank
from reconciler.values import Unknown

FOLD_ABOVE = 20
"""So many like things are shown one by one; more become one line."""

MAX_FIELDS = 30
"""Rows of fields that one operation may have."""

WIDTH = 100
NAMES_WIDTH = 44

GLUE = "\0"
"""Stands for a blank at which no line is broken."""


def stated(change: Change) -> list[tuple[str, str]]:
    """What a new object is created with: single values first, then a row for each map."""
    rows: dict[str, dict[str, str]] = {"": {}}
    for field in change.fields:
        if not isinstance(field.after, Unknown):
            depth = min(len(field.path) - 1, 2)
            name = visible(field_path(field.path[:depth]))
            label = visible(field_path(field.path[depth:]))
            rows.setdefault(name, {})[label] = style.value(field.after)
    return _limited([(name, _entries(items)) for name, items in rows.items() if items])


def _entries(items: Mapping[str, str]) -> str:
    """``adult 0.95, people 0.5``; of many, those with one value together, so that none hides."""
    texts = [f"{label}{GLUE}{_glued(text)}" for label, text in items.items()]
    if len(items) > FOLD_ABOVE:
        alike: dict[str, list[str]] = defaultdict(list)
        for label, text in items.items():
            alike[text].append(label)
        texts = [
            f"{text} for {_named(labels)}" for text, labels in sorted(alike.items(), key=_rarest)
        ]
        return listed(texts, len(texts), WIDTH * 3, "; ")
    return listed(texts, len(texts), WIDTH * 2)


def _rarest(entry: tuple[str, list[str]]) -> tuple[int, str]:
    return len(entry[1]), entry[0]


def _named(labels: Sequence[str]) -> str:
    count = f"{len(labels):,}: " if len(labels) > 1 else ""
    return count + listed(labels, len(labels), NAMES_WIDTH)


def _limited(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    if len(rows) <= MAX_FIELDS:
        return rows
    more = counted(len(rows) - MAX_FIELDS, "more line")
    return [*rows[:MAX_FIELDS], ("", f"… and {more} (--format json shows all)")]


def _glued(text: str) -> str:
    return text.replace(" ", GLUE)


def differences(change: Change, pinned: Mapping[Address, Sequence[str]]) -> list[tuple[str, str]]:
    """Each field as ``before -> after``; pins that follow one new version share a line.

    ``pinned`` has the versions of each model that the live workflows of this manifest pin.
    """
    rows = _limited([*_followings(change), *_alike(list(_field_rows(change)))])
    newest = [version.id for version in (change.live.versions[:1] if change.live else ())]
    before = pinned.get(change.address) or newest
    live = ", ".join(map(style.version, before)) or "(none)"
    if isinstance(change.version, NewVersion):
        rows.append(("version", f"{live} -> (known after apply)"))
    elif isinstance(change.version, ReuseVersion) and change.action is Action.UPDATE:
        rows.append(("version", f"{live} -> {style.version(change.version.id)}"))
    return rows


def follows(change: Change) -> Mapping[Path, Address]:
    """The fields that only follow a resource to its new version."""
    references = change.desired.references if change.desired else ()
    pins = {ref.path: ref.to for ref in references if ref.pins and not ref.version}
    return {
        field.path: pins[field.path]
        for field in change.fields
        if field.path in pins and not is_blank(field.before)
    }


def _followings(change: Change) -> Iterator[tuple[str, str]]:
    """Cascades: one line for all fields that follow one version from the same one."""
    followed = follows(change)
    groups: dict[tuple[Address, str], list[str]] = defaultdict(list)
    for field in change.fields:
        if field.path in followed:
            pins = style.change(field.before, field.after)
            groups[followed[field.path], pins].append(visible(field_path(field.path[:-1])))
    for (to, pins), names in groups.items():
        where = listed(names, len(names), WIDTH // 2)
        yield "", f"follows {visible(str(to))} at {where}: version {pins}"


def _field_rows(change: Change) -> Iterator[tuple[Path, str]]:
    """All other fields; one that is new or gone as a whole, such as a node, in one line."""
    followed = follows(change)
    wholes: dict[Path, list[FieldChange]] = defaultdict(list)
    for field in change.fields:
        if field.path not in followed:
            wholes[_whole(change, field) or field.path].append(field)
    for path, fields in wholes.items():
        if fields[0].path == path:
            yield path, style.change(fields[0].before, fields[0].after)
            continue
        come = is_blank(fields[0].before)
        items = [
            f"{visible(field_path(field.path[len(path) :]))}{GLUE}{_glued(style.value(found))}"
            for field in fields
            if not isinstance(found := field.after if come else field.before, Unknown)
        ]
        text = listed(items, len(items), WIDTH)
        yield path, f"(none) -> {text}" if come else f"{text} -> (none)"


def _alike(rows: Sequence[tuple[Path, str]]) -> Iterator[tuple[str, str]]:
    """Rows with names. Of many, those that change in the same way together: no other one hides."""
    groups: dict[object, list[tuple[Path, str]]] = defaultdict(list)
    for path, text in rows:
        groups[(path[:-1], text) if len(rows) > FOLD_ABOVE else path].append((path, text))
    for group in groups.values():
        path, text = group[0]
        if len(group) == 1:
            yield visible(field_path(path)), text
        else:
            names = [visible(field_path(path[-1:])) for path, _ in group]
            yield visible(field_path(path[:-1])), f"{text} for {_named(names)}"


def _whole(change: Change, field: FieldChange) -> Path | None:
    """The entry of a map that a field belongs to, if one side has no such entry at all."""
    if len(field.path) < 3 or change.live is None or change.desired is None:
        return None
    if not (is_blank(field.before) or is_blank(field.after)):
        return None
    entry = field.path[:2]
    sides = change.live, change.desired
    return entry if any(is_blank(_at(side, entry)) for side in sides) else None


def _at(resource: Resource, path: Path) -> Any:
    found: Any = {**(resource.configuration or {}), **resource.fields}
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
