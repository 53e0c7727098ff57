"""Text as YAML that every reader takes for that text, for those who write manifests."""

from __future__ import annotations

import json
import re
from typing import Final

from reconciler.manifest.documents import resolve_number

_BARE = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@-]*(?: [A-Za-z0-9_./@-]+)*")
_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_UNSEEN: Final = (*range(0x7F, 0xA0), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)
_ESCAPED: Final = {code: f"\\u{code:04x}" for code in _UNSEEN}


def scalar(text: str) -> str:
    """Bare where nothing else could be meant, else in double quotes."""
    if _BARE.fullmatch(text) and text.lower() not in _WORDS and isinstance(_number(text), str):
        return text
    return json.dumps(text, ensure_ascii=False).translate(_ESCAPED)


def _number(text: str) -> int | float | str:
    try:
        return resolve_number(text)
    except OverflowError:
        return 0.0
