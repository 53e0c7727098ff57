"""Concepts: what models predict and annotations name. The API cannot delete them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from pydantic import Field

from reconciler.address import Address
from reconciler.call import Call, Json, Listing, Target
from reconciler.conversation import Conversation, Write, find_item
from reconciler.kind import (
    Job,
    Kind,
    Learnt,
    Scope,
    as_wanted,
    editable,
    still_there,
    written_mark,
)
from reconciler.resource import Resource, laid_over
from reconciler.shape import FREE, TEXT, Message
from reconciler.spec import Flag, LooseId, Metadata, Spec, Text
from reconciler.values import Mark, marked, number, unmarked

_EDITABLE = ("name", "definition", "image", "keypoint_info", "extra_info", "visibility")


class ConceptSpec(Spec):
    """A concept of the app."""

    name: Text | None = None
    """What people see; the id if left out."""
    definition: Text | None = None
    """What the concept means."""
    metadata: Metadata | None = None
    """Free JSON of your own."""
    prevent_destroy: Flag | None = None
    """Refuse any plan that would remove it; only ``false`` lifts that, not leaving it out."""

    WIRE: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "name": "concept.name",
            "definition": "concept.definition",
            "metadata": "concept.metadata",
            "prevent_destroy": "concept.metadata.reconciler.protect",
        }
    )
    EXAMPLE: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "name": "adult",
            "definition": "Somebody who looks grown up.",
            "metadata": {"since": "v2"},
            "prevent_destroy": True,
        }
    )


class ConceptKind(Kind):
    """``~/concepts``: created and patched in bulk, never deleted (no RPC exists)."""

    name: ClassVar[str] = "concept"
    rank: ClassVar[int] = 10
    section: ClassVar[str] = "concepts"
    unknown_code: ClassVar[str] = "RC202"
    deletable: ClassVar[bool] = False
    declared: ClassVar[Message] = Message({"name": TEXT, "definition": TEXT, "metadata": FREE})

    def section_type(self) -> Any:
        """The app's concepts by id; where ids say enough, a list of them."""
        example = {"people": {}, "adult": {"name": "adult", "definition": "Looks grown up."}}
        return Annotated[dict[LooseId, ConceptSpec | None], Field(examples=[example])]

    def declare(self, sections: Mapping[str, Any], scope: Scope) -> Iterable[Resource]:
        """One resource for each concept of the manifest."""
        for id_, stated in (sections.get(self.section) or {}).items():
            spec = stated or ConceptSpec()
            yield Resource(
                Address(self.name, (id_,)),
                spec.stated("name", "definition", "metadata"),
                options=spec.stated("prevent_destroy"),
                source=(self.section, id_),
            )

    def live(self, target: Target) -> Listing:
        """``GET ~/concepts``."""
        return Listing(target.at("concepts"), "concepts")

    def read(self, answer: Json, target: Target) -> Iterable[Resource]:
        """A concept of this app; public ones that a listing mixes in are left out."""
        if answer.get("app_id", target.app_id) == target.app_id:
            yield Resource(
                Address(self.name, (answer["id"],)),
                {
                    "name": answer.get("name", ""),
                    "definition": answer.get("definition", ""),
                    "metadata": number(unmarked(answer.get("metadata"))),
                },
                mark=Mark.read(answer.get("metadata")),
                raw=answer,
            )

    def create(self, job: Job) -> Conversation[Learnt]:
        """``POST ~/concepts``, merged with others."""
        body = {"concepts": [self._body(job, {})]}
        yield self._write(job, Call("POST", job.target.at("concepts"), body=body))
        return {}

    def update(self, job: Job) -> Conversation[Learnt]:
        """``PATCH ~/concepts``; overwrite is the only action that it knows."""
        job = yield from still_there(self, job)
        body = {"concepts": [self._body(job, job.found.raw)], "action": "overwrite"}
        yield self._write(job, Call("PATCH", job.target.at("concepts"), body=body))
        return {}

    def _body(self, job: Job, raw: Mapping[str, Any]) -> dict[str, Any]:
        kept = editable(raw, _EDITABLE)
        stated = {**kept, **job.wanted.fields}
        metadata = laid_over(raw.get("metadata") or {}, stated.pop("metadata", {}))
        mark = written_mark(self, job)
        return {"id": job.wanted.address.id, **stated, "metadata": marked(metadata, mark)}

    def _write(self, job: Job, call: Call) -> Write:
        def is_as_wanted(item: Json) -> bool:
            return item.get("id") == job.wanted.address.id and as_wanted(self, job, item)

        listing = self.live(job.target)
        return Write(call, lambda: find_item(listing, is_as_wanted), batch="concepts")


KIND = ConceptKind()
