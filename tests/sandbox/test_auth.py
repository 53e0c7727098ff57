"""Tokens and the routes that they open (fact sheet, sections 1 and 2)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import SandboxError
from reconciler.sandbox import Sandbox
from tests.sandbox.driving import Api, node, png

LONG = "/v2/users/me/apps/park"


@pytest.mark.parametrize("header", [None, "", "Key", "Key ", "key abc", "abc", "Key a b", "Key  a"])
def test_a_malformed_header_is_told_apart_from_an_unknown_key(api: Api, header: str | None) -> None:
    headers = {"Authorization": header}
    answer = api.raw("GET", "/concepts", headers=headers)
    assert answer.status_code == 401
    found = answer.json()
    assert (found["status"]["code"], found["concepts"]) == (11102, [])
    assert found["status"]["details"].startswith("Empty or malformed authorization header")


@pytest.mark.parametrize("token", ["x", "0123abc", "!#$%&*"])
def test_without_settings_any_key_is_the_user(api: Api, token: str) -> None:
    answer = api.raw("GET", "/v2/users/me", headers={"Authorization": f"Key {token}"})
    assert answer.json()["user"]["id"] == api.sandbox.user_id


@pytest.mark.parametrize(
    ("token", "path", "http", "code"),
    [
        ("pat", f"{LONG}/concepts", 200, 10000),
        ("pat", "/v2/users/me", 200, 10000),
        ("pat", "/v2/users/owner/apps", 200, 10000),
        ("pat", "/v2/apps", 200, 10000),
        ("pat", "/v2/concepts", 401, 11008),
        ("pat", "/v2/users/me/models", 200, 10000),
        ("pat", "/v2/users/stranger/apps", 404, 11101),
        ("pat", "/v2/users/me/apps/nowhere/concepts", 404, 11101),
        ("pat", "/v2/users/clarifai/apps/main/models", 200, 10000),
        ("key", "/v2/concepts", 200, 10000),
        ("key", "/v2/app", 200, 10000),
        ("key", f"{LONG}/concepts", 200, 10000),
        ("key", f"{LONG}/concepts/relations", 403, 11007),
        ("key", "/v2/users/me/apps", 403, 11007),
        ("key", "/v2/users/me", 403, 11007),
        ("key", "/v2/users/me/apps/other/concepts", 401, 11008),
        ("key", "/v2/users/clarifai/apps/main/models", 401, 11008),
        ("early", "/v2/concepts", 404, 11101),
        ("wrong", f"{LONG}/concepts", 401, 11008),
        ("wrong", "/v2/users/me/datasets", 401, 11008),
        ("0123456789abcdef" * 2, f"{LONG}/concepts", 401, 11009),
        ("0123456789ABCDEF" * 2, f"{LONG}/concepts", 401, 11008),
        ("wrong", "/v2/status_codes/10000", 200, 10000),
    ],
)
def test_which_token_opens_what(
    start: Callable[..., Api], token: str, path: str, http: int, code: int
) -> None:
    api = start(user="owner", pat="pat", app_keys={"key": "park", "early": "not-yet"})
    answer = api.raw("GET", path, headers={"Authorization": f"Key {token}"})
    assert (answer.status_code, answer.json()["status"]["code"]) == (http, code)


def test_a_short_route_with_a_personal_token_says_what_is_missing(api: Api) -> None:
    http, code, details = api.refused("GET", "/v2/concepts")
    assert (http, code) == (401, 11008)
    assert details.startswith("Must provide app external ID in API authorizer")


def test_on_a_short_route_the_body_or_query_may_say_whose_app_is_meant(
    start: Callable[..., Api],
) -> None:
    api = start(user="owner", pat="pat", app_keys={"key": "park"})
    own: Any = {"user_app_id": {"user_id": "owner", "app_id": "park"}}
    api("POST", "/v2/concepts", {**own, "concepts": [{"id": "dog"}]})
    query = {"user_app_id.user_id": "me", "user_app_id.app_id": "park"}
    assert [item["id"] for item in api("GET", "/v2/concepts", **query)["concepts"]] == ["dog"]
    general = {"user_app_id": {"user_id": "clarifai", "app_id": "main"}}
    image = {"image": {"base64": base64.b64encode(png(1)).decode()}}
    body = {**general, "inputs": [{"data": image}]}
    path = "/v2/models/general-image-recognition/versions/aa7f35c01e0642fda5cf400f543e7c40/outputs"
    assert api("POST", path, body)["outputs"][0]["status"]["code"] == 10000
    answer = api.raw("POST", path, json=body, headers={"Authorization": "Key key"})
    assert (answer.status_code, answer.json()["status"]["code"]) == (401, 11008)
    other = {"user_app_id": {"user_id": "owner", "app_id": "nowhere"}}
    assert api.refused("POST", "/v2/concepts", {**other, "concepts": [{"id": "x"}]})[:2] == (
        404,
        11101,
    )
    # On a long one the path alone counts.
    api("POST", "/concepts", {**other, "concepts": [{"id": "cat"}]})
    assert len(api("GET", "/concepts", **{"user_app_id.app_id": "nowhere"})["concepts"]) == 2


def test_an_app_key_may_name_public_models_but_not_run_them(start: Callable[..., Api]) -> None:
    api = start(user="owner", pat="pat", app_keys={"key": "park"})
    key = {"Authorization": "Key key"}
    graph: Any = {"id": "w", "nodes": [node("n", "general-image-recognition", public=True)]}
    made = api.raw("POST", "/v2/workflows", json={"workflows": [graph]}, headers=key)
    assert made.status_code == 200
    image = {"image": {"base64": base64.b64encode(png(1)).decode()}}
    body = {"inputs": [{"data": image}]}
    answer = api.raw("POST", "/v2/workflows/w/results", json=body, headers=key)
    assert (answer.status_code, answer.json()["status"]["code"]) == (403, 11007)
    assert answer.json()["results"] == [] if "results" in answer.json() else True


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"user": "a b"}, "user id 'a b' is not an id"),
        ({"pat": "with space"}, "a token is printable ASCII without spaces"),
        ({"pat": ""}, "a token is printable ASCII without spaces"),
        ({"app_keys": {"k": "a.b"}}, "app id 'a.b' is not an id"),
        ({"limit_rps": 0}, "limit_rps is 0; it must be at least 1"),
        ({"port": 70000}, "70000 is no port"),
    ],
)
def test_settings_that_cannot_be(options: Any, message: str) -> None:
    with pytest.raises(SandboxError, match=message):
        Sandbox(**options).start()


def test_a_token_is_not_kept_in_the_data(start: Callable[..., Api], tmp_path: Path) -> None:
    secret = "very-secret-token"
    api = start(pat=secret, data=tmp_path / "data")
    api.concepts("dog")
    api.sandbox.stop()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
    assert b"dog" in kept
    assert secret.encode() not in kept


def test_the_request_id_takes_the_prefix(api: Api) -> None:
    headers = {"X-Clarifai-Request-ID-Prefix": "mine"}
    found = api.raw("GET", "/concepts", headers=headers).json()["status"]["req_id"]
    assert found.startswith("mine-")
    assert len(found) == len("mine-") + 32
