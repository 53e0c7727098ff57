"""The field types that specs are made of, and how they read what YAML wrote.

A plain scalar such as ``12e4`` or ``1.0`` comes as a number that remembers its text, so that a
field declared as text keeps the spelling and all others see an ordinary number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from reconciler.catalogue import Spelling
from reconciler.values import float32, number


class WrittenInt(int):
    """An integer that remembers how it was written."""

    text: str


class WrittenFloat(float):
    """A number that remembers how it was written."""

    text: str


class WrittenBool(int):
    """A truth value that remembers how it was written; equal to 0 or 1, never taken for a number."""

    text: str


Written = WrittenInt | WrittenFloat | WrittenBool


class Spec(BaseModel):
    """The base of all specs: unknown keys are errors, values cannot change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    def stated(self, *names: str) -> dict[str, Any]:
        """Of these fields, those that the manifest states."""
        return {
            name: number(getattr(self, name))
            for name in names
            if name in self.model_fields_set and getattr(self, name) is not None
        }


def _text(value: Any) -> Any:
    return value.text if isinstance(value, Written) else value


def _flag(value: Any) -> Any:
    if isinstance(value, WrittenBool):
        return bool(value)
    if isinstance(value, bool):
        return value
    raise PydanticCustomError("bool_type", "Input should be true or false")


def _number(value: Any) -> Any:
    if isinstance(value, bool | WrittenBool) or not isinstance(value, int | float):
        raise PydanticCustomError("float_type", "Input should be a number")
    if not math.isfinite(value):
        raise PydanticCustomError("finite_number", "Input should be a finite number")
    return float(value)


def plain(value: Any) -> Any:
    """Nested data with ordinary numbers and truth values: what JSON would hold."""
    if isinstance(value, WrittenBool):
        return bool(value)
    if isinstance(value, WrittenInt):
        return int(value)
    if isinstance(value, WrittenFloat):
        return float(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


_SCALARS = ["string", "number", "boolean"]

Text = Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": _SCALARS})]
"""Text, kept as written: ``12e4`` stays ``12e4``."""

Notes = Annotated[
    str,
    BeforeValidator(_text),
    StringConstraints(max_length=65536),
    WithJsonSchema({"type": _SCALARS, "maxLength": 65536}),
]
"""Free text of at most 64 KB."""

ID_PATTERN = r"^[0-9A-Za-z]+([-_][0-9A-Za-z]+)*$"

Id = Annotated[
    str,
    BeforeValidator(_text),
    StringConstraints(pattern=ID_PATTERN, min_length=1, max_length=48),
    WithJsonSchema({"type": _SCALARS, "pattern": ID_PATTERN, "minLength": 1, "maxLength": 48}),
]
"""An id as the platform takes it: letters and digits with single ``-`` or ``_`` inside, 1 to 48."""

LooseId = Annotated[
    str,
    BeforeValidator(_text),
    StringConstraints(min_length=1, max_length=128),
    WithJsonSchema({"type": _SCALARS, "minLength": 1, "maxLength": 128}),
]
"""Concept and node ids: any text that is not empty."""

Flag = Annotated[bool, BeforeValidator(_flag)]
Number = Annotated[float, BeforeValidator(_number)]
Score = Annotated[
    float,
    BeforeValidator(_number),
    Field(ge=0, le=1),
    PlainSerializer(float32),
]
"""A score or threshold: a float32 from 0 to 1."""

Data = Annotated[dict[str, Any], BeforeValidator(plain), WithJsonSchema({"type": "object"})]
"""Free JSON, as the platform names it."""


def spelled(spelling: Spelling) -> Callable[[Any], str]:
    """A validator that takes any spelling of an enum and gives its name."""

    def name_of(value: Any) -> str:
        name = None if isinstance(value, WrittenBool) else spelling.name_of(value)
        if name is None:
            raise PydanticCustomError(
                "enum",
                "Input should be one of {expected}",
                {"expected": ", ".join(spelling.names)},
            )
        return name

    return name_of
