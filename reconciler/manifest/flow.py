"""Which scores arrive where in a workflow: ``routing`` over sets of scores instead of single ones.

A score is followed from the source that gave it; no node changes it, each lets it pass or not. So
what arrives at a node is one set for each *strand*: a concept of a source, under the name that it
has by then (a mapper renames it). Of two strands of one concept that meet, routing keeps the greater
score; as a source may be silent about a concept, each strand can arrive alone, and its set holds
exactly the scores with which it does.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, assert_never, cast

from reconciler import dag
from reconciler.manifest.intervals import EVERYTHING, NOTHING, ScoreSet, passing
from reconciler.routing.operators import SYNONYM
from reconciler.routing.scores import ConceptKey
from reconciler.routing.workflow import Mapper, Operator, Pass, Source, Thresholder, Writer

ANYONE: Final = ("*", "*")
"""The owner of a concept of which only the id is known."""


def _any_id(_: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Emission:
    """What a node gives of its own accord.

    ``concepts`` is None where nobody can say which; they then belong to ``owner``, and ``may_be``
    says of an id whether there can be one. ``scores`` are those that it can give. ``other``: also
    data that is no concept but can be annotated (regions).
    """

    concepts: tuple[ConceptKey, ...] | None = ()
    owner: tuple[str, str] = ANYONE
    may_be: Callable[[str], bool] = _any_id
    scores: ScoreSet = EVERYTHING
    other: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A node and what is known about it.

    ``identity`` is equal for nodes that do the same with the same inputs. ``exact`` is False for a
    node that lets only some of what arrives pass, nobody knows which.
    """

    id: str
    operator: Operator
    inputs: tuple[str, ...]
    identity: Hashable
    emits: Emission | None = None
    exact: bool = True


class Strand(NamedTuple):
    """One concept of one source (by number), and the name that it has here."""

    source: int
    origin: ConceptKey
    concept: ConceptKey


