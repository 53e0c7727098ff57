"""The kinds of resources there are: found by looking into ``kinds/``, so that no list is edited."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

from reconciler import kinds
from reconciler.kind import Kind


@cache
def load() -> Mapping[str, Kind]:
    """Every kind by name, in the order of creation."""
    modules = [m.name for m in pkgutil.iter_modules(kinds.__path__) if not m.ispkg]
    found: list[Kind] = [import_module(f"{kinds.__name__}.{name}").KIND for name in modules]
    return MappingProxyType({kind.name: kind for kind in sorted(found, key=lambda k: k.rank)})
