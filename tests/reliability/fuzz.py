"""The figures of bad input: ``PYTHONPATH=tests python -m reliability.fuzz`` (LONG=1 for the long run).

Runs the fuzz tests of plan files and of answers, counts what they tried, and keeps it for the page.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from reliability.counting import FOLDER
from reliability.figures import Table, Topic, write

ROOT = Path(__file__).parents[2]
PARTS = {
    "plan files": "tests/planning/test_file_fuzz.py",
    "answers": "tests/api/test_answer_fuzz.py",
}
TEXT = (
    "Plan files: cut, hit, bent at every key and sealed again with a fresh digest, forged, gigantic, "
    "no file at all. Each ends as a plan that is carried out, as stale, or in an error that names the "
    "file and the place in it. Answers: bent at every key, with items lost and repeated, cut, with "
    "bytes that are no text, while a plan is read and while one is carried out; beside these, a real "
    "server that lies in {lies} ways to five commands. Each ends in a plan or in one error that names "
    "the request, and what was expected where. Never a traceback, a write of a read path, more than "
    "200 MB, or a list without end.",
)


def main() -> int:
    """Runs the tests and writes the figures; their exit status."""
    with tempfile.TemporaryDirectory() as folder:
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *PARTS.values()],
            cwd=ROOT,
            env={**os.environ, FOLDER: folder},
            check=False,
        )
        if ended.returncode:
            return ended.returncode
        rows: list[tuple[str | int, ...]] = []
        for part in PARTS:
            found = json.loads((Path(folder) / f"{part}.json").read_text("utf-8"))
            rows += [(part, ended_as, count) for ended_as, count in sorted(found.items())]
            rows.append((part, "all", sum(found.values())))
    head = ("what was bent", "ended as", "cases")
    text = tuple(one.format(lies=len(_lies())) for one in TEXT)
    command = "make fuzz-figures"
    write("fuzz", Topic("Bad input", 50, command, text, (Table(head, rows),)))
    return 0


def _lies() -> tuple[str, ...]:
    from e2e.test_lying_server import LIES

    return tuple(LIES)


if __name__ == "__main__":
    sys.exit(main())
