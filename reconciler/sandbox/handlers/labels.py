"""Labels: concepts as the app knows them, and what an input says of itself.

An input's own labels stand twice, in the input and in its input-level annotation; whoever changes one
changes both here.
"""

from __future__ import annotations

from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2

from reconciler.sandbox import patching, status
from reconciler.sandbox.context import Context, load
from reconciler.sandbox.handlers import concepts
from reconciler.sandbox.ids import stamp
from reconciler.sandbox.places import places
from reconciler.sandbox.transaction import Filter, Row

LABELS: Final = ("concepts", "metadata", "geo")


def complete(data: Any, context: Context) -> None:
    """Fill in the concepts of a ``Data`` from those of the app; unknown ones are made."""
    labelled = [place for place in places(data) if place.concepts]
    sent = [concept for place in labelled for concept in place.concepts]
    if not sent:
        return
    known = concepts.ensure(sent, context)
    for place in labelled:
        enriched = [concepts.enrich(concept, known) for concept in place.concepts]
        place.ClearField("concepts")
        place.concepts.extend(enriched)


def remove_place(kept: Any, sent: Any) -> None:
    """What ``remove`` does to a place, of which nothing can be removed but the whole (inferred)."""
    if sent.HasField("geo"):
        kept.ClearField("geo")


def labels_of(data: Any) -> Any:
    """The part of a ``Data`` that labels it, without its medium."""
    labels = resources_pb2.Data()
    patching.apply(labels, data, patching.OVERWRITE, LABELS)
    return labels


def insert_own(kept: Any, at: int, context: Context) -> None:
    """Store the input-level annotation of a new input."""
    annotation = resources_pb2.Annotation(
        id=context.world.ids.new(),
        input_id=kept.id,
        data=labels_of(kept.data),
        user_id=context.scope.user,
        status=status.make(status.ANNOTATION_SUCCESS),
        created_at=stamp(at),
        modified_at=stamp(at),
        trusted=True,
        input_level=True,
    )
    annotation.worker.user.id = context.scope.user
    context.tx.insert(
        context.key("annotation", annotation.id, kept.id),
        annotation,
        at=at,
        status=status.ANNOTATION_SUCCESS,
        k1=annotation.user_id,
        flag=1,
    )


def own_annotation(input_id: str, context: Context) -> Row | None:
    """The row of the annotation that holds an input's own labels."""
    rows = context.tx.select(
        "annotation", context.scope, Filter("parent", (input_id,)), Filter("flag", (1,)), limit=1
    )
    return rows[0] if rows else None


def store(kept: Any, row: Row, context: Context) -> None:
    """Store changed labels of an input, in itself and in its input-level annotation."""
    at = context.change(row, kept)
    found = own_annotation(kept.id, context)
    if found is not None:
        annotation = load(found)
        annotation.data.CopyFrom(labels_of(kept.data))
        annotation.modified_at.CopyFrom(stamp(at))
        context.tx.update(found, annotation, at=at)


def copy_to_input(annotation: Any, row: Row, at: int, context: Context) -> None:
    """Give an input (its row) the labels of its changed input-level annotation."""
    kept = load(row)
    for name in LABELS:
        kept.data.ClearField(name)
    patching.apply(kept.data, annotation.data, patching.OVERWRITE, LABELS)
    kept.modified_at.CopyFrom(stamp(at))
    context.tx.update(row, kept, at=at)
