"""What changed outside since our last write, told from what the manifest changed by the marks.

A mark keeps a digest of each declared field as we wrote it. Where the live value still has that
digest, nobody else touched the field, and a difference is the manifest's; where the manifest's
value has it, somebody else did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reconciler.address import APP, Address, field_path
from reconciler.call import Target
from reconciler.kind import Kind
from reconciler.planning.change import Action, Change, FieldChange
from reconciler.planning.cutover import is_outdated
from reconciler.planning.diff import Difference
from reconciler.planning.live import LiveApp, Settled
from reconciler.planning.options import Selection
from reconciler.planning.plan import select
from reconciler.planning.versions import followers
from reconciler.resource import Path, Resource, ResourceGraph, Version, VersionStatus
from reconciler.values import field_digest, version_digest


class Cause(StrEnum):
    """What is known of a difference that the manifest alone does not explain."""

    CHANGED = "changed outside"
    BOTH = "changed outside, and in the manifest too"
    UNRECORDED = "differs, no record of our last write"
    GONE = "gone"
    MISSING = "not there, though the app's mark records it"


ABSENT = frozenset({Cause.GONE, Cause.MISSING})
"""Where there is no object any more."""

_PROTECTION = ("prevent_destroy",)
_WORST = (Cause.BOTH, Cause.CHANGED, Cause.UNRECORDED)


@dataclass(frozen=True, slots=True)
class Finding:
    """One object that is not as it was left. ``fields`` go from what is declared to what is live.

    ``version`` is the model version that holds them; ``when`` the moment of the last change, and
    ``by`` whose that version is, where the API tells and it is not the app's owner alone.
    """

    address: Address
    cause: Cause
    fields: tuple[FieldChange, ...] = ()
    version: str = ""
    when: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Drift:
    """All that changed outside: ``findings``, and below them what leads to no operation.

    ``absent`` are objects of the manifest that nothing proves to have been there, ``unstated``
    fields that our last write did not state: both are new in the manifest, or changed outside.
    ``as_declared`` changed outside to what the manifest says. ``planned`` counts the objects that
    differ for the manifest's sake.
    """

    base_url: str
    target: Target
    findings: tuple[Finding, ...]
    absent: tuple[Address, ...] = ()
    unstated: tuple[tuple[Address, str], ...] = ()
    as_declared: tuple[Address, ...] = ()
    unmanaged: tuple[Address, ...] = ()
    strays: tuple[tuple[Address, tuple[str, ...]], ...] = ()
    refusals: tuple[str, ...] = ()
    planned: int = 0
    compared: int = 0
    exists: bool = True


def find(
    base_url: str,
    app: LiveApp,
    settled: Settled,
    difference: Difference,
    kinds: Mapping[str, Kind],
    *,
    selection: Selection,
) -> Drift:
    """The drift that a comparison shows. Pure. Raises ``SettingsError`` for an unknown address."""
    changes, _, refusals = select(
        difference.changes, settled.desired, selection, difference.refusals
    )
    if not app.exists:
        gone = Finding(Address(APP), Cause.GONE)
        return Drift(base_url, app.target, (gone,), exists=False)
    witness = _Witness(settled, kinds, app.target.user_id)
    traced = _traced(settled.live)
    app_mark = resource.mark if (resource := settled.live.get(Address(APP))) else None
    recorded = app_mark.resources if app_mark else ()
    findings: list[Finding] = []
    absent: list[Address] = []
    unstated: list[tuple[Address, str]] = []
    explained: set[Address] = set()
    for change in changes:
        if change.desired is None or change.action is Action.RENAME:
            continue
        if change.live is None:
            if str(change.address) in traced:
                findings.append(Finding(change.address, Cause.GONE))
            elif str(change.address) in recorded:
                findings.append(Finding(change.address, Cause.MISSING))
            elif change.action is not Action.TRAIN:
                absent.append(change.address)
            continue
        told, open_ = witness.examine(change)
        findings += told
        unstated += [(change.address, path) for path in open_]
        if not told:
            explained.add(change.address)
    found = {finding.address for finding in findings}
    touched = (r.address for r in settled.desired if witness.was_touched(r))
    return Drift(
        base_url,
        app.target,
        tuple(sorted(findings, key=lambda finding: (finding.address, finding.version))),
        tuple(sorted(absent)),
        tuple(sorted(unstated)),
        tuple(address for address in touched if address not in found | explained),
        difference.unmanaged,
        tuple((a, choice.strays) for a, choice in sorted(settled.choices.items()) if choice.strays),
        tuple(map(str, refusals)),
        planned=len(explained - {address for address, _ in unstated} - found),
        compared=sum(1 for r in settled.desired if settled.live.get(r.address)),
    )


def _traced(live: ResourceGraph) -> frozenset[str]:
    """What something live proves to have been there: a relation of ours, or what is used or was the default."""
    found: set[str] = set()
    for resource in live:
        found.update(resource.mark.relations if resource.mark else ())
        found.update(str(reference.to) for reference in resource.references)
        if written := resource.options.get("written"):
            found.add(str(Address("workflow", (written,))))
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class _Witness:
    """What the live app remembers of our last write."""

    settled: Settled
    kinds: Mapping[str, Kind]
    owner: str

    def examine(self, change: Change) -> tuple[list[Finding], list[str]]:
        """What of a change somebody else did, and the paths of which nobody can tell."""
        desired, live = change.desired, change.live
        assert desired is not None and live is not None
        configured = desired.configuration or {}
        causes: dict[Cause, list[FieldChange]] = {}
        unstated: list[str] = []
        for field in change.fields:
            if field.path == _PROTECTION or field.path[0] in configured:
                continue
            cause = self._cause(desired, live, field.path)
            if isinstance(cause, Cause):
                causes.setdefault(cause, []).append(_turned(field))
            elif cause:
                unstated.append(field_path(field.path))
        when = str(live.raw.get("modified_at") or "")
        findings = [
            Finding(change.address, cause, tuple(fields), when=when)
            for cause, fields in causes.items()
        ]
        inside = tuple(_turned(f) for f in change.fields if f.path[0] in configured)
        if inside and (found := self._configured(desired, live)):
            cause, version = found
            findings.append(self._of_version(change.address, cause, inside, version))
        return findings, unstated

    def _of_version(
        self, address: Address, cause: Cause, fields: tuple[FieldChange, ...], version: Version
    ) -> Finding:
        by = version.user_id if version.user_id != self.owner else ""
        when = version.changed_at or version.created_at
        return Finding(address, cause, fields, version.id, when, by)

    def _cause(self, desired: Resource, live: Resource, path: Path) -> Cause | bool | None:
        """Who made a field differ: None the manifest, True if nobody can tell."""
        if "written" in live.options or self.kinds[live.address.kind].verb:
            return self._default_cause(desired, live)
        if live.mark is None:
            return Cause.UNRECORDED
        kind, record = self.kinds[live.address.kind], live.mark.digests
        want, have = dict(kind.parts(desired.fields)), dict(kind.parts(live.fields))
        closed = path[0] not in kind.open_maps
        near = [part for part in {*want, *(have if closed else ())} if _on_one_line(part, path)]
        known = closed and any(_begins(name, path[0]) for name in record)
        causes: list[Cause | bool | None] = []
        for part in near:
            recorded = record.get(field_path(part), field_digest(None) if known else None)
            if recorded is None:
                causes.append(True)
            elif recorded == field_digest(have.get(part, _at(live.fields, part))):
                causes.append(None)
            else:
                same = recorded == field_digest(want.get(part))
                causes.append(Cause.CHANGED if same else Cause.BOTH)
        worst: list[Cause | bool] = [cause for cause in _WORST if cause in causes]
        return worst[0] if worst else (True if True in causes else None)

    def _default_cause(self, desired: Resource, live: Resource) -> Cause | bool | None:
        """The same of the default workflow, of which the app's mark keeps the name."""
        recorded = live.options.get("written")
        if desired.fields == live.fields:  # at a version of it, which we never name
            return Cause.CHANGED if is_outdated(live, self.settled.live) else None
        if recorded is None:
            app = self.settled.live.get(Address(APP))
            return True if app and app.mark else Cause.UNRECORDED
        if recorded == live.fields["workflow"]:
            return None
        return Cause.CHANGED if recorded == desired.fields["workflow"] else Cause.BOTH

    def _configured(self, desired: Resource, live: Resource) -> tuple[Cause, Version] | None:
        """Who made a configuration differ, and in which version it stands; None for the manifest."""
        following = followers(self.settled.desired, self.settled.live).get(live.address)
        pins = following.pinned if following else {}
        known = {version.id: version for version in live.versions}
        for (user, path), id_ in pins.items():
            user_live, user_desired = (
                side.get(user) for side in (self.settled.live, self.settled.desired)
            )
            assert user_live is not None and user_desired is not None
            moved = self._cause(user_desired, user_live, path)
            if isinstance(moved, Cause) and id_ in known:
                return moved, known[id_]
        bases = [known[id_] for id_ in pins.values() if id_ in known] or [
            version for version in live.versions if version.status is VersionStatus.TRAINED
        ][:1]
        for version in bases:
            cause = _version_cause(desired, live, version, pinned=bool(pins), kinds=self.kinds)
            if cause is not None:
                return cause, version
        return None

    def was_touched(self, desired: Resource) -> bool:
        """Whether a declared field is no longer what we wrote."""
        live = self.settled.live.get(desired.address)
        if live is None or live.mark is None:
            return False
        kind, record = self.kinds[live.address.kind], live.mark.digests
        stated = dict(kind.parts(desired.fields))
        return any(
            record[name] != field_digest(value)
            for part, value in kind.parts(live.fields)
            if part in stated and (name := field_path(part)) in record
        )


