"""Apps and their default workflow (fact sheet, section 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.sandbox.behaviour import Behaviour
from tests.sandbox.driving import Api, node

UNIVERSAL = {"id": "Universal", "app_id": "main", "user_id": "clarifai"}


def graph(api: Api, id_: str = "mine") -> None:
    nodes = [node("general", "general-image-recognition", public=True)]
    api("POST", "/workflows", {"workflows": [{"id": id_, "nodes": nodes}]})


def default(app: Any) -> tuple[str, str]:
    found = app["default_workflow"]
    assert app["default_workflow_id"] == found["id"]
    return found["user_id"] + "/" + found["app_id"], found["id"]


def test_a_new_app_has_the_platforms_defaults(api: Api) -> None:
    app = api("GET", "")["app"]
    assert default(app) == ("clarifai/main", "Universal")
    assert (app["name"], app["default_language"], app["visibility"]) == (
        "park",
        "en",
        {"gettable": 10},
    )
    assert app["user_id"] == api.sandbox.user_id


def test_the_token_decides_whose_app_it_is(api: Api) -> None:
    body = {"apps": [{"id": "second", "user_id": "somebody-else"}]}
    made = api("POST", "/v2/users/me/apps", body)["apps"][0]
    assert made["user_id"] == api.sandbox.user_id


@pytest.mark.parametrize(
    "sent",
    [
        {"default_workflow_id": "mine"},
        {"default_workflow": {"id": "mine"}},
        {"default_workflow": {"id": "mine", "app_id": "park", "user_id": "me"}},
        {"default_workflow": {"id": "mine"}, "default_workflow_id": "Empty"},
    ],
    ids=["old spelling", "object", "object with owner", "the object wins"],
)
@pytest.mark.parametrize("route", ["one", "many"])
def test_both_spellings_switch_the_default_workflow(api: Api, sent: Any, route: str) -> None:
    graph(api)
    if route == "one":
        answer = api("PATCH", "", {"app": sent, "action": "overwrite"})["app"]
    else:
        body = {"apps": [{"id": "park", **sent}], "action": "overwrite"}
        answer = api("PATCH", "/v2/users/me/apps", body)["apps"][0]
    expected = (f"{api.sandbox.user_id}/park", "mine")
    assert default(answer) == default(api("GET", "")["app"]) == expected


@pytest.mark.parametrize(
    ("sent", "owner"),
    [
        ({"default_workflow_id": "Empty"}, "clarifai/main"),
        (
            {"default_workflow": {"id": "General", "app_id": "main", "user_id": "clarifai"}},
            "clarifai/main",
        ),
        ({"default_workflow": {"id": "General", "app_id": "main"}}, "clarifai/main"),
    ],
)
def test_public_workflows_can_be_the_default(api: Api, sent: Any, owner: str) -> None:
    answer = api("PATCH", "", {"app": sent, "action": "overwrite"})["app"]
    assert default(answer)[0] == owner


@pytest.mark.parametrize(
    "sent",
    [
        {"default_workflow_id": "MINE"},
        {"default_workflow": {"id": "mine", "app_id": "other"}},
        {"default_workflow": {"id": "mine", "user_id": "stranger", "app_id": "park"}},
        {"default_workflow": {"id": "mine", "version": {"id": "0" * 32}}},
    ],
    ids=["another case", "another app", "another user", "unknown version"],
)
def test_an_unknown_default_workflow_leaves_the_app_alone(api: Api, sent: Any) -> None:
    graph(api)
    before = api("GET", "")["app"]
    body = {"app": {"description": "changed", **sent}, "action": "overwrite"}
    http, code, _ = api.refused("PATCH", "", body)
    assert (http, code) == (404, 22102)
    assert api("GET", "")["app"] == before


def test_a_switch_leaves_everything_else_as_it_was(api: Api) -> None:
    details = {"description": "d", "notes": "n", "metadata": {"k": 1}}
    api("PATCH", "", {"app": details, "action": "overwrite"})
    before = api("GET", "")["app"]
    api("PATCH", "", {"app": {"default_workflow_id": "Empty"}, "action": "overwrite"})
    after = api("GET", "")["app"]
    assert after["modified_at"] > before["modified_at"]
    changed = {"default_workflow", "default_workflow_id", "modified_at"}
    assert {k: v for k, v in after.items() if k not in changed} == {
        k: v for k, v in before.items() if k not in changed
    }


def test_an_overwrite_may_drop_what_is_not_sent(start: Callable[..., Api]) -> None:
    api = start(behaviour=Behaviour(overwrite_drops_unsent=True))
    api("PATCH", "", {"app": {"description": "d", "notes": "n"}, "action": "overwrite"})
    app = api("PATCH", "", {"app": {"notes": "m"}, "action": "overwrite"})["app"]
    assert (app.get("description"), app["notes"]) == (None, "m")
    assert default(app) == ("clarifai/main", "Universal")


@pytest.mark.parametrize("action", ["", "merge", "replace"])
def test_apps_know_overwrite_and_remove_alone(api: Api, action: str) -> None:
    http, code, details = api.refused("PATCH", "", {"app": {"name": "x"}, "action": action})
    assert (http, code) == (400, 11102)
    assert details == f"action '{action}' is not known here: 'overwrite', 'remove'"


@pytest.mark.parametrize(
    ("id_", "code", "details"),
    [
        ("park", 40010, "duplicate app: 'park' already exists"),
        (
            "a.b",
            11102,
            "app id 'a.b' is not an id: 1 to 48 letters and digits, with single '-' or '_' between them",
        ),
        (
            "x" * 49,
            11102,
            f"app id '{'x' * 49}' is not an id: 1 to 48 letters and digits, with single '-' or '_' between them",
        ),
        ("me", 11102, "app id 'me' is reserved"),
    ],
)
def test_ids_that_are_refused(api: Api, id_: str, code: int, details: str) -> None:
    refused = api.refused("POST", "/v2/users/me/apps", {"apps": [{"id": id_}]})
    assert refused == (400, code, details)


def test_apps_are_listed_last_changed_first_in_pages(api: Api) -> None:
    for id_ in ("a", "b", "c"):
        api("POST", "/v2/users/me/apps", {"apps": [{"id": id_}]})
    api("PATCH", "", {"app": {"notes": "n"}, "action": "overwrite"})

    def page(number: int, size: int) -> list[str]:
        found = api("GET", "/v2/users/me/apps", page=number, per_page=size)["apps"]
        return [app["id"] for app in found]

    assert page(1, 2) == ["park", "c"]
    assert page(2, 2) == ["b", "a"]
    assert page(3, 2) == []
    assert api.refused("GET", "/v2/users/me/apps", per_page=1001)[:2] == (400, 11102)


def test_a_deleted_app_is_gone_with_all_that_was_in_it(api: Api) -> None:
    api.concepts("dog")
    api("DELETE", "")
    assert api.refused("GET", "")[:2] == (404, 11101)
    assert api.refused("GET", "/concepts")[:2] == (404, 11101)
    api("POST", "/v2/users/me/apps", {"apps": [{"id": "park"}]})
    assert api("GET", "/concepts")["concepts"] == []


def test_a_renamed_app_keeps_its_content_and_its_default(api: Api) -> None:
    api.concepts("dog")
    graph(api)
    api("PATCH", "", {"app": {"default_workflow_id": "mine"}, "action": "overwrite"})
    body = {"ids": [{"id": "park", "new_id": "garden"}], "action": "overwrite"}
    api("PATCH", "/v2/users/me/apps/ids", body)
    assert api.refused("GET", "")[:2] == (404, 11101)
    api.app = "garden"
    assert default(api("GET", "")["app"]) == (f"{api.sandbox.user_id}/garden", "mine")
    assert api("GET", "/concepts/dog")["concept"]["app_id"] == "garden"
    assert api("GET", "/workflows/mine")["workflow"]["app_id"] == "garden"


def test_the_user_is_found_under_me_and_under_the_real_id(api: Api) -> None:
    users = [api("GET", f"/v2/users/{name}")["user"] for name in ("me", api.sandbox.user_id)]
    assert users[0] == users[1]
    assert users[0]["id"] == api.sandbox.user_id
    assert api("GET", "/v2/users/clarifai")["user"]["id"] == "clarifai"
    assert api.refused("GET", "/v2/users/nobody")[:2] == (404, 11101)


def test_resource_counts_are_text(api: Api) -> None:
    graph(api)
    counts = api("GET", "/resource_counts")
    assert counts["workflows"] == "1"
