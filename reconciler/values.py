"""Values that both sides of a diff share: numbers, placeholders, marks, digests."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from reconciler.address import Address

MARK_KEY = "reconciler"
"""Where in an object's ``metadata`` our mark stands."""

DIGEST_SCHEME = "1"
"""Written before every configuration digest; a digest of another scheme is not trusted."""


LATER: Final = "(known after apply)"
"""What stands for a value that only an apply makes known, where text is shown."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that exists only after an operation was carried out: ``attribute`` of ``address``."""

    address: Address
    attribute: str

    def __str__(self) -> str:
        return LATER


@dataclass(frozen=True, slots=True)
class Mark:
    """What we write into ``metadata.reconciler``: whose the object is. No time, no run id.

    ``origin`` is ``created`` or ``adopted``; ``digest`` stands on model versions alone, ``digests``
    on everything else: by path, one of each declared field as we last wrote it; ``relations`` on
    concepts: the relations of this subject that we created; ``resources`` on the app: what was
    there, or about to be made, when it was last written and would leave no other trace. ``number``
    stands on versions: the place among its model's versions that each was posted for, so that of two
    with one number the second was posted before anybody could see the first.
    """

    owner: str
    origin: str = "created"
    protect: bool = False
    digest: str = ""
    relations: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    number: int | None = None
    resources: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The mark as it is sent: fields without a value are left out."""
        fields: dict[str, Any] = {"owner": self.owner, "origin": self.origin}
        if self.protect:
            fields["protect"] = True
        if self.digest:
            fields["digest"] = self.digest
        if self.relations:
            fields["relations"] = sorted(self.relations)
        if self.digests:
            fields["digests"] = dict(sorted(self.digests.items()))
        if self.resources:
            fields["resources"] = sorted(self.resources)
        if self.number is not None:
            fields["number"] = self.number
        return fields

    @classmethod
    def read(cls, metadata: object) -> Mark | None:
        """The mark in an object's metadata; None where there is none or it is not ours to read."""
        mark = metadata.get(MARK_KEY) if isinstance(metadata, Mapping) else None
        if not isinstance(mark, Mapping) or not isinstance(mark.get("owner"), str):
            return None
        digests = mark.get("digests")
        count = number(mark.get("number"))
        digests = digests if isinstance(digests, Mapping) else {}
        return cls(
            owner=mark["owner"],
            origin=str(mark.get("origin", "adopted")),
            protect=mark.get("protect") is True,
            digest=str(mark.get("digest", "")),
            relations=_all_texts(mark.get("relations")),
            digests=MappingProxyType({str(path): str(text) for path, text in digests.items()}),
            number=count if type(count) is int else None,
            resources=_all_texts(mark.get("resources")),
        )

    def without_digest(self) -> Mark:
        """What it says of whose the object is, and nothing of what was written."""
        return replace(self, digest="", digests=MappingProxyType({}), resources=())


def _all_texts(items: object) -> tuple[str, ...]:
    return tuple(map(str, items)) if isinstance(items, list) else ()


def marked(metadata: Mapping[str, Any], mark: Mark) -> dict[str, Any]:
    """``metadata`` with our mark in it; keys that others put under ours survive."""
    before = metadata.get(MARK_KEY)
    kept = dict(before) if isinstance(before, Mapping) else {}
    for name in ("protect", "relations", "digests", "resources"):
        kept.pop(name, None)
    return {**metadata, MARK_KEY: {**kept, **mark.as_json()}}


def unmarked(metadata: object) -> dict[str, Any]:
    """``metadata`` without our mark: what the user and others put there."""
    if not isinstance(metadata, Mapping):
        return {}
    return {key: value for key, value in metadata.items() if key != MARK_KEY}


def float32(value: float) -> float:
    """The shortest decimal that is the same float32 as ``value``: 0.949999988079071 → 0.95.

    The platform keeps scores and thresholds as float32 (``Concept.value``).
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number")
    packed = _pack(value)
    (exact,) = struct.unpack("<f", packed)
    # from the float32 itself: two doubles that round to it must give the same decimal
    exact = value if math.isinf(exact) else exact
    for digits in range(1, 10):
        short = float(f"{exact:.{digits}g}")
        if _pack(short) == packed:
            return short + 0.0
    return float(exact)


def _pack(value: float) -> bytes:
    try:
        return struct.pack("<f", value + 0.0)
    except OverflowError:
        return struct.pack("<f", math.copysign(math.inf, value))


def number(value: Any) -> Any:
    """A Struct's doubles as the integers they are: 1.0 → 1, and what no double holds as the nearest."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, int) and abs(value) >= 2**53:
        return float(value)
    if isinstance(value, Mapping):
        return {key: number(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(number(item) for item in value)
    return value


_SCALARS = frozenset({str, int, float, bool, type(None)})
_MAPPINGS = (dict, MappingProxyType, Mapping)  # the abstract one last: it is slow to ask


def freeze(value: Any) -> Any:
    """Nested data made read-only: mappings with sorted keys, sequences as tuples."""
    if type(value) in _SCALARS:  # nearly all values of a large app, and asked of each many times
        return value
    if isinstance(value, _MAPPINGS):
        return MappingProxyType({key: freeze(value[key]) for key in sorted(value)})
    if isinstance(value, list | tuple):
        return tuple(map(freeze, value))
    return value


def thaw(value: Any) -> Any:
    """Plain JSON data again: dicts and lists; a placeholder becomes None."""
    if isinstance(value, Mapping):
        return {key: thaw(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [thaw(item) for item in value]
    return None if isinstance(value, Unknown) else value


def unknowns(value: Any) -> Iterable[Unknown]:
    """Every placeholder inside ``value``."""
    if isinstance(value, Unknown):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from unknowns(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from unknowns(item)


def fill(value: Any, known: Mapping[Unknown, Any]) -> Any:
    """``value`` as plain data with each placeholder replaced. Raises ``KeyError`` if one is not known."""
    if isinstance(value, Unknown):
        return known[value]
    if isinstance(value, Mapping):
        return {key: fill(item, known) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [fill(item, known) for item in value]
    return value


def digest(value: Any) -> str:
    """``sha256:HEX`` of the canonical JSON of ``value``: key order and placeholders do not matter."""
    text = json.dumps(thaw(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def version_digest(configuration: Mapping[str, Any]) -> str:
    """What a version's mark records, so that a later plan need not read the version."""
    return f"{DIGEST_SCHEME}:{digest(configuration)}"


def field_digest(value: Any) -> str:
    """What a mark records of one declared field: blanks in it, their lack and key order are no matter.

    Of a value that is known only later, the digest is too.
    """
    text = digest(_without_blanks(value))
    return LATER if LATER in _texts(value) else f"{DIGEST_SCHEME}:{text[7:19]}"


def _without_blanks(value: Any) -> Any:
    if isinstance(value, Mapping):
        bare = {key: _without_blanks(item) for key, item in value.items()}
        return {key: item for key, item in bare.items() if item is not None} or None
    if isinstance(value, list | tuple):
        return [_without_blanks(item) for item in value] or None
    return None if value == "" else value


def _texts(value: Any) -> Iterable[Any]:
    """Every scalar in ``value``."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    else:
        yield value
