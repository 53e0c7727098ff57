"""Right before a PATCH or DELETE the object is read again; what moved since the plan is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from plan_cases import APP, KINDS, World, people, with_, without

from reconciler.address import Address
from reconciler.execution.delivery import Patience
from reconciler.execution.outcome import Outcome, Status
from reconciler.execution.run import Limits, run
from reconciler.planning.plan import Plan

OTHER = {"owner": "somebody", "origin": "created"}


def standing() -> World:
    """An app with one surplus model and workflow of ours."""
    world = World()
    spare = {"model_type_id": "concept-synonym-mapper"}
    data = with_(people(), "models", spare=spare)
    world.apply(with_(data, "workflows", idle={"nodes": [{"id": "only", "model": "spare"}]}))
    return world


def smaller() -> dict[str, Any]:
    data = people(sure=0.9)
    data["concepts"] = {"people": {"name": "persons"}, "adult": {"name": "adult"}}
    return {**data, "app": {**data["app"], "description": "Labels people."}}


def carry_out(world: World, made: Plan) -> dict[str, Outcome]:
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    patience = Patience(read_back_timeout=2.0, clock=lambda: clock[0], sleep=sleep)
    limits = Limits(parallelism=1, patience=patience)
    outcomes = run(made.operations, made.target, KINDS, world.platform, limits=limits)
    return {str(outcome.operation.key): outcome for outcome in outcomes}


def _metadata(item: dict[str, Any], **more: Any) -> None:
    item["metadata"] = {**item.get("metadata", {}), **more}


MOVES: dict[str, tuple[Callable[[World], None], str, str]] = {
    "a concept's name": (
        lambda world: world.platform.concepts["people"].update(name="folk"),
        "update concept.people",
        'moved since the plan: name planned against "people", found "folk"',
    ),
    "the app's description": (
        lambda world: world.platform.apps[APP].update(description="Mine."),
        "update app",
        'moved since the plan: description planned against "", found "Mine."',
    ),
    "a workflow's node": (
        lambda world: world.platform.workflows["auto-annotation"]["nodes"][1].update(
            suppress_output=True
        ),
        "update workflow.auto-annotation",
        "moved since the plan: nodes.doubtful.suppress_output planned against false, found true",
    ),
    "whose a model is that is to be deleted": (
        lambda world: _metadata(world.platform.models["spare"], reconciler=OTHER),
        "delete model.spare",
        "moved since the plan: metadata.reconciler.owner planned against "
        '"people-auto-annotation", found "somebody"',
    ),
    "a workflow that is to be deleted": (
        lambda world: world.platform.workflows["idle"].update(description="Still needed."),
        "delete workflow.idle",
        'moved since the plan: description planned against "", found "Still needed."',
    ),
}


@pytest.mark.parametrize("case", MOVES)
def test_promise_4_what_moved_between_plan_and_write_is_refused_and_nothing_sent(case: str) -> None:
    move, key, message = MOVES[case]
    world = standing()
    made = world.plan(smaller(), prune=True)
    move(world)
    world.platform.writes.clear()
    outcomes = carry_out(world, made)
    assert outcomes[key].status is Status.FAILED
    assert outcomes[key].error is not None and outcomes[key].error.message == message
    assert not [call for call in world.platform.writes if key == _key(call.method, call.body)]


def _key(method: str, body: dict[str, Any]) -> str:
    """What a write of a single object does, as an operation's key."""
    if method == "POST":
        return "create"
    collection, items = next(iter(body.items()))
    if collection == "ids":
        return f"delete model.{items[0]}" if items == ["spare"] else f"delete workflow.{items[0]}"
    kind = collection.removesuffix("s")
    address = kind if kind == "app" else f"{kind}.{items[0]['id']}"
    is_switch = kind == "app" and "Labels people." not in str(items)
    return f"{'switch' if is_switch else 'update'} {address}"


def test_an_update_keeps_what_others_put_there_since_the_plan_where_nothing_is_compared() -> None:
    world = standing()
    made = world.plan(smaller())
    world.platform.concepts["people"]["image"] = {"url": "https://example.org/face.png"}
    outcomes = carry_out(world, made)
    assert outcomes["update concept.people"].status is Status.DONE
    assert world.platform.concepts["people"]["image"] == {"url": "https://example.org/face.png"}


def test_what_is_gone_needs_no_delete_and_cannot_be_updated() -> None:
    world = standing()
    made = world.plan(smaller(), prune=True)
    del world.platform.workflows["idle"]
    outcomes = carry_out(world, made)
    assert {outcome.status for outcome in outcomes.values()} == {Status.DONE}

    made = world.plan(people())
    del world.platform.concepts["people"]
    failed = carry_out(world, made)["update concept.people"]
    assert (failed.status, str(failed.error)) == (
        Status.FAILED,
        "gone since the plan\n  nothing was sent; plan again",
    )


def test_a_read_from_the_past_is_waited_out() -> None:
    """A rename and a change of one model: the read after the rename may still show the old name."""
    world = standing()
    world.platform.switches.stale_reads = 3
    made = world.plan(without(smaller(), "models", "spare"))
    outcomes = carry_out(world, made)
    assert {outcome.status for outcome in outcomes.values()} == {Status.DONE}
    world.platform._stale_left = 0
    assert world.plan(smaller()).operations == ()
    assert Address("model", ("confident",)) in world.plan(smaller()).live
