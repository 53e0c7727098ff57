"""A program of the official SDK, over gRPC: texts uploaded, a classifier trained, evaluated and asked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.sandbox.driving import Api

PROGRAM = """
import json, sys, time
from clarifai.client.model import Model
from clarifai.client.user import User

base, user = sys.argv[1:]
app = User(user_id=user, pat="x", base_url=base).create_app("texts", base_workflow="Text")
inputs = app.inputs()
words = {"sport": "goal match team league".split(), "food": "bread salt soup butter".split()}
texts = []
for number in range(20):
    label = ("sport", "food")[number % 2]
    raw = f"{words[label][number % 4]} {words[label][(number + 1) % 4]} {number}"
    texts.append(inputs.get_text_input(f"i{number}", raw_text=raw, labels=[label]))
inputs.upload_inputs(texts)
model = app.create_model("topics", model_type_id="embedding-classifier")
model.get_params()
model.update_params(concepts=["sport", "food"])

def until(done):
    deadline = time.monotonic() + 300
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit("it took too long")
        time.sleep(0.05)

def counted():
    return len([one for one in inputs.list_inputs() if one.status.code == 30000]) == 20

until(counted)
version = model.train()
until(lambda: model.training_status(version).code == 21100)
model = Model(
    user_id=user, app_id="texts", model_id="topics", model_version={"id": version}, pat="x", base_url=base
)
model.evaluate(eval_id="first")
until(lambda: model.list_evaluations()[0].status.code == 21300)
found = model.get_latest_eval(
    label_counts=True, test_set=True, binary_metrics=True, confusion_matrix=True
)
output = model.predict_by_bytes(b"the team won the league", input_type="text").outputs[0]
print("RESULT " + json.dumps({
    "id": found.id,
    "area": found.summary.macro_avg_roc_auc,
    "tested": len(found.test_set),
    "concepts": sorted(one.concept.id for one in found.binary_metrics),
    "matrix": len(found.confusion_matrix.matrix),
    "labels": {one.concept_name: one.count for one in found.label_counts.positive_label_counts},
    "best": output.data.concepts[0].id,
}))
"""


def test_the_sdk_trains_evaluates_and_asks_a_classifier_of_texts(
    start: Callable[..., Api], tmp_path: Path
) -> None:
    api = start(grpc_port=0)
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, api.sandbox.grpc_url, api.sandbox.user_id],
        cwd=tmp_path,  # the SDK keeps a file of parameters where it runs
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    (line,) = [line for line in ended.stdout.splitlines() if line.startswith("RESULT ")]
    assert json.loads(line.removeprefix("RESULT ")) == {
        "id": "first",
        "area": 1.0,
        "tested": 4,
        "concepts": ["food", "sport"],
        "matrix": 4,
        "labels": {"food": 10, "sport": 10},
        "best": "sport",
    }
