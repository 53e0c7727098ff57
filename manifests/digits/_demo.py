"""The main job, end to end, against the embedded sandbox: what ``make demo`` runs.

Real handwritten digits (scikit-learn's ``load_digits``, from the UCI repository) become PNG files;
600 of them are labelled and train a classifier, the other 1,197 are annotated by the workflow.
The last figures are computed from the annotations that the sandbox holds, against the true labels.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy
from PIL import Image
from sklearn.datasets import load_digits

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".demo"
SEED = 0
LABELLED = 600
SCALE = 4


def write_images(folder: Path) -> dict[str, str]:
    """Writes the PNG files; gives the true concept of each unlabelled input by its id."""
    digits = load_digits()
    order = list(range(len(digits.images)))
    random.Random(SEED).shuffle(order)
    truth = {}
    for place, index in enumerate(order):
        concept = f"digit-{digits.target[index]}"
        pixels = (digits.images[index] * 255 / 16).astype(numpy.uint8)
        image = Image.fromarray(numpy.kron(pixels, numpy.ones((SCALE, SCALE), numpy.uint8)))
        parent = folder / "labelled" / concept if place < LABELLED else folder / "unlabelled"
        parent.mkdir(parents=True, exist_ok=True)
        path = parent / f"{index:04d}.png"
        image.save(path)
        if place >= LABELLED:
            truth[hashlib.sha256(path.read_bytes()).hexdigest()[:32]] = concept
    return truth


def reconciler(*arguments: str, show: bool = True) -> str:
    """Runs one command as a person would, shows it, and gives what it wrote to stdout."""
    print(f"\n$ reconciler {' '.join(arguments)}", flush=True)
    ended = subprocess.run(
        [sys.executable, "-m", "reconciler", *arguments, "--sandbox"],
        cwd=WORK,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if show:
        print(ended.stdout, end="", flush=True)
    if ended.returncode:
        raise SystemExit(f"the command ended with status {ended.returncode}")
    return ended.stdout


def expect(text: str, output: str) -> None:
    """Ends the demo if a command did not say what it should have."""
    if text not in output:
        raise SystemExit(f"expected {text!r} in what the command said")


def listed(status: str) -> dict[str, set[str]]:
    """The concepts of each input that were written with one status, as the annotations say."""
    arguments = ("annotations", "list", "../manifests/digits", "--status", status)
    lines = reconciler(*arguments, show=False).splitlines()
    print("\n".join([*lines[:3], "...", lines[-1]]), flush=True)
    concepts: dict[str, set[str]] = defaultdict(set)
    for annotation in json.loads(reconciler(*arguments, "--format", "json", show=False)):
        concepts[annotation["input_id"]].update(annotation["concepts"])
    return concepts


def result(truth: dict[str, str]) -> str:
    """The point of it all, in percent of the added images (precision: of the auto ones)."""
    success, pending = listed("success"), listed("pending")
    auto = [id_ for id_ in truth if success.get(id_) and not pending.get(id_)]
    right = [id_ for id_ in auto if success[id_] == {truth[id_]}]
    counts = {
        "pending": sum(1 for id_ in truth if pending.get(id_) and not success.get(id_)),
        "both": sum(1 for id_ in truth if pending.get(id_) and success.get(id_)),
        "neither": sum(1 for id_ in truth if not pending.get(id_) and not success.get(id_)),
    }
    precision = 100 * len(right) / len(auto) if auto else 0.0
    shares = " ".join(f"{name}={100 * n / len(truth):.1f}%" for name, n in counts.items())
    return f"RESULT auto={100 * len(auto) / len(truth):.1f}% precision={precision:.1f}% {shares}"


def main() -> None:
    """Runs the whole job; leaves nothing but the ignored folder ``.demo/``."""
    started = time.monotonic()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir()
    truth = write_images(WORK / "images")
    print(f"{LABELLED} labelled and {len(truth)} unlabelled images are in {WORK.name}/images")
    manifest = "../manifests/digits"

    reconciler("apply", manifest, "--auto-approve", "--exclude", "model.digit-classifier")
    reconciler("inputs", "add", manifest, "images/labelled", "--concepts-from-folders", "--wait")
    reconciler("apply", manifest, "--auto-approve")
    reconciler("inputs", "add", manifest, "images/unlabelled", "--wait")
    line = result(truth)
    print(f"\n{line}", flush=True)

    expect("No changes.", reconciler("plan", manifest))
    scratch = WORK / "scratch"
    shutil.copytree(ROOT / "manifests" / "digits", scratch)
    app = scratch / "app.yaml"
    text = app.read_text("utf-8")
    changed = text.replace("digit-7: 0.9", "digit-7: 0.95", 1)
    if changed == text:
        raise SystemExit("the manifest has no threshold of 0.9 for digit-7 to edit")
    app.write_text(changed, "utf-8")
    print("\nA threshold is edited in a scratch copy: digit-7 goes from 0.9 to 0.95.")
    plan = json.loads(reconciler("plan", "scratch", "--format", "json", show=False))
    addresses = [operation["address"] for operation in plan["operations"]]
    if addresses != ["model.confident", "workflow.auto-annotation"]:
        raise SystemExit(f"expected one model and the workflow that follows it, got {addresses}")
    reconciler("plan", "scratch")
    reconciler("apply", "scratch", "--auto-approve")
    expect("No changes.", reconciler("plan", "scratch"))
    print(f"\n{line}\nThe demo took {time.monotonic() - started:.0f} s.")


if __name__ == "__main__":
    main()
