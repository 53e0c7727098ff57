"""Every method that the sandbox has, with its handler: found by looking into this folder."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reconciler.sandbox.context import Entry


def _scan() -> Iterator[tuple[str, Entry]]:
    """What each module calls its ``ENTRIES``; those that only help others have none."""
    for found in pkgutil.iter_modules([str(Path(__file__).parent)]):
        name = f"{__package__}.{found.name}"
        if name != __name__:
            yield from getattr(import_module(name), "ENTRIES", {}).items()


ENTRIES: Final[Mapping[str, Entry]] = MappingProxyType(dict(_scan()))
"""Handlers by the name of their RPC."""
