"""Warnings about thresholds right behind a public model: it knows none of the app's own concepts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.address import Address
from reconciler.catalogue import PUBLIC_APP_ID, PUBLIC_CONCEPTS, PUBLIC_USER_ID
from reconciler.diagnostics import Diagnostic
from reconciler.manifest.flow import Arrival, Flows, Strand, limits
from reconciler.manifest.steps import MAPPER, Placed
from reconciler.manifest.wiring import Telling, Wiring, listed
from reconciler.resource import ResourceGraph
from reconciler.routing.workflow import Mapper, Thresholder

_PUBLIC: Final = (PUBLIC_USER_ID, PUBLIC_APP_ID)
_OWNER: Final = "/".join(_PUBLIC)
_SAMPLE: Final = next(iter(PUBLIC_CONCEPTS))


def may_come(flows: Flows, strand: Strand) -> bool:
    """Whether the source of a strand can have its concept at all."""
    return flows.may_give(strand.source, strand.origin.id)


def is_strange(flows: Flows, arrival: Arrival, concept: str) -> bool:
    """Whether a concept is asked of sources alone that cannot have one of its id."""
    return (
        bool(arrival.stream.open)
        and concept not in flows.strands(arrival.number)
        and not any(flows.may_give(source, concept) for source in arrival.stream.open)
    )


def is_unmapped(flows: Flows, placed: Placed, arrival: Arrival) -> bool:
    """Whether a thresholder has thresholds for nothing that its sources can have."""
    operator = placed.step.operator
    return isinstance(operator, Thresholder) and all(
        is_strange(flows, arrival, concept) for concept in limits(operator)
    )


def unmapped(
    wiring: Wiring, flows: Flows, telling: Telling, graph: ResourceGraph
) -> Iterator[Diagnostic]:
    """One warning for each node all of whose thresholds wait for what never comes."""
    for placed in wiring.placed:
        operator, arrival = placed.step.operator, wiring.arrivals[placed.step.id]
        if not isinstance(operator, Thresholder) or not is_unmapped(flows, placed, arrival):
            continue
        concepts = list(limits(operator))
        never = f"never {'reach' if len(concepts) > 1 else 'reaches'} {placed.step.id!r}"
        message = f"{listed(concepts)} {never}: {giving(wiring, arrival)}"
        hint = f"{way_out(wiring, placed, graph)} ({relating(concepts[0], graph)})"
        place = (*placed.at, "node_inputs")
        yield from telling.about("RC521", place, message, hint, workflow=wiring.workflow)


def giving(wiring: Wiring, arrival: Arrival) -> str:
    """What the public models before a node have instead of the app's concepts."""
    sources = [wiring.source(number) for number in arrival.stream.open]
    names = [source.step.id for source in sources if source]
    verb = "give" if len(names) > 1 else "gives"
    return f"{listed(names)} {verb} only concepts of {_OWNER}, with ids such as {_SAMPLE}"


def way_out(wiring: Wiring, placed: Placed, graph: ResourceGraph) -> str:
    """How a mapper comes between a thresholder and what it reads from."""
    before = set(placed.step.inputs)
    for other in wiring.placed:
        if isinstance(other.step.operator, Mapper) and before & set(other.step.inputs):
            return f"let it read from {other.step.id!r} instead, and relate each concept"
    for resource in graph:
        if resource.address.kind == "model" and resource.fields["model_type_id"] == MAPPER:
            return f"put a node with model {resource.address.id!r} between, and relate each concept"
    return f"put a {MAPPER} between, and relate each concept"


def synonym(before: Iterable[Placed], concept: str, graph: ResourceGraph) -> str:
    """``clarifai/main/ID`` of the concept's namesake behind a public model; empty where unknown."""
    is_public = any(p.step.emits and p.step.emits.owner == _PUBLIC for p in before)
    id_ = public_id(concept, graph)
    return f"{_OWNER}/{id_}" if is_public and id_ != _SOME_ID else ""


def relating(concept: str, graph: ResourceGraph) -> str:
    """The relation that makes a public concept one of the app's own."""
    return f"subject: {concept}, predicate: synonym, object: {_OWNER}/{public_id(concept, graph)}"


def public_id(concept: str, graph: ResourceGraph) -> str:
    """The public concept that has an own one's id or name for its name, else a stand-in."""
    resource = graph.get(Address("concept", (concept,)))
    name = resource.fields.get("name", "") if resource else ""
    return _IDS.get(concept) or _IDS.get(name) or _SOME_ID


_IDS: Final = {name: id_ for id_, name in PUBLIC_CONCEPTS.items()}
_SOME_ID: Final = "ai_..."


def strange_end(strands: Iterable[Strand], flows: Flows) -> Strand | None:
    """A strand whose source cannot have the concept that a relation begins at."""
    return next((strand for strand in strands if not may_come(flows, strand)), None)
