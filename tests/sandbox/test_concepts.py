"""Concepts and relations (fact sheet, sections 5 and 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.sandbox.behaviour import Behaviour
from tests.sandbox.driving import Api


def test_a_concept_is_completed(api: Api) -> None:
    body = {"concepts": [{"id": "dog", "language": "zh", "value": 0.0, "metadata": {"a": 1}}]}
    made = api("POST", "/concepts", body)["concepts"][0]
    assert made.pop("created_at").endswith("Z")
    assert made == {
        "id": "dog",
        "name": "dog",
        "value": 1,
        "language": "en",
        "app_id": "park",
        "user_id": api.sandbox.user_id,
        "visibility": {"gettable": 10},
        "metadata": {"a": 1},
    }


def test_what_a_create_shows_is_later_cut_to_microseconds(api: Api) -> None:
    made = api("POST", "/concepts", {"concepts": [{"id": "dog"}]})["concepts"][0]["created_at"]
    found = api("GET", "/concepts/dog")["concept"]["created_at"]
    assert len(made) == len("2024-07-01T10:00:00.640607123Z")
    assert found == made[:26] + "Z" or found == made[:23] + "Z"


def test_a_batch_with_a_duplicate_is_taken_whole_or_not_at_all(api: Api) -> None:
    api.concepts("dog")
    body = {"concepts": [{"id": "cat"}, {"id": "dog"}]}
    refused = api.refused("POST", "/concepts", body)
    assert refused == (400, 40003, "duplicate concept: 'dog' already exists")
    assert api.refused("GET", "/concepts/cat")[:2] == (404, 11101)


def test_a_mixed_batch_may_also_take_the_good_ones(start: Callable[..., Api]) -> None:
    api = start(behaviour=Behaviour(batch_is_atomic=False))
    api.concepts("dog")
    answer = api.raw("POST", "/concepts", json={"concepts": [{"id": "cat"}, {"id": "dog"}]})
    assert answer.status_code == 207
    found = answer.json()
    assert found["status"]["code"] == 10010
    assert [concept["id"] for concept in found["concepts"]] == ["cat"]
    assert api("GET", "/concepts/cat")["concept"]["id"] == "cat"


@pytest.mark.parametrize("count", [0, 129])
def test_a_batch_has_its_limits(api: Api, count: int) -> None:
    body = {"concepts": [{"id": f"c{number}"} for number in range(count)]}
    assert api.refused("POST", "/concepts", body)[:2] == (400, 11102)


def test_a_list_has_pages_and_no_total(api: Api) -> None:
    ids = [f"c{number:03}" for number in range(130)]
    api.concepts(*ids[:128])
    api.concepts(*ids[128:])
    assert [c["id"] for c in api("GET", "/concepts")["concepts"]] == ids[:128]
    assert [c["id"] for c in api("GET", "/concepts", page=2)["concepts"]] == ids[128:]
    assert [c["id"] for c in api("GET", "/concepts", page=3)["concepts"]] == []
    assert [c["id"] for c in api("GET", "/concepts", per_page=1000)["concepts"]] == ids
    assert len(api("GET", "/concepts", id="C00", per_page=1000)["concepts"]) == 10


def test_a_patch_overwrites_what_it_names(api: Api) -> None:
    first = {"id": "dog", "name": "Dog", "definition": "barks", "metadata": {"a": 1, "b": 2}}
    api("POST", "/concepts", {"concepts": [first]})
    body = {"concepts": [{"id": "dog", "metadata": {"a": 3}}], "action": "overwrite"}
    changed = api("PATCH", "/concepts", body)["concepts"][0]
    assert (changed["name"], changed["definition"]) == ("Dog", "barks")
    assert changed["metadata"] == {"a": 3}
    assert api.refused("PATCH", "/concepts", {**body, "action": "merge"})[:2] == (400, 11102)


def test_searches_find_own_and_public_concepts(api: Api) -> None:
    api("POST", "/concepts", {"concepts": [{"id": "a", "name": "Peoples"}, {"id": "b"}]})

    def found(**query: Any) -> list[tuple[str, str]]:
        answer = api("POST", "/concepts/searches", {"concept_query": query})
        return [(concept["app_id"], concept["id"]) for concept in answer["concepts"]]

    assert found(name="people*") == [("park", "a"), ("main", "ai_l8TKp2h5")]
    assert found(name="people*", ignore_app_concepts=True) == [("main", "ai_l8TKp2h5")]
    assert found(name="b") == [("park", "b")]


def test_translations(api: Api) -> None:
    api.concepts("dog")
    body = {"concept_languages": [{"id": "zh", "name": "狗"}]}
    api("POST", "/concepts/dog/languages", body)
    assert api("GET", "/concepts/dog/languages/zh")["concept_language"]["name"] == "狗"
    changed = {"concept_languages": [{"id": "zh", "name": "犬"}], "action": "overwrite"}
    api("PATCH", "/concepts/dog/languages", changed)
    assert api("GET", "/concepts/dog/languages")["concept_languages"] == [
        {"id": "zh", "name": "犬"}
    ]


# --- relations ------------------------------------------------------------------------------


def relate(api: Api, subject: str, predicate: str, other: Any, graph: str = "") -> Any:
    if isinstance(other, str):
        other = {"id": other}
    relation = {"object_concept": other, "predicate": predicate, "knowledge_graph_id": graph}
    body = {"concept_relations": [relation]}
    return api("POST", f"/concepts/{subject}/relations", body)["concept_relations"][0]


def test_a_relation_to_a_public_concept_is_completed(api: Api) -> None:
    api.concepts("people")
    made = relate(api, "people", "synonym", {"id": "ai_l8TKp2h5", "app_id": "main"})
    assert len(made.pop("id")) == 32
    assert made == {
        "subject_concept": {
            "id": "people",
            "name": "people",
            "value": 1,
            "language": "en",
            "app_id": "park",
            "user_id": api.sandbox.user_id,
        },
        "object_concept": {
            "id": "ai_l8TKp2h5",
            "name": "people",
            "value": 1,
            "language": "en",
            "app_id": "main",
            "user_id": "clarifai",
        },
        "predicate": "synonym",
        "visibility": {"gettable": 10},
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("a", "synonym", "b"), ("a", "synonym", "b")),
        (("a", "synonym", "b"), ("b", "synonym", "a")),
        (("a", "hyponym", "b"), ("b", "hypernym", "a")),
        (("a", "hypernym", "b"), ("b", "hyponym", "a")),
    ],
)
def test_the_same_edge_is_refused_from_either_end(
    api: Api, first: tuple[str, str, str], second: tuple[str, str, str]
) -> None:
    api.concepts("a", "b")
    relate(api, *first)
    subject, predicate, other = second
    relation = {"object_concept": {"id": other}, "predicate": predicate}
    http, code, details = api.refused(
        "POST", f"/concepts/{subject}/relations", {"concept_relations": [relation]}
    )
    assert (http, code) == (400, 40010)
    assert details.endswith("already exists")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("a", "hyponym", "b"), ("b", "hyponym", "a")),
        (("a", "hyponym", "b"), ("a", "synonym", "b")),
        (("a", "synonym", "b", "g"), ("a", "synonym", "b")),
    ],
)
def test_another_edge_between_the_same_concepts_is_taken(
    api: Api, first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    api.concepts("a", "b")
    relate(api, *first)
    relate(api, *second)
    assert len(api("GET", "/concepts/relations")["concept_relations"]) == 2


def test_no_graph_parameter_means_all_and_an_empty_one_the_global_graph(api: Api) -> None:
    api.concepts("a", "b", "c")
    relate(api, "a", "synonym", "b")
    relate(api, "a", "synonym", "c", "g")

    def others(**query: str) -> list[str]:
        found = api("GET", "/concepts/a/relations", **query)["concept_relations"]
        return [relation["object_concept"]["id"] for relation in found]

    assert others() == ["b", "c"]
    assert others(knowledge_graph_id="g") == ["c"]
    assert others(knowledge_graph_id="") == ["b"]
    assert [g["id"] for g in api("GET", "/concepts/knowledge_graphs")["knowledge_graphs"]] == ["g"]


@pytest.mark.parametrize(
    ("relation", "http", "code"),
    [
        ({"object_concept": {"id": "b"}, "predicate": "likes"}, 400, 11102),
        ({"object_concept": {"id": "nobody"}, "predicate": "synonym"}, 404, 11101),
        ({"object_concept": {"id": "b", "app_id": "other"}, "predicate": "synonym"}, 404, 11101),
        ({"object_concept": {"id": "xx", "app_id": "main"}, "predicate": "synonym"}, 404, 11101),
        ({"object_concept": {"id": "a"}, "predicate": "synonym"}, 400, 11102),
        ({"predicate": "synonym"}, 400, 40003),
        (
            {"object_concept": {"id": "b"}, "subject_concept": {"id": "b"}, "predicate": "synonym"},
            400,
            11102,
        ),
    ],
    ids=["predicate", "object", "app", "public", "itself", "no object", "other subject"],
)
def test_relations_that_are_refused(api: Api, relation: Any, http: int, code: int) -> None:
    api.concepts("a", "b")
    body = {"concept_relations": [relation]}
    assert api.refused("POST", "/concepts/a/relations", body)[:2] == (http, code)
    assert api("GET", "/concepts/relations")["concept_relations"] == []


def test_a_relation_is_deleted_through_either_end_only(api: Api) -> None:
    api.concepts("a", "b", "c")
    made = relate(api, "a", "synonym", "b")
    refused = api.refused("DELETE", "/concepts/c/relations", {"ids": [made["id"]]})
    assert refused[:2] == (404, 11101)
    api("DELETE", "/concepts/b/relations", {"ids": [made["id"]]})
    assert api("GET", "/concepts/relations")["concept_relations"] == []
    assert api.refused("DELETE", "/concepts/a/relations", {"ids": [made["id"]]})[:2] == (404, 11101)
    assert api.refused("DELETE", "/concepts/a/relations", {})[:2] == (400, 11102)
