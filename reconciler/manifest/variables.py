"""Variables: declared values, from where they are set to where they are used.

They are filled in before anything is validated, so that a wrong one is reported like any other
mistake, at the place of use, with the place where it was set beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, TypeAlias

from reconciler import dag
from reconciler.diagnostics import Diagnostic, did_you_mean, problem
from reconciler.manifest import nodes
from reconciler.manifest.language import VARIABLE_NAME
from reconciler.manifest.nodes import Mapping as MappingNode
from reconciler.manifest.nodes import Node, Scalar, Sequence
from reconciler.manifest.scalars import resolve_number
from reconciler.manifest.sections import Entry, Sections
from reconciler.origin import Origin

SECTION = "variables"
RESERVED = "FILE"

MAX_FILLED = 4_000_000
"""Characters that variables may put into other text, all together."""

# no name holds '{': looking for the end of each of many beginnings would take forever
_USE = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_NAME = re.compile(VARIABLE_NAME)
_TYPES = ("string", "number", "integer", "boolean")

Value: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Given:
    """A value from outside the manifest, as text; ``where`` is its place or what set it."""

    text: str
    where: Origin
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Filled:
    """Sections without variables, where each filled-in value was set, and what was wrong.

    ``broken`` are the places that could not be filled in: what else is said of them is noise.
    """

    sections: Sections
    set_at: Mapping[Origin, tuple[str, Origin]]
    values: Mapping[str, Value]
    broken: frozenset[Origin]
    diagnostics: tuple[Diagnostic, ...]


def fill(sections: Sections, given: Mapping[str, Given]) -> Filled:
    """Replaces every use of a variable by its value.

    ``given`` holds what files, environment and command line set, by name. Linear in the manifest.
    """
    return _Filling(sections, given).run()


def explained(
    diagnostics: Iterable[Diagnostic], set_at: Mapping[Origin, tuple[str, Origin]]
) -> Iterator[Diagnostic]:
    """Diagnostics that also say where the value that they are about was set."""
    for found in diagnostics:
        name, where = set_at.get(found.origin, ("", found.origin))
        if name:
            told = (*found.related, (f"variable {name!r} is set here", where))
            found = replace(found, related=told)  # noqa: PLW2901  # a copy, not another diagnostic
        yield found


@dataclass(frozen=True, slots=True)
class _Declared:
    """A declaration: its type, and its default as it stands."""

    name: str
    key: Origin
    type: str
    default: Scalar | None


@dataclass(slots=True)
class _Filling:
    sections: Sections
    given: Mapping[str, Given]
    found: list[Diagnostic] = field(default_factory=list)
    set_at: dict[Origin, tuple[str, Origin]] = field(default_factory=dict)
    values: dict[str, tuple[Value, Origin]] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    broken: set[Origin] = field(default_factory=set)
    filled: int = 0

    def run(self) -> Filled:
        declared = {item.name: item for item in self._declarations()}
        self._check_given(declared)
        self._settle(declared)
        entries = {
            section: MappingProxyType(
                {step: self._entry(entry) for step, entry in all_.items()}
                if section != SECTION
                else dict(all_)
            )
            for section, all_ in self.sections.entries.items()
        }
        return Filled(
            replace(self.sections, entries=entries),
            MappingProxyType(self.set_at),
            MappingProxyType({name: value for name, (value, _) in sorted(self.values.items())}),
            frozenset(self.broken),
            tuple(self.found),
        )

    def _declarations(self) -> Iterator[_Declared]:
        for step, entry in self.sections.entries.get(SECTION, {}).items():
            name = str(step)
            if not _NAME.fullmatch(name) or name == RESERVED:
                hint = (
                    "RECONCILER_VAR_FILE is the option's own name; choose another"
                    if name == RESERVED
                    else "letters, digits and _, not beginning with a digit"
                )
                self.found.append(
                    problem("RC405", f"a variable cannot be called {name!r}", entry.key, hint=hint)
                )
                self.failed.add(name)
                continue
            fields = entry.value.items if type(entry.value) is MappingNode else {}
            type_, default = fields.get("type"), fields.get("default")
            stated = type_.text if type(type_) is Scalar else "string"
            yield _Declared(
                name,
                entry.key,
                stated if stated in _TYPES else "string",
                default if type(default) is Scalar and default.value is not None else None,
            )

    def _check_given(self, declared: Mapping[str, _Declared]) -> None:
        for name, value in self.given.items():
            if name not in declared and name not in self.failed:
                hint = did_you_mean(name, declared) or (
                    f"declared: {', '.join(sorted(declared))}"
                    if declared
                    else "declare it under 'variables'"
                )
                message = f"a value is set for {name!r}, which the manifest does not declare"
                self.found.append(problem("RC407", message, value.where, hint=hint))

    def _settle(self, declared: Mapping[str, _Declared]) -> None:
        """Values in an order in which each default finds those that it uses."""
        uses = {
            name: tuple(_names(item.default.text))
            if item.default is not None and name not in self.given
            else ()
            for name, item in declared.items()
        }
        edges = {
            name: [other for other in used if other in declared] for name, used in uses.items()
        }
        for cycle in dag.cycles(edges, key=str):
            told = dag.round_trip(cycle)
            item = declared[cycle[0]]
            origin = item.default.origin if item.default else item.key
            message = f"variables use each other in a circle: {told}"
            self.found.append(problem("RC404", message, origin, hint="give one of them a value"))
            self.failed.update(cycle)
        open_ = {name: others for name, others in edges.items() if name not in self.failed}
        for name in dag.sort(open_, key=str, name=str):
            self._settle_one(declared[name])

    def _settle_one(self, item: _Declared) -> None:
        given = self.given.get(item.name)
        if given is not None:
            text, origin, quoted = given.text, given.where, given.quoted
        elif item.default is not None:
            filled = self._scalar(item.default)
            text, origin, quoted = filled.text, item.default.origin, not filled.plain
        else:
            self.failed.add(item.name)
            hint = (
                f"set it: --var {item.name}=VALUE, a --var-file, RECONCILER_VAR_{item.name}, "
                "or a default"
            )
            message = f"variable {item.name!r} has no value"
            self.found.append(problem("RC402", message, item.key, hint=hint))
            return
        try:
            self.values[item.name] = _typed(text, item.type, quoted=quoted), origin
        except ValueError:
            self.failed.add(item.name)
            message = f"variable {item.name!r} is a {item.type}, got {nodes.cut(text)!r}"
            related = [("declared here", item.key)] if origin != item.key else []
            self.found.append(problem("RC403", message, origin, related=related))

    def _entry(self, entry: Entry) -> Entry:
        value = self._node(entry.value)
        return entry if value is entry.value else Entry(entry.key, value)

    def _node(self, node: Node) -> Node:
        """The node itself where nothing in it uses a variable."""
        if type(node) is Scalar:
            return self._scalar(node) if "${" in node.text else node
        if type(node) is MappingNode:
            self._check_keys(node)
            items = {key: self._node(item) for key, item in node.items.items()}
            if all(items[key] is item for key, item in node.items.items()):
                return node
            return replace(node, items=items)
        assert type(node) is Sequence
        listed = [self._node(item) for item in node.items]
        if all(new is old for new, old in zip(listed, node.items, strict=True)):
            return node
        return Sequence(node.file, node.line, node.column, listed)

    def _check_keys(self, node: MappingNode) -> None:
        for key in node.items:
            if "${" in key:
                message = f"a variable stands in the key {nodes.cut(key)!r}"
                hint = "variables are values; write the key itself"
                self.found.append(problem("RC401", message, node.key_origin(key), hint=hint))

    def _scalar(self, node: Scalar) -> Scalar:
        if type(node.value) is not str:
            return node
        whole = _USE.fullmatch(node.text)
        if whole and whole[1] is not None:
            return self._whole(node, whole[1])
        text = _USE.sub(lambda use: self._part(node, use), node.text)
        return Scalar(node.file, node.line, node.column, text, text, False)

    def _whole(self, node: Scalar, name: str) -> Scalar:
        """A scalar that is a variable takes its value and type."""
        value = self._value(node, name)
        if value is None:
            return Scalar(node.file, node.line, node.column, node.text, node.text, False)
        plain = not isinstance(value, str)
        text = spelt(value)
        return Scalar(node.file, node.line, node.column, value, text, plain)

    def _part(self, node: Scalar, use: re.Match[str]) -> str:
        if use[0] == "$${":
            return "${"
        if use[1] is None:
            message = "'${' begins a variable that never ends"
            hint = "close it with }, or write $${ for the two characters"
            self.found.append(problem("RC401", message, node.origin, hint=hint))
            return use[0]
        value = self._value(node, use[1])
        if value is None:
            return use[0]
        text = spelt(value)
        if self.filled <= MAX_FILLED < self.filled + len(text):
            message = f"variables put more than {MAX_FILLED:,} characters into other text"
            hint = "do not build variables from variables that grow"
            self.found.append(problem("RC004", message, node.origin, hint=hint))
        self.filled += len(text)
        return text if self.filled <= MAX_FILLED else use[0]

    def _value(self, node: Scalar, name: str) -> Value | None:
        if name in self.values:
            value, where = self.values[name]
            self.set_at[node.origin] = (name, where)
            return value
        if name not in self.failed:
            hint = did_you_mean(name, self.values) or (
                "declare it under 'variables', or write $${ for the two characters"
            )
            message = f"unknown variable {nodes.cut(name)!r}"
            self.found.append(problem("RC401", message, node.origin, hint=hint))
        self.broken.add(node.origin)
        return None


def _names(text: str) -> Iterator[str]:
    return (use[1] for use in _USE.finditer(text) if use[1] is not None)


def _typed(text: str, type_: str, *, quoted: bool) -> Value:
    """Text as its declared type, by the rules of YAML 1.2 core. Raises ValueError."""
    if type_ == "string":
        return text
    if quoted:
        raise ValueError(text)
    if type_ == "boolean":
        if text.lower() not in ("true", "false"):
            raise ValueError(text)
        return text.lower() == "true"
    try:
        value = resolve_number(text.strip())
    except OverflowError as error:
        raise ValueError(text) from error
    if isinstance(value, str) or (type_ == "integer" and not float(value).is_integer()):
        raise ValueError(text)
    return int(value) if type_ == "integer" else value


def spelt(value: Any) -> str:
    """A value as text: what ``--var`` would be given."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def given_by_file(root: Node) -> tuple[dict[str, Given], list[Diagnostic]]:
    """The values of a variable file: a mapping of names to scalars."""
    found: list[Diagnostic] = []
    given: dict[str, Given] = {}
    if type(root) is not MappingNode:
        message = f"expected 'NAME: value' lines, got {nodes.describe(root)}"
        return given, [problem("RC403", message, root.origin)]
    for name, node in root.items.items():
        if type(node) is Scalar and node.value is not None:
            given[name] = Given(node.text, node.origin, quoted=not node.plain)
        else:
            message = f"variable {name!r} is set to {nodes.describe(node)}, expected one value"
            found.append(problem("RC403", message, node.origin))
    return given, found
