"""From a method and a path to an RPC."""

from __future__ import annotations

import pytest

from reconciler.sandbox import routes

LONG = "/v2/users/me/apps/park"


@pytest.mark.parametrize(
    ("verb", "path", "rpc", "values"),
    [
        ("GET", f"{LONG}/models/types", "ListModelTypes", {}),
        (
            "GET",
            f"{LONG}/models/types/concept-threshold",
            "GetModelType",
            {"model_type_id": "concept-threshold"},
        ),
        ("GET", f"{LONG}/models/above", "GetModel", {"model_id": "above"}),
        ("GET", f"{LONG}/models/above/", "GetModel", {"model_id": "above"}),
        ("GET", "/v2/models/above", "GetModel", {"model_id": "above"}),
        (
            "GET",
            f"{LONG}/models/a/versions/b/output_info",
            "GetModelOutputInfo",
            {"model_id": "a", "version_id": "b"},
        ),
        ("PATCH", f"{LONG}/models/ids", "PatchModelIds", {}),
        ("POST", f"{LONG}/models/searches", "PostModelsSearches", {}),
        ("GET", f"{LONG}/concepts/relations", "ListConceptRelations", {}),
        (
            "GET",
            f"{LONG}/concepts/a%2Fb%20c/relations",
            "ListConceptRelations",
            {"concept_id": "a/b c"},
        ),
        ("GET", f"{LONG}/concepts/%E7%8B%97", "GetConcept", {"concept_id": "狗"}),
        ("GET", f"{LONG}/inputs/status", "GetInputCount", {}),
        ("DELETE", f"{LONG}/inputs/annotations", "DeleteAnnotations", {}),
        ("DELETE", f"{LONG}/annotations", "DeleteAnnotations", {}),
        ("GET", "/v2/app", "GetApp", {}),
        ("GET", "/v2/users/me", "GetUser", {}),
        ("PATCH", "/v2/users/me/apps/ids", "PatchAppsIds", {}),
        ("PATCH", f"{LONG}/workflows", "PatchWorkflows", {}),
        (
            "POST",
            f"{LONG}/workflows/w/versions/v/results",
            "PostWorkflowResults",
            {"workflow_id": "w", "version_id": "v"},
        ),
        ("GET", "/v2/status_codes/10000", "GetStatusCode", {"status_code_id": "10000"}),
    ],
)
def test_a_path_leads_to_its_method(verb: str, path: str, rpc: str, values: dict[str, str]) -> None:
    match = routes.find(verb, path)
    assert isinstance(match, routes.Match)
    assert match.route.rpc.name == rpc
    own = {key: text for key, text in match.values.items() if not key.startswith("user_app_id")}
    assert own == values


@pytest.mark.parametrize(
    ("verb", "path", "allowed"),
    [
        ("GET", "/v3/users/me", frozenset()),
        ("GET", f"{LONG}//models", frozenset()),
        ("GET", "/", frozenset()),
        ("PUT", f"{LONG}/models", frozenset({"GET", "POST", "PATCH", "DELETE"})),
        ("POST", f"{LONG}/inputs/status", frozenset({"GET", "DELETE"})),
    ],
)
def test_a_path_that_leads_nowhere_says_what_it_would_take(
    verb: str, path: str, allowed: frozenset[str]
) -> None:
    assert routes.find(verb, path) == allowed


def test_every_binding_of_the_contract_is_found_again() -> None:
    """Each template, filled with plain words, leads to an RPC with that very template."""
    for route in routes.routes():
        parts = [
            f"x{number}" if part.startswith("{") else part
            for number, part in enumerate(route.template.split("/"))
        ]
        match = routes.find(route.verb, "/".join(parts))
        assert isinstance(match, routes.Match), route
        assert match.route.template == route.template
