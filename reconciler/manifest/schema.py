"""The manifest's schema, built from the kinds: validation, and the JSON Schema for editors.

A valid manifest meets pydantic alone. What is wrong is left out, as little as can be, and the rest
validated again, so that the checks that follow can look at all that is sound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from inspect import getdoc
from itertools import count
from types import MappingProxyType, NoneType
from typing import Annotated, Any, Final, TypeAlias, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from reconciler.diagnostics import CODES, Diagnostic, Severity
from reconciler.kind import Kind
from reconciler.manifest import language, mistakes, sdk, sdk_schema, variables
from reconciler.manifest.nodes import Scalar
from reconciler.manifest.sections import Form, Sections, Shape
from reconciler.spec import (
    ID_LENGTH,
    ID_PATTERN,
    LOOSE_ID_LENGTH,
    Spec,
    WrittenBool,
    WrittenFloat,
    WrittenInt,
)

JsonSchema: TypeAlias = dict[str, Any]

SCHEMA_ID: Final = "urn:reconciler:schema:manifest:1"


@dataclass(frozen=True, slots=True)
class Validated:
    """The specs of all that is sound, where that stands, and the mistakes."""

    specs: Mapping[str, Any]
    sections: Sections
    diagnostics: tuple[Diagnostic, ...]


def forms(kinds: Mapping[str, Kind]) -> Mapping[str, Form]:
    """What each top-level key holds, as its kind's type says."""
    found = {kind.section: _form(kind) for kind in kinds.values() if kind.section}
    own = {name: section.form for name, section in language.SECTIONS.items()}
    return MappingProxyType({**found, **own})


def _form(kind: Kind) -> Form:
    type_ = _bare(kind.section_type())
    if get_origin(type_) is list:
        return Form(kind.name, Shape.LIST)
    if get_origin(type_) is dict:
        return Form(kind.name, Shape.MAP, bare=NoneType in get_args(_bare(get_args(type_)[1])))
    return Form(kind.name, Shape.OBJECT)


def _bare(type_: Any) -> Any:
    return type_.__origin__ if get_origin(type_) is Annotated else type_


def validate(sections: Sections, kinds: Mapping[str, Kind]) -> Validated:
    """Specs from nodes, with every mistake at its place."""
    model = _model(tuple(kinds.values()))
    found: list[Diagnostic] | None = None
    for attempt in count():
        try:
            whole = model.model_validate(sections.plain(_written))
        except ValidationError as error:
            fill = attempt < _FILLED
            told, spoilt = mistakes.explain(error, model, sections, fill=fill)
            # what is wrong the second time only misses what was left out
            found = told if found is None else found
            sections = sections.without(spoilt)
        else:
            specs = {name: getattr(whole, name) for name in whole.model_fields_set}
            return Validated(MappingProxyType(specs), sections, tuple(found or ()))
    raise AssertionError("unreachable")


_FILLED: Final = 3
"""So often what is missing is filled in; an example that does not fit must not go round for ever."""


@cache
def _model(kinds: tuple[Kind, ...]) -> type[BaseModel]:
    # made once a process: pydantic looks through all that is imported for where its fields stand
    fields: dict[str, Any] = {
        kind.section: (
            kind.section_type() | None,
            Field(None, description=getdoc(kind.section_type)),
        )
        for kind in kinds
        if kind.section
    }
    for name, section in language.SECTIONS.items():
        said = Field(None, description=section.description, examples=[section.example])
        fields[name] = (section.type | None, said)
    model: type[BaseModel] = create_model("Manifest", __base__=Spec, **fields)
    return model


def _written(scalar: Scalar) -> Any:
    """A scalar that remembers its text, should its field be declared as text."""
    value = scalar.value
    written: WrittenBool | WrittenInt | WrittenFloat
    match value:
        case None | str():
            return value
        case bool():
            written = WrittenBool(value)
        case int():
            written = WrittenInt(value)
        case _:
            written = WrittenFloat(value)
    written.text = scalar.text
    return written


# --- JSON Schema


def json_schema(kinds: Mapping[str, Kind]) -> JsonSchema:
    """Draft 2020-12 for editors: what it flags, ``validate`` flags too."""
    schema = _tidy(_model(tuple(kinds.values())).model_json_schema(schema_generator=_AsWritten))
    schema.pop("description", None)
    schema["properties"][sdk.KEY] = sdk_schema.json_schema()
    schema["dependentSchemas"] = {
        sdk.KEY: {"properties": {key: {"not": {}} for key in ("workflows", "models")}}
    }
    schema["properties"]["checks"] |= _checks()
    schema["properties"][variables.SECTION]["propertyNames"] = {
        "pattern": f"^{language.VARIABLE_NAME}$",
        "not": {"const": variables.RESERVED},
    }
    for name, form in forms(kinds).items():
        if form.bare:
            schema["properties"][name] = _or_ids(schema["properties"][name])
    about = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID}
    return {**about, "title": "Manifest of a Clarifai auto-annotation app", **schema}


