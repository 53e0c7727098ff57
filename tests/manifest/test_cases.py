"""Every folder of ``tests/cases/manifest``: what is said of the manifest in it, word for word.

A new case is a folder; ``UPDATE_CASES=1 pytest tests/manifest/test_cases.py`` writes its
``expected.txt``, which a person then reads.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler import registry
from reconciler.diagnostics import has_errors
from reconciler.errors import ManifestError
from reconciler.json_schema import validate
from reconciler.manifest import documents, nodes, schema
from reconciler.manifest.desired import Inputs, Manifest, load
from reconciler.report.diagnostics import render_text

ROOT = Path(__file__).parents[2]
CASES = sorted((ROOT / "tests" / "cases" / "manifest").iterdir())
EXAMPLES = sorted(path for path in (ROOT / "manifests").iterdir() if path.name[0] != "_")

ONE_VALUE = {
    *("RC007", "RC101", "RC102", "RC103", "RC104", "RC106", "RC107", "RC301", "RC303", "RC405"),
}
"""What a JSON Schema can say too."""


def manifest_at(path: Path) -> Manifest:
    """The manifest, with the ``_overlay.yaml`` and ``_vars.yaml`` beside it laid over it."""
    overlays, values = path.glob("_overlay.yaml"), path.glob("_vars.yaml")
    inputs = Inputs(overlays=tuple(overlays), variable_files=tuple(values))
    return load(path, registry.load(), default_app_id=None, inputs=inputs)


def told(path: Path) -> str:
    try:
        manifest = manifest_at(path)
    except ManifestError as error:
        assert has_errors(error.diagnostics)
        return render_text(error.diagnostics, error.sources)
    assert not has_errors(manifest.diagnostics)
    return render_text(manifest.diagnostics, manifest.sources)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_is_told_as_expected(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case)
    expected = case / "expected.txt"
    if os.environ.get("UPDATE_CASES"):
        expected.write_text(told(Path(".")))
    assert told(Path(".")) == expected.read_text()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_has_nothing_to_say(example: Path) -> None:
    assert told(example) == ""


@pytest.mark.parametrize("case", [*CASES, *EXAMPLES], ids=lambda case: case.name)
def test_an_editor_flags_the_lines_that_validate_flags(
    case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(case)
    try:
        found = manifest_at(Path(".")).diagnostics
    except ManifestError as error:
        found = error.diagnostics
    wanted = {(one.origin.file, one.origin.line) for one in found if one.code in ONE_VALUE}
    loaded = documents.load(Path("."))
    built = schema.json_schema(registry.load())
    flagged, missing = set(), set()
    for document in loaded.documents:
        for problem in validate(nodes.plain(document.root), built):
            place = nodes.locate(document.root, problem.path, key=True)
            found_at = missing if problem.keyword in ("required", "uniqueItems") else flagged
            found_at.add((place.file, place.line))
    if not (case / "beyond-schema.txt").exists():
        assert flagged <= wanted
        # a misspelt key is not told to be missing as well, and a double is RC105
        assert wanted <= flagged | missing
