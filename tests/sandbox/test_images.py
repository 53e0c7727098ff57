"""The images of apps, models and workflows, and the one thing that action ``remove`` is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.driving import Api, node

URL = "https://images.example/a.png"
PATCHES = {
    "app": ("", "app"),
    "apps": ("/v2/users/me/apps", "apps"),
    "details": ("/partial", "apps"),
    "models": ("/models", "models"),
    "workflows": ("/workflows", "workflows"),
}
IDS = {"app": "park", "apps": "park", "details": "park", "models": "m", "workflows": "w"}


@pytest.fixture
def send(api: Api) -> Callable[..., Any]:
    api("POST", "/models", {"model": {"id": "m"}})
    nodes = [node("n", "general-image-recognition", public=True)]
    api("POST", "/workflows", {"workflows": [{"id": "w", "nodes": nodes}]})

    def patch(kind: str, action: str, **fields: Any) -> Any:
        path, key = PATCHES[kind]
        sent = {"id": IDS[kind], **fields}
        body = {key: sent if key == "app" else [sent], "action": action}
        answer = api.raw("PATCH", path, json=body).json()
        if answer["status"]["code"] != 10000:
            return answer["status"]["code"], answer["status"]["details"]
        return answer["app"] if key == "app" else answer[key][0]

    return patch


@pytest.mark.parametrize("kind", PATCHES)
def test_an_image_is_set_and_removed_by_its_url(send: Callable[..., Any], kind: str) -> None:
    assert send(kind, "overwrite", image={"url": URL}, notes="n")["image"] == {"url": URL}
    refused = send(kind, "remove", image={"url": "https://images.example/b.png"})
    assert refused == (
        11102,
        f"image.url of '{IDS[kind]}' is to be what it is now ('{URL}'), not "
        "'https://images.example/b.png'",
    )
    code, details = send(kind, "remove", image={"url": URL}, description="d")
    assert (code, details[-16:]) == (11102, "with description")
    removed = send(kind, "remove", image={"url": URL})
    assert ("image" in removed, removed["notes"]) == (False, "n")
    assert send(kind, "remove", image={"url": URL})[0] == 11102


@pytest.mark.parametrize("kind", ["app", "apps", "details", "workflows"])
def test_nothing_else_can_be_removed(send: Callable[..., Any], kind: str) -> None:
    send(kind, "overwrite", notes="n")
    assert send(kind, "remove", notes="n")[0] == 11102
    assert send(kind, "remove")[0] == 11102
    assert send(kind, "overwrite", description="d")["notes"] == "n"


def test_words_can_be_removed_from_a_model(send: Callable[..., Any]) -> None:
    send("models", "merge", toolkits=["a", "b"])
    assert send("models", "remove", toolkits=["a"])["toolkits"] == ["b"]
