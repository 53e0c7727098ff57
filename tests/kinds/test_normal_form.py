"""Many spellings, one normal form: what a manifest writes and what the platform answers."""

from __future__ import annotations

from typing import Any

import pytest
from manifest_text import SCOPE, TARGET, declared, only

from reconciler import registry
from reconciler.address import Address
from reconciler.kind import Scope, editable_app
from reconciler.resource import External, Reference, Resource, same

KINDS = registry.load()


def thresholder(spelling: Any = "GREATER_THAN", values: str = "people: 0.95") -> Resource:
    return only(
        f"models: {{m: {{model_type_id: concept-threshold, concept_threshold_type: {spelling},"
        f" thresholds: {{{values}}}}}}}",
        "model",
    )


def configuration(version: dict[str, Any], type_id: str) -> Any:
    """What the model kind reads from a live version."""
    kind: Any = KINDS["model"]
    model = Resource(
        Address("model", ("m",)),
        {"model_type_id": type_id},
        raw={"user_id": TARGET.user_id, "app_id": TARGET.app_id},
    )
    return kind.read_version({"id": "v", **version}, model, full=True).configuration


@pytest.mark.parametrize("spelling", ["GREATER_THAN", "1", "1.0", '"1"'])
def test_one_comparator_in_the_manifest(spelling: str) -> None:
    assert thresholder(spelling) == thresholder("GREATER_THAN")


@pytest.mark.parametrize("spelling", ["GREATER_THAN", 1, 1.0, "1"], ids=repr)
@pytest.mark.parametrize("value", [0.95, 0.949999988079071], ids=["decimal", "float32"])
def test_one_threshold_model_on_the_wire(spelling: Any, value: float) -> None:
    version = {
        "output_info": {
            "data": {"concepts": [{"id": "people", "name": "people", "value": value}]},
            "params": {"concept_threshold_type": spelling},
        }
    }
    assert configuration(version, "concept-threshold") == thresholder().configuration


def test_thresholds_are_float32_and_a_missing_one_is_1() -> None:
    stated = thresholder(values="b: 0.1, a: 0, c: 0.30000001").configuration
    assert stated is not None
    assert dict(stated["thresholds"]) == {"a": 0.0, "b": 0.1, "c": 0.3}
    version = {"output_info": {"data": {"concepts": [{"id": "a"}]}, "params": {}}}
    assert configuration(version, "concept-threshold")["thresholds"] == {"a": 1.0}


@pytest.mark.parametrize("type_id", ["concept-threshold", "concept-thresholder"])
def test_both_names_of_the_thresholder_are_one_type(type_id: str) -> None:
    text = (
        f"models: {{m: {{model_type_id: {type_id}, concept_threshold_type: 1,"
        " thresholds: {people: 0.95}}}"
    )
    assert only(text, "model") == thresholder()
    answer = {"id": "m", "model_type_id": type_id}
    (live,) = KINDS["model"].read(answer, TARGET)
    assert live.fields["model_type_id"] == "concept-threshold"


@pytest.mark.parametrize("status", ["ANNOTATION_PENDING", "24151", "24151.0", '"24151"'])
@pytest.mark.parametrize("author", ["me", "alice"])
def test_a_writer_is_known_by_status_and_real_author(status: str, author: str) -> None:
    text = (
        f"models: {{m: {{model_type_id: annotation-writer, annotation_status: {status},"
        f" annotation_user_id: {author}}}}}"
    )
    expected = {"annotation_status": "ANNOTATION_PENDING", "annotation_user_id": "alice"}
    assert only(text, "model").configuration == expected
    params = {"annotation_status": 24151.0, "annotation_user_id": "alice"}
    assert configuration({"output_info": {"params": params}}, "annotation-writer") == expected


def test_an_absent_graph_is_the_global_one() -> None:
    stated = only("models: {m: {model_type_id: concept-synonym-mapper}}", "model")
    for params in ({}, {"knowledge_graph_id": ""}):
        live = configuration({"output_info": {"params": params}}, "concept-synonym-mapper")
        assert live == stated.configuration == {"knowledge_graph_id": ""}


