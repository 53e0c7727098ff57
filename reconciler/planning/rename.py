"""Renames in place: the live side as it will be called once they are done."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from reconciler.address import Address
from reconciler.errors import RefusedError
from reconciler.kind import Kind
from reconciler.planning.change import Action, Change, ChangeClass, FieldChange
from reconciler.resource import Reference, Resource, ResourceGraph
from reconciler.values import Mark, digest, version_digest

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


def lookalikes(made: Iterable[Change], removed: Iterable[Change]) -> Iterator[str]:
    """Warnings: what would be made beside a surplus object of ours that holds the same."""
    by_content: dict[Hashable, Change] = {}
    for change in removed:
        content = _content(change.live)
        if content is not None:
            by_content.setdefault(content, change)
    for change in made:
        twin = by_content.get(_content(change.desired)) if change.action is Action.CREATE else None
        if twin is not None:
            yield (
                f"{change.address} is made anew, and {twin.address} holds the same: if it is the "
                f"same under a new name, say moved: [{{from: {twin.address}, to: {change.address}}}]"
            )


def _content(resource: Resource | None) -> Hashable:
    """What a resource does, whatever it is called; None where that cannot be told."""
    if resource is None:
        return None
    if resource.configuration is not None:
        stated = resource.fields.get("model_type_id"), version_digest(resource.configuration)
        return (resource.address.kind, *stated)
    if resource.versions and resource.versions[0].digest:
        return (
            resource.address.kind,
            resource.fields.get("model_type_id"),
            resource.versions[0].digest,
        )
    if nodes := resource.fields.get("nodes"):
        shape = {
            id_: {name: value for name, value in node.items() if name != "model_version_id"}
            for id_, node in nodes.items()
        }
        return resource.address.kind, digest(shape)
    return None


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
