"""What of a manifest with errors is sound enough for warnings that no mended error takes back."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Final

from reconciler.address import Address
from reconciler.diagnostics import Diagnostic, Severity
from reconciler.manifest import nodes
from reconciler.manifest.nodes import Node, Scalar, Sequence
from reconciler.manifest.sections import Sections
from reconciler.manifest.steps import MAPPER
from reconciler.origin import Origin
from reconciler.resource import Place, Resource, ResourceGraph

_MODELS, _WORKFLOWS, _RELATIONS = "models", "workflows", "concept_relations"
_BEARING: Final = frozenset({_MODELS, _WORKFLOWS, _RELATIONS})
"""Sections that decide what happens to scores."""

_WHOLE: Final = frozenset((section,) for section in _BEARING)

_SETTING: Final = frozenset({"RC402", "RC403", "RC404", "RC405", "RC407"})
"""What is wrong with the setting of a variable: it reaches as far as variables are used."""

_APART: Final = frozenset({"RC206", "RC211"})
"""Mistakes that have nothing to do with scores."""

_HIDING: Final = frozenset({"RC003", "RC101", "RC105", "RC201", "RC401", "RC406"})
"""Mistakes behind which something else may stand than what can be read."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """What mistakes leave open, by id.

    ``workflows`` and ``models`` are not sound themselves or build on what is not; ``used`` are the
    models that such workflows use, None if it cannot be read which. Nothing is left of the ``gone``
    workflows. ``app``: what it says of itself is not sound.
    """

    workflows: Set[str] = frozenset()
    gone: Set[str] = frozenset()
    models: Set[str] = frozenset()
    used: Set[str] | None = frozenset()
    app: bool = False

    def may_use(self, model: str) -> bool:
        """Whether a workflow that is not sound may use a model."""
        return self.used is None or model in self.used


def doubt(
    found: Iterable[Diagnostic],
    graph: ResourceGraph,
    sections: Sections,
    variable: Set[Origin],
) -> Doubt | None:
    """What the errors among the diagnostics leave open; None if that is everything.

    ``sections`` are those before mistakes were taken out, with the entries that are lost after all;
    ``variable`` are the places whose values variables give.
    """
    errors = [one for one in found if one.severity is Severity.ERROR]
    if not errors:
        return Doubt()
    if not sections.complete or not _WHOLE.isdisjoint(sections.lost):
        return None
    owners = _Owners(sections)
    places: dict[Place, set[str]] = {place: set() for place in sections.lost}
    for error in errors:
        for place in _concerned(error, owners):
            if place is None or place[0] == "checks" or place in _WHOLE:
                return None
            # a node that is there twice can be read twice
            codes = set() if error.code == "RC105" and error.field else {error.code}
            places.setdefault(place, set()).update(codes)
    if any(error.code in _SETTING for error in errors) or any(
        place[0] == "variables" for place in places
    ):
        for place in _using(sections, variable):
            places.setdefault(place, set()).add("RC401")
    return _doubt(places, graph, sections)


def _concerned(error: Diagnostic, owners: _Owners) -> Iterator[Place | None]:
    """The entries that an error is about, or a section; None where that could be anything."""
    if error.code in _SETTING or error.code in _APART:
        return
    yield from map(owners.of, (error.origin, *(origin for _, origin in error.related)))
    kind, _, id_ = error.address.partition(".")
    section = {"model": _MODELS, "workflow": _WORKFLOWS}.get(kind)
    if section is not None and id_:
        yield section, Address.parse(error.address).id


def _doubt(places: Mapping[Place, Set[str]], graph: ResourceGraph, sections: Sections) -> Doubt:
    models = {str(place[1]) for place in places if place[0] == _MODELS}
    lost = {str(place[1]) for place in places if place[0] == _WORKFLOWS}
    if any(place[0] == _RELATIONS for place in places):
        models |= {r.address.id for r in graph if _is_mapper(r)}
    building = {
        resource.address.id
        for resource in graph
        if resource.address.kind == "workflow"
        and any(
            ref.to.kind == "model" and (ref.to.id in models or ref.to not in graph)
            for ref in resource.references
        )
    }
    gone = {str(id_) for id_ in sections.entries.get(_WORKFLOWS, ())}
    gone -= {resource.address.id for resource in graph if resource.address.kind == "workflow"}
    used: set[str] | None = set()
    known = sections.entries.get(_MODELS, {}).keys()
    for id_ in sorted(lost | building | gone):
        entry = sections.entries.get(_WORKFLOWS, {}).get(id_)
        hiding = places.get((_WORKFLOWS, id_), set()) & _HIDING
        stated = None if entry is None or hiding else _models_of(entry.value)
        is_clear = stated is not None and all(_is_foreign(name) or name in known for name in stated)
        used = used | stated if used is not None and stated is not None and is_clear else None
    app = any(
        place in (("app",), ("app", "user_id")) or (place[0] == "app" and codes & _HIDING)
        for place, codes in places.items()
    )
    return Doubt(frozenset(lost | building | gone), frozenset(gone), frozenset(models), used, app)


def _is_mapper(resource: Resource) -> bool:
    return resource.address.kind == "model" and resource.fields["model_type_id"] == MAPPER


def _models_of(workflow: Node) -> set[str] | None:
    """The ids of the models that a workflow's nodes name, None if one cannot be read."""
    stated = workflow.items.get("nodes") if type(workflow) is nodes.Mapping else None
    if type(stated) is not Sequence:
        return None
    found: set[str] = set()
    for node in stated.items:
        model = node.items.get("model") if type(node) is nodes.Mapping else None
        if type(model) is nodes.Mapping:
            model = model.items.get("model_id")
        if type(model) is not Scalar or not model.text:
            return None
        found.add(model.text.partition("@")[0])
    return found


def _is_foreign(model: str) -> bool:
    """Whether it is named as one of another app."""
    return model.count("/") == 2 and "" not in model.split("/")


def _using(sections: Sections, variable: Set[Origin]) -> Iterator[Place]:
    """The entries in which variables are used."""
    for section, entries in sections.entries.items():
        for step, entry in entries.items():
            if any(scalar.origin in variable for scalar in _scalars(entry.value)):
                yield (section, step)


def _scalars(node: Node) -> Iterator[Scalar]:
    stack: list[Node] = [node]
    while stack:
        here = stack.pop()
        if type(here) is Scalar:
            yield here
        elif type(here) is nodes.Mapping:
            stack += here.items.values()
        elif type(here) is Sequence:
            stack += here.items


class _Owners:
    """Which entry a position belongs to: the last one that begins before it."""

    def __init__(self, sections: Sections) -> None:
        self._begins: dict[str, list[tuple[int, int, Place]]] = {}
        for section, key in sections.keys.items():
            self._add(key, (section,))
            for step, entry in sections.entries.get(section, {}).items():
                self._add(entry.key, (section, step))
        for begins in self._begins.values():
            begins.sort(key=_position)

    def _add(self, origin: Origin, place: Place) -> None:
        self._begins.setdefault(origin.file, []).append((origin.line, origin.column, place))

    def of(self, origin: Origin) -> Place | None:
        """The entry, or the section where no entry began yet; None where nothing did."""
        begins = self._begins.get(origin.file, [])
        before = bisect_right(begins, (origin.line, origin.column), key=_position)
        return begins[before - 1][2] if origin.line and before else None


def _position(begin: tuple[int, int, Place]) -> tuple[int, int]:
    return begin[:2]
