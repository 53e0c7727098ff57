"""What can be wrong with the graph of a workflow: names, circles, limits, what flows between nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from reconciler import dag
from reconciler.address import Address
from reconciler.catalogue import ModelType, public_model
from reconciler.diagnostics import did_you_mean
from reconciler.kind import Problem
from reconciler.resource import Place, Resource, ResourceGraph, Torn

MAX_NODES = 20
"""Nodes of one workflow (docs, workflow limits)."""

_MEDIA = frozenset({"image", "text", "audio", "video"})
"""What a workflow's input can hold, and what a node can always take from further up."""


_HARMLESS = frozenset({"suppress_output", "output_info_override"})
"""Keys of a node that say nothing of what flows into and out of it."""


def node_problems(
    workflow: Resource, graph: ResourceGraph, types: Mapping[str, ModelType]
) -> Iterator[Problem]:
    """Every problem, each at its node. Of what is unclear, a torn workflow's nodes too, none."""
    written: tuple[tuple[str, tuple[str, ...]], ...] = workflow.options["written_nodes"]
    places = {id_: ("nodes", index) for index, (id_, _) in reversed([*enumerate(written)])}
    known = _Known.of(workflow, places)
    edges = {id_: [source for source in inputs if source in places] for id_, inputs in written}
    yield from _names(written, places, known)
    yield from (_circle(circle, places) for circle in dag.cycles(edges, key=str))
    if known.count > MAX_NODES:
        yield Problem(
            "RC302",
            ("nodes",),
            f"{known.count} nodes, the platform takes at most {MAX_NODES}",
            "split the workflow, or let one model do the work of several nodes",
        )
    doubles = [id_ for index, (id_, _) in enumerate(written) if places[id_] != ("nodes", index)]
    unclear = known.unclear.union(doubles, dag.on_cycles(edges, key=str))
    found = _types(workflow, graph, types)
    open_ = known.untyped.union(doubles)
    sure = {id_: type_ for id_, type_ in found.items() if id_ not in open_}
    yield from _flow(dict(written), sure, places, unclear)


@dataclass(frozen=True, slots=True)
class _Known:
    """What was written of the nodes: their number, their ids, of which nodes that is not all.

    ``ids`` is None where one cannot be read; the model of a node that is ``untyped`` is not known.
    """

    count: int
    ids: tuple[str, ...] | None
    unclear: frozenset[str] = frozenset()
    untyped: frozenset[str] = frozenset()

    @classmethod
    def of(cls, workflow: Resource, places: Mapping[str, Place]) -> _Known:
        torn: Torn | None = workflow.options.get("torn")
        if torn is None:
            count = len(workflow.options["written_nodes"])
            return cls(count, tuple(places))
        nodes = torn.written.get("nodes")
        if not isinstance(nodes, list) or ("nodes",) in torn.replaced:
            return cls(0, None, frozenset(places), frozenset(places))
        stated = [node.get("id") if isinstance(node, dict) else None for node in nodes]
        ids = tuple(id_ for id_ in stated if isinstance(id_, str))
        bearing = [
            place
            for place in torn.places
            if place[:1] == ("nodes",) and len(place) > 2 and place[2] not in _HARMLESS
        ]
        unclear = {place[:2] for place in bearing}
        untyped = {place[:2] for place in bearing if place[2] != "node_inputs"}
        return cls(
            len(nodes),
            ids if len(ids) == len(stated) else None,
            frozenset(id_ for id_, place in places.items() if place in unclear),
            frozenset(id_ for id_, place in places.items() if place in untyped),
        )


