"""Problems as data, and their three forms of text."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from work import calls

from reconciler.diagnostics import (
    CODES,
    Diagnostic,
    Severity,
    arrange,
    did_you_mean,
    has_errors,
    nearest,
    problem,
)
from reconciler.manifest.documents import load_texts
from reconciler.origin import Origin
from reconciler.report.diagnostics import (
    MAX_WIDTH,
    RENDERERS,
    render_github,
    render_json,
    render_text,
    summary,
)

GOLDEN = Path(__file__).parent / "golden" / "diagnostics"


def at(line: int, column: int = 1, *, code: str = "RC101", file: str = "m.yaml") -> Diagnostic:
    return problem(code, "unknown key 'x'", Origin(file, line, column))


# --- data


def test_codes_are_grouped_and_say_themselves() -> None:
    assert list(CODES) == sorted(CODES)
    for code, info in CODES.items():
        assert info.code == code
        assert code[:2] == "RC"
        assert code[2] in "012345"
        assert len(code) == 5
        assert info.title
    with pytest.raises(TypeError):
        CODES["RC999"] = CODES["RC101"]  # type: ignore[index]


def test_an_unknown_code_is_a_bug() -> None:
    with pytest.raises(KeyError):
        problem("RC999", "x", Origin("m.yaml"))


def test_problems_stand_in_the_order_of_the_files_and_once() -> None:
    ordered = [
        at(1, file="a.yaml"), at(0, file="b.yaml"), at(2, 9, file="b.yaml"), at(10, 1, file="b.yaml"),
        at(10, 1, code="RC102", file="b.yaml"),
    ]  # fmt: skip
    shuffled = ordered * 2
    random.Random(1).shuffle(shuffled)
    assert list(arrange(shuffled)) == ordered


def test_what_a_syntax_error_leads_to_at_the_same_place_is_left_out() -> None:
    syntax, schema = at(3, 5, code="RC005"), at(3, 5, code="RC301")
    elsewhere, whole = at(3, 6, code="RC301"), at(0, 0, code="RC001")
    missing = at(0, 0, code="RC206")
    found = arrange([schema, syntax, elsewhere, whole, missing])
    assert found == (whole, missing, syntax, elsewhere)


def test_only_errors_stop_a_command() -> None:
    warning = Diagnostic("RC208", Severity.WARNING, "x", Origin("m.yaml"))
    assert not has_errors([warning])
    assert has_errors([warning, at(1)])


@pytest.mark.parametrize(
    ("word", "candidates", "expected"),
    [
        ("treshold", ["threshold", "thresholds", "notes"], "threshold"),
        ("Model-Type-ID", ["model_type_id", "model_id"], "model_type_id"),
        ("peple", ["people", "man"], "people"),
        ("zzz", ["people", "man"], None),
        ("people", [], None),
        ("", ["people"], None),
        ("people", ["people"], None),
        ("people", ["people", "peoples"], "peoples"),
        ("PEOPLE", ["people", *(f"c{n}" for n in range(1000))], "people"),
    ],
)
def test_nearest(word: str, candidates: Sequence[str], expected: str | None) -> None:
    assert nearest(word, candidates) == expected
    assert nearest(word, list(reversed(candidates))) == expected
    assert did_you_mean(word, candidates) == (f"did you mean {expected!r}?" if expected else "")


def test_nearest_of_very_many_is_quick() -> None:
    names = [f"concept-{n}" for n in range(10_000)]
    for n in range(20):
        assert nearest(f"concept-12{n}x", names) == f"concept-12{n}"


# --- text


def sample() -> tuple[tuple[Diagnostic, ...], Mapping[str, str]]:
    """What a broken manifest gives, with a warning and a problem that has no line."""
    file = "people/app.yaml"
    loaded = load_texts({file: (GOLDEN / "broken.yaml").read_bytes()})
    more = [
        problem(
            "RC101",
            "unknown key 'treshold'",
            Origin(file, 7, 5),
            hint="did you mean 'thresholds'?",
            address="model.confident",
            field="treshold",
        ),
        Diagnostic("RC208", Severity.WARNING, "no node", Origin(file, 12, 1)),
        problem("RC206", "the app has no id", Origin("people"), hint="set app.id"),
        problem("RC102", "expected a list, got text '日本語'", Origin("people/gone.yaml", 3, 4)),
    ]
    return (*more, *loaded.diagnostics), loaded.sources


@pytest.mark.parametrize("form", RENDERERS)
def test_each_form_is_as_the_golden_file_shows_it(form: str) -> None:
    found, sources = sample()
    expected = (GOLDEN / f"expected.{form}").read_text(encoding="utf-8")
    assert RENDERERS[form](found, sources) == expected
    assert RENDERERS[form](tuple(reversed(found)), sources) == expected


def test_nothing_wrong_is_nothing_said() -> None:
    assert render_text([], {}) == ""
    assert json.loads(render_json([], {})) == []
    assert render_github([], {}) == ""
    assert summary([]) == "no problems"


@pytest.mark.parametrize(
    ("errors", "warnings", "expected"),
    [(1, 0, "1 error"), (2, 1, "2 errors, 1 warning"), (0, 2, "2 warnings")],
)
def test_summary(errors: int, warnings: int, expected: str) -> None:
    warning = Diagnostic("RC208", Severity.WARNING, "x", Origin("m.yaml"))
    assert summary([*[at(1)] * errors, *[warning] * warnings]) == expected


def excerpt(line: str, column: int) -> tuple[str, str]:
    """The source line and the caret line, without the margin."""
    shown = render_text([at(1, column)], {"m.yaml": line}).split("\n")
    assert len(shown) == 5
    assert shown[1].startswith("    1 | ")
    assert shown[2].startswith("      | ")
    return shown[1][8:], shown[2][8:]


@pytest.mark.parametrize(
    ("line", "column", "shown", "caret"),
    [
        ("a: {treshold: 1}", 5, "a: {treshold: 1}", "    ^^^^^^^^"),
        ("a: some words # why", 4, "a: some words # why", "   ^^^^^^^^^^"),
        ("a: 'it''s, so'", 4, "a: 'it''s, so'", "   ^^^^^^^^^^^"),
        ('a: "b\\"c" # d', 4, 'a: "b\\"c" # d', '   ^^^^^^'),
        ("a: 'open", 4, "a: 'open", "   ^^^^^"),
        ("a: [1, 2]", 4, "a: [1, 2]", "   ^"),
        ("a: http://x/y", 4, "a: http://x/y", "   ^^^^^^^^^^"),
        ("a:\tb", 4, "a:  b", "    ^"),
        ("\tb: 1", 1, "    b: 1", "^^^^"),
        ("日本: {語: x}", 6, "日本: {語: x}", "       ^^"),
        ("e\u0301: x", 5, "e\u0301: x", "   ^"),
        ("a: 1", 5, "a: 1", "    ^"),
        ("a: 1", 99, "a: 1", "    ^"),
        ("a: \x1b[31mred", 4, "a: \ufffd[31mred", "   ^"),
        ("a: x\u202ey", 4, "a: x\ufffdy", "   ^^^"),
    ],
    ids=ascii,
)  # fmt: skip
def test_the_caret_stands_under_the_word(line: str, column: int, shown: str, caret: str) -> None:
    assert excerpt(line, column) == (shown, caret)


def test_a_long_line_is_cut_around_the_place() -> None:
    line = "a: [" + "x, " * 100_000 + "here, " + "y, " * 100_000 + "]"
    shown, caret = excerpt(line, line.index("here") + 1)
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(shown) <= MAX_WIDTH
    assert shown[caret.index("^") : len(caret)] == "here"
    shown, caret = excerpt("a: " + "x" * 1000, 4)
    assert len(shown) <= MAX_WIDTH
    assert shown.startswith("a: xxx")


def test_many_problems_of_one_enormous_line_are_no_more_work_than_those_of_a_long_one() -> None:
    found = [at(1, 5 + 3 * n) for n in range(1000)]
    long, enormous = (
        calls(lambda line="a: [" + "x, " * count + "]": render_text(found, {"m.yaml": line}))
        for count in (1_500, 300_000)
    )
    assert enormous < 1.5 * long


def test_messages_cannot_reach_the_terminal_or_break_the_line() -> None:
    found = problem("RC104", "got '\x1b[2J'\nhere", Origin("a\x07.yaml", 1, 1))
    assert (
        render_text([found], {}) == "a\ufffd.yaml:1:1: error RC104: got '\ufffd[2J' here\n1 error\n"
    )


def test_colour_is_only_added() -> None:
    found, sources = sample()
    painted = render_text(found, sources, color=True)
    assert "\x1b[31merror RC101\x1b[0m" in painted
    assert "\x1b[33mwarning RC208\x1b[0m" in painted
    for escape in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[33m"):
        painted = painted.replace(escape, "")
    assert painted == render_text(found, sources)


@settings(deadline=None)
@given(st.text(), st.integers(1, 30), st.integers(1, 30), st.text())
def test_any_source_and_message_takes_three_lines_at_most(
    text: str, line: int, column: int, message: str
) -> None:
    found = problem("RC101", message, Origin("m.yaml", line, column))
    shown = render_text([found], {"m.yaml": text})
    assert len(shown.splitlines()) <= 4
    assert shown.endswith("\n1 error\n")


def test_a_workflow_command_cannot_be_broken_out_of() -> None:
    found = problem("RC104", "50% of\r\n::error::x", Origin("a,b:c%.yaml", 1, 2))
    assert render_github([found], {}) == (
        "::error file=a%2Cb%3Ac%25.yaml,line=1,col=2,title=RC104 unknown value::"
        "50%25 of%0D%0A::error::x\n"
    )


def test_an_endless_name_is_cut_in_the_middle() -> None:
    found = problem("RC101", f"unknown key '{'a' * 5000}' at the end", Origin("f", 1, 1))
    assert len(found.message) == 400
    assert found.message.startswith("unknown key 'aaa")
    assert found.message.endswith("aaa' at the end")
