"""How many cases a run of fuzz tests tried: kept for the reliability page where it is asked for."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

FOLDER = "RECONCILER_COUNT_CASES"
"""The variable that names a folder for the counts; without it nothing is written."""


class Cases(Counter[str]):
    """Cases by what became of them."""

    def keep(self, name: str) -> None:
        """Adds what was counted to ``NAME.json``, if anybody asked."""
        if FOLDER in os.environ:
            path = Path(os.environ[FOLDER]) / f"{name}.json"
            before = Counter(json.loads(path.read_text("utf-8"))) if path.exists() else Counter()
            path.write_text(json.dumps(dict(before + self)), "utf-8")
