"""What an apply can be asked to do: an app as it is, and what shall become of it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from reconciler.planning.options import Options

APP = "park"
EMBEDDER = "clarifai/main/general-image-embedding@bb186755eda04f9cbb6fe32e816be104"
GENERAL = "clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40"

Manifest: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scenario:
    """The manifests applied before, in turn, and the one whose apply is disturbed.

    ``learned`` says that the app has labelled pictures, ``at_once`` that relations change, which
    have no versions: they route inputs differently the moment they are written.
    """

    before: tuple[Manifest, ...]
    after: Manifest
    options: Options = field(default_factory=Options)
    learned: bool = False
    at_once: bool = False

    @property
    def command(self) -> tuple[str, ...]:
        """What is run, behind which the path and ``--auto-approve`` stand."""
        if self.options.destroy:
            return ("destroy",)
        return ("apply", "--prune") if self.options.prune else ("apply",)


def scripted(**sections: Any) -> Manifest:
    """Public recognition mapped to the app's own concepts; the sure are accepted, others asked."""
    limits = {"walker": 0.9, "runner": 0.75}
    made: Manifest = {
        "app": {"id": APP, "description": "Who moves how", "default_workflow": "auto"},
        "concepts": {"walker": {"name": "walker"}, "runner": {"name": "runner"}},
        "concept_relations": [
            {"subject": "walker", "predicate": "synonym", "object": "clarifai/main/ai_l8TKp2h5"},
            {"subject": "runner", "predicate": "synonym", "object": "clarifai/main/ai_dxSG2s86"},
        ],
        "models": {
            "mapper": {"model_type_id": "concept-synonym-mapper", "knowledge_graph_id": ""},
            "sure": thresholder("GREATER_THAN_OR_EQUAL", limits),
            "unsure": thresholder("LESS_THAN", limits),
            "accept": writer("ANNOTATION_SUCCESS"),
            "ask": writer("ANNOTATION_PENDING"),
        },
        "workflows": {
            "auto": {
                "nodes": [
                    {"id": "general", "model": GENERAL},
                    {"id": "mapper", "model": "mapper", "node_inputs": ["general"]},
                    *both_ways("mapper"),
                ]
            }
        },
    }
    return copy.deepcopy({**made, **sections})


def both_ways(source: str) -> list[dict[str, Any]]:
    """The path of the sure and the path of the others, behind ``source``."""
    return [
        {"id": "sure", "model": "sure", "node_inputs": [source]},
        {"id": "accept", "model": "accept", "node_inputs": ["sure"]},
        {"id": "unsure", "model": "unsure", "node_inputs": [source]},
        {"id": "ask", "model": "ask", "node_inputs": ["unsure"]},
    ]


def learned() -> Manifest:
    """A classifier of the app's own, trained on its labelled pictures."""
    made = scripted()
    del made["models"]["mapper"]
    made["models"]["custom"] = {
        "model_type_id": "embedding-classifier",
        "concepts": ["walker", "runner"],
        "base_embed_model": EMBEDDER,
        "concepts_mutually_exclusive": False,
    }
    made["workflows"]["auto"]["nodes"] = [
        {"id": "embed", "model": EMBEDDER},
        {"id": "custom", "model": "custom", "node_inputs": ["embed"]},
        *both_ways("custom"),
    ]
    return made


def thresholder(comparator: str, thresholds: Mapping[str, float]) -> Manifest:
    return {
        "model_type_id": "concept-threshold",
        "concept_threshold_type": comparator,
        "thresholds": dict(thresholds),
    }


def writer(status: str) -> Manifest:
    return {
        "model_type_id": "annotation-writer",
        "annotation_status": status,
        "annotation_user_id": "me",
    }


def limited(manifest: Manifest, walker: float, runner: float) -> Manifest:
    """The same with other thresholds, on both paths."""
    changed = copy.deepcopy(manifest)
    for name in ("sure", "unsure"):
        changed["models"][name]["thresholds"] = {"walker": walker, "runner": runner}
    return changed


