"""A plan as text for a reviewer, and as JSON."""

from __future__ import annotations

import json
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from reconciler.address import DEFAULT_WORKFLOW, Address, field_path, quote
from reconciler.errors import RefusedError
from reconciler.planning.change import Action, Change, ChangeClass, Operation, Switch
from reconciler.planning.file import to_text
from reconciler.planning.plan import Plan
from reconciler.report import fields
from reconciler.report.diagnostics import visible
from reconciler.report.fields import FOLD_ABOVE, GLUE, NAMES_WIDTH, WIDTH
from reconciler.report.style import SYMBOLS, Style, counted, listed
from reconciler.resource import ReuseVersion

_INDENT = " " * 6


class Renderer(Protocol):
    """A plan to a text that ends in a line break."""

    def __call__(self, plan: Plan, tool_version: str = "", *, color: bool = False) -> str:
        """``tool_version`` stands in the forms that are kept."""


def render_text(plan: Plan, tool_version: str = "", *, color: bool = False) -> str:
    """What would be done, in order of execution, then what is left alone and how much there is."""
    del tool_version
    paint = Style(color)
    footer = [*_notes(plan, paint)]
    if plan.is_empty:
        return "\n".join([*_nothing(plan, paint), *footer]) + "\n"
    where = visible(f"{plan.target.user_id}/{plan.target.app_id} on {plan.base_url}")
    purpose = "destroy" if plan.options.destroy else "plan"
    lines = [paint.bold(f"reconciler {purpose} for {where}"), ""]
    for block in _blocks(plan):
        lines += block.lines(paint)
    return "\n".join([*lines, "", *footer, _total(plan, paint)]) + "\n"


def render_json(plan: Plan, tool_version: str = "", *, color: bool = False) -> str:
    """The plan file."""
    del color
    return to_text(plan, tool_version)


RENDERERS: Mapping[str, Renderer] = MappingProxyType({"text": render_text, "json": render_json})


def render_refused(error: RefusedError, *, color: bool = False) -> str:
    """Why there is no plan: every refusal with its way out."""
    paint = Style(color)
    said = counted(len(error.refusals), "refusal")
    lines = [f"{paint.bad('-')} {visible(_middle_out(refusal))}" for refusal in error.refusals]
    return "\n".join([paint.bold(f"No plan: {said}. Nothing was written."), *lines]) + "\n"


def _middle_out(text: str) -> str:
    """A text with its middle left out if it quotes what no one can read: the way out is at its end."""
    return text if len(text) <= 1000 else f"{text[:600]}…{text[-399:]}"


def render_delta(delta: Mapping[str, Sequence[str]], plan: Plan, approved: str) -> str:
    """What a plan would do otherwise than an approved one: a line for each difference."""
    count = counted(len(plan.operations), "operation")
    if not delta:
        return f"The plan is the approved one ({count}).\n"
    lines = [f"The plan ({count}) differs from {visible(approved)}:"]
    lines += [f"  {visible(line)}" for told in delta.values() for line in told]
    return "\n".join(lines) + "\n"


def render_delta_json(delta: Mapping[str, Sequence[str]], plan: Plan, approved: str) -> str:
    """The same by address."""
    document = {
        "approved": approved,
        "same": not delta,
        "operations": len(plan.operations),
        "delta": {address: list(lines) for address, lines in delta.items()},
    }
    return json.dumps(document, indent=2) + "\n"


# --- operations


@dataclass(frozen=True, slots=True)
class _Block:
    """One operation, or many that are alike, as lines."""

    action: Action
    name: str
    change_class: str
    note: str = ""
    rows: tuple[tuple[str, str], ...] = ()
    widths: tuple[int, int, int] = (0, 0, 0)

    def lines(self, paint: Style) -> list[str]:
        """The headline, then a line for each row."""
        name, action, class_ = (
            text.ljust(width)
            for text, width in zip(
                (self.name, self.action, self.change_class), self.widths, strict=True
            )
        )
        symbol = paint.action(self.action, SYMBOLS[self.action])
        head = f"  {symbol} {paint.bold(name)}  {paint.action(self.action, action)}  {class_}"
        head += f"  {self.note}" if self.note else ""
        margin = _margin(name for name, _ in self.rows)
        lines = [head.rstrip()]
        for name, text in self.rows:
            label = f"{_INDENT}{name.ljust(margin)}  " if name else _INDENT
            lines += _wrapped(text, label)
        return lines


