"""What a model type is to ``kinds.model``: a spec, a configuration, a wire form."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator

from reconciler.address import Address
from reconciler.call import Json
from reconciler.catalogue import (
    ENUM,
    MODEL_TYPES,
    NUMBER,
    RANGE,
    ModelParam,
    Spelling,
)
from reconciler.diagnostics import did_you_mean
from reconciler.kind import Problem, Scope
from reconciler.resource import External, Place, Reference, Resource
from reconciler.shape import Message
from reconciler.spec import (
    Flag,
    LooseId,
    Metadata,
    Notes,
    Spec,
    Text,
    Visibility,
    mistake,
)
from reconciler.values import number, thaw


def _distinct(ids: list[str]) -> list[str]:
    seen: set[str] = set()
    for index, id_ in enumerate(ids):
        if id_ in seen:
            hint = "take one of them out"
            raise mistake("RC105", f"concept {id_!r} is listed twice", hint=hint, at=(index,))
        seen.add(id_)
    return ids


ConceptIds = Annotated[list[LooseId], AfterValidator(_distinct)]


class ModelSpec(Spec):
    """What every model may state."""

    model_type_id: Text
    """The type of model, such as ``concept-threshold``, as the platform names it."""
    description: Text | None = None
    """One line about the model."""
    notes: Notes | None = None
    """Markdown, at most 64 KB."""
    metadata: Metadata | None = None
    """Free JSON of your own."""
    visibility: Visibility | None = None
    """Who may see it."""
    prevent_destroy: Flag | None = None
    """Refuse any plan that would remove it; only ``false`` lifts that, not leaving it out."""

    WIRE: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "model_type_id": "model.model_type_id",
            "description": "model.description",
            "notes": "model.notes",
            "metadata": "model.metadata",
            "visibility": "model.visibility.gettable",
            "prevent_destroy": "model.metadata.reconciler.protect",
        }
    )
    EXAMPLE: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "model_type_id": "image-crop",
            "description": "Crops a little more than the face.",
            "notes": "Measured in March.",
            "metadata": {"team": "annotation"},
            "visibility": "PRIVATE",
            "prevent_destroy": True,
        }
    )


@dataclass(frozen=True, slots=True)
class Declared:
    """What a spec states of a version, and what it refers to."""

    configuration: Mapping[str, Any]
    references: tuple[Reference, ...] = ()
    externals: tuple[External, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


class ModelType(ABC):
    """One type, or all that need no file of their own. Each module here has one, ``TYPE``.

    ``ids`` are the spellings of ``model_type_id``, the canonical one first; empty for the rest.
    ``declared`` is the shape of the configuration that a manifest states.
    """

    ids: ClassVar[tuple[str, ...]] = ()
    spec: ClassVar[type[ModelSpec]]
    declared: ClassVar[Message]

    @abstractmethod
    def declare(self, spec: Any, scope: Scope) -> Declared:
        """The configuration that the manifest states, in normal form."""

    @abstractmethod
    def read(self, version: Json, scope: Scope) -> Mapping[str, Any]:
        """The configuration of a live version, in the same normal form."""

    @abstractmethod
    def wire(self, configuration: Mapping[str, Any], scope: Scope) -> Json:
        """``output_info``, ``input_info`` and ``train_info`` of a version to post."""

    def check(self, resource: Resource) -> Iterable[Problem]:
        """What is wrong with a configuration beyond its schema."""
        del resource
        return ()


def concept_references(ids: Iterable[str], field_name: str) -> tuple[Reference, ...]:
    """That a model uses these concepts of the app, given in the order in which they are written."""
    found = [
        Reference((field_name, id_), Address("concept", (id_,)), at=(field_name, index))
        for index, id_ in enumerate(ids)
    ]
    return tuple(sorted(found, key=lambda reference: reference.path))


def part(version: Json, *names: str) -> Mapping[str, Any]:
    """A nested map of a version's JSON, empty where any step is absent."""
    found = version
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def concept_ids(version: Json) -> tuple[str, ...]:
    """The ids in ``output_info.data.concepts``, sorted: the service does not keep their order."""
    concepts = part(version, "output_info", "data").get("concepts") or ()
    return tuple(sorted(concept["id"] for concept in concepts))


def params(version: Json, info: str) -> Mapping[str, Any]:
    """The ``params`` of ``output_info``, ``input_info`` or ``train_info``, doubles as integers."""
    found: Mapping[str, Any] = number(part(version, info, "params"))
    return found


_KEYS: Final[Mapping[str, str]] = {
    "output_info": "params",
    "train_info": "train_params",
    "input_info": "input_params",
}
"""The manifest's key for the parameters of each part of a version."""

_DATA: Final = "output_info.data"


def parameter_problems(type_id: str, stated: Mapping[str, Any]) -> Iterator[Problem]:
    """Required parameters that a model does not state, and values that its type does not take.

    The service refuses both (21202); what it asks for stands in the catalogue.
    """
    type_ = MODEL_TYPES.get(type_id)
    if type_ is None:
        return
    for param in type_.params:
        key = _key(param)
        if key is None:
            continue
        if param.path == _DATA:
            if param.required and not type_.trainable and not stated.get("concepts"):
                yield _missing(type_id, ("concepts",), "concepts")
            continue
        value = (stated.get(key) or {}).get(param.name)
        if value is not None:
            yield from _wrong(param, value, (key, param.name))
        elif param.required:
            yield _missing(type_id, (key,), f"{key}.{param.name}")


def _key(param: ModelParam) -> str | None:
    """The key of the manifest that a parameter stands in, None if there is none."""
    if param.path == _DATA:
        return "concepts"
    holder, dot, _ = param.path.partition(".params.")
    return _KEYS.get(holder) if dot else None


def _missing(type_id: str, at: Place, name: str) -> Problem:
    return Problem("RC108", at, f"a {type_id} needs {name}", "add it: the platform has no default")


def _wrong(param: ModelParam, value: Any, at: Place) -> Iterator[Problem]:
    options = {option.id: option.number for option in param.options}
    if param.field_type == ENUM and options:
        numbers = Spelling({id_: number for id_, number in options.items() if number})
        if not (isinstance(value, str) and value in options) and numbers.number_of(value) is None:
            hint = did_you_mean(str(value), options) or f"it is one of {', '.join(options)}"
            yield Problem("RC108", at, f"{param.name} cannot be {_shown(value)}", hint)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if param.field_type in (NUMBER, RANGE) and not is_number:
        message = f"{param.name} has to be a number, not {_shown(value)}"
        yield Problem("RC108", at, message, "write a number without quotes")


def _shown(value: Any) -> str:
    return json.dumps(thaw(value), ensure_ascii=False)