@pytest.mark.parametrize(
    "base",
    [
        {"id": "general-image-embedding", "user_id": "clarifai", "app_id": "main"},
        {"id": "bbb5f41425b8468d9b7a554ff10f8581"},
    ],
    ids=["readable", "hash"],
)
def test_a_classifier_names_its_embedder_one_way(base: dict[str, str]) -> None:
    text = """
    models:
      m:
        model_type_id: embedding-classifier
        concepts: [b, a]
        base_embed_model: clarifai/main/bbb5f41425b8468d9b7a554ff10f8581@v1
        concepts_mutually_exclusive: true
    """
    stated = only(text, "model")
    version = {
        "output_info": {
            "data": {"concepts": [{"id": "a"}, {"id": "b"}]},
            "params": {"max_concepts": 20.0, "min_value": 0.0},
            "output_config": {"concepts_mutually_exclusive": True},
        },
        "input_info": {"base_embed_model": {**base, "model_version": {"id": "v1"}}},
        "train_info": {"params": {"enrich_dataset": "Automatic"}},
    }
    live = configuration(version, "embedding-classifier")
    assert stated.configuration is not None
    assert same(stated.configuration, live, KINDS["model"].open_maps)
    assert live["base_embed_model"]["model"] == "clarifai/main/general-image-embedding"


def test_parameters_that_the_service_persists_are_no_difference() -> None:
    text = "models: {m: {model_type_id: random-sample, params: {keep_fraction: 1, deep: {a: 2}}}}"
    stated = only(text, "model").configuration
    params = {"keep_fraction": 1.0, "deep": {"a": 2.0, "b": 3.0}, "seed": 7.0}
    live = configuration({"output_info": {"params": params}}, "random-sample")
    assert stated is not None
    assert same(stated, live, KINDS["model"].open_maps)
    assert not same(stated, {**live, "params": {**params, "keep_fraction": 0.5}})


# --- workflows


def workflow(nodes: str, models: str = "", scope: Scope = SCOPE) -> Resource:
    return only(f"models: {{{models}}}\nworkflows: {{w: {{nodes: [{nodes}]}}}}", "workflow", scope)


MAPPER = "m: {model_type_id: concept-synonym-mapper}"
PUBLIC = "clarifai/main/general-image-recognition"
PIN = "aa7f35c01e0642fda5cf400f543e7c40"


@pytest.mark.parametrize(
    "model",
    [
        f"{PUBLIC}@{PIN}",
        f"clarifai/main/aaa03c23b3724a16a56b629203edc62c@{PIN}",
        f"{{model_id: general-image-recognition, user_id: clarifai, app_id: main,"
        f" model_version_id: {PIN}}}",
        f"{{model_id: aaa03c23b3724a16a56b629203edc62c, user_id: clarifai, app_id: main,"
        f" model_version_id: {PIN}}}",
    ],
)
def test_a_public_model_has_one_name(model: str) -> None:
    found = workflow(f"{{id: a, model: {model}}}")
    node = found.fields["nodes"]["a"]
    assert (node["model"], node["model_version_id"]) == (PUBLIC, PIN)
    assert found.references == ()
    assert [external.model for external in found.externals] == [PUBLIC]
    answer = {
        "id": "w",
        "nodes": [
            {
                "id": "a",
                "model": {
                    "id": "aaa03c23b3724a16a56b629203edc62c",
                    "user_id": "clarifai",
                    "app_id": "main",
                    "model_version": {"id": PIN},
                },
            }
        ],
    }
    (live,) = KINDS["workflow"].read(answer, TARGET)
    assert same(found.fields, live.fields)


