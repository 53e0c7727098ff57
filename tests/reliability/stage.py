"""A sandbox with an app in it, the tool beside it, and the eyes that judge what became of both."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

from e2e.tool import Tool, eventually
from planted import PLANTED
from reliability.faults import Misfortune
from reliability.scenarios import APP, SCENARIOS, SCORES, SHADES, Scenario
from sandbox.driving import Api, png

from reconciler import registry
from reconciler.api.client import Client, ReadClient
from reconciler.api.settings import Settings
from reconciler.call import Call
from reconciler.cli import carry_out, session
from reconciler.cli.main import run
from reconciler.cli.options import Connection, Layers
from reconciler.execution.outcome import PlannedRequest
from reconciler.execution.rehearsal import LATER, rehearse
from reconciler.manifest.desired import Manifest
from reconciler.planning.plan import Plan
from reconciler.sandbox import Sandbox
from reconciler.values import thaw

LONGEST_WAIT = 0.005
"""Seconds between two tries of the client; how long it wishes to wait is a matter of other tests."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One try of a request, by the monotonic clock in seconds."""

    call: Call
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and every request that it tried to send."""

    status: int
    out: str
    err: str
    requests: tuple[Sent, ...] = ()

    @property
    def document(self) -> Any:
        """The JSON document on stdout; None if it came to none."""
        return json.loads(self.out) if self.out.startswith("{") else None

    @property
    def sent(self) -> list[Call]:
        """The writes among them."""
        return [one.call for one in self.requests if one.call.method != "GET"]

    def pairs(self) -> Iterator[tuple[Sent, Sent]]:
        """Every PATCH and DELETE with the read of the same list right before it."""
        for number, one in enumerate(self.requests):
            if one.call.method in ("PATCH", "DELETE"):
                reads = [r for r in self.requests[:number] if r.call.path == one.call.path]
                assert reads, f"nothing was read again before {one.call.method} {one.call.path}"
                yield reads[-1], one


@dataclass(frozen=True, slots=True)
class Stage:
    """One scenario in one sandbox that lives as long as one case."""

    sandbox: Sandbox
    api: Api
    folder: Path
    scenario: Scenario

    def write(self, manifest: Mapping[str, Any]) -> Path:
        """The manifest as a file; JSON is YAML too."""
        path = self.folder / "app.yaml"
        path.write_text(json.dumps(manifest), "utf-8")
        return path

    def apply(self, manifest: Mapping[str, Any], *options: str) -> None:
        """Brings the app to a manifest, undisturbed. Raises AssertionError."""
        ended = self.tool("apply", self.write(manifest), "--auto-approve", *options)
        assert ended.status == 0, ended.out + ended.err

    def command(self, *options: str) -> Ended:
        """What the scenario runs, one request at a time."""
        return self.tool(*self.arguments(), *options)

    def arguments(self) -> tuple[str | Path, ...]:
        """The command line of the scenario."""
        path = self.write(self.scenario.after)
        usual = ("--auto-approve", "--format", "json", "--parallelism", "1")
        return (*self.scenario.command, path, *usual, "--read-back-timeout", "0")

    def tool(self, *arguments: str | Path, rest: float = LONGEST_WAIT) -> Ended:
        """One command in this process, whose client rests for at most ``rest`` seconds."""
        out, err = io.StringIO(), io.StringIO()
        requests: list[Sent] = []

        def note(call: Call, status: int, seconds: float) -> None:
            now = time.monotonic()
            requests.append(Sent(call, now - seconds, now))

        class Hasty(Client):
            """Sends as ever, and does not rest between two tries."""

            def __init__(self, settings: Settings, **options: Any) -> None:
                del options
                super().__init__(
                    settings,
                    on_request=note,
                    sleep=lambda seconds: time.sleep(min(seconds, rest)),
                )

        with (
            mock.patch.dict(os.environ, self.environment()),
            mock.patch.object(carry_out, "Client", Hasty),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            status = run([str(argument) for argument in arguments])
        return Ended(status, out.getvalue(), err.getvalue(), tuple(requests))

    def environment(self) -> dict[str, str]:
        """What the tool is told by its environment."""
        return {
            "CLARIFAI_API_BASE": self.sandbox.base_url,
            "CLARIFAI_PAT": PLANTED,
            "CLARIFAI_USER_ID": "",
            "CLARIFAI_APP_ID": "",
            "RECONCILER_MAX_RPS": "10000",
        }

    def killed(self) -> bool:
        """Runs the scenario's command as a process, killed while the planted fault holds a request.

        False if it ended by itself before.
        """
        tool = Tool(self.folder, environment=self.environment())
        running = tool.start(*map(str, self.arguments()))
        try:
            eventually(lambda: not self.sandbox.faults() or running.poll() is not None, "the hit")
            in_time = running.poll() is None
        finally:
            running.kill()
            running.communicate()
            self.sandbox.clear_faults()  # what is held goes on
        if in_time:
            hit = "the end of the request that was under way"
            eventually(lambda: any(one.fault for one in self.sandbox.requests()), hit)
        return in_time

    def plan(self) -> Plan:
        """What the scenario's command would do now."""
        with mock.patch.dict(os.environ, self.environment()):
            manifest = _loaded(json.dumps(self.scenario.after))
            question = session.Question.of_manifest(manifest, Layers(), self.scenario.options)
            connection = Connection(max_rps=10000)
            target = session.target_of(manifest, connection)
            with session.connect(target, connection, ReadClient) as platform:
                return session.read_plan(platform, question)

    # --- data

    def label(self) -> None:
        """Gives a classifier something to learn from."""
        shades = {"walker": (20, 40), "runner": (200, 220)}
        inputs = [
            {**picture(shade), "id": f"{concept}-{shade}"}
            for concept, pair in shades.items()
            for shade in pair
        ]
        for one in inputs:
            one["data"]["concepts"] = [{"id": one["id"].split("-")[0], "value": 1}]
        self.api("POST", "/inputs", {"inputs": inputs})
        self.sandbox.wait_idle()

    def probe(self) -> list[Any]:
        """Adds pictures now, and shows what was written about them; nothing without an app."""
        if self.api.raw("GET", "").status_code == 404:
            return []
        inputs = (
            [{**picture(shade), "id": f"probe-{shade}"} for shade in SHADES]
            if self.scenario.learned
            else [
                {"id": f"probe-{number}", "data": {"image": {"url": url}}}
                for number, url in enumerate(SCORES)
            ]
        )
        self.api("POST", "/inputs", {"inputs": inputs})
        self.sandbox.wait_idle()
        ids = {one["id"] for one in inputs}
        listed = self.api("GET", "/inputs", per_page=1000)["inputs"]
        states = [(one["id"], one["status"]["code"]) for one in listed if one["id"] in ids]
        assert [code for _, code in states] == [30000] * len(ids), states
        found = self.api("GET", "/annotations", per_page=1000, list_all_annotations=True)
        return sorted(
            (
                [one["input_id"], one["status"]["code"], _scores(one)]
                for one in found.get("annotations", ())
                if one["input_id"] in ids and one.get("data", {}).get("concepts")
            ),
            key=json.dumps,
        )

    def state(self) -> Any:
        """The app as the API shows it, without times, and with versions named by what they hold."""
        if self.api.raw("GET", "").status_code == 404:
            return None
        names: dict[str, str] = {}
        models = [one for one in self._list("/models", "models") if one["app_id"] == APP]
        versions = {
            one["id"]: self._list(f"/models/{one['id']}/versions", "model_versions")
            for one in models
        }
        for model, listed in versions.items():
            for one in listed:
                names[one["id"]] = f"{model}@{_digest({**one, 'id': ''}, names)}"
        workflows = [one for one in self._list("/workflows", "workflows") if one["app_id"] == APP]
        graphs = {
            one["id"]: self._list(f"/workflows/{one['id']}/versions", "workflow_versions")
            for one in workflows
        }
        for workflow, listed in graphs.items():
            for one in listed:
                names[one["id"]] = f"{workflow}@{_digest(one.get('nodes'), names)}"
        relations = self._list("/concepts/relations", "concept_relations")
        return {
            "app": scrubbed(self.api("GET", "")["app"], names),
            "concepts": scrubbed(self._list("/concepts", "concepts"), names),
            "relations": scrubbed([{**one, "id": ""} for one in relations], names),
            "models": scrubbed(models, names),
            "versions": {id_: sorted(names[one["id"]] for one in v) for id_, v in versions.items()},
            "workflows": scrubbed(workflows, names),
            "graphs": {id_: sorted(names[one["id"]] for one in v) for id_, v in graphs.items()},
            "inputs": sorted(one["id"] for one in self._list("/inputs", "inputs")),
        }

    def _list(self, path: str, key: str) -> list[Any]:
        found: list[Any] = self.api("GET", path, per_page=1000).get(key, [])
        return found


