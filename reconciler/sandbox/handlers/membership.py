"""Which inputs a dataset holds, and which a version of it held when it was made.

Rows of kind ``dataset_input`` stand below their dataset, those of ``dataset_version_input`` below their
version, both under the id of the input; what the input is like is asked of the input itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2

from reconciler.sandbox import status
from reconciler.sandbox.context import Context, load, need
from reconciler.sandbox.handlers import hosting
from reconciler.sandbox.ids import stamp
from reconciler.sandbox.transaction import Filter, Row

MEMBER: Final = "dataset_input"
FROZEN: Final = "dataset_version_input"
_SHARE: Final = 500


def dataset(id_: str, context: Context) -> Row:
    """The dataset of this id, or the error for an absent one."""
    return need(context.tx.get(context.key("dataset", id_)), "dataset_id", id_)


def version(dataset_id: str, id_: str, context: Context) -> Row:
    """A version of a dataset, or the error for an absent one."""
    row = context.tx.get(context.key("dataset_version", id_, dataset(dataset_id, context).id))
    return need(row, "dataset_version_id", id_)


def insert(dataset_id: str, input_id: str, context: Context) -> bool:
    """The row of an input that names the dataset already; False if there is one."""
    at = context.world.clock.now()
    member = resources_pb2.DatasetInput(created_at=stamp(at))
    return context.tx.insert(context.key(MEMBER, input_id, dataset_id), member, at=at)


def add(dataset_id: str, input_id: str, context: Context) -> bool:
    """Put an input that there is into a dataset that there is; False if it is in already."""
    new = insert(dataset_id, input_id, context)
    row = context.tx.get(context.key("input", input_id))
    if new and row is not None:
        kept = load(row)
        kept.dataset_ids.append(dataset_id)
        context.tx.update(row, kept)
    return new


def remove(dataset_id: str, member: Row, context: Context) -> None:
    """Take an input out of a dataset; it stays in the app."""
    context.tx.delete(member)
    row = context.tx.get(context.key("input", member.id))
    if row is not None:
        kept = load(row)
        left = [id_ for id_ in kept.dataset_ids if id_ != dataset_id]
        kept.ClearField("dataset_ids")
        kept.dataset_ids.extend(left)
        context.tx.update(row, kept)


def ids(parent: str, context: Context, *, kind: str = MEMBER) -> list[str]:
    """The inputs of a dataset, or with ``FROZEN`` of a version, in the order they came."""
    rows = context.tx.select(kind, context.scope, Filter("parent", (parent,)))
    return [row.id for row in rows]


def shown(members: Sequence[Row], context: Context) -> list[Any]:
    """Members with their inputs, in the same order."""
    inputs: dict[str, Any] = {}
    for start in range(0, len(members), _SHARE):
        share = Filter("id", [row.id for row in members[start : start + _SHARE]])
        for row in context.tx.select("input", context.scope, share):
            inputs[row.id] = hosting.shown(row, context)
    return [
        resources_pb2.DatasetInput(created_at=load(row).created_at, input=inputs[row.id])
        for row in members
        if row.id in inputs
    ]


def freeze(dataset_id: str, version_id: str, context: Context) -> int:
    """Let a version hold what its dataset holds now; how many inputs that is."""
    at = context.world.clock.now()
    held = ids(dataset_id, context)
    for id_ in held:
        key = context.key(FROZEN, id_, version_id)
        context.tx.insert(key, resources_pb2.DatasetInput(created_at=stamp(at)), at=at)
    return len(held)


def forget_input(input_id: str, context: Context) -> None:
    """Take an input that is gone out of every dataset and version."""
    kinds = Filter("kind", (MEMBER, FROZEN))
    context.tx.delete_all(context.scope, kinds, Filter("id", (input_id,)))


def forget_versions(version_ids: Iterable[str], context: Context) -> None:
    """Drop what versions held."""
    parents = Filter("parent", list(version_ids))
    context.tx.delete_all(context.scope, Filter("kind", (FROZEN,)), parents)


def check(dataset_ids: Iterable[str], context: Context) -> None:
    """Refuse an input that is meant for a dataset that there is not."""
    for id_ in dataset_ids:
        if context.tx.get(context.key("dataset", id_)) is None:
            raise status.missing("dataset_id", id_)
