"""How fast the sandbox is: start-up, images through the digits workflow, mixed reads.

    python benchmarks/sandbox_throughput.py

Client and sandbox share the machine, so this is what a test or a demo gets, not what a server could.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from measure import TOKEN, run, sandbox, table

ROOT = Path(__file__).resolve().parents[1]
DIGITS = ROOT / "manifests" / "digits"
TOOL = ("-m", "reconciler")
SECONDS, CLIENTS = 5.0, 4

READS = (
    "",
    "/concepts",
    "/models",
    "/models/confident",
    "/workflows/auto-annotation",
    "/inputs?per_page=20",
    "/annotations?per_page=20&list_all_annotations=true",
)


def main() -> None:
    sys.path.insert(0, str(DIGITS))
    from _demo import write_images

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truth = write_images(folder / "images")
        rows = [("Sandbox", "")]
        rows.append(("from nothing to the first answer", f"{start_up(folder):.1f} s"))
        with sandbox(folder, "--data", "state") as base_url:
            prepare(folder, base_url)
            added = run(*add("unlabelled"), folder=folder, base_url=base_url)
            rows.append(("images a minute, annotated", f"{60 * len(truth) / added.wall:,.0f}"))
            rows.append((f"reads a second, {CLIENTS} clients", f"{reads(base_url):,.0f}"))
    print(table(rows))


def start_up(folder: Path) -> float:
    """Seconds, the middle of three, imports included."""
    taken = []
    for number in range(3):
        started = time.perf_counter()
        with sandbox(folder, "--data", f"empty-{number}") as base_url:
            requests.get(f"{base_url}/v2/status_codes/10000", timeout=30).raise_for_status()
            taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def prepare(folder: Path, base_url: str) -> None:
    """The digits app, trained on its labelled images."""
    apply = (*TOOL, "apply", str(DIGITS), "--auto-approve")
    run(*apply, "--exclude", "model.digit-classifier", folder=folder, base_url=base_url)
    run(*add("labelled"), "--concepts-from-folders", folder=folder, base_url=base_url)
    run(*apply, folder=folder, base_url=base_url)


def add(images: str) -> tuple[str, ...]:
    return (*TOOL, "inputs", "add", str(DIGITS), f"images/{images}", "--wait")


def reads(base_url: str) -> float:
    """Answers a second, each client over one connection."""
    app = f"{base_url}/v2/users/me/apps/digits-auto-annotation"
    ends = time.perf_counter() + SECONDS

    def client(number: int) -> int:
        count = 0
        with requests.Session() as session:
            session.headers["Authorization"] = f"Key {TOKEN}"
            while time.perf_counter() < ends:
                path = READS[(count + number) % len(READS)]
                session.get(app + path, timeout=30).raise_for_status()
                count += 1
        return count

    with ThreadPoolExecutor(CLIENTS) as pool:
        return sum(pool.map(client, range(CLIENTS))) / SECONDS


if __name__ == "__main__":
    main()
