"""Who may read and who may write: calls checked, lists read to their end, over one ``Line``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

from reconciler.api.envelope import is_write
from reconciler.api.line import Line, OnRequest
from reconciler.api.protocol import PER_PAGE
from reconciler.api.room import Room
from reconciler.api.settings import Settings
from reconciler.call import Call, Json, Listing
from reconciler.errors import ApiError, ProtocolError


class ReadClient:
    """Reads over HTTP; implements ``Reader``. Safe to use from several threads."""

    def __init__(
        self,
        settings: Settings,
        *,
        on_request: OnRequest | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._line = Line(settings, on_request=on_request, sleep=sleep, clock=clock)

    def get(self, call: Call) -> Json:
        """Decoded answer of one GET. Raises ApiError."""
        if is_write(call):
            raise ValueError(f"{call.method} is no read")
        return self._line.exchange(call).body

    def get_all(self, calls: Sequence[Call]) -> list[Json | ApiError]:
        """Answers in the order asked, fetched concurrently; a failure is a value."""
        return self._line.at_once(self._get_or_error, calls)

    def read_list(self, listing: Listing) -> list[Json]:
        """Every item of every page, each id once. Raises ApiError."""
        return self._read(listing, Room(listing.most_pages))

    def read_lists(self, listings: Sequence[Listing]) -> list[list[Json]]:
        """Several listings, fetched concurrently, in the order asked. Raises the first ApiError.

        Together they may hold what the longest of them may hold alone.
        """
        room = Room(max((listing.most_pages for listing in listings), default=0))
        return self._line.at_once(lambda listing: self._read(listing, room), listings)

    def _read(self, listing: Listing, room: Room) -> list[Json]:
        seen: set[str] = set()
        items: list[Json] = []
        for call, page in self._pages(listing, room):
            before = len(items)
            for item in page:
                # Pages shift while others write: an item may come again on the next one.
                name = item.get("id") if isinstance(item, dict) else None
                if isinstance(name, str):
                    if name in seen:
                        continue
                    seen.add(name)
                items.append(item)
            if len(page) >= PER_PAGE and len(items) == before:
                number = call.query["page"]
                raise _endless(call, f"page {number} holds only what earlier pages held")
        return items

    def close(self, *, wait: bool = True) -> None:
        """Ends the threads and connections; without ``wait`` reads under way are left to themselves."""
        self._line.close(wait=wait)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # whoever presses Ctrl-C does not want to see what is still being read
        self.close(wait=not isinstance(error, KeyboardInterrupt))

    def _get_or_error(self, call: Call) -> Json | ApiError:
        try:
            return self.get(call)
        except ApiError as error:
            return error

    def _pages(self, listing: Listing, room: Room) -> Iterator[tuple[Call, list[Json]]]:
        before = None
        for number in range(1, listing.most_pages + 1):
            call = listing.page(number, PER_PAGE)
            answer = self._line.exchange(call)
            if limit := room.take(answer.values, answer.size):
                raise _too_much(call, listing, limit)
            page = answer.body.get(listing.key) or []
            if not isinstance(page, list):
                raise ProtocolError(
                    f"{listing.key!r} of the answer is no list", method=call.method, path=call.path
                )
            if page and page == before:
                raise _endless(call, f"page {number} is page {number - 1} again")
            yield call, page
            if len(page) < PER_PAGE:
                return
            before = page
        raise _endless(call, f"there is more after {listing.most_pages} pages")


def _endless(call: Call, why: str) -> ProtocolError:
    return ProtocolError(
        f"{why}, so the list has no end",
        method=call.method,
        path=call.path,
        hint="the service does not count pages as the platform does",
    )


def _too_much(call: Call, listing: Listing, limit: str) -> ProtocolError:
    return ProtocolError(
        f"with page {call.query['page']} of {listing.key!r} the lists that are read together hold "
        f"more than {limit}, which is more than is kept",
        method=call.method,
        path=call.path,
        hint="look at what the service lists: texts or metadata of this size are hardly meant",
    )


class Client(ReadClient):
    """Reads and writes over HTTP; implements ``Writer``."""

    def send(self, call: Call) -> Json:
        """Decoded answer of one POST, PATCH or DELETE; see ``Writer.send`` for its promises."""
        if not is_write(call):
            raise ValueError(f"{call.method} is no write")
        return self._line.exchange(call).body
