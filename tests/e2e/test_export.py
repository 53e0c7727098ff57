"""Adopting: an app made by hand becomes a manifest that changes nothing here and makes it elsewhere."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from clarifai_grpc.channel.clarifai_channel import ClarifaiChannel
from clarifai_grpc.grpc.api import resources_pb2 as r
from clarifai_grpc.grpc.api import service_pb2 as s
from clarifai_grpc.grpc.api import service_pb2_grpc
from clarifai_grpc.grpc.api.status import status_code_pb2
from e2e.conftest import Here
from e2e.tool import MANIFESTS, eventually, writes
from google.protobuf import struct_pb2

from reconciler.sandbox import Sandbox
from tests.sandbox.driving import Api, node, png, threshold_version
from tests.sandbox.test_every_switch import SERVERS, WRONG_TOGETHER

# The client reads a descriptor attribute that protobuf 6 warns of and protobuf 7 no longer has.
pytestmark = pytest.mark.filterwarnings("ignore:label.. is deprecated:DeprecationWarning")

GOLDEN = Path(__file__).parents[1] / "golden" / "export"
ODD = ["before 2023", *WRONG_TOGETHER]
EMBEDDING = ("general-image-embedding", "bb186755eda04f9cbb6fe32e816be104")


class Hand:
    """Somebody with the official client."""

    def __init__(self, sandbox: Sandbox, app: str) -> None:
        self.channel: Any = ClarifaiChannel.get_json_channel(sandbox.base_url)
        self.stub = service_pb2_grpc.V2Stub(self.channel)
        self.app = r.UserAppIDSet(user_id="me", app_id=app)
        self.metadata = (("authorization", f"Key {sandbox.token}"),)

    def __call__(self, method: str, request: Any) -> Any:
        """The answer of a request that succeeds."""
        request.user_app_id.CopyFrom(self.app)
        answer = getattr(self.stub, method)(request, metadata=self.metadata)
        assert answer.status.code == status_code_pb2.SUCCESS, answer.status
        return answer

    def model(self, id_: str, type_id: str, version: Any, **fields: Any) -> str:
        """A model with one version; its id."""
        model = r.Model(id=id_, model_type_id=type_id, **fields)
        self("PostModels", s.PostModelsRequest(models=[model]))
        return self.version(id_, version)

    def version(self, model: str, version: Any) -> str:
        """One more version of a model; its id."""
        request = s.PostModelVersionsRequest(model_id=model, model_versions=[version])
        return str(self("PostModelVersions", request).model.model_version.id)

    def downloaded(self, inputs: int) -> None:
        """Waits until all inputs went through the default workflow."""
        request = s.ListInputsRequest(page=1, per_page=100)

        def are_there() -> bool:
            found = [item.status.code for item in self("ListInputs", request).inputs]
            return found == [status_code_pb2.INPUT_DOWNLOAD_SUCCESS] * inputs

        eventually(are_there, "the inputs are downloaded")

    def trained(self, model: str, version: str) -> None:
        """Waits until a version is trained."""
        request = s.GetModelVersionRequest(model_id=model, version_id=version)
        busy = (status_code_pb2.MODEL_TRAINING, status_code_pb2.MODEL_QUEUED_FOR_TRAINING)

        def is_over() -> bool:
            return self("GetModelVersion", request).model_version.status.code not in busy

        eventually(is_over, "the training ended")
        status = self("GetModelVersion", request).model_version.status
        assert status.code == status_code_pb2.MODEL_TRAINED, status


def params(**values: Any) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(values)
    return made


def operator(*concepts: r.Concept, **values: Any) -> r.ModelVersion:
    """A version without training."""
    info = r.OutputInfo(params=params(**values))
    info.data.concepts.extend(concepts)
    return r.ModelVersion(output_info=info)


def reads(id_: str, model: str, version: str, *inputs: str, public: bool = False) -> r.WorkflowNode:
    """A node."""
    used = r.Model(id=model, model_version=r.ModelVersion(id=version))
    if public:
        used.user_id, used.app_id = "clarifai", "main"
    sources = [r.NodeInput(node_id=source) for source in inputs]
    return r.WorkflowNode(id=id_, model=used, node_inputs=sources)


def make_park(hand: Hand) -> None:
    """An app as somebody makes it in an afternoon: two labels, a classifier, two ways out of it."""
    app = r.App(id=hand.app.app_id, description="Who uses the path?", notes="# Path\n\nCamera 3.\n")
    hand.stub.PostApps(
        s.PostAppsRequest(user_app_id=r.UserAppIDSet(user_id="me"), apps=[app]),
        metadata=hand.metadata,
    )
    walker = r.Concept(id="walker", metadata=params(team="paths", since=2))
    hand(
        "PostConcepts",
        s.PostConceptsRequest(concepts=[walker, r.Concept(id="bike", name="bike rider")]),
    )
    person = r.Concept(id="ai_l8TKp2h5", app_id="main")
    edge = r.ConceptRelation(object_concept=person, predicate="hyponym")
    hand(
        "PostConceptRelations",
        s.PostConceptRelationsRequest(concept_id="walker", concept_relations=[edge]),
    )
    inputs = [
        r.Input(
            id=f"{id_}-{number}",
            data=r.Data(
                image=r.Image(base64=png(shade + number)),
                concepts=[r.Concept(id=id_, value=1)],
            ),
        )
        for id_, shade in (("walker", 0), ("bike", 200))
        for number in range(6)
    ]
    hand("PostInputs", s.PostInputsRequest(inputs=inputs))
    hand.downloaded(len(inputs))
    base = r.Model(
        id=EMBEDDING[0],
        user_id="clarifai",
        app_id="main",
        model_version=r.ModelVersion(id=EMBEDDING[1]),
    )
    learnt = operator(r.Concept(id="walker"), r.Concept(id="bike"))
    learnt.input_info.base_embed_model.CopyFrom(base)
    learnt.train_info.params.update({"enrich_dataset": "Disabled"})
    classifier = hand.model("who", "embedding-classifier", learnt)
    hand.trained("who", classifier)
    bounds = [r.Concept(id="walker", value=0.9), r.Concept(id="bike", value=1 / 3)]
    above = hand.model(
        "above",
        "concept-threshold",
        operator(*bounds, concept_threshold_type=2),
        description="Sure",
    )
    below = hand.model(
        "below", "concept-threshold", operator(*bounds, concept_threshold_type="LESS_THAN")
    )
    status = {"annotation_status": 24150, "annotation_user_id": "me"}
    success = hand.model("success", "annotation-writer", operator(**status))
    hand.model("crop", "image-crop", operator(margin=1.5), task="crops", use_cases=["faces"])
    hand.model("cut", "image-crop", operator())
    hand.model(
        "spam", "regex-based-classifier", operator(r.Concept(id="bike"), regex="^a: #b\\s*\n$")
    )
    nodes = [
        reads("written", "success", success, "sure"),
        reads("unsure", "below", below, "who"),
        reads("sure", "above", above, "who"),
        reads("who", "who", classifier, "embedding"),
        reads("embedding", *EMBEDDING, public=True),
    ]
    hand(
        "PostWorkflows",
        s.PostWorkflowsRequest(workflows=[r.Workflow(id="path", nodes=nodes)]),
    )
    switched = r.App(id=hand.app.app_id, default_workflow_id="path")
    hand("PatchApps", s.PatchAppsRequest(apps=[switched], action="overwrite"))


@pytest.fixture
def hand(platform: Sandbox) -> Iterator[Callable[[str], Hand]]:
    made: list[Hand] = []

    def begin(app: str) -> Hand:
        made.append(Hand(platform, app))
        return made[-1]

    yield begin
    for one in made:
        one.channel.session.close()


def same_as(text: str, name: str) -> None:
    """Whether a text is the golden one (``UPDATE_GOLDEN=1`` makes it so)."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


