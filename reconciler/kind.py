"""The contract of a kind of resource: all that the steps need to know about one, and no I/O.

What has to be sent is told as conversations.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeAlias

from reconciler.address import Address, field_path
from reconciler.call import Call, Json, Listing, Target
from reconciler.catalogue import ModelType
from reconciler.conversation import Conversation, OperationError, Pause, Write
from reconciler.resource import (
    NewVersion,
    Path,
    Place,
    Reference,
    Resource,
    ResourceGraph,
    Version,
    VersionChoice,
    same,
)
from reconciler.shape import Message
from reconciler.values import Mark, field_digest, thaw


@dataclass(frozen=True, slots=True)
class Scope:
    """What the desired side is built for: ``target.user_id`` is ``me`` until it is resolved.

    ``me`` is the real id of the token's user, ``me`` itself until known.
    """

    target: Target
    me: str = "me"


@dataclass(frozen=True, slots=True)
class Job:
    """One operation as a kind sees it: both sides, resolved; what to mark it with."""

    target: Target
    mark: Mark
    desired: Resource | None = None
    live: Resource | None = None
    version: VersionChoice | None = field(default_factory=NewVersion)
    train_timeout: float = 3600.0
    read_back_timeout: float = 10.0
    reindex: bool = False
    rehearsal: bool = False

    @property
    def wanted(self) -> Resource:
        """The desired side of an operation that has one."""
        assert self.desired is not None
        return self.desired

    @property
    def found(self) -> Resource:
        """The live side of an operation that has one."""
        assert self.live is not None
        return self.live


Learnt: TypeAlias = Mapping[str, str]
"""What became known by an operation, such as ``{"version": ID}``."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What a kind finds wrong with a resource of the manifest, offline."""

    code: str
    at: Place
    message: str
    hint: str = ""


