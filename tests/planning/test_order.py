"""Promise 2, on paper: whatever an apply has done so far, routing is wholly old or wholly new.

A small world holds what the platform would (versioned models, workflows that pin versions, one
default workflow). Every set of operations that could be done at some moment is visited, which
covers each prefix of each concurrent run and what is left after each single failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.address import DEFAULT_WORKFLOW, Address
from reconciler.errors import CycleError
from reconciler.planning.change import Action, Change, ChangeClass, Key, Operation
from reconciler.planning.order import order
from reconciler.resource import NewVersion, Reference, Resource
from reconciler.routing.operators import Comparator
from reconciler.routing.scores import ConceptKey, Score
from reconciler.routing.workflow import Node, Source, Thresholder, Writer, Written, route

ADULT = ConceptKey("alice", "app", "adult")
RANKS = {"app": 0, "concept": 1, "relation": 2, "model": 3, "workflow": 4, DEFAULT_WORKFLOW: 5}
SUCCESS, PENDING = 24150, 24151

Config = tuple[str, float] | int | None
Graph = Mapping[str, tuple[str, tuple[str, ...]]]


@dataclass(frozen=True)
class App:
    """An app as a manifest says it: configurations, graphs, a default."""

    models: Mapping[str, Config]
    workflows: Mapping[str, Graph]
    default: str
    renamed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """The same app as the platform holds it: versions, pins."""

    versions: Mapping[str, tuple[Config, ...]]
    pins: Mapping[str, Mapping[str, tuple[str, int, tuple[str, ...]]]]
    default: str


def world_of(app: App) -> World:
    return World(
        versions={model: (config,) for model, config in app.models.items()},
        pins={
            workflow: {node: (model, 0, inputs) for node, (model, inputs) in graph.items()}
            for workflow, graph in app.workflows.items()
        },
        default=app.default,
    )


def routed(world: World) -> tuple[frozenset[Written], ...]:
    """What the default workflow writes for scores on and beside every threshold in use."""
    nodes = []
    for node, (model, version, inputs) in world.pins.get(world.default, {}).items():
        config = world.versions[model][version]
        match config:
            case None:
                operator: Source | Writer | Thresholder = Source()
            case int():
                operator = Writer(config, "alice")
            case (comparator, threshold):
                operator = Thresholder({ADULT: threshold}, Comparator[comparator])
        nodes.append(Node(node, operator, inputs))
    scores = [n / 20 for n in range(21)]
    return tuple(
        route(nodes, {n.id: [Score(ADULT, s)] for n in nodes if isinstance(n.operator, Source)})
        for s in scores
    )


def address(kind: str, *parts: str) -> Address:
    return Address(kind, parts)


def workflow_resource(name: str, graph: Graph) -> Resource:
    references = tuple(
        Reference(("nodes", node, "model_version_id"), address("model", model))
        for node, (model, _) in graph.items()
    )
    return Resource(address("workflow", name), {"nodes": str(graph)}, references=references)


def default_resource(name: str) -> Resource:
    references = () if name == "Empty" else (Reference(("workflow",), address("workflow", name)),)
    return Resource(Address(DEFAULT_WORKFLOW), {"workflow": name}, references=references)


def difference(before: App, after: App) -> list[Change]:
    """The changes from one app to the other, deletes included."""
    changes = []

    def add(
        where: Address,
        action: Action,
        desired: Resource | None,
        live: Resource | None,
        version: NewVersion | None = None,
        previous: Address | None = None,
    ) -> None:
        changes.append(
            Change(
                where,
                action,
                ChangeClass.ROUTING,
                "",
                RANKS[where.kind],
                desired,
                live,
                version=version,
                previous=previous,
            )
        )

    old = {before.renamed.get(name, name): config for name, config in before.models.items()}
    new_of_old = dict(after.renamed)
    for old_name, new_name in new_of_old.items():
        add(
            address("model", new_name),
            Action.RENAME,
            None,
            None,
            previous=address("model", old_name),
        )
        old[new_name] = old.pop(old_name)
    graphs = {
        workflow: {n: (new_of_old.get(m, m), i) for n, (m, i) in graph.items()}
        for workflow, graph in before.workflows.items()
    }
    changed = set()
    for model in sorted({*old, *after.models}):
        where = address("model", model)
        desired, live = Resource(where, {}), Resource(where, {})
        if model not in old:
            add(where, Action.CREATE, desired, None, NewVersion())
            changed.add(model)
        elif model not in after.models:
            add(where, Action.DELETE, None, live)
        elif old[model] != after.models[model]:
            add(where, Action.UPDATE, desired, live, NewVersion())
            changed.add(model)
    for workflow in sorted({*graphs, *after.workflows}):
        where = address("workflow", workflow)
        if workflow not in graphs:
            desired = workflow_resource(workflow, after.workflows[workflow])
            add(where, Action.CREATE, desired, None)
        elif workflow not in after.workflows:
            add(where, Action.DELETE, None, workflow_resource(workflow, graphs[workflow]))
        elif graphs[workflow] != after.workflows[workflow] or changed & {
            model for model, _ in after.workflows[workflow].values()
        }:
            add(
                where,
                Action.UPDATE,
                workflow_resource(workflow, after.workflows[workflow]),
                workflow_resource(workflow, graphs[workflow]),
            )
    if before.default != after.default:
        add(
            Address(DEFAULT_WORKFLOW),
            Action.SET_DEFAULT,
            default_resource(after.default),
            default_resource(before.default),
        )
    return changes


def carry_out(world: World, operation: Operation, after: App) -> World:
    """What one operation does to the world; what the platform would refuse fails the test."""
    change = operation.change
    name = change.address.id
    match change.action, change.address.kind:
        case Action.RENAME, _:
            assert change.previous is not None
            old = change.previous.id
            versions = {name if m == old else m: v for m, v in world.versions.items()}
            pins = {
                w: {n: (name if m == old else m, v, i) for n, (m, v, i) in nodes.items()}
                for w, nodes in world.pins.items()
            }
            return replace(world, versions=versions, pins=pins)
        case ((Action.CREATE | Action.UPDATE), "model"):
            versions = (*world.versions.get(name, ()), after.models[name])
            return replace(world, versions={**world.versions, name: versions})
        case ((Action.CREATE | Action.UPDATE), "workflow"):
            nodes = {
                node: (model, len(world.versions[model]) - 1, inputs)
                for node, (model, inputs) in after.workflows[name].items()
            }
            return replace(world, pins={**world.pins, name: nodes})
        case Action.SET_DEFAULT, _:
            assert after.default == "Empty" or after.default in world.pins
            return replace(world, default=after.default)
        case Action.DELETE, "model":
            users = [w for w, ns in world.pins.items() if any(m == name for m, _, _ in ns.values())]
            assert not users, f"{name} is still pinned by {users}"
            return replace(world, versions={m: v for m, v in world.versions.items() if m != name})
        case Action.DELETE, "workflow":
            assert world.default != name, "the live default workflow was deleted"
            return replace(world, pins={w: n for w, n in world.pins.items() if w != name})
    raise AssertionError(operation.key)


def reachable(operations: tuple[Operation, ...]) -> Iterator[frozenset[Key]]:
    """Every set of operations that may have been done at some moment of a concurrent run.

    Deletes wait for all else, as the executor makes them.
    """
    first = {op.key for op in operations if op.change.action is not Action.DELETE}
    seen = {frozenset[Key]()}
    queue = [frozenset[Key]()]
    while queue:
        done = queue.pop()
        yield done
        for op in operations:
            waits = set(op.requires) | (first if op.change.action is Action.DELETE else set())
            if op.key not in done and waits <= done and (more := done | {op.key}) not in seen:
                seen.add(more)
                queue.append(more)


CLASSIFY: Graph = {
    "scores": ("classifier", ()),
    "sure": ("confident", ("scores",)),
    "unsure": ("doubtful", ("scores",)),
    "ok": ("success", ("sure",)),
    "ask": ("pending", ("unsure",)),
}
DIRECT: Graph = {"scores": ("classifier", ()), "ok": ("success", ("scores",))}
MODELS: dict[str, Config] = {
    "classifier": None,
    "confident": ("GREATER_THAN_OR_EQUAL", 0.9),
    "doubtful": ("LESS_THAN", 0.9),
    "success": SUCCESS,
    "pending": PENDING,
}
MOVED = {**MODELS, "confident": ("GREATER_THAN_OR_EQUAL", 0.7), "doubtful": ("LESS_THAN", 0.7)}
RENAMED = {**{m: c for m, c in MODELS.items() if m != "confident"}, "sure": MODELS["confident"]}
SURE = {n: ("sure" if m == "confident" else m, i) for n, (m, i) in CLASSIFY.items()}
EMPTY = App({}, {}, "Empty")
TODAY = App(MODELS, {"main": CLASSIFY}, "main")

SCENARIOS = {
    "create all": (EMPTY, TODAY),
    "threshold in place": (TODAY, App(MOVED, {"main": CLASSIFY}, "main")),
    "graph": (TODAY, App(MODELS, {"main": DIRECT}, "main")),
    "graph and threshold": (
        TODAY,
        App(
            {**MOVED, "floor": ("GREATER_THAN", 0.2)},
            {"main": {**CLASSIFY, "floor": ("floor", ("unsure",)), "ask": ("pending", ("floor",))}},
            "main",
        ),
    ),
    "default swap": (
        App(MODELS, {"main": CLASSIFY, "next": DIRECT}, "main"),
        App(MODELS, {"main": CLASSIFY, "next": DIRECT}, "next"),
    ),
    "swap to a changed workflow": (
        App(MODELS, {"main": CLASSIFY, "next": DIRECT}, "main"),
        App(MOVED, {"main": CLASSIFY, "next": CLASSIFY}, "next"),
    ),
    "swap and change of the old default": (
        App(MODELS, {"main": CLASSIFY}, "main"),
        App(MOVED, {"main": DIRECT, "next": CLASSIFY}, "next"),
    ),
    "rename": (TODAY, App(RENAMED, {"main": SURE}, "main", renamed={"confident": "sure"})),
    "rename and threshold": (
        TODAY,
        App(
            {**RENAMED, "sure": ("GREATER_THAN", 0.6)},
            {"main": SURE},
            "main",
            renamed={"confident": "sure"},
        ),
    ),
    "prune": (
        App(
            {**MODELS, "spare": ("LESS_THAN", 0.1)},
            {"main": CLASSIFY, "old": {"scores": ("classifier", ()), "x": ("spare", ("scores",))}},
            "main",
        ),
        TODAY,
    ),
    "replace and prune": (
        TODAY,
        App(
            {"classifier": None, "tagger": PENDING},
            {"next": {"scores": ("classifier", ()), "tag": ("tagger", ("scores",))}},
            "next",
        ),
    ),
    "node leaves and its model is pruned": (
        TODAY,
        App({m: MODELS[m] for m in ("classifier", "success")}, {"main": DIRECT}, "main"),
    ),
    "destroy": (TODAY, EMPTY),
}


def plan(before: App, after: App) -> tuple[Operation, ...]:
    live = None if before.default == "Empty" else address("workflow", before.default)
    return order(difference(before, after), live_default=live)


@pytest.mark.parametrize(("before", "after"), SCENARIOS.values(), ids=SCENARIOS.keys())
def test_promise_2_atomic_cutover_at_every_moment_of_every_run(before: App, after: App) -> None:
    operations = plan(before, after)
    old, new = routed(world_of(before)), routed(world_of(after))
    moments = 0
    for done in reachable(operations):
        world = world_of(before)
        for operation in operations:
            if operation.key in done:
                world = carry_out(world, operation, after)
        assert routed(world) in (old, new), sorted(map(str, done))
        moments += 1
    assert moments > len(operations)
    final = world_of(before)
    for operation in operations:
        final = carry_out(final, operation, after)
    assert routed(final) == new
    assert set(final.pins) == set(after.workflows)
    assert set(final.versions) == set(after.models)


@pytest.mark.parametrize(("before", "after"), SCENARIOS.values(), ids=SCENARIOS.keys())
def test_after_any_single_failure_routing_is_whole_and_nothing_is_deleted(
    before: App, after: App
) -> None:
    operations = plan(before, after)
    old, new = routed(world_of(before)), routed(world_of(after))
    for broken in operations:
        lost = {broken.key}
        world = world_of(before)
        for operation in operations:
            deletes = operation.change.action is Action.DELETE
            if operation.key in lost or lost & set(operation.requires) or (deletes and lost):
                lost.add(operation.key)
            else:
                world = carry_out(world, operation, after)
        assert routed(world) in (old, new), broken.key
        if broken.change.action is not Action.DELETE:
            assert {op.key for op in operations if op.change.action is Action.DELETE} <= lost


def text(operations: tuple[Operation, ...]) -> list[str]:
    return [str(operation.key) for operation in operations]


def test_the_order_that_people_read() -> None:
    before, after = SCENARIOS["swap and change of the old default"]
    assert text(plan(before, after)) == [
        "update model.confident",
        "update model.doubtful",
        "create workflow.next",
        "set_default app.default_workflow",
        "update workflow.main",
    ]
    assert text(plan(*SCENARIOS["destroy"])) == [
        "set_default app.default_workflow",
        "delete workflow.main",
        "delete model.classifier",
        "delete model.confident",
        "delete model.doubtful",
        "delete model.pending",
        "delete model.success",
    ]


def test_a_relation_is_added_before_the_cutover_and_removed_after_it() -> None:
    subject = Reference((), address("concept", "adult"))
    added = address("relation", "adult", "synonym", "clarifai/main/ai_1")
    removed = address("relation", "adult", "synonym", "clarifai/main/ai_2")
    at_once = ChangeClass.ROUTING_AT_ONCE
    relations = [
        Change(
            removed,
            Action.DELETE,
            at_once,
            "",
            2,
            live=Resource(removed, {}, references=(subject,)),
        ),
        Change(
            added, Action.CREATE, at_once, "", 2, desired=Resource(added, {}, references=(subject,))
        ),
    ]
    changes = [*relations, *difference(*SCENARIOS["graph"])]
    operations = order(changes, live_default=address("workflow", "main"))
    assert text(operations) == [f"create {added}", "update workflow.main", f"delete {removed}"]
    assert Key(Action.CREATE, added) in operations[1].requires
    assert Key(Action.UPDATE, address("workflow", "main")) in operations[2].requires


@given(st.permutations(difference(*SCENARIOS["replace and prune"])))
def test_order_does_not_depend_on_the_order_of_changes(changes: list[Change]) -> None:
    live = address("workflow", "main")
    assert order(changes, live_default=live) == plan(*SCENARIOS["replace and prune"])


def test_a_circle_of_references_is_named_from_its_smallest_member() -> None:
    def change(name: str, uses: str) -> Change:
        where = address("model", name)
        resource = Resource(where, {}, references=(Reference((), address("model", uses)),))
        return Change(where, Action.CREATE, ChangeClass.ROUTING, "", 3, desired=resource)

    with pytest.raises(CycleError) as caught:
        order([change("c", "a"), change("b", "c"), change("a", "b")], live_default=None)
    assert caught.value.message == (
        "cycle: create model.a -> create model.b -> create model.c -> create model.a"
    )


# --- what stands before what, one rule at a time


def _resource(kind: str, id_: str, *uses: Address) -> Resource:
    references = tuple(Reference(("x",), used) for used in uses)
    return Resource(Address(kind, (id_,) if id_ else ()), {}, references=references)


def _change(action: Action, kind: str, id_: str = "", *uses: Address, **more: object) -> Change:
    resource = _resource(kind, id_, *uses)
    sides = {"live": resource} if action is Action.DELETE else {"desired": resource}
    return replace(
        Change(resource.address, action, ChangeClass.ROUTING, "", RANKS[kind], **sides), **more
    )


def _requires(changes: list[Change], live_default: Address | None = None) -> dict[str, list[str]]:
    return {
        str(operation.key): list(map(str, operation.requires))
        for operation in order(changes, live_default=live_default)
    }


def test_deletes_run_backwards_through_the_kinds() -> None:
    changes = [_change(Action.DELETE, kind, "a") for kind in ("model", "concept", "workflow")]
    assert text(order(changes, live_default=None)) == [
        "delete workflow.a",
        "delete model.a",
        "delete concept.a",
    ]


def test_all_else_runs_forwards_through_the_kinds() -> None:
    changes = [_change(Action.CREATE, kind, "a") for kind in ("workflow", "concept", "model")]
    assert text(order(changes, live_default=None)) == [
        "create concept.a",
        "create model.a",
        "create workflow.a",
    ]


def test_models_come_before_the_training_of_any() -> None:
    changes = [
        _change(Action.TRAIN, "model", "a"),
        _change(Action.CREATE, "model", "a"),
        _change(Action.CREATE, "model", "b"),
    ]
    assert text(order(changes, live_default=None)) == [
        "create model.a",
        "create model.b",
        "train model.a",
    ]


@pytest.mark.parametrize("switched", [False, True])
def test_the_cutover_is_marked_and_nothing_else(switched: bool) -> None:
    default = Address("workflow", ("w",))
    changes = [
        _change(Action.CREATE, "model", "m"),
        _change(Action.UPDATE, "workflow", "w", live=_resource("workflow", "w")),
        _change(Action.DELETE, "workflow", "old"),
        *([_change(Action.SET_DEFAULT, DEFAULT_WORKFLOW)] if switched else []),
    ]
    marked = [str(op.key) for op in order(changes, live_default=default) if op.cutover]
    assert marked == [f"set_default {DEFAULT_WORKFLOW}" if switched else "update workflow.w"]


def test_all_but_deletes_wait_for_an_app_that_is_made() -> None:
    found = _requires([_change(Action.CREATE, "app"), _change(Action.CREATE, "concept", "c")])
    assert found == {"create app": [], "create concept.c": ["create app"]}
    found = _requires([_change(Action.UPDATE, "app"), _change(Action.CREATE, "concept", "c")])
    assert found == {"update app": [], "create concept.c": []}


def test_a_switch_waits_for_an_update_of_the_app_and_nothing_else_does() -> None:
    found = _requires(
        [
            _change(Action.UPDATE, "app"),
            _change(Action.UPDATE, "model", "m", live=_resource("model", "m")),
            _change(Action.SET_DEFAULT, DEFAULT_WORKFLOW),
        ]
    )
    assert found == {
        "update app": [],
        "update model.m": [],
        f"set_default {DEFAULT_WORKFLOW}": ["update app"],
    }


def test_what_is_compared_before_its_write_waits_for_new_names() -> None:
    old = Address("model", ("old",))
    found = _requires(
        [
            _change(Action.RENAME, "model", "old"),
            _change(Action.UPDATE, "workflow", "w", live=_resource("workflow", "w", old)),
        ]
    )
    assert found["update workflow.w"] == ["rename model.old"]


def test_operations_at_one_address_run_one_after_the_other() -> None:
    live = _resource("model", "m")
    found = _requires(
        [
            _change(Action.TRAIN, "model", "m", live=live),
            _change(Action.UPDATE, "model", "m", live=live),
            _change(Action.RENAME, "model", "m", live=live),
        ]
    )
    assert found == {
        "rename model.m": [],
        "update model.m": ["rename model.m"],
        "train model.m": ["rename model.m", "update model.m"],
    }


def test_a_delete_waits_for_those_that_stop_using_it_and_no_others() -> None:
    used = Address("model", ("m",))
    user = _resource("workflow", "w", used)
    found = _requires(
        [
            _change(Action.UPDATE, "workflow", "w", live=user),
            _change(Action.RENAME, "workflow", "w", live=user),
            _change(Action.DELETE, "model", "m"),
        ]
    )
    assert found["delete model.m"] == ["update workflow.w"]
