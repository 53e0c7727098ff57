"""What a validator found wrong, in our words: code, place, what was expected, the way out."""

from __future__ import annotations

import re
import types
from collections import abc
from collections.abc import Callable, Iterable, Iterator
from types import MappingProxyType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from reconciler.address import field_path
from reconciler.diagnostics import CODES, Diagnostic, did_you_mean, nearest, problem
from reconciler.manifest.nodes import Mapping, Node, Scalar, cut, describe
from reconciler.manifest.nodes import Sequence as List
from reconciler.manifest.scalars import resolve_number
from reconciler.manifest.sections import Sections, Shape
from reconciler.origin import Origin
from reconciler.resource import Place
from reconciler.spec import ID_LENGTH

Told: TypeAlias = tuple[str, str, str]
"""Code, message, hint."""

_EXPECTED: abc.Mapping[str, str] = MappingProxyType(
    {
        "string_type": "text",
        "string_unicode": "text without half characters",
        "dict_type": "a mapping",
        "model_type": "a mapping",
        "model_attributes_type": "a mapping",
        "list_type": "a list",
        "bool_type": "true or false",
        "float_type": "a number",
        "finite_number": "a finite number",
    }
)


def explain(
    error: ValidationError, model: type[BaseModel], sections: Sections, *, fill: bool
) -> tuple[list[Diagnostic], abc.Mapping[Place, Node | None]]:
    """The mistakes, and what each of them spoils, with what stands in for it.

    ``fill``: what has to be there is filled in from examples, so that the rest can be looked at.
    """
    found = error.errors(include_url=False, include_input=False)
    mistaken = [_Mistake(raw, model, sections) for raw in found]
    misspelt = {(one.place[:-1], one.meant) for one in mistaken if one.type == "extra_forbidden"}
    told = [
        one.diagnostic()
        for one in mistaken
        # a key that is misspelt is not missing as well
        if one.type not in _MISSING or (one.place, one.name) not in misspelt
    ]
    spoilt: dict[Place, Node | None] = {}
    for number, one in enumerate(mistaken):
        place, filling = one.stand_in(number) if fill else (one.place, None)
        if filling is not None or place not in spoilt:
            spoilt[place] = filling
    return told, spoilt


_MISSING = frozenset({"missing", "missing_key"})
_MAPPINGS = frozenset({"dict_type", "model_type", "model_attributes_type"})


