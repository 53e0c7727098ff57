"""Plain scalars: what one means by the core schema of YAML 1.2, and text that no reader mistakes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

CONSTANTS: Final[Mapping[str, bool | None]] = MappingProxyType(
    {
        **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
        **dict.fromkeys(("true", "True", "TRUE"), True),
        **dict.fromkeys(("false", "False", "FALSE"), False),
    }
)
"""The plain scalars that are no numbers and no text."""
_MAX_DIGITS = 300
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
"""What the core schema calls a number and JSON has none for."""


def resolve_number(text: str) -> int | float | str:
    """The number that a plain scalar is, else the text itself; OverflowError if it is not finite."""
    if _INTEGER.fullmatch(text):
        _check_digits(text)
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if number in (float("inf"), float("-inf")):
            raise OverflowError(text)
        return number
    if _BASED.fullmatch(text):
        _check_digits(text)
        return int(text, 0)
    if NOT_FINITE.fullmatch(text):
        raise OverflowError(text)
    return text


def _check_digits(text: str) -> None:
    """Longer integers fit no number of the platform's JSON."""
    if len(text) > _MAX_DIGITS:
        raise OverflowError(text)


# --- writing

_BARE = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@-]*(?: [A-Za-z0-9_./@-]+)*")
_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_UNSEEN: Final = (*range(0x7F, 0xA0), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)
_ESCAPED: Final = {code: f"\\u{code:04x}" for code in _UNSEEN}


def scalar(text: str) -> str:
    """Bare where nothing else could be meant, else in double quotes."""
    if _BARE.fullmatch(text) and text.lower() not in _WORDS and isinstance(_number(text), str):
        return text
    return json.dumps(text, ensure_ascii=False).translate(_ESCAPED)


def _number(text: str) -> int | float | str:
    try:
        return resolve_number(text)
    except OverflowError:
        return 0.0
