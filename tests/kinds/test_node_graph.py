"""What can be wrong with the nodes of a workflow."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifest_text import declared

from reconciler import registry
from reconciler.address import Address
from reconciler.catalogue import MODEL_TYPES

MODELS = """
models:
  mapper: {model_type_id: concept-synonym-mapper}
  sure: {model_type_id: concept-thresholder, concept_threshold_type: 1, thresholds: {a: 0.5}}
  regions: {model_type_id: region-thresholder}
  aggregate: {model_type_id: tiling-region-aggregator-operator}
  counter: {model_type_id: object-counter}
  crop: {model_type_id: image-crop}
  read: {model_type_id: tesseract-operator}
  join: {model_type_id: text-aggregation-operator}
  words: {model_type_id: text-classifier}
  sample: {model_type_id: random-sample, params: {keep_fraction: 0.5}}
  tracker: {model_type_id: byte-tracker}
  new: {model_type_id: hologram-projector}
  classifier: {model_type_id: embedding-classifier, concepts: [a]}
  write: {model_type_id: annotation-writer, annotation_status: 24150, annotation_user_id: me}
"""
PUBLIC = {
    "embed": "clarifai/main/general-image-embedding@v",
    "general": "clarifai/main/general-image-recognition@v",
    "detect": "clarifai/main/face-detection@v",
    "elsewhere": "bob/other/thing@v",
}


def problems(*nodes: str) -> list[tuple[str, tuple[str | int, ...], str]]:
    """Nodes written as ``id:model<input,input``; the model is left out where it is the id."""
    lines = []
    for node in nodes:
        head, _, inputs = node.partition("<")
        id_, _, model = head.partition(":")
        model = PUBLIC.get(model or id_, model or id_)
        lines.append(f"      - {{id: {id_}, model: {model}, node_inputs: [{inputs}]}}")
    graph = declared(MODELS + "workflows:\n  w:\n    nodes:\n" + "\n".join(lines))
    workflow = graph.get(Address("workflow", ("w",)))
    assert workflow is not None
    found = registry.load()["workflow"].check(workflow, graph, MODEL_TYPES)
    return [(problem.code, problem.at, problem.message) for problem in found]


@pytest.mark.parametrize(
    "nodes",
    [
        ["general", "mapper<general", "sure<mapper", "write<sure"],
        ["embed", "classifier<embed", "sure<classifier", "write<sure"],
        ["write", "sample", "embed<sample"],
        ["detect", "regions<detect", "write<regions"],
        ["detect", "aggregate<detect", "counter<aggregate"],
        ["detect", "crop<detect", "aggregate<crop"],
        ["read", "join<read", "words<join", "sure<words"],
        ["general", "sample<general", "sure<sample"],
        ["elsewhere", "sure<elsewhere", "counter<elsewhere"],
        ["new", "sure<new"],
        ["general", "embed", "sure<general,embed"],
        ["missing", "sure<missing"],
    ],
    ids=" ".join,
)
def test_a_sound_graph_is_silent(nodes: list[str]) -> None:
    assert problems(*nodes) == []
    assert problems(*reversed(nodes)) == []


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (
            ["embed", "sure<embed"],
            (
                "RC207",
                ("nodes", 1, "node_inputs"),
                "node 'sure' (concept-threshold) takes concepts, but 'embed' gives embeddings",
            ),
        ),
        (
            ["embed", "one:sample<embed", "two:sample<embed", "sure<one,two"],
            (
                "RC207",
                ("nodes", 3, "node_inputs"),
                "node 'sure' (concept-threshold) takes concepts, but 'one', 'two' give embeddings",
            ),
        ),
        (
            ["sample", "sure<sample"],
            (
                "RC207",
                ("nodes", 1, "node_inputs"),
                "node 'sure' (concept-threshold) takes concepts, but 'sample' gives nothing but the"
                " workflow's input",
            ),
        ),
        (
            ["classifier"],
            (
                "RC208",
                ("nodes", 0),
                "node 'classifier' (embedding-classifier) takes embeddings, but without node_inputs"
                " it gets only the workflow's input",
            ),
        ),
        (
            ["detect", "sure<detect"],
            (
                "RC207",
                ("nodes", 1, "node_inputs"),
                "node 'sure' (concept-threshold) takes concepts, but 'detect' gives"
                " regions[...].data.concepts, regions[...].region_info.bounding_box",
            ),
        ),
        (
            ["general", "counter<general"],
            (
                "RC207",
                ("nodes", 1, "node_inputs"),
                "node 'counter' (object-counter) takes regions[...].data.concepts, but 'general'"
                " gives concepts",
            ),
        ),
        (
            ["a:general", "a:general"],
            ("RC105", ("nodes", 1, "id"), "node 'a' is there twice"),
        ),
        (
            ["a:general", "b:sure<a,a"],
            ("RC105", ("nodes", 1, "node_inputs", 1), "node 'b' reads from 'a' twice"),
        ),
        (
            ["general", "b:sure<genral"],
            (
                "RC203",
                ("nodes", 1, "node_inputs", 0),
                "'genral' is no node of this workflow",
            ),
        ),
        (
            ["c:sure<b", "b:sure<a", "a:sure<c"],
            (
                "RC204",
                ("nodes", 2, "node_inputs"),
                "nodes feed each other in a circle: a -> b -> c -> a",
            ),
        ),
        (
            ["a:sure<a"],
            ("RC204", ("nodes", 0, "node_inputs"), "nodes feed each other in a circle: a -> a"),
        ),
    ],
    ids=lambda case: " ".join(case) if isinstance(case, list) else case[0],
)
def test_a_graph_that_cannot_run(nodes: list[str], expected: object) -> None:
    assert problems(*nodes) == [expected]


@given(order=st.permutations(["c:sure<b", "b:sure<a", "a:sure<c", "y:sure<x", "x:sure<y"]))
@settings(max_examples=30, deadline=None)
def test_cycles_are_told_alike_in_any_order(order: list[str]) -> None:
    assert [message for _, _, message in problems(*order)] == [
        "nodes feed each other in a circle: a -> b -> c -> a",
        "nodes feed each other in a circle: x -> y -> x",
    ]


@pytest.mark.parametrize(("count", "found"), [(20, 0), (21, 1)])
def test_a_workflow_has_at_most_20_nodes(count: int, found: int) -> None:
    told = problems(*(f"n{i}:general" for i in range(count)))
    assert [code for code, _, _ in told] == ["RC302"] * found


@given(
    edges=st.lists(st.lists(st.integers(0, 30), max_size=3, unique=True), min_size=1, max_size=20)
)
@settings(max_examples=50, deadline=None)
def test_edges_that_only_look_back_never_make_a_circle(edges: list[list[int]]) -> None:
    nodes = [
        f"n{i}:sample<" + ",".join(f"n{source}" for source in sources if source < i)
        for i, sources in enumerate(edges)
    ]
    assert problems(*nodes) == []
