"""Models as pages: their versions, how each is configured, and who runs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.catalogue import ANNOTATION_STATUSES, COMPARATORS, Spelling
from reconciler.sandbox import codec, status
from reconciler.sandbox.context import load
from reconciler.sandbox.explorer import links, text
from reconciler.sandbox.explorer.labels import Word
from reconciler.sandbox.explorer.visit import Page, Time, Visit, paging
from reconciler.sandbox.transaction import Filter, Row, Scope, Tx

PAGE: Final = 50
_VERSIONS: Final = 50
_CONCEPTS: Final = 200
_LOOKS: Final[Mapping[int, Word]] = {
    status.MODEL_TRAINED: Word("trained", "success"),
    status.MODEL_TRAINING: Word("training", "pending"),
    status.MODEL_QUEUED: Word("queued for training", "pending"),
    status.MODEL_UNTRAINED: Word("not trained", "other"),
}
_ENUMS: Final[Mapping[str, Spelling]] = {
    "annotation_status": ANNOTATION_STATUSES,
    "concept_threshold_type": COMPARATORS,
}


@dataclass(frozen=True, slots=True)
class Model:
    """A model as a line of a list."""

    id: str
    link: str
    type: str
    description: str
    versions: int
    state: Word
    why: str
    changed: Time


@dataclass(frozen=True, slots=True)
class Version:
    """A version: what it is configured with, and which nodes pin it (workflow and node id)."""

    id: str
    state: Word
    why: str
    made: Time
    params: tuple[tuple[str, str], ...]
    concepts: tuple[tuple[str, str], ...]
    more_concepts: int
    thresholds: bool
    metadata: str
    pins: tuple[tuple[str, str, str], ...]
    asked: bool


def state(version: Any) -> Word:
    """How far a version is."""
    code = version.status.code
    word = text.status_word(code, "MODEL_").replace("_", " ")
    return _LOOKS.get(code) or Word(word, "failed" if 21105 < code < 21120 else "other")


def listing(visit: Visit) -> Page:
    """The app's models."""
    tx, scope = visit.tx, visit.scope
    place = paging(visit, tx.count("model", scope), PAGE, "models")
    rows = tx.select("model", scope, order="id", offset=place.offset, limit=place.size)
    shown = lines(tx, scope, rows)
    return Page("models.html", "Models", {"models": shown, "paging": place}, "models")


def lines(tx: Tx, scope: Scope, rows: Sequence[Row]) -> list[Model]:
    """Models with the state of their newest version."""
    ids = [row.id for row in rows]
    newest = tx.newest_children("model_version", scope, ids)
    counts = Counter(
        row.parent for row in tx.select("model_version", scope, Filter("parent", tuple(ids)))
    )
    return [_line(scope, row, newest.get(row.id), counts[row.id]) for row in rows]


def _line(scope: Scope, row: Row, newest: Row | None, count: int) -> Model:
    model = load(row)
    version = load(newest) if newest else None
    return Model(
        row.id,
        links.within(scope, "models", row.id),
        model.model_type_id,
        model.description,
        count,
        state(version) if version else Word("no version", "other"),
        version.status.details if version else "",
        text.time(newest.created if newest else row.created),
    )


def one(visit: Visit, id_: str) -> Page:
    """One model with its versions, the newest first."""
    tx, scope = visit.tx, visit.scope
    row = visit.row("model", "model", id_)
    model = load(row)
    asked = visit.query.get("version", "")
    rows = tx.select(
        "model_version", scope, Filter("parent", (id_,)), order="-created", limit=_VERSIONS
    )
    if asked and all(found.id != asked for found in rows):
        rows = [*rows, visit.row("model_version", "version", asked, id_)]
    pins = _pins(tx, scope, id_)
    shown = [_version(found, pins.get(found.id, ()), asked) for found in rows]
    data = {
        "id": id_,
        "type": model.model_type_id,
        "description": model.description,
        "notes": model.notes,
        "metadata": text.pretty(codec.struct_json(model.metadata)),
        "made": text.time(row.created),
        "versions": shown,
        "total": tx.count("model_version", scope, Filter("parent", (id_,))),
    }
    crumbs = [("Models", links.within(scope, "models"))]
    return Page("model.html", id_, data, "models", crumbs)


def _pins(tx: Tx, scope: Scope, model_id: str) -> dict[str, tuple[tuple[str, str, str], ...]]:
    """Who runs each version of a model: workflow, its page, node."""
    found: dict[str, tuple[tuple[str, str, str], ...]] = {}
    for row in tx.select("workflow", scope, order="id"):
        for node in load(row).nodes:
            if (node.model.user_id, node.model.app_id, node.model.id) == (*scope, model_id):
                pin = (row.id, links.within(scope, "workflows", row.id), node.id)
                version = node.model.model_version.id
                found[version] = (*found.get(version, ()), pin)
    return found


def _version(row: Row, pins: tuple[tuple[str, str, str], ...], asked: str) -> Version:
    version = load(row)
    info = version.output_info
    thresholds = "concept_threshold_type" in info.params.fields
    params = {
        f"{part}.{name}" if part else name: value
        for part, sent in (
            ("", info.params),
            ("train_info", version.train_info.params),
            ("input_info", version.input_info.params),
        )
        for name, value in codec.struct_json(sent).items()
    }
    return Version(
        id=row.id,
        state=state(version),
        why=version.status.details,
        made=text.time(row.created),
        params=tuple((name, _brief(name, value)) for name, value in sorted(params.items())),
        concepts=tuple(
            (concept.id, text.score(concept.value) if thresholds else "")
            for concept in info.data.concepts[:_CONCEPTS]
        ),
        more_concepts=max(0, len(info.data.concepts) - _CONCEPTS),
        thresholds=thresholds,
        metadata=text.pretty(codec.struct_json(version.metadata)),
        pins=pins,
        asked=row.id == asked,
    )


def _brief(name: str, value: Any) -> str:
    spelled = _ENUMS[name].name_of(value) if name in _ENUMS else None
    if spelled is not None:
        return spelled
    told = value if isinstance(value, str) else text.pretty(value) or str(value)
    return told if len(told) <= 400 else f"{told[:400]}…"
