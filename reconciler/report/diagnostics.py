"""Diagnostics as text for people, as JSON, and as GitHub workflow commands."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from reconciler.diagnostics import CODES, Diagnostic, Severity, arrange
from reconciler.origin import Origin

MAX_WIDTH = 120
"""Columns of a source line that are shown; of a longer one, those around the place."""

_TAB_STOP = 4


class Renderer(Protocol):
    """Diagnostics to a text that ends in a line break; empty for none, but for JSON's ``[]``."""

    def __call__(
        self, diagnostics: Sequence[Diagnostic], sources: Mapping[str, str], *, color: bool = False
    ) -> str:
        """``sources`` has the text of each file by its name; where one is missing, no line is shown."""


def render_text(
    diagnostics: Sequence[Diagnostic], sources: Mapping[str, str], *, color: bool = False
) -> str:
    """At most three lines each: place and message, source line, caret. Then how many there are."""
    if not diagnostics:
        return ""
    paint = _PAINTED if color else _PLAIN
    texts = _Lines(sources)
    arranged = arrange(diagnostics)
    lines: list[str] = []
    for found in arranged:
        lines.append(_headline(found, paint))
        lines += _excerpt(found, texts, paint)
    return "\n".join((*lines, summary(arranged))) + "\n"


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """``2 errors, 1 warning``; ``no problems`` for none."""
    counts = (
        (sum(found.severity is severity for found in diagnostics), severity.value)
        for severity in Severity
    )
    said = [f"{count} {word}{'s' if count != 1 else ''}" for count, word in counts if count]
    return ", ".join(said) or "no problems"


def to_objects(diagnostics: Sequence[Diagnostic]) -> list[dict[str, Any]]:
    """Plain data: code, severity, message, hint, address, field, file, line, column, related."""
    return [
        {
            "code": found.code,
            "severity": found.severity.value,
            "message": found.message,
            "hint": found.hint,
            "address": found.address,
            "field": found.field,
            **_place(found.origin),
            "related": [{"message": text, **_place(origin)} for text, origin in found.related],
        }
        for found in arrange(diagnostics)
    ]


def render_json(
    diagnostics: Sequence[Diagnostic], sources: Mapping[str, str], *, color: bool = False
) -> str:
    """``to_objects`` as a JSON list."""
    return json.dumps(to_objects(diagnostics), indent=2, ensure_ascii=False) + "\n"


def render_github(
    diagnostics: Sequence[Diagnostic], sources: Mapping[str, str], *, color: bool = False
) -> str:
    """One workflow command each, which GitHub shows beside the line in a pull request."""
    return "".join(_command(found) + "\n" for found in arrange(diagnostics))


RENDERERS: Mapping[str, Renderer] = MappingProxyType(
    {"text": render_text, "json": render_json, "github": render_github}
)


def _place(origin: Origin) -> dict[str, Any]:
    return {"file": origin.file, "line": origin.line, "column": origin.column}


# --- text


@dataclass(frozen=True, slots=True)
class _Paint:
    """The escape sequences around the parts of a text."""

    bold: str
    severity: Mapping[Severity, str]
    faint: str
    end: str


_PLAIN = _Paint("", MappingProxyType(dict.fromkeys(Severity, "")), "", "")
_PAINTED = _Paint(
    "\x1b[1m",
    MappingProxyType({Severity.ERROR: "\x1b[31m", Severity.WARNING: "\x1b[33m"}),
    "\x1b[2m",
    "\x1b[0m",
)


