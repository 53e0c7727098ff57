"""Models and workflows, really run over the platform's messages, against tables and routing's laws."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from clarifai_grpc.grpc.api import resources_pb2
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reconciler.routing.operators import Comparator, Relation
from reconciler.routing.scores import ConceptKey, Score, float32
from reconciler.routing.workflow import Mapper, Node, Source, Thresholder, Writer, route
from reconciler.sandbox import vision
from reconciler.sandbox.engine import (
    Media,
    ModelFailure,
    NodeOutput,
    RunContext,
    WriterEffect,
    compute,
    run_model,
    run_workflow,
)
from reconciler.sandbox.scores import Detection, Scores
from reconciler.sandbox.training import Example, train

PUBLIC = {"people": "ai_l8TKp2h5", "man": "ai_dxSG2s86", "adult": "ai_VPmHr5bm"}
THRESHOLDS = {"people": 0.5, "man": 0.5, "adult": 0.95}
SUCCESS, PENDING = 24150, 24151
MAIN = {"user_id": "clarifai", "app_id": "main"}


def png(levels: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(levels, dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


STRIPES = png(np.tile([[0, 0, 255, 255]], (16, 4)))
BARS = png(np.tile([[0, 0, 255, 255]], (16, 4)).T)


def model(type_id: str, id_: str = "m", *, status: int = 21100, **output_info: Any) -> Any:
    """A model of the app with one version; ``owner`` makes it someone else's."""
    owner = output_info.pop("owner", {"user_id": "me", "app_id": "app"})
    return ParseDict(
        {
            "id": id_,
            "model_type_id": type_id,
            **owner,
            "model_version": {
                "id": f"{id_}-v",
                "status": {"code": status},
                "output_info": output_info,
            },
        },
        resources_pb2.Model(),
    )


def thresholder(id_: str, comparator: Any, thresholds: Mapping[str, float], **params: Any) -> Any:
    return model(
        "concept-threshold",
        id_,
        data={"concepts": [{"id": name, "value": value} for name, value in thresholds.items()]},
        params={"concept_threshold_type": comparator, **params},
    )


def writer(id_: str, status: Any, user_id: str = "me", **params: Any) -> Any:
    return model(
        "annotation-writer",
        id_,
        params={"annotation_status": status, "annotation_user_id": user_id, **params},
    )


EMBED = model("visual-embedder", "general-image-embedding", owner=MAIN)
GENERAL = model("visual-classifier", "general-image-recognition", owner=MAIN)
CLUSTER = model("clusterer", "general-clusterering", owner=MAIN)
MAPPER = model("concept-synonym-mapper", "mapper")


def relations(graph: str) -> Sequence[Any]:
    """Stored as a manifest does: from the app's concept to the public one."""
    edges = [
        {
            "subject_concept": {"id": name, "name": name.title()},
            "object_concept": {"id": id_, "app_id": "main"},
        }
        for name, id_ in PUBLIC.items()
    ]
    return [
        ParseDict({**edge, "predicate": "synonym"}, resources_pb2.ConceptRelation())
        for edge in (edges if graph == "" else edges[:1])
    ]


@dataclass
class World:
    """The surroundings of a run: the models that exist and what was written."""

    models: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, bytes] = field(default_factory=dict)
    written: list[WriterEffect] = field(default_factory=list)

    def context(self, media: Media, **more: Any) -> RunContext:
        return RunContext(
            **{
                "media": media,
                "user_id": "me",
                "app_id": "app",
                "find_version": self.find_version,
                "relations": relations,
                "artifact": self.artifacts.__getitem__,
                "write": self.written.append,
                **more,
            }
        )

    def find_version(self, reference: Any) -> tuple[Any, Any]:
        found = self.models[reference.id]
        return found, found.model_version


def image(data: bytes | None = STRIPES, url: str = "") -> Media:
    return Media("image", data, url, hashlib.sha256(data).hexdigest() if data is not None else "")


def scripted(**by_name: float) -> Scores:
    """The same scores for the striped image, by the app's names or public ids."""
    concepts = {PUBLIC.get(name, name): value for name, value in by_name.items()}
    return Scores(
        "made up for a test",
        MappingProxyType({("", "sha256", hashlib.sha256(STRIPES).hexdigest()): concepts}),
    )


