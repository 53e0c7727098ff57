"""Problems as data: a code, a place, what is wrong and the way out, in one order everywhere."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from enum import StrEnum
from types import MappingProxyType

from reconciler.origin import Origin


class Severity(StrEnum):
    """An error stops every command; a warning is only said."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class CodeInfo:
    """What a code stands for. ``severity`` is the one it has unless a manifest sets another."""

    code: str
    title: str
    severity: Severity = Severity.ERROR


_TITLES: Mapping[str, str] = MappingProxyType(
    {
        # RC0xx: the files and their YAML
        "RC001": "unreadable file or path",
        "RC002": "YAML syntax",
        "RC003": "duplicate key",
        "RC004": "anchors and aliases, or nesting, too large",
        "RC005": "not a finite number",
        "RC006": "nothing to load",
        "RC007": "not a mapping",
        "RC008": "not clean UTF-8 text",
        # RC1xx: one value against the schema
        "RC101": "unknown key",
        "RC102": "wrong type",
        "RC103": "missing key",
        "RC104": "unknown value",
        "RC105": "same id twice",
        "RC106": "bad id",
        "RC107": "keys that exclude each other",
        "RC108": "parameter missing, or of the wrong sort",
        # RC2xx: references and the graph
        "RC201": "unknown model",
        "RC202": "unknown concept",
        "RC203": "unknown node",
        "RC204": "cycle",
        "RC205": "unknown workflow",
        "RC206": "app id missing",
        "RC207": "node input and output types do not fit",
        "RC208": "node without the input it needs",
        "RC209": "relation of a concept with itself",
        "RC211": "rename that cannot be",
        # RC3xx: ranges and limits
        "RC301": "number out of range",
        "RC302": "too many nodes",
        "RC303": "notes too long",
        # RC4xx: variables and overlays
        "RC401": "use of a variable that is not declared",
        "RC402": "variable without a value",
        "RC403": "variable of the wrong type",
        "RC404": "variables that use each other in a circle",
        "RC405": "bad variable name",
        "RC406": "overlay of something that is not there",
        "RC407": "value for a variable that is not declared",
        # RC5xx: warnings that only this domain knows
        "RC501": "external model without a version",
        "RC502": "model without an owner that this manifest does not have",
        "RC511": "scores between two thresholds that nobody writes",
        "RC512": "score exactly on a threshold that nobody writes",
        "RC513": "scores written with two statuses",
        "RC514": "doubtful path without a lower bound",
        "RC515": "surest scores that nobody writes",
        "RC516": "threshold that no score passes",
        "RC521": "threshold for a concept that never comes",
        "RC522": "concept without a threshold",
        "RC531": "writer that nothing reaches",
        "RC532": "scores written twice with one status",
        "RC533": "writer in another user's name",
        "RC541": "id of a public workflow",
    }
)

_WARNINGS = frozenset(code for code in _TITLES if code.startswith("RC5"))
"""The codes that do not stop a command by themselves."""

CODES: Mapping[str, CodeInfo] = MappingProxyType(
    {
        code: CodeInfo(code, title, Severity.WARNING if code in _WARNINGS else Severity.ERROR)
        for code, title in _TITLES.items()
    }
)
"""Every code that a diagnostic may carry, in order."""


def code_meant(text: str) -> str:
    """The hint ``did you mean 'RC512'?`` for a text that has a code in it, else where they stand.

    Numbers that are like one another mean nothing.
    """
    held = _CODE.search(text.upper())
    is_known = held is not None and held[0] in CODES
    return (
        f"did you mean {held[0]!r}?" if held and is_known else "reconciler explain lists all codes"
    )


_CODE = re.compile(r"RC[0-9]{3}")


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem.

    ``message`` is one sentence without a full stop, ``hint`` the way out in the same manner.
    ``address`` and ``field`` name the resource and the field where there is one; ``related`` holds
    further places, each with the words that introduce it ("first defined here").
    """

    code: str
    severity: Severity
    message: str
    origin: Origin
    hint: str = ""
    address: str = ""
    field: str = ""
    related: tuple[tuple[str, Origin], ...] = ()


def problem(
    code: str,
    message: str,
    origin: Origin,
    *,
    hint: str = "",
    address: str = "",
    field: str = "",
    related: Sequence[tuple[str, Origin]] = (),
) -> Diagnostic:
    """A diagnostic of the severity that ``CODES`` gives its code; endless names are cut in it."""
    severity, told, way = CODES[code].severity, _cut(message), _cut(hint)
    return Diagnostic(code, severity, told, origin, way, address, field, tuple(related))


_LONGEST = 400
"""Characters of a message: what is longer holds a name that nobody can read anyway."""


def _cut(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST - 100]}…{text[-99:]}"


def arrange(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """By place, each once.

    Where the YAML itself is wrong (RC0xx), what later checks say of the very same place is left out:
    they only met the stand-in for a value that could not be read.
    """
    ordered = sorted(dict.fromkeys(diagnostics), key=_by_place)
    broken = {found.origin for found in ordered if _is_syntax(found) and found.origin.line}
    return tuple(found for found in ordered if _is_syntax(found) or found.origin not in broken)


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them stops the command."""
    return any(found.severity is Severity.ERROR for found in diagnostics)


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The other name most like ``word``, or None if none is. The order given plays no part."""
    distinct = frozenset(candidates) - {word}
    folded = _fold(word)
    same = [name for name in distinct if _fold(name) == folded]
    if same:
        return min(same)
    found = get_close_matches(word, sorted(_akin(word, distinct)), n=1, cutoff=0.6)
    return found[0] if found else None


def alike(word: str, candidates: Iterable[str]) -> str | None:
    """The other name that ``word`` is all but certainly a slip of: a letter or two, or separators."""
    found = nearest(word, candidates)
    close = found and SequenceMatcher(None, _fold(word), _fold(found)).ratio() >= _SLIP
    return found if close else None


_SLIP = 0.9


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """The hint ``did you mean 'X'?``, or nothing."""
    name = nearest(word, candidates)
    return f"did you mean {name!r}?" if name is not None else ""


_MANY = 200
"""More names than this are narrowed first: comparing letters in earnest is slow."""


def _akin(word: str, names: Collection[str]) -> Collection[str]:
    """Of many names, some that share much of the word at its beginning or end; of few, all."""
    for length in range(len(word) // 2, len(word)):
        if len(names) <= _MANY:
            break
        head, tail = word[:length], word[len(word) - length :]
        near = [name for name in names if name.startswith(head) or name.endswith(tail)]
        if length > len(word) // 2 and not near:
            break
        names = near
    return names if len(names) <= _MANY else sorted(names)[:_MANY]


def _fold(word: str) -> str:
    """The word without case and without what separates its parts."""
    return word.casefold().replace("-", "").replace("_", "").replace(" ", "")


def _is_syntax(found: Diagnostic) -> bool:
    return found.code.startswith("RC0")


def _by_place(found: Diagnostic) -> tuple[Origin, str, str, str]:
    return found.origin, found.code, found.message, found.hint
