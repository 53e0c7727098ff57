"""Identity: what a resource is called in plans, options and messages."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from reconciler.errors import SettingsError

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_PART = re.compile(r'[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"')

APP = "app"
DEFAULT_WORKFLOW = "app.default_workflow"


class Address(NamedTuple):
    """``app``, ``concept.ID``, ``relation.SUBJECT.PREDICATE.OBJECT[@GRAPH]``, ``model.ID``, ….

    ``kind`` is the name of the resource's kind; ``parts`` are its ids as the platform has them;
    ``graph`` is a relation's knowledge graph, empty for the global one.
    """

    kind: str
    parts: tuple[str, ...] = ()
    graph: str = ""

    def __str__(self) -> str:
        text = ".".join((self.kind, *map(quote, self.parts)))
        return f"{text}@{quote(self.graph)}" if self.graph else text

    @property
    def id(self) -> str:
        """The last part: the object's own id."""
        return self.parts[-1] if self.parts else ""

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read what ``str`` writes. Raises ``SettingsError`` for anything else."""
        if text in (APP, DEFAULT_WORKFLOW):
            return cls(text)
        kind, dot, rest = text.partition(".")
        parts: list[str] = []
        while dot:
            match = _PART.match(rest)
            if match is None:
                break
            parts.append(_unquote(match[0], text))
            dot, rest = rest[match.end() : match.end() + 1], rest[match.end() + 1 :]
            if dot == "@":
                graph = _PART.fullmatch(rest)
                if graph is None:
                    break
                return cls(kind, tuple(parts), _unquote(graph[0], text))
            if dot not in ("", "."):
                break
            if not dot:
                return cls(kind, tuple(parts))
        raise SettingsError(
            f"{text!r} is not an address",
            hint="an address looks like model.confident or workflow.auto-annotation; "
            'a part with other characters is quoted: concept."test.1"',
        )


def quote(part: str) -> str:
    """One part of an address or of a field path, JSON-quoted where it is not plain."""
    return part if _PLAIN.fullmatch(part) else json.dumps(part, ensure_ascii=False)


def field_path(parts: tuple[str | int, ...]) -> str:
    """A field's path as plans show it: ``thresholds.adult``."""
    return ".".join(quote(str(part)) for part in parts)


def _unquote(part: str, whole: str) -> str:
    if not part.startswith('"'):
        return part
    try:
        return str(json.loads(part))
    except ValueError as error:
        raise SettingsError(f"{whole!r} is not an address: {part} is no JSON string") from error
