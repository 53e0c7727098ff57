"""Text to specs: what each field makes of a scalar; the JSON Schema; the cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler import registry
from reconciler.diagnostics import Diagnostic
from reconciler.json_schema import validate
from reconciler.manifest import documents, schema
from reconciler.manifest.sections import merge
from reconciler.origin import Origin

ROOT = Path(__file__).parents[2]
KINDS = registry.load()


def read(text: str) -> tuple[dict[str, Any], list[Diagnostic]]:
    loaded = documents.load_texts({"m.yaml": text})
    assert loaded.diagnostics == ()
    sections, found = merge(loaded.documents, schema.forms(KINDS), Origin("m.yaml"))
    validated = schema.validate(sections, KINDS)
    return dict(validated.specs), [*found, *validated.diagnostics]


def sound(text: str) -> dict[str, Any]:
    specs, found = read(text)
    assert found == []
    return specs


@pytest.mark.parametrize(
    "written", ["12e4", "1_000", "0x1F", "1.0", "0012", "true", "no", "'5'", "~x", "null x"]
)
def test_a_text_stays_as_it_is_written(written: str) -> None:
    app = sound(f"app: {{id: a, description: {written}}}")["app"]
    assert app.description == written.strip("'")


def test_version_ids_and_model_ids_stay_as_they_are_written() -> None:
    text = """
    workflows:
      w:
        nodes:
          - {id: 1, model: {model_id: 007, model_version_id: 1234, user_id: 1e3, app_id: 0x10}}
          - {id: 2, model: 12e4, node_inputs: [1, {node_id: 0x2}]}
    """
    first, second = sound(text)["workflows"]["w"].nodes
    stated = first.model
    assert (first.id, stated.model_id, stated.model_version_id) == ("1", "007", "1234")
    assert (stated.user_id, stated.app_id) == ("1e3", "0x10")
    assert (second.model, second.node_inputs) == ("12e4", ["1", "0x2"])


def test_free_json_has_ordinary_values() -> None:
    text = "app: {metadata: {a: 1, b: 1.5, c: true, d: [1, {e: 'x'}], f: null, g: no}}"
    metadata = sound(text)["app"].metadata
    assert metadata == {"a": 1, "b": 1.5, "c": True, "d": [1, {"e": "x"}], "f": None, "g": "no"}
    found = (metadata["a"], metadata["b"], metadata["c"], metadata["d"][0])
    assert [type(value) for value in found] == [int, float, bool, int]


@pytest.mark.parametrize("spelt", ["GREATER_THAN", "1", "1.0", '"1"'])
def test_an_enum_is_known_by_any_spelling(spelt: str) -> None:
    text = f"""
    models:
      m:
        model_type_id: concept-threshold
        concept_threshold_type: {spelt}
        thresholds: {{people: 0}}
    """
    model = sound(text)["models"]["m"]
    assert (model.concept_threshold_type, model.thresholds) == ("GREATER_THAN", {"people": 0.0})


@pytest.mark.parametrize(
    "empty", ["concepts:", "concepts: {}", "concepts: []", "models:\nconcept_relations:", ""]
)
def test_a_section_may_be_empty(empty: str) -> None:
    assert not any(sound(empty).values())


def test_the_long_form_and_the_short_one_do_not_both_complain() -> None:
    _, found = read("workflows: {w: {nodes: [{id: a, model: {model_id: [x]}}]}}")
    assert [(one.code, one.message, one.field) for one in found] == [
        ("RC102", "expected text, got a list", "nodes.0.model.model_id")
    ]


def test_notes_are_counted_in_bytes() -> None:
    assert sound(f"app: {{notes: '{'é' * 32768}'}}")["app"].notes
    _, found = read(f"app: {{notes: '{'é' * 32768}!'}}")
    assert [(one.code, one.message) for one in found] == [
        ("RC303", "notes of 65,537 bytes, the platform takes at most 65,536")
    ]


def test_a_mistake_names_its_resource_and_field() -> None:
    _, found = read("models: {'a.b': {}, m: {model_type_id: x, params: 5}}\napp: {id: -}")
    assert sorted((one.code, one.address, one.field) for one in found) == [
        ("RC102", "model.m", "params"),
        ("RC103", 'model."a.b"', ""),
        ("RC106", "app", "id"),
        ("RC106", 'model."a.b"', ""),
    ]


def test_the_schema_in_the_repository_is_fresh() -> None:
    stored = json.loads((ROOT / "schemas" / "manifest.schema.json").read_text())
    assert stored == schema.json_schema(KINDS), "write it anew: reconciler schema manifest"


def properties(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property anywhere in a schema that may have a value, with its path."""
    if isinstance(schema, list):
        for item in schema:
            yield from properties(item, path)
    if not isinstance(schema, dict):
        return
    for name, value in schema.items():
        if name == "properties":
            for key, inner in value.items():
                if inner is not False and "const" not in inner and "not" not in inner:
                    yield f"{path}.{key}", inner
                yield from properties(inner, f"{path}.{key}")
        elif name == "$defs":
            for key, inner in value.items():
                yield from properties(inner, key)
        elif name not in ("examples", "default", "enum", "if", "dependentSchemas"):
            yield from properties(value, path)


def test_every_key_says_what_it_is_and_shows_an_example() -> None:
    found = dict(properties(schema.json_schema(KINDS), "top"))
    assert len(found) > 100
    assert [path for path, said in found.items() if not said.get("description")] == []
    assert [path for path, said in found.items() if not said.get("examples")] == []


def test_the_schema_is_valid_and_so_are_its_examples() -> None:
    built = schema.json_schema(KINDS)
    Draft202012Validator.check_schema(built)
    wrong = []
    named = [(name, said) for name, said in built["$defs"].items() if "examples" in said]
    for path, said in [*properties(built, "top"), *named]:
        one = {**said, "$defs": built["$defs"]}
        wrong += [(path, str(p)) for example in said["examples"] for p in validate(example, one)]
    assert wrong == []


def test_the_example_of_each_section_is_a_manifest() -> None:
    built = schema.json_schema(KINDS)
    for section in ("app", "concepts", "concept_relations", "models", "workflows", "moved"):
        (example,) = built["properties"][section]["examples"]
        read, found = specs_of({section: example})
        assert (found, set(read)) == ([], {section})


def specs_of(manifest: Any) -> tuple[dict[str, Any], list[Diagnostic]]:
    return read(json.dumps(manifest))


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({"models": {"m": {}}}, ["models.m: missing key 'model_type_id'"]),
        (
            {"models": {"m": {"model_type_id": "concept-synonym-mapper", "thresholds": {}}}},
            ["models.m.thresholds: unknown key 'thresholds'"],
        ),
        ({"models": {"m": {"model_type_id": "hologram-projector", "params": {"a": 1}}}}, []),
        ({"concepts": ["a", 5]}, []),
        (
            {"concepts": [["a"]]},
            ["concepts.0: expected text, a number or true or false, got a list"],
        ),
    ],
)
def test_the_schema_speaks_of_the_type_that_is_stated(
    manifest: dict[str, Any], said: list[str]
) -> None:
    assert list(map(str, validate(manifest, schema.json_schema(KINDS)))) == said
