"""A manifest file in canonical form, by editing its text: no comment is lost, no meaning changes.

Whatever the steps do, the result is read again and compared with what the file said before; a file
that no safe edit is known for is left as it is, with the reason.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, TypeAlias

from reconciler.diagnostics import Diagnostic
from reconciler.manifest.documents import parse
from reconciler.manifest.files import clean_text
from reconciler.manifest.nodes import Document, Mapping, Node, Scalar, Sequence, describe
from reconciler.manifest.order import reorder
from reconciler.manifest.spacing import UnsafeError, comments, respace, wide_gaps
from reconciler.manifest.spelling import respellings
from reconciler.origin import Origin

_ROUNDS = 10
"""So often a table may fall apart further; then no gap in it is kept."""


@dataclass(frozen=True, slots=True)
class Formatted:
    """The file's text in canonical form, with the line ends and the encoding that it had."""

    text: str
    changed: bool


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """The file is sound, but cannot be edited safely."""

    reason: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Broken:
    """The file is no YAML that a manifest is written in; ``source`` is its text."""

    diagnostics: tuple[Diagnostic, ...]
    source: str


Outcome: TypeAlias = Formatted | LeftAlone | Broken


def format_text(data: str | bytes, file: str) -> Outcome:
    """Formats the contents of one file; ``file`` is its name in what is said of it. Never raises."""
    raw, found = clean_text(data, file)
    text = raw.replace("\r\n", "\n")
    documents: list[Document] = []
    if not found:
        documents, found = parse(text, file)
    if found:
        return Broken(tuple(found), raw)
    try:
        _check_form(documents, text, file)
        formatted = _steps(text, file, documents)
        same = _says_the_same(text, documents, formatted, file)
    except UnsafeError as error:
        return LeftAlone(error.reason, Origin(file, error.line + 1, error.column + 1))
    if not same:
        return LeftAlone("canonical spacing would change what it says", Origin(file))
    if _ends_lines_with_crlf(raw):
        formatted = formatted.replace("\n", "\r\n")
    before = data if isinstance(data, str) else data.decode("utf-8")
    return Formatted(formatted, formatted != before)


def _ends_lines_with_crlf(text: str) -> bool:
    first = text.find("\n")
    return first > 0 and text[first - 1] == "\r"


def _check_form(documents: list[Document], text: str, file: str) -> None:
    """Raises ``UnsafeError`` for what is no manifest, or has lines that nobody agrees on."""
    if "\r" in text:
        before = text[: text.index("\r")]
        line = before.count("\n")
        raise UnsafeError("a carriage return inside a line", line, len(before.rpartition("\n")[2]))
    for document in documents:
        root = document.root
        if type(root) is not Mapping and not (type(root) is Scalar and root.value is None):
            reason = f"{describe(root)} instead of a mapping"
            raise UnsafeError(reason, root.line - 1, root.column - 1)


def _steps(text: str, file: str, documents: list[Document]) -> str:
    respelled = {
        (line - 1, column - 1): name
        for document in documents
        for (line, column), name in respellings(document.root).items()
    }
    text = respace(text, respelled, frozenset())
    text = reorder(text, parse(text, file)[0])
    for _ in range(_ROUNDS):
        loose = wide_gaps(text)
        if not loose:
            return text
        text = respace(text, {}, loose)
    return respace(text, {}, wide_gaps(text, all_=True))


def _says_the_same(text: str, documents: list[Document], formatted: str, file: str) -> bool:
    """Whether two texts hold equal documents (but for spellings) and the same comments."""
    again, found = parse(formatted, file)
    before = [_said(document.root, respellings(document.root)) for document in documents]
    after = [_said(document.root, {}) for document in again]
    return not found and before == after and Counter(comments(text)) == Counter(comments(formatted))


def _said(node: Node, respelled: dict[tuple[int, int], str]) -> Any:
    """Nested data with scalars as they are written, quoted or not."""
    if type(node) is Scalar:
        name = respelled.get((node.line, node.column))
        return (node.text, node.plain) if name is None else (name, True)
    if type(node) is Mapping:
        return {key: _said(item, respelled) for key, item in node.items.items()}
    assert type(node) is Sequence
    return [_said(item, respelled) for item in node.items]
