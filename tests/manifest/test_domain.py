"""The warnings of the domain: what is said of which manifest, and of which nothing."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from manifest.warned import warnings, warnings_of

from reconciler.diagnostics import CODES, Diagnostic, Severity

ROOT = Path(__file__).parents[2]
EMBED = "clarifai/main/general-image-embedding@bb186755eda04f9cbb6fe32e816be104"
GENERAL = "clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40"
DETECT = "clarifai/main/face-detection@fe995da8cb73490f8556416ecf25cea3"

WRITERS = """
  success: {model_type_id: annotation-writer, annotation_status: ANNOTATION_SUCCESS, annotation_user_id: me}
  pending: {model_type_id: annotation-writer, annotation_status: ANNOTATION_PENDING, annotation_user_id: me}
"""


def threshold(id_: str, comparator: str, more: str = "", **thresholds: float) -> str:
    values = ", ".join(f"{concept}: {value}" for concept, value in thresholds.items())
    return (
        f"  {id_}: {{model_type_id: concept-threshold, concept_threshold_type: {comparator},"
        f" thresholds: {{{values}}}{more}}}\n"
    )


def manifest(models: str, nodes: str, *, before: str = "concepts: [people, adult]") -> str:
    """A manifest with the two writers, a classifier of both concepts, and one workflow."""
    classifier = "  classifier: {model_type_id: embedding-classifier, concepts: [people, adult]}\n"
    return (
        f"app: {{id: app}}\n{before}\nmodels:\n{classifier}{models}{WRITERS}"
        "workflows:\n  auto:\n    nodes:\n"
        + textwrap.indent(
            f"- {{id: embed, model: {EMBED}}}\n"
            "- {id: classify, model: classifier, node_inputs: [embed]}\n" + textwrap.dedent(nodes),
            "      ",
        )
    )


BOTH = """
- {id: confident, model: confident, node_inputs: [classify]}
- {id: success, model: success, node_inputs: [confident]}
- {id: doubtful, model: doubtful, node_inputs: [classify]}
- {id: plausible, model: plausible, node_inputs: [doubtful]}
- {id: pending, model: pending, node_inputs: [plausible]}
"""


def pair(upper: str, upper_at: float, lower: str, lower_at: float, floor: float = 0.1) -> str:
    return (
        threshold("confident", upper, people=upper_at, adult=0.9)
        + threshold("doubtful", lower, people=lower_at, adult=0.9)
        + threshold("plausible", "GREATER_THAN_OR_EQUAL", people=floor, adult=0.1)
    )


def told(found: tuple[Diagnostic, ...]) -> list[str]:
    return [f"{one.code} {one.address} {one.field}: {one.message}" for one in found]


GTE, GT, LT, LTE = "GREATER_THAN_OR_EQUAL", "GREATER_THAN", "LESS_THAN", "LESS_THAN_OR_EQUAL"


@pytest.mark.parametrize("example", ["people", "park", "digits"])
def test_the_examples_are_free_of_warnings(example: str) -> None:
    assert warnings(ROOT / "manifests" / example) == ()


@pytest.mark.parametrize(
    ("upper", "upper_at", "lower", "lower_at", "expected"),
    [
        (GTE, 0.9, LT, 0.9, None),
        (GT, 0.9, LTE, 0.9, None),
        (GTE, 0.5, LT, 0.500000001, None),  # one and the same float32
        (GT, 0.9, LT, 0.9, "RC512 a score of exactly 0.9 for 'people' is written by nobody"),
        (
            GTE,
            0.9,
            LT,
            0.5,
            "RC511 scores of 'people' that are >= 0.5 and < 0.9 are written by nobody",
        ),
        (
            GT,
            0.9,
            LTE,
            0.5,
            "RC511 scores of 'people' that are > 0.5 and <= 0.9 are written by nobody",
        ),
        (
            GTE,
            0.5,
            LT,
            0.9,
            "RC513 scores of 'people' that are >= 0.5 and < 0.9 are written twice,"
            " as ANNOTATION_SUCCESS",
        ),
        (
            GTE,
            0.9,
            LTE,
            0.9,
            "RC513 scores of 'people' that are exactly 0.9 are written twice,"
            " as ANNOTATION_SUCCESS",
        ),
    ],
)
def test_the_two_paths_of_a_concept(
    tmp_path: Path, upper: str, upper_at: float, lower: str, lower_at: float, expected: str | None
) -> None:
    found = warnings_of(manifest(pair(upper, upper_at, lower, lower_at), BOTH), tmp_path)
    # 'adult' has the same thresholds on both paths, so that strict comparators leave its hole too
    of_people = [one for one in found if one.field == "thresholds.people"]
    said = [f"{one.code} {one.message.split(':')[0].split(' by ')[0]}" for one in of_people]
    wanted = [] if expected is None else [expected.split(" by ")[0]]
    assert said == wanted


def test_a_hole_stands_at_the_upper_threshold_and_names_the_other(tmp_path: Path) -> None:
    models = threshold("confident", GT, people=0.5) + threshold("doubtful", LT, people=0.5)
    nodes = """
    - {id: confident, model: confident, node_inputs: [classify]}
    - {id: success, model: success, node_inputs: [confident]}
    - {id: doubtful, model: doubtful, node_inputs: [classify]}
    - {id: pending, model: pending, node_inputs: [doubtful]}
    """
    text = manifest(models, nodes).replace("concepts: [people, adult]", "concepts: [people]")
    hole, floor = warnings_of(text, tmp_path)
    lines = text.splitlines()
    assert (hole.code, hole.severity) == ("RC512", Severity.WARNING)
    assert hole.message == (
        "a score of exactly 0.5 for 'people' is written by nobody:"
        " 'success' takes > 0.5, 'pending' takes < 0.5"
    )
    assert lines[hole.origin.line - 1].lstrip().startswith("confident:")
    assert lines[hole.origin.line - 1][hole.origin.column - 1 :].startswith("0.5}")
    ((words, other),) = hole.related
    assert words == "the other bound"
    assert lines[other.line - 1].lstrip().startswith("doubtful:")
    assert (hole.address, hole.field) == ("model.confident", "thresholds.people")
    assert floor.code == "RC514"
    assert floor.message == (
        "'pending' asks a human about every score of 'people' that is < 0.5, even 0.01:"
        " nothing on the path asks for more"
    )
    assert floor.hint == (
        "put a thresholder between 'doubtful' and 'pending', such as GREATER_THAN_OR_EQUAL 0.1"
    )


def test_a_floor_of_zero_is_none(tmp_path: Path) -> None:
    text = manifest(pair(GTE, 0.9, LT, 0.9, floor=0.0), BOTH)
    assert [one.code for one in warnings_of(text, tmp_path)] == ["RC514"]
    text = manifest(pair(GTE, 0.9, LT, 0.9, floor=0.01), BOTH)
    assert warnings_of(text, tmp_path) == ()


def test_reviewing_everything_has_no_floor_either(tmp_path: Path) -> None:
    nodes = "- {id: review, model: pending, node_inputs: [classify]}\n"
    nodes += "- {id: label, model: success, node_inputs: [strict]}\n"
    nodes += "- {id: strict, model: strict, node_inputs: [classify]}\n"
    strict = threshold("strict", GTE, people=0.9, adult=0.9)
    doubled = (
        "that are >= 0.9 are written twice,"
        " as ANNOTATION_PENDING by 'review' (any score) and ANNOTATION_SUCCESS by 'label' (>= 0.9)"
    )
    assert told(warnings_of(manifest(strict, nodes), tmp_path)) == [
        f"RC513 model.strict thresholds.people: scores of 'people' {doubled}",
        f"RC513 model.strict thresholds.adult: scores of 'adult' {doubled}",
        "RC514 workflow.auto nodes.2: 'review' asks a human about every score of 'adult' and"
        " 'people', even 0.01: nothing on the path asks for more",
    ]


PATHS = pair(GTE, 0.9, LT, 0.9)


@pytest.mark.parametrize(
    ("models", "nodes", "expected"),
    [
        pytest.param(
            PATHS.replace("confident: {", "confident: {filter_other_concepts: false, "),
            BOTH,
            [],
            id="others that do not come may pass",
        ),
        pytest.param(
            threshold("confident", GTE, people=0.9)
            + threshold("doubtful", LT, people=0.9)
            + threshold("plausible", GTE, people=0.1, adult=0.1),
            BOTH,
            [
                "RC522 concept 'adult' is produced, but no thresholder that it meets has a threshold"
                " for it: 'confident' drops it",
                "RC521 a threshold for 'adult', which never reaches 'plausible': 'doubtful' has no"
                " threshold for it and drops it",
            ],
            id="a concept that a thresholder drops on its way to another",
        ),
        pytest.param(
            threshold("confident", GTE, people=0.9, more=", filter_other_concepts: false"),
            """
            - {id: confident, model: confident, node_inputs: [classify]}
            - {id: success, model: success, node_inputs: [confident]}
            """,
            [
                "RC522 concept 'adult' is produced, but no thresholder that it meets has a threshold"
                " for it: 'confident' lets every score of it pass",
                "RC531 nothing to write ever reaches model.pending: no workflow has it",
            ],
            id="a concept that passes a thresholder unseen",
        ),
        pytest.param(
            threshold("high", GTE, people=0.9, adult=0.9)
            + threshold("low", LT, people=0.5, adult=0.5),
            """
            - {id: high, model: high, node_inputs: [classify]}
            - {id: low, model: low, node_inputs: [high]}
            - {id: success, model: success, node_inputs: [classify]}
            - {id: pending, model: pending, node_inputs: [low]}
            """,
            [
                "RC516 no score of 'people' passes 'low': it takes < 0.5, and what reaches it is"
                " >= 0.9",
                "RC516 no score of 'adult' passes 'low': it takes < 0.5, and what reaches it is"
                " >= 0.9",
                "RC531 nothing to write ever reaches 'pending': the thresholds on the way have no"
                " score in common",
            ],
            id="thresholds in line that exclude each other",
        ),
        pytest.param(
            PATHS,
            BOTH
            + "- {id: nothing, model: success}\n- {id: vector, model: success, node_inputs: [embed]}",
            [
                "RC531 nothing to write ever reaches 'nothing': it has no node_inputs, and an input"
                " by itself has no concepts",
                "RC531 nothing to write ever reaches 'vector': 'embed' gives no concepts",
            ],
            id="writers that nothing reaches",
        ),
        pytest.param(
            PATHS,
            BOTH + f"- {{id: faces, model: {DETECT}}}\n"
            "- {id: found, model: success, node_inputs: [faces]}",
            [],
            id="regions are something to write",
        ),
        pytest.param(
            PATHS,
            BOTH + "- {id: twice, model: success, node_inputs: [confident]}",
            [
                "RC532 'twice' writes what 'success' writes too, as ANNOTATION_SUCCESS: 'adult' and"
                " 'people' at >= 0.9"
            ],
            id="two writers of one status",
        ),
        pytest.param(
            PATHS + "  other-task: {model_type_id: annotation-writer, annotation_status:"
            " ANNOTATION_SUCCESS, annotation_user_id: me, task_id: second}\n",
            BOTH + "- {id: twice, model: other-task, node_inputs: [confident]}",
            [],
            id="two writers of one status for two tasks",
        ),
        pytest.param(
            PATHS,
            BOTH.replace("model: confident,", "model: confident@0123,"),
            [],
            id="a pinned version may let anything pass",
        ),
        pytest.param(
            PATHS,
            BOTH.replace("model: doubtful,", "model: someone/else/model@0123,"),
            [],
            id="a foreign model may give anything",
        ),
        pytest.param(
            PATHS + "  sample: {model_type_id: random-sample, params: {keep_fraction: 0.1}}\n",
            BOTH + "- {id: sample, model: sample, node_inputs: [confident]}\n"
            "- {id: audit, model: pending, node_inputs: [sample]}",
            [],
            id="a sample of what is certain may be reviewed",
        ),
        pytest.param(
            PATHS,
            BOTH.replace(
                "model: doubtful,",
                "model: doubtful, output_info_override: {data: {concepts:"
                " [{id: adult, value: 0.9}, {id: people, value: 0.5}]}},",
            ),
            [
                "RC511 scores of 'people' that are >= 0.5 and < 0.9 are written by nobody: 'success'"
                " takes >= 0.9, 'pending' takes >= 0.1 and < 0.5"
            ],
            id="thresholds that a node overrides",
        ),
        pytest.param(
            PATHS,
            BOTH.replace(
                "model: confident,",
                "model: confident, output_info_override: {params: {concept_threshold_type: 1}},",
            ),
            [
                "RC512 a score of exactly 0.9 for 'people' is written by nobody: 'success' takes"
                " > 0.9, 'pending' takes >= 0.1 and < 0.9",
                "RC512 a score of exactly 0.9 for 'adult' is written by nobody: 'success' takes"
                " > 0.9, 'pending' takes >= 0.1 and < 0.9",
            ],
            id="a comparator that a node overrides",
        ),
        pytest.param(
            PATHS,
            BOTH.replace(
                "model: success,",
                "model: success, output_info_override: {params: {annotation_user_id: bob}},",
            ),
            ["RC533 what this writer writes looks as if the user 'bob' had annotated it by hand"],
            id="an author that a node overrides",
        ),
        pytest.param(
            "",
            "- {id: rule, model: rule}\n- {id: review, model: pending, node_inputs: [rule]}",
            ["RC531 nothing to write ever reaches model.success: no workflow has it"],
            id="a rule that gives 1 or nothing needs no floor",
        ),
    ],
)
def test_one_workflow(tmp_path: Path, models: str, nodes: str, expected: list[str]) -> None:
    rule = (
        "  rule: {model_type_id: keyword-filter-operator, concepts: [people, adult]}\n"
        if "model: rule" in nodes
        else ""
    )
    found = warnings_of(manifest(models + rule, nodes), tmp_path)
    assert [f"{one.code} {one.message}" for one in found] == expected


def test_an_overridden_threshold_is_told_at_its_own_line(tmp_path: Path) -> None:
    models = pair(GTE, 0.9, LT, 0.9)
    override = (
        "model: confident,\n    output_info_override: {data: {concepts: [\n"
        "      {id: people, value: 0.95},\n      {id: adult, value: 0.9}]}},"
    )
    text = manifest(models, BOTH.replace("model: confident,", override))
    (found,) = warnings_of(text, tmp_path)
    assert found.code == "RC511"
    assert text.splitlines()[found.origin.line - 1].strip() == "{id: people, value: 0.95},"
    assert (found.address, found.field) == (
        "workflow.auto",
        "nodes.2.output_info_override.data.concepts.0",
    )


MAPPED = f"""
app: {{id: app}}
concepts: [people, adult]
concept_relations:
  - {{subject: people, predicate: synonym, object: clarifai/main/ai_l8TKp2h5}}
  - {{subject: adult, predicate: PREDICATE, object: clarifai/main/ai_VPmHr5bm, knowledge_graph_id: "GRAPH"}}
