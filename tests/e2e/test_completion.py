"""Completion as shells ask for it: addresses of the manifest on the line, paths, never a complaint."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.tool import MANIFESTS

from reconciler.cli import complete, main
from reconciler.cli.commands import completion
from reconciler.cli.main import cli

PEOPLE = str(MANIFESTS / "people")
MODELS = [
    f"model.{id_}"
    for id_ in (
        "confident",
        "doubtful",
        "plausible",
        "to-app-concepts",
        "write-pending-as-me",
        "write-success-as-me",
    )
]
MAN = 'relation.man.synonym."clarifai/main/ai_dxSG2s86"'


def asked(monkeypatch: pytest.MonkeyPatch, line: str, behind: str = "") -> list[str]:
    """What is offered for the last word of a line, with more words behind the cursor."""
    words = line.split(" ")
    monkeypatch.setenv("COMP_WORDS", "\n".join(words[:-1]))
    monkeypatch.setenv("COMP_WORD", words[-1])
    monkeypatch.setenv("COMP_REST", behind.replace(" ", "\n"))
    return complete.answer(cli).splitlines()


def plain(lines: list[str]) -> list[str]:
    return [line.removeprefix("plain,").partition("\t")[0] for line in lines]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        (f"reconciler plan {PEOPLE} --target model.", MODELS),
        (f"reconciler plan {PEOPLE} --target=model.c", ["model.confident"]),
        (f"reconciler plan {PEOPLE} --target model.confident --target app.", ["app.default_workflow"]),
        (f"reconciler plan {PEOPLE} --target relation.man", [MAN]),
        (rf"reconciler plan {PEOPLE} --target relation.man.synonym.\"cl", [MAN]),
        (f"reconciler plan {PEOPLE} --target nothing", []),
        ("reconciler plan nowhere --target model.", []),
        ("reconciler plan --target model.", []),
        ("reconciler plan --tar", ["--target"]),
        ("reconciler unknown --target x", []),
        ("reconciler explain RC51", ["RC511", "RC512", "RC513", "RC514", "RC515", "RC516"]),
        ("reconciler explain rc521", ["RC521"]),
    ],
)  # fmt: skip
def test_what_fits_is_offered(
    line: str, offered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plain(asked(monkeypatch, line)) == offered


def test_a_path_is_left_to_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, "reconciler plan mani") == ["file,mani"]


def test_the_manifest_may_come_behind_the_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plain(asked(monkeypatch, "reconciler plan --target model.", PEOPLE)) == MODELS


def test_an_overlay_adds_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    overlay = tmp_path / "_more.yaml"
    overlay.write_text("models: {confident: null, model-b: {model_type_id: image-crop}}", "utf-8")
    line = f"reconciler plan {PEOPLE} --overlay {overlay} --target model."
    assert plain(asked(monkeypatch, line)) == ["model.doubtful", "model.model-b", *MODELS[2:]]


BROKEN = {
    "a model without a type": (
        "models: {a: {}, b: {model_type_id: image-crop}}\nconcepts: [x]",
        ["concept.x", "model.b"],
    ),
    "a relation without an object": (
        "concepts: [x]\nconcept_relations: [{subject: x, predicate: synonym}]",
        ["concept.x"],
    ),
    "a variable without a value": (
        "variables: {V: {}}\napp: {id: '${V}'}\nconcepts: {x: {name: '${V}'}}",
        ["concept.x"],
    ),
    "no YAML": ("app: [\nconcepts: {x: }", []),
    "one good document": ("concepts: [x]\n---\napp: {", ["concept.x"]),
    "not UTF-8": ("concepts: [x]\n# \udcff", ["concept.x"]),
}


@pytest.mark.parametrize(("text", "offered"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_manifest_offers_what_is_sound_of_it_in_silence(
    text: str,
    offered: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    manifest = tmp_path / "m.yaml"
    manifest.write_bytes(text.encode("utf-8", "surrogateescape"))
    found = plain(asked(monkeypatch, f"reconciler plan {manifest} --target "))
    assert [address for address in found if address != "app"] == offered
    assert capfd.readouterr() == ("", "")


def test_a_large_manifest_is_read_while_one_waits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    concepts = "\n".join(f"  c{n}: {{name: number {n}}}" for n in range(5000))
    manifest = tmp_path / "m.yaml"
    manifest.write_text(f"app: {{id: a}}\nconcepts:\n{concepts}\n", "utf-8")
    assert len(asked(monkeypatch, f"reconciler plan {manifest} --target concept.")) == 5000


# --- the scripts, in the shells themselves

PROGRAM = """\
#!{python}
from reconciler.cli.main import main
main()
"""

ASK = {
    "bash": """\
source {script}
compopt() {{ :; }}
COMP_WORDS=(reconciler plan {manifest} --target '{typed}') COMP_CWORD=4
_reconciler_completion reconciler
printf '%s\\n' "${{COMPREPLY[@]}}"
""",
    "zsh": """\
compdef() {{ :; }}
compadd() {{ print -l -- "${{(@P)argv[-1]}}"; }}
source {script}
words=(reconciler plan {manifest} --target '{typed}') CURRENT=5
_reconciler_completion
""",
    "fish": """\
source {script}
complete -C "reconciler plan {manifest} --target {typed}"
""",
}


@pytest.mark.parametrize("shell", ASK)
def test_a_shell_that_read_the_script_gets_addresses(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    program = tmp_path / "reconciler"
    program.write_text(PROGRAM.format(python=sys.executable), "utf-8")
    program.chmod(0o755)
    script, ask = tmp_path / "script", tmp_path / "ask"
    script.write_text(complete.SCRIPTS[shell], "utf-8")
    for typed, offered in (("model.", MODELS), ("relation.man", [MAN])):
        ask.write_text(ASK[shell].format(script=script, manifest=PEOPLE, typed=typed), "utf-8")
        ended = subprocess.run(
            [shell, str(ask)],
            env={"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        found = [line.replace("\\", "") for line in ended.stdout.split()]
        assert (found, ended.stderr) == (offered, "")


@pytest.mark.parametrize("shell", complete.SCRIPTS)
def test_the_command_prints_the_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    completion.command.main([shell], standalone_mode=False)
    assert capsys.readouterr().out == complete.SCRIPTS[shell]


@pytest.mark.parametrize(
    ("words", "word", "offered"),
    [
        (["reconciler"], "pl", ["plan"]),
        (["reconciler", "inputs"], "", ["add"]),
        (["reconciler", "plan", str(PEOPLE), "--target"], "model.c", ["model.confident"]),
        (
            ["reconciler", "apply", str(PEOPLE), "--exclude"],
            "workflow",
            ["workflow.auto-annotation"],
        ),
    ],
)
def test_the_program_answers_what_a_shell_asks(
    words: list[str], word: str, offered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMP_WORDS", "\n".join(words))
    monkeypatch.setenv("COMP_WORD", word)
    monkeypatch.setenv("COMP_REST", "")
    told = complete.answer(main.cli).splitlines()
    assert [line.partition("\t")[0] for line in plain(told)] == offered
