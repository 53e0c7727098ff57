"""What JSON from outside has to look like: checked once, where it comes in, so that nothing after has to.

Only what this tool reads is described; a field that it does not know may hold anything that is not
nested without end.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from reconciler.errors import ReconcilerError

DEEPEST = 100
"""How deep free JSON may be nested; protobuf's own parsers stop there as well."""

SHOWN = 60
"""Characters of a wrong value that a message shows."""


class Shape(Protocol):
    """How a value has to look."""

    def check(self, value: Any) -> None:
        """Raises ``MisfitError`` for the first place where decoded JSON is not as described.

        A field that is null is taken out, which is what protobuf's JSON means by it.
        """


@dataclass(frozen=True, slots=True)
class Plain:
    """A scalar of some types, named by ``words``; text may have to fit a ``pattern`` as well."""

    words: str
    types: frozenset[type]
    pattern: re.Pattern[str] | None = None

    def check(self, value: Any) -> None:
        """One of the types, and fitting the pattern."""
        if type(value) not in self.types:
            raise _misfit(self.words, value)
        if self.pattern is not None and self.pattern.fullmatch(value) is None:
            raise _misfit(self.words, value)


@dataclass(frozen=True, slots=True)
class Free:
    """A map of anything: metadata, parameters."""

    def check(self, value: Any) -> None:
        """A map that is not nested without end."""
        _require(dict, value)
        check_depth(value)


@dataclass(frozen=True, slots=True)
class Many:
    """A list."""

    item: Shape

    def check(self, value: Any) -> None:
        """A list of what each item has to be."""
        _require(list, value)
        for index, item in enumerate(value):
            try:
                self.item.check(item)
            except MisfitError as error:
                error.steps.append(index)
                raise


@dataclass(frozen=True, slots=True)
class Table:
    """A map whose keys are data."""

    value: Shape

    def check(self, value: Any) -> None:
        """A map of what each value has to be."""
        _require(dict, value)
        for name, item in value.items():
            try:
                self.value.check(item)
            except MisfitError as error:
                error.steps.append(name)
                raise


@dataclass(frozen=True, slots=True)
class Message:
    """A map with known fields.

    Those in ``needs`` have to say something, those in ``there`` may be blank but not absent.
    """

    fields: Mapping[str, Shape]
    needs: tuple[str, ...] = ()
    there: tuple[str, ...] = ()
    _plain: Mapping[str, frozenset[type]] = field(init=False, repr=False, compare=False)
    """By field, the types that are enough for a value to fit: those of most values are."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", MappingProxyType(dict(self.fields)))
        plain = {
            name: shape.types if isinstance(shape, Plain) and shape.pattern is None else frozenset()
            for name, shape in self.fields.items()
        }
        object.__setattr__(self, "_plain", MappingProxyType(plain))

    def check(self, value: Any) -> None:
        """A map whose known fields are as described, with what is needed in it."""
        _require(dict, value)
        for name, item in value.items():
            if type(item) in self._plain.get(name, _SCALARS) or item is None:
                continue
            try:
                self.fields.get(name, _UNKNOWN).check(item)
            except MisfitError as error:
                error.steps.append(name)
                raise
        for name in [name for name, item in value.items() if item is None]:
            del value[name]
        for name in self.needs:
            if value.get(name, "") == "":
                raise MisfitError(f"has no {name}")
        for name in self.there:
            if name not in value:
                raise MisfitError(f"has no {name}")


@dataclass(frozen=True, slots=True)
class _Unknown:
    """What this tool does not know: anything."""

    def check(self, value: Any) -> None:
        """Whatever it is, not nested without end."""
        check_depth(value)


_UNKNOWN = _Unknown()
_SCALARS = frozenset({str, int, float, bool})

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


def parse_json(text: str, **settings: Any) -> Any:
    """The value that a JSON text says, with no number that a double could not hold.

    ``settings`` are ``json.loads``'s. Raises ``ValueError`` and ``RecursionError``.
    """
    return json.loads(
        text, parse_constant=_no_number, parse_float=_float, parse_int=_int, **settings
    )


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is larger than any double")
    return value


def _int(text: str) -> int:
    if len(text) > 300:
        raise ValueError("a number is larger than any double")
    return int(text)


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


def _require(kind: type, value: Any) -> None:
    if type(value) is not kind:
        raise _misfit("a map" if kind is dict else "a list", value)


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
