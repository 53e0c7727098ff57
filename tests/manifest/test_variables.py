"""Variables and overlays: types, escapes, precedence, cycles, and places in every message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import registry
from reconciler.call import Target
from reconciler.errors import ManifestError
from reconciler.kind import Scope
from reconciler.manifest.desired import Inputs, Manifest, load
from reconciler.report.diagnostics import render_text
from reconciler.resource import ResourceGraph

KINDS = registry.load()
APP = """\
app: {id: "people-${ENV}"}
variables:
  ENV: {default: staging}
  ADULT: {type: number, default: 0.9}
  LOUD: {type: boolean, default: false}
concepts: {adult: {definition: "from ${ENV}, not $${ENV}"}}
models:
  confident:
    model_type_id: concept-threshold
    concept_threshold_type: GREATER_THAN
    thresholds: {adult: "${ADULT}"}
    filter_other_concepts: "${LOUD}"
    notes: "${ADULT}"
"""


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def loaded(folder: Path, **inputs: Any) -> Manifest:
    return load(folder, KINDS, default_app_id=None, inputs=Inputs(**inputs))


def graph(manifest: Manifest) -> ResourceGraph:
    return manifest.build(KINDS, Scope(Target("alice", manifest.app_id), "alice"))


def thresholder(manifest: Manifest) -> tuple[Any, Any, Any]:
    (model,) = [r for r in graph(manifest) if r.address.kind == "model"]
    assert model.configuration is not None
    config = model.configuration
    adult = config["thresholds"]["adult"]
    return adult, config["filter_other_concepts"], model.fields["notes"]


def problems(folder: Path, **inputs: Any) -> list[str]:
    """The messages, with file names cut to their last part."""
    with pytest.raises(ManifestError) as caught:
        loaded(folder, **inputs)
    text = render_text(caught.value.diagnostics, {}, color=False)
    return text.replace(f"{folder.as_posix()}/", "").splitlines()[:-1]


def test_defaults_take_their_declared_type_and_text_stays_text(tmp_path: Path) -> None:
    manifest = loaded(write(tmp_path, app=APP))
    assert manifest.app_id == "people-staging"
    assert thresholder(manifest) == (0.9, False, "0.9")
    (concept,) = [r for r in graph(manifest) if r.address.kind == "concept"]
    assert concept.fields["definition"] == "from staging, not ${ENV}"


def test_the_command_line_wins_over_files_and_files_over_the_environment(tmp_path: Path) -> None:
    write(tmp_path, app=APP, _vars="ADULT: 0.7\nLOUD: true\n")
    environment = {"ADULT": "0.5", "ENV": "test", "UNRELATED": "x"}
    files = (tmp_path / "_vars.yaml",)
    manifest = loaded(tmp_path, environment=environment, variable_files=files)
    assert (manifest.app_id, *thresholder(manifest)) == ("people-test", 0.7, True, "0.7")
    manifest = loaded(
        tmp_path, environment=environment, variable_files=files, variables={"ADULT": "0.3"}
    )
    assert thresholder(manifest)[0] == 0.3


def test_the_digest_covers_values(tmp_path: Path) -> None:
    write(tmp_path, app=APP)
    digests = {loaded(tmp_path, variables={"ADULT": text}).digest for text in ("0.3", "0.4")}
    assert len(digests) == 2


WRONG = {
    "unknown": (
        {"app": APP.replace("${ADULT}", "${ADLT}", 1)},
        {},
        ["app.yaml:11:25: error RC401: unknown variable 'ADLT', did you mean 'ADULT'?"],
    ),
    "wrong type": (
        {"app": APP},
        {"variables": {"ADULT": "high"}},
        [
            "--var ADULT: error RC403: variable 'ADULT' is a number, got 'high' "
            "(declared here: app.yaml:4:3)"
        ],
    ),
    "quoted number in a file": (
        {"app": APP, "_vars": 'ADULT: "0.5"\n'},
        {"variable_files": "_vars.yaml"},
        [
            "_vars.yaml:1:8: error RC403: variable 'ADULT' is a number, got '0.5' "
            "(declared here: app.yaml:4:3)"
        ],
    ),
    "out of range": (
        {"app": APP},
        {"environment": {"ADULT": "1.5"}},
        [
            "app.yaml:11:25: error RC301: 1.5 is out of range, expected at most 1 "
            "(variable 'ADULT' is set here: RECONCILER_VAR_ADULT)"
        ],
    ),
    "not declared": (
        {"app": APP},
        {"variables": {"ADLT": "1"}},
        [
            "--var ADLT: error RC407: a value is set for 'ADLT', which the manifest does not "
            "declare, did you mean 'ADULT'?"
        ],
    ),
    "no value": (
        {"app": APP.replace(", default: 0.9", "")},
        {},
        [
            "app.yaml:4:3: error RC402: variable 'ADULT' has no value; set it: --var ADULT=VALUE, "
            "a --var-file, RECONCILER_VAR_ADULT, or a default"
        ],
    ),
    "no value, and a file that cannot be read": (
        {"app": APP.replace(", default: 0.9", ""), "_vars": "ADULT: [0.9\n"},
        {"variable_files": "_vars.yaml"},
        ["_vars.yaml:1:8: error RC002: '[' is never closed; add ']'"],
    ),
    "circle": (
        {"app": APP.replace("default: staging", 'default: "${A}"').replace(
            "  LOUD:", '  A: {default: "${ENV}"}\n  LOUD:')},
        {},
        [
            "app.yaml:5:16: error RC404: variables use each other in a circle: A -> ENV -> A; "
            "give one of them a value"
        ],
    ),
    "reserved": (
        {"app": APP.replace("  ENV:", "  FILE: {default: x}\n  ENV:")},
        {},
        [
            "app.yaml:3:3: error RC405: a variable cannot be called 'FILE'; RECONCILER_VAR_FILE is "
            "the option's own name; choose another"
        ],
    ),
    "never ends": (
        {"app": APP.replace("from ${ENV}, not $${ENV}", "from ${ENV")},
        {},
        [
            "app.yaml:6:32: error RC401: '${' begins a variable that never ends; close it with }, "
            "or write $${ for the two characters"
        ],
    ),
    "overlay of a model that is not there": (
        {"app": APP, "_prod": "models: {confidnt: {description: x}}\n"},
        {"overlays": "_prod.yaml"},
        [
            "_prod.yaml:1:10: error RC406: the manifest has no 'confidnt' to change, did you mean "
            "'confident'?"
        ],
    ),
    "overlay of nothing": (
        {"app": APP, "_prod": "models: {confident: {descriptoin: null}}\n"},
        {"overlays": "_prod.yaml"},
        [
            "_prod.yaml:1:22: error RC406: the manifest has no 'descriptoin' to change; an overlay "
            "can only change or take out what is there"
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "inputs", "expected"), WRONG.values(), ids=WRONG.keys())
def test_every_mistake_names_its_place_and_the_way_out(
    tmp_path: Path, files: dict[str, str], inputs: dict[str, Any], expected: list[str]
) -> None:
    write(tmp_path, **files)
    paths = {
        key: (tmp_path / value,) if isinstance(value, str) else value
        for key, value in inputs.items()
    }
    assert problems(tmp_path, **paths) == expected


def test_an_overlay_merges_maps_deeply_replaces_lists_and_null_takes_out(tmp_path: Path) -> None:
    production = """\
