"""What differs, and what is done about it: changes out of the diff, operations out of the order."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from reconciler.address import Address
from reconciler.resource import Path, Resource, VersionChoice
from reconciler.values import Mark


class Action(StrEnum):
    """All that an operation can do."""

    CREATE = "create"
    UPDATE = "update"
    TRAIN = "train"
    RENAME = "rename"
    DELETE = "delete"
    SET_DEFAULT = "set_default"


class ChangeClass(StrEnum):
    """What a change means to the people who use the app."""

    METADATA = "metadata"
    ROUTING = "routing"
    ROUTING_AT_ONCE = "routing (at once)"
    RETRAINING = "retraining"
    REINDEX = "reindex"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One declared field: its path, what the live app has, what the manifest wants.

    ``after`` may hold placeholders: a value that is known only after apply.
    """

    path: Path
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Change:
    """One action on one resource, not yet in order.

    ``desired`` is None for a delete, ``live`` for a create. ``rank`` is the kind's place in the
    order of creation. ``previous`` is the address a rename starts from; ``mark`` is what the
    object is marked with.
    """

    address: Address
    action: Action
    change_class: ChangeClass
    reason: str
    rank: int
    desired: Resource | None = None
    live: Resource | None = None
    fields: tuple[FieldChange, ...] = ()
    version: VersionChoice | None = None
    previous: Address | None = None
    mark: Mark = field(default_factory=lambda: Mark(""))

    @property
    def uses(self) -> frozenset[Address]:
        """What the resource refers to after a create or update, or before a delete."""
        if self.action is Action.RENAME:
            return frozenset()
        resource = self.live if self.action is Action.DELETE else self.desired
        return frozenset(ref.to for ref in resource.references) if resource else frozenset()


@dataclass(frozen=True, slots=True, order=True)
class Refusal:
    """Why there is no plan, with the way out. It is about one object, or (None) about the whole."""

    text: str
    about: Address | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Key:
    """What tells one operation from all others of a plan."""

    action: Action
    address: Address

    def __str__(self) -> str:
        return f"{self.action} {self.address}"


@dataclass(frozen=True, slots=True)
class Operation:
    """A change in its place: it may run once all that it ``requires`` succeeded.

    ``cutover`` says that with it inputs begin to be routed anew.
    """

    change: Change
    requires: tuple[Key, ...]
    cutover: bool = False

    @property
    def key(self) -> Key:
        """Unique within a plan."""
        return Key(self.change.action, self.change.address)


@dataclass(frozen=True, slots=True)
class Switch:
    """Another default workflow for an app with ``inputs`` inputs.

    ``nodes`` are those of the new one, None if they cannot be seen; ``reindex`` that the switch
    asks for a re-index.
    """

    workflow: str
    inputs: int
    nodes: int | None
    reindex: bool

    @property
    def runs(self) -> int:
        """Model runs of a whole re-index: inputs times nodes."""
        return self.inputs * (self.nodes or 0)

    def as_json(self) -> dict[str, Any]:
        """As plan files keep it."""
        return {
            "workflow": self.workflow,
            "inputs": self.inputs,
            "nodes": self.nodes,
            "reindex": self.reindex,
        }
