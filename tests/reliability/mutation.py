"""Mutates the rules and runs their fast tests: ``PYTHONPATH=tests python -m reliability.mutation``.

mutmut (the extra ``mutation``) changes one thing at a time in a copy of the sources. What no test
noticed is listed, with the reason why it may stay where somebody has looked at it. Not for CI.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from fnmatch import fnmatch
from pathlib import Path

from reliability.figures import Table, Topic, read_all, write

Row = tuple[str | int, ...]

ROOT = Path(__file__).parents[2]
COPY = ROOT / ".mutation"
ACCEPTED = Path(__file__).with_name("survivors.json")
"""Why a survivor may stay, by the function that it is in and the change that it is."""

GROUPS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "order": (("planning/order.py",), ("planning/test_order.py",)),
    "routing": (("routing/*.py",), ("routing",)),
    "values": (("values.py",), ("test_values.py", "kinds/test_normal_form.py", "planning/test_file.py")),
    "diff": (
        ("planning/diff.py", "planning/surplus.py"),
        ("planning/test_diff.py", "planning/test_surplus.py", "kinds/test_normal_form.py"),
    ),
    "versions": (("planning/versions.py",), ("planning/test_versions.py",)),
    "normal forms": (
        (
            "kinds/workflow.py",
            "kinds/nodes/normal.py",
            "kinds/model_types/thresholder.py",
            "kinds/model_types/writer.py",
        ),
        (
            "kinds/test_workflow.py",
            "kinds/test_operators.py",
            "kinds/test_normal_form.py",
        ),
    ),
}  # fmt: skip
"""What is mutated below ``reconciler/``, and the tests below ``tests/`` that have to notice."""

SHARED = (
    "manifest_text.py",
    "conftest.py",
    "planted.py",
    "plan_cases.py",
    "fake_platform.py",
    "reliability/counting.py",
)


def main() -> int:
    """Mutates the groups that are named, or all; 1 if a survivor was not looked at."""
    parser = argparse.ArgumentParser()
    parser.add_argument("groups", nargs="*", choices=[[], *GROUPS], default=[])
    unknown = 0
    for name in parser.parse_args().groups or GROUPS:
        found = mutate(name)
        counts = Counter(found.values())
        survivors = [
            (function_of(mutant), f"`{changed(mutant)}`")
            for mutant, status in found.items()
            if status not in NOTICED
        ]
        figures = (len(found), counts["killed"], counts["timeout"], len(survivors))
        unknown += record(name, (name, *figures, date.today().isoformat()), survivors)
        print(name, dict(counts), flush=True)
    return 1 if unknown else 0


def record(name: str, row: Row, survivors: Sequence[tuple[str, str]]) -> int:
    """Keeps what a run found beside what is kept of other groups; how many have no reason to stay."""
    reasons: dict[str, dict[str, str]] = json.loads(ACCEPTED.read_text("utf-8"))
    before = [topic.tables for topic in read_all() if topic.title == TITLE]
    rows, stayed = (table.rows for table in before[0]) if before else ((), ())
    by_group = {str(kept[0]): kept for kept in rows} | {name: row}
    kept = [(str(where), str(change)) for where, change, _ in stayed if _group(where) != name]
    told = [
        (where, change, reasons.get(where, {}).get(change, NO_REASON))
        for where, change in (*kept, *survivors)
    ]
    order = list(GROUPS)
    tables = (
        Table(
            ("modules", "mutants", "killed", "timed out", "survived", "run on"),
            [by_group[group] for group in order if group in by_group],
        ),
        Table(
            ("in", "survivor", "why it may stay"),
            sorted(told, key=lambda line: order.index(_group(line[0]))),
        ),
    )
    text = (
        "One thing is changed at a time in the rules, and the fast tests of that module alone are "
        "run. What they do not notice is listed with the reason why it may stay.",
    )
    write("mutation", Topic(TITLE, 60, "make mutation", text, tables))
    return sum(why == NO_REASON and _group(where) == name for where, _, why in told)


def _group(function: str | int | float) -> str:
    """The group that a function belongs to, which is named by its module first."""
    path = str(function).replace(".", "/")
    return next(
        name
        for name, (modules, _) in GROUPS.items()
        if any(fnmatch(path, f"{module.removesuffix('.py')}/*") for module in modules)
    )


TITLE = "Mutations"
NO_REASON = "not looked at yet"
NOTICED = frozenset({"killed", "timeout"})
"""A change that makes a test run for ever is noticed too; how many did is told apart."""


def mutate(name: str) -> dict[str, str]:
    """What became of each mutant of a group."""
    modules, tests = GROUPS[name]
    shutil.rmtree(COPY, ignore_errors=True)
    for folder in ("reconciler", "manifests", "schemas"):
        shutil.copytree(ROOT / folder, COPY / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for part in (*SHARED, *tests):
        source, goal = ROOT / "tests" / part, COPY / "tests" / part
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, goal) if source.is_dir() else shutil.copy(source, goal)
    chosen = {
        "only_mutate": [f"reconciler/{module}" for module in modules],
        "pytest_add_cli_args_test_selection": [f"tests/{test}" for test in tests],
        "also_copy": ["manifests", "schemas"],
    }
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in chosen.items())
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert "[tool.mutmut]\n" in text
    (COPY / "pyproject.toml").write_text(
        text.replace("[tool.mutmut]\n", f"[tool.mutmut]\n{lines}"), "utf-8"
    )
    _mutmut("run")
    told = _mutmut("results", "--all", "true")
    pairs = (line.strip().rpartition(": ") for line in told.splitlines() if ": " in line)
    return {mutant: status for mutant, _, status in pairs if "__mutmut_" in mutant}


def changed(mutant: str) -> str:
    """What a mutant is: the line before, and after."""
    lines = _mutmut("show", mutant).splitlines()
    before = [line[1:].strip() for line in lines if line.startswith("-") and line[:3] != "---"]
    after = [line[1:].strip() for line in lines if line.startswith("+") and line[:3] != "+++"]
    return f"{' '.join(before)} → {' '.join(after)}".replace("|", "\\|")


def function_of(mutant: str) -> str:
    """``planning.order.sort`` of ``reconciler.planning.order.x_sort__mutmut_3``."""
    name = mutant.removeprefix("reconciler.").partition("__mutmut_")[0]
    return name.replace("xǁ", "").replace("ǁ", ".").replace(".x_", ".")


def _mutmut(*arguments: str) -> str:
    command = [str(Path(sys.executable).with_name("mutmut")), *arguments]
    ended = subprocess.run(command, cwd=COPY, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, (ended.returncode, ended.stdout[-2000:], ended.stderr[-2000:])
    return ended.stdout


if __name__ == "__main__":
    sys.exit(main())