def test_an_app_made_by_hand_is_adopted(
    platform: Sandbox, here: Here, hand: Callable[[str], Hand]
) -> None:
    make_park(hand("by-hand"))
    text = here.done("export", "by-hand")
    same_as(text, "by-hand.yaml")
    ended = here("export", f"{platform.user_id}/by-hand", "-o", "made")
    assert (ended.status, ended.err) == (
        0,
        "written: made/_schema/manifest.schema.json\nwritten: made/app.yaml\n",
    )
    path = here.folder / "made" / "app.yaml"
    assert path.read_text("utf-8") == text

    assert here("validate", "made").status == 0
    assert here("fmt", "--check", "made").status == 0
    assert here.done("plan", "made").startswith("No changes.")
    platform.clear_requests()
    assert "Apply complete" not in here.done("apply", "made", "--auto-approve")
    assert writes(platform) == []

    path.write_text(text.replace("walker: 0.9", "walker: 0.8", 1), "utf-8")
    plan = json.loads(here.done("plan", "made", "--format", "json"))
    changed, followed = plan["operations"]
    assert (changed["address"], followed["address"]) == ("model.above", "workflow.path")
    assert changed["changes"] == [{"path": "thresholds.walker", "before": 0.9, "after": 0.8}]
    assert [change["path"] for change in followed["changes"]] == ["nodes.sure.model_version_id"]


