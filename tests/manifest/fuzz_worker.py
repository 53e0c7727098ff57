"""Loads manifests that nobody would write, in a process that may not grow: one JSON line a case.

The answer is a JSON line too: how many calls it took, and a traceback if there was one.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from work import calls

from reconciler import registry
from reconciler.call import Target
from reconciler.diagnostics import Diagnostic, has_errors
from reconciler.errors import ManifestError
from reconciler.kind import Scope
from reconciler.manifest import documents, schema
from reconciler.manifest.desired import Inputs, load
from reconciler.manifest.files import split_lines
from reconciler.report.diagnostics import RENDERERS

KINDS = registry.load()
SCHEMA = schema.json_schema(KINDS)
CALLED = {"base": "app.yaml", "overlay": "_overlay.yaml", "vars": "_vars.yaml"}


def check(folder: Path, case: Mapping[str, Any]) -> None:
    """Does with a case what the commands do; raises whatever should never be raised."""
    for part, name in CALLED.items():
        path = folder / name
        path.unlink(missing_ok=True)
        if part in case:
            path.write_bytes(case[part].encode("latin-1"))
    inputs = Inputs(
        overlays=(folder / CALLED["overlay"],) if "overlay" in case else (),
        variable_files=(folder / CALLED["vars"],) if "vars" in case else (),
        variables=case.get("variables", {}),
    )
    try:
        manifest = load(folder, KINDS, default_app_id="app", inputs=inputs)
    except ManifestError as error:
        assert has_errors(error.diagnostics)
        found, sources = error.diagnostics, error.sources
    else:
        assert not has_errors(manifest.diagnostics)
        found, sources = manifest.diagnostics, manifest.sources
        manifest.build(KINDS, Scope(Target("alice", manifest.app_id), "alice"))
    for render in RENDERERS.values():
        render(found, sources, color=False).encode("utf-8", "backslashreplace")
    lengths = {file: len(split_lines(text)) for file, text in sources.items()}
    for one in found:
        check_told(one, lengths)


def check_told(found: Diagnostic, lengths: Mapping[str, int]) -> None:
    """That a problem is told in few words, at a place that is there."""
    assert found.message
    assert "\n" not in found.message + found.hint
    assert len(found.message) <= 400 >= len(found.hint), found
    assert not re.search(r"\b(pydantic|object at 0x)\b", found.message)
    for origin in (found.origin, *(place for _, place in found.related)):
        if origin.line and origin.file in lengths:
            assert origin.line <= lengths[origin.file] + 1, found
            assert origin.column >= 1


def main() -> None:
    """Answers each line of stdin; ends with it."""
    # what a first run imports and builds does not count as a case's
    documents.parse("a: b", "f")
    megabytes = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        check(Path(folder), {"base": "app: {id: a}\nconcepts: [x, x]"})
        limit = _size() + megabytes * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        for line in sys.stdin:
            case, told = json.loads(line), []
            count = calls(lambda: told.append(tried(Path(folder), case)))  # noqa: B023
            print(json.dumps([count, *told]), flush=True)


def tried(folder: Path, case: Mapping[str, Any]) -> str:
    """The traceback that a case brings, if any."""
    try:
        check(folder, case)
    except BaseException:  # noqa: BLE001  # nothing at all may come through
        return traceback.format_exc()
    return ""


def _size() -> int:
    """Bytes of address space that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main()
