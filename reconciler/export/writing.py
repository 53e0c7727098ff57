"""Nested data as the lines of a manifest: short things in one line, long ones in a block."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.manifest.scalars import scalar

WIDTH: Final = 100
"""Columns that a line of several values has at most."""

_STEP: Final = "  "
# A sentence that stands bare outside of braces: it begins with a letter, and nothing in it is YAML's.
_PROSE = re.compile(r"[A-Za-z][\w./@;,()!?'+=%-]*(?: [\w./@;,()!?'+=%-]+)+", re.ASCII)
# Lines that a block text keeps for certain: no blank at an end, nothing that cannot be seen.
_PLAIN_LINE = re.compile(
    r"(?:[!-~\xa1-\u1fff\u2c00-\ud7ff](?:[ -~\xa1-\u1fff\u2c00-\ud7ff]*[!-~])?)?"
)


@dataclass(frozen=True, slots=True)
class Remarked:
    """A value with what is to be said above it, a comment for each text."""

    value: Any
    remarks: tuple[str, ...] = ()


def entry(key: str, value: Any, indent: str = "", *, block: bool = False) -> Iterator[str]:
    """The lines of a key and its value; with ``block`` a map or list never shares the key's line."""
    if isinstance(value, Remarked):
        yield from comments(value.remarks, indent)
        value = value.value
    name = scalar(key)
    if isinstance(value, str) and _is_block_text(value):
        yield f"{indent}{name}: {'|' if value.endswith(chr(10)) else '|-'}"
        for line in _escaped(value).removesuffix("\n").split("\n"):
            yield f"{indent}{_STEP}{line}" if line else ""
        return
    if isinstance(value, str) and _PROSE.fullmatch(value):
        yield f"{indent}{name}: {value}"
        return
    short = f"{indent}{name}: {flow(value)}"
    if not _is_nested(value) or not value or (not block and _fits(short, value)):
        yield short
        return
    yield f"{indent}{name}:"
    yield from _items(value, indent + _STEP)


def comments(remarks: Sequence[str], indent: str) -> Iterator[str]:
    """Each remark as a comment of one line."""
    yield from (f"{indent}# {remark}".rstrip() for remark in remarks)


def flow(value: Any) -> str:
    """A value in one line."""
    match value:
        case Remarked():
            return flow(value.value)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return scalar(_escaped(value))
        case int() | float():
            return repr(value)
        case Mapping():
            return "{" + ", ".join(f"{scalar(k)}: {flow(v)}" for k, v in value.items()) + "}"
        case _:
            return "[" + ", ".join(map(flow, value)) + "]"


def rows(nodes: Sequence[Remarked], indent: str) -> Iterator[str]:
    """A list of maps that begin alike, one a line, its columns aligned where cells are short."""
    table = [[f"{scalar(key)}: {flow(v)}" for key, v in node.value.items()] for node in nodes]
    widths = [_width(table, 0), _width(table, 1)]
    for node, cells in zip(nodes, table, strict=True):
        yield from comments(node.remarks, indent)
        padded = [f"{cell},".ljust(width) for cell, width in zip(cells[:-1], widths, strict=False)]
        rest = [f"{cell}," for cell in cells[len(padded) : -1]]
        line = f"{indent}- {{{' '.join([*padded, *rest, cells[-1]])}}}"
        if len(line) <= _ROW:
            yield line
        else:
            yield from _item(node.value, indent)


_ROW: Final = 140
_COLUMN: Final = 32


def _width(table: Sequence[Sequence[str]], column: int) -> int:
    """What the cells of a column that another follows have room in; long ones stick out."""
    cells = [len(row[column]) + 1 for row in table if len(row) > column + 1]
    return max((length for length in cells if length <= _COLUMN), default=0)


def _items(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from entry(key, item, indent)
        return
    for item in value:
        yield from _item(item, indent)


def _item(value: Any, indent: str) -> Iterator[str]:
    """One item of a list in block form; a list inside a list stays in one line."""
    if not isinstance(value, Mapping) or not value or _fits(f"{indent}- {flow(value)}", value):
        yield f"{indent}- {flow(value)}"
        return
    lines = list(_items(value, indent + _STEP))
    yield f"{indent}- {lines[0][len(indent) + len(_STEP) :]}"
    yield from lines[1:]


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping | tuple | list)


def _fits(line: str, value: Any) -> bool:
    """Whether a value may stand in one line: it is short, and no text of several lines is in it."""
    return len(line) <= WIDTH and not _has_block_text(value)


def _has_block_text(value: Any) -> bool:
    if isinstance(value, str):
        return _is_block_text(value)
    if isinstance(value, Mapping):
        return any(map(_has_block_text, value.values()))
    return False


def _is_block_text(value: str) -> bool:
    lines = value.removesuffix("\n").split("\n")
    return (
        len(lines) > 1
        and bool(lines[0])
        and bool(lines[-1])
        and lines[0][0] != " "
        and all(map(_PLAIN_LINE.fullmatch, lines))
    )


def _escaped(text: str) -> str:
    """``${`` would begin a variable."""
    return text.replace("${", "$${")
