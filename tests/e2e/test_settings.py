"""Where settings come from: the official variables, and one for each option."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from e2e.conftest import TOKEN, Here
from e2e.tool import people

from reconciler.cli.groups import LazyGroup
from reconciler.cli.main import cli
from reconciler.sandbox import Sandbox


def commands(group: click.Group, name: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for part in group.list_commands(context):
        command = group.get_command(context, part)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{name}{part} ")
        else:
            yield f"{name}{part}", command


def test_every_option_has_its_variable() -> None:
    assert isinstance(cli, LazyGroup)
    seen = set()
    for name, command in commands(cli):
        for option in command.params:
            if isinstance(option, click.Option):
                long = next(text for text in option.opts if text.startswith("--"))
                variable = "RECONCILER_" + long[2:].replace("-", "_").upper()
                assert option.envvar == variable, f"{name} {long}"
                assert option.help, f"{name} {long} has no help"
                seen.add(variable)
    assert {"RECONCILER_OUT", "RECONCILER_AUTO_APPROVE", "RECONCILER_APP_KEY"} <= seen


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("RECONCILER_MAX_RPS", "many", "'many' is not a valid float"),
        ("RECONCILER_MAX_RPS", "-1", "-1 is not a number from 0"),
        ("RECONCILER_FORMAT", "xml", "'xml' is not one of"),
        ("RECONCILER_SANDBOX", "perhaps", "'perhaps' is not a valid boolean"),
        ("RECONCILER_PARALLELISM", "0", "0 is not in the range 1<=x<=64"),
    ],
)
def test_a_bad_variable_is_named(here: Here, variable: str, value: str, said: str) -> None:
    here.set(**{variable: value})
    ended = here("plan", people(here.folder, "bad-variable"))
    assert (ended.status, ended.out) == (1, "")
    assert f"error: Invalid value for {variable} (environment): {said}" in ended.err


def test_options_by_variable_do_what_options_do(here: Here) -> None:
    path = people(here.folder, "by-variable")
    here.set(RECONCILER_FORMAT="json", RECONCILER_OUT="plan.json", RECONCILER_DETAILED_EXITCODE="1")
    here.set(RECONCILER_TARGET="model.confident model.doubtful")
    ended = here("plan", path)
    assert ended.status == 2
    assert (here.folder / "plan.json").read_text("utf-8") == ended.out
    planned = json.loads(ended.out)
    assert planned["options"]["target"] == ["model.confident", "model.doubtful"]
    models = [one["address"] for one in planned["operations"] if one["address"][:5] == "model"]
    assert models == ["model.confident", "model.doubtful"]
    here.set(RECONCILER_TARGET=None, RECONCILER_EXCLUDE="model.confident")
    planned = json.loads(here("plan", path).out)
    assert "workflow.auto-annotation" in planned["left_out"]
    here.set(RECONCILER_EXCLUDE="", RECONCILER_FORMAT="")
    assert "Plan: 14 to create" in here("plan", path).out
    here.set(RECONCILER_AUTO_APPROVE="true")
    assert here("apply", path).status == 0


def test_an_option_wins_over_its_variable(here: Here, platform: Sandbox) -> None:
    here.set(RECONCILER_FORMAT="json", RECONCILER_BASE_URL="http://127.0.0.1:9")
    out = here.done(
        "plan", people(here.folder, "wins"), "--format", "text", "--base-url", platform.base_url
    )
    assert out.startswith("reconciler plan for sandbox-user/wins")


def test_base_url_option_wins_over_the_official_variable(here: Here, platform: Sandbox) -> None:
    here.set(CLARIFAI_API_BASE="http://127.0.0.1:9")
    path = people(here.folder, "base")
    assert here("plan", path, "--base-url", f"{platform.base_url}/v2/").status == 0


def test_an_app_id_of_the_environment_stands_in(here: Here) -> None:
    path = people(here.folder, "named", ("  id: named ", "  # no id "))
    missing = here("plan", path)
    assert missing.status == 1
    assert "RC206: the app has no id" in missing.err
    assert "CLARIFAI_APP_ID" in missing.err
    here.set(CLARIFAI_APP_ID="from-environment")
    assert "sandbox-user/from-environment" in here.done("plan", path)
    here.set(CLARIFAI_APP_ID="other")
    assert "sandbox-user/named" in here.done("plan", people(here.folder, "named"))


def test_me_is_the_real_user_before_anything_is_stored(here: Here) -> None:
    path = people(here.folder, "mine")
    for user in (None, "me", "sandbox-user"):
        here.set(CLARIFAI_USER_ID=user)
        planned = json.loads(here.done("plan", path, "--format", "json"))
        assert planned["target"]["user_id"] == "sandbox-user"
        assert '"me"' not in json.dumps(planned["desired"])
    here.done("apply", path, "--auto-approve")
    here.set(CLARIFAI_USER_ID=None)
    assert here.done("plan", path).startswith("No changes.")


def test_what_another_user_owns_looks_absent(here: Here) -> None:
    here.set(CLARIFAI_USER_ID="somebody-else")
    path = people(here.folder, "theirs")
    assert "reconciler plan for somebody-else/theirs" in here.done("plan", path)
    ended = here("apply", path, "--auto-approve")
    assert ended.status == 1
    assert "POST /v2/users/somebody-else/apps (HTTP 404, code 11101, request " in ended.out
    assert "check the id, CLARIFAI_USER_ID and CLARIFAI_APP_ID" in ended.out
    for command in (("inputs", "add", path, "x.png"), ("annotations", "list", path)):
        ended = here(*command)
        assert (ended.status, ended.out) == (1, "")
        assert ended.err == (
            "error: the app 'theirs' of user 'somebody-else' is not there, or not for the eyes of "
            "'sandbox-user', whose token this is\n"
            f"  check CLARIFAI_USER_ID; or create it first: reconciler apply {path}\n"
        )


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (None, "error: no token: CLARIFAI_PAT is not set\n  create a personal access token"),
        ("", "error: no token: CLARIFAI_PAT is not set"),
        (f"Key {TOKEN}", "error: the token in CLARIFAI_PAT begins with the word Key"),
        ("wrong-0123456789", "(HTTP 401, code 11008, request "),
    ],
    ids=["missing", "empty", "with the word", "unknown"],
)
def test_a_token_that_is_no_good(here: Here, token: str | None, said: str) -> None:
    here.set(CLARIFAI_PAT=token)
    ended = here("plan", people(here.folder, "no-token"))
    assert (ended.status, ended.out) == (1, "")
    assert said in ended.err
    assert "CLARIFAI_PAT" in ended.err
    assert "wrong-0123456789" not in ended.err


def test_a_user_named_by_the_manifest_wins(here: Here) -> None:
    path = people(here.folder, "owned", ("  id: owned", "  user_id: sandbox-user\n  id: owned"))
    here.set(CLARIFAI_USER_ID="somebody-else")
    assert "sandbox-user/owned" in here.done("plan", path)


def test_nothing_of_the_environment_leaks_into_the_sandbox(here: Here, platform: Sandbox) -> None:
    people(here.folder, "local")
    here.set(CLARIFAI_PAT=None, CLARIFAI_USER_ID="somebody-else")
    here.set(CLARIFAI_API_BASE="http://127.0.0.1:9")
    assert "sandbox-user/local on sandbox" in here.done("plan", "local.yaml", "--sandbox")
    here.set(CLARIFAI_PAT="no good, with spaces", CLARIFAI_API_BASE="no URL")
    assert "sandbox-user/local on sandbox" in here.done("plan", "local.yaml", "--sandbox")
    assert platform.requests() == ()


def test_paths_of_manifests(here: Here) -> None:
    """A file, its folder, and one named as seen from elsewhere are the same manifest."""
    path = people(here.folder / "deep" / "folder", "paths")
    for spelled in (path, path.parent, Path("deep/folder"), "deep/folder/paths.yaml"):
        assert "Plan: 14 to create" in here.done("plan", spelled)
