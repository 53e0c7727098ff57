"""The documents of a manifest as one: its sections, their entries, and where each of them stands."""

from __future__ import annotations

from collections import abc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from types import MappingProxyType
from typing import Any, TypeAlias

from reconciler.address import Address
from reconciler.diagnostics import Diagnostic, did_you_mean, nearest, problem
from reconciler.manifest import sdk
from reconciler.manifest.nodes import (
    Document,
    Mapping,
    Node,
    Scalar,
    Sequence,
    cut,
    describe,
    mapping_root,
    plain,
)
from reconciler.origin import Origin
from reconciler.resource import Place, Torn

Step: TypeAlias = str | int


class Shape(Enum):
    """What stands under a top-level key."""

    OBJECT = auto()  # one thing with keys of its own
    MAP = auto()  # things by id
    LIST = auto()  # things without an id


@dataclass(frozen=True, slots=True)
class Form:
    """What a section looks like. ``noun`` is one of its things; ``bare``: an id alone says enough."""

    noun: str
    shape: Shape
    bare: bool = False

    @property
    def spoken(self) -> str:
        """For "expected …"."""
        match self.shape:
            case Shape.OBJECT:
                return "a mapping"
            case Shape.MAP if self.bare:
                return f"a mapping by {self.noun} id, or a list of ids"
            case Shape.MAP:
                return f"a mapping by {self.noun} id"
            case Shape.LIST:
                return "a list"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing of a section, or one key of a section that is one thing."""

    key: Origin
    value: Node


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a place leads: the steps that could be gone, the value there, its key, what to point at."""

    steps: Place
    node: Node | None
    key: Origin
    origin: Origin


@dataclass(frozen=True, slots=True)
class Sections:
    """What a manifest says, by section and id (or position).

    ``keys`` has the first place of each section, ``whole`` stands for what has no place. ``lost``
    are entries that are not whole any more, or gone, because something is wrong with them;
    ``(section,)`` is all of a section. ``filled`` are values that stand in for what is gone; ``torn``
    says of the entries that are left what they were; ``complete`` is False if there may be anything
    else, in what could not be read.
    """

    whole: Origin
    forms: abc.Mapping[str, Form]
    keys: abc.Mapping[str, Origin]
    entries: abc.Mapping[str, abc.Mapping[Step, Entry]]
    lost: frozenset[Place] = frozenset()
    filled: tuple[Node, ...] = ()
    torn: abc.Mapping[Place, Torn] = field(default_factory=lambda: MappingProxyType({}))
    complete: bool = True

    def plain(self, scalar: Callable[[Scalar], Any]) -> dict[str, Any]:
        """Ordinary data, with what ``scalar`` makes of each scalar."""
        data: dict[str, Any] = {}
        for section, entries in self.entries.items():
            if self.forms[section].shape is Shape.LIST:
                data[section] = [plain(entry.value, scalar) for entry in entries.values()]
            else:
                data[section] = {key: plain(e.value, scalar) for key, e in entries.items()}
        return data

    def address(self, place: Place) -> Address | None:
        """What a place belongs to, as far as the form of its section tells."""
        form = self.forms.get(str(place[0])) if place else None
        if form is None:
            return None
        if form.shape is Shape.OBJECT:
            return Address(form.noun)
        named = form.shape is Shape.MAP and len(place) > 1
        return Address(form.noun, (str(place[1]),)) if named else None

    def find(self, place: Place) -> Spot:
        """The nearest to a place that there is.

        Steps that lead nowhere are passed over: a validator's path also names forms of a value. An
        index into a mapping stands for the key at that position.
        """
        if not place or place[0] not in self.keys:
            return Spot((), None, self.whole, self.whole)
        key = self.keys[str(place[0])]
        entries = self.entries.get(str(place[0]), {})
        entry = entries.get(place[1]) if len(place) > 1 else None
        if entry is None:
            return Spot(place[:1], None, key, key)
        spot = Spot(place[:2], entry.value, entry.key, _origin(entry.value, entry.key))
        for step in place[2:]:
            spot = _below(spot, step) or spot
        return spot

    def origin(self, place: Place) -> Origin:
        """The position of the nearest to a place that there is."""
        return self.find(place).origin

    def without(self, places: abc.Mapping[Place, Node | None]) -> Sections:
        """A copy in which what stands at these places is gone, or a stand-in fills its place."""
        gone: dict[Place, dict[Place, Node | None]] = {}
        for place, stand_in in places.items():
            gone.setdefault(place[:2], {})[place[2:]] = stand_in
        entries: dict[str, abc.Mapping[Step, Entry]] = {}
        for section, all_ in self.entries.items():
            if (section,) in gone:
                continue
            left = {
                key: Entry(entry.key, _pruned(entry.value, gone.get((section, key), {})))
                for key, entry in all_.items()
                if () not in gone.get((section, key), {})
            }
            is_list = self.forms[section].shape is Shape.LIST
            entries[section] = dict(enumerate(left.values())) if is_list else left
        lost = {place for place in gone if isinstance(place[-1], str)}
        filled = *self.filled, *(node for node in places.values() if node is not None)
        return replace(self, entries=entries, lost=self.lost | lost, filled=filled)


