"""Pages of lists: the same rows as counting from the start, whatever is written between two pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clarifai_grpc.grpc.api import resources_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.sandbox.paging import Pages
from reconciler.sandbox.store import Store
from reconciler.sandbox.transaction import ORDERS, Filter, Key, Scope, Tx

PARK = Scope("you", "park")


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    made = Store(None)
    yield made
    made.close()


def add(tx: Tx, scope: Scope, name: str, at: int) -> None:
    concept = resources_pb2.Concept(id=name)
    tx.insert(Key("concept", *scope, "", name), concept, at=at, status=at % 2)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(0, 60), st.integers(1, 20)),
        st.tuples(st.just("add"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("delete"), st.integers(0, 60), st.just(0)),
        st.tuples(st.just("touch"), st.integers(0, 60), st.integers(0, 9)),
    ),
    max_size=25,
)
numbers = iter(range(10**9))


@settings(deadline=None)  # a busy machine is no failure
@given(steps, st.sampled_from(sorted(ORDERS)), st.sampled_from([(), (Filter("status", (1,)),)]))
def test_a_page_is_a_slice_of_the_list(
    store: Store, steps: list[tuple[str, int, int]], order: str, filters: tuple[Filter, ...]
) -> None:
    scope = Scope("you", f"app-{next(numbers)}")
    with store.write() as tx:
        for number in range(40):
            add(tx, scope, f"c{number}", number % 7)
    for what, one, other in steps:
        if what == "read":
            with store.read() as tx:
                whole = tx.select("concept", scope, *filters, order=order)
                page = tx.select("concept", scope, *filters, order=order, offset=one, limit=other)
                assert page == whole[one : one + other]
            continue
        with store.write() as tx:
            rows = tx.select("concept", scope)
            if what == "add":
                add(tx, scope, f"new-{next(numbers)}", one)
            elif one < len(rows) and what == "delete":
                tx.delete(rows[one])
            elif one < len(rows):
                tx.update(rows[one], resources_pb2.Concept(id=rows[one].id), at=other)


def test_the_next_page_counts_nothing_again(store: Store) -> None:
    with store.write() as tx:
        for number in range(50):
            add(tx, PARK, f"c{number}", number)
    asked: list[str] = []
    with store.read() as tx:
        tx._db.set_trace_callback(asked.append)
        for offset in (0, 10, 20, 30):
            tx.select("concept", PARK, offset=offset, limit=10)
        for offset in (37, 37, 10):
            tx.select("concept", PARK, offset=offset, limit=10)
        tx._db.set_trace_callback(None)
    assert [line.rpartition("OFFSET ")[2] for line in asked] == ["0", "0", "0", "0", "7", "0", "0"]


def test_a_commit_takes_the_marks_away_even_while_it_is_under_way() -> None:
    pages = Pages()
    before = pages.open()
    before.keep("list", 10, (7,))
    found = before.find("list", 12)
    assert found is not None
    assert found == (10, (7,))
    assert before.find("list", 9) is None
    with pages.committing():
        meanwhile = pages.open()
        assert before.find("list", 12) is None
        meanwhile.keep("list", 10, (8,))
    before.keep("list", 10, (9,))
    assert meanwhile.find("list", 12) is None
    assert pages.open().find("list", 12) is None
    after = pages.open()
    after.keep("list", 10, (10,))
    assert after.find("list", 10) == (10, (10,))


def test_marks_do_not_pile_up() -> None:
    pages = Pages()
    here = pages.open()
    for number in range(25_000):
        here.keep(number % 3, number, (number,))
    assert pages._count <= 10_000
    assert here.find(24_999 % 3, 24_999) == (24_999, (24_999,))
