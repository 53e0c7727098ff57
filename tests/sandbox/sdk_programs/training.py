"""A classifier of its own: labelled inputs in a dataset, trained, used, evaluated, searched by likeness."""

from pathlib import Path

import yaml
from clarifai.client.input import Inputs
from clarifai.client.user import User
from common import png, refusal, tell, until

app = User().create_app("school", base_workflow="Universal")
inputs = app.inputs()
dataset = app.create_dataset("shades", description="dark and light")

Path("dark").mkdir()
Path("light").mkdir()
for number in range(6):
    Path(f"dark/d{number}.png").write_bytes(png(5 + number))
    Path(f"light/l{number}.png").write_bytes(png(240 + number))
for folder in ("dark", "light"):
    dataset.upload_from_folder(folder, "image", labels=True)
inputs.upload_inputs([Inputs.get_input_from_bytes("apart", image_bytes=png(120))])
until(lambda: app.get_input_count() == 13)
version = dataset.create_version(description="all of them")
frozen = [item.version.id for item in dataset.list_versions()]

model = app.create_model("shade", model_type_id="embedding-classifier")
untrained = refusal(model.create_version)
params = model.get_params(save_to="params.yaml")
model.update_params(concepts=["dark", "light"], dataset_id="shades", dataset_version_id=frozen[0])
trained_id = model.train()
trained = app.model("shade", model_version={"id": trained_id})
until(lambda: trained.training_status(trained_id).code == 21100)


def likeliest(shade: int) -> str:
    concepts = trained.predict_by_bytes(png(shade), "image").outputs[0].data.concepts
    best: str = max(concepts, key=lambda concept: concept.value).id
    return best


trained.evaluate(dataset_id="shades", eval_id="exam")
until(lambda: trained.get_eval_by_id("exam").status.code == 21300)
exam = trained.get_eval_by_id("exam", binary_metrics=True, label_counts=True)
tell(
    dataset=[
        dataset.id,
        app.dataset("shades").dataset_info.description,
        version.version.id == frozen[0],
    ],
    in_dataset=len(list(dataset.list_inputs())),
    listed=[item.id for item in app.list_datasets()],
    untrained=untrained,
    params=sorted(params),
    saved=yaml.safe_load(Path("params.yaml").read_text())["train_params"],
    asked=model.get_param_info("enrich_dataset")["defaultValue"],
    trainable="embedding-classifier" in app.list_trainable_model_types(),
    likeliest=[likeliest(7), likeliest(243)],
    evaluated=[item.id for item in trained.list_evaluations()],
    measured=sorted(item.concept.id for item in exam.binary_metrics),
    auc=[round(item.roc_auc, 2) for item in exam.binary_metrics],
    alike=[
        sorted(hit.input.id for hit in page.hits)
        for page in app.search(top_k=6).query(ranks=[{"image_bytes": png(4)}])
    ],
    labelled=[
        sorted(hit.input.id for hit in page.hits)
        for page in app.search(top_k=20).query(
            filters=[{"concepts": [{"name": "light", "value": 1}]}]
        )
    ],
    exported=refusal(trained.export),
    patched=app.patch_dataset("shades", action="merge", notes="n").id,
    merged=[
        app.create_dataset("other").merge_dataset("shades"),
        len(list(app.dataset("other").list_inputs())),
    ],
    deleted=[
        dataset.delete_version(frozen[0]),
        app.delete_dataset("other"),
        trained.delete_version(trained_id),
        len(list(inputs.list_inputs())),
    ],
)