@contextlib.contextmanager
def stage(scenario: Scenario, data: Path, folder: Path) -> Iterator[Stage]:
    """A scenario on a copy of ``data``, the state of a stopped sandbox."""
    copy = folder / "state"
    shutil.rmtree(copy, ignore_errors=True)
    if data.exists():
        shutil.copytree(data, copy)
    with open_stage(scenario, copy, folder) as opened:
        yield opened


@contextlib.contextmanager
def open_stage(scenario: Scenario, data: Path, folder: Path) -> Iterator[Stage]:
    """A scenario on ``data`` itself, which keeps what happens."""
    folder.mkdir(parents=True, exist_ok=True)
    with Sandbox(data=data, pat=PLANTED, scores=written_scores(folder)) as sandbox:
        api = Api(sandbox, APP)
        try:
            yield Stage(sandbox, api, folder, scenario)
        finally:
            api.session.close()


@lru_cache(maxsize=len(SCENARIOS))
def _loaded(text: str) -> Manifest:
    """A manifest, read once for all the plans that are made of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "app.yaml"
        path.write_text(text, "utf-8")
        return session.load_manifest(path)


def written_scores(folder: Path) -> Path:
    """The scores file that the sandbox is started with."""
    path = folder / "scores.json"
    images = [{"url": url, "concepts": dict(scores)} for url, scores in SCORES.items()]
    path.write_text(json.dumps({"source": "made up for this test", "images": images}), "utf-8")
    return path


def picture(shade: int) -> dict[str, Any]:
    """An input that holds a small picture."""
    return {"data": {"image": {"base64": base64.b64encode(png(shade)).decode()}}}


def _scores(annotation: Mapping[str, Any]) -> list[Any]:
    concepts = annotation["data"]["concepts"]
    return sorted([one["id"], round(one.get("value", 0.0), 5)] for one in concepts)


def _digest(value: Any, names: Mapping[str, str]) -> str:
    text = json.dumps(scrubbed(value, names), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def scrubbed(value: Any, names: Mapping[str, str]) -> Any:
    """JSON without times and in one order, with versions by what they hold.

    The digests of a workflow's nodes stand for version ids, so only that they are there counts.
    """
    if isinstance(value, Mapping):
        found = {k: scrubbed(v, names) for k, v in value.items() if not k.endswith("_at")}
        return {k: "of some version" if k.startswith("nodes.") else v for k, v in found.items()}
    if isinstance(value, list):
        return sorted((scrubbed(one, names) for one in value), key=json.dumps)
    return names.get(value, value) if isinstance(value, str) else value


# --- what a plan allows


def planned_requests(made: Plan) -> tuple[PlannedRequest, ...]:
    """Every write that a plan takes."""
    return rehearse(made.operations, made.target, registry.load(), made.live)


def unplanned(sent: Iterable[Call], planned: list[Any]) -> list[str]:
    """The items that were sent and that no planned request holds."""
    return [
        json.dumps(item)
        for call in sent
        for item in items(call)
        if not any(fits(one, item, more=_of_a_new_app(one, planned)) for one in planned)
    ]


def _of_a_new_app(one: Any, planned: list[Any]) -> bool:
    """Whether it changes an app that the plan makes: what the platform fills in is sent back."""
    method, path, _ = one
    return method == "PATCH" and any(item[:2] == ["POST", path] for item in planned)


def items(call: Call) -> list[Any]:
    """A write as single items: what travels together is a matter of the moment."""
    body = thaw(call.body)
    lists = [name for name, value in body.items() if isinstance(value, list)]
    if len(lists) != 1:
        return [[call.method, call.path, body]]
    return [[call.method, call.path, {**body, lists[0]: [one]}] for one in body[lists[0]]]


def fits(planned: Any, sent: Any, *, more: bool = False) -> bool:
    """Whether what was sent is what was planned, as far as that was known; ``more`` may be in it."""
    if planned == LATER:
        return True
    if isinstance(planned, dict) and isinstance(sent, dict):
        same = planned.keys() <= sent.keys() if more else planned.keys() == sent.keys()
        return same and all(fits(planned[name], sent[name], more=more) for name in planned)
    if isinstance(planned, list) and isinstance(sent, list):
        return len(planned) == len(sent) and all(map(partial(fits, more=more), planned, sent))
    return bool(planned == sent)


def disturb(stage: Stage, misfortune: Misfortune, k: int) -> None:
    """Plants a misfortune for the ``k``-th request from now."""
    stage.sandbox.clear_requests()
    stage.sandbox.inject(misfortune.at(k))
