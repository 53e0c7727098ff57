from __future__ import annotations

from typing import Any

import pytest
from execution.app import TARGET, App

from reconciler.call import Listing
from reconciler.errors import DataError
from reconciler.execution.annotations import (
    STATUS_WORDS,
    Annotation,
    parse_statuses,
    read_annotations,
)


def raw(id_: str, **facts: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "input_id": "img-1",
        "data": {"concepts": [{"id": "man", "value": 0.5}, {"id": "people", "value": 0.95}]},
        "user_id": "alice",
        "worker": {"user": {"id": "alice"}},
        "status": {"code": 24150, "description": "Annotation success"},
        "created_at": "2025-01-01T00:00:00Z",
        "modified_at": "2025-01-02T00:00:00Z",
        **facts,
    }


ALL = [
    raw("labels", input_level=True, data={"concepts": [{"id": "people"}]}),
    raw("first"),
    raw("second", status={"code": "ANNOTATION_PENDING"}, user_id="bob"),
    raw("third", input_id="img-2", status={"code": 24151.0}),
    raw("fourth", input_id="img-2", status={"code": 24157}, user_id=""),
]


def read(**filters: Any) -> list[str]:
    app = App(annotations=ALL)
    return [found.id for found in read_annotations(app, TARGET, **filters)]


def test_one_annotation() -> None:
    found = next(read_annotations(App(annotations=ALL), TARGET))
    assert found == Annotation(
        id="first",
        input_id="img-1",
        status="success",
        user_id="alice",
        concepts=(("people", 0.95), ("man", 0.5)),
        created_at="2025-01-01T00:00:00Z",
        modified_at="2025-01-02T00:00:00Z",
    )


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["first", "second", "third", "fourth"]),
        ({"include_input_level": True}, ["labels", "first", "second", "third", "fourth"]),
        ({"statuses": ("pending",)}, ["second", "third"]),
        ({"statuses": {"success", "awaiting_review"}}, ["first", "fourth"]),
        ({"input_id": "img-2"}, ["third", "fourth"]),
        ({"user_id": "alice"}, ["first", "third", "fourth"]),
        ({"user_id": "bob", "input_id": "img-2"}, []),
        ({"statuses": ("failed",)}, []),
    ],
)
def test_filters_hold_whatever_the_service_makes_of_them(
    filters: dict[str, Any], expected: list[str]
) -> None:
    assert read(**filters) == expected


@pytest.mark.parametrize(
    ("filters", "query"),
    [
        ({}, {}),
        ({"input_id": "i"}, {"input_ids": "i"}),
        ({"user_id": "u"}, {"user_ids": "u"}),
        ({"statuses": ("success",)}, {}),
    ],
)
def test_what_is_asked_for(filters: dict[str, Any], query: dict[str, Any]) -> None:
    app = App()
    assert list(read_annotations(app, TARGET, **filters)) == []
    path, asked = "/v2/users/alice/apps/people/annotations", {"list_all_annotations": True, **query}
    assert app.reads == [Listing(path, "annotations", asked, most_pages=1000)]


@pytest.mark.parametrize(
    ("facts", "field", "expected"),
    [
        ({"data": {}}, "concepts", ()),
        ({"data": None}, "concepts", ()),
        ({"data": {"concepts": [{"id": "a"}]}}, "concepts", (("a", 1.0),)),
        ({"data": {"concepts": [{"id": "a", "value": 0}]}}, "concepts", (("a", 0.0),)),
        (
            {"data": {"regions": [{"id": "r", "data": {"concepts": [{"id": "a", "value": 0.2}]}}]}},
            "concepts",
            (("a", 0.2),),
        ),
        (
            {"data": {"concepts": [{"id": "b", "value": 0.5}, {"id": "a", "value": 0.5}]}},
            "concepts",
            (("a", 0.5), ("b", 0.5)),
        ),
        ({"status": {"code": 24999}}, "status", "24999"),
        ({"status": None}, "status", "0"),
        ({"user_id": None, "worker": None}, "user_id", ""),
        ({"user_id": "", "worker": {"user": {"id": "w"}}}, "user_id", "w"),
    ],
)
def test_odd_annotations(facts: dict[str, Any], field: str, expected: Any) -> None:
    (found,) = read_annotations(App(annotations=[raw("x", **facts)]), TARGET)
    assert getattr(found, field) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("success", "success"),
        ("Pending", "pending"),
        ("ANNOTATION_SUCCESS", "success"),
        ("24151", "pending"),
        ("awaiting-review", "awaiting_review"),
        (" review_denied ", "review_denied"),
        *[(word, word) for word in STATUS_WORDS],
    ],
)
def test_words_for_a_status(word: str, expected: str) -> None:
    assert parse_statuses([word]) == {expected}


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("sucess", "did you mean 'success'?"),
        ("24999", f"one of {', '.join(STATUS_WORDS)}"),
        ("", f"one of {', '.join(STATUS_WORDS)}"),
    ],
)
def test_a_word_for_no_status(word: str, hint: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_statuses(["success", word])
    assert caught.value.message == f"{word!r} is no annotation status"
    assert caught.value.hint == hint
