"""What a live object holds beyond what a manifest has keys for: an update keeps it, a new app lacks it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler.catalogue import MODEL_TYPES, VISIBILITIES
from reconciler.resource import Resource
from reconciler.values import float32, number, unmarked

# What the service writes itself, and what the manifest says under a key.
_KNOWN: Final[Mapping[str, frozenset[str]]] = {
    kind: frozenset(names.split())
    for kind, names in {
        "app": "id name default_language default_workflow_id default_workflow user_id created_at "
        "modified_at legal_consent_status metadata description visibility is_starred star_count "
        "notes embeddings_storage",
        "concept": "id name value created_at language app_id definition vocab_id user_id metadata",
        "model": "id name display_name created_at modified_at app_id output_info model_version "
        "user_id default_eval_info model_type_id visibility description metadata notes "
        "languages_full is_starred star_count workflow_recommended bookmark_origin source creator "
        "version_count billing_type featured_order deploy_restriction replica_count "
        "open_router_info input_info train_info",
        "workflow": "id app_id created_at nodes metadata user_id modified_at version is_starred "
        "star_count description notes bookmark_origin versions",
        "version": "id created_at status active_concept_count metrics total_input_count "
        "completed_at app_id user_id modified_at metadata output_info input_info train_info "
        "train_log build_info method_signatures concept_count",
        "node": "id model node_inputs suppress_output output_info_override",
    }.items()
}
_USUAL: Final = frozenset(["id", "user_id", "app_id", "created_at", "modified_at", "metadata"])
"""What most objects have; of a kind that has no line above."""
_SERVED: Final = tuple(
    f"output_info.{name}" for name in ("message", "params_specs", "type", "type_ext")
)
_ANY_TYPE: Final = (
    "output_info.params",
    "train_info.params",
    "input_info.params",
    "output_info.data.concepts",
)
_SAID: Final[Mapping[str, tuple[str, ...]]] = {
    "concept-threshold": (
        "output_info.params.concept_threshold_type",
        "output_info.params.filter_other_concepts",
        "output_info.data.concepts",
    ),
    "annotation-writer": (
        "output_info.params.annotation_status",
        "output_info.params.annotation_user_id",
        "output_info.params.annotation_info",
        "output_info.params.task_id",
    ),
    "concept-synonym-mapper": ("output_info.params.knowledge_graph_id",),
    "embedding-classifier": (
        "output_info.data.concepts",
        "output_info.output_config.concepts_mutually_exclusive",
        "output_info.params.concepts_mutually_exclusive",
        "input_info.base_embed_model",
        "train_info.params",
    ),
}
"""What of a version the keys of a model type say; any other type has its parameters whole."""


def of_object(kind: str, raw: Mapping[str, Any]) -> Iterator[str]:
    """The names of what an object holds for which its kind has no key."""
    known = _KNOWN.get(kind, _USUAL)
    for name in sorted(raw):
        if name not in known and not _says_nothing(name, raw[name]):
            yield name


def of_version(model: Resource, raw: Mapping[str, Any]) -> Iterator[str]:
    """The same of the version that stands for a model; parameters with their value."""
    type_id = model.fields["model_type_id"]
    yield from (f"version.{name}" for name in of_object("version", raw))
    if unmarked(raw.get("metadata")):
        yield "version.metadata"
    said = (*_SAID.get(type_id, _ANY_TYPE), *_SERVED)
    for info in ("output_info", "input_info", "train_info"):
        for path, value in _leaves(info, raw.get(info) or {}):
            if not (_is_within(path, said) or _is_default(type_id, path, value)):
                yield f"{path} ({value:g})" if type(value) in (int, float) else path
    concepts = ((raw.get("output_info") or {}).get("data") or {}).get("concepts") or ()
    values = {c["id"]: float32(c.get("value", 1)) for c in concepts}
    if type_id != "concept-threshold" and not set(values.values()) <= {0, 1}:
        told = ", ".join(f"{id_} {value:g}" for id_, value in sorted(values.items()))
        yield f"output_info.data.concepts[].value ({told})"


def unread(configuration: Mapping[str, Any], raw: Mapping[str, Any]) -> Iterator[str]:
    """Parameters whose value is none that we know."""
    stored = (raw.get("output_info") or {}).get("params") or {}
    for name in ("concept_threshold_type", "annotation_status"):
        if configuration.get(name) == "" and name in stored:
            yield f"output_info.params.{name} ({json.dumps(stored[name])})"


def params_said(type_id: str, stated: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of an ``output_info``, without those that the service would fill in alike."""
    return {
        name: value
        for name, value in stated.items()
        if not _is_default(type_id, f"output_info.params.{name}", value)
    }


def _is_within(path: str, said: tuple[str, ...]) -> bool:
    return any(path == key or path.startswith(f"{key}.") for key in said)


def _is_default(type_id: str, path: str, value: Any) -> bool:
    type_ = MODEL_TYPES.get(type_id)
    return any(
        param.path == path and param.default is not None and number(param.default) == number(value)
        for param in (type_.params if type_ else ())
        if not param.required
    )


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every part that says something; parameters and data one by one, all else whole."""
    if isinstance(value, Mapping) and path.count(".") < 2:
        for name in sorted(value):
            yield from _leaves(f"{path}.{name}", value[name])
    elif not _says_nothing("", value):
        yield path, value


def _says_nothing(name: str, value: Any) -> bool:
    if name == "visibility":
        gettable = value.get("gettable") if isinstance(value, Mapping) else value
        return VISIBILITIES.name_of(gettable) in (None, "PRIVATE")
    if isinstance(value, Mapping):
        return all(_says_nothing("", item) for item in value.values())
    return value is None or value is False or value == 0 or value in ("", [], ())


def of_override(raw: Mapping[str, Any]) -> Iterator[str]:
    """What of a node's ``output_info_override`` no key says: only concepts and parameters have one."""
    for name, value in sorted(raw.items()):
        if name == "data":
            more = [key for key in value or {} if key != "concepts"]
            yield from (f"data.{key}" for key in sorted(more) if not _says_nothing(key, value[key]))
        elif name != "params" and f"output_info.{name}" not in _SERVED:
            yield from () if _says_nothing(name, value) else (name,)


def shown(name: str) -> str:
    """A name that a server chose, as one line."""
    return name if name.isprintable() else json.dumps(name)
