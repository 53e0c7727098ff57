"""``annotation-writer``: writes what reaches it as an annotation of the input."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from reconciler.call import Json
from reconciler.catalogue import ANNOTATION_STATUSES, MODEL_TYPES, Spelling
from reconciler.kind import Scope
from reconciler.kinds.model_types.base import Declared, ModelSpec, ModelType, params
from reconciler.shape import TEXT, Message
from reconciler.spec import Data, Text, spelled, spellings

_WRITABLE = Spelling(
    {
        option.id: option.number
        for param in MODEL_TYPES["annotation-writer"].params
        if param.name == "annotation_status"
        for option in param.options
    }
)

Status = Annotated[
    str,
    BeforeValidator(spelled(_WRITABLE)),
    spellings(_WRITABLE),
]


class WriterSpec(ModelSpec):
    """Writes only when its workflow runs as the app's default on a new input."""

    model_type_id: Literal["annotation-writer"]
    """An annotation writer."""
    annotation_status: Status
    """The status of what is written: success is a label, pending waits for a human."""
    annotation_user_id: Text
    """The author: the owner or a collaborator; ``me`` is the token's user."""
    annotation_info: Data | None = None
    """Free JSON put on each annotation."""
    task_id: Text | None = None
    """The labelling task that the annotation belongs to."""

    WIRE: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "annotation_status": "model_version.output_info.params.annotation_status",
            "annotation_user_id": "model_version.output_info.params.annotation_user_id",
            "annotation_info": "model_version.output_info.params.annotation_info",
            "task_id": "model_version.output_info.params.task_id",
        }
    )
    EXAMPLE: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "model_type_id": "annotation-writer",
            "annotation_status": "ANNOTATION_PENDING",
            "annotation_user_id": "me",
            "annotation_info": {"source": "auto"},
            "task_id": "review-people",
        }
    )


class Writer(ModelType):
    """All in ``output_info.params``."""

    ids: ClassVar[tuple[str, ...]] = ("annotation-writer",)
    spec: ClassVar[type[ModelSpec]] = WriterSpec
    declared: ClassVar[Message] = Message({"annotation_status": TEXT}, needs=("annotation_status",))

    def declare(self, spec: WriterSpec, scope: Scope) -> Declared:
        """The status by name, the author by real id."""
        author = scope.me if spec.annotation_user_id == "me" else spec.annotation_user_id
        return Declared(
            {
                "annotation_status": spec.annotation_status,
                "annotation_user_id": author,
                **spec.stated("annotation_info", "task_id"),
            }
        )

    def read(self, version: Json, scope: Scope) -> Mapping[str, Any]:
        """As declared, whichever way the status is spelt."""
        stored = dict(params(version, "output_info"))
        status = stored.get("annotation_status")
        return {**stored, "annotation_status": ANNOTATION_STATUSES.name_of(status) or ""}

    def wire(self, configuration: Mapping[str, Any], scope: Scope) -> Json:
        """The status by its number."""
        status = ANNOTATION_STATUSES.number_of(configuration["annotation_status"])
        return {"output_info": {"params": {**configuration, "annotation_status": status}}}


TYPE = Writer()
