"""Progress on a terminal; silent without one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reconciler.cli.streams import is_interactive


@contextmanager
def counter(word: str) -> Iterator[Callable[[int, int], None]]:
    """A counter on one line of stderr: ``  128 of 1,197 sent``."""
    interactive = is_interactive()

    def tell(done: int, total: int) -> None:
        if interactive:
            sys.stderr.write(f"\r\x1b[K  {done:,} of {total:,} {word}")
            sys.stderr.flush()

    try:
        yield tell
    finally:
        if interactive:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
