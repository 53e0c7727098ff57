"""The manifest of a live app as text: sections in order, and what cannot be part of it as comments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from reconciler.address import APP, DEFAULT_WORKFLOW, Address
from reconciler.export.reading import Found
from reconciler.export.statements import Shape, Stating
from reconciler.export.unsaid import shown
from reconciler.export.writing import Remarked, comments, entry, flow, rows
from reconciler.resource import Resource

_STEP: Final = "  "

Mistakes = Iterable[tuple[int, str]]
"""What is wrong with a text: line (from 1) and message."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A manifest's text; ``left`` says of each resource that is not part of it, why.

    ``mistakes`` are those of the text that leaving something out could not mend.
    """

    text: str
    left: Mapping[Address, str]
    mistakes: tuple[tuple[int, str], ...] = ()


def export(found: Found, shape: Shape, check: Callable[[str], Mistakes]) -> Exported:
    """The manifest of an app that exists.

    ``check`` is asked what is wrong with the text: what the language refuses becomes a comment with
    the reason, until all that is left may stand.
    """
    stating = Stating(found, shape)
    left = dict(stating.foreign())
    for resource in found.app.graph:
        if resource.address.kind == "model" and (why := stating.unstatable(resource)):
            left.setdefault(resource.address, why)
    while True:
        lines = list(_lines(replace(stating, left=left)))
        text = "".join(f"{line}\n" for line, _ in lines)
        mistakes = tuple(check(text))
        wrong = {lines[min(at, len(lines)) - 1][1]: why for at, why in reversed(mistakes)}
        new = {a: why for a, why in wrong.items() if a is not None and a not in left}
        if not new:
            return Exported(text, left, mistakes)
        left |= new


_Line = tuple[str, Address | None]


def _lines(stating: Stating) -> Iterator[_Line]:
    """Every line, with the resource that it is part of."""
    yield f"# yaml-language-server: $schema={stating.shape.schema}", None
    yield "#", None
    yield "# Exported from a live app. Another app.id makes it the manifest of an equal app.", None
    yield from _app(stating)
    graph = stating.found.app.graph
    of_kind: dict[str, list[Resource]] = {}
    for resource in graph:
        of_kind.setdefault(resource.address.kind, []).append(resource)
    for kind, key in stating.found.sections.items():
        if kind != APP:
            write = WRITERS.get(kind, _by_id)
            yield from _section(stating, key, of_kind.get(kind, ()), write)


def _app(stating: Stating) -> Iterator[_Line]:
    yield "app:", None
    (app,) = (r for r in stating.found.app.graph if r.address == Address(APP))
    for key, value in stating.app(app).items():
        address = Address(APP, (key,))
        yield from _said(stating, address, list(entry(key, value, _STEP)), f"app.{key}", _STEP)
    if workflow := stating.default_workflow():
        address = Address(DEFAULT_WORKFLOW)
        lines = list(entry("default_workflow", workflow, _STEP))
        yield from _said(stating, address, lines, str(address), _STEP)


def _said(
    stating: Stating, address: Address, lines: Sequence[str], name: str, indent: str
) -> Iterator[_Line]:
    """Lines as they are, or, of what is left out, as a comment that says why."""
    why = stating.left.get(address)
    if why is None:
        yield from ((line, address) for line in lines)
        return
    yield f"{indent}# {shown(name)} is not part of this manifest: {shown(why)}", None
    for line in lines:
        yield f"{indent}#   {line.removeprefix(indent)}".rstrip(), None


_Writer = Callable[[Stating, Sequence[Resource]], Iterator[tuple[Resource, list[str]]]]


def _section(
    stating: Stating, key: str, resources: Sequence[Resource], write: _Writer
) -> Iterator[_Line]:
    strange = [
        f"{key}: not understood, and left as it is: {shown(flow(_plain(item)))}"
        for item in stating.found.strange.get(key, ())
    ]
    if not resources and not strange:
        return
    yield "", None
    kept = [r for r in resources if r.address not in stating.left]
    indent = _STEP if kept else ""
    if kept:
        yield f"{key}:", None
    yield from ((line, None) for line in comments(strange, indent))
    for resource, lines in write(stating, resources):
        shifted = lines if kept else [line.removeprefix(_STEP) for line in lines]
        yield from _said(stating, resource.address, shifted, str(resource.address), indent)


def _plain(item: Mapping[str, object]) -> Mapping[str, object]:
    """The scalars of an item, enough to find it."""
    ids = {k: v["id"] for k, v in item.items() if isinstance(v, Mapping) and "id" in v}
    return {**{k: v for k, v in item.items() if isinstance(v, str)}, **ids}


def _concepts(
    stating: Stating, concepts: Sequence[Resource]
) -> Iterator[tuple[Resource, list[str]]]:
    """A list of ids where they say enough, else a map."""
    stated = [(concept, stating.object(concept)) for concept in concepts]
    if any(value.value not in ({}, {"name": r.address.id}) for r, value in stated):
        yield from _by_id(stating, concepts)
        return
    for concept, value in stated:
        remarks = list(comments(value.remarks, _STEP))
        yield concept, [*remarks, f"{_STEP}- {flow(concept.address.id)}"]


def _by_id(stating: Stating, resources: Sequence[Resource]) -> Iterator[tuple[Resource, list[str]]]:
    """A map from ids to fields."""
    for resource in resources:
        yield resource, list(entry(resource.address.id, stating.object(resource), _STEP))


def _relations(
    stating: Stating, relations: Sequence[Resource]
) -> Iterator[tuple[Resource, list[str]]]:
    for relation in relations:
        yield relation, list(rows([stating.relation(relation)], _STEP))


def _models(stating: Stating, models: Sequence[Resource]) -> Iterator[tuple[Resource, list[str]]]:
    for model in models:
        yield model, list(entry(model.address.id, stating.model(model), _STEP, block=True))


def _workflows(
    stating: Stating, workflows: Sequence[Resource]
) -> Iterator[tuple[Resource, list[str]]]:
    for workflow in workflows:
        stated = stating.workflow(workflow)
        value = dict(stated.value)
        nodes = value.pop("nodes")
        lines = list(entry(workflow.address.id, Remarked(value, stated.remarks), _STEP, block=True))
        if not value:
            lines[-1] = lines[-1].removesuffix(" {}")
        lines += [f"{_STEP * 2}nodes:", *rows(nodes, _STEP * 3)]
        yield workflow, lines


WRITERS: Mapping[str, _Writer] = MappingProxyType(
    {
        "concept": _concepts,
        "relation": _relations,
        "model": _models,
        "workflow": _workflows,
    }
)
"""The kinds that a manifest has in another form than as a map from ids to their fields."""