class _Mistake:
    """One error of pydantic's, with what it takes to tell of it."""

    def __init__(self, raw: Any, model: type[BaseModel], sections: Sections) -> None:
        self.type: str = raw["type"]
        self.context: dict[str, Any] = raw.get("ctx") or {}
        self.path: Place = tuple(raw["loc"])
        self.model = model
        self.sections = sections
        self.name = ""
        if self.type in _MISSING:
            self.name = self.context.get("name") or str(self.path[-1])
        elif self.type == "extra_forbidden":
            self.name = str(self.path[-1])
        place = self.path[:-1] if self.type == "missing" else self.path
        self.at_key = place[-1:] == ("[key]",)
        self.spot = sections.find(place + tuple(self.context.get("at", ())))
        self.place = self.spot.steps

    @property
    def beside(self) -> Iterable[str]:
        """The keys that stand in the same mapping."""
        node = self.sections.find(self.place[:-1]).node
        return node.items if type(node) is Mapping else ()

    @property
    def known(self) -> dict[str, str]:
        """The keys that could stand beside this one, each with what it is."""
        return {name: field.description or "" for name, field in self._fields().items()}

    @property
    def meant(self) -> str | None:
        """The key that this unknown one stands for: one like it, or one that it is half of."""
        return _meant(self.name, self._fields(), self.beside)

    def _fields(self) -> dict[str, FieldInfo]:
        path = self.path[:-1] if self.type != "missing_key" else self.path
        found = _specs(self.model, path)
        return {name: field for spec in found for name, field in spec.model_fields.items()}

    def stand_in(self, number: int) -> tuple[Place, Node | None]:
        """The place that has to be cleared, and what may stand there so that nothing is missing.

        A key that has to be there gets its example; what other keys hang on gets none.
        """
        path = self.path
        if self.type == "missing":
            place = (*self.place, self.name)
        else:
            place = self.place
            while path and path[-1] != place[-1:][0]:
                path = path[:-1]
        if not place or not path:
            return self.place, None
        if self._decimal():
            return self.place, None
        key, parent = str(path[-1]), str(path[-2:][0])
        for spec in _specs(self.model, path[:-1]):
            stated, example = spec.model_fields.get(key), _examples(spec).get(key)
            if stated and stated.is_required() and key not in _LEADING and example is not None:
                example = f"{example}-{number}" if key == "id" else example
                return place, _node(example, self.spot.origin)
        for spec in _specs(self.model, path[:-2]):
            example = _examples(spec).get(parent)
            if isinstance(example, abc.Mapping) and not self.at_key:
                return place, _node(next(iter(example.values())), self.spot.origin)
        return self.place, None

    def diagnostic(self) -> Diagnostic:
        """The error as a person can act on it."""
        code, message, hint = self._told()
        key = self.at_key or self.name or self.context.get("key")
        address = self.sections.address(self.place)
        form = self.sections.forms.get(str(self.place[0])) if self.place else None
        inside = self.place[1:] if form and form.shape is Shape.OBJECT else self.place[2:]
        return problem(
            code,
            message,
            self.spot.key if key else self.spot.origin,
            hint=hint,
            address=str(address) if address else "",
            field=field_path(inside),
        )

    def _told(self) -> Told:
        node = self.spot.node
        if self.type in CODES:
            return self.type, self.context["message"], self.context["hint"]
        if self.type in _MISSING:
            return self._missing()
        if self.type == "extra_forbidden":
            known = self.known
            near = self.meant
            hint = f"did you mean {near!r}?" if near else f"the keys here are {', '.join(known)}"
            return "RC101", f"unknown key {cut(self.name)!r}", hint
        if self.at_key:
            return _bad_id(str(self.place[-1]), self.context)
        if decimal := self._decimal():
            return "RC102", "expected a number, got two values", f"write {decimal}, with a point"
        if self.type in _EXPECTED:
            expected = _EXPECTED[self.type]
            hint = self._listed() or _way_out(expected, node)
            return "RC102", f"expected {expected}, got {_got(node)}", hint
        told = _TOLD.get(self.type)
        if told is not None and node is not None:
            return told(node, self.context)
        return "RC102", f"not allowed here: {_got(node)}", ""

    def _listed(self) -> str:
        """Where a list belongs that stands for the mapping around it."""
        if self.type not in _MAPPINGS or type(self.spot.node) is not List:
            return ""
        keys = [
            name
            for spec in _specs(self.model, self.path)
            for name, field in spec.model_fields.items()
            if field.is_required() and isinstance(_examples(spec).get(name), list | tuple)
        ]
        return f"put it under the key {keys[0]!r}" if len(keys) == 1 else ""

    def _decimal(self) -> str:
        """The number that was meant where the key is what follows a decimal comma: ``a: 0,8``."""
        around, key = self.sections.find(self.place[:-1]).node, str(self.place[-1:][0])
        if type(around) is not Mapping or key not in around.items or not key.isdecimal():
            return ""
        node, at = around.items[key], around.key_origin(key)
        for before in around.items.values():
            if (
                type(node) is type(before) is Scalar
                and (node.value, node.text) == (None, "")
                and before.text.isdecimal()
                and (before.line, before.column + len(before.text) + 1) == (at.line, at.column)
            ):
                return f"{before.text}.{key}"
        return ""

    def _missing(self) -> Told:
        known, fields = self.known, self._fields()
        node = self.spot.node
        stated = node.items if type(node) is Mapping else {}
        for key in stated:
            if key not in known and _meant(key, fields, stated) == self.name:
                return "RC103", f"missing key {self.name!r}", f"write it instead of {key!r}"
        said = known.get(self.name, "").rstrip(".").replace("``", "'")
        if said[:2].istitle() or (said[:1].isupper() and said[1:2] == " "):
            said = said[0].lower() + said[1:]
        return "RC103", f"missing key {self.name!r}", f"add it: {said}" if said else "add it"


_LEADING = frozenset({"model_type_id"})
"""Keys that say which others there are."""


def _examples(spec: type[BaseModel]) -> dict[str, Any]:
    inherited = (vars(base).get("EXAMPLE", {}) for base in reversed(spec.__mro__))
    return {key: value for examples in inherited for key, value in examples.items()}


def _node(value: Any, at: Origin) -> Node:
    """Plain data as if it were written at one place."""
    place = at.file, at.line, at.column
    if isinstance(value, abc.Mapping):
        items = {key: _node(item, at) for key, item in value.items()}
        return Mapping(*place, items, {})
    if isinstance(value, list | tuple):
        return List(*place, [_node(item, at) for item in value])
    return Scalar(*place, value, str(value), isinstance(value, str))


def _meant(name: str, fields: abc.Mapping[str, FieldInfo], stated: Iterable[str]) -> str | None:
    """One like it, or the only free one that it is part of, of several the one that has to be there."""
    if near := nearest(name, fields):
        return near
    free = [key for key in fields if key not in stated]
    wholes = [key for key in free if f"_{name}_" in f"_{key}_" or f"_{name}s_" in f"_{key}_"]
    needed = [key for key in wholes if fields[key].is_required()]
    return next((only[0] for only in (wholes, needed) if len(only) == 1), None)


def _got(node: Node | None) -> str:
    return describe(node) if node is not None else "nothing"


