"""The tool converges and touches only its own whatever the platform turns out to do.

What nobody knows about the platform is a switch of the sandbox; the same life of one app runs under
every value of every switch, and under servers that are wrong in several ways at once.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import run
from reconciler.sandbox import Sandbox
from reconciler.sandbox.behaviour import Behaviour, switches
from reconciler.sandbox.faults import Fault
from tests.sandbox.driving import Api, node, png, threshold_version

# what it runs is covered by others, and tracing it would take half as long again
pytestmark = pytest.mark.no_cover

EMBEDDER = "clarifai/main/general-image-embedding@bb186755eda04f9cbb6fe32e816be104"
GENERAL = "clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40"

CHANGED = [(switch.name, other) for switch in switches() for other in switch.others]

SEVERAL: dict[str, dict[str, Any]] = {
    "version metadata is dropped and never listed": {
        "post_keeps_version_metadata": False,
        "lists_show_version_metadata": False,
        "lists_show_version_times": False,
    },
    "version metadata is dropped, lists tell everything": {
        "post_keeps_version_metadata": False,
        "lists_show_output_info": True,
        "version_lists_show_output_info": True,
    },
    "every switch the other way": dict(reversed(CHANGED)),
} | {
    f"at random, {seed}": {
        switch.name: random.Random(f"{seed} {switch.name}").choice((switch.default, *switch.others))
        for switch in switches()
    }
    for seed in range(3)
}

WRONG_TOGETHER: dict[str, dict[str, Any]] = {
    name: {"behaviour": Behaviour(**changed)} for name, changed in SEVERAL.items()
}
SERVERS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "before 2023": {"legacy": True},
    **{f"{name}={other}": {"behaviour": Behaviour(**{name: other})} for name, other in CHANGED},
    **WRONG_TOGETHER,
}


@pytest.fixture
def open_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., App]]:
    """Starts a sandbox with options; its app has yet to be made."""
    for name in ("CLARIFAI_USER_ID", "CLARIFAI_APP_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RECONCILER_MAX_RPS", "10000")
    with contextlib.ExitStack() as running:

        def begin(**options: Any) -> App:
            sandbox = running.enter_context(Sandbox(**options))
            monkeypatch.setenv("CLARIFAI_API_BASE", sandbox.base_url)
            monkeypatch.setenv("CLARIFAI_PAT", sandbox.token)
            api = Api(sandbox)
            running.callback(api.session.close)
            return App(api, tmp_path / "app.yaml", capsys)

        yield begin


@dataclass
class App:
    """A manifest, the app that it describes, and the command line between the two."""

    api: Api
    path: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, command: str, manifest: Any, *options: str) -> tuple[int, str]:
        self.path.write_text(json.dumps(manifest), "utf-8")  # which is YAML too
        self.capsys.readouterr()
        status = run([command, str(self.path), *options])
        captured = self.capsys.readouterr()
        return status, captured.out + captured.err

    def apply(self, manifest: Any, *options: str) -> None:
        """Brings the app to the manifest."""
        status, text = self("apply", manifest, "--auto-approve", *options)
        assert status == 0, text

    def converge(self, manifest: Any, *options: str) -> None:
        """Brings the app to the manifest; the next plan is empty."""
        self.apply(manifest, *options)
        self.converges(manifest, *options)

    def converges(self, manifest: Any, *options: str) -> None:
        """Whether a plan is empty."""
        status, text = self("plan", manifest, "--detailed-exitcode", *options)
        assert status == 0, text
        assert text.splitlines()[0].startswith("No changes."), text

    def rests(self, manifest: Any, *options: str) -> None:
        """Whether applying again writes nothing."""
        self.writes()
        self.apply(manifest, *options)
        assert self.writes() == []

    def operations(self, manifest: Any, *options: str) -> dict[str, Any]:
        """What a plan would do, by address and action."""
        status, text = self("plan", manifest, "--format", "json", *options)
        assert status == 0, text
        document = json.loads(text[text.index("{") : text.rindex("}") + 1])
        return {f"{one['action']} {one['address']}": one for one in document["operations"]}

    def writes(self) -> list[str]:
        """Every request since the last look that was no read."""
        found = [f"{one.method} {one.path}" for one in self.api.sandbox.requests()]
        self.api.sandbox.clear_requests()
        return [line for line in found if not line.startswith("GET")]

    def pins(self, workflow: str = "auto") -> dict[str, str]:
        """The model version that each node runs."""
        nodes = self.api("GET", f"/workflows/{workflow}")["workflow"]["nodes"]
        return {one["id"]: one["model"]["model_version"]["id"] for one in nodes}

    def thresholds(self, model: str, version: str) -> dict[str, float]:
        """What a version keeps."""
        path = f"/models/{model}/versions/{version}/output_info"
        info = self.api("GET", path)["model"]["model_version"]["output_info"]
        return {one["id"]: one["value"] for one in info["data"]["concepts"]}

    def label(self) -> None:
        """Gives the classifier something to learn from."""
        shades = {"walker": (20, 40), "runner": (200, 220)}
        inputs = [
            {
                "id": f"{concept}-{shade}",
                "data": {
                    "image": {"base64": base64.b64encode(png(shade)).decode()},
                    "concepts": [{"id": concept, "value": 1}],
                },
            }
            for concept, pair in shades.items()
            for shade in pair
        ]
        self.api("POST", "/inputs", {"inputs": inputs})
        self.api.sandbox.wait_idle()


def manifest(**sections: Any) -> Any:
    """A classifier of its own between certain and doubtful, and a second workflow over the mapper."""
    limits = {"walker": 0.9, "runner": 0.75}
    return copy.deepcopy(
        {
            "app": {"id": "park", "description": "Who moves how", "default_workflow": "auto"},
            "concepts": {
                "walker": {"name": "walker", "definition": "on foot"},
                "runner": {"name": "runner", "metadata": {"speed": 2}},
            },
            "concept_relations": [
                {
                    "subject": "walker",
                    "predicate": "synonym",
                    "object": "clarifai/main/ai_l8TKp2h5",
                },
                {"subject": "runner", "predicate": "hyponym", "object": "walker"},
            ],
            "models": {
                "mapper": {"model_type_id": "concept-synonym-mapper", "knowledge_graph_id": ""},
                "custom": {
                    "model_type_id": "embedding-classifier",
                    "concepts": ["walker", "runner"],
                    "base_embed_model": EMBEDDER,
                },
                "sure": thresholder("GREATER_THAN_OR_EQUAL", limits),
                "unsure": thresholder("LESS_THAN", limits),
                "accept": writer("ANNOTATION_SUCCESS"),
                "ask": writer("ANNOTATION_PENDING"),
            },
            "workflows": {
                "auto": {
                    "nodes": [
                        {"id": "embed", "model": EMBEDDER},
                        {"id": "custom", "model": "custom", "node_inputs": ["embed"]},
                        {"id": "sure", "model": "sure", "node_inputs": ["custom"]},
                        {"id": "accept", "model": "accept", "node_inputs": ["sure"]},
                        {"id": "unsure", "model": "unsure", "node_inputs": ["custom"]},
                        {"id": "ask", "model": "ask", "node_inputs": ["unsure"]},
                    ]
                },
                "spare": {
                    "nodes": [
                        {"id": "general", "model": GENERAL},
                        {"id": "mapper", "model": "mapper", "node_inputs": ["general"]},
                        {"id": "sure", "model": "sure", "node_inputs": ["mapper"]},
                    ]
                },
            },
        }
        | sections
    )


def thresholder(comparator: str, thresholds: dict[str, float]) -> Any:
    return {
        "model_type_id": "concept-threshold",
        "concept_threshold_type": comparator,
        "thresholds": dict(thresholds),
    }


def writer(status: str) -> Any:
    return {
        "model_type_id": "annotation-writer",
        "annotation_status": status,
        "annotation_user_id": "me",
    }


def with_threshold(value: float) -> Any:
    changed = manifest()
    for name in ("sure", "unsure"):
        changed["models"][name]["thresholds"]["walker"] = value
    return changed


def create(app: App, desired: Any, *options: str) -> None:
    """The whole app from nothing; the classifier once there is something to learn from."""
    app.apply(desired, "--exclude", "model.custom", *options)
    app.label()
    app.apply(desired, *options)
    app.converges(desired)


@pytest.mark.parametrize("options", SERVERS.values(), ids=SERVERS)
def test_the_life_of_an_app(open_app: Callable[..., App], options: dict[str, Any]) -> None:
    app, first = open_app(**options), manifest()
    create(app, first)
    before = app.pins()
    app.converge(with_threshold(0.6))
    after = app.pins()
    assert {name for name in before if before[name] != after[name]} == {"sure", "unsure"}
    assert app.thresholds("sure", after["sure"]) == {"walker": 0.6, "runner": 0.75}
    assert app.pins("spare")["sure"] == after["sure"]

    app.writes()
    app.apply(first)
    assert app.pins() == before, "the versions that ran before run again"
    assert not [line for line in app.writes() if "/versions" in line], "a revert minted a version"
    app.rests(first)

    foreign(app)
    app.rests(first)
    pruned(app, renamed_and_changed(app))


def foreign(app: App) -> None:
    """Somebody else's hands: what no manifest names, on objects of ours and beside them."""
    app.api("PATCH", "/models", {
        "models": [{"id": "sure", "notes": "by hand", "metadata": {"team": "parks"}}],
        "action": "merge",
    })  # fmt: skip
    app.api("PATCH", "/workflows", {
        "workflows": [{"id": "auto", "metadata": {"team": "parks"}}], "action": "merge"
    })  # fmt: skip
    app.api.concepts("theirs")
    version = app.api.model("theirs", "concept-threshold", threshold_version(1, theirs=0.5))
    general = node("g", *GENERAL.rpartition("/")[2].split("@"), public=True)
    nodes = [general, node("t", "theirs", version, "g")]
    app.api("POST", "/workflows", {"workflows": [{"id": "theirs", "nodes": nodes}]})


