"""Warnings about concepts: thresholds for what never comes, and what comes without a threshold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from reconciler.address import Address
from reconciler.diagnostics import Diagnostic, did_you_mean
from reconciler.manifest.flow import Arrival, Strand, kept_by, limits
from reconciler.manifest.intervals import EVERYTHING, ScoreSet
from reconciler.manifest.steps import APP, Placed
from reconciler.manifest.wiring import Telling, Wiring
from reconciler.resource import Place, ResourceGraph
from reconciler.routing.operators import SYNONYM
from reconciler.routing.workflow import Mapper, Source, Thresholder


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
    origin: tuple[str, str, str]


class Uses:
    """Takes note of each workflow, and tells at the end what no workflow has a use for."""

    def __init__(self, graph: ResourceGraph, telling: Telling) -> None:
        self.graph = graph
        self.telling = telling
        self._seen: set[tuple[object, int]] = set()
        self._uses: dict[Place, _Use] = {}
        self._met: dict[_Product, tuple[Placed, Wiring]] = {}
        self._known: set[_Product] = set()
        self._arriving: dict[int, Mapping[str, ScoreSet]] = {}
        self._relations: dict[tuple[str, tuple[str, str, str]], Place] = {}
        self._absent_so_far = 0

    def note(self, wiring: Wiring) -> None:
        """Remembers what meets which thresholds in one workflow."""
        models = {wiring.arrivals[p.step.id].leaving: p.model for p in wiring.placed}
        for placed in wiring.placed:
            operator, arrival = placed.step.operator, wiring.arrivals[placed.step.id]
            key = (placed.step.identity, arrival.number)
            if isinstance(operator, Thresholder) and key not in self._seen:
                self._seen.add(key)
                self._note_thresholds(placed, operator, arrival, wiring)
                self._note_products(placed, operator, arrival, wiring, models)

    def _note_thresholds(
        self, placed: Placed, operator: Thresholder, arrival: Arrival, wiring: Wiring
    ) -> None:
        arriving = self._by_id(arrival)
        for concept in limits(operator):
            kept = kept_by(operator, concept)
            before = arriving.get(concept)
            if before is None and not arrival.stream.open:
                state = _State.ABSENT
            elif (kept is not None and not kept) or (kept is not None and before and not before & kept):
                state = _State.BLOCKED
            else:
                # what does not come because of a threshold further up is told there
                state = _State.FINE
            place = placed.thresholds_at(concept)
            known = self._uses.get(place)
            if known is None or known.state < state:
                self._uses[place] = _Use(state, placed, wiring, concept)

    def _note_products(
        self,
        placed: Placed,
        operator: Thresholder,
        arrival: Arrival,
        wiring: Wiring,
        models: Mapping[int, str],
    ) -> None:
        for strand, scores in arrival.stream.known.items():
            if scores and strand.concept.app == APP:
                product = _product(strand, models)
                if strand.concept.id in operator.thresholds:
                    self._known.add(product)
                else:
                    self._met.setdefault(product, (placed, wiring))

    def tell(self) -> Iterator[Diagnostic]:
        """The warnings about all workflows."""
        for place, use in self._uses.items():
            match use.state:
                case _State.ABSENT:
                    yield from self._absent(place, use)
                case _State.BLOCKED:
                    yield from self._blocked(place, use)
                case _State.FINE:
                    pass
        for product in self._met:
            where = None if product in self._known else self._place(product)
            if where is not None:
                yield from self._unused(product, where)

    def _absent(self, place: Place, use: _Use) -> Iterator[Diagnostic]:
        node, concept = use.placed.step.id, use.concept
        before = tuple(use.wiring.before([use.placed]))
        dropper = next((p for p in before if self._drops(p, concept, use.wiring)), None)
        message = f"a threshold for {concept!r}, which never reaches {node!r}"
        if dropper is not None:
            message += f": {dropper.step.id!r} has no threshold for it and drops it"
            hint = f"add {concept!r} there too, or take it out here"
        else:
            self._absent_so_far += 1
            arriving = self._by_id(use.wiring.arrivals[node])
            near = did_you_mean(concept, arriving) if self._absent_so_far < _MANY else ""
            hint = near or _remedy(before, concept)
        yield from self.telling.about("RC521", place, message, hint, workflow=use.wiring.workflow)

    def _drops(self, placed: Placed, concept: str, wiring: Wiring) -> bool:
        operator = placed.step.operator
        return (
            isinstance(operator, Thresholder)
            and operator.filter_other_concepts
            and concept not in operator.thresholds
            and concept in self._by_id(wiring.arrivals[placed.step.id])
        )

    def _blocked(self, place: Place, use: _Use) -> Iterator[Diagnostic]:
        operator, node = use.placed.step.operator, use.placed.step.id
        assert isinstance(operator, Thresholder)
        kept = kept_by(operator, use.concept)
        before = self._by_id(use.wiring.arrivals[node]).get(use.concept, EVERYTHING)
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

    def _unused(self, product: _Product, place: Place) -> Iterator[Diagnostic]:
        placed, wiring = self._met[product]
        operator = placed.step.operator
        assert isinstance(operator, Thresholder)
        fate = "drops it" if operator.filter_other_concepts else "lets every score of it pass"
        message = (
            f"concept {product.concept!r} is produced, but no thresholder that it meets"
            f" has a threshold for it: {placed.step.id!r} {fate}"
        )
        # the place below which a concept's threshold would stand
        where = placed.thresholds_at("")[:-1]
        hint = f"add a threshold for {product.concept!r}, or stop producing it"
        yield from self.telling.about(
            "RC522",
            place,
            message,
            hint,
            workflow=wiring.workflow,
            related=[("the thresholds", where)],
        )

    def _place(self, product: _Product) -> Place | None:
        """Where the manifest says that a concept is made; None where nothing certain does."""
        if product.model:
            model = self.graph.get(Address("model", (product.model,)))
            for reference in model.references if model else ():
                if reference.to.id == product.concept and reference.at[:1] == ("concepts",):
                    return (*(model.source if model else ()), *reference.at)
            return None
        return self._relation_places().get((product.concept, product.origin))

    def _relation_places(self) -> Mapping[tuple[str, tuple[str, str, str]], Place]:
        """Each synonym from either end: hypernyms may not be followed, so nothing rests on them."""
        if not self._relations:
            for resource in self.graph:
                if resource.address.kind == "relation" and resource.address.parts[1] == SYNONYM:
                    subject, _, object_ = resource.address.parts
                    near, far = (subject, "subject"), (object_, "object")
                    for (here, name), (there, _) in ((near, far), (far, near)):
                        if "/" not in here:
                            key = (here, _origin(there))
                            self._relations.setdefault(key, (*resource.source, name))
        return self._relations

    def _by_id(self, arrival: Arrival) -> Mapping[str, ScoreSet]:
        """The scores that arrive of each concept with a name."""
        if arrival.number not in self._arriving:
            found: dict[str, ScoreSet] = {}
            for strand, scores in arrival.stream.known.items():
                id_ = strand.concept.id
                found[id_] = found[id_] | scores if id_ in found else scores
            self._arriving[arrival.number] = found
        return self._arriving[arrival.number]


_MANY = 100
"""So many concepts that never come get a nearest one searched for; the rest go without."""


def _product(strand: Strand, models: Mapping[int, str]) -> _Product:
    model = models.get(strand.source, "") if strand.origin == strand.concept else ""
    origin = strand.origin
    return _Product(strand.concept.id, model, (origin.user_id, origin.app_id, origin.id))


def _remedy(before: Iterable[Placed], concept: str) -> str:
    """What makes a concept come."""
    for placed in before:
        if isinstance(placed.step.operator, Mapper):
            return f"add a synonym relation of {concept!r}, or take the threshold out"
    for placed in before:
        if isinstance(placed.step.operator, Source) and placed.model:
            return f"add it to the concepts of model {placed.model!r}, or take the threshold out"
    return "take the threshold out, or let the node read from what predicts it"


def _origin(name: str) -> tuple[str, str, str]:
    parts = name.split("/")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else (*APP, name)
