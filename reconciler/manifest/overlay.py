"""Overlays: a file of differences laid over a manifest, such as staging over production.

Maps are merged deeply, lists are replaced whole, except ``nodes``, which are matched by id; null
takes a key out.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from dataclasses import replace
from types import MappingProxyType

from reconciler.diagnostics import Diagnostic, did_you_mean, problem
from reconciler.manifest.nodes import Mapping, Node, Scalar, Sequence
from reconciler.manifest.sections import Entry, Sections, Shape, Step
from reconciler.origin import Origin

_BY_ID = "nodes"


def lay_over(base: Sections, overlay: Sections) -> tuple[Sections, list[Diagnostic]]:
    """The merged sections. What the overlay sets stands where the overlay says it."""
    found: list[Diagnostic] = []
    entries = dict(base.entries)
    for name, changes in overlay.entries.items():
        if base.forms[name].shape is Shape.LIST:
            entries[name] = changes
        else:
            kept = dict(base.entries.get(name, {}))
            _merge_entries(name, kept, changes, base, found)
            entries[name] = MappingProxyType(kept)
    keys = {**overlay.keys, **base.keys}
    return replace(base, entries=entries, keys=keys, lost=base.lost | overlay.lost), found


def _merge_entries(
    section: str,
    kept: dict[Step, Entry],
    changes: MappingOf[Step, Entry],
    base: Sections,
    found: list[Diagnostic],
) -> None:
    bare = base.forms[section].bare
    for step, change in changes.items():
        before = kept.get(step)
        if _is_null(change.value) and not (bare and _is_bare(change.value)):
            if before is None:
                _absent(str(step), map(str, kept), change.key, found)
            kept.pop(step, None)
        elif before is None:
            if not _is_whole(section, change.value):
                _absent(str(step), map(str, kept), change.key, found)
                continue
            kept[step] = change
        elif not _is_null(change.value):
            kept[step] = Entry(before.key, _merged(before.value, change.value, str(step), found))


_NEEDED: MappingOf[str, str] = MappingProxyType({"models": "model_type_id", "workflows": "nodes"})
"""What an entry has that is not only a change of another."""


def _is_whole(section: str, node: Node) -> bool:
    return section not in _NEEDED or type(node) is not Mapping or _NEEDED[section] in node.items


def _merged(base: Node, change: Node, key: str, found: list[Diagnostic]) -> Node:
    if type(base) is Mapping and type(change) is Mapping:
        return _merged_maps(base, change, found)
    if key == _BY_ID and type(base) is Sequence and type(change) is Sequence:
        return _merged_nodes(base, change, found)
    return change


def _merged_maps(base: Mapping, change: Mapping, found: list[Diagnostic]) -> Mapping:
    items = dict(base.items)
    places = dict(base.key_places)
    files = dict(base.key_files or {})
    for key, value in change.items.items():
        if _is_null(value):
            if key not in items:
                _absent(key, items, change.key_origin(key), found)
            items.pop(key, None)
        elif key in items:
            items[key] = _merged(items[key], value, key, found)
        else:
            items[key] = value
            places[key] = change.key_places[key]
            files[key] = change.file
    return Mapping(base.file, base.line, base.column, items, places, files)


def _merged_nodes(base: Sequence, change: Sequence, found: list[Diagnostic]) -> Sequence:
    merged = list(base.items)
    index = {_id(node): position for position, node in enumerate(merged)}
    for node in change.items:
        position = index.get(_id(node))
        before = merged[position] if position is not None else None
        if position is not None and type(before) is Mapping and type(node) is Mapping:
            merged[position] = _merged_maps(before, node, found)
            continue
        if type(node) is Mapping and "model" not in node.items and _id(node) is not None:
            _absent(str(_id(node)), filter(None, index), node.origin, found)
        merged.append(node)
    return Sequence(base.file, base.line, base.column, merged)


def _id(node: Node) -> str | None:
    id_ = node.items.get("id") if type(node) is Mapping else None
    return id_.text if type(id_) is Scalar else None


def _is_null(node: Node) -> bool:
    return type(node) is Scalar and node.value is None


def _is_bare(node: Node) -> bool:
    """Whether nothing at all is written, as for an id in a list: that takes nothing out."""
    return type(node) is Scalar and not node.text


_MANY = 100
"""After so many mistakes no more names are guessed: that takes time, and the first ones tell."""


def _absent(name: str, known: Iterable[str], origin: Origin, found: list[Diagnostic]) -> None:
    near = did_you_mean(name, known) if len(found) < _MANY else ""
    hint = near or "an overlay can only change or take out what is there"
    message = f"the manifest has no {name!r} to change"
    found.append(problem("RC406", message, origin, hint=hint))
