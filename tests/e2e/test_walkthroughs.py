"""The example manifests at work: applied, fed with images, their annotations held to routing.

``people`` is fed with photographs that scikit-image ships, whose scores are scripted; ``park`` is
trained on stand-ins: crops of scikit-image's textures, which show nobody in any park. What the
writers wrote is compared with ``reconciler.routing``, over nodes that this file reads from the YAML
by itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
import skimage.data
import yaml
from e2e.tool import MANIFESTS, Tool
from PIL import Image

from reconciler.routing.operators import Comparator, Relation
from reconciler.routing.scores import ConceptKey, Score, float32
from reconciler.routing.workflow import Mapper, Node, Operator, Pass, Source, Thresholder, Writer
from reconciler.routing.workflow import route as route_nodes
from reconciler.sandbox import Sandbox

USER = "sandbox-user"
PICTURES = Path(skimage.data.__file__).parent
SCORES = MANIFESTS / "_scores" / "people.yaml"
PEOPLE, PARK = MANIFESTS / "people", MANIFESTS / "park"
STATUS = {"success": 24150, "pending": 24151}

Writing = tuple[str, str, float]
"""Status word, concept, score."""


def read(folder: Path) -> Any:
    return yaml.safe_load((folder / "app.yaml").read_text("utf-8"))


def classifiers(folder: Path) -> list[str]:
    """The models that training makes: what ``--exclude`` leaves out while there are no labels."""
    models = read(folder)["models"].items()
    return [id_ for id_, model in models if model["model_type_id"] == "embedding-classifier"]


def without_classifiers(folder: Path) -> list[str]:
    return [part for id_ in classifiers(folder) for part in ("--exclude", f"model.{id_}")]


def routing_nodes(manifest: Any) -> tuple[Node, ...]:
    """The default workflow of a manifest as ``routing`` takes it."""
    app = (USER, manifest["app"]["id"])
    (workflow,) = manifest["workflows"].values()
    return tuple(
        Node(node["id"], _operator(node, manifest, app), tuple(node.get("node_inputs", ())))
        for node in workflow["nodes"]
    )


def _operator(node: Any, manifest: Any, app: tuple[str, str]) -> Operator:
    model = manifest["models"].get(node["model"])
    if model is None:
        return Source() if "image-recognition" in node["model"] else Pass()
    match model["model_type_id"]:
        case "embedding-classifier":
            return Source()
        case "concept-threshold":
            comparator = Comparator[model["concept_threshold_type"]]
            return Thresholder(model["thresholds"], comparator)
        case "annotation-writer":
            status = model["annotation_status"].removeprefix("ANNOTATION_").lower()
            return Writer(STATUS[status], model["annotation_user_id"])
        case "concept-synonym-mapper":
            return Mapper(tuple(_relation(r, app) for r in manifest["concept_relations"]), app)
    raise AssertionError(f"this file does not know the model type of {node['model']}")


def _relation(relation: Any, app: tuple[str, str]) -> Relation:
    to = ConceptKey(*relation["object"].split("/"))
    return Relation(ConceptKey(*app, relation["subject"]), relation["predicate"], to)


def routed(nodes: tuple[Node, ...], scores: list[Score]) -> set[Writing]:
    """What the writers should write for these scores of the one classifier."""
    (source,) = (node.id for node in nodes if isinstance(node.operator, Source))
    words = {number: word for word, number in STATUS.items()}
    return {
        (words[w.status], w.concept.id, float32(w.value))
        for w in route_nodes(nodes, {source: scores})
    }


def written(tool: Tool, manifest: Path) -> dict[str, set[Writing]]:
    """What the annotations hold, by input; each is the sandbox user's."""
    found: dict[str, set[Writing]] = {}
    for annotation in json.loads(tool.done("annotations", "list", manifest, "--format", "json")):
        assert annotation["user_id"] == USER
        of_input = found.setdefault(annotation["input_id"], set())
        for concept, value in annotation["concepts"].items():
            writing = (annotation["status"], concept, float32(value))
            assert writing not in of_input, f"written twice: {writing}"
            of_input.add(writing)
    return found


