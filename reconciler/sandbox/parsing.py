"""The platform's JSON, and query strings, to protobuf messages.

Read generously (fact sheet, section 1): enum names or numbers, integral floats for integers,
``True``/``False`` as text, unknown keys ignored; a field that the contract flags ``cl_default_float``
takes that default when absent. What cannot be meant is refused with the place of the field.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from clarifai_grpc.grpc.api.utils import extensions_pb2
from google.protobuf import struct_pb2, timestamp_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from reconciler.sandbox.codec import WRAPPERS, Json, as_float32, is_map

# Protobuf reads no message that nests 100 deep, one level of a Struct is three of its messages, and an
# answer wraps what was sent a few times more: what is let in here can be stored and read again.
MAX_DEPTH: Final = 32
MAX_STRUCT_DEPTH: Final = 20
# Official clients write 0.0 for a value that nobody set; who writes a plain 0 means it. The sign
# keeps the two apart: it is stored, is equal to zero, and JSON prints it as 0.
MEANT_ZERO: Final = -0.0
_INDEX: Final = re.compile(r"\[\d*\]")
_INT_RANGES: Final = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


def is_meant(value: float) -> bool:
    """Whether a concept's value was said; a zero that an official client writes may be unset."""
    return value != 0 or math.copysign(1, value) < 0


