"""HTTP calls as data: what to send, without sending it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

Json: TypeAlias = Any
"""A decoded JSON value: None, bool, int, float, str, list or dict of these."""

Method: TypeAlias = Literal["GET", "POST", "PATCH", "DELETE"]


def _empty() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Call:
    """One request. ``path`` begins with ``/v2/`` and is percent-encoded already."""

    method: Method
    path: str
    query: Mapping[str, Any] = field(default_factory=_empty)
    body: Json = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A paged list. ``key`` is the field of the answer that holds the items.

    ``most_pages`` is where a list counts as one without end; each is a request, and is kept.
    """

    path: str
    key: str
    query: Mapping[str, Any] = field(default_factory=_empty)
    most_pages: int = 200

    def page(self, number: int, per_page: int) -> Call:
        """The call for one page; pages count from 1, ``per_page`` is at most 1000."""
        return Call("GET", self.path, {**self.query, "page": number, "per_page": per_page})


@dataclass(frozen=True, slots=True)
class Target:
    """The app that is worked on: ``user_id`` may be ``me`` until it is resolved."""

    user_id: str
    app_id: str

    @property
    def user_path(self) -> str:
        """``/v2/users/{user_id}``."""
        return f"/v2/users/{quote(self.user_id, safe='')}"

    @property
    def path(self) -> str:
        """``/v2/users/{user_id}/apps/{app_id}``, the ``~`` of the API tables."""
        return f"{self.user_path}/apps/{quote(self.app_id, safe='')}"

    def at(self, *parts: str) -> str:
        """A path below the app, each part percent-encoded."""
        return "/".join((self.path, *(quote(part, safe="") for part in parts)))
