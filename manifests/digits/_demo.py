"""The main job, end to end, against the embedded sandbox: what ``make demo`` runs.

Real handwritten digits (scikit-learn's ``load_digits``, from the UCI repository) become PNG files;
600 of them are labelled and train a classifier, the other 1,197 are annotated by the workflow. The
result is computed from the annotations that the sandbox holds, against the true labels. Every line
that begins with ``$`` can be typed as it stands.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy
from PIL import Image
from sklearn.datasets import load_digits

MANIFEST = Path(__file__).resolve().parent
WORK = MANIFEST.parents[1] / ".demo"
LABELLED, UNLABELLED = 600, 1197
SEED = 0
SCALE = 4
PATIENCE = 60.0
"""Seconds to wait for what an earlier, killed run left running."""

SANDBOX = "RECONCILER_SANDBOX"


def write_images(
    folder: Path, labelled: int = LABELLED, unlabelled: int = UNLABELLED
) -> dict[str, str]:
    """Writes the PNG files; gives the true concept of each unlabelled input by its id."""
    digits = load_digits()
    order = list(range(len(digits.images)))
    random.Random(SEED).shuffle(order)
    truth = {}
    for place, index in enumerate(order[: labelled + unlabelled]):
        concept = f"digit-{digits.target[index]}"
        pixels = (digits.images[index] * 255 / 16).astype(numpy.uint8)
        image = Image.fromarray(numpy.kron(pixels, numpy.ones((SCALE, SCALE), numpy.uint8)))
        parent = folder / "labelled" / concept if place < labelled else folder / "unlabelled"
        parent.mkdir(parents=True, exist_ok=True)
        path = parent / f"{index:04d}.png"
        image.save(path)
        if place >= labelled:
            truth[hashlib.sha256(path.read_bytes()).hexdigest()[:32]] = concept
    return truth


def result(truth: Mapping[str, str], annotations: Iterable[Mapping[str, Any]]) -> str:
    """The point of it all, in percent of the added images; precision in percent of the auto ones.

    Auto is an image with some concept written as success and nothing left to review; it is right if
    that concept is the true one alone.
    """
    concepts: dict[str, dict[str, set[str]]] = {status: {} for status in ("success", "pending")}
    for annotation in annotations:
        of_input = concepts[annotation["status"]].setdefault(annotation["input_id"], set())
        of_input.update(annotation["concepts"])
    fates: dict[tuple[bool, bool], list[str]] = defaultdict(list)
    for id_ in truth:
        fates[bool(concepts["success"].get(id_)), bool(concepts["pending"].get(id_))].append(id_)
    auto = fates[True, False]
    right = [id_ for id_ in auto if concepts["success"][id_] == {truth[id_]}]
    shares = {
        "auto": (auto, truth),
        "precision": (right, auto),
        "pending": (fates[False, True], truth),
        "both": (fates[True, True], truth),
        "neither": (fates[False, False], truth),
    }
    told = (
        f"{name}={100 * len(some) / max(1, len(of)):.1f}%" for name, (some, of) in shares.items()
    )
    return f"RESULT {' '.join(told)}"


def say(text: str) -> None:
    """A sentence between two commands."""
    print(f"# {text}", flush=True)


@contextmanager
def emptied(work: Path) -> Iterator[TextIO]:
    """The folder with nothing in it but a lock, which whoever works here holds.

    Commands inherit it, so that one which outlived a killed demo is waited for, not deleted under.
    """
    work.mkdir(parents=True, exist_ok=True)
    lock = work / "demo.lock"
    with lock.open("w") as held:
        give_up = time.monotonic() + PATIENCE
        while not _locked(held):
            if time.monotonic() > give_up:
                raise SystemExit(f"another demo is still at work in {work}: end it first")
            time.sleep(0.1)
        for path in work.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path != lock:
                path.unlink()
        yield held


def _locked(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@dataclass(frozen=True)
class Shell:
    """Shows commands and runs them in the work folder."""

    work: Path
    lock: TextIO

    def __call__(self, *arguments: str, first: int | None = None, last: int = 0) -> str:
        """Runs ``reconciler`` and gives what it wrote to stdout.

        All of it is shown as it comes, or its ``first`` and ``last`` lines. Ends the demo if the
        command fails.
        """
        print(f"$ reconciler {shlex.join(arguments)}", flush=True)
        lines: list[str] = []
        for line in self._lines(arguments):
            lines.append(line)
            if first is None or len(lines) <= first:
                print(line, end="", flush=True)
        if first is not None and len(lines) > first:
            left_out = len(lines) - first - last
            print("".join([f"... {left_out:,} lines ...\n", *lines[len(lines) - last :]]), end="")
        print(flush=True)
        return "".join(lines)

    def save(self, name: str, *arguments: str) -> str:
        """Runs ``reconciler`` with its stdout in a file; gives that."""
        print(f"$ reconciler {shlex.join(arguments)} > {name}\n", flush=True)
        text = "".join(self._lines(arguments))
        (self.work / name).write_text(text, "utf-8")
        return text

    def _lines(self, arguments: tuple[str, ...]) -> Iterator[str]:
        # What the caller's own shell says to these tools is not meant for the demo.
        ours = {
            k: v for k, v in os.environ.items() if not k.startswith(("CLARIFAI_", "RECONCILER_"))
        }
        command = [sys.executable, "-m", "reconciler", *arguments]
        with subprocess.Popen(
            command,
            cwd=self.work,
            env={**ours, SANDBOX: "1", "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            pass_fds=(self.lock.fileno(),),
        ) as process:
            assert process.stdout is not None
            try:
                yield from process.stdout
            except BaseException:
                process.terminate()
                raise
        if process.returncode:
            raise SystemExit(f"the command ended with status {process.returncode}")


def expect(text: str, output: str) -> None:
    """Ends the demo if a command did not say what it should have."""
    if text not in output:
        raise SystemExit(f"expected {text!r} in what the command said")


def edit(manifest: Path, before: str, after: str) -> None:
    """Changes one place in the manifest's file."""
    app = manifest / "app.yaml"
    text = app.read_text("utf-8")
    if before not in text:
        raise SystemExit(f"{app} has no {before!r} to edit")
    app.write_text(text.replace(before, after, 1), "utf-8")


