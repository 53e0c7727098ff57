"""Whole workflows: the worked example of the auto-annotation walkthrough, and laws."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.routing.operators import Comparator, Relation
from reconciler.routing.scores import ConceptKey, Score
from reconciler.routing.workflow import (
    Mapper,
    Node,
    Operator,
    Pass,
    Source,
    Thresholder,
    Writer,
    Written,
    flow,
    route,
)

APP = ("me", "app")
PUBLIC = {"people": "ai_l8TKp2h5", "man": "ai_dxSG2s86", "adult": "ai_VPmHr5bm"}
THRESHOLDS = {"people": 0.5, "man": 0.5, "adult": 0.95}
SUCCESS, PENDING = 24150, 24151


def own(id_: str) -> ConceptKey:
    return ConceptKey("me", "app", id_)


def public(name: str, value: float) -> Score:
    return Score(ConceptKey("clarifai", "main", PUBLIC.get(name, name)), value)


def walkthrough(above: Comparator, below: Comparator, *extra: Node) -> list[Node]:
    """The walkthrough's graph: classifier, mapper, two thresholders, two writers."""
    relations = tuple(
        Relation(own(name), "synonym", ConceptKey("clarifai", "main", id_))
        for name, id_ in PUBLIC.items()
    )
    return [
        Node("general", Source()),
        Node("mapper", Mapper(relations, APP), ("general",)),
        Node("confident", Thresholder(THRESHOLDS, above), ("mapper",)),
        Node("success", Writer(SUCCESS, "me"), ("confident",)),
        Node("doubtful", Thresholder(THRESHOLDS, below), ("mapper",)),
        Node("pending", Writer(PENDING, "me"), (extra[-1].id if extra else "doubtful",)),
        *extra,
    ]


def outcome(nodes: list[Node], *scores: Score) -> dict[tuple[int, str], float]:
    written = route(nodes, {"general": scores})
    assert all(record.concept.app == APP and record.user_id == "me" for record in written)
    return {(record.status, record.concept.id): record.value for record in written}


STRICT = (Comparator.GREATER_THAN, Comparator.LESS_THAN)
TUTORIAL = (Comparator.GREATER_THAN, Comparator.LESS_THAN_OR_EQUAL)
MANIFEST = (Comparator.GREATER_THAN_OR_EQUAL, Comparator.LESS_THAN)


@pytest.mark.parametrize(
    ("name", "value", "strict", "tutorial", "manifest"),
    [
        ("people", 0.97, SUCCESS, SUCCESS, SUCCESS),
        ("man", 0.30, PENDING, PENDING, PENDING),
        ("adult", 0.95, None, PENDING, SUCCESS),
        ("adult", 0.9499, PENDING, PENDING, PENDING),
        ("people", 0.5, None, PENDING, SUCCESS),
        ("train", 0.99, None, None, None),
    ],
    ids=[
        "people above",
        "man below",
        "adult exactly",
        "adult just below",
        "people exactly",
        "not a concept of the app",
    ],
)
def test_the_worked_example(
    name: str, value: float, strict: int | None, tutorial: int | None, manifest: int | None
) -> None:
    for pair, status in ((STRICT, strict), (TUTORIAL, tutorial), (MANIFEST, manifest)):
        expected = {} if status is None else {(status, name): value}
        assert outcome(walkthrough(*pair), public(name, value)) == expected, pair


def test_the_concepts_of_one_image_go_their_own_ways() -> None:
    scores = [public("people", 0.97), public("man", 0.3), public("adult", 0.95)]
    assert outcome(walkthrough(*STRICT), *scores) == {
        (SUCCESS, "people"): 0.97,
        (PENDING, "man"): 0.3,
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.09, {}),
        (0.1, {(PENDING, "people"): 0.1}),
        (0.4, {(PENDING, "people"): 0.4}),
        (0.5, {(SUCCESS, "people"): 0.5}),
    ],
)
def test_a_floor_behind_the_doubtful_path_screens_out(
    value: float, expected: dict[tuple[int, str], float]
) -> None:
    floor = Node(
        "plausible",
        Thresholder({"people": 0.1}, Comparator.GREATER_THAN_OR_EQUAL),
        ("doubtful",),
    )
    assert outcome(walkthrough(*MANIFEST, floor), public("people", value)) == expected


def test_nothing_is_written_when_all_is_filtered() -> None:
    nodes = walkthrough(*STRICT)
    assert route(nodes, {"general": [public("train", 0.99)]}) == frozenset()
    assert route(nodes, {"general": []}) == frozenset()
    assert route(nodes, {}) == frozenset()


def test_a_writer_lets_through_what_it_writes() -> None:
    nodes = [
        Node("source", Source()),
        Node("first", Writer(SUCCESS, "me"), ("source",)),
        Node("second", Writer(PENDING, "you"), ("first",)),
    ]
    assert route(nodes, {"source": [Score(own("a"), 0.6)]}) == {
        Written(SUCCESS, "me", own("a"), 0.6),
        Written(PENDING, "you", own("a"), 0.6),
    }


