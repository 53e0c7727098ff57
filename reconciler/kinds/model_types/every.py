"""Every model type there is: found by looking into this folder, so that no list is edited."""

from __future__ import annotations

import functools
import operator
import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import Discriminator, GetJsonSchemaHandler, Tag
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from reconciler.catalogue import MODEL_TYPE_ALIASES, MODEL_TYPES
from reconciler.kinds.model_types.base import ModelSpec, ModelType
from reconciler.spec import form

_OTHER = "other"
_NO_TYPES = frozenset({"base", "every", "version"})
"""What lies in this folder and is no type."""


def _scan() -> Iterator[tuple[str, ModelType]]:
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name not in _NO_TYPES:
            type_ = import_module(f"{__package__}.{module.name}").TYPE
            for id_ in type_.ids or (_OTHER,):
                yield id_, type_


TYPES: Mapping[str, ModelType] = MappingProxyType(dict(_scan()))
"""Every type by each of its ids; ``other`` stands for all the rest."""


def type_of(type_id: str) -> ModelType:
    """The type of this id; one that nobody wrote a file for is as the rest are."""
    return TYPES.get(type_id, TYPES[_OTHER])


def _form(value: Any) -> str:
    type_id = value.get("model_type_id") if isinstance(value, dict) else None
    return form(type_id if isinstance(type_id, str) and type_id in TYPES else _OTHER)


class _ByType:
    """Shows an editor the keys of the type that a model states, instead of every type's at once."""

    def __get_pydantic_json_schema__(
        self, union: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        choices: Mapping[str, Any] = union["choices"]
        named = sorted(id_ for id_ in TYPES if id_ != _OTHER)
        types = [*MODEL_TYPES, *MODEL_TYPE_ALIASES]
        branches: list[JsonSchemaValue] = [
            {"if": _stating({"const": id_}), "then": handler(choices[form(id_)])} for id_ in named
        ]
        rest = {"if": _stating({"not": {"enum": named}}), "then": handler(choices[form(_OTHER)])}
        known = {
            "description": "What the model is.",
            "examples": sorted(types),
            "x-wire": ModelSpec.WIRE["model_type_id"],
        }
        return {
            "type": "object",
            "properties": {"model_type_id": known},
            "required": ["model_type_id"],
            "allOf": [*branches, rest],
        }


def _stating(type_id: JsonSchemaValue) -> JsonSchemaValue:
    # of what is no mapping at all, one complaint is enough
    stated = {"properties": {"model_type_id": type_id}, "required": ["model_type_id"]}
    return {"type": "object", **stated}


def union() -> Any:
    """All specs as one type for pydantic, told apart by ``model_type_id``."""
    annotated: Any = Annotated
    members = [annotated[type_.spec, Tag(form(id_))] for id_, type_ in sorted(TYPES.items())]
    return annotated[functools.reduce(operator.or_, members), Discriminator(_form), _ByType()]
