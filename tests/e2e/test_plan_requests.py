"""Promise 5: every write belongs to a planned operation, and ``plan --requests`` shows it before."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from e2e.conftest import Here

from reconciler.sandbox import Sandbox

BASE = """\
app: {id: shown, default_workflow: main}
concepts: [cat, dog]
concept_relations:
  - {subject: cat, predicate: synonym, object: clarifai/main/ai_mFqxrph2}
models:
  mapper: {model_type_id: concept-synonym-mapper}
  sure: {model_type_id: concept-threshold, concept_threshold_type: GREATER_THAN, thresholds: {cat: 0.5}}
  write: {model_type_id: annotation-writer, annotation_status: ANNOTATION_SUCCESS, annotation_user_id: me}
workflows:
  main:
    nodes:
      - {id: general, model: clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40}
      - {id: map, model: mapper, node_inputs: [general]}
      - {id: sure, model: sure, node_inputs: [map]}
      - {id: write, model: write, node_inputs: [sure]}
"""
RENAMED = (
    BASE.replace("sure: {model", "certain: {model").replace("model: sure", "model: certain")
    + "moved: [{from: model.sure, to: model.certain}]\n"
)


def several(value: str = "0.5", text: str = "one") -> str:
    """An app in which resources of one kind wait for different others, or for none."""
    numbers = range(4)
    models = [
        f"m{n}: {{model_type_id: concept-threshold, description: {text}, "
        f"concept_threshold_type: GREATER_THAN, thresholds: {{c{n}: {value}}}}}"
        for n in numbers
    ]
    nodes = "{id: general, model: clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40}"
    workflows = [
        f"w{n}: {{description: {text}, nodes: [{nodes}, {{id: t, model: m{n}, node_inputs: [general]}}]}}"
        for n in numbers[:3]
    ]
    relations = [
        f"{{subject: c0, predicate: hypernym, object: {to}}}"
        for to in ("c1", "c2", "clarifai/main/ai_mFqxrph2")
    ]
    return (
        "app: {id: shown, default_workflow: w0}\nconcepts: [c0, c1, c2, c3]\n"
        f"concept_relations: [{', '.join(relations)}]\n"
        f"models: {{idle: {{model_type_id: concept-synonym-mapper}}, {', '.join(models)}}}\n"
        f"workflows: {{{', '.join(workflows)}}}\n"
    )  # fmt: skip


SEVERAL_RENAMED = several(text="two").replace("m1", "n1").replace("w1", "v1") + (
    "moved: [{from: model.m1, to: model.n1}, {from: workflow.w1, to: workflow.v1}]\n"
)

STEPS = {
    "create all": ("", BASE, ()),
    "change thresholds": (BASE, BASE.replace("0.5", "0.75"), ()),
    "change texts": (BASE, BASE.replace("[cat, dog]", "{cat: {name: tom}, dog: {}}"), ()),
    "rename": (BASE, RENAMED, ()),
    "another default": (BASE, BASE.replace(": main}", ": clarifai/main/Empty}", 1), ()),
    "prune": (
        BASE,
        "app: {id: shown, default_workflow: clarifai/main/Empty}\nconcepts: [cat, dog]\n",
        ("--prune",),
    ),
    "create several": ("", several(), ()),
    "change several": (several(), several("0.75", "two"), ()),
    "change several texts": (several(), several(text="two"), ()),
    "rename some of several": (several(), SEVERAL_RENAMED, ()),
    "prune several": (
        several(),
        "app: {id: shown, default_workflow: clarifai/main/Empty}\nconcepts: [c0]\n",
        ("--prune",),
    ),
}


@pytest.mark.parametrize("step", STEPS)
def test_promise_5_the_writes_of_an_apply_are_those_that_the_plan_showed(
    step: str, here: Here, platform: Sandbox
) -> None:
    before, after, options = STEPS[step]
    manifest, app = here.folder / "app.yaml", f"shown-{list(STEPS).index(step)}"
    if before:
        manifest.write_text(before.replace("shown", app))
        here.done("apply", manifest, "--auto-approve")
    manifest.write_text(after.replace("shown", app))
    plan = json.loads(here.done("plan", manifest, *options, "--requests", "--format", "json"))
    shown = Counter((request["method"], request["path"]) for request in plan["requests"])
    planned = {f"{op['action']} {op['address']}" for op in plan["operations"]}
    assert {key for request in plan["requests"] for key in request["operations"]} <= planned

    platform.clear_requests()
    here.done("apply", manifest, *options, "--auto-approve")
    sent = Counter((r.method, r.path) for r in platform.requests() if r.method != "GET")
    assert sent == shown
    assert sent, "a step that writes nothing shows nothing"


def test_the_text_shows_what_each_request_is_for_and_its_body(
    here: Here, platform: Sandbox
) -> None:
    manifest = here.folder / "app.yaml"
    manifest.write_text("app: {id: texts}\nconcepts: [cat, dog]\n")
    text = here.done("plan", manifest, "--requests")
    mark = '"metadata": {"reconciler": {"origin": "created", "owner": "texts"}}'
    user = platform.user_id
    assert text.split("\n\n")[-1] == (
        "Requests (2 writes if nothing goes wrong):\n"
        f"  POST   /v2/users/{user}/apps\n"
        "         for create app\n"
        f'         {{"apps": [{{"id": "texts", {mark}}}]}}\n'
        f"  POST   /v2/users/{user}/apps/texts/concepts\n"
        "         for create concept.cat, create concept.dog\n"
        f'         {{"concepts": [{{"id": "cat", {mark}}}, {{"id": "dog", {mark}}}]}}\n'
    )
    assert here.done("apply", manifest, "--auto-approve")
    assert here.done("plan", manifest, "--requests").endswith("\n\nRequests: none.\n")


def test_the_switch_of_an_app_that_is_made_first_shows_the_app_as_it_was_made(
    here: Here, platform: Sandbox
) -> None:
    manifest = here.folder / "app.yaml"
    text = BASE.replace("shown, ", "made-first, description: Of cats, ")
    manifest.write_text(text)
    plan = json.loads(here.done("plan", manifest, "--requests", "--format", "json"))
    made, switched = (one["body"]["apps"][0] for one in plan["requests"] if "apps" in one["body"])
    assert switched.pop("default_workflow")["id"] == "main"
    switched["metadata"]["reconciler"].pop("default_workflow")
    assert made == switched
    assert (made["description"], made["metadata"]["reconciler"]["origin"]) == ("Of cats", "created")


def test_a_plan_is_compared_with_the_approved_one(here: Here, platform: Sandbox) -> None:
    manifest, approved = here.folder / "app.yaml", here.folder / "approved.json"
    manifest.write_text(BASE.replace("shown", "compared"))
    here.done("apply", manifest, "--auto-approve")
    manifest.write_text(BASE.replace("shown", "compared").replace("0.5", "0.75"))
    here.done("plan", manifest, "-o", approved)
    compare = ("plan", manifest, "--compare", approved, "--detailed-exitcode")
    assert here.done(*compare) == "The plan is the approved one (2 operations).\n"
    manifest.write_text(BASE.replace("shown", "compared").replace("0.5", "0.8"))
    ended = here(*compare)
    assert (ended.status, ended.out) == (
        2,
        f"The plan (2 operations) differs from {approved}:\n"
        "  model.sure thresholds.cat: planned to become 0.75, would now become 0.8\n",
    )
    as_json = json.loads(here("plan", manifest, "--compare", approved, "--format", "json").out)
    assert (as_json["same"], list(as_json["delta"])) == (False, ["model.sure"])


def test_the_same_operations_on_another_app_are_no_approved_plan(
    here: Here, platform: Sandbox
) -> None:
    manifest, approved = here.folder / "app.yaml", here.folder / "approved.json"
    manifest.write_text("app: {id: staging, default_workflow: clarifai/main/Empty}\n")
    here.done("plan", manifest, "-o", approved)
    manifest.write_text(
        "app: {id: production, owner: ops, default_workflow: clarifai/main/Empty}\n"
    )
    ended = here("plan", manifest, "--compare", approved, "--reindex", "--detailed-exitcode")
    assert (ended.status, ended.out) == (
        2,
        f"The plan (2 operations) differs from {approved}:\n"
        "  app_id: planned for staging, found production\n"
        "  owner: planned for staging, found ops\n"
        "  reindex: planned for false, found true\n",
    )
