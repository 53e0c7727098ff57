"""What ``merge``, ``overwrite`` and ``remove`` do to a stored message (fact sheet, section 13).

A protobuf message cannot tell an empty scalar or list from one that was not sent; both doors therefore
agree that such a field was not sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from reconciler.sandbox.codec import is_map

MERGE: Final = "merge"
OVERWRITE: Final = "overwrite"
REMOVE: Final = "remove"
_STRUCT: Final = "google.protobuf.Struct"


def apply(
    target: Any, sent: Any, action: str, names: Sequence[str], *, drop_unsent: bool = False
) -> None:
    """Change the named fields of ``target`` as ``action`` says."""
    for name in names:
        if not _is_sent(sent, name):
            if action == OVERWRITE and drop_unsent:
                target.ClearField(name)
        elif action == MERGE:
            _merge(target, sent, name)
        elif action == OVERWRITE:
            _replace(target, sent, name)
        else:
            _remove(target, sent, name)


def _is_sent(sent: Any, name: str) -> bool:
    field = sent.DESCRIPTOR.fields_by_name[name]
    return bool(sent.HasField(name) if field.has_presence else getattr(sent, name))


def _replace(target: Any, sent: Any, name: str) -> None:
    field = sent.DESCRIPTOR.fields_by_name[name]
    if is_map(field):
        target.ClearField(name)
        getattr(target, name).MergeFrom(getattr(sent, name))
    elif field.is_repeated:
        target.ClearField(name)
        getattr(target, name).extend(getattr(sent, name))
    elif field.message_type is not None:
        getattr(target, name).CopyFrom(getattr(sent, name))
    else:
        setattr(target, name, getattr(sent, name))


def _merge(target: Any, sent: Any, name: str) -> None:
    field = sent.DESCRIPTOR.fields_by_name[name]
    if field.message_type is None and not field.is_repeated:
        setattr(target, name, getattr(sent, name))
    elif is_map(field):
        getattr(target, name).MergeFrom(getattr(sent, name))
    elif field.is_repeated:
        _merge_list(getattr(target, name), getattr(sent, name), field)
    elif field.message_type.full_name == _STRUCT:
        merge_struct(getattr(target, name), getattr(sent, name))
    else:
        into, source = getattr(target, name), getattr(sent, name)
        into.SetInParent()
        for inner in source.DESCRIPTOR.fields:
            if _is_sent(source, inner.name):
                _merge(into, source, inner.name)


def _merge_list(into: Any, items: Any, field: Any) -> None:
    if field.message_type is None:
        into.extend(item for item in items if item not in into)
        return
    if "id" not in field.message_type.fields_by_name:
        into.extend(items)
        return
    places = {item.id: index for index, item in enumerate(into) if item.id}
    for item in items:
        if item.id in places:
            into[places[item.id]].MergeFrom(item)
            if "value" in field.message_type.fields_by_name:
                into[places[item.id]].value = item.value
        else:
            into.add().CopyFrom(item)


def merge_struct(into: Any, sent: Any) -> None:
    """Deep merge: objects meet key by key, an empty one replaces, null changes nothing."""
    if not sent.fields:
        into.Clear()
        into.SetInParent()
        return
    into.SetInParent()
    for key, value in sent.fields.items():
        kind = value.WhichOneof("kind")
        if kind == "null_value":
            continue
        if kind == "struct_value" and into.fields[key].WhichOneof("kind") == "struct_value":
            merge_struct(into.fields[key].struct_value, value.struct_value)
        else:
            into.fields[key].CopyFrom(value)


def _remove(target: Any, sent: Any, name: str) -> None:
    field = sent.DESCRIPTOR.fields_by_name[name]
    if is_map(field):
        for key in getattr(sent, name):
            getattr(target, name).pop(key, None)
    elif field.is_repeated and field.message_type is not None:
        gone = {_identity(item) for item in getattr(sent, name)}
        kept = [item for item in getattr(target, name) if _identity(item) not in gone]
        target.ClearField(name)
        getattr(target, name).extend(kept)
    elif field.is_repeated:
        gone_values = set(getattr(sent, name))
        left = [item for item in getattr(target, name) if item not in gone_values]
        target.ClearField(name)
        getattr(target, name).extend(left)
    elif field.message_type is not None and field.message_type.full_name == _STRUCT:
        _remove_keys(getattr(target, name), getattr(sent, name))
    elif field.message_type is not None:
        for inner in field.message_type.fields:
            if _is_sent(getattr(sent, name), inner.name):
                _remove(getattr(target, name), getattr(sent, name), inner.name)


def _identity(item: Any) -> str | bytes:
    """What tells an item of a list from others: its id; of one without, all that it holds."""
    id_: str = getattr(item, "id", "")
    content: bytes = item.SerializeToString(deterministic=True)
    return id_ or content


def _remove_keys(target: Any, sent: Any) -> None:
    for key, value in sent.fields.items():
        kind = value.WhichOneof("kind")
        if kind == "bool_value" and value.bool_value:
            target.fields.pop(key, None)
        elif kind == "struct_value" and key in target.fields:
            _remove_keys(target.fields[key].struct_value, value.struct_value)
        elif kind == "bool_value":
            target.fields[key].bool_value = False
