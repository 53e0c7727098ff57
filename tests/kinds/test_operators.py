"""Thresholders and writers, both ways: what is declared, what is sent, what a version is read as."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from reconciler.address import Address
from reconciler.call import Target
from reconciler.kind import Scope
from reconciler.kinds.model_types import thresholder, writer
from reconciler.kinds.model_types.base import Declared
from reconciler.resource import Reference

SCOPE = Scope(Target("alice", "an-app"), "alice")


def sure(**more: Any) -> Declared:
    """What a thresholder declares that states this."""
    stated = {
        "model_type_id": "concept-threshold",
        "concept_threshold_type": "GREATER_THAN",
        "thresholds": {"b": 0.949999988079071, "a": 0},
        **more,
    }
    return thresholder.TYPE.declare(thresholder.ThresholderSpec.model_validate(stated), SCOPE)


def ask(**more: Any) -> Declared:
    """What a writer declares that states this."""
    stated = {
        "model_type_id": "annotation-writer",
        "annotation_status": "ANNOTATION_PENDING",
        "annotation_user_id": "me",
        **more,
    }
    return writer.TYPE.declare(writer.WriterSpec.model_validate(stated), SCOPE)


THRESHOLDER = {"concept_threshold_type": "GREATER_THAN", "thresholds": {"a": 0.0, "b": 0.95}}
WRITER = {"annotation_status": "ANNOTATION_PENDING", "annotation_user_id": "alice"}


def test_what_a_thresholder_declares() -> None:
    found = sure()
    assert found == Declared(
        THRESHOLDER,
        (
            Reference(("thresholds", "a"), Address("concept", ("a",))),
            Reference(("thresholds", "b"), Address("concept", ("b",))),
        ),
    )
    assert [reference.at for reference in found.references] == [
        ("thresholds", 1),
        ("thresholds", 0),
    ]


@pytest.mark.parametrize("stated", [True, False])
def test_whether_a_thresholder_drops_others_is_stated_or_left_open(stated: bool) -> None:
    found = sure(filter_other_concepts=stated).configuration
    assert found == {**THRESHOLDER, "filter_other_concepts": stated}
    params = {"concept_threshold_type": 1, "filter_other_concepts": stated}
    assert thresholder.TYPE.wire(found, SCOPE)["output_info"]["params"] == params


def test_what_a_thresholder_sends() -> None:
    assert thresholder.TYPE.wire(THRESHOLDER, SCOPE) == {
        "output_info": {
            "data": {"concepts": [{"id": "a", "value": 0.0}, {"id": "b", "value": 0.95}]},
            "params": {"concept_threshold_type": 1},
        }
    }


@pytest.mark.parametrize(
    ("info", "configuration"),
    [
        (
            {
                "data": {"concepts": [{"id": "b", "value": 0.949999988079071}, {"id": "a"}]},
                "params": {"concept_threshold_type": "LESS_THAN", "filter_other_concepts": 1},
            },
            {
                "concept_threshold_type": "LESS_THAN",
                "thresholds": {"a": 1.0, "b": 0.95},
                "filter_other_concepts": True,
            },
        ),
        (
            {"params": {"concept_threshold_type": 2.0, "filter_other_concepts": False}},
            {
                "concept_threshold_type": "GREATER_THAN_OR_EQUAL",
                "thresholds": {},
                "filter_other_concepts": False,
            },
        ),
        (
            {"params": {"concept_threshold_type": 77, "else": 1}, "data": {"concepts": None}},
            {"concept_threshold_type": "", "thresholds": {}},
        ),
        ({}, {"concept_threshold_type": "", "thresholds": {}}),
    ],
    ids=["full", "no concepts", "unknown", "empty"],
)
def test_what_a_thresholders_version_is_read_as(info: Any, configuration: Any) -> None:
    assert thresholder.TYPE.read({"id": "v", "output_info": info}, SCOPE) == configuration


def test_what_a_writer_declares() -> None:
    assert ask() == Declared(WRITER)
    more = {"annotation_info": {"source": "auto"}, "task_id": "t"}
    assert ask(**more) == Declared({**WRITER, **more})


@pytest.mark.parametrize(("author", "id_"), [("me", "alice"), ("bob", "bob"), ("ME", "ME")])
def test_the_author_me_is_whose_token_it_is(author: str, id_: str) -> None:
    assert ask(annotation_user_id=author).configuration["annotation_user_id"] == id_


def test_what_a_writer_sends() -> None:
    stated = {**WRITER, "annotation_info": {"source": "auto"}, "task_id": "t"}
    assert writer.TYPE.wire(stated, SCOPE) == {
        "output_info": {
            "params": {
                "annotation_status": 24151,
                "annotation_user_id": "alice",
                "annotation_info": {"source": "auto"},
                "task_id": "t",
            }
        }
    }


@pytest.mark.parametrize(
    ("params", "configuration"),
    [
        ({"annotation_status": 24151.0, "annotation_user_id": "alice"}, WRITER),
        ({"annotation_status": "ANNOTATION_SUCCESS", "more": {"a": 1}},
         {"annotation_status": "ANNOTATION_SUCCESS", "more": {"a": 1}}),
        ({"annotation_status": 77}, {"annotation_status": ""}),
        ({}, {"annotation_status": ""}),
    ],
    ids=["number", "name", "unknown", "empty"],
)  # fmt: skip
def test_what_a_writers_version_is_read_as(params: Any, configuration: Any) -> None:
    assert writer.TYPE.read({"id": "v", "output_info": {"params": params}}, SCOPE) == configuration


def test_a_writer_writes_only_what_the_platform_lets_it() -> None:
    """Other annotations may have a status that no writer can give them."""
    with pytest.raises(ValidationError, match="annotation_status"):
        ask(annotation_status="ANNOTATION_INVALID_ARGUMENT")
    version = {"output_info": {"params": {"annotation_status": "ANNOTATION_INVALID_ARGUMENT"}}}
    found = writer.TYPE.read(version, SCOPE)
    assert found == {"annotation_status": "ANNOTATION_INVALID_ARGUMENT"}
