"""Pictures of workflows: whole texts, and what must hold for any workflow."""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler import registry
from reconciler.address import DEFAULT_WORKFLOW, Address
from reconciler.call import Target
from reconciler.cli.commands.graph import command
from reconciler.errors import SettingsError
from reconciler.kind import Scope
from reconciler.manifest.desired import load
from reconciler.picture.drawing import Role
from reconciler.picture.layout import Size, arrange
from reconciler.report.drawing import draw
from reconciler.report.graph import RENDERERS
from reconciler.resource import Resource, ResourceGraph

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "graph"
SUFFIXES = {"mermaid": "mmd", "dot": "dot", "svg": "svg"}
HOSTILE = ['"', "<b>&amp;", "a]--x", "`x`", "\\n", "#quot;", "- x", "1. x", "\x1b[31m", "\u202e", "\uffff", "漢字", "}}|"]  # fmt: skip


def example(name: str) -> ResourceGraph:
    manifest = load(ROOT / "manifests" / name, registry.load(), default_app_id=None)
    return manifest.build(registry.load(), Scope(Target("me", manifest.app_id)))


def workflow(id_: str, **inputs: list[str]) -> Resource:
    return named(id_, inputs)


def named(id_: str, inputs: dict[str, list[str]], model: str = "m") -> Resource:
    node = {"model": model, "model_version_id": "", "output_info_override": {}}
    nodes = {name: {**node, "node_inputs": tuple(sources)} for name, sources in inputs.items()}
    return Resource(Address("workflow", (id_,)), {"nodes": nodes})


def model(id_: str, type_id: str, **configuration: Any) -> Resource:
    return Resource(Address("model", (id_,)), {"model_type_id": type_id}, configuration)


def thresholder(**thresholds: float) -> Resource:
    settings_ = {"concept_threshold_type": "GREATER_THAN", "thresholds": thresholds}
    return model("m", "concept-threshold", **settings_)


@pytest.mark.parametrize("format_", RENDERERS)
@pytest.mark.parametrize("name", ["people", "park", "digits"])
def test_the_examples_are_drawn_as_expected(name: str, format_: str) -> None:
    made = RENDERERS[format_](draw(example(name)))
    kept = GOLDEN / f"{name}.{SUFFIXES[format_]}"
    if os.environ.get("UPDATE_GOLDEN"):
        kept.write_text(made, "utf-8")
    assert made == kept.read_text("utf-8")


def test_a_drawing_says_what_each_node_does() -> None:
    (drawing,) = draw(example("people"))
    boxes = {box.title: box for box in drawing.boxes.values()}
    assert drawing.title == "auto-annotation (default workflow)"
    assert {title: box.role for title, box in boxes.items()} == {
        "input": Role.INPUT,
        "embed": Role.EXTERNAL,
        "general": Role.EXTERNAL,
        "cluster": Role.EXTERNAL,
        "mapper": Role.MAPPER,
        "confident": Role.THRESHOLD,
        "doubtful": Role.THRESHOLD,
        "plausible": Role.THRESHOLD,
        "success": Role.SUCCESS,
        "pending": Role.PENDING,
    }
    assert boxes["confident"].passes == ("man, people >= 0.5", "adult >= 0.95")
    assert boxes["doubtful"].passes == ("man, people < 0.5", "adult < 0.95")
    assert boxes["plausible"].passes == ("adult, man, people >= 0.1",)
    arrows = {(drawing.boxes[a].title, drawing.boxes[b].title) for a, b in drawing.arrows}
    assert arrows == {
        ("input", "embed"),
        ("input", "general"),
        ("embed", "cluster"),
        ("general", "mapper"),
        ("mapper", "confident"),
        ("mapper", "doubtful"),
        ("confident", "success"),
        ("doubtful", "plausible"),
        ("plausible", "pending"),
    }


PASSES = {
    "one": ({"a": 0.5}, ("a > 0.5",)),
    "few of one value": ({"b": 1.0, "a": 1.0}, ("a, b > 1",)),
    "many of one value": (dict.fromkeys("abcd", 0.5), ("all 4 concepts > 0.5",)),
    "many of some values": (
        {**dict.fromkeys("abcd", 0.5), "e": 0.75},
        ("4 concepts > 0.5", "e > 0.75"),
    ),
    "many values": (
        {f"c{n}": n / 8 for n in range(8)},
        (*(f"c{n} > {n / 8 or 0}" for n in range(5)), "... and 3 more"),
    ),
    "six values": (
        {f"c{n}": n / 8 for n in range(6)},
        tuple(f"c{n} > {n / 8 or 0}" for n in range(6)),
    ),
    "long names": ({"a" * 40: 0.5, "b" * 40: 0.5}, ("all 2 concepts > 0.5",)),
    "a long name": ({"a" * 60: 0.5}, (f"{'a' * 45}… > 0.5",)),
}


@pytest.mark.parametrize(("thresholds", "expected"), PASSES.values(), ids=PASSES)
def test_thresholds_of_one_value_are_told_together(
    thresholds: dict[str, float], expected: tuple[str, ...]
) -> None:
    (drawing,) = draw(ResourceGraph.of([workflow("w", m=[]), thresholder(**thresholds)]))
    assert drawing.boxes["n1"].passes == expected


