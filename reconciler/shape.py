"""What JSON from outside has to look like: checked once, where it comes in, so that nothing after has to.

Only what this tool reads is described; a field that it does not know may hold anything that is not
nested without end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from reconciler.errors import ReconcilerError

DEEPEST = 100
"""How deep free JSON may be nested; protobuf's own parsers stop there as well."""

SHOWN = 60
"""Characters of a wrong value that a message shows."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A scalar of some types, named by ``words``; text may have to fit a ``pattern`` as well."""

    words: str
    types: frozenset[type]
    pattern: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Free:
    """A map of anything: metadata, parameters."""


@dataclass(frozen=True, slots=True)
class Many:
    """A list."""

    item: Shape


@dataclass(frozen=True, slots=True)
class Table:
    """A map whose keys are data."""

    value: Shape


@dataclass(frozen=True, slots=True)
class Message:
    """A map with known fields.

    Those in ``needs`` have to say something, those in ``there`` may be blank but not absent.
    """

    fields: Mapping[str, Shape]
    needs: tuple[str, ...] = ()
    there: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", MappingProxyType(dict(self.fields)))


Shape: TypeAlias = Plain | Free | Many | Table | Message

TEXT = Plain("text", frozenset({str}))
NAME = Plain("text without a slash", frozenset({str}), re.compile(r"[^/]*"))
FULL_NAME = Plain("ID or user/app/ID", frozenset({str}), re.compile(r"[^/]+(/[^/]+/[^/]+)?"))
NUMBER = Plain("a number", frozenset({int, float}))
FLAG = Plain("true or false", frozenset({bool}))
SCALAR = Plain("a number or text", frozenset({int, float, str}))
FREE = Free()


class MisfitError(ReconcilerError):
    """A value that has not the shape that was expected. ``path`` leads to it: ``models[3].id``."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.steps: list[str | int] = []

    @property
    def path(self) -> str:
        """Where it stands, empty for the whole."""
        text = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in reversed(self.steps))
        text = text.removeprefix(".")
        return text if len(text) <= 4 * SHOWN else text[: 4 * SHOWN] + "…"


def check(value: Any, shape: Shape) -> None:
    """Raises ``MisfitError`` for the first place where decoded JSON is not as described.

    A field that is null is taken out, which is what protobuf's JSON means by it.
    """
    match shape:
        case Message():
            _check_message(value, shape)
        case Plain():
            if type(value) not in shape.types:
                raise _misfit(shape.words, value)
            if shape.pattern is not None and shape.pattern.fullmatch(value) is None:
                raise _misfit(shape.words, value)
        case Many():
            if type(value) is not list:
                raise _misfit("a list", value)
            for index, item in enumerate(value):
                _step(index, item, shape.item)
        case Table():
            if type(value) is not dict:
                raise _misfit("a map", value)
            for name, item in value.items():
                _step(name, item, shape.value)
        case Free():
            if type(value) is not dict:
                raise _misfit("a map", value)
            check_depth(value)


def check_depth(value: Any) -> None:
    """Raises ``MisfitError`` for what is nested deeper than ``DEEPEST``."""
    level = [value] if type(value) is dict or type(value) is list else []
    for _ in range(DEEPEST):
        level = [
            item
            for one in level
            for item in (one.values() if type(one) is dict else one)
            if type(item) is dict or type(item) is list
        ]
        if not level:
            return
    raise MisfitError(f"is nested more than {DEEPEST} deep")


def _check_message(value: Any, shape: Message) -> None:
    if type(value) is not dict:
        raise _misfit("a map", value)
    nulls = []
    for name, item in value.items():
        if item is None:
            nulls.append(name)
            continue
        expected = shape.fields.get(name)
        if expected is None:
            if type(item) is dict or type(item) is list:
                _deep(name, item)
        elif type(expected) is Plain and expected.pattern is None:  # most fields of most answers
            if type(item) not in expected.types:
                _step(name, item, expected)
        else:
            _step(name, item, expected)
    for name in nulls:
        del value[name]
    for name in shape.needs:
        if value.get(name) in (None, ""):
            raise MisfitError(f"has no {name}")
    for name in shape.there:
        if name not in value:
            raise MisfitError(f"has no {name}")


def _step(step: str | int, item: Any, shape: Shape) -> None:
    try:
        check(item, shape)
    except MisfitError as error:
        error.steps.append(step)
        raise


def _deep(name: str, item: Any) -> None:
    try:
        check_depth(item)
    except MisfitError as error:
        error.steps.append(name)
        raise


def _misfit(expected: str, value: Any) -> MisfitError:
    match value:
        case None:
            found = "nothing"
        case bool():
            found = "true" if value else "false"
        case str():
            found = f"text {_short(repr(value[: SHOWN + 1]))}"
        case int() | float():
            found = f"number {_short(repr(value))}"
        case list():
            found = "a list"
        case _:
            found = "a map"
    return MisfitError(f"is {found}, where {expected} was expected")


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
