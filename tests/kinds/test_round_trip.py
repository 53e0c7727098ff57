"""What a kind sends, kept as the platform keeps it and read again, is what was declared."""

from __future__ import annotations

import struct
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from manifest_text import SCOPE, TARGET, declared

from reconciler import registry
from reconciler.address import Address
from reconciler.call import Call, Listing
from reconciler.catalogue import ANNOTATION_STATUSES, COMPARATORS
from reconciler.conversation import Write
from reconciler.kind import Job
from reconciler.resource import Resource, same
from reconciler.values import Mark, thaw

KINDS = registry.load()
MARK = Mark("an-app")
KEPT_AS_DOUBLES = {"params", "metadata"}


def kept(value: Any, *, inside: bool = False) -> Any:
    """Data as the platform gives it back: doubles in a Struct, float32 scores, sorted concepts."""
    if isinstance(value, dict):
        found = {
            key: kept(item, inside=inside or key in KEPT_AS_DOUBLES) for key, item in value.items()
        }
        if not inside and isinstance(found.get("value"), float):
            (found["value"],) = struct.unpack("<f", struct.pack("<f", found["value"]))
        return found
    if isinstance(value, list):
        items = [kept(item, inside=inside) for item in value]
        return items if inside else sorted(items, key=lambda item: str(item.get("id")))
    return float(value) if inside and type(value) is int else value


def sent(conversation: Any, answers: dict[type, Any]) -> list[Call]:
    """The writes of a conversation in which nothing goes wrong."""
    calls: list[Call] = []
    answer: Any = None
    while True:
        try:
            request = conversation.send(answer)
        except StopIteration:
            return calls
        if isinstance(request, Write):
            calls.append(request.call)
        answer = answers.get(type(request))


def live(resource: Resource) -> Resource:
    """What the platform shows after the kind has created the resource."""
    kind: Any = KINDS[resource.address.kind]
    job = Job(TARGET, MARK, desired=resource)
    answers = {Write: {"id": "v1", "status": {"code": 21100}}, Call: {"app": {"id": "an-app"}}}
    calls = [(call.path, kept(thaw(call.body))) for call in sent(kind.create(job), answers)]
    path, body = calls[0]
    match resource.address.kind:
        case "app" | "app.default_workflow":
            answer = {"app": body["apps"][0]}
        case "relation":
            subject = resource.address.parts[0]
            answer = {"subject_concept": {"id": subject}, **body["concept_relations"][0]}
        case "model":
            answer = body["model"]
        case name:
            answer = body[f"{name}s"][0]
    assert path.startswith("/v2/users/alice/apps")
    (found,) = kind.read(answer, TARGET)
    if len(calls) > 1:
        version = {"id": "v1", "status": {"code": 21100}, **calls[1][1]["model_versions"][0]}
        read = kind.read_version(version, found, full=True)
        return Resource(found.address, found.fields, read.configuration, mark=found.mark)
    return found


def assert_survives(resource: Resource) -> None:
    kind: Any = KINDS[resource.address.kind]
    found = live(resource)
    assert found.identity == resource.identity
    assert same(resource.fields, found.fields, kind.open_maps)
    if resource.configuration is not None and not (
        resource.address.kind == "model" and kind.trains(resource)
    ):
        assert found.configuration is not None
        assert same(resource.configuration, found.configuration, kind.open_maps)


ids = st.sampled_from(["a", "b", "test.1", "é", "0"])
scores = st.floats(0, 1, width=64)
scalars = st.text(max_size=5) | st.integers(-5, 5) | st.booleans() | st.floats(-9, 9)
data = st.dictionaries(
    st.sampled_from(["x", "y", "concepts"]),
    scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.just("z"), scalars, max_size=1),
    max_size=3,
)
common = {
    "description": st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=9),
    "metadata": data,
    "visibility": st.sampled_from(["PRIVATE", 30, "50"]),
}
models = st.one_of(
    st.fixed_dictionaries(
        {
            "model_type_id": st.sampled_from(["concept-threshold", "concept-thresholder"]),
            "concept_threshold_type": st.sampled_from([*COMPARATORS.names, 1, 2.0, "3"]),
            "thresholds": st.dictionaries(ids, scores, min_size=1, max_size=4),
        },
        optional={**common, "filter_other_concepts": st.booleans()},
    ),
    st.fixed_dictionaries(
        {
            "model_type_id": st.just("annotation-writer"),
            "annotation_status": st.sampled_from(["ANNOTATION_SUCCESS", 24151, "24157"]),
            "annotation_user_id": st.sampled_from(["me", "bob"]),
        },
        optional={**common, "annotation_info": data, "task_id": st.sampled_from(["t1", "12e4"])},
    ),
    st.fixed_dictionaries(
        {"model_type_id": st.just("concept-synonym-mapper")},
        optional={**common, "knowledge_graph_id": st.sampled_from(["", "g"])},
    ),
    st.fixed_dictionaries(
        {"model_type_id": st.sampled_from(["random-sample", "hologram-projector"])},
        optional={
            **common,
            "concepts": st.lists(ids, unique=True, max_size=3),
            "params": data,
            "train_params": data,
            "input_params": data,
        },
    ),
)
nodes = st.fixed_dictionaries(
    {"model": st.sampled_from(["m", "m@v", "clarifai/main/face-detection@v", "me/other/x@v"])},
    optional={
        "suppress_output": st.booleans(),
        "output_info_override": st.fixed_dictionaries(
            {},
            optional={
                "data": st.fixed_dictionaries(
                    {
                        "concepts": st.lists(
                            st.fixed_dictionaries({"id": ids}, optional={"value": scores}),
                            unique_by=lambda c: str(c["id"]),
                            max_size=3,
                        )
                    }
                ),
                "params": st.fixed_dictionaries(
                    {},
                    optional={
                        "concept_threshold_type": st.sampled_from([1, "LESS_THAN"]),
                        "annotation_status": st.sampled_from([24150, "ANNOTATION_PENDING"]),
                        "top": st.integers(0, 9),
                    },
                ),
            },
        ),
    },
)