def renamed_and_changed(app: App) -> Any:
    """A rename keeps versions and pins; an update loses nothing that it does not name."""
    before = app.pins()
    desired = manifest(moved=[{"from": "model.sure", "to": "model.certain"}])
    desired["models"]["certain"] = desired["models"].pop("sure")
    for workflow in desired["workflows"].values():
        for one in workflow["nodes"]:
            one["model"] = "certain" if one["model"] == "sure" else one["model"]
    app.converge(desired)
    assert app.pins() == before
    desired["app"]["description"] = "Who moves how fast"
    desired["concepts"]["walker"]["definition"] = "no wheels"
    desired["models"]["certain"]["description"] = "lets the certain through"
    desired["workflows"]["auto"]["description"] = "runs on every picture"
    del desired["moved"]
    app.converge(desired)
    assert app.pins() == before
    model = app.api("GET", "/models/certain")["model"]
    assert (model["notes"], model["description"]) == ("by hand", "lets the certain through")
    assert model["metadata"]["team"] == "parks"
    workflow = app.api("GET", "/workflows/auto")["workflow"]
    assert workflow["metadata"]["team"] == "parks"
    assert workflow["description"] == "runs on every picture"
    return desired


def pruned(app: App, desired: Any) -> None:
    """What the manifest no longer names goes, the default workflow included; nobody else's does."""
    del desired["workflows"]["spare"], desired["models"]["mapper"]
    del desired["concept_relations"][1]
    desired["workflows"]["final"] = {"nodes": desired["workflows"].pop("auto")["nodes"][:4]}
    desired["app"]["default_workflow"] = "final"
    del desired["models"]["ask"], desired["models"]["unsure"]
    kept = app.operations(desired)
    assert not [name for name in kept if name.startswith("delete ")], "unasked for"
    app.converge(desired, "--prune")
    app.api.sandbox.wait_idle()
    own = {"user_id": app.api.sandbox.user_id, "app_id": "park"}
    models = [m for m in app.api("GET", "/models")["models"] if m["app_id"] == own["app_id"]]
    assert {m["id"] for m in models} == {"custom", "certain", "accept", "theirs"}
    workflows = app.api("GET", "/workflows")["workflows"]
    assert {w["id"] for w in workflows if w["app_id"] == own["app_id"]} == {"final", "theirs"}
    relations = app.api("GET", "/concepts/relations")["concept_relations"]
    assert [one["predicate"] for one in relations] == ["synonym"]
    app.rests(desired, "--prune")


