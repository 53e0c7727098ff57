"""Every other model type, with its parameters as the platform names them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from reconciler.call import Json
from reconciler.catalogue import MODEL_TYPE_ALIASES, MODEL_TYPES
from reconciler.diagnostics import alike
from reconciler.kind import Problem, Scope
from reconciler.kinds.model_types.base import (
    ConceptIds,
    Declared,
    ModelSpec,
    ModelType,
    concept_ids,
    concept_references,
    parameter_problems,
    params,
)
from reconciler.resource import Reference, Resource
from reconciler.shape import FREE, TEXT, Many, Message
from reconciler.spec import Data, mistake


class OtherSpec(ModelSpec):
    """A model of a type that has no keys of its own here."""

    @model_validator(mode="before")
    @classmethod
    def _of_some_type(cls, stated: Any) -> Any:
        """Without a type, nothing can be said of the keys: this comes before all other mistakes."""
        if not isinstance(stated, dict):
            return stated
        if "model_type_id" not in stated:
            raise PydanticCustomError("missing_key", "missing", {"name": "model_type_id"})
        type_id, known = stated["model_type_id"], {*MODEL_TYPES, *MODEL_TYPE_ALIASES}
        if isinstance(type_id, str) and type_id not in known and (near := alike(type_id, known)):
            raise mistake(
                "RC104",
                f"unknown model type {type_id!r}",
                hint=f"did you mean {near!r}?",
                at=("model_type_id",),
            )
        return stated

    concepts: ConceptIds | None = None
    """``output_info.data.concepts``."""
    params: Data | None = None
    """``output_info.params``."""
    train_params: Data | None = None
    """``train_info.params``."""
    input_params: Data | None = None
    """``input_info.params``."""

    WIRE: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "concepts": "model_version.output_info.data.concepts[].id",
            "params": "model_version.output_info.params",
            "train_params": "model_version.train_info.params",
            "input_params": "model_version.input_info.params",
        }
    )
    EXAMPLE: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "model_type_id": "visual-classifier",
            "concepts": ["walker", "runner"],
            "params": {"max_concepts": 20},
            "train_params": {"template": "classification_basemodel_v1_embed"},
            "input_params": {"name": "value"},
        }
    )


_INFO = {"params": "output_info", "train_params": "train_info", "input_params": "input_info"}


class Other(ModelType):
    """Only stated parameters are compared: the service persists its defaults beside them."""

    spec: ClassVar[type[ModelSpec]] = OtherSpec
    declared: ClassVar[Message] = Message(
        {"concepts": Many(TEXT), "params": FREE, "train_params": FREE, "input_params": FREE}
    )

    def declare(self, spec: OtherSpec, scope: Scope) -> Declared:
        """The stated parts."""
        configuration = spec.stated(*_INFO)
        references: tuple[Reference, ...] = ()
        if spec.concepts is not None:
            configuration["concepts"] = tuple(sorted(spec.concepts))
            references = concept_references(spec.concepts, "concepts")
        return Declared(configuration, references)

    def check(self, resource: Resource) -> Iterable[Problem]:
        """The parameters that its type asks for."""
        return parameter_problems(resource.fields["model_type_id"], resource.configuration or {})

    def read(self, version: Json, scope: Scope) -> Mapping[str, Any]:
        """All that the version holds."""
        return {
            "concepts": concept_ids(version),
            **{name: params(version, info) for name, info in _INFO.items()},
        }

    def wire(self, configuration: Mapping[str, Any], scope: Scope) -> Json:
        """Each part in its place."""
        wire: dict[str, Any] = {
            info: {"params": dict(configuration[name])}
            for name, info in _INFO.items()
            if name in configuration
        }
        if "concepts" in configuration:
            concepts = [{"id": id_} for id_ in configuration["concepts"]]
            wire.setdefault("output_info", {})["data"] = {"concepts": concepts}
        return wire


TYPE = Other()
