"""What a picture of a workflow shows: boxes and arrows, and what a threshold lets pass.

Texts are shown as they come: whoever draws takes out what nobody could see.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

INPUT: Final = "input"
"""What the box says that stands for the workflow's input."""

_NAMED = 3
"""So many concepts of one threshold are named; more are counted."""

_LINES = 6
_LONGEST = 46
_SIGNS: Final = MappingProxyType(
    {
        "GREATER_THAN": ">",
        "GREATER_THAN_OR_EQUAL": ">=",
        "LESS_THAN": "<",
        "LESS_THAN_OR_EQUAL": "<=",
        "EQUAL": "=",
    }
)


class Role(StrEnum):
    """What a box is to a reader."""

    INPUT = "input"
    EXTERNAL = "external"
    MODEL = "model"
    MAPPER = "mapper"
    THRESHOLD = "threshold"
    SUCCESS = "success"
    PENDING = "pending"
    WRITER = "writer"


@dataclass(frozen=True, slots=True)
class Box:
    """A node, or the workflow's input. ``passes``: what a thresholder lets through, in lines."""

    title: str
    lines: tuple[str, ...]
    role: Role
    passes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawing:
    """One workflow: boxes by key, each behind those it reads from, and arrows between keys."""

    title: str
    boxes: Mapping[str, Box]
    arrows: tuple[tuple[str, str], ...]

    def told(self, key: str) -> tuple[str, ...]:
        """What a box has to say; what it passes to nobody can stand on no arrow."""
        box = self.boxes[key]
        leads_on = any(source == key for source, _ in self.arrows)
        return (box.title, *box.lines, *(() if leads_on else box.passes))


def connected(title: str, boxes: Mapping[str, Box], inputs: Mapping[str, Iterable[str]]) -> Drawing:
    """The drawing of nodes, each with those it reads from, in an order in which those come first."""
    # ids are any text, so keys are numbers: they need no escaping, and 0 is free for the input
    keys = {id_: f"n{number}" for number, id_ in enumerate(boxes, 1)}
    placed = {"n0": Box(INPUT, (), Role.INPUT)} | {keys[id_]: boxes[id_] for id_ in boxes}
    arrows = tuple(
        (keys[source] if source else "n0", keys[id_])
        for id_ in boxes
        for source in sorted(inputs[id_]) or [""]
    )
    return Drawing(title, MappingProxyType(placed), arrows)


def writer_role(status: str) -> Role:
    """The role of an annotation writer by the status that it writes."""
    match status:
        case "ANNOTATION_SUCCESS":
            return Role.SUCCESS
        case "ANNOTATION_PENDING":
            return Role.PENDING
    return Role.WRITER


def passing(comparator: str, thresholds: Iterable[tuple[str, float]]) -> Iterator[str]:
    """``people, man >= 0.5``: concepts of one threshold together, the strictest value last."""
    sign = _SIGNS.get(comparator, "?")
    by_value: dict[float, list[str]] = {}
    for concept, value in thresholds:
        by_value.setdefault(value, []).append(concept)
    for count, value in enumerate(sorted(by_value)):
        concepts = by_value[value]
        if count == _LINES - 1 < len(by_value) - 1:
            left = sum(len(by_value[v]) for v in sorted(by_value)[count:])
            yield f"... and {left:,} more"
            return
        names = ", ".join(concepts)
        if len(concepts) > _NAMED or len(names) > _LONGEST:
            names = f"{len(concepts):,} concepts" if len(concepts) > 1 else cut(names)
            names = f"all {names}" if len(by_value) == 1 < len(concepts) else names
        whole = float(value).is_integer() and abs(value) < 2**53
        yield f"{names} {sign} {int(value) if whole else value}"


def cut(text: str) -> str:
    """A text that is not too long for a box."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