def input_id(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def post(sandbox: Sandbox, app: str, path: str, inputs: list[Any]) -> Any:
    """A prediction, asked for as any other client would."""
    answer = requests.post(
        f"{sandbox.base_url}/v2/users/me/apps/{app}/{path}",
        headers={"Authorization": f"Key {sandbox.token}"},
        json={"inputs": inputs},
        timeout=300,
    )
    assert answer.json()["status"]["code"] == 10000, answer.text
    return answer.json()


def writes(sandbox: Sandbox) -> list[str]:
    return [f"{r.method} {r.path}" for r in sandbox.requests() if r.method != "GET"]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(scores=SCORES) as running:
        yield running


@pytest.fixture
def tool(sandbox: Sandbox, tmp_path: Path) -> Tool:
    return Tool.on(sandbox, tmp_path)


# --- every example ------------------------------------------------------------------------------

EXAMPLES = sorted(path for path in MANIFESTS.iterdir() if path.name[0] not in "_.")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_planned_applied_and_then_settled(example: Path, tool: Tool) -> None:
    """What no labels are needed for; the trained ones are followed to their end below."""
    left_out = without_classifiers(example)
    plan = tool.folder / "plan.json"
    before = tool("plan", example, *left_out, "-o", plan, "--detailed-exitcode")
    assert before.status == 2, before.err
    tool.done("apply", plan)
    after = tool("plan", example, *left_out, "--detailed-exitcode")
    assert (after.status, after.out.split(".")[0]) == (0, "No changes"), after.out
    assert tool.done("apply", example, *left_out, "--auto-approve").startswith("No changes.")


# --- people: the public model, and a mapper to the app's own concepts -----------------------------

PHOTOGRAPHS: Mapping[str, set[Writing]] = {
    # adult has 0.95, which is its threshold: ">=" takes it; man has 0.03
    "astronaut.png": {("success", "people", 0.98), ("success", "adult", 0.95)},
    # the same threshold, missed by 0.02
    "camera.png": {
        ("success", "people", 0.97),
        ("success", "man", 0.91),
        ("pending", "adult", 0.93),
    },
    "coffee.png": set(),
    "chelsea.png": set(),
    # adult has 0.1, which is the floor; man has 0.06
    "rocket.jpg": {("pending", "people", 0.31), ("pending", "adult", 0.1)},
}


def photograph(name: str) -> bytes:
    return (PICTURES / name).read_bytes()


def expected_photographs() -> dict[str, set[Writing]]:
    """By input; an image without annotations does not turn up in the list."""
    return {
        input_id(photograph(name)): {(s, c, float32(v)) for s, c, v in wanted}
        for name, wanted in PHOTOGRAPHS.items()
        if wanted
    }


def test_the_table_of_photographs_is_what_routing_says() -> None:
    nodes = routing_nodes(read(PEOPLE))
    scripted = {
        entry["sha256"]: entry["concepts"]
        for entry in yaml.safe_load(SCORES.read_text("utf-8"))["images"]
    }
    told = {}
    for name in PHOTOGRAPHS:
        concepts = scripted.pop(hashlib.sha256(photograph(name)).hexdigest())
        scores = [Score(ConceptKey("clarifai", "main", id_), v) for id_, v in concepts.items()]
        told[input_id(photograph(name))] = routed(nodes, scores)
    assert {id_: wanted for id_, wanted in told.items() if wanted} == expected_photographs()
    assert not scripted, "scores for images that nobody looks at"


def test_people_are_labelled_where_sure_and_reviewed_where_not(
    sandbox: Sandbox, tool: Tool
) -> None:
    tool.done("apply", PEOPLE, "--auto-approve")
    photographs = [PICTURES / name for name in PHOTOGRAPHS]
    added = tool.done("inputs", "add", PEOPLE, *photographs, "--wait")
    assert added == "Inputs: 5 added, 0 already there.\nProcessed: 5 of 5.\n"
    assert written(tool, PEOPLE) == expected_photographs()

    by_status = {
        status: tool.done("annotations", "list", PEOPLE, "--status", status).splitlines()[-1]
        for status in STATUS
    }
    assert by_status == {
        "success": "2 annotations: 2 success.",
        "pending": "2 annotations: 2 pending.",
    }

    sandbox.clear_requests()
    assert tool("plan", PEOPLE, "--detailed-exitcode").status == 0
    assert tool.done("apply", PEOPLE, "--auto-approve").startswith("No changes.")
    again = tool.done("inputs", "add", PEOPLE, *photographs, "--wait")
    assert again == "Inputs: 0 added, 5 already there.\nProcessed: 5 of 5.\n"
    assert writes(sandbox) == []
    assert written(tool, PEOPLE) == expected_photographs()


def test_a_prediction_shows_what_would_be_written_and_writes_nothing(
    sandbox: Sandbox, tool: Tool
) -> None:
    tool.done("apply", PEOPLE, "--auto-approve")
    inputs = [
        {"data": {"image": {"base64": base64.b64encode(photograph(name)).decode()}}}
        for name in PHOTOGRAPHS
    ]
    app = read(PEOPLE)["app"]["id"]
    answer = post(sandbox, app, "workflows/auto-annotation/results", inputs)
    shown = {}
    for name, result in zip(PHOTOGRAPHS, answer["results"], strict=True):
        outputs = {output["model"]["id"]: output["data"] for output in result["outputs"]}
        shown[name] = {
            (status, concept["id"], float32(concept["value"]))
            for status in STATUS
            for concept in outputs[f"write-{status}-as-me"].get("concepts", ())
        }
    assert {input_id(photograph(name)): w for name, w in shown.items() if w} == (
        expected_photographs()
    )
    assert written(tool, PEOPLE) == {}


# --- park: a classifier of the app's own, trained on stand-ins --------------------------------------

SIDE = 96
TEXTURES = {
    "walker": "brick",
    "runner": "grass",
    "bike_rider": "gravel",
    "rollerblader": "text",
    "stroller": "coins",
}
"""The texture that stands in for each concept: the examples ship no pictures of a park."""


def crops(texture: str) -> list[Image.Image]:
    with Image.open(PICTURES / f"{texture}.png") as whole:
        grey = whole.convert("L")
    return [
        grey.crop((left, top, left + SIDE, top + SIDE))
        for top in range(0, grey.height - SIDE + 1, SIDE // 2)
        for left in range(0, grey.width - SIDE + 1, SIDE // 2)
    ]


def save_labelled_stand_ins(folder: Path) -> Path:
    """Eight crops of its texture for each concept, in a folder named after it."""
    for concept, texture in TEXTURES.items():
        (folder / concept).mkdir(parents=True)
        for number, crop in enumerate(crops(texture)[:8]):
            crop.save(folder / concept / f"stand-in-{texture}-{number}.png")
    return folder


def save_new_stand_ins(folder: Path) -> Path:
    """Crops that were not trained on, blends of two textures, and what looks like none."""
    folder.mkdir(parents=True)
    textures = list(TEXTURES.values())
    for at, texture in enumerate(textures):
        found = crops(texture)
        for number in (10, 12):
            found[number].save(folder / f"stand-in-{texture}-{number}.png")
        other = textures[(at + 1) % len(textures)]
        blend = Image.blend(found[11], crops(other)[11], 0.5)
        blend.save(folder / f"stand-in-{texture}-{other}.png")
    Image.new("L", (SIDE, SIDE), 128).save(folder / "stand-in-flat.png")
    with Image.open(PICTURES / "moon.png") as moon:
        moon.resize((SIDE, SIDE)).save(folder / "stand-in-moon.png")
    return folder


def predicted(sandbox: Sandbox, image: bytes) -> list[Score]:
    """What the trained classifier gives an input that the app holds."""
    app = read(PARK)["app"]["id"]
    answer = post(sandbox, app, "models/path-user/outputs", [{"id": input_id(image)}])
    (output,) = answer["outputs"]
    return [
        Score(ConceptKey(USER, app, concept["id"]), concept["value"])
        for concept in output["data"]["concepts"]
    ]


def test_the_park_is_trained_and_then_routes_by_its_thresholds(
    sandbox: Sandbox, tool: Tool
) -> None:
    labelled = save_labelled_stand_ins(tool.folder / "stand-ins")
    new = save_new_stand_ins(tool.folder / "stand-ins-new")
    first = tool.done("apply", PARK, "--auto-approve", *without_classifiers(PARK))
    assert (
        "Left out (--exclude): app.default_workflow, model.path-user, workflow.auto-annotation"
        in first.splitlines()
    )
    add = ("inputs", "add", PARK, labelled, "--concepts-from-folders", "--wait")
    assert tool.done(*add) == "Inputs: 40 added, 0 already there.\nProcessed: 40 of 40.\n"
    second = tool.done("apply", PARK, "--auto-approve")
    assert second.splitlines()[-2:] == [
        "Apply complete: 2 created, 1 trained, default workflow switched.",
        "Inputs after the switch: 40 processed.",
    ]
    assert written(tool, PARK) == {}, "labelled inputs came before the workflow"

    images = {path.name: path.read_bytes() for path in sorted(new.iterdir())}
    assert tool.done("inputs", "add", PARK, new, "--wait").endswith("Processed: 17 of 17.\n")
    nodes = routing_nodes(read(PARK))
    expected = {
        input_id(image): routed(nodes, predicted(sandbox, image)) for image in images.values()
    }
    assert written(tool, PARK) == {id_: wanted for id_, wanted in expected.items() if wanted}
    fates = {"+".join(sorted({w[0] for w in wanted})) for wanted in expected.values()}
    assert {"success", "pending", ""} <= fates, "a stand-in for each outcome is missing"

    sandbox.clear_requests()
    assert tool("plan", PARK, "--detailed-exitcode").status == 0
    assert tool.done("apply", PARK, "--auto-approve").startswith("No changes.")
    assert tool.done(*add) == "Inputs: 0 added, 40 already there.\nProcessed: 40 of 40.\n"
    assert writes(sandbox) == []


def test_without_labels_the_training_fails_alone_and_says_what_to_do(
    sandbox: Sandbox, tool: Tool
) -> None:
    ended = tool("apply", PARK, "--auto-approve", "--format", "json")
    assert ended.status == 1
    report = json.loads(ended.out)
    train = {"address": "model.path-user", "action": "train"}
    not_done = {
        o["address"]: (o["action"], o["status"], o.get("cause"))
        for o in report["outcomes"]
        if o["status"] != "done"
    }
    assert not_done == {
        "model.path-user": ("train", "failed", None),
        "workflow.auto-annotation": ("create", "skipped", train),
        "app.default_workflow": ("set_default", "skipped", train),
    }
    assert report["counts"]["done"] == 12, "app, 5 concepts, 6 models"
    (error,) = [o["error"] for o in report["outcomes"] if "error" in o]
    assert "Model training had no data (code 21110)" in error["message"]
    assert "inputs add" in error["hint"]

    again = tool("apply", PARK, "--auto-approve")
    assert again.status == 1
    assert "failed   train model.path-user" in again.out
    assert "1 failed, 2 skipped" in again.out

    labelled = save_labelled_stand_ins(tool.folder / "stand-ins")
    tool.done("inputs", "add", PARK, labelled, "--concepts-from-folders", "--wait")
    assert tool.done("apply", PARK, "--auto-approve").splitlines()[-2] == (
        "Apply complete: 1 created, 1 trained, default workflow switched."
    )
    assert tool("plan", PARK, "--detailed-exitcode").status == 0
