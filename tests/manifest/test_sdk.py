"""Workflow files of the official SDK are manifest documents as they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler import registry
from reconciler.address import Address
from reconciler.call import Target
from reconciler.errors import ManifestError
from reconciler.kind import Scope
from reconciler.manifest.desired import load
from reconciler.report.diagnostics import render_text
from reconciler.resource import Resource, ResourceGraph

KINDS = registry.load()
SDK = Path(__file__).parents[1] / "cases" / "sdk"


def read(path: Path) -> ResourceGraph:
    manifest = load(path, KINDS, default_app_id="app")
    return manifest.build(KINDS, Scope(Target("alice", "app"), "alice"))


def text(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "workflow.yaml"
    path.write_text(content, "utf-8")
    return path


@pytest.mark.parametrize("path", sorted(SDK.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_file_of_the_corpus_loads(path: Path) -> None:
    graph = read(path)
    (workflow,) = [r for r in graph if r.address.kind == "workflow"]
    assert workflow.fields["nodes"]
    assert {ref.to for ref in workflow.references} <= set(graph.resources)


def nodes(graph: ResourceGraph) -> dict[str, Any]:
    (workflow,) = [r for r in graph if r.address.kind == "workflow"]
    return dict(workflow.fields["nodes"])


def model(graph: ResourceGraph, id_: str) -> Resource:
    found = graph.get(Address("model", (id_,)))
    assert found is not None
    return found


def test_inline_models_become_models_of_the_manifest() -> None:
    graph = read(SDK / "inline-models.yaml")
    crop = model(graph, "margin-130-image-crop")
    assert crop.fields["model_type_id"] == "image-crop"
    assert crop.fields["description"] == "Crops a little more than the face."
    assert crop.configuration == {"params": {"margin": 1.3}}
    writer = model(graph, "write-pending")
    assert writer.configuration == {
        "annotation_status": "ANNOTATION_PENDING",
        "annotation_user_id": "alice",
    }
    assert nodes(graph)["crop"]["model"] == "margin-130-image-crop"


def test_nodes_may_come_in_any_order() -> None:
    assert nodes(read(SDK / "any-order.yaml"))["crop"]["node_inputs"] == ("detect",)


def test_one_description_used_twice_is_one_model(tmp_path: Path) -> None:
    graph = read(SDK / "same-model-twice.yaml")
    assert [r.address.id for r in graph if r.address.kind == "model"] == ["half"]


WRONG = {
    "two nodes with one id": (
        """\
workflow:
  id: w
  nodes:
    - {id: a, model: {model_id: face-detection, user_id: clarifai, app_id: main, model_version_id: fe995da8cb73490f8556416ecf25cea3}}
    - {id: a, model: {model_id: face-detection, user_id: clarifai, app_id: main, model_version_id: fe995da8cb73490f8556416ecf25cea3}}
""",
        "RC105",
        "5:12",
    ),
    "two descriptions of one model": (
        """\
workflow:
  id: w
  nodes:
    - {id: a, model: {model_id: half, model_type_id: random-sample, output_info: {params: {keep_fraction: 0.5}}}}
    - {id: b, model: {model_id: half, model_type_id: random-sample, output_info: {params: {keep_fraction: 0.4}}}}
""",
        "RC105",
        "5:33",
    ),
    "a pinned model that is described": (
        """\
workflow:
  id: w
  nodes:
    - {id: a, model: {model_id: half, model_version_id: fe995da8cb73490f8556416ecf25cea3, model_type_id: random-sample}}
""",
        "RC107",
        "4:91",
    ),
    "an unknown key": ("workflow:\n  id: w\n  node: []\n", "RC101", "3:3"),
    "no id": ("workflow:\n  nodes: []\n", "RC103", "1:1"),
    "a thresholder without thresholds": (
        """\
workflow:
  id: w
  nodes:
    - {id: a, model: {model_id: t, model_type_id: concept-thresholder, output_info: {params: {concept_threshold_type: 1}}}}
""",
        "RC103",
        "4:33",
    ),
}


@pytest.mark.parametrize(("content", "code", "place"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_run_is_refused_at_its_place(
    tmp_path: Path, content: str, code: str, place: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        read(text(tmp_path, content))
    told = render_text(caught.value.diagnostics, {}, color=False)
    assert f"workflow.yaml:{place}: error {code}: " in told
