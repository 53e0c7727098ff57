"""Every switch says what is known about it, has another value to try, and does something."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

import reconciler.sandbox
from reconciler.sandbox.behaviour import ALTERNATIVES, SOURCES, Behaviour, Switch, switches

NAMES = [field.name for field in fields(Behaviour)]
CODE = "\n".join(
    path.read_text() for path in Path(reconciler.sandbox.__file__).parent.rglob("*.py")
)


def test_every_switch_says_what_is_known_about_it() -> None:
    assert sorted(SOURCES) == sorted(NAMES)
    assert [switch.name for switch in switches()] == NAMES
    assert all(source.text for source in SOURCES.values())


def test_switches_that_are_numbers_have_other_values_to_try() -> None:
    numbers = {switch.name for switch in switches() if not isinstance(switch.default, bool)}
    assert set(ALTERNATIVES) == numbers


@pytest.mark.parametrize("switch", switches(), ids=lambda switch: switch.name)
def test_every_other_value_is_another_one(switch: Switch) -> None:
    assert switch.others
    assert switch.default not in switch.others
    assert {type(other) for other in switch.others} == {type(switch.default)}


@pytest.mark.parametrize("name", NAMES)
def test_every_switch_is_read_somewhere(name: str) -> None:
    assert f"behaviour.{name}" in CODE
