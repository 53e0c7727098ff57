"""What nobody declares: what of it may go, how much at once, and what is in use and stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_cases import APP, KINDS

from reconciler import dag
from reconciler.address import Address
from reconciler.planning.options import Options, Policy
from reconciler.planning.surplus import examine, still_used
from reconciler.resource import Reference, Resource, ResourceGraph
from reconciler.values import Mark

NAMES = "abcdef"


def resource(name: str, uses: set[str]) -> Resource:
    references = (Reference(("n",), Address("model", (to,)), pins=True) for to in sorted(uses))
    return Resource(Address("model", (name,)), {}, references=tuple(references))


@given(
    st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES))),
    st.sets(st.sampled_from(NAMES)),
)
def test_what_can_be_reached_from_what_stays_is_kept(
    uses: dict[str, set[str]], going: set[str]
) -> None:
    resources = [resource(name, used) for name, used in uses.items()]
    leaving = [r for r in resources if r.address.id in going]
    staying = [r for r in resources if r.address.id not in going]
    users = still_used(leaving, staying)
    reached = dag.closure(uses, (r.address.id for r in staying))
    assert {used.id for used in users} == {r.address.id for r in leaving} & reached
    for used, user in users.items():
        assert used.id in uses[user.id]
        anyway = [r.address for r in staying if used.id in uses[r.address.id]]
        assert user == min(anyway, default=user), "of those that stay anyway, the first is named"
        assert user in users or user in anyway


OURS = Mark(APP, "created")
EDGE = "relation.cat.synonym.dog"


def models(count: int, mark: Mark | None = OURS) -> list[Resource]:
    return [Resource(Address("model", (f"m{n:02}",)), {}, mark=mark) for n in range(count)]


@pytest.mark.parametrize(
    ("count", "gone", "limit", "refusal"),
    [
        (9, 9, 30, ""),
        (10, 3, 30, ""),
        (10, 4, 30, "4 of 10 models that are this manifest's, which is more than 30 %: if that is "
                    "meant, allow it with --prune-limit 40"),
        (10, 4, 40, ""),
        (10, 10, 99, "10 of 10 models that are this manifest's, which is more than 99 %: if that is "
                     "meant, allow it with --prune-limit 100"),
        (10, 10, 100, ""),
        (11, 4, 30, "4 of 11 models that are this manifest's, which is more than 30 %: if that is "
                    "meant, allow it with --prune-limit 37"),
        (200, 61, 30, "61 of 200 models that are this manifest's, which is more than 30 %: if that "
                      "is meant, allow it with --prune-limit 31"),
        (200, 60, 30, ""),
    ],
)  # fmt: skip
def test_more_of_a_kind_than_the_threshold_is_refused_from_ten_on(
    count: int, gone: int, limit: int, refusal: str
) -> None:
    """Those of somebody else do not count."""
    ours = [Resource(Address("model", (f"m{n:03}",)), {}, mark=OURS) for n in range(count)]
    other = [Resource(Address("model", (f"x{n}",)), {}, mark=None) for n in range(50)]
    policy = Policy.of(APP, Options(prune=True, prune_limit=limit))
    found = examine(ResourceGraph.of(ours[gone:]), ResourceGraph.of([*ours, *other]), KINDS, policy)
    assert len(found.deletes) == gone
    assert [str(one) for one in found.refusals] == (
        [f"--prune would delete {refusal}"] if refusal else []
    )
    assert [one.about for one in found.refusals] == ([None] if refusal else [])


def test_a_delete_says_what_it_is_about_and_whose_it_was() -> None:
    concept = Resource(
        Address("concept", ("cat",)), {}, mark=Mark(APP, "adopted", relations=(EDGE,))
    )
    model = Resource(Address("model", ("m",)), {}, mark=OURS)
    edge = Resource(Address.parse(EDGE), {}, references=(Reference(("subject",), concept.address),))
    live = ResourceGraph.of([concept, model, edge])
    found = examine(ResourceGraph.of([concept]), live, KINDS, Policy.of(APP, Options(prune=True)))
    by_address = {str(change.address): change for change in found.deletes}
    assert by_address.keys() == {EDGE, "model.m"}
    assert (by_address["model.m"].mark, by_address["model.m"].rank) == (OURS, KINDS["model"].rank)
    assert (by_address[EDGE].mark, by_address[EDGE].rank) == (Mark(APP), KINDS["relation"].rank)


def test_what_is_guarded_is_refused_by_its_name() -> None:
    (model,) = models(1, Mark(APP, "created", protect=True))
    live = ResourceGraph.of([model])
    found = examine(ResourceGraph.of(()), live, KINDS, Policy.of(APP, Options(prune=True)))
    assert found.deletes == ()
    assert [one.about for one in found.refusals] == [model.address]