class Kind(ABC):
    """One kind of resource. Instances are stateless; each module in ``kinds/`` has one, ``KIND``.

    ``name`` begins its addresses; ``rank`` is its place in the order of creation; ``section`` is
    its key in a manifest, empty if another kind's section declares it; ``immutable`` the fields
    that the API never changes; ``open_maps`` the fields of which only stated keys are compared;
    ``verb`` the one action for creating and updating, where the kind has a word of its own;
    ``unknown_code`` is what a reference to one that is not there is reported as (empty: there are
    no references to this kind); ``at_once`` that a change routes inputs differently the moment it is made; ``routing_fields``
    the fields that decide what happens to inputs; ``renames`` that the API changes ids in place;
    ``id_count`` is how many ids an address of it has, ``declared`` and ``declared_options`` the shape of
    what ``declare`` states, in which a plan file has to bring it back.
    """

    name: ClassVar[str]
    rank: ClassVar[int]
    section: ClassVar[str] = ""
    verb: ClassVar[str] = ""
    unknown_code: ClassVar[str] = ""
    at_once: ClassVar[bool] = False
    renames: ClassVar[bool] = False
    routing_fields: ClassVar[frozenset[str]] = frozenset()
    id_count: ClassVar[int] = 1
    declared: ClassVar[Message] = Message({})
    declared_options: ClassVar[Message] = Message({})
    deletable: ClassVar[bool] = True
    immutable: ClassVar[frozenset[str]] = frozenset()
    open_maps: ClassVar[frozenset[str]] = frozenset({"metadata"})

    def section_type(self) -> Any:
        """The type of the manifest's section, for pydantic."""
        raise NotImplementedError(self.name)

    @abstractmethod
    def declare(self, sections: Mapping[str, Any], scope: Scope) -> Iterable[Resource]:
        """The desired resources of this kind, from validated sections."""

    def check(
        self, resource: Resource, graph: ResourceGraph, types: Mapping[str, ModelType]
    ) -> Iterable[Problem]:
        """What is wrong with a desired resource beyond its schema and its references.

        ``types`` are the platform's model types, as shipped or as the live service has them.
        """
        del resource, graph, types
        return ()

    def elsewhere(self, id_: str) -> str:
        """How a manifest names the public object of this id, empty if there is none."""
        del id_
        return ""

    @abstractmethod
    def live(self, target: Target) -> Call | Listing:
        """The one bulk read that shows all live resources of this kind."""

    @abstractmethod
    def read(self, answer: Json, target: Target) -> Iterable[Resource]:
        """The live resources in one answer (or one item of a listing), in normal form."""

    def history(self, target: Target, address: Address) -> Listing | None:
        """Earlier states of one live resource, newest first, if the platform keeps them."""
        del target, address
        return None

    def read_history(self, item: Json, target: Target) -> Iterable[Reference]:
        """The references that an earlier state had."""
        del item, target
        return ()

    def owner(self, resource: Resource, graph: ResourceGraph) -> Mark | None:
        """The mark that says whose a live resource is."""
        del graph
        return resource.mark

    def parts(self, fields: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
        """Fields cut into what a mark keeps a digest of each: an open map into its stated keys."""
        for name, value in fields.items():
            if name in self.open_maps:
                yield from _leaves((name,), value)
            elif name not in self.immutable:
                yield (name,), value

    def digests(self, fields: Mapping[str, Any]) -> dict[str, str]:
        """The digest of each part of ``fields``, by its path."""
        return {field_path(path): field_digest(value) for path, value in self.parts(fields)}

    def create(self, job: Job) -> Conversation[Learnt]:
        """Makes the object."""
        raise NotImplementedError(self.name)

    def update(self, job: Job) -> Conversation[Learnt]:
        """Brings the live object to the desired fields, losing nothing else."""
        raise NotImplementedError(self.name)

    def rename(self, job: Job) -> Conversation[Learnt]:
        """Gives the live object its new id in place."""
        raise NotImplementedError(self.name)

    def train(self, job: Job) -> Conversation[Learnt]:
        """Posts a version that has to be trained and waits for it."""
        raise NotImplementedError(self.name)

    def delete(self, job: Job) -> Conversation[Learnt]:
        """Removes the live object."""
        raise NotImplementedError(self.name)


class VersionedKind(Kind):
    """A kind whose configuration lives in immutable versions."""

    @abstractmethod
    def declared_configuration(self, fields: Mapping[str, Any]) -> Message:
        """The shape of the configuration of a declared resource with these fields."""

    @abstractmethod
    def trains(self, resource: Resource) -> bool:
        """Whether a new version of it has to be trained before it can be used."""

    @abstractmethod
    def versions(self, target: Target, address: Address) -> Listing:
        """All versions of one live resource, newest first."""

    @abstractmethod
    def version(self, target: Target, address: Address, version_id: str) -> Call:
        """One version with its full configuration."""

    @abstractmethod
    def read_version(self, item: Json, resource: Resource, *, full: bool) -> Version:
        """A version in normal form; ``full`` if the answer shows its configuration."""


def unmoved(kind: Kind, job: Job, *, id_: str = "") -> Conversation[Job | None]:
    """The job with its live object read once more, right before that is changed or deleted.

    An overwrite thus sends back what the object holds now. None if it is gone. What moved since
    the plan is looked at until ``read_back_timeout`` has passed, since a read may come from the
    past; then ``OperationError`` names it. (Of an object to be deleted, its absence is good news.) The API has no compare-and-swap: between this read and
    the write a window remains. ``id_`` is what the service calls it, its address' id if left out.
    """
    waited = 0.0
    if job.rehearsal:  # the plan is all there is to look at
        return job
    while True:
        live = kind.live(job.target)
        answer = yield live
        item = answer.get(id_ or job.found.address.id) if isinstance(live, Listing) else answer
        read = kind.read(item, job.target) if item else ()
        fresh = next((r for r in read if r.address.kind == job.found.address.kind), None)
        moved = tuple(_moved(job.found, fresh)) if fresh else ()
        if fresh is not None and not moved:
            found = job.found  # the plan may know more of its versions than a list shows
            fresh = replace(fresh, address=found.address, versions=found.versions)
            return replace(job, live=replace(fresh, all_versions=found.all_versions))
        if fresh is None and (job.desired is None or waited >= job.read_back_timeout):
            return None
        if waited >= job.read_back_timeout:
            raise OperationError(
                "moved since the plan: " + "; ".join(moved), hint="nothing was sent; plan again"
            )
        waited = yield Pause(min(2.0, 0.25 + waited / 4), "looking for what the plan saw")


def _leaves(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves((*path, key), item)
    else:
        yield path, value


def written_mark(kind: Kind, job: Job) -> Mark:
    """The mark that a write leaves: with a digest of each field that it states.

    A write that states none, such as one of the mark alone, keeps what is recorded.
    """
    before = job.live.mark if job.live else None
    kept = before.digests if before else {}
    return replace(job.mark, digest="", digests=kind.digests(job.wanted.fields) or kept)


def _moved(planned: Resource, found: Resource) -> Iterator[str]:
    """How a live object differs from what the plan saw, a text for each field."""
    yield from _moved_values((), planned.fields, found.fields)
    marks = (mark.without_digest() if mark else None for mark in (planned.mark, found.mark))
    was, is_ = (mark.as_json() if mark else None for mark in marks)
    yield from _moved_values(("metadata", "reconciler"), was, is_)


def _moved_values(path: Path, planned: Any, found: Any) -> Iterator[str]:
    if planned == found:
        return
    if isinstance(planned, Mapping) and isinstance(found, Mapping):
        for name in sorted({*planned, *found}):
            yield from _moved_values((*path, name), planned.get(name), found.get(name))
    else:
        was, is_ = (json.dumps(thaw(value), ensure_ascii=False) for value in (planned, found))
        yield f"{field_path(path)} planned against {was}, found {is_}"


def as_wanted(kind: Kind, job: Job, item: Json) -> bool:
    """Whether the service shows an object as the job's write leaves it, mark included."""
    return any(
        same(job.wanted.fields, found.fields, kind.open_maps)
        and found.mark is not None
        and found.mark.without_digest() == job.mark.without_digest()
        for found in kind.read(item, job.target)
    )


def is_remarked(job: Job) -> bool:
    """Whether a standing mark is to say something else: another owner, or protection."""
    mark = job.found.mark
    return mark is not None and (mark.owner, mark.protect) != (job.mark.owner, job.mark.protect)


def still_there(kind: Kind, job: Job, *, id_: str = "") -> Conversation[Job]:
    """``unmoved`` for an object that has to be there. Raises ``OperationError`` if it is gone."""
    fresh = yield from unmoved(kind, job, id_=id_)
    if fresh is None:
        raise OperationError("gone since the plan", hint="nothing was sent; plan again")
    return fresh


def renaming(job: Job, collection: str, find: Callable[[], Conversation[Json | None]]) -> Write:
    """``PATCH ~/COLLECTION/ids``: one pair a call (proto, PatchModelIds and PatchWorkflowIds).

    It was carried out if ``find`` finds the new id and nothing has the old one: else the new one is
    somebody else's.
    """
    pair = {"id": job.found.raw["id"], "new_id": job.wanted.address.id}
    body = {"ids": [pair], "action": "overwrite"}

    def found() -> Conversation[Json | None]:
        item = yield from find()
        if item is None:
            return None
        answer = yield Call("GET", job.target.at(collection, pair["id"]))
        before = (answer or {}).get(collection.removesuffix("s")) or {}
        return None if before.get("id") == pair["id"] else item

    return Write(Call("PATCH", job.target.at(collection, "ids"), body=body), found)


def editable(raw: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The fields of a live object that a client may send back: an overwrite loses none of them."""
    return {name: raw[name] for name in names if name in raw}


_OF_AN_APP = (
    "name",
    "default_language",
    "default_workflow",
    "description",
    "notes",
    "metadata",
    "visibility",
    "sample_ms",
    "data_tier_id",
    "image",
    "is_template",
    "extra_info",
)


def editable_app(raw: Mapping[str, Any]) -> dict[str, Any]:
    """``editable`` for an app, whose answer shows its default workflow whole: its ids are enough.

    The version among them where one is pinned: without it, whatever is the newest would run.
    """
    fields = editable(raw, _OF_AN_APP)
    workflow = fields.pop("default_workflow", None) or {}
    if not workflow.get("id"):
        return fields
    named = editable(workflow, ("id", "user_id", "app_id"))
    if version := editable(workflow.get("version") or {}, ("id",)):
        named["version"] = version
    return {**fields, "default_workflow": named}