app: {description: in production}
variables: {ENV: {default: prod}}
concepts: {man: {name: a man}}
models: {confident: {thresholds: {adult: 0.95, man: 0.8}, notes: null}}
"""
    write(tmp_path, app=APP, _prod=production)
    manifest = loaded(tmp_path, overlays=(tmp_path / "_prod.yaml",))
    assert manifest.app_id == "people-prod"
    (model,) = [r for r in graph(manifest) if r.address.kind == "model"]
    assert model.configuration is not None
    assert dict(model.configuration["thresholds"]) == {"adult": 0.95, "man": 0.8}
    assert "notes" not in model.fields
    assert sorted(manifest.sections["concepts"]) == ["adult", "man"]


def test_an_overlay_merges_nodes_by_id(tmp_path: Path) -> None:
    base = """\
app: {id: a}
models:
  half: {model_type_id: random-sample, params: {keep_fraction: 0.5}}
  tenth: {model_type_id: random-sample, params: {keep_fraction: 0.1}}
workflows:
  main:
    nodes:
      - {id: first, model: half}
      - {id: second, model: half, node_inputs: [first]}
"""
    overlay = "workflows: {main: {nodes: [{id: second, model: tenth}, {id: third, model: half}]}}\n"
    write(tmp_path, app=base, _more=overlay)
    manifest = loaded(tmp_path, overlays=(tmp_path / "_more.yaml",))
    (workflow,) = [r for r in graph(manifest) if r.address.kind == "workflow"]
    nodes = workflow.fields["nodes"]
    assert {id_: (n["model"], n["node_inputs"]) for id_, n in nodes.items()} == {
        "first": ("half", ()),
        "second": ("tenth", ("first",)),
        "third": ("half", ()),
    }


@given(st.text(alphabet="ab${}X ", max_size=12))
def test_escaped_text_comes_back_as_it_was(text: str) -> None:
    from reconciler.manifest.documents import load_texts
    from reconciler.manifest.nodes import Scalar
    from reconciler.manifest.schema import forms
    from reconciler.manifest.sections import merge
    from reconciler.manifest.variables import fill
    from reconciler.origin import Origin

    documents = load_texts({"f": "app: {description: x}"}).documents
    sections, _ = merge(documents, forms(KINDS), Origin("f"))
    scalar = sections.entries["app"]["description"].value
    assert isinstance(scalar, Scalar)
    scalar.value = scalar.text = text.replace("${", "$${")
    filled = fill(sections, {})
    assert filled.diagnostics == ()
    after = filled.sections.entries["app"]["description"].value
    assert isinstance(after, Scalar)
    assert after.text == text


def test_variables_that_grow_are_stopped_and_told_once(tmp_path: Path) -> None:
    lines = ["app: {id: a, description: '${V40}'}", "variables:", "  V0: {default: ha}"]
    lines += [f"  V{n}: {{default: '${{V{n - 1}}}${{V{n - 1}}}'}}" for n in range(1, 41)]
    found = problems(write(tmp_path, app="\n".join(lines)))
    assert found == [
        "app.yaml:23:18: error RC004: variables put more than 4,000,000 characters into other text; "
        "do not build variables from variables that grow (variable 'V19' is set here: "
        "app.yaml:22:18)"
    ]


def test_a_long_circle_is_not_told_name_by_name(tmp_path: Path) -> None:
    lines = [f"  V{n:02}: {{default: '${{V{(n + 1) % 30:02}}}'}}" for n in range(30)]
    found = problems(write(tmp_path, app="\n".join(["app: {id: a}", "variables:", *lines])))
    assert found == [
        "app.yaml:3:18: error RC404: variables use each other in a circle: V00 -> V01 -> V02 -> V03 "
        "-> V04 -> V05 -> V06 -> V07 -> … 22 more -> V00; give one of them a value"
    ]


def test_the_example_of_staging_and_production_is_one_manifest_for_two_apps() -> None:
    staged = Path(__file__).parents[2] / "manifests" / "staged"
    production = (staged / "_production.yaml",)
    staging = loaded(staged)
    live = loaded(staged, overlays=production, variables={"ADULT": "0.97"})
    assert (staging.app_id, live.app_id) == ("people-staging", "people-production")
    assert staging.diagnostics == live.diagnostics == ()
    before, after = graph(staging), graph(live)
    changed = {
        str(resource.address)
        for resource in after
        if (found := before.get(resource.address)) is None
        or (resource.fields, resource.configuration, resource.options)
        != (found.fields, found.configuration, found.options)
    }
    assert changed == {
        "app",
        "model.confident",
        "model.doubtful",
        "model.write-sure",
        "workflow.auto-annotation",
    }
    assert len(before) == len(after)
