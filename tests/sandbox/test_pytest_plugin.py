"""The pytest plugin as a stranger meets it: a test-suite of their own, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

Suite = Callable[..., "Ran"]

CREATE = """
    import os
    import requests

    def create(id_="mine"):
        url = os.environ["CLARIFAI_API_BASE"] + "/v2/users/me/apps"
        headers = {"Authorization": "Key " + os.environ["CLARIFAI_PAT"]}
        return requests.post(url, json={"apps": [{"id": id_}]}, headers=headers).json()

    def apps():
        url = os.environ["CLARIFAI_API_BASE"] + "/v2/users/me/apps"
        headers = {"Authorization": "Key " + os.environ["CLARIFAI_PAT"]}
        return [app["id"] for app in requests.get(url, headers=headers).json()["apps"]]
"""
"""What stands for the program of the stranger: it knows the environment and nothing else."""


@dataclass(frozen=True)
class Ran:
    """How a run ended: its exit status, and what it wrote."""

    status: int
    out: str

    def outcomes(self) -> dict[str, str]:
        """PASSED, FAILED or ERROR of each test, by its name."""
        told = (line.split() for line in self.out.splitlines() if "::" in line)
        words = ("PASSED", "FAILED", "ERROR")
        found: dict[str, str] = {}
        for parts in told:
            word = next((part for part in parts if part in words), "")
            test = next((part for part in parts if "::" in part), "")
            if word and test:
                found.setdefault(test.rpartition("::")[2], word)
        return found


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """Writes the files of a suite and runs it in a process of its own, warnings as errors."""

    def run(*options: str, environment: dict[str, str] | None = None, **files: str) -> Ran:
        for name, text in files.items():
            suffix = "ini" if name == "pytest" else "py"
            (tmp_path / f"{name}.{suffix}").write_text(dedent(text), "utf-8")
        kept = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("CLARIFAI_", "RECONCILER_", "PYTEST_", "COV_"))
        }
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "-vv", "-W", "error", "--strict-markers", "--color=no",
             "-p", "no:cacheprovider", *options],
            cwd=tmp_path, env={**kept, **(environment or {})}, capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip
        return Ran(ended.returncode, ended.stdout + ended.stderr)

    return run


def test_three_lines_and_the_environment_names_a_platform(suite: Suite) -> None:
    ran = suite(
        environment={
            "CLARIFAI_PAT": "a-real-token",
            "CLARIFAI_SESSION_TOKEN": "another-one",
            "CLARIFAI_APP_ID": "a-real-app",
            "CLARIFAI_API_BASE": "https://real.invalid",
            "RECONCILER_SANDBOX": "1",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "intranet.invalid",
        },
        program=CREATE,
        test_mine="""
        import os
        import program

        def test_creates_an_app(clarifai_sandbox):
            assert program.create()["status"]["code"] == 10000
            assert program.apps() == ["mine"]

        def test_each_test_begins_anew(clarifai_sandbox):
            assert program.apps() == []
            assert [entry.rpc for entry in clarifai_sandbox.requests()] == ["ListApps"]

        def test_nothing_of_a_real_account_is_seen(clarifai_sandbox):
            assert os.environ["CLARIFAI_API_BASE"] == clarifai_sandbox.base_url
            assert os.environ["CLARIFAI_PAT"] == clarifai_sandbox.token
            assert os.environ["CLARIFAI_USER_ID"] == clarifai_sandbox.user_id
            assert {"CLARIFAI_SESSION_TOKEN", "CLARIFAI_APP_ID"}.isdisjoint(os.environ)
            assert os.environ["NO_PROXY"].endswith(",intranet.invalid")

        def test_the_environment_is_as_before():
            assert os.environ["CLARIFAI_PAT"] == "a-real-token"
            assert os.environ["CLARIFAI_API_BASE"] == "https://real.invalid"
            assert os.environ["NO_PROXY"] == "intranet.invalid"
        """,
    )
    assert ran.status == 0, ran.out
    assert "4 passed" in ran.out


def test_the_tool_finds_it_and_ids_repeat(suite: Suite) -> None:
    ran = suite(
        test_tool="""
        from pathlib import Path
        import pytest
        import requests
        from reconciler.cli.main import run

        seen = []

        MANIFEST = '''
        app: {id: mine, default_workflow: all}
        models:
          sure: {model_type_id: concept-threshold, concept_threshold_type: LESS_THAN, thresholds: {cat: 0.5}}
        concepts: [cat]
        workflows:
          all:
            nodes:
              - {id: general, model: clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40}
              - {id: sure, model: sure, node_inputs: [general]}
        '''

        @pytest.mark.parametrize("time", [1, 2])
        def test_apply(clarifai_sandbox, tmp_path, time):
            manifest = tmp_path / "app.yaml"
            manifest.write_text(MANIFEST)
            assert run(["apply", str(manifest), "--auto-approve"]) == 0
            assert run(["plan", str(manifest), "--detailed-exitcode"]) == 0
            url = clarifai_sandbox.base_url + "/v2/users/me/apps/mine/models/sure/versions"
            answer = requests.get(url, headers={"Authorization": "Key " + clarifai_sandbox.token})
            seen.append([item["id"] for item in answer.json()["model_versions"]])
            assert len(seen[-1]) == 1 and seen[0] == seen[-1]
        """,
    )
    assert ran.status == 0, ran.out
    assert "2 passed" in ran.out


def test_workers_do_not_meet(suite: Suite) -> None:
    ran = suite(
        "-n",
        "2",
        program=CREATE,
        test_many="""
        import program
        import pytest

        @pytest.mark.parametrize("time", range(6))
        def test_one(clarifai_sandbox, time):
            assert program.create()["status"]["code"] == 10000
            assert program.apps() == ["mine"]
        """,
    )
    assert ran.status == 0, ran.out
    assert "6 passed" in ran.out


def test_markers_fixtures_and_the_ini_file_say_how_it_starts(suite: Suite, tmp_path: Path) -> None:
    (tmp_path / "scores.yaml").write_text(
        "source: a test\nimages: [{url: 'https://x.invalid/a.png', concepts: {ai_l8TKp2h5: 0.75}}]\n",
        "utf-8",
    )
    ran = suite(
        pytest="""
        [pytest]
        clarifai_sandbox_scores = scores.yaml
        clarifai_sandbox_seed = 7
        """,
        conftest="""
        import pytest

        @pytest.fixture
        def clarifai_sandbox_options():
            return {"user": "alice", "latency_ms": 1}
        """,
        program=CREATE,
        test_options="""
        import os
        from pathlib import Path
        import program
        import pytest
        import requests
        from reconciler.sandbox.behaviour import Behaviour

        URL = "https://x.invalid/a.png"
        SCRIPT = {"source": "here", "images": [{"url": URL, "concepts": {"ai_l8TKp2h5": 0.5}}]}
        pytestmark = pytest.mark.clarifai_sandbox(pat="of-the-module")

        def ask(sandbox, path, body=None):
            headers = {"Authorization": "Key " + os.environ["CLARIFAI_PAT"]}
            url = f"{sandbox.base_url}/v2/users/{sandbox.user_id}/apps{path}"
            method = "POST" if body else "GET"
            return requests.request(method, url, json=body, headers=headers).json()

        def predict(sandbox):
            program.create()
            body = {"inputs": [{"data": {"image": {"url": URL}}}]}
            path = "/v2/users/clarifai/apps/main/models/general-image-recognition/outputs"
            headers = {"Authorization": "Key " + os.environ["CLARIFAI_PAT"]}
            answer = requests.post(sandbox.base_url + path, json=body, headers=headers).json()
            return [concept["value"] for concept in answer["outputs"][0]["data"]["concepts"]]

        def test_ini_file_and_fixture(clarifai_sandbox):
            assert clarifai_sandbox.user_id == os.environ["CLARIFAI_USER_ID"] == "alice"
            assert clarifai_sandbox.token == os.environ["CLARIFAI_PAT"] == "of-the-module"
            assert predict(clarifai_sandbox) == [0.75]

        @pytest.mark.clarifai_sandbox(pat="of-the-class", scores=SCRIPT)
        class TestNearest:
            def test_of_the_class(self, clarifai_sandbox):
                assert os.environ["CLARIFAI_PAT"] == "of-the-class"
                assert predict(clarifai_sandbox) == [0.5]

            @pytest.mark.clarifai_sandbox(pat="of-the-test", scores="scores.yaml", user="bob")
            def test_of_the_test(self, clarifai_sandbox):
                assert os.environ["CLARIFAI_PAT"] == "of-the-test"
                assert os.environ["CLARIFAI_USER_ID"] == "bob"
                assert predict(clarifai_sandbox) == [0.75]

        @pytest.mark.clarifai_sandbox(behaviour={"duplicate_app_code": 40009}, legacy=True)
        def test_switches_by_name_and_legacy(clarifai_sandbox):
            app = program.create()["apps"][0]
            assert app["default_workflow"]["id"] == "General"
            assert program.create()["status"]["code"] == 40009

        @pytest.mark.clarifai_sandbox(behaviour=Behaviour(duplicate_app_code=40008))
        def test_switches_as_an_object(clarifai_sandbox):
            program.create()
            assert program.create()["status"]["code"] == 40008

        @pytest.mark.clarifai_sandbox(data=True)
        def test_in_the_folder_of_the_test(clarifai_sandbox, tmp_path):
            assert (tmp_path / "clarifai-sandbox" / "sandbox.db").is_file()

        @pytest.mark.clarifai_sandbox(data="kept")
        def test_in_a_folder_of_that_name(clarifai_sandbox, tmp_path):
            assert (tmp_path / "kept" / "sandbox.db").is_file()
        """,
    )
    assert ran.status == 0, ran.out
    assert "7 passed" in ran.out


def test_mistakes_are_told_without_a_traceback(suite: Suite) -> None:
    ran = suite(
        test_wrong="""
        import pytest

        @pytest.mark.clarifai_sandbox(scoers="scores.yaml")
        def test_keyword(clarifai_sandbox): pass

        @pytest.mark.clarifai_sandbox(port=80)
        def test_port(clarifai_sandbox): pass

        @pytest.mark.clarifai_sandbox(behaviour={"duplicate_app": 1})
        def test_switch(clarifai_sandbox): pass

        @pytest.mark.clarifai_sandbox("scores.yaml")
        def test_position(clarifai_sandbox): pass

        @pytest.mark.clarifai_sandbox(user="not an id")
        def test_refused(clarifai_sandbox): pass

        @pytest.mark.clarifai_sandbox(scores="nowhere.yaml")
        def test_scores(clarifai_sandbox): pass
        """,
    )
    assert ran.status == 1
    assert ran.outcomes() == dict.fromkeys(
        [
            "test_keyword",
            "test_port",
            "test_switch",
            "test_position",
            "test_refused",
            "test_scores",
        ],
        "ERROR",
    )
    assert "@pytest.mark.clarifai_sandbox has no 'scoers': did you mean 'scores'?" in ran.out
    assert "@pytest.mark.clarifai_sandbox has no 'port': " in ran.out
    assert "behaviour has no 'duplicate_app': did you mean 'duplicate_app_code'?" in ran.out
    assert "@pytest.mark.clarifai_sandbox takes keywords only, it got 'scores.yaml'" in ran.out
    assert "user id 'not an id' is not an id" in ran.out
    assert "nowhere.yaml" in ran.out
    assert "Traceback" not in ran.out and "pytest_plugin.py" not in ran.out


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("legacy", "perhaps", "clarifai_sandbox_legacy is 'perhaps' in the ini-file: say true or false"),
        ("seed", "many", "clarifai_sandbox_seed is 'many' in the ini-file: say a whole number"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_ini_file_is_told(suite: Suite, name: str, value: str, told: str) -> None:
    ran = suite(
        pytest=f"[pytest]\nclarifai_sandbox_{name} = {value}\n",
        test_any="def test_any(clarifai_sandbox): pass",
    )
    assert ran.status == 1
    assert told in ran.out


def test_a_failed_test_shows_its_requests(suite: Suite) -> None:
    ran = suite(
        program=CREATE,
        test_failing="""
        import program
        import pytest

        @pytest.mark.clarifai_sandbox(data=True, pat="planted-token")
        def test_asks(clarifai_sandbox):
            program.create()
            program.create()
            assert False

        def test_stops(clarifai_sandbox):
            clarifai_sandbox.stop()
            assert False

        def test_is_silent(clarifai_sandbox):
            assert False

        def test_many(clarifai_sandbox):
            for _ in range(25): program.apps()
            assert False
        """,
    )
    assert ran.outcomes() == dict.fromkeys(
        ["test_asks", "test_stops", "test_is_silent", "test_many"], "FAILED"
    )
    shown = ran.out.split(" Captured clarifai sandbox call ")[1:]
    lines = [text.splitlines()[1:] for text in shown]
    assert lines[0][:2] == ["200 POST /v2/users/me/apps", "400 POST /v2/users/me/apps"]
    assert lines[0][2].startswith("its state: reconciler sandbox serve --data ")
    assert lines[1][0] == "the test stopped it"
    assert lines[2][0] == "no requests"
    assert lines[3][:2] == ["... 5 earlier requests ...", "200 GET /v2/users/me/apps"]
    assert "planted-token" not in "".join(shown)


def test_who_does_not_use_it_pays_nothing(suite: Suite) -> None:
    heavy = """
        import sys

        def test_light():
            heavy = {"numpy", "sklearn", "google.protobuf", "clarifai_grpc", "jinja2", "PIL", "click"}
            assert heavy.isdisjoint(sys.modules)
            assert ("reconciler.sandbox.pytest_plugin" in sys.modules) is LOADED
        """
    loaded = suite(test_light=heavy.replace("LOADED", "True"))
    assert loaded.status == 0, loaded.out
    blocked = suite(
        "-p", "no:clarifai_sandbox", test_light=heavy.replace("LOADED", "False"),
        test_uses="def test_uses(clarifai_sandbox): pass",
    )  # fmt: skip
    assert blocked.outcomes() == {"test_light": "PASSED", "test_uses": "ERROR"}
    assert "fixture 'clarifai_sandbox' not found" in blocked.out


def test_the_official_sdk_finds_it_wherever_it_was_imported(suite: Suite) -> None:
    ran = suite(
        "-W",
        "default",
        test_sdk="""
        import os
        import pytest
        from clarifai.client.user import User

        pytestmark = pytest.mark.clarifai_sandbox(grpc_port=0)

        @pytest.mark.parametrize("time", [1, 2])
        def test_imported_above(clarifai_sandbox, time):
            assert os.environ["CLARIFAI_API_BASE"] == clarifai_sandbox.grpc_url
            user = User(user_id=os.environ["CLARIFAI_USER_ID"])
            user.create_app("mine", base_workflow="Empty")
            assert [app.id for app in user.list_apps()] == ["mine"]
            assert clarifai_sandbox.requests()

        @pytest.mark.parametrize("time", [1, 2])
        def test_imported_within(clarifai_sandbox, time):
            from clarifai.client.input import Inputs
            User(user_id=os.environ["CLARIFAI_USER_ID"]).create_app("mine", base_workflow="Empty")
            inputs = Inputs(user_id=os.environ["CLARIFAI_USER_ID"], app_id="mine")
            assert list(inputs.list_inputs()) == []

        def test_outside_it_is_as_it_was():
            assert User.__init__.__defaults__[1] == "https://api.clarifai.com"
        """,
    )
    assert ran.status == 0, ran.out
    assert "5 passed" in ran.out
