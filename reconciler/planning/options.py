"""What shapes a plan besides the manifest and the live app: the command line's say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from reconciler.address import Address

PRUNE_LIMIT = 30
"""Percent of a kind that a prune deletes at most (octoDNS's threshold, and for its reason)."""

SWITCH_LIMIT = 1000
"""Inputs of an app whose default workflow is switched without being asked for by name."""


def _kept(usual: Any, says: str, *, key: str = "", always: bool = False) -> Any:
    """A field that plan files keep, under ``key`` if that is another word than its name: ``always``,
    or where it is not as ``usual``.
    """
    return field(default=usual, metadata={"key": key, "says": says, "always": always})


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of a manifest a plan is about.

    ``targets`` come with what they need; ``excludes`` take what depends on them along.
    """

    targets: tuple[Address, ...] = _kept(
        (), "The only ones planned, with what they need.", key="target", always=True
    )
    excludes: tuple[Address, ...] = _kept(
        (), "Left out, with what depends on them.", key="exclude", always=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """All of it, as plan files keep it too.

    ``prune_limit`` is a percentage, ``switch_limit`` a number of inputs; ``take_over`` are objects
    that may carry another owner's mark, ``retrain`` models that are trained whatever they hold;
    ``refresh`` reads every version's configuration, and trusts no recorded digest.
    ``destroy`` plans for the manifest's end instead of its being.
    """

    prune: bool = _kept(False, "Whether surplus is deleted.", always=True)
    prune_limit: int = _kept(PRUNE_LIMIT, "Percent of a kind that may go.")
    selection: Selection = field(default_factory=Selection)
    take_over: tuple[Address, ...] = _kept((), "Ours from now on, whatever their mark says.")
    retrain: tuple[Address, ...] = _kept((), "Trained although nothing changed.")
    reindex: bool = _kept(False, "Whether a switch asks for a re-index.")
    allow_default_switch: bool = _kept(False, "Whether a switch on a large app is meant.")
    switch_limit: int = _kept(SWITCH_LIMIT, "Inputs from which on an app is large.")
    refresh: bool = _kept(False, "Whether every version was read.")
    destroy: bool = _kept(False, "Whether the manifest is to end.")
    delete_app: bool = _kept(False, "Whether the app goes too.")

    def afterwards(self) -> Options:
        """The same question once it was carried out: what was to be done once is done."""
        return replace(self, retrain=())

    def as_json(self) -> dict[str, Any]:
        """As plan files keep them, by ``KEPT``."""
        found: dict[str, Any] = {}
        for kept in KEPT:
            value = getattr(self.selection if kept.selects else self, kept.name)
            if kept.always or value != kept.usual:
                found[kept.key] = list(map(str, value)) if kept.is_addresses else value
        return found

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Options:
        """What ``as_json`` wrote. Raises ``SettingsError`` for what is no address."""
        selecting: dict[str, Any] = {}
        others: dict[str, Any] = {}
        for kept in KEPT:
            if kept.key in found:
                value = found[kept.key]
                values = selecting if kept.selects else others
                values[kept.name] = tuple(map(Address.parse, value)) if kept.is_addresses else value
        return cls(selection=Selection(**selecting), **others)


@dataclass(frozen=True, slots=True)
class Kept:
    """How a plan file keeps one option: ``name`` in ``Options``, or where it ``selects`` in its
    ``Selection``; ``key`` in the file; what it ``says`` there.
    """

    name: str
    key: str
    says: str
    usual: Any
    always: bool
    selects: bool

    @property
    def is_addresses(self) -> bool:
        """Whether it is a list of addresses; else it is a flag or a number."""
        return isinstance(self.usual, tuple)


def _all_kept() -> Iterator[Kept]:
    for one in fields(Options):
        selects = not one.metadata
        for each in fields(Selection) if selects else (one,):
            key = each.metadata["key"] or each.name
            says, always = each.metadata["says"], each.metadata["always"]
            yield Kept(each.name, key, says, each.default, always, selects)


KEPT = tuple(_all_kept())
"""Every option that plan files keep, in their order: what is written, read and in the schema."""


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
