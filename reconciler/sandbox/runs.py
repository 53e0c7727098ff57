"""What a run needs, gathered in one transaction, so that it computes without holding one."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from clarifai_grpc.grpc.api import resources_pb2

from reconciler import catalogue
from reconciler.sandbox import engine, language, status, vision
from reconciler.sandbox.context import World, load
from reconciler.sandbox.transaction import Key, Scope, Tx

Reference: TypeAlias = tuple[str, str, str, str]

_EMBEDDERS: Final[Mapping[str, str]] = MappingProxyType(
    {"image": "general-image-embedding", "text": "multilingual-text-embedding"}
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A graph with its pinned models and versions as they were when it was made.

    ``vectors`` are kept embeddings by digest of their medium; ``version_id`` names the workflow
    version, and is empty for a single model.
    """

    scope: Scope
    version_id: str
    workflow: Any
    found: Mapping[Reference, tuple[Any, Any]]
    relations: Sequence[Any]
    artifacts: Mapping[str, bytes]

    def run(
        self,
        world: World,
        media: engine.Media,
        *,
        write: Callable[[engine.WriterEffect], None] | None = None,
        vector: Sequence[float] | None = None,
    ) -> tuple[engine.NodeOutput, ...]:
        """Run the graph on one medium; raises ``engine.ModelFailure``."""
        return engine.run_workflow(self.workflow, self.surroundings(world, media, write, vector))

    def surroundings(
        self,
        world: World,
        media: engine.Media,
        write: Callable[[engine.WriterEffect], None] | None = None,
        vector: Sequence[float] | None = None,
    ) -> engine.RunContext:
        """What the engine may ask during a run on this medium."""
        return engine.RunContext(
            media=media,
            user_id=self.scope.user,
            app_id=self.scope.app,
            find_version=self.find_version,
            relations=self._in_graph,
            artifact=self._artifact,
            scores=world.scores,
            write=write,
            embedding=_embedding(media, vector) if media.data is not None else None,
            follow_hierarchy=world.behaviour.mapper_follows_hypernyms,
            filter_other_default=world.behaviour.filter_other_concepts_default,
            rng=random.Random(world.ids.fraction()),
        )

    def find_version(self, reference: Any) -> tuple[Any, Any]:
        """The model and version that a node pins."""
        try:
            return self.found[reference_of(reference)]
        except KeyError:
            raise engine.ModelFailure(
                status.WORKFLOW_UNTRAINED,
                f"version '{reference.model_version.id}' of model '{reference.id}' is gone",
            ) from None

    def _in_graph(self, graph: str) -> list[Any]:
        return [item for item in self.relations if item.knowledge_graph_id == graph]

    def _artifact(self, version_id: str) -> bytes:
        try:
            return self.artifacts[version_id]
        except KeyError:
            raise engine.ModelFailure(
                status.MODEL_PREDICTION_FAILED, f"nothing was trained for version '{version_id}'"
            ) from None


def _embedding(
    media: engine.Media, known: Sequence[float] | None
) -> Callable[[], Sequence[float]] | None:
    if media.data is None or media.kind not in _EMBEDDERS:
        return None
    kept: list[Sequence[float]] = [known] if known else []

    def vector() -> Sequence[float]:
        # Several nodes may read the embedding of one input; it is computed once.
        if not kept:
            try:
                kept.append(embed(media) or ())
            except vision.ImageError as error:
                raise engine.ModelFailure(error.code, str(error)) from error
        return kept[0]

    return vector


def embed(media: engine.Media) -> tuple[float, ...] | None:
    """The vector of an image or a text by the public model of its kind; None without its bytes.

    Raises ``vision.ImageError`` for bytes that are no image.
    """
    if media.data is None:
        return None
    if media.kind == "image":
        return vision.embed(media.data)
    return language.embed(media.text) if media.kind == "text" else None


def reference_of(model: Any) -> Reference:
    """The identity of a node's model and version."""
    return model.user_id, model.app_id, model.id, model.model_version.id


def pack(vector: Sequence[float]) -> bytes:
    """A vector as float32, little endian."""
    return struct.pack(f"<{len(vector)}f", *vector)


def unpack(content: bytes) -> tuple[float, ...]:
    """The vector of such bytes."""
    return struct.unpack(f"<{len(content) // 4}f", content)


def plan_workflow(tx: Tx, scope: Scope, version_id: str, nodes: Sequence[Any]) -> Plan:
    """Everything that running these nodes for an app may need."""
    workflow = resources_pb2.Workflow(nodes=nodes)
    found: dict[Reference, tuple[Any, Any]] = {}
    artifacts: dict[str, bytes] = {}
    for node in workflow.nodes:
        reference = reference_of(node.model)
        pair = load_pair(tx, reference)
        if pair is None:
            continue
        found[reference] = pair
        artifact = tx.artifact(pair[1].id)
        if artifact is not None:
            artifacts[pair[1].id] = artifact
    relations = tuple(map(load, tx.select("relation", scope)))
    return Plan(
        scope,
        version_id,
        workflow,
        MappingProxyType(found),
        relations,
        MappingProxyType(artifacts),
    )


def load_pair(tx: Tx, reference: Reference) -> tuple[Any, Any] | None:
    """A model and one of its versions."""
    user, app, model_id, version_id = reference
    model = tx.get(Key("model", user, app, "", model_id))
    version = tx.get(Key("model_version", user, app, model_id, version_id))
    return (load(model), load(version)) if model and version else None


def plan_default(tx: Tx, scope: Scope, bound: str = "") -> Plan | None:
    """The app's default workflow as it is now, or the version that was bound before a restart."""
    app = tx.get(Key("app", *scope, "", scope.app))
    if app is None:
        return None
    default = load(app).default_workflow
    owner = Scope(default.user_id, default.app_id)
    row = tx.get(Key("workflow", *owner, "", default.id))
    if row is None:
        return plan_workflow(tx, scope, "", ())
    workflow = load(row)
    for version_id in (bound, default.version.id):
        version = tx.get(Key("workflow_version", *owner, default.id, version_id))
        if version_id and version is not None:
            return plan_workflow(tx, scope, version_id, load(version).nodes)
    return plan_workflow(tx, scope, workflow.version.id, workflow.nodes)


def embedder_version(kind: str = "image") -> str:
    """The version of the public embedding model for this kind, under which vectors are kept.

    Empty for a kind that has none.
    """
    model = catalogue.public_model(_EMBEDDERS.get(kind, ""))
    return model.version_ids[0] if model is not None else ""
