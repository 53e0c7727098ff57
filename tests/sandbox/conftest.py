"""A running sandbox for each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reconciler.sandbox import Sandbox, faults, media
from tests.sandbox.driving import APP, Api


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests in a real browser run only where they are asked for (``make test-browser``)."""
    if os.environ.get("RECONCILER_BROWSER"):
        return
    left_out = [item for item in items if item.get_closest_marker("browser")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture
def start() -> Iterator[Callable[..., Api]]:
    """Start a sandbox with options; it has the app ``park``. All are stopped at the end."""
    running: list[Api] = []

    def begin(*, app: str = APP, create: bool = True, **options: Any) -> Api:
        sandbox = Sandbox(**options)
        sandbox.start()
        api = Api(sandbox, app)
        running.append(api)
        if create:
            api("POST", "/v2/users/me/apps", {"apps": [{"id": app}]})
        return api

    yield begin
    for api in running:
        api.session.close()
        api.sandbox.stop()


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no failure: what is fetched from this very process may take its time."""
    monkeypatch.setattr(media, "_TIMEOUT", 300.0)


class Stopped:
    """A clock that goes only when it is put on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Stopped:
    """What the doors measure by: how long reads are stale, and how much comes in a second."""
    stopped = Stopped()
    monkeypatch.setattr(faults, "time", stopped)
    return stopped


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    return start()