def _pruned(node: Node, gone: abc.Mapping[Place, Node | None]) -> Node:
    """A copy without what stands at these places below the node."""
    if not gone or type(node) is Scalar:
        return node
    here = {place[0]: stand_in for place, stand_in in gone.items() if len(place) == 1}
    below: dict[Step, dict[Place, Node | None]] = {}
    for place, stand_in in gone.items():
        if len(place) > 1 and place[0] not in here:
            below.setdefault(place[0], {})[place[1:]] = stand_in
    if type(node) is Mapping:
        items = {k: _pruned(v, below.get(k, {})) for k, v in node.items.items() if k not in here}
        items |= {str(k): stand_in for k, stand_in in here.items() if stand_in is not None}
        return replace(node, items=items)
    assert type(node) is Sequence
    kept = [
        _pruned(v, below.get(index, {})) for index, v in enumerate(node.items) if index not in here
    ]
    return Sequence(node.file, node.line, node.column, kept)


def _origin(node: Node, key: Origin) -> Origin:
    """A value that is nothing at all has no place of its own."""
    return key if type(node) is Scalar and node.value is None and not node.text else node.origin


def _below(spot: Spot, step: Step) -> Spot | None:
    node = spot.node
    if type(node) is Mapping:
        if isinstance(step, int):
            keys = list(node.items)
            if not 0 <= step < len(keys):
                return None
            step = keys[step]
            key = node.key_origin(step)
            return Spot((*spot.steps, step), node.items[step], key, key)
        child = node.items.get(step)
        if child is not None:
            key = node.key_origin(step)
            return Spot((*spot.steps, step), child, key, _origin(child, key))
    if type(node) is Sequence and isinstance(step, int) and 0 <= step < len(node.items):
        child = node.items[step]
        return Spot((*spot.steps, step), child, child.origin, child.origin)
    return None


# --- several documents as one


def merge(
    documents: Iterable[Document], forms: abc.Mapping[str, Form], whole: Origin
) -> tuple[Sections, list[Diagnostic]]:
    """All documents by section. Of equal ids the first one stays, the other is reported."""
    merging = _Merging(forms)
    for document in documents:
        root = mapping_root(document)
        if isinstance(root, Diagnostic):
            merging.found.append(root)
            continue
        root, wrong = sdk.translated(root)
        merging.found += wrong
        for name, node in root.items.items():
            merging.add(name, node, root.key_origin(name))
        merging.lost.update((name,) for name in root.doubled)
    entries = {name: MappingProxyType(found) for name, found in merging.entries.items()}
    sections = Sections(whole, forms, merging.keys, entries, frozenset(merging.lost))
    return sections, merging.found


