"""Runs the laws of convergence and writes down how many cases each was tried on: ``make convergence``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from reliability import figures
from reliability.figures import Table, Topic
from reliability.tally import LAWS, TALLY

HERE = Path(__file__).parent
COMMAND = "make convergence"
TEXT = (
    "Made-up manifests by Hypothesis, with all kinds of resources and models of five types "
    "(thresholders, mappers, writers, croppers, classifiers): applied, planned again, applied one "
    "after the other, read from a server that says the same in other words (lists in another order, "
    "defaults filled in or left out, enums by name or number, float32 as doubles, hash ids, relations "
    "from the other end, marks gone), and changed from outside. Most run on an in-memory platform in "
    "each of its ways with versions; a share runs through the command line on the sandbox, with all "
    "its switches at random and classifiers left untrained.",
)


def main() -> int:
    """The exit status of the tests; the figures are written only if all of them passed."""
    tests = [str(HERE / "test_convergence.py"), str(HERE / "test_convergence_in_sandbox.py")]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "LONG": "1", TALLY: folder}
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", *tests]
        status = subprocess.run(command, env=environment, check=False).returncode
        if status:
            return status
        counts = {
            law: sum(path.stat().st_size for path in Path(folder).glob(f"{name}.*"))
            for name, law in LAWS.items()
        }
    rows = [*counts.items(), ("all laws", sum(counts.values()))]
    tables = [Table(("law", "cases"), rows)]
    figures.write("convergence", Topic("Convergence", 5, COMMAND, TEXT, tables))
    return 0


if __name__ == "__main__":
    sys.exit(main())
