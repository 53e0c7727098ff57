"""How reports look: colours, values, lists and counts, the same in all of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from reconciler.planning.change import Action
from reconciler.report.diagnostics import visible
from reconciler.resource import is_blank
from reconciler.values import Unknown

SYMBOLS: Mapping[Action, str] = MappingProxyType(
    {
        Action.CREATE: "+",
        Action.UPDATE: "~",
        Action.TRAIN: "*",
        Action.RENAME: ">",
        Action.DELETE: "-",
        Action.SET_DEFAULT: "!",
    }
)

_COLORS: Mapping[Action, str] = MappingProxyType(
    {
        Action.CREATE: "32",
        Action.UPDATE: "33",
        Action.TRAIN: "36",
        Action.RENAME: "34",
        Action.DELETE: "31",
        Action.SET_DEFAULT: "35",
    }
)

VALUE_WIDTH = 60
"""Characters of one value that are shown."""

_BARE = re.compile(r"(?!(?:true|false|null|none)$)[A-Za-z_][\w./@:+-]*", re.ASCII | re.IGNORECASE)
_VERSION_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Style:
    """Paints text, or leaves it as it is."""

    color: bool = False

    def action(self, action: Action, text: str) -> str:
        """In the colour of an action."""
        return self._paint(_COLORS[action], text)

    def bold(self, text: str) -> str:
        """What the eye should find first."""
        return self._paint("1", text)

    def faint(self, text: str) -> str:
        """What can be passed over."""
        return self._paint("2", text)

    def good(self, text: str) -> str:
        """Success."""
        return self._paint("32", text)

    def bad(self, text: str) -> str:
        """Failure."""
        return self._paint("31", text)

    def warning(self, text: str) -> str:
        """What wants a look."""
        return self._paint("33", text)

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and text else text


def value(found: Any, width: int = VALUE_WIDTH) -> str:
    """A value in one short line: ids bare, other text in quotes, nothing a terminal would obey."""
    match found:
        case Unknown():
            return str(found)
        case bool():
            return "true" if found else "false"
        case str() if _VERSION_ID.fullmatch(found) and width < len(found) * 2:
            return version(found)
        case str() if _BARE.fullmatch(found):
            return _cut(found, width)
        case str():
            return visible(json.dumps(_cut(found, width), ensure_ascii=False))
        case None:
            return "(none)"
        case Mapping():
            items = (f"{value(key)}: {value(item)}" for key, item in found.items())
            return "{" + listed(items, len(found), width) + "}"
        case list() | tuple():
            return "[" + listed(map(value, found), len(found), width) + "]"
        case _:
            return str(found)


def live(found: Any) -> str:
    """A value of the live app: the service does not tell what is blank from what is not there."""
    return value(None if is_blank(found) else found)


def change(before: Any, after: Any) -> str:
    """``before -> after``, so that a difference shows even where both are too long to be shown."""
    texts = live(before), value(after)
    if before != after and texts[0] == texts[1] and not isinstance(before, Unknown):
        texts = _apart(before, after)
    elif _is_list(before) and _is_list(after) and any("…" in text for text in texts):
        return _moves(before, after)
    return f"{texts[0]} -> {texts[1]}"


def version(id_: str) -> str:
    """A version's id as people tell them apart; the whole is in the JSON form."""
    return visible(id_[:8] + "…" if _VERSION_ID.fullmatch(id_) else id_)


def listed(texts: Iterable[str], total: int, width: int, separator: str = ", ") -> str:
    """As many of ``texts`` as fit, at least one, then how many more there are."""
    shown: list[str] = []
    room = width
    for text in texts:
        room -= len(text) + len(separator)
        if shown and room < 0:
            return separator.join((*shown, f"… and {total - len(shown):,} more"))
        shown.append(text)
    return separator.join(shown)


def counted(count: int, noun: str) -> str:
    """``1 concept``, ``1,000 concepts``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _is_list(found: Any) -> bool:
    return isinstance(found, list | tuple)


def _apart(before: Any, after: Any) -> tuple[str, str]:
    """Two values that look the same when cut: whole ids, and other text from where it differs."""
    if not (isinstance(before, str) and isinstance(after, str)):
        return value(before, 10_000), value(after, 10_000)
    if len(before) <= 2 * VALUE_WIDTH >= len(after):
        return value(before, 4 * VALUE_WIDTH), value(after, 4 * VALUE_WIDTH)
    same = next(
        (i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b),
        min(len(before), len(after)),
    )
    start = max(0, same - VALUE_WIDTH // 3)
    return value("…" + before[start:]), value("…" + after[start:])


def _moves(before: Sequence[Any], after: Sequence[Any]) -> str:
    """What came into a long list and what left it."""
    had, has = set(map(repr, before)), set(map(repr, after))
    gone = [item for item in before if repr(item) not in has]
    come = [item for item in after if repr(item) not in had]
    parts = [
        f"{word} {listed(map(value, items), len(items), VALUE_WIDTH)}"
        for word, items in (("without", gone), ("with", come))
        if items
    ]
    return f"{len(before):,} items -> {len(after):,} items, " + (
        " and ".join(parts) or "in another order"
    )
