"""The JSON Schema and ``validate`` say the same of one value, as far as a schema can know.

Sound manifests are sound to both. After one change, what ``validate`` reports of a value by itself is
flagged at that line by an editor too, and what an editor flags is an error.
"""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from manifest.messy import Writer, manifest
from manifest.trees import CORRECT, SDK, bent

from reconciler import registry
from reconciler.diagnostics import Diagnostic, Severity
from reconciler.errors import ManifestError
from reconciler.json_schema import validate
from reconciler.manifest import documents, nodes, schema
from reconciler.manifest.desired import load

KINDS = registry.load()
SCHEMA = schema.json_schema(KINDS)

OF_ONE_VALUE = {"RC101", "RC102", "RC103", "RC104", "RC106", "RC107", "RC301", "RC405"}
FOR_ANOTHER_REASON = {"RC003", "RC105", "RC303", "RC401", "RC403"}
"""Errors of a value that the schema may flag in words of its own: doubles, a use without an end."""

MISSING = {"required", "dependentRequired"}

often = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


def found(path: Any) -> list[Diagnostic]:
    try:
        return list(load(path, KINDS, default_app_id="app").diagnostics)
    except ManifestError as error:
        return list(error.diagnostics)


def flagged(path: Any) -> tuple[dict[int, str], dict[int, str]]:
    """The lines that an editor underlines, each with what it says; those of what is missing apart:
    a mapping has a beginning, and a key that it is the value of.
    """
    loaded = documents.load(path)
    lines: tuple[dict[int, str], dict[int, str]] = ({}, {})
    for document in loaded.documents:
        for problem in validate(nodes.plain(document.root), SCHEMA):
            # of a double, validate points at the item, an editor at the list
            for key in (True, False) if problem.keyword != "uniqueItems" else ():
                place = nodes.locate(document.root, problem.path, key=key)
                lines[problem.keyword in MISSING][place.line] = str(problem)
    return lines


@often
@given(seed=st.integers(0, 10**9))
def test_a_sound_manifest_is_sound_to_both(tmp_path: Any, seed: int) -> None:
    path = tmp_path / "m.yaml"
    rnd = Random(seed)
    path.write_text(Writer(rnd).write(manifest(rnd)), "utf-8")
    assert [one for one in found(path) if one.code in OF_ONE_VALUE] == []
    assert flagged(path) == ({}, {})


@often
@given(tree=st.sampled_from([CORRECT, SDK]))
def test_what_the_changes_begin_with_is_sound(tmp_path: Any, tree: Any) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(json.dumps(tree), "utf-8")
    assert [one for one in found(path) if one.severity is Severity.ERROR] == []
    assert flagged(path) == ({}, {})


@often
@given(tree=bent(CORRECT, changes=1) | bent(SDK, changes=1))
def test_one_change_is_wrong_to_both_or_to_neither(tmp_path: Any, tree: Any) -> None:
    path = tmp_path / "m.yaml"
    # one key or value a line, so that a line tells which of them is meant
    path.write_text(json.dumps(tree, indent=1), "utf-8")
    problems = found(path)
    wanted = {one.origin.line for one in problems if one.code in OF_ONE_VALUE and known(one)}
    wrong = {one.origin.line for one in problems if one.code in OF_ONE_VALUE | FOR_ANOTHER_REASON}
    lines, missing = flagged(path)
    codes = {one.code for one in problems}
    if any(unread(one) for one in problems):
        return
    assert set(lines) <= wrong, (lines, problems)
    assert wanted <= lines.keys() | missing.keys(), (lines, missing, problems)
    assert missing or "RC103" not in codes, problems
    # a misspelt key is not told to be missing as well
    assert not missing or codes & {"RC101", "RC103"}, (missing, problems)


def unread(found: Diagnostic) -> bool:
    """Whether validate cannot tell what the rest of a document of the SDK's is about."""
    return found.message.endswith("stand in one document") or found.hint == "name the workflow"


def known(found: Diagnostic) -> bool:
    """Whether a schema can know it.

    It knows neither what names are like, nor what a variable holds, nor how a number is written, and
    says of what is missing where it is missing.
    """
    return (
        not found.message.startswith("unknown model type")
        and re.match(r"'[-+.0-9eE]+' is no id", found.message) is None
        and not any(said.startswith("variable ") for said, _ in found.related)
        and found.code != "RC103"
    )
