"""Promise 4, through the real tool: whose an object is, what may be deleted, what an update keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from e2e.conftest import TOKEN, Here

from reconciler.sandbox import Sandbox
from reconciler.sandbox.behaviour import Behaviour

MAPPER = "{model_type_id: concept-synonym-mapper}"
GENERAL = "clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40"


@pytest.fixture(params=[False, True], ids=["overwrite keeps unsent", "overwrite drops unsent"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(pat=TOKEN, behaviour=Behaviour(overwrite_drops_unsent=request.param)) as started:
        yield started


class Live:
    """The app by its API, as a colleague uses it."""

    def __init__(self, sandbox: Sandbox, app: str) -> None:
        self._base = f"{sandbox.base_url}/v2/users/{sandbox.user_id}/apps/{app}"
        self._headers = {"Authorization": f"Key {sandbox.token}"}

    def get(self, path: str) -> Any:
        return requests.get(self._base + path, headers=self._headers, timeout=300).json()

    def patch(self, path: str, **body: Any) -> None:
        sent = {"action": "merge", **body}
        answer = requests.patch(self._base + path, json=sent, headers=self._headers, timeout=300)
        assert answer.status_code == 200, answer.text

    def patch_app(self, metadata: Any) -> None:
        user, _, id_ = self._base.rpartition("/apps/")
        body = {"apps": [{"id": id_, "metadata": metadata}], "action": "overwrite"}
        answer = requests.patch(f"{user}/apps", json=body, headers=self._headers, timeout=300)
        assert answer.status_code == 200, answer.text

    def post(self, path: str, **body: Any) -> None:
        answer = requests.post(self._base + path, json=body, headers=self._headers, timeout=300)
        assert answer.status_code == 200, answer.text


class App:
    """A manifest under a tool."""

    def __init__(self, sandbox: Sandbox, tool: Here) -> None:
        self.tool = tool
        self.path = tool.folder / "app.yaml"
        self.live = Live(sandbox, "owned")

    def write(self, models: str, *, owner: str = "", app: str = "", more: str = "") -> None:
        stated = (f", owner: {owner}" if owner else "") + (f", {app}" if app else "")
        self.path.write_text(f"app: {{id: owned{stated}}}\nmodels: {models}\n{more}")

    def apply(self, *options: str) -> str:
        return self.tool.done("apply", self.path, "--auto-approve", *options)

    def refused(self, *options: str) -> list[str]:
        ended = self.tool("plan", self.path, *options)
        assert (ended.status, ended.out) == (1, "")
        first, *lines = ended.err.splitlines()
        assert first.startswith("No plan: ")
        return lines

    def operations(self, *options: str) -> list[str]:
        plan = json.loads(self.tool.done("plan", self.path, "--format", "json", *options))
        return [f"{op['action']} {op['address']}" for op in plan["operations"]]

    def models(self) -> list[str]:
        return sorted(model["id"] for model in self.live.get("/models")["models"])


@pytest.fixture
def app(
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> App:
    return App(sandbox, Here.on(sandbox, tmp_path, monkeypatch, capsys))


def test_promise_4_what_it_did_not_make_is_left_alone_even_with_prune(app: App) -> None:
    app.write(f"{{ours: {MAPPER}}}")
    app.apply()
    app.live.post("/models", model={"id": "theirs", "model_type_id": "concept-synonym-mapper"})
    app.write("{}")
    assert app.operations() == []
    assert app.operations("--prune") == ["delete model.ours"]
    app.apply("--prune")
    assert app.models() == ["theirs"]


def test_promise_4_what_was_adopted_is_changed_and_never_deleted(app: App) -> None:
    app.write("{}")
    app.apply()
    app.live.post("/models", model={"id": "theirs", "model_type_id": "concept-synonym-mapper"})
    app.write("{theirs: {model_type_id: concept-synonym-mapper, description: Adopted.}}")
    app.apply()
    app.write("{}")
    assert app.operations("--prune") == []


@pytest.mark.parametrize("command", ["destroy", "apply --prune"])
def test_promise_4_a_relation_made_here_is_deleted_though_its_concept_was_adopted(
    command: str, app: App
) -> None:
    app.write("{}")
    app.apply()
    app.live.post("/concepts", concepts=[{"id": "cat"}, {"id": "dog"}, {"id": "pet"}])
    by_hand = {"object_concept": {"id": "dog"}, "predicate": "synonym"}
    app.live.post("/concepts/cat/relations", concept_relations=[by_hand])
    made = "concept_relations: [{subject: cat, predicate: hyponym, object: pet}]\n"
    app.write("{}", more=f"concepts: [cat, dog, pet]\n{made}")
    app.apply()
    app.write("{}", more="concepts: [cat, dog, pet]\n")
    app.tool.done(*command.split(), app.path, "--auto-approve")
    left = app.live.get("/concepts/relations")["concept_relations"]
    assert [edge["predicate"] for edge in left] == ["synonym"]


def test_promise_4_a_foreign_mark_is_refused_until_it_is_taken_over(app: App) -> None:
    app.write(f"{{shared: {MAPPER}}}", owner="first")
    app.apply()
    app.write(f"{{shared: {MAPPER}}}", owner="second")
    assert app.refused() == [
        "- app: belongs to 'first', not to 'second': take it out of this manifest, set app.owner to "
        "the owner that it has, or take it over with --take-over app",
        "- model.shared: belongs to 'first', not to 'second': take it out of this manifest, set "
        "app.owner to the owner that it has, or take it over with --take-over model.shared",
    ]
    both = ("--take-over", "app", "--take-over", "model.shared")
    told = app.tool.done("plan", app.path, *both)
    assert told.count("      metadata.reconciler.owner  first -> second\n") == 2
    app.apply(*both)
    assert app.operations() == []
    app.write(f"{{shared: {MAPPER}}}", owner="first")
    assert len(app.refused()) == 2


def test_promise_4_prevent_destroy_holds_although_its_text_is_gone(app: App) -> None:
    app.write("{kept: {model_type_id: concept-synonym-mapper, prevent_destroy: true}}")
    app.apply()
    app.write("{}")
    way_out = (
        "- model.kept: prevent_destroy is set in the live app: put it back into the manifest with "
        "prevent_destroy: false, apply that, and take it out then"
    )
    assert app.refused("--prune") == [way_out]
    destroyed = app.tool("destroy", app.path, "--auto-approve")
    assert (destroyed.status, way_out in destroyed.err) == (1, True)
    assert app.models() == ["kept"]
    app.write("{kept: {model_type_id: concept-synonym-mapper}}")
    assert app.operations() == [], "without the key it stays as it is"
    app.write("{kept: {model_type_id: concept-synonym-mapper, prevent_destroy: false}}")
    assert app.operations() == ["update model.kept"]
    app.apply()
    app.write("{}")
    app.apply("--prune")
    assert app.models() == []


def test_what_is_left_out_refuses_nothing(app: App) -> None:
    guarded = "{model_type_id: concept-synonym-mapper, prevent_destroy: true}"
    app.write(f"{{kept: {guarded}, spare: {MAPPER}}}")
    app.apply()
    app.write("{}")
    assert len(app.refused("--prune")) == 1
    for option in (("--target", "model.spare"), ("--exclude", "model.kept")):
        assert app.operations("--prune", *option) == ["delete model.spare"]
    assert len(app.refused("--prune", "--target", "model.kept")) == 1


@pytest.mark.parametrize(
    ("count", "gone", "limit", "refusal"),
    [
        (9, 9, (), ""),
        (10, 3, (), ""),
        (10, 4, (),
         "- --prune would delete 4 of 10 models that are this manifest's, which is more than 30 %: "
         "if that is meant, allow it with --prune-limit 40"),
        (10, 4, ("--prune-limit", "40"), ""),
        (10, 1, ("--prune-limit", "0"),
         "- --prune would delete 1 of 10 models that are this manifest's, which is more than 0 %: "
         "if that is meant, allow it with --prune-limit 10"),
    ],
)  # fmt: skip
def test_promise_4_a_mass_deletion_is_refused_and_its_flag_named(
    app: App, count: int, gone: int, limit: tuple[str, ...], refusal: str
) -> None:
    names = [f"m{number}" for number in range(count)]
    app.write("{" + ", ".join(f"{name}: {MAPPER}" for name in names) + "}")
    app.apply()
    app.write("{" + ", ".join(f"{name}: {MAPPER}" for name in names[gone:]) + "}")
    if refusal:
        assert app.refused("--prune", *limit) == [refusal]
    else:
        assert app.operations("--prune", *limit) == [f"delete model.{n}" for n in names[:gone]]


def test_promise_4_concepts_are_said_and_counted_and_never_attempted(
    app: App, sandbox: Sandbox
) -> None:
    app.write("{}", more="concepts: [cat, dog]\n")
    app.apply()
    app.write("{}")
    text = app.tool.done("plan", app.path, "--prune")
    assert "2 objects unmanaged (left alone): concept.cat, concept.dog\n" in text
    assert "  2 concepts cannot be deleted: the API has no way to do it\n" in text
    sandbox.clear_requests()
    app.apply("--prune")
    app.tool.done("destroy", app.path, "--auto-approve")
    assert {request.method for request in sandbox.requests()} == {"GET"}


def test_promise_4_an_update_loses_nothing_that_it_does_not_name(app: App) -> None:
    app.write(
        "{ours: {model_type_id: concept-synonym-mapper, description: One.}}",
        more="concepts: {cat: {name: tom}}\n",
    )
    app.apply()
    theirs = {"team": {"lead": "ada"}}
    app.live.patch("/models", models=[{"id": "ours", "notes": "Ask Ada.", "metadata": theirs}])
    app.live.patch(
        "", app={"id": "owned", "notes": "Hers.", "description": "D."}, action="overwrite"
    )
    app.write(
        "{ours: {model_type_id: concept-synonym-mapper, description: Two.}}",
        more="concepts: {cat: {name: felix}}\n",
    )
    app.path.write_text(app.path.read_text().replace("{id: owned}", "{id: owned, name: Owned}"))
    app.apply()
    model = app.live.get("/models/ours")["model"]
    assert (model["description"], model["notes"]) == ("Two.", "Ask Ada.")
    assert model["metadata"]["team"] == theirs["team"]
    assert model["metadata"]["reconciler"]["owner"] == "owned"
    found = app.live.get("")["app"]
    assert (found["name"], found["notes"], found["description"]) == ("Owned", "Hers.", "D.")


def test_promise_4_an_update_keeps_what_others_put_inside_a_map_that_it_states(app: App) -> None:
    def write(owner: str) -> None:
        stated = f"metadata: {{contact: {{owner: {owner}}}}}"
        app.write(
            f"{{ours: {{model_type_id: concept-synonym-mapper, {stated}}}}}",
            app=stated,
            more=f"concepts: {{cat: {{{stated}}}}}\n"
            f"workflows: {{flow: {{{stated}, nodes: [{{id: see, model: {GENERAL}}}]}}}}\n",
        )

    places = {
        "app": "", "model": "/models/ours", "concept": "/concepts/cat", "workflow": "/workflows/flow",
    }  # fmt: skip
    write("ada")
    app.apply()
    for kind, path in places.items():
        found = app.live.get(path)[kind]["metadata"]
        theirs = {**found, "contact": {"owner": "ada", "phone": "12"}}
        section, _, id_ = path[1:].partition("/")
        if kind == "app":
            app.live.patch_app(theirs)
            continue
        action = "overwrite" if kind == "concept" else "merge"
        app.live.patch(f"/{section}", **{section: [{"id": id_, "metadata": theirs}]}, action=action)
    assert app.operations() == []
    write("bob")
    app.apply()
    for kind, path in places.items():
        found = app.live.get(path)[kind]["metadata"]["contact"]
        assert found == {"owner": "bob", "phone": "12"}, kind
    assert app.operations() == []


def test_promise_4_destroy_restores_the_default_of_before_and_leaves_the_rest(
    app: App, sandbox: Sandbox
) -> None:
    app.write("{}")
    app.apply()
    before = app.live.get("")["app"]["default_workflow"]["id"]
    public = "clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40"
    nodes = f"{{id: all, model: {public}}}, {{id: own, model: mapper, node_inputs: [all]}}"
    more = f"workflows: {{main: {{nodes: [{nodes}]}}}}\n"
    app.write(f"{{mapper: {MAPPER}}}", more=more)
    app.path.write_text(app.path.read_text().replace("owned}", "owned, default_workflow: main}"))
    app.apply()
    assert app.live.get("")["app"]["default_workflow"]["id"] == "main"
    sandbox.clear_requests()
    out = app.tool.done("destroy", app.path, "--auto-approve")
    assert out.endswith("Apply complete: 2 deleted, default workflow switched.\n")
    writes = [
        (r.method, r.path.rpartition("/")[2]) for r in sandbox.requests() if r.method != "GET"
    ]
    assert writes == [("PATCH", "apps"), ("DELETE", "workflows"), ("DELETE", "models")]
    found = app.live.get("")["app"]
    assert found["default_workflow"]["id"] == before
    assert "former_default_workflow" not in found["metadata"]["reconciler"]
    again = app.tool.done("destroy", app.path)
    assert again.startswith(
        f"No changes. Nothing that {app.path} made and that can be deleted is left in "
    )


def test_the_app_itself_goes_only_when_asked_for_and_only_if_it_was_made_here(
    app: App, sandbox: Sandbox
) -> None:
    app.write(f"{{mapper: {MAPPER}}}")
    app.apply()
    out = app.tool.done("destroy", app.path, "--delete-app", "--auto-approve")
    assert "the app goes with all its inputs and annotations, 1 objects" in out
    assert app.live.get("")["status"]["code"] == 11101
    headers = {"Authorization": f"Key {sandbox.token}"}
    url = f"{sandbox.base_url}/v2/users/{sandbox.user_id}/apps"
    requests.post(url, json={"apps": [{"id": "owned"}]}, headers=headers, timeout=300)
    app.write("{}")
    ended = app.tool("destroy", app.path, "--delete-app", "--auto-approve")
    assert "- app: was not made by this manifest, so that --delete-app may not" in ended.err
    assert ended.status == 1


def test_a_create_and_a_delete_that_look_alike_draw_a_warning(app: App) -> None:
    app.write(f"{{old: {MAPPER}}}")
    app.apply()
    app.write(f"{{new: {MAPPER}}}")
    text = app.tool.done("plan", app.path, "--prune")
    assert (
        "Warning: model.new is made anew, and model.old holds the same: if it is the same under a "
        "new name, say moved: [{from: model.old, to: model.new}]\n"
    ) in text
