"""Scores of concepts, in the precision that the platform computes with."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass

_FLOAT32 = struct.Struct("<f")


def float32(number: float) -> float:
    """The nearest 32-bit float; what is too large for one becomes infinite, as in C."""
    try:
        (rounded,) = _FLOAT32.unpack(_FLOAT32.pack(number))
    except OverflowError:
        return math.copysign(math.inf, number)
    return float(rounded)


@dataclass(frozen=True, slots=True, order=True)
class ConceptKey:
    """A concept and its owner. The same id in two apps is two concepts."""

    user_id: str
    app_id: str
    id: str

    @property
    def app(self) -> tuple[str, str]:
        """The owning app as ``(user_id, app_id)``."""
        return (self.user_id, self.app_id)


@dataclass(frozen=True, slots=True)
class Score:
    """How much a concept applies, usually 0 to 1."""

    concept: ConceptKey
    value: float


def merge(scores: Iterable[Score]) -> tuple[Score, ...]:
    """One score per concept, the greatest, best first; equal ones by concept.

    No source says what the platform does with a concept that arrives twice.
    """
    best: dict[ConceptKey, float] = {}
    for score in scores:
        known = best.get(score.concept)
        if known is None or score.value > known:
            best[score.concept] = score.value
    ranked = sorted(best.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Score(concept, value) for concept, value in ranked)
