"""Sets of scores say of every single score what ``routing`` does with it."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from random import Random

import pytest

from reconciler.manifest.flow import ANYONE, Emission, Flows, Step, Strand, Stream
from reconciler.manifest.intervals import EVERYTHING, HIGHEST, LOWEST, ScoreSet, passing, rank
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
    flow,
)

APP, MAIN = ("", ""), ("clarifai", "main")
OWN = [ConceptKey(*APP, id_) for id_ in ("people", "man", "adult")]
PUBLIC = [ConceptKey(*MAIN, f"ai_{index}") for index in range(4)]
GRAPHS = 40 if not os.environ.get("LONG") else 2000
SCORES = 300
"""Scores tried on each graph, besides those on and beside every threshold: 12,000 in all."""

Origin = tuple[str, ConceptKey]
"""A source node and a concept that it gives."""


def exact(rank_: int) -> float:
    return float(struct.unpack("<f", struct.pack("<i", rank_))[0])


def graph(random: Random) -> list[Step]:
    """A workflow of up to 20 nodes: sources first, then anything that reads what is there."""
    steps: list[Step] = []
    for index in range(random.randint(1, 3)):
        known = random.choice([None, tuple(OWN[: random.randint(1, 3)]), tuple(PUBLIC)])
        owner = random.choice([MAIN, APP]) if known is None else APP
        emits = Emission(known, owner)
        steps.append(Step(f"source-{index}", Source(), (), ("source", index), emits))
    for index in range(random.randint(2, 17)):
        inputs = tuple(
            step.id for step in random.sample(steps, min(len(steps), random.randint(1, 3)))
        )
        operator, identity = _operator(random, index)
        steps.append(Step(f"node-{index}", operator, inputs, identity))
    random.shuffle(steps)
    return steps


def _operator(random: Random, index: int) -> tuple[Operator, object]:
    match random.randrange(6):
        case 0:
            relations = tuple(
                Relation(random.choice(OWN), random.choice(["synonym", "hypernym"]), end)
                for end in random.sample([*PUBLIC, *OWN], 4)
            )
            return Mapper(relations, APP, random.random() < 0.5), ("mapper", index)
        case 1:
            return Writer(24150, "me"), "writer"
        case 2:
            return Pass(), "pass"
        case _:
            ids = [key.id for key in random.sample([*OWN, *PUBLIC], random.randint(1, 5))]
            thresholds = {id_: random.choice(LEVELS) for id_ in ids}
            comparator, others = random.choice(list(Comparator)), random.random() < 0.7
            return Thresholder(thresholds, comparator, others), ("thresholder", index)


LEVELS = [0.0, 0.1, 0.2, 0.5, 0.5000001, 0.9, 0.95, 1.0]


def beside_thresholds() -> Iterator[float]:
    """Each threshold, and the numbers next to it."""
    for level in LEVELS:
        for near in (rank(level) - 1, rank(level), rank(level) + 1):
            if LOWEST <= near <= HIGHEST:
                yield exact(near)


def tried(random: Random, steps: Sequence[Step]) -> Iterator[tuple[str, ConceptKey, float]]:
    """A source, a concept and a score: each with all thresholds, and many at random."""
    origins = [(step.id, key) for step in steps if step.emits for key in concepts(step)]
    for origin in origins:
        yield from ((*origin, score) for score in beside_thresholds())
    for _ in range(SCORES):
        score = random.choice([random.random(), exact(random.randint(LOWEST, HIGHEST))])
        yield *random.choice(origins), score


def nodes(steps: Sequence[Step]) -> list[Node]:
    return [Node(step.id, step.operator, step.inputs) for step in steps]


def concepts(step: Step) -> Sequence[ConceptKey]:
    """What a source may say, and for one of which this is not known: whatever its owner has."""
    assert step.emits is not None
    if step.emits.concepts is not None:
        return step.emits.concepts
    return PUBLIC if step.emits.owner == MAIN else OWN


def predicted(
    stream: Stream, numbers: Mapping[int, str], origin: Origin
) -> dict[ConceptKey, ScoreSet]:
    """The scores of one concept of one source that arrive, under each name it has by then."""
    found: dict[ConceptKey, ScoreSet] = {}
    names = {strand.concept for strand in stream.known} | {origin[1]}
    for source, node in numbers.items():
        for name in names if node == origin[0] else ():
            found[name] = stream.scores(Strand(source, origin[1], name))
    return found


@pytest.mark.parametrize("seed", range(GRAPHS))
def test_a_set_holds_the_scores_that_arrive_and_no_other(seed: int) -> None:
    random = Random(seed)
    steps = graph(random)
    arrivals = Flows().run(steps)
    numbers = {arrivals[step.id].leaving: step.id for step in steps if step.emits}
    sets: dict[Origin, dict[str, dict[ConceptKey, ScoreSet]]] = {}
    for source, concept, value in tried(random, steps):
        origin = (source, concept)
        if origin not in sets:
            sets[origin] = {
                step.id: predicted(arrivals[step.id].stream, numbers, origin) for step in steps
            }
        leaving = flow(nodes(steps), {source: [Score(concept, value)]})
        for step in steps:
            arriving = {score.concept for node in step.inputs for score in leaving[node]}
            said = {name for name, scores in sets[origin][step.id].items() if value in scores}
            assert said == arriving, (step.id, value)


@pytest.mark.parametrize("seed", range(GRAPHS))
def test_no_score_is_ever_outside_the_sets_when_all_sources_speak(seed: int) -> None:
    random = Random(seed)
    steps = graph(random)
    arrivals = Flows().run(steps)
    for _ in range(SCORES // 5):
        given = {
            step.id: [
                Score(key, random.choice([random.random(), *LEVELS])) for key in concepts(step)
            ]
            for step in steps
            if step.emits
        }
        leaving = flow(nodes(steps), given)
        for step in steps:
            stream = arrivals[step.id].stream
            for score in (score for node in step.inputs for score in leaving[node]):
                named = [s for strand, s in stream.known.items() if strand.concept == score.concept]
                assert any(score.value in scores for scores in [*named, *stream.open.values()])


def walkthrough(upper: Comparator, lower: Comparator) -> list[Step]:
    relation = Relation(OWN[0], "synonym", PUBLIC[0])
    return [
        Step("general", Source(), (), "general", Emission(None, MAIN)),
        Step("mapper", Mapper((relation,), APP), ("general",), "mapper"),
        Step("confident", Thresholder({"people": 0.5}, upper), ("mapper",), "confident"),
        Step("doubtful", Thresholder({"people": 0.5}, lower), ("mapper",), "doubtful"),
        Step("success", Writer(24150, "me"), ("confident",), "success"),
        Step("pending", Writer(24151, "me"), ("doubtful",), "pending"),
    ]


def test_a_mapper_gives_exactly_what_its_relations_lead_to() -> None:
    arrivals = Flows().run(walkthrough(Comparator.GREATER_THAN, Comparator.LESS_THAN))
    general = arrivals["general"].leaving
    strand = Strand(general, PUBLIC[0], OWN[0])
    assert dict(arrivals["confident"].stream.known) == {strand: EVERYTHING}
    assert arrivals["confident"].stream.open == {}
    assert dict(arrivals["success"].stream.known) == {strand: passing(Comparator.GREATER_THAN, 0.5)}


def test_an_unknown_owner_fits_every_concept_of_the_id() -> None:
    steps = walkthrough(Comparator.GREATER_THAN, Comparator.LESS_THAN)
    steps[0] = Step("general", Source(), (), "general", Emission(None))
    stream = Flows().run(steps)["success"].stream
    origin = ConceptKey(*ANYONE, PUBLIC[0].id)
    assert [(strand.origin, strand.concept) for strand in stream.known] == [(origin, OWN[0])]


def test_a_node_that_passes_who_knows_what_makes_sets_upper_bounds() -> None:
    steps = walkthrough(Comparator.GREATER_THAN, Comparator.LESS_THAN)
    steps.append(Step("sample", Pass(), ("doubtful",), "sample", exact=False))
    steps[-2] = Step("pending", Writer(24151, "me"), ("sample",), "pending")
    arrivals = Flows().run(steps)
    assert arrivals["pending"].stream.loose == {arrivals["general"].leaving}
    assert arrivals["pending"].stream.known == arrivals["sample"].stream.known
    assert arrivals["success"].stream.loose == frozenset()


def test_what_workflows_have_in_common_is_one_stream() -> None:
    flows = Flows()
    one = flows.run(walkthrough(Comparator.GREATER_THAN, Comparator.LESS_THAN))
    other = flows.run(walkthrough(Comparator.GREATER_THAN, Comparator.LESS_THAN))
    assert one == other
    assert all(one[id_].stream is other[id_].stream for id_ in one)


def test_two_ways_to_one_name_are_joined() -> None:
    a, b, c, d = (ConceptKey(*APP, id_) for id_ in "abcd")
    apart = (Relation(a, "synonym", b), Relation(a, "synonym", c))
    together = (Relation(b, "synonym", d), Relation(c, "synonym", d))
    strict = Thresholder({"b": 0.9}, Comparator.GREATER_THAN)
    low = Thresholder({"c": 0.2}, Comparator.LESS_THAN)
    steps = [
        Step("source", Source(), (), "source", Emission((a,))),
        Step("apart", Mapper(apart, APP), ("source",), "apart"),
        Step("strict", strict, ("apart",), "strict"),
        Step("low", low, ("apart",), "low"),
        Step("together", Mapper(together, APP), ("strict", "low"), "together"),
        Step("writer", Writer(24150, "me"), ("together",), "writer"),
    ]
    arrivals = Flows().run(steps)
    stream = arrivals["writer"].stream
    scores = stream.scores(Strand(arrivals["source"].leaving, a, d))
    assert str(scores) == "< 0.2 or > 0.9"
