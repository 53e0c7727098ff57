"""The order of a manifest's sections, made canonical by moving whole lines, comments included."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from reconciler.manifest.nodes import Document, Mapping
from reconciler.manifest.spacing import pieces

SECTIONS = (
    "app",
    "variables",
    "concepts",
    "concept_relations",
    "models",
    "workflow",
    "workflows",
    "moved",
    "checks",
)
"""What there is, then what is done with it, then what is said about it; any other stays behind
the one above it."""

_MODELINE = "# yaml-language-server:"


@dataclass(slots=True)
class _Part:
    """Lines that stay together. ``apart``: a blank line stood before them."""

    rank: int
    lines: list[str]
    apart: bool


def reorder(text: str, documents: Iterable[Document]) -> str:
    """The text of these documents with its sections in order, a blank line between any two.

    Comments go with the section below them, unless they are indented or a blank line separates
    them from it; what stands at the top or at the end of a document stays there.
    """
    lines = text.split("\n")[:-1]
    ends, markers = _line_ends(text)
    done: list[str] = []
    read = 0
    for document in documents:
        starts = _section_lines(document, text, lines)
        if not starts:
            continue
        last = bisect_left(markers, starts[-1][0])
        before = markers[last - 1] + 1 if last else 0
        after = markers[last] if last < len(markers) else len(lines)
        done += lines[read:before]
        done += _arranged(lines, starts, ends, before, after)
        read = after
    done += lines[read:]
    return "".join(f"{line}\n" for line in done)


def _line_ends(text: str) -> tuple[list[int], list[int]]:
    """The lines that something ends in, and those that hold the marks between documents."""
    ends: list[int] = []
    markers: list[int] = []
    at, number = 0, 0
    for piece in pieces(text):
        number += text.count("\n", at, piece.end)
        at = piece.end
        if piece.token.kind in ("<document start>", "<document end>"):
            markers.append(number)
        elif not ends or ends[-1] != number:
            ends.append(number)
    return ends, markers


def _section_lines(document: Document, text: str, lines: Sequence[str]) -> list[tuple[int, str]]:
    """Line (from 0) and key of each section, unless they are written in braces."""
    root = document.root
    if type(root) is not Mapping or not root.items:
        return []
    places = sorted((place, key) for key, place in root.key_places.items())
    if lines[root.line - 1][root.column - 1] == "{" or any(p[1] != 1 for p, _ in places):
        return []
    return [(line - 1, key) for (line, _), key in places]


def _arranged(
    lines: Sequence[str],
    starts: Sequence[tuple[int, str]],
    ends: Sequence[int],
    before: int,
    after: int,
) -> list[str]:
    """The lines from ``before`` to ``after``, which hold sections that begin at ``starts``."""
    head, first = _head(lines[before : starts[0][0]])
    parts: list[_Part] = []
    top, apart = starts[0][0] - len(first), False
    for (_, key), following in zip(
        starts, [*(start for start, _ in starts[1:]), after], strict=True
    ):
        end = ends[bisect_left(ends, following) - 1] + 1
        bottom = end + _own(lines[end:following], at_end=following == after)
        rank = SECTIONS.index(key) if key in SECTIONS else parts[-1].rank if parts else -1
        parts.append(_Part(rank, _stripped(lines[top:bottom]), apart))
        top, apart = bottom, bottom < len(lines) and not lines[bottom]
    parts.sort(key=lambda part: part.rank)
    return _joined(head, parts, _stripped(lines[top:after]))


def _head(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is said of the whole document, and what of its first section."""
    blank = max((n for n, line in enumerate(lines) if not line), default=-1)
    if blank < 0 and lines and lines[0].startswith(_MODELINE):
        return list(lines), []
    return list(lines[: blank + 1]), list(lines[blank + 1 :])


def _own(lines: Sequence[str], *, at_end: bool) -> int:
    """How many of the lines behind a section's last value belong to it."""
    indented = max((n + 1 for n, line in enumerate(lines) if line.startswith(" ")), default=0)
    glued = indented
    while glued < len(lines) and lines[glued]:
        glued += 1
    return glued if glued < len(lines) or at_end else indented


def _stripped(lines: Sequence[str]) -> list[str]:
    """Without blank lines around."""
    kept = [n for n, line in enumerate(lines) if line]
    return list(lines[kept[0] : kept[-1] + 1]) if kept else []


def _joined(head: Sequence[str], parts: Sequence[_Part], tail: Sequence[str]) -> list[str]:
    joined = _stripped(head)
    if joined and (not head[-1] or parts[0].lines[0].startswith("#")):
        joined.append("")
    joined += parts[0].lines
    for above, part in pairwise(parts):
        short = len(above.lines) == len(part.lines) == 1
        joined += [*([] if short and not part.apart else [""]), *part.lines]
    return [*joined, "", *tail] if tail else joined