class _Lines:
    """The lines of the sources, each text split once."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.sources = sources
        self.split: dict[str, list[str]] = {}

    def at(self, origin: Origin) -> str | None:
        """The source line at a place; None if it is not known."""
        if origin.file not in self.split:
            text = self.sources.get(origin.file, "")
            self.split[origin.file] = re.split(r"\r\n|\r|\n", text)
        lines = self.split[origin.file]
        return lines[origin.line - 1] if 0 < origin.line <= len(lines) else None


def _headline(found: Diagnostic, paint: _Paint) -> str:
    kind = f"{paint.severity[found.severity]}{found.severity.value} {found.code}{paint.end}"
    place = f"{paint.bold}{visible(str(found.origin))}{paint.end}"
    return f"{place}: {kind}: {visible(_message(found))}"


def _message(found: Diagnostic) -> str:
    """Message, hint and related places in one line."""
    said = found.message
    if found.hint:
        said += (", " if found.hint.startswith("did you mean") else "; ") + found.hint
    if found.related:
        said += " (" + "; ".join(f"{text}: {origin}" for text, origin in found.related) + ")"
    return said


def _excerpt(found: Diagnostic, texts: _Lines, paint: _Paint) -> list[str]:
    line = texts.at(found.origin)
    if line is None or not line.strip():
        return []
    start = min(found.origin.column - 1, len(line))
    stop = start + max(1, len(_token(line, start)))
    before, marked, after = _window(*_shown(line, start, stop))
    number = f"{found.origin.line:>5}"
    blank = " " * len(number)
    caret = " " * _width(before) + "^" * max(1, _width(marked))
    red = paint.severity[found.severity]
    return [
        f"{paint.faint}{number} |{paint.end} {(before + marked + after).rstrip()}",
        f"{paint.faint}{blank} |{paint.end} {red}{caret}{paint.end}",
    ]


_TOKEN = re.compile(
    r"""  "(?:[^"\\]|\\.)*"            # in double quotes
        | '(?:[^']|'')*'             # in single quotes
        | [ \t]                        # a blank that should not be there
        | (?:(?!:(?:\s|$|[,}\]])|\s\#|[,{}\[\]]).)+   # plain, up to a colon, comment, comma or bracket
    """,
    re.VERBOSE,
)


def _token(line: str, start: int) -> str:
    """What begins at a column, for the length of the caret."""
    found = _TOKEN.match(line, start, start + MAX_WIDTH)
    return found[0].rstrip() if found else line[start : start + 1]


def _shown(line: str, start: int, stop: int) -> tuple[str, str, str]:
    """The line before, at and behind the marked part, with tabs as blanks and nothing invisible.

    What is too far away to be shown is left out already: a line may be a million characters.
    """
    parts, column = [], 0
    near = line[max(0, start - MAX_WIDTH) : start], line[start:stop], line[stop : stop + MAX_WIDTH]
    for part in near:
        text = ""
        for index, piece in enumerate(part.split("\t")):
            if index:
                text += " " * (_TAB_STOP - (column + _width(text)) % _TAB_STOP)
            text += visible(piece)
        column += _width(text)
        parts.append(text)
    return parts[0], parts[1], parts[2]


def _window(before: str, marked: str, after: str) -> tuple[str, str, str]:
    """Cuts a long line around the marked part."""
    if _width(before + marked + after) <= MAX_WIDTH:
        return before, marked, after
    half = MAX_WIDTH // 2
    if len(before) > half:
        before = "…" + before[-half + 1 :]
    if len(marked) > half:
        return before, marked[: half - 1] + "…", ""
    room = MAX_WIDTH - len(before) - len(marked)
    return before, marked, after if len(after) <= room else after[: room - 1] + "…"


def visible(text: str) -> str:
    """The text without what a terminal would obey or nobody could see: each such character as U+FFFD."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        "\ufffd" if unicodedata.category(c) in _INVISIBLE else c for c in text.replace("\n", " ")
    )


_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def _width(text: str) -> int:
    """Columns on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


# --- GitHub


def _command(found: Diagnostic) -> str:
    properties = {"file": found.origin.file}
    if found.origin.line:
        properties |= {"line": str(found.origin.line), "col": str(found.origin.column)}
    properties["title"] = f"{found.code} {CODES[found.code].title}"
    inside = ",".join(f"{name}={_escape(text, ':,')}" for name, text in properties.items())
    return f"::{found.severity.value} {inside}::{_escape(_message(found))}"


def _escape(text: str, more: str = "") -> str:
    """Percent-encodes what would end a command, or a property of it."""
    return "".join(f"%{ord(c):02X}" if c in "%\r\n" + more else c for c in text)
