"""Counts the cases on which a law was tried, where somebody wants to know."""

from __future__ import annotations

import os
from pathlib import Path

TALLY = "CONVERGENCE_TALLY"
"""The variable that names a folder for counts; nothing is counted without it."""

LAWS = {
    "empty": "apply, then plan is empty and there is no drift",
    "respelt": "the same state told in other words plans nothing",
    "pair": "apply A, apply B --prune: as B alone leaves it",
    "revert": "A, B, A again: the versions of before run, none is minted",
    "manifest": "a change of the manifest is no drift",
    "outside": "a change from outside is drift of exactly that field",
    "sandbox": "A, then B, through the command line against the sandbox with random switches",
}
"""What each law says."""


def tried(law: str) -> None:
    """One more case: a byte in a file of this process, so that processes need not agree."""
    assert law in LAWS
    if folder := os.environ.get(TALLY):
        with (Path(folder) / f"{law}.{os.getpid()}").open("ab") as file:
            file.write(b".")
