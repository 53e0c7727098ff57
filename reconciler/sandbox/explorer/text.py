"""Texts for people: what nobody could see is made visible, numbers and times are short."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from reconciler.sandbox import codec, status
from reconciler.sandbox.explorer.visit import Time

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_KEPT: Final = "\n\t"
_HEX: Final = frozenset("0123456789abcdef")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def visible(text: str) -> str:
    """The text with each character that hides or turns text around as U+FFFD; lines stay lines."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        "\ufffd" if c not in _KEPT and unicodedata.category(c) in _INVISIBLE else c for c in text
    )


def short(id_: str) -> str:
    """An id of 32 hex digits as people tell them apart; any other as it is."""
    return f"{id_[:8]}…" if len(id_) == 32 and _HEX.issuperset(id_) else id_


def score(value: float) -> str:
    """A float32 as its shortest decimal, or its nearest with three digits behind the point."""
    exact = str(codec.shortest(value))
    if len(exact) <= 5:
        return exact
    if 0 < value < 0.0005:
        return "<0.001"
    return ">0.999" if 0.9995 <= value < 1 else f"{value:.3f}"


def noun(number: int, one: str) -> str:
    """The word for so many of a thing."""
    return one if number == 1 else f"{one}s"


def time(micros: int) -> Time:
    """A moment in microseconds since 1970."""
    at = _EPOCH + timedelta(microseconds=micros)
    return Time(f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{at:%Y-%m-%d %H:%M:%S} UTC")


def pretty(value: Any) -> str:
    """Plain data as indented JSON; empty for nothing."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) if value else ""


def status_word(code: int, prefix: str) -> str:
    """``success`` for ANNOTATION_SUCCESS; the number where a code has no name."""
    name = status.names().get(code, "")
    return name.removeprefix(prefix).lower() if name.startswith(prefix) else str(code)