def read(section: str, content: Any) -> Resource:
    text = yaml.safe_dump({section: content})
    return next(r for r in declared(text) if r.source and r.source[0] == section)


@given(model=models)
@settings(max_examples=150, deadline=None)
def test_a_model_survives(model: dict[str, Any]) -> None:
    assert_survives(read("models", {"m": model}))


@given(
    graph=st.lists(nodes, min_size=1, max_size=4), more=st.fixed_dictionaries({}, optional=common)
)
@settings(max_examples=100, deadline=None)
def test_a_workflow_survives(graph: list[dict[str, Any]], more: dict[str, Any]) -> None:
    more.pop("visibility", None)
    chain = [
        {"id": f"n{i}", **node, "node_inputs": [f"n{i - 1}"] if i else []}
        for i, node in enumerate(graph)
    ]
    assert_survives(read("workflows", {"w": {"nodes": chain, **more}}))


@given(id_=ids, concept=st.fixed_dictionaries({}, optional={"metadata": data, "name": ids}))
@settings(max_examples=50, deadline=None)
def test_a_concept_survives(id_: str, concept: dict[str, Any]) -> None:
    assert_survives(read("concepts", {id_: concept}))


@given(app=st.fixed_dictionaries({}, optional={**common, "default_language": st.just("en")}))
@settings(max_examples=50, deadline=None)
def test_an_app_survives(app: dict[str, Any]) -> None:
    assert_survives(read("app", app))


@pytest.mark.parametrize("graph", ["", "g"])
@pytest.mark.parametrize("predicate", ["synonym", "hypernym", "hyponym"])
@pytest.mark.parametrize("object_", ["b", "clarifai/main/b", "bob/other/b"])
def test_a_relation_survives(predicate: str, object_: str, graph: str) -> None:
    edge = {"subject": "a", "predicate": predicate, "object": object_, "knowledge_graph_id": graph}
    assert_survives(read("concept_relations", [edge]))


@pytest.mark.parametrize("workflow", ["w", "clarifai/main/Empty"])
def test_a_default_workflow_survives(workflow: str) -> None:
    found = declared(f"app: {{default_workflow: {workflow}}}")
    resource = found.get(Address("app.default_workflow"))
    assert resource is not None
    assert_survives(resource)


@given(
    exclusive=st.none() | st.booleans(),
    base=st.sampled_from(["m", "m@v", "clarifai/main/general-image-embedding@v", "me/other/x"]),
    params=data,
)
@settings(max_examples=50, deadline=None)
def test_a_classifier_survives_on_the_wire(exclusive: Any, base: str, params: Any) -> None:
    spec: dict[str, Any] = {
        "model_type_id": "embedding-classifier",
        "concepts": ["b", "a"],
        "base_embed_model": base,
        "train_params": params,
    }
    if exclusive is not None:
        spec["concepts_mutually_exclusive"] = exclusive
    resource = read("models", {"c": spec})
    kind: Any = KINDS["model"]
    assert kind.trains(resource)
    job = Job(TARGET, MARK, desired=resource)
    answers = {
        Write: {"id": "v1", "status": {"code": 21103}},
        Call: {"model_version": {"id": "v1", "status": {"code": 21100}}},
    }
    (call,) = sent(kind.train(job), answers)
    version = {"id": "v1", **kept(thaw(call.body["model_versions"][0]))}
    model = Resource(
        resource.address,
        {"model_type_id": "embedding-classifier"},
        raw={"user_id": SCOPE.target.user_id, "app_id": SCOPE.target.app_id},
    )
    found = kind.read_version(version, model, full=True).configuration
    assert same(resource.configuration or {}, found, kind.open_maps)


def test_the_conversations_ask_for_nothing_that_is_not_known() -> None:
    """Listings are answered with nothing here: no create needs one when all goes well."""
    resource = read("concepts", {"a": {}})
    conversation = KINDS["concept"].create(Job(TARGET, MARK, desired=resource))
    assert not isinstance(next(conversation), Listing)


def test_every_status_and_comparator_has_a_number() -> None:
    for spelling in (ANNOTATION_STATUSES, COMPARATORS):
        assert all(spelling.name_of(spelling.number_of(name)) == name for name in spelling.names)