@pytest.mark.parametrize(
    ("model", "version"),
    [
        ("m", ""),
        ("m@v", "v"),
        ("me/an-app/m", ""),
        ("alice/an-app/m@v", "v"),
        ("{model_id: m}", ""),
        ("{model_id: m, model_version_id: v}", "v"),
        ("{model_id: m, user_id: me, app_id: an-app}", ""),
        ("{model_id: m, app_id: an-app}", ""),
    ],
)
def test_a_model_of_the_manifest_is_referred_to_by_any_name(model: str, version: str) -> None:
    found = workflow(f"{{id: a, model: {model}}}", MAPPER)
    path = ("nodes", "a", "model_version_id")
    assert found.references == (Reference(path, Address("model", ("m",)), version, pins=True),)
    assert found.externals == ()
    assert found.fields["nodes"]["a"]["model"] == "m"


def test_the_long_form_alone_may_name_what_the_manifest_does_not_have() -> None:
    node = ("nodes", "a")
    external = External("m", "", (*node, "model"), (*node, "model_version_id"))
    assert workflow("{id: a, model: {model_id: m}}").externals == (external,)
    short = workflow("{id: a, model: m}")
    assert (short.externals, [str(r.to) for r in short.references]) == ((), ["model.m"])


def test_me_is_the_real_user_once_it_is_known() -> None:
    model = "{id: a, model: me/other/m@v}"
    assert workflow(model).fields["nodes"]["a"]["model"] == "alice/other/m"
    assert workflow(model, scope=Scope(TARGET)).fields["nodes"]["a"]["model"] == "me/other/m"


def test_nodes_and_edges_have_no_order() -> None:
    a, b = "{id: a, model: m}", "{id: b, model: m}"
    one = workflow(f"{a}, {b}, {{id: c, model: m, node_inputs: [a, b]}}", MAPPER)
    other = workflow(f"{{id: c, model: m, node_inputs: [{{node_id: b}}, a]}}, {b}, {a}", MAPPER)
    assert one.fields == other.fields


def test_an_override_is_concepts_by_id_and_enums_by_name() -> None:
    override = """{data: {concepts: [{id: b, value: 0.95}, {id: a}]},
                   params: {concept_threshold_type: 1, top: 2}}"""
    found = workflow(f"{{id: a, model: m, output_info_override: {override}}}", MAPPER)
    live = {
        "id": "w",
        "nodes": [
            {
                "id": "a",
                "model": {"id": "m"},
                "output_info_override": {
                    "data": {
                        "concepts": [
                            {"id": "a", "name": "a", "value": 1},
                            {"id": "b", "name": "b", "value": 0.949999988079071},
                        ]
                    },
                    "params": {"concept_threshold_type": "GREATER_THAN", "top": 2.0},
                },
            }
        ],
    }
    (read,) = KINDS["workflow"].read(live, TARGET)
    assert read.fields["nodes"] == found.fields["nodes"]


def test_absent_node_fields_are_their_defaults() -> None:
    found = workflow("{id: a, model: m}", MAPPER)
    live = {"id": "w", "nodes": [{"id": "a", "model": {"id": "m"}, "node_inputs": []}]}
    (read,) = KINDS["workflow"].read(live, TARGET)
    assert same(found.fields, read.fields)


# --- app, default workflow, relations


@pytest.mark.parametrize(
    ("stated", "workflow_id"),
    [
        ("w", "w"),
        ("me/an-app/w", "w"),
        ("alice/an-app/w", "w"),
        ("clarifai/main/Empty", "clarifai/main/Empty"),
        ("me/other/w", "alice/other/w"),
    ],
)
def test_the_default_workflow_has_one_name(stated: str, workflow_id: str) -> None:
    found = only(f"app: {{default_workflow: {stated}}}", "app.default_workflow")
    assert found.fields == {"workflow": workflow_id}
    assert [str(r.to) for r in found.references] == (
        [] if "/" in workflow_id else [f"workflow.{workflow_id}"]
    )


