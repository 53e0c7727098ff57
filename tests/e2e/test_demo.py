"""What ``make demo`` runs: its parts, and the whole of it after a run that was killed."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from e2e.tool import MANIFESTS

ROOT = MANIFESTS.parent
SCRIPT = MANIFESTS / "digits" / "_demo.py"
RESULT = re.compile(
    r"^RESULT auto=([\d.]+)% precision=([\d.]+)% pending=([\d.]+)% both=([\d.]+)% neither=([\d.]+)%$",
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("digits_demo", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.png")
    }


def test_the_images_are_all_digits_split_the_same_way_each_time(
    demo: ModuleType, tmp_path: Path
) -> None:
    truth = demo.write_images(tmp_path / "one")
    found = files(tmp_path / "one")
    assert len(found) == 1797
    folders = Counter(name.rpartition("/")[0] for name in found)
    assert folders.pop("unlabelled") == 1197
    assert set(folders) == {f"labelled/digit-{n}" for n in range(10)}
    assert sum(folders.values()) == 600
    ids = {name: hashlib.sha256(content).hexdigest()[:32] for name, content in found.items()}
    assert len(set(ids.values())) == 1797, "two images would be one input"
    assert set(truth) == {id_ for name, id_ in ids.items() if name.startswith("unlabelled/")}
    assert set(truth.values()) == {f"digit-{n}" for n in range(10)}

    assert demo.write_images(tmp_path / "two") == truth
    assert files(tmp_path / "two") == found


def test_the_result_counts_each_image_once(demo: ModuleType) -> None:
    truth = {
        **{f"right-{n}": "digit-1" for n in range(3)},
        "wrong": "digit-2",
        "also-right": "digit-4",
        "pending": "digit-5",
        "both": "digit-6",
        "neither": "digit-7",
    }
    annotations = [
        *(written(f"right-{n}", "success", "digit-1") for n in range(3)),
        written("wrong", "success", "digit-3"),
        # the true concept, and another one beside it
        written("also-right", "success", "digit-4", "digit-9"),
        written("pending", "pending", "digit-5", "digit-6"),
        written("both", "success", "digit-6"),
        written("both", "pending", "digit-8"),
        written("an-input-of-somebody-else", "success", "digit-1"),
    ]
    assert demo.result(truth, annotations) == (
        "RESULT auto=62.5% precision=60.0% pending=12.5% both=12.5% neither=12.5%"
    )


def test_the_result_of_nothing_divides_by_nothing(demo: ModuleType) -> None:
    assert demo.result({"a": "digit-1"}, []) == (
        "RESULT auto=0.0% precision=0.0% pending=0.0% both=0.0% neither=100.0%"
    )


def written(input_id: str, status: str, *concepts: str) -> dict[str, Any]:
    return {"input_id": input_id, "status": status, "concepts": dict.fromkeys(concepts, 0.9)}


def test_what_it_leaves_is_ignored_by_git(demo: ModuleType) -> None:
    assert f"{demo.WORK.name}/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert demo.WORK == ROOT / ".demo"


def test_the_whole_demo_runs_over_what_a_killed_one_left(tmp_path: Path) -> None:
    work = tmp_path / ".demo"
    work.mkdir()
    (work / "scratch").mkdir()
    (work / "plan.json").write_text("{", "utf-8")
    killed = start(work)
    assert killed.stdout is not None
    for line in killed.stdout:
        if line.startswith("$ reconciler inputs add"):
            break
    until_some_inputs_are_in(work)
    # Its command is in the middle of sending, and goes on alone.
    killed.kill()
    killed.wait(300)
    killed.stdout.close()

    again = start(work)
    out, _ = again.communicate(timeout=600)
    assert again.returncode == 0, out
    assert "$ reconciler validate" in out
    (figures,) = RESULT.findall(out)
    auto, precision, pending, both, neither = map(float, figures)
    assert auto >= 90
    assert precision >= 99
    assert auto + pending + both + neither == pytest.approx(100, abs=0.25)
    assert [path.name for path in tmp_path.iterdir()] == [".demo"]
    assert not (MANIFESTS / "digits" / ".reconciler").exists()
    assert nothing_runs_in(work)


def test_a_demo_that_is_told_to_stop_takes_its_command_along(tmp_path: Path) -> None:
    work = tmp_path / ".demo"
    stopped = start(work)
    assert stopped.stdout is not None
    for line in stopped.stdout:
        if line.startswith("$ reconciler apply"):
            break
    stopped.send_signal(signal.SIGTERM)
    stopped.stdout.read()
    stopped.stdout.close()
    assert stopped.wait(300) == 1
    assert nothing_runs_in(work)


def start(work: Path) -> subprocess.Popen[str]:
    """The demo in another folder than its own, so that nobody's is disturbed."""
    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1]); import _demo; "
        "_demo.WORK = pathlib.Path(sys.argv[2]); _demo.PATIENCE = 600.0; _demo.main()"
    )
    return subprocess.Popen(
        [sys.executable, "-B", "-c", code, SCRIPT.parent, work],
        env={**os.environ, "CLARIFAI_API_BASE": "http://nobody.invalid", "RECONCILER_MAX_RPS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )


def until_some_inputs_are_in(work: Path) -> None:
    database = work / ".reconciler" / "sandbox" / "sandbox.db"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            (count,) = connection.execute(
                "SELECT COUNT(*) FROM objects WHERE kind = 'input'"
            ).fetchone()
        if count:
            return
        time.sleep(0.02)
    raise AssertionError("the demo sends no inputs")


def nothing_runs_in(work: Path) -> bool:
    """The lock is held by the demo and by every command it started, until the last one ends."""
    with (work / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
