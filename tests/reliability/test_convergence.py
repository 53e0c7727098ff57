"""Promise 1 as laws: whatever a manifest says, one apply reaches it and the next plan is empty.

Made-up manifests over the in-memory platform, for volume; a share of them through the real command
line against the real sandbox, with its switches at random. ``LONG=1`` tries more.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from reliability.in_memory import KINDS, SWITCHES, Platform, Respelling, Tool, declared, held
from reliability.made_up import APP, GENERAL, Manifest, manifests, pairs
from reliability.tally import tried

from reconciler.address import Address, field_path
from reconciler.planning.drift import Cause

LONG = "LONG" in os.environ
FEW = settings(
    max_examples=400 if LONG else 20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
)


@FEW
@given(manifests(), st.sampled_from(SWITCHES))
def test_what_was_applied_plans_nothing(manifest: Manifest, switches: Any) -> None:
    tool = Tool(Platform(replace(switches)))
    tool.apply(manifest)
    assert tool.changes(manifest) == []
    assert tool.changes(manifest, refresh=True) == []
    assert tool.changes(manifest, prune=True) == []
    assert tool.drift(manifest).findings == ()
    tried("empty")


@FEW
@given(manifests(), st.sampled_from(SWITCHES), st.integers(0, 2**32), st.booleans())
def test_the_same_in_other_words_plans_nothing(
    manifest: Manifest, switches: Any, seed: int, marks: bool
) -> None:
    platform = Platform(replace(switches))
    Tool(platform).apply(manifest)
    respelt = Tool(Respelling(platform, seed, marks))
    assert respelt.changes(manifest) == []
    assert respelt.drift(manifest).findings == ()
    tried("respelt")


@FEW
@given(pairs(), st.sampled_from(SWITCHES))
def test_what_was_before_leaves_no_trace_in_what_is_declared(
    pair: tuple[Manifest, Manifest], switches: Any
) -> None:
    first, second = pair
    platform, alone = Platform(replace(switches)), Platform(replace(switches))
    tool = Tool(platform)
    tool.apply(first)
    before = {"models": set(platform.models), "workflows": set(platform.workflows)}
    tool.apply(second, prune=True)
    assert tool.changes(second, prune=True) == []
    Tool(alone).apply(second)
    default_of_before = {platform.apps[app]["default_workflow"]["id"] for app in platform.apps}
    assert held(platform, second) == held(alone, second)
    kept = set() if "default_workflow" in second["app"] else default_of_before
    pinned = {
        node["model"]["id"]
        for id_ in kept & set(platform.workflows)
        for node in platform.workflows[id_]["nodes"]
    }
    assert set(platform.workflows) - kept == set(alone.workflows) - kept, before
    assert set(platform.models) - pinned == set(alone.models) - pinned, before
    assert edges(platform) == edges(alone)
    tried("pair")


@FEW
@given(pairs(), st.sampled_from(SWITCHES))
def test_a_revert_runs_what_ran_before_and_mints_nothing(
    pair: tuple[Manifest, Manifest], switches: Any
) -> None:
    first, second = ({k: v for k, v in one.items() if k != "moved"} for one in pair)
    platform = Platform(replace(switches))
    tool = Tool(platform)
    tool.apply(first)
    ran, what = pins(platform, first), held(platform, first)
    tool.apply(second)
    followed = {model for model, _ in ran.values()}
    minted = {id_: len(platform.versions[id_]) for id_ in followed}
    tool.apply(first)
    assert held(platform, first) == what
    assert {id_: len(platform.versions[id_]) for id_ in followed} == minted
    for node, pin in pins(platform, first).items():
        if switches.keeps_version_metadata or says_as_much(first, second, pin[0]):
            assert pin == ran[node]
    tried("revert")


def pins(platform: Platform, manifest: Manifest) -> dict[tuple[str, str], tuple[str, str]]:
    """Model and version of each node that runs one of the app's own."""
    return {
        (id_, node["id"]): (node["model"]["id"], node["model"]["model_version"]["id"])
        for id_ in manifest.get("workflows", {})
        for node in platform.workflows[id_]["nodes"]
        if node["model"]["app_id"] == APP
    }


def says_as_much(first: Manifest, second: Manifest, model: str) -> bool:
    """Whether the first states all that the second does.

    What it leaves open is left as it is, where nothing tells that it was made from other words.
    """
    one, other = (declared(m).get(Address("model", (model,))) for m in (first, second))
    return other is None or stated(one) >= stated(other)


