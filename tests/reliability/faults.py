"""What can go wrong with one request, and what it takes to say so to the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from reconciler.sandbox.faults import Fault

READ_BACK = 0.4
"""Seconds for ``--read-back-timeout`` where reads lag; elsewhere one look has to do."""

STALE = 0.25
"""Seconds that reads lag behind: less than the time that a write is looked for."""

NEVER = 3_600_000
"""Milliseconds until a request goes on, unless the faults are cleared."""


@dataclass(frozen=True, slots=True)
class Misfortune:
    """A fault and its words for the page; ``writes`` says that reads cannot meet it.

    ``lasting`` strikes every request from the k-th on; ``kills`` ends the tool while the k-th
    request is under way. ``rare`` ones are left to the long run.
    """

    fault: Fault
    words: str
    writes: bool = False
    lasting: bool = False
    kills: bool = False
    rare: bool = False

    @property
    def read_back(self) -> float:
        """Seconds for ``--read-back-timeout`` of the disturbed run."""
        return READ_BACK if self.fault.stale_seconds else 0.0

    def at(self, k: int) -> Fault:
        """The fault for the ``k``-th request, counted from 1."""
        return replace(self.fault, nth=k, times=0 if self.lasting else 1)


FAULTS: Mapping[str, Misfortune] = MappingProxyType(
    {
        "dropped before": Misfortune(
            Fault(drop="before"), "the connection is closed before the server saw the request"
        ),
        "dropped after": Misfortune(
            Fault(drop="after"), "the connection is closed after the server committed"
        ),
        "cut body": Misfortune(Fault(cut=True), "half of the answer arrives"),
        "500": Misfortune(Fault(status=500), "an internal fault, in the platform's form"),
        "502 HTML": Misfortune(Fault(status=502, html=True), "a proxy's page"),
        "429": Misfortune(Fault(status=429), "throttled, without `Retry-After`"),
        "429 Retry-After": Misfortune(
            Fault(status=429, retry_after=1), "throttled, with `Retry-After: 1`"
        ),
        "mixed success": Misfortune(
            Fault(mixed=True),
            "every second item of a bulk write is left out (of a single one: none)",
            writes=True,
        ),
        "stale reads": Misfortune(
            Fault(stale_seconds=STALE),
            f"for {STALE:g} s reads see the state from before the request",
        ),
        "dropped after, stale": Misfortune(
            Fault(drop="after", stale_seconds=STALE),
            "committed, the answer lost, and unseen by reads for a while",
            writes=True,
            rare=True,
        ),
        "silent for good": Misfortune(
            Fault(drop="before"),
            "no request gets through from this one on",
            lasting=True,
            rare=True,
        ),
        "deaf for good": Misfortune(
            Fault(drop="after"),
            "no answer comes back from this one on, whatever is carried out",
            lasting=True,
            rare=True,
        ),
        "SIGKILL before": Misfortune(
            Fault(latency_ms=NEVER, drop="before"),
            "the process is killed while the request is on its way; it is never carried out",
            kills=True,
            rare=True,
        ),
        "SIGKILL after": Misfortune(
            Fault(latency_ms=NEVER),
            "the process is killed while the request is on its way; it is carried out",
            kills=True,
        ),
    }
)
