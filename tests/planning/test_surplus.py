"""What is in use stays, and keeps what it uses in turn: against the plainest way to say so."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler import dag
from reconciler.address import Address
from reconciler.planning.surplus import still_used
from reconciler.resource import Reference, Resource

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