@dataclass(frozen=True, slots=True)
class Stream:
    """What arrives at a node, or leaves it.

    ``known`` holds strands by name, also those of which no score is left; ``open`` what is true of
    every further concept of a source. The sets of sources in ``loose`` are upper bounds: at most
    these scores. ``other``: data that is no concept but can be annotated.
    """

    known: Mapping[Strand, ScoreSet] = field(default_factory=dict)
    open: Mapping[int, ScoreSet] = field(default_factory=dict)
    loose: frozenset[int] = frozenset()
    other: bool = False

    def scores(self, strand: Strand) -> ScoreSet:
        """The scores of one strand."""
        found = self.known.get(strand)
        if found is not None:
            return found
        return self.open.get(strand.source, NOTHING) if strand.origin == strand.concept else NOTHING

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all can be here."""
        return not (self.other or any(self.known.values()) or any(self.open.values()))


class Arrival(NamedTuple):
    """What arrives at a node. Of two equal ``number`` all that leads there is equal.

    ``leaving`` is the number of what leaves it; of a source it is that of its strands.
    """

    number: int
    stream: Stream
    leaving: int


class Flows:
    """Streams of many workflows; what several of them have in common is computed once."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._streams: dict[int, Stream] = {}
        self._owners: dict[int, tuple[str, str]] = {}
        self._may_be: dict[int, Callable[[str], bool]] = {}
        self._given: dict[int, ScoreSet] = {}
        self._by_id: dict[int, Mapping[str, Sequence[Strand]]] = {}
        self._targets: dict[Hashable, _Targets] = {}

    def run(self, steps: Sequence[Step]) -> Mapping[str, Arrival]:
        """What arrives at each node. The ids differ, inputs name nodes, and there is no cycle."""
        by_id = {step.id: step for step in steps}
        leaving: dict[str, int] = {}
        arriving: dict[str, Arrival] = {}
        for id_ in dag.sort({step.id: step.inputs for step in steps}, key=str, name=str):
            step = by_id[id_]
            before = self._joined(sorted({leaving[source] for source in step.inputs}))
            after = self._number((step.identity, before))
            if after not in self._streams:
                self._streams[after] = self._leave(after, step, before)
            leaving[id_] = after
            arriving[id_] = Arrival(before, self._streams[before], after)
        return arriving

    def given(self, source: int) -> ScoreSet:
        """The scores that a source can give."""
        return self._given.get(source, EVERYTHING)

    def may_give(self, source: int, id_: str) -> bool:
        """Whether a source can have a concept of this id."""
        return self._may_be.get(source, _any_id)(id_)

    def _joined(self, sources: list[int]) -> int:
        if len(sources) == 1:
            return sources[0]
        number = self._number(("join", *sources))
        if number not in self._streams:
            self._streams[number] = _merged([self._streams[source] for source in sources])
        return number

    def _number(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def strands(self, number: int) -> Mapping[str, Sequence[Strand]]:
        """The strands of a stream by the id of the concept that they are there."""
        if number not in self._by_id:
            found: dict[str, list[Strand]] = {}
            for strand in self._streams[number].known:
                found.setdefault(strand.concept.id, []).append(strand)
            self._by_id[number] = found
        return self._by_id[number]

    def _leave(self, number: int, step: Step, before: int) -> Stream:
        passed = self._passed(step, before)
        if not step.exact:
            sources = {strand.source for strand in passed.known} | passed.open.keys()
            passed = replace(passed, loose=passed.loose | sources)
        if step.emits is None:
            return passed
        return _merged([passed, self._emitted(number, step.emits)])

    def _passed(self, step: Step, before: int) -> Stream:
        arriving = self._streams[before]
        match step.operator:
            case Source():
                return Stream()
            case Mapper():
                targets = self._targets.get(step.identity)
                if targets is None:
                    targets = self._targets[step.identity] = _Targets.of_mapper(step.operator)
                return self._mapped(targets, arriving)
            case Thresholder():
                return self._thresholded(step.operator, arriving, self.strands(before))
            case Writer() | Pass():
                return arriving
            case _:
                assert_never(step.operator)

    def _emitted(self, source: int, emission: Emission) -> Stream:
        self._given[source] = emission.scores
        if emission.concepts is None:
            self._owners[source] = emission.owner
            self._may_be[source] = emission.may_be
            return Stream(open={source: emission.scores}, other=emission.other)
        known = {Strand(source, key, key): emission.scores for key in emission.concepts}
        return Stream(known, other=emission.other)

    def _open_strand(self, source: int, id_: str) -> Strand:
        key = ConceptKey(*self._owners[source], id_)
        return Strand(source, key, key)

    def _mapped(self, targets: _Targets, arriving: Stream) -> Stream:
        found: dict[Strand, ScoreSet] = {}

        def add(strand: Strand, ends: Iterable[ConceptKey], scores: ScoreSet) -> None:
            for end in ends:
                key = Strand(strand.source, strand.origin, end)
                found[key] = found.get(key, NOTHING) | scores

        for strand, scores in arriving.known.items():
            add(strand, targets.of(strand.concept), scores)
        for source, scores in arriving.open.items():
            for id_ in targets.ids(self._owners[source]):
                strand = self._open_strand(source, id_)
                if strand not in arriving.known:
                    add(strand, targets.of(strand.concept), scores)
        return Stream(found, loose=arriving.loose)

    def _thresholded(
        self, operator: Thresholder, arriving: Stream, by_id: Mapping[str, Sequence[Strand]]
    ) -> Stream:
        """Where others are dropped, the time it takes is that of the thresholds alone."""
        keep_others = not operator.filter_other_concepts
        found = dict(arriving.known) if keep_others else {}
        for id_, limit in limits(operator).items():
            kept = passing(operator.comparator, limit)
            for strand in by_id.get(id_, ()):
                found[strand] = arriving.known[strand] & kept
            for source, scores in arriving.open.items():
                strand = self._open_strand(source, id_)
                if strand not in arriving.known:
                    found[strand] = scores & kept
        return Stream(found, arriving.open if keep_others else {}, arriving.loose)


def limits(operator: Thresholder) -> Mapping[str, float]:
    """The thresholds by concept id: manifests name concepts of a thresholder by their ids alone."""
    return cast(Mapping[str, float], operator.thresholds)


def kept_by(operator: Thresholder, id_: str) -> ScoreSet | None:
    """The scores of a concept that a thresholder keeps; None if it has no threshold for it."""
    limit = limits(operator).get(id_)
    return None if limit is None else passing(operator.comparator, limit)


def _merged(streams: Sequence[Stream]) -> Stream:
    """Everything that is in any of them."""
    if len(streams) == 1:
        return streams[0]
    known: dict[Strand, ScoreSet] = {}
    for strand in dict.fromkeys(strand for stream in streams for strand in stream.known):
        scores = NOTHING
        for stream in streams:
            scores |= stream.scores(strand)
        known[strand] = scores
    open_: dict[int, ScoreSet] = {}
    for stream in streams:
        for source, scores in stream.open.items():
            open_[source] = open_.get(source, NOTHING) | scores
    loose = frozenset[int]().union(*(stream.loose for stream in streams))
    return Stream(known, open_, loose, any(stream.other for stream in streams))


@dataclass(frozen=True, slots=True)
class _Targets:
    """Where a mapper leads, by where it starts."""

    by_concept: Mapping[ConceptKey, tuple[ConceptKey, ...]]
    by_id: Mapping[str, tuple[ConceptKey, ...]]
    ids_of_owner: Mapping[tuple[str, str], tuple[str, ...]]

    @classmethod
    def of_mapper(cls, mapper: Mapper) -> _Targets:
        by_concept: dict[ConceptKey, dict[ConceptKey, None]] = {}
        for relation in mapper.relations:
            if relation.predicate != SYNONYM and not mapper.follow_hierarchy:
                continue
            ends = (relation.subject, relation.object)
            for start, end in (ends, ends[::-1]):
                if end.app == mapper.app:
                    by_concept.setdefault(start, {})[end] = None
        by_id: dict[str, dict[ConceptKey, None]] = {}
        ids: dict[tuple[str, str], dict[str, None]] = {}
        for start, found in by_concept.items():
            by_id.setdefault(start.id, {}).update(found)
            ids.setdefault(start.app, {})[start.id] = None
        return cls(
            {start: tuple(found) for start, found in by_concept.items()},
            {id_: tuple(found) for id_, found in by_id.items()},
            {owner: tuple(found) for owner, found in ids.items()},
        )

    def of(self, concept: ConceptKey) -> tuple[ConceptKey, ...]:
        """Where it leads from a concept; of unknown owner, from any of that id."""
        if concept.app == ANYONE:
            return self.by_id.get(concept.id, ())
        return self.by_concept.get(concept, ())

    def ids(self, owner: tuple[str, str]) -> Iterable[str]:
        """The ids of an owner's concepts that lead somewhere."""
        return self.by_id if owner == ANYONE else self.ids_of_owner.get(owner, ())
