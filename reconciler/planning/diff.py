"""Where both sides meet: what differs, what is refused, what is not ours to touch.

Equality comes first, since nearly everything is equal; DeepDiff is asked only about pairs that
differ, and imported only then.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from reconciler.address import DEFAULT_WORKFLOW, Address, field_path
from reconciler.kind import Kind, VersionedKind
from reconciler.planning import surplus
from reconciler.planning.change import Action, Change, ChangeClass, FieldChange, Refusal
from reconciler.planning.cutover import unpinned
from reconciler.planning.options import Policy
from reconciler.planning.ownership import (
    mark_changes,
    mark_of,
    traceless,
    with_relation_marks,
)
from reconciler.planning.rename import lookalikes
from reconciler.planning.versions import Choice
from reconciler.resource import (
    Path,
    Resource,
    ResourceGraph,
    ReuseVersion,
    VersionChoice,
    VersionStatus,
    is_blank,
    same,
)
from reconciler.values import digest, thaw


@dataclass(frozen=True, slots=True)
class Difference:
    """All that a comparison found; addresses are sorted.

    ``traceless`` are desired objects that leave no trace in another one if they are deleted.
    """

    changes: tuple[Change, ...]
    unchanged: tuple[Address, ...]
    unmanaged: tuple[Address, ...]
    prunable: tuple[Address, ...]
    refusals: tuple[Refusal, ...]
    warnings: tuple[str, ...]
    strays: Mapping[Address, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    traceless: tuple[Address, ...] = ()


def compare(
    desired: ResourceGraph,
    live: ResourceGraph,
    choices: Mapping[Address, Choice],
    kinds: Mapping[str, Kind],
    policy: Policy,
) -> Difference:
    """The changes that bring ``live`` to ``desired``. Linear in both."""
    twins = live.by_identity()
    changes: list[Change] = []
    refusals: list[Refusal] = []
    warnings: list[str] = []
    strays: dict[Address, tuple[str, ...]] = {}
    unchanged: list[Address] = []
    for resource in desired:
        kind = kinds[resource.address.kind]
        twin = twins.get(resource.identity)
        choice = choices.get(resource.address)
        refused = (
            *(_refused(resource, twin, kind, policy) if twin else ()),
            *_unpinnable(resource, choices),
        )
        refusals += (Refusal(text, resource.address) for text in refused)
        found = () if refused else tuple(_changes(resource, twin, choice, kind, policy))
        changes += found
        if not found and not refused:
            unchanged.append(resource.address)
        if choice and choice.strays:
            strays[resource.address] = choice.strays
        if choice and choice.kept:
            warnings.append(_kept(resource, choice))
    changes = _with_reasons(changes)
    if default := kinds.get(DEFAULT_WORKFLOW):
        changes += unpinned(changes, desired, live, default.rank, policy)
    undeclared = surplus.examine(desired, live, kinds, policy)
    prunable = {change.address for change in undeclared.deletes}
    warnings += lookalikes(changes, undeclared.deletes)
    if policy.prune:
        changes += undeclared.deletes
        warnings += undeclared.warnings
        refusals += undeclared.refusals
    unmanaged = set(undeclared.objects) - (prunable if policy.prune else set())
    changes = with_relation_marks(changes, live, kinds, policy)
    return Difference(
        tuple(sorted(changes, key=lambda change: (change.address, change.action))),
        tuple(sorted(set(unchanged) - {change.address for change in changes})),
        tuple(sorted(unmanaged)),
        tuple(sorted(prunable)),
        tuple(sorted(refusals)),
        tuple(sorted(warnings)),
        MappingProxyType(strays),
        traceless(desired, kinds),
    )


def _refused(resource: Resource, twin: Resource, kind: Kind, policy: Policy) -> Iterator[str]:
    for name in sorted(kind.immutable):
        want, have = resource.fields.get(name), twin.fields.get(name)
        if want is not None and want != have:
            yield (
                f"{resource.address}: {name} is {have!r} and cannot become {want!r}: "
                "give the new one another id, or delete the live one first"
            )
    if twin.mark and twin.mark.owner != policy.owner and resource.address not in policy.take_over:
        yield (
            f"{resource.address}: belongs to {twin.mark.owner!r}, not to {policy.owner!r}: "
            "take it out of this manifest, set app.owner to the owner that it has, or take it "
            f"over with --take-over {shlex.quote(str(resource.address))}"
        )


def _unpinnable(resource: Resource, choices: Mapping[Address, Choice]) -> Iterator[str]:
    for reference in resource.references:
        choice = choices.get(reference.to)
        if reference.pins and not reference.version and choice and choice.current is None:
            yield (
                f"{resource.address}: {reference.to} has no trained version that could be pinned, "
                "and its manifest says train: never; train it, or let apply do so"
            )


def _kept(resource: Resource, choice: Choice) -> str:
    return (
        f"{resource.address}: version {choice.current} holds another specification than the "
        f"manifest states, and stays, since train is {resource.options['train']}; to train it: "
        f"--retrain {shlex.quote(str(resource.address))}"
    )


def _changes(
    resource: Resource,
    twin: Resource | None,
    choice: Choice | None,
    kind: Kind,
    policy: Policy,
) -> Iterator[Change]:
    """The changes of one resource, without reasons: none, one, or a model's two."""
    mark = mark_of(resource, twin, policy)

    def change(
        action: str,
        change_class: ChangeClass,
        fields: tuple[FieldChange, ...],
        version: VersionChoice | None,
    ) -> Change:
        return Change(
            resource.address,
            Action(action),
            change_class,
            "",
            kind.rank,
            resource,
            twin,
            fields,
            version,
            mark=mark,
        )

    trains = isinstance(kind, VersionedKind) and kind.trains(resource)
    version = choice.version if choice else None
    if twin is None:
        fields = tuple(_all_fields(resource))
        change_class = _class(kind, resource, () if trains else fields)
        yield change(kind.verb or "create", change_class, fields, None if trains else version)
        if trains and version and resource.options.get("train") != "never":
            yield change("train", ChangeClass.RETRAINING, (), version)
        return
    fields = (
        *_field_changes(resource.fields, twin.fields, kind.open_maps),
        *mark_changes(mark, twin),
    )
    configured = (
        tuple(_field_changes(resource.configuration or {}, choice.base, kind.open_maps))
        if choice and version
        else ()
    )
    must_train = (
        trains
        and version is not None
        and not (isinstance(version, ReuseVersion) and not version.pending)
    )
    patched = fields if must_train else (*fields, *configured)
    other = None if must_train else version
    if fields or other is not None:
        # another version routes otherwise, also where it differs in nothing that is stated
        change_class = ChangeClass.ROUTING if other else _class(kind, resource, patched)
        yield change(kind.verb or "update", change_class, patched, other)
    if must_train:
        yield change("train", ChangeClass.RETRAINING, configured, version)


