"""How fast the sandbox is: start-up, images through the digits workflow, reads, pages of a long list.

    python benchmarks/sandbox_throughput.py

Client and server share the machine, so this is what a test or a demo gets, not what a server could.
Beside it stands moto's server, if that is installed (the extra ``benchmarks``), answering a list of as
many items.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import beside_moto
import requests
from measure import TOKEN, run, sandbox, table

ROOT = Path(__file__).resolve().parents[1]
DIGITS = ROOT / "manifests" / "digits"
TOOL = ("-m", "reconciler")
SECONDS, CLIENTS, STARTS = 5.0, 4, 5
LISTED = 20
CONCEPTS, PER_PAGE, BATCH, LOOKS = 100_000, 100, 128, 40

READS = (
    "",
    "/concepts",
    "/models",
    "/models/confident",
    "/workflows/auto-annotation",
    "/inputs?per_page=20",
    "/annotations?per_page=20&list_all_annotations=true",
)

Ask = Callable[[requests.Session, int], None]
"""One request of a client: its connection, and the number of the request."""


def main() -> None:
    sys.path.insert(0, str(DIGITS))
    from _demo import write_images

    rows = [("", "sandbox", "moto")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truth = write_images(folder / "images")
        started = f"{start_up(folder):.1f} s"
        with sandbox(folder, "--data", "state") as base_url:
            prepare(folder, base_url)
            added = run(*add("unlabelled"), folder=folder, base_url=base_url)
            annotated = f"{60 * len(truth) / added.wall:,.0f}"
            mixed = f"{rate(reads(base_url)):,.0f}"
            listed = f"{rate(concepts_of(base_url)):,.0f}"
            pages = long_list(base_url)
    other_start, other_list = beside() if beside_moto.IS_THERE else ("", "")
    rows += [
        ("from nothing to the first answer", started, other_start),
        ("images a minute, annotated", annotated, ""),
        (f"reads a second, mixed, {CLIENTS} clients", mixed, ""),
        (f"lists of {LISTED} a second, {CLIENTS} clients", listed, other_list),
        *((what, took, "") for what, took in pages),
    ]
    print(table(rows))
    if not beside_moto.IS_THERE:
        print("moto is not installed: pip install -e '.[benchmarks]'")


def start_up(folder: Path) -> float:
    """Seconds, the middle of several, imports included."""
    taken = []
    for number in range(STARTS):
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


def reads(base_url: str) -> Ask:
    """What a client of an app reads, in turn."""
    app = f"{base_url}/v2/users/me/apps/digits-auto-annotation"

    def ask(session: requests.Session, number: int) -> None:
        get(session, app + READS[number % len(READS)])

    return ask


def concepts_of(base_url: str) -> Ask:
    """One list, of an app that has nothing else."""
    app = make_app(base_url, "short", LISTED)

    def ask(session: requests.Session, number: int) -> None:
        assert len(get(session, f"{app}/concepts")["concepts"]) == LISTED

    return ask


def rate(ask: Ask) -> float:
    """Answers a second, each client over a session of its own."""
    ends = time.perf_counter() + SECONDS

    def client(number: int) -> int:
        count = 0
        with requests.Session() as session:
            session.headers["Authorization"] = f"Key {TOKEN}"
            while time.perf_counter() < ends:
                ask(session, count + number)
                count += 1
        return count

    with ThreadPoolExecutor(CLIENTS) as pool:
        return sum(pool.map(client, range(CLIENTS))) / SECONDS


def get(session: requests.Session, url: str) -> dict[str, list[object]]:
    answer = session.get(url, timeout=30)
    answer.raise_for_status()
    found: dict[str, list[object]] = answer.json()
    return found


def make_app(base_url: str, name: str, count: int) -> str:
    """An app with so many concepts; its address."""
    apps = f"{base_url}/v2/users/me/apps"
    with requests.Session() as session:
        session.headers["Authorization"] = f"Key {TOKEN}"
        session.post(apps, json={"apps": [{"id": name}]}, timeout=30).raise_for_status()
        for start in range(0, count, BATCH):
            ids = range(start, min(count, start + BATCH))
            body = {"concepts": [{"id": f"c{number:06}"} for number in ids]}
            session.post(f"{apps}/{name}/concepts", json=body, timeout=30).raise_for_status()
    return f"{apps}/{name}"


def long_list(base_url: str) -> list[tuple[str, str]]:
    """Milliseconds a page, the middle of many: taken in turn, so that other work hits all alike."""
    app = make_app(base_url, "long", CONCEPTS)
    pages = CONCEPTS // PER_PAGE
    starts = {"first": 1, "middle": pages // 2, "last": pages - LOOKS + 1}
    taken: dict[str, list[float]] = {name: [] for name in starts}
    with requests.Session() as session:
        session.headers["Authorization"] = f"Key {TOKEN}"
        for page in range(1, pages + 1):  # as a client walks the list, from end to end
            assert len(get(session, f"{app}/concepts?page={page}&per_page={PER_PAGE}")["concepts"])
        for look in range(LOOKS):
            for name, start in starts.items():
                started = time.perf_counter()
                get(session, f"{app}/concepts?page={start + look}&per_page={PER_PAGE}")
                taken[name].append(1000 * (time.perf_counter() - started))
    return [
        (
            f"{name} pages of {CONCEPTS:,} concepts, {PER_PAGE} each",
            f"{statistics.median(ms):.1f} ms",
        )
        for name, ms in taken.items()
    ]


def beside() -> tuple[str, str]:
    """moto's start-up, and its lists a second."""
    taken = []
    for _ in range(STARTS):
        started = time.perf_counter()
        with beside_moto.moto():
            taken.append(time.perf_counter() - started)
    with beside_moto.moto() as url:
        beside_moto.make_tables(url, LISTED)

        def ask(session: requests.Session, number: int) -> None:
            assert beside_moto.list_tables(session, url) == LISTED

        return f"{statistics.median(taken):.1f} s", f"{rate(ask):,.0f}"


if __name__ == "__main__":
    main()
