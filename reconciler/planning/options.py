"""What shapes a plan besides the manifest and the live app: the command line's say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.address import Address

PRUNE_LIMIT = 30
"""Percent of a kind that a prune deletes at most (octoDNS's threshold, and for its reason)."""

SWITCH_LIMIT = 1000
"""Inputs of an app whose default workflow is switched without being asked for by name."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of a manifest a plan is about.

    ``targets`` come with what they need; ``excludes`` take what depends on them along.
    """

    targets: tuple[Address, ...] = ()
    excludes: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Options:
    """All of it, as plan files keep it too.

    ``prune_limit`` is a percentage, ``switch_limit`` a number of inputs; ``take_over`` are objects
    that may carry another owner's mark, ``retrain`` models that are trained whatever they hold;
    ``refresh`` reads every version's configuration, and trusts no recorded digest.
    ``destroy`` plans for the manifest's end instead of its being.
    """

    selection: Selection = field(default_factory=Selection)
    prune: bool = False
    prune_limit: int = PRUNE_LIMIT
    take_over: tuple[Address, ...] = ()
    retrain: tuple[Address, ...] = ()
    reindex: bool = False
    allow_default_switch: bool = False
    switch_limit: int = SWITCH_LIMIT
    refresh: bool = False
    destroy: bool = False
    delete_app: bool = False

    def afterwards(self) -> Options:
        """The same question once it was carried out: what was to be done once is done."""
        return replace(self, retrain=())

    def as_json(self) -> dict[str, Any]:
        """As plan files keep them: those that are not as usual, and the first three always."""
        usual = Options()
        lists = {"take_over": self.take_over, "retrain": self.retrain}
        return {
            "prune": self.prune,
            "target": list(map(str, self.selection.targets)),
            "exclude": list(map(str, self.selection.excludes)),
            **{name: list(map(str, addresses)) for name, addresses in lists.items() if addresses},
            **{
                name: getattr(self, name)
                for name in _PLAIN
                if getattr(self, name) != getattr(usual, name)
            },
        }

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Options:
        """What ``as_json`` wrote. Raises ``SettingsError`` for what is no address."""
        targets, excludes, taken, trained = (
            tuple(map(Address.parse, found.get(name, ())))
            for name in ("target", "exclude", "take_over", "retrain")
        )
        plain = {name: found[name] for name in _PLAIN if name in found}
        return cls(
            Selection(targets, excludes),
            prune=found["prune"],
            take_over=taken,
            retrain=trained,
            **plain,
        )


_PLAIN = (
    "prune_limit",
    "reindex",
    "allow_default_switch",
    "switch_limit",
    "refresh",
    "destroy",
    "delete_app",
)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a comparison may do: whose marks are ours, and what is done about all the rest."""

    owner: str
    prune: bool = False
    prune_limit: int = PRUNE_LIMIT
    take_over: frozenset[Address] = frozenset()
    why_deleted: str = "no longer in the manifest"

    @classmethod
    def of(cls, owner: str, options: Options) -> Policy:
        """Where a manifest ends, what it made goes, however much that is."""
        return cls(
            owner,
            prune=options.prune or options.destroy,
            prune_limit=100 if options.destroy else options.prune_limit,
            take_over=frozenset(options.take_over),
            why_deleted="destroyed" if options.destroy else "no longer in the manifest",
        )
