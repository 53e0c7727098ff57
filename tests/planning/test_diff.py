"""What a comparison says, whole: changes, refusals, warnings, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from fake_platform import FakePlatform
from hypothesis import example, given
from hypothesis import strategies as st
from plan_cases import APP, KINDS, World, declare, people, with_, without

from reconciler.address import Address
from reconciler.call import Target
from reconciler.planning import diff, live
from reconciler.planning.options import Options, Policy
from reconciler.resource import (
    NewVersion,
    Resource,
    ResourceGraph,
    ReuseVersion,
    is_blank,
    is_equal,
    same,
)


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


def test_what_decides_about_inputs_is_routing_from_its_creation_on() -> None:
    data = with_(people(), "models", sure=people()["models"]["confident"])
    data = with_(data, "workflows", other={"nodes": [{"id": "n", "model": "sure"}]})
    assert said(compared(applied(), data).changes) == [
        "create model.sure (routing): not in the live app",
        "create workflow.other (routing): not in the live app",
    ]


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
    assert tuple(map(str, found.refusals)) == (
        "workflow.other: model.own has no trained version that could be pinned, and its manifest "
        "says train: never; train it, or let apply do so",
    )
    assert found.changes == ()
    assert Address("workflow", ("other",)) not in found.unchanged


def test_another_type_under_a_taken_id_is_refused() -> None:
    other = extra(model_type_id="image-crop")
    found = compared(applied(extra()), other)
    assert tuple(map(str, found.refusals)) == (
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
    assert tuple(map(str, found.refusals)) == (
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


def test_the_app_itself_is_never_surplus() -> None:
    """A part of the manifest may leave it out; it stays, and is not called a stranger."""
    app = live.read_app(applied().platform, KINDS, Target("me", APP))
    found = diff.compare(
        ResourceGraph.of(()), app.graph, {}, KINDS, Policy.of(APP, Options(prune=True))
    )
    kinds = {address.kind for address in (*found.unmanaged, *found.prunable)}
    assert kinds == {"concept", "relation", "model", "workflow"}


def test_what_would_go_without_a_trace_is_told() -> None:
    """What nothing refers to, and says so nowhere else: to miss it, the app has to remember it."""
    traceless = ("model.spare", "model.write-pending", "workflow.auto-annotation")
    data = with_(extra(), "models", **{"write-pending": people()["models"]["write-success"]})
    data["app"] = {"id": APP}
    assert tuple(map(str, compared(applied(), data).traceless)) == traceless


def test_who_made_it_stays_as_it_was_recorded() -> None:
    world = applied(extra())
    world.platform.models["spare"]["metadata"]["reconciler"]["origin"] = "adopted"
    (change,) = compared(world, extra(description="other")).changes
    assert change.mark.origin == "adopted"
    del world.platform.models["spare"]["metadata"]["reconciler"]
    (change,) = compared(world, extra(description="other")).changes
    assert (change.mark.owner, change.mark.origin) == (APP, "adopted")


def test_protection_outlives_the_text_that_asked_for_it() -> None:
    found = compared(applied(extra(prevent_destroy=True)), people(), prune=True)
    assert tuple(map(str, found.refusals)) == (
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
    assert [str(refusal).split(":")[0] for refusal in found.refusals] == [
        "--prune would delete 20 of 25 models that are this manifest's, which is more than 30 %",
        "model.confident",
        "model.spare",
    ]
    assert list(found.refusals) == sorted(found.refusals)
    assert [str(refusal.about) for refusal in found.refusals] == [
        "None",
        "model.confident",
        "model.spare",
    ]


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


def test_what_the_manifest_itself_still_uses_by_its_full_name_is_not_pruned() -> None:
    """No longer declared, and yet a node of what is declared runs it."""
    world = applied()
    data = without(people(), "models", "plausible")
    data["workflows"]["auto-annotation"]["nodes"][5]["model"] = f"alice/{APP}/plausible"
    found = compared(world, data, prune=True)
    assert found.warnings == (
        "model.plausible: not deleted, workflow.auto-annotation still uses it",
    )
    assert (found.changes, found.prunable) == ((), ())
    assert found.unmanaged == (Address("model", ("plausible",)),)


def test_what_is_kept_keeps_what_it_uses_in_turn() -> None:
    second = with_(extra(), "workflows", second={"nodes": [{"id": "n", "model": "spare"}]})
    left = people(app={"id": APP})
    freed = compared(applied(second), left, prune=True)
    assert list(map(str, freed.prunable)) == ["model.spare", "workflow.second"]
    held = compared(
        applied({**second, "app": {"id": APP, "default_workflow": "second"}}), left, prune=True
    )
    assert held.warnings == (
        "model.spare: not deleted, workflow.second still uses it",
        "workflow.second: not deleted, app.default_workflow still uses it",
    )
    assert (held.changes, held.prunable) == ((), ())


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


# --- fields


def fields_of(world: World, data: dict[str, Any], address: str, **options: Any) -> Any:
    """What differs at one address, as plan files show it, and why it is there."""
    (change,) = (c for c in compared(world, data, **options).changes if str(c.address) == address)
    return [tuple(diff.shown(field).values()) for field in change.fields], change.reason


def test_texts_of_many_lines_are_compared_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Line by line, the 10 MB that a service may show for a note take half a gigabyte."""

    def refuse(*sides: object, **options: object) -> object:
        raise AssertionError("compared line by line")

    monkeypatch.setattr("difflib.unified_diff", refuse)
    first = "one\ntwo\n"
    world = applied(extra(notes=first, metadata={"told": {"at": first}}))
    second = "one\nthree\n"
    changed = extra(notes=second, metadata={"told": {"at": second}})
    fields, _ = fields_of(world, changed, "model.spare")
    assert fields == [("metadata.told.at", first, second), ("notes", first, second)]


