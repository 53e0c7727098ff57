"""Why a piece of YAML does not parse, in words for the person who wrote it.

Only wording is chosen here, from what the parser says and what stands at the place it points at;
that the text is wrong is settled before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Place: TypeAlias = tuple[int, int]
"""Line and column, both from 0."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a parser reports: its words, the place, and where the thing began that it was reading."""

    problem: str
    context: str
    at: Place
    began: Place | None
    lines: Sequence[str]

    def text(self, number: int) -> str:
        """A source line by its number from 0; empty behind the end."""
        return self.lines[number] if number < len(self.lines) else ""

    @property
    def line(self) -> str:
        """The source line at the place."""
        return self.text(self.at[0])

    @property
    def character(self) -> str:
        """The character at the place; empty at the end of a line or of the file."""
        return self.line[self.at[1] : self.at[1] + 1]

    @property
    def indentation(self) -> str:
        """The blanks that the line begins with."""
        return self.line[: len(self.line) - len(self.line.lstrip())]

    @property
    def begins_line(self) -> bool:
        """Whether only blanks stand before the place."""
        return not self.line[: self.at[1]].strip()

    @property
    def ends_document(self) -> bool:
        """Whether the document ends at the place: nothing but blanks follows, or a marker stands there."""
        if self.at[1] == 0 and _MARKER.match(self.line):
            return True
        rest = (self.line[self.at[1] :], *self.lines[self.at[0] + 1 :])
        return not any(line.strip() for line in rest)


_MARKER = re.compile(r"(?:---|\.\.\.)(?:\s|$)")


@dataclass(frozen=True, slots=True)
class Explanation:
    """``related`` introduces the place where the surrounding thing began, if it helps."""

    message: str
    hint: str
    at: Place
    related: tuple[str, Place] | None = None


def explain(fault: Fault) -> Explanation:
    """The likeliest cause of a syntax error, placed where it is to be mended."""
    for rule in _RULES:
        found = rule(fault)
        if found is not None:
            return found
    said = f"{fault.context}: {fault.problem}" if fault.context else fault.problem
    return Explanation(f"not valid YAML ({said})", "", fault.at)


def _tab(fault: Fault) -> Explanation | None:
    if "\t" in fault.indentation and fault.at[1] <= len(fault.indentation):
        at = (fault.at[0], fault.indentation.index("\t"))
        return Explanation("a tab in the indentation", "YAML is indented with spaces", at)
    return None


def _quote(fault: Fault) -> Explanation | None:
    if not ("quoted scalar" in fault.context and fault.began):
        return None
    if "end of stream" in fault.problem or "document" in fault.problem:
        return Explanation("a quote that is never closed", "add the closing quote", fault.began)
    if "escape" in fault.problem or "hexdec" in fault.problem:
        return Explanation(
            "an unknown escape sequence in double quotes",
            "use single quotes, or write \\\\ for a backslash",
            fault.at,
        )
    return None


_BRACKETS = {"flow sequence": ("[", "]"), "flow mapping": ("{", "}")}


def _bracket(fault: Fault) -> Explanation | None:
    for context, (opening, closing) in _BRACKETS.items():
        if context in fault.context and fault.began:
            if fault.ends_document:
                return Explanation(f"{opening!r} is never closed", f"add {closing!r}", fault.began)
            return Explanation(
                f"expected ',' or {closing!r} here",
                "text with ',', ':' or brackets needs quotes",
                fault.at,
                (f"{opening!r} opened here", fault.began),
            )
    return None


def _first_character(fault: Fault) -> Explanation | None:
    if "cannot start any token" in fault.problem and fault.character:
        message = f"a value cannot begin with {fault.character!r}"
        return Explanation(message, "put quotes around it", fault.at)
    return None


_NO_SPACE = re.compile(r"\s*(?:- +)?([^\s:#'\"\[\]{}]+:)[^\s:/][^\s]*\s*$")


def _missing_space(line: str, number: int) -> Explanation | None:
    """``key:value``; a URL or a time of day is left alone as far as one can tell."""
    found = _NO_SPACE.match(line)
    if found is None:
        return None
    return Explanation(
        f"no space after the colon of {found[1]!r}",
        "write 'key: value'",
        (number, found.start(1)),
    )