class _AsWritten(GenerateJsonSchema):
    """Leaves keys in the order of their fields: examples are read by people."""

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        """As it is."""
        del parent_key
        return value


def _checks() -> JsonSchema:
    """The checks whose level a manifest may set, each with what it finds."""
    levels = list(get_args(language.Level))
    told = {
        code: {"description": f"{info.title.capitalize()}.", "enum": levels, "examples": ["error"]}
        for code, info in CODES.items()
        if info.severity is Severity.WARNING
    }
    return {"properties": told, "additionalProperties": False, "propertyNames": {}}


def _or_ids(section: JsonSchema) -> JsonSchema:
    """A section by id that may also be a plain list of ids."""
    said = {key: section.pop(key) for key in _SAID if key in section}
    ids = {"type": "array", "items": _SOME_ID, "uniqueItems": True}
    return {**said, "anyOf": [section, ids]}


_SOME_ID: Final = {
    "type": ["string", "number", "boolean"],
    "minLength": 1,
    "maxLength": LOOSE_ID_LENGTH,
}
_SAID: Final[tuple[str, ...]] = ("description", "default", "examples", "x-wire")
"""What is said of a value, whichever of its forms it has."""
_INNER: Final = ("items", "additionalProperties", "if", "then", "else")
_LISTS: Final = ("anyOf", "allOf")
_NAMED: Final = ("properties", "$defs")


def _tidy(schema: Any) -> Any:
    """Without what pydantic adds for programs: titles, null as default, a form for null alone."""
    if not isinstance(schema, dict):
        return schema
    tidy = {key: value for key, value in schema.items() if key != "title"}
    if tidy.get("default", ...) is None:
        del tidy["default"]
    if "oneOf" in tidy:
        tidy["anyOf"] = tidy.pop("oneOf")
    if "patternProperties" in tidy:
        ((_, tidy["additionalProperties"]),) = tidy.pop("patternProperties").items()
        tidy["propertyNames"] = {"pattern": ID_PATTERN, "maxLength": ID_LENGTH}
    elif isinstance(tidy.get("additionalProperties"), dict):
        tidy["propertyNames"] = {"minLength": 1, "maxLength": LOOSE_ID_LENGTH}
    for key in _INNER:
        if key in tidy:
            tidy[key] = _or_variable(_tidy(tidy[key]))
    for key in _LISTS:
        if key in tidy:
            tidy[key] = [form for item in tidy[key] for form in _spread(_tidy(item))]
    for key in _NAMED:
        if key in tidy:
            tidy[key] = {name: _tidy(value) for name, value in tidy[key].items()}
            if key == "properties":
                tidy[key] = {name: _or_variable(value) for name, value in tidy[key].items()}
    for form in tidy.get("anyOf", ()):
        # what is said of one form that has a name of its own is meant for the key
        if "$ref" in form and "examples" in form:
            tidy["examples"] = form.pop("examples")
    return _nullable(tidy)


def _spread(form: Any) -> list[Any]:
    """The forms of a form that is nothing but a choice."""
    return form["anyOf"] if isinstance(form, dict) and set(form) == {"anyOf"} else [form]


_VARIABLE: Final = {"type": "string", "pattern": r"\$\{"}
"""Text that uses a variable: what it becomes is known only when a command runs."""


def _or_variable(schema: Any) -> Any:
    """A form that text in general does not meet, or a variable in its place."""
    if not isinstance(schema, dict):
        return schema
    forms = schema.get("anyOf", [schema])
    if not any(_is_narrow(form) for form in forms):
        return schema
    said = {key: schema[key] for key in _SAID if key in schema}
    form = {key: value for key, value in schema.items() if key not in said and key != "anyOf"}
    return {**said, "anyOf": [*schema.get("anyOf", [form]), _VARIABLE]}


def _is_narrow(form: JsonSchema) -> bool:
    types = form.get("type")
    types = types if isinstance(types, list) else [types]
    scalar = {"number", "integer", "boolean"} & set(types) and "string" not in types
    return bool({"enum", "pattern"} & set(form) or scalar) and form is not _VARIABLE


def _nullable(schema: JsonSchema) -> JsonSchema:
    """``X or null`` as one form where X says its type or values."""
    match schema.get("anyOf"):
        case [{"enum": [*values]} as only, {"type": "null"}]:
            joined = {**only, "enum": [*values, None]}
        case [{"type": str() | list() as types} as only, {"type": "null"}]:
            joined = {**only, "type": [*([types] if isinstance(types, str) else types), "null"]}
        case _:
            return schema
    return {**{key: value for key, value in schema.items() if key != "anyOf"}, **joined}