def test_a_field_is_shown_by_its_path_with_both_sides() -> None:
    (change,) = compared(applied(), extra()).changes
    assert [diff.shown(field) for field in change.fields] == [
        {"path": "description", "before": None, "after": "spare"},
        {"path": "model_type_id", "before": None, "after": "concept-synonym-mapper"},
    ]


META = {"team": "a", "kept": {"x": 1, "y": [1, 2]}, "more": {"deep": {"z": True}}}


@pytest.mark.parametrize(
    ("wanted", "changed"),
    [
        ({"team": "b"}, [("metadata.team", "a", "b")]),
        ({"kept": {"x": 2}}, [("metadata.kept.x", 1, 2)]),
        ({"kept": {"y": [1, 3]}}, [("metadata.kept.y", [1, 2], [1, 3])]),
        ({"kept": "flat"}, [("metadata.kept", {"x": 1, "y": [1, 2]}, "flat")]),
        ({"team": {"lead": "b", "off": False, "none": ""}}, [
            ("metadata.team", "a", {"lead": "b", "off": False, "none": ""})]),
        ({"new": {"lead": "b", "on": True, "off": False, "none": ""}}, [
            ("metadata.new.lead", None, "b"), ("metadata.new.on", None, True)]),
        ({"team": "b", "more": {"deep": {"z": False}}}, [
            ("metadata.more.deep.z", True, False), ("metadata.team", "a", "b")]),
        ({"new": {"off": False, "none": ""}}, [("metadata.new.off", None, False)]),
        ({"new": {"deep": {"none": "", "off": False}, "none": {"none": ""}}}, [
            ("metadata.new.deep.off", None, False)]),
        ({"new": {"deep": {"off": False}, "on": True}}, [("metadata.new.on", None, True)]),
        ({"team": "a", "kept": {"x": 1}}, []),
        ({"kept": {"y": None, "x": 1}, "team": None}, [
            ("metadata.kept.y", [1, 2], None), ("metadata.team", "a", None)]),
    ],
)  # fmt: skip
def test_of_an_open_map_only_stated_keys_are_compared(wanted: Any, changed: Any) -> None:
    world = applied(extra(metadata=META))
    if not changed:
        assert compared(world, extra(metadata=wanted)).changes == ()
        return
    count = "1 field differs" if len(changed) == 1 else f"{len(changed)} fields differ"
    assert fields_of(world, extra(metadata=wanted), "model.spare") == (changed, count)


