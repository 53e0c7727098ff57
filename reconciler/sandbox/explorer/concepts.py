"""Concepts as a page: what they are called, what they relate to, how often annotations name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.sandbox.context import PUBLIC, load
from reconciler.sandbox.explorer import choosing, links
from reconciler.sandbox.explorer.choosing import Tally
from reconciler.sandbox.explorer.visit import Page, Visit, paging
from reconciler.sandbox.transaction import Filter, Row

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Concept:
    """A concept; ``relations`` are predicate and object, ``tally`` is absent where none was made."""

    id: str
    name: str
    definition: str
    relations: tuple[tuple[str, str], ...]
    tally: Tally | None
    link: str


def listing(visit: Visit) -> Page:
    """The app's concepts by id."""
    tx, scope = visit.tx, visit.scope
    place = paging(visit, tx.count("concept", scope), PAGE, "concepts")
    rows = tx.select("concept", scope, order="id", offset=place.offset, limit=place.size)
    tallies = {tally.id: tally for tally in choosing.tallies(tx, scope)}
    relations = _relations(visit, [row.id for row in rows])
    shown = [_concept(visit, row, relations, tallies) for row in rows]
    counted = tx.count("annotation", scope) <= choosing.MOST_COUNTED
    data = {
        "concepts": shown,
        "paging": place,
        "counted": counted and scope != PUBLIC,
        "most": choosing.MOST_COUNTED,
    }
    return Page("concepts.html", "Concepts", data, "concepts")


def _relations(visit: Visit, ids: Sequence[str]) -> Mapping[str, tuple[tuple[str, str], ...]]:
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for row in visit.tx.select("relation", visit.scope, Filter("k1", tuple(ids))):
        relation = load(row)
        other = relation.object_concept
        own = (other.user_id, other.app_id) in (("", ""), visit.scope)
        called = other.id if own else f"{other.user_id}/{other.app_id}/{other.id}"
        if other.name and other.name != other.id:
            called = f"{called} ({other.name})"
        found[row.k1] = (*found.get(row.k1, ()), (relation.predicate, called))
    return found


def _concept(
    visit: Visit,
    row: Row,
    relations: Mapping[str, tuple[tuple[str, str], ...]],
    tallies: Mapping[str, Tally],
) -> Concept:
    concept = load(row)
    return Concept(
        row.id,
        concept.name,
        concept.definition,
        relations.get(row.id, ()),
        tallies.get(row.id),
        links.within(visit.scope, "inputs", concept=row.id),
    )
