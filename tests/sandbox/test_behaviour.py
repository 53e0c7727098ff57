"""Every switch has a source, and does something."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

import reconciler.sandbox
from reconciler.sandbox.behaviour import SOURCES, Behaviour, describe

NAMES = [field.name for field in fields(Behaviour)]
CODE = "\n".join(
    path.read_text() for path in Path(reconciler.sandbox.__file__).parent.rglob("*.py")
)


def test_every_switch_says_what_is_known_about_it() -> None:
    assert sorted(SOURCES) == sorted(NAMES)
    assert [name for name, _, _ in describe()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_switch_is_read_somewhere(name: str) -> None:
    assert f"behaviour.{name}" in CODE
