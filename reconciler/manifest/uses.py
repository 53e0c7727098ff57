"""Warnings about concepts: thresholds for what never comes, and what comes without a threshold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, TypeAlias

from reconciler.address import Address
from reconciler.diagnostics import Diagnostic, did_you_mean
from reconciler.manifest.flow import Arrival, Flows, Strand, kept_by, limits
from reconciler.manifest.intervals import EVERYTHING, NOTHING, ScoreSet, passing
from reconciler.manifest.soundness import Doubt
from reconciler.manifest.steps import APP, MAPPER, Placed
from reconciler.manifest.unmapped import (
    giving,
    is_strange,
    is_unmapped,
    may_come,
    relating,
    strange_end,
    synonym,
    way_out,
)
from reconciler.manifest.wiring import Telling, Wiring
from reconciler.resource import Place, ResourceGraph
from reconciler.routing.operators import SYNONYM
from reconciler.routing.workflow import Mapper, Source, Thresholder

_End: TypeAlias = tuple[str, str, str]
"""A concept as (user, app, id)."""


class _State(IntEnum):
    """What becomes of a threshold at a node, the best last: one good use is enough."""

    ABSENT = 0  # its concept never comes
    BLOCKED = 1  # its concept comes, and no score of it passes
    FINE = 2


@dataclass(frozen=True, slots=True)
class _Use:
    state: _State
    placed: Placed
    wiring: Wiring
    concept: str


@dataclass(frozen=True, slots=True)
class _Product:
    """A concept that something in the manifest makes: a model, or the relations of a mapper."""

    concept: str
    model: str
    origin: _End


@dataclass(frozen=True, slots=True)
class _Meeting:
    """Thresholders that get the very same: one of them, and what any of them has a threshold for."""

    arrival: Arrival
    placed: Placed
    wiring: Wiring
    known: set[str] = field(default_factory=set)


class Uses:
    """Takes note of each workflow, and tells at the end what no workflow has a use for."""

    def __init__(self, graph: ResourceGraph, flows: Flows, telling: Telling, doubt: Doubt) -> None:
        self.graph = graph
        self.doubt = doubt
        self.flows = flows
        self.telling = telling
        self._seen: set[tuple[object, int]] = set()
        self._uses: dict[Place, _Use] = {}
        self._models: dict[int, str] = {}
        self._meetings: dict[int, _Meeting] = {}
        self._absent_so_far = 0

    def note(self, wiring: Wiring) -> None:
        """Remembers what meets which thresholds in one workflow."""
        for placed in wiring.placed:
            operator, arrival = placed.step.operator, wiring.arrivals[placed.step.id]
            self._models[arrival.leaving] = placed.model
            key = (placed.step.identity, arrival.number)
            if isinstance(operator, Thresholder) and key not in self._seen:
                self._seen.add(key)
                meeting = _Meeting(arrival, placed, wiring)
                meeting = self._meetings.setdefault(arrival.number, meeting)
                meeting.known.update(limits(operator))
                # that none of its concepts can come is told of the node, not of each threshold
                if not is_unmapped(self.flows, placed, arrival):
                    self._note_thresholds(placed, operator, arrival, wiring)

    def _note_thresholds(
        self, placed: Placed, operator: Thresholder, arrival: Arrival, wiring: Wiring
    ) -> None:
        for concept, limit in limits(operator).items():
            kept = passing(operator.comparator, limit)
            before = self._scores(arrival, concept)
            if before is None and (
                not arrival.stream.open or is_strange(self.flows, arrival, concept)
            ):
                state = _State.ABSENT
            elif not kept or (before and not before & kept):
                state = _State.BLOCKED
            else:
                # what does not come because of a threshold further up is told there
                state = _State.FINE
            place = placed.thresholds_at(concept)
            known = self._uses.get(place)
            if known is None or known.state < state:
                self._uses[place] = _Use(state, placed, wiring, concept)

    def _scores(self, arrival: Arrival, concept: str) -> ScoreSet | None:
        """The scores of a concept that arrive; None if no strand has its name.

        A relation with what its source cannot have brings nothing. That a threshold further up
        waits for such a concept is told there.
        """
        strands = [
            strand
            for strand in self.flows.strands(arrival.number).get(concept, ())
            if strand.origin == strand.concept or may_come(self.flows, strand)
        ]
        if not strands:
            return None
        scores = NOTHING
        for strand in strands:
            scores |= arrival.stream.known[strand]
        return scores

    def tell(self) -> Iterator[Diagnostic]:
        """The warnings about all workflows."""
        for place, use in self._uses.items():
            if place[0] == "models" and self.doubt.may_use(str(place[1])):
                continue
            match use.state:
                case _State.ABSENT:
                    yield from self._absent(place, use)
                case _State.BLOCKED:
                    yield from self._blocked(place, use)
                case _State.FINE:
                    pass
        yield from self._products()

    def _products(self) -> Iterator[Diagnostic]:
        """What is made and then met by no threshold of its own, anywhere."""
        known: set[_Product] = set()
        met: dict[_Product, _Meeting] = {}
        for meeting in self._meetings.values():
            for strand, scores in meeting.arrival.stream.known.items():
                if scores and strand.concept.app == APP and may_come(self.flows, strand):
                    product = _product(strand, self._models)
                    if strand.concept.id in meeting.known:
                        known.add(product)
                    else:
                        met.setdefault(product, meeting)
        unmet = [p for p in met if p not in known and not self._may_be_met(p)]
        relations = _synonyms(self.graph) if unmet else {}
        for product in unmet:
            place = self._made(product, relations)
            if place is not None:
                yield from self._unused(product, place, met[product])

    def _may_be_met(self, product: _Product) -> bool:
        """Whether a workflow that is not sound may have a threshold for it."""
        if product.model or not self.doubt.workflows:
            return self.doubt.may_use(product.model)
        return any(
            self.doubt.may_use(resource.address.id)
            for resource in self.graph
            if resource.address.kind == "model" and resource.fields["model_type_id"] == MAPPER
        )

    def _absent(self, place: Place, use: _Use) -> Iterator[Diagnostic]:
        node, concept = use.placed.step.id, use.concept
        before = tuple(use.wiring.before([use.placed]))
        dropper = next((p for p in before if self._drops(p, concept, use.wiring)), None)
        message = f"a threshold for {concept!r}, which never reaches {node!r}"
        if dropper is not None:
            message += f": {dropper.step.id!r} has no threshold for it and drops it"
            hint = f"add {concept!r} there too, or take it out here"
        else:
            why, hint = self._never(use, before)
            message += why
        yield from self.telling.about("RC521", place, message, hint, workflow=use.wiring.workflow)

    def _never(self, use: _Use, before: Sequence[Placed]) -> tuple[str, str]:
        """Why a concept that nothing drops does not come, where that can be said; the way out."""
        concept, arrival = use.concept, use.wiring.arrivals[use.placed.step.id]
        arriving = self.flows.strands(arrival.number)
        strange = strange_end(arriving.get(concept, ()), self.flows)
        if strange is not None:
            source = use.wiring.source(strange.source)
            giver = repr(source.step.id) if source else "the model"
            end = "/".join((*strange.origin.app, strange.origin.id))
            why = f": it is related to {end}, and {giver} has no concept of that id"
            return why, f"public concepts are named by their ids: {relating(concept, self.graph)}"
        if is_strange(self.flows, arrival, concept):
            hint = f"{way_out(use.wiring, use.placed, self.graph)}, or take the threshold out"
            return f": {giving(use.wiring, arrival)}", hint
        self._absent_so_far += 1
        near = did_you_mean(concept, arriving) if self._absent_so_far < _MANY else ""
        return "", near or _remedy(before, concept, synonym(before, concept, self.graph))

    def _drops(self, placed: Placed, concept: str, wiring: Wiring) -> bool:
        operator = placed.step.operator
        return (
            isinstance(operator, Thresholder)
            and operator.filter_other_concepts
            and concept not in operator.thresholds
            and concept in self.flows.strands(wiring.arrivals[placed.step.id].number)
        )

    def _blocked(self, place: Place, use: _Use) -> Iterator[Diagnostic]:
        operator, node = use.placed.step.operator, use.placed.step.id
        assert isinstance(operator, Thresholder)
        kept = kept_by(operator, use.concept)
        before = self._scores(use.wiring.arrivals[node], use.concept) or EVERYTHING
        if not kept:
            limit = limits(operator)[use.concept]
            message = f"no score of {use.concept!r} is {operator.comparator.name} {limit:g}"
            hint = "scores go from 0 to 1; take the concept out if it is not to pass"
        else:
            message = (
                f"no score of {use.concept!r} passes {node!r}: it takes {kept},"
                f" and what reaches it is {before}"
            )
            hint = "thresholds in line must have scores in common"
        yield from self.telling.about("RC516", place, message, hint, workflow=use.wiring.workflow)

    def _unused(self, product: _Product, place: Place, meeting: _Meeting) -> Iterator[Diagnostic]:
        operator, node = meeting.placed.step.operator, meeting.placed.step.id
        assert isinstance(operator, Thresholder)
        fate = "drops it" if operator.filter_other_concepts else "lets every score of it pass"
        message = (
            f"concept {product.concept!r} is produced, but no thresholder that it meets"
            f" has a threshold for it: {node!r} {fate}"
        )
        yield from self.telling.about(
            "RC522",
            place,
            message,
            f"add a threshold for {product.concept!r}, or stop producing it",
            workflow=meeting.wiring.workflow,
            related=[("the thresholds", meeting.placed.thresholds_at("")[:-1])],
        )

    def _made(self, product: _Product, relations: Mapping[tuple[str, _End], Place]) -> Place | None:
        """Where the manifest says that a concept is made; None where nothing certain does."""
        if not product.model:
            return relations.get((product.concept, product.origin))
        model = self.graph.get(Address("model", (product.model,)))
        assert model is not None
        return next(
            (
                (*model.source, *reference.at)
                for reference in model.references
                if reference.to.id == product.concept and reference.at[:1] == ("concepts",)
            ),
            None,
        )


_MANY: Final = 100
"""So many concepts that never come get a nearest one searched for; the rest go without."""


def _product(strand: Strand, models: Mapping[int, str]) -> _Product:
    model = models.get(strand.source, "") if strand.origin == strand.concept else ""
    origin = strand.origin
    return _Product(strand.concept.id, model, (origin.user_id, origin.app_id, origin.id))


def _synonyms(graph: ResourceGraph) -> Mapping[tuple[str, _End], Place]:
    """Each synonym from either end: hypernyms may not be followed, so nothing rests on them."""
    found: dict[tuple[str, _End], Place] = {}
    for resource in graph:
        if resource.address.kind == "relation" and resource.address.parts[1] == SYNONYM:
            subject, _, object_ = resource.address.parts
            found.setdefault((subject, _end(object_)), (*resource.source, "subject"))
            found.setdefault((object_, _end(subject)), (*resource.source, "object"))
    return found


def _end(name: str) -> _End:
    parts = name.split("/")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else (*APP, name)


def _remedy(before: Iterable[Placed], concept: str, namesake: str) -> str:
    """What makes a concept come; ``namesake`` is what a relation would join it with, if known."""
    for placed in before:
        if isinstance(placed.step.operator, Mapper):
            end = f" with {namesake}" if namesake else ""
            return f"add a synonym relation of {concept!r}{end}, or take the threshold out"
    for placed in before:
        if isinstance(placed.step.operator, Source) and placed.model:
            return f"add it to the concepts of model {placed.model!r}, or take the threshold out"
    return "take the threshold out, or let the node read from what predicts it"
