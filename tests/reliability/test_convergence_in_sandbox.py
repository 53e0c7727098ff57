"""Promise 1 once more, through the real command line and the real sandbox, its switches at random."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reliability.made_up import APP, Manifest, pairs
from reliability.tally import tried

from reconciler.cli.main import run
from reconciler.sandbox import Sandbox
from reconciler.sandbox.behaviour import Behaviour, switches

# what it runs is covered by others, and tracing it would take half as long again
pytestmark = pytest.mark.no_cover

TOKEN = "planted-5555aaaa5555aaaa"
SOME = settings(
    max_examples=150 if "LONG" in os.environ else 4,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


def behaviour(seed: int) -> Behaviour:
    """A platform that does about half of what is not known otherwise."""
    dice = random.Random(seed)
    return Behaviour(**{s.name: dice.choice((s.default, *s.others)) for s in switches()})


@SOME
@given(pairs(trains=("never",)), st.integers(0, 2**32))
def test_any_manifest_after_any_other_converges_whatever_the_platform_does(
    tmp_path_factory: pytest.TempPathFactory, pair: tuple[Manifest, Manifest], seed: int
) -> None:
    folder = tmp_path_factory.mktemp("app")
    with pytest.MonkeyPatch.context() as patch, Sandbox(pat=TOKEN, behaviour=behaviour(seed)) as it:
        for name in ("CLARIFAI_USER_ID", "CLARIFAI_APP_ID"):
            patch.delenv(name, raising=False)
        patch.setenv("CLARIFAI_API_BASE", it.base_url)
        patch.setenv("CLARIFAI_PAT", TOKEN)
        patch.setenv("RECONCILER_MAX_RPS", "10000")
        for manifest in pair:
            path = folder / "app.yaml"
            path.write_text(json.dumps(manifest), "utf-8")  # which is YAML too
            options = ("--prune", "--prune-limit", "100")
            ended(it, "apply", path, "--auto-approve", *options)
            it.clear_requests()
            ended(it, "plan", path, "--detailed-exitcode", *options)
            ended(it, "plan", path, "--detailed-exitcode", "--refresh", "full", *options)
            ended(it, "drift", path, "--detailed-exitcode")
            assert {request.method for request in it.requests()} == {"GET"}
    tried("sandbox")


def ended(sandbox: Sandbox, *arguments: str | Path) -> Any:
    """Runs a command that has to succeed."""
    status = run([str(argument) for argument in arguments])
    told = [f"{r.method} {r.path} {r.status}" for r in sandbox.requests() if r.method != "GET"]
    assert status == 0, (arguments, APP, told)
