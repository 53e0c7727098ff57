"""What the command line says about a plan: training anew, trusting no digest, and how it is kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_cases import APP, World, people, with_, without

from reconciler.address import Address
from reconciler.errors import SettingsError
from reconciler.planning.change import Action, ChangeClass
from reconciler.planning.options import Options, Selection
from reconciler.resource import NewVersion, ReuseVersion

PATH_USER = Address("model", ("path-user",))
PRUNED = (
    "model.confident",
    "model.doubtful",
    "model.plausible",
    "model.write-success",
    "workflow.auto-annotation",
)


def classified() -> dict[str, Any]:
    """An app whose default workflow runs a classifier of its own."""
    classifier = {
        "model_type_id": "embedding-classifier",
        "concepts": ["people", "adult"],
        "base_embed_model": "clarifai/main/general-image-embedding@" + "b" * 32,
    }
    data = with_(people(), "models", **{"path-user": classifier})
    nodes = [
        {"id": "embed", "model": "clarifai/main/general-image-embedding@" + "b" * 32},
        {"id": "users", "model": "path-user", "node_inputs": ["embed"]},
    ]
    return with_(data, "workflows", users={"nodes": nodes})


def standing() -> World:
    world = World()
    world.apply(classified())
    return world


def test_retrain_posts_a_version_of_what_did_not_change_and_its_followers_pin_it() -> None:
    world = standing()
    assert world.plan(classified()).operations == ()
    made = world.plan(classified(), retrain=(PATH_USER,))
    keys = [str(operation.key) for operation in made.operations]
    assert keys == ["train model.path-user", "update workflow.users"]
    change = made.operations[0].change
    assert (change.version, change.reason, change.fields) == (
        NewVersion(),
        "asked for by --retrain",
        (),
    )
    before = len(world.platform.versions["path-user"])
    world.apply(classified(), retrain=(PATH_USER,))
    assert len(world.platform.versions["path-user"]) == before + 1
    assert world.plan(classified()).operations == (), "the new version is pinned, and it is enough"


def test_retrain_again_waits_for_the_version_that_is_still_in_training() -> None:
    world = standing()
    versions = world.platform.versions["path-user"]
    (trained,) = versions.values()
    pending = {**trained, "id": "f" * 32, "status": {"code": 21103}, "created_at": "2027"}
    versions["f" * 32] = pending
    world.platform.models["path-user"]["model_version"] = pending
    made = world.plan(classified(), retrain=(PATH_USER,))
    assert made.operations[0].change.action is Action.TRAIN
    assert made.operations[0].change.version == ReuseVersion("f" * 32, pending=True)


def test_a_trained_version_that_is_used_again_changes_what_inputs_meet() -> None:
    world = standing()
    changed = with_(
        classified(), "models", **{"path-user": {**_classifier(), "concepts": ["people"]}}
    )
    world.apply(changed)
    changes = [operation.change for operation in world.plan(classified()).operations]
    assert [(str(c.address), c.action, c.change_class) for c in changes] == [
        ("model.path-user", Action.UPDATE, ChangeClass.ROUTING),
        ("workflow.users", Action.UPDATE, ChangeClass.ROUTING),
    ]


def _classifier() -> dict[str, Any]:
    found: dict[str, Any] = classified()["models"]["path-user"]
    return found


@pytest.mark.parametrize("address", ["model.confident", "model.absent", "workflow.users", "app"])
def test_only_what_is_trained_can_be_trained_anew(address: str) -> None:
    with pytest.raises(SettingsError) as caught:
        standing().plan(classified(), retrain=(Address.parse(address),))
    assert caught.value.message == f"{address} is no model of this manifest that could be trained"


def test_refresh_full_reads_every_version_and_trusts_no_digest() -> None:
    world = standing()
    world.platform.reads = 0
    assert world.plan(classified()).operations == ()
    trusting, world.platform.reads = world.platform.reads, 0
    assert world.plan(classified(), refresh=True).operations == ()
    assert world.platform.reads > trusting


def test_refresh_full_sees_what_a_recorded_digest_hides() -> None:
    """Somebody changed a version and left its mark and its times alone."""
    world = standing()
    (version,) = world.platform.versions["confident"].values()
    version["output_info"]["data"]["concepts"][0]["value"] = 0.125
    assert world.plan(classified()).operations == ()
    made = world.plan(classified(), refresh=True)
    assert "update model.confident" in [str(operation.key) for operation in made.operations]


ADDRESSES = st.lists(
    st.builds(lambda id_: Address("model", (id_,)), st.text("ab-/é", min_size=1, max_size=4)),
    max_size=3,
).map(tuple)


@given(
    st.builds(
        Options,
        selection=st.builds(Selection, ADDRESSES, ADDRESSES),
        prune=st.booleans(),
        prune_limit=st.integers(0, 100),
        take_over=ADDRESSES,
        retrain=ADDRESSES,
        reindex=st.booleans(),
        allow_default_switch=st.booleans(),
        switch_limit=st.integers(0, 9999),
        refresh=st.booleans(),
        destroy=st.booleans(),
        delete_app=st.booleans(),
    )
)
def test_options_survive_a_plan_file(options: Options) -> None:
    assert Options.read(options.as_json()) == options


def replaced() -> dict[str, Any]:
    """``people`` with another default workflow: nobody uses what its first one used any more."""
    nodes = [{"id": "embed", "model": "clarifai/main/general-image-embedding@" + "b" * 32}]
    return people(
        app={"id": APP, "default_workflow": "plain"},
        models={"mapper": {"model_type_id": "concept-synonym-mapper"}},
        workflows={"plain": {"nodes": nodes}},
    )


@pytest.mark.parametrize(
    ("selection", "left_out"),
    [
        ({}, ()),
        ({"exclude": ["app.default_workflow"]}, ("app.default_workflow", *PRUNED)),
        ({"exclude": ["workflow.auto-annotation"]}, PRUNED),
        ({"target": ["workflow.auto-annotation"]}, ("app.default_workflow", "workflow.plain", *PRUNED)),
        ({"target": ["model.doubtful"]}, ("app.default_workflow", "workflow.plain", *PRUNED)),
    ],
    ids=["all", "the switch kept out", "its delete kept out", "its delete alone", "a model alone"],
)  # fmt: skip
def test_promise_2_nothing_goes_that_something_left_out_still_uses(
    selection: dict[str, list[str]], left_out: tuple[str, ...]
) -> None:
    world = World()
    world.apply(people())
    made = world.plan(replaced(), prune=True, **selection)
    assert sorted(map(str, made.left_out)) == sorted(left_out)
    gone = [str(op.change.address) for op in made.operations if op.change.action is Action.DELETE]
    assert sorted(gone) == ([] if left_out else sorted(PRUNED))


def test_promise_2_a_model_stays_while_the_update_that_drops_it_is_left_out() -> None:
    world = World()
    world.apply(people())
    fewer = without(people(), "models", "plausible")
    fewer["workflows"]["auto-annotation"]["nodes"].pop()
    made = world.plan(fewer, prune=True, exclude=["workflow.auto-annotation"])
    assert made.operations == ()
    assert list(map(str, made.left_out)) == ["model.plausible", "workflow.auto-annotation"]
