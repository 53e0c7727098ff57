"""One run tells everything: no mistake hides what stays wrong, and none brings a false alarm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reconciler import registry
from reconciler.errors import ManifestError
from reconciler.manifest.desired import load

Told: TypeAlias = frozenset[tuple[str, str, int, str]]
"""What is said: code, file, line and message."""

KINDS = registry.load()


def told(files: Mapping[str, str]) -> Told:
    with TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in files.items():
            (folder / file).write_text(text)
        try:
            found = load(folder, KINDS, default_app_id=None).diagnostics
        except ManifestError as error:
            found = error.diagnostics
        return frozenset(
            (one.code, Path(one.origin.file).name, one.origin.line, one.message) for one in found
        )


WARNED = """\
app: {id: app}
concepts: [people, adult, train]
concept_relations:
  - {subject: people, predicate: synonym, object: clarifai/main/ai_l8TKp2h5}
  - {subject: train, predicate: synonym, object: clarifai/main/ai_HLmqFqBf}
models:
  mapper: {model_type_id: concept-synonym-mapper}
  classifier: {model_type_id: embedding-classifier, concepts: [people, adult, train]}
  sure: {model_type_id: concept-threshold, concept_threshold_type: GREATER_THAN, thresholds: {people: 0.9, adult: 0.9}}
  unsure: {model_type_id: concept-threshold, concept_threshold_type: LESS_THAN, thresholds: {people: 0.8}}
  none: {model_type_id: concept-threshold, concept_threshold_type: GREATER_THAN, thresholds: {people: 1.0}}
  label: {model_type_id: annotation-writer, annotation_status: ANNOTATION_SUCCESS, annotation_user_id: bob}
  review: {model_type_id: annotation-writer, annotation_status: ANNOTATION_PENDING, annotation_user_id: me}
  idle: {model_type_id: annotation-writer, annotation_status: ANNOTATION_PENDING, annotation_user_id: me}
workflows:
  General:
    nodes:
      - {id: general, model: clarifai/main/general-image-recognition}
      - {id: mapper, model: mapper, node_inputs: [general]}
      - {id: sure, model: sure, node_inputs: [mapper]}
      - {id: unsure, model: unsure, node_inputs: [mapper]}
      - {id: label, model: label, node_inputs: [sure]}
      - {id: twice, model: label, node_inputs: [sure]}
      - {id: review, model: review, node_inputs: [unsure]}
      - {id: none, model: none, node_inputs: [mapper]}
      - {id: raw, model: unsure, node_inputs: [general]}
      - {id: never, model: review, node_inputs: [none]}
  trained:
    nodes:
      - {id: embed, model: clarifai/main/general-image-embedding@bb186755eda04f9cbb6fe32e816be104}
      - {id: classify, model: classifier, node_inputs: [embed]}
      - {id: sure, model: sure, node_inputs: [classify]}
      - {id: label, model: label, node_inputs: [sure]}
      - {id: nothing, model: review, node_inputs: [embed]}
"""

BROKEN = {
    "a concept": "concepts: {red: {nmae: red}}",
    "a model": "models: {half: {model_type_id: random-sample, params: 3}}",
    "a model of no type": "models: {other: {description: some}}",
    "a reference": "models: {mine: {model_type_id: embedding-classifier, concepts: [blue]}}",
    "a range": "concepts: [g]\nmodels:\n  far: {model_type_id: concept-threshold,"
    " concept_threshold_type: LESS_THAN, thresholds: {g: 7}}",
    "a workflow": "models: {one: {model_type_id: image-crop}}\n"
    "workflows: {cut: {nodes: [{id: x, model: one, suppress_output: no}]}}",
    "a workflow's name": "models: {two: {model_type_id: image-crop}}\n"
    "workflows: {with.dots: {nodes: [{id: x, model: two}]}}",
    "an unknown node": "models: {six: {model_type_id: image-crop}}\n"
    "workflows: {lame: {nodes: [{id: x, model: six, node_inputs: [y]}]}}",
    "a circle": "models: {ten: {model_type_id: image-crop}}\n"
    "workflows: {round: {nodes: [{id: x, model: ten, node_inputs: [x]}]}}",
    "a key that is there twice": "concepts:\n  up: {name: a, name: b}",
    "a variable": "concepts: {down: {name: '${NAME}'}}",
    "a variable without a value": "variables: {V: {}}\nconcepts: {left: {name: '${V}'}}",
    "a rename": "moved: [{from: concept.old, to: concept.red}]",
    "the app": "app: {default_workflow: nothing}",
}
NAMES = sorted(BROKEN)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
def test_what_was_told_before_something_else_broke_is_told_still(names: Sequence[str]) -> None:
    files = {f"z{NAMES.index(name):02}.yaml": BROKEN[name] for name in names}
    found = told({"app.yaml": WARNED, **files})
    assert found >= ALONE
    for file, text in files.items():
        assert found >= told({"app.yaml": WARNED, file: text})


ALONE = told({"app.yaml": WARNED})


def test_what_is_to_be_told_still_is_of_every_kind() -> None:
    codes = {code for code, *_ in ALONE}
    assert codes == {
        *("RC501", "RC511", "RC514", "RC516", "RC521", "RC522", "RC531", "RC532", "RC533"),
        "RC541",
    }


@pytest.mark.parametrize("name", NAMES)
def test_what_is_broken_is_told(name: str) -> None:
    assert told({"app.yaml": WARNED, "z.yaml": BROKEN[name]}) > ALONE


# --- one workflow, in which mistakes stand beside each other

MODELS = """\
app: {id: app}
concepts: [people, adult]
concept_relations: [{subject: people, predicate: synonym, object: clarifai/main/ai_l8TKp2h5}]
models:
  mapper: {model_type_id: concept-synonym-mapper}
  classifier: {model_type_id: embedding-classifier, concepts: [people, adult]}
  sure: {model_type_id: concept-threshold, concept_threshold_type: GREATER_THAN, thresholds: {people: 0.9, adult: 0.9}}
  unsure: {model_type_id: concept-threshold, concept_threshold_type: LESS_THAN, thresholds: {people: 0.8}}
  half: {model_type_id: random-sample, params: {keep_fraction: 0.5}}
  label: {model_type_id: annotation-writer, annotation_status: ANNOTATION_SUCCESS, annotation_user_id: me}
  review: {model_type_id: annotation-writer, annotation_status: ANNOTATION_PENDING, annotation_user_id: me}
