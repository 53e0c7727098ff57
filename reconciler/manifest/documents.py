"""YAML text to values that know where they stand; the only user of the YAML library.

Built on the parser's events, which know every position: composing our own tree from them is several
times faster than loading. Plain scalars are resolved by the core schema of YAML 1.2.
"""

from __future__ import annotations

import re
from collections import abc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from reconciler.diagnostics import Diagnostic, arrange, did_you_mean, problem
from reconciler.manifest.files import clean_text, find_files, split_lines
from reconciler.manifest.nodes import (
    Document,
    Mapping,
    Node,
    Scalar,
    Sequence,
    cut,
    describe,
)
from reconciler.manifest.scalars import CONSTANTS, NOT_FINITE, resolve_number
from reconciler.manifest.syntax import Fault, Place, explain
from reconciler.origin import Origin

MAX_DEPTH = 100
"""Mappings and lists inside one another, aliases followed."""

MAX_ALIASED = 1_000_000
"""Values that the aliases of one document may stand for, all together."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser over libyaml where it is built in (about ten times faster), else the one in Python."""

_MAX_RESTARTS = 20
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The documents of a manifest, all that is wrong with them, and each file's text by its name."""

    documents: tuple[Document, ...]
    diagnostics: tuple[Diagnostic, ...]
    sources: abc.Mapping[str, str]

    @property
    def complete(self) -> bool:
        """Whether every document could be read: if not, what is missing elsewhere proves nothing."""
        return not any(found.code in _LOSING for found in self.diagnostics)


_LOSING = frozenset({"RC001", "RC002", "RC004", "RC006"})


def load(path: Path, read: Callable[[Path], bytes] = Path.read_bytes) -> Loaded:
    """Every document of the manifest at a path, a file or a directory."""
    files = find_files(path)
    if isinstance(files, Diagnostic):
        return Loaded((), (files,), MappingProxyType({}))
    texts: dict[str, bytes] = {}
    unread: list[Diagnostic] = []
    for file in files:
        try:
            texts[file.as_posix()] = read(file)
        except OSError as error:
            message = f"cannot be read: {error.strerror or error}"
            unread.append(problem("RC001", message, Origin(file.as_posix())))
    loaded = load_texts(texts)
    return replace(loaded, diagnostics=arrange([*unread, *loaded.diagnostics]))


def load_texts(texts: abc.Mapping[str, str | bytes]) -> Loaded:
    """Every document of the files whose contents are given, in the order given."""
    documents: list[Document] = []
    diagnostics: list[Diagnostic] = []
    sources: dict[str, str] = {}
    for file, data in texts.items():
        sources[file], unclean = clean_text(data, file)
        more, found = parse(sources[file], file)
        documents += more
        diagnostics += [*unclean, *found]
    return Loaded(tuple(documents), arrange(diagnostics), MappingProxyType(sources))


def parse(text: str | bytes, file: str) -> tuple[list[Document], list[Diagnostic]]:
    """The documents of a file and all that is wrong with them; never raises for any text.

    After a syntax error the rest of that document is lost; the next one is read again.
    """
    text, found = clean_text(text, file)
    lines = split_lines(text)
    documents: list[Document] = []
    rest, start = text, 0
    for _ in range(_MAX_RESTARTS):
        composer = _Composer(rest, file, start)
        fault = composer.run(documents, lines)
        found += composer.found
        following = None if fault is None else _next_document(lines, max(fault, start + 1))
        if following is None:
            break
        rest, start = "\n".join(lines[following:]), following
    return documents, list(arrange(found))


