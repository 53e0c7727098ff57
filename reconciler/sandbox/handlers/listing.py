"""What lists of apps, models and workflows have in common: their filters, their orders, their pages.

The contract's list requests share names for these; a field that one of them lacks counts as unset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from reconciler.sandbox import status
from reconciler.sandbox.context import Page, load
from reconciler.sandbox.handlers import matching
from reconciler.sandbox.handlers.matching import Texts
from reconciler.sandbox.transaction import Row

_PLAIN: Final = frozenset(
    {
        "user_app_id",
        "page",
        "per_page",
        "additional_fields",
        "show_replicas",
        "dont_fetch_from_main",
        "sort_ascending",
        "sort_by_created_at",
        "sort_by_modified_at",
        "sort_by_id",
    }
)
_NOBODY_MARKS: Final = ("featured_only", "starred_only", "bookmark", "min_replicas")


class Found(NamedTuple):
    """An object on its way into a list: its row and the message that the row holds."""

    row: Row
    message: Any


def is_plain(request: Any) -> bool:
    """Whether a request asks for a page in an order that the store knows, and for nothing else."""
    return all(field.name in _PLAIN for field, _ in request.ListFields())


def order_of(request: Any) -> str:
    """The order that a list request asks for; last changed first by default."""
    column = "modified"
    if request.sort_by_created_at:
        column = "created"
    elif _asks(request, "sort_by_id"):
        column = "id"
    return column if request.sort_ascending else f"-{column}"


def _asks(request: Any, name: str) -> Any:
    return getattr(request, name, None)


def check(request: Any) -> None:
    """Refuse what the contract says cannot be combined."""
    if request.sort_by_relevance and not request.search:
        raise status.invalid("sort_by_relevance needs a search: without one nothing is relevant")
    if _asks(request, "bookmark") and _asks(request, "trained_only"):
        raise status.invalid("bookmark and trained_only cannot be asked for together")


def candidates(rows: Iterable[Row], request: Any) -> list[Found]:
    """What may come into a list. Here nobody features, stars or bookmarks, and nothing has replicas."""
    if any(_asks(request, name) for name in _NOBODY_MARKS):
        return []
    wanted = request.visibility.gettable
    found = (Found(row, load(row)) for row in rows)
    return [item for item in found if wanted in (0, item.message.visibility.gettable)]


def page_of(
    found: Iterable[Found],
    request: Any,
    page: Page,
    texts: Callable[[Any], Texts],
    inputs: Callable[[Row], int] = lambda row: 0,
) -> list[Row]:
    """One page in the order asked for: those that the search finds, ``inputs`` counted where asked."""

    def key(item: Found, score: int) -> tuple[Any, ...]:
        row, message = item
        if request.sort_by_relevance:
            return (score, row.modified, row.seq)
        if _asks(request, "sort_by_name"):
            return (message.name.casefold(), row.seq)
        if _asks(request, "sort_by_num_inputs"):
            return (inputs(row), row.seq)
        return (getattr(row, order_of(request).removeprefix("-")), row.seq)

    scored = ((item, matching.relevance(request.search, texts(item.message))) for item in found)
    keyed = [(key(item, score), item.row) for item, score in scored if score]
    keyed.sort(key=lambda pair: pair[0], reverse=not request.sort_ascending)
    return [row for _, row in keyed[page.offset : page.offset + page.limit]]