def test_two_inputs_are_joined_and_the_greater_score_stays() -> None:
    nodes = [
        Node("left", Source()),
        Node("right", Source()),
        Node("both", Pass(), ("left", "right")),
    ]
    given_scores = {
        "left": [Score(own("a"), 0.6)],
        "right": [Score(own("a"), 0.7), Score(own("b"), 0.1)],
    }
    assert flow(nodes, given_scores)["both"] == (Score(own("a"), 0.7), Score(own("b"), 0.1))


def test_only_a_source_takes_given_scores() -> None:
    assert flow([Node("pass", Pass())], {"pass": [Score(own("a"), 1.0)]}) == {"pass": ()}


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([Node("a", Source()), Node("a", Pass())], "two nodes have the same id"),
        ([Node("a", Pass(), ("b",))], "node 'a' reads 'b', which is no node"),
    ],
    ids=["duplicate", "unknown input"],
)
def test_a_broken_graph_is_an_error(nodes: list[Node], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        route(nodes, {})
    assert str(caught.value) == message


def test_a_cycle_is_an_error() -> None:
    with pytest.raises(ValueError, match="cycle"):
        route([Node("a", Pass(), ("b",)), Node("b", Pass(), ("a",))], {})


SCORE = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.1, 0.5, 0.949999988079071, 0.95, 1.0]))
LIMITS = st.dictionaries(st.sampled_from(sorted(PUBLIC)), SCORE)
IMAGES = st.dictionaries(st.sampled_from([*sorted(PUBLIC), "train"]), SCORE)


@given(image=IMAGES, limits=LIMITS, pair=st.sampled_from([TUTORIAL, MANIFEST]))
def test_complementary_comparators_write_each_score_exactly_once(
    image: dict[str, float],
    limits: dict[str, float],
    pair: tuple[Comparator, Comparator],
) -> None:
    above, below = pair
    nodes = [
        Node("source", Source()),
        Node("above", Thresholder(limits, above), ("source",)),
        Node("success", Writer(SUCCESS, "me"), ("above",)),
        Node("below", Thresholder(limits, below), ("source",)),
        Node("pending", Writer(PENDING, "me"), ("below",)),
    ]
    written = route(nodes, {"source": [Score(own(name), value) for name, value in image.items()]})
    assert sorted(record.concept.id for record in written) == sorted(set(image) & set(limits))


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    """Acyclic graphs of every operator, sources first."""
    relations = tuple(Relation(own(name), "synonym", own(name + "2")) for name in PUBLIC)
    operators: st.SearchStrategy[Operator] = st.one_of(
        st.just(Pass()),
        st.just(Mapper(relations, APP)),
        st.builds(Thresholder, LIMITS, st.sampled_from(Comparator), st.booleans()),
        st.builds(Writer, st.sampled_from([SUCCESS, PENDING]), st.sampled_from(["me", "you"])),
    )
    nodes = [Node("n0", Source()), Node("n1", Source())]
    for number in range(2, draw(st.integers(3, 9))):
        inputs = draw(st.sets(st.sampled_from([node.id for node in nodes]), max_size=3))
        nodes.append(Node(f"n{number}", draw(operators), tuple(sorted(inputs))))
    return nodes


@given(nodes=graphs(), first=IMAGES, second=IMAGES, random=st.randoms(use_true_random=False))
def test_the_order_of_nodes_inputs_and_scores_does_not_matter(
    nodes: list[Node], first: dict[str, float], second: dict[str, float], random: Random
) -> None:
    def shuffled(items: Iterable[Any]) -> list[Any]:
        copy = list(items)
        random.shuffle(copy)
        return copy

    scores = {
        id_: [Score(own(name), value) for name, value in image.items()]
        for id_, image in (("n0", first), ("n1", second))
    }
    mixed = [Node(node.id, node.operator, tuple(shuffled(node.inputs))) for node in shuffled(nodes)]
    assert route(mixed, {id_: shuffled(group) for id_, group in scores.items()}) == route(
        nodes, scores
    )


@given(nodes=graphs(), image=IMAGES)
def test_every_written_score_comes_from_a_source(
    nodes: list[Node], image: dict[str, float]
) -> None:
    written = route(nodes, {"n0": [Score(own(name), value) for name, value in image.items()]})
    assert {record.value for record in written} <= set(image.values())


def test_a_node_works_with_the_flags_of_its_model() -> None:
    """A mapper that follows the hierarchy, and a thresholder that lets other concepts through."""
    scores = {"n0": [Score(own("dog"), 0.9)]}
    edges = (Relation(own("animal"), "hypernym", own("dog")),)
    limits = {own("cat"): 0.5}

    def leaving(operator: Mapper | Thresholder) -> list[tuple[str, float]]:
        found = flow([Node("n0", Source()), Node("n", operator, ("n0",))], scores)["n"]
        return [(score.concept.id, score.value) for score in found]

    assert leaving(Mapper(edges, own("dog").app, follow_hierarchy=True)) == [("animal", 0.9)]
    assert leaving(Mapper(edges, own("dog").app)) == []
    above = Comparator.GREATER_THAN
    assert leaving(Thresholder(limits, above, filter_other_concepts=False)) == [("dog", 0.9)]
    assert leaving(Thresholder(limits, above)) == []
