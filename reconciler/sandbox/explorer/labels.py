"""Annotations as pages show them: who says what of an input, how surely, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.sandbox import codec, status
from reconciler.sandbox.context import load
from reconciler.sandbox.explorer import links, text
from reconciler.sandbox.explorer.visit import Time
from reconciler.sandbox.transaction import Filter, Row, Scope, Tx

_LOOKS: Final = {
    status.ANNOTATION_SUCCESS: "success",
    status.ANNOTATION_PENDING: "pending",
    24152: "failed",
    24157: "pending",
    24158: "failed",
    24159: "pending",
}
_ORDER: Final = ("success", "pending", "other", "failed")


@dataclass(frozen=True, slots=True)
class Word:
    """A status: its word, and how it looks (``success``, ``pending``, ``failed`` or ``other``)."""

    text: str
    look: str


@dataclass(frozen=True, slots=True)
class Label:
    """A concept with its score, ``denied`` if that is 0; ``percent`` is the length of its bar."""

    id: str
    name: str
    score: str
    percent: float
    denied: bool
    status: Word


@dataclass(frozen=True, slots=True)
class Region:
    """A box: shares of the picture's width and height, in percent."""

    left: float
    top: float
    width: float
    height: float
    names: str
    status: Word


@dataclass(frozen=True, slots=True)
class Maker:
    """What wrote an annotation besides a person: the version of a workflow or model, and its page."""

    kind: str
    id: str
    version: str
    link: str


@dataclass(frozen=True, slots=True)
class Note:
    """One annotation. ``source`` is ``labels`` (the input's own), ``workflow``, ``model`` or ``person``."""

    id: str
    status: Word
    source: str
    user: str
    maker: Maker | None
    labels: tuple[Label, ...]
    regions: tuple[Region, ...]
    written: Time
    task: str
    info: str


def word(code: int) -> Word:
    """The status of an annotation."""
    return Word(text.status_word(code, "ANNOTATION_"), _LOOKS.get(code, "other"))


def concepts_of(data: Any) -> Iterable[Any]:
    """Every concept that an annotation names, of the whole input and of its regions."""
    yield from data.concepts
    for region in data.regions:
        yield from region.data.concepts


def notes_on(tx: Tx, scope: Scope, input_ids: Sequence[str]) -> Mapping[str, tuple[Note, ...]]:
    """The annotations of some inputs that say something, successes first, oldest first in each."""
    rows = tx.select("annotation", scope, Filter("parent", tuple(input_ids)))
    makers = _makers(tx, scope, {row.k2 for row in rows if row.k2})
    found: dict[str, list[Note]] = {id_: [] for id_ in input_ids}
    for row in rows:
        note = _note(row, load(row), makers)
        if note.labels or note.regions or not row.flag:
            found[row.parent].append(note)
    return {
        id_: tuple(sorted(notes, key=lambda note: _ORDER.index(note.status.look)))
        for id_, notes in found.items()
    }


def _makers(tx: Tx, scope: Scope, versions: set[str]) -> dict[str, Maker]:
    found = {id_: Maker("version", text.short(id_), id_, "") for id_ in versions}
    for kind in ("workflow", "model"):
        for row in tx.select(f"{kind}_version", scope, Filter("id", tuple(versions))):
            page = links.within(scope, f"{kind}s", row.parent, version=row.id)
            found[row.id] = Maker(kind, row.parent, row.id, page)
    return found


def _note(row: Row, annotation: Any, makers: Mapping[str, Maker]) -> Note:
    said = word(row.status)
    maker = makers.get(row.k2)
    source = "labels" if row.flag else maker.kind if maker else "person"
    return Note(
        id=row.id,
        status=said,
        source="workflow" if source == "version" else source,
        user=row.k1,
        maker=maker,
        labels=_labels(concepts_of(annotation.data), said),
        regions=tuple(_regions(annotation.data.regions, said)),
        written=text.time(row.created),
        task=annotation.task_id,
        info=text.pretty(codec.struct_json(annotation.annotation_info)),
    )


def _labels(concepts: Iterable[Any], said: Word) -> tuple[Label, ...]:
    ordered = sorted(concepts, key=lambda concept: (-concept.value, concept.id))
    return tuple(
        Label(
            concept.id,
            concept.name or concept.id,
            text.score(concept.value),
            round(100 * min(max(concept.value, 0.0), 1.0), 1),
            concept.value == 0,
            said,
        )
        for concept in ordered
    )


def _regions(regions: Iterable[Any], said: Word) -> Iterable[Region]:
    for region in regions:
        if not region.region_info.HasField("bounding_box"):
            continue
        box = region.region_info.bounding_box
        left, top, right, bottom = (
            round(100 * min(max(share, 0.0), 1.0), 3)
            for share in (box.left_col, box.top_row, box.right_col, box.bottom_row)
        )
        names = ", ".join(
            f"{concept.name or concept.id} {text.score(concept.value)}"
            for concept in region.data.concepts
        )
        yield Region(left, top, max(right - left, 0.0), max(bottom - top, 0.0), names, said)
