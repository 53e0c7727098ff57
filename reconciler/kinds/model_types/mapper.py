"""``concept-synonym-mapper``: turns predicted concepts into the app's own, along relations."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from reconciler.call import Json
from reconciler.kind import Scope
from reconciler.kinds.model_types.base import Declared, ModelSpec, ModelType, params
from reconciler.shape import TEXT, Message
from reconciler.spec import Text


class MapperSpec(ModelSpec):
    """Follows the relations of one knowledge graph."""

    model_type_id: Literal["concept-synonym-mapper"]
    """A concept synonym mapper."""
    knowledge_graph_id: Text = ""
    """The graph to follow; empty is the global one."""

    WIRE: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "knowledge_graph_id": "model_version.output_info.params.knowledge_graph_id",
        }
    )
    EXAMPLE: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "model_type_id": "concept-synonym-mapper",
            "knowledge_graph_id": "my-graph",
        }
    )


class Mapper(ModelType):
    """All in ``output_info.params``."""

    ids: ClassVar[tuple[str, ...]] = ("concept-synonym-mapper",)
    spec: ClassVar[type[ModelSpec]] = MapperSpec
    declared: ClassVar[Message] = Message({"knowledge_graph_id": TEXT})

    def declare(self, spec: MapperSpec, scope: Scope) -> Declared:
        """The graph, empty for the global one."""
        return Declared({"knowledge_graph_id": spec.knowledge_graph_id})

    def read(self, version: Json, scope: Scope) -> Mapping[str, Any]:
        """An absent graph is the global one."""
        return {"knowledge_graph_id": params(version, "output_info").get("knowledge_graph_id", "")}

    def wire(self, configuration: Mapping[str, Any], scope: Scope) -> Json:
        """The graph as stated."""
        return {"output_info": {"params": dict(configuration)}}


TYPE = Mapper()