CUT = (
    ("POST", "/models$"),
    ("POST", "/versions$"),
    ("POST", "/relations$"),
    ("POST", "/workflows$"),
    ("PATCH", "/apps"),
)
"""One request of each of these never arrives, or its answer never does."""


@pytest.mark.parametrize("options", list(WRONG_TOGETHER.values())[:3], ids=list(WRONG_TOGETHER)[:3])
@pytest.mark.parametrize("drop", ["before", "after"])
def test_a_cut_connection_loses_nothing_and_makes_nothing_twice(
    open_app: Callable[..., App], options: dict[str, Any], drop: Any
) -> None:
    app, first = open_app(**options), manifest()
    app.api("POST", "/v2/users/me/apps", {"apps": [{"id": "park"}]})
    for method, path in CUT:
        app.api.sandbox.inject(Fault(method=method, path=path, drop=drop))
    create(app, first, "--read-back-timeout", "0.3")
    assert app.api("GET", "/models/custom/versions")["model_versions"]
    for name in ("mapper", "sure", "unsure", "accept", "ask"):
        versions = app.api("GET", f"/models/{name}/versions")["model_versions"]
        assert len(versions) == 1, name
    app.rests(first)


PARK = "/v2/users/me/apps/park"
FASTER: dict[str, tuple[str, str, Any]] = {
    "app": ("duplicate_app_code", "/v2/users/me/apps", {"apps": [{"id": "park"}]}),
    "concept": (
        "duplicate_concept_code",
        f"{PARK}/concepts",
        {"concepts": [{"id": "runner"}, {"id": "walker"}]},
    ),
    "relation": (
        "duplicate_relation_code",
        f"{PARK}/concepts/walker/relations",
        {"concept_relations": [{"object_concept": {"id": "runner"}, "predicate": "hypernym"}]},
    ),
    "model": (
        "duplicate_model_code",
        f"{PARK}/models",
        {"model": {"id": "sure", "model_type_id": "concept-threshold"}},
    ),
    "workflow": (
        "duplicate_workflow_code",
        f"{PARK}/workflows",
        {"workflows": [{"id": "spare", "nodes": [
            node("general", *GENERAL.rpartition("/")[2].split("@"), public=True)
        ]}]},
    ),
}  # fmt: skip
"""What somebody else makes just then, and the switch that says how its twin is refused."""

