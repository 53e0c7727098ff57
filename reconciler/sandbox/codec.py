"""Protobuf messages to the platform's JSON, driven by the descriptors.

snake_case, enums as numbers, 64-bit integers as text, float32 as its shortest decimal, zero values
left out but for fields that the contract flags ``cl_show_if_empty``. ``parsing`` is the way back.
"""

from __future__ import annotations

import base64
import json
import math
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from clarifai_grpc.grpc.api.utils import extensions_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

Json: TypeAlias = Any
Encoder: TypeAlias = Callable[[Any], Json]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_TIME: Final = "0001-01-01T00:00:00Z"
_SAFE_INTEGER: Final = 2.0**53

_WIDE: Final = (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)
WRAPPERS: Final = frozenset(
    f"google.protobuf.{kind}Value"
    for kind in ("Bool", "Int32", "UInt32", "Int64", "UInt64", "Float", "Double", "String", "Bytes")
)


class _Field(NamedTuple):
    name: str
    encode: Encoder
    presence: bool
    repeated: bool
    is_map: bool
    show: bool
    empty: Json


def to_json(message: Message) -> dict[str, Json]:
    """A message as the platform's JSON object."""
    result: dict[str, Json] = {}
    for field in _plan(message.DESCRIPTOR):
        if field.presence:
            if message.HasField(field.name):
                result[field.name] = field.encode(getattr(message, field.name))
            continue
        value = getattr(message, field.name)
        if field.is_map:
            if value:
                result[field.name] = {_map_key(key): field.encode(value[key]) for key in value}
        elif field.repeated:
            if value or field.show:
                result[field.name] = [field.encode(item) for item in value]
        elif value:
            result[field.name] = field.encode(value)
        elif field.show:
            result[field.name] = field.empty
    return result


def dumps(message: Message) -> bytes:
    """A message as the bytes of an answer."""
    return json.dumps(
        to_json(message), ensure_ascii=False, separators=(",", ":"), allow_nan=False
    ).encode("utf-8")


@lru_cache(maxsize=1 << 16)
def shortest(value: float) -> Json:
    """The shortest decimal that is this float32 (``0.95``); whole numbers as integers."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < _SAFE_INTEGER:
        return int(value)
    for digits in range(6, 9):
        candidate = float(f"{value:.{digits}g}")
        if as_float32(candidate) == value:
            return candidate
    return float(f"{value:.9g}")


def as_float32(value: float) -> float:
    """The nearest float32; raises OverflowError beyond its range."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def _double(value: float) -> Json:
    if not math.isfinite(value):
        return str(value)
    return int(value) if value == int(value) and abs(value) < _SAFE_INTEGER else value


def _map_key(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def time_text(stamp: Any) -> str:
    """A timestamp as RFC 3339 in UTC, with as many digits as it carries (none, 3, 6 or 9)."""
    try:
        moment = _EPOCH + timedelta(seconds=stamp.seconds)
    except OverflowError:
        return _NO_TIME
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{stamp.nanos:09d}"
    while fraction.endswith("000"):
        fraction = fraction[:-3]
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"


def value_json(value: Any) -> Json:
    """A ``google.protobuf.Value`` as JSON; whole numbers as integers."""
    match value.WhichOneof("kind"):
        case "number_value":
            return _double(value.number_value)
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return struct_json(value.struct_value)
        case "list_value":
            return [value_json(item) for item in value.list_value.values]
        case "null_value":
            return None
        case _:
            # The official client loses an empty object inside a Struct; it means one.
            return {}


def struct_json(value: Any) -> dict[str, Json]:
    """A ``google.protobuf.Struct`` as JSON."""
    return {key: value_json(item) for key, item in value.fields.items()}


@cache
def _plan(descriptor: Descriptor) -> tuple[_Field, ...]:
    return tuple(_field_plan(field) for field in descriptor.fields)


def _field_plan(field: FieldDescriptor) -> _Field:
    mapped = is_map(field)
    source = field
    if mapped and field.message_type is not None:
        source = field.message_type.fields_by_name["value"]
    scalar_show = field.GetOptions().Extensions[extensions_pb2.cl_show_if_empty]
    show = bool(scalar_show) and not (field.message_type is not None and not field.is_repeated)
    default: Json = None
    if show and not field.is_repeated:
        default = "" if field.cpp_type == FieldDescriptor.CPPTYPE_STRING else 0
        if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            default = False
        if field.cpp_type in _WIDE:
            default = "0"
    return _Field(
        name=field.name,
        encode=_encoder(source),
        presence=field.has_presence,
        repeated=field.is_repeated,
        is_map=mapped,
        show=show,
        empty=default,
    )


def _encoder(field: FieldDescriptor) -> Encoder:
    if field.message_type is not None:
        return _message_encoder(field.message_type)
    if field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT:
        return shortest
    if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE:
        return _double
    if field.cpp_type in _WIDE:
        return str
    if field.type == FieldDescriptor.TYPE_BYTES:
        return lambda value: base64.b64encode(value).decode("ascii")
    return lambda value: value


def _message_encoder(descriptor: Descriptor) -> Encoder:
    name = descriptor.full_name
    if name == "google.protobuf.Timestamp":
        return time_text
    if name == "google.protobuf.Struct":
        return struct_json
    if name == "google.protobuf.Value":
        return value_json
    if name == "google.protobuf.ListValue":
        return lambda value: [value_json(item) for item in value.values]
    if name == "google.protobuf.Duration":
        return lambda value: value.ToJsonString()
    if name in WRAPPERS:
        inner = _encoder(descriptor.fields_by_name["value"])
        return lambda value: inner(value.value)
    return to_json


def is_map(field: FieldDescriptor) -> bool:
    """Whether a repeated field is really a map."""
    return field.message_type is not None and field.message_type.GetOptions().map_entry