def _class(kind: Kind, resource: Resource, fields: Iterable[FieldChange]) -> ChangeClass:
    if kind.verb:
        return ChangeClass.REINDEX
    if kind.at_once:
        return ChangeClass.ROUTING_AT_ONCE
    routing = kind.routing_fields | frozenset(resource.configuration or ())
    if any(change.path[0] in routing for change in fields):
        return ChangeClass.ROUTING
    return ChangeClass.METADATA


def _all_fields(resource: Resource) -> Iterator[FieldChange]:
    """Every declared value of a new resource, as a change from nothing."""
    for name, value in {**resource.fields, **(resource.configuration or {})}.items():
        if not is_blank(value):
            yield from _leaves((name,), None, value)


def _leaves(path: Path, before: Any, after: Any) -> Iterator[FieldChange]:
    """Single values of a map that comes or goes whole, lists whole; False if nothing else is told."""
    if isinstance(after, Mapping) and after and before is None:
        parts = [(name, None, value) for name, value in after.items() if not is_blank(value)]
    elif isinstance(before, Mapping) and before and after is None:
        parts = [(name, value, None) for name, value in before.items() if not is_blank(value)]
    else:
        yield FieldChange(path, before, after)
        return
    leaves = [leaf for name, *sides in parts for leaf in _leaves((*path, name), *sides)]
    telling = [leaf for leaf in leaves if leaf.before is not False and leaf.after is not False]
    yield from telling or leaves