def _margin(names: Iterable[str]) -> int:
    """The width of a column of names; very long ones stand out of it."""
    return max((len(name) for name in names if len(name) <= NAMES_WIDTH), default=0)


def _wrapped(text: str, label: str) -> list[str]:
    """Lines of at most ``WIDTH``, broken between items and never inside one that fits."""
    lines = textwrap.wrap(
        text.replace(GLUE, " ") if len(text) + len(label) <= WIDTH else text,
        WIDTH,
        initial_indent=label,
        subsequent_indent=" " * min(len(label), NAMES_WIDTH),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(GLUE, " ") for line in lines]


def _blocks(plan: Plan) -> Iterable[_Block]:
    """All operations in order; those that are folded stand where the first of them does."""
    alike: dict[object, list[Operation]] = defaultdict(list)
    for operation in plan.operations:
        alike[_likeness(operation)].append(operation)
    cutover, pinned = _cutover(plan), _pinned(plan)
    told: set[object] = set()
    blocks: list[_Block] = []
    for operation in plan.operations:
        likeness = _likeness(operation)
        if len(alike[likeness]) <= FOLD_ABOVE:
            blocks.append(_block(operation.change, cutover, pinned, plan.switch))
        elif likeness not in told:
            told.add(likeness)
            blocks.append(_folded(alike[likeness]))
    widths = (
        _margin(block.name for block in blocks),
        max(len(block.action) for block in blocks),
        max(len(block.change_class) for block in blocks),
    )
    return [_aligned(block, widths) for block in blocks]


def _aligned(block: _Block, widths: tuple[int, int, int]) -> _Block:
    return _Block(block.action, block.name, block.change_class, block.note, block.rows, widths)


def _likeness(operation: Operation) -> object:
    """What operations share that can stand in one line; unique for one that cannot.

    A change of what happens to inputs is always shown.
    """
    change = operation.change
    plain = change.change_class is ChangeClass.METADATA
    match change.action:
        case Action.CREATE | Action.DELETE | Action.RENAME:
            pass
        case Action.UPDATE if plain:
            pass
        case _:
            return operation.key
    return change.action, change.address.kind, change.change_class