def stated(resource: Any) -> set[Any]:
    """What a configuration states, down to its parameters."""
    return {path[:2] for path, _ in KINDS["model"].parts(resource.configuration)}


@FEW
@given(pairs(), st.sampled_from([s for s in SWITCHES if s.keeps_version_metadata]))
def test_a_change_of_the_manifest_is_no_drift(
    pair: tuple[Manifest, Manifest], switches: Any
) -> None:
    first, second = pair
    tool = Tool(Platform(replace(switches)))
    tool.apply(first)
    found = tool.drift(second)
    assert found.findings == ()
    assert found.as_declared == ()
    tried("manifest")


@FEW
@given(manifests(), st.sampled_from(SWITCHES), st.data())
def test_a_change_from_outside_is_drift_of_exactly_that_field(
    manifest: Manifest, switches: Any, data: st.DataObject
) -> None:
    platform = Platform(replace(switches))
    tool = Tool(platform)
    tool.apply(manifest)
    places = list(changeable(platform, manifest))
    assume(places)
    address, path, held, name = data.draw(st.sampled_from(places))
    held[name] = not held.get(name, False) if name == "suppress_output" else "by hand"
    (finding,) = tool.drift(manifest).findings
    assert str(finding.address) == address
    assert finding.cause is Cause.CHANGED
    assert [field_path(field.path) for field in finding.fields] == [path]
    tool.apply(manifest)
    assert tool.drift(manifest).findings == ()
    tried("outside")


def changeable(platform: Platform, manifest: Manifest) -> Iterator[tuple[str, str, Any, str]]:
    """Declared fields by address and path, and where the platform holds them."""
    holders: dict[str, tuple[Any, Any]] = {"app": (manifest["app"], platform.apps[APP])}
    for section, kind, live in (
        ("concepts", "concept", platform.concepts),
        ("models", "model", platform.models),
        ("workflows", "workflow", platform.workflows),
    ):
        for id_, stated in manifest.get(section, {}).items():
            holders[str(Address(kind, (id_,)))] = stated or {}, live[id_]
    for address, (stated, held_) in holders.items():
        for name in ("description", "notes", "definition"):
            if stated.get(name):
                yield address, name, held_, name
        for node in held_.get("nodes", ()):
            yield (
                address,
                field_path(("nodes", node["id"], "suppress_output")),
                node,
                "suppress_output",
            )


EMPTY = "clarifai/main/Empty"
ONLY_DEFAULT = {
    "app": {"id": APP, "default_workflow": "main"},
    "concepts": {"cat": None},
    "models": {"map-1": {"model_type_id": "concept-synonym-mapper"}},
    "workflows": {
        "main": {
            "nodes": [
                {"id": "general", "model": GENERAL},
                {"id": "map", "model": "map-1", "node_inputs": ["general"]},
            ]
        }
    },
}


def test_a_switch_takes_nothing_back_that_the_same_apply_changes_in_the_app() -> None:
    tool = Tool(Platform())
    tool.apply({"app": {"id": APP, "default_workflow": EMPTY, "description": "old"}})
    after = {"app": {"id": APP, "default_workflow": "clarifai/main/General", "description": "new"}}
    tool.apply(after)
    assert tool.changes(after) == []


def test_prune_keeps_the_default_workflow_that_the_manifest_does_not_name() -> None:
    platform = Platform()
    tool = Tool(platform)
    tool.apply(ONLY_DEFAULT)
    without = {"app": {"id": APP}, "concepts": {"cat": None}}
    made = tool.apply(without, prune=True)
    assert made.warnings == (
        "model.map-1: not deleted, workflow.main still uses it",
        "workflow.main: not deleted, app.default_workflow still uses it",
    )
    assert (set(platform.workflows), set(platform.models)) == ({"main"}, {"map-1"})
    tool.apply({**without, "app": {"id": APP, "default_workflow": EMPTY}}, prune=True)
    assert (platform.workflows, platform.models) == ({}, {})


def edges(platform: Platform) -> Counter[Any]:
    """The relations of an app, without their ids."""
    return Counter(
        (
            edge["subject_concept"]["id"],
            edge["predicate"],
            edge["object_concept"]["id"],
            edge.get("knowledge_graph_id", ""),
        )
        if edge["predicate"] != "hyponym"
        else (
            edge["object_concept"]["id"],
            "hypernym",
            edge["subject_concept"]["id"],
            edge.get("knowledge_graph_id", ""),
        )
        for edge in platform.relations.values()
    )