def test_an_open_map_that_holds_what_is_stated_is_not_shown_beside_a_change() -> None:
    world = applied(extra(metadata=META))
    wanted = extra(metadata={"team": "a"}, description="other")
    changed = ([("description", "spare", "other")], "1 field differs")
    assert fields_of(world, wanted, "model.spare") == changed


def test_a_new_map_of_nothing_but_false_is_written() -> None:
    world = applied(extra())
    data = extra(metadata={"flags": {"beta": False}})
    world.apply(data)
    assert world.platform.models["spare"]["metadata"]["flags"] == {"beta": False}
    assert compared(world, data).changes == ()


def _override(**override: Any) -> dict[str, Any]:
    data = people()
    data["workflows"]["auto-annotation"]["nodes"][2]["output_info_override"] = override
    return data


def test_a_closed_map_is_compared_whole() -> None:
    adult = {"data": {"concepts": [{"id": "adult", "value": 0.9}]}, "params": {"a": False, "b": 1}}
    path = "nodes.confident.output_info_override"
    added, _ = fields_of(applied(), _override(**adult), "workflow.auto-annotation")
    both = {"data": {"concepts": {"adult": 0.9}}, "params": {"a": False, "b": 1}}
    assert added == [(path, {}, both)]
    other = {**adult, "params": {"a": False, "b": 2}}
    changed, why = fields_of(
        applied(_override(**adult)), _override(**other), "workflow.auto-annotation"
    )
    assert (changed, why) == ([(f"{path}.params.b", 1, 2)], "1 field differs")


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        (
            {"a": 1, "b": 2, "c": 3},
            {"a": 2, "x": 1, "y": [1], "z": {"deep": "q"}},
            [("a", 1, 2), ("b", 2, None), ("c", 3, None), ("x", None, 1), ("y", None, [1]),
             ("z.deep", None, "q")],
        ),
        ({"a": 1, "b": 5}, {"a": "1", "b": 5}, [("a", 1, "1")]),
        ({"a": True}, {"a": "True"}, [("a", True, "True")]),
        ({"a": {"b": 1}, "c": 1}, {"a": 2, "c": 1}, [("a", {"b": 1}, 2)]),
        ({"a": [1, {"b": 1}], "c": 1}, {"a": [1, {"b": 2}], "c": 1},
         [("a", [1, {"b": 1}], [1, {"b": 2}])]),
    ],
    ids=["nearly all", "a number and its text", "a flag and its text", "a map and a number", "in a list"],
)  # fmt: skip
def test_of_a_closed_map_every_value_is_shown_by_itself(
    before: Any, after: Any, changed: Any
) -> None:
    world = applied(_override(params=before))
    path = "nodes.confident.output_info_override.params"
    found, _ = fields_of(world, _override(params=after), "workflow.auto-annotation")
    assert found == [(f"{path}.{name}", *sides) for name, *sides in changed]


scalars = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "1", "True", "x"])
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _bare(value: Any) -> Any:
    """Without the blanks, which the API takes for absent: in a closed map they are no reason to write."""
    if not isinstance(value, Mapping):
        return value
    bare = {name: _bare(item) for name, item in value.items()}
    return {name: item for name, item in bare.items() if not is_blank(item)}


@pytest.mark.parametrize("name", ["metadata", "nodes"], ids=["open", "closed"])
@given(want=values, have=values)
@example(want={"a": {"b": ""}}, have={"a": 1})
@example(want={"a": ""}, have={})
@example(want={"a": {"b": False}}, have={"a": {"c": None}})
@example(want=[{"a": 0}], have=[{"a": False}])
@example(want={"a": None, "b": {"c": 1}}, have={"a": {}, "b": ""})
def test_whatever_differs_is_shown_with_what_stands_there_on_both_sides(
    name: str, want: Any, have: Any
) -> None:
    address = Address("workflow", ("w",))
    desired, there = Resource(address, {name: want}), Resource(address, {name: have})
    graphs = ResourceGraph.of([desired]), ResourceGraph.of([there])
    changes = diff.compare(*graphs, {}, KINDS, Policy.of(APP, Options())).changes
    open_maps = KINDS["workflow"].open_maps
    if same(desired.fields, there.fields, open_maps):
        assert changes == ()
    if changes == ():
        assert same(_bare(desired.fields), _bare(there.fields), open_maps)
    for change in changes:
        assert change.fields
        for field in change.fields:
            assert field.path[0] == name
            stands = _at(there.fields, field.path)
            if name == "metadata" and isinstance(field.before, Mapping):
                assert field.before.items() <= stands.items()  # what is not stated is left out
            else:
                assert field.before == stands
            assert field.after == _at(desired.fields, field.path)
            assert not is_equal(field.after, field.before)