def test_an_exported_app_can_be_made_elsewhere(
    platform: Sandbox, here: Here, hand: Callable[[str], Hand]
) -> None:
    make_park(hand("first"))
    text = here.done("export", "first")
    path = here.folder / "app.yaml"
    path.write_text(text.replace("id: first", "id: second"), "utf-8")
    # a classifier learns from labelled inputs, which are data and not part of a manifest
    assert here("apply", path, "--auto-approve").status == 1
    for id_, shade in (("walker", 0), ("bike", 200)):
        image = here.folder / f"{id_}.png"
        image.write_bytes(png(shade))
        here.done("inputs", "add", path, image, "--concept", id_)
    here.done("apply", path, "--auto-approve")
    assert here.done("plan", path).startswith("No changes.")
    again = here.done("export", "second")
    assert again == path.read_text("utf-8").replace(
        "    # live too, but no key of a manifest says it: task, use_cases\n", ""
    ).replace("  # live too, but no key of a manifest says it: task, use_cases\n", "")


@pytest.mark.parametrize("name", ["people", "staged"])
def test_a_walkthrough_comes_back(here: Here, name: str) -> None:
    here.done("apply", MANIFESTS / name, "--auto-approve")
    source = (MANIFESTS / name / "app.yaml").read_text("utf-8")
    app = source.split("\n  id: ")[1].split()[0]
    here.done("export", app, "-o", "back")
    assert here.done("plan", "back").startswith("No changes.")
    assert here("fmt", "--check", "back").status == 0


@pytest.mark.parametrize("server", SERVERS if os.environ.get("LONG") else ODD, ids=str)
def test_a_walkthrough_comes_back_from_any_server(here: Here, server: str) -> None:
    """Whatever the platform turns out to do; ``make test-long`` tries every switch."""
    with Sandbox(**SERVERS[server]) as sandbox:
        here.set(CLARIFAI_API_BASE=sandbox.base_url, CLARIFAI_PAT=sandbox.token)
        here.done("apply", MANIFESTS / "people", "--auto-approve")
        ended = here("export", "people-auto-annotation")
        assert (ended.status, ended.err) == (0, "")
        path = here.folder / "app.yaml"
        path.write_text(ended.out, "utf-8")
        assert here.done("plan", path).startswith("No changes.")
        path.write_text(ended.out.replace("id: people-auto-annotation", "id: other"), "utf-8")
        here.done("apply", path, "--auto-approve")
        assert here.done("export", "other") == path.read_text("utf-8")


def test_another_user_of_the_sandbox_is_named(here: Here) -> None:
    path = here.folder / "app.yaml"
    path.write_text("app: {id: theirs, user_id: bob}\nconcepts: [a]\n", "utf-8")
    here.done("apply", path, "--sandbox", "--auto-approve")
    here.done("export", "bob/theirs", "--sandbox", "-o", "made")
    text = (here.folder / "made" / "app.yaml").read_text("utf-8")
    assert "app:\n  id: theirs\n  user_id: bob\n" in text
    assert here.done("plan", "made", "--sandbox").startswith("No changes.")


def test_what_cannot_be_said_is_a_comment(platform: Sandbox, here: Here) -> None:
    api = Api(platform, "odd")
    api("POST", "/v2/users/me/apps", {"apps": [{"id": "odd", "sample_ms": 500}]})
    api.concepts("a", "b")
    thresholds = {"a": 0.5, "b": 0.25}
    first = api.thresholder("twice", "GREATER_THAN", **thresholds)
    second = api.version("twice", threshold_version("GREATER_THAN", a=0.75, b=0.25))
    gone = api.thresholder("gone", "GREATER_THAN", **thresholds)
    api("POST", "/models", {"model": {"id": "empty", "model_type_id": "annotation-writer"}})
    api("POST", "/models", {"model": {"id": "learner", "model_type_id": "embedding-classifier"}})
    api.model("noted", "concept-synonym-mapper", {"description": "first try", "metadata": {"k": 1}})
    general = node(
        "general", "general-image-recognition", "aa7f35c01e0642fda5cf400f543e7c40", public=True
    )
    nodes = [
        general,
        node("one", "twice", second, "general"),
        {**node("two", "twice", first, "general"), "suppress_output": True},
        node("three", "gone", gone, "general"),
    ]
    api("POST", "/workflows", {"workflows": [{"id": "flow", "nodes": nodes, "use_cases": ["x"]}]})
    other = [general, node("two", "twice", first, "general")]
    api("POST", "/workflows", {"workflows": [{"id": "other", "nodes": other}]})
    api("DELETE", f"/models/gone/versions/{gone}", {})
    api.session.close()

    ended = here("export", "odd", "-o", "odd")
    text = (here.folder / "odd" / "app.yaml").read_text("utf-8")
    for id_, name in ((first, "FIRST"), (second, "SECOND"), (gone, "GONE")):
        text = text.replace(id_, name)
    same_as(text, "odd.yaml")
    assert ended.status == 0
    assert here.done("plan", "odd").startswith("No changes.")


