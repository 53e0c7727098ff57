"""What is allowed and yet hardly meant: warnings that only someone who knows the platform can give.

Each is about what is sound in a manifest, and stands at the value that has to change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.catalogue import PUBLIC_WORKFLOWS
from reconciler.diagnostics import Diagnostic
from reconciler.manifest.flow import Flows
from reconciler.manifest.soundness import Doubt
from reconciler.manifest.steps import Translator
from reconciler.manifest.thresholds import Thresholds
from reconciler.manifest.unmapped import unmapped
from reconciler.manifest.uses import Uses
from reconciler.manifest.wiring import Locate, Telling, Wiring
from reconciler.resource import Place, Resource, ResourceGraph

_WRITER: Final = "annotation-writer"

_SHADOWING: Final = frozenset({workflow.id for workflow in PUBLIC_WORKFLOWS} | {"Face", "Text"})
"""Ids that the platform looks up among its own workflows first (proto comment on GetWorkflow)."""


def check(
    graph: ResourceGraph,
    locate: Locate,
    owner: str | None = None,
    doubt: Doubt | None = None,
) -> list[Diagnostic]:
    """All warnings about a manifest's resources, in no order; what is in ``doubt`` has none.

    ``locate`` gives the position of a place of the manifest; ``owner`` is the app's ``user_id``, if
    the manifest states one. Linear in the size of the manifest.
    """
    doubt = doubt or Doubt()
    workflows = [resource for resource in graph if resource.address.kind == "workflow"]
    ids = sorted({workflow.address.id for workflow in workflows} | doubt.gone)
    telling = Telling(locate, many=len(ids) > 1)
    return [
        *_of_workflows(graph, workflows, telling, doubt),
        *_of_writers(graph, workflows, telling, doubt),
        *_of_authors(graph, workflows, telling, owner, doubt),
        *_of_ids(ids, telling),
    ]


def _of_workflows(
    graph: ResourceGraph, workflows: list[Resource], telling: Telling, doubt: Doubt
) -> Iterator[Diagnostic]:
    translator, flows = Translator(graph), Flows()
    thresholds, uses = Thresholds(flows, telling), Uses(graph, flows, telling, doubt)
    for workflow in workflows:
        if workflow.address.id in doubt.workflows:
            continue
        placed = translator.steps(workflow)
        wiring = Wiring(workflow, placed, flows.run([one.step for one in placed]))
        yield from thresholds.of(wiring)
        yield from unmapped(wiring, flows, telling, graph)
        yield from _unreached(wiring, telling)
        uses.note(wiring)
    yield from uses.tell()


# --- writers


def _unreached(wiring: Wiring, telling: Telling) -> Iterator[Diagnostic]:
    """Writer nodes that never get anything to write."""
    for placed in wiring.writers:
        stream = wiring.arrivals[placed.step.id].stream
        if not stream.is_empty:
            continue
        hint = "let it read from a classifier, a mapper or a thresholder"
        if stream.known:
            why = "the thresholds on the way have no score in common"
            hint = "let them share some scores, or take the writer out"
        elif not placed.step.inputs:
            why = "it has no node_inputs, and an input by itself has no concepts"
        else:
            sources = ", ".join(map(repr, placed.step.inputs))
            why = f"{sources} {'give' if len(placed.step.inputs) > 1 else 'gives'} no concepts"
        message = f"nothing to write ever reaches {placed.step.id!r}: {why}"
        yield from telling.about("RC531", placed.at, message, hint)


def _of_writers(
    graph: ResourceGraph, workflows: list[Resource], telling: Telling, doubt: Doubt
) -> Iterator[Diagnostic]:
    """Writer models that no workflow has."""
    used = {reference.to for workflow in workflows for reference in workflow.references}
    for resource in _writers(graph, doubt) if workflows or doubt.gone else ():
        if resource.address not in used and not doubt.may_use(resource.address.id):
            message = f"nothing to write ever reaches {resource.address}: no workflow has it"
            hint = "add a node for it, or take it out"
            yield from telling.about("RC531", resource.source, message, hint)


def _writers(graph: ResourceGraph, doubt: Doubt) -> Iterator[Resource]:
    for resource in graph:
        if (
            resource.address.kind == "model"
            and resource.fields["model_type_id"] == _WRITER
            and resource.address.id not in doubt.models
        ):
            yield resource


def _of_authors(
    graph: ResourceGraph,
    workflows: list[Resource],
    telling: Telling,
    owner: str | None,
    doubt: Doubt,
) -> Iterator[Diagnostic]:
    """Writers with an author that is somebody else."""
    if doubt.app:
        return
    for resource in _writers(graph, doubt):
        author = (resource.configuration or {}).get("annotation_user_id", _ME)
        place = (*resource.source, "annotation_user_id")
        yield from _author(author, owner, place, telling)
    for workflow in workflows:
        if workflow.address.id in doubt.workflows:
            continue
        for index, (id_, _) in enumerate(workflow.options["written_nodes"]):
            node = workflow.fields["nodes"][id_]
            params = node["output_info_override"].get("params", {})
            if isinstance(author := params.get("annotation_user_id"), str):
                place = (*workflow.source, "nodes", index, *_OVERRIDDEN, "annotation_user_id")
                yield from _author(author, owner, place, telling)


_ME: Final = "me"
_OVERRIDDEN: Final = ("output_info_override", "params")


def _author(author: str, owner: str | None, place: Place, telling: Telling) -> Iterator[Diagnostic]:
    if author in (_ME, owner):
        return
    message = f"what this writer writes looks as if the user {author!r} had annotated it by hand"
    hint = "write me"
    if owner in (None, _ME):
        hint += f", or app.user_id: {author} if that is the app's owner"
    yield from telling.about("RC533", place, message, hint)


# --- ids


def _of_ids(ids: list[str], telling: Telling) -> Iterator[Diagnostic]:
    for id_ in ids:
        if id_ in _SHADOWING:
            message = (
                f"workflow {id_!r} has the id of one that the platform publishes and finds first"
            )
            hint = f"give it an id of your own, such as my-{id_.lower()}"
            yield from telling.about("RC541", ("workflows", id_), message, hint)
