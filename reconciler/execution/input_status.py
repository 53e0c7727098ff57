"""What the status of an input says: a number or a name, and words for who reads them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

PROCESSED = frozenset({30000, 30500})
"""INPUT_SUCCESS and INPUT_REINDEX_SUCCESS: the default workflow has run."""
UNDER_WAY = frozenset({0, 30001, 30003, 30501, 30503})
"""Pending or in progress, no status at all included."""
TAKEN = PROCESSED | UNDER_WAY | {10000}
"""What a POST answers of an input that it took."""
THERE_ALREADY = frozenset({30100, 40010})
"""A duplicate, of the content or of the id."""

_CODES: Mapping[str, int] = MappingProxyType(
    {
        "INPUT_SUCCESS": 30000,
        "INPUT_DOWNLOAD_SUCCESS": 30000,
        "INPUT_IMAGE_DOWNLOAD_SUCCESS": 30000,
        "INPUT_PENDING": 30001,
        "INPUT_DOWNLOAD_PENDING": 30001,
        "INPUT_FAILED": 30002,
        "INPUT_DOWNLOAD_FAILED": 30002,
        "INPUT_IN_PROGRESS": 30003,
        "INPUT_DOWNLOAD_IN_PROGRESS": 30003,
        "INPUT_DUPLICATE": 30100,
        "DATABASE_DUPLICATE_KEY": 40010,
    }
)
"""Names of the numbers above, in today's contract and in the older documentation."""


def is_own_fault(code: int) -> bool:
    """Whether a code speaks of the input itself: unsupported, invalid, too large, a duplicate."""
    return 30100 <= code <= 30399 or code in {30002, 39999, 40003, 40010}


def code_of(status: Mapping[str, Any] | None) -> int:
    """The number of a status, printed as number or name; 0 where there is none."""
    code = (status or {}).get("code", 0)
    if isinstance(code, str) and not code.isdecimal():
        return _CODES.get(code, -1)
    return int(code)


def words_of(status: Mapping[str, Any]) -> str:
    """What a status says, each thing once, with its code."""
    texts = dict.fromkeys(
        text for name in ("description", "details") if (text := str(status.get(name) or "").strip())
    )
    code = status.get("code", 0)
    said = ": ".join(texts) or "the service gave no reason"
    return f"{said} (code {code})" if code else said