class BadJson(ValueError):
    """A request that is not what the contract says: ``path`` names the field."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path = path
        self.problem = problem


def loads(body: bytes) -> dict[str, Json]:
    """The body of a request as a JSON object; empty means ``{}``. Raises ``BadJson``."""
    if not body.strip():
        return {}
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except RecursionError:
        raise BadJson("", "the body is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise BadJson("", f"the body is not UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise BadJson(
            "", f"the body is not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        ) from None
    except ValueError as error:
        raise BadJson("", f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadJson("", f"the body must be an object, not {_kind(value)}")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def parse_into(message: Message, value: Mapping[str, Json], *, skip: Iterable[str] = ()) -> None:
    """Fill a message from a JSON object; keys in ``skip`` and unknown keys are ignored."""
    skipped = frozenset(skip)
    _fill(message, {key: item for key, item in value.items() if key not in skipped}, "", 0)


def _fill(message: Any, value: Json, path: str, depth: int) -> None:
    if not isinstance(value, dict):
        raise BadJson(path, f"expected an object, got {_kind(value)}")
    if depth > MAX_DEPTH:
        raise BadJson(path, f"nested more than {MAX_DEPTH} levels deep")
    fields = _names(message.DESCRIPTOR)
    for key, item in value.items():
        field = fields.get(key)
        if field is None or item is None:
            continue
        _set(message, field, item, f"{path}.{key}" if path else key, depth + 1)
    for name, default in _float_defaults(message.DESCRIPTOR):
        sent = value.get(name)
        if sent is None:
            setattr(message, name, default)
        elif type(sent) is int and not sent:
            setattr(message, name, MEANT_ZERO)


@cache
def _names(descriptor: Descriptor) -> Mapping[str, FieldDescriptor]:
    by_name = {field.json_name: field for field in descriptor.fields}
    by_name.update({field.name: field for field in descriptor.fields})
    return by_name


@cache
def _float_defaults(descriptor: Descriptor) -> tuple[tuple[str, float], ...]:
    pairs = (
        (field.name, field.GetOptions().Extensions[extensions_pb2.cl_default_float])
        for field in descriptor.fields
    )
    return tuple((name, default) for name, default in pairs if default)


def _set(message: Any, field: FieldDescriptor, value: Json, path: str, depth: int) -> None:
    if is_map(field):
        _set_map(message, field, value, path, depth)
    elif field.is_repeated:
        _set_list(message, field, value, path, depth)
    elif field.message_type is not None:
        target = getattr(message, field.name)
        target.SetInParent()
        _set_message(target, value, path, depth)
    else:
        _assign(message, field, _scalar(field, value, path), path)


def _set_list(message: Any, field: FieldDescriptor, value: Json, path: str, depth: int) -> None:
    if not isinstance(value, list):
        raise BadJson(path, f"expected a list, got {_kind(value)}")
    target = getattr(message, field.name)
    for index, item in enumerate(value):
        place = f"{path}[{index}]"
        if item is None:
            raise BadJson(place, "null is not allowed in a list")
        if field.message_type is not None:
            _set_message(target.add(), item, place, depth)
        else:
            try:
                target.append(_scalar(field, item, place))
            except (ValueError, UnicodeError) as error:
                raise BadJson(place, _plain(error)) from None


def _set_map(message: Any, field: FieldDescriptor, value: Json, path: str, depth: int) -> None:
    if not isinstance(value, dict):
        raise BadJson(path, f"expected an object, got {_kind(value)}")
    assert field.message_type is not None
    keys, values = (field.message_type.fields_by_name[name] for name in ("key", "value"))
    target = getattr(message, field.name)
    for key, item in value.items():
        place = f"{path}.{key}"
        typed = _scalar(keys, key, place)
        if values.message_type is not None:
            _set_message(target[typed], item, place, depth)
        else:
            target[typed] = _scalar(values, item, place)


def _assign(message: Any, field: FieldDescriptor, value: Any, path: str) -> None:
    try:
        setattr(message, field.name, value)
    except (ValueError, UnicodeError) as error:
        raise BadJson(path, _plain(error)) from None


def _set_message(target: Any, value: Json, path: str, depth: int) -> None:
    name = target.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        _parse_time(target, value, path)
    elif name == "google.protobuf.Struct":
        fill_struct(target, value, path)
    elif name == "google.protobuf.Value":
        fill_value(target, value, path, 0)
    elif name == "google.protobuf.ListValue":
        fill_value(struct_pb2.Value(list_value=target), value, path, 0)
    elif name == "google.protobuf.Duration":
        try:
            target.FromJsonString(value)
        except (ValueError, TypeError, AttributeError):
            raise BadJson(path, "expected a duration such as '3.5s'") from None
    elif name in WRAPPERS:
        field = target.DESCRIPTOR.fields_by_name["value"]
        _assign(target, field, _scalar(field, value, path), path)
    else:
        _fill(target, value, path, depth)


def _parse_time(target: Any, value: Json, path: str) -> None:
    if not isinstance(value, str):
        raise BadJson(path, f"expected a time such as 2024-07-01T10:00:00Z, got {_kind(value)}")
    stamp = timestamp_pb2.Timestamp()
    try:
        stamp.FromJsonString(value)
    except ValueError:
        raise BadJson(path, f"'{value}' is no RFC 3339 time") from None
    target.CopyFrom(stamp)


def fill_struct(target: Any, value: Json, path: str = "", depth: int = 0) -> None:
    """Fill a ``Struct`` from a JSON object."""
    if not isinstance(value, dict):
        raise BadJson(path, f"expected an object, got {_kind(value)}")
    for key, item in value.items():
        try:
            slot = target.fields[key]
        except (ValueError, UnicodeError) as error:
            raise BadJson(path, _plain(error)) from None
        fill_value(slot, item, f"{path}.{key}", depth + 1)


def fill_value(target: Any, value: Json, path: str = "", depth: int = 0) -> None:
    """Fill a ``Value`` from any JSON value."""
    if depth > MAX_STRUCT_DEPTH:
        raise BadJson(path, f"nested more than {MAX_STRUCT_DEPTH} levels deep")
    match value:
        case None:
            target.null_value = struct_pb2.NULL_VALUE
        case bool():
            target.bool_value = value
        case int() | float():
            target.number_value = _finite(value, path)
        case str():
            try:
                target.string_value = value
            except (ValueError, UnicodeError) as error:
                raise BadJson(path, _plain(error)) from None
        case dict():
            target.struct_value.SetInParent()
            fill_struct(target.struct_value, value, path, depth)
        case _:
            target.list_value.SetInParent()
            for index, item in enumerate(value):
                fill_value(target.list_value.values.add(), item, f"{path}[{index}]", depth + 1)


def _scalar(field: FieldDescriptor, value: Json, path: str) -> Any:
    kind = field.cpp_type
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes(value, path)
    if kind == FieldDescriptor.CPPTYPE_STRING:
        if not isinstance(value, str):
            raise BadJson(path, f"expected text, got {_kind(value)}")
        return value
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return _bool(value, path)
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return _enum(field, value, path)
    if kind in _INT_RANGES:
        return _integer(value, path, *_INT_RANGES[kind])
    number = _finite(value, path)
    if kind == FieldDescriptor.CPPTYPE_FLOAT:
        try:
            return as_float32(number)
        except OverflowError:
            raise BadJson(path, f"{number!r} does not fit a 32-bit float") from None
    return number


def _bool(value: Json, path: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "1"):
        return True
    if isinstance(value, str) and value.lower() in ("false", "0", ""):
        return False
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    raise BadJson(path, f"expected true or false, got {_kind(value)}")


def _enum(field: FieldDescriptor, value: Json, path: str) -> int:
    enum = field.enum_type
    assert enum is not None
    # Asked for text that is no Unicode, protobuf's table breaks.
    if isinstance(value, str) and value.isascii():
        known = enum.values_by_name.get(value)
        if known is not None:
            return int(known.number)
    try:
        number = _integer(value, path, -(2**31), 2**31 - 1)
    except BadJson:
        raise BadJson(path, f"{_show(value)} is no {enum.name}") from None
    if number not in enum.values_by_number:
        raise BadJson(path, f"{number} is no {enum.name}")
    return number


def _integer(value: Json, path: str, low: int, high: int) -> int:
    number: int | None = None
    if isinstance(value, bool):
        pass
    elif isinstance(value, int):
        number = value
    elif isinstance(value, float):
        number = int(value) if value.is_integer() else None
    elif isinstance(value, str) and len(value) <= 32:
        number = _integer_text(value)
    if number is None:
        raise BadJson(path, f"expected a whole number, got {_show(value)}")
    if not low <= number <= high:
        raise BadJson(path, f"{number} is not between {low} and {high}")
    return number


def _integer_text(text: str) -> int | None:
    try:
        number = float(text)
        exact = int(text) if text.strip().lstrip("+-").isdigit() else None
    except ValueError:
        return None
    if exact is not None:
        return exact
    return int(number) if math.isfinite(number) and number.is_integer() else None


def _finite(value: Json, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise BadJson(path, f"expected a number, got {_kind(value)}")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise BadJson(path, f"{_show(value)} is no number") from None
    if not math.isfinite(number):
        raise BadJson(path, f"{_show(value)} is not a finite number")
    return number


def _bytes(value: Json, path: str) -> bytes:
    if not isinstance(value, str):
        raise BadJson(path, f"expected base64 text, got {_kind(value)}")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadJson(path, f"not base64: {_plain(error)}") from None


def _plain(error: Exception) -> str:
    return (
        f"{type(error).__name__}: text that cannot be stored"
        if isinstance(error, UnicodeError)
        else str(error)
    )


def _kind(value: Json) -> str:
    names = {dict: "an object", list: "a list", str: "text", type(None): "null"}
    if isinstance(value, bool):
        return "true or false"
    return names.get(type(value), "a number")


def _show(value: Json) -> str:
    text = repr(value) if isinstance(value, str | int | float) else _kind(value)
    return text if len(text) <= 60 else text[:57] + "..."


def bind_text(message: Message, path: str, texts: list[str]) -> None:
    """Set the field at a dotted path from text: a path variable or a query parameter.

    Unknown paths are ignored. ``statuses[].code``, ``statuses[0].code`` and the ``statuses`` of a
    repeated message with a ``code`` fill one item per text: such filters are written in all ways.
    """
    target: Any = message
    parts = _INDEX.sub("", path).split(".")
    for part in parts[:-1]:
        field = _names(target.DESCRIPTOR).get(part)
        if field is None or field.message_type is None or is_map(field):
            return
        if field.is_repeated:
            for text in texts:
                item = getattr(target, field.name).add()
                bind_text(item, ".".join(parts[parts.index(part) + 1 :]), [text])
            return
        target = getattr(target, field.name)
        target.SetInParent()
    field = _names(target.DESCRIPTOR).get(parts[-1])
    if field is None or not texts:
        return
    if field.message_type is not None:
        _bind_message(target, field, texts, path)
    elif field.is_repeated:
        _set_list(target, field, list(texts), path, 0)
    else:
        _assign(target, field, _scalar(field, texts[-1], path), path)


def _bind_message(target: Any, field: FieldDescriptor, texts: list[str], path: str) -> None:
    assert field.message_type is not None
    code = field.message_type.fields_by_name.get("code")
    if field.is_repeated and code is not None:
        for text in texts:
            bind_text(getattr(target, field.name).add(), "code", [text])
    elif not field.is_repeated and field.message_type.full_name.startswith("google.protobuf."):
        _set_message(getattr(target, field.name), texts[-1], path, 0)
