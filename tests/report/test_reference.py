"""The manifest's reference: all keys are there, links lead somewhere, examples are what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from reconciler import registry
from reconciler.errors import ManifestError
from reconciler.json_schema import validate
from reconciler.manifest import documents, nodes, schema
from reconciler.manifest.desired import Inputs, load
from reconciler.report import reference

SCHEMA = schema.json_schema(registry.load())
PAGE = reference.render(SCHEMA)
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def read(block: str) -> list[Any]:
    loaded = documents.load_texts({"block": block})
    assert loaded.diagnostics == ()
    return [nodes.plain(document.root) for document in loaded.documents]


def test_every_key_of_the_schema_has_a_row() -> None:
    rows = set(re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE))
    keys = {key for spec in SCHEMA["$defs"].values() for key in spec["properties"]}
    assert keys <= rows
    sections = re.findall(r"^### `(\w+)`", PAGE, re.MULTILINE)
    assert sections == list(SCHEMA["properties"])


def test_every_wire_field_is_named() -> None:
    wires = {
        said["x-wire"]
        for spec in SCHEMA["$defs"].values()
        for said in spec["properties"].values()
        if said.get("x-wire")
    }
    assert [wire for wire in wires if f"| `{wire}` |" not in PAGE] == []


def test_a_key_says_its_value_its_default_and_whether_it_must_be_there() -> None:
    lines = PAGE.splitlines()
    assert (
        "| `thresholds` | mapping of id to number from 0 to 1; required | "
        "`model_version.output_info.data.concepts[].value` | "
        "The threshold of each concept, from 0 to 1. |"
    ) in lines
    assert (
        "| `train` | `when-changed` or `when-untrained` or `never`; `when-changed` if left out |  | "
        "When `apply` trains: on a changed specification, only the first time, or never. |"
    ) in lines


def test_links_lead_to_headings() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in PAGE.splitlines()
        if line.startswith("#")
    }
    assert [link for link in re.findall(r"\]\(#([^)]+)\)", PAGE) if link not in headings] == []


OVERLAY = BLOCKS[2]
"""Part of a manifest only."""


@pytest.mark.parametrize(
    "block", [b for b in BLOCKS if b != OVERLAY], ids=lambda block: block.split("\n")[0][:30]
)
def test_an_example_is_valid(block: str) -> None:
    specs = [{**spec, "$defs": SCHEMA["$defs"]} for spec in SCHEMA["$defs"].values()]
    for document in read(block):
        told = validate(document, SCHEMA)
        assert not told or any(not validate(document, spec) for spec in specs), told


def test_the_overlay_of_the_page_fits_the_people(tmp_path: Path) -> None:
    path = tmp_path / "_production.yaml"
    path.write_text(OVERLAY, "utf-8")
    people = Path(__file__).parents[2] / "manifests" / "people"
    inputs = Inputs(overlays=(path,))
    with pytest.raises(ManifestError) as caught:
        load(people, registry.load(), default_app_id=None, inputs=inputs)
    assert [found.code for found in caught.value.diagnostics] == ["RC406"], "there are no notes"


@pytest.mark.parametrize("index", [0, 3], ids=["the first", "the SDK's"])
def test_a_whole_manifest_of_the_page_loads_without_warnings(index: int, tmp_path: Path) -> None:
    path = tmp_path / "app.yaml"
    path.write_text(BLOCKS[index], "utf-8")
    assert load(path, registry.load(), default_app_id=None).diagnostics == ()
