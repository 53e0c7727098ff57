"""Whose an object is: what its mark says and will say, and where ownership is recorded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from reconciler.address import APP, DEFAULT_WORKFLOW, Address
from reconciler.kind import Kind
from reconciler.planning.change import Action, Change, ChangeClass, FieldChange
from reconciler.planning.options import Policy
from reconciler.resource import Resource, ResourceGraph
from reconciler.values import MARK_KEY, Mark


def mark_of(resource: Resource, twin: Resource | None, policy: Policy) -> Mark:
    """What a desired object is marked with: what is not stated stays as it was recorded."""
    origin = "created" if twin is None else twin.mark.origin if twin.mark else "adopted"
    recorded = twin is not None and twin.mark is not None and twin.mark.protect
    protect = resource.options.get("prevent_destroy", recorded) is True
    relations = twin.mark.relations if twin and twin.mark else ()
    return Mark(policy.owner, origin, protect, relations=relations)


def mark_changes(mark: Mark, twin: Resource) -> tuple[FieldChange, ...]:
    """What a standing mark says that is no longer so. A missing one waits for the next write."""
    found: list[FieldChange] = []
    if twin.mark is not None and twin.mark.owner != mark.owner:
        found.append(FieldChange(("metadata", MARK_KEY, "owner"), twin.mark.owner, mark.owner))
    if twin.mark is not None and twin.mark.protect != mark.protect:
        found.append(FieldChange(("prevent_destroy",), twin.mark.protect, mark.protect))
    return tuple(found)


def is_ours(resource: Resource, live: ResourceGraph, kind: Kind, policy: Policy) -> bool:
    """Whether we made a live object, of a kind that can be deleted, and it is still this owner's."""
    mark = kind.owner(resource, live)
    created = mark is not None and mark.origin == "created"
    return created and mark is not None and mark.owner == policy.owner and kind.deletable


def is_protected(resource: Resource) -> bool:
    """Whether the live mark says ``prevent_destroy``."""
    return resource.mark is not None and resource.mark.protect


def is_prunable(resource: Resource, live: ResourceGraph, kind: Kind, policy: Policy) -> bool:
    """Whether a surplus object may be deleted: we created it, and nobody protects it."""
    return not is_protected(resource) and is_ours(resource, live, kind, policy)


def with_relation_marks(
    changes: list[Change], live: ResourceGraph, kinds: Mapping[str, Kind], policy: Policy
) -> list[Change]:
    """Ownership of new relations, recorded on the concept that they start from.

    Relations have no metadata, and the record must stand before the relation does.
    """
    created: dict[str, set[str]] = defaultdict(set)
    for change in changes:
        if change.action is Action.CREATE and change.desired and kinds[change.address.kind].at_once:
            created[change.desired.options["marked_on"]].add(str(change.address))
    by_key = {str(change.address): index for index, change in enumerate(changes)}
    for holder, relations in sorted(created.items()):
        if holder in by_key:
            index = by_key[holder]
            mark = changes[index].mark
            changes[index] = replace(
                changes[index], mark=replace(mark, relations=_union(mark, relations))
            )
            continue
        twin = live.get(Address.parse(holder))
        if twin is not None and not relations <= set(twin.mark.relations if twin.mark else ()):
            mark = mark_of(twin, twin, policy)
            changes.append(
                Change(
                    twin.address,
                    Action.UPDATE,
                    ChangeClass.METADATA,
                    "records which of its relations are created here",
                    kinds[twin.address.kind].rank,
                    replace(twin, fields={}),
                    twin,
                    mark=replace(mark, relations=_union(mark, relations)),
                )
            )
    return changes


def traceless(desired: ResourceGraph, kinds: Mapping[str, Kind]) -> tuple[Address, ...]:
    """What nothing live would prove to have been there, once it is deleted outside.

    What another object refers to does leave a trace, and a relation does in its concept's mark.
    """
    used = {reference.to for resource in desired for reference in resource.references}
    return tuple(
        resource.address
        for resource in desired
        if resource.address not in used
        and (kind := kinds[resource.address.kind]).deletable
        and not kind.at_once
        and kind.section not in ("", APP)
    )


def with_app_record(
    changes: Iterable[Change], traceless: Iterable[Address], live: ResourceGraph
) -> tuple[Change, ...]:
    """What leaves no other trace, recorded with every write of the app; no write is made for it."""
    changes = tuple(changes)
    there = {*live.resources, *(c.address for c in changes if c.action is not Action.DELETE)}
    record = tuple(str(address) for address in traceless if address in there)
    return tuple(
        replace(change, mark=replace(change.mark, resources=record))
        if change.address.kind in (APP, DEFAULT_WORKFLOW)
        else change
        for change in changes
    )


def _union(mark: Mark, relations: set[str]) -> tuple[str, ...]:
    return tuple(sorted({*mark.relations, *relations}))
