"""Renames in place: the live side as it will be called once they are done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from reconciler.address import Address
from reconciler.errors import RefusedError
from reconciler.kind import Kind
from reconciler.planning.change import Action, Change, ChangeClass, FieldChange
from reconciler.resource import Reference, Resource, ResourceGraph
from reconciler.values import Mark

Moves = Sequence[tuple[Address, Address]]
"""Pairs of old and new address."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """The live graph under its new names. ``called`` holds the id that the service still knows."""

    live: ResourceGraph
    called: Mapping[Address, Address]


def rename(live: ResourceGraph, moves: Moves) -> Renamed:
    """Applies the renames that have yet to happen; one that has happened is nothing to do.

    Raises ``RefusedError`` where the new id is taken.
    """
    called: dict[Address, Address] = {}
    refusals = []
    for old, new in moves:
        if old in live and new in live:
            refusals.append(
                f"{new}: {old} cannot be renamed to it, both are in the live app: "
                "take the 'moved' entry out, or delete one of them"
            )
        elif old in live:
            called[new] = old
            live = _renamed(live, old, new)
    if refusals:
        raise RefusedError(refusals)
    return Renamed(live, MappingProxyType(called))


def changes(renamed: Renamed, desired: ResourceGraph, kinds: Mapping[str, Kind]) -> list[Change]:
    """One change for each rename that has yet to happen."""
    return [
        Change(
            new,
            Action.RENAME,
            ChangeClass.METADATA,
            f"renamed from {old}",
            kinds[new.kind].rank,
            desired.get(new),
            renamed.live.get(new),
            (FieldChange(("id",), old.id, new.id),),
            previous=old,
            mark=Mark(""),
        )
        for new, old in sorted(renamed.called.items())
    ]


def _renamed(live: ResourceGraph, old: Address, new: Address) -> ResourceGraph:
    return ResourceGraph.of(
        _repointed(
            replace(resource, address=new, identity=new) if resource.address == old else resource,
            old,
            new,
        )
        for resource in live
    )


def _repointed(resource: Resource, old: Address, new: Address) -> Resource:
    """The same with every use of the old name by the new one."""
    if all(reference.to != old for reference in resource.references):
        return resource
    references: list[Reference] = []
    for reference in resource.references:
        if reference.to != old:
            references.append(reference)
            continue
        named = (*reference.path[:-1], "model") if reference.pins else reference.path
        resource = resource.with_values({named: new.id})
        references.append(replace(reference, to=new))
    return replace(resource, references=tuple(references))
