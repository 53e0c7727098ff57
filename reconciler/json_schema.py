"""Data against a JSON Schema (draft 2020-12), with problems in our words; the only user of ``jsonschema``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Any, TypeAlias

from reconciler.diagnostics import did_you_mean

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """One place that the schema does not allow. ``path`` has keys and indices from the root.

    ``keyword`` is the schema's word that failed (``type``, ``required``, ``additionalProperties``…);
    of an unknown key, the path ends with the key itself.
    """

    path: Path
    message: str
    hint: str = ""
    keyword: str = ""

    def __str__(self) -> str:
        where = ".".join(str(step) for step in self.path) or "the document"
        hint = f", {self.hint}" if self.hint else ""
        return f"{where}: {self.message}{hint}"


def validate(instance: Any, schema: Mapping[str, Any] | bool) -> list[SchemaProblem]:
    """All problems of decoded JSON (dict, list and scalars), in the order of their paths.

    Where none of several forms fits, those of the form that comes nearest.
    """
    return _found(_errors(instance, schema))


def first_problems(
    instance: Any, schema: Mapping[str, Any] | bool, most: int
) -> tuple[list[SchemaProblem], bool]:
    """Those among the first ``most`` errors, and whether there are more: for input without bound."""
    errors = _errors(instance, schema)
    problems = _found(islice(errors, most))
    return problems, next(errors, None) is not None


def _errors(instance: Any, schema: Mapping[str, Any] | bool) -> Iterator[Any]:
    # Imported here: it costs more than reading a small manifest, and a good one never needs it.
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

    yield from Draft202012Validator(schema).iter_errors(instance)


def _found(errors: Iterable[Any]) -> list[SchemaProblem]:
    problems = dict.fromkeys(problem for error in errors for problem in _problems(error))
    return sorted(problems, key=_order)


def _order(problem: SchemaProblem) -> tuple[list[tuple[bool, int, str]], str]:
    path = [
        (False, step, "") if isinstance(step, int) else (True, 0, step) for step in problem.path
    ]
    return path, problem.message


def _problems(error: Any) -> Iterator[SchemaProblem]:
    """What one error of the library means; one of several keys or branches is several problems."""
    path: Path = tuple(error.absolute_path)
    keyword = error.validator or "false"
    told = _TOLD.get(keyword)
    if "propertyNames" in error.relative_schema_path:
        path = (*path, error.instance)
    if keyword in ("anyOf", "oneOf"):
        yield from _branches(error, path)
    elif told is None:
        yield SchemaProblem(path, str(error.message), keyword=keyword)
    else:
        for key, message, hint in told(error):
            yield SchemaProblem(path if key is None else (*path, key), message, hint, keyword)


def _branches(error: Any, path: Path) -> Iterator[SchemaProblem]:
    """None of several forms fits, or more than one."""
    branches: dict[int, list[Any]] = {}
    for inner in error.context:
        branches.setdefault(inner.schema_path[0], []).append(inner)
    if not branches:
        yield SchemaProblem(path, "fits more than one of the allowed forms", "", error.validator)
        return
    open_branches = {
        index: inner for index, inner in branches.items() if not any(map(_excludes, inner))
    }
    if not open_branches:
        closed = [
            inner for _, found in sorted(branches.items()) for inner in found if _excludes(inner)
        ]
        yield _closed(error, path, closed)
        return
    _, best = min(open_branches.items(), key=lambda item: (len(item[1]), item[0]))
    for inner in best:
        yield from _problems(inner)


def _excludes(inner: Any) -> bool:
    """Whether an error shows that a form is not the one that was meant.

    That is another type altogether, or another value of the key that tells the forms apart.
    """
    depth = len(inner.relative_path)
    if depth == 0:
        return inner.validator in ("type", "enum", "const", None)
    return depth == 1 and inner.validator == "const"


def _closed(error: Any, path: Path, closed: Sequence[Any]) -> SchemaProblem:
    """No form is near: names what the forms expect."""
    deeper = [inner for inner in closed if inner.relative_path]
    if deeper:
        key = deeper[0].relative_path[0]
        allowed = [inner.validator_value for inner in deeper if inner.relative_path[0] == key]
        got = deeper[0].instance
        message, hint = _one_of(allowed, got)
        return SchemaProblem((*path, key), message, hint, error.validator)
    words: list[str] = []
    values: list[Any] = []
    for inner in closed:
        if inner.validator == "type":
            words += _types(inner.validator_value)
        elif inner.validator == "enum":
            values += inner.validator_value
        elif inner.validator == "const":
            values.append(inner.validator_value)
    words += [show(value) for value in values]
    message = (
        f"expected {_either(words)}, got {describe(error.instance)}" if words else "not allowed"
    )
    return SchemaProblem(path, message, _near(error.instance, values), error.validator)


# --- words for values

_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "object": "a mapping",
        "array": "a list",
        "string": "text",
        "number": "a number",
        "integer": "a whole number",
        "boolean": "true or false",
        "null": "nothing",
    }
)


def show(value: Any) -> str:
    """A value in a message: short, texts in quotes, JSON's own spelling of true, false and null."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            text = repr(value)
            return text if len(text) <= 60 else text[:58] + "…" + text[-1:]


