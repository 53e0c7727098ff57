"""The plan: what would be done to which app, in which order, and what was left alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from reconciler import dag
from reconciler.address import APP, DEFAULT_WORKFLOW, Address
from reconciler.call import Target
from reconciler.diagnostics import did_you_mean
from reconciler.errors import RefusedError, SettingsError
from reconciler.planning.change import Action, Change, Operation, Refusal, Switch
from reconciler.planning.diff import Difference
from reconciler.planning.live import Settled
from reconciler.planning.options import Options, Selection
from reconciler.planning.order import order
from reconciler.planning.ownership import with_app_record
from reconciler.planning.surplus import still_used
from reconciler.resource import ResourceGraph, ReuseVersion


@dataclass(frozen=True, slots=True)
class Source:
    """Where the desired state came from: the manifest's path, and a digest of its files."""

    path: str = ""
    digest: str = ""
    overlays: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Plan:
    """Finished data: nothing in it is looked up again.

    ``declared`` is the desired side as the manifest states it, with no pin and no external model
    settled yet, so that the same question can be asked again later: a plan file needs it.
    ``desired`` is the settled one.
    ``strays`` are versions that nothing uses: newer than those that models have here (after a
    revert there always are some), or made twice. ``left_out`` are changes that the selection kept
    out; ``moves`` the renames that the manifest states, done or not; ``switch`` what the switch of
    the default workflow among the operations may set off.
    """

    base_url: str
    target: Target
    owner: str
    operations: tuple[Operation, ...]
    desired: ResourceGraph
    live: ResourceGraph
    declared: ResourceGraph | None = None
    unchanged: tuple[Address, ...] = ()
    unmanaged: tuple[Address, ...] = ()
    prunable: tuple[Address, ...] = ()
    left_out: tuple[Address, ...] = ()
    warnings: tuple[str, ...] = ()
    strays: Mapping[Address, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    options: Options = field(default_factory=Options)
    moves: tuple[tuple[Address, Address], ...] = ()
    switch: Switch | None = None
    source: Source = field(default_factory=Source)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.operations

    def summary(self) -> dict[str, int]:
        """How many operations of each kind, and how much was left alone."""
        counts = {action.value: 0 for action in Action}
        for operation in self.operations:
            counts[operation.change.action] += 1
        return {
            **counts,
            "unchanged": len(self.unchanged),
            "unmanaged": len(self.unmanaged),
            "prunable": len(self.prunable),
        }


def build(
    base_url: str,
    target: Target,
    settled: Settled,
    difference: Difference,
    *,
    owner: str,
    declared: ResourceGraph | None = None,
    renames: Sequence[Change] = (),
    moves: tuple[tuple[Address, Address], ...] = (),
    options: Options | None = None,
    switch: tuple[Switch | None, tuple[str, ...]] = (None, ()),
    absent: Mapping[Address, tuple[str, ...]] = MappingProxyType({}),
    source: Source | None = None,
) -> Plan:
    """The plan for a comparison; ``declared`` is what ``settled`` was made from, ``renames`` come first.

    ``absent`` says of a change what it refers to and is not there.

    Raises ``RefusedError`` with every refusal, ``SettingsError`` for a selection that names
    nothing, ``CycleError`` for references that go round.
    """
    options = options or Options()
    changes, left_out, refusals = select(
        [*renames, *difference.changes],
        settled.desired,
        options.selection,
        difference.refusals,
    )
    changes = with_app_record(changes, difference.traceless, settled.live)
    switched, refused = (
        switch if any(c.action is Action.SET_DEFAULT for c in changes) else (None, ())
    )
    lacking = (text for c in changes for text in absent.get(c.address, ()))
    if said := (*map(str, refusals), *lacking, *refused):
        raise RefusedError(said)
    return Plan(
        base_url=base_url,
        target=target,
        owner=owner,
        operations=order(changes, live_default=_live_default(settled.live)),
        desired=settled.desired,
        live=settled.live,
        declared=declared,
        unchanged=difference.unchanged,
        unmanaged=difference.unmanaged,
        prunable=difference.prunable,
        left_out=left_out,
        warnings=difference.warnings,
        strays=difference.strays,
        options=options,
        moves=moves,
        switch=switched,
        source=source or Source(),
    )


def select(
    changes: Iterable[Change],
    desired: ResourceGraph,
    selection: Selection,
    refusals: Iterable[Refusal] = (),
) -> tuple[tuple[Change, ...], tuple[Address, ...], tuple[Refusal, ...]]:
    """The changes that stay, the addresses of those left out, and the refusals that stay."""
    changes, refusals = tuple(changes), tuple(refusals)
    known = {*desired.resources, *(change.address for change in changes)}
    known |= {refusal.about for refusal in refusals if refusal.about is not None}
    for address in (*selection.targets, *selection.excludes):
        if address not in known:
            raise SettingsError(
                f"nothing of this manifest is called {address}",
                hint=did_you_mean(str(address), map(str, known))
                or "addresses look like model.ID, workflow.ID, concept.ID, app.default_workflow",
            )
    edges = desired.edges()
    kept = known
    if selection.targets:
        kept = {*dag.closure(edges, selection.targets), Address(APP)}
    if selection.excludes:
        lost: Set[Address] = dag.closure(dag.inverted(edges), selection.excludes)
        kept = kept - lost
    staying = [change for change in changes if change.address in kept]
    followed = {
        reference.to
        for change in staying
        if change.desired is not None
        for reference in change.desired.references
        if reference.pins
    }
    staying = [c for c in staying if c.address in followed or not _only_pins_anew(c)]
    staying = _without_deletes_of_what_is_used(staying, changes)
    left_out = sorted({change.address for change in changes} - {c.address for c in staying})
    refused = tuple(r for r in refusals if r.about is None or r.about in kept)
    return tuple(staying), tuple(left_out), refused


def _without_deletes_of_what_is_used(
    staying: list[Change], changes: Iterable[Change]
) -> list[Change]:
    """What a change that was left out would have ceased to use stays, and so on."""
    present = {(change.action, change.address) for change in staying}
    users = still_used(
        (c.live for c in staying if c.action is Action.DELETE and c.live is not None),
        (c.live for c in changes if c.live is not None and (c.action, c.address) not in present),
    )
    return [c for c in staying if c.action is not Action.DELETE or c.address not in users]


def _only_pins_anew(change: Change) -> bool:
    """Whether a change does nothing by itself: it only says which version followers pin next."""
    version, desired = change.version, change.desired
    return (
        isinstance(version, ReuseVersion)
        and not version.pending
        and desired is not None
        and all(field.path[0] in (desired.configuration or ()) for field in change.fields)
    )


def _live_default(live: ResourceGraph) -> Address | None:
    default = live.get(Address(DEFAULT_WORKFLOW))
    references = default.references if default else ()
    return references[0].to if references else None
