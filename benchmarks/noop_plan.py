"""What it costs to learn that nothing has to be done, for an app of 10,000 resources.

    python benchmarks/noop_plan.py [RUNS]

Prints two tables: the whole question, beside a script that asks for each resource by itself; and
the offline half of it, beside PyYAML's Python loader and jsonschema.
"""

from __future__ import annotations

import json
import sys
import tempfile
import urllib.request
from pathlib import Path

import big_manifest
from measure import Cost, median, run, sandbox, table

ROOT = Path(__file__).resolve().parents[1]
ONE_BY_ONE = ROOT / "benchmarks" / "ask_one_by_one.py"
SCHEMA = ROOT / "schemas" / "manifest.schema.json"
BUDGET = 4.0
RATE = 15
"""Requests a second that the platform documents as its limit."""

PURE_YAML = "import sys, yaml; yaml.load(open(sys.argv[1]), Loader=yaml.SafeLoader)"
JSONSCHEMA = (
    "import sys, json, yaml, jsonschema;"
    "data = yaml.load(open(sys.argv[1]), Loader=yaml.CSafeLoader);"
    "schema = json.load(open(sys.argv[2]));"
    "assert not list(jsonschema.Draft202012Validator(schema).iter_errors(data))"
)


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app.yaml").write_text(big_manifest.text(), "utf-8")
        with sandbox(folder) as base_url:
            online(folder, base_url, runs)
        offline(folder, runs)


def online(folder: Path, base_url: str, runs: int) -> None:
    tool = ("-m", "reconciler")
    quick = ("--max-rps", "100000")
    made = run(
        *tool, "apply", "app.yaml", "--auto-approve", *quick, folder=folder, base_url=base_url
    )
    print(f"apply, 10,000 resources made: {made.wall:.0f} s, {made.cpu:.1f} s of CPU")
    urllib.request.urlopen(
        urllib.request.Request(f"{base_url}/_sandbox/requests", method="DELETE")
    ).close()
    plans = [
        run(*tool, "plan", "app.yaml", *quick, folder=folder, base_url=base_url)
        for _ in range(runs)
    ]
    assert all(cost.out.startswith("No changes.") for cost in plans), plans[0].out
    with urllib.request.urlopen(f"{base_url}/_sandbox/requests") as answer:
        sent = len(json.load(answer)["requests"]) // runs
    plan = median(plans)
    # Once: it takes as long as all the others together.
    script = run(str(ONE_BY_ONE), "app.yaml", folder=folder, base_url=base_url)
    rows = [
        ("A no-op plan", "requests", f"at {RATE} a second", "CPU s", "wall s", "CPU"),
        row("reconciler plan", sent, plan, plan),
        row("GET each resource, compare", int(script.out), script, plan),
    ]
    print(f"\n{table(rows)}")
    print(f"budget: {BUDGET:g} s of CPU: {'held' if plan.cpu <= BUDGET else 'NOT HELD'}")


def row(name: str, requests: int, cost: Cost, base: Cost) -> tuple[str, ...]:
    return (
        name,
        f"{requests:,}",
        f"{requests / RATE:,.0f} s",
        f"{cost.cpu:.2f}",
        f"{cost.wall:.2f}",
        f"{cost.cpu / base.cpu:.1f}x",
    )


def offline(folder: Path, runs: int) -> None:
    manifest = ("app.yaml",)
    commands = {
        "reconciler validate": ("-m", "reconciler", "validate", *manifest),
        "PyYAML's SafeLoader, no check": ("-c", PURE_YAML, *manifest),
        "CSafeLoader and jsonschema": ("-c", JSONSCHEMA, *manifest, str(SCHEMA)),
    }
    costs = {
        name: median([run(*command, folder=folder) for _ in range(runs)])
        for name, command in commands.items()
    }
    base = costs["reconciler validate"]
    rows = [("Load and check the manifest", "CPU s", "CPU")]
    rows += [
        (name, f"{cost.cpu:.2f}", f"{cost.cpu / base.cpu:.1f}x") for name, cost in costs.items()
    ]
    print(f"\n{table(rows)}")


if __name__ == "__main__":
    main()
