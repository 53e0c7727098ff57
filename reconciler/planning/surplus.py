"""What is live and not declared: what of it may go, and what has to stay because it is in use.

Without ``--prune`` all of it stays; what would go is told all the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from reconciler.address import APP, DEFAULT_WORKFLOW, Address
from reconciler.kind import Kind
from reconciler.planning.change import Action, Change, ChangeClass, Refusal
from reconciler.planning.options import Policy
from reconciler.planning.ownership import is_ours, is_protected, is_prunable
from reconciler.resource import Resource, ResourceGraph
from reconciler.values import Mark

SAFE_BELOW = 10
"""Kinds with fewer objects of ours are pruned whole without asking."""


@dataclass(frozen=True, slots=True)
class Surplus:
    """What nobody declares.

    ``deletes`` are what ``--prune`` does about it; the refusals and warnings are about that alone.
    """

    objects: tuple[Address, ...]
    deletes: tuple[Change, ...]
    refusals: tuple[Refusal, ...]
    warnings: tuple[str, ...]


def examine(
    desired: ResourceGraph, live: ResourceGraph, kinds: Mapping[str, Kind], policy: Policy
) -> Surplus:
    """The surplus of ``live`` over a settled ``desired``. Linear in both."""
    declared = {resource.identity for resource in desired}
    undeclared = [resource for resource in live if resource.identity not in declared]
    surplus = [r for r in undeclared if _can_be_surplus(kinds[r.address.kind])]
    prunable = {
        r.address: r for r in surplus if is_prunable(r, live, kinds[r.address.kind], policy)
    }
    staying = (*desired, *(r for r in undeclared if r.address not in prunable))
    users = still_used(prunable.values(), staying)
    deletes = [
        _delete(resource, kinds[resource.address.kind], policy)
        for resource in prunable.values()
        if resource.address not in users
    ]
    return Surplus(
        tuple(resource.address for resource in surplus),
        tuple(deletes),
        (
            *_protected(surplus, live, kinds, policy),
            *_too_many((change.address for change in deletes), live, kinds, policy),
        ),
        tuple(f"{used}: not deleted, {user} still uses it" for used, user in users.items()),
    )


def still_used(
    leaving: Iterable[Resource], staying: Iterable[Resource]
) -> Mapping[Address, Address]:
    """What of ``leaving`` has to stay, each with the first that uses it: what stays keeps what it
    uses, that keeps what it uses in turn, and so on. Linear in both.
    """
    free = {resource.address: resource for resource in leaving}
    users: dict[Address, Address] = {}
    standing = list(staying)
    while standing and free:
        kept: dict[Address, Resource] = {}
        for user in sorted(standing, key=lambda resource: resource.address):
            for used in _used(user):
                if used in free:
                    kept[used] = free.pop(used)
                    users[used] = user.address
        standing = list(kept.values())
    return users


def _used(user: Resource) -> Iterator[Address]:
    """What breaks if it goes: the model whose version a node pins, the workflow that is the default.

    What another resource refers to otherwise is gone with it, as a relation is with its concept.
    """
    for reference in user.references:
        if reference.pins or user.address.kind == DEFAULT_WORKFLOW:
            yield reference.to
    for external in user.externals:
        # one of this app, though not of this manifest; of another it is no id that could go
        yield Address("model", (user.value(external.model_path),))


def _can_be_surplus(kind: Kind) -> bool:
    """All but the app and what is no object of its own in it."""
    return kind.section != APP and not kind.verb


def _delete(resource: Resource, kind: Kind, policy: Policy) -> Change:
    return Change(
        resource.address,
        Action.DELETE,
        ChangeClass.ROUTING_AT_ONCE if kind.at_once else ChangeClass.ROUTING,
        policy.why_deleted,
        kind.rank,
        None,
        resource,
        mark=resource.mark or Mark(policy.owner),
    )


def _protected(
    surplus: Iterable[Resource], live: ResourceGraph, kinds: Mapping[str, Kind], policy: Policy
) -> Iterator[Refusal]:
    """A refusal for each object that only its live mark keeps from being deleted."""
    for resource in surplus:
        kind = kinds[resource.address.kind]
        if is_protected(resource) and is_ours(resource, live, kind, policy):
            yield Refusal(
                f"{resource.address}: prevent_destroy is set in the live app: put it back into the "
                "manifest with prevent_destroy: false, apply that, and take it out then",
                resource.address,
            )


def _too_many(
    deleted: Iterable[Address], live: ResourceGraph, kinds: Mapping[str, Kind], policy: Policy
) -> Iterator[Refusal]:
    """A refusal for each kind of which more would go than the safety threshold allows."""
    going = Counter(address.kind for address in deleted)
    for name, count in sorted(going.items()):
        ours = sum(
            1 for r in live if r.address.kind == name and is_ours(r, live, kinds[name], policy)
        )
        if ours >= SAFE_BELOW and 100 * count > policy.prune_limit * ours:
            percent = math.ceil(100 * count / ours)
            yield Refusal(
                f"--prune would delete {count} of {ours} {name}s that are this manifest's, which is "
                f"more than {policy.prune_limit} %: if that is meant, allow it with "
                f"--prune-limit {percent}"
            )
