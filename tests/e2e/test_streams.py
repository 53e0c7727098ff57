"""Exit statuses, and what goes to which stream."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.conftest import Here
from e2e.tool import MANIFESTS, Tool, people

from reconciler.sandbox import Sandbox
from reconciler.sandbox.faults import Fault

PEOPLE = MANIFESTS / "people"
HEAVY = ("pydantic", "requests", "deepdiff", "yaml", "jsonschema", "google.protobuf", "numpy")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "Usage: reconciler [OPTIONS] COMMAND"),
        ("inputs", "Usage: reconciler inputs [OPTIONS] COMMAND"),
        ("plann", "error: no command 'plann'; did you mean 'plan'?"),
        ("frobnicate", "error: no command 'frobnicate'; commands: validate, plan, apply, destroy"),
        ("inputs ad", "error: no command 'ad'; did you mean 'add'?"),
        ("plan", "error: Missing argument 'PATH'."),
        ("plan . --formt json", "error: No such option '--formt'"),
        ("plan . --format xml", "error: Invalid value for '--format': 'xml' is not one of"),
        ("plan . --max-rps nan", "error: Invalid value for '--max-rps': nan is not a number"),
        ("plan . --max-rps 0", "error: Invalid value for '--max-rps': 0 is not above 0"),
        ("plan . --parallelism 65", "error: Invalid value for '--parallelism': 65 is not in"),
        ("plan . --max-retries x", "error: Invalid value for '--max-retries': 'x' is not a valid"),
        ("apply . --train-timeout -1", "error: Invalid value for '--train-timeout': -1 is not"),
        ("apply . --read-back-timeout inf", "error: Invalid value for '--read-back-timeout': inf"),
        ("plan . --sandbox --base-url http://x", "--sandbox and --base-url name two platforms"),
        ("plan . --scores x.yaml", "error: --scores is for the sandbox alone"),
        ("plan . --target nonsense", "error: 'nonsense' is not an address"),
        ("plan . --target model.absent", "error: nothing of this manifest is called model.absent"),
        ("plan . --target model.confidnt", "did you mean 'model.confident'?"),
        ("plan . --exclude workflow.auto", "did you mean 'workflow.auto-annotation'?"),
        ("plan . --colour", "error: No such option '--colour'"),
        ("plan . -o plan.yaml", "error: a plan file cannot be called plan.yaml"),
        ("validate ''", "Invalid value for 'PATH': it is empty; name a file or a folder"),
        ("plan nowhere", "nowhere: error RC001: no such file or directory"),
        ("plan empty", "empty: error RC006: no manifest here"),
        ("apply empty --auto-approve", "empty: error RC006: no manifest here"),
        ("apply absent.json", "error: absent.json cannot be read: no such file or directory"),
        ("annotations list . --status foo", "error: 'foo' is no annotation status"),
        ("schema workflow", "'workflow' is not one of 'manifest', 'plan'"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_message_and_status_1(
    here: Here, arguments: str, said: str
) -> None:
    people(here.folder, "app")
    (here.folder / "empty").mkdir()
    ended = here(*shlex.split(arguments))
    assert (ended.status, ended.out) == (1, "")
    assert said in ended.err
    assert len(ended.err.splitlines()) <= 2 or "Usage" in said, "one line and a hint"


def test_statuses_of_plan_and_apply(here: Here) -> None:
    path = people(here.folder, "statuses")
    changes = here("plan", path)
    assert (changes.status, changes.err) == (0, "")
    assert "Plan: 14 to create" in changes.out
    assert here("plan", path, "--detailed-exitcode").status == 2
    assert here("apply", path, "--auto-approve").status == 0
    for arguments in (("plan", path), ("plan", path, "--detailed-exitcode"), ("apply", path)):
        same = here(*arguments)
        assert (same.status, same.err) == (0, "")
        assert same.out.startswith("No changes. ")
        assert "sandbox-user/statuses" in same.out


def test_json_of_every_command(here: Here) -> None:
    path = people(here.folder, "as-json")
    assert json.loads(here.done("validate", path, "--format", "json")) == []
    planned = json.loads(here.done("plan", path, "--format", "json"))
    assert planned["summary"]["create"] == 14
    applied = json.loads(here.done("apply", path, "--auto-approve", "--format", "json"))
    assert applied["complete"] is True
    assert applied["counts"]["done"] == 15
    assert json.loads(here.done("plan", path, "--format", "json"))["operations"] == []
    nothing = json.loads(here.done("apply", path, "--format", "json"))
    assert (nothing["complete"], nothing["outcomes"]) == (True, [])
    assert json.loads(here.done("annotations", "list", path, "--format", "json")) == []


def test_json_of_a_failed_apply(here: Here, platform: Sandbox) -> None:
    path = people(here.folder, "failed-json")
    platform.inject(Fault(method="POST", path="failed-json/models$", status=400, code=11102))
    ended = here("apply", path, "--auto-approve", "--format", "json")
    assert ended.status == 1
    document = json.loads(ended.out)
    assert document["complete"] is False
    assert document["counts"]["failed"] == 1
    (failed,) = (one for one in document["outcomes"] if one["status"] == "failed")
    assert failed["error"]["code"] == 11102
    assert failed["error"]["request_id"]


def test_where_no_document_comes_about_stdout_stays_empty(here: Here) -> None:
    path = people(here.folder, "refused")
    here.done("apply", path, "--auto-approve")
    changed = path.read_text("utf-8").replace("model_type_id: concept-synonym-mapper", "MAPPER")
    changed = changed.replace('    MAPPER\n    knowledge_graph_id: ""', "    model_type_id: hooks")
    path.write_text(changed, "utf-8")
    for command in (("plan",), ("apply", "--auto-approve"), ("plan", "-o", "plan.json")):
        for format_ in ("text", "json"):
            ended = here(*command, path, "--format", format_)
            assert (ended.status, ended.out) == (1, "")
            assert "model.to-app-concepts" in ended.err
    assert not (here.folder / "plan.json").exists()


def test_json_of_a_broken_manifest_is_the_document_of_validate_alone(here: Here) -> None:
    (here.folder / "app.yaml").write_text("app: {id: a}\nmodel: {}\n", "utf-8")
    checked = here("validate", ".", "--format", "json")
    assert (checked.status, checked.err) == (1, "")
    assert [one["code"] for one in json.loads(checked.out)] == ["RC101"]
    planned = here("plan", ".", "--format", "json")
    assert (planned.status, planned.out) == (1, "")
    assert "app.yaml:2:1: error RC101: unknown key 'model', did you mean 'models'?" in planned.err


def test_warnings_of_a_manifest_go_to_stderr_even_if_the_service_is_away(here: Here) -> None:
    pin = "@aa7f35c01e0642fda5cf400f543e7c40"
    path = people(here.folder, "unpinned", (pin, ""))
    for command in (("plan",), ("apply", "--auto-approve")):
        ended = here(*command, path)
        assert ended.status == 0
        assert "warning RC" in ended.err
        assert "general-image-recognition" in ended.err
        assert "warning RC" not in ended.out
    here.set(CLARIFAI_API_BASE="http://127.0.0.1:9", RECONCILER_MAX_RETRIES="0")
    assert "warning RC" in here("plan", path).err


@pytest.mark.parametrize(
    "command",
    [
        ("plan", "-v", "--format", "json"),
        ("apply", "--requests", "--auto-approve", "--format", "json"),
    ],
)
def test_requests_are_shown_on_stderr(here: Here, command: tuple[str, ...]) -> None:
    path = people(here.folder, f"shown-{command[0]}")
    ended = here(*command, path)
    json.loads(ended.out)
    assert f"GET /v2/users/me/apps/shown-{command[0]} -> 404" in ended.err


def test_verbose_tells_of_waits_and_only_then(here: Here, platform: Sandbox) -> None:
    path = people(here.folder, "waits")
    throttled = Fault(method="GET", path="apps/waits$", status=429, code=11005, retry_after=0.0)
    platform.inject(throttled)
    assert "trying again in 0.0 s (1 of 4)" in here("plan", path, "-v").err
    platform.inject(throttled)
    assert here("plan", path).err == ""


def test_python_m_reconciler_is_the_command(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("reconciler")
    ways = [[sys.executable, "-m", "reconciler"], [str(script)]]
    for arguments in (["--version"], ["--help"], ["validate", str(PEOPLE)], ["plan"]):
        ended = [
            subprocess.run([*way, *arguments], capture_output=True, text=True, cwd=tmp_path)
            for way in ways
        ]
        assert ended[0].stdout == ended[1].stdout
        assert ended[0].stderr == ended[1].stderr
        assert ended[0].returncode == ended[1].returncode == (1 if arguments == ["plan"] else 0)


def test_help_of_every_command_imports_nothing_heavy() -> None:
    """All in one process: what one command does not import, no command did."""
    code = f"""
