"""``fmt``: one canonical form, no meaning changed, no comment lost, and nothing done by halves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from manifest.messy import messy_manifests

from reconciler import registry
from reconciler.call import Target
from reconciler.cli.commands.fmt import command
from reconciler.errors import SettingsError
from reconciler.kind import Scope
from reconciler.manifest.desired import load
from reconciler.manifest.format import Broken, Formatted, LeftAlone, format_text
from reconciler.manifest.order import SECTIONS
from reconciler.manifest.schema import json_schema
from reconciler.manifest.spacing import comments
from reconciler.resource import ResourceGraph

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "format"
EXAMPLES = sorted(path for path in ROOT.glob("manifests/*/*.yaml") if path.parent.name[0] != "_")
OTHERS = sorted(path for path in (ROOT / "tests").glob("cases/**/*.yaml") if path.is_file())


def formatted(text: str) -> str:
    outcome = format_text(text, "app.yaml")
    assert isinstance(outcome, Formatted), outcome
    assert outcome.changed == (outcome.text != text)
    return outcome.text


def graph(path: Path) -> ResourceGraph:
    manifest = load(path, registry.load(), default_app_id="my-app")
    return manifest.build(registry.load(), Scope(Target("me", "my-app")))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_an_example_is_in_canonical_form(path: Path) -> None:
    text = path.read_text("utf-8")
    assert formatted(text) == text


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.before.yaml")), ids=lambda path: path.name)
def test_a_file_is_formatted_as_expected(path: Path) -> None:
    expected = path.with_name(path.name.replace(".before.", ".after."))
    after = formatted(path.read_text("utf-8"))
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(after, "utf-8")
    assert after == expected.read_text("utf-8")


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_any_case_stays_what_it_is(path: Path) -> None:
    data = path.read_bytes()
    outcome = format_text(data, "app.yaml")
    if isinstance(outcome, Formatted):
        assert formatted(outcome.text) == outcome.text
        assert sorted(comments(outcome.text)) == sorted(comments(data.decode("utf-8")))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.large_base_example])
@given(messy_manifests())
def test_formatting_changes_no_meaning_and_loses_no_comment(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    outcome = format_text(text, "app.yaml")
    if isinstance(outcome, LeftAlone):  # blanks that a block text holds, told from no others
        assert "|" in text
        return
    assert isinstance(outcome, Formatted)
    path = tmp_path_factory.getbasetemp() / "app.yaml"
    path.write_text(text, "utf-8", newline="")
    before = graph(path)
    path.write_text(outcome.text, "utf-8", newline="")
    assert graph(path) == before
    assert sorted(comments(outcome.text)) == sorted(comments(text.replace("\r\n", "\n")))
    assert formatted(outcome.text) == outcome.text


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_text_is_harmed(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(EXAMPLES)).read_text("utf-8")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        until = at + data.draw(st.integers(0, 5))
        piece = data.draw(st.sampled_from(PIECES) | st.text(max_size=3))
        text = text[:at] + piece + text[until:]
    outcome = format_text(text, "app.yaml")
    if isinstance(outcome, Formatted):
        again = format_text(outcome.text, "app.yaml")
        assert again == Formatted(outcome.text, False)


PIECES = (
    *("\n", "\n\n", "  ", "\t", "\r", "\r\n", "# c\n", " # c\n", "\n# c", ": ", "- ", "\n- ", ", "),
    *(
        "{",
        "}",
        "[",
        "]",
        "'",
        '"',
        "|\n",
        ">\n ",
        "|+\n",
        "|2\n",
        "&a ",
        "*a",
        "!t ",
        "? ",
        "---\n",
    ),
    *("...\n", "%YAML 1.2\n", "\\", "\u00e9", "\U0001f600", "\u2028", "\x00", "\ufeff", "<<: "),
)


SPACING = {
    "indentation": ("app:\n    id: x\n    name: y\n", "app:\n  id: x\n  name: y\n"),
    "a list at its key": ("concepts:\n- a\n- b\n", "concepts:\n  - a\n  - b\n"),
    "lists in lists": (
        "checks:\n- - a\n  -   b\n-   - c\n",
        "checks:\n  - - a\n    - b\n  - - c\n",
    ),
    "a mapping in a list": ("moved:\n-   from: a\n    to: b\n", "moved:\n  - from: a\n    to: b\n"),
    "colons": ("app: {id :   x,name: y}\n", "app: {id: x, name: y}\n"),
    "brackets": ("concepts: [ a , b ]\n", "concepts: [a, b]\n"),
    "trailing blanks": ("app: {id: x}   \n", "app: {id: x}\n"),
    "blank lines": ("\n\napp:\n\n\n  id: x\n\n\n", "app:\n\n  id: x\n"),
    "no newline at the end": ("app: {id: x}", "app: {id: x}\n"),
    "windows": ("app:\r\n    id: x\r\n", "app:\r\n  id: x\r\n"),
    "a byte order mark": ("\ufeffapp: {id: x}\n", "app: {id: x}\n"),
    "nothing": ("", ""),
    "blank": ("  \n\n", ""),
    "comments alone": ("# a\n\n\n  # b", "# a\n\n# b\n"),
    "documents": ("app: {id: x}\n---\n\nconcepts: [ a ]\n", "app: {id: x}\n---\nconcepts: [a]\n"),
    "block text": (
        "app:\n    notes: |\n          one\n            two\n\n          three\n    id: x\n",
        "app:\n  notes: |\n    one\n      two\n\n    three\n  id: x\n",
    ),
    "text of several lines": (
        'app:\n    notes: "one\n      two"\n    name: a\n     b\n',
        'app:\n  notes: "one\n    two"\n  name: a\n   b\n',
    ),
    "braces over several lines": (
        "app: {\n    id: x,  # why\n # c\n      name: y,\n  }\nmoved:\n    - {\n    from: a }\n",
        "app: {\n  id: x,  # why\n  # c\n  name: y,\n}\n\nmoved:\n  - {\n      from: a}\n",
    ),
    "brackets that hang": (
        "app:\n    metadata:   [a,\n                 b,\n\n         ]\n",
        "app:\n  metadata: [a,\n             b,\n\n     ]\n",
    ),
    "a table": (
        "moved:\n    - {from: a,   to: b}\n    - {from: abc, to: d}\n",
        "moved:\n  - {from: a,   to: b}\n  - {from: abc, to: d}\n",
    ),
    "no table": (
        "moved:\n  - {from: a,   to: b}\n  - {from: ab, to: d}\n",
        "moved:\n  - {from: a, to: b}\n  - {from: ab, to: d}\n",
    ),
}


@pytest.mark.parametrize(("text", "expected"), SPACING.values(), ids=SPACING)
def test_spacing(text: str, expected: str) -> None:
    assert formatted(text) == expected


THRESHOLDER = "models:\n  m:\n    model_type_id: {}\n    concept_threshold_type: {}\n"
WRITER = "models:\n  m:\n    model_type_id: annotation-writer\n    annotation_status: {}\n"
OVERRIDE = "workflows:\n  w:\n    nodes:\n      - id: n\n        output_info_override: {{params: {{{}}}}}\n"
SPELLINGS = {
    "both spellings": (THRESHOLDER, ("concept-thresholder", "1"), ("concept-threshold", "GREATER_THAN")),
    "a double": (THRESHOLDER, ("concept-threshold", "2.0"), ("concept-threshold", "GREATER_THAN_OR_EQUAL")),
    "a digit in quotes": (THRESHOLDER, ("concept-threshold", '"5"'), ("concept-threshold", "EQUAL")),
    "a name in quotes": (THRESHOLDER, ("concept-threshold", '"EQUAL"'), ("concept-threshold", '"EQUAL"')),
    "no enum's value": (THRESHOLDER, ("concept-threshold", "9"), ("concept-threshold", "9")),
    "a variable": (THRESHOLDER, ("concept-threshold", '"${x}"'), ("concept-threshold", '"${x}"')),
    "another type": (THRESHOLDER, ("region-thresholder", "1"), ("region-thresholder", "1")),
    "a status": (WRITER, ("24150",), ("ANNOTATION_SUCCESS",)),
    "a visibility": ("app:\n  visibility: {}\n", ("10",), ("PRIVATE",)),
    "an override": (OVERRIDE, ("concept_threshold_type: 3",), ("concept_threshold_type: LESS_THAN",)),
    "the SDK's own file": ("workflow:\n  nodes:\n    - {{a: {}}}\n", ("1",), ("1",)),
}  # fmt: skip


@pytest.mark.parametrize(("text", "before", "after"), SPELLINGS.values(), ids=SPELLINGS)
def test_spelling(text: str, before: tuple[str, ...], after: tuple[str, ...]) -> None:
    assert formatted(text.format(*before)) == text.format(*after)


ORDER = {
    "sections": (
        "workflows: {}\nmodels: {}\napp: {id: x}\n",
        "app: {id: x}\nmodels: {}\nworkflows: {}\n",
    ),
    "with their comments": (
        "# about m\nmodels:\n  a: {}\n  # b: {}\n# about app\napp: {id: x}\n",
        "# about app\napp: {id: x}\n\n# about m\nmodels:\n  a: {}\n  # b: {}\n",
    ),
    "below the head": (
        "# about the file\n\nmodels: {}\napp: {id: x}\n\n# the end\n",
        "# about the file\n\napp: {id: x}\nmodels: {}\n\n# the end\n",
    ),
    "below the editor's line": (
        "# yaml-language-server: $schema=s\n# about the file\nmodels: {}\napp: {id: x}\n",
        "# yaml-language-server: $schema=s\n# about the file\napp: {id: x}\nmodels: {}\n",
    ),
    "behind a section": (
        "models: {}\n# of models\n\napp: {id: x}\n",
        "app: {id: x}\n\nmodels: {}\n# of models\n",
    ),
    "unknown ones stay": (
        "modles: {}\nmodels: {}\nfoo: 1\napp: {id: x}\n",
        "modles: {}\napp: {id: x}\nmodels: {}\nfoo: 1\n",
    ),
    "in each document": (
        "models: {}\napp: {id: x}\n---\n# c\nmodels: {}\nconcepts: [a]\n",
        "app: {id: x}\nmodels: {}\n---\nconcepts: [a]\n\n# c\nmodels: {}\n",
    ),
    "not in braces": ("{\nmodels: {},\napp: {}}\n", "{\n  models: {},\n  app: {}}\n"),
}


@pytest.mark.parametrize(("text", "expected"), ORDER.values(), ids=ORDER)
def test_order(text: str, expected: str) -> None:
    assert formatted(text) == expected


def test_every_section_has_its_place() -> None:
    assert set(SECTIONS) == set(json_schema(registry.load())["properties"])


COMMENTS = {
    "keep their distance": ("app:\n    id: x   # c\n", "app:\n  id: x   # c\n"),
    "keep their column": (
        "models:\n  m:\n    model_type_id: concept-thresholder # a\n"
        "    concept_threshold_type: 1             # b\n",
        "models:\n  m:\n    model_type_id: concept-threshold # a\n"
        "    concept_threshold_type: GREATER_THAN  # b\n",
    ),
    "go with their block": (
        "app:\n    # of id\n    id: x\n    # of the app\n# of concepts\nconcepts:\n- a\n# of b\n- b\n",
        "app:\n  # of id\n  id: x\n  # of the app\n\n# of concepts\nconcepts:\n  - a\n  # of b\n  - b\n",
    ),
    "of a block text": ("app:\n  notes: |   # c\n     a\n  id: x\n", "app:\n  notes: |   # c\n    a\n  id: x\n"),
    "no comments": ("app: {id: x, notes: 'a # b'}\n", "app: {id: x, notes: 'a # b'}\n"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), COMMENTS.values(), ids=COMMENTS)
def test_comments(text: str, expected: str) -> None:
    assert formatted(text) == expected


LEFT = {
    "an anchor": ("app: &a {id: x}\n", "an anchor", 1, 6),
    "an alias": ("app: &a {id: x}\nb:  *a\n", "an anchor", 1, 6),
    "a tag": ("app: {id: !!str 1}\n", "a tag", 1, 11),
    "a directive": ("%YAML 1.2\n---\napp: {id: x}\n", "a directive", 1, 1),
    "an explicit key": ("? app\n: {id: x}\n", "a key written with '?'", 1, 1),
    "kept line ends": ("app:\n  notes: |+\n    a\n\n", "'+' behind '|' or '>'", 2, 10),
    "an indentation of its own": (
        "app:\n    notes: |2\n       a\n",
        "a block text that says its own indentation",
        2,
        12,
    ),
    "a list": ("- a\n", "a list instead of a mapping", 1, 1),
    "text": ("a\n", "text 'a' instead of a mapping", 1, 1),
    "an old line end": (
        "app: {id: x}\rconcepts: []\n",
        "a carriage return inside a line",
        1,
        13,
    ),
}


@pytest.mark.parametrize(("text", "reason", "line", "column"), LEFT.values(), ids=LEFT)
def test_what_no_safe_edit_is_known_for_is_left_alone(
    text: str, reason: str, line: int, column: int
) -> None:
    outcome = format_text(text, "app.yaml")
    assert isinstance(outcome, LeftAlone)
    assert (outcome.reason, outcome.origin.line, outcome.origin.column) == (reason, line, column)


@pytest.mark.parametrize("text", ["a: [", "a: 1\na: 2\n", b"\xff", "a: \x07\n"])
def test_what_cannot_be_read_is_told_as_by_validate(text: str | bytes) -> None:
    outcome = format_text(text, "app.yaml")
    assert isinstance(outcome, Broken)
    assert outcome.diagnostics


# --- the command


MESSY, NEAT = "app: {id:  x}\n", "app: {id: x}\n"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(MESSY, "utf-8")
    (tmp_path / "b.yaml").write_text(NEAT, "utf-8")
    (tmp_path / "_overlay.yaml").write_text(MESSY, "utf-8")
    return tmp_path


def test_fmt_writes_what_changes(folder: Path) -> None:
    (folder / "a.yaml").chmod(0o640)
    before = (folder / "b.yaml").stat().st_mtime_ns
    result = run(folder)
    assert (result.return_value, result.stdout) == (0, "")
    assert result.stderr.splitlines() == [
        f"{folder}/a.yaml: changed",
        "1 file changed, 1 file in canonical form already",
    ]
    assert (folder / "a.yaml").read_text("utf-8") == NEAT
    assert (folder / "a.yaml").stat().st_mode & 0o777 == 0o640
    assert (folder / "b.yaml").stat().st_mtime_ns == before
    assert (folder / "_overlay.yaml").read_text("utf-8") == MESSY
    assert len(list(folder.iterdir())) == 3


def test_fmt_takes_several_paths_and_follows_links(folder: Path) -> None:
    (folder / "link.yaml").symlink_to("a.yaml")
    assert run(folder / "link.yaml", folder / "_overlay.yaml").return_value == 0
    assert (folder / "link.yaml").is_symlink()
    assert (folder / "a.yaml").read_text("utf-8") == NEAT
    assert (folder / "_overlay.yaml").read_text("utf-8") == NEAT


def test_check_names_the_files_and_writes_nothing(folder: Path) -> None:
    result = run("--check", folder)
    assert (result.return_value, result.stdout) == (1, f"{folder}/a.yaml\n")
    assert (folder / "a.yaml").read_text("utf-8") == MESSY
    assert run("--check", folder / "b.yaml").return_value == 0


def test_diff_shows_the_lines_and_writes_nothing(folder: Path) -> None:
    (folder / "a.yaml").write_text(MESSY.rstrip("\n"), "utf-8")
    result = run("--diff", folder)
    assert result.return_value == 0
    assert result.stdout == (
        f"--- {folder}/a.yaml (now)\n+++ {folder}/a.yaml (canonical)\n@@ -1 +1 @@\n"
        "-app: {id:  x}\n\\ No newline at end of file\n+app: {id: x}\n"
    )
    assert (folder / "a.yaml").read_text("utf-8") == MESSY.rstrip("\n")
    assert run("--diff", "--check", folder).return_value == 1


@pytest.mark.parametrize(
    ("options", "given", "status", "out", "said"),
    [
        ([], MESSY, 0, NEAT, ""),
        ([], NEAT, 0, NEAT, ""),
        ([], "app: &a {id:  x}\r\n", 0, "app: &a {id:  x}\r\n", "<stdin>:1:6: left alone"),
        ([], "app: [a\n", 1, "", "<stdin>:1:6: error RC002: '[' is never closed"),
        (["--check"], MESSY, 1, "", ""),
        (["--check"], NEAT, 0, "", ""),
        (["--diff"], MESSY, 0, None, ""),
    ],
    ids=["messy", "neat", "an anchor", "broken", "check messy", "check neat", "diff"],
)
def test_an_editor_pipes_its_text_through(
    options: list[str], given: str, status: int, out: str | None, said: str
) -> None:
    result = CliRunner().invoke(command, [*options, "-"], input=given, standalone_mode=False)
    assert result.return_value == status
    assert said in result.stderr
    if out is None:
        assert "-app: {id:  x}\n+app: {id: x}\n" in result.stdout
    else:
        assert result.stdout_bytes.decode() == out


def test_the_standard_input_stands_alone(folder: Path) -> None:
    result = run("-", folder)
    assert isinstance(result.exception, SettingsError)
    assert (folder / "a.yaml").read_text("utf-8") == MESSY


def test_what_is_left_alone_is_named_and_no_failure(folder: Path) -> None:
    (folder / "b.yaml").write_text("app: &a {id:  x}\n", "utf-8")
    result = run("--check", folder / "b.yaml")
    assert result.return_value == 0
    assert result.stderr.splitlines()[0] == f"{folder}/b.yaml:1:6: left alone: an anchor"


def test_what_cannot_be_read_is_a_failure_and_the_rest_is_formatted(folder: Path) -> None:
    (folder / "b.yaml").write_text("app: [a\n", "utf-8")
    result = run(folder, folder / "nothing")
    assert result.return_value == 1
    assert "b.yaml:1:6: error RC002: '[' is never closed" in result.stderr
    assert "nothing: error RC001: no such file or directory" in result.stderr
    assert (folder / "a.yaml").read_text("utf-8") == NEAT
    assert (folder / "b.yaml").read_text("utf-8") == "app: [a\n"
