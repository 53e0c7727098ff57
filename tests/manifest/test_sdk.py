"""Workflow files of the official SDK are manifest documents as they stand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


def test_a_version_in_capitals_is_pinned_as_the_sdk_sends_it() -> None:
    node = nodes(read(SDK / "upper-case-version.yaml"))["detect"]
    assert node["model_version_id"] == "fe995da8cb73490f8556416ecf25cea3"


def test_quoted_ids_are_ids() -> None:
    graph = read(SDK / "quoted-ids.yaml")
    assert {id_: node["model"] for id_, node in nodes(graph).items()} == {
        "1e3": "clarifai/main/face-detection",
        "no": "12",
    }
    assert model(graph, "12").fields["description"] == "true"


def test_what_export_writes_pins_models_of_any_app() -> None:
    found = nodes(read(SDK / "exported-out-of-order.yaml"))
    assert found["greater-than"]["model"] == "alice/my-app/greater-than-model-id"
    assert found["write-success"]["node_inputs"] == ("greater-than",)


def test_a_document_beside_it_says_what_the_format_cannot() -> None:
    graph = read(SDK / "beside-a-manifest.yaml")
    default = graph.get(Address("app.default_workflow"))
    assert default is not None
    assert default.fields["workflow"] == "detect"


def test_the_corpus_is_worth_its_name() -> None:
    assert len(list(SDK.glob("*.yaml"))) >= 20


PINNED = {
    "model_id": "face-detection",
    "model_version_id": "fe995da8cb73490f8556416ecf25cea3",
    "user_id": "clarifai",
    "app_id": "main",
}
described = st.sampled_from(
    [
        {"model_type_id": "random-sample", "output_info": {"params": {"keep_fraction": 0.5}}},
        {"model_type_id": "input-filter", "description": "keeps what it likes"},
        {"model_type_id": "results-push"},
        {
            "model_type_id": "custom-code-operator",
            "output_info": {"params": {"operator_code": "x"}},
        },
        {
            "model_type_id": "annotation-writer",
            "output_info": {"params": {"annotation_status": 24151, "annotation_user_id": "me"}},
        },
    ]
)
ids = st.from_regex(r"[0-9A-Za-z]{1,5}([-_][0-9A-Za-z]{1,5}){0,3}", fullmatch=True)


@st.composite
def workflows(draw: st.DrawFn) -> dict[str, Any]:
    """What the SDK's schema accepts and the platform can run, nodes in an order it accepts too."""
    names = draw(st.lists(ids, min_size=1, max_size=8, unique=True))
    listed: list[dict[str, Any]] = []
    for position, name in enumerate(names):
        model = draw(st.just(PINNED) | st.builds(dict, described, model_id=st.just(f"m-{name}")))
        node: dict[str, Any] = {"id": name, "model": model}
        earlier = draw(st.lists(st.sampled_from(names[:position] or [""]), max_size=3, unique=True))
        if earlier and earlier != [""]:
            node["node_inputs"] = [{"node_id": source} for source in earlier]
        listed.append(node)
    return {"id": draw(ids), "nodes": listed}


@settings(deadline=None)
@given(workflow=workflows(), data=st.data())
def test_any_order_of_nodes_is_the_same_workflow(
    tmp_path_factory: pytest.TempPathFactory, workflow: dict[str, Any], data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    order = data.draw(st.permutations(workflow["nodes"]))
    graphs = []
    for listed in (workflow["nodes"], order):
        path.write_text(json.dumps({"workflow": {**workflow, "nodes": listed}}), "utf-8")
        graphs.append([(r.address, r.fields, r.configuration) for r in read(path)])
    assert graphs[0] == graphs[1]
    assert len(nodes(read(path))) == len(workflow["nodes"])


def node(model: str, more: str = "") -> str:
    return f"workflow:\n  id: w\n  nodes:\n    - {{id: a, model: {model}{more}}}\n"


HALF = "{model_id: half, model_type_id: random-sample}"
WRONG = {
    "a node that reads from nothing there is": (
        node(HALF, ", node_inputs: [{node_id: b}]"),
        "RC203",
        "4:",
    ),
    "a node that reads from itself": (
        node(HALF, ", node_inputs: [{node_id: a}]"),
        "RC204",
        "4:",
    ),
    "a source named twice": (
        node(HALF)
        + f"    - {{id: b, model: {HALF}, node_inputs: [{{node_id: a}}, {{node_id: a}}]}}\n",
        "RC105",
        "5:",
    ),
    "twenty-one nodes": (
        "workflow:\n  id: w\n  nodes:\n"
        + "".join(f"    - {{id: n{n}, model: {HALF}}}\n" for n in range(21)),
        "RC302",
        "",
    ),
    "a model without an id": (node("{model_type_id: random-sample}"), "RC103", "4:"),
    "a description without a type": (node("{model_id: m, description: x}"), "RC103", "4:33"),
    "an id that is none": (
        node(HALF).replace("id: w", "id: w--w"),
        "RC106",
        "2:7",
    ),
    "an id of 49 characters": (
        node("{model_id: " + "m" * 49 + ", model_type_id: random-sample}"),
        "RC106",
        "4:33",
    ),
    "a type that is misspelt": (node("{model_id: m, model_type_id: random-sampel}"), "RC104", "4:"),
    "parameters that are none": (
        node("{model_id: m, model_type_id: image-crop, output_info: {params: [1.3]}}"),
        "RC102",
        "4:85",
    ),
    "an output_info that is none": (
        node("{model_id: m, model_type_id: image-crop, output_info: 1.3}"),
        "RC102",
        "4:76",
    ),
    "thresholds where the format has no place for them": (
        node(
            "{model_id: m, model_type_id: concept-thresholder, output_info: {params: "
            "{concept_threshold_type: 1}, data: {concepts: []}}}"
        ),
        "RC101",
        "4:",
    ),
    "a key of the manifest's own form": (node(HALF, ", suppress_output: true"), "RC101", "4:"),
    "a model that does not fit behind another": (
        node("{model_id: m, model_type_id: concept-synonym-mapper}"),
        "RC208",
        "4:",
    ),
    "a workflow beside workflows": (
        node(HALF) + "workflows: {}\n",
        "RC107",
        "5:1",
    ),
    "an id that is a list": ("workflow:\n  id: [w]\n  nodes: []\n", "RC102", "2:7"),
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
    "a model without what its type needs": (node(HALF), "RC108", "4:"),
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
    assert re.search(rf"workflow\.yaml:{place}[0-9:]*: error {code}: ", told), told
