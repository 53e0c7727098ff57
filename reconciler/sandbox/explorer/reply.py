"""What the explorer is asked and what it gives back, with the headers that all of it goes out with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
)
NEVER_KEPT: Final = "no-store"
TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Look:
    """A request for a page, its path still percent-encoded; ``tag`` is what a cache says it holds."""

    method: str
    path: str
    query: str
    host: str
    tag: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What goes back to the browser."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str]


def plain(status: int, text: str, **headers: str) -> Shown:
    """A sentence that needs no page."""
    kept = {**HEADERS, "Cache-Control": NEVER_KEPT, **headers}
    return Shown(status, f"{text}\n".encode(), TEXT, kept)