REFUSALS = {
    f"{kind}, {switch.name}={code}, {'whole batch' if atomic else 'one by one'}": (
        path,
        body,
        Behaviour(**{switch.name: code}, batch_is_atomic=atomic),
    )
    for kind, (name, path, body) in FASTER.items()
    for switch in switches()
    if switch.name == name
    for code in (switch.default, *switch.others)
    for atomic in ((True, False) if kind == "concept" else (True,))
}


@pytest.mark.parametrize(("path", "body", "behaviour"), REFUSALS.values(), ids=REFUSALS)
def test_somebody_is_faster(
    open_app: Callable[..., App], path: str, body: Any, behaviour: Behaviour
) -> None:
    """The plan does not see what is there by the time it is carried out: a second apply mends it."""
    app, desired = open_app(behaviour=behaviour), manifest()
    del desired["models"]["custom"], desired["workflows"]["auto"]
    desired["app"]["default_workflow"] = "spare"
    if path != "/v2/users/me/apps":
        app.api("POST", "/v2/users/me/apps", {"apps": [{"id": "park"}]})
    if path.endswith("/relations"):
        app.api.concepts("walker", "runner")
    app.api.sandbox.inject(Fault(method="POST", path=path + "$", stale_reads=5))
    app.api("POST", path, body)
    app("apply", desired, "--auto-approve", "--read-back-timeout", "0.2")
    app.converge(desired)
    app.rests(desired)


