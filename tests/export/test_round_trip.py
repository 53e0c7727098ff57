"""The law of export: its manifest changes nothing here, and makes the same app elsewhere.

``make test-long`` (``LONG=1``) tries more than two thousand apps.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from export.apps import KINDS, Apps, is_there, manifests, write
from hypothesis import HealthCheck, given, settings

from reconciler.call import Target
from reconciler.manifest.desired import load
from reconciler.manifest.format import Formatted, format_text
from reconciler.planning import live

LONG = bool(os.environ.get("LONG"))


@settings(
    max_examples=2500 if LONG else 30,
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
