"""Threshold and mapper by tables from the platform's documentation."""

from __future__ import annotations

import math
import struct

import pytest
from clarifai_grpc.grpc.api import resources_pb2
from hypothesis import given
from hypothesis import strategies as st

from reconciler.routing.operators import Comparator, Relation, map_synonyms, threshold
from reconciler.routing.scores import ConceptKey, Score

APP = ("me", "app")
PEOPLE = ConceptKey("me", "app", "people")
ADULT = ConceptKey("me", "app", "adult")
CROWD = ConceptKey("me", "app", "crowd")
PUBLIC_PEOPLE = ConceptKey("clarifai", "main", "ai_l8TKp2h5")
PUBLIC_MAN = ConceptKey("clarifai", "main", "ai_dxSG2s86")

BELOW, EXACT, ABOVE = 0.9499, 0.95, 0.9501


def test_comparators_are_those_of_the_contract() -> None:
    contract = dict(resources_pb2.ValueComparator.items())
    del contract["CONCEPT_THRESHOLD_NOT_SET"]
    assert {comparator.name: int(comparator) for comparator in Comparator} == contract


@pytest.mark.parametrize(
    ("comparator", "below", "exact", "above"),
    [
        (Comparator.GREATER_THAN, False, False, True),
        (Comparator.GREATER_THAN_OR_EQUAL, False, True, True),
        (Comparator.LESS_THAN, True, False, False),
        (Comparator.LESS_THAN_OR_EQUAL, True, True, False),
        (Comparator.EQUAL, False, True, False),
    ],
    ids=lambda value: value.name if isinstance(value, Comparator) else str(value),
)
def test_a_comparator_at_and_around_its_threshold(
    comparator: Comparator, below: bool, exact: bool, above: bool
) -> None:
    kept = [comparator.keeps(score, 0.95) for score in (BELOW, EXACT, ABOVE)]
    assert kept == [below, exact, above]


@pytest.mark.parametrize("comparator", Comparator, ids=lambda comparator: comparator.name)
def test_a_score_of_the_service_meets_the_decimal_of_the_manifest(comparator: Comparator) -> None:
    """0.95 comes back from the service as 0.949999988079071: that is the threshold, not below."""
    assert comparator.keeps(0.949999988079071, 0.95) is comparator.keeps(0.95, 0.95)


def test_neighbours_in_float32_differ_and_neighbours_in_double_do_not() -> None:
    (bits,) = struct.unpack("<i", struct.pack("<f", 0.95))
    (next_float32,) = struct.unpack("<f", struct.pack("<i", bits + 1))
    assert Comparator.GREATER_THAN.keeps(next_float32, 0.95)
    assert not Comparator.GREATER_THAN.keeps(math.nextafter(0.95, 1), 0.95)


@pytest.mark.parametrize("comparator", Comparator, ids=lambda comparator: comparator.name)
def test_not_a_number_is_never_kept(comparator: Comparator) -> None:
    assert not comparator.keeps(math.nan, 0.5)


SCORES = st.floats(0, 1)


@given(score=SCORES, limit=SCORES)
def test_complementary_comparators_part_the_scores(score: float, limit: float) -> None:
    keeps = {comparator: comparator.keeps(score, limit) for comparator in Comparator}
    assert keeps[Comparator.GREATER_THAN] is not keeps[Comparator.LESS_THAN_OR_EQUAL]
    assert keeps[Comparator.LESS_THAN] is not keeps[Comparator.GREATER_THAN_OR_EQUAL]
    strict = keeps[Comparator.GREATER_THAN] or keeps[Comparator.LESS_THAN]
    assert keeps[Comparator.EQUAL] is not strict


@pytest.mark.parametrize(
    ("filter_other_concepts", "kept"),
    [(True, {"people"}), (False, {"people", "crowd"})],
    ids=["drop others", "pass others"],
)
def test_concepts_without_a_threshold(filter_other_concepts: bool, kept: set[str]) -> None:
    scores = [Score(PEOPLE, 0.9), Score(ADULT, 0.9), Score(CROWD, 0.01)]
    passed = threshold(
        scores,
        {"people": 0.5, "adult": 0.95},
        Comparator.GREATER_THAN,
        filter_other_concepts=filter_other_concepts,
    )
    assert {score.concept.id for score in passed} == kept


