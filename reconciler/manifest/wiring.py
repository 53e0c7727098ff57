"""A workflow with all that is known of it, and how a warning about one of its places is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from reconciler import dag
from reconciler.address import Address, field_path
from reconciler.diagnostics import Diagnostic, problem
from reconciler.manifest.flow import Arrival
from reconciler.manifest.steps import Placed
from reconciler.origin import Origin
from reconciler.resource import Place, Resource

Locate: TypeAlias = Callable[[Place], Origin]
"""The position of a place of the manifest."""

_KINDS: Mapping[str, str] = {"models": "model", "workflows": "workflow"}


@dataclass(frozen=True)
class Wiring:
    """One workflow: its steps, and what arrives at each."""

    workflow: Resource
    placed: tuple[Placed, ...]
    arrivals: Mapping[str, Arrival]

    @property
    def writers(self) -> tuple[Placed, ...]:
        """The steps that write."""
        return tuple(placed for placed in self.placed if placed.writing is not None)

    def before(self, steps: Iterable[Placed]) -> Iterator[Placed]:
        """All steps that these read from, directly or not, as they are written."""
        starts = [source for placed in steps for source in placed.step.inputs]
        found = dag.closure(self._edges, starts)
        return (placed for placed in self.placed if placed.step.id in found)

    @cached_property
    def _edges(self) -> Mapping[str, tuple[str, ...]]:
        return {placed.step.id: placed.step.inputs for placed in self.placed}

    def source(self, number: int) -> Placed | None:
        """The step that strands of this number come from."""
        return next(
            (p for p in self.placed if self.arrivals[p.step.id].leaving == number),
            None,
        )


@dataclass(slots=True)
class Telling:
    """Makes warnings, of which each is made once, however many workflows share its cause.

    ``many``: whether a message has to say which workflow it means.
    """

    locate: Locate
    many: bool
    _said: set[tuple[str, Place, object]] = field(default_factory=set)

    def about(
        self,
        code: str,
        place: Place,
        message: str,
        hint: str,
        *,
        workflow: Resource | None = None,
        related: Sequence[tuple[str, Place]] = (),
        once: object = "",
    ) -> Iterator[Diagnostic]:
        """One warning, or none if there was one of this code, place and ``once``."""
        key = (code, place, once)
        if key in self._said:
            return
        self._said.add(key)
        inside = self.many and workflow is not None and place[:2] != workflow.source[:2]
        where = f"in workflow {workflow.address.id!r}, " if workflow and inside else ""
        kind = _KINDS.get(str(place[0]))
        yield problem(
            code,
            where + message,
            self.locate(place),
            hint=hint,
            address=str(Address(kind, (str(place[1]),))) if kind else "",
            field=field_path(place[2:]) if kind else "",
            related=[(words, self.locate(other)) for words, other in related],
        )


def listed(words: Sequence[str]) -> str:
    """``'a', 'b' and 4 more``."""
    shown = [repr(word) for word in words[:_SHOWN]]
    if len(words) > _SHOWN:
        return f"{', '.join(shown)} and {len(words) - _SHOWN} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


_SHOWN = 4
