"""How much the lists that are read together may hold, so that no service can fill the memory."""

from __future__ import annotations

from threading import Lock
from typing import Final

VALUES_A_PAGE: Final = 20_000
"""Of 200 pages that is forty for each of 100,000 objects: a concept has 20, a model 35."""

BYTES_A_PAGE: Final = 1024 * 1024
"""Three times what a full page of concepts has."""

MOST_BYTES: Final = 100 * 1024 * 1024
"""Of all lists together: 100,000 concepts with all that they can have take 70 MB."""

MOST_PAGES: Final = 200
"""Of all lists together, however many pages each may have."""


class Room:
    """A budget of values and bytes that pages share. Safe to use from several threads.

    Decoded, a value takes about 100 bytes: 200 pages take 400 MB at the very most.
    """

    def __init__(self, pages: int) -> None:
        pages = min(pages, MOST_PAGES)
        self.most_values = pages * VALUES_A_PAGE
        self.most_bytes = min(pages * BYTES_A_PAGE, MOST_BYTES)
        self._values = 0
        self._bytes = 0
        self._lock = Lock()

    def take(self, values: int, size: int) -> str:
        """Takes up room for an answer; what there is too much of, empty while there is room."""
        with self._lock:
            self._values += values
            self._bytes += size
            if self._values > self.most_values:
                return f"{self.most_values:,} values"
            if self._bytes > self.most_bytes:
                return f"{self.most_bytes // 2**20:,} MB"
            return ""
