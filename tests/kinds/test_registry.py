"""Every kind there is, found by scanning: what each of them must have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from reconciler import registry
from reconciler.diagnostics import CODES
from reconciler.kind import Kind
from reconciler.manifest import schema

ROOT = Path(__file__).parents[2]
KINDS = registry.load()


def test_kinds_come_in_the_order_of_creation() -> None:
    assert list(KINDS) == [
        "app",
        "concept",
        "relation",
        "model",
        "workflow",
        "app.default_workflow",
    ]
    with pytest.raises(TypeError):
        KINDS["app"] = KINDS["app"]  # type: ignore[index]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_kind_has_a_section_a_schema_and_an_example(kind: Kind) -> None:
    assert kind.unknown_code in {"", *CODES}
    if not kind.section:
        return
    built = schema.json_schema(KINDS)["properties"][kind.section]
    assert built["description"]
    examples = (ROOT / "manifests").glob("[!_]*/*.yaml")
    assert any(kind.section in yaml.safe_load(path.read_text()) for path in examples)


def test_every_code_that_is_reported_exists() -> None:
    used = {
        code
        for path in (ROOT / "reconciler").rglob("*.py")
        for code in re.findall(r'"(RC\d{3})"', path.read_text())
    }
    assert used == set(CODES)
