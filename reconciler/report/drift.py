"""Drift as text, and as JSON."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from reconciler.address import field_path
from reconciler.planning.drift import ABSENT, Drift, Finding
from reconciler.report import style
from reconciler.report.diagnostics import visible
from reconciler.report.fields import FOLD_ABOVE, MAX_FIELDS, NAMES_WIDTH, WIDTH
from reconciler.report.style import Style, counted, listed
from reconciler.values import thaw


class Renderer(Protocol):
    """Drift to a text that ends in a line break."""

    def __call__(self, drift: Drift, manifest: str, *, color: bool = False) -> str:
        """``manifest`` is the path that the command was given."""


def render_text(drift: Drift, manifest: str, *, color: bool = False) -> str:
    """What changed outside, an object at a time; then a line for each thing that asks for nothing."""
    paint = Style(color)
    app = visible(f"{drift.target.user_id}/{drift.target.app_id}")
    notes = list(_notes(drift, manifest, paint))
    if not drift.exists:
        return f"{app} is not there: deleted outside, or not made yet.\n"
    if not drift.findings:
        compared = f"({counted(drift.compared, 'resource')} compared)"
        what = f"{app} is as it was last written"
        if drift.absent:
            what = f"What is there of {app} is as it was last written"
        lines = [f"{paint.good('No drift.')} {what} {compared}.", *notes]
        return "\n".join(lines) + "\n"
    lines = [paint.bold(f"reconciler drift for {app} on {visible(drift.base_url)}"), ""]
    for alike in _groups(drift.findings):
        lines += _folded(alike, paint) if len(alike) > FOLD_ABOVE else _blocks(alike, paint)
    return "\n".join([*lines, "", *notes, _total(drift, paint)]) + "\n"


def render_json(drift: Drift, manifest: str, *, color: bool = False) -> str:
    """All of it by address."""
    del manifest, color
    document = {
        "drift": bool(drift.findings),
        "exists": drift.exists,
        "target": {
            "base_url": drift.base_url,
            "user_id": drift.target.user_id,
            "app_id": drift.target.app_id,
        },
        "findings": [_finding(finding) for finding in drift.findings],
        "absent": list(map(str, drift.absent)),
        "unstated": [{"address": str(a), "path": path} for a, path in drift.unstated],
        "as_declared": list(map(str, drift.as_declared)),
        "unmanaged": list(map(str, drift.unmanaged)),
        "newer_versions": {str(a): list(ids) for a, ids in drift.strays},
        "refusals": list(drift.refusals),
        "planned": drift.planned,
        "compared": drift.compared,
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


RENDERERS: Mapping[str, Renderer] = MappingProxyType({"text": render_text, "json": render_json})


def _finding(finding: Finding) -> dict[str, object]:
    facts = {"version": finding.version, "modified_at": finding.when, "by": finding.by}
    return {
        "address": str(finding.address),
        "cause": finding.cause.value,
        **{name: text for name, text in facts.items() if text},
        "changes": [
            {
                "path": field_path(field.path),
                "declared": thaw(field.before),
                "live": thaw(field.after),
            }
            for field in finding.fields
        ],
    }


def _groups(findings: Iterable[Finding]) -> Iterable[Sequence[Finding]]:
    """Findings that can stand in one line if there are many."""
    groups: dict[object, list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[finding.address.kind, finding.cause].append(finding)
    return groups.values()


def _blocks(findings: Iterable[Finding], paint: Style) -> Iterator[str]:
    """The name, what happened and when; then a row for each field, what is declared before what is live."""
    for finding in findings:
        symbol = "-" if finding.cause in ABSENT else "~"
        head = f"  {paint.warning(symbol)} {paint.bold(visible(str(finding.address)))}"
        told = (finding.cause.value, *_facts(finding))
        yield f"{head}  {visible('; '.join(told))}"
        names = [visible(field_path(field.path)) for field in finding.fields]
        margin = max((len(name) for name in names if len(name) <= NAMES_WIDTH), default=0)
        for name, field in list(zip(names, finding.fields, strict=True))[:MAX_FIELDS]:
            yield f"      {name.ljust(margin)}  {style.change(field.before, field.after)}"
        if len(names) > MAX_FIELDS:
            yield f"      … and {len(names) - MAX_FIELDS:,} more (--format json shows each)"


def _facts(finding: Finding) -> Iterator[str]:
    by = f" by {finding.by}" if finding.by else ""
    if finding.version:
        yield f"version {style.version(finding.version)} of {finding.when}{by}"
    elif finding.when:
        yield f"last modified {finding.when}{by}"


def _folded(findings: Sequence[Finding], paint: Style) -> Iterator[str]:
    first = findings[0]
    stated = sorted({field_path(field.path[:1]) for one in findings for field in one.fields})
    about = f" ({listed(map(visible, stated), len(stated), WIDTH // 2)})" if stated else ""
    name = counted(len(findings), first.address.kind)
    yield f"  {paint.warning('~')} {paint.bold(name)}  {first.cause.value}{about}"
    names = (visible(str(finding.address)) for finding in findings)
    yield f"      {listed(names, len(findings), WIDTH)}"


def _notes(drift: Drift, manifest: str, paint: Style) -> Iterator[str]:
    """One line for each thing that leads to no operation, or of which nobody can tell."""
    lists: Iterable[tuple[str, Sequence[str]]] = (
        ("Refused by a plan", drift.refusals),
        (
            "Deleted outside, or new in the manifest",
            [str(address) for address in drift.absent],
        ),
        (
            "Not stated by our last write, so new in the manifest or changed outside",
            [f"{address} {path}" for address, path in drift.unstated],
        ),
        ("Changed outside to what the manifest says", list(map(str, drift.as_declared))),
        (
            "Versions newer than ours, or made twice, that nothing here uses",
            [f"{a} ({len(ids)})" for a, ids in drift.strays],
        ),
        ("Unmanaged", list(map(str, drift.unmanaged))),
    )
    for told, names in lists:
        if names:
            yield f"{told}: {listed(map(visible, names), len(names), 2 * WIDTH)}"
    if drift.planned:
        differ = "differs" if drift.planned == 1 else "differ"
        objects = counted(drift.planned, "object")
        way = visible(f"reconciler plan {manifest}")
        yield paint.faint(f"{objects} more {differ} since the manifest changed, not the app: {way}")


def _total(drift: Drift, paint: Style) -> str:
    causes = Counter((finding.address, finding.cause in ABSENT) for finding in drift.findings)
    gone = sum(1 for _, is_gone in causes if is_gone)
    changed = len(causes) - gone
    parts = [counted(changed, "object") + " changed"] if changed else []
    parts += [f"{gone:,} gone"] if gone else []
    return (
        f"{paint.bold('Drift:')} {', '.join(parts)} (declared -> live); "
        f"{counted(drift.compared, 'resource')} compared."
    )
