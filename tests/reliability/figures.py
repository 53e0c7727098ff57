"""Figures of the reliability page: one file a topic, written by the command that measures it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "figures"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head; numbers are set right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str | int | float]]


@dataclass(frozen=True, slots=True)
class Topic:
    """One section of the page.

    ``order`` places it, ``command`` is what makes its figures anew, ``text`` are paragraphs above
    the tables.
    """

    title: str
    order: int
    command: str
    text: Sequence[str]
    tables: Sequence[Table]


def write(name: str, topic: Topic, folder: Path = FOLDER) -> Path:
    """Keeps a topic's figures in ``figures/NAME.json``, from which the page is made."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    text = json.dumps(asdict(topic), indent=1, ensure_ascii=False)
    path.write_text(text + "\n", "utf-8")
    return path


def read_all(folder: Path = FOLDER) -> list[Topic]:
    """Every topic that has figures, in the page's order."""
    found = [_read(json.loads(path.read_text("utf-8"))) for path in sorted(folder.glob("*.json"))]
    return sorted(found, key=lambda topic: (topic.order, topic.title))


def _read(kept: dict[str, Any]) -> Topic:
    return Topic(**{**kept, "tables": [Table(**table) for table in kept["tables"]]})
