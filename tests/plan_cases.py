"""Plans made the whole real way over the in-memory platform: for tests of what shows or keeps one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fake_platform import FakePlatform
from pydantic import TypeAdapter

from reconciler import registry
from reconciler.address import Address
from reconciler.call import Target
from reconciler.execution.delivery import Patience
from reconciler.execution.outcome import Status
from reconciler.execution.run import Limits, run
from reconciler.kind import Scope
from reconciler.planning import diff, live
from reconciler.planning.options import Options, Policy, Selection
from reconciler.planning.plan import Plan, Source, build
from reconciler.resource import ResourceGraph

KINDS = registry.load()
APP = "people-auto-annotation"
SOURCE = Source("manifests/people", "sha256:" + "d" * 64)


@dataclass
class Platform(FakePlatform):
    """Gives ids that look like the real platform's."""

    def _id(self) -> str:
        return hashlib.sha256(str(next(self._serial)).encode()).hexdigest()[:32]


@dataclass
class World:
    """A platform, and the tool at work on one app of it."""

    platform: FakePlatform = field(default_factory=Platform)

    def plan(
        self,
        desired: Mapping[str, Any] | ResourceGraph,
        *,
        prune: bool = False,
        target: Iterable[str] = (),
        exclude: Iterable[str] = (),
        owner: str = APP,
        **more: Any,
    ) -> Plan:
        selection = Selection(tuple(map(Address.parse, target)), tuple(map(Address.parse, exclude)))
        options = Options(selection=selection, prune=prune, **more)
        trusting = not options.refresh
        app = live.read_app(self.platform, KINDS, Target("me", APP), trusting=trusting)
        declared = desired if isinstance(desired, ResourceGraph) else declare(desired, app.scope)
        settled = live.settle(
            self.platform, KINDS, declared, app, trusting=trusting, retrain=options.retrain
        )
        difference = diff.compare(
            settled.desired, settled.live, settled.choices, KINDS, Policy.of(owner, options)
        )
        return build(
            "https://api.clarifai.com",
            app.target,
            settled,
            difference,
            declared=declared,
            owner=owner,
            options=options,
            source=SOURCE,
        )

    def apply(self, desired: Mapping[str, Any], **options: Any) -> None:
        made = self.plan(desired, **options)
        limits = Limits(parallelism=1, patience=Patience(read_back_timeout=0.0))
        outcomes = run(made.operations, made.target, KINDS, self.platform, limits=limits)
        assert [outcome for outcome in outcomes if outcome.status is not Status.DONE] == []


def declare(data: Mapping[str, Any], scope: Scope) -> ResourceGraph:
    """The desired graph of a manifest without going through YAML."""
    data = {"app": {"id": APP}, **data}
    sections = {
        kind.section: TypeAdapter(kind.section_type()).validate_python(data[kind.section])
        for kind in KINDS.values()
        if kind.section in data
    }
    return ResourceGraph.of(r for kind in KINDS.values() for r in kind.declare(sections, scope))


def people(**changed: Any) -> dict[str, Any]:
    """A small auto-annotation app: a confident and a doubtful path, one of them with a floor."""
    sure, floor = changed.pop("sure", 0.95), changed.pop("floor", 0.1)

    def thresholder(comparator: str, adult: float) -> dict[str, Any]:
        return {
            "model_type_id": "concept-threshold",
            "concept_threshold_type": comparator,
            "thresholds": {"people": 0.5, "adult": adult},
        }

    def node(id_: str, model: str, *inputs: str) -> dict[str, Any]:
        return {"id": id_, "model": model, "node_inputs": list(inputs)}

    return {
        "app": {"id": APP, "default_workflow": "auto-annotation"},
        "concepts": {"people": {"name": "people"}, "adult": {"name": "adult"}},
        "concept_relations": [
            {"subject": "people", "predicate": "synonym", "object": "clarifai/main/ai_l8TKp2h5"}
        ],
        "models": {
            "mapper": {"model_type_id": "concept-synonym-mapper"},
            "confident": thresholder("GREATER_THAN_OR_EQUAL", sure),
            "doubtful": thresholder("LESS_THAN", sure),
            "plausible": thresholder("GREATER_THAN_OR_EQUAL", floor),
            "write-success": {
                "model_type_id": "annotation-writer",
                "annotation_status": "ANNOTATION_SUCCESS",
                "annotation_user_id": "me",
            },
        },
        "workflows": {
            "auto-annotation": {
                "nodes": [
                    node("general", "clarifai/main/general-image-recognition@" + "a" * 32),
                    node("mapper", "mapper", "general"),
                    node("confident", "confident", "mapper"),
                    node("success", "write-success", "confident"),
                    node("doubtful", "doubtful", "mapper"),
                    node("plausible", "plausible", "doubtful"),
                ]
            }
        },
        **changed,
    }


def without(data: Mapping[str, Any], section: str, name: str) -> dict[str, Any]:
    """A manifest that lacks one object."""
    return {**data, section: {k: v for k, v in data[section].items() if k != name}}


def with_(data: Mapping[str, Any], section: str, **more: Any) -> dict[str, Any]:
    """A manifest with more objects in a section, or others under the same id."""
    return {**data, section: {**data[section], **more}}


def undeclared(plan: Plan) -> Plan:
    """A plan that forgot what it was made from."""
    return replace(plan, declared=None)
