"""Data against a JSON Schema, told in our words."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import Any

import pytest

from reconciler.json_schema import validate

CLOSED = {"type": "object", "additionalProperties": False}
FORMS = {
    "oneOf": [
        {**CLOSED, "properties": {"t": {"const": "x"}, "v": {"type": "number", "minimum": 0}}, "required": ["t"]},
        {**CLOSED, "properties": {"t": {"const": "y"}, "w": {"minLength": 2}}, "required": ["t", "w"]},
    ]
}  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "instance", "expected"),
    [
        ({"type": "string"}, 5, ["the document: expected text, got number 5"]),
        ({"type": "string"}, None, ["the document: expected text, got nothing"]),
        ({"type": "integer"}, 1.5, ["the document: expected a whole number, got number 1.5"]),
        ({"type": "integer"}, True, ["the document: expected a whole number, got true"]),
        ({"type": "integer"}, 1.0, []),
        ({"type": ["object", "array", "null"]}, "x" * 99,
         [f"the document: expected a mapping, a list or nothing, got text '{'x' * 57}…'"]),
        ({"required": ["b", "a", "c"]}, {"a": 1}, ["the document: missing key 'b'", "the document: missing key 'c'"]),
        ({**CLOSED, "properties": {"thresholds": {}}, "patternProperties": {"^x-": {}}},
         {"treshold": 1, "x-y": 1, "q": 1},
         ["q: unknown key 'q'", "treshold: unknown key 'treshold', did you mean 'thresholds'?"]),
        ({"enum": ["red", "green", None]}, "gren",
         ["the document: expected 'red', 'green' or null, got text 'gren', did you mean 'green'?"]),
        ({"const": "1"}, "2", ["the document: expected '1', got text '2'"]),
        ({"pattern": "^[a-z]+$"}, "A", ["the document: expected text like ^[a-z]+$, got 'A'"]),
        ({"minimum": 0, "maximum": 1}, 1.5, ["the document: expected a number of at most 1, got 1.5"]),
        ({"exclusiveMinimum": 0}, 0, ["the document: expected a number greater than 0, got 0"]),
        ({"maxItems": 1, "uniqueItems": True}, [1, 1],
         ["the document: expected at most 1 items, got 2", "the document: the same item stands twice in a list"]),
        ({"propertyNames": {"maxLength": 1}}, {"ab": 1}, ["ab: expected at most 1 characters, got 2"]),
        ({"items": {"type": "number"}}, [1, "a", 2, "b"] + [1] * 7 + ["c"],
         ["1: expected a number, got text 'a'", "3: expected a number, got text 'b'", "11: expected a number, got text 'c'"]),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 5, ["the document: expected text or nothing, got number 5"]),
        ({"anyOf": [{"enum": ["me"]}, {"const": "you"}]}, "mee",
         ["the document: expected 'me' or 'you', got text 'mee', did you mean 'me'?"]),
        ({"anyOf": [{"type": "object", "properties": {"a": {"type": "number"}}}, {"type": "null"}]}, {"a": "b"},
         ["a: expected a number, got text 'b'"]),
        ({"oneOf": [{"type": "number"}, {"minimum": 0}]}, 1, ["the document: fits more than one of the allowed forms"]),
        (FORMS, {"t": "x", "v": -1, "q": 1}, ["q: unknown key 'q'", "v: expected a number of at least 0, got -1"]),
        (FORMS, {"t": "y", "w": "a"}, ["w: expected at least 2 characters, got 1"]),
        (FORMS, {"t": "z"}, ["t: expected 'x' or 'y', got text 'z'"]),
        (FORMS, {}, ["the document: missing key 't'"]),
        (FORMS, [], ["the document: expected a mapping, got a list"]),
        (FORMS, {"t": "x", "v": 1}, []),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/b"}}, "b": {"type": "string"}}},
         ["x", 1], ["1: expected text, got number 1"]),
        ({"not": {"type": "string"}}, "x", ["the document: 'x' should not be valid under {'type': 'string'}"]),
        ({"properties": {"a": {"not": {}}}}, {"a": 1}, ["a: not allowed here: 1"]),
        ({"not": {"const": "FILE"}}, "FILE", ["the document: not allowed here: 'FILE'"]),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, ["the document: missing key 'b', which 'a' needs"]),
        (False, 1, ["the document: not allowed here: 1"]),
        (True, 1, []),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_problems_in_our_words(schema: Any, instance: Any, expected: list[str]) -> None:
    assert [str(found) for found in validate(instance, schema)] == expected


def test_the_path_leads_to_the_place_and_the_keyword_is_named() -> None:
    schema = {"properties": {"models": {"additionalProperties": FORMS}}}
    (found,) = validate({"models": {"a": {"t": "x", "vv": 1}}}, schema)
    assert (found.path, found.keyword) == (("models", "a", "vv"), "additionalProperties")
    assert (found.message, found.hint) == ("unknown key 'vv'", "did you mean 'v'?")


def test_the_order_does_not_depend_on_the_data() -> None:
    schema = {"additionalProperties": {"items": {"type": "number"}}}
    keys = [f"k{n}" for n in range(20)]
    expected = validate({key: ["x", 1, "y"] for key in sorted(keys)}, schema)
    assert len(expected) == 40
    random.Random(1).shuffle(keys)
    assert validate({key: ["x", 1, "y"] for key in keys}, schema) == expected


def test_importing_the_module_does_not_load_the_library() -> None:
    code = "import sys, reconciler.json_schema; assert 'jsonschema' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
