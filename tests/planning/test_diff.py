"""What a comparison says, whole: changes, refusals, warnings, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest
from fake_platform import FakePlatform
from plan_cases import APP, KINDS, World, declare, people, with_, without

from reconciler.address import Address
from reconciler.call import Target
from reconciler.planning import diff, live
from reconciler.planning.options import Options, Policy
from reconciler.resource import NewVersion, ReuseVersion


def applied(data: dict[str, Any] | None = None) -> World:
    world = World()
    world.apply(data or people())
    return world


def compared(world: World, data: dict[str, Any], *, owner: str = APP, **options: Any) -> Any:
    """The difference between a manifest and the app as it is."""
    app = live.read_app(world.platform, KINDS, Target("me", APP))
    settled = live.settle(world.platform, KINDS, declare(data, app.scope), app)
    policy = Policy.of(owner, Options(**options))
    return diff.compare(settled.desired, settled.live, settled.choices, KINDS, policy)


def said(changes: Any) -> list[str]:
    return [f"{one.action} {one.address} ({one.change_class}): {one.reason}" for one in changes]


def extra(**more: Any) -> dict[str, Any]:
    """A manifest with a model that no workflow uses."""
    spare = {"model_type_id": "concept-synonym-mapper", "description": "spare", **more}
    return with_(people(), "models", spare=spare)


def test_nothing_differs() -> None:
    found = compared(applied(), people())
    assert (found.changes, found.unmanaged, found.prunable) == ((), (), ())
    assert (found.refusals, found.warnings, dict(found.strays)) == ((), (), {})
    addresses = list(map(str, found.unchanged))
    assert addresses == sorted(addresses)
    assert "app" in addresses
    assert "model.confident" in addresses
    assert len(addresses) == 11


def test_what_an_update_says_of_itself() -> None:
    found = compared(applied(), people(sure=0.9))
    assert said(found.changes) == [
        "update model.confident (routing): 1 field differs",
        "update model.doubtful (routing): 1 field differs",
        "update workflow.auto-annotation (routing): follows model.confident, model.doubtful",
    ]
    model = found.changes[0]
    assert model.version == NewVersion()
    assert (model.live is not None, model.desired is not None) == (True, True)
    assert model.rank == KINDS["model"].rank
    assert (model.mark.owner, model.mark.origin) == (APP, "created")
    assert Address("model", ("confident",)) not in found.unchanged
    assert Address("model", ("plausible",)) in found.unchanged


def test_what_a_create_says_of_itself() -> None:
    (made,) = compared(applied(), extra()).changes
    assert said([made]) == ["create model.spare (metadata): not in the live app"]
    assert (made.version, made.live, made.rank) == (NewVersion(), None, KINDS["model"].rank)
    assert {change.path for change in made.fields} == {("model_type_id",), ("description",)}
    assert all(change.before is None for change in made.fields)


CLASSIFIER = {"model_type_id": "embedding-classifier", "concepts": ["people", "adult"]}


def test_a_trainable_model_is_made_and_then_trained() -> None:
    made, trained = compared(applied(), with_(people(), "models", own=CLASSIFIER)).changes
    assert said([made, trained]) == [
        "create model.own (metadata): not in the live app",
        "train model.own (retraining): never trained",
    ]
    assert (made.version, trained.version) == (None, NewVersion())
    assert trained.rank == made.rank == KINDS["model"].rank
    assert trained.mark == made.mark
    assert (trained.live, trained.fields) == (None, ())


def test_a_model_that_is_never_to_be_trained_is_made_alone_and_cannot_be_pinned() -> None:
    data = with_(people(), "models", own={**CLASSIFIER, "train": "never"})
    assert said(compared(applied(), data).changes) == [
        "create model.own (metadata): not in the live app"
    ]
    world = applied(data)
    node = {"id": "n", "model": "own", "node_inputs": []}
    found = compared(world, with_(data, "workflows", other={"nodes": [node]}))
    assert found.refusals == (
        "workflow.other: model.own has no trained version that could be pinned, and its manifest "
        "says train: never; train it, or let apply do so",
    )
    assert found.changes == ()
    assert Address("workflow", ("other",)) not in found.unchanged


def test_another_type_under_a_taken_id_is_refused() -> None:
    other = extra(model_type_id="image-crop")
    found = compared(applied(extra()), other)
    assert found.refusals == (
        "model.spare: model_type_id is 'concept-synonym-mapper' and cannot become 'image-crop': "
        "give the new one another id, or delete the live one first",
    )
    assert found.changes == ()
    assert Address("model", ("spare",)) not in found.unchanged


def _owned_by_another(platform: FakePlatform, id_: str) -> None:
    platform.models[id_]["metadata"]["reconciler"]["owner"] = "somebody"


def test_what_belongs_to_another_is_refused_until_it_is_taken_over() -> None:
    world = applied(extra())
    _owned_by_another(world.platform, "spare")
    found = compared(world, extra(description="mine"))
    assert found.refusals == (
        f"model.spare: belongs to 'somebody', not to {APP!r}: take it out of this manifest, set "
        "app.owner to the owner that it has, or take it over with --take-over model.spare",
    )
    assert found.changes == ()
    taken = compared(world, extra(description="mine"), take_over=(Address("model", ("spare",)),))
    assert taken.refusals == ()
    (change,) = taken.changes
    assert [field.path for field in change.fields] == [
        ("description",),
        ("metadata", "reconciler", "owner"),
    ]
    assert change.mark.owner == APP


def test_what_the_manifest_does_not_name_stays_and_is_pruned_when_that_is_asked_for() -> None:
    world = applied(extra())
    spare = (Address("model", ("spare",)),)
    left = compared(world, people())
    assert (left.changes, left.unmanaged, left.prunable) == ((), spare, spare)
    gone = compared(world, people(), prune=True)
    assert said(gone.changes) == ["delete model.spare (routing): no longer in the manifest"]
    assert (gone.unmanaged, gone.prunable) == ((), spare)
    both = compared(world, people(sure=0.9), prune=True)
    assert [str(one.action) for one in both.changes] == ["update", "update", "delete", "update"]


def test_another_s_object_is_never_pruned() -> None:
    world = applied(extra())
    _owned_by_another(world.platform, "spare")
    found = compared(world, people(), prune=True)
    assert (found.changes, found.prunable) == ((), ())
    assert found.unmanaged == (Address("model", ("spare",)),)


def test_protection_outlives_the_text_that_asked_for_it() -> None:
    found = compared(applied(extra(prevent_destroy=True)), people(), prune=True)
    assert found.refusals == (
        "model.spare: prevent_destroy is set in the live app: put it back into the manifest with "
        "prevent_destroy: false, apply that, and take it out then",
    )
    assert (found.changes, found.prunable) == ((), ())
    assert found.unmanaged == (Address("model", ("spare",)),)


def test_two_refusals_stand_beside_one_another() -> None:
    """None of them hides another, whichever is found first."""
    many = {f"m{n:02}": {"model_type_id": "concept-synonym-mapper"} for n in range(20)}
    data = with_(extra(prevent_destroy=True), "models", **many)
    world = applied(data)
    _owned_by_another(world.platform, "confident")
    found = compared(world, people(sure=0.9), prune=True)
    assert [refusal.split(":")[0] for refusal in found.refusals] == [
        "--prune would delete 20 of 25 models that are this manifest's, which is more than 30 %",
        "model.confident",
        "model.spare",
    ]
    assert list(found.refusals) == sorted(found.refusals)


def test_what_something_that_stays_still_uses_is_not_pruned() -> None:
    world = applied(extra())
    node = {"id": "n", "model": {"id": "spare", "app_id": APP, "user_id": "alice"}}
    world.platform.workflows["theirs"] = {
        "id": "theirs", "app_id": APP, "user_id": "alice", "nodes": [node], "history": [],
    }  # fmt: skip
    found = compared(world, people(), prune=True)
    assert found.warnings == ("model.spare: not deleted, workflow.theirs still uses it",)
    assert found.changes == ()
    assert found.unmanaged == (Address("model", ("spare",)), Address("workflow", ("theirs",)))


def test_a_lookalike_and_a_blocked_delete_are_both_warned_of() -> None:
    world = applied(extra())
    node = {"id": "n", "model": {"id": "spare", "app_id": APP, "user_id": "alice"}}
    world.platform.workflows["theirs"] = {
        "id": "theirs", "app_id": APP, "user_id": "alice", "nodes": [node], "history": [],
    }  # fmt: skip
    renamed = without(people(), "models", "plausible")
    renamed["models"]["likely"] = people()["models"]["plausible"]
    renamed["workflows"]["auto-annotation"]["nodes"][5]["model"] = "likely"
    found = compared(world, renamed, prune=True)
    assert len(found.warnings) == 2
    assert "model.spare: not deleted, workflow.theirs still uses it" in found.warnings
    assert any("likely" in warning and "plausible" in warning for warning in found.warnings)


def test_a_version_that_held_it_before_is_used_again() -> None:
    world = applied()
    before = world.platform.workflows["auto-annotation"]["nodes"]
    (pinned,) = (n["model"]["model_version"]["id"] for n in before if n["id"] == "plausible")
    world.apply(people(floor=0.2))
    change = compared(world, people()).changes[0]
    assert str(change.address) == "model.plausible"
    assert change.version == ReuseVersion(pinned)


@pytest.mark.parametrize("prune", [False, True])
def test_a_relation_is_owned_by_the_mark_of_its_subject(prune: bool) -> None:
    found = compared(applied(), people(concept_relations=[]), prune=prune)
    relation = 'relation.people.synonym."clarifai/main/ai_l8TKp2h5"'
    assert list(map(str, found.prunable)) == [relation]
    assert said(found.changes) == (
        [f"delete {relation} (routing (at once)): no longer in the manifest"] if prune else []
    )
    made = compared(applied(people(concept_relations=[])), people()).changes
    assert [f"{one.action} {one.address}" for one in made] == [
        "update concept.people",
        f"create {relation}",
    ]
    assert made[0].mark.relations == (relation,)
