"""Who may read and who may write: what every step but the client itself knows of HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from reconciler.call import Call, Json, Listing
from reconciler.errors import ApiError

PER_PAGE = 1000
"""Items a page: the most that the platform gives (its pagination page, 2025)."""


class Reader(Protocol):
    """Reads the live app. Has no way to change it."""

    def get(self, call: Call) -> Json:
        """Decoded answer of one GET. Raises ApiError."""

    def get_all(self, calls: Sequence[Call]) -> list[Json | ApiError]:
        """Answers to several GETs sent concurrently, in the order asked; a failure is a value."""

    def read_list(self, listing: Listing) -> list[Json]:
        """Every item of every page, each id once. Raises ApiError."""

    def read_lists(self, listings: Sequence[Listing]) -> list[list[Json]]:
        """Several listings read concurrently, in the order asked. Raises the first ApiError."""


class Writer(Reader, Protocol):
    """Reads and changes the live app."""

    def send(self, call: Call) -> Json:
        """Decoded answer of one POST, PATCH or DELETE that the service carried out whole.

        It is repeated only while the service certainly did not act on it. Raises MixedError when
        items of a bulk write failed, and else an ApiError whose ``unclear`` says whether it may
        have been carried out all the same.
        """
