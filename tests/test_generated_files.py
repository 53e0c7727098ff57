"""The generated files that are kept in the repository are what a fresh build makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e.tool import Tool

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


def test_the_coverage_page_is_byte_for_byte_what_the_command_prints(tmp_path: Path) -> None:
    """It also grows with the contract, so the release that it is made from is fixed in ``dev``."""
    fresh = Tool(tmp_path).done("sandbox", "coverage")
    kept = (ROOT / "docs" / "sandbox-coverage.md").read_bytes()
    assert kept == fresh.encode("utf-8"), "it is out of date: make generated"
