"""What can be wrong with the graph of a workflow: names, circles, limits, what flows between nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reconciler import dag
from reconciler.address import Address
from reconciler.catalogue import ModelType, public_model
from reconciler.diagnostics import did_you_mean
from reconciler.kind import Problem
from reconciler.resource import Place, Resource, ResourceGraph

MAX_NODES = 20
"""Nodes of one workflow (docs, workflow limits)."""

_MEDIA = frozenset({"image", "text", "audio", "video"})
"""What a workflow's input can hold, and what a node can always take from further up."""


def node_problems(
    workflow: Resource, graph: ResourceGraph, types: Mapping[str, ModelType]
) -> Iterator[Problem]:
    """Every problem, each at its node. The graph's flow is looked at only if its shape is sound."""
    written: tuple[tuple[str, tuple[str, ...]], ...] = workflow.options["written_nodes"]
    places = {id_: ("nodes", index) for index, (id_, _) in reversed([*enumerate(written)])}
    problems = list(_shape(written, places))
    yield from problems
    if len(written) > MAX_NODES:
        yield Problem(
            "RC302",
            ("nodes",),
            f"{len(written)} nodes, the platform takes at most {MAX_NODES}",
            "split the workflow, or let one model do the work of several nodes",
        )
    if not problems:
        yield from _flow(dict(written), _types(workflow, graph, types), places)


def _shape(
    written: tuple[tuple[str, tuple[str, ...]], ...], places: Mapping[str, Place]
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
            if source not in places:
                yield Problem(
                    "RC203",
                    ("nodes", index, "node_inputs", position),
                    f"{source!r} is no node of this workflow",
                    did_you_mean(source, places) or f"its nodes are {', '.join(places)}",
                )
            elif source in inputs[:position]:
                yield Problem(
                    "RC105",
                    ("nodes", index, "node_inputs", position),
                    f"node {id_!r} reads from {source!r} twice",
                    "take one of them out",
                )
    edges = {id_: [source for source in inputs if source in places] for id_, inputs in written}
    for cycle in dag.cycles(edges, key=str):
        # told in the direction in which data flows
        told = dag.round_trip([cycle[0], *reversed(cycle[1:])])
        yield Problem(
            "RC204",
            (*places[cycle[0]], "node_inputs"),
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
) -> Iterator[Problem]:
    gives: dict[str, frozenset[str] | None] = {}
    for id_ in dag.sort(inputs, key=str, name=str):
        sources = [gives[source] for source in inputs[id_]]
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
