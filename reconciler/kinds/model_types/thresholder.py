"""``concept-threshold``: lets concepts pass by comparing their score with a threshold."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from reconciler.call import Json
from reconciler.catalogue import COMPARATORS
from reconciler.kind import Scope
from reconciler.kinds.model_types.base import (
    Declared,
    ModelSpec,
    ModelType,
    concept_references,
    params,
    part,
)
from reconciler.shape import FLAG, NUMBER, TEXT, Message, Table
from reconciler.spec import Flag, LooseId, Score, spelled, spellings
from reconciler.values import float32

Comparator = Annotated[
    str,
    BeforeValidator(spelled(COMPARATORS)),
    spellings(COMPARATORS),
]


class ThresholderSpec(ModelSpec):
    """Concepts whose score compares as ``concept_threshold_type`` says go on, others stop here."""

    model_type_id: Literal["concept-threshold", "concept-thresholder"]
    """A concept thresholder: two spellings of one type."""
    concept_threshold_type: Comparator
    """How a score is compared with its threshold, both as float32."""
    thresholds: Annotated[dict[LooseId, Score], Field(min_length=1)]
    """The threshold of each concept, from 0 to 1."""
    filter_other_concepts: Flag | None = None
    """Whether concepts without a threshold are dropped; the platform decides if left out."""

    WIRE: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "concept_threshold_type": "model_version.output_info.params.concept_threshold_type",
            "thresholds": "model_version.output_info.data.concepts[].value",
            "filter_other_concepts": "model_version.output_info.params.filter_other_concepts",
        }
    )
    EXAMPLE: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "model_type_id": "concept-threshold",
            "concept_threshold_type": "GREATER_THAN_OR_EQUAL",
            "thresholds": {"people": 0.5, "adult": 0.95},
            "filter_other_concepts": True,
        }
    )


class Thresholder(ModelType):
    """Thresholds stand in ``output_info.data.concepts[].value``: another value is another version."""

    ids: ClassVar[tuple[str, ...]] = ("concept-threshold", "concept-thresholder")
    spec: ClassVar[type[ModelSpec]] = ThresholderSpec
    declared: ClassVar[Message] = Message(
        {
            "concept_threshold_type": TEXT,
            "thresholds": Table(NUMBER),
            "filter_other_concepts": FLAG,
        },
        needs=("concept_threshold_type",),
        there=("thresholds",),
    )

    def declare(self, spec: ThresholderSpec, scope: Scope) -> Declared:
        """The comparator by name, thresholds as the shortest decimal of their float32."""
        thresholds = {id_: float32(value) for id_, value in spec.thresholds.items()}
        configuration = {
            "concept_threshold_type": spec.concept_threshold_type,
            "thresholds": thresholds,
            **spec.stated("filter_other_concepts"),
        }
        return Declared(configuration, concept_references(spec.thresholds, "thresholds"))

    def read(self, version: Json, scope: Scope) -> Mapping[str, Any]:
        """A missing ``value`` is 1, the message's default."""
        concepts = part(version, "output_info", "data").get("concepts") or ()
        stored = params(version, "output_info")
        configuration: dict[str, Any] = {
            "concept_threshold_type": COMPARATORS.name_of(stored.get("concept_threshold_type"))
            or "",
            "thresholds": {
                concept["id"]: float32(float(concept.get("value", 1))) for concept in concepts
            },
        }
        if "filter_other_concepts" in stored:
            configuration["filter_other_concepts"] = bool(stored["filter_other_concepts"])
        return configuration

    def wire(self, configuration: Mapping[str, Any], scope: Scope) -> Json:
        """Concepts by id; the comparator by its number."""
        stated = dict(configuration)
        comparator = COMPARATORS.number_of(stated.pop("concept_threshold_type"))
        concepts = [{"id": id_, "value": value} for id_, value in stated.pop("thresholds").items()]
        return {
            "output_info": {
                "data": {"concepts": concepts},
                "params": {"concept_threshold_type": comparator, **stated},
            }
        }


TYPE = Thresholder()
