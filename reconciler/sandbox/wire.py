"""Messages as they come over gRPC: read from bytes, and held to what ``parsing`` holds JSON to.

Protobuf itself lets through numbers that are none, enum values that nobody defined, and fields of a
later contract. What is let in here can be stored, and shown at the other door.

A field that was left out cannot be told from one that holds its default: proto3 sends neither. So an
unset ``Concept.value`` is 0.0 here, a negative label and a threshold of 0, while JSON without ``value``
means 1: the contract's ``cl_default_float`` is a rule for JSON. That is also what the official clients
count on: the SDK writes ``value=1.0`` wherever it means a positive label.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from reconciler.sandbox import parsing
from reconciler.sandbox.codec import is_map

MAX_DEPTH: Final = parsing.MAX_DEPTH + 3 * parsing.MAX_STRUCT_DEPTH
_TIMES: Final = ("google.protobuf.Timestamp", "google.protobuf.Duration")
_REAL: Final = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)


def read(kind: Any, body: bytes) -> Any:
    """The message of this kind that the bytes hold. Raises ``BadJson`` with the place of a mistake."""
    try:
        message = kind.FromString(body)
    except DecodeError as error:
        raise parsing.BadJson("", f"the message cannot be read: {error}") from None
    message.DiscardUnknownFields()
    _check(message, "", 0)
    return message


def _check(message: Message, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise parsing.BadJson(path, f"nested more than {MAX_DEPTH} levels deep")
    if message.DESCRIPTOR.full_name in _TIMES:
        _check_time(message, path)
    for field, value in message.ListFields():
        place = f"{path}.{field.name}" if path else field.name
        if field.message_type is not None or field.cpp_type in _REAL or field.enum_type is not None:
            for inner, item in _items(field, value, place):
                _check_one(field, item, inner, depth)


def _check_time(message: Any, path: str) -> None:
    try:
        message.ToJsonString()
    except ValueError as error:
        raise parsing.BadJson(path, str(error)) from None


def _items(field: FieldDescriptor, value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if is_map(field):
        for key in value:
            yield f"{path}.{key}", value[key]
    elif field.is_repeated:
        for index, item in enumerate(value):
            yield f"{path}[{index}]", item
    else:
        yield path, value


def _check_one(field: FieldDescriptor, value: Any, path: str, depth: int) -> None:
    if isinstance(value, Message):
        # The entry of a map is a message, too.
        _check(value, path, depth + 2 if is_map(field) else depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise parsing.BadJson(path, f"{value} is not a finite number")
    elif field.enum_type is not None and value not in field.enum_type.values_by_number:
        raise parsing.BadJson(path, f"{value} is no {field.enum_type.name}")
