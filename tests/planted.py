"""A token that tests plant, and the search for it in all that a test run leaves behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

PLANTED = "planted-0123456789abcdef"
"""Goes only where a token belongs: into a header. Found anywhere else it has leaked."""

_PIECE = 1024 * 1024


def leaks_in_texts(texts: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Of (name, text) pairs, the names of those that hold the token, each once."""
    yield from dict.fromkeys(name for name, text in texts if PLANTED in text)


def leaks_in_files(folder: Path) -> Iterator[str]:
    """Every file below a folder whose name or content holds the token."""
    for path in sorted(folder.rglob("*")):
        if PLANTED in path.name or (path.is_file() and not path.is_symlink() and _holds(path)):
            yield str(path)


def _holds(path: Path) -> bool:
    wanted, kept = PLANTED.encode(), b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            if wanted in kept + piece:
                return True
            kept = piece[-len(wanted) :]
    return False
