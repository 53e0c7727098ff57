"""Manifests as trees: sound ones, any at all, and sound ones that are bent in a few places."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from reconciler import registry
from reconciler.manifest import schema


def _keys() -> list[str]:
    built = schema.json_schema(registry.load())
    specs = [built, *built["$defs"].values()]
    return sorted({key for spec in specs for key in spec["properties"]})


keys = st.sampled_from(
    [*_keys(), "node_id", "workflow", "model_id", "nodes", "${A}", "A", "a.b", ""]
)
scalars = (
    st.sampled_from([
        None, True, 0, 1, -1, 0.5, 1.5, 1e300, "", "a", "A", "${A}", "x${A}y", "${", "$${A}", "RC501",
        "m", "c", "w", "model.m", "model.a", "concept.c", "clarifai/main/Empty", "me", "me/app/m", "/",
        "clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40", "m@1", "@", "a/b",
        "concept-threshold", "annotation-writer", "concept-synonym-mapper", "embedding-classifier",
        "image-crop", "24151", "LESS_THAN", "ANNOTATION_SUCCESS", "synonym", "off", "number", "\ud800",
        10**30, 2**64, "é" * 200,
    ])
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)  # fmt: skip
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(keys | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=25,
)
CORRECT: dict[str, Any] = {
    "app": {"id": "a-${A}", "default_workflow": "w", "metadata": {"k": [1, {"x": None}]}},
    "variables": {"A": {"default": "x"}, "N": {"type": "number", "default": 0.5}},
    "concepts": {"c": {"name": "c"}, "d": None},
    "concept_relations": [{"subject": "c", "predicate": "synonym", "object": "clarifai/main/x"}],
    "models": {
        "t": {
            "model_type_id": "concept-threshold",
            "concept_threshold_type": "GREATER_THAN",
            "thresholds": {"c": "${N}", "d": 0.5},
        },
        "u": {
            "model_type_id": "concept-threshold",
            "concept_threshold_type": 3,
            "thresholds": {"c": 0.5},
        },
        "s": {
            "model_type_id": "annotation-writer",
            "annotation_status": "ANNOTATION_SUCCESS",
            "annotation_user_id": "me",
        },
        "p": {
            "model_type_id": "annotation-writer",
            "annotation_status": 24151,
            "annotation_user_id": "me",
        },
        "map": {"model_type_id": "concept-synonym-mapper"},
        "e": {"model_type_id": "embedding-classifier", "concepts": ["c"]},
    },
    "workflows": {
        "w": {
            "nodes": [
                {"id": "g", "model": "clarifai/main/general-image-recognition"},
                {"id": "map", "model": "map", "node_inputs": ["g"]},
                {
                    "id": "t",
                    "model": "t",
                    "node_inputs": ["map"],
                    "output_info_override": {"data": {"concepts": [{"id": "c", "value": 0.4}]}},
                },
                {"id": "s", "model": {"model_id": "s"}, "node_inputs": [{"node_id": "t"}]},
                {"id": "u", "model": "u", "node_inputs": ["map"], "suppress_output": True},
                {"id": "p", "model": "p", "node_inputs": ["u", "t"]},
            ]
        }
    },
    "moved": [{"from": "model.old", "to": "model.t"}],
    "checks": {"RC501": "off", "RC514": "warning"},
}
SDK: dict[str, Any] = {
    "workflow": {
        "id": "w",
        "nodes": [
            {
                "id": "crop",
                "model": {
                    "model_id": "m",
                    "model_type_id": "image-crop",
                    "description": "d",
                    "output_info": {"params": {"margin": 1.3}},
                },
                "node_inputs": [{"node_id": "g"}],
            },
            {
                "id": "g",
                "model": {
                    "model_id": "face-detection",
                    "model_version_id": "fe995da8cb73490f8556416ecf25cea3",
                    "user_id": "clarifai",
                    "app_id": "main",
                },
            },
        ],
    }
}


def _places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    items = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in items:
        yield from _places(tree[key], (*path, key))


@st.composite
def bent(draw: st.DrawFn, sound: Any, changes: int = 4) -> Any:
    """A sound tree with a few values exchanged, taken out, or under other keys."""
    tree = json.loads(json.dumps(sound))
    for _ in range(draw(st.integers(1, changes))):
        places = list(_places(tree))
        if not places:
            break
        *way, last = draw(st.sampled_from(places))
        inner = tree
        for step in way:
            inner = inner[step]
        match draw(st.integers(0, 4)):
            case 0:
                del inner[last]
            case 1 if isinstance(inner, dict):
                inner[draw(keys | st.text(max_size=4))] = inner.pop(last)
            case 2 if isinstance(inner, dict):
                inner[draw(keys)] = draw(trees)
            case 3 if isinstance(inner, list):
                inner.append(json.loads(json.dumps(inner[last])))
            case _:
                inner[last] = draw(trees)
    return tree
