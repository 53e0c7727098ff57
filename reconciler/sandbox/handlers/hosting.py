"""Where the bytes of an input can be had: the platform hosts what it was sent, the sandbox at its own
HTTP door. The address is made anew for every answer, since the door may stand elsewhere tomorrow.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from reconciler.sandbox import media
from reconciler.sandbox.context import Context, load
from reconciler.sandbox.transaction import Row

ORIGINAL: Final = "orig"
"""The contract's name of the one size that is hosted: the bytes as they came."""


def shown(row: Row, context: Context, kept: Any = None) -> Any:
    """A stored input as an answer shows it; ``kept`` is its message if that was changed just now.

    One that came as bytes gets an address (recorded: the SDK's suite downloads such images by it).
    """
    found = load(row) if kept is None else kept
    return add(found, row.k2, context)


def add(found: Any, sha256: str, context: Context) -> Any:
    """Fill in where the bytes of this digest are hosted, if they are; returns the input itself."""
    kind = media.kind_of(found.data)
    origin = context.world.origin()
    if not origin or not sha256 or kind in (None, "text"):
        return found
    medium = getattr(found.data, kind)
    user, app, id_ = (quote(part, safe="") for part in (*context.scope, found.id))
    medium.hosted.prefix = f"{origin}/explorer/{user}/{app}/inputs/{id_}/"
    medium.hosted.sizes[:] = [ORIGINAL]
    medium.url = medium.url or medium.hosted.prefix + ORIGINAL
    return found
