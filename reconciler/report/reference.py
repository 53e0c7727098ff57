"""The manifest's reference as Markdown: every key of its JSON Schema, from the models themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from reconciler.report.reference_opening import OPENING

JsonSchema: TypeAlias = Mapping[str, Any]

_DEEPEST: Final = 4
_MODEL_ID: Final = "my-model"


def render(schema: JsonSchema) -> str:
    """The page: how a manifest is written, then a table and an example for each section."""
    page = _Page(schema["$defs"])
    for name, section in schema["properties"].items():
        page.section(name, section)
    return f"{OPENING}\n" + "\n".join(page.lines) + "\n"


@dataclass(slots=True)
class _Page:
    specs: Mapping[str, JsonSchema]
    lines: list[str] = field(default_factory=list)
    told: set[str] = field(default_factory=set)

    def section(self, name: str, section: JsonSchema) -> None:
        """One top-level key."""
        self._heading(3, f"`{name}`", section)
        form = _one(section)
        if "$ref" in form:
            form = self.specs[_name(form)]
        elif "properties" not in form:
            self.lines += [f"{_sentence(self._value(section))}.", ""]
        self._example({name: section["examples"][0]})
        types = form.get("additionalProperties")
        if isinstance(types, Mapping) and "allOf" in types:
            self._model_types(types["allOf"])
        elif "properties" in form:
            self._table(form, 4)
        else:
            self._below([section], 4)

    def _model_types(self, branches: list[JsonSchema]) -> None:
        """What all models have in common once, then each type with what is its own."""
        names: dict[str, list[str]] = {}
        for branch in branches:
            stated = branch["if"]["properties"]["model_type_id"]
            names.setdefault(_name(branch["then"]), [])
            names[_name(branch["then"])] += [stated["const"]] if "const" in stated else []
        common = set.intersection(*(set(self.specs[name]["properties"]) for name in names))
        base = self.specs[next(name for name, ids in names.items() if not ids)]
        self.lines += ["#### Every model", ""]
        self._table(base, 5, only=lambda key: key in common)
        for name, ids in names.items():
            spec = self.specs[name]
            title = " or ".join(f"`{id_}`" for id_ in ids) or "Every other type"
            self._heading(4, title, spec)
            self._example({"models": {_MODEL_ID: spec["examples"][0]}})
            self._table(spec, 5, only=lambda key: key not in common)

    def _below(self, forms: list[JsonSchema], level: int) -> None:
        """The specs that these forms lead to, each told once."""
        for form in forms:
            for name in _references(form):
                if name not in self.told:
                    self.told.add(name)
                    spec = self.specs[name]
                    self._heading(min(level, _DEEPEST), _title(name).capitalize(), spec)
                    if level > _DEEPEST - 1 and name not in _IN_SECTIONS and "examples" in spec:
                        self._example(spec["examples"][0])
                    self._table(spec, level + 1)

    def _heading(self, level: int, title: str, said: JsonSchema) -> None:
        self.lines += ["#" * level + f" {title}", ""]
        if "description" in said:
            self.lines += [_prose(said["description"]), ""]

    def _example(self, value: Any) -> None:
        self.lines += ["```yaml", *_block(value, ""), "```", ""]

    def _table(self, spec: JsonSchema, level: int, only: Any = None) -> None:
        rows = [row for row in self._rows(spec, "") if only is None or only(row.key)]
        if not rows:
            return
        with_field = any(row.wire for row in rows)
        head = ["Key", "Value", *(["Field"] if with_field else []), "What it is"]
        self.lines += [_line(head), _line(["---"] * len(head))]
        for row in rows:
            where = [f"`{row.wire}`" if row.wire else ""] if with_field else []
            self.lines.append(_line([f"`{row.key}`", row.value, *where, row.description]))
        self.lines.append("")
        self._below([row.form for row in rows], level)

    def _rows(self, spec: JsonSchema, prefix: str) -> Iterator[_Row]:
        required = spec.get("required", ())
        for key, said in spec["properties"].items():
            if "description" not in said:
                continue
            value = self._value(said)
            if key in required:
                value += "; required"
            elif said.get("default") not in (None, "", []):
                value += f"; `{json.dumps(said['default']).strip(chr(34))}` if left out"
            name, wire = f"{prefix}{key}", said.get("x-wire", "")
            yield _Row(name, value, wire, _prose(said["description"]), said)
            inner = _one(said)
            listed = "items" in inner
            inner = _one(inner["items"]) if listed else inner
            if _has_keys(inner):
                yield from self._rows(inner, f"{name}{'[]' if listed else ''}.")

    def _value(self, said: JsonSchema) -> str:
        """What may stand there, in words."""
        forms = [self._form(form) for form in _forms(said)]
        return " or ".join(dict.fromkeys(form for form in forms if form))

    def _form(self, form: JsonSchema) -> str:
        types = _types(form)
        if "$ref" in form:
            name = _title(_name(form))
            return f"[{name}](#{name.replace(' ', '-')})"
        if "enum" in form or "const" in form:
            values = form.get("enum", [form.get("const")])
            return " or ".join(f"`{value}`" for value in values if isinstance(value, str))
        if types == ["array"]:
            inner = self._value(form["items"]) if "items" in form else "anything"
            return f"list of {inner}"
        if types == ["object"]:
            return self._mapping(form)
        if types == ["boolean"]:
            return "true or false"
        if types == ["number"]:
            if "minimum" in form:
                return f"number from {form['minimum']:g} to {form['maximum']:g}"
            return "number"
        return ("id" if "[-_]" in form.get("pattern", "") else "text") if types else ""

    def _mapping(self, form: JsonSchema) -> str:
        inner = form.get("additionalProperties")
        if isinstance(inner, Mapping):
            return f"mapping of id to {'model' if 'allOf' in inner else self._value(inner)}"
        closed = _has_keys(form)
        return "mapping" if closed else "free JSON"


@dataclass(frozen=True, slots=True)
class _Row:
    key: str
    value: str
    wire: str
    description: str
    form: JsonSchema


_IN_SECTIONS: Final = frozenset(
    {"ConceptSpec", "RelationSpec", "WorkflowSpec", "VariableSpec", "MovedSpec"}
)
"""Their section shows an example already."""


# --- reading the schema


def _forms(said: JsonSchema) -> list[JsonSchema]:
    """The forms that a value may have, without null, and without texts that stand for another form:
    a variable, a number in quotes.
    """
    forms = said.get("anyOf", [said])
    stand_ins = [f for f in forms if f.get("type") == "string" and "pattern" in f]
    return [f for f in forms if f not in stand_ins and f.get("type") != "null"]


def _one(said: JsonSchema) -> JsonSchema:
    """The first form: what there is to tell of the others is told by words."""
    forms = _forms(said)
    return forms[0] if forms else said


def _has_keys(form: JsonSchema) -> bool:
    """Whether it names keys, and not only one that nobody may use."""
    return any("description" in said for said in form.get("properties", {}).values())


def _types(form: JsonSchema) -> list[str]:
    types = form.get("type", [])
    return [t for t in ([types] if isinstance(types, str) else types) if t != "null"]


def _references(said: Any) -> Iterator[str]:
    """The specs that a value may be made of, whatever stands in between."""
    if not isinstance(said, Mapping):
        return
    for form in _forms(said):
        if "$ref" in form:
            yield _name(form)
        for key in ("items", "additionalProperties"):
            yield from _references(form.get(key))


def _name(form: JsonSchema) -> str:
    return str(form["$ref"]).rpartition("/")[2]


def _title(name: str) -> str:
    """``NodeModelSpec`` as ``node model``."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name.removesuffix("Spec")).lower()


# --- writing


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _prose(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("``", "`")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _block(value: Any, indent: str) -> Iterator[str]:
    """An example as YAML, in the layout of the manifests in this repository."""
    deeper = indent + "  "
    if isinstance(value, Mapping):
        for key, item in value.items():
            name = f"{indent}{_scalar(key)}:"
            if _is_small(item) and (indent or not isinstance(item, Mapping)):
                yield f"{name} {_flow(item)}"
            else:
                yield name
                yield from _block(item, deeper)
        return
    for item in value:
        yield f"{indent}- {_flow(item)}"


def _is_small(value: Any) -> bool:
    """Whether it reads well on one line: no mapping or list inside another one."""
    items = value.values() if isinstance(value, Mapping) else value
    if not isinstance(value, Mapping | list):
        return True
    return len(_flow(value)) < 60 and not any(isinstance(item, Mapping | list) for item in items)


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{_scalar(key)}: {_flow(item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_ ./@;'-]*")


def _scalar(value: Any) -> str:
    plain = isinstance(value, str) and _PLAIN.fullmatch(value) and not value.endswith(" ")
    if plain and value not in ("true", "false", "null"):
        return str(value)
    return json.dumps(value, ensure_ascii=False)
