"""The app itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from reconciler.address import APP, Address
from reconciler.call import Call, Json, Target
from reconciler.catalogue import VISIBILITIES
from reconciler.conversation import Conversation, Write, find_nothing, find_object
from reconciler.kind import (
    Job,
    Kind,
    Learnt,
    Scope,
    as_wanted,
    editable_app,
    still_there,
    unmoved,
    written_mark,
)
from reconciler.resource import Resource, laid_over
from reconciler.shape import FREE, TEXT, Message
from reconciler.spec import (
    Flag,
    Id,
    Metadata,
    Notes,
    Spec,
    Text,
    Visibility,
    mistake,
)
from reconciler.values import Mark, marked, number, unmarked


def _user_id(stated: str) -> str:
    if "/" in stated or " " in stated or not stated.isprintable() or stated in (".", ".."):
        raise mistake(
            "RC106",
            f"{stated!r} is no user id",
            hint="write it as the portal shows it, not as an address or a name",
        )
    return stated


class AppSpec(Spec):
    """The app that this manifest describes."""

    id: Id | None = None
    """The app's id; ``CLARIFAI_APP_ID`` if left out."""
    user_id: Annotated[Text, AfterValidator(_user_id)] | None = None
    """The user or organisation that owns the app; ``CLARIFAI_USER_ID``, else ``me``."""
    owner: Text | None = None
    """Written into the mark of what this manifest creates; the app's id if left out."""
    name: Text | None = None
    """What people see; the id if left out."""
    description: Text | None = None
    """One line about the app."""
    notes: Notes | None = None
    """Markdown, at most 64 KB."""
    metadata: Metadata | None = None
    """Free JSON of your own."""
    default_language: Text | None = None
    """Language of concept names, such as ``en``."""
    visibility: Visibility | None = None
    """Who may see it."""
    prevent_destroy: Flag | None = None
    """Refuse any plan that would remove it; only ``false`` lifts that, not leaving it out."""
    default_workflow: Text | None = None
    """The workflow that runs on every new input: an id of this manifest, or ``user/app/workflow``."""

    WIRE: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "id": "app.id",
            "user_id": "app.user_id",
            "owner": "app.metadata.reconciler.owner",
            "name": "app.name",
            "description": "app.description",
            "notes": "app.notes",
            "metadata": "app.metadata",
            "default_language": "app.default_language",
            "visibility": "app.visibility.gettable",
            "prevent_destroy": "app.metadata.reconciler.protect",
            "default_workflow": "app.default_workflow",
        }
    )
    EXAMPLE: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "id": "people-auto-annotation",
            "user_id": "acme",
            "owner": "annotation-team",
            "name": "People",
            "description": "Labels people; sends doubtful images to review.",
            "notes": "Who to ask: the annotation team.",
            "metadata": {"team": "annotation"},
            "default_language": "en",
            "visibility": "PRIVATE",
            "prevent_destroy": True,
            "default_workflow": "auto-annotation",
        }
    )


class AppKind(Kind):
    """``/v2/users/{user_id}/apps``."""

    name: ClassVar[str] = APP
    rank: ClassVar[int] = 0
    section: ClassVar[str] = "app"
    id_count: ClassVar[int] = 0
    declared: ClassVar[Message] = Message(
        {
            "name": TEXT,
            "description": TEXT,
            "notes": TEXT,
            "metadata": FREE,
            "default_language": TEXT,
            "visibility": TEXT,
        }
    )

    def section_type(self) -> Any:
        """The app that this manifest describes."""
        example = {"id": "people-auto-annotation", "default_workflow": "auto-annotation"}
        return Annotated[AppSpec, Field(examples=[example])]

    def declare(self, sections: Mapping[str, Any], scope: Scope) -> Iterable[Resource]:
        """The app: every manifest describes exactly one."""
        spec = sections.get(self.section) or AppSpec()
        fields = (
            "name",
            "description",
            "notes",
            "metadata",
            "default_language",
            "visibility",
        )
        yield Resource(
            Address(APP),
            spec.stated(*fields),
            options=spec.stated("prevent_destroy"),
            source=(self.section,),
        )

    def live(self, target: Target) -> Call:
        """``GET ~``."""
        return Call("GET", target.path)

    def read(self, answer: Json, target: Target) -> Iterable[Resource]:
        """The app that the answer shows."""
        app = answer["app"]
        visibility = (app.get("visibility") or {}).get("gettable")
        yield Resource(
            Address(APP),
            {
                "name": app.get("name", ""),
                "description": app.get("description", ""),
                "notes": app.get("notes", ""),
                "metadata": number(unmarked(app.get("metadata"))),
                "default_language": app.get("default_language", ""),
                "visibility": VISIBILITIES.name_of(visibility) or "",
            },
            mark=Mark.read(app.get("metadata")),
            raw=app,
        )

    def create(self, job: Job) -> Conversation[Learnt]:
        """``POST /v2/users/{user_id}/apps``: the default workflow is set later, at the cutover."""
        app = {"id": job.target.app_id, **self._fields(job, {})}
        call = Call("POST", f"{job.target.user_path}/apps", body={"apps": [app]})
        yield Write(call, lambda: find_object(self.live(job.target), "app", self._wanted(job)))
        return {}

    def update(self, job: Job) -> Conversation[Learnt]:
        """``PATCH /v2/users/{user_id}/apps``; overwrite is the only action for fields."""
        job = yield from still_there(self, job)
        app = {"id": job.target.app_id, **self._fields(job, job.found.raw)}
        body = {"apps": [app], "action": "overwrite"}
        call = Call("PATCH", f"{job.target.user_path}/apps", body=body)
        yield Write(call, lambda: find_object(self.live(job.target), "app", self._wanted(job)))
        return {}

    def delete(self, job: Job) -> Conversation[Learnt]:
        """``DELETE ~``."""
        if (yield from unmoved(self, job)) is None:
            return {}
        path = job.target.path
        yield Write(Call("DELETE", path, body={}), lambda: find_nothing(Call("GET", path), "app"))
        return {}

    def _fields(self, job: Job, raw: Mapping[str, Any]) -> dict[str, Any]:
        fields = {**editable_app(raw), **job.wanted.fields}
        if "visibility" in job.wanted.fields:
            fields["visibility"] = {"gettable": VISIBILITIES.number_of(fields["visibility"])}
        stated = job.wanted.fields.get("metadata", {})
        metadata = laid_over(raw.get("metadata") or {}, stated)
        fields["metadata"] = marked(metadata, written_mark(self, job))
        return fields

    def _wanted(self, job: Job) -> Any:
        return lambda item: as_wanted(self, job, {"app": item})


KIND = AppKind()