@pytest.mark.parametrize(
    ("app", "workflow_id"),
    [
        ({"default_workflow": {"id": "w", "user_id": "alice", "app_id": "an-app"}}, "w"),
        ({"default_workflow": {"id": "w"}}, "w"),
        ({"default_workflow_id": "w"}, "w"),
        ({"default_workflow_id": "Universal"}, "clarifai/main/Universal"),
        (
            {"default_workflow": {"id": "Empty", "user_id": "clarifai", "app_id": "main"}},
            "clarifai/main/Empty",
        ),
    ],
)
def test_both_fields_of_the_live_default_are_read(app: dict[str, Any], workflow_id: str) -> None:
    (found,) = KINDS["app.default_workflow"].read({"app": app}, TARGET)
    assert found.fields == {"workflow": workflow_id}


@pytest.mark.parametrize(
    ("shown", "sent"),
    [
        (
            {"id": "w", "user_id": "alice", "app_id": "an-app", "nodes": []},
            {"default_workflow": {"id": "w", "user_id": "alice", "app_id": "an-app"}},
        ),
        ({"id": "w"}, {"default_workflow": {"id": "w"}}),
        # which one an owner alone would make the default, nobody knows
        ({"user_id": "alice", "app_id": "an-app"}, {}),
        ({"id": ""}, {}),
        ({}, {}),
    ],
)
def test_a_default_workflow_is_sent_back_by_its_ids(
    shown: dict[str, Any], sent: dict[str, Any]
) -> None:
    app = {"id": "an-app", "created_at": "2026-01-01", "notes": "n", "default_workflow": shown}
    assert editable_app(app) == {"notes": "n", **sent}


@pytest.mark.parametrize("visibility", ["PRIVATE", "10", "10.0"])
def test_an_app_states_only_what_it_says(visibility: str) -> None:
    found = only(f"app: {{description: x, visibility: {visibility}}}", "app")
    assert found.fields == {"description": "x", "visibility": "PRIVATE"}


EDGE = "concept_relations: [{subject: %s, predicate: %s, object: %s}]"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "hypernym", "b"), ("b", "hyponym", "a")),
        (("a", "synonym", "b"), ("b", "synonym", "a")),
        (("a", "synonym", "me/an-app/b"), ("a", "synonym", "b")),
        (("a", "synonym", "alice/an-app/b"), ("b", "synonym", "me/an-app/a")),
    ],
)
def test_an_edge_is_the_same_from_both_ends(one: Any, other: Any) -> None:
    first, second = (only(EDGE % edge, "relation") for edge in (one, other))
    assert first.identity == second.identity


@pytest.mark.parametrize(
    "answer",
    [
        {
            "subject_concept": {"id": "a", "user_id": "alice", "app_id": "an-app"},
            "object_concept": {"id": "x", "user_id": "clarifai", "app_id": "main"},
            "predicate": "hyponym",
        },
        {
            "subject_concept": {"id": "x", "app_id": "main"},
            "object_concept": {"id": "a"},
            "predicate": "hypernym",
            "knowledge_graph_id": "",
        },
    ],
    ids=["as stated", "inverse, owner left out"],
)
def test_a_live_edge_is_told_from_the_apps_end(answer: dict[str, Any]) -> None:
    stated = only(EDGE % ("a", "hyponym", "clarifai/main/x"), "relation")
    (live,) = KINDS["relation"].read(answer, TARGET)
    assert (live.identity, live.address) == (stated.identity, stated.address)
    assert str(live.address) == 'relation.a.hyponym."clarifai/main/x"'


def test_a_graph_makes_another_edge() -> None:
    text = """
    concept_relations:
      - {subject: a, predicate: synonym, object: b}
      - {subject: a, predicate: synonym, object: b, knowledge_graph_id: g}
    """
    relations = [r for r in declared(text) if r.address.kind == "relation"]
    assert [str(r.address) for r in relations] == [
        "relation.a.synonym.b",
        "relation.a.synonym.b@g",
    ]
    assert len({r.identity for r in relations}) == 2


def test_public_objects_in_a_listing_are_not_the_apps() -> None:
    public = {"id": "x", "user_id": "clarifai", "app_id": "main", "model_type_id": "y", "nodes": []}
    for kind in ("concept", "model", "workflow"):
        assert list(KINDS[kind].read(public, TARGET)) == []