def _field_changes(
    desired: Mapping[str, Any], live: Mapping[str, Any], open_maps: frozenset[str]
) -> Iterator[FieldChange]:
    """The declared fields that differ, by path. Empty for equal sides, at the cost of equality."""
    if same(desired, live, open_maps):
        return
    from deepdiff import DeepDiff

    for name in sorted(desired):
        want, have = desired[name], live.get(name)
        if same({name: want}, {name: have}, open_maps):
            continue
        if name in open_maps and isinstance(want, Mapping):
            have = _cut(have, want)
        found = DeepDiff(
            {"": _comparable(have)},
            {"": _comparable(want)},
            view="tree",
            threshold_to_diff_deeper=0,
        )
        paths = {
            tuple(map(str, item.path(output_format="list")[1:]))
            for group in found.values()
            for item in group
        }
        # blanks alone differ only between whole values
        for path in sorted(paths or {()}):
            yield from _leaves((name, *path), _value(have, path), _value(want, path))


def _comparable(value: Any) -> Any:
    """Lists are whole values here, so that one changed item does not hide in an index.

    So are texts of several lines, of which nobody asks for a comparison line by line.
    """
    if isinstance(value, Mapping):
        return {key: _comparable(item) for key, item in value.items() if not is_blank(item)}
    if isinstance(value, list | tuple) or (isinstance(value, str) and "\n" in value):
        return digest(value)
    return value


def _value(value: Any, path: Path) -> Any:
    for name in path:
        value = value.get(name)
    return value


def _cut(live: Any, desired: Any) -> Any:
    """A live open map reduced to the stated keys."""
    if isinstance(live, Mapping) and isinstance(desired, Mapping):
        return {key: _cut(live[key], value) for key, value in desired.items() if key in live}
    return live


def _with_reasons(changes: Iterable[Change]) -> list[Change]:
    """Why each change is there: what leads to it, in words for the reviewer."""
    by_address = {change.address: change for change in changes}
    explained = []
    for change in changes:
        followed = [
            reference.to
            for reference in (change.desired.references if change.desired else ())
            if reference.pins
            and not reference.version
            and reference.to in by_address
            and by_address[reference.to].version is not None
            and any(field.path[: len(reference.path)] == reference.path for field in change.fields)
        ]
        explained.append(replace(change, reason=_reason(change, followed)))
    return explained


def _is_trained(live: Resource | None) -> bool:
    return live is not None and any(v.status is VersionStatus.TRAINED for v in live.versions)


def _reason(change: Change, followed: list[Address]) -> str:
    count = len(change.fields)
    fields = f"{count} field{'s' if count != 1 else ''}"
    match change.action:
        case Action.CREATE:
            return "not in the live app"
        case Action.TRAIN if isinstance(change.version, ReuseVersion):
            return f"version {change.version.id} is still in training"
        case Action.TRAIN if not change.fields and _is_trained(change.live):
            return "asked for by --retrain"
        case Action.TRAIN:
            return "its specification changed" if _is_trained(change.live) else "never trained"
        case Action.SET_DEFAULT:
            return "another workflow is to run on new inputs"
    if isinstance(change.version, ReuseVersion):
        return f"version {change.version.id} holds this configuration already"
    if followed and all("model_version_id" in field.path for field in change.fields):
        names = ", ".join(dict.fromkeys(map(str, followed)))
        return f"follows {names}"
    return f"{fields} differ{'s' if count == 1 else ''}"


def shown(change: FieldChange) -> dict[str, Any]:
    """A field change as plan files and reports have it."""
    return {
        "path": field_path(change.path),
        "before": thaw(change.before),
        "after": thaw(change.after),
    }