def run(work: Path, *, labelled: int = LABELLED, unlabelled: int = UNLABELLED) -> None:
    """The whole job in a folder, which is emptied first and left as it is at the end."""
    with emptied(work) as lock:
        truth = write_images(work / "images", labelled, unlabelled)
        manifest = os.path.relpath(MANIFEST, work)
        say(f"{labelled + len(truth):,} images of handwritten digits are in {work.name}/images.")
        say(f"{SANDBOX} stands for --sandbox at every command: no account, no token, no network.")
        print(f"$ cd {work.name}\n$ export {SANDBOX}=1\n")
        tell(Shell(work, lock), manifest, truth)


def tell(reconciler: Shell, manifest: str, truth: Mapping[str, str]) -> None:
    """The story: what to say, what to run, what has to come of it."""
    say("A manifest is checked without any service.")
    reconciler("validate", manifest)

    say("There are no labelled images yet, so the classifier waits, with what depends on it.")
    reconciler("apply", manifest, "--auto-approve", "--exclude", "model.digit-classifier")

    say("Labelled images go in: the name of its folder is the concept of each.")
    reconciler("inputs", "add", manifest, "images/labelled", "--concepts-from-folders", "--wait")

    say("Now apply can train the classifier. The app's default workflow is switched last.")
    reconciler("apply", manifest, "--auto-approve")

    say("Unlabelled images go in, and the default workflow runs on each of them.")
    reconciler("inputs", "add", manifest, "images/unlabelled", "--wait")

    say("What it was sure of is labelled; what it was not waits for a reviewer.")
    listing = ("annotations", "list", manifest)
    reconciler(*listing, "--status", "success", first=3, last=1)
    reconciler(*listing, "--status", "pending", first=3, last=1)
    annotations = json.loads(reconciler.save("annotations.json", *listing, "--format", "json"))

    say("Held against the true labels of these images:")
    print(f"{result(truth, annotations)}\n", flush=True)

    say("The app is as the manifest describes it.")
    expect("No changes.", reconciler("plan", manifest))

    say("In a copy of the manifest, sevens shall be surer: 0.95 instead of 0.9.")
    shutil.copytree(MANIFEST, reconciler.work / "scratch", ignore=shutil.ignore_patterns("__*"))
    edit(reconciler.work / "scratch", "digit-7: 0.9", "digit-7: 0.95")
    reconciler("plan", "scratch", "-o", "plan.json")
    plan = json.loads((reconciler.work / "plan.json").read_text("utf-8"))
    addresses = [operation["address"] for operation in plan["operations"]]
    if addresses != ["model.confident", "workflow.auto-annotation"]:
        raise SystemExit(f"expected one model and the workflow that follows it, got {addresses}")

    say("The plan is carried out as it was reviewed.")
    expect("Apply complete: 2 updated.", reconciler("apply", "plan.json", first=0, last=1))
    expect("No changes.", reconciler("plan", "scratch"))


def main() -> None:
    """Runs the demo in the ignored folder ``.demo/``."""
    # A polite kill ends the running command too, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    started = time.monotonic()
    try:
        run(WORK)
    except KeyboardInterrupt:
        raise SystemExit("stopped; make demo starts afresh") from None
    say(f"Done in {time.monotonic() - started:.0f} s. All of it is in {WORK.name}/ (make clean).")


if __name__ == "__main__":
    main()
