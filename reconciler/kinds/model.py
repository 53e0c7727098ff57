"""Models: what can be patched in place, and configurations that live in immutable versions.

Posting a model makes no version since January 2023, and did before: so the answer is read, and a
version is posted unless there is one that holds the wanted configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import Field

from reconciler import catalogue
from reconciler.address import Address
from reconciler.call import Call, Json, Listing, Target
from reconciler.catalogue import (
    MODEL_TYPES,
    VISIBILITIES,
    canonical_model_type,
    public_model,
)
from reconciler.conversation import (
    Conversation,
    OperationError,
    Pause,
    Write,
    find_nothing,
    find_object,
)
from reconciler.kind import (
    Job,
    Learnt,
    Problem,
    Scope,
    VersionedKind,
    as_wanted,
    editable,
    is_remarked,
    renaming,
    still_there,
    unmoved,
    written_mark,
)
from reconciler.kinds.model_types.base import ModelSpec
from reconciler.kinds.model_types.every import type_of, union
from reconciler.kinds.model_types.version import (
    UNLABELLED,
    UNTRAINED,
    how_many,
    recorded,
    status_of,
    trusted_digest,
)
from reconciler.resource import (
    Resource,
    ResourceGraph,
    ReuseVersion,
    Version,
    VersionStatus,
    laid_over,
    same,
)
from reconciler.shape import FREE, TEXT, Message
from reconciler.spec import Id
from reconciler.values import Mark, marked, number, unmarked, version_digest

_EDITABLE = (
    "description",
    "notes",
    "metadata",
    "visibility",
    "task",
    "toolkits",
    "use_cases",
    "languages",
    "image",
    "presets",
)
_LABEL_HINT = (
    "label inputs with the model's concepts (reconciler inputs add PATH IMAGES --concept ID), "
    "then apply again"
)
_EXAMPLE = {
    "confident": {
        "model_type_id": "concept-threshold",
        "concept_threshold_type": "GREATER_THAN_OR_EQUAL",
        "thresholds": {"people": 0.5, "adult": 0.95},
    },
    "write-success-as-me": {
        "model_type_id": "annotation-writer",
        "annotation_status": "ANNOTATION_SUCCESS",
        "annotation_user_id": "me",
    },
}


class ModelKind(VersionedKind):
    """``~/models`` and their versions."""

    name: ClassVar[str] = "model"
    rank: ClassVar[int] = 30
    section: ClassVar[str] = "models"
    unknown_code: ClassVar[str] = "RC201"
    renames: ClassVar[bool] = True
    declared: ClassVar[Message] = Message(
        {
            "model_type_id": TEXT,
            "description": TEXT,
            "notes": TEXT,
            "metadata": FREE,
            "visibility": TEXT,
        },
        needs=("model_type_id",),
    )
    immutable: ClassVar[frozenset[str]] = frozenset({"model_type_id"})
    open_maps: ClassVar[frozenset[str]] = frozenset(
        {"metadata", "params", "train_params", "input_params"}
    )

    def section_type(self) -> Any:
        """The app's models by id."""
        annotated: Any = Annotated
        return annotated[dict[Id, union()], Field(examples=[_EXAMPLE])]  # type: ignore[misc]  # built from the types found

    def declare(self, sections: Mapping[str, Any], scope: Scope) -> Iterable[Resource]:
        """One resource for each model of the manifest."""
        for id_, spec in (sections.get(self.section) or {}).items():
            yield self._declare(id_, spec, scope)

    def _declare(self, id_: str, spec: ModelSpec, scope: Scope) -> Resource:
        declared = type_of(spec.model_type_id).declare(spec, scope)
        return Resource(
            Address(self.name, (id_,)),
            {
                "model_type_id": canonical_model_type(spec.model_type_id),
                **spec.stated("description", "notes", "metadata", "visibility"),
            },
            declared.configuration,
            declared.references,
            declared.externals,
            options={**spec.stated("prevent_destroy"), **declared.options},
            source=(self.section, id_),
        )

    def check(
        self, resource: Resource, graph: ResourceGraph, types: Mapping[str, catalogue.ModelType]
    ) -> Iterable[Problem]:
        """A type that exists and may be created; then what the type itself asks for."""
        type_id = resource.fields["model_type_id"]
        known = types.get(type_id)
        if known is not None and not known.creatable:
            yield Problem(
                "RC104", ("model_type_id",), f"models of type {type_id!r} cannot be created"
            )
        yield from type_of(type_id).check(resource)

    def elsewhere(self, id_: str) -> str:
        """A model of ``clarifai/main`` by its full name, pinned."""
        known = public_model(id_)
        if known is None:
            return ""
        return f"{known.user_id}/{known.app_id}/{known.id}@{known.version_ids[0]}"

    def declared_configuration(self, fields: Mapping[str, Any]) -> Message:
        """As its type has it."""
        return type_of(fields["model_type_id"]).declared

    def trains(self, resource: Resource) -> bool:
        """Whether a new version has to be trained before it can be used."""
        return _trains(resource)

    def live(self, target: Target) -> Listing:
        """``GET ~/models``, without the public models that it may mix in, and with version counts."""
        query = {"dont_fetch_from_main": "true", "additional_fields": "counts"}
        return Listing(target.at("models"), "models", query)

    def read(self, answer: Json, target: Target) -> Iterable[Resource]:
        """A model of this app, with its newest version as the listing shows it."""
        if (answer.get("app_id", target.app_id), answer.get("user_id", target.user_id)) != (
            target.app_id,
            target.user_id,
        ):
            return
        visibility = (answer.get("visibility") or {}).get("gettable")
        resource = Resource(
            Address(self.name, (answer["id"],)),
            {
                "model_type_id": canonical_model_type(answer.get("model_type_id", "")),
                "description": answer.get("description", ""),
                "notes": answer.get("notes", ""),
                "metadata": number(unmarked(answer.get("metadata"))),
                "visibility": VISIBILITIES.name_of(visibility) or "",
            },
            mark=Mark.read(answer.get("metadata")),
            raw=answer,
        )
        newest = answer.get("model_version") or {}
        if newest.get("id"):
            version = self.read_version(newest, resource, full=False)
            more = version.number is not None and answer.get("version_count", 0) > version.number
            resource = replace(resource, versions=(replace(version, unaccounted=more),))
        yield resource

    def versions(self, target: Target, address: Address) -> Listing:
        """``GET ~/models/{id}/versions``."""
        return Listing(target.at("models", address.id, "versions"), "model_versions")

    def version(self, target: Target, address: Address, version_id: str) -> Call:
        """``GET ~/models/{id}/versions/{version}``, which shows ``output_info`` whole."""
        return Call("GET", target.at("models", address.id, "versions", version_id))

    def read_version(self, item: Json, resource: Resource, *, full: bool) -> Version:
        """Its configuration only from an answer that shows it; a list's silence says nothing."""
        type_ = type_of(resource.fields["model_type_id"])
        scope = _scope(resource)
        return Version(
            item["id"],
            status_of(item),
            item.get("created_at", ""),
            trusted_digest(item),
            type_.read(item, scope) if full else None,
            *recorded(item),
        )

    def create(self, job: Job) -> Conversation[Learnt]:
        """``POST ~/models``, then a version unless the type has to be trained."""
        model = {
            "id": job.wanted.address.id,
            "model_type_id": job.wanted.fields["model_type_id"],
            **self._fields(job, {}),
        }
        answer = yield Write(
            Call("POST", job.target.at("models"), body={"model": model}),
            lambda: find_object(self._get(job), "model", self._is_as_wanted(job)),
        )
        if _trains(job.wanted):
            return {}
        made = (answer.get("model_version") or {}).get("id")
        if made and (yield from self._came_with(made, job)):
            return {"version": made}
        return (yield from self._post_version(job, earlier=1 if made else 0))

    def _came_with(self, made: str, job: Job) -> Conversation[bool]:
        """Whether the version that the POST made holds what is wanted; a late read is repeated."""
        for wait in (0.25, 0.5, 1.0, 2.0, 4.0, 0.0):
            found = yield self.version(job.target, job.wanted.address, made)
            if found:
                return self._holds(found["model_version"], job)
            yield Pause(wait)
        return False

    def update(self, job: Job) -> Conversation[Learnt]:
        """``PATCH ~/models`` for the model's own fields, a new version for its configuration."""
        if is_remarked(job) or not same(job.wanted.fields, job.found.fields, self.open_maps):
            job = yield from still_there(self, job)
            model = {"id": job.wanted.address.id, **self._fields(job, job.found.raw)}
            body = {"models": [model], "action": "overwrite"}
            yield Write(
                Call("PATCH", job.target.at("models"), body=body),
                lambda: find_object(self._get(job), "model", self._is_as_wanted(job)),
            )
        if job.version is None:
            return {}
        if isinstance(job.version, ReuseVersion):
            return {"version": job.version.id}
        return (yield from self._post_version(job))

    def rename(self, job: Job) -> Conversation[Learnt]:
        """``PATCH ~/models/ids``; versions, and the nodes that pin them, stay."""
        job = yield from still_there(self, job, id_=job.found.raw["id"])
        yield renaming(job, "models", lambda: find_object(self._get(job), "model", bool))
        return {}

    def train(self, job: Job) -> Conversation[Learnt]:
        """A version still in training is waited for, any other is posted first."""
        if isinstance(job.version, ReuseVersion):
            version_id = job.version.id
        else:
            version_id = (yield from self._post_version(job))["version"]
        waited = 0.0
        while True:
            answer = yield self.version(job.target, job.wanted.address, version_id)
            version = (answer or {}).get("model_version") or {}
            status = version.get("status") or {}
            text = status.get("description", "") or f"status {status.get('code')}"
            match status_of(version):
                case VersionStatus.TRAINED:
                    return {"version": version_id}
                case VersionStatus.FAILED if status.get("code") != UNTRAINED:
                    raise OperationError(
                        f"version {version_id} was not trained: {text} (code {status.get('code')})",
                        hint=_LABEL_HINT if status.get("code") in UNLABELLED else "",
                    )
                case _ if waited >= job.train_timeout:
                    raise OperationError(
                        f"version {version_id} is still in training after {waited:.0f} s: {text}",
                        hint="apply again to go on waiting, or raise --train-timeout",
                    )
            waited = yield Pause(min(5.0, 0.25 + waited / 10), text)

    def delete(self, job: Job) -> Conversation[Learnt]:
        """``DELETE ~/models``, merged with others."""
        if (yield from unmoved(self, job)) is None:
            return {}
        call = Call("DELETE", job.target.at("models"), body={"ids": [job.found.address.id]})
        yield Write(call, lambda: find_nothing(self._get(job), "model"), batch="ids")
        return {}

    def _get(self, job: Job) -> Call:
        resource = job.desired or job.found
        return Call("GET", job.target.at("models", resource.address.id))

    def _fields(self, job: Job, raw: Mapping[str, Any]) -> dict[str, Any]:
        stated = {k: v for k, v in job.wanted.fields.items() if k != "model_type_id"}
        fields = {**editable(raw, _EDITABLE), **stated}
        if "visibility" in stated:
            fields["visibility"] = {"gettable": VISIBILITIES.number_of(stated["visibility"])}
        metadata = laid_over(raw.get("metadata") or {}, stated.get("metadata", {}))
        fields["metadata"] = marked(metadata, written_mark(self, job))
        return fields

    def _is_as_wanted(self, job: Job) -> Any:
        return lambda item: as_wanted(self, job, item)

    def _post_version(self, job: Job, earlier: int | None = None) -> Conversation[Learnt]:
        """A version after ``earlier`` ones, if left out as many as were live."""
        wanted = job.wanted
        assert wanted.configuration is not None
        type_ = type_of(wanted.fields["model_type_id"])
        digest = version_digest(wanted.configuration)
        earlier = how_many(job.live) if earlier is None else earlier
        number = None if earlier is None else earlier + 1
        mark = Mark(job.mark.owner, digest=digest, number=number)
        version = {
            **type_.wire(wanted.configuration, Scope(job.target)),
            "metadata": marked({}, mark),
        }
        path = job.target.at("models", wanted.address.id, "versions")
        answer = yield Write(
            Call("POST", path, body={"model_versions": [version]}),
            lambda: self._find_version(job),
        )
        made = answer.get("model_version", answer)
        if "model_type_id" in made or not made.get("id"):  # the model, or nothing, in its place
            made = ((yield from self._find_version(job)) or {}).get("model_version")
            if not made:
                raise OperationError(
                    "the service took the version and did not say which it is",
                    hint="plan again: a version that holds what is wanted is used again",
                )
        if status_of(made) is VersionStatus.FAILED:
            status = made.get("status") or {}
            raise OperationError(f"version {made['id']}: {status.get('description')}")
        return {"version": made["id"]}

    def _find_version(self, job: Job) -> Conversation[Json | None]:
        """A version that was not there when the plan was made and holds what we posted."""
        known = {version.id for version in (job.live.versions if job.live else ())}
        items = yield self.versions(job.target, job.wanted.address)
        for item in items:
            if item["id"] not in known and status_of(item) is not VersionStatus.FAILED:
                answer = yield self.version(job.target, job.wanted.address, item["id"])
                if answer and self._holds(answer["model_version"], job):
                    return answer
        return None

    def _holds(self, version: Json, job: Job) -> bool:
        assert job.wanted.configuration is not None
        type_ = type_of(job.wanted.fields["model_type_id"])
        found = type_.read(version, Scope(job.target))
        return same(job.wanted.configuration, found, self.open_maps)


def _trains(resource: Resource) -> bool:
    known = MODEL_TYPES.get(resource.fields["model_type_id"])
    return known is not None and known.trainable


def _scope(resource: Resource) -> Scope:
    raw = resource.raw
    return Scope(Target(raw.get("user_id", "me"), raw.get("app_id", "")))


KIND = ModelKind()