models:
  mapper: {{model_type_id: concept-synonym-mapper, knowledge_graph_id: ""}}
  confident: {{model_type_id: concept-threshold, concept_threshold_type: 2, thresholds: {{KNOWN}}}}
  success: {{model_type_id: annotation-writer, annotation_status: 24150, annotation_user_id: me}}
workflows:
  auto:
    nodes:
      - {{id: general, model: {GENERAL}}}
      - {{id: mapper, model: mapper, node_inputs: [general]}}
      - {{id: confident, model: confident, node_inputs: [mapper]}}
      - {{id: success, model: success, node_inputs: [confident]}}
"""

ABSENT = "RC521 model.confident thresholds.adult: a threshold for 'adult', which never reaches 'confident'"


@pytest.mark.parametrize(
    ("predicate", "graph", "known", "expected"),
    [
        ("synonym", "", "people: 0.9, adult: 0.9", []),
        ("synonym", "other", "people: 0.9, adult: 0.9", [ABSENT]),
        ("synonym", "other", "people: 0.9", []),
        ("hypernym", "", "people: 0.9, adult: 0.9", []),
        ("hypernym", "", "people: 0.9", []),
        (
            "synonym",
            "",
            "people: 0.9",
            [
                "RC522  : concept 'adult' is produced, but no thresholder that it meets has a"
                " threshold for it: 'confident' drops it"
            ],
        ),
    ],
    ids=["all known", "other graph", "unknown in no use", "hypernym", "hypernym alone", "unknown"],
)
def test_a_mapper_gives_what_its_relations_lead_to(
    tmp_path: Path, predicate: str, graph: str, known: str, expected: list[str]
) -> None:
    text = MAPPED.replace("PREDICATE", predicate).replace("GRAPH", graph)
    found = warnings_of(text.replace("KNOWN", known), tmp_path)
    assert told(found) == expected
    for one in found:
        if one.code == "RC522":
            assert text.splitlines()[one.origin.line - 1].lstrip().startswith("- {subject: adult")


UNMAPPED = (
    "RC521 workflow.auto nodes.2.node_inputs: 'adult' and 'people' never reach 'confident':"
    " 'general' gives only concepts of clarifai/main, with ids such as ai_l8TKp2h5"
)
RELATE = "(subject: adult, predicate: synonym, object: clarifai/main/ai_VPmHr5bm)"


@pytest.mark.parametrize(
    ("mapper", "hint"),
    [
        (
            "      - {id: mapper, model: mapper, node_inputs: [general]}",
            "let it read from 'mapper' instead, and relate each concept",
        ),
        (
            "      - {id: crop, model: clarifai/main/general-clusterering@cc20}",
            "put a node with model 'mapper' between, and relate each concept",
        ),
    ],
    ids=["a mapper beside it", "a mapper in the manifest"],
)
def test_thresholds_right_behind_a_public_model_wait_for_nothing(
    tmp_path: Path, mapper: str, hint: str
) -> None:
    text = MAPPED.replace("PREDICATE", "synonym").replace("GRAPH", "")
    text = text.replace("KNOWN", "people: 0.9, adult: 0.9").replace("[mapper]", "[general]")
    text = text.replace("      - {id: mapper, model: mapper, node_inputs: [general]}", mapper)
    (found,) = warnings_of(text, tmp_path)
    assert told((found,)) == [UNMAPPED]
    assert found.hint == f"{hint} {RELATE}"


def test_what_thresholds_behind_a_public_model_leave_out_is_told_all_the_same(
    tmp_path: Path,
) -> None:
    text = manifest(pair(GT, 0.9, LT, 0.9), BOTH).replace("[classify]", "[general]")
    text = text.replace(f"{{id: embed, model: {EMBED}}}", f"{{id: general, model: {GENERAL}}}")
    text = text.replace("- {id: classify, model: classifier, node_inputs: [embed]}\n", "")
    found = warnings_of(text, tmp_path)
    assert [one.code for one in found] == ["RC512", "RC512", "RC521", "RC521"]


@pytest.mark.parametrize(
    ("author", "owner", "hint"),
    [
        ("me", None, None),
        ("me", "acme", None),
        ("acme", "acme", None),
        ("alice", "acme", "write me"),
        ("alice", None, "write me, or app.user_id: alice if that is the app's owner"),
        ("alice", "me", "write me, or app.user_id: alice if that is the app's owner"),
    ],
)
def test_an_author_is_me_or_the_owner(
    tmp_path: Path, author: str, owner: str | None, hint: str | None
) -> None:
    text = manifest(PATHS, BOTH).replace(
        "annotation_user_id: me", f"annotation_user_id: {author}", 1
    )
    found = warnings_of(text, tmp_path, owner)
    assert [(one.code, one.address, one.field, one.hint) for one in found] == (
        [("RC533", "model.success", "annotation_user_id", hint)] if hint else []
    )


@pytest.mark.parametrize(
    ("id_", "is_taken"), [("General", True), ("Face", True), ("general", False)]
)
def test_an_id_of_the_platform_itself(tmp_path: Path, id_: str, is_taken: bool) -> None:
    found = warnings_of(manifest(PATHS, BOTH).replace("  auto:", f"  {id_}:"), tmp_path)
    assert [one.code for one in found] == (["RC541"] if is_taken else [])


def test_what_several_workflows_share_is_told_once(tmp_path: Path) -> None:
    text = manifest(pair(GTE, 0.9, LT, 0.5), BOTH)
    nodes = text[text.index("    nodes:") :]
    (found,) = warnings_of(f"{text}  copy:\n{nodes}", tmp_path)
    assert found.message.startswith("in workflow 'auto', scores of 'people' that are >= 0.5")


def test_a_threshold_needs_one_workflow_that_it_is_good_for(tmp_path: Path) -> None:
    models = PATHS + "  only-people: {model_type_id: embedding-classifier, concepts: [people]}\n"
    text = manifest(models, BOTH)
    nodes = text[text.index("    nodes:") :].replace("model: classifier", "model: only-people")
    assert warnings_of(f"{text}  copy:\n{nodes}", tmp_path) == ()
    alone = text.replace("{id: classify, model: classifier", "{id: classify, model: only-people")
    assert [one.code for one in warnings_of(alone, tmp_path)] == ["RC521"] * 3


def test_every_warning_is_one_by_default() -> None:
    codes = [info for code, info in CODES.items() if code.startswith("RC5")]
    assert {info.severity for info in codes} == {Severity.WARNING}
