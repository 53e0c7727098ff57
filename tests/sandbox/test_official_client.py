"""The platform's own client, unchanged, against the sandbox: over both of its channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from clarifai_grpc.channel.clarifai_channel import ClarifaiChannel
from clarifai_grpc.grpc.api import resources_pb2 as r
from clarifai_grpc.grpc.api import service_pb2 as s
from clarifai_grpc.grpc.api import service_pb2_grpc
from clarifai_grpc.grpc.api.status import status_code_pb2
from google.protobuf import struct_pb2

from tests.sandbox.driving import Api, png

# The client reads a descriptor attribute that protobuf 6 warns of and protobuf 7 no longer has.
pytestmark = pytest.mark.filterwarnings("ignore:label.. is deprecated:DeprecationWarning")

Code = status_code_pb2.StatusCode


@dataclass
class Client:
    """The official stub, with the token and the app put in."""

    stub: Any
    app: Any
    token: str

    def __call__(self, method: str, request: Any) -> Any:
        if not request.HasField("user_app_id"):
            request.user_app_id.CopyFrom(self.app)
        return getattr(self.stub, method)(
            request, metadata=(("authorization", f"Key {self.token}"),)
        )

    def ok(self, method: str, request: Any) -> Any:
        answer = self(method, request)
        assert answer.status.code == Code.SUCCESS, answer.status
        return answer


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    return start(grpc_port=0)


@pytest.fixture(params=["REST", "gRPC"])
def client(request: pytest.FixtureRequest, api: Api) -> Iterator[Client]:
    app = r.UserAppIDSet(user_id="me", app_id=api.app)
    # A stub reads answers as the channel made last does: no other one may come in between.
    if request.param == "REST":
        channel: Any = ClarifaiChannel.get_json_channel(api.sandbox.base_url)
        yield Client(service_pb2_grpc.V2Stub(channel), app, api.sandbox.token)
        channel.session.close()
    else:
        host, port = api.sandbox.grpc_url.removeprefix("http://").split(":")
        channel = ClarifaiChannel.get_insecure_grpc_channel(base=host, port=port)
        yield Client(service_pb2_grpc.V2Stub(channel), app, api.sandbox.token)
        channel.close()


def params(**values: Any) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(values)
    return made


def test_the_documented_channel_reaches_the_sandbox(api: Api) -> None:
    channel = ClarifaiChannel.get_json_channel(api.sandbox.base_url)
    try:
        stub = service_pb2_grpc.V2Stub(channel)
        answer = stub.ListApps(
            s.ListAppsRequest(user_app_id=r.UserAppIDSet(user_id="me")),
            metadata=(("authorization", "Key abc"),),
        )
        assert [app.id for app in answer.apps] == [api.app]
        assert answer.status.code == Code.SUCCESS
        assert answer.status.req_id.startswith("python-json-")
    finally:
        channel.session.close()


def test_a_concept_that_is_sent_with_value_zero_is_stored_as_a_concept(client: Client) -> None:
    """The client writes 0.0 for every value that nobody set."""
    made = client.ok("PostConcepts", s.PostConceptsRequest(concepts=[r.Concept(id="test_狗")]))
    assert (made.concepts[0].name, made.concepts[0].value) == ("test_狗", 1)
    found = client.ok("GetConcept", s.GetConceptRequest(concept_id="test_狗"))
    assert found.concept.id == "test_狗"


def test_a_duplicate_concept_says_so(client: Client) -> None:
    request = s.PostConceptsRequest(concepts=[r.Concept(id="dog")])
    client.ok("PostConcepts", request)
    again = client("PostConcepts", request)
    assert again.status.code == Code.CONCEPTS_INVALID_REQUEST
    assert "duplicate" in again.status.details
    assert list(again.concepts) == []


def test_concepts_are_patched_and_searched(client: Client) -> None:
    client.ok("PostConcepts", s.PostConceptsRequest(concepts=[r.Concept(id="c1", name="first")]))
    changed = client.ok(
        "PatchConcepts",
        s.PatchConceptsRequest(concepts=[r.Concept(id="c1", name="Other")], action="overwrite"),
    )
    assert changed.concepts[0].name == "Other"
    found = client.ok(
        "PostConceptsSearches",
        s.PostConceptsSearchesRequest(concept_query=r.ConceptQuery(name="oth*", language="en")),
    )
    assert [concept.id for concept in found.concepts] == ["c1"]


def test_a_public_concept_looks_absent_to_a_writer(client: Client) -> None:
    answer = client(
        "PatchConcepts",
        s.PatchConceptsRequest(
            concepts=[r.Concept(id="ai_98Xb0K3F", name="mine")],
            action="overwrite",
        ),
    )
    assert answer.status.code == Code.CONN_DOES_NOT_EXIST
    assert answer.status.description == "Resource does not exist"


def test_relations_are_seen_from_both_ends_and_deleted_from_either(client: Client) -> None:
    ids = ("honey", "food", "sugar")
    client.ok("PostConcepts", s.PostConceptsRequest(concepts=[r.Concept(id=id_) for id_ in ids]))
    client.ok(
        "PostConceptRelations",
        s.PostConceptRelationsRequest(
            concept_id="honey",
            concept_relations=[
                r.ConceptRelation(object_concept=r.Concept(id="food"), predicate="hyponym"),
                r.ConceptRelation(object_concept=r.Concept(id="sugar"), predicate="synonym"),
            ],
        ),
    )

    def seen(**query: str) -> list[tuple[str, str, str]]:
        answer = client.ok("ListConceptRelations", s.ListConceptRelationsRequest(**query))
        return [
            (item.subject_concept.id, item.predicate, item.object_concept.id)
            for item in answer.concept_relations
        ]

    assert seen(concept_id="honey") == [("honey", "hyponym", "food"), ("honey", "synonym", "sugar")]
    assert seen(concept_id="food") == [("food", "hypernym", "honey")]
    assert seen(concept_id="sugar", predicate="synonym") == [("sugar", "synonym", "honey")]
    assert seen() == [("honey", "hyponym", "food"), ("honey", "synonym", "sugar")]
    assert seen(predicate="hypernym") == [("food", "hypernym", "honey")]
    relation = client.ok(
        "ListConceptRelations", s.ListConceptRelationsRequest(concept_id="food")
    ).concept_relations[0]
    client.ok(
        "DeleteConceptRelations",
        s.DeleteConceptRelationsRequest(concept_id="food", ids=[relation.id]),
    )
    assert seen(concept_id="honey") == [("honey", "synonym", "sugar")]


@pytest.mark.parametrize("value", [0.0, 0.95, 1.0])
def test_a_threshold_survives_the_client_and_the_codec(client: Client, value: float) -> None:
    client.ok("PostConcepts", s.PostConceptsRequest(concepts=[r.Concept(id="people")]))
    client.ok(
        "PostModels",
        s.PostModelsRequest(models=[r.Model(id="above", model_type_id="concept-threshold")]),
    )
    info = r.OutputInfo(
        data=r.Data(concepts=[r.Concept(id="people", value=value)]),
        params=params(concept_threshold_type=1),
    )
    made = client.ok(
        "PostModelVersions",
        s.PostModelVersionsRequest(
            model_id="above", model_versions=[r.ModelVersion(output_info=info)]
        ),
    )
    version = made.model.model_version
    assert version.status.code == Code.MODEL_TRAINED
    found = client.ok("GetModelOutputInfo", s.GetModelRequest(model_id="above"))
    stored = found.model.model_version.output_info
    assert stored.data.concepts[0].value == pytest.approx(value)
    assert dict(stored.params) == {"concept_threshold_type": 1.0}
    one = client.ok("GetModel", s.GetModelRequest(model_id="above", version_id=version.id))
    assert one.model.model_version.id == version.id


def test_a_model_has_no_version_until_one_is_posted(client: Client) -> None:
    client.ok(
        "PostModels",
        s.PostModelsRequest(models=[r.Model(id="m", model_type_id="annotation-writer")]),
    )
    found = client.ok("GetModel", s.GetModelRequest(model_id="m"))
    assert not found.model.HasField("model_version")
    versions = client.ok("ListModelVersions", s.ListModelVersionsRequest(model_id="m"))
    assert list(versions.model_versions) == []


def workflow(client: Client) -> Any:
    model = r.Model(id="general-image-recognition", user_id="clarifai", app_id="main")
    graph = r.Workflow(id="mine", nodes=[r.WorkflowNode(id="general", model=model)])
    return client.ok("PostWorkflows", s.PostWorkflowsRequest(workflows=[graph])).workflows[0]


def test_workflows_are_posted_listed_patched_and_deleted(client: Client) -> None:
    made = workflow(client)
    assert made.nodes[0].model.model_version.id == "aa7f35c01e0642fda5cf400f543e7c40"
    listed = client.ok("ListWorkflows", s.ListWorkflowsRequest(page=1, per_page=1000))
    assert {item.id for item in listed.workflows if item.app_id == made.app_id} == {"mine"}
    made.nodes[0].suppress_output = True
    changed = client.ok(
        "PatchWorkflows", s.PatchWorkflowsRequest(workflows=[made], action="overwrite")
    ).workflows[0]
    assert changed.version.id != made.version.id
    versions = client.ok("ListWorkflowVersions", s.ListWorkflowVersionsRequest(workflow_id="mine"))
    assert [item.id for item in versions.workflow_versions] == [changed.version.id, made.version.id]
    client.ok("DeleteWorkflow", s.DeleteWorkflowRequest(workflow_id="mine"))
    gone = client("GetWorkflow", s.GetWorkflowRequest(workflow_id="mine"))
    assert gone.status.code == Code.CONN_DOES_NOT_EXIST


def test_inputs_are_added_listed_by_status_patched_and_deleted(client: Client, api: Api) -> None:
    client.ok("PostConcepts", s.PostConceptsRequest(concepts=[r.Concept(id="cat")]))
    image = r.Image(base64=png(1))
    labels = [r.Concept(id="cat", value=1)]
    posted = client.ok(
        "PostInputs",
        s.PostInputsRequest(inputs=[r.Input(id="i1", data=r.Data(image=image, concepts=labels))]),
    )
    assert posted.inputs[0].status.code == Code.INPUT_DOWNLOAD_PENDING
    api.sandbox.wait_idle()
    listed = client.ok(
        "ListInputs",
        s.ListInputsRequest(
            page=1, per_page=10, status=posted.inputs[0].status.__class__(code=30000)
        ),
    )
    assert [item.id for item in listed.inputs] == ["i1"]
    assert [concept.id for concept in listed.inputs[0].data.concepts] == ["cat"]
    dog = r.Data(concepts=[r.Concept(id="dog", value=1)])
    merged = client.ok(
        "PatchInputs", s.PatchInputsRequest(inputs=[r.Input(id="i1", data=dog)], action="merge")
    )
    assert [concept.id for concept in merged.inputs[0].data.concepts] == ["cat", "dog"]
    removed = client.ok(
        "PatchInputs", s.PatchInputsRequest(inputs=[r.Input(id="i1", data=dog)], action="remove")
    )
    assert [concept.id for concept in removed.inputs[0].data.concepts] == ["cat"]
    client.ok("DeleteInputs", s.DeleteInputsRequest(ids=["i1"]))
    gone = client("GetInput", s.GetInputRequest(input_id="i1"))
    assert gone.status.code == Code.CONN_DOES_NOT_EXIST


def test_annotations_are_posted_filtered_and_deleted_in_pairs(client: Client, api: Api) -> None:
    inputs = [r.Input(id=id_, data=r.Data(image=r.Image(base64=png(7)))) for id_ in ("i1", "i2")]
    client.ok("PostInputs", s.PostInputsRequest(inputs=inputs))
    made = client.ok(
        "PostAnnotations",
        s.PostAnnotationsRequest(
            annotations=[
                r.Annotation(input_id=id_, data=r.Data(concepts=[r.Concept(id="cat", value=1)]))
                for id_ in ("i1", "i2")
            ]
        ),
    ).annotations
    assert {item.status.code for item in made} == {Code.ANNOTATION_SUCCESS}
    listed = client.ok(
        "ListAnnotations", s.ListAnnotationsRequest(input_ids=["i1"], per_page=100)
    ).annotations
    assert [(item.input_level, len(item.data.concepts)) for item in listed] == [
        (True, 0),
        (False, 1),
    ]
    client.ok(
        "DeleteAnnotations",
        s.DeleteAnnotationsRequest(ids=[made[0].id, made[1].id], input_ids=["i1", "i2"]),
    )
    left = client.ok("ListAnnotations", s.ListAnnotationsRequest(per_page=100)).annotations
    assert {item.input_level for item in left} == {True}


def test_a_prediction_of_the_public_model_says_that_it_is_scripted(client: Client) -> None:
    answer = client(
        "PostModelOutputs",
        s.PostModelOutputsRequest(
            user_app_id=r.UserAppIDSet(user_id="clarifai", app_id="main"),
            model_id="aaa03c23b3724a16a56b629203edc62c",
            inputs=[r.Input(data=r.Data(image=r.Image(base64=png(3))))],
        ),
    )
    assert answer.status.code == Code.SUCCESS, answer.status
    output = answer.outputs[0]
    assert output.model.id == "general-image-recognition"
    assert list(output.data.concepts) == []
    assert "scripted" in output.status.details


@pytest.mark.parametrize(
    ("field", "value", "interval"),
    [
        ("max_concepts", 201, "(0, 200]"),
        ("max_concepts", 0, "(0, 200]"),
        ("min_value", 1.01, "[0, 1]"),
        ("min_value", -0.5, "[0, 1]"),
    ],
)
def test_prediction_bounds_are_checked(
    client: Client, field: str, value: float, interval: str
) -> None:
    info = r.OutputInfo(params=params(**{field: value}))
    answer = client(
        "PostModelOutputs",
        s.PostModelOutputsRequest(
            user_app_id=r.UserAppIDSet(user_id="clarifai", app_id="main"),
            model_id="general-image-recognition",
            model=r.Model(model_version=r.ModelVersion(output_info=info)),
            inputs=[r.Input(data=r.Data(image=r.Image(base64=png(3))))],
        ),
    )
    assert answer.status.code == Code.MODEL_INVALID_ARGUMENT
    assert interval in answer.status.details


def test_what_is_not_implemented_says_so(client: Client) -> None:
    answer = client("ListPipelines", s.ListPipelinesRequest())
    assert answer.status.code == Code.NOT_IMPLEMENTED
    assert answer.status.details == "the sandbox does not implement ListPipelines"


def test_an_unknown_token_is_refused_with_the_list_present(start: Callable[..., Api]) -> None:
    api = start(pat="right")
    answer = api.raw("GET", "/concepts", headers={"Authorization": "Key wrong"})
    assert answer.status_code == 401
    found = answer.json()
    assert (found["status"]["code"], found["concepts"]) == (11008, [])
