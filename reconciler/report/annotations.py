"""Annotations as text and JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType

from reconciler.execution.annotations import Annotation
from reconciler.report.diagnostics import visible
from reconciler.values import float32


def render_text(annotations: Sequence[Annotation]) -> str:
    """A line each, then how many there are of each status."""
    lines = [_line(annotation) for annotation in annotations]
    counts = Counter(annotation.status for annotation in annotations)
    total = ", ".join(f"{count:,} {status}" for status, count in sorted(counts.items()))
    noun = "annotation" if len(annotations) == 1 else "annotations"
    ending = f": {total}." if total else "."
    return "\n".join([*lines, f"{len(annotations):,} {noun}{ending}"]) + "\n"


def render_json(annotations: Sequence[Annotation]) -> str:
    """A list of objects; ``concepts`` maps ids to scores, highest first."""
    objects = [
        {**asdict(annotation), "concepts": {id_: float32(v) for id_, v in annotation.concepts}}
        for annotation in annotations
    ]
    return json.dumps(objects, indent=2, ensure_ascii=False) + "\n"


def _line(annotation: Annotation) -> str:
    scores = ", ".join(f"{visible(id_)} {float32(value):.4g}" for id_, value in annotation.concepts)
    who = visible(annotation.user_id)
    return f"{visible(annotation.input_id)}  {annotation.status:<8} {who}  {scores or '-'}"


RENDERERS: Mapping[str, Callable[[Sequence[Annotation]], str]] = MappingProxyType(
    {"text": render_text, "json": render_json}
)