def _names(
    written: tuple[tuple[str, tuple[str, ...]], ...], places: Mapping[str, Place], known: _Known
) -> Iterator[Problem]:
    for index, (id_, inputs) in enumerate(written):
        if places[id_] != ("nodes", index):
            yield Problem(
                "RC105",
                ("nodes", index, "id"),
                f"node {id_!r} is there twice",
                "give each node of a workflow its own id",
            )
        for position, source in enumerate(inputs):
            at = ("nodes", index, "node_inputs", position)
            if source in inputs[:position]:
                message = f"node {id_!r} reads from {source!r} twice"
                yield Problem("RC105", at, message, "take one of them out")
            elif known.ids is not None and source not in known.ids:
                message = f"{source!r} is no node of this workflow"
                hint = did_you_mean(source, known.ids) or f"its nodes are {', '.join(known.ids)}"
                yield Problem("RC203", at, message, hint)


def _circle(circle: Sequence[str], places: Mapping[str, Place]) -> Problem:
    # told in the direction in which data flows
    told = dag.round_trip([circle[0], *reversed(circle[1:])])
    return Problem(
        "RC204",
        (*places[circle[0]], "node_inputs"),
        f"nodes feed each other in a circle: {told}",
        "take one of these edges out",
    )


def _types(
    workflow: Resource, graph: ResourceGraph, types: Mapping[str, ModelType]
) -> Mapping[str, ModelType]:
    """The model type of each node where it is known offline."""
    found: dict[str, str] = {}
    for id_, node in workflow.fields["nodes"].items():
        model = node["model"]
        own = graph.get(Address("model", (model,)))
        public = public_model(model.split("/")[-1]) if model.startswith("clarifai/main/") else None
        if own is not None:
            found[id_] = own.fields["model_type_id"]
        elif public is not None:
            found[id_] = public.model_type_id
    return {id_: types[type_] for id_, type_ in found.items() if type_ in types}


def _flow(
    inputs: Mapping[str, tuple[str, ...]],
    types: Mapping[str, ModelType],
    places: Mapping[str, Place],
    unclear: Set[str],
) -> Iterator[Problem]:
    """What reaches an unclear node is unknown, and so is what comes from a node that is not there."""
    gives: dict[str, frozenset[str] | None] = {}
    clear = {
        id_: () if id_ in unclear else tuple(source for source in sources if source in inputs)
        for id_, sources in inputs.items()
    }
    for id_ in dag.sort(clear, key=str, name=str):
        sources = [None] if id_ in unclear else [gives.get(source) for source in inputs[id_]]
        arriving = None if None in sources else _MEDIA.union(*(s for s in sources if s))
        type_ = types.get(id_)
        if type_ is None:
            gives[id_] = None
            continue
        outputs = _fields(type_.outputs)
        gives[id_] = arriving if "any" in outputs else frozenset(outputs)
        if arriving is None or _satisfied(type_.inputs, arriving):
            continue
        takes = f"node {id_!r} ({type_.id}) takes {' or '.join(type_.inputs)}"
        hint = f"let it read from a node that gives {type_.inputs[0]}"
        if inputs[id_]:
            givers = ", ".join(map(repr, inputs[id_]))
            verb = "gives" if len(inputs[id_]) == 1 else "give"
            message = f"{takes}, but {givers} {verb} {_spoken(arriving - _MEDIA)}"
            yield Problem("RC207", (*places[id_], "node_inputs"), message, hint)
        else:
            message = f"{takes}, but without node_inputs it gets only the workflow's input"
            yield Problem("RC208", places[id_], message, hint)


def _fields(entries: Iterable[str]) -> set[str]:
    return {field.strip() for entry in entries for field in entry.split(",")}


def _satisfied(wanted: Iterable[str], arriving: frozenset[str]) -> bool:
    """One entry is enough; an entry with commas needs all of its fields."""
    return any(
        all(_arrives(field.strip(), arriving) for field in entry.split(",")) for entry in wanted
    )


def _arrives(field: str, arriving: frozenset[str]) -> bool:
    """``regions[...]`` stands for regions with anything in them, on either side."""
    if field == "any" or field in arriving:
        return True
    if field.endswith("]"):
        return any(given.startswith(field) for given in arriving)
    return f"{field.partition(']')[0]}]" in arriving


def _spoken(fields: frozenset[str]) -> str:
    return ", ".join(sorted(fields)) or "nothing but the workflow's input"
