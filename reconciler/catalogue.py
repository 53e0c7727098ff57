"""What the platform ships, as data: model types, enum spellings, public models and workflows.

The values stand in ``catalogue.json`` with their date and sources; what no source states outright is
named in ``inferred``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

_DATA: Final = json.loads(Path(__file__).with_name("catalogue.json").read_text("utf-8"))

DATE: Final[str] = _DATA["date"]
SOURCES: Final[tuple[str, ...]] = tuple(_DATA["sources"])
PUBLIC_USER_ID: Final[str] = _DATA["public_owner"]["user_id"]
PUBLIC_APP_ID: Final[str] = _DATA["public_owner"]["app_id"]

# Numbers of ModelTypeField.ModelTypeFieldType, as the contract has them.
BOOLEAN: Final = 1
STRING: Final = 2
NUMBER: Final = 3
ARRAY_OF_CONCEPTS: Final = 4
ARRAY_OF_CONCEPTS_WITH_THRESHOLD: Final = 5
RANGE: Final = 7
ENUM: Final = 8
COLLABORATORS: Final = 9
JSON: Final = 10
ARRAY_OF_NUMBERS: Final = 11
WORKFLOW_EMBED_MODELS: Final = 12
ARRAY_OF_STRINGS: Final = 13
RECURSIVE_ENUM: Final = 14
PYTHON_CODE: Final = 15
DATASET_ID: Final = 16
DATASET_VERSION_ID: Final = 17
ARRAY_OF_MODEL_CONCEPTS: Final = 18


@dataclass(frozen=True, slots=True)
class EnumOption:
    """One value of an enum parameter; ``number`` is its integer alias, 0 where none is published."""

    id: str
    number: int


@dataclass(frozen=True, slots=True)
class ModelParam:
    """One field of a model type; ``path`` starts at the version (``output_info.params.x``).

    ``field_type`` is one of the numbers above; ``default`` is None where none is published.
    """

    path: str
    field_type: int
    default: Any
    required: bool
    options: tuple[EnumOption, ...]

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class ModelType:
    """A model type. ``inputs`` and ``outputs`` are Data paths; ``any`` takes everything.

    An entry with commas needs all its paths together; several entries may come from several nodes.
    """

    id: str
    title: str
    description: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    trainable: bool
    creatable: bool
    params: tuple[ModelParam, ...]
    inferred: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PublicModel:
    """A model of ``clarifai/main``. ``version_ids`` are newest first, ``legacy_id`` may be empty."""

    user_id: str
    app_id: str
    id: str
    legacy_id: str
    model_type_id: str
    name: str
    version_ids: tuple[str, ...]
    params: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    inferred: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PublicNode:
    """A node of a public workflow; its model is one of ``PUBLIC_MODELS``."""

    id: str
    model_id: str
    version_id: str
    node_inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PublicWorkflow:
    """A workflow of ``clarifai/main`` that an app may have as its default."""

    id: str
    user_id: str
    app_id: str
    nodes: tuple[PublicNode, ...]
    inferred: tuple[str, ...] = ()


class Spelling:
    """The spellings of one enum: its names, and their numbers in any of the forms that JSON brings.

    The service echoes an enum as name, as integer or as a Struct's double, so that ``1``, ``1.0``,
    ``"1"`` and ``"GREATER_THAN"`` are one value. Text is compared exactly, capitals included.
    """

    __slots__ = ("_names", "_numbers")

    _NUMERIC: Final = re.compile(r"[0-9]{1,9}(\.0+)?")

    def __init__(self, numbers: Mapping[str, int]) -> None:
        self._numbers: Mapping[str, int] = MappingProxyType(dict(numbers))
        self._names: Mapping[int, str] = MappingProxyType(
            {number: name for name, number in numbers.items()}
        )

    def __repr__(self) -> str:
        return f"Spelling({dict(self._numbers)!r})"

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in the order of the contract."""
        return tuple(self._numbers)

    def number_of(self, value: object) -> int | None:
        """The number that ``value`` spells, or None if it spells nothing of this enum."""
        number = self._parse(value)
        return number if number in self._names else None

    def name_of(self, value: object) -> str | None:
        """The name that ``value`` spells, or None if it spells nothing of this enum."""
        number = self._parse(value)
        return None if number is None else self._names.get(number)

    def _parse(self, value: object) -> int | None:
        match value:
            case bool():
                return None
            case int():
                return value
            case float():
                return int(value) if value.is_integer() else None
            case str() if value in self._numbers:
                return self._numbers[value]
            case str() if self._NUMERIC.fullmatch(value):
                return int(value.partition(".")[0])
            case _:
                return None


COMPARATORS: Final = Spelling(
    {
        "GREATER_THAN": 1,
        "GREATER_THAN_OR_EQUAL": 2,
        "LESS_THAN": 3,
        "LESS_THAN_OR_EQUAL": 4,
        "EQUAL": 5,
    }
)
"""``ValueComparator`` of the contract (its names have no ``_TO``), without the unset 0."""

