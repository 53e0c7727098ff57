"""Which version a plan pins, one rule at a time: what a model has, what follows it, what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.address import Address
from reconciler.planning.versions import (
    Choice,
    Followers,
    Question,
    choose,
    followers,
    resolved,
    with_versions,
)
from reconciler.resource import (
    NewVersion,
    Reference,
    Resource,
    ResourceGraph,
    ReuseVersion,
    Version,
    VersionStatus,
)
from reconciler.values import Unknown, version_digest

MODEL = Address("model", ("m",))
FLOW = Address("workflow", ("w",))
LATER = Unknown(MODEL, "version")
WANTED = {"comparator": "GREATER_THAN", "thresholds": {"people": 0.5}}
OTHER = {"comparator": "LESS_THAN", "thresholds": {"people": 0.5}}
THIRD = {"comparator": "LESS_THAN", "thresholds": {"people": 0.1}}
TRAINED, PENDING, FAILED = VersionStatus.TRAINED, VersionStatus.PENDING, VersionStatus.FAILED


def day(number: int) -> str:
    return f"2026-11-{number:02}T00:00:00Z"


def read(id_: str, born: int, holds: Mapping[str, Any], **more: Any) -> Version:
    """A version whose configuration was read."""
    return Version(id_, more.pop("status", TRAINED), day(born), configuration=holds, **more)


def listed(id_: str, born: int, holds: Mapping[str, Any] | None = None, **more: Any) -> Version:
    """A version as a list shows it: by the digest in its mark, or by nothing."""
    digest = version_digest(holds) if holds is not None else ""
    return Version(id_, more.pop("status", TRAINED), day(born), digest, recorded=digest, **more)


def unproven(id_: str, born: int, recorded: Mapping[str, Any], **more: Any) -> Version:
    """A version whose mark says something that is not trusted."""
    return Version(id_, TRAINED, day(born), recorded=version_digest(recorded), **more)


def place(node: str, workflow: Address = FLOW) -> tuple[Address, tuple[str, ...]]:
    return workflow, ("nodes", node, "model_version_id")


def pinning(*versions: str) -> Followers:
    """Nodes that follow the model, each at its version."""
    return Followers({place(f"n{index}"): id_ for index, id_ in enumerate(versions)})


def chosen(
    following: Followers | None,
    *versions: Version,
    complete: bool = True,
    train: str = "",
    wanted: Mapping[str, Any] = WANTED,
    **asked: Any,
) -> Choice | Question:
    """What comes of a model that has these versions, the newest first."""
    desired = Resource(MODEL, {}, wanted, options={"train": train} if train else {})
    live = Resource(MODEL, {}, versions=versions, all_versions=complete)
    return choose(desired, live, following, **{"open_maps": frozenset(), **asked})


def stays(id_: str, *right: str, strays: Sequence[str] = (), base: Any = WANTED) -> Choice:
    return Choice(None, id_, base, frozenset(right or (id_,)), tuple(strays))


def minted(base: Mapping[str, Any]) -> Choice:
    return Choice(NewVersion(), LATER, base)


def reused(id_: str, base: Mapping[str, Any], *, pending: bool = False) -> Choice:
    return Choice(ReuseVersion(id_, pending), id_, base)


# --- no version, or none that could be live


@pytest.mark.parametrize("retrain", [False, True])
def test_a_model_that_is_not_there_gets_a_version(retrain: bool) -> None:
    desired = Resource(MODEL, {}, WANTED)
    made = choose(desired, None, None, open_maps=frozenset(), retrain=retrain)
    assert made == Choice(NewVersion(), LATER, {}, frozenset(), ())


@pytest.mark.parametrize("following", [None, pinning()], ids=["alone", "followed"])
def test_a_model_without_versions_gets_one_once_none_is_certain(following: Any) -> None:
    assert chosen(following, complete=False) == Question(all_versions=True)
    assert chosen(following) == minted({})


def test_a_model_of_no_configuration_holds_what_its_version_holds() -> None:
    desired = Resource(MODEL, {})
    live = Resource(MODEL, {}, versions=(read("v1", 1, {}),), all_versions=True)
    assert choose(desired, live, None, open_maps=frozenset()) == stays("v1", base={})
    live = replace(live, versions=(listed("v1", 1, {}),))
    assert choose(desired, live, None, open_maps=frozenset()) == stays("v1", base={})
    live = replace(live, versions=(unproven("v1", 1, {}), listed("v0", 0, {})))
    following = pinning("v0")
    found = choose(desired, live, following, open_maps=frozenset(), thorough=True)
    assert found == stays("v0", base={}, strays=["v1"])


# --- nothing pins it: the newest trained version is the live one


def test_the_newest_trained_version_is_the_live_one() -> None:
    assert chosen(None, read("v2", 2, WANTED), read("v1", 1, OTHER)) == stays("v2")
    assert chosen(None, read("v2", 2, OTHER), read("v1", 1, WANTED)) == minted(OTHER)


def test_a_trusted_digest_is_as_good_as_the_configuration() -> None:
    assert chosen(None, listed("v1", 1, WANTED)) == stays("v1")


@pytest.mark.parametrize("version", [listed("v1", 1), listed("v1", 1, OTHER)])
def test_what_the_live_version_holds_is_read_where_it_is_not_the_wanted(version: Version) -> None:
    assert chosen(None, version) == Question(versions=("v1",))
    assert chosen(None, version, complete=False) == Question(versions=("v1",))


def test_a_newest_version_that_is_not_trained_asks_for_the_others() -> None:
    waiting, old = read("v2", 2, OTHER, status=PENDING), read("v1", 1, WANTED)
    assert chosen(None, waiting, complete=False) == Question(all_versions=True)
    assert chosen(None, waiting, old, complete=False) == Question(all_versions=True)
    assert chosen(None, waiting, old) == stays("v1")
    assert chosen(None, old, complete=False) == stays("v1")


def test_the_version_in_training_is_waited_for_if_it_holds_what_is_wanted() -> None:
    old = read("v1", 1, OTHER)
    waiting = listed("v2", 2, WANTED, status=PENDING)
    assert chosen(None, waiting, old) == reused("v2", OTHER, pending=True)
    assert chosen(None, waiting) == reused("v2", {}, pending=True)
    assert chosen(None, read("v2", 2, THIRD, status=PENDING), old) == minted(OTHER)
    unread = listed("v2", 2, status=PENDING)
    assert chosen(None, unread, old) == Question(versions=("v2",))
    otherwise = listed("v2", 2, THIRD, status=PENDING)
    assert chosen(None, otherwise, old) == minted(OTHER)


def test_an_older_version_in_training_cannot_become_the_live_one() -> None:
    old = read("v1", 1, WANTED, status=PENDING)
    assert chosen(None, read("v2", 2, OTHER), old) == minted(OTHER)
    failed = read("v3", 3, WANTED, status=FAILED)
    assert chosen(None, failed, old) == reused("v1", {}, pending=True)


# --- nodes pin it


def test_what_the_followers_pin_is_the_live_configuration() -> None:
    versions = read("v2", 2, OTHER), read("v1", 1, WANTED)
    assert chosen(pinning("v1"), *versions) == stays("v1", strays=["v2"])
    assert chosen(pinning("v2"), *versions) == reused("v1", OTHER)


def test_a_pinned_version_that_is_not_known_is_read() -> None:
    known = read("v1", 1, WANTED)
    assert chosen(pinning("gone"), known) == Question(versions=("gone",))
    asked = chosen(pinning("v1", "b", "v3", "b", "a"), listed("v3", 3, OTHER), known)
    assert asked == Question(versions=("b", "v3", "a"))


def test_of_pinned_versions_that_hold_it_the_oldest_is_pinned_by_new_followers() -> None:
    versions = read("v3", 3, WANTED), listed("v2", 2, WANTED), read("v1", 1, OTHER)
    assert chosen(pinning("v3", "v2"), *versions) == stays("v2", "v2", "v3")
    assert chosen(pinning("v3", "v2", "v1"), *versions) == stays("v2", "v2", "v3")
    assert chosen(pinning("v1", "v3"), *versions) == stays("v3")


def test_the_first_pin_is_what_a_change_is_shown_against() -> None:
    versions = read("v2", 2, OTHER), read("v1", 1, THIRD)
    assert chosen(pinning("v1", "v2"), *versions) == minted(THIRD)
    assert chosen(pinning("v2", "v1"), *versions) == minted(OTHER)


def test_keys_of_an_open_map_that_are_not_stated_are_no_change() -> None:
    wanted = {"params": {"a": 1}}
    live = read("v1", 1, {"params": {"a": 1, "b": 2}})
    assert chosen(None, live, wanted=wanted) == minted(live.configuration or {})
    found = chosen(None, live, wanted=wanted, open_maps=frozenset({"params"}))
    assert found == stays("v1", base=live.configuration)


# --- a wanted configuration that some version holds already


def test_an_earlier_version_is_used_again_only_once_all_are_known() -> None:
    now = read("v2", 2, OTHER)
    assert chosen(pinning("v2"), now, complete=False) == Question(all_versions=True)
    assert chosen(pinning("v2"), now, listed("v1", 1, WANTED)) == reused("v1", OTHER)


def test_of_earlier_versions_those_are_read_of_which_nothing_is_known() -> None:
    now = read("v5", 5, OTHER)
    others = listed("v4", 4), listed("v3", 3, THIRD), listed("v2", 2, WANTED), unproven("v1", 1, {})
    assert chosen(pinning("v5"), now, *others) == Question(versions=("v4", "v1"))


def test_a_failed_version_is_neither_read_nor_used() -> None:
    failed = listed("v1", 1, status=FAILED), read("v0", 0, WANTED, status=FAILED)
    assert chosen(pinning("v2"), read("v2", 2, OTHER), *failed) == minted(OTHER)


def test_of_versions_in_training_the_oldest_is_waited_for() -> None:
    now = read("v3", 3, OTHER)
    twins = read("v2", 2, WANTED, status=PENDING), read("v1", 1, WANTED, status=PENDING)
    assert chosen(pinning("v3"), now, *twins) == reused("v1", OTHER, pending=True)


def test_a_trained_version_is_better_than_one_in_training() -> None:
    now, waiting = read("v3", 3, OTHER), read("v1", 1, WANTED, status=PENDING)
    assert chosen(pinning("v3"), now, read("v2", 2, WANTED), waiting) == reused("v2", OTHER)


@pytest.mark.parametrize(
    ("history", "id_"),
    [
        ((), "v1"),
        (("v2",), "v2"),
        (("v3", "v2"), "v3"),
        (("v2", "v3"), "v2"),
        (("v9", "v3"), "v3"),
        (("v4", "v9"), "v1"),
    ],
)
def test_of_equal_versions_the_one_that_ran_last_is_used_again(
    history: tuple[str, ...], id_: str
) -> None:
    versions = [read("v4", 4, OTHER), *(read(f"v{n}", n, WANTED) for n in (3, 2, 1))]
    assert chosen(pinning("v4"), *versions) == Question(history=True)
    assert chosen(pinning("v4"), *versions, history=history) == reused(id_, OTHER)


def test_history_is_asked_for_once_there_are_two_that_could_be_used_again() -> None:
    now, *equal = read("v4", 4, OTHER), read("v2", 2, WANTED), read("v1", 1, WANTED)
    waiting = read("v3", 3, WANTED, status=PENDING)
    assert chosen(pinning("v4"), now, *equal) == Question(history=True)
    assert chosen(pinning("v4"), now, waiting, equal[0]) == reused("v2", OTHER)


def test_of_versions_of_one_moment_the_lower_id_is_taken() -> None:
    versions = [read("c", 4, OTHER), read("b", 1, WANTED), read("a", 1, WANTED)]
    assert chosen(pinning("c"), *versions, history=()) == reused("a", OTHER)


# --- train


@pytest.mark.parametrize("following", [None, pinning("v1")], ids=["alone", "followed"])
def test_what_is_never_to_be_trained_stays_as_it_is(following: Any) -> None:
    kept = replace(stays("v1", base=OTHER), kept=True)
    assert chosen(following, read("v1", 1, OTHER), train="never") == kept
    assert chosen(following, read("v1", 1, OTHER), train="when-untrained") == kept
    assert chosen(following, read("v1", 1, WANTED), train="never") == stays("v1")
    assert chosen(following, read("v1", 1, OTHER), train="when-changed") == minted(OTHER)


def test_what_is_never_to_be_trained_and_has_no_version_has_none_to_pin() -> None:
    assert chosen(None, train="never") == Choice(None, None, {})
    assert chosen(pinning(), train="never") == Choice(None, None, {})


def test_of_pins_that_stay_as_they_are_one_that_holds_it_comes_first() -> None:
    versions = read("v2", 2, WANTED), read("v1", 1, OTHER)
    assert chosen(pinning("v1", "v2"), *versions, train="never") == stays("v2")


@pytest.mark.parametrize(
    ("versions", "found"),
    [
        ((), minted({})),
        ((read("v1", 1, WANTED),), minted(WANTED)),
        ((listed("v1", 1, WANTED),), minted(WANTED)),
        ((read("v1", 1, OTHER),), minted(OTHER)),
        ((read("v1", 1, OTHER, status=FAILED),), minted({})),
        (
            (listed("v2", 2, status=PENDING), read("v1", 1, OTHER)),
            reused("v2", OTHER, pending=True),
        ),
        ((read("v2", 2, OTHER), listed("v1", 1, status=PENDING)), minted(OTHER)),
    ],
    ids=["none", "equal", "equal digest", "other", "failed", "in training", "older in training"],
)
def test_retraining_takes_only_what_is_in_training_for_an_answer(
    versions: tuple[Version, ...], found: Choice
) -> None:
    assert chosen(None, *versions, retrain=True) == found


# --- strays


def test_versions_that_are_newer_than_the_pinned_one_are_strays() -> None:
    newer = listed("v5", 5), listed("v4", 4, OTHER)
    pinned, older = read("v3", 3, WANTED), listed("v2", 2, WANTED)
    assert chosen(pinning("v3"), *newer, pinned, older) == stays("v3", strays=["v5", "v4"])


def test_where_nothing_pins_a_version_none_is_a_stray() -> None:
    waiting, old = listed("v2", 2, status=PENDING), read("v1", 1, WANTED)
    assert chosen(None, waiting, old) == stays("v1")
    assert chosen(pinning(), waiting, old) == stays("v1")
    assert chosen(None, waiting, old, read("v0", 0, WANTED), thorough=True) == stays("v1")


def test_what_another_node_pins_is_no_stray() -> None:
    versions = read("v3", 3, OTHER), read("v2", 2, THIRD), read("v1", 1, WANTED)
    assert chosen(pinning("v1", "v3"), *versions) == stays("v1", strays=["v2"])


def test_a_twin_has_the_number_and_the_content_of_the_version_that_was_posted_again() -> None:
    pinned = read("v6", 6, WANTED, number=3)
    older = [
        read("v5", 5, WANTED, number=3),
        listed("v4", 4, WANTED, number=3),
        read("v3", 3, OTHER, number=3),
        listed("v2", 2, WANTED, number=2),
        read("v1", 1, WANTED),
    ]
    assert chosen(pinning("v6"), pinned, *older) == stays("v6", strays=["v5", "v4"])
    thorough = chosen(pinning("v6"), pinned, *older, thorough=True)
    assert thorough == stays("v6", strays=["v5", "v4", "v1"])


def test_a_twin_whose_mark_is_not_trusted_is_a_twin() -> None:
    pinned = read("v2", 2, WANTED, number=1)
    assert chosen(pinning("v2"), pinned, unproven("v1", 1, WANTED, number=1)) == stays(
        "v2", strays=["v1"]
    )


def test_a_twin_of_what_nothing_pins_was_posted_all_the_same() -> None:
    versions = read("v2", 2, WANTED, number=1), read("v1", 1, WANTED, number=1)
    assert chosen(None, *versions) == stays("v2", strays=["v1"])


@pytest.mark.parametrize("newest", ["v2", "v3"], ids=["pinned", "not pinned"])
def test_all_versions_are_looked_at_where_there_are_more_than_there_should_be(newest: str) -> None:
    pinned = read("v2", 2, WANTED, unaccounted=newest == "v2")
    newer = [listed("v3", 3, unaccounted=True)] if newest == "v3" else []
    found = chosen(pinning("v2"), *newer, pinned, complete=False)
    assert found == Question(all_versions=True)


def test_a_version_that_was_read_is_still_one_too_few() -> None:
    model = Resource(MODEL, {}, versions=(listed("v2", 2, unaccounted=True),))
    (newest,) = with_versions(model, [read("v2", 2, WANTED)]).versions
    assert (newest.configuration, newest.unaccounted) == (WANTED, True)


def test_where_the_count_is_right_nothing_is_looked_at() -> None:
    versions = read("v2", 2, WANTED), read("v1", 1, WANTED)
    assert chosen(pinning("v2"), *versions) == stays("v2")
    assert chosen(pinning("v2"), *versions, complete=False) == stays("v2")


def test_a_thorough_look_finds_the_twins_of_any_version() -> None:
    versions = [read("v3", 3, WANTED), read("v2", 2, WANTED), read("v1", 1, OTHER)]
    found = chosen(pinning("v3"), *versions, thorough=True)
    assert found == stays("v3", strays=["v2"])
    asked = chosen(pinning("v3"), *versions, complete=False, thorough=True)
    assert asked == Question(all_versions=True)


def test_a_thorough_look_reads_what_is_recorded_nowhere() -> None:
    """Of older, unpinned versions alone: others are strays or right, whatever they hold."""
    newer, pinned = listed("v7", 7), read("v6", 6, WANTED)
    older = [
        listed("v5", 5),
        unproven("v4", 4, OTHER),
        read("v3", 3, OTHER),
        listed("v2", 2, OTHER),
        listed("v1", 1),
    ]
    found = chosen(pinning("v6"), newer, pinned, *older, thorough=True)
    assert found == Question(versions=("v5", "v1"))
    assert chosen(pinning("v6"), newer, pinned, *older) == stays("v6", strays=["v7"])


def test_a_thorough_look_does_not_read_a_pinned_version_twice() -> None:
    both = listed("v2", 2, WANTED), Version("v1", TRAINED, day(1), version_digest(WANTED))
    found = chosen(pinning("v2", "v1"), *both, thorough=True)
    assert found == stays("v1", "v1", "v2")
    kept = chosen(pinning("v2"), read("v2", 2, WANTED), *both[1:], thorough=True)
    assert kept == Question(versions=("v1",))


# --- pins filled in


def node(version: Any, model: str = "m") -> dict[str, Any]:
    return {"model": model, "model_version_id": version}


def flow(nodes: Mapping[str, Any], address: Address = FLOW, pinned: str = "") -> Resource:
    """A workflow whose nodes name models; ``@version`` pins one by hand."""
    references = []
    for id_, model in nodes.items():
        name, _, version = model.partition("@")
        path = ("nodes", id_, "model_version_id")
        references.append(Reference(path, Address("model", (name,)), version or pinned, pins=True))
    fields = {"nodes": {id_: node(r.version) for id_, r in zip(nodes, references, strict=True)}}
    return Resource(address, fields, references=tuple(references))


def pins(resource: Resource) -> dict[str, Any]:
    return {id_: one["model_version_id"] for id_, one in resource.fields["nodes"].items()}


def test_followers_are_the_nodes_that_leave_the_version_to_the_manifest() -> None:
    other = Address("workflow", ("x",))
    desired = ResourceGraph.of(
        [flow({"a": "m", "b": "m@v9", "c": "n", "d": "m"}), flow({"a": "m"}, other)]
    )
    live = ResourceGraph.of([flow({"a": "m@v1", "b": "m@v2", "c": "m@v3", "d": "m@v4"})])
    assert followers(desired, live) == {
        MODEL: Followers({place("a"): "v1", place("d"): "v4"}),
        Address("model", ("n",)): Followers({}),
    }


def test_what_is_used_without_a_pin_has_no_followers() -> None:
    plain = Reference(("object",), MODEL)
    edge = Resource(FLOW, {}, references=(plain,))
    assert followers(ResourceGraph.of([edge]), ResourceGraph.of([edge])) == {}
    desired, live = flow({"a": "m"}), flow({"a": "m@v1"})
    live = replace(live, references=tuple(replace(r, pins=False) for r in live.references))
    found = followers(ResourceGraph.of([desired]), ResourceGraph.of([live]))
    assert found == {MODEL: Followers({})}


def test_a_node_that_follows_gets_the_version_that_was_chosen() -> None:
    desired = flow({"a": "m", "b": "m@v9", "c": "n"})
    assert pins(resolved(desired, None, {MODEL: stays("v1")})) == {"a": "v1", "b": "v9", "c": ""}
    assert pins(resolved(desired, None, {MODEL: minted({})})) == {"a": LATER, "b": "v9", "c": ""}
    nothing = {MODEL: Choice(None, None)}
    assert pins(resolved(desired, None, nothing)) == {"a": "", "b": "v9", "c": ""}
    assert resolved(desired, None, {}) is desired


def test_a_node_keeps_its_own_version_where_that_is_right_too() -> None:
    desired = flow({"a": "m", "b": "m", "c": "m", "d": "m"})
    live = flow({"a": "m@v2", "b": "m@v3", "c": "n@v2"})
    choices = {MODEL: stays("v1", "v1", "v2")}
    assert pins(resolved(desired, live, choices)) == {"a": "v2", "b": "v1", "c": "v1", "d": "v1"}


def test_what_is_used_without_a_pin_gets_none() -> None:
    edge = Resource(FLOW, {"object": "m"}, references=(Reference(("object",), MODEL),))
    assert resolved(edge, None, {MODEL: stays("v1")}) is edge


# --- what a model knows of its versions


def test_versions_are_kept_newest_first() -> None:
    model = Resource(MODEL, {}, versions=(listed("b", 2),))
    found = with_versions(model, [listed("d", 4), listed("a", 1), listed("c", 2)])
    assert [version.id for version in found.versions] == ["d", "c", "b", "a"]


def timeless(id_: str, **more: Any) -> Version:
    """A version of a list that does not say when it was made."""
    return replace(listed(id_, 1, **more), created_at="")


def test_where_lists_have_no_times_their_order_says_what_is_newer() -> None:
    model = Resource(MODEL, {}, versions=(timeless("a"),))
    older = with_versions(model, [read("z", 1, WANTED)])
    assert [version.id for version in older.versions] == ["a", "z"]
    assert chosen(pinning("z"), *older.versions, complete=False) == stays("z", strays=["a"])
    shown = [timeless(id_) for id_ in "cazb"]
    whole = with_versions(older, shown, complete=True)
    assert [version.id for version in whole.versions] == ["c", "a", "z", "b"]
    assert chosen(pinning("z"), *whole.versions) == stays("z", strays=["c", "a"])


def test_a_version_that_is_gone_does_not_hide_when_the_others_were_made() -> None:
    gone = Version("gone", FAILED, "", configuration={})
    found = with_versions(Resource(MODEL, {}, versions=(gone,)), [listed("a", 1), listed("c", 2)])
    assert [version.id for version in found.versions] == ["c", "a", "gone"]


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("now", [False, True])
def test_a_complete_list_stays_complete(before: bool, now: bool) -> None:
    model = Resource(MODEL, {}, all_versions=before)
    assert with_versions(model, [], complete=now).all_versions == (before or now)
    assert with_versions(model, []).all_versions == before


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        (listed("v", 1), listed("v", 1, status=FAILED), "after"),
        (listed("v", 1), read("v", 1, OTHER), "after"),
        (read("v", 1, OTHER), listed("v", 1), "before"),
        (read("v", 1, OTHER), read("v", 1, WANTED), "after"),
    ],
    ids=["listed again", "read", "listed after it was read", "read again"],
)
def test_the_later_answer_stays_unless_it_says_less(
    before: Version, after: Version, kept: str
) -> None:
    model = Resource(MODEL, {"id": "m"}, versions=(before,))
    found = with_versions(model, [after])
    assert found == replace(model, versions=(after if kept == "after" else before,))


# --- laws


@st.composite
def histories(draw: st.DrawFn) -> tuple[Version, ...]:
    """The versions of a model, all read, newest first."""
    held = draw(st.lists(st.sampled_from([WANTED, OTHER, THIRD]), max_size=6))
    status = draw(st.lists(st.sampled_from([TRAINED, PENDING, FAILED]), min_size=6, max_size=6))
    made = [read(f"v{n}", n + 1, c, status=status[n]) for n, c in enumerate(held)]
    return tuple(reversed(made))


@given(versions=histories(), pinned=st.sets(st.integers(0, 5)))
def test_a_version_is_minted_only_if_none_could_be_pinned(
    versions: tuple[Version, ...], pinned: set[int]
) -> None:
    """And what is pinned or used again holds what is wanted."""
    known = {version.id: version for version in versions}
    following = pinning(*(f"v{n}" for n in sorted(pinned) if f"v{n}" in known))
    found = chosen(following, *versions, history=())
    assert isinstance(found, Choice)
    usable = {v.id for v in versions if v.configuration == WANTED and v.status is not FAILED}
    right = usable | {
        id_ for id_ in following.pinned.values() if known[id_].configuration == WANTED
    }
    assert (found.current == LATER) == (not right)
    assert found.current == LATER or found.current in right


# --- what runs holds what is wanted, and was made from words that say more


MORE = {**WANTED, "others": "pass"}


def said_more(id_: str = "v3", born: int = 3) -> Version:
    return read(id_, born, MORE, recorded=version_digest(MORE))


def test_promise_6_words_that_were_taken_back_pin_what_ran_before_them() -> None:
    assert chosen(pinning("v3"), said_more(), listed("v1", 1, WANTED)) == reused("v1", MORE)
    assert chosen(pinning("v3"), said_more(), listed("v1", 1, WANTED), train="never") == reused(
        "v1", MORE
    )


def test_it_is_looked_for_among_all_versions() -> None:
    assert chosen(pinning("v3"), said_more(), complete=False) == Question(all_versions=True)


@pytest.mark.parametrize(
    ("following", "versions"),
    [
        (pinning("v3"), (said_more(),)),
        (pinning("v3"), (said_more(), listed("v1", 1, OTHER))),
        (pinning("v3"), (said_more(), listed("v1", 1, WANTED, status=FAILED))),
        (pinning("v3"), (said_more(), listed("v1", 1, WANTED, status=PENDING))),
        (pinning("v3"), (said_more(), read("v1", 1, OTHER, recorded=version_digest(WANTED)))),
        (pinning("v3"), (said_more(), read("v1", 1, WANTED))),
        (pinning("v3"), (said_more(), listed("v2", 2, OTHER), listed("v1", 1))),
        (pinning("v3"), (read("v3", 3, MORE), listed("v1", 1, WANTED))),
        (None, (said_more(), listed("v1", 1, WANTED))),
    ],
    ids=[
        "alone", "another", "failed", "in training", "changed by hand", "not ours", "unmarked",
        "nobody knows what it was made from", "nothing pins it",
    ],
)  # fmt: skip
def test_else_what_holds_more_stays(following: Any, versions: tuple[Version, ...]) -> None:
    assert chosen(following, *versions) == stays("v3", base=MORE)


def test_one_that_was_made_from_these_words_is_enough() -> None:
    versions = said_more(), listed("v1", 1, WANTED)
    assert chosen(pinning("v3", "v1"), *versions) == stays("v1", "v1", "v3", strays=())


def test_what_a_list_does_not_tell_is_read() -> None:
    assert chosen(pinning("v3"), said_more(), listed("v2", 2), listed("v1", 1)) == Question(
        versions=("v2", "v1")
    )
    assert chosen(pinning("v3"), said_more(), unproven("v1", 1, WANTED)) == Question(
        versions=("v1",)
    )


def test_of_several_the_one_that_was_pinned_last_comes_before_the_oldest() -> None:
    versions = said_more(), listed("v2", 2, WANTED), listed("v1", 1, WANTED)
    assert chosen(pinning("v3"), *versions) == Question(history=True)
    assert chosen(pinning("v3"), *versions, history=()) == reused("v1", MORE)
    assert chosen(pinning("v3"), *versions, history=("v3", "v2", "v1")) == reused("v2", MORE)
