"""A plan as text for a reviewer, and as JSON."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from reconciler.address import DEFAULT_WORKFLOW, Address, field_path, quote
from reconciler.errors import RefusedError
from reconciler.planning.change import Action, Change, ChangeClass, FieldChange, Operation
from reconciler.planning.file import to_text
from reconciler.planning.plan import Plan
from reconciler.report import style
from reconciler.report.diagnostics import visible
from reconciler.report.style import SYMBOLS, Style, counted, listed
from reconciler.resource import NewVersion, Path, Resource, ReuseVersion, is_blank
from reconciler.values import Unknown

FOLD_ABOVE = 20
"""So many like operations are shown one by one; more become one line."""

MAX_FIELDS = 30
"""Lines of field changes that one operation may have."""

WIDTH = 100
_INDENT = " " * 6
_GLUE = "\0"
_NAMES_WIDTH = 44


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
    lines = [paint.bold(f"reconciler plan for {where}"), ""]
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
    lines = [f"{paint.bad('-')} {visible(refusal)}" for refusal in error.refusals]
    return "\n".join([paint.bold(f"No plan: {said}. Nothing was sent."), *lines]) + "\n"


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
    return max((len(name) for name in names if len(name) <= _NAMES_WIDTH), default=0)


def _wrapped(text: str, label: str) -> list[str]:
    """Lines of at most ``WIDTH``, broken between items and never inside one that fits."""
    lines = textwrap.wrap(
        text.replace(_GLUE, " ") if len(text) + len(label) <= WIDTH else text,
        WIDTH,
        initial_indent=label,
        subsequent_indent=" " * min(len(label), len(_INDENT) + 20),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_GLUE, " ") for line in lines]


def _blocks(plan: Plan) -> Iterable[_Block]:
    """All operations in order; those that are folded stand where the first of them does."""
    alike: dict[object, list[Operation]] = defaultdict(list)
    for operation in plan.operations:
        alike[_likeness(operation)].append(operation)
    told: set[object] = set()
    blocks: list[_Block] = []
    for operation in plan.operations:
        likeness = _likeness(operation)
        if len(alike[likeness]) <= FOLD_ABOVE:
            blocks.append(_block(plan, operation))
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
    fields = sorted({field_path(f.path[:1]) for op in operations for f in op.change.fields})
    about = listed(map(visible, fields), len(fields), WIDTH // 2)
    note = f"({about}; --format json shows each)" if fields else ""
    return _Block(
        first.action,
        counted(len(operations), first.address.kind),
        first.change_class,
        note,
        (("", text),),
    )


def _short_name(address: Address) -> str:
    return ".".join(map(quote, address.parts)) or str(address)


def _block(plan: Plan, operation: Operation) -> _Block:
    change = operation.change
    rows: list[tuple[str, str]]
    match change.action:
        case Action.CREATE:
            rows, note = _stated(change), ""
            if len(rows) == 1 and not rows[0][0] and len(rows[0][1]) <= WIDTH // 3:
                rows, note = [], rows[0][1].replace(_GLUE, " ")
        case Action.SET_DEFAULT:
            rows, note = [*_differences(plan, change), ("", _ABOUT_THE_SWITCH)], "the cutover"
        case Action.TRAIN:
            rows, note = _differences(plan, change), "waits until the version is trained"
            note = f"{change.reason}; {note}"
        case Action.RENAME:
            rows, note = _differences(plan, change), f"was {change.previous}"
        case Action.UPDATE | Action.DELETE:
            rows, note = _differences(plan, change), _why(plan, change)
    return _Block(
        change.action, visible(str(change.address)), change.change_class, visible(note), tuple(rows)
    )


_ABOUT_THE_SWITCH = (
    "New inputs run through it from then on. Whether the platform then re-indexes the inputs that "
    "are already there is undocumented; no reindex is asked for."
)


def _why(plan: Plan, change: Change) -> str:
    """The reason, unless the rows say it; and whether this is the moment of the cutover."""
    cutover = (
        change.action is Action.UPDATE
        and change.change_class is ChangeClass.ROUTING
        and change.address == _live_default(plan)
        and not any(op.change.action is Action.SET_DEFAULT for op in plan.operations)
    )
    follows = change.fields and all(_followed(change, field) for field in change.fields)
    said = ["the live default: the cutover"] if cutover else []
    if isinstance(change.version, ReuseVersion):
        said.append("an earlier version is used again")
    elif not follows:
        said.append(change.reason)
    return "; ".join(said)


def _live_default(plan: Plan) -> Address | None:
    default = plan.live.get(Address(DEFAULT_WORKFLOW))
    return next((ref.to for ref in default.references), None) if default else None


# --- fields


def _stated(change: Change) -> list[tuple[str, str]]:
    """What a new object is created with: single values first, then a row for each map."""
    rows: dict[str, list[str]] = {"": []}
    for field in change.fields:
        if not isinstance(field.after, Unknown):
            depth = min(len(field.path) - 1, 2)
            name = visible(field_path(field.path[:depth]))
            label = visible(field_path(field.path[depth:]))
            rows.setdefault(name, []).append(f"{label}{_GLUE}{_glued(style.value(field.after))}")
    return _limited(
        [(name, listed(items, len(items), WIDTH * 2)) for name, items in rows.items() if items]
    )


def _limited(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    if len(rows) <= MAX_FIELDS:
        return rows
    more = counted(len(rows) - MAX_FIELDS, "more line")
    return [*rows[:MAX_FIELDS], ("", f"… and {more} (--format json shows all)")]


def _glued(text: str) -> str:
    return text.replace(" ", _GLUE)


def _differences(plan: Plan, change: Change) -> list[tuple[str, str]]:
    """Each field as ``before -> after``; pins that follow one new version share a line."""
    rows = _limited([*_followings(change), *_field_rows(change)])
    if isinstance(change.version, NewVersion):
        rows.append(("version", f"{_live_version(plan, change)} -> (known after apply)"))
    elif isinstance(change.version, ReuseVersion) and change.action is Action.UPDATE:
        reused = style.version(change.version.id)
        rows.append(("version", f"{_live_version(plan, change)} -> {reused}"))
    return rows


def _live_version(plan: Plan, change: Change) -> str:
    """The version that the workflows of this manifest pin, else the newest."""
    pinned = {
        ref.version
        for resource in plan.live
        if resource.address in plan.desired
        for ref in resource.references
        if ref.pins and ref.to == change.address and ref.version
    }
    newest = {v.id for v in (change.live.versions[:1] if change.live else ())}
    return ", ".join(map(style.version, sorted(pinned or newest))) or "(none)"


def _followed(change: Change, field: FieldChange) -> Address | None:
    """The resource whose new version a field follows."""
    for ref in change.desired.references if change.desired else ():
        if ref.pins and not ref.version and ref.path == field.path and not is_blank(field.before):
            return ref.to
    return None


def _followings(change: Change) -> Iterator[tuple[str, str]]:
    """Cascades: one line for all fields that follow one version from the same one."""
    groups: dict[tuple[Address, str], list[str]] = defaultdict(list)
    for field in change.fields:
        if (to := _followed(change, field)) is not None:
            pins = style.change(field.before, field.after)
            groups[to, pins].append(visible(field_path(field.path[:-1])))
    for (to, pins), names in groups.items():
        where = listed(names, len(names), WIDTH // 2)
        yield "", f"follows {visible(str(to))} at {where}: version {pins}"


def _field_rows(change: Change) -> Iterator[tuple[str, str]]:
    """All other fields; one that is new or gone as a whole, such as a node, in one line."""
    wholes: dict[Path, list[FieldChange]] = defaultdict(list)
    for field in change.fields:
        if _followed(change, field) is None:
            wholes[_whole(change, field) or field.path].append(field)
    for path, fields in wholes.items():
        name = visible(field_path(path))
        if fields[0].path == path:
            yield name, style.change(fields[0].before, fields[0].after)
            continue
        come = is_blank(fields[0].before)
        items = [
            f"{visible(field_path(field.path[len(path) :]))}{_GLUE}{_glued(style.value(found))}"
            for field in fields
            if not isinstance(found := field.after if come else field.before, Unknown)
        ]
        text = listed(items, len(items), WIDTH)
        yield name, f"(none) -> {text}" if come else f"{text} -> (none)"


def _whole(change: Change, field: FieldChange) -> Path | None:
    """The entry of a map that a field belongs to, if one side has no such entry at all."""
    if len(field.path) < 3 or change.live is None or change.desired is None:
        return None
    entry = field.path[:2]
    sides = change.live, change.desired
    return entry if any(is_blank(_at(side, entry)) for side in sides) else None


def _at(resource: Resource, path: Path) -> Any:
    found: Any = {**(resource.configuration or {}), **resource.fields}
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


# --- around them


def _nothing(plan: Plan, paint: Style) -> list[str]:
    app = visible(f"{plan.target.user_id}/{plan.target.app_id}")
    source = visible(plan.source.path) or "the manifest"
    compared = counted(len(plan.unchanged), "resource")
    what = f"The selected part of {app}" if plan.left_out or plan.selection.targets else app
    return [
        f"{paint.good('No changes.')} {what} is as {source} describes it ({compared} compared)."
    ]


def _notes(plan: Plan, paint: Style) -> Iterator[str]:
    """What is not done, and what a reviewer should know."""
    if plan.left_out:
        options = [
            name
            for name, given in (
                ("--target", plan.selection.targets),
                ("--exclude", plan.selection.excludes),
            )
            if given
        ]
        yield f"Left out ({', '.join(options)}): {_addresses(plan.left_out)}"
    if plan.unmanaged:
        yield f"{counted(len(plan.unmanaged), 'object')} unmanaged (left alone): " + _addresses(
            plan.unmanaged
        )
    if plan.prunable and not plan.prune:
        yield f"  made by this tool, --prune would delete: {_addresses(plan.prunable)}"
    if plan.prune and (stay := [a for a in plan.unmanaged if a.kind == "concept"]):
        yield f"  {counted(len(stay), 'concept')} cannot be deleted: the API has no way to do it"
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
