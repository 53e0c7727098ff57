from __future__ import annotations

import copy
import dataclasses
import json
import pickle

import pytest

from reconciler.api.settings import Secret, Settings, normalise_base_url
from reconciler.errors import SettingsError

TOKEN = "planted-0123456789abcdef"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://api.clarifai.com", "https://api.clarifai.com"),
        ("https://api.clarifai.com/", "https://api.clarifai.com"),
        ("https://api.clarifai.com/v2", "https://api.clarifai.com"),
        ("https://api.clarifai.com/v2/", "https://api.clarifai.com"),
        (" http://127.0.0.1:8080 ", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("https://gate.example/clarifai//", "https://gate.example/clarifai"),
        ("HTTPS://api.clarifai.com", "https://api.clarifai.com"),
    ],
)
def test_base_url(given: str, expected: str) -> None:
    assert normalise_base_url(given) == expected
    assert normalise_base_url(expected) == expected


HINT = "write it like https://api.clarifai.com (CLARIFAI_API_BASE or --base-url)"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("api.clarifai.com", "the base URL 'api.clarifai.com' does not begin with http(s)://"),
        ("ftp://x", "the base URL 'ftp://x' does not begin with http(s)://"),
        ("https://", "the base URL 'https://' names no host and port"),
        ("https://h:0", "the base URL 'https://h:0' names no host and port"),
        ("https://h?a=1", "the base URL 'https://h?a=1' has more than host and path"),
        ("https://h/#x", "the base URL 'https://h/#x' has more than host and path"),
        ("https://me:pw@h", "the base URL holds a user name or password"),
    ],
)
def test_bad_base_url(given: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        normalise_base_url(given)
    assert caught.value.message == message
    assert caught.value.hint == HINT


def test_port_that_is_no_port() -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        normalise_base_url("https://h:notaport")


def test_defaults() -> None:
    settings = Settings.from_environment({"CLARIFAI_PAT": TOKEN})
    assert settings == Settings(
        base_url="https://api.clarifai.com", token=Secret(TOKEN), user_id="me", app_id=""
    )
    assert (settings.max_rps, settings.max_retries) == (15.0, 4)


def test_environment_and_overrides() -> None:
    environ = {
        "CLARIFAI_PAT": TOKEN,
        "CLARIFAI_USER_ID": "alice",
        "CLARIFAI_APP_ID": "people",
        "CLARIFAI_API_BASE": "https://other.example/v2",
        "CLARIFAI_UI": "ignored",
    }
    settings = Settings.from_environment(environ)
    assert (settings.user_id, settings.app_id) == ("alice", "people")
    assert settings.base_url == "https://other.example"
    changed = Settings.from_environment(
        environ, user_id="bob", app_id=None, base_url="", token=Secret("t"), max_retries=0
    )
    assert (changed.user_id, changed.app_id) == ("bob", "people")
    assert changed.base_url == "https://other.example"
    assert changed.token == Secret("t")
    assert changed.max_retries == 0


def test_set_to_nothing_is_not_set() -> None:
    environ = {"CLARIFAI_PAT": TOKEN, "CLARIFAI_USER_ID": " ", "CLARIFAI_API_BASE": ""}
    assert Settings.from_environment(environ) == Settings(token=Secret(TOKEN))


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("", "no token: CLARIFAI_PAT is not set"),
        ("   ", "no token: CLARIFAI_PAT is not set"),
        ("Key abc", "the token in CLARIFAI_PAT begins with the word Key"),
        ("planted one", "the token in CLARIFAI_PAT holds a space or a line break"),
        ("planted\n", "the token in CLARIFAI_PAT holds a space or a line break"),
        ("plantéd", "the token in CLARIFAI_PAT holds a character that no token has"),
        ("planted\x00", "the token in CLARIFAI_PAT holds a character that no token has"),
    ],
)
def test_bad_token(token: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"CLARIFAI_PAT": token})
    assert caught.value.message == message
    assert caught.value.hint
    assert "plant" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"user_id": "a b"},
            "the user id 'a b' holds a space, a slash or a control character",
        ),
        (
            {"app_id": "u/a"},
            "the app id 'u/a' holds a space, a slash or a control character",
        ),
        ({"max_rps": 0.0}, "--max-rps is 0.0"),
        ({"max_rps": float("nan")}, "--max-rps is nan"),
        ({"max_retries": -1}, "--max-retries is -1"),
        ({"parallelism": 0}, "--parallelism is 0"),
        ({"read_timeout": -2.0}, "the read timeout is -2.0"),
    ],
)
def test_bad_values(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings(token=Secret(TOKEN), **changes)  # type: ignore[arg-type]
    assert caught.value.message == message
    assert caught.value.hint


def test_a_secret_shows_only_when_asked() -> None:
    secret = Secret(TOKEN)
    settings = Settings(token=secret)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        "%s %r" % (secret, secret),  # noqa: UP031
        repr(settings),
        repr(dataclasses.asdict(settings)),
        repr(copy.deepcopy(settings)),
    ]
    assert TOKEN not in "".join(shown)
    assert secret.reveal() == TOKEN
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
