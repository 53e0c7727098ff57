"""Where pages of long lists ended: the next page begins there, instead of counting from the start.

Pages are asked for by number, so that a page far behind would cost as much as all before it. A mark
holds only for the state that it was set in; any commit takes all of them away.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

_MOST_MARKS: Final = 10_000

Position: TypeAlias = tuple[int, ...]
"""The sort key of a row."""


class Mark(NamedTuple):
    """How many rows of a list come up to a position, its own row included."""

    rows: int
    position: Position


class Pages:
    """The marks of one database, which has one writer at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = 0
        self._done = 0
        self._marks: dict[Hashable, list[Mark]] = {}
        self._count = 0

    @contextmanager
    def committing(self) -> Iterator[None]:
        """What a commit is wrapped in: whoever reads meanwhile does not know which state it sees."""
        with self._lock:
            self._begun += 1
        try:
            yield
        finally:
            with self._lock:
                self._done = self._begun
                self._forget()

    def open(self) -> OpenPages:
        """The marks for a reading transaction that is about to begin."""
        return OpenPages(self, self._done)

    def find(self, state: int, which: Hashable, rows: int) -> Mark | None:
        """The last mark of a list that has at most so many rows before it."""
        with self._lock:
            if self._begun != state:
                return None
            marks = self._marks.get(which, [])
            at = bisect_right(marks, rows, key=_rows)
            return marks[at - 1] if at else None

    def keep(self, state: int, which: Hashable, mark: Mark) -> None:
        """Remember a mark, if nothing was written since its list was read."""
        with self._lock:
            if self._begun != state:
                return
            if self._count >= _MOST_MARKS:
                self._forget()
            marks = self._marks.setdefault(which, [])
            at = bisect_right(marks, mark.rows, key=_rows)
            if not at or marks[at - 1].rows != mark.rows:
                marks.insert(at, mark)
                self._count += 1

    def _forget(self) -> None:
        self._marks.clear()
        self._count = 0


def _rows(mark: Mark) -> int:
    return mark.rows


@dataclass(frozen=True, slots=True)
class OpenPages:
    """The marks as one reading transaction may use them: those of the state that it sees."""

    pages: Pages
    state: int

    def find(self, which: Hashable, rows: int) -> Mark | None:
        """The last mark of a list that has at most so many rows before it."""
        return self.pages.find(self.state, which, rows) if rows else None

    def keep(self, which: Hashable, rows: int, position: Position) -> None:
        """Remember that so many rows of a list come up to this position."""
        self.pages.keep(self.state, which, Mark(rows, position))
