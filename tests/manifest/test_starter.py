"""``init``: manifests that stand as they are written, and say what a workflow file said."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler import registry
from reconciler.address import Address
from reconciler.call import Target
from reconciler.cli.commands.init import command
from reconciler.errors import ManifestError, SettingsError
from reconciler.kind import Scope
from reconciler.manifest import schema
from reconciler.manifest.desired import load
from reconciler.manifest.documents import parse
from reconciler.manifest.format import Formatted, format_text
from reconciler.manifest.nodes import plain
from reconciler.manifest.starter import from_workflow, starter
from reconciler.resource import ResourceGraph

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "init"
SCHEMA = "_schema/manifest.schema.json"
WORKFLOWS = sorted(GOLDEN.glob("*.workflow.yaml"))


def held(name: str, made: str) -> None:
    kept = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        kept.write_text(made, "utf-8")
    assert made == kept.read_text("utf-8")


def init(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False)


def graph(path: Path, text: str) -> ResourceGraph:
    path.write_text(text, "utf-8")
    manifest = load(path, registry.load(), default_app_id="my-app")
    return manifest.build(registry.load(), Scope(Target("me", "my-app")))


def test_the_starter_is_as_expected_and_has_nothing_to_mend(tmp_path: Path) -> None:
    text = starter("my-app", SCHEMA)
    held("starter.yaml", text)
    assert format_text(text, "app.yaml") == Formatted(text, False)
    (tmp_path / "app.yaml").write_text(text, "utf-8")
    assert load(tmp_path, registry.load(), default_app_id=None).diagnostics == ()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name.partition(".")[0])
def test_a_workflow_file_becomes_a_manifest(path: Path, tmp_path: Path) -> None:
    text = from_workflow(path.read_bytes(), path.name, "my-app", SCHEMA)
    held(path.name.replace(".workflow.", "."), text)
    assert format_text(text, "app.yaml") == Formatted(text, False)
    graph(tmp_path / "app.yaml", text)


def sdk(*nodes: str) -> str:
    return "workflow:\n  id: auto\n  nodes:\n" + "".join(f"    - {node}\n" for node in nodes)


PINNED = "{id: a, model: {model_id: face-detection, user_id: clarifai, app_id: main, model_version_id: 6dc7e46bc9124c5c8824be4822abe105}}"
INLINE = "{id: b, model: {model_id: m, model_type_id: image-crop, description: 'it: crops', output_info: {params: {margin: 1.30, info: {a: [no, '1', null]}}}}, node_inputs: [{node_id: a}]}"
SAME_MEANING = {
    "pinned": sdk(PINNED),
    "inline": sdk(PINNED, INLINE),
    "inline twice": sdk(PINNED, INLINE, INLINE.replace("id: b", "id: c", 1)),
    "in any order": sdk(INLINE, PINNED),
    "of the app": sdk("{id: a, model: {model_id: x, user_id: me, app_id: my-app, model_version_id: 12e4}}"),
    "without an owner": sdk("{id: a, model: {model_id: nobody-knows}}"),
    "without half of it": sdk("{id: a, model: {model_id: nobody-knows, user_id: u}}"),
    "ids that look otherwise": sdk("{id: 'no', model: {model_id: '1_0', user_id: u, app_id: a, model_version_id: '12'}}"),
    "a writer": sdk(PINNED, "{id: w, model: {model_id: w, model_type_id: annotation-writer, output_info: {params: {annotation_status: 24151.0, annotation_user_id: me}}}, node_inputs: [{node_id: a}]}"),
    "a mapper": sdk("{id: m, model: {model_id: m, model_type_id: concept-synonym-mapper, output_info: {params: {knowledge_graph_id: ''}}}, node_inputs: [{node_id: g}]}", "{id: g, model: {model_id: general-image-recognition, user_id: clarifai, app_id: main}}"),
}  # fmt: skip


@pytest.mark.parametrize("text", SAME_MEANING.values(), ids=SAME_MEANING)
def test_the_manifest_means_what_the_workflow_file_means(text: str, tmp_path: Path) -> None:
    made = from_workflow(text, "w.yaml", "my-app", SCHEMA)
    before = graph(tmp_path / "w.yaml", text)
    after = graph(tmp_path / "app.yaml", made)
    app = Address("app")
    assert [r for r in after if r.address != app] == [r for r in before if r.address != app]


def test_a_public_model_without_an_owner_gets_one() -> None:
    text = sdk("{id: a, model: {model_id: general-image-recognition}}")
    made = from_workflow(text, "w.yaml", "my-app", SCHEMA)
    assert "{id: a, model: clarifai/main/general-image-recognition}" in made


def quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(c):08x}" for c in text) + '"'


IDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=6)


@settings(max_examples=100, deadline=None)
@given(IDS, IDS, IDS)
def test_any_text_is_written_as_text(node: str, model: str, note: str) -> None:
    made = f"{{model_id: {quoted(model)}, model_type_id: x, description: {quoted(note)}}}"
    workflow = f"{{id: {quoted(node)}, nodes: [{{id: {quoted(node)}, model: {made}}}]}}"
    text = from_workflow(f"workflow: {workflow}", "w.yaml", "my-app", SCHEMA)
    (document,), found = parse(text, "app.yaml")
    assert found == []
    said = plain(document.root)
    assert said["models"] == {model: {"model_type_id": "x", "description": note}}
    (flow,) = said["workflows"].items()
    assert flow[0] == node
    assert flow[1]["nodes"][0]["id"] == node


WRONG = {
    "no workflow": ("app: {id: x}\n", "RC103", "no 'workflow' in this file"),
    "nothing": ("", "RC103", "no 'workflow' in this file"),
    "no mapping": ("- a\n", "RC007", "expected a mapping at the top"),
    "no YAML": ("workflow: [a\n", "RC002", "'[' is never closed"),
    "no nodes": ("workflow: {id: a}\n", "RC102", "expected a list of nodes"),
    "nodes as text": ("workflow: {id: a, nodes: x}\n", "RC102", "expected a list of nodes"),
    "a node as text": (sdk("x"), "RC102", "expected a node, got text 'x'"),
    "no id": (sdk("{model: {model_id: m}}"), "RC103", "missing key 'id'"),
    "no model": (sdk("{id: a}"), "RC102", "expected a model, got nothing"),
    "a model as text": (sdk("{id: a, model: m}"), "RC102", "expected a model, got text 'm'"),
    "no model id": (sdk("{id: a, model: {user_id: m}}"), "RC103", "missing key 'model_id'"),
    "an input as text": (
        sdk("{id: a, model: {model_id: m}, node_inputs: [b]}"),
        "RC102",
        "expected a node input, got text 'b'",
    ),
    "two descriptions": (
        sdk(INLINE, INLINE.replace("id: b", "id: c", 1).replace("1.30", "1.1")),
        "RC105",
        "model 'm' is described in two ways",
    ),
    "an unknown key": (sdk("{id: a, model: {model_id: m}, inputs: []}"), "RC101", "unknown key"),
}


@pytest.mark.parametrize(("text", "code", "message"), WRONG.values(), ids=WRONG)
def test_what_is_no_workflow_file_is_told(text: str, code: str, message: str) -> None:
    with pytest.raises(ManifestError) as raised:
        from_workflow(text, "w.yaml", "my-app", SCHEMA)
    (found,) = raised.value.diagnostics
    assert (found.code, found.origin.file) == (code, "w.yaml")
    assert found.message.startswith(message)


def test_init_writes_a_manifest_and_its_schema(tmp_path: Path) -> None:
    result = init(tmp_path / "My first_app!")
    folder = tmp_path / "My first_app!"
    assert (result.return_value, result.stdout) == (0, "")
    assert result.stderr.splitlines() == [
        f"written: {folder}/_schema/manifest.schema.json",
        f"written: {folder}/app.yaml",
        f"next: reconciler plan {folder} --sandbox",
    ]
    assert (folder / "app.yaml").read_text("utf-8") == starter("My-first-app", SCHEMA)
    built = json.loads((folder / "_schema" / "manifest.schema.json").read_text("utf-8"))
    assert built == json.loads(json.dumps(schema.json_schema(registry.load())))


def test_init_uses_the_schema_that_the_repository_keeps(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    kept = tmp_path / "schemas" / "manifest.schema.json"
    kept.write_text(json.dumps({"$id": schema.SCHEMA_ID}), "utf-8")
    assert init(tmp_path / "apps" / "one", "--app-id", "one").return_value == 0
    text = (tmp_path / "apps" / "one" / "app.yaml").read_text("utf-8")
    assert text == starter("one", "../../schemas/manifest.schema.json")
    assert not (tmp_path / "apps" / "one" / "_schema").exists()


def test_another_schema_of_that_name_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "manifest.schema.json").write_text("{}", "utf-8")
    init(tmp_path / "one")
    assert (tmp_path / "one" / SCHEMA).exists()


def test_init_from_a_workflow_file_says_what_is_left_open(tmp_path: Path) -> None:
    result = init(tmp_path / "faces", "--from-workflow", GOLDEN / "faces.workflow.yaml")
    assert result.return_value == 0
    assert "warning RC501: model 'our-classifier' has no version" in result.stderr


def refused(*arguments: str | Path) -> str:
    error = init(*arguments).exception
    assert isinstance(error, SettingsError)
    return str(error)


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    init(tmp_path / "a")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert "app.yaml exists already" in refused(tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "other.yml").write_text("", "utf-8")
    assert "holds YAML files already, such as other.yml" in refused(tmp_path / "b")
    assert "is not a folder" in refused(tmp_path / "b" / "other.yml")
    assert not (tmp_path / "b" / "app.yaml").exists()
    assert all(path.read_bytes() == data for path, data in before.items())


@pytest.mark.parametrize("id_", ["", "a b", "-a", "a--b", "a" * 49, "ä"])
def test_a_bad_app_id_is_refused_before_anything_is_written(id_: str, tmp_path: Path) -> None:
    assert "is no id that the platform takes" in refused(tmp_path / "a", "--app-id", id_)
    assert list(tmp_path.iterdir()) == []


def test_a_bad_workflow_file_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("workflow: [\n", "utf-8")
    result = init(tmp_path / "a", "--from-workflow", tmp_path / "w.yaml")
    assert isinstance(result.exception, ManifestError)
    assert "cannot be read" in refused(tmp_path / "a", "--from-workflow", tmp_path / "no.yaml")
    assert not (tmp_path / "a").exists()