HOSTILE = {
    "yes": "no",
    "007": "1.50",
    "a: b #c": "- x",
    "狗": "\U0001f415\u2028",
    "{a, b}": "two\nlines\n",
    "null": "~",
    '"': "\\",
    "${A}": "plain",
    "value": "${A} costs $${1}",
}


def test_ids_and_names_that_yaml_would_misread(platform: Sandbox, here: Here) -> None:
    api = Api(platform, "hostile")
    api("POST", "/v2/users/me/apps", {"apps": [{"id": "hostile", "description": "a: b\n\n# c\n"}]})
    made = [{"id": id_, "name": name, "definition": name} for id_, name in HOSTILE.items()]
    api("POST", "/concepts", {"concepts": made})
    api.thresholder("1e5", 1, **dict.fromkeys([*HOSTILE][:-2], 0.1))
    api.thresholder("left", 1, **{"${A}": 0.1})
    api.session.close()
    ended = here("export", "hostile", "-o", "hostile")
    assert ended.status == 0
    assert [line for line in ended.err.splitlines() if "left out" in line] == [
        "model.left is left out: a variable stands in the key '${A}' (RC401)",
    ]
    plan = here.done("plan", "hostile")
    assert plan.startswith("No changes.")
    assert here("fmt", "--check", "hostile").status == 0


def test_a_thousand_concepts(platform: Sandbox, here: Here) -> None:
    api = Api(platform, "large")
    api("POST", "/v2/users/me/apps", {"apps": [{"id": "large"}]})
    ids = [f"c{number}" for number in range(1000)]
    for start in range(0, 1000, 100):
        api.concepts(*ids[start : start + 100])
    api.thresholder("all", 1, **dict.fromkeys(ids, 0.5))
    api.session.close()
    platform.clear_requests()
    text = here.done("export", "large")
    assert len(platform.requests()) <= 8
    lines = text.splitlines()
    assert "  - c999" in lines
    assert "      c999: 0.5" in lines
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a/b/c",), "'a/b/c' names no app"),
        (("nowhere",), "there is no app 'nowhere'"),
        (("bob/nowhere",), "there is no app 'nowhere' of user 'bob'"),
    ],
)
def test_an_app_that_is_not_there(here: Here, arguments: tuple[str, ...], said: str) -> None:
    ended = here("export", *arguments, "-o", "made")
    assert (ended.status, ended.out) == (1, "")
    assert said in ended.err
    assert not (here.folder / "made").exists()


def test_nothing_is_written_over_unasked(platform: Sandbox, here: Here) -> None:
    api = Api(platform, "kept")
    api("POST", "/v2/users/me/apps", {"apps": [{"id": "kept"}]})
    api.session.close()
    here.done("export", "kept", "-o", "made")
    path = here.folder / "made" / "app.yaml"
    text = path.read_text("utf-8")
    assert here("export", "kept", "-o", "made").err == "unchanged: made/app.yaml\n"
    path.write_text(text + "# mine\n", "utf-8")
    ended = here("export", "kept", "-o", "made")
    assert ended.status == 1
    assert "made/app.yaml is there already and says something else" in ended.err
    assert path.read_text("utf-8") == text + "# mine\n"
    here.done("export", "kept", "-o", "made", "--force")
    assert path.read_text("utf-8") == text
    (here.folder / "made" / "more.yaml").write_text("models: {}\n", "utf-8")
    ended = here("export", "kept", "-o", "made", "--force")
    assert ended.status == 1
    assert "holds other YAML files, such as more.yaml" in ended.err
