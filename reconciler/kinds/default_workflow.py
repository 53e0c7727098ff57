"""The app's default workflow: the one that runs on every new input.

A resource of its own, since the app must exist before its workflows and can point at one of them
only after them: as a field of the app it would close a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from reconciler.address import APP, DEFAULT_WORKFLOW, Address
from reconciler.call import Call, Json, Target
from reconciler.catalogue import PUBLIC_WORKFLOWS, ModelType
from reconciler.conversation import Conversation, OperationError, Write, find_object
from reconciler.kind import Job, Kind, Learnt, Problem, Scope, editable_app, still_there
from reconciler.resource import Reference, Resource, ResourceGraph
from reconciler.shape import FULL_NAME, Message
from reconciler.values import MARK_KEY, Mark, marked

FORMER = "former_default_workflow"
"""Where the app's mark says which default workflow ``destroy`` restores."""

WRITTEN = "default_workflow"
"""Where the app's mark says which default workflow we last set."""


class DefaultWorkflowKind(Kind):
    """``app.default_workflow``; the switch is one PATCH of the app, without asking for a reindex."""

    name: ClassVar[str] = DEFAULT_WORKFLOW
    rank: ClassVar[int] = 50
    verb: ClassVar[str] = "set_default"
    id_count: ClassVar[int] = 0
    declared: ClassVar[Message] = Message({"workflow": FULL_NAME}, needs=("workflow",))

    def declare(self, sections: Mapping[str, Any], scope: Scope) -> Iterable[Resource]:
        """Nothing, if the manifest does not say which workflow is the default."""
        stated = getattr(sections.get(APP), "default_workflow", None)
        if stated is not None:
            place = ("app", "default_workflow")
            yield _default(_readable(stated, scope), source=place)

    def check(
        self, resource: Resource, graph: ResourceGraph, types: Mapping[str, ModelType]
    ) -> Iterable[Problem]:
        """An id, or three parts."""
        workflow = resource.fields["workflow"]
        if workflow.count("/") not in (0, 2) or "" in workflow.split("/"):
            yield Problem(
                "RC205",
                (),
                f"{workflow!r} names no workflow",
                "a workflow of this manifest, or user/app/workflow such as clarifai/main/Empty",
            )

    def live(self, target: Target) -> Call:
        """``GET ~``, the same call as the app's: it is sent once."""
        return Call("GET", target.path)

    def read(self, answer: Json, target: Target) -> Iterable[Resource]:
        """From ``default_workflow``, else from the deprecated ``default_workflow_id``."""
        app = answer["app"]
        workflow = app.get("default_workflow") or {}
        id_ = workflow.get("id") or app.get("default_workflow_id") or ""
        public = not workflow.get("app_id") and any(id_ == known.id for known in PUBLIC_WORKFLOWS)
        owner = (
            workflow.get("user_id") or ("clarifai" if public else target.user_id),
            workflow.get("app_id") or ("main" if public else target.app_id),
        )
        if id_:
            mine = owner == (target.user_id, target.app_id)
            pinned = (workflow.get("version") or {}).get("id", "") if mine else ""
            records = {
                "former": _recorded(app, FORMER),
                "written": _recorded(app, WRITTEN),
                "pinned": pinned,
            }
            workflow_name = id_ if mine else "/".join((*owner, id_))
            yield _default(
                workflow_name, raw=app, options={k: name for k, name in records.items() if name}
            )

    def create(self, job: Job) -> Conversation[Learnt]:
        """The first switch of an app that had no default workflow."""
        return self.update(job)

    def update(self, job: Job) -> Conversation[Learnt]:
        """Reads the app as it is now: an overwrite must not take back what this apply changed."""
        if job.live is None:
            answer = yield self.live(job.target)
            if not answer:
                raise OperationError("the app is gone", hint="plan again")
            now = answer["app"]
        else:
            fresh = (yield from still_there(self, job)).found
            if _is_at_another_version(fresh, job) and (yield from _is_newest(fresh, job.target)):
                return {}  # a service that shows the newest one of its own accord
            now = fresh.raw
        workflow = job.wanted.fields["workflow"]
        owner, app_id, id_ = (
            workflow.split("/")
            if "/" in workflow
            else (job.target.user_id, job.target.app_id, workflow)
        )
        app = {
            "id": job.target.app_id,
            **editable_app(now),
            "metadata": self._remembering(job, now),
            "default_workflow": {"id": id_, "user_id": owner, "app_id": app_id},
        }
        body: dict[str, Any] = {"apps": [app], "action": "overwrite"}
        if job.reindex:
            body["reindex"] = True
        call = Call("PATCH", f"{job.target.user_path}/apps", body=body)

        def is_switched(item: Json) -> bool:
            found = next(iter(self.read({"app": item}, job.target)), None)
            return found is not None and (
                _is_at_another_version(found, job)
                if job.live is not None and job.live.fields == job.wanted.fields
                else found.fields == job.wanted.fields
            )

        yield Write(call, lambda: find_object(self.live(job.target), "app", is_switched))
        return {}

    def _remembering(self, job: Job, app: Mapping[str, Any]) -> dict[str, Any]:
        """The app's metadata: the default that we set, and until that is restored the one of before."""
        metadata = dict(app.get("metadata") or {})
        mark = Mark.read(metadata) or Mark(job.mark.owner, "adopted")
        found = marked(metadata, replace(mark, resources=job.mark.resources))
        now = next(iter(self.read({"app": app}, job.target)), None)
        if job.wanted.options.get("restores"):
            for name in (FORMER, WRITTEN):
                found[MARK_KEY].pop(name, None)
            return found
        found[MARK_KEY][WRITTEN] = job.wanted.fields["workflow"]
        if now is not None and now.fields != job.wanted.fields:
            found[MARK_KEY].setdefault(FORMER, now.fields["workflow"])
        return found


def _is_at_another_version(found: Resource, job: Job) -> bool:
    """Whether the wanted workflow is the default, and not at the version that the plan saw."""
    return found.fields == job.wanted.fields and (
        found.options.get("pinned") != job.found.options.get("pinned")
    )


def _is_newest(found: Resource, target: Target) -> Conversation[bool]:
    """Whether the newest version of the default workflow runs."""
    pinned = found.options.get("pinned")
    if not pinned:
        return True
    answer = yield Call("GET", target.at("workflows", found.fields["workflow"]))
    workflow = (answer or {}).get("workflow") or {}
    return bool((workflow.get("version") or {}).get("id") == pinned)


def _recorded(app: Mapping[str, Any], name: str) -> str:
    """A default workflow that the app's mark records, empty if there is none."""
    mark = (app.get("metadata") or {}).get(MARK_KEY)
    recorded = mark.get(name) if isinstance(mark, Mapping) else None
    return recorded if isinstance(recorded, str) else ""


def _readable(stated: str, scope: Scope) -> str:
    """The bare id for a workflow of this app, the three parts for any other."""
    parts = stated.split("/")
    if len(parts) == 3:
        user = scope.me if parts[0] == "me" else parts[0]
        if (user, parts[1]) == (scope.target.user_id, scope.target.app_id):
            return parts[2]
        return "/".join((user, *parts[1:]))
    return stated


def _default(workflow: str, **parts: Any) -> Resource:
    references = (
        () if "/" in workflow else (Reference(("workflow",), Address("workflow", (workflow,))),)
    )
    address = Address(DEFAULT_WORKFLOW)
    return Resource(address, {"workflow": workflow}, references=references, **parts)


KIND = DefaultWorkflowKind()
