"""What a page is handed: who asks for what, in which state; and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NoReturn

from reconciler.sandbox.explorer import links
from reconciler.sandbox.transaction import Key, Row, Scope, Tx

NOWHERE: Final = Scope("", "")
"""What a page is about that is about no app."""

_LARGEST: Final = 10**9


class Absent(Exception):
    """There is nothing of that name: ``what`` is a noun, ``id`` what was asked for."""

    def __init__(self, what: str, id_: str) -> None:
        super().__init__(what, id_)
        self.what = what
        self.id = id_


class Unclear(Exception):
    """A question that the page cannot answer, said in one sentence."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One look at the state, which does not change while the page is made.

    ``origin`` is where the browser found the sandbox (``http://127.0.0.1:8080``), ``owner`` its user.
    """

    tx: Tx
    owner: str
    origin: str
    query: Mapping[str, str]
    scope: Scope = NOWHERE

    def number(self, name: str, otherwise: int = 1) -> int:
        """A positive number of the query."""
        text = self.query.get(name, "")
        if not text:
            return otherwise
        if not (text.isascii() and text.isdigit()) or not 0 < int(text[:12]) <= _LARGEST:
            raise Unclear(f"{name} is a number from 1 on, not {text[:40]!r}")
        return int(text)

    def row(self, kind: str, what: str, id_: str, parent: str = "") -> Row:
        """An object of the app, or ``Absent``."""
        found = self.tx.get(Key(kind, *self.scope, parent, id_))
        return found or absent(what, id_)


def absent(what: str, id_: str) -> NoReturn:
    """There is no such thing."""
    raise Absent(what, id_)


@dataclass(frozen=True, slots=True)
class Page:
    """A template with what it shows."""

    template: str
    title: str
    data: Mapping[str, Any]
    tab: str = ""
    crumbs: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Paging:
    """A slice of a list: which page, of how many, and where the neighbours are."""

    number: int
    pages: int
    total: int
    offset: int
    size: int
    earlier: str
    later: str


def paging(
    visit: Visit,
    total: int,
    size: int,
    *parts: str,
    query: Mapping[str, str] = MappingProxyType({}),
) -> Paging:
    """The slice that the query asks for; a page beyond the end is the last one."""
    pages = max(1, -(-total // size))
    number = min(visit.number("page"), pages)

    def link(other: int) -> str:
        if not 1 <= other <= pages:
            return ""
        return links.within(visit.scope, *parts, **query, page=other if other > 1 else "")

    return Paging(
        number, pages, total, (number - 1) * size, size, link(number - 1), link(number + 1)
    )


@dataclass(frozen=True, slots=True)
class Time:
    """A moment as machines and people write it."""

    iso: str = ""
    shown: str = field(default="")