def test_a_pin_that_was_moved_by_hand_does_not_follow_another_change_of_the_model() -> None:
    data = people()
    nodes = data["workflows"]["auto-annotation"]["nodes"]
    nodes.append({"id": "confident-too", "model": "confident", "node_inputs": ["mapper"]})
    world = applied(data)
    right = _newest(world, "confident")["id"]
    world.platform._mint("confident", {"output_info": {"params": {"concept_threshold_type": 3}}})
    wrong = _newest(world, "confident")["id"]
    live_nodes = world.platform.workflows["auto-annotation"]["nodes"]
    (moved,) = (node for node in live_nodes if node["id"] == "confident-too")
    moved["model"]["model_version"]["id"] = wrong
    data["models"]["confident"]["description"] = "now described"
    assert said(compared(world, data).changes) == [
        "update model.confident (metadata): 1 field differs",
        "update workflow.auto-annotation (routing): 1 field differs",
    ]
    found = fields_of(world, data, "workflow.auto-annotation")
    assert found == ([("nodes.confident-too.model_version_id", wrong, right)], "1 field differs")


def test_a_node_that_goes_is_shown_by_what_it_held() -> None:
    data = people()
    data["workflows"]["auto-annotation"]["nodes"].pop()
    data = without(data, "models", "plausible")
    changed, why = fields_of(applied(), data, "workflow.auto-annotation")
    assert [(path, after) for path, _, after in changed] == [
        ("nodes.plausible.model", None),
        ("nodes.plausible.model_version_id", None),
        ("nodes.plausible.node_inputs", None),
    ]
    assert (changed[0][1], changed[2][1], why) == ("plausible", ["doubtful"], "3 fields differ")


def test_a_change_beside_a_followed_version_is_counted() -> None:
    data = people(sure=0.9)
    data["workflows"]["auto-annotation"]["description"] = "now described"
    changed, why = fields_of(applied(), data, "workflow.auto-annotation")
    assert [path for path, _, _ in changed] == [
        "description",
        "nodes.confident.model_version_id",
        "nodes.doubtful.model_version_id",
    ]
    assert why == "3 fields differ"


def test_another_default_is_a_switch() -> None:
    data = people(app={"id": APP, "default_workflow": "clarifai/main/Empty"})
    (change,) = compared(applied(), data).changes
    assert said([change]) == [
        "set_default app.default_workflow (reindex): another workflow is to run on new inputs"
    ]


def test_a_default_that_is_pinned_to_a_version_is_switched_with_its_workflow() -> None:
    world = applied()
    world.platform.apps[APP]["default_workflow"]["version"] = {"id": "v1"}
    assert compared(world, people()).changes == ()
    (switch,) = compared(world, people(sure=0.9)).changes[:1]
    assert said([switch]) == [
        "set_default app.default_workflow (reindex): "
        "the app pins a version of it that is not the newest, or will not be"
    ]
    assert [diff.shown(field) for field in switch.fields] == [
        {"path": "version", "before": "v1", "after": None}
    ]
    assert switch.rank == KINDS["app.default_workflow"].rank
    assert switch.mark.owner == APP


# --- training


def own(**more: Any) -> dict[str, Any]:
    """A manifest with a classifier that a workflow uses."""
    data = with_(people(), "models", own={**CLASSIFIER, **more})
    return with_(data, "workflows", other={"nodes": [{"id": "n", "model": "own"}]})


