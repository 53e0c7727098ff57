"""The end of a manifest: what ``destroy`` wants of the live app, in place of the declared graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.address import APP, DEFAULT_WORKFLOW, Address
from reconciler.kind import Kind
from reconciler.planning.change import Action, Change, ChangeClass, Refusal
from reconciler.planning.diff import Difference
from reconciler.planning.options import Policy
from reconciler.planning.ownership import is_prunable
from reconciler.resource import Reference, Resource, ResourceGraph
from reconciler.values import Mark

NO_WORKFLOW = "clarifai/main/Empty"
"""The public workflow that does nothing."""


def ending(live: ResourceGraph, kinds: Mapping[str, Kind], policy: Policy) -> ResourceGraph:
    """What is left to wish for: the default workflow of before, where the present one is ours.

    Without a record of it, or where that one goes too, it is ``clarifai/main/Empty``.
    """
    default = live.get(Address(DEFAULT_WORKFLOW))
    if default is None:
        return ResourceGraph.of(())
    former = str(default.options.get("former", ""))
    if not former and not _goes(str(default.fields["workflow"]), live, kinds, policy):
        return ResourceGraph.of(())
    if not former or _goes(former, live, kinds, policy):
        former = NO_WORKFLOW
    references = (
        () if "/" in former else (Reference(("workflow",), Address("workflow", (former,))),)
    )
    wanted = Resource(
        default.address, {"workflow": former}, references=references, options={"restores": True}
    )
    return ResourceGraph.of((wanted,))


def _goes(workflow: str, live: ResourceGraph, kinds: Mapping[str, Kind], policy: Policy) -> bool:
    """Whether a workflow of this app is deleted, or gone already."""
    if "/" in workflow:
        return False
    found = live.get(Address("workflow", (workflow,)))
    return found is None or is_prunable(found, live, kinds["workflow"], policy)


def without_app(live: ResourceGraph, kinds: Mapping[str, Kind], policy: Policy) -> Difference:
    """The one change that takes the app away with all that is in it, or why it may not go."""
    app = live.get(Address(APP))
    if app is None:
        return Difference((), (), (), (), (), ())
    others = tuple(r for r in live if r.address.kind not in (APP, DEFAULT_WORKFLOW))
    refusals = (*_app_refusals(app, policy), *_guarded(others))
    change = Change(
        app.address,
        Action.DELETE,
        ChangeClass.ROUTING,
        "asked for by --delete-app",
        kinds[APP].rank,
        None,
        app,
        mark=app.mark or Mark(policy.owner),
    )
    strangers = [r for r in others if r.mark is None and r.address.kind not in ("relation",)]
    warnings = (
        f"the app goes with all its inputs and annotations, {len(others)} objects, of which "
        f"{len(strangers)} were not made or adopted here",
    )
    return Difference((change,), (), (), (), refusals, warnings)


def _app_refusals(app: Resource, policy: Policy) -> Iterator[Refusal]:
    if app.mark is None or app.mark.owner != policy.owner or app.mark.origin != "created":
        yield Refusal(
            "app: was not made by this manifest, so that --delete-app may not delete it: "
            "leave the option out, or delete the app in the portal"
        )
    elif app.mark.protect:
        yield Refusal(
            "app: prevent_destroy is set in the live app: "
            "say prevent_destroy: false in the manifest and apply that first"
        )


def _guarded(others: tuple[Resource, ...]) -> Iterator[Refusal]:
    for resource in others:
        if resource.mark is not None and resource.mark.protect:
            yield Refusal(
                f"{resource.address}: prevent_destroy is set in the live app, and --delete-app "
                "would take it along: say prevent_destroy: false and apply that first"
            )