def _version_cause(
    desired: Resource,
    live: Resource,
    version: Version,
    *,
    pinned: bool,
    kinds: Mapping[str, Kind],
) -> Cause | None:
    """Who made a version hold what it does: None the manifest as it was then."""
    wanted = desired.configuration or {}
    found = _cut(version.configuration or {}, wanted, kinds[live.address.kind].open_maps)
    if version.recorded:
        if version.recorded == version_digest(found):
            return None
        if version.recorded == version_digest(wanted):
            return Cause.CHANGED
        return Cause.BOTH if version.changed_at else None
    if pinned:
        return Cause.UNRECORDED if version.changed_at else None
    if any(other.recorded for other in live.versions):
        return Cause.CHANGED
    made_here = live.mark is not None and live.mark.origin == "created" and live.all_versions
    if made_here and version.id == live.versions[-1].id and not version.changed_at:
        return None  # it came with the model, as before 2023
    return Cause.UNRECORDED


def _turned(field: FieldChange) -> FieldChange:
    return FieldChange(field.path, field.after, field.before)


def _on_one_line(part: Path, path: Path) -> bool:
    """Whether one of two paths begins with the other."""
    length = min(len(part), len(path))
    return part[:length] == path[:length]


def _begins(name: str, field: str) -> bool:
    return name == field_path((field,)) or name.startswith(field_path((field,)) + ".")


def _at(fields: Any, path: Sequence[str]) -> Any:
    for name in path:
        fields = fields.get(name) if isinstance(fields, Mapping) else None
    return fields


def _cut(live: Mapping[str, Any], stated: Mapping[str, Any], open_maps: Iterable[str]) -> Any:
    """What a version holds of what the manifest states."""
    return {
        name: _stated(live[name], want) if name in open_maps else live[name]
        for name, want in stated.items()
        if name in live
    }


def _stated(live: Any, want: Any) -> Any:
    if isinstance(live, Mapping) and isinstance(want, Mapping):
        return {key: _stated(live[key], item) for key, item in want.items() if key in live}
    return live
