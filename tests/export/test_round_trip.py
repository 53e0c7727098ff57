"""The law of export: its manifest changes nothing here, and makes the same app elsewhere.

``make test-long`` (``LONG=1``) tries more than two thousand apps.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from export.apps import KINDS, Apps, is_there, manifests, write
from hypothesis import HealthCheck, given, settings

from reconciler.api.client import Client
from reconciler.api.settings import Secret, Settings
from reconciler.call import Target
from reconciler.manifest.desired import load
from reconciler.manifest.format import Formatted, format_text
from reconciler.planning import live
from reconciler.sandbox import Sandbox

LONG = bool(os.environ.get("LONG"))


@settings(
    max_examples=2500 if LONG else 20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=not LONG,
)
@given(data=manifests())
def test_an_exported_app_is_as_its_manifest_says(
    tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "app.yaml"
    write(path, data)
    here, there = Apps(), Apps()
    here.apply(path)

    made = here.export("an-app")
    assert made.remarks == ()
    outcome = format_text(made.text, "app.yaml")
    assert isinstance(outcome, Formatted)
    assert outcome.text == made.text
    path.write_text(made.text, "utf-8", newline="")
    manifest = load(path, KINDS, default_app_id=None)
    scope = live.read_app(here.platform, KINDS, Target("me", "an-app")).scope
    plan = here.plan(manifest.build(KINDS, scope), "an-app", manifest.owner)
    assert (plan.operations, plan.unmanaged) == ((), ())

    there.apply(path)
    assert is_there(there.find("an-app")) == is_there(here.find("an-app"))
    assert there.export("an-app").text == made.text


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Apps]:
    with Sandbox() as running:
        settings = Settings.from_environment(
            {}, token=Secret(running.token), base_url=running.base_url, max_rps=1e6
        )
        with Client(settings) as client:
            yield Apps(client)


NUMBERS = count(1)


@settings(
    max_examples=200 if LONG else 8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=not LONG,
)
@given(data=manifests("an-app", real=True))
def test_an_app_of_the_sandbox_is_as_its_manifest_says(
    tmp_path_factory: pytest.TempPathFactory, sandbox: Apps, data: Any
) -> None:
    """The same of a service that fills in, sorts and respells what it is sent."""
    path = tmp_path_factory.getbasetemp() / "real.yaml"
    first, second = f"app-{next(NUMBERS)}", f"app-{next(NUMBERS)}"
    app = {key: value for key, value in data["app"].items() if key != "owner"}
    write(path, {**data, "app": {**app, "id": first}})
    sandbox.apply(path)
    made = sandbox.export(first)
    assert made.remarks == ()
    elsewhere = made.text.replace(f"\n  id: {first}\n", f"\n  id: {second}\n")
    path.write_text(elsewhere, "utf-8", newline="")
    sandbox.apply(path)
    assert sandbox.export(second).text == elsewhere