def with_floor() -> Manifest:
    """Another model and another node between the unsure and the question."""
    changed = scripted()
    limits = {"walker": 0.3, "runner": 0.3}
    changed["models"]["plausible"] = thresholder("GREATER_THAN_OR_EQUAL", limits)
    nodes = changed["workflows"]["auto"]["nodes"]
    nodes[-1]["node_inputs"] = ["plausible"]
    nodes.append({"id": "plausible", "model": "plausible", "node_inputs": ["unsure"]})
    return changed


def retrained() -> Manifest:
    """Another specification of the classifier, and thresholds to go with it."""
    changed = limited(learned(), 0.4, 0.4)
    changed["models"]["custom"]["concepts_mutually_exclusive"] = True
    return changed


def renamed() -> Manifest:
    """One model and one workflow under other names."""
    changed = scripted(
        moved=[
            {"from": "model.sure", "to": "model.certain"},
            {"from": "workflow.auto", "to": "workflow.main"},
        ]
    )
    changed["models"]["certain"] = changed["models"].pop("sure")
    changed["workflows"]["main"] = changed["workflows"].pop("auto")
    changed["app"]["default_workflow"] = "main"
    for node in changed["workflows"]["main"]["nodes"]:
        node["model"] = "certain" if node["model"] == "sure" else node["model"]
    return changed


def two() -> Manifest:
    """A second workflow, which accepts all that is plausible; the first one runs."""
    made = scripted()
    made["models"]["lenient"] = thresholder("GREATER_THAN", {"walker": 0.2, "runner": 0.2})
    made["workflows"]["night"] = {
        "nodes": [
            *made["workflows"]["auto"]["nodes"][:2],
            {"id": "lenient", "model": "lenient", "node_inputs": ["mapper"]},
            {"id": "accept", "model": "accept", "node_inputs": ["lenient"]},
        ]
    }
    return made


def at_night(manifest: Manifest) -> Manifest:
    """The same with the second workflow as the default."""
    changed = copy.deepcopy(manifest)
    changed["app"]["default_workflow"] = "night"
    return changed


def pruned() -> Manifest:
    """What is left once the second workflow runs and the first one is gone."""
    changed = at_night(two())
    del changed["workflows"]["auto"]
    for name in ("sure", "unsure", "ask"):
        del changed["models"][name]
    return changed


def related() -> Manifest:
    """Another public concept counts as a walker: there are no versions of relations."""
    changed = scripted()
    changed["concept_relations"][0]["object"] = "clarifai/main/ai_VPmHr5bm"
    return changed


SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "create all": Scenario((), scripted()),
        "change thresholds": Scenario((scripted(),), limited(scripted(), 0.4, 0.2)),
        "revert thresholds": Scenario(
            (scripted(), limited(scripted(), 0.4, 0.2)),
            scripted(),
        ),
        "change the graph": Scenario((scripted(),), with_floor()),
        "retrain": Scenario((learned(),), retrained(), learned=True),
        "rename": Scenario((scripted(),), renamed()),
        "swap the default workflow": Scenario((two(),), at_night(two())),
        "swap and change the old one": Scenario((two(),), at_night(limited(two(), 0.4, 0.2))),
        "prune": Scenario((two(),), pruned(), Options(prune=True)),
        "destroy": Scenario((scripted(),), scripted(), Options(destroy=True)),
        "change relations": Scenario(
            (scripted(),),
            related(),
            Options(prune=True),
            at_once=True,
        ),
    }
)

SCORES: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "https://images.example/sure.jpg": {
            "ai_l8TKp2h5": 0.97, "ai_dxSG2s86": 0.92, "ai_VPmHr5bm": 0.35,
        },
        "https://images.example/between.jpg": {
            "ai_l8TKp2h5": 0.6, "ai_dxSG2s86": 0.5, "ai_VPmHr5bm": 0.93,
        },
        "https://images.example/faint.jpg": {
            "ai_l8TKp2h5": 0.25, "ai_dxSG2s86": 0.22, "ai_VPmHr5bm": 0.1,
        },
    }
)  # fmt: skip
"""What public recognition says of the pictures that are added: both paths, and below the floor."""

SHADES = (30, 120, 205)
"""The pictures that are added where a classifier of the app's own looks at them."""