def workflow(*nodes: tuple[Any, ...] | dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A workflow of ``(node id, model, *input ids)``, and its models by id."""
    message, models = resources_pb2.Workflow(id="w"), {}
    for node in nodes:
        id_, used, *inputs = node
        models[used.id] = used
        message.nodes.add(
            id=id_,
            model=resources_pb2.Model(id=used.id),
            node_inputs=[resources_pb2.NodeInput(node_id=input_id) for input_id in inputs],
        )
    return message, models


def run(
    nodes: Sequence[tuple[Any, ...]], media: Media | None = None, **more: Any
) -> tuple[dict[str, NodeOutput], list[WriterEffect]]:
    message, models = workflow(*nodes)
    world = World(models)
    outputs = run_workflow(message, world.context(media or image(), **more))
    return {output.node_id: output for output in outputs}, world.written


def values(data: Any) -> dict[str, float]:
    return {concept.id: concept.value for concept in data.concepts}


def annotated(written: Sequence[WriterEffect]) -> set[tuple[int, str, str, float]]:
    return {
        (effect.annotation_status, effect.annotation_user_id, concept.id, concept.value)
        for effect in written
        for concept in effect.data.concepts
    }


def walkthrough(above: Any, below: Any, thresholds: Mapping[str, float] = THRESHOLDS) -> list[Any]:
    return [
        ("embed", EMBED),
        ("general", GENERAL),
        ("cluster", CLUSTER, "embed"),
        ("mapper", MAPPER, "general"),
        ("confident", thresholder("confident", above, thresholds), "mapper"),
        ("success", writer("success", "ANNOTATION_SUCCESS"), "confident"),
        ("doubtful", thresholder("doubtful", below, thresholds), "mapper"),
        ("pending", writer("pending", 24151.0), "doubtful"),
    ]


@pytest.mark.parametrize(
    ("name", "value", "strict", "tutorial"),
    [
        ("people", 0.97, SUCCESS, SUCCESS),
        ("man", 0.30, PENDING, PENDING),
        ("adult", 0.95, None, PENDING),
        ("adult", 0.9499, PENDING, PENDING),
        ("people", 0.5, None, PENDING),
        ("ai_HLmqFqBf", 0.99, None, None),
    ],
    ids=["above", "below", "exactly, not in binary", "just below", "exactly", "not of the app"],
)
def test_the_worked_example(
    name: str, value: float, strict: int | None, tutorial: int | None
) -> None:
    for pair, status in (((1, 3), strict), (("GREATER_THAN", 4.0), tutorial)):
        _, written = run(walkthrough(*pair), scores=scripted(**{name: value}))
        assert annotated(written) == (
            set() if status is None else {(status, "me", name, float32(value))}
        )
        assert len(written) == len(annotated(written))


SCORE = st.one_of(st.floats(0, 1), st.sampled_from([0.1, 0.5, 0.949999988079071, 0.95]))
NAMED = st.dictionaries(st.sampled_from(sorted(PUBLIC)), SCORE)


@given(
    predicted=NAMED,
    limits=NAMED,
    above=st.sampled_from(Comparator),
    below=st.sampled_from(Comparator),
)
def test_the_sandbox_writes_what_routing_says(
    predicted: dict[str, float], limits: dict[str, float], above: Comparator, below: Comparator
) -> None:
    _, written = run(
        [
            node
            for node in walkthrough(int(above), int(below), limits)
            if node[0] not in ("embed", "cluster")
        ],
        scores=scripted(**predicted),
    )
    edges = tuple(
        Relation(ConceptKey("me", "app", name), "synonym", ConceptKey("clarifai", "main", id_))
        for name, id_ in PUBLIC.items()
    )
    routed = route(
        [
            Node("general", Source()),
            Node("mapper", Mapper(edges, ("me", "app")), ("general",)),
            Node("confident", Thresholder(limits, above), ("mapper",)),
            Node("success", Writer(SUCCESS, "me"), ("confident",)),
            Node("doubtful", Thresholder(limits, below), ("mapper",)),
            Node("pending", Writer(PENDING, "me"), ("doubtful",)),
        ],
        {
            "general": [
                Score(ConceptKey("clarifai", "main", PUBLIC[name]), value)
                for name, value in predicted.items()
            ]
        },
    )
    assert annotated(written) == {
        (record.status, record.user_id, record.concept.id, float32(record.value))
        for record in routed
    }


def test_scripted_scores_come_as_a_prediction_of_the_public_app_and_say_what_they_are() -> None:
    outputs, _ = run(
        [("general", GENERAL)], scores=scripted(people=0.2, adult=0.95, ai_unknown=0.7)
    )
    assert MessageToDict(outputs["general"].data, preserving_proto_field_name=True) == {
        "concepts": [
            {"id": "ai_VPmHr5bm", "name": "adult", "value": 0.95, **MAIN},
            {"id": "ai_unknown", "name": "ai_unknown", "value": 0.7, **MAIN},
            {"id": "ai_l8TKp2h5", "name": "people", "value": 0.2, **MAIN},
        ]
    }
    assert outputs["general"].details == (
        "scripted scores, not a prediction; source: made up for a test"
    )


def test_an_image_without_a_script_has_no_concepts_and_says_so() -> None:
    outputs, written = run(walkthrough(1, 4), image(BARS), scores=scripted(people=0.9))
    assert values(outputs["general"].data) == {}
    assert outputs["general"].details == "no concepts: no scores are scripted for this image"
    assert written == []


def test_a_script_may_name_the_url_alone() -> None:
    scores = Scores(
        "test", MappingProxyType({("", "url", "https://example.org/a.jpg"): {"ai_a": 0.5}})
    )
    outputs, _ = run(
        [("embed", EMBED), ("general", GENERAL), ("cluster", CLUSTER, "embed")],
        image(None, "https://example.org/a.jpg"),
        scores=scores,
    )
    assert values(outputs["general"].data) == {"ai_a": 0.5}
    assert outputs["embed"].details == (
        "no embedding: the sandbox has the URL of this image, not its bytes"
    )
    assert outputs["cluster"].data == resources_pb2.Data()


def test_the_embedder_computes_the_vector_of_the_image() -> None:
    outputs, _ = run([("embed", EMBED)])
    (embedding,) = outputs["embed"].data.embeddings
    assert tuple(embedding.vector) == vision.embed(STRIPES)
    assert embedding.num_dimensions == 2200


def test_a_known_vector_is_not_computed_again() -> None:
    outputs, _ = run([("embed", EMBED)], image(b"no image"), embedding=lambda: (1.0, 2.0))
    assert list(outputs["embed"].data.embeddings[0].vector) == [1.0, 2.0]


def test_an_image_that_is_none_fails_with_the_node() -> None:
    with pytest.raises(ModelFailure) as caught:
        run([("embed", EMBED)], image(b"no image"))
    assert (caught.value.code, caught.value.details) == (
        30101,
        "node 'embed': visual-embedder 'general-image-embedding': "
        "the input cannot be read as an image (no known image format)",
    )


def test_clusters_are_the_same_every_time_and_differ_between_scenes() -> None:
    nodes = [("embed", EMBED), ("cluster", CLUSTER, "embed")]
    ids = [
        run(nodes, image(data))[0]["cluster"].data.clusters[0].id
        for data in (STRIPES, STRIPES, BARS)
    ]
    assert ids[0] == ids[1] != ids[2]


def test_a_clusterer_without_inputs_reads_the_image_as_in_the_published_walkthrough() -> None:
    outputs, _ = run([("embed", EMBED), ("wired", CLUSTER, "embed"), ("bare", CLUSTER)])
    assert outputs["bare"].data == outputs["wired"].data


@pytest.fixture(scope="module")
def classifier() -> tuple[Any, dict[str, bytes]]:
    examples = [
        Example(vision.embed(data), frozenset([name]))
        for name, picture in (("stripes", STRIPES), ("bars", BARS))
        for data in (picture, picture)
    ]
    trained = model(
        "embedding-classifier",
        "shapes",
        data={"concepts": [{"id": "bars", "name": "Bars"}, {"id": "stripes"}]},
    )
    return trained, {"shapes-v": train(examples, ["stripes", "bars"], mutually_exclusive=True)}


@pytest.mark.parametrize("wired", [True, False], ids=["behind the embedder", "on the image"])
@pytest.mark.parametrize(
    ("data", "best"), [(STRIPES, "stripes"), (BARS, "bars")], ids=["stripes", "bars"]
)
def test_a_trained_classifier_really_predicts(
    classifier: tuple[Any, dict[str, bytes]], data: bytes, best: str, wired: bool
) -> None:
    trained, artifacts = classifier
    nodes: list[tuple[Any, ...]] = [
        ("embed", EMBED),
        ("shapes", trained, *(["embed"] if wired else [])),
    ]
    outputs, _ = run(nodes, image(data), artifact=artifacts.__getitem__)
    concepts = outputs["shapes"].data.concepts
    assert concepts[0].id == best
    assert [round(one.value, 1) for one in concepts] == [1.0, 0.0]
    assert {(one.id, one.name, one.user_id, one.app_id) for one in concepts} == {
        ("bars", "Bars", "me", "app"),
        ("stripes", "stripes", "me", "app"),
    }


def test_a_vector_of_another_length_is_a_failed_prediction(
    classifier: tuple[Any, dict[str, bytes]],
) -> None:
    trained, artifacts = classifier
    with pytest.raises(ModelFailure) as caught:
        run([("shapes", trained)], artifact=artifacts.__getitem__, embedding=lambda: (1.0,))
    assert (caught.value.code, caught.value.details) == (
        21313,
        "node 'shapes': embedding-classifier 'shapes': the classifier was trained on vectors of "
        "length 2200, this one has 1",
    )


TEN = {f"c{number}": number / 10 for number in range(10)}


def predict(
    stored: Mapping[str, Any], override: Mapping[str, Any] | None = None, **concepts: float
) -> list[str]:
    """Ids that the public model predicts, configured so."""
    used = model("visual-classifier", "general-image-recognition", owner=MAIN, **stored)
    data = resources_pb2.Data(image=resources_pb2.Image(url="x"))
    ctx = World().context(image(), scores=scripted(**(concepts or TEN)))
    sent = None if override is None else ParseDict(dict(override), resources_pb2.OutputInfo())
    return [one.id for one in run_model(used, used.model_version, data, ctx, sent).concepts]


@pytest.mark.parametrize(
    ("stored", "override", "expected"),
    [
        ({}, None, ["c9", "c8", "c7", "c6", "c5", "c4", "c3", "c2", "c1", "c0"]),
        ({"params": {"max_concepts": 2}}, None, ["c9", "c8"]),
        ({"output_config": {"max_concepts": 2}}, None, ["c9", "c8"]),
        ({"params": {"min_value": 0.7}}, None, ["c9", "c8", "c7"]),
        ({"output_config": {"min_value": 0.7}}, None, ["c9", "c8", "c7"]),
        ({"params": {"select_concepts": [{"id": "c1"}, "c4"]}}, None, ["c4", "c1"]),
        ({"output_config": {"select_concepts": [{"name": "c1"}]}}, None, ["c1"]),
        ({"params": {"max_concepts": 2}}, {"params": {"max_concepts": 1}}, ["c9"]),
        (
            {"params": {"max_concepts": 2}},
            {"output_config": {"max_concepts": 3}},
            ["c9", "c8", "c7"],
        ),
        ({"params": {"max_concepts": 2}}, {"params": {"min_value": 0.9}}, ["c9"]),
        (
            {"output_config": {"select_concepts": [{"id": "c1"}]}},
            {"output_config": {"select_concepts": [{"id": "c2"}]}},
            ["c2"],
        ),
    ],
    ids=[
        "everything, best first",
        "most, by param",
        "most, by config",
        "least, inclusive in float32",
        "least, by config",
        "selected by param",
        "selected by name",
        "request before version",
        "request's config before version's param",
        "request and version together",
        "request's selection replaces",
    ],
)
def test_limits_of_a_prediction(
    stored: dict[str, Any], override: dict[str, Any] | None, expected: list[str]
) -> None:
    assert predict(stored, override) == expected


def test_twenty_concepts_unless_asked() -> None:
    many = {f"c{number:02}": 1 - number / 100 for number in range(30)}
    assert predict({}, **many) == sorted(many)[:20]


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"max_concepts": 0}, "max_concepts must be a whole number in (0, 200], not 0.0"),
        ({"max_concepts": 201}, "max_concepts must be a whole number in (0, 200], not 201.0"),
        ({"max_concepts": 2.5}, "max_concepts must be a whole number in (0, 200], not 2.5"),
        ({"max_concepts": True}, "max_concepts must be a whole number in (0, 200], not True"),
        ({"min_value": 1.01}, "min_value must be in [0, 1], not 1.01"),
        ({"min_value": "low"}, "min_value must be in [0, 1], not 'low'"),
        ({"select_concepts": "c1"}, "select_concepts must be a list, not 'c1'"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_limits_out_of_bounds(params: dict[str, Any], problem: str) -> None:
    with pytest.raises(ModelFailure) as caught:
        predict({"params": params})
    assert (caught.value.code, caught.value.details) == (
        21202,
        f"visual-classifier 'general-image-recognition': {problem}",
    )


def alone(used: Any, data: Mapping[str, Any], **more: Any) -> Any:
    ctx = World().context(more.pop("media", image()), **more)
    sent = ParseDict(dict(data), resources_pb2.Data())
    return compute(used, used.model_version, sent, ctx)


PREDICTED = {
    "concepts": [
        {"id": "people", "value": 0.97, "user_id": "me", "app_id": "app"},
        {"id": "crowd", "value": 0.6, "user_id": "me", "app_id": "app"},
        {"id": "man", "value": 0.3, "user_id": "me", "app_id": "app"},
    ]
}


@pytest.mark.parametrize(
    ("params", "default", "kept"),
    [
        ({}, True, ["people"]),
        ({}, False, ["people", "crowd"]),
        ({"filter_other_concepts": False}, True, ["people", "crowd"]),
        ({"filter_other_concepts": True}, False, ["people"]),
    ],
    ids=["switch drops", "switch passes", "model passes", "model drops"],
)
def test_concepts_without_a_threshold(
    params: dict[str, Any], default: bool, kept: list[str]
) -> None:
    used = thresholder("t", "GREATER_THAN", {"people": 0.5, "man": 0.5}, **params)
    result = alone(used, PREDICTED, filter_other_default=default)
    assert [concept.id for concept in result.data.concepts] == kept


def test_both_names_of_the_thresholder_run() -> None:
    used = thresholder("t", 1, {"people": 0.5})
    used.model_type_id = "concept-thresholder"
    assert values(alone(used, PREDICTED).data) == {"people": float32(0.97)}


def test_a_thresholder_right_behind_a_public_model_goes_by_the_id() -> None:
    used = thresholder("t", 1, {"ai_mFqxrph2": 0.5})
    public = {"concepts": [{"id": "ai_mFqxrph2", "value": 0.9, **MAIN}]}
    assert values(alone(used, public).data) == {"ai_mFqxrph2": float32(0.9)}


def test_a_threshold_for_another_owner_is_not_for_this_concept() -> None:
    used = thresholder("t", 1, {"people": 0.5})
    used.model_version.output_info.data.concepts[0].app_id = "other"
    assert values(alone(used, PREDICTED).data) == {}


@pytest.mark.parametrize("spelled", [None, 0, 6, "GREATER", True], ids=repr)
def test_a_thresholder_without_a_comparator_is_invalid(spelled: Any) -> None:
    with pytest.raises(ModelFailure) as caught:
        alone(thresholder("t", spelled, {}), PREDICTED)
    assert caught.value.code == 21202
    assert caught.value.details.startswith(
        "concept-threshold 't': concept_threshold_type must be one of GREATER_THAN, "
    )


@pytest.mark.parametrize(
    ("graph", "follow", "mapped"),
    [
        ("", False, {"people": 0.97, "man": 0.3}),
        ("small", False, {"people": 0.97}),
    ],
    ids=["the global graph", "a graph of its own"],
)
def test_the_mapper_reads_the_relations_of_its_graph(
    graph: str, follow: bool, mapped: dict[str, float]
) -> None:
    used = model("concept-synonym-mapper", params={"knowledge_graph_id": graph})
    concepts = [
        {"id": PUBLIC["man"], "value": 0.3, **MAIN},
        {"id": PUBLIC["people"], "value": 0.97, **MAIN},
        {"id": "ai_mFqxrph2", "value": 0.99, **MAIN},
    ]
    result = alone(used, {"concepts": concepts}, follow_hierarchy=follow)
    assert values(result.data) == {name: float32(value) for name, value in mapped.items()}
    first = result.data.concepts[0]
    assert (first.name, first.user_id, first.app_id) == ("People", "me", "app")


def test_hypernyms_are_followed_when_the_switch_says_so() -> None:
    edge = ParseDict(
        {
            "subject_concept": {"id": "person"},
            "object_concept": {"id": PUBLIC["man"], "app_id": "main"},
            "predicate": "hypernym",
        },
        resources_pb2.ConceptRelation(),
    )
    data = {"concepts": [{"id": PUBLIC["man"], "value": 0.3, **MAIN}]}
    found = [
        values(alone(MAPPER, data, relations=lambda _: [edge], follow_hierarchy=follow).data)
        for follow in (False, True)
    ]
    assert found == [{}, {"person": float32(0.3)}]


@pytest.mark.parametrize(
    ("spelled", "status"),
    [
        ("ANNOTATION_SUCCESS", 24150),
        (24151, 24151),
        ("24157", 24157),
        ("ANNOTATION_AWAITING_CONSENSUS_REVIEW", 24159),
    ],
    ids=str,
)
def test_what_a_writer_writes(spelled: Any, status: int) -> None:
    used = writer("w", spelled, "bob", annotation_info={"by": "rule"}, task_id="t1")
    effect = alone(used, PREDICTED).effect
    assert effect is not None
    assert (effect.annotation_status, effect.annotation_user_id) == (status, "bob")
    assert (dict(effect.annotation_info), effect.task_id) == ({"by": "rule"}, "t1")
    assert effect.data == ParseDict(PREDICTED, resources_pb2.Data())


@pytest.mark.parametrize("author", ["me", ""], ids=["me", "nobody"])
def test_a_writer_without_a_real_user_writes_as_the_owner(author: str) -> None:
    effect = alone(writer("w", 24150, author), PREDICTED).effect
    assert effect is not None and effect.annotation_user_id == "me"
    effect = alone(writer("w", 24150, author), PREDICTED, user_id="alice").effect
    assert effect is not None and effect.annotation_user_id == "alice"


@pytest.mark.parametrize(
    "data",
    [{}, {"image": {"url": "x"}}, {"embeddings": [{"vector": [1.0]}]}],
    ids=["nothing", "the image itself", "an embedding"],
)
def test_what_is_no_annotation_is_passed_on_and_not_written(data: dict[str, Any]) -> None:
    result = alone(writer("w", 24150), data)
    assert result.effect is None
    assert result.data == ParseDict(data, resources_pb2.Data())


def test_a_writer_passes_on_what_it_writes() -> None:
    outputs, written = run(
        [
            ("general", GENERAL),
            ("first", writer("first", 24150), "general"),
            ("second", writer("second", 24151), "first"),
        ],
        scores=scripted(people=0.9),
    )
    assert [effect.annotation_status for effect in written] == [24150, 24151]
    assert outputs["second"].data == outputs["general"].data


def test_nothing_is_written_where_writing_is_off() -> None:
    nodes = walkthrough(1, 4)
    outputs, written = run(nodes, scores=scripted(people=0.9), write=None)
    assert written == []
    assert values(outputs["success"].data) == {"people": float32(0.9)}


def test_nothing_is_written_if_any_node_fails() -> None:
    bad = thresholder("bad", None, {})
    message, models = workflow(
        ("general", GENERAL), ("write", writer("write", 24150), "general"), ("bad", bad, "general")
    )
    world = World(models)
    with pytest.raises(ModelFailure, match="node 'bad': concept-threshold 'bad'"):
        run_workflow(message, world.context(image(), scores=scripted(people=0.9)))
    assert world.written == []


def test_a_model_run_by_itself_writes_only_if_writing_is_on() -> None:
    used, world = writer("w", 24150), World()
    data = ParseDict(PREDICTED, resources_pb2.Data())
    run_model(used, used.model_version, data, world.context(image(), write=None))
    assert world.written == []
    run_model(used, used.model_version, data, world.context(image()))
    assert len(world.written) == 1


def test_outputs_come_in_the_order_of_the_workflow_where_that_is_possible() -> None:
    nodes = walkthrough(1, 4)
    outputs, written = run(nodes, scores=scripted(people=0.9, man=0.1))
    assert list(outputs) == [node[0] for node in nodes]
    backwards, written_backwards = run(nodes[::-1], scores=scripted(people=0.9, man=0.1))
    seen: set[str] = set()
    inputs = {node[0]: node[2:] for node in nodes}
    for id_ in backwards:
        assert seen.issuperset(inputs[id_])
        seen.add(id_)
    assert annotated(written) == annotated(written_backwards)
    assert {id_: output.data for id_, output in outputs.items()} == {
        id_: output.data for id_, output in backwards.items()
    }


@pytest.mark.parametrize(
    ("nodes", "stuck"),
    [
        ([("a", EMBED, "b"), ("b", CLUSTER, "a")], "'a', 'b'"),
        ([("a", EMBED), ("b", CLUSTER, "c")], "'b'"),
    ],
    ids=["cycle", "unknown node"],
)
def test_a_broken_graph_fails(nodes: list[tuple[Any, ...]], stuck: str) -> None:
    with pytest.raises(ModelFailure) as caught:
        run(nodes)
    assert (caught.value.code, caught.value.details) == (
        22107,
        f"nodes {stuck} read each other or a node that does not exist",
    )


def test_a_suppressed_node_runs_and_is_marked() -> None:
    message, models = workflow(("general", GENERAL), ("mapper", MAPPER, "general"))
    message.nodes[0].suppress_output = True
    outputs = run_workflow(message, World(models).context(image(), scores=scripted(people=0.9)))
    assert [(output.node_id, output.suppressed) for output in outputs] == [
        ("general", True),
        ("mapper", False),
    ]
    assert values(outputs[1].data) == {"people": float32(0.9)}


def test_an_override_changes_data_and_params_of_the_node_and_nothing_else() -> None:
    message, models = workflow(
        ("general", GENERAL), ("t", thresholder("t", 1, {"people": 0.99}, task="kept"), "general")
    )
    ParseDict(
        {"output_config": {"max_concepts": 1}, "message": "ignored"},
        message.nodes[0].output_info_override,
    )
    ParseDict(
        {
            "data": {"concepts": [{"id": PUBLIC["people"], "value": 0.5}]},
            "params": {"concept_threshold_type": 3},
        },
        message.nodes[1].output_info_override,
    )
    ctx = World(models).context(image(), scores=scripted(people=0.4, man=0.9))
    general, below = run_workflow(message, ctx)
    assert len(general.data.concepts) == 2
    assert values(below.data) == {PUBLIC["people"]: float32(0.4)}
    assert models["t"].model_version.output_info.data.concepts[0].id == "people"


FOUND = Scores(
    "test",
    MappingProxyType(
        {("", "sha256", hashlib.sha256(STRIPES).hexdigest()): {"ai_a": 0.9, "ai_b": 0.4}}
    ),
    MappingProxyType(
        {
            ("", "sha256", hashlib.sha256(STRIPES).hexdigest()): (
                Detection((0.0, 0.0, 0.5, 0.5), {"ai_a": 0.9, "ai_b": 0.4}),
            )
        }
    ),
)
DETECT = model("visual-detector", "face-detection", owner=MAIN)
NO_OVERRIDE: dict[str, Any] = {}
ONE_CONCEPT = {"concepts": [{"id": "ai_b", "value": 0.1}]}


def ids_in_regions(data: Any) -> list[list[str]]:
    return [[one.id for one in region.data.concepts] for region in data.regions]


@pytest.mark.parametrize(
    ("nodes", "override", "show", "before", "after"),
    [
        (
            [("n", GENERAL)],
            {"params": {"max_concepts": 1}},
            values,
            {"ai_a": float32(0.9), "ai_b": float32(0.4)},
            {"ai_a": float32(0.9)},
        ),
        (
            [("n", DETECT)],
            {"params": {"min_value": 0.5}},
            ids_in_regions,
            [["ai_a", "ai_b"]],
            [["ai_a"]],
        ),
        (
            [("g", GENERAL), ("n", thresholder("t", 1, {"ai_a": 0.5}), "g")],
            {"data": ONE_CONCEPT},
            values,
            {"ai_a": float32(0.9)},
            {"ai_b": float32(0.4)},
        ),
        (
            [("g", GENERAL), ("n", thresholder("t", 1, {"ai_a": 0.5, "ai_b": 0.5}), "g")],
            {"params": {"concept_threshold_type": "LESS_THAN"}},
            values,
            {"ai_a": float32(0.9)},
            {"ai_b": float32(0.4)},
        ),
        (
            [
                ("d", DETECT),
                (
                    "n",
                    model(
                        "region-thresholder",
                        data={"concepts": [{"id": "ai_a", "value": 0.5}]},
                        params={"concept_threshold_type": 1},
                    ),
                    "d",
                ),
            ],
            {"data": ONE_CONCEPT},
            ids_in_regions,
            [["ai_a"]],
            [["ai_b"]],
        ),
        (
            [("d", DETECT), ("n", model("image-crop", params={"margin": 1.0}), "d")],
            {"params": {"margin": 0.5}},
            lambda data: [region.data.image.image_info.width for region in data.regions],
            [8],
            [4],
        ),
        (
            [("g", GENERAL), ("n", model("random-sample", params={"keep_fraction": 1.0}), "g")],
            {"params": {"keep_fraction": 0}},
            lambda data: len(data.concepts),
            2,
            0,
        ),
    ],
    ids=[
        "classifier",
        "detector",
        "thresholds",
        "comparator",
        "region thresholds",
        "margin",
        "sample",
    ],
)
def test_every_model_runs_with_the_override_of_its_node(
    nodes: list[tuple[Any, ...]], override: Any, show: Any, before: Any, after: Any
) -> None:
    message, models = workflow(*nodes)
    shown = []
    for sent in (NO_OVERRIDE, override):
        message.nodes[-1].ClearField("output_info_override")
        ParseDict(sent, message.nodes[-1].output_info_override)
        outputs = run_workflow(message, World(models).context(image(), scores=FOUND))
        shown.append(show(outputs[-1].data))
    assert shown == [before, after]


@pytest.mark.parametrize(
    ("used", "override", "before", "after"),
    [
        (
            model("regex-based-classifier", data=ONE_CONCEPT, params={"regex": "cat"}),
            {"params": {"regex": "dog"}},
            "",
            "ai_b",
        ),
        (
            model("regex-based-classifier", data=ONE_CONCEPT, params={"regex": "dog"}),
            {"data": {"concepts": [{"id": "other"}]}},
            "ai_b",
            "other",
        ),
        (
            model("prompter", params={"prompt_template": "{data.text.raw}?"}),
            {"params": {"prompt_template": "{data.text.raw}!"}},
            "a dog?",
            "a dog!",
        ),
    ],
    ids=["expression", "its concepts", "template"],
)
def test_every_model_of_texts_runs_with_the_override_of_its_node(
    used: Any, override: Any, before: str, after: str
) -> None:
    message, models = workflow(("n", used))
    shown = []
    for sent in (NO_OVERRIDE, override):
        message.nodes[0].ClearField("output_info_override")
        ParseDict(sent, message.nodes[0].output_info_override)
        (output,) = run_workflow(message, World(models).context(Media("text", b"a dog")))
        shown.append(output.data.text.raw or "".join(one.id for one in output.data.concepts))
    assert shown == [before, after]


def test_a_writer_and_a_mapper_run_with_the_override_of_their_node() -> None:
    message, models = workflow(
        ("general", GENERAL), ("mapper", MAPPER, "general"), ("w", writer("w", 24150), "mapper")
    )
    ParseDict({"params": {"knowledge_graph_id": "small"}}, message.nodes[1].output_info_override)
    ParseDict(
        {"params": {"annotation_status": "ANNOTATION_PENDING", "annotation_user_id": "bob"}},
        message.nodes[2].output_info_override,
    )
    world = World(models)
    run_workflow(message, world.context(image(), scores=scripted(people=0.9, man=0.4)))
    assert annotated(world.written) == {(PENDING, "bob", "people", float32(0.9))}


@pytest.mark.parametrize("order", [1, -1], ids=["better first", "better last"])
def test_of_a_concept_that_comes_twice_the_greater_score_stays(order: int) -> None:
    digest = hashlib.sha256(STRIPES).hexdigest()
    scores = {
        ("general-image-recognition", "sha256", digest): {"ai_a": 0.9, "ai_b": 0.1},
        ("moderation-recognition", "sha256", digest): {"ai_a": 0.4, "ai_c": 0.95},
    }
    inputs = ("general", "moderation")[::order]
    _, written = run(
        [
            ("general", GENERAL),
            ("moderation", model("visual-classifier", "moderation-recognition", owner=MAIN)),
            ("write", writer("write", 24150), *inputs),
        ],
        scores=Scores("test", MappingProxyType(scores)),
    )
    (effect,) = written
    assert [(one.id, one.value) for one in effect.data.concepts] == [
        ("ai_c", float32(0.95)),
        ("ai_a", float32(0.9)),
        ("ai_b", float32(0.1)),
    ]


@pytest.mark.parametrize(
    ("used", "details"),
    [
        (
            model("visual-detector", "mine"),
            "visual-detector 'mine': the sandbox cannot train or run deep models; "
            "use an embedding-classifier",
        ),
        (
            model("keyword-filter-operator", "k"),
            "keyword-filter-operator 'k': the sandbox does not run models of this type",
        ),
        (
            model("visual-classifier", "deep"),
            "visual-classifier 'deep': the sandbox cannot train or run deep models; "
            "use an embedding-classifier",
        ),
        (
            model("visual-embedder", "mine"),
            "visual-embedder 'mine': the sandbox has only the public embedding model",
        ),
        (model("clusterer", "c"), "clusterer 'c': the sandbox has only the public clusterer"),
    ],
    ids=lambda value: value.model_type_id if not isinstance(value, str) else "",
)
def test_what_the_sandbox_does_not_run_it_says(used: Any, details: str) -> None:
    with pytest.raises(ModelFailure) as caught:
        run([("n", used)])
    assert (caught.value.code, caught.value.details) == (10040, f"node 'n': {details}")


def test_a_version_that_is_gone_fails_with_the_node() -> None:
    def gone(reference: Any) -> tuple[Any, Any]:
        raise ModelFailure(22002, f"model '{reference.id}' is gone")

    with pytest.raises(ModelFailure) as caught:
        run([("mapper", MAPPER)], find_version=gone)
    assert (caught.value.code, caught.value.details) == (
        22002,
        "node 'mapper': model 'mapper' is gone",
    )


@pytest.mark.parametrize("status", [21101, 21102, 21103, 21106, 0], ids=str)
def test_an_untrained_model_does_not_answer(status: int) -> None:
    used = model("embedding-classifier", "shapes", status=status)
    details = f"embedding-classifier 'shapes': version 'shapes-v' is not trained (status {status})"
    with pytest.raises(ModelFailure) as caught:
        alone(used, {"image": {}})
    assert (caught.value.code, caught.value.details) == (21102, details)
    with pytest.raises(ModelFailure) as caught:
        run([("n", used)])
    assert (caught.value.code, caught.value.details) == (22002, f"node 'n': {details}")


@pytest.mark.parametrize("kind", ["text", "video", "audio"])
def test_image_models_have_nothing_to_do_with_other_media(
    kind: Any, classifier: tuple[Any, dict[str, bytes]]
) -> None:
    trained, artifacts = classifier
    outputs, written = run(
        [*walkthrough(1, 4), ("shapes", trained, "embed"), ("bare", trained)],
        Media(kind, b"hello"),
        artifact=artifacts.__getitem__,
        scores=scripted(people=0.9),
    )
    assert {id_: output.data.ByteSize() for id_, output in outputs.items()} == dict.fromkeys(
        outputs, 0
    )
    assert written == []


def test_a_random_sample_keeps_its_fraction_and_repeats_with_its_seed() -> None:
    used = model("random-sample", params={"keep_fraction": 0.3})

    def kept(seed: int) -> list[bool]:
        ctx = World().context(image(), rng=Random(seed))
        data = ParseDict(PREDICTED, resources_pb2.Data())
        return [
            bool(run_model(used, used.model_version, data, ctx).ByteSize()) for _ in range(1000)
        ]

    assert kept(1) == kept(1) != kept(2)
    assert 250 < sum(kept(1)) < 350


@pytest.mark.parametrize(("fraction", "kept"), [(0, 0), (1, 200)], ids=["nothing", "everything"])
def test_the_ends_of_a_random_sample(fraction: int, kept: int) -> None:
    used = model("random-sample", params={"keep_fraction": fraction})
    assert sum(bool(alone(used, PREDICTED).data.ByteSize()) for _ in range(200)) == kept


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a cat sat", {"cat": 1.0, "pet": 1.0}), ("a dog sat", {}), ("", {})],
    ids=["match", "no match", "no text"],
)
def test_a_regular_expression_gives_its_concepts_to_a_text(
    text: str, expected: dict[str, float]
) -> None:
    used = model(
        "regex-based-classifier",
        params={"regex": r"\bcats?\b"},
        data={"concepts": [{"id": "cat"}, {"id": "pet"}]},
    )
    outputs, _ = run([("n", used)], Media("text", text.encode()))
    assert values(outputs["n"].data) == expected


def test_a_region_without_concepts_left_is_dropped() -> None:
    used = thresholder("t", 1, {"people": 0.5, "man": 0.5})
    used.model_type_id = "region-thresholder"
    box = {"region_info": {"bounding_box": {"top_row": 0.1}}}
    regions = {
        "regions": [
            {
                "id": "a",
                **box,
                "data": {"concepts": [{"id": "people", "value": 0.9}, {"id": "man", "value": 0.1}]},
            },
            {"id": "b", **box, "data": {"concepts": [{"id": "people", "value": 0.2}]}},
        ]
    }
    (region,) = alone(used, regions).data.regions
    assert (region.id, values(region.data)) == ("a", {"people": float32(0.9)})
    assert region.region_info.bounding_box.top_row == float32(0.1)


@pytest.mark.parametrize(
    ("used", "problem"),
    [
        (
            writer("w", "SUCCESS"),
            "annotation-writer 'w': annotation_status must be one of ANNOTATION_SUCCESS, ",
        ),
        (
            writer("w", 24150, annotation_info="text"),
            "annotation-writer 'w': annotation_info must be a JSON object, not 'text'",
        ),
        (
            model("random-sample", params={"keep_fraction": 2}),
            "random-sample 'm': keep_fraction must be in [0, 1], not 2.0",
        ),
        (model("random-sample"), "random-sample 'm': keep_fraction must be in [0, 1], not None"),
        (
            model("regex-based-classifier", params={"regex": "("}),
            "regex-based-classifier 'm': regex '(' is not one: ",
        ),
        (
            model("regex-based-classifier"),
            "regex-based-classifier 'm': regex must be a text, not None",
        ),
        (
            thresholder("t", 1, {}, filter_other_concepts="yes"),
            "concept-threshold 't': filter_other_concepts must be true or false, not 'yes'",
        ),
    ],
    ids=["status", "info", "fraction", "no fraction", "regex", "no regex", "filter"],
)
def test_a_senseless_configuration_is_named(used: Any, problem: str) -> None:
    with pytest.raises(ModelFailure) as caught:
        alone(used, PREDICTED)
    assert caught.value.code == 21202
    assert caught.value.details.startswith(problem)
