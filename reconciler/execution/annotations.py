"""What the workflow wrote: annotations as data, read in pages and filtered."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.api.protocol import Reader
from reconciler.call import Json, Listing, Target
from reconciler.catalogue import ANNOTATION_STATUSES
from reconciler.diagnostics import did_you_mean
from reconciler.errors import DataError

STATUS_WORDS = (
    "success",
    "pending",
    "failed",
    "awaiting_review",
    "review_denied",
    "awaiting_consensus_review",
)
"""Short spellings of the statuses that an annotation can have."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotation. ``status`` is a short word (``success``), or the number where it has none.

    ``concepts`` are (id, value) pairs, highest value first, of the whole input and of its regions.
    Times are as the platform prints them.
    """

    id: str
    input_id: str
    status: str
    user_id: str
    concepts: tuple[tuple[str, float], ...]
    created_at: str = ""
    modified_at: str = ""
    input_level: bool = False


def parse_statuses(words: Sequence[str]) -> frozenset[str]:
    """Short words for statuses given as word, as the platform's name or number.

    Raises DataError for one that is none of these.
    """
    return frozenset(_parse_status(word) for word in words)


def read_annotations(
    reader: Reader,
    target: Target,
    *,
    statuses: Collection[str] = (),
    input_id: str = "",
    user_id: str = "",
    include_input_level: bool = False,
) -> Iterator[Annotation]:
    """The app's annotations, oldest first; an empty filter lets all through. Raises ApiError.

    ``statuses`` are short words; ``user_id`` is a real id, not ``me``. The annotation that holds an
    input's own labels (``input_level``) is left out unless asked for: no writer wrote it. Nor did
    one write what a model predicted, which the platform keeps beside it with no user.
    """
    # Statuses are a list of messages, which a query string cannot carry for certain; so they, like
    # all else, are looked at here. The other two only make the answer shorter.
    query: dict[str, Any] = {"list_all_annotations": True}
    if input_id:
        query["input_ids"] = input_id
    if user_id:
        query["user_ids"] = user_id
    every = Listing(target.at("annotations"), "annotations", query, most_pages=1000)
    for raw in reader.read_list(every):
        found = _from_wire(raw)
        if (
            not _is_prediction(raw, found)
            and (include_input_level or not found.input_level)
            and (not statuses or found.status in statuses)
            and (not input_id or found.input_id == input_id)
            and (not user_id or found.user_id == user_id)
        ):
            yield found


def _is_prediction(raw: Json, found: Annotation) -> bool:
    """Whether a model's worker made it (contract, Worker: a user, a model or a workflow)."""
    worker = raw.get("worker") or {}
    return not found.user_id and bool(worker.get("model") or raw.get("model_version_id"))


def _from_wire(raw: Json) -> Annotation:
    data = raw.get("data") or {}
    parts = [data, *(region.get("data") or {} for region in data.get("regions") or ())]
    concepts = [
        # A value that is left out reads as 1.
        (str(concept.get("id", "")), float(concept.get("value", 1)))
        for part in parts
        for concept in part.get("concepts") or ()
    ]
    worker = ((raw.get("worker") or {}).get("user") or {}).get("id", "")
    return Annotation(
        id=str(raw.get("id", "")),
        input_id=str(raw.get("input_id", "")),
        status=_status_word(raw.get("status") or {}),
        user_id=str(raw.get("user_id") or worker),
        concepts=tuple(sorted(concepts, key=lambda pair: (-pair[1], pair[0]))),
        created_at=str(raw.get("created_at", "")),
        modified_at=str(raw.get("modified_at", "")),
        input_level=bool(raw.get("input_level", False)),
    )


def _status_word(status: Mapping[str, Any]) -> str:
    code = status.get("code", 0)
    name = ANNOTATION_STATUSES.name_of(code)
    return str(code) if name is None else _short(name)


def _parse_status(word: str) -> str:
    folded = word.strip().lower().replace("-", "_").removeprefix("annotation_")
    if folded in STATUS_WORDS:
        return folded
    name = ANNOTATION_STATUSES.name_of(folded)
    if name is not None and _short(name) in STATUS_WORDS:
        return _short(name)
    hint = did_you_mean(folded, STATUS_WORDS) or f"one of {', '.join(STATUS_WORDS)}"
    raise DataError(f"{word!r} is no annotation status", hint=hint)


def _short(name: str) -> str:
    return name.removeprefix("ANNOTATION_").lower()
