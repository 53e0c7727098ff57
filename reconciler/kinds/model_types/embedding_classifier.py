"""``embedding-classifier``, the Context-Based Classifier: trained on the app's labelled inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from reconciler.call import Json
from reconciler.kind import Problem, Scope
from reconciler.kinds.model_types.base import (
    ConceptIds,
    Declared,
    ModelSpec,
    ModelType,
    concept_ids,
    concept_references,
    parameter_problems,
    params,
    part,
)
from reconciler.model_reference import ModelName, model_wire, owned_model, uses_model, written_model
from reconciler.resource import Resource
from reconciler.shape import FLAG, FREE, FULL_NAME, TEXT, Many, Message
from reconciler.spec import Data, Flag

_EMBEDDER = "clarifai/main/general-image-embedding@bb186755eda04f9cbb6fe32e816be104"


class EmbeddingClassifierSpec(ModelSpec):
    """Predicts the app's own concepts from embeddings."""

    model_type_id: Literal["embedding-classifier"]
    """The Context-Based Classifier (transfer learning)."""
    concepts: Annotated[ConceptIds, Field(min_length=1)]
    """The concepts it learns."""
    base_embed_model: ModelName | None = None
    """The embedder: ``user/app/model@version``; the default workflow's if left out."""
    concepts_mutually_exclusive: Flag | None = None
    """Whether exactly one concept is true of an input."""
    train_params: Data | None = None
    """``train_info.params``, such as ``enrich_dataset``."""
    train: Literal["when-changed", "when-untrained", "never"] = "when-changed"
    """When ``apply`` trains: on a changed specification, only the first time, or never."""

    WIRE: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "concepts": "model_version.output_info.data.concepts[].id",
            "base_embed_model": "model_version.input_info.base_embed_model",
            "concepts_mutually_exclusive": "model_version.output_info.output_config.concepts_mutually_exclusive",
            "train_params": "model_version.train_info.params",
            "train": "",
        }
    )
    EXAMPLE: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "model_type_id": "embedding-classifier",
            "concepts": ["walker", "runner"],
            "base_embed_model": _EMBEDDER,
            "concepts_mutually_exclusive": False,
            "train_params": {"enrich_dataset": "Automatic"},
            "train": "when-changed",
        }
    )


class EmbeddingClassifier(ModelType):
    """Concepts in ``output_info.data``, the embedder in ``input_info.base_embed_model``."""

    ids: ClassVar[tuple[str, ...]] = ("embedding-classifier",)
    spec: ClassVar[type[ModelSpec]] = EmbeddingClassifierSpec
    declared: ClassVar[Message] = Message(
        {
            "concepts": Many(TEXT),
            "concepts_mutually_exclusive": FLAG,
            "train_params": FREE,
            "base_embed_model": Message(
                {"model": FULL_NAME, "model_version_id": TEXT}, there=("model", "model_version_id")
            ),
        },
        there=("concepts",),
    )

    def declare(self, spec: EmbeddingClassifierSpec, scope: Scope) -> Declared:
        """Concepts sorted: the service does not keep their order."""
        concepts = tuple(sorted(spec.concepts))
        configuration = {
            "concepts": concepts,
            **spec.stated("concepts_mutually_exclusive", "train_params"),
        }
        references = concept_references(spec.concepts, "concepts")
        externals: tuple[Any, ...] = ()
        if spec.base_embed_model:
            model, version = written_model(spec.base_embed_model, scope)
            more, externals = uses_model(
                model, version, ("base_embed_model",), ("base_embed_model",)
            )
            references += more
            configuration["base_embed_model"] = {"model": model, "model_version_id": version}
        options = {"train": spec.train}
        return Declared(configuration, references, externals, options)

    def check(self, resource: Resource) -> Iterable[Problem]:
        """What its training parameters may be."""
        return parameter_problems(resource.fields["model_type_id"], resource.configuration or {})

    def read(self, version: Json, scope: Scope) -> Mapping[str, Any]:
        """Both places where the exclusive flag is kept (today's params, the older output_config)."""
        base = part(version, "input_info", "base_embed_model")
        config = part(version, "output_info", "output_config")
        stored = params(version, "output_info")
        exclusive = stored.get(
            "concepts_mutually_exclusive", config.get("concepts_mutually_exclusive", False)
        )
        configuration: dict[str, Any] = {
            "concepts": concept_ids(version),
            "concepts_mutually_exclusive": bool(exclusive),
            "train_params": params(version, "train_info"),
        }
        if base.get("id"):
            owner = (base.get("user_id") or "clarifai", base.get("app_id") or "main")
            configuration["base_embed_model"] = {
                "model": owned_model(*owner, base["id"], scope),
                "model_version_id": part(base, "model_version").get("id", ""),
            }
        return configuration

    def wire(self, configuration: Mapping[str, Any], scope: Scope) -> Json:
        """As the current contract takes it."""
        output_info: dict[str, Any] = {
            "data": {"concepts": [{"id": id_} for id_ in configuration["concepts"]]}
        }
        if "concepts_mutually_exclusive" in configuration:
            exclusive = configuration["concepts_mutually_exclusive"]
            output_info["output_config"] = {"concepts_mutually_exclusive": exclusive}
        wire: dict[str, Any] = {"output_info": output_info}
        if base := configuration.get("base_embed_model"):
            model = model_wire(base["model"], base["model_version_id"], scope)
            wire["input_info"] = {"base_embed_model": model}
        if stated := configuration.get("train_params"):
            wire["train_info"] = {"params": dict(stated)}
        return wire


TYPE = EmbeddingClassifier()
