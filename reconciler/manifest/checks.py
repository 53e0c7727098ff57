"""What can be wrong between resources: references, cycles, doubles, and what each kind itself checks."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import replace

from reconciler import dag
from reconciler.address import Address, field_path
from reconciler.catalogue import MODEL_TYPES, ModelType, canonical_model_type, public_model
from reconciler.diagnostics import Diagnostic, did_you_mean, problem
from reconciler.kind import Kind
from reconciler.manifest.language import Move
from reconciler.manifest.sections import Sections
from reconciler.origin import Origin
from reconciler.resource import External, Reference, Resource, ResourceGraph, Torn

_SETTLED = frozenset({"RC105", "RC203", "RC204", "RC207", "RC208", "RC302"})
"""What the checks of a torn resource tell with all that was written in mind."""

_MANY = 100
"""So many ids that are not there get a nearest one searched for; the rest go without."""


def check(
    declared: Iterable[Resource],
    sections: Sections,
    kinds: Mapping[str, Kind],
    types: Mapping[str, ModelType] = MODEL_TYPES,
) -> list[Diagnostic]:
    """All problems of the resources that a manifest declares, each where it stands.

    What was left out of ``sections`` because of mistakes counts as being there, anything at all if
    they are not complete. Of what is torn, only what stays wrong is told.
    """
    return list(_Checks(tuple(declared), sections, kinds, types).run())


def check_moves(
    moves: Iterable[Move],
    declared: Iterable[Resource],
    sections: Sections,
    kinds: Mapping[str, Kind],
) -> Iterator[Diagnostic]:
    """A rename goes from an address that is no longer declared to one that is, once each."""
    addresses = {resource.address for resource in declared}
    seen: set[Address] = set()
    for move in moves:
        place = sections.find((*move.source, "to")).origin
        kind = kinds.get(move.new.kind)
        if kind is None or not kind.renames or move.old.kind != move.new.kind:
            able = ", ".join(name for name, kind in kinds.items() if kind.renames)
            message = f"{move.old} cannot become {move.new}"
            hint = f"what the API renames in place: {able}"
            yield problem("RC211", message, place, hint=hint)
        elif move.new not in addresses:
            if _may_be_there(move.new, sections, kinds):
                continue
            names = [str(a) for a in addresses if a.kind == move.new.kind]
            hint = did_you_mean(str(move.new), names) or "declare it under its new id"
            yield problem("RC211", f"{move.new} is not declared", place, hint=hint)
        elif move.old in addresses or move.old == move.new:
            place = sections.find((*move.source, "from")).origin
            message = f"{move.old} is still declared"
            yield problem("RC211", message, place, hint="take one of the two out")
        elif {move.old, move.new} & seen:
            yield problem("RC211", f"{move.new} is renamed twice", place, hint="keep one of them")
        seen |= {move.old, move.new}


def _may_be_there(address: Address, sections: Sections, kinds: Mapping[str, Kind]) -> bool:
    """Whether mistakes may be all that hides it."""
    section = kinds[address.kind].section
    return not sections.complete or not sections.lost.isdisjoint(
        {(section,), (section, address.id)}
    )


class _Checks:
    def __init__(
        self,
        declared: tuple[Resource, ...],
        sections: Sections,
        kinds: Mapping[str, Kind],
        types: Mapping[str, ModelType],
    ) -> None:
        self.types = types
        self.sections = sections
        self.declared = tuple(map(self._sure, declared))
        self.graph = ResourceGraph.of(self.declared)
        self.kinds = kinds
        self.hints: dict[Address, str] = {}

    def run(self) -> Iterator[Diagnostic]:
        """Problems in no order."""
        for resource in self.declared:
            own = list(self._own(resource))
            yield from own
            taken = {found.origin for found in own}
            yield from (f for f in self._references(resource) if f.origin not in taken)
            yield from self._externals(resource)
        yield from self._doubles()
        yield from self._cycles()

    def _sure(self, resource: Resource) -> Resource:
        """A torn resource without the references that nobody wrote."""
        torn = self.sections.torn.get(resource.source[:2])
        if torn is None:
            return resource
        below = resource.source[2:]
        return replace(
            resource,
            references=tuple(r for r in resource.references if torn.spares((*below, *r.at))),
            externals=tuple(e for e in resource.externals if torn.spares((*below, *e.at))),
            options={**resource.options, "torn": torn},
        )

    def _own(self, resource: Resource) -> Iterator[Diagnostic]:
        torn: Torn | None = resource.options.get("torn")
        for found in self.kinds[resource.address.kind].check(resource, self.graph, self.types):
            at = (*resource.source, *found.at)[2:]
            if torn and found.code not in _SETTLED and (torn.replaced or not torn.spares(at)):
                continue
            yield problem(
                found.code,
                found.message,
                self.sections.find(resource.source + found.at).origin,
                hint=found.hint,
                address=self._spoken(resource),
                field=field_path(found.at),
            )

    def _spoken(self, resource: Resource) -> str:
        """Its address; none if that is not all its own."""
        torn: Torn | None = resource.options.get("torn")
        has_id = type(resource.source[-1]) is str
        return str(resource.address) if has_id or not (torn and torn.replaced) else ""

    def _references(self, resource: Resource) -> Iterator[Diagnostic]:
        for reference in resource.references:
            to = reference.to
            if to in self.graph or _may_be_there(to, self.sections, self.kinds):
                continue
            yield problem(
                self.kinds[to.kind].unknown_code,
                f"unknown {to.kind} {to.id!r}",
                self._origin(resource, reference),
                hint=self._hint(to),
                address=self._spoken(resource),
                field=field_path(reference.at),
            )

    def _hint(self, to: Address) -> str:
        if to not in self.hints:
            kind = self.kinds[to.kind]
            elsewhere = kind.elsewhere(to.id)
            if elsewhere:
                self.hints[to] = f"did you mean {elsewhere!r}?"
            elif to.kind == "model" and canonical_model_type(to.id) in self.types:
                self.hints[to] = (
                    f"that is a model type: declare a model of it under {kind.section!r}"
                )
            else:
                near = self._near(to) if len(self.hints) < _MANY else ""
                self.hints[to] = near or _declare(to, kind.section)
        return self.hints[to]

    def _near(self, to: Address) -> str:
        section = self.kinds[to.kind].section
        names = [address.id for address in self.graph.resources if address.kind == to.kind]
        names += [str(place[-1]) for place in self.sections.lost if place[0] == section]
        return did_you_mean(to.id, names)

    def _externals(self, resource: Resource) -> Iterator[Diagnostic]:
        for external in resource.externals if self.sections.complete else ():
            for code, message, hint in self._open_questions(external):
                yield problem(
                    code,
                    message,
                    self._origin(resource, external),
                    hint=hint,
                    address=str(resource.address),
                    field=field_path(external.at),
                )

    def _open_questions(self, external: External) -> Iterator[tuple[str, str, str]]:
        """What only the live platform can say, as code, message, hint."""
        model, owned = external.model, "/" in external.model
        known = public_model(model.rpartition("/")[2])
        if known and owned and model != f"{known.user_id}/{known.app_id}/{known.id}":
            known = None
        if not owned and not self._is_lost_model(model):
            message = (
                f"model {model!r} is not in this manifest: at plan time it is the app's own model of"
                " that id, else clarifai/main's"
            )
            owner = f"user_id: {known.user_id}, app_id: {known.app_id}" if known else ""
            yield "RC502", message, f"add {owner or 'user_id and app_id'}"
        if not external.version:
            message = f"model {model!r} has no version: at plan time it is the newest trained one"
            version = f", for instance to {known.version_ids[0]}" if known else ""
            yield "RC501", message, f"pin it{version}"

    def _is_lost_model(self, id_: str) -> bool:
        return any(place[1:] == (id_,) for place in self.sections.lost)

    def _doubles(self) -> Iterator[Diagnostic]:
        """Things without an id of their own that say the same."""
        first: dict[Hashable, Resource] = {}
        for resource in self.declared:
            if (torn := resource.options.get("torn")) and torn.replaced:
                continue
            before = first.setdefault(resource.identity, resource)
            if before is not resource:
                where = self.sections.find(before.source).origin
                yield problem(
                    "RC105",
                    f"{resource.address} says again what {before.address} says"
                    if resource.address != before.address
                    else f"{resource.address} is there twice",
                    self.sections.find(resource.source).origin,
                    hint="take one of them out",
                    address=str(resource.address),
                    related=[("first declared here", where)],
                )

    def _cycles(self) -> Iterator[Diagnostic]:
        for cycle in dag.cycles(_knotted(self.graph.edges()), key=lambda address: address):
            start, after = self.graph.resources[cycle[0]], cycle[1 % len(cycle)]
            reference = next(ref for ref in start.references if ref.to == after)
            told = dag.round_trip(list(map(str, cycle)))
            yield problem(
                "RC204",
                f"resources use each other in a circle: {told}",
                self._origin(start, reference),
                hint="take one of these references out",
                address=str(start.address),
                field=field_path(reference.at),
            )

    def _origin(self, resource: Resource, use: Reference | External) -> Origin:
        return self.sections.find(resource.source + use.at).origin


def _knotted(
    edges: Mapping[Address, frozenset[Address]],
) -> Mapping[Address, frozenset[Address]]:
    """What may lie on a cycle: cheaply without most of what leads nowhere."""
    left = edges
    for _ in range(_ROUNDS):
        kept = {node: to for node, to in left.items() if any(o in left for o in to)}
        if len(kept) == len(left):
            break
        left = kept
    return left


_ROUNDS = 8
"""Kinds stand on one another about so deep; what is left after that is looked at in earnest."""


def _declare(to: Address, section: str) -> str:
    """The way out for what is unknown, which is not to make another app's object here as well."""
    if re.fullmatch(r"[^/]+/[^/]+/[^/]+", to.id):
        return (
            f"it reads as a {to.kind} of another app, and only one of this manifest can stand here "
            "(of a relation, its object may be another app's)"
        )
    return f"declare it under {section!r}"
