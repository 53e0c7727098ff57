"""What a switch of the default workflow may set off: a re-index of every input.

Whether the platform re-indexes by itself is not documented (fact: `reindex` of PatchApps asks for
it), so a switch on a large app is refused until it is asked for by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reconciler.address import DEFAULT_WORKFLOW, Address
from reconciler.api.protocol import Reader
from reconciler.call import Call, Target
from reconciler.errors import NotFoundError
from reconciler.planning.change import Action, Change, ChangeClass, FieldChange, Switch
from reconciler.planning.live import Settled
from reconciler.planning.options import Options, Policy
from reconciler.planning.ownership import mark_of
from reconciler.resource import Resource, ResourceGraph


def read_switch(
    reader: Reader,
    target: Target,
    changes: Iterable[Change],
    settled: Settled,
    options: Options,
) -> tuple[Switch | None, tuple[str, ...]]:
    """The switch among ``changes`` of an app that is there, and why it is refused.

    Two requests where there is one, none otherwise. That another version of the same workflow runs
    is none: any change of the workflow comes to that. Raises ApiError.
    """
    change = next((c for c in changes if c.action is Action.SET_DEFAULT and c.desired), None)
    if change is None or change.desired is None:
        return None, ()
    if change.live is not None and change.live.fields == change.desired.fields:
        return None, ()
    workflow = str(change.desired.fields["workflow"])
    nodes, refused = _nodes(reader, workflow, settled)
    inputs = 0
    if change.live is not None:
        found = counts(reader.get(status_call(target)))
        inputs = sum(found[name] for name in STATES[:4])
    switch = Switch(workflow, inputs, nodes, options.reindex)
    if inputs > options.switch_limit and not options.allow_default_switch:
        refused = (
            *refused,
            f"{DEFAULT_WORKFLOW}: the app has {inputs:,} inputs, more than "
            f"{options.switch_limit:,}, and a switch may make the platform run the new workflow "
            "over all of them: if that is meant, allow it with --allow-default-switch",
        )
    return switch, refused


def unpinned(
    changes: Sequence[Change],
    desired: ResourceGraph,
    live: ResourceGraph,
    rank: int,
    policy: Policy,
) -> tuple[Change, ...]:
    """A switch to the newest version of the wanted default workflow, where the app pins another.

    An app may name its default workflow with a version (``App.default_workflow.version``). Then a
    change of the workflow alone would change nothing for inputs. A version that is the newest one
    and stays it is what the manifest says. (A service that shows the newest version of its own
    accord is told apart once the workflow has changed: then there is nothing left to switch.)
    """
    address = Address(DEFAULT_WORKFLOW)
    wanted, default = desired.get(address), live.get(address)
    pinned = str(default.options.get("pinned", "")) if default else ""
    if wanted is None or default is None or not pinned or wanted.fields != default.fields:
        return ()
    updated = any(change.address == default.references[0].to for change in changes)
    if not updated and not is_outdated(default, live):
        return ()
    switch = Change(
        address,
        Action.SET_DEFAULT,
        ChangeClass.REINDEX,
        "the app pins a version of it that is not the newest, or will not be",
        rank,
        wanted,
        default,
        (FieldChange(("version",), pinned, None),),
        mark=mark_of(wanted, default, policy),
    )
    return (switch,)


def is_outdated(default: Resource, live: ResourceGraph) -> bool:
    """Whether the app names a version of its default workflow that is not the newest."""
    pinned = default.options.get("pinned")
    workflow = live.get(default.references[0].to) if pinned else None
    newest = (workflow.raw.get("version") or {}).get("id") if workflow else None
    return newest is not None and newest != pinned


def status_call(target: Target) -> Call:
    """``GET ~/inputs/status``."""
    return Call("GET", target.at("inputs", "status"))


STATES = (
    "processed",
    "processing",
    "to_process",
    "errors",
    "reindexed",
    "reindexing",
    "to_reindex",
    "reindex_errors",
)
"""What ``inputs/status`` counts; the first four are all inputs (contract, InputCount)."""


def counts(answer: Any) -> Mapping[str, int]:
    """How many inputs are in which state, by the contract's names."""
    found = answer.get("counts") or {}
    return {name: int(found.get(name, 0)) for name in STATES}


def _nodes(reader: Reader, workflow: str, settled: Settled) -> tuple[int | None, tuple[str, ...]]:
    """How many nodes a workflow has, and that another app's is not there."""
    if "/" not in workflow:
        address = Address("workflow", (workflow,))
        found = settled.desired.get(address) or settled.live.get(address)
        return (len(found.fields.get("nodes", ())) if found else None), ()
    user, app, id_ = workflow.split("/")
    try:
        answer = reader.get(Call("GET", Target(user, app).at("workflows", id_)))
    except NotFoundError:
        return None, (
            f"{DEFAULT_WORKFLOW}: workflow {workflow!r} is not there, or this token may not see it",
        )
    return len((answer.get("workflow") or {}).get("nodes") or ()), ()
