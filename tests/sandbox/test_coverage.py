"""The coverage page: nothing is there without a source, and it says what the sandbox really does."""

from __future__ import annotations

import re

import pytest

from reconciler import catalogue
from reconciler.sandbox import auth, routes
from reconciler.sandbox.behaviour import Behaviour, Grade
from reconciler.sandbox.coverage import page, survey
from reconciler.sandbox.coverage.evidence import Evidence, taken
from reconciler.sandbox.coverage.habits import HABITS, MODEL_TYPES
from reconciler.sandbox.coverage.methods import METHODS
from reconciler.sandbox.coverage.survey import Extent
from reconciler.sandbox.handlers.table import ENTRIES
from reconciler.sandbox.models.table import RUNS
from tests.sandbox.driving import Api

NAMED_IN_THE_DOCUMENTATION = frozenset(
    [
        "concept-threshold",
        "annotation-writer",
        "concept-synonym-mapper",
        "region-thresholder",
        "image-crop",
        "image-align",
        "image-tiling-operator",
        "tiling-region-aggregator-operator",
        "random-sample",
        "regex-based-classifier",
        "keyword-filter-operator",
        "language-id-operator",
        "text-aggregation-operator",
        "prompter",
        "rag-prompter",
        "object-counter",
        "isolation-operator",
        "knn-concept",
        "tokens-to-entity-operator",
        "input-filter",
        "input-searcher",
        "barcode-operator",
        "tesseract-operator",
        "byte-tracker",
        "centroid-tracker",
        "kalman-filter-tracker",
        "kalman-reid-tracker",
        "neural-tracker",
        "neural-lite-tracker",
        "status-push",
        "results-push",
        "email",
        "sms",
        "aws-lambda",
        "custom-code-operator",
        "visual-embedder",
        "clusterer",
        "visual-classifier",
        "text-classifier",
        "visual-detector",
        "embedding-classifier",
    ]
)

EVIDENCE = {
    **{f"method {name}": evidence for name, evidence in METHODS.items()},
    **{f"model type {name}": evidence for name, evidence in MODEL_TYPES.items()},
    **{f"habit {name}": evidence for name, evidence in HABITS.items()},
}


def test_every_method_that_is_there_says_what_it_is_taken_from() -> None:
    assert set(METHODS) == set(ENTRIES), (
        "reconciler/sandbox/coverage/methods.py, then make generated"
    )


def test_every_model_type_that_runs_says_what_it_is_taken_from() -> None:
    assert set(MODEL_TYPES) == set(RUNS), (
        "reconciler/sandbox/coverage/habits.py, then make generated"
    )


def test_every_handler_says_what_it_does() -> None:
    assert [one.name for one in survey.methods() if one.implemented and not one.about] == []


@pytest.mark.parametrize("evidence", EVIDENCE.values(), ids=EVIDENCE)
def test_a_switch_that_is_named_exists(evidence: Evidence) -> None:
    named = re.findall(r"\(`([a-z_]+)`", evidence.ours) + re.findall(
        r", `([a-z_]+)`", evidence.ours
    )
    assert [name for name in named if name not in Behaviour.__dataclass_fields__] == []


def test_evidence_must_say_something() -> None:
    with pytest.raises(ValueError, match="say where the behaviour is taken from"):
        taken()
    with pytest.raises(ValueError, match="belongs into 'ours'"):
        taken(Grade.INFERRED)
    assert taken(Grade.RECORDED, Grade.CONTRACT, ours="the code").grades == (
        Grade.CONTRACT,
        Grade.RECORDED,
        Grade.INFERRED,
    )


def test_the_page_has_every_method_and_every_type_once() -> None:
    text = page.render()
    for name in routes.rpcs():
        assert text.count(f"\n| `{name}`") == 1, name
    for name in {*catalogue.MODEL_TYPES, *NAMED_IN_THE_DOCUMENTATION}:
        assert text.count(f"\n| `{name}` | ") == 1, name
    assert all(line.count("`") % 2 == 0 for line in text.splitlines())


def test_keys_are_those_of_the_contract() -> None:
    found = {method.name: method.key for method in survey.methods() if method.implemented}
    assert {name for name, key in found.items() if key == "none"} == auth.OPEN & set(found)
    # What asks for a browser's session is open to a personal token here.
    personal = {name for name, key in found.items() if key in ("personal", "session")}
    assert personal == auth.PERSONAL & set(found)


def test_what_is_called_absent_is_refused_and_what_is_called_there_is_not(api: Api) -> None:
    """Each method over HTTP, with an empty request: only those not there answer 501."""
    answers = {}
    for route in routes.routes():
        if not route.rpc.streaming and route.rpc.name not in answers:
            path = route.template.replace("{user_app_id.user_id}", "me")
            path = path.replace("{user_app_id.app_id}", api.app)
            path = re.sub(r"\{[^}]*\}", "x", path)
            if "/users/" in path or route.rpc.name in auth.OPEN:
                answers[route.rpc.name] = api.raw(route.verb, path, json={}).status_code
            # the app itself must stay for all that follow
            if route.rpc.name == "DeleteApp":
                api("POST", "/v2/users/me/apps", {"apps": [{"id": api.app}]})
    there = {method.name for method in survey.methods() if method.implemented}
    assert {name for name, code in answers.items() if code != 501} == there & set(answers)
    assert len(answers) > 200


def test_types_go_as_far_as_they_are_said_to() -> None:
    found = {one.id: (one.own, one.public, one.trains) for one in survey.model_types()}
    assert set(found) == set(catalogue.MODEL_TYPES)
    runs = {id_ for id_, (own, public, _) in found.items() if {own, public} != {Extent.STORED}}
    assert runs == set(RUNS)
    assert found["concept-threshold"] == (Extent.REAL, Extent.REAL, False)
    assert found["embedding-classifier"] == (Extent.REAL, Extent.REAL, True)
    assert found["visual-embedder"] == (Extent.STORED, Extent.REAL, False)
    assert found["visual-classifier"] == (Extent.STORED, Extent.SCRIPTED, False)
    assert found["neural-tracker"] == (Extent.STORED, Extent.STORED, False)


def test_routes_are_written_as_people_read_them() -> None:
    found = {method.name: method.paths for method in survey.methods()}
    assert found["GetInput"] == (("GET ~/inputs/{input_id}", True),)
    assert found["PostApps"] == (("POST /v2/users/{user_id}/apps", False),)
    assert found["GetApp"] == (("GET ~", False), ("GET /v2/app", False))
