"""Changes into ordered operations: new things first, one cutover, deletes last.

The workflow that inputs run through (the live default workflow) changes in exactly one request,
the cutover. All that the new routing needs stands before it, all that only the old routing needs
goes after it; so an input that arrives in between is routed wholly the old way or wholly the new.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import IntEnum

from reconciler import dag
from reconciler.address import APP, DEFAULT_WORKFLOW, Address
from reconciler.planning.change import Action, Change, ChangeClass, Key, Operation


class Stage(IntEnum):
    """The stages of a plan, from first to last."""

    APP = 0
    RENAME = 1
    PREPARE = 2
    CUTOVER = 3
    FORMER = 4
    DELETE = 5


_AT_ONE_ADDRESS = (Action.RENAME, Action.CREATE, Action.UPDATE, Action.TRAIN, Action.SET_DEFAULT)


def order(changes: Iterable[Change], *, live_default: Address | None) -> tuple[Operation, ...]:
    """The operations that carry ``changes`` out, each after all that it requires.

    ``live_default`` is the address of the app's default workflow as it stands, after renames;
    None if it is another app's. The result does not depend on the order of ``changes``.
    Linear in changes and references. Raises ``CycleError`` if references go round in a circle.
    """
    by_key = {Key(change.action, change.address): change for change in changes}
    switch = by_key.get(Key(Action.SET_DEFAULT, Address(DEFAULT_WORKFLOW)))
    # a switch to another version of the live default is no switch to another workflow
    switched = switch is not None and live_default not in switch.uses
    stages = {key: _stage(change, live_default, switched) for key, change in by_key.items()}
    requires = _requirements(by_key, stages)

    def place(key: Key) -> tuple[int, int, bool, Address]:
        """Deletes run backwards through the kinds, all else forwards, training after models."""
        stage, rank = stages[key], by_key[key].rank
        return (
            stage,
            -rank if stage is Stage.DELETE else rank,
            key.action is Action.TRAIN,
            key.address,
        )

    ordered = dag.sort(requires, key=place, name=str)
    position = {key: index for index, key in enumerate(ordered)}
    return tuple(
        Operation(
            by_key[key],
            tuple(sorted(requires[key], key=position.__getitem__)),
            cutover=stages[key] is Stage.CUTOVER,
        )
        for key in ordered
    )


def _stage(change: Change, live_default: Address | None, switched: bool) -> Stage:
    if change.action is Action.DELETE:
        return Stage.DELETE
    if change.action is Action.RENAME:
        return Stage.RENAME
    if change.action is Action.SET_DEFAULT:
        return Stage.CUTOVER
    if change.address.kind == APP:
        return Stage.APP
    if change.address == live_default:
        return Stage.FORMER if switched else Stage.CUTOVER
    return Stage.PREPARE


def _requirements(by_key: Mapping[Key, Change], stages: Mapping[Key, Stage]) -> dict[Key, set[Key]]:
    """What each operation must wait for, from references, stages and at-once changes."""
    at: dict[Address, list[Key]] = defaultdict(list)
    for action in _AT_ONE_ADDRESS:
        for key in by_key:
            if key.action is action:
                at[key.address].append(key)
    founding = [key for key in by_key if key == Key(Action.CREATE, Address(APP))]
    cutovers = [key for key in by_key if stages[key] is Stage.CUTOVER]
    at_once = [
        key
        for key, change in by_key.items()
        if change.change_class is ChangeClass.ROUTING_AT_ONCE and change.action is not Action.DELETE
    ]
    leaving = _leaving(by_key)
    requires: dict[Key, set[Key]] = {}
    for key, change in by_key.items():
        if stages[key] is Stage.DELETE:
            needed = {*cutovers, *leaving[key.address]}
        else:
            earlier = at[key.address]
            needed = {*founding, *earlier[: earlier.index(key)]}
            for used in change.uses:
                needed.update(at[used])
            for reference in change.live.references if change.live else ():
                # what is compared with the plan right before it is written has the new names
                needed.update(k for k in at[reference.to] if k.action is Action.RENAME)
            if change.action is Action.SET_DEFAULT:
                # both overwrite the one app, each with what it read of the other's part
                needed.update(at[Address(APP)])
            if stages[key] is Stage.CUTOVER:
                needed.update(at_once)
            if stages[key] is Stage.FORMER:
                needed.update(cutovers)
        requires[key] = needed - {key}
    return requires


def _leaving(by_key: Mapping[Key, Change]) -> Mapping[Address, set[Key]]:
    """The operations that end the use of an address: updates that drop it, deletes of its users."""
    leaving: dict[Address, set[Key]] = defaultdict(set)
    for key, change in by_key.items():
        if change.live is not None and change.action in (
            Action.UPDATE,
            Action.SET_DEFAULT,
            Action.DELETE,
        ):
            for reference in change.live.references:
                leaving[reference.to].add(key)
    return leaving
