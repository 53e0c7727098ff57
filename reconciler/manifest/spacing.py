"""The spacing of a YAML text, made canonical token by token: indentation, gaps, blank lines, comments.

What stands in the text stays as it is; only what lies between its tokens is written anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from reconciler.manifest.documents import Token, tokens

INDENT = 2

_OPENING, _CLOSING = frozenset("{["), frozenset("}]")
_MARKERS = frozenset({"<document start>", "<document end>"})
_SCALAR = "<scalar>"
_UNEDITABLE = {
    "<anchor>": "an anchor",
    "<alias>": "an alias",
    "<tag>": "a tag",
    "<directive>": "a directive",
    "?": "a key written with '?'",
}


class UnsafeError(Exception):
    """The text cannot be edited safely: ``reason`` says why, ``line`` and ``column`` count from 0."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class _Level:
    """A block mapping or list that is open; ``implicit``: a list at the column of the key above it."""

    old: int
    new: int
    is_mapping: bool
    implicit: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """A token that can be seen, in the blocks that are open; ``end`` is without blank lines."""

    token: Token
    end: int
    levels: tuple[_Level, ...]
    is_key: bool


def pieces(text: str) -> Iterator[Piece]:
    """The visible tokens of a text. Raises ``UnsafeError`` at what no rule here is made for."""
    levels: list[_Level] = []
    flow, is_key = 0, False
    for token in tokens(text):
        kind = token.kind
        if token.start == token.end or kind == "<block end>":
            if kind == "?":
                is_key = True
                if not flow and levels and levels[-1].implicit:
                    levels.pop()
            elif kind in ("<block mapping start>", "<block sequence start>"):
                mapping = kind == "<block mapping start>"
                levels.append(_Level(token.column, INDENT * len(levels), mapping))
            elif kind == "<block end>" and levels.pop().implicit:
                levels.pop()
            continue
        if kind in _UNEDITABLE:
            raise UnsafeError(_UNEDITABLE[kind], token.line, token.column)
        if kind == "-" and levels and levels[-1].is_mapping:
            levels.append(_Level(token.column, INDENT * len(levels), False, implicit=True))
        yield Piece(token, _end(text, token), tuple(levels), is_key)
        flow += (kind in _OPENING) - (kind in _CLOSING)
        is_key = False


def _end(text: str, token: Token) -> int:
    """Where a token ends. A block text seems to go on up to whatever follows it."""
    if token.kind != _SCALAR or text[token.start] not in "|>":
        return token.end
    found = text[token.start : token.end]
    end = token.start + len(found.rstrip())
    rest = text.find("\n", end)
    return token.end if rest < 0 or rest > token.end else rest


def comments(text: str) -> list[str]:
    """All comments of a text, without the blanks behind them."""
    found: list[str] = []
    end = 0
    for piece in pieces(text):
        found += _COMMENT.findall(text[end : piece.token.start])
        if piece.token.kind == _SCALAR and text[piece.token.start] in "|>":
            header = text[piece.token.start : piece.end].partition("\n")[0]
            found += _COMMENT.findall(header)
        end = piece.end
    return [comment.rstrip() for comment in (*found, *_COMMENT.findall(text[end:]))]


_COMMENT = re.compile(r"#[^\n]*")
_START = re.compile(r"(?: |- )*")


def wide_gaps(text: str, *, all_: bool = False) -> Set[int]:
    """Tokens behind a comma and several blanks, by where they begin.

    Unless ``all_`` are asked for, those that line up with nothing in the line above or below.
    """
    columns: dict[int, set[int]] = {}
    wide: list[Token] = []
    before: Piece | None = None
    lines: dict[int, int] = {}
    for piece in pieces(text):
        token = piece.token
        lines.setdefault(token.line, len(lines))
        if before and before.token.kind == "," and before.token.line == token.line:
            columns.setdefault(lines[token.line], set()).add(token.column)
            if token.start - before.end > 1:
                wide.append(token)
        before = piece
    return {
        token.start
        for token in wide
        if all_
        or not any(token.column in columns.get(lines[token.line] + step, ()) for step in (-1, 1))
    }