ABOUT_INPUTS = {
    "as it is": {},
    "input_batch_is_atomic": {"input_batch_is_atomic": True},
    "input_lists_report_failures": {"input_lists_report_failures": True},
    "inputs_bind_when_posted": {"inputs_bind_when_posted": True},
    "input_delay_ms": {"input_delay_ms": 50},
    "every switch the other way": SEVERAL["every switch the other way"],
}


@pytest.mark.parametrize("changed", ABOUT_INPUTS.values(), ids=ABOUT_INPUTS)
def test_every_good_picture_is_added_once(
    open_app: Callable[..., App], tmp_path: Path, changed: dict[str, Any]
) -> None:
    app, first = open_app(behaviour=Behaviour(**changed)), manifest()
    create(app, first)
    for name, content in {"a": png(1), "b": png(90), "c": png(170), "cut": png(2)[:40]}.items():
        (tmp_path / f"{name}.png").write_bytes(content)
    pictures = [str(tmp_path / f"{name}.png") for name in ("a", "cut", "b", "c")]
    somebody_adds(app, png(90))
    assert run(["inputs", "add", str(app.path), *pictures[:3], "--wait"]) == 1, "one is no picture"
    assert run(["inputs", "add", str(app.path), *pictures, "--wait"]) == 1
    app.api.sandbox.wait_idle()
    inputs = app.api.raw("GET", "/inputs").json()["inputs"]
    assert Counter(one["status"]["code"] for one in inputs) == {30000: 4 + 3, 30002: 1}
    assert run(["annotations", "list", str(app.path)]) == 0
    app.rests(first)


def somebody_adds(app: App, content: bytes) -> None:
    """The same picture under the id that the tool gives it, unseen by the next read."""
    picture = {
        "id": hashlib.sha256(content).hexdigest()[:32],
        "data": {"image": {"base64": base64.b64encode(content).decode()}},
    }
    app.api.sandbox.inject(Fault(method="POST", path="/inputs$", stale_reads=2))
    app.api("POST", "/inputs", {"inputs": [picture]})


NEVER_MET = {
    "metadata_filter_needs_all_keys": "it filters no list by metadata",
    "patched_media_is_refused": "it changes no input",
    "deletes_are_slow_ms": "the tool deletes no inputs",
    "missing_concepts_are_created": "it makes every concept before anything names it",
    "oversized_page_refused": "it asks for no more than 1,000 a page",
    "version_patch_changes_concepts": "it patches no version",
    "delete_default_workflow_refused": "it switches to another default first",
    "identical_workflow_patch_mints_version": "it sends no nodes that are as they were",
}
"""What the tool never comes across, and why: these values could be anything."""


def test_nothing_that_is_unknown_goes_unasked(
    open_app: Callable[..., App], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests above would be worth nothing if the sandbox never looked at the switch."""
    asked: set[str] = set()
    known = {switch.name for switch in switches()}

    class Watched(Behaviour):
        def __getattribute__(self, name: str) -> Any:
            if name in known:
                asked.add(name)
            return super().__getattribute__(name)

    monkeypatch.setattr("tests.sandbox.test_every_switch.Behaviour", Watched)
    for _, path, body in FASTER.values():
        test_somebody_is_faster(open_app, path, body, Watched())
    test_the_life_of_an_app(open_app, {"behaviour": Watched()})
    test_every_good_picture_is_added_once(open_app, tmp_path, {})
    assert known - asked == set(NEVER_MET)