class _Merging:
    def __init__(self, forms: abc.Mapping[str, Form]) -> None:
        self.forms = forms
        self.keys: dict[str, Origin] = {}
        self.entries: dict[str, dict[Step, Entry]] = {}
        self.lost: set[Place] = set()
        self.found: list[Diagnostic] = []

    def add(self, name: str, node: Node, key: Origin) -> None:
        """One top-level key of one document."""
        form = self.forms.get(name)
        if form is None:
            self.found.append(_unknown(name, key, self.forms))
            if meant := nearest(name, self.forms):
                self.lost.add((meant,))
            return
        self.keys.setdefault(name, key)
        entries = self.entries.setdefault(name, {})
        if type(node) is Scalar and node.value is None:
            return
        match form.shape, node:
            case Shape.LIST, Sequence():
                for item in node.items:
                    entries[len(entries)] = Entry(item.origin, item)
            case Shape.MAP, Sequence() if form.bare:
                self._fill(name, self._listed(node, form))
            case Shape.MAP | Shape.OBJECT, Mapping():
                pairs = ((id_, Entry(node.key_origin(id_), v)) for id_, v in node.items.items())
                self._fill(name, pairs)
                self.lost.update((name, id_) for id_ in node.doubled)
            case _:
                message = f"expected {form.spoken}, got {describe(node)}"
                self.found.append(problem("RC102", message, node.origin, hint=_way_in(form, node)))
                self.lost.add((name,))

    def _listed(self, node: Sequence, form: Form) -> Iterator[tuple[str, Entry]]:
        """The ids of a plain list, as if each were a key without a value."""
        for item in node.items:
            if type(item) is Scalar and item.value is not None:
                nothing = Scalar(item.file, item.line, item.column, None, "", True)
                yield item.text, Entry(item.origin, nothing)
            else:
                message = f"expected a {form.noun} id, got {describe(item)}"
                hint = "a list holds ids alone; write a mapping by id to say more of each"
                self.found.append(problem("RC102", message, item.origin, hint=hint))

    def _fill(self, name: str, pairs: Iterable[tuple[str, Entry]]) -> None:
        entries, form = self.entries[name], self.forms[name]
        for key, entry in pairs:
            first = entries.setdefault(key, entry)
            if first is entry:
                continue
            if form.shape is Shape.MAP:
                related = [("first declared here", first.key)]
                address = str(Address(form.noun, (key,)))
                message = f"{form.noun} {key!r} is declared twice"
                hint = "give each an id of its own, or take one out"
                found = problem(
                    "RC105", message, entry.key, hint=hint, address=address, related=related
                )
            else:
                related = [("first given here", first.key)]
                message, hint = f"key {key!r} of {name!r} is given twice", "take one out"
                if key == "id":
                    told = f"{describe(first.value)} and {describe(entry.value)}"
                    message = f"a manifest describes one {form.noun}, this one says {told}"
                    hint = "give each a folder of its own, or lay the difference over: --overlay"
                found = problem("RC003", message, entry.key, hint=hint, related=related)
            self.found.append(found)


def _way_in(form: Form, node: Node) -> str:
    match form.shape, node:
        case Shape.LIST, Mapping():
            return "begin each item with '- '"
        case Shape.MAP, Sequence():
            return f"write 'ID:' for each {form.noun}, and its keys below that"
        case Shape.MAP, Scalar() if form.bare and node.text:
            return f"write [{cut(node.text)}]"
        case Shape.OBJECT, Scalar() if node.text:
            return "write 'key: value' lines below it"
        case _:
            return ""


def _unknown(name: str, key: Origin, forms: abc.Mapping[str, Form]) -> Diagnostic:
    hint = did_you_mean(name, forms) or f"the top-level keys are {', '.join(forms)}"
    return problem("RC101", f"unknown key {name!r}", key, hint=hint)
