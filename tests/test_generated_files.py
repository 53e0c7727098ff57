"""The generated files that are kept in the repository are what a fresh build makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e.tool import Tool

from reconciler.sandbox import behaviour

ROOT = Path(__file__).parents[1]
SCHEMAS = ROOT / "schemas"
NAMES = ("manifest", "plan")


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_file_is_byte_for_byte_what_the_command_prints(name: str, tmp_path: Path) -> None:
    fresh = Tool(tmp_path).done("schema", name)
    kept = (SCHEMAS / f"{name}.schema.json").read_bytes()
    assert kept == fresh.encode("utf-8"), "it is out of date: make schemas"


def test_the_reference_is_byte_for_byte_what_the_command_prints(tmp_path: Path) -> None:
    fresh = Tool(tmp_path).done("schema", "reference")
    kept = (ROOT / "docs" / "manifest.md").read_bytes()
    assert kept == fresh.encode("utf-8"), "it is out of date: make schemas"


def test_no_schema_file_escapes_the_comparison() -> None:
    assert sorted(path.name for path in SCHEMAS.iterdir()) == [
        f"{name}.schema.json" for name in NAMES
    ]


def test_the_sandbox_page_has_every_switch_with_its_source() -> None:
    fresh = [
        f"| `{name}` | {str(default).lower()} | {source} |"
        for name, default, source in behaviour.describe()
    ]
    page = (ROOT / "docs" / "sandbox.md").read_text("utf-8")
    _, _, table = page.partition("| Switch | Here | What is known |\n| --- | --- | --- |\n")
    assert table.splitlines() == fresh, "the table of docs/sandbox.md should be:\n" + "\n".join(
        fresh
    )