def test_an_override_is_what_counts() -> None:
    override = {"data": {"concepts": {"b": 0.25}}, "params": {"concept_threshold_type": "EQUAL"}}
    node = {"model": "m", "model_version_id": "v2", "node_inputs": ()}
    nodes = {"n": {**node, "output_info_override": override}}
    flow = Resource(Address("workflow", ("w",)), {"nodes": nodes})
    (drawing,) = draw(ResourceGraph.of([flow, thresholder(a=0.5)]))
    assert drawing.boxes["n1"].passes == ("b = 0.25",)
    assert drawing.boxes["n1"].lines == ("m@v2", "concept-threshold (overridden)")


def test_the_default_workflow_comes_first_and_one_can_be_chosen() -> None:
    default = Resource(Address(DEFAULT_WORKFLOW), {"workflow": "z"})
    graph = ResourceGraph.of([workflow("a", n=[]), workflow("z", n=[]), default])
    titles = [drawing.title for drawing in draw(graph)]
    assert titles == ["z (default workflow)", "a"]
    assert [drawing.title for drawing in draw(graph, "a")] == ["a"]


def test_what_is_not_there_cannot_be_drawn() -> None:
    with pytest.raises(SettingsError, match=r"no workflow 'auto'\n  did you mean 'auto-1'\?"):
        draw(ResourceGraph.of([workflow("auto-1", n=[])]), "auto")
    with pytest.raises(SettingsError, match="the manifest has no workflow to draw"):
        draw(ResourceGraph.of([]))


IDS = st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=8)


@settings(max_examples=100, deadline=None)
@given(st.lists(IDS, min_size=1, max_size=9, unique=True), st.data())
def test_any_text_stays_text(ids: list[str], data: st.DataObject) -> None:
    inputs = {
        id_: data.draw(st.lists(st.sampled_from(ids[:at]), unique=True)) if at else []
        for at, id_ in enumerate(ids)
    }
    concept = data.draw(IDS)
    drawings = draw(ResourceGraph.of([named("w", inputs), thresholder(**{concept: 0.5})]))
    svg = ElementTree.fromstring(RENDERERS["svg"](drawings))
    shown = [element.text for element in svg.iter() if element.tag.endswith("text")]
    assert len(shown) == 2 + 4 * len(ids) - ids.count(
        "m"
    )  # title, input; name, model, type, thresholds
    for line in RENDERERS["mermaid"](drawings).splitlines():
        label = re.fullmatch(r'[^"]*"([^"]*)"[^"]*', line)
        assert label is None or not re.search(r"[`\[\]{}|<>&\\\x1b]", label[1].replace("<br/>", ""))
        assert line.count('"') in (0, 2)
    for line in RENDERERS["dot"](drawings).splitlines():
        outside = re.sub(r'"(?:[^"\\]|\\[n"\\])*"', "", line)
        assert '"' not in outside and "\\" not in outside


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_boxes_overlap_nowhere_and_arrows_lead_down(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    keys = [f"n{number}" for number in range(count)]
    sizes = {
        key: Size(float(data.draw(st.integers(20, 300))), float(data.draw(st.integers(20, 90))))
        for key in keys
    }
    pairs = [(a, b) for at, b in enumerate(keys) for a in keys[:at]]
    arrows = data.draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    layout = arrange(sizes, arrows)
    assert arrange(sizes, arrows) == layout
    boxes = [(x - sizes[k].width / 2, y, x + sizes[k].width / 2, y + sizes[k].height)
             for k, (x, y) in layout.places.items()]  # fmt: skip
    for at, (left, top, right, bottom) in enumerate(boxes):
        assert left >= -0.1 and top >= 0
        assert right <= layout.width + 0.1 and bottom <= layout.height + 0.1
        for other in boxes[:at]:
            beside = right < other[0] or other[2] < left
            assert beside or bottom < other[1] or other[3] < top
    for (source, target), edge in zip(arrows, layout.edges, strict=True):
        assert edge[0] == (
            layout.places[source][0],
            layout.places[source][1] + sizes[source].height,
        )
        assert edge[-1] == layout.places[target]
        for (x, y), (to_x, to_y) in pairwise(edge):
            assert y < to_y
            if x == to_x:  # straight down, beside what stands in its way
                between = [b for b in boxes if b[1] < (y + to_y) / 2 < b[3]]
                assert not any(b[0] < x < b[2] for b in between)


def test_the_order_of_nodes_plays_no_part() -> None:
    graphs = [
        ResourceGraph.of([workflow("w", a=[], b=["a"], c=["a", "b"]), thresholder(x=0.5, y=0.5)]),
        ResourceGraph.of([thresholder(y=0.5, x=0.5), workflow("w", c=["b", "a"], b=["a"], a=[])]),
    ]
    for render in RENDERERS.values():
        assert render(draw(graphs[0])) == render(draw(graphs[1]))


def test_the_command_prints_or_writes(tmp_path: Path) -> None:
    people = str(ROOT / "manifests" / "people")
    printed = CliRunner().invoke(command, [people, "--workflow", "auto-annotation"])
    assert printed.stdout == (GOLDEN / "people.mmd").read_text("utf-8")
    out = tmp_path / "people.svg"
    written = CliRunner().invoke(command, [people, "--format", "svg", "-o", str(out)])
    assert (written.exit_code, written.stdout) == (0, "")
    assert out.read_bytes() == (GOLDEN / "people.svg").read_bytes()
