"""Inputs as pages: thumbnails with what was said of them, and one input with all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.sandbox import codec, media, status
from reconciler.sandbox.context import load
from reconciler.sandbox.explorer import choosing, labels, links, text
from reconciler.sandbox.explorer.choosing import Choice
from reconciler.sandbox.explorer.labels import Label, Note, Word
from reconciler.sandbox.explorer.visit import Page, Visit, absent, paging
from reconciler.sandbox.transaction import Filter, Row, Scope, Tx

PAGE: Final = 48
_CHIPS: Final = 24
_SHOWN: Final = 4
_EXCERPT: Final = 220
_SMALL: Final = 160
_STATES: Final[Mapping[int, Word]] = {
    status.INPUT_SUCCESS: Word("processed", "success"),
    status.INPUT_PENDING: Word("waiting", "pending"),
    status.INPUT_IN_PROGRESS: Word("processing", "pending"),
    status.INPUT_FAILED: Word("failed", "failed"),
}


@dataclass(frozen=True, slots=True)
class Tile:
    """An input as one of many.

    ``thumbnail`` and ``picture`` are addresses, empty where there is no image to show; ``excerpt``
    stands in its place. ``small`` pictures are not smoothed when they are made larger. ``pending``
    says whether somebody has to look at it.
    """

    id: str
    link: str
    kind: str
    state: Word
    why: str
    thumbnail: str
    picture: str
    small: bool
    size: tuple[int, int]
    excerpt: str
    labels: tuple[Label, ...]
    more: int
    pending: bool


@dataclass(frozen=True, slots=True)
class Queue:
    """How many inputs are in which state, and what a re-index still has to do."""

    total: int
    processed: int
    waiting: int
    processing: int
    failed: int
    to_reindex: int


def tiles(tx: Tx, scope: Scope, rows: Sequence[Row]) -> tuple[Tile, ...]:
    """Inputs with the labels that matter most: the surest of each status."""
    notes = labels.notes_on(tx, scope, [row.id for row in rows])
    return tuple(tile(scope, row, load(row), notes[row.id]) for row in rows)


def tile(scope: Scope, row: Row, kept: Any, notes: Sequence[Note]) -> Tile:
    """One input."""
    kind = media.kind_of(kept.data) or "nothing"
    info = kept.data.image.image_info
    shown = kind == "image" and row.k2 and (info.width or row.status != status.INPUT_FAILED)
    said = [label for note in notes for label in note.labels]
    return Tile(
        id=row.id,
        link=links.within(scope, "inputs", row.id),
        kind=kind,
        state=_STATES.get(row.status) or Word(text.status_word(row.status, "INPUT_"), "other"),
        why=kept.status.details if row.status == status.INPUT_FAILED else "",
        thumbnail=_image(scope, row, "thumbnail") if shown else "",
        picture=_image(scope, row, "picture") if shown else "",
        small=0 < max(info.width, info.height) <= _SMALL,
        size=(info.width, info.height),
        excerpt=_excerpt(kept.data, kind, row),
        labels=tuple(said[:_SHOWN]),
        more=max(0, len(said) - _SHOWN),
        pending=any(note.status.look == "pending" for note in notes),
    )


def _image(scope: Scope, row: Row, name: str) -> str:
    # The digest names the content, so that a browser may keep it for good.
    return links.within(scope, "inputs", row.id, name, v=row.k2[:16])


def _excerpt(data: Any, kind: str, row: Row) -> str:
    if kind == "text" and data.text.raw:
        raw = str(data.text.raw)
        return raw if len(raw) <= _EXCERPT else raw[:_EXCERPT] + "…"
    return row.k1


def queue(tx: Tx, scope: Scope) -> Queue:
    """The state of the app's inputs."""
    counts = tx.count_by_status("input", scope)
    return Queue(
        total=sum(counts.values()),
        processed=counts.get(status.INPUT_SUCCESS, 0),
        waiting=counts.get(status.INPUT_PENDING, 0),
        processing=counts.get(status.INPUT_IN_PROGRESS, 0),
        failed=counts.get(status.INPUT_FAILED, 0),
        to_reindex=tx.count_jobs(scope, Filter("kind", ("reindex",))),
    )


def gallery(visit: Visit) -> Page:
    """The inputs that were chosen, newest first."""
    choice = choosing.chosen(visit)
    filters = choice.filters(visit.tx, visit.scope)
    total = visit.tx.count("input", visit.scope, *filters)
    place = paging(visit, total, PAGE, "inputs", query=choice.query)
    rows = visit.tx.select(
        "input",
        visit.scope,
        *filters,
        order="-created",
        offset=place.offset,
        limit=place.size,
    )
    counted = choosing.tallies(visit.tx, visit.scope)
    data = {
        "choice": choice,
        "tiles": tiles(visit.tx, visit.scope, rows),
        "paging": place,
        "queue": queue(visit.tx, visit.scope),
        "chips": [
            (tally, _toggled(visit, choice, tally.id), tally.id == choice.concept)
            for tally in counted[:_CHIPS]
        ],
        "suggestions": [tally.id for tally in counted[:200]],
        "statuses": _statuses(visit, choice),
        "states": [*choosing.STATES],
        "everything": links.within(visit.scope, "inputs"),
    }
    return Page("inputs.html", "Inputs", data, "inputs")


def _toggled(visit: Visit, choice: Choice, concept: str) -> str:
    other = {**choice.query, "concept": "" if concept == choice.concept else concept}
    return links.within(visit.scope, "inputs", **other)


def _statuses(visit: Visit, choice: Choice) -> list[str]:
    """The statuses that annotations have here, and the usual two; and what was asked for."""
    there = visit.tx.count_by_status("annotation", visit.scope)
    return [
        word
        for word, code in choosing.STATUSES.items()
        if code in there or word in ("success", "pending", choice.status)
    ]


def one(visit: Visit, input_id: str) -> Page:
    """One input: the picture with its regions, and everything that was said of it."""
    row = visit.row("input", "input", input_id)
    kept = load(row)
    notes = labels.notes_on(visit.tx, visit.scope, [row.id])[row.id]
    shown = tile(visit.scope, row, kept, notes)
    data = {
        "tile": shown,
        "notes": notes,
        "regions": [region for note in notes for region in note.regions],
        "added": text.time(row.created),
        "url": row.k1,
        "sha256": row.k2,
        "raw": str(kept.data.text.raw) if shown.kind == "text" else "",
        "metadata": text.pretty(codec.struct_json(kept.data.metadata)),
    }
    crumbs = [("Inputs", links.within(visit.scope, "inputs"))]
    return Page("input.html", row.id, data, "inputs", crumbs)


def content(visit: Visit, input_id: str, *, any_kind: bool = False) -> tuple[str, bytes]:
    """The digest and the bytes of an input's image, or of whatever medium it is."""
    row = visit.row("input", "input", input_id)
    wanted = any_kind or media.kind_of(load(row).data) == "image"
    found = visit.tx.media(row.k2) if wanted and row.k2 else None
    return row.k2, found or absent("file of input" if any_kind else "image of input", input_id)
