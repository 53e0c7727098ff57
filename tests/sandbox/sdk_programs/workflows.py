"""Models and workflows: from YAML, exported, patched, versioned, run."""

from pathlib import Path

import yaml
from clarifai.client.input import Inputs
from clarifai.client.user import User
from clarifai.client.workflow import Workflow
from clarifai_grpc.grpc.api import resources_pb2
from common import png, refusal, tell
from google.protobuf import struct_pb2

NODES = [
    {
        "id": "general",
        "model": {
            "model_id": "general-image-recognition",
            "user_id": "clarifai",
            "app_id": "main",
            "model_version_id": "aa7f35c01e0642fda5cf400f543e7c40",
        },
    },
    {
        "id": "mapper",
        "model": {
            "model_id": "from-yaml",
            "model_type_id": "concept-synonym-mapper",
            "description": "made by the SDK",
            "output_info": {"params": {"knowledge_graph_id": ""}},
        },
        "node_inputs": [{"node_id": "general"}],
    },
]


def written(name: str, workflow: str, nodes: list[object]) -> str:
    Path(name).write_text(yaml.safe_dump({"workflow": {"id": workflow, "nodes": nodes}}))
    return name


app = User().create_app("shop", base_workflow="Empty")
app.create_concepts(["people", "man"])

# --- models
params = struct_pb2.Struct()
params.update({"concept_threshold_type": "GREATER_THAN"})
thresholds = [
    resources_pb2.Concept(id="people", value=0.5),
    resources_pb2.Concept(id="man", value=0.0),
]
info = resources_pb2.OutputInfo(data=resources_pb2.Data(concepts=thresholds), params=params)
above = app.create_model("above", model_type_id="concept-threshold", description="d")
first = above.create_version(description="v1", output_info=info)
second = above.create_version(description="v2", output_info=info)
above_again = app.patch_model("above", action="merge", notes="n", visibility=10)
versions = {item.model_version.id: item.model_version for item in above.list_versions()}
kept = app.model("above", model_version={"id": first.model_version.id}).model_info
above.delete_version(second.model_version.id)

# --- workflows
workflow = app.create_workflow(written("w.yml", "labels", NODES), display=False)
once_more = app.create_workflow("w.yml", generate_new_id=True, display=False)
mapper = app.model("from-yaml")
app.patch_workflow(
    "labels", action="overwrite", config_filepath=written("s.yml", "labels", NODES[:1])
)
after = app.workflow("labels")
after.export("exported.yml")
exported = yaml.safe_load(Path("exported.yml").read_text())
exported["workflow"]["id"] = "copy"
Path("exported.yml").write_text(yaml.safe_dump(exported))
copy = app.create_workflow("exported.yml", display=False)

picture = png(3)
Path("a.png").write_bytes(picture)
own = Workflow(user_id="me", app_id="shop", workflow_id="labels", output_config={"max_concepts": 3})
predicted = workflow.predict_by_bytes(picture, "image")
tell(
    absent=refusal(lambda: app.model("nobody")),
    versions=sorted(item.description for item in versions.values()),
    states=sorted({item.status.code for item in versions.values()}),
    thresholds=[
        [item.id, item.value] for item in first.model_info.model_version.output_info.data.concepts
    ],
    kept=[kept.id, kept.model_version.id == first.model_version.id],
    left=len(list(above.list_versions())),
    patched=[above_again.id, app.model("above").model_info.notes],
    models=sorted(item.id for item in app.list_models()),
    by_type=[item.id for item in app.list_models({"model_type_id": "concept-synonym-mapper"})],
    mapper=[mapper.model_info.model_type_id, mapper.model_info.description],
    workflows=sorted(item.id.replace(once_more.id, "new") for item in app.list_workflows()),
    new_id=len(once_more.id),
    history=len(list(after.list_versions())),
    exported=exported["workflow"]["nodes"],
    copied=copy.id,
    outputs=[output.model.id for output in predicted.results[0].outputs],
    details=predicted.results[0].outputs[0].status.details,
    by_file=len(workflow.predict_by_filepath("a.png", "image").results),
    guessed=len(workflow.predict_by_bytes(picture).results),
    several=len(
        own.predict([Inputs.get_input_from_bytes("", image_bytes=png(n)) for n in range(3)]).results
    ),
    by_url=refusal(lambda: workflow.predict_by_url("http://127.0.0.1:9/x.png", "image")),
    unused=[
        app.delete_workflow("copy"),
        app.delete_model("above"),
        refusal(lambda: app.workflow("copy")),
    ],
)
