"""From files to the desired graph: laws, the public functions, what never raises."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler import registry
from reconciler.address import Address
from reconciler.call import Target
from reconciler.diagnostics import has_errors
from reconciler.errors import ManifestError
from reconciler.kind import Scope
from reconciler.manifest.desired import Manifest, load
from reconciler.manifest.mistakes import _EXPECTED, _TOLD

ROOT = Path(__file__).parents[2]
KINDS = registry.load()
SCOPE = Scope(Target("alice", "an-app"), "alice")


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def problems(path: Path, default_app_id: str | None = None) -> list[tuple[str, str]]:
    with pytest.raises(ManifestError) as caught:
        load(path, KINDS, default_app_id=default_app_id)
    return [(found.code, found.message) for found in caught.value.diagnostics]


# --- the manifest


def test_an_unreadable_file_hides_nothing_that_stays_wrong(tmp_path: Path) -> None:
    """What is not there may be in it; a circle is one whatever it says."""
    nodes = "[{id: a, model: m, node_inputs: [b]}, {id: b, model: m, node_inputs: [a, c]}]"
    text = (
        f"moved: [{{from: model.o, to: model.m}}]\nworkflows: {{w: {{nodes: {nodes}}}}}\n"
        "models: {half: {model_type_id: random-sample}}\n"
    )
    files = {"a.yaml": text, "b.yaml": "models: {m: [\n"}
    assert [code for code, _ in problems(written(tmp_path, files))] == [
        "RC204",
        "RC203",
        "RC108",
        "RC002",
    ]


@pytest.mark.parametrize("key", ["modles", "model"])
def test_what_stands_under_a_misspelt_section_is_not_missed(tmp_path: Path, key: str) -> None:
    text = f"app: {{id: a}}\n{key}: {{m: {{model_type_id: input-filter}}}}\n"
    text += "workflows: {w: {nodes: [{id: a, model: m}]}}\nmoved: [{from: model.o, to: model.m}]"
    (found,) = problems(written(tmp_path, {"a.yaml": text}))
    assert found == ("RC101", f"unknown key {key!r}")


@pytest.mark.parametrize(
    "text",
    [
        "models: {m: {model_type_id: input-filter}}\nmodels: {n: {model_type_id: input-filter}}\n",
        "models:\n  m: {model_type_id: input-filter}\n  m: {model_type_id: prompter}\n",
    ],
    ids=["a section", "an id"],
)
def test_what_stands_under_a_key_that_is_there_twice_is_not_missed(
    tmp_path: Path, text: str
) -> None:
    text += "app: {id: a}\nworkflows: {w: {nodes: [{id: a, model: m}]}}\n"
    assert [code for code, _ in problems(written(tmp_path, {"a.yaml": text}))] == ["RC003"]


def test_a_manifest_knows_whose_it_is(tmp_path: Path) -> None:
    text = "app: {id: my-app, user_id: alice, owner: team}"
    manifest = load(written(tmp_path, {"a.yaml": text}), KINDS, default_app_id="other")
    assert (manifest.app_id, manifest.user_id, manifest.owner) == ("my-app", "alice", "team")
    assert manifest.sources == {(tmp_path / "a.yaml").as_posix(): text}
    assert manifest.diagnostics == ()


def test_the_default_app_id_is_used_where_the_manifest_has_none(tmp_path: Path) -> None:
    path = written(tmp_path, {"a.yaml": "concepts: [a]"})
    manifest = load(path, KINDS, default_app_id="from-environment")
    assert (manifest.app_id, manifest.user_id, manifest.owner) == (
        "from-environment",
        None,
        "from-environment",
    )
    assert [str(a) for a in manifest.build(KINDS, SCOPE).resources] == ["app", "concept.a"]
    assert problems(path) == [("RC206", "the app has no id")]


def test_warnings_stay_with_the_manifest(tmp_path: Path) -> None:
    text = "app: {id: a}\nworkflows: {w: {nodes: [{id: n, model: clarifai/main/face-detection}]}}"
    manifest = load(written(tmp_path, {"a.yaml": text}), KINDS, default_app_id=None)
    assert [found.code for found in manifest.diagnostics] == ["RC501"]


def test_an_error_carries_all_texts(tmp_path: Path) -> None:
    path = written(tmp_path, {"a.yaml": "app: {id: a}", "b.yaml": "modles: {}"})
    with pytest.raises(ManifestError) as caught:
        load(path, KINDS, default_app_id=None)
    assert sorted(caught.value.sources.values()) == ["app: {id: a}", "modles: {}"]
    assert has_errors(caught.value.diagnostics)


def test_a_path_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    assert problems(tmp_path / "gone") == [("RC001", "no such file or directory")]
    assert problems(tmp_path)[0][0] == "RC006"


@pytest.mark.parametrize("id_", [".", ".."])
def test_an_id_of_dots_alone_is_told_as_what_it_is(tmp_path: Path, id_: str) -> None:
    path = written(tmp_path, {"app.yaml": f"app: {{id: a}}\nconcepts: [{id_}]\n"})
    assert problems(path) == [
        ("RC106", f"{id_!r} is no id: a path that holds it would lead elsewhere")
    ]


@pytest.mark.parametrize("user", ["..", "alice/apps", "Alice A", '"a\\nb"'])
def test_a_user_that_no_address_can_carry_is_told_at_its_place(tmp_path: Path, user: str) -> None:
    path = written(tmp_path, {"app.yaml": f"app: {{id: a, user_id: {user}}}\n"})
    shown = user.strip('"').replace("\\n", "\n")
    assert problems(path) == [("RC106", f"{shown!r} is no user id")]


def test_another_apps_concept_is_not_to_be_declared_here(tmp_path: Path) -> None:
    """Followed, that way out would make a concept that can never be deleted."""
    text = (
        "app: {id: a}\nconcepts: [people]\nconcept_relations:\n"
        "  - {subject: clarifai/main/ai_l8TKp2h5, predicate: synonym, object: people}\n"
        "  - {subject: people, predicate: synonym, object: woman}\n"
    )
    with pytest.raises(ManifestError) as caught:
        load(written(tmp_path, {"app.yaml": text}), KINDS, default_app_id=None)
    assert [(found.code, found.hint) for found in caught.value.diagnostics] == [
        (
            "RC202",
            "it reads as a concept of another app, and only one of this manifest can stand here "
            "(of a relation, its object may be another app's)",
        ),
        ("RC202", "declare it under 'concepts'"),
    ]


def test_what_was_lost_to_syntax_is_not_missed(tmp_path: Path) -> None:
    broken = {"a.yaml": "app: {default_workflow: w}", "b.yaml": "workflows: {w: {nodes: [{]}}"}
    assert [code for code, _ in problems(written(tmp_path, broken))] == ["RC002"]


def test_the_digest_covers_names_and_bytes_and_not_the_folder(tmp_path: Path) -> None:
    files = {"a.yaml": "app: {id: a}", "sub/b.yaml": "concepts: [x]"}

    def digest(name: str, files: dict[str, str]) -> str:
        return load(written(tmp_path / name, files), KINDS, default_app_id=None).digest

    first = digest("one", files)
    assert first.startswith("sha256:")
    assert len(first) == len("sha256:") + hashlib.sha256().digest_size * 2
    assert digest("two", files) == first
    others = [
        digest("comment", {**files, "a.yaml": "app: {id: a} #"}),
        digest("name", {"a.yaml": files["a.yaml"], "sub/c.yaml": files["sub/b.yaml"]}),
        digest("ignored", {**files, "_b.yaml": "x"}),
        digest("more", {**files, "c.yaml": ""}),
    ]
    assert [other == first for other in others] == [False, False, True, False]


def test_a_file_is_a_manifest_too(tmp_path: Path) -> None:
    written(tmp_path, {"a.yaml": "app: {id: a}", "b.yaml": "app: {id: b}"})
    assert load(tmp_path / "b.yaml", KINDS, default_app_id=None).app_id == "b"


# --- laws

EXAMPLES = ["people", "park", "digits"]


def example(name: str) -> dict[str, Any]:
    (document,) = yaml.safe_load_all((ROOT / "manifests" / name / "app.yaml").read_text())
    assert isinstance(document, dict)
    return document


def graph(folder: Path, documents: list[dict[str, Any]]) -> Any:
    files = {f"{i}.yaml": yaml.safe_dump(doc, sort_keys=False) for i, doc in enumerate(documents)}
    return load(written(folder, files), KINDS, default_app_id=None).build(KINDS, SCOPE)


@pytest.mark.parametrize("name", EXAMPLES)
@given(data=st.data())
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_neither_order_nor_files_change_the_graph(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = example(name)
    folder = tmp_path_factory.mktemp("split")
    expected = graph(folder / "whole", [whole])
    parts: list[dict[str, Any]] = [{} for _ in range(3)]
    for section in data.draw(st.permutations(list(whole))):
        content = whole[section]
        if isinstance(content, list):
            for item in data.draw(st.permutations(content)):
                data.draw(st.sampled_from(parts)).setdefault(section, []).append(item)
        else:
            for key in data.draw(st.permutations(list(content))):
                part = data.draw(st.sampled_from(parts))
                part.setdefault(section, {})[key] = content[key]
    assert graph(folder / "split", parts) == expected


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_order_of_nodes_and_thresholds_changes_no_field(name: str, tmp_path: Path) -> None:
    whole, turned = example(name), example(name)
    for model in turned["models"].values():
        if "thresholds" in model:
            model["thresholds"] = dict(reversed(model["thresholds"].items()))
        if "concepts" in model:
            model["concepts"].reverse()
    for workflow in turned["workflows"].values():
        workflow["nodes"].reverse()
    before, after = graph(tmp_path / "a", [whole]), graph(tmp_path / "b", [turned])
    assert list(before.resources) == list(after.resources)
    for one, other in zip(before, after, strict=True):
        assert (one.fields, one.configuration) == (other.fields, other.configuration)
        assert set(one.references) == set(other.references)


KEYS = [
    "app", "concepts", "concept_relations", "models", "workflows", "workflow", "id", "name",
    "user_id", "default_workflow", "metadata", "model_type_id", "thresholds", "concepts",
    "concept_threshold_type", "annotation_status", "annotation_user_id", "base_embed_model",
    "train_params", "params", "nodes", "model", "node_inputs", "node_id", "model_id",
    "model_version_id", "app_id", "output_info_override", "data", "value", "subject", "predicate",
    "object", "knowledge_graph_id", "notes", "visibility", "reconciler", "a", "b", "<name>",
    "<other>", "[key]", "", "0", "prevent_destroy", "suppress_output", "train",
]  # fmt: skip
VALUES = [
    "a", "b", "a@1", "clarifai/main/face-detection", "x/y", "/", "@", "", "me", "GREATER_THAN", "1",
    "concept-threshold", "concept-thresholder", "annotation-writer", "embedding-classifier",
    "concept-synonym-mapper", "random-sample", "concept-treshold", "ANNOTATION_SUCCESS", "synonym",
    "PRIVATE", "never", "é", 0, 1, 2, -1, 0.5, 1e300, 24150, True, False, None,
]  # fmt: skip
scalars = st.sampled_from(VALUES)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=40,
)
texts = st.sampled_from(["a", "b"])
likely = st.fixed_dictionaries(
    {},
    optional={
        "app": st.dictionaries(st.sampled_from(KEYS), scalars, max_size=4),
        "concepts": st.lists(texts, max_size=2) | st.dictionaries(texts, trees, max_size=2),
        "concept_relations": st.lists(
            st.fixed_dictionaries(
                {"subject": texts, "predicate": st.just("synonym"), "object": scalars}
            )
            | trees,
            max_size=3,
        ),
        "models": st.dictionaries(
            texts,
            st.fixed_dictionaries(
                {"model_type_id": scalars},
                optional={
                    "thresholds": trees,
                    "concept_threshold_type": scalars,
                    "concepts": st.lists(scalars, max_size=3),
                    "base_embed_model": scalars,
                    "annotation_status": scalars,
                    "annotation_user_id": scalars,
                    "params": trees,
                },
            )
            | trees,
            max_size=2,
        ),
        "workflows": st.dictionaries(
            texts,
            st.fixed_dictionaries(
                {
                    "nodes": st.lists(
                        st.fixed_dictionaries(
                            {"id": texts, "model": scalars | trees},
                            optional={
                                "node_inputs": st.lists(scalars, max_size=3) | trees,
                                "output_info_override": trees,
                                "suppress_output": scalars,
                            },
                        )
                        | trees,
                        max_size=4,
                    )
                }
            )
            | trees,
            max_size=2,
        ),
    },
)


@given(first=likely | trees, second=likely | trees)
@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_tree_is_a_manifest_or_mistakes_with_places(
    first: Any, second: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("tree")
    files = {"a.yaml": yaml.safe_dump(first), "b.yaml": yaml.safe_dump(second)}
    try:
        manifest = load(written(folder, files), KINDS, default_app_id="an-app")
    except ManifestError as error:
        assert has_errors(error.diagnostics)
        for found in error.diagnostics:
            assert found.origin.line
            assert not found.message.startswith("not allowed here"), found
    else:
        assert isinstance(manifest, Manifest)
        assert Address("app") in manifest.build(KINDS, SCOPE)


def test_the_words_for_types_and_for_values_do_not_overlap() -> None:
    assert not set(_EXPECTED) & set(_TOLD)
