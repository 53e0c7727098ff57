"""The JSON Schema that a manifest names for editors: a shared one, or one of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from reconciler.cli.streams import say

OWN: Final = Path("_schema") / "manifest.schema.json"
"""Where a folder of manifests keeps its own, as seen from there."""

_SHARED: Final = Path("schemas") / "manifest.schema.json"


def shared_schema(folder: Path) -> str | None:
    """The way to a schema that the repository around the folder keeps, if there is one."""
    here = folder.resolve()
    for above in (here, *here.parents):
        found = above / _SHARED
        if found.is_file() and _is_ours(found):
            return Path(os.path.relpath(found, here)).as_posix()
        if (above / ".git").exists():
            return None
    return None


def _is_ours(path: Path) -> bool:
    import json

    from reconciler.manifest.schema import SCHEMA_ID

    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("$id") == SCHEMA_ID


def write_schema(folder: Path) -> None:
    """Writes the folder's own unless something is there. Raises ``SettingsError``."""
    import json

    from reconciler import registry
    from reconciler.cli.files import make_folder, write_whole
    from reconciler.manifest import schema

    path = folder / OWN
    if os.path.lexists(path):
        return
    make_folder(path.parent)
    built = schema.json_schema(registry.load())
    write_whole(path, json.dumps(built, indent=2, ensure_ascii=False) + "\n")
    say(f"written: {path.as_posix()}")