import sys, click
from reconciler.cli.main import cli, run

def names(group, name=""):
    yield name
    for part in group.list_commands(context):
        command = group.get_command(context, part)
        yield from names(command, f"{{name}} {{part}}") if isinstance(command, click.Group) else [
            f"{{name}} {{part}}"]

context = click.Context(cli)
for name in names(cli):
    assert run([*name.split(), "--help"]) == 0
print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.stderr == "[]\n"
    for command in ("", " plan", " apply", " inputs add", " annotations list", " sandbox serve"):
        assert f"Usage: reconciler{command} [OPTIONS]" in ended.stdout


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    ended = subprocess.run(
        [sys.executable, "-m", "reconciler", "schema", "manifest"],
        stdout=writes,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    os.close(writes)
    assert (ended.returncode, ended.stderr) == (1, "")


def test_a_terminal_that_lacks_a_character_is_no_reason_to_fail(
    platform: Sandbox, tmp_path: Path
) -> None:
    path = people(tmp_path, "latin", ("Labels people;", "从图像"))
    tool = Tool.on(platform, tmp_path, PYTHONIOENCODING="latin-1")
    assert "\\u4ece\\u56fe\\u50cf" in tool.done("plan", path)


def test_plan_holds_nothing_that_could_write(
    here: Here, platform: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``plan`` and ``annotations list`` never even make the client that can."""

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a client that writes")

    path = people(here.folder, "reads-only")
    monkeypatch.setattr("reconciler.api.client.Client.__init__", forbidden)
    here.done("plan", path)
    here("annotations", "list", path)
    assert {entry.method for entry in platform.requests()} == {"GET"}
    with pytest.raises(AssertionError, match="a client that writes"):
        here("apply", path, "--auto-approve")