def test_other_concepts_are_dropped_unless_asked() -> None:
    assert threshold([Score(CROWD, 1.0)], {"people": 0.5}, Comparator.GREATER_THAN) == ()


def test_a_threshold_of_zero_is_a_threshold() -> None:
    passed = threshold([Score(PEOPLE, 0.0)], {"people": 0.0}, Comparator.LESS_THAN_OR_EQUAL)
    assert passed == (Score(PEOPLE, 0.0),)


@pytest.mark.parametrize(
    ("thresholds", "kept"),
    [
        ({PEOPLE: 0.5}, True),
        ({"people": 0.5}, True),
        ({ConceptKey("me", "other", "people"): 0.5}, False),
        ({ConceptKey("me", "app", "people"): 0.8, "people": 0.5}, False),
    ],
    ids=["owner", "plain id", "other owner", "owner before plain id"],
)
def test_whose_concept_a_threshold_is_for(
    thresholds: dict[str | ConceptKey, float], kept: bool
) -> None:
    passed = threshold([Score(PEOPLE, 0.6)], thresholds, Comparator.GREATER_THAN)
    assert bool(passed) is kept


def relation(subject: ConceptKey, predicate: str, object_: ConceptKey) -> Relation:
    return Relation(subject, predicate, object_)


@pytest.mark.parametrize(
    ("relations", "follow_hierarchy", "mapped"),
    [
        ([relation(PEOPLE, "synonym", PUBLIC_PEOPLE)], False, {"people": 0.97}),
        ([relation(PUBLIC_PEOPLE, "synonym", PEOPLE)], False, {"people": 0.97}),
        ([], False, {}),
        ([relation(PEOPLE, "synonym", ConceptKey("me", "main", "ai_l8TKp2h5"))], False, {}),
        (
            [
                relation(PEOPLE, "synonym", PUBLIC_PEOPLE),
                relation(PEOPLE, "synonym", PUBLIC_MAN),
            ],
            False,
            {"people": 0.97},
        ),
        (
            [
                relation(PEOPLE, "synonym", PUBLIC_PEOPLE),
                relation(CROWD, "synonym", PUBLIC_PEOPLE),
            ],
            False,
            {"people": 0.97, "crowd": 0.97},
        ),
        ([relation(PEOPLE, "hypernym", PUBLIC_MAN)], False, {}),
        ([relation(PEOPLE, "hypernym", PUBLIC_MAN)], True, {"people": 0.3}),
        ([relation(PUBLIC_MAN, "hyponym", PEOPLE)], True, {"people": 0.3}),
        ([relation(PUBLIC_PEOPLE, "synonym", PUBLIC_MAN)], False, {}),
    ],
    ids=[
        "stored from app to public",
        "stored from public to app",
        "unmatched vanish",
        "same id of another owner",
        "two on one keep the greater",
        "one on two",
        "hierarchy is left alone",
        "hierarchy when asked",
        "hierarchy from the other end",
        "never to another app",
    ],
)
def test_mapper(
    relations: list[Relation], follow_hierarchy: bool, mapped: dict[str, float]
) -> None:
    scores = [Score(PUBLIC_MAN, 0.3), Score(PUBLIC_PEOPLE, 0.97)]
    result = map_synonyms(scores, relations, APP, follow_hierarchy=follow_hierarchy)
    assert {score.concept.id: score.value for score in result} == mapped
    assert all(score.concept.app == APP for score in result)
    assert len(result) == len(mapped)


def test_a_relation_inside_the_app_maps_between_its_concepts() -> None:
    inside = [relation(PEOPLE, "synonym", CROWD)]
    assert map_synonyms([Score(PEOPLE, 0.4)], inside, APP) == (Score(CROWD, 0.4),)


def test_an_edge_that_is_not_followed_hides_none_behind_it() -> None:
    edges = [
        Relation(CROWD, "hypernym", PUBLIC_PEOPLE),
        Relation(PEOPLE, "synonym", PUBLIC_PEOPLE),
    ]
    found = map_synonyms([Score(PUBLIC_PEOPLE, 0.9)], edges, APP)
    assert found == (Score(PEOPLE, 0.9),)
