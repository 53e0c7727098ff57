"""A small in-memory platform with switches, for laws that must hold on every kind of server.

It knows just enough of apps, concepts, relations, models, versions and workflows to be planned and
applied against, and can lose replies, die between two writes, and show reads from the past. The
real sandbox is tested elsewhere; this one is for thousands of runs a minute.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from reconciler.call import Call, Json, Listing
from reconciler.errors import ApiError, DuplicateError, NotFoundError, TransportError


class Crash(BaseException):
    """The tool was killed here."""


@dataclass
class Switches:
    """What servers are known, or thought, to do differently."""

    keeps_version_metadata: bool = True
    lists_show_version_metadata: bool = True
    lists_show_versions: bool = True
    stale_reads: int = 0
    lose_reply_of: frozenset[int] = frozenset()
    lose_request: frozenset[int] = frozenset()
    crash_before: int | None = None
    crash_after: int | None = None
    post_model_makes_version: bool = False


@dataclass
class FakePlatform:
    """Implements the tool's Writer over dictionaries."""

    switches: Switches = field(default_factory=Switches)
    user: str = "alice"
    apps: dict[str, Any] = field(default_factory=dict)
    concepts: dict[str, Any] = field(default_factory=dict)
    relations: dict[str, Any] = field(default_factory=dict)
    models: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    workflows: dict[str, Any] = field(default_factory=dict)
    writes: list[Call] = field(default_factory=list)
    reads: int = 0
    trains: bool = True
    _serial: Any = field(default_factory=lambda: itertools.count(1))
    _past: list[Any] = field(default_factory=list)
    _stale_left: int = 0

    # Reader

    def get(self, call: Call) -> Json:
        self.reads += 1
        with _View(self):
            return copy.deepcopy(self._route(call))

    def get_all(self, calls: Sequence[Call]) -> list[Json | ApiError]:
        answers: list[Json | ApiError] = []
        for call in calls:
            try:
                answers.append(self.get(call))
            except ApiError as error:
                answers.append(error)
        return answers

    def read_list(self, listing: Listing) -> list[Json]:
        items: list[Json] = self.get(listing.page(1, 1000))[listing.key]
        return items

    def read_lists(self, listings: Sequence[Listing]) -> list[list[Json]]:
        return [self.read_list(listing) for listing in listings]

    # Writer

    def send(self, call: Call) -> Json:
        number = len(self.writes) + 1
        if self.switches.crash_before == number:
            raise Crash
        self.writes.append(call)
        if number in self.switches.lose_request:
            raise self._lost(call)
        if self.switches.stale_reads:
            self._past = [self._state()]
        answer = copy.deepcopy(self._route(call))
        self._stale_left = self.switches.stale_reads
        if self.switches.crash_after == number:
            raise Crash
        if number in self.switches.lose_reply_of:
            raise self._lost(call)
        return answer

    @staticmethod
    def _lost(call: Call) -> TransportError:
        return TransportError("connection reset", method=call.method, path=call.path, unclear=True)

    # state

    def _state(self) -> Any:
        return copy.deepcopy(
            (self.apps, self.concepts, self.relations, self.models, self.versions, self.workflows)
        )

    def _load(self, state: Any) -> None:
        (self.apps, self.concepts, self.relations, self.models, self.versions, self.workflows) = (
            state
        )

    def _id(self) -> str:
        return f"{next(self._serial):032x}"

    def _now(self) -> str:
        return f"2026-01-01T00:00:00.{next(self._serial):06d}Z"

    # routes

    def _route(self, call: Call) -> Json:
        for method, pattern, handler in _ROUTES:
            match = re.fullmatch(pattern, call.path)
            if method == call.method and match:
                parts = [unquote(part) for part in match.groups()[1:]]
                return handler(self, call, *parts)
        raise AssertionError(f"the fake knows no {call.method} {call.path}")

    def _absent(self, call: Call) -> NotFoundError:
        return NotFoundError("absent", method=call.method, path=call.path, http_status=404)

    def _taken(self, call: Call) -> DuplicateError:
        return DuplicateError("already exists", method=call.method, path=call.path)

    def me(self, call: Call) -> Json:
        return {"user": {"id": self.user}}

    def get_app(self, call: Call, app: str) -> Json:
        if app not in self.apps:
            raise self._absent(call)
        return {"app": self.apps[app]}

    def post_apps(self, call: Call) -> Json:
        for app in call.body["apps"]:
            if app["id"] in self.apps:
                raise self._taken(call)
            public = {"id": "Universal", "user_id": "clarifai", "app_id": "main"}
            self.apps[app["id"]] = {**app, "user_id": self.user, "default_workflow": public}
        return {"apps": call.body["apps"]}

    def patch_apps(self, call: Call) -> Json:
        for app in call.body["apps"]:
            default = app.get("default_workflow", {})
            if default.get("app_id") in self.apps and default["id"] not in self.workflows:
                raise self._absent(call)
            self.apps[app["id"]] = {**self.apps[app["id"]], **app}
        return {"apps": [self.apps[app["id"]] for app in call.body["apps"]]}

    def list_concepts(self, call: Call, app: str) -> Json:
        return {"concepts": list(self.concepts.values())}

    def post_concepts(self, call: Call, app: str) -> Json:
        if any(concept["id"] in self.concepts for concept in call.body["concepts"]):
            raise self._taken(call)
        for concept in call.body["concepts"]:
            self.concepts[concept["id"]] = {"name": concept["id"], "app_id": app, **concept}
        return {"concepts": [self.concepts[concept["id"]] for concept in call.body["concepts"]]}

    def patch_concepts(self, call: Call, app: str) -> Json:
        for concept in call.body["concepts"]:
            self.concepts[concept["id"]] |= concept
        return {"concepts": [self.concepts[concept["id"]] for concept in call.body["concepts"]]}

    def list_relations(self, call: Call, app: str) -> Json:
        return {"concept_relations": list(self.relations.values())}

    def post_relations(self, call: Call, app: str, subject: str) -> Json:
        made = []
        for edge in call.body["concept_relations"]:
            id_ = self._id()
            self.relations[id_] = {
                **edge,
                "id": id_,
                "subject_concept": {"id": subject, "app_id": app, "user_id": self.user},
            }
            made.append(self.relations[id_])
        return {"concept_relations": made}

    def delete_relations(self, call: Call, app: str, subject: str) -> Json:
        for id_ in call.body["ids"]:
            del self.relations[id_]
        return {}

    def list_models(self, call: Call, app: str) -> Json:
        return {"models": [self._model(id_, listed=True) for id_ in self.models]}

    def get_model(self, call: Call, app: str, model: str) -> Json:
        if app == "main":
            version = call.query.get("version_id", "f" * 32)
            trained = {"id": version, "status": {"code": 21100}}
            ids = {"id": model, "user_id": "clarifai", "app_id": "main"}
            return {"model": {**ids, "model_version": trained}}
        if model not in self.models:
            raise self._absent(call)
        shown = self._model(model, listed=False)
        if version := shown.get("model_version"):
            shown["model_version"] = self._version(version, listed=True)
        return {"model": shown}

    def post_model(self, call: Call, app: str) -> Json:
        model = call.body["model"]
        if model["id"] in self.models:
            raise self._taken(call)
        self.models[model["id"]] = {**model, "app_id": app, "user_id": self.user}
        self.versions[model["id"]] = {}
        if self.switches.post_model_makes_version:
            self._mint(model["id"], {"output_info": {}})
        return {"model": self._model(model["id"], listed=False)}

    def patch_models(self, call: Call, app: str) -> Json:
        for model in call.body["models"]:
            self.models[model["id"]] |= model
        return {"models": [self.models[model["id"]] for model in call.body["models"]]}

    def delete_models(self, call: Call, app: str) -> Json:
        for id_ in call.body["ids"]:
            for workflow in self.workflows.values():
                pinned = [node["model"]["id"] for node in workflow["nodes"]]
                assert id_ not in pinned, f"{id_} is still pinned by {workflow['id']}"
            del self.models[id_], self.versions[id_]
        return {}

    def list_versions(self, call: Call, app: str, model: str) -> Json:
        newest_first = reversed(self.versions.get(model, {}).values())
        return {"model_versions": [self._version(v, listed=True) for v in newest_first]}

    def get_version(self, call: Call, app: str, model: str, version: str) -> Json:
        if version not in self.versions.get(model, {}):
            raise self._absent(call)
        return {"model_version": self._version(self.versions[model][version], listed=False)}

    def post_version(self, call: Call, app: str, model: str) -> Json:
        (wanted,) = call.body["model_versions"]
        if model not in self.models:
            raise self._absent(call)
        self._mint(model, wanted)
        return {"model": self._model(model, listed=False)}

    def list_workflows(self, call: Call, app: str) -> Json:
        return {"workflows": list(self.workflows.values())}

    def get_workflow(self, call: Call, app: str, workflow: str) -> Json:
        if workflow not in self.workflows:
            raise self._absent(call)
        return {"workflow": self.workflows[workflow]}

    def post_workflows(self, call: Call, app: str) -> Json:
        for workflow in call.body["workflows"]:
            if workflow["id"] in self.workflows:
                raise self._taken(call)
            self._store(workflow, app)
        return {"workflows": [self.workflows[w["id"]] for w in call.body["workflows"]]}

    def patch_workflows(self, call: Call, app: str) -> Json:
        for workflow in call.body["workflows"]:
            self._store(workflow, app)
        return {"workflows": [self.workflows[w["id"]] for w in call.body["workflows"]]}

    def delete_workflows(self, call: Call, app: str) -> Json:
        for id_ in call.body["ids"]:
            assert self.apps[app]["default_workflow"]["id"] != id_, "the default was deleted"
            del self.workflows[id_]
        return {}

    def workflow_history(self, call: Call, app: str, workflow: str) -> Json:
        return {"workflow_versions": list(reversed(self.workflows[workflow]["history"]))}

    def rename_models(self, call: Call, app: str) -> Json:
        (pair,) = call.body["ids"]
        old, new = pair["id"], pair["new_id"]
        if old not in self.models:
            raise self._absent(call)
        self.models[new] = {**self.models.pop(old), "id": new}
        self.versions[new] = self.versions.pop(old)
        for workflow in self.workflows.values():
            for node in (n for state in (workflow, *workflow["history"]) for n in state["nodes"]):
                if node["model"]["id"] == old:
                    node["model"]["id"] = new
        return {}

    def rename_workflows(self, call: Call, app: str) -> Json:
        (pair,) = call.body["ids"]
        old, new = pair["id"], pair["new_id"]
        if old not in self.workflows:
            raise self._absent(call)
        self.workflows[new] = {**self.workflows.pop(old), "id": new}
        if self.apps[app]["default_workflow"]["id"] == old:
            self.apps[app]["default_workflow"]["id"] = new
        return {}

    # pieces

    def _store(self, workflow: Json, app: str) -> None:
        for node in workflow["nodes"]:
            model = node["model"]
            if model["app_id"] == app:
                pinned = model["model_version"]["id"]
                assert pinned in self.versions[model["id"]], f"no version {pinned}"
                version = self.versions[model["id"]][pinned]
                assert version["status"]["code"] == 21100, "an untrained version was pinned"
        before = self.workflows.get(workflow["id"], {}).get("history", [])
        history = [*before, {"nodes": workflow["nodes"]}]
        self.workflows[workflow["id"]] = {
            **workflow,
            "app_id": app,
            "user_id": self.user,
            "history": history,
        }

    def _mint(self, model: str, wanted: Json) -> None:
        now = self._now()
        version = {
            **copy.deepcopy(wanted),
            "id": self._id(),
            "created_at": now,
            "modified_at": now,
            "status": {"code": 21100},
        }
        if not self.switches.keeps_version_metadata:
            version.pop("metadata", None)
        self.versions[model][version["id"]] = version

    def _model(self, id_: str, *, listed: bool) -> Json:
        model = dict(self.models[id_])
        versions = list(self.versions[id_].values())
        if versions and (self.switches.lists_show_versions or not listed):
            model["model_version"] = self._version(versions[-1], listed=listed)
        return model

    def _version(self, version: Json, *, listed: bool) -> Json:
        if not listed:
            return version
        shown = {k: v for k, v in version.items() if not k.endswith("_info")}
        shown["output_info"] = {"message": "Show output_info with: GET /models/{id}/output_info"}
        if not self.switches.lists_show_version_metadata:
            shown.pop("metadata", None)
        return shown