def _folded(operations: Sequence[Operation]) -> _Block:
    """Many operations in one line; of deletes, every name."""
    first = operations[0].change
    names = [visible(_short_name(operation.change.address)) for operation in operations]
    width = WIDTH - len(_INDENT)
    whole = first.action is Action.DELETE
    text = ", ".join(names) if whole else listed(names, len(names), width)
    stated = sorted({field_path(f.path[:1]) for op in operations for f in op.change.fields})
    about = listed(map(visible, stated), len(stated), WIDTH // 2)
    note = f"({about}; --format json shows each)" if stated else ""
    return _Block(
        first.action,
        counted(len(operations), first.address.kind),
        first.change_class,
        note,
        (("", text),),
    )


def _short_name(address: Address) -> str:
    return ".".join(map(quote, address.parts)) or str(address)


def _block(
    change: Change,
    cutover: Address | None,
    pinned: Mapping[Address, Sequence[str]],
    switch: Switch | None,
) -> _Block:
    rows: list[tuple[str, str]]
    match change.action:
        case Action.CREATE:
            rows, note = fields.stated(change), ""
            if len(rows) == 1 and not rows[0][0] and len(rows[0][1]) <= WIDTH // 3:
                rows, note = [], rows[0][1].replace(GLUE, " ")
        case Action.SET_DEFAULT:
            rows, note = (
                [*fields.differences(change, pinned), ("", _about_the_switch(switch))],
                "the cutover",
            )
        case Action.TRAIN:
            rows, note = fields.differences(change, pinned), "waits until the version is trained"
            note = f"{change.reason}; {note}"
        case Action.RENAME:
            rows, note = fields.differences(change, pinned), f"was {change.previous}"
        case Action.UPDATE | Action.DELETE:
            rows, note = fields.differences(change, pinned), _why(change, cutover)
    return _Block(
        change.action, visible(str(change.address)), change.change_class, visible(note), tuple(rows)
    )


def _about_the_switch(switch: Switch | None) -> str:
    """What the platform may make of another default workflow, and how much that would be."""
    about = "New inputs run through it from then on. "
    if switch is None or not switch.inputs:
        return about + (
            "Whether the platform then re-indexes the inputs that are already there is "
            "undocumented; no reindex is asked for."
        )
    inputs = counted(switch.inputs, "input")
    size = f"{inputs} x an unknown number of nodes"
    if switch.nodes is not None:
        size = f"{inputs} x {counted(switch.nodes, 'node')} = {counted(switch.runs, 'model run')}"
    if switch.reindex:
        return about + f"A re-index of those that are already there is asked for: {size}."
    return about + (
        "Whether the platform then re-indexes those that are already there is undocumented: "
        f"{size}; no reindex is asked for."
    )


def _why(change: Change, cutover: Address | None) -> str:
    """The reason, unless the rows say it; and whether this is the moment of the cutover."""
    said = []
    if change.address == cutover and change.change_class is ChangeClass.ROUTING:
        said.append("the live default: the cutover")
    if isinstance(change.version, ReuseVersion):
        said.append("an earlier version is used again")
    elif not change.fields or len(fields.follows(change)) < len(change.fields):
        said.append(change.reason)
    return "; ".join(said)


def _cutover(plan: Plan) -> Address | None:
    """The workflow whose update is the cutover: the live default, if it stays the default."""
    if any(op.change.action is Action.SET_DEFAULT for op in plan.operations):
        return None
    default = plan.live.get(Address(DEFAULT_WORKFLOW))
    return next((ref.to for ref in default.references), None) if default else None


def _pinned(plan: Plan) -> Mapping[Address, Sequence[str]]:
    """The versions that the live side of the manifest's own resources pins."""
    found: dict[Address, dict[str, None]] = defaultdict(dict)
    for resource in plan.live:
        if resource.address in plan.desired:
            for ref in resource.references:
                if ref.pins and ref.version:
                    found[ref.to][ref.version] = None
    return {address: sorted(versions) for address, versions in found.items()}


# --- around them


def _nothing(plan: Plan, paint: Style) -> list[str]:
    app = visible(f"{plan.target.user_id}/{plan.target.app_id}")
    source = visible(plan.source.path) or "the manifest"
    compared = counted(len(plan.unchanged), "resource")
    what = f"The selected part of {app}" if plan.left_out or plan.options.selection.targets else app
    if plan.options.destroy:
        left = f"Nothing that {source} made and that can be deleted is left in {app}."
        return [f"{paint.good('No changes.')} {left}"]
    return [
        f"{paint.good('No changes.')} {what} is as {source} describes it ({compared} compared)."
    ]


def _notes(plan: Plan, paint: Style) -> Iterator[str]:
    """What is not done, and what a reviewer should know."""
    if plan.left_out:
        options = [
            name
            for name, given in (
                ("--target", plan.options.selection.targets),
                ("--exclude", plan.options.selection.excludes),
            )
            if given
        ]
        yield f"Left out ({', '.join(options)}): {_addresses(plan.left_out)}"
    if plan.unmanaged:
        yield f"{counted(len(plan.unmanaged), 'object')} unmanaged (left alone): " + _addresses(
            plan.unmanaged
        )
    if plan.prunable and not (plan.options.prune or plan.options.destroy):
        yield f"  made by this tool, --prune would delete: {_addresses(plan.prunable)}"
    if (plan.options.prune or plan.options.destroy) and (
        stay := [a for a in plan.unmanaged if a.kind == "concept"]
    ):
        yield f"  {counted(len(stay), 'concept')} cannot be deleted: the API has no way to do it"
    if plan.strays:
        named = (f"{visible(str(a))} ({len(ids)})" for a, ids in plan.strays.items())
        told = listed(named, len(plan.strays), WIDTH)
        yield paint.faint(
            f"Versions newer than ours, or made twice, that nothing here uses: {told}"
        )
    for warning in plan.warnings:
        yield f"{paint.warning('Warning:')} {visible(warning)}"


def _addresses(addresses: Sequence[Address]) -> str:
    return listed((visible(str(a)) for a in addresses), len(addresses), 2 * WIDTH)


_ALWAYS = (Action.CREATE, Action.UPDATE, Action.DELETE)


def _total(plan: Plan, paint: Style) -> str:
    summary = plan.summary()
    parts = [
        f"{summary[action]:,} to {action}"
        for action in Action
        if action is not Action.SET_DEFAULT and (summary[action] or action in _ALWAYS)
    ]
    if summary[Action.SET_DEFAULT]:
        parts.append("the default workflow to switch")
    rest = [f"{summary['unchanged']:,} unchanged"]
    if summary["unmanaged"]:
        rest.append(f"{summary['unmanaged']:,} unmanaged (left alone)")
    if plan.left_out:
        rest.append(f"{len(plan.left_out):,} left out")
    return f"{paint.bold('Plan:')} {', '.join(parts)}; {', '.join(rest)}."
