"""Promise 6, through the real tool: a text that is taken back pins what ran before it."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from e2e.conftest import Here

from reconciler.sandbox import Sandbox

GENERAL = "clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40"
MODELS = {
    "a threshold": (
        "model_type_id: concept-threshold, concept_threshold_type: GREATER_THAN, "
        "thresholds: {cat: 0.5}",
        "thresholds: {cat: 0.5}",
        "thresholds: {cat: 0.7}",
    ),
    "one concept more": (
        "model_type_id: concept-threshold, concept_threshold_type: GREATER_THAN, "
        "thresholds: {cat: 0.5}",
        "{cat: 0.5}",
        "{cat: 0.5, dog: 0.6}",
    ),
    "a key that can be left out": (
        "model_type_id: concept-threshold, concept_threshold_type: GREATER_THAN, "
        "thresholds: {cat: 0.5}",
        "thresholds: {cat: 0.5}",
        "thresholds: {cat: 0.5}, filter_other_concepts: true",
    ),
    "free words that can be left out": (
        "model_type_id: annotation-writer, annotation_status: ANNOTATION_PENDING, "
        "annotation_user_id: me",
        "annotation_user_id: me",
        "annotation_user_id: me, annotation_info: {team: ada}",
    ),
}


@pytest.mark.parametrize("what", MODELS)
def test_promise_6_reverting_pins_the_version_that_ran_before(
    what: str, here: Here, platform: Sandbox
) -> None:
    model, old, new = MODELS[what]
    app = f"undo-{list(MODELS).index(what)}"
    path = here.folder / "app.yaml"

    def apply(text: str) -> tuple[str, set[str]]:
        path.write_text(
            f"app: {{id: {app}, default_workflow: flow}}\nconcepts: [cat, dog]\n"
            f"models: {{own: {{{text}}}}}\n"
            f"workflows: {{flow: {{nodes: [{{id: see, model: {GENERAL}}}, "
            "{id: own, model: own, node_inputs: [see]}]}}\n"
        )
        here.done("apply", path, "--auto-approve")
        assert here.done("plan", path).startswith("No changes.")
        return _ran(platform, app)

    assert old in model
    before, versions = apply(model)
    after, more = apply(model.replace(old, new))
    assert after != before
    assert apply(model) == (before, more)
    assert apply(model.replace(old, new)) == (after, more)
    assert versions == {before}
    assert more == {before, after}


def test_the_plan_of_an_undo_says_which_version_runs_again(here: Here) -> None:
    model, old, new = MODELS["a key that can be left out"]
    path = here.folder / "app.yaml"
    text = (
        f"app: {{id: undone, default_workflow: flow}}\nconcepts: [cat, dog]\n"
        f"models: {{own: {{{model}}}}}\n"
        f"workflows: {{flow: {{nodes: [{{id: see, model: {GENERAL}}}, "
        "{id: own, model: own, node_inputs: [see]}]}}\n"
    )
    for stated in (text, text.replace(old, new)):
        path.write_text(stated)
        here.done("apply", path, "--auto-approve")
    path.write_text(text)
    shown = here.done("plan", path)
    assert "  ~ model.own      update  routing  an earlier version is used again\n" in shown


def _ran(platform: Sandbox, app: str) -> tuple[str, set[str]]:
    """The version that the workflow pins, and all that there are."""
    base = f"{platform.base_url}/v2/users/{platform.user_id}/apps/{app}"
    headers = {"Authorization": f"Key {platform.token}"}

    def get(path: str) -> Any:
        return requests.get(base + path, headers=headers, timeout=60).json()

    nodes = get("/workflows/flow")["workflow"]["nodes"]
    (pinned,) = (n["model"]["model_version"]["id"] for n in nodes if n["id"] == "own")
    return pinned, {one["id"] for one in get("/models/own/versions")["model_versions"]}
