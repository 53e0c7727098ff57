"""The field types that specs are made of, and how they read what YAML wrote.

A plain scalar such as ``12e4`` or ``1.0`` comes as a number that remembers its text, so that a
field declared as text keeps the spelling and all others see an ordinary number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from reconciler.catalogue import VISIBILITIES, Spelling
from reconciler.values import MARK_KEY, float32, number


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
    """The base of all specs: unknown keys are errors, values cannot change.

    ``WIRE`` says of a key where its value stands in what the platform is sent (empty: it stays
    here), ``EXAMPLE`` is what one may look like; a subclass adds to both. They are for editors and
    the reference alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    WIRE: ClassVar[Mapping[str, str]] = MappingProxyType({})
    EXAMPLE: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """With each key's wire field as ``x-wire``, and with examples."""
        reference = handler(core_schema)
        schema = handler.resolve_ref_schema(reference)
        inherited = [vars(base) for base in reversed(cls.__mro__)]
        for base in inherited:
            for key, path in base.get("WIRE", {}).items():
                schema["properties"][key]["x-wire"] = path
            for key, value in base.get("EXAMPLE", {}).items():
                schema["properties"][key]["examples"] = [value]
        if cls.EXAMPLE:
            schema["examples"] = [dict(cls.EXAMPLE)]
        return reference

    def stated(self, *names: str) -> dict[str, Any]:
        """Of these fields, those that the manifest states; empty text states nothing.

        The messages of the API cannot tell empty text from none, so that it could not be sent.
        """
        return {
            name: number(getattr(self, name))
            for name in names
            if name in self.model_fields_set and getattr(self, name) not in (None, "")
        }


def mistake(
    code: str, message: str, *, hint: str = "", at: tuple[str | int, ...] = (), key: bool = False
) -> PydanticCustomError:
    """What a validator raises to be shown as it says, ``at`` a place below the value (or its key)."""
    told = {"message": message, "hint": hint, "at": at, "key": key}
    return PydanticCustomError(code, "{message}", told)


def form(name: str) -> str:
    """The tag of one form of a value that has several; pydantic puts it into an error's path."""
    return f"<{name}>"


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

NOTES_BYTES = 65536


def _short_enough(value: str) -> str:
    size = len(value.encode())
    if size > NOTES_BYTES:
        raise mistake(
            "RC303", f"notes of {size:,} bytes, the platform takes at most {NOTES_BYTES:,}"
        )
    return value


Notes = Annotated[
    str,
    BeforeValidator(_text),
    AfterValidator(_short_enough),
    WithJsonSchema({"type": _SCALARS, "maxLength": NOTES_BYTES}),
]
"""Free text of at most 64 KB."""

ID_PATTERN = r"^[0-9A-Za-z]+([-_][0-9A-Za-z]+)*$"
ID_LENGTH = 48
LOOSE_ID_LENGTH = 128

Id = Annotated[
    str,
    StringConstraints(pattern=ID_PATTERN, max_length=ID_LENGTH),
    BeforeValidator(_text),
    WithJsonSchema({"type": _SCALARS, "pattern": ID_PATTERN, "maxLength": ID_LENGTH}),
]
"""An id as the platform takes it: letters and digits with single ``-`` or ``_`` inside, 1 to 48."""


def _no_dots(value: str) -> str:
    if value in (".", ".."):
        raise mistake(
            "RC106",
            f"{value!r} is no id: a path that holds it would lead elsewhere",
            hint="choose one that is more than dots",
        )
    return value


LooseId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LOOSE_ID_LENGTH),
    AfterValidator(_no_dots),
    BeforeValidator(_text),
    WithJsonSchema({"type": _SCALARS, "minLength": 1, "maxLength": LOOSE_ID_LENGTH}),
]
"""Concept and node ids: any text that is not empty."""

Flag = Annotated[bool, BeforeValidator(_flag)]
Number = Annotated[float, BeforeValidator(_number)]
Score = Annotated[
    float,
    Field(ge=0, le=1),
    BeforeValidator(_number),
    PlainSerializer(float32),
]
"""A score or threshold: a float32 from 0 to 1."""

Data = Annotated[dict[str, Any], BeforeValidator(plain), WithJsonSchema({"type": "object"})]
"""Free JSON, as the platform names it."""


def _without_mark(value: dict[str, Any]) -> dict[str, Any]:
    if MARK_KEY in value:
        raise mistake(
            "RC101",
            f"the key {MARK_KEY!r} holds this tool's own mark",
            hint="use another key",
            at=(MARK_KEY,),
            key=True,
        )
    return value


Metadata = Annotated[
    Data,
    AfterValidator(_without_mark),
    WithJsonSchema({"type": "object", "properties": {MARK_KEY: {"not": {}}}}),
]
"""Free JSON of the user's own, beside which our mark is kept."""


def spellings(spelling: Spelling) -> WithJsonSchema:
    """What an editor offers for an enum, its names and numbers; numbers as text are taken too."""
    numbers = [spelling.number_of(name) for name in spelling.names]
    as_text = rf"^0*({'|'.join(map(str, numbers))})(\.0+)?$"
    forms = [{"enum": [*spelling.names, *numbers]}, {"type": "string", "pattern": as_text}]
    return WithJsonSchema({"anyOf": forms})


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


Visibility = Annotated[str, BeforeValidator(spelled(VISIBILITIES)), spellings(VISIBILITIES)]
"""Who may see an app or a model."""
