"""Which inputs a page shows: chosen by concept, by the status of their annotations, by their own state."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.catalogue import ANNOTATION_STATUSES
from reconciler.sandbox import status
from reconciler.sandbox.context import load
from reconciler.sandbox.explorer.labels import concepts_of
from reconciler.sandbox.explorer.visit import Unclear, Visit
from reconciler.sandbox.transaction import Filter, Scope, Tx

NONE: Final = "none"
"""In place of a status: inputs of which no annotation says anything (or not that)."""

STATUSES: Final[Mapping[str, int]] = {
    name.removeprefix("ANNOTATION_").lower(): ANNOTATION_STATUSES.number_of(name) or 0
    for name in ANNOTATION_STATUSES.names
}
STATES: Final[Mapping[str, tuple[int, ...]]] = {
    "processed": (status.INPUT_SUCCESS,),
    "waiting": (status.INPUT_PENDING, status.INPUT_IN_PROGRESS),
    "failed": (status.INPUT_FAILED,),
}
MOST_COUNTED: Final = 30_000
"""Annotations of an app; beyond that many, pages do without counts by concept."""


@dataclass(frozen=True, slots=True)
class _Holding(Filter):
    """Objects whose message has this text somewhere: a quick look before a true one."""

    def sql(self) -> str:
        """The condition with a placeholder."""
        return f"instr({self.column}, ?) > 0"


@dataclass(frozen=True, slots=True)
class _AnyOf(Filter):
    """As ``Filter``, for more values than a statement has room for; ``other`` is not looked at."""

    def sql(self) -> str:
        """The condition with a placeholder."""
        return f"{self.column} IN (SELECT value FROM json_each(?))"

    def arguments(self) -> tuple[object, ...]:
        """All values as one."""
        return (json.dumps(self.values),)


@dataclass(frozen=True, slots=True)
class _NoneOf(_AnyOf):
    """Its opposite."""

    def sql(self) -> str:
        """The condition with a placeholder."""
        return f"{self.column} NOT IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Choice:
    """What was asked for; empty is no condition. ``concept`` is an id, or else a name."""

    concept: str = ""
    status: str = ""
    state: str = ""

    @property
    def query(self) -> Mapping[str, str]:
        """The choice as the query of a page."""
        named = {"concept": self.concept, "status": self.status, "state": self.state}
        return {name: value for name, value in named.items() if value}

    def filters(self, tx: Tx, scope: Scope) -> tuple[Filter, ...]:
        """The conditions for inputs."""
        found: list[Filter] = []
        if self.state:
            found.append(Filter("status", STATES[self.state]))
        if self.concept or self.status:
            ids = tuple(sorted(self._labelled(tx, scope)))
            found.append((_NoneOf if self.status == NONE else _AnyOf)("id", ids))
        return tuple(found)

    def _labelled(self, tx: Tx, scope: Scope) -> set[str]:
        filters: list[Filter] = []
        if self.status and self.status != NONE:
            filters.append(Filter("status", (STATUSES[self.status],)))
        if self.concept:
            filters.append(_Holding("body", (self.concept.encode(),)))
        return {
            row.parent
            for row in tx.select("annotation", scope, *filters)
            if any(
                not self.concept or concept.id == self.concept
                for concept in concepts_of(load(row).data)
            )
        }


def chosen(visit: Visit) -> Choice:
    """What the query asks for; raises ``Unclear`` for a word that is none."""
    asked = {name: visit.query.get(name, "") for name in ("status", "state")}
    for name, words in (("status", (*STATUSES, NONE)), ("state", (*STATES,))):
        if asked[name] and asked[name] not in words:
            raise Unclear(f"{name} is one of {', '.join(words)}, not {asked[name][:40]!r}")
    return Choice(_concept(visit), **asked)


def _concept(visit: Visit) -> str:
    """The id that was given, or that goes with the name that was given."""
    given = visit.query.get("concept", "").strip()
    if not given or visit.tx.count("concept", visit.scope, Filter("id", (given,))):
        return given
    named = visit.tx.select("concept", visit.scope, _Holding("body", (given.encode(),)), limit=1000)
    return next((row.id for row in named if load(row).name == given), given)


@dataclass(frozen=True, slots=True)
class Tally:
    """How often a concept was named, by the look of the status; ``name`` as the newest label has it."""

    id: str
    name: str
    success: int
    pending: int
    total: int


def tallies(tx: Tx, scope: Scope) -> tuple[Tally, ...]:
    """The concepts that annotations name, the most frequent first; none where there are too many."""
    if tx.count("annotation", scope) > MOST_COUNTED:
        return ()
    names: dict[str, str] = {}
    counts: Counter[tuple[str, int]] = Counter()
    for id_, name, code in _named(tx, scope):
        names[id_] = name or id_
        counts[id_, code] += 1
    totals: Counter[str] = Counter()
    for (id_, _), count in counts.items():
        totals[id_] += count
    return tuple(
        Tally(
            id_,
            names[id_],
            counts[id_, status.ANNOTATION_SUCCESS],
            counts[id_, status.ANNOTATION_PENDING],
            totals[id_],
        )
        for id_ in sorted(totals, key=lambda id_: (-totals[id_], id_))
    )


def _named(tx: Tx, scope: Scope) -> Iterator[tuple[str, str, int]]:
    for row in tx.select("annotation", scope):
        for concept in concepts_of(load(row).data):
            yield concept.id, concept.name, row.status
