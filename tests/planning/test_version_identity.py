"""Promises 1, 3 and 6 over a fake platform: crash anywhere, plan again, apply, end in one state.

The run is real: declare, read, settle, compare, order, carry out. Only the network is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from fake_platform import Crash, FakePlatform, Switches
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler import registry
from reconciler.address import Address
from reconciler.call import Target
from reconciler.errors import RefusedError
from reconciler.execution.delivery import Patience
from reconciler.execution.outcome import Outcome, Status
from reconciler.execution.run import Limits, run
from reconciler.planning import diff, live, plan, rename
from reconciler.planning.options import Policy, Selection
from reconciler.resource import ResourceGraph

# what it runs is covered by others, and tracing it would take half as long again
pytestmark = pytest.mark.no_cover

KINDS = registry.load()
TARGET = Target("me", "app")


def manifest(**thresholds: float) -> dict[str, Any]:
    """A classic app: one floor, a confident and a doubtful path, two writers."""
    sure = thresholds.get("sure", 0.9)
    concepts = {"adult": None, "man": None}

    def thresholder(comparator: str, value: float) -> dict[str, Any]:
        return {
            "model_type_id": "concept-threshold",
            "concept_threshold_type": comparator,
            "thresholds": dict.fromkeys(concepts, value),
        }

    def writer(status: str) -> dict[str, Any]:
        return {
            "model_type_id": "annotation-writer",
            "annotation_status": status,
            "annotation_user_id": "me",
        }

    node = [
        {"id": "general", "model": "clarifai/main/general-image-recognition@" + "a" * 32},
        {"id": "mapper", "model": "mapper", "node_inputs": ["general"]},
        {"id": "sure", "model": "sure", "node_inputs": ["mapper"]},
        {"id": "unsure", "model": "unsure", "node_inputs": ["mapper"]},
        {"id": "ok", "model": "ok", "node_inputs": ["sure"]},
        {"id": "ask", "model": "ask", "node_inputs": ["unsure"]},
    ]
    return {
        "app": {"id": "app", "default_workflow": "main"},
        "concepts": concepts,
        "concept_relations": [
            {"subject": "adult", "predicate": "synonym", "object": "clarifai/main/ai_VPmHr5bm"},
            {"subject": "man", "predicate": "synonym", "object": "clarifai/main/ai_dxSG2s86"},
        ],
        "models": {
            "mapper": {"model_type_id": "concept-synonym-mapper"},
            "sure": thresholder("GREATER_THAN_OR_EQUAL", sure),
            "unsure": thresholder("LESS_THAN", thresholds.get("unsure", sure)),
            "ok": writer("ANNOTATION_SUCCESS"),
            "ask": writer("ANNOTATION_PENDING"),
        },
        "workflows": {"main": {"nodes": node}},
    }


def declare(data: dict[str, Any], scope: Any) -> ResourceGraph:
    from pydantic import TypeAdapter

    sections = {
        kind.section: TypeAdapter(kind.section_type()).validate_python(data[kind.section])
        for kind in KINDS.values()
        if kind.section in data
    }
    return ResourceGraph.of(r for kind in KINDS.values() for r in kind.declare(sections, scope))


@dataclass(frozen=True)
class Tool:
    """One run of the tool, as the command line wires it."""

    platform: FakePlatform

    def plan(
        self, data: dict[str, Any], *, prune: bool = False, trusting: bool = True
    ) -> plan.Plan:
        app = live.read_app(self.platform, KINDS, TARGET, trusting=trusting)
        moves = [tuple(map(Address.parse, move)) for move in data.get("moved", ())]
        renamed = rename.rename(app.graph, moves)
        app = replace(app, graph=renamed.live, called=renamed.called)
        policy = Policy("app", prune=prune)
        wanted = declare(data, app.scope)
        settled = live.settle(self.platform, KINDS, wanted, app, trusting=trusting)
        difference = diff.compare(settled.desired, settled.live, settled.choices, KINDS, policy)
        renames = rename.changes(renamed, settled.desired, KINDS)
        return plan.build(
            "http://fake", app.target, settled, difference, owner="app", renames=renames
        )

    def apply(self, data: dict[str, Any], *, prune: bool = False) -> tuple[Outcome, ...]:
        made = self.plan(data, prune=prune)
        clock = [0.0]

        def sleep(seconds: float) -> None:
            clock[0] += seconds

        patience = Patience(
            read_back_timeout=8.0, interval=1.0, clock=lambda: clock[0], sleep=sleep
        )
        limits = Limits(parallelism=1, patience=patience)
        return run(made.operations, made.target, KINDS, self.platform, limits=limits)


def converge(platform: FakePlatform, data: dict[str, Any]) -> None:
    """What the user does after a crash: the same apply again.

    Once; and once more where the plan was made from a read of the past, and said so.
    """
    platform.switches = replace(
        platform.switches,
        crash_before=None,
        crash_after=None,
        lose_reply_of=frozenset(),
        lose_request=frozenset(),
    )
    outcomes = Tool(platform).apply(data)
    if any("moved since the plan" in str(outcome.error) for outcome in outcomes):
        assert platform.switches.stale_reads
        outcomes = Tool(platform).apply(data)
    assert [o for o in outcomes if o.status is not Status.DONE] == []
    platform._stale_left = 0
    assert [str(op.key) for op in Tool(platform).plan(data).operations] == []


def essence(platform: FakePlatform) -> Any:
    """The final state without ids and times: configurations, pins by configuration, marks."""

    def configuration(model: str, version: str) -> Any:
        stored = platform.versions[model][version]
        return {k: v for k, v in stored.items() if k.endswith("_info")}

    def pinned(model: Any) -> Any:
        known = platform.versions.get(model["id"])
        version = model["model_version"]["id"]
        return model["id"], configuration(model["id"], version) if known else version

    return (
        platform.concepts,
        sorted(str({k: v for k, v in r.items() if k != "id"}) for r in platform.relations.values()),
        {id_: [configuration(id_, v) for v in vs] for id_, vs in platform.versions.items()},
        {
            id_: sorted((n["id"], str(pinned(n["model"]))) for n in w["nodes"])
            for id_, w in platform.workflows.items()
        },
        platform.apps["app"]["default_workflow"],
    )


SERVERS = {
    "today": Switches(),
    "drops version metadata": Switches(keeps_version_metadata=False),
    "hides version metadata": Switches(lists_show_version_metadata=False),
    "lists models without versions": Switches(lists_show_versions=False),
    "first generation": Switches(post_model_makes_version=True),
    "stale reads": Switches(stale_reads=3),
}
switches = st.builds(
    Switches,
    keeps_version_metadata=st.booleans(),
    lists_show_version_metadata=st.booleans(),
    lists_show_versions=st.booleans(),
    stale_reads=st.integers(0, 6),
    post_model_makes_version=st.booleans(),
)


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS.keys())
def test_promise_1_converges_and_the_next_plan_is_empty(server: Switches) -> None:
    platform = FakePlatform(server)
    converge(platform, manifest())
    converge(platform, manifest(sure=0.7))
    assert len(platform.versions["sure"]) == (3 if server.post_model_makes_version else 2)


@settings(max_examples=100, deadline=None)
@given(
    server=switches,
    crash=st.integers(1, 14),
    after=st.booleans(),
    change=st.sampled_from([{"sure": 0.7}, {"sure": 0.9, "unsure": 0.8}]),
)
def test_promise_3_crash_anywhere_then_the_same_apply_ends_in_the_same_state(
    server: Switches, crash: int, after: bool, change: dict[str, float]
) -> None:
    undisturbed = FakePlatform(replace(server))
    for data in (manifest(), manifest(**change)):
        Tool(undisturbed).apply(data)
        undisturbed._stale_left = 0
    platform = FakePlatform(replace(server))
    for data in (manifest(), manifest(**change)):
        first = len(platform.writes)
        here = {"crash_after" if after else "crash_before": first + crash}
        platform.switches = replace(server, **here)
        try:
            Tool(platform).apply(data)
        except Crash:
            platform._stale_left = 0
        converge(platform, data)
    assert essence(platform) == essence(undisturbed)


@settings(max_examples=100, deadline=None)
@given(
    server=switches,
    replies=st.sets(st.integers(1, 16), max_size=4),
    requests=st.sets(st.integers(1, 16), max_size=2),
)
def test_promise_3_lost_replies_and_lost_requests_never_double_a_version(
    server: Switches, replies: set[int], requests: set[int]
) -> None:
    undisturbed = FakePlatform(replace(server))
    Tool(undisturbed).apply(manifest())
    platform = FakePlatform(
        replace(server, lose_reply_of=frozenset(replies), lose_request=frozenset(requests))
    )
    Tool(platform).apply(manifest())
    platform._stale_left = 0
    converge(platform, manifest())
    assert essence(platform) == essence(undisturbed)


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS.keys())
def test_promise_6_reverting_pins_the_version_that_ran_before(server: Switches) -> None:
    platform = FakePlatform(server)
    converge(platform, manifest())
    before = {n["id"]: n["model"] for n in platform.workflows["main"]["nodes"]}
    converge(platform, manifest(sure=0.7))
    minted = {model: len(versions) for model, versions in platform.versions.items()}
    converge(platform, manifest())
    assert {n["id"]: n["model"] for n in platform.workflows["main"]["nodes"]} == before
    assert {model: len(versions) for model, versions in platform.versions.items()} == minted


def test_a_stray_twin_is_reported_and_leaves_the_plan_empty() -> None:
    platform = FakePlatform()
    converge(platform, manifest())
    twin = dict(next(iter(platform.versions["sure"].values())))
    platform._mint("sure", {k: v for k, v in twin.items() if k.endswith("_info")})
    made = Tool(platform).plan(manifest())
    assert made.is_empty
    (stray,) = [id_ for id_ in platform.versions["sure"] if id_ != twin["id"]]
    assert made.strays == {Address("model", ("sure",)): (stray,)}


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS.keys())
def test_promise_3_an_older_twin_is_found_by_reading_everything(server: Switches) -> None:
    """A post whose tool died, and that shows only after another run has posted its like."""
    platform = FakePlatform(server)
    converge(platform, manifest())
    pinned = list(platform.versions["sure"].values())[-1]
    infos = {k: v for k, v in pinned.items() if k.endswith(("_info", "metadata"))}
    platform._mint("sure", infos)
    twin = list(platform.versions["sure"].values())[-1]
    twin["created_at"] = twin["modified_at"] = "2000-01-01T00:00:00Z"
    made = Tool(platform).plan(manifest(), trusting=False)
    assert made.is_empty
    assert made.strays[Address("model", ("sure",))] == (twin["id"],)


def test_a_pinned_version_changed_behind_our_back_is_seen() -> None:
    platform = FakePlatform()
    converge(platform, manifest())
    (version,) = platform.versions["sure"].values()
    version["output_info"]["data"]["concepts"][0]["value"] = 0.2
    version["modified_at"] = platform._now()
    assert [str(op.key) for op in Tool(platform).plan(manifest()).operations] == [
        "update model.sure",
        "update workflow.main",
    ]


def test_nodes_that_pin_different_versions_are_compared_each_on_its_own() -> None:
    platform = FakePlatform()
    converge(platform, manifest())
    data = manifest()
    nodes = data["workflows"]["main"]["nodes"]
    nodes.append({"id": "sure-too", "model": "sure", "node_inputs": ["mapper"]})
    converge(platform, data)
    good = next(iter(platform.versions["sure"]))
    platform._mint("sure", {"output_info": {"params": {"concept_threshold_type": 3}}})
    wrong = list(platform.versions["sure"])[-1]
    live_nodes = {n["id"]: n for n in platform.workflows["main"]["nodes"]}
    live_nodes["sure-too"]["model"]["model_version"]["id"] = wrong
    (operation,) = Tool(platform).plan(data).operations
    assert str(operation.key) == "update workflow.main"
    assert [(f.path, f.before, f.after) for f in operation.change.fields] == [
        (("nodes", "sure-too", "model_version_id"), wrong, good)
    ]


def test_prune_deletes_only_what_we_made_and_only_at_the_end() -> None:
    platform = FakePlatform()
    converge(platform, manifest())
    platform.models["theirs"] = {
        "id": "theirs",
        "model_type_id": "concept-threshold",
        "app_id": "app",
        "user_id": "alice",
    }
    platform.versions["theirs"] = {}
    data = manifest()
    data["workflows"]["main"]["nodes"] = [
        n for n in data["workflows"]["main"]["nodes"] if n["id"] not in ("unsure", "ask")
    ]
    del data["models"]["unsure"], data["models"]["ask"]
    outcomes = Tool(platform).apply(data, prune=True)
    assert [str(o.operation.key) for o in outcomes] == [
        "update workflow.main",
        "delete model.ask",
        "delete model.unsure",
    ]
    assert sorted(platform.models) == ["mapper", "ok", "sure", "theirs"]


def renamed(data: dict[str, Any]) -> dict[str, Any]:
    """The same app with ``sure`` called ``certain`` and ``main`` called ``primary``."""
    data["models"]["certain"] = data["models"].pop("sure")
    for node in data["workflows"]["main"]["nodes"]:
        node["model"] = {"sure": "certain"}.get(node["model"], node["model"])
    data["workflows"]["primary"] = data["workflows"].pop("main")
    data["app"]["default_workflow"] = "primary"
    moved = [("model.sure", "model.certain"), ("workflow.main", "workflow.primary")]
    return {**data, "moved": moved}


def test_a_rename_keeps_versions_and_pins_and_happens_once() -> None:
    platform = FakePlatform()
    converge(platform, manifest())
    versions = dict(platform.versions["sure"])
    keys = [str(op.key) for op in Tool(platform).plan(renamed(manifest())).operations]
    assert keys == ["rename model.certain", "rename workflow.primary"]
    converge(platform, renamed(manifest()))
    assert platform.versions["certain"] == versions
    assert "sure" not in platform.models
    pinned = {n["id"]: n["model"]["id"] for n in platform.workflows["primary"]["nodes"]}
    assert pinned["sure"] == "certain"


def test_a_rename_and_a_change_of_the_same_model_mint_one_version() -> None:
    platform = FakePlatform()
    converge(platform, manifest())
    converge(platform, renamed(manifest(sure=0.7)))
    assert len(platform.versions["certain"]) == 2


def test_a_rename_onto_a_taken_id_is_refused() -> None:
    platform = FakePlatform()
    converge(platform, manifest())
    platform.models["certain"] = {**platform.models["sure"], "id": "certain"}
    platform.versions["certain"] = {}
    with pytest.raises(RefusedError, match=r"model\.certain: model\.sure cannot be renamed"):
        Tool(platform).plan(renamed(manifest()))


def test_a_new_version_whose_followers_are_left_out_is_done_and_stays_done() -> None:
    platform = FakePlatform()
    converge(platform, manifest())
    data = manifest(sure=0.7)
    left_out = Selection(excludes=(Address("workflow", ("main",)),))

    def operations() -> list[str]:
        made = Tool(platform).plan(data)
        changes = [operation.change for operation in made.operations]
        kept, *_ = plan.select(changes, made.desired, left_out)
        return [str(change.address) for change in kept]

    assert operations() == ["model.sure", "model.unsure"]
    for model in ("sure", "unsure"):
        wanted = dict(list(platform.versions[model].values())[-1])
        concepts = [{"id": id_, "value": 0.7} for id_ in ("adult", "man")]
        info = {**wanted["output_info"], "data": {"concepts": concepts}}
        platform._mint(model, {"output_info": info})
    assert operations() == []
    assert len(Tool(platform).plan(data).operations) == 3