def _specs(annotation: Any, path: Place) -> Iterator[type[BaseModel]]:
    """The specs that a path of an error leads to."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _specs(annotation.__origin__, path)
    elif origin in (Union, types.UnionType):
        members = get_args(annotation)
        tagged = [member for member in members if path and _tag(member) == path[0]]
        for member in tagged or members:
            yield from _specs(member, path[1:] if tagged else path)
    elif origin in (dict, list) and path:
        yield from _specs(get_args(annotation)[-1], path[1:])
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not path:
            yield annotation
        elif (field := annotation.model_fields.get(str(path[0]))) is not None:
            yield from _specs(field.annotation, path[1:])


def _tag(member: Any) -> str | None:
    metadata = getattr(member, "__metadata__", ())
    return next((item.tag for item in metadata if hasattr(item, "tag")), None)


# --- words


def _bad_id(text: str, context: abc.Mapping[str, Any]) -> Told:
    rule = f"letters and digits with single '-' or '_' between them, at most {ID_LENGTH} characters"
    if "pattern" in context:
        shown = repr(cut(text)) if text else "an empty text"
        return "RC106", f"{shown} is no id", f"an id has {rule}"
    if "max_length" in context:
        limit = context["max_length"]
        return "RC106", f"an id of {len(text)} characters", f"it can have at most {limit}"
    return "RC106", "an id cannot be empty", "give it at least one character"


def _id_value(node: Node, context: abc.Mapping[str, Any]) -> Told:
    return _bad_id(node.text if type(node) is Scalar else "", context)


def _choice(node: Node, context: abc.Mapping[str, Any]) -> Told:
    expected = str(context["expected"])
    names = re.findall(r"'([^']*)'", expected) or expected.split(", ")
    spoken = " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    if type(node) is not Scalar or node.value is None:
        return "RC102", f"expected {spoken}, got {describe(node)}", ""
    if _SIGNS.get(node.text) in names:
        return "RC104", f"unknown value {cut(node.text)!r}", f"write {_SIGNS[node.text]}"
    held = [name for name in names if node.text and node.text.upper() in name]
    hint = f"did you mean {held[0]!r}?" if len(held) == 1 else did_you_mean(node.text, names)
    return "RC104", f"unknown value {cut(node.text)!r}", hint or f"it is one of {', '.join(names)}"


_SIGNS: abc.Mapping[str, str] = MappingProxyType(
    {
        ">": "GREATER_THAN",
        ">=": "GREATER_THAN_OR_EQUAL",
        "<": "LESS_THAN",
        "<=": "LESS_THAN_OR_EQUAL",
        "=": "EQUAL",
        "==": "EQUAL",
    }
)


def _range(node: Node, context: abc.Mapping[str, Any]) -> Told:
    low, high = context.get("ge"), context.get("le")
    bound = f"at least {low:g}" if low is not None else f"at most {high:g}"
    shown = cut(node.text) if type(node) is Scalar else describe(node)
    value = _number(node)
    percent = high == 1 and 2 <= value <= 100
    hint = f"write {value / 100:g} for {value:g} %" if percent else ""
    return "RC301", f"{shown} is out of range, expected {bound}", hint


def _number(node: Node) -> float:
    value = node.value if type(node) is Scalar else 0
    return value if isinstance(value, int | float) else 0


def _empty(node: Node, context: abc.Mapping[str, Any]) -> Told:
    what = "a mapping with at least one key" if type(node) is Mapping else "at least one item"
    return (
        "RC102",
        f"expected {what}, got an empty {'mapping' if type(node) is Mapping else 'list'}",
        "",
    )


_TOLD: abc.Mapping[str, Callable[[Node, abc.Mapping[str, Any]], Told]] = MappingProxyType(
    {
        "enum": _choice,
        "literal_error": _choice,
        "string_pattern_mismatch": _id_value,
        "string_too_short": _id_value,
        "string_too_long": _id_value,
        "greater_than_equal": _range,
        "less_than_equal": _range,
        "too_short": _empty,
    }
)


def _way_out(expected: str, node: Node | None) -> str:
    """A hint for the commonest slips."""
    text = node.text if type(node) is Scalar and isinstance(node.value, str) else ""
    match expected:
        case "a number" if text and _reads_as_number(text):
            return f"write {text} without quotes"
        case "a number" if _PERCENT.fullmatch(text):
            return f"write {float(text.rstrip(' %')) / 100:g}"
        case "a number" if _COMMA.fullmatch(text):
            return f"write {text.replace(',', '.')}, with a point"
        case "true or false" if text.lower() in ("true", "false"):
            return f"write {text.lower()} without quotes"
        case "true or false" if text.lower() in ("yes", "no", "on", "off"):
            return "YAML 1.2 knows only true and false"
        case "a list" if type(node) is Scalar and node.value is not None:
            return f"write [{cut(node.text)}]"
        case "a list":
            return "begin each item with '- '"
        case "a mapping" if type(node) is List or text:
            return "write 'key: value' lines"
    return ""


_PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]+)? ?%")
_COMMA = re.compile(r"[-+]?[0-9]+,[0-9]+")
"""A number as many people write it."""


def _reads_as_number(text: str) -> bool:
    try:
        return text[0] in "+-.0123456789" and not isinstance(resolve_number(text), str)
    except OverflowError:
        return False