workflows:
"""
GENERAL = "clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40"
EMBED = "clarifai/main/general-image-embedding@bb186755eda04f9cbb6fe32e816be104"
OWN = ["mapper", "classifier", "sure", "unsure", "half", "label", "review"]

ids = st.sampled_from(["a", "b", "c", "d"])
models = st.sampled_from([*OWN, GENERAL, EMBED, "someone/else/model@v1", "absent"])
inputs = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=2)


@st.composite
def nodes(draw: st.DrawFn) -> dict[str, str]:
    return {
        "id": draw(ids),
        "model": draw(models),
        "node_inputs": f"[{', '.join(draw(inputs))}]",
    }


Nodes: TypeAlias = list[dict[str, str]]
workflows = st.lists(nodes(), min_size=1, max_size=4)


def written(*all_: Nodes) -> str:
    """Each node on a line of its own, so that lines stay what they are."""
    lines = [MODELS]
    for number, nodes_ in enumerate(all_):
        lines.append(f"  w{number}:\n    nodes:\n")
        for node in nodes_:
            lines.append(f"      - {{{', '.join(f'{k}: {v}' for k, v in node.items())}}}\n")
    return "".join(lines)


HARMLESS = [{"suppress_output": "no"}, {"output_info_override": "3"}]
UNCLEAR = [("id", "[x]"), ("model", "[x]"), ("model", "a/b"), ("node_inputs", "x")]


def errors(found: Told) -> set[tuple[str, ...]]:
    """A circle may be told from another of its nodes."""
    return {
        (one[0], *map(str, one[1:] if one[0] != "RC204" else ()))
        for one in found
        if not one[0].startswith("RC5")
    }


@settings(max_examples=80, deadline=None)
@given(workflows, st.data())
def test_a_mistake_that_says_nothing_of_the_flow_hides_no_error(
    sound: Nodes, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(sound) - 1))
    broken = [dict(node) for node in sound]
    broken[index] |= data.draw(st.sampled_from(HARMLESS))
    before, after = (errors(told({"app.yaml": written(one)})) for one in (sound, broken))
    assert after > before
    assert len(after - before) == 1


@settings(max_examples=100, deadline=None)
@given(workflows, workflows, st.data())
def test_nothing_is_told_beside_a_mistake_that_its_mending_takes_back(
    nodes_: Nodes, other: Nodes, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(nodes_) - 1))
    key, text = data.draw(st.sampled_from(UNCLEAR))
    mended, broken = [dict(node) for node in nodes_], [dict(node) for node in nodes_]
    broken[index][key] = text
    mended[index][key] = data.draw(nodes())[key]
    # an id that is mended is not one that is there already
    assume(key != "id" or mended[index][key] not in [n["id"] for n in broken])
    line = MODELS.count("\n") + 3 + index
    found = {one for one in told({"app.yaml": written(broken, other)}) if one[2] != line}
    sound = told({"app.yaml": written(mended, other)})
    assert errors(frozenset(found)) <= errors(sound)
    assert {one for one in found if one[0] != "RC204"} <= sound
