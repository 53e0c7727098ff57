"""Where a behaviour is taken from, in a word or two, and what of it is our own conclusion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reconciler.sandbox.behaviour import Grade

CONTRACT: Final = Grade.CONTRACT
DOCUMENTED: Final = Grade.DOCUMENTED
RECORDED: Final = Grade.RECORDED
INFERRED: Final = Grade.INFERRED
OURS: Final = Grade.OURS

_FIRM: Final = (CONTRACT, DOCUMENTED, RECORDED)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a behaviour is taken from; ``ours`` says what of it nobody has told us, if anything.

    Raises ValueError where both would say nothing.
    """

    taken_from: tuple[Grade, ...]
    ours: str = ""

    def __post_init__(self) -> None:
        """Refuse what says nothing: neither a source nor a conclusion."""
        if set(self.taken_from) - set(_FIRM):
            raise ValueError(f"{self.taken_from}: what is no source belongs into 'ours'")
        if not (self.taken_from or self.ours):
            raise ValueError("say where the behaviour is taken from, or what was concluded")

    @property
    def grades(self) -> tuple[Grade, ...]:
        """The sources, the firmest first, and whether a conclusion is among them."""
        firm = tuple(grade for grade in _FIRM if grade in self.taken_from)
        return (*firm, *((INFERRED,) if self.ours else ()))


def taken(*sources: Grade, ours: str = "") -> Evidence:
    """A behaviour with its sources."""
    return Evidence(sources, ours)
