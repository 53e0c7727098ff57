"""What it costs to read and check a manifest of 10,000 resources, beside loaders that only read.

    python benchmarks/load_manifest.py [RUNS]

ruamel.yaml is the other loader that knows positions; nothing here depends on it, so it is left out
unless it is installed for this benchmark: pip install ruamel.yaml
"""

from __future__ import annotations

import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import big_manifest
from measure import Cost, median, run, table

BUDGET = 3.0
"""Seconds of CPU for 10,000 resources, loaded and checked."""

LOADED = """\
import sys, pathlib
from reconciler import registry
from reconciler.manifest.desired import load
manifest = load(pathlib.Path(sys.argv[1]), registry.load(), default_app_id=None)
"""
EVENTS = """\
import sys, pathlib
from reconciler.manifest import documents
assert not documents.load(pathlib.Path(sys.argv[1])).diagnostics
"""
PYYAML = "import sys, yaml; yaml.load(open(sys.argv[1]), Loader=yaml.{loader})"
RUAMEL = "import sys, ruamel.yaml as r; r.YAML(typ={typ!r}, pure=True).load(open(sys.argv[1]))"

PROGRAMS = {
    "reconciler: values with positions": EVENTS,
    "reconciler: loaded and checked": LOADED,
    "PyYAML, C, no positions": PYYAML.format(loader="CSafeLoader"),
    "PyYAML, Python": PYYAML.format(loader="SafeLoader"),
    "ruamel.yaml, Python": RUAMEL.format(typ="safe"),
    "ruamel.yaml, round trip (positions)": RUAMEL.format(typ="rt"),
}


def _has_ruamel() -> bool:
    """Other packages of that name space do not count."""
    return find_spec("ruamel") is not None and find_spec("ruamel.yaml") is not None


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app.yaml").write_text(big_manifest.text(), "utf-8")
        costs = {
            title: median([run("-c", program, "app.yaml", folder=folder) for _ in range(runs)])
            for title, program in PROGRAMS.items()
            if "ruamel" not in title or _has_ruamel()
        }
    checked = costs["reconciler: loaded and checked"]
    rows = [("10,000 resources", "CPU s", "wall s", "CPU, relative")]
    rows += [row(title, cost, checked) for title, cost in costs.items()]
    print(table(rows))
    held = "held" if checked.cpu <= BUDGET else "NOT HELD"
    print(f"budget: {BUDGET:g} s of CPU to load and check: {held}")
    if not find_spec("ruamel"):
        print("ruamel.yaml is not installed: pip install ruamel.yaml adds its rows")


def row(title: str, cost: Cost, base: Cost) -> tuple[str, str, str, str]:
    return title, f"{cost.cpu:.2f}", f"{cost.wall:.2f}", f"{cost.cpu / base.cpu:.1f}"


if __name__ == "__main__":
    main()
