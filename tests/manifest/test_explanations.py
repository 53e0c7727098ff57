"""Every code is explained, and its example before and after is a case that is told so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from reconciler import registry
from reconciler.cli.commands.explain import command
from reconciler.diagnostics import CODES
from reconciler.errors import SettingsError
from reconciler.report.explain import EXPLANATIONS, render_list, render_text

CASES = Path(__file__).parents[1] / "cases" / "manifest"

SHOWN_OTHERWISE = {"RC001", "RC006", "RC008", "RC302", "RC303"}
"""Codes whose example is a command or a remark: they are about files, or too long to be printed."""


def said(case: Path) -> list[str]:
    """The codes that a case is told to have."""
    return re.findall(
        r"^\S+: (?:error|warning) (RC\d{3}):", (case / "expected.txt").read_text(), re.M
    )


def text(case: Path) -> str:
    """All manifests of a case, overlays and variable files included."""
    return "\n".join(path.read_text("utf-8") for path in sorted(case.glob("*.yaml")))


def test_every_code_is_explained_in_order() -> None:
    assert list(EXPLANATIONS) == list(CODES)


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_failing_and_a_passing_case(code: str) -> None:
    assert set(said(CASES / f"{code}-failing")) == {code}
    assert (CASES / f"{code}-passing" / "expected.txt").read_text() == ""


@pytest.mark.parametrize("code", sorted(CODES.keys() - SHOWN_OTHERWISE))
def test_an_example_is_part_of_its_case(code: str) -> None:
    assert EXPLANATIONS[code].bad in text(CASES / f"{code}-failing")
    assert EXPLANATIONS[code].good in text(CASES / f"{code}-passing")


def test_no_code_is_given_that_is_not_listed() -> None:
    given = {code for case in CASES.iterdir() for code in said(case)}
    assert given == set(CODES)
    for kind in registry.load().values():
        assert kind.unknown_code in {"", *CODES}


@pytest.mark.parametrize("code", CODES)
def test_a_text_has_all_its_parts_and_fits_a_terminal(code: str) -> None:
    lines = render_text(code).splitlines()
    info = CODES[code]
    assert lines[0] == f"{code}: {info.title} ({info.severity.value})"
    assert {"Why it matters", "Instead of", "write"} <= set(lines)
    example = lines.index("Instead of")
    assert max(map(len, lines[:example])) <= 88
    assert all(line == line.rstrip() for line in lines)


def test_the_whole_text_of_one() -> None:
    assert render_text("rc205") == (
        "RC205: unknown workflow (error)\n"
        "\n"
        "The default workflow is none of this manifest. Public ones are written with their owner.\n"
        "\n"
        "Why it matters\n"
        "  The default workflow runs on every new input. An id that is not found would leave the\n"
        "  app on what it had before.\n"
        "\n"
        "Instead of\n"
        "    app: {id: people, default_workflow: Empty}\n"
        "\n"
        "write\n"
        "    app: {id: people, default_workflow: clarifai/main/Empty}\n"
    )


def test_an_unknown_code_names_the_nearest() -> None:
    with pytest.raises(SettingsError) as caught:
        render_text("RC512b")
    assert caught.value.message == "no check has the code 'RC512b'"
    assert caught.value.hint == "did you mean 'RC512'?"
    with pytest.raises(SettingsError) as caught:
        render_text("everything")
    assert caught.value.hint == "reconciler explain lists all codes"


def test_the_list_has_every_code_with_its_severity() -> None:
    lines = render_list().splitlines()
    assert [line[:5] for line in lines] == list(CODES)
    assert "RC101  error    unknown key" in lines
    assert "RC512  warning  score exactly on a threshold that nobody writes" in lines


def test_the_command_prints_one_or_all() -> None:
    assert CliRunner().invoke(command, ["RC512"]).output == render_text("RC512")
    assert CliRunner().invoke(command, []).output == render_list()
