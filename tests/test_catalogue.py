"""The catalogue against the platform's own contract, and its parts against each other."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from clarifai_grpc.grpc.api import resources_pb2
from clarifai_grpc.grpc.api.status import status_code_pb2

from reconciler import catalogue
from reconciler.catalogue import (
    ANNOTATION_STATUSES,
    COMPARATORS,
    MODEL_TYPES,
    PUBLIC_CONCEPTS,
    PUBLIC_MODELS,
    PUBLIC_WORKFLOWS,
    VISIBILITIES,
    Spelling,
    canonical_model_type,
    public_model,
)


@pytest.mark.parametrize(
    "value",
    [1, 1.0, "1", "1.0", "GREATER_THAN"],
    ids=["int", "struct double", "digits", "decimal digits", "name"],
)
def test_every_spelling_of_an_enum_is_one_value(value: object) -> None:
    assert COMPARATORS.name_of(value) == "GREATER_THAN"
    assert COMPARATORS.number_of(value) == 1


@pytest.mark.parametrize(
    "value",
    [
        True,
        False,
        None,
        0,
        6,
        -1,
        1.5,
        float("nan"),
        float("inf"),
        "",
        " 1",
        "1_0",
        "٣",
        "1.5",
        "greater_than",
        "GREATER_THAN_OR_EQUAL_TO",
        Decimal(1),
        [1],
    ],
    ids=repr,
)
def test_what_spells_nothing_is_none(value: object) -> None:
    assert COMPARATORS.name_of(value) is None
    assert COMPARATORS.number_of(value) is None


@pytest.mark.parametrize(
    ("spelling", "contract"),
    [
        (COMPARATORS, resources_pb2.ValueComparator),
        (ANNOTATION_STATUSES, status_code_pb2.StatusCode),
        (VISIBILITIES, resources_pb2.Visibility.Gettable),
    ],
    ids=["comparators", "annotation statuses", "visibilities"],
)
def test_names_and_numbers_are_those_of_the_contract(spelling: Spelling, contract: Any) -> None:
    values = dict(contract.items())
    assert {name: spelling.number_of(name) for name in spelling.names} == {
        name: values[name] for name in spelling.names
    }


def test_no_comparator_and_no_visibility_of_the_contract_is_missing() -> None:
    assert set(COMPARATORS.names) == set(resources_pb2.ValueComparator.keys()) - {
        "CONCEPT_THRESHOLD_NOT_SET"
    }
    assert set(VISIBILITIES.names) == set(resources_pb2.Visibility.Gettable.keys()) - {
        "UNKNOWN_VISIBILITY"
    }


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("concept-thresholder", "concept-threshold"),
        ("concept-threshold", "concept-threshold"),
        ("no-such-type", "no-such-type"),
    ],
)
def test_both_names_of_a_model_type_are_one(given: str, canonical: str) -> None:
    assert canonical_model_type(given) == canonical


def test_types_of_the_auto_annotation_pipeline() -> None:
    chain = (
        "visual-classifier",
        "concept-synonym-mapper",
        "concept-threshold",
        "annotation-writer",
    )
    assert [(MODEL_TYPES[id_].inputs, MODEL_TYPES[id_].outputs) for id_ in chain] == [
        (("image",), ("concepts",)),
        (("concepts",), ("concepts",)),
        (("concepts",), ("concepts",)),
        (("any",), ("any",)),
    ]
    assert MODEL_TYPES["embedding-classifier"].inputs == ("embeddings",)
    assert MODEL_TYPES["embedding-classifier"].trainable
    assert not MODEL_TYPES["concept-threshold"].trainable


@pytest.mark.parametrize("model_type", MODEL_TYPES.values(), ids=lambda type_: type_.id)
def test_a_type_is_whole(model_type: catalogue.ModelType) -> None:
    assert canonical_model_type(model_type.id) == model_type.id
    assert model_type.title
    assert model_type.description.endswith(".")
    assert model_type.inputs and model_type.outputs
    assert len({param.path for param in model_type.params}) == len(model_type.params)
    for param in model_type.params:
        assert re.fullmatch(
            r"(output_info|train_info|input_info)\.(params\.)?[a-z_]+", param.path
        ), param.path
        assert 1 <= param.field_type <= 23
        assert not (param.required and param.default is not None)
        if param.options:
            assert param.field_type in (catalogue.ENUM, catalogue.RECURSIVE_ENUM)


def test_enum_parameters_carry_the_numbers_of_their_spelling() -> None:
    by_path = {
        param.path: param.options
        for type_id in ("concept-threshold", "annotation-writer")
        for param in MODEL_TYPES[type_id].params
    }
    comparators = by_path["output_info.params.concept_threshold_type"]
    assert [option.id for option in comparators] == list(COMPARATORS.names)
    statuses = by_path["output_info.params.annotation_status"]
    assert [option.number for option in statuses] == [24150, 24151, 24157, 24159]
    for options, spelling in ((comparators, COMPARATORS), (statuses, ANNOTATION_STATUSES)):
        assert [spelling.number_of(option.id) for option in options] == [
            option.number for option in options
        ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("aaa03c23b3724a16a56b629203edc62c", "general-image-recognition"),
        ("general-image-recognition", "general-image-recognition"),
        ("bbb5f41425b8468d9b7a554ff10f8581", "general-image-embedding"),
        ("cccbe437d6e54e2bb911c6aa292fb072", "general-clusterering"),
        ("d16f390eb32cad478c7ae150069bd2c6", "moderation-recognition"),
        ("bd367be194cf45149e75f01d59f77ba7", "food-item-recognition"),
        ("face-detection", "face-detection"),
        ("f76196b43bbd45c99b4f3cd8e8b40a8a", "face-detection"),
        ("margin-110-image-crop", "margin-110-image-crop"),
        ("3ed1aff251be4fe59c2bbaff0bb2e797", "margin-110-image-crop"),
        ("multilingual-text-embedding", "multilingual-text-embedding"),
    ],
)
def test_a_public_model_answers_to_both_its_ids(given: str, expected: str) -> None:
    model = public_model(given)
    assert model is not None
    assert (model.user_id, model.app_id, model.id) == ("clarifai", "main", expected)


@pytest.mark.parametrize("unknown", ["", "General-Image-Recognition", "aaa03c"])
def test_an_unknown_public_model_is_none(unknown: str) -> None:
    assert public_model(unknown) is None


def test_public_models_have_known_types_and_version_ids() -> None:
    for model in PUBLIC_MODELS:
        assert model.model_type_id in MODEL_TYPES
        assert model.version_ids
        for version_id in model.version_ids:
            assert re.fullmatch("[0-9a-f]{32}", version_id)
    newest = public_model("general-image-recognition")
    assert newest is not None
    assert newest.version_ids[0] == "aa7f35c01e0642fda5cf400f543e7c40"


def test_public_workflows_wire_public_models() -> None:
    ids = [workflow.id for workflow in PUBLIC_WORKFLOWS]
    assert ids == ["Empty", "Universal", "General", "Text", "Food", "Moderation", "Face-Sentiment"]
    assert PUBLIC_WORKFLOWS[0].nodes == ()
    for workflow in PUBLIC_WORKFLOWS:
        seen: set[str] = set()
        for node in workflow.nodes:
            model = public_model(node.model_id)
            assert model is not None
            assert node.version_id in model.version_ids
            assert set(node.node_inputs) <= seen
            seen.add(node.id)


def test_public_concepts_are_named() -> None:
    assert PUBLIC_CONCEPTS["ai_l8TKp2h5"] == "people"
    assert len(PUBLIC_CONCEPTS) == 6


def test_the_data_names_its_date_and_sources() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", catalogue.DATE)
    assert catalogue.SOURCES


def test_refreshed_types_replace_what_is_shipped_and_keep_parameters() -> None:
    live = {"id": "concept-thresholder", "input_fields": ["text"], "output_fields": ["concepts"]}
    types = catalogue.refreshed_types([live, {"id": "brand-new", "input_fields": ["image"]}])
    assert types["concept-threshold"].inputs == ("text",)
    assert types["concept-threshold"].params == catalogue.MODEL_TYPES["concept-threshold"].params
    assert types["brand-new"].inputs == ("image",)
    assert types["clusterer"] == catalogue.MODEL_TYPES["clusterer"]
