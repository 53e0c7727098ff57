"""Text that every reader of YAML takes for that text, in the form that people would choose."""

from __future__ import annotations

from typing import Any

import pytest
from export.apps import json_values, loose
from hypothesis import given
from hypothesis import strategies as st

from reconciler.export.writing import Remarked, entry, rows
from reconciler.manifest.documents import parse
from reconciler.manifest.format import Formatted, format_text
from reconciler.manifest.nodes import plain


def written(key: str, value: Any) -> str:
    return "".join(f"{line}\n" for line in entry(key, value))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "k: plain\n"),
        (
            "A sentence, said (so to say) twice; yes!",
            "k: A sentence, said (so to say) twice; yes!\n",
        ),
        ("A key: a value", 'k: "A key: a value"\n'),
        ("no", 'k: "no"\n'),
        ("1.50", 'k: "1.50"\n'),
        ("12e4", 'k: "12e4"\n'),
        ("", 'k: ""\n'),
        ("${A} and $${", 'k: "$${A} and $$${"\n'),
        ("Cost is ${A}\nor so", "k: |-\n  Cost is $${A}\n  or so\n"),
        ("two\nlines\n", "k: |\n  two\n  lines\n"),
        ("a\n\nb", "k: |-\n  a\n\n  b\n"),
        ("ends \nin a blank", 'k: "ends \\nin a blank"\n'),
        (" begins\nwith one", 'k: " begins\\nwith one"\n'),
        ("two ends\n\n", 'k: "two ends\\n\\n"\n'),
        ("\x85", 'k: "\\u0085"\n'),
        (True, "k: true\n"),
        (None, "k: null\n"),
        (0.95, "k: 0.95\n"),
        (1e-07, "k: 1e-07\n"),
        ({}, "k: {}\n"),
        ([], "k: []\n"),
        ({"a": 0.5, "b c": [1, "yes"]}, 'k: {a: 0.5, b c: [1, "yes"]}\n'),
        ({"a" * 60: "b" * 60}, f"k:\n  {'a' * 60}: {'b' * 60}\n"),
        (["a" * 60, "b" * 60], f"k:\n  - {'a' * 60}\n  - {'b' * 60}\n"),
        ({"a": "two\nlines"}, "k:\n  a: |-\n    two\n    lines\n"),
        (Remarked(1, ("why",)), "# why\nk: 1\n"),
    ],
)
def test_a_value_is_written_as_people_would(value: Any, text: str) -> None:
    assert written("k", value) == text


def test_rows_stand_in_columns() -> None:
    table = [
        Remarked({"id": "a", "model": "short", "node_inputs": ["b"]}),
        Remarked({"id": "long-one", "model": "m"}, ("said of it",)),
        Remarked({"id": "c", "model": "longer", "node_inputs": ["b"]}),
    ]
    assert list(rows(table, "  ")) == [
        "  - {id: a,        model: short,  node_inputs: [b]}",
        "  # said of it",
        "  - {id: long-one, model: m}",
        "  - {id: c,        model: longer, node_inputs: [b]}",
    ]


@given(st.dictionaries(loose, json_values, max_size=4))
def test_what_is_written_is_read_and_is_in_canonical_form(value: Any) -> None:
    text = written("metadata", value)
    documents, found = parse(text, "m.yaml")
    assert found == []
    read = plain(documents[0].root, lambda scalar: scalar.value)
    assert _unescaped(read) == {"metadata": value}
    outcome = format_text(text, "m.yaml")
    assert isinstance(outcome, Formatted)
    assert outcome.text == text


def _unescaped(value: Any) -> Any:
    """What variables leave of it."""
    if isinstance(value, dict):
        return {key: _unescaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return list(map(_unescaped, value))
    return value.replace("$${", "${") if isinstance(value, str) else value
