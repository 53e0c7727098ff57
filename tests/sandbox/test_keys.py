"""Keys that are made by requests: they open what they say, and are never kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.driving import Api, node

KEYS = "/v2/users/me/keys"


def make(api: Api, *scopes: str, app: str = "park", **more: Any) -> str:
    key = {"description": "d", "scopes": scopes, "apps": [{"id": app, "user_id": "me"}], **more}
    made = api("POST", KEYS, {"keys": [key]})["keys"][0]
    return str(made["id"])


def ask(api: Api, key: str, method: str, path: str, body: Any = None) -> tuple[int, int]:
    answer = api.raw(method, path, json=body, headers={"Authorization": f"Key {key}"})
    return answer.status_code, answer.json()["status"]["code"]


@pytest.mark.parametrize("pat", [None, "the-pat"])
def test_a_new_key_is_an_app_key_at_once(start: Callable[..., Api], pat: str | None) -> None:
    api = start(pat=pat)
    key = make(api, "All")
    assert len(key) == 32
    body = {"concepts": [{"id": "dog"}]}
    assert ask(api, key, "POST", "/v2/concepts", body) == (200, 10000)
    assert api("GET", "/concepts/dog")["concept"]["app_id"] == "park"
    assert ask(api, key, "GET", "/concepts") == (200, 10000)
    assert ask(api, key, "GET", "/v2/users/me/apps/other/concepts") == (401, 11008)
    assert ask(api, key, "GET", "/v2/users/me/apps") == (403, 11007)
    assert ask(api, key, "GET", KEYS) == (403, 11007)


@pytest.mark.parametrize("data", [True, False], ids=["in a folder", "in memory"])
def test_a_key_is_shown_once_and_kept_as_its_digest(
    start: Callable[..., Api], tmp_path: Path, data: bool
) -> None:
    api = start(data=tmp_path / "state" if data else None)
    key = make(api, "Concepts_Get", "Apps_Get")
    (listed,) = api("GET", KEYS)["keys"]
    assert len(listed["id"]) == 64
    assert listed["scopes"] == ["Concepts_Get", "Apps_Get"]
    assert (listed["type"], listed["apps"][0]["id"]) == ("app_specific_key", "park")
    assert api("GET", "/keys")["keys"] == [listed]
    for name in (key, listed["id"]):
        assert api("GET", f"{KEYS}/{name}")["key"] == listed
    refused = api.refused("GET", f"{KEYS}/{'0' * 32}")
    assert refused == (404, 11101, "key_id not found; it is not repeated here")
    log = [request.path for request in api.sandbox.requests()]
    assert "/v2/users/me/keys/***" in log
    assert not any(key in path for path in log)
    if data:
        for path in (tmp_path / "state").iterdir():
            assert key.encode() not in path.read_bytes(), path.name
        api.sandbox.stop()
        again = start(data=tmp_path / "state", create=False)
        assert ask(again, key, "GET", "/v2/concepts") == (200, 10000)


@pytest.mark.parametrize("by", ["key", "digest"])
@pytest.mark.parametrize("pat", [None, "the-pat"])
def test_a_deleted_key_opens_nothing(start: Callable[..., Api], pat: str | None, by: str) -> None:
    api = start(pat=pat)
    key = make(api, "All")
    name = key if by == "key" else api("GET", KEYS)["keys"][0]["id"]
    api("DELETE", f"{KEYS}/{name}")
    assert ask(api, key, "GET", "/v2/concepts") == (401, 11009)
    assert ask(api, key, "GET", "/concepts") == (401, 11009)
    assert api("GET", KEYS)["keys"] == []
    assert api.refused("DELETE", f"{KEYS}/{name}")[:2] == (404, 11101)


def test_a_key_goes_with_its_app_and_follows_its_new_name(api: Api) -> None:
    key = make(api, "All")
    body = {"ids": [{"id": "park", "new_id": "garden"}], "action": "overwrite"}
    api("PATCH", "/v2/users/me/apps/ids", body)
    assert ask(api, key, "GET", "/v2/app") == (200, 10000)
    api("DELETE", "/v2/users/me/apps/garden")
    assert ask(api, key, "GET", "/v2/app") == (401, 11009)


def test_a_key_does_what_its_scopes_and_endpoints_say(api: Api) -> None:
    reader = make(api, "Apps_Get", "Concepts_Get")
    assert ask(api, reader, "GET", "/v2/concepts") == (200, 10000)
    assert ask(api, reader, "GET", "/v2/models") == (403, 11007)
    body = {"concepts": [{"id": "dog"}]}
    answer = api.raw("POST", "/v2/concepts", json=body, headers={"Authorization": f"Key {reader}"})
    assert answer.json()["status"]["details"] == (
        "PostConcepts needs scopes that the key lacks: Concepts_Add"
    )
    one = make(api, endpoints=["/clarifai.api.V2/PostConcepts"])
    assert ask(api, one, "POST", "/v2/concepts", body) == (200, 10000)
    assert ask(api, one, "GET", "/v2/concepts") == (403, 11007)
    change = {"keys": [{"id": one, "endpoints": ["/clarifai.api.V2/ListConcepts"]}]}
    api("PATCH", KEYS, {**change, "action": "overwrite"})
    assert ask(api, one, "GET", "/v2/concepts") == (200, 10000)
    assert api.refused("PATCH", KEYS, {**change, "action": "merge"})[:2] == (400, 11102)


def test_a_key_ends_when_it_says_so(api: Api) -> None:
    past = make(api, "All", expires_at="2020-01-01T00:00:00Z")
    future = make(api, "All", expires_at="2999-01-01T00:00:00Z")
    assert ask(api, past, "GET", "/v2/concepts") == (401, 11009)
    assert ask(api, future, "GET", "/v2/concepts") == (200, 10000)
    live = api("GET", KEYS, not_expired="True")["keys"]
    assert [key["expires_at"][:4] for key in live] == ["2999"]


def test_a_personal_token_can_be_made_too(start: Callable[..., Api]) -> None:
    api = start(pat="the-pat")
    body = {"keys": [{"type": "personal_access_token", "scopes": ["All"]}]}
    token = api("POST", KEYS, body)["keys"][0]["id"]
    assert ask(api, token, "GET", "/v2/users/me/apps") == (200, 10000)
    assert ask(api, token, "GET", "/v2/concepts") == (401, 11008)
    listed = api("GET", KEYS, type="personal_access_token")["keys"]
    assert len(listed) == 1


@pytest.mark.parametrize(
    ("key", "http", "code"),
    [
        ({"scopes": ["All"]}, 400, 11102),
        ({"scopes": ["All"], "apps": [{"id": "park"}, {"id": "b"}]}, 400, 11102),
        ({"scopes": ["All"], "apps": [{"id": "nowhere"}]}, 404, 11101),
        ({"scopes": ["All"], "apps": [{"id": "main", "user_id": "clarifai"}]}, 404, 11101),
        ({"scopes": ["Fly"], "apps": [{"id": "park"}]}, 400, 11102),
        ({"endpoints": ["/x/Y"], "apps": [{"id": "park"}]}, 400, 11102),
        ({"apps": [{"id": "park"}]}, 400, 11102),
        ({"scopes": ["All"], "type": "skeleton"}, 400, 11102),
        (
            {"scopes": ["All"], "type": "personal_access_token", "apps": [{"id": "park"}]},
            400,
            11102,
        ),
    ],
)
def test_keys_that_are_refused(api: Api, key: Any, http: int, code: int) -> None:
    assert api.refused("POST", KEYS, {"keys": [key]})[:2] == (http, code)
    assert api("GET", KEYS)["keys"] == []


def test_a_token_can_be_asked_what_it_may_do(api: Api) -> None:
    key = make(api, "Apps_Get", "Concepts_Get")
    headers = {"Authorization": f"Key {key}"}
    for path in ("/v2/myscopes", "/v2/my_scopes", "/myscopes"):
        own = api.raw("GET", path, headers=headers).json()
        assert sorted(own["scopes"]) == ["Apps_Get", "Concepts_Get"]
        assert own["app"]["id"] == "park"
    everything = api("GET", "/v2/users/me/myscopes")["scopes"]
    assert {"All", "Predict", "Keys_Add"} <= set(everything)
    assert api("GET", "/v2/myscopesroot")["scopes"] == everything
    known = api("GET", "/v2/users/me/scopes")
    assert {"scope": "Concepts_Add", "depending_scopes": ["Concepts_Get"]} in known["scope_deps"]
    endpoints = {item["endpoint"]: item.get("depending_scopes") for item in known["endpoint_deps"]}
    assert endpoints["/clarifai.api.V2/GetConcept"] == ["Apps_Get", "Concepts_Get"]


def test_a_made_key_names_public_models_and_does_not_run_them(api: Api) -> None:
    key = make(api, "All")
    graph = {"id": "w", "nodes": [node("n", "general-image-recognition", public=True)]}
    assert ask(api, key, "POST", "/v2/workflows", {"workflows": [graph]}) == (200, 10000)
    body = {"inputs": [{"data": {"image": {"url": "https://images.example/a.jpg"}}}]}
    assert ask(api, key, "POST", "/v2/workflows/w/results", body) == (403, 11007)


def test_nobody_else_is_here_to_share_with(api: Api) -> None:
    assert api("GET", "/collaborators")["collaborators"] == []
    assert api("GET", "/v2/users/me/collaborations")["collaborations"] == []
