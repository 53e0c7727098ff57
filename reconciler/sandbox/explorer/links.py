"""Addresses of the explorer's pages. Ids may be any text, so each part is encoded whole."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlencode

from reconciler.sandbox.transaction import Scope

PREFIX: Final = "/explorer"
HOME: Final = "/"
ICON: Final = "/favicon.ico"


def to(*parts: str, **query: object) -> str:
    """The page at these parts below the prefix; empty values of the query are left out."""
    path = "/".join([PREFIX, *(quote(part, safe="") for part in parts)])
    given = {name: str(value) for name, value in query.items() if value not in ("", None)}
    return f"{path}?{urlencode(given)}" if given else path


def within(scope: Scope, *parts: str, **query: object) -> str:
    """A page of an app."""
    return to(scope.user, scope.app, *parts, **query)
