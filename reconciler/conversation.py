"""What a kind says to the service, and no I/O: requests as data, each told the answer to the last.

Where one request depends on the answer to another, a kind holds a *conversation*: a generator that
yields requests and is sent their answers, so that the order of requests is told in one place, in
plain code, while the executor alone decides how they travel.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

from reconciler.call import Call, Json, Listing
from reconciler.errors import ReconcilerError

Result = TypeVar("Result")


class Items(list[Any]):
    """The items of a listing, as conversations see them."""

    @cached_property
    def _by_id(self) -> Mapping[str, Any]:
        return {item["id"]: item for item in self if isinstance(item, Mapping) and "id" in item}

    def get(self, id_: str) -> Any:
        """The item of this id, at once; None if there is none."""
        return self._by_id.get(id_)


@dataclass(frozen=True, slots=True)
class Write:
    """One write. Its answer is the object that the service acknowledged.

    ``find`` holds the conversation that reads back what the write did: the object as the write
    leaves it, or None if it cannot be seen. It decides after an unclear answer, and the write is
    sent again only if nothing is found. ``batch`` names the body's list field if the call may be
    merged with others that differ in this list alone.
    """

    call: Call
    find: Callable[[], Conversation[Json | None]]
    batch: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait before the next request; the answer is the seconds since the operation's first pause."""

    seconds: float
    progress: str = ""


Request: TypeAlias = Call | Listing | Write | Pause
Conversation: TypeAlias = Generator[Request, Any, Result]


class OperationError(ReconcilerError):
    """An operation that cannot be completed although every request was answered."""


def find_item(listing: Listing, wanted: Callable[[Json], bool]) -> Conversation[Json | None]:
    """The first item of a listing that is ``wanted``."""
    items = yield listing
    return next((item for item in items if wanted(item)), None)


def find_object(call: Call, key: str, wanted: Callable[[Json], bool]) -> Conversation[Json | None]:
    """The object that a GET answers with under ``key``, if there is one and it is ``wanted``.

    An executor answers a call for an absent object with None.
    """
    answer = yield call
    item = answer.get(key) if answer else None
    return item if item and wanted(item) else None


def find_nothing(call: Call, key: str) -> Conversation[Json | None]:
    """What shows that a delete was carried out: the object cannot be read any more."""
    answer = yield call
    return None if answer and answer.get(key) else {}
