"""Concept searches, translations and counts (fact sheet, section 5)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.sandbox.words import LANGUAGES, PUBLIC_NAMES
from tests.sandbox.driving import Api, node, png, threshold_version

MAIN = "/v2/users/clarifai/apps/main"


def search(api: Api, **query: Any) -> list[tuple[str, str, str]]:
    found = api("POST", "/concepts/searches", {"concept_query": query})["concepts"]
    return [(concept["app_id"], concept["id"], concept["name"]) for concept in found]


def translate(api: Api, concept: str, **names: str) -> None:
    sent = [{"id": language, "name": name} for language, name in names.items()]
    api("POST", f"/concepts/{concept}/languages", {"concept_languages": sent})


def test_a_search_may_be_in_any_language(api: Api) -> None:
    api.concepts("dog", "hound")
    translate(api, "dog", zh="狗狗", de="Hund")
    assert search(api, name="狗*", language="zh") == [
        ("park", "dog", "狗狗"),
        ("main", "ai_8S2Vq3cR", "狗"),
    ]
    assert search(api, name="hund", language="de") == [
        ("park", "dog", "Hund"),
        ("main", "ai_8S2Vq3cR", "Hund"),
    ]
    assert search(api, name="dog") == [("park", "dog", "dog"), ("main", "ai_8S2Vq3cR", "dog")]
    assert search(api, name="狗*") == []
    found = api("POST", "/concepts/searches", {"concept_query": {"name": "狗*", "language": "zh"}})
    assert [concept["language"] for concept in found["concepts"]] == ["zh", "zh"]
    assert api("GET", "/concepts/dog")["concept"]["name"] == "dog"


def test_every_public_name_is_found(api: Api) -> None:
    assert {language for names in PUBLIC_NAMES.values() for language in names} == {*LANGUAGES} - {
        "en"
    }
    for language in LANGUAGES:
        everything = search(api, name="*", language=language, ignore_app_concepts=True)
        assert len(everything) == len(PUBLIC_NAMES), language


def test_a_source_takes_the_place_of_the_public_concepts(api: Api) -> None:
    api.thresholder("above", 1, cat=0.5)
    api.concepts("dog")
    nodes = [node("general", "general-image-recognition", public=True)]
    nodes.append(node("above", "above", "", "general"))
    api("POST", "/workflows", {"workflows": [{"id": "w", "nodes": nodes}]})

    def found(**query: Any) -> list[tuple[str, str]]:
        return [(app, id_) for app, id_, _ in search(api, **query)]

    public = [("main", id_) for id_ in PUBLIC_NAMES]
    assert found(name="*", model={"id": "above"}) == [("park", "cat"), ("park", "dog")]
    assert found(name="*", model={"id": "above"}, ignore_app_concepts=True) == [("park", "cat")]
    assert found(name="*", workflow={"id": "w"}, ignore_app_concepts=True) == [
        ("park", "cat"),
        *public,
    ]
    assert found(name="*", workflow_id="Universal", ignore_app_concepts=True) == []
    refused = api.refused(
        "POST", "/concepts/searches", {"concept_query": {"workflow": {"id": "nothing"}}}
    )
    assert refused[:2] == (404, 11101)


def test_the_translation_into_the_apps_own_language_is_the_name_that_is_shown(api: Api) -> None:
    api("POST", "/v2/users/me/apps", {"apps": [{"id": "garten", "default_language": "de"}]})
    api.app = "garten"
    api.concepts("dog")
    assert api("GET", "/concepts/dog/languages/de")["concept_language"] == {
        "id": "de",
        "name": "dog",
    }
    translate(api, "dog", de="Hund", en="dog")
    concept = api("GET", "/concepts/dog")["concept"]
    assert (concept["name"], concept["language"]) == ("Hund", "de")
    change = {"concepts": [{"id": "dog", "name": "Köter"}], "action": "overwrite"}
    api("PATCH", "/concepts", change)
    assert api("GET", "/concepts/dog/languages/de")["concept_language"]["name"] == "Köter"
    sent = {"concept_languages": [{"id": "de", "name": "Hündchen"}], "action": "overwrite"}
    api("PATCH", "/concepts/dog/languages", sent)
    assert api("GET", "/concepts/dog")["concept"]["name"] == "Hündchen"


@pytest.mark.parametrize(
    ("method", "path", "body", "http", "code"),
    [
        ("POST", "dog", {"concept_languages": [{"id": "tlh", "name": "x"}]}, 400, 40003),
        ("POST", "dog", {"concept_languages": [{"id": "ZH", "name": "x"}]}, 400, 40003),
        ("POST", "dog", {"concept_languages": [{"id": "fr"}]}, 400, 40003),
        ("POST", "dog", {"concept_languages": [{"id": "zh", "name": "again"}]}, 400, 40003),
        ("POST", "dog", {"concept_languages": []}, 400, 11102),
        ("POST", "nobody", {"concept_languages": [{"id": "fr", "name": "x"}]}, 404, 11101),
        (
            "PATCH",
            "dog",
            {"concept_languages": [{"id": "fr", "name": "x"}], "action": "overwrite"},
            404,
            11101,
        ),
        (
            "PATCH",
            "dog",
            {"concept_languages": [{"id": "zh", "name": "x"}], "action": "merge"},
            400,
            11102,
        ),
        ("GET", "dog", None, 200, 10000),
        ("GET", "nobody", None, 404, 11101),
    ],
)
def test_translations_that_are_refused(
    api: Api, method: str, path: str, body: Any, http: int, code: int
) -> None:
    api.concepts("dog")
    translate(api, "dog", zh="狗")
    assert api.refused(method, f"/concepts/{path}/languages", body)[:2] == (http, code)
    assert api("GET", "/concepts/dog/languages")["concept_languages"] == [
        {"id": "zh", "name": "狗"}
    ]


def test_public_translations_can_be_read_and_not_written(api: Api) -> None:
    path = f"{MAIN}/concepts/ai_8S2Vq3cR/languages"
    assert api("GET", f"{path}/ja")["concept_language"] == {"id": "ja", "name": "犬"}
    assert len(api("GET", path)["concept_languages"]) == len(LANGUAGES) - 1
    body = {"concept_languages": [{"id": "ja", "name": "x"}], "action": "overwrite"}
    assert api.refused("PATCH", path, body)[:2] == (404, 11101)


def test_concepts_are_counted_by_the_inputs_that_they_label(api: Api) -> None:
    api.concepts("cat", "dog")

    def image(id_: str, content: bytes, **labels: int) -> Any:
        concepts = [{"id": concept, "value": value} for concept, value in labels.items()]
        encoded = base64.b64encode(content).decode()
        return {"id": id_, "data": {"image": {"base64": encoded}, "concepts": concepts}}

    inputs = [
        image("a", png(1), dog=1, cat=0),
        image("b", png(2), dog=1),
        image("broken", b"not an image", dog=1),
    ]
    api.raw("POST", "/inputs", json={"inputs": inputs})
    api.sandbox.wait_idle()
    again = {"input_id": "b", "data": {"concepts": [{"id": "dog", "value": 1}]}}
    api("POST", "/annotations", {"annotations": [again]})
    doubtful = {
        "input_id": "b",
        "data": {"concepts": [{"id": "cat", "value": 1}]},
        "status": {"code": "ANNOTATION_PENDING"},
    }
    api("POST", "/annotations", {"annotations": [doubtful]})
    cat, dog = api("GET", "/concepts/status")["concept_counts"]
    assert cat["id"] == "cat"
    assert cat["concept_type_count"] == {"positive": 0, "negative": 1}
    assert dog["concept_type_count"] == {"positive": 3, "negative": 0}
    assert dog["detail_concept_count"]["processed"]["positive"] == 2
    assert dog["detail_concept_count"]["errors"]["positive"] == 1
    assert len(api("GET", "/concepts/status", per_page=1, page=2)["concept_counts"]) == 1


def test_the_old_platform_knew_public_concepts_in_every_app(start: Callable[..., Api]) -> None:
    path = "/concepts/ai_8S2Vq3cR"
    assert start().refused("GET", path)[:2] == (404, 11101)
    old = start(legacy=True)
    assert old("GET", path)["concept"]["name"] == "dog"
    body = {"concepts": [{"id": "ai_8S2Vq3cR", "name": "mine"}], "action": "overwrite"}
    assert old.refused("PATCH", "/concepts", body)[:2] == (404, 11101)


def test_a_concept_that_a_version_brings_along_is_counted_too(api: Api) -> None:
    api.model("m", "concept-threshold", threshold_version(1, bird=0.5))
    counted = api("GET", "/concepts/status")["concept_counts"]
    assert [count["id"] for count in counted] == ["bird"]
