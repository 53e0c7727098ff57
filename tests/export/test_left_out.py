"""Live apps that no manifest made: what cannot be said is told, and the rest still plans empty."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from export.apps import GENERAL, KINDS, Apps

from reconciler.call import Target
from reconciler.cli.exporting import manifest_of
from reconciler.export.statements import Shape
from reconciler.manifest.desired import load
from reconciler.planning import live

GOLDEN = Path(__file__).parents[1] / "golden" / "export"
TRAINED, UNTRAINED = {"code": 21100}, {"code": 21102}


class Odd(Apps):
    """An app put together piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        none = {"id": "Empty", "user_id": "clarifai", "app_id": "main"}
        self.platform.apps["odd"] = {"id": "odd", "user_id": "alice", "default_workflow": none}

    def concept(self, id_: str, **fields: Any) -> None:
        self.platform.concepts[id_] = {"id": id_, "name": id_, "app_id": "odd", **fields}

    def model(self, id_: str, type_id: str, *versions: Any, **fields: Any) -> None:
        ids = {"id": id_, "app_id": "odd", "user_id": "alice", "model_type_id": type_id}
        self.platform.models[id_] = {**ids, **fields}
        self.platform.versions[id_] = {
            f"{id_}-{number}": {
                "id": f"{id_}-{number}",
                "created_at": f"2026-01-0{number}",
                "status": TRAINED,
                **version,
            }
            for number, version in enumerate(versions, 1)
        }

    def thresholder(self, id_: str, **fields: Any) -> None:
        self.model(id_, "concept-threshold", thresholds(2, a=0.5), **fields)

    def workflow(self, id_: str, *nodes: Any, **fields: Any) -> None:
        ids = {"id": id_, "app_id": "odd", "user_id": "alice", "history": []}
        self.platform.workflows[id_] = {**ids, "nodes": list(nodes), **fields}

    def relation(self, subject: str, predicate: str, object_: str) -> None:
        self.platform.relations["r"] = {
            "id": "r",
            "subject_concept": {"id": subject, "app_id": "odd", "user_id": "alice"},
            "predicate": predicate,
            "object_concept": {"id": object_, "app_id": "odd", "user_id": "alice"},
        }


def thresholds(comparator: Any, **values: float) -> Any:
    concepts = [{"id": id_, "value": value} for id_, value in values.items()]
    params = {"concept_threshold_type": comparator}
    return {"output_info": {"data": {"concepts": concepts}, "params": params}}


def node(id_: str, model: str, version: str, *inputs: str, **more: Any) -> Any:
    used = {"id": model, "app_id": "odd", "user_id": "alice", "model_version": {"id": version}}
    return {"id": id_, "model": used, "node_inputs": [{"node_id": n} for n in inputs], **more}


def general() -> Any:
    owner, app, model = GENERAL.partition("@")[0].split("/")
    used = {"id": model, "user_id": owner, "app_id": app}
    return {"id": "general", "model": {**used, "model_version": {"id": GENERAL.split("@")[1]}}}


def mark(owner: str, **more: Any) -> Any:
    return {"metadata": {"reconciler": {"owner": owner, "origin": "created", **more}, "kept": 1}}


def foreign_mark(app: Odd) -> None:
    app.platform.apps["odd"] |= mark("odd")
    app.concept("a", **mark("odd"))
    app.thresholder("t", **mark("bob"))
    app.workflow("w", general(), node("n", "t", "t-1", "general"), **mark("odd", protect=True))


def one_owner(app: Odd) -> None:
    app.concept("a", **mark("team"))
    app.thresholder("t", **mark("team", protect=True))


def refused_id(app: Odd) -> None:
    app.concept("a")
    app.thresholder("t.1")
    app.workflow("w.1", general(), node("n", "t.1", "t.1-1", "general"))
    app.workflow("w", general(), node("n", "t.1", "t.1-1", "general"))
    mine = {"id": "w.1", "user_id": "alice", "app_id": "odd"}
    app.platform.apps["odd"]["default_workflow"] = mine


def unreadable(app: Odd) -> None:
    app.concept("a")
    app.model("t", "concept-threshold", thresholds(77, a=0.5))
    app.model("u", "concept-threshold", thresholds(1))
    app.model("v", "concept-threshold", thresholds(1, b=0.5))
    stored = {"annotation_status": 24150, "annotation_user_id": "alice", "more": 7}
    app.model("w", "annotation-writer", {"output_info": {"params": stored}})


def unknown_predicate(app: Odd) -> None:
    app.concept("a")
    app.concept("b")
    app.relation("a", "antonym", "b")


def untrained(app: Odd) -> None:
    app.concept("a")
    concepts = {"concepts": [{"id": "a", "value": 0}]}
    params = {"max_concepts": 50, "min_value": 0, "select_concepts": []}
    info = {"output_info": {"data": concepts, "params": params}}
    app.model("learner", "embedding-classifier", {**info, "status": UNTRAINED})
    app.model("deep", "visual-classifier", {**info, "status": UNTRAINED})


def odd_nodes(app: Odd) -> None:
    app.concept("a")
    app.thresholder("t")
    override = {"output_config": {"max_concepts": 3}, "params": {"concept_threshold_type": 1}}
    app.workflow(
        "w",
        general(),
        node("b", "t", "t-1", "general", output_info_override=override),
        node("a", "hidden", "h-1", "general"),
        node("c", "t", "t-0", "general"),
    )


def region_thresholds(app: Odd) -> None:
    app.concept("a")
    app.concept("b")
    app.model("near", "region-thresholder", thresholds("GREATER_THAN", a=0.30000001192092896, b=1))


CASES = (
    foreign_mark,
    one_owner,
    refused_id,
    unreadable,
    unknown_predicate,
    untrained,
    odd_nodes,
    region_thresholds,
)


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_what_cannot_be_said_is_told(make: Callable[[Odd], None], tmp_path: Path) -> None:
    """Each golden file is what stands in the manifest (``UPDATE_GOLDEN=1`` writes them)."""
    app = Odd()
    make(app)
    made = manifest_of(app.platform, app.find("odd"), KINDS, Shape())
    golden = GOLDEN / f"{make.__name__.replace('_', '-')}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(made.text, "utf-8")
    assert made.text == golden.read_text("utf-8")
    path = tmp_path / "app.yaml"
    path.write_text(made.text, "utf-8")
    manifest = load(path, KINDS, default_app_id=None)
    scope = live.read_app(app.platform, KINDS, Target("me", "odd")).scope
    assert app.plan(manifest.build(KINDS, scope), "odd", manifest.owner).operations == ()