def describe(value: Any) -> str:
    """A value with its type: ``text 'a'``, ``number 5``, ``a list``."""
    match value:
        case None:
            return "nothing"
        case str():
            return f"text {show(value)}"
        case bool() | Mapping() | list() | tuple():
            return show(value)
        case _:
            return f"number {show(value)}"


def _types(expected: str | Iterable[str]) -> list[str]:
    names = [expected] if isinstance(expected, str) else list(expected)
    return [_TYPES.get(name, name) for name in names]


def _either(words: Iterable[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``; each once."""
    distinct = list(dict.fromkeys(words))
    if len(distinct) < 2:
        return "".join(distinct)
    return ", ".join(distinct[:-1]) + " or " + distinct[-1]


def _near(value: Any, allowed: Iterable[Any]) -> str:
    names = [name for name in allowed if isinstance(name, str)]
    return did_you_mean(value, names) if isinstance(value, str) else ""


def _one_of(allowed: Sequence[Any], value: Any) -> tuple[str, str]:
    """Message and hint for a value that is none of those allowed."""
    said = _either(show(item) for item in allowed)
    return f"expected {said}, got {describe(value)}", _near(value, allowed)


# --- words for the schema's keywords

_Told: TypeAlias = Iterator[tuple[str | None, str, str]]
"""The key meant if it is below the error's own place, message, hint."""


def _required(error: Any) -> _Told:
    for name in error.validator_value:
        if name not in error.instance:
            yield None, f"missing key {name!r}", ""


def _excluded(error: Any) -> _Told:
    """``not: {}`` allows nothing, ``not: {const: X}`` all but X; others in the library's words."""
    plain = not set(error.validator_value) - {"const"}
    yield None, f"not allowed here: {show(error.instance)}" if plain else str(error.message), ""


def _dependent(error: Any) -> _Told:
    for name, needed in error.validator_value.items():
        for other in needed if name in error.instance else ():
            if other not in error.instance:
                yield None, f"missing key {other!r}, which {name!r} needs", ""


def _unknown(error: Any) -> _Told:
    known = list(error.schema.get("properties", ()))
    patterns = list(error.schema.get("patternProperties", ()))
    for name in error.instance:
        if name not in known and not any(re.search(pattern, name) for pattern in patterns):
            yield name, f"unknown key {name!r}", did_you_mean(name, known)


def _simple(words: Callable[[Any, Any], str]) -> Callable[[Any], _Told]:
    """One message made of what the schema says and what the value is."""

    def told(error: Any) -> _Told:
        yield None, words(error.validator_value, error.instance), ""

    return told


def _choice(error: Any) -> _Told:
    allowed = error.validator_value if error.validator == "enum" else [error.validator_value]
    yield None, *_one_of(allowed, error.instance)


def _count(bound: str, of: str) -> Callable[[Any], _Told]:
    return _simple(lambda limit, got: f"expected {bound} {limit} {of}, got {len(got)}")


def _bound(words: str) -> Callable[[Any], _Told]:
    return _simple(lambda limit, got: f"expected a number {words} {show(limit)}, got {show(got)}")


_TOLD: Mapping[str, Callable[[Any], _Told]] = MappingProxyType(
    {
        "type": _simple(
            lambda types, got: f"expected {_either(_types(types))}, got {describe(got)}"
        ),
        "required": _required,
        "additionalProperties": _unknown,
        "enum": _choice,
        "const": _choice,
        "pattern": _simple(lambda pattern, got: f"expected text like {pattern}, got {show(got)}"),
        "minimum": _bound("of at least"),
        "maximum": _bound("of at most"),
        "exclusiveMinimum": _bound("greater than"),
        "exclusiveMaximum": _bound("less than"),
        "multipleOf": _bound("that is a multiple of"),
        "minLength": _count("at least", "characters"),
        "maxLength": _count("at most", "characters"),
        "minItems": _count("at least", "items"),
        "maxItems": _count("at most", "items"),
        "minProperties": _count("at least", "keys"),
        "maxProperties": _count("at most", "keys"),
        "uniqueItems": _simple(lambda _, __: "the same item stands twice in a list"),
        "false": _simple(lambda _, got: f"not allowed here: {show(got)}"),
        "not": _excluded,
        "dependentRequired": _dependent,
    }
)
