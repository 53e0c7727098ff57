"""The shape of an explanation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a code means, why it matters on this platform, and an example before and after.

    ``bad`` and ``good`` are parts of a manifest as they are written there, indentation included; a
    line that begins with ``$`` or ``#`` at the very left is a command or a remark.
    """

    code: str
    meaning: str
    why: str
    bad: str
    good: str