class _View:
    """A read may see the state before the last write, as often as the switch says."""

    def __init__(self, platform: FakePlatform) -> None:
        self._platform = platform
        self._present: Any = None

    def __enter__(self) -> None:
        platform = self._platform
        if platform._stale_left and platform._past:
            platform._stale_left -= 1
            self._present = platform._state()
            platform._load(copy.deepcopy(platform._past[-1]))

    def __exit__(self, *_: object) -> None:
        if self._present is not None:
            self._platform._load(self._present)


_APP = r"(/v2/users/[^/]+/apps/)([^/]+)"
_ROUTES: list[tuple[str, str, Callable[..., Json]]] = [
    ("GET", r"(/v2/users/)me", FakePlatform.me),
    ("GET", _APP, FakePlatform.get_app),
    ("POST", r"(/v2/users/[^/]+/apps)", FakePlatform.post_apps),
    ("PATCH", r"(/v2/users/[^/]+/apps)", FakePlatform.patch_apps),
    ("GET", _APP + "/concepts", FakePlatform.list_concepts),
    ("POST", _APP + "/concepts", FakePlatform.post_concepts),
    ("PATCH", _APP + "/concepts", FakePlatform.patch_concepts),
    ("GET", _APP + "/concepts/relations", FakePlatform.list_relations),
    ("POST", _APP + "/concepts/([^/]+)/relations", FakePlatform.post_relations),
    ("DELETE", _APP + "/concepts/([^/]+)/relations", FakePlatform.delete_relations),
    ("GET", _APP + "/models", FakePlatform.list_models),
    ("POST", _APP + "/models", FakePlatform.post_model),
    ("PATCH", _APP + "/models", FakePlatform.patch_models),
    ("DELETE", _APP + "/models", FakePlatform.delete_models),
    ("PATCH", _APP + "/models/ids", FakePlatform.rename_models),
    ("PATCH", _APP + "/workflows/ids", FakePlatform.rename_workflows),
    ("GET", _APP + "/models/([^/]+)", FakePlatform.get_model),
    ("GET", _APP + "/models/([^/]+)/versions", FakePlatform.list_versions),
    ("POST", _APP + "/models/([^/]+)/versions", FakePlatform.post_version),
    ("GET", _APP + "/models/([^/]+)/versions/([^/]+)", FakePlatform.get_version),
    ("GET", _APP + "/workflows", FakePlatform.list_workflows),
    ("POST", _APP + "/workflows", FakePlatform.post_workflows),
    ("PATCH", _APP + "/workflows", FakePlatform.patch_workflows),
    ("DELETE", _APP + "/workflows", FakePlatform.delete_workflows),
    ("GET", _APP + "/workflows/([^/]+)", FakePlatform.get_workflow),
    ("GET", _APP + "/workflows/([^/]+)/versions", FakePlatform.workflow_history),
]
