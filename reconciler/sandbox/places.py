"""Where concepts can stand in a ``Data``: at its top, and in regions, frames and time segments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def places(data: Any) -> Iterator[Any]:
    """The ``Data`` itself and every one within it, the outermost first."""
    yield data
    for parts in (data.regions, data.frames, data.time_segments):
        for part in parts:
            if part.HasField("data"):
                yield from places(part.data)
