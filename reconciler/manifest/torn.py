"""What mistakes took out of the sections of a manifest, seen from what is left of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field

from reconciler.manifest import nodes
from reconciler.manifest.nodes import Node, Scalar, Sequence, plain
from reconciler.manifest.sections import Sections
from reconciler.origin import Origin
from reconciler.resource import Place, Torn


def torn(
    before: Sections, after: Sections, broken: Set[Origin] = frozenset()
) -> Mapping[Place, Torn]:
    """Each entry that is left and yet not whole, by its place.

    ``broken`` are places of values that could not be filled in: those count as taken out.
    """
    found: dict[Place, Torn] = {}
    if after is before and not broken:
        return found
    filled = frozenset(map(id, after.filled))
    for section, entries in after.entries.items():
        originals = {entry.key: entry for entry in before.entries[section].values()}
        for step, entry in entries.items():
            original = originals[entry.key]
            if original.value is entry.value and not broken:
                continue
            tear = _Tear(broken, filled)
            tear.compare(original.value, entry.value, ())
            if tear.places:
                written = plain(original.value, tear.text)
                places, replaced = frozenset(tear.places), frozenset(tear.replaced)
                found[(section, step)] = Torn(places, replaced, written)
    return found


@dataclass(slots=True)
class _Tear:
    """What is whole is the very object that was read."""

    broken: Set[Origin]
    filled: Set[int]
    places: set[Place] = field(default_factory=set)
    replaced: set[Place] = field(default_factory=set)

    def text(self, scalar: Scalar) -> str | None:
        """A scalar as text; None where it is none, or not known."""
        is_known = scalar.value is not None and scalar.origin not in self.broken
        return scalar.text if is_known else None

    def compare(self, before: Node | None, after: Node, at: Place) -> bool:
        """Takes note of all that is not whole; whether anything is not."""
        if after is before and not self.broken:
            return False
        if id(after) in self.filled:
            self.replaced.add(at)
            inside = [True]
        elif type(before) is nodes.Mapping and type(after) is nodes.Mapping:
            inside = [*self._of_items(before, after, at)]
        elif type(before) is Sequence and type(after) is Sequence:
            inside = [*self._of_list(before, after, at)]
        elif after is before and after.origin not in self.broken:
            return False
        else:
            self.replaced.add(at)
            inside = [True]
        if after is before and not any(inside):
            return False
        self.places.add(at)
        return True

    def _of_items(self, before: nodes.Mapping, after: nodes.Mapping, at: Place) -> Iterator[bool]:
        for key, item in after.items.items():
            yield self.compare(before.items.get(key), item, (*at, key))
        for key in before.items.keys() - after.items.keys():
            self.places.add((*at, key))
            yield True

    def _of_list(self, before: Sequence, after: Sequence, at: Place) -> Iterator[bool]:
        same = {id(item) for item in before.items}
        originals = {item.origin: item for item in before.items}
        for index, item in enumerate(after.items):
            original = item if id(item) in same else originals.get(item.origin)
            yield self.compare(original, item, (*at, index))