def respace(text: str, respelled: Mapping[tuple[int, int], str], tight: Set[int]) -> str:
    """The text with canonical spacing.

    ``respelled`` has the new text of scalars by line and column (from 0); ``tight`` the tokens to
    be moved up to the comma before them. Raises ``UnsafeError``.
    """
    spacer = _Spacer(text, tight)
    for piece in pieces(text):
        place = (piece.token.line, piece.token.column)
        spacer.put(piece, respelled.get(place) if piece.token.kind == _SCALAR else None)
    return spacer.finish()


@dataclass(slots=True)
class _Bracket:
    """An open one. ``base`` is where its line begins (behind dashes), ``moved`` how far it went.

    ``hangs``: something stands behind it in its line, so that what follows may line up with that.
    """

    base: int
    moved: int
    hangs: bool = False

    def column(self, old: int, *, closing: bool) -> int:
        """Where a line inside it begins."""
        if self.hangs:
            return max(0, old + self.moved)
        return self.base if closing else self.base + INDENT


class _Spacer:
    def __init__(self, text: str, tight: Set[int]) -> None:
        self.text = text
        self.tight = tight
        self.lines: list[str] = []
        self.line = ""  # the one being written
        self.shift = 0  # how far it moved to the right
        self.before: Piece | None = None
        self.brackets: list[_Bracket] = []

    def put(self, piece: Piece, spelling: str | None) -> None:
        """Writes what lies before a token, and the token."""
        token, before = piece.token, self.before
        gap = self.text[before.end if before else 0 : token.start]
        if before and "\n" not in gap:
            if before.token.kind in _OPENING:
                self.brackets[-1].hangs = True
            self.line += self._space(before.token, token, gap)
        else:
            self._break(gap, piece)
            column = self._column(piece)
            self.line, self.shift = " " * column, column - token.column
        if token.kind in _OPENING:
            start = _START.match(self.line)
            self.brackets.append(
                _Bracket(start.end() if start else 0, len(self.line) - token.column)
            )
        elif token.kind in _CLOSING:
            self.brackets.pop()
        written = self.text[token.start : piece.end] if spelling is None else spelling
        first, *more = self._shifted(written, piece) if "\n" in written else [written]
        self.line += first
        if more:
            self.lines += [self.line, *more[:-1]]
            self.line = more[-1]
        self.before = piece

    def finish(self) -> str:
        """Writes what lies behind the last token; the whole text."""
        self._break(self.text[self.before.end if self.before else 0 :], None)
        while self.lines and not self.lines[-1]:
            self.lines.pop()
        return "".join(f"{line}\n" for line in self.lines)

    def _space(self, before: Token, token: Token, gap: str) -> str:
        """What separates two tokens of one line."""
        first, second = before.kind, token.kind
        if gap.strip(" \t"):
            raise UnsafeError("an unusual way of writing", token.line, token.column)
        if second == ":" and first != _SCALAR:
            raise UnsafeError("a value without a key", token.line, token.column)
        if first == ":":
            return " " if second not in (*_CLOSING, ",") else gap[:1]
        if second in (":", ",", *_CLOSING) or first in _OPENING:
            return ""
        if first == "," and token.start not in self.tight and "\t" not in gap:
            return gap or " "
        if first in (",", "-") or first in _MARKERS:
            return " "
        raise UnsafeError("an unusual way of writing", token.line, token.column)

    def _column(self, piece: Piece) -> int:
        """Where a token goes that begins a line."""
        token, levels = piece.token, piece.levels
        if self.brackets:
            return self.brackets[-1].column(token.column, closing=token.kind in _CLOSING)
        if token.kind in (":", ","):
            raise UnsafeError(f"a line that begins with {token.kind!r}", token.line, token.column)
        if not levels:
            return 0
        return levels[-1].new + (0 if piece.is_key or token.kind == "-" else INDENT)

    def _shifted(self, written: str, piece: Piece) -> list[str]:
        """The lines of a scalar that has several, moved along with the line that it begins in."""
        first, *rest = written.split("\n")
        if first[0] in "|>":
            return [first.rstrip(), *self._block_text(first, rest, piece)]
        least = piece.levels[-1].new + 1 if piece.levels else 0
        lines = [first.rstrip() if first[0] not in "\"'" else first]
        for line in rest:
            indentation = line[: len(line) - len(line.lstrip(" \t"))]
            if not line.strip(" \t"):
                lines.append("")
            elif "\t" in indentation:
                lines.append(line)
            else:
                lines.append(" " * max(least, len(indentation) + self.shift) + line.lstrip(" "))
            if first[0] not in "\"'":
                lines[-1] = lines[-1].rstrip()
        return lines

    def _block_text(self, header: str, rest: list[str], piece: Piece) -> Iterator[str]:
        token, levels = piece.token, piece.levels
        indicators = header.partition("#")[0].strip()[1:]
        if "+" in indicators:
            raise UnsafeError("'+' behind '|' or '>'", token.line, token.column)
        if "-" not in indicators and piece.end == len(self.text):
            reason = "a block text that the file ends in, without a line end"
            raise UnsafeError(reason, token.line, token.column)
        level = levels[-1] if levels else _Level(-INDENT, -INDENT, True)
        if any(c.isdigit() for c in indicators):
            if level.old != level.new or level.implicit:
                reason = "a block text that says its own indentation"
                raise UnsafeError(reason, token.line, token.column)
            yield from rest
            return
        old = next((len(line) - len(line.lstrip(" ")) for line in rest if line.strip(" ")), 0)
        for line in rest:
            yield "" if len(line) <= old else " " * (level.new + INDENT) + line[old:]

    # --- ends of lines, and what stands between lines

    def _break(self, gap: str, following: Piece | None) -> None:
        """Ends the line, and writes the blank lines and comments up to the next token."""
        behind, *between = gap.split("\n")
        if self.before is None:
            between = [behind, *between]
        else:
            self._end_line(behind, self.before.end)
        if following is not None:
            between = between[:-1]
        for line in between:
            comment = line.strip()
            if comment and not comment.startswith("#"):
                token = following.token if following else None
                place = (token.line, token.column) if token else (0, 0)
                raise UnsafeError("an unusual way of writing", *place)
            if comment:
                self.lines.append(" " * self._comment_column(line, following) + comment)
            elif self.lines and self.lines[-1]:
                self.lines.append("")

    def _end_line(self, behind: str, end: int) -> None:
        comment = behind.strip()
        if comment:
            gap = behind[: len(behind) - len(behind.lstrip())]
            start = self.text.rfind("\n", 0, end) + 1
            width = len(gap)
            if "\t" in gap or not gap:
                width = 2
            elif width > 2 and self.text[start:end].strip() != self.line.strip():
                # it was put into a column: there it stays, if there is room
                width = max(2, end - start + width + self.shift - len(self.line))
            self.line += " " * width + comment
        self.lines.append(self.line)

    def _comment_column(self, line: str, following: Piece | None) -> int:
        """A comment moves with the token below it or with the block that it is in."""
        before = self.before
        indentation = line[: len(line) - len(line.lstrip())]
        column = len(indentation.expandtabs(INDENT))
        if self.brackets:
            return self.brackets[-1].column(column, closing=False)
        # a list at the column of its key goes on up to the next blank line at most
        over = following is None or not (self.lines and self.lines[-1])
        around = [
            level
            for level in (before.levels if before else ())
            if level.old <= column and not (over and level.implicit)
        ]
        if following and (not around or column == following.token.column):
            return self._column(following)
        return around[-1].new + column - around[-1].old if around else 0