@dataclass(frozen=True, slots=True)
class Token:
    """What a text is written in: ``kind`` is the mark itself (``-``, ``{``), or ``<scalar>`` and such.

    ``text[start:end]`` is the token; what begins or ends by indentation alone has no length.
    """

    kind: str
    start: int
    end: int
    line: int
    column: int


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a text that ``parse`` found no mistake in; line and column count from 0."""
    found: Iterator[Any] = yaml.scan(text, Loader=_LOADER)
    for token in found:
        start = token.start_mark
        yield Token(token.id, start.index, token.end_mark.index, start.line, start.column)


_DOCUMENT = re.compile(r"---(?:\s|$)")


def _next_document(lines: list[str], first: int) -> int | None:
    """The first line from ``first`` on that begins a document."""
    return next((n for n in range(first, len(lines)) if _DOCUMENT.match(lines[n])), None)


class _Stop(Exception):
    """The rest of the document cannot be read; it ends at this line, from 0."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _Composer:
    """The trees of one run of events. ``first`` is the number of lines left out before the text."""

    def __init__(self, text: str, file: str, first: int) -> None:
        self.events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self.file = file
        self.first = first
        self.found: list[Diagnostic] = []
        self._forget()

    def _forget(self) -> None:
        """Anchors are known within their document only."""
        self.anchors: dict[str, tuple[Node, int, int] | None] = {}  # node, size, height
        self.size = 0  # values so far, what aliases stand for included
        self.aliased = 0
        self.deepest = 0

    def run(self, documents: list[Document], lines: list[str]) -> int | None:
        """Appends each whole document; the line from 0 where reading stopped, if it did."""
        try:
            for event in self.events:
                if type(event) is DocumentStartEvent:
                    self._forget()
                    documents.append(Document(self.node(next(self.events), 0), self.file))
        except _Stop as stop:
            return stop.line
        except yaml.YAMLError as error:
            return self._explain(error, lines)
        return None

    def node(self, event: Any, depth: int) -> Node:
        """The tree that begins with this event; its further events are taken from the stream."""
        kind = type(event)
        if kind is ScalarEvent:
            self.size += 1
            if event.tag is None and event.anchor is None:
                mark, text = event.start_mark, event.value
                line, column = self.first + mark.line + 1, mark.column + 1
                if not event.implicit[0]:
                    return Scalar(self.file, line, column, text, text, False)
                return Scalar(self.file, line, column, self._resolve(text, event), text, True)
            return self._special_scalar(event)
        if kind is AliasEvent:
            return self._alias(event, depth)
        self.size += 1
        if depth >= MAX_DEPTH:
            self._too_large(f"more than {MAX_DEPTH} levels inside one another", event)
        self.deepest = max(self.deepest, depth + 1)
        self._check_collection_tag(event)
        if event.anchor is None:
            return self._collection(event, depth)
        outer, before, self.deepest = self.deepest, self.size, depth + 1
        self.anchors[event.anchor] = None
        node = self._collection(event, depth)
        self.anchors[event.anchor] = node, self.size - before + 1, self.deepest - depth
        self.deepest = max(outer, self.deepest)
        return node

    def _collection(self, event: Any, depth: int) -> Node:
        mark = event.start_mark
        line, column = self.first + mark.line + 1, mark.column + 1
        if type(event) is MappingStartEvent:
            mapping = Mapping(self.file, line, column, {}, {})
            self._fill(mapping, depth + 1)
            return mapping
        assert type(event) is SequenceStartEvent
        items: list[Node] = []
        while type(item := next(self.events)) is not SequenceEndEvent:
            items.append(self.node(item, depth + 1))
        return Sequence(self.file, line, column, items)

    def _fill(self, mapping: Mapping, depth: int) -> None:
        """Reads keys and values up to the end of the mapping. Of equal keys the first one counts."""
        items, places = mapping.items, mapping.key_places
        while type(event := next(self.events)) is not MappingEndEvent:
            key = self._key(event, depth)
            value = self.node(next(self.events), depth)
            if key is None:
                continue
            mark = event.start_mark
            place = (self.first + mark.line + 1, mark.column + 1)
            if key in items:
                first = Origin(self.file, *places[key])
                related = [("first defined here", first)]
                self._report("RC003", f"key {cut(key)!r} is given twice", event, related=related)
                mapping.doubled |= {key}
            else:
                items[key] = value
                places[key] = place

    def _key(self, event: Any, depth: int) -> str | None:
        """The text of a key, or None (and a report) if it cannot be one."""
        if type(event) is ScalarEvent:
            if event.value == "<<" and event.implicit[0]:
                hint = "write the keys out"
                self._report(
                    "RC101", "unknown key '<<': YAML 1.2 has no merge keys", event, hint=hint
                )
                return None
            if event.tag is not None or event.anchor is not None:
                self._special_scalar(event)
            text: str = event.value
            return text
        node = self.node(event, depth)
        if type(node) is Scalar:
            return node.text
        hint = "put quotes around a value that begins with '{' or '['"
        self._report("RC002", f"a key must be text, got {describe(node)}", event, hint=hint)
        return None

    def _special_scalar(self, event: Any) -> Scalar:
        """A scalar with a tag or an anchor."""
        text, tag = event.value, event.tag
        if tag is None:
            value = self._resolve(text, event) if event.implicit[0] else text
        else:
            value = self._tagged(tag, text, event)
        mark = event.start_mark
        line, column = self.first + mark.line + 1, mark.column + 1
        scalar = Scalar(self.file, line, column, value, text, tag is None and event.implicit[0])
        if event.anchor is not None:
            self.anchors[event.anchor] = scalar, 1, 0
        return scalar

    def _alias(self, event: Any, depth: int) -> Node:
        name = event.anchor
        anchored = self.anchors.get(name)
        if anchored is None:
            self._report_lost_alias(name, event)
            mark = event.start_mark
            line, column = self.first + mark.line + 1, mark.column + 1
            return Scalar(self.file, line, column, None, f"*{name}", False)
        node, size, height = anchored
        self.size += size
        self.aliased += size
        self.deepest = max(self.deepest, depth + height)
        if self.aliased > MAX_ALIASED:
            self._too_large(f"aliases stand for more than {MAX_ALIASED:,} values", event)
        if depth + height > MAX_DEPTH:
            self._too_large(f"more than {MAX_DEPTH} levels inside one another", event)
        return node

    def _report_lost_alias(self, name: str, event: Any) -> None:
        shown = cut(name)
        if name in self.anchors:
            self._report("RC004", f"alias '*{shown}' stands inside its own value", event)
            return
        hint = did_you_mean(name, self.anchors) or "put quotes around text that begins with '*'"
        message = f"alias '*{shown}' has no anchor '&{shown}' before it"
        self._report("RC002", message, event, hint=hint)

    def _too_large(self, what: str, event: Any) -> NoReturn:
        self._report("RC004", what, event, hint="make the document flatter, or split it")
        raise _Stop(self.first + event.start_mark.line)

    def _resolve(self, text: str, event: Any) -> Any:
        """A plain scalar by the core schema of YAML 1.2; not a finite number: reported, 0.0."""
        if text in CONSTANTS:
            return CONSTANTS[text]
        if text[0] not in "+-.0123456789":
            return text
        try:
            return resolve_number(text)
        except OverflowError:
            wrong = "not a finite number" if NOT_FINITE.fullmatch(text) else "too large a number"
            message = f"{cut(text)!r} is {wrong}"
            hint = "write a finite number, or put quotes around it if it is text"
            self._report("RC005", message, event, hint=hint)
            return 0.0

    def _tagged(self, tag: str, text: str, event: Any) -> Any:
        """A scalar that says its type; what is not one of the core schema's is reported."""
        if tag in ("!", _TAG + "str"):
            return text
        types = _CORE_TAGS.get(tag)
        if types is None:
            self._unknown_tag(tag, event)
            return text
        value: Any = self._resolve(text, event)
        fits = isinstance(value, types) and (bool in types or not isinstance(value, bool))
        if not fits:
            shown = tag.removeprefix(_TAG)
            self._report("RC002", f"{cut(text)!r} is not what its tag '!!{shown}' says", event)
            return text
        return float(value) if tag == _TAG + "float" else value

    def _check_collection_tag(self, event: Any) -> None:
        own = "map" if type(event) is MappingStartEvent else "seq"
        if event.tag not in (None, "!", _TAG + own):
            self._unknown_tag(event.tag, event)

    def _unknown_tag(self, tag: str, event: Any) -> None:
        shown = "!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag
        hint = "remove it, or put quotes around text that begins with '!'"
        self._report("RC002", f"tag {cut(shown)!r} means nothing here", event, hint=hint)

    def _report(self, code: str, message: str, event: Any, **more: Any) -> None:
        mark = event.start_mark
        origin = Origin(self.file, self.first + mark.line + 1, mark.column + 1)
        self.found.append(problem(code, message, origin, **more))

    def _explain(self, error: yaml.YAMLError, lines: list[str]) -> int:
        """Reports a syntax error; the line from 0 that it was met in."""
        if not isinstance(error, yaml.MarkedYAMLError):
            self.found.append(problem("RC002", f"not valid YAML ({error})", Origin(self.file)))
            return len(lines)
        at = self._place(error.problem_mark) or (self.first, 0)
        fault = Fault(
            error.problem or "", error.context or "", at, self._place(error.context_mark), lines
        )
        told = explain(fault)
        related = [(told.related[0], self._origin(told.related[1]))] if told.related else []
        origin = self._origin(told.at)
        self.found.append(problem("RC002", told.message, origin, hint=told.hint, related=related))
        return at[0]

    def _place(self, mark: Any) -> Place | None:
        return (self.first + mark.line, mark.column) if mark is not None else None

    def _origin(self, place: Place) -> Origin:
        return Origin(self.file, place[0] + 1, place[1] + 1)


_CORE_TAGS: dict[str, tuple[type, ...]] = {
    _TAG + "null": (type(None),),
    _TAG + "bool": (bool,),
    _TAG + "int": (int,),
    _TAG + "float": (int, float),
}