def test_a_changed_specification_is_trained() -> None:
    world = applied(own())
    found = compared(world, own(description="new", concepts=["people"]))
    train, update, *_ = found.changes
    assert said([update, train]) == [
        "update model.own (metadata): 1 field differs",
        "train model.own (retraining): its specification changed",
    ]
    assert (update.version, train.version) == (None, NewVersion())
    assert [field.path for field in update.fields] == [("description",)]
    assert [field.path for field in train.fields] == [("concepts",)]
    assert train.live is not None
    assert train.live.address == update.address == train.address
    assert train.desired == update.desired
    assert train.rank == KINDS["model"].rank
    assert train.mark == update.mark


def test_a_specification_that_is_not_to_be_trained_is_no_part_of_another_change() -> None:
    data = own(train="never", concepts=["people"], description="new")
    world = applied(own())
    (version,) = world.platform.versions["own"]
    found = compared(world, data)
    assert found.warnings == (
        f"model.own: version {version} holds another specification than the manifest states, "
        "and stays, since train is never; to train it: --retrain model.own",
    )
    changes = found.changes
    assert said(changes) == ["update model.own (metadata): 1 field differs"]
    assert [(field.path, field.after) for field in changes[0].fields] == [(("description",), "new")]
    assert changes[0].version is None


def test_words_that_are_taken_back_route_as_before_though_no_field_differs() -> None:
    before, after = people(), people()
    after["models"]["confident"]["filter_other_concepts"] = True
    world = applied(before)
    world.apply(after)
    model, workflow = compared(world, before).changes
    assert said([model, workflow])[0] == (
        f"update model.confident (routing): version {_oldest(world, 'confident')} holds this "
        "configuration already"
    )
    assert (model.fields, workflow.address.kind) == ((), "workflow")


def _oldest(world: World, model: str) -> str:
    return min(world.platform.versions[model].values(), key=lambda v: v["created_at"])["id"]


def test_training_that_is_asked_for_needs_no_difference() -> None:
    world = applied(own())
    address = Address("model", ("own",))
    app = live.read_app(world.platform, KINDS, Target("me", APP))
    declared = declare(own(), app.scope)
    settled = live.settle(world.platform, KINDS, declared, app, retrain=(address,))
    found = diff.compare(
        settled.desired, settled.live, settled.choices, KINDS, Policy.of(APP, Options())
    )
    assert said(found.changes) == [
        "train model.own (retraining): asked for by --retrain",
        "update workflow.other (routing): follows model.own",
    ]


def _newest(world: World, model: str) -> dict[str, Any]:
    return list(world.platform.versions[model].values())[-1]


def test_a_version_in_training_is_waited_for() -> None:
    world = applied(own())
    world.apply(own(concepts=["people"]))
    version = _newest(world, "own")
    version["status"]["code"] = 21101
    world.platform.workflows["other"]["nodes"][0]["model"]["model_version"]["id"] = next(
        iter(world.platform.versions["own"])
    )
    train = compared(world, own(concepts=["people"])).changes[0]
    assert train.version == ReuseVersion(version["id"], pending=True)
    assert train.reason == f"version {version['id']} is still in training"


def test_a_trained_version_is_used_again_without_training() -> None:
    world = applied(own())
    first = _newest(world, "own")["id"]
    world.apply(own(concepts=["people"]))
    found = compared(world, own())
    assert said(found.changes) == [
        f"update model.own (routing): version {first} holds this configuration already",
        "update workflow.other (routing): follows model.own",
    ]
    assert found.changes[0].version == ReuseVersion(first)


def test_strays_are_told() -> None:
    """Versions that somebody made in the portal, newer than what is pinned."""
    world = applied()
    pinned = _newest(world, "confident")
    world.platform.versions["confident"]["f" * 32] = {
        **pinned, "id": "f" * 32, "created_at": "2027-01-01T00:00:00Z",
        "modified_at": "2027-01-01T00:00:00Z",
    }  # fmt: skip
    found = compared(world, people())
    assert found.changes == ()
    assert dict(found.strays) == {Address("model", ("confident",)): ("f" * 32,)}
