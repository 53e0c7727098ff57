"""Faults drawn from a seed: a run of misfortunes that can be had again."""

from __future__ import annotations

import difflib
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from reconciler.sandbox.faults import Fault, check_path, check_types, is_about

KINDS: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        "error": Fault(status=500),
        "unavailable": Fault(status=503, html=True),
        "throttled": Fault(status=429, times=3),
        "throttled_with_retry_after": Fault(status=429, retry_after=1, times=3),
        "latency": Fault(latency_ms=200),
        "drop_before": Fault(drop="before"),
        "drop_after": Fault(drop="after"),
        "cut": Fault(cut=True),
        "mixed": Fault(mixed=True),
        "stale_reads": Fault(stale_reads=3),
        "stale_seconds": Fault(stale_seconds=0.5),
        "slow_work": Fault(work_delay_ms=500),
    }
)
"""What can be drawn; ``times`` is how many requests in a row one draw hits."""

_LONGEST: Final = max(fault.times for fault in KINDS.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """A fate for every request it is for, fixed by ``seed`` and the request's number alone.

    ``rate`` is the part of the requests at which a misfortune begins, ``kinds`` are those that are
    drawn from (empty: all of ``KINDS``). ``method``, ``path``, ``rpc`` and ``times`` are those of
    ``Fault``; requests are counted from 1 from when the plan was planted. Raises ValueError.
    """

    seed: int = 0
    rate: float = 0.1
    kinds: tuple[str, ...] = ()
    method: str = ""
    path: str = ""
    rpc: str = ""
    times: int = 0

    def __post_init__(self) -> None:
        """Refuse a plan that could draw nothing."""
        check_types(self)
        check_path(self.path)
        if not 0 < self.rate <= 1:
            raise ValueError(f"rate is {self.rate!r:.40}; it must be above 0 and at most 1")
        if self.times < 0:
            raise ValueError("times counts from 0")
        if not isinstance(self.kinds, tuple):
            raise ValueError(
                f"kinds is {self.kinds!r:.60}; it must be several of {', '.join(KINDS)}"
            )
        for kind in self.kinds:
            if kind not in KINDS:
                raise ValueError(_unknown(kind))

    def is_for(self, method: str, path: str, rpc: str = "") -> bool:
        """Whether a request is one of those it is about."""
        return is_about(self, method, path, rpc)

    def fate(self, number: int) -> Fault | None:
        """What happens to this one of the requests that it is for; the fault's name says why."""
        for start in range(number, max(number - _LONGEST, 0), -1):
            kind = self._drawn(start)
            if kind is not None and number < start + KINDS[kind].times:
                return replace(KINDS[kind], times=1, name=f"{kind} (seed {self.seed}, #{number})")
        return None

    def _drawn(self, number: int) -> str | None:
        """The kind of the misfortune that begins at this request."""
        chance = random.Random(f"{self.seed}/{number}")
        if chance.random() >= self.rate:
            return None
        return chance.choice(self.kinds or tuple(KINDS))

    def said(self) -> dict[str, Any]:
        """Its fields, as JSON shows them."""
        return {**asdict(self), "kinds": list(self.kinds or KINDS)}


def _unknown(kind: object) -> str:
    near = difflib.get_close_matches(str(kind), KINDS, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(KINDS)}"
    return f"kinds has {kind!r:.60}; {hint}"