ANNOTATION_STATUSES: Final = Spelling(
    {
        "ANNOTATION_SUCCESS": 24150,
        "ANNOTATION_PENDING": 24151,
        "ANNOTATION_FAILED": 24152,
        "ANNOTATION_UNKNOWN_STATUS": 24154,
        "ANNOTATION_INVALID_ARGUMENT": 24155,
        "ANNOTATION_PERMISSION_DENIED": 24156,
        "ANNOTATION_AWAITING_REVIEW": 24157,
        "ANNOTATION_REVIEW_DENIED": 24158,
        "ANNOTATION_AWAITING_CONSENSUS_REVIEW": 24159,
    }
)
"""Annotation statuses of ``StatusCode``; writers take those that ``annotation-writer`` lists."""

VISIBILITIES: Final = Spelling({"PRIVATE": 10, "ORG": 30, "PUBLIC": 50})
"""``Visibility.Gettable`` of the contract, without the unknown 0."""

PREDICATES: Final[tuple[str, ...]] = ("hypernym", "hyponym", "synonym")
"""Predicates of a concept relation."""

MODEL_TYPE_ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {"concept-thresholder": "concept-threshold"}
)
"""Canonical ids by the other published spelling of a type."""


def canonical_model_type(model_type_id: str) -> str:
    """The one id for both published spellings of a type; an unknown id comes back as it is."""
    return MODEL_TYPE_ALIASES.get(model_type_id, model_type_id)


def _model_param(raw: Mapping[str, Any]) -> ModelParam:
    return ModelParam(
        path=raw["path"],
        field_type=raw["field_type"],
        default=tuple(raw["default"])
        if isinstance(raw.get("default"), list)
        else raw.get("default"),
        required=raw.get("required", False),
        options=tuple(EnumOption(name, number) for name, number in raw.get("options", ())),
    )


def _model_type(raw: Mapping[str, Any]) -> ModelType:
    return ModelType(
        id=raw["id"],
        title=raw["title"],
        description=raw["description"],
        inputs=tuple(raw["inputs"]),
        outputs=tuple(raw["outputs"]),
        trainable=raw.get("trainable", False),
        creatable=raw.get("creatable", True),
        params=tuple(_model_param(param) for param in raw.get("params", ())),
        inferred=tuple(raw.get("inferred", ())),
    )


def _public_model(raw: Mapping[str, Any]) -> PublicModel:
    return PublicModel(
        user_id=PUBLIC_USER_ID,
        app_id=PUBLIC_APP_ID,
        id=raw["id"],
        legacy_id=raw.get("legacy_id", ""),
        model_type_id=raw["model_type_id"],
        name=raw["id"],
        version_ids=tuple(raw["version_ids"]),
        params=MappingProxyType(raw.get("params", {})),
        inferred=tuple(raw.get("inferred", ())),
    )


def _public_workflow(raw: Mapping[str, Any]) -> PublicWorkflow:
    return PublicWorkflow(
        id=raw["id"],
        user_id=PUBLIC_USER_ID,
        app_id=PUBLIC_APP_ID,
        nodes=tuple(
            PublicNode(
                node["id"], node["model_id"], node["version_id"], tuple(node.get("node_inputs", ()))
            )
            for node in raw["nodes"]
        ),
        inferred=tuple(raw.get("inferred", ())),
    )


MODEL_TYPES: Final[Mapping[str, ModelType]] = MappingProxyType(
    {raw["id"]: _model_type(raw) for raw in _DATA["model_types"]}
)
"""Every known model type by its canonical id."""

PUBLIC_MODELS: Final[tuple[PublicModel, ...]] = tuple(map(_public_model, _DATA["models"]))
"""The public models that the platform's documentation uses."""

PUBLIC_WORKFLOWS: Final[tuple[PublicWorkflow, ...]] = tuple(
    map(_public_workflow, _DATA["workflows"])
)
"""The public base workflows."""

PUBLIC_CONCEPTS: Final[Mapping[str, str]] = MappingProxyType(
    {raw["id"]: raw["name"] for raw in _DATA["concepts"]}
)
"""Names of public concepts by id."""

_PUBLIC_CONCEPT: Final = re.compile(r"ai_.{8}", re.DOTALL)


def may_be_public_concept(id_: str) -> bool:
    """Whether an id has the form of those that the public recognition models predict."""
    return _PUBLIC_CONCEPT.fullmatch(id_) is not None


def refreshed_types(items: Iterable[Mapping[str, Any]]) -> Mapping[str, ModelType]:
    """The shipped types with what a live ``GET …/models/types`` says of fields and abilities.

    Parameters stay as shipped: nothing that is checked offline depends on more.
    """
    types = dict(MODEL_TYPES)
    for item in items:
        id_ = canonical_model_type(str(item.get("id", "")))
        shipped = types.get(id_)
        types[id_] = ModelType(
            id=id_,
            title=str(item.get("title", "")),
            description=str(item.get("description", "")),
            inputs=tuple(item.get("input_fields") or ()),
            outputs=tuple(item.get("output_fields") or ()),
            trainable=bool(item.get("trainable", False)),
            creatable=bool(item.get("creatable", False)),
            params=shipped.params if shipped else (),
        )
    return MappingProxyType(types)


_MODELS_BY_ID: Final[Mapping[str, PublicModel]] = MappingProxyType(
    {
        id_: model
        for model in PUBLIC_MODELS
        # A readable id is also known by its hash; the model without a hash has one id only.
        for id_ in (model.id, model.legacy_id)
        if id_
    }
)


def public_model(id_or_hash: str) -> PublicModel | None:
    """The public model of a readable id or of the hash it had before, or None."""
    return _MODELS_BY_ID.get(id_or_hash)
