"""Makes requests from the descriptors: of existing objects and ids, changed a little or a lot, or junk."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import struct_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from reconciler.sandbox import codec
from reconciler.sandbox.context import MESSAGES, load
from reconciler.sandbox.store import Store
from reconciler.sandbox.transaction import Row
from tests.sandbox.driving import png

DEPTH: Final = 5
WORDS: Final = (
    *(
        "me",
        "merge",
        "overwrite",
        "remove",
        "delete",
        "add",
        "create",
        "en",
        "*",
        "clarifai",
        "main",
    ),
    *(
        "synonym",
        "hyponym",
        "hypernym",
        "name",
        "created_at",
        "new-one",
        "new-two",
        "x",
        "1",
        "0",
        "10000",
    ),
)
HOSTILE: Final = (
    *("", " ", "\0", "a\0b", "a" * 49, "a" * 300, "é", "💥", "..", "../..", "a/b", "%", "%s", "{}"),
    *("'", '"; DROP TABLE objects; --', "\n", "\u202e", "me/me", "-", "_", "a--b", "None", "null"),
    *("(", "[", "(a+)+$", "?", "*a", "\\", "$", "_%", "true", "NaN", "1e400", "-1", "2024-01-01"),
)
URLS: Final = (
    *(
        "http://127.0.0.1:1/x.png",
        "file:///etc/passwd",
        "http://[::1",
        "x",
        "",
        "ftp://127.0.0.1:1",
    ),
    *("http://127.0.0.1:99999/", "http:///", "http://127.0.0.1:1/\0", "data:image/png;base64,AAAA"),
)
PARAMS: Final = (
    *("concept_threshold_type", "annotation_status", "annotation_user_id", "knowledge_graph_id"),
    *("regex", "max_concepts", "min_value", "keep_fraction", "seed", "task_id", "x", "", "a.b"),
    *(
        "train_params",
        "concepts_mutually_exclusive",
        "dataset_id",
        "invalid_data_tolerance_percent",
    ),
)
REALS: Final = (0.0, 1.0, 0.5, -1.0, 1e-40, 3.4e38, -0.0, 2.0, 1e6, 0.1)


@dataclass(frozen=True)
class Known:
    """What there is: the rows of an app and a few of others, its messages by type, its texts by field."""

    near: Sequence[Row]
    far: Sequence[Row]
    objects: Mapping[str, Sequence[Any]]
    texts: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, store: Store, user: str, app: str) -> Known:
        with store.read() as tx:
            rows = list(map(Row._make, tx._db.execute("SELECT * FROM objects ORDER BY seq")))
        near = [row for row in rows if row.user == user and row.app in ("", app)]
        kinds = sorted({row.kind for row in rows})
        far = [row for kind in kinds for row in [row for row in rows if row.kind == kind][-3:]]
        objects: dict[str, list[Any]] = {}
        for row in near:
            if row.kind in MESSAGES:
                objects.setdefault(MESSAGES[row.kind].DESCRIPTOR.full_name, []).append(load(row))
        texts: dict[str, set[str]] = {}
        for messages in objects.values():
            for message in messages:
                _gather(message, texts)
        return cls(near, far, objects, {name: sorted(found) for name, found in texts.items()})

    def focus(self, rng: random.Random) -> Mapping[str, str]:
        """One id of each kind, that belong together: a version of this model, a label of this input."""
        found: dict[str, str] = {}
        by_id = {row.id: row for row in self.near}
        for row in sorted(rng.sample(self.near, len(self.near)), key=lambda row: not row.parent):
            place: Row | None = row
            while place is not None and place.kind not in found:
                found[place.kind] = place.id
                place = by_id.get(place.parent) if place.parent else None
        return found


class Maker:
    """Draws requests; the same random numbers give the same ones."""

    def __init__(self, known: Known, rng: random.Random) -> None:
        self._known = known
        self._rng = rng
        self._focus = known.focus(rng)
        self._wild = rng.random() < 0.25

    def request(self, kind: Any, user: str, apps: Sequence[str]) -> Any:
        """A request of this type, mostly about what there is."""
        rng = self._rng
        message = kind()
        self._fill(message, DEPTH, rng.choice((0.4, 0.97, 0.97)))
        fields = message.DESCRIPTOR.fields_by_name
        if "user_app_id" in fields:
            tame = rng.random() < 0.9
            users = ("me", user) if tame else ("", "clarifai", "x", "\0")
            places = (apps[0],) if tame else (*apps, "main", "", "y", "\0")
            message.user_app_id.Clear()
            message.user_app_id.user_id = rng.choice(users)
            message.user_app_id.app_id = rng.choice(places)
        if "action" in fields and rng.random() < 0.9:
            message.action = rng.choice(("merge", "overwrite", "overwrite", "remove"))
        for name in ("page", "per_page"):
            if name in fields and rng.random() < 0.9:
                setattr(message, name, rng.choice((0, 1, 2, 10, 1000)))
        return message

    def _fill(self, message: Any, depth: int, share: float) -> None:
        """Set about this share of the fields; fewer further down."""
        for field in message.DESCRIPTOR.fields:
            if self._rng.random() < share * (1 if depth > DEPTH - 2 else 0.3):
                self._set(message, field, depth)

    def _set(self, message: Any, field: FieldDescriptor, depth: int) -> None:
        rng = self._rng
        if codec.is_map(field):
            return
        if field.message_type is None:
            if field.is_repeated:
                values = [self._scalar(field) for _ in range(rng.choice((1, 1, 2, 3)))]
                del getattr(message, field.name)[:]
                getattr(message, field.name).extend(values)
            else:
                setattr(message, field.name, self._scalar(field))
            return
        target = getattr(message, field.name)
        if not field.is_repeated:
            self._one(target, field.message_type, depth - 1)
            return
        del target[:]
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            self._one(target.add(), field.message_type, depth - 1)

    def _one(self, target: Any, type_: Descriptor, depth: int) -> None:
        rng = self._rng
        target.SetInParent()
        if type_.full_name == "google.protobuf.Struct":
            for _ in range(rng.randrange(4)):
                self._value(target.fields[rng.choice(PARAMS)], 2)
            return
        if type_.full_name in ("google.protobuf.Timestamp", "google.protobuf.Duration"):
            target.seconds = rng.choice((0, 1_700_000_000, 253_402_300_799, -62_135_596_800))
            if self._wild:
                target.seconds = rng.choice((2**63 - 1, -(2**63)))
                target.nanos = rng.choice((-1, 2**31 - 1, 999_999_999))
            return
        if depth <= 0:
            return
        copies = self._known.objects.get(type_.full_name, ())
        if copies and rng.random() < 0.7:
            target.CopyFrom(rng.choice(copies))
            self._mutate(target, depth)
        else:
            self._fill(target, depth, 0.5)

    def _mutate(self, message: Any, depth: int) -> None:
        """Change up to three fields of a copy, at any depth; half of the copies get another id."""
        rng = self._rng
        if "id" in message.DESCRIPTOR.fields_by_name and rng.random() < 0.5:
            message.id = rng.choice(("", "new-one", "new-two", self._text("id", _type(message))))
        for _ in range(rng.randrange(4)):
            place, left = message, depth
            while True:
                inner = [
                    value
                    for field, value in place.ListFields()
                    if field.message_type is not None and not field.is_repeated
                ]
                if not inner or left <= 1 or rng.random() < 0.5:
                    break
                place, left = rng.choice(inner), left - 1
            if place.DESCRIPTOR.full_name.startswith("google.protobuf."):
                continue
            field = rng.choice(place.DESCRIPTOR.fields)
            if rng.random() < 0.4:
                place.ClearField(field.name)
            else:
                self._set(place, field, left)

    def _value(self, value: struct_pb2.Value, depth: int) -> None:
        rng = self._rng
        match rng.randrange(7 if depth else 5):
            case 0:
                value.null_value = struct_pb2.NULL_VALUE
            case 1:
                value.bool_value = rng.random() < 0.5
            case 2:
                value.string_value = self._text("", "")
            case 3 | 4:
                value.number_value = rng.choice((*REALS, 1e300, 24150, 24151, 5, 2**63))
            case 5:
                value.struct_value.SetInParent()
                for _ in range(rng.randrange(3)):
                    self._value(value.struct_value.fields[rng.choice(PARAMS)], depth - 1)
            case _:
                value.list_value.SetInParent()
                for _ in range(rng.randrange(3)):
                    self._value(value.list_value.values.add(), depth - 1)

    def _scalar(self, field: FieldDescriptor) -> Any:
        rng, kind = self._rng, field.cpp_type
        if field.type == FieldDescriptor.TYPE_BYTES:
            return rng.choice((b"", b"x", png(4), png(5)[:40], b"\xff\xfe\0"))
        if kind == FieldDescriptor.CPPTYPE_STRING:
            return self._text(field.name, field.containing_type.name)
        if kind == FieldDescriptor.CPPTYPE_BOOL:
            return rng.random() < 0.5
        if kind == FieldDescriptor.CPPTYPE_ENUM:
            assert field.enum_type is not None
            usual = ("SUCCESS", "PENDING", "TRAINED")
            values = field.enum_type.values
            if len(values) > 50 and rng.random() < 0.7:
                values = [value for value in values if value.name.endswith(usual)] or values
            return 99_999 if self._wild and rng.random() < 0.2 else rng.choice(values).number
        if kind in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
            bad = (float("nan"), float("inf"))
            return rng.choice(bad if self._wild and rng.random() < 0.2 else REALS)
        return self._whole(kind)

    def _whole(self, kind: int) -> int:
        sides = {
            FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
            FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
            FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
            FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
        }[kind]
        return self._rng.choice((0, 1, 1, 2, 3, 24150, 24151, 30000, 21100, *sides))

    def _text(self, name: str, owner: str) -> str:
        rng = self._rng
        if "url" in name:
            return rng.choice(URLS)
        draw = rng.random()
        if draw < (0.3 if self._wild else 0.03):
            return rng.choice(HOSTILE)
        if name == "action":
            return rng.choice(("merge", "overwrite", "overwrite", "remove"))
        focused = self._fitting(name, owner)
        if focused and draw < 0.3:
            return rng.choice(self._ids(focused))
        if focused:
            return self._focus[focused]
        return rng.choice((*self._known.texts.get(name, ()), rng.choice(WORDS)))

    def _fitting(self, name: str, owner: str) -> str:
        """The kind whose id a field of this name in such a message holds, if any."""
        said = f"{_snake(owner)}_{name}"
        if name in ("version_id", "version_ids"):
            said = said.replace(
                "version", "workflow_version" if "workflow" in said else "model_version"
            )
        if not re.search("(^|_)ids?$", said):
            return ""
        of = re.sub("s?(_request)?_ids?$", "", said)
        return max((kind for kind in self._focus if of.endswith(kind)), key=len, default="")

    def _ids(self, kind: str) -> Sequence[str]:
        rows = (*self._known.far, *self._known.near)
        return [row.id for row in rows if row.kind == kind]


def _gather(message: Any, texts: dict[str, set[str]]) -> None:
    """Every text in a message, by the name of its field."""
    for field, value in message.ListFields():
        if codec.is_map(field):
            continue
        for item in value if field.is_repeated else (value,):
            if field.message_type is not None:
                _gather(item, texts)
            elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
                texts.setdefault(field.name, set()).add(item)


def _type(message: Any) -> str:
    return str(message.DESCRIPTOR.name)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