def _missing_space_above(fault: Fault) -> Explanation | None:
    """The same of the nearest line above that is neither blank nor a comment."""
    for number in range(fault.at[0] - 1, -1, -1):
        line = fault.text(number).strip()
        if line and not line.startswith("#"):
            return _missing_space(fault.text(number), number)
    return None


def _colon(fault: Fault) -> Explanation | None:
    if "values are not allowed" not in fault.problem:
        return None
    if re.search(r":\s", fault.line[: fault.at[1]]):
        hint = "put quotes around the value if the colon belongs to its text"
        return Explanation("a second ': ' in one line", hint, fault.at)
    return _missing_space_above(fault) or Explanation(
        "a key that is indented deeper than the value above allows",
        "align it with the key that it belongs beside",
        (fault.at[0], len(fault.indentation)),
    )


def _dash(fault: Fault) -> Explanation | None:
    if "sequence entries are not allowed" not in fault.problem:
        return None
    hint = "put the items on lines of their own, or quotes around text that begins with '- '"
    return Explanation("a list item cannot begin here", hint, fault.at)


def _no_colon(fault: Fault) -> Explanation | None:
    if "could not find expected ':'" not in fault.problem or fault.began is None:
        return None
    found = _missing_space(fault.text(fault.began[0]), fault.began[0])
    if found is not None:
        return found
    return Explanation(
        "expected 'key: value', but there is no colon followed by a space",
        "add the colon, or put quotes around a text of several lines",
        fault.began,
    )


def _block_mapping(fault: Fault) -> Explanation | None:
    if "block mapping" not in fault.context or fault.began is None:
        return None
    related = ("the keys begin here", fault.began)
    if not fault.begins_line:
        hint = "put quotes around the whole value"
        return Explanation("text after the end of the value", hint, fault.at, related)
    if fault.line[fault.at[1] :].startswith(("- ", "-\n")) or fault.line.strip() == "-":
        hint = "indent it below the key that it belongs to"
        return Explanation("a list item among the keys of a mapping", hint, fault.at, related)
    hint = "align it with the keys that it belongs beside"
    return _missing_space_above(fault) or Explanation(
        "an indentation that fits no line above", hint, fault.at, related
    )


def _block_list(fault: Fault) -> Explanation | None:
    if "block collection" not in fault.context or fault.began is None:
        return None
    return Explanation(
        "expected a further list item, which begins with '- '",
        "indent it below the item that it belongs to, or align it with the key above the list",
        fault.at,
        ("the list begins here", fault.began),
    )


def _reference(fault: Fault) -> Explanation | None:
    if not fault.context.endswith(("an anchor", "an alias")):
        return None
    return Explanation(
        "a text that begins with '*' or '&' (an alias or an anchor, which need a name)",
        "put quotes around it",
        fault.began or fault.at,
    )


def _tag(fault: Fault) -> Explanation | None:
    if "tag" not in fault.problem and not fault.context.endswith(("a tag", "a directive")):
        return None
    if fault.context.endswith("a directive"):
        return Explanation("an unknown directive", "remove the line", fault.began or fault.at)
    return Explanation(
        "an unknown tag", "put quotes around text that begins with '!'", fault.began or fault.at
    )


def _block_text(fault: Fault) -> Explanation | None:
    if "block scalar" not in fault.context:
        return None
    hint = "begin the text on the next line, indented with spaces"
    return Explanation("'|' or '>' is not followed by an indented text", hint, fault.at)


def _content(fault: Fault) -> Explanation | None:
    if "node content" not in fault.problem:
        return None
    if fault.ends_document:
        return Explanation("the document ends where a value is expected", "", fault.at)
    if fault.character and fault.character in "]}":
        hint = "remove it, or put quotes around it"
        return Explanation(f"{fault.character!r} without its opening bracket", hint, fault.at)
    return Explanation("a value is missing here", "", fault.at)


def _document(fault: Fault) -> Explanation | None:
    if "<document start>" in fault.problem:
        hint = "check the indentation and the brackets above; a further document begins with '---'"
        return Explanation("text after the end of the document", hint, fault.at)
    if "YAML document" in fault.problem:
        return Explanation("an unknown YAML version", "remove the %YAML line", fault.at)
    return None


_RULES: tuple[Callable[[Fault], Explanation | None], ...] = (
    _tab,
    _quote,
    _first_character,
    _content,
    _bracket,
    _colon,
    _dash,
    _no_colon,
    _block_mapping,
    _block_list,
    _reference,
    _tag,
    _block_text,
    _document,
)
