"""Asks the sandbox itself what it has: methods from its tables, model types by running each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from clarifai_grpc.grpc.api import resources_pb2
from clarifai_grpc.grpc.auth.types import types_pb2
from clarifai_grpc.grpc.auth.util import extension_pb2

from reconciler import catalogue
from reconciler.sandbox import engine, learning, routes, status
from reconciler.sandbox.context import PUBLIC
from reconciler.sandbox.handlers import table
from reconciler.sandbox.store import Store
from reconciler.sandbox.transaction import Scope

_APP: Final = "/v2/users/{user_app_id.user_id}/apps/{user_app_id.app_id}"
_USER: Final = "/v2/users/{user_app_id.user_id}"
_SHORT: Final = "/v2"
_SHOWN: Final = "~"

_AREAS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "": "apps",
        "app": "apps",
        "partial": "apps",
        "resource_counts": "apps",
        "duplications": "apps",
        "task": "tasks",
        "myscopes": "keys",
        "myscopesroot": "keys",
        "scopes": "keys",
        "validate_password": "users",
        "collaborations": "collaborators",
        "workflow-version-evaluation-templates": "workflows",
        "pipeline_step_versions": "pipeline_steps",
        "pipeline_templates": "pipelines",
        "artifact_versions": "artifacts",
        "compute_plane_metrics": "metrics",
        "runner_replica_task_metrics": "metrics",
        "open_source_licenses": "other",
        "audit_log": "other",
        "log_entries": "other",
        "cloud_providers": "compute_clusters",
        "runners": "compute_clusters",
        "deployments": "compute_clusters",
    }
)
"""Where the first word of a path says too little; all others are areas of their own."""

_KEYS: Final[Mapping[int, str]] = MappingProxyType(
    {
        types_pb2.AuthType.NoAuth: "none",
        types_pb2.AuthType.KeyAuth: "any",
        types_pb2.AuthType.PATAuth: "personal",
        types_pb2.AuthType.SessionTokenAuth: "session",
        types_pb2.AuthType.AdminAuth: "admin",
    }
)


class Path(NamedTuple):
    """A route as people write it (``GET ~/inputs``), and whether it has a short form as well."""

    text: str
    has_short: bool


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC. ``key`` is the weakest token that the contract wants; ``about`` is empty if absent."""

    name: str
    area: str
    paths: tuple[Path, ...]
    key: str
    streaming: bool
    implemented: bool
    about: str


def methods() -> tuple[Method, ...]:
    """Every method of the service, by area and in the order of the contract."""
    bindings: dict[str, list[routes.Route]] = {}
    for route in routes.routes():
        bindings.setdefault(route.rpc.name, []).append(route)
    found = [_method(name, rpc, bindings.get(name, ())) for name, rpc in routes.rpcs().items()]
    return tuple(sorted(found, key=lambda method: method.area))


def _method(name: str, rpc: routes.Rpc, bindings: Iterable[routes.Route]) -> Method:
    entry = table.ENTRIES.get(name)
    options = routes.SERVICE.methods_by_name[name].GetOptions()
    paths = [(route.verb, *_split(route.template)) for route in bindings]
    return Method(
        name,
        _area(paths[0][2] if paths else ""),
        tuple(_written(paths)),
        _KEYS[options.Extensions[extension_pb2.cl_auth_type]],
        rpc.streaming,
        entry is not None,
        _first_sentence(entry.handler.__doc__ or "") if entry else "",
    )


def _split(template: str) -> tuple[str, str]:
    """How a path begins, and what follows: the same for its long and its short form."""
    for start in (_APP, _USER, _SHORT):
        if template == start or template.startswith(start + "/"):
            return start, template.removeprefix(start)
    return "", template


def _written(paths: Iterable[tuple[str, str, str]]) -> Iterable[Path]:
    """Paths as people write them: ``~`` for the app, a short form told with its long one."""
    known = list(paths)
    long = {(verb, rest) for verb, start, rest in known if start == _APP}
    short = {(verb, rest) for verb, start, rest in known if start == _SHORT}
    for verb, start, rest in known:
        if start == _APP:
            yield Path(f"{verb} {_SHOWN}{rest}", (verb, rest) in short)
        elif not (start == _SHORT and (verb, rest) in long):
            yield Path(f"{verb} {start.replace('user_app_id.', '')}{rest}", False)


def _area(rest: str) -> str:
    words = [part for part in rest.split("/") if part and not part.startswith("{")]
    first = words[0] if words else ""
    return _AREAS.get(first, first)


def _first_sentence(text: str) -> str:
    line = " ".join(text.split("\n\n", maxsplit=1)[0].split())
    return line.replace("``", "`")


class Extent(StrEnum):
    """How far a model type goes."""

    REAL = "runs"
    SCRIPTED = "scripted"
    STORED = "stored only"


@dataclass(frozen=True, slots=True)
class Type:
    """A model type: how far models of an app's own go, and those of ``clarifai/main``."""

    id: str
    own: Extent
    public: Extent
    trains: bool
    creatable: bool


def model_types() -> tuple[Type, ...]:
    """Every type of the catalogue as the engine and the trainer answer for it."""
    store = Store(None)
    try:
        with store.read() as tx:
            return tuple(
                Type(
                    found.id,
                    _extent(found.id, Scope("you", "yours")),
                    _extent(found.id, PUBLIC),
                    found.trainable and not _left_untrained(found.id, tx),
                    found.creatable,
                )
                for found in catalogue.MODEL_TYPES.values()
            )
    finally:
        store.close()


def public_models() -> tuple[tuple[catalogue.PublicModel, Extent], ...]:
    """The models of ``clarifai/main`` that every sandbox has."""
    return tuple((model, _extent(model.model_type_id, PUBLIC)) for model in catalogue.PUBLIC_MODELS)


def _left_untrained(type_id: str, tx: Any) -> bool:
    """Whether the trainer refuses the type itself, before it looks for anything to learn from."""
    lesson = learning.gather(
        tx, PUBLIC, resources_pb2.Model(model_type_id=type_id), resources_pb2.ModelVersion()
    )
    return bool(lesson.problem)


def _extent(type_id: str, owner: Scope) -> Extent:
    """What a run says: that the sandbox does not do this, that it is scripted, or anything else."""
    model = resources_pb2.Model(id="m", model_type_id=type_id, user_id=owner.user, app_id=owner.app)
    version = resources_pb2.ModelVersion(id="v")
    version.status.code = status.MODEL_TRAINED
    said = ""
    for medium in ("image", "text"):
        try:
            said += engine.compute(model, version, _data(medium), _surroundings(medium)).details
        except engine.ModelFailure as failure:
            if failure.code == status.NOT_IMPLEMENTED:
                return Extent.STORED
    return Extent.SCRIPTED if "scripted" in said else Extent.REAL


def _data(medium: str) -> Any:
    data = resources_pb2.Data()
    if medium == "text":
        data.text.raw = "a walk in the park"
    else:
        data.image.url = "http://example.com/walk.png"
    return data


def _surroundings(medium: Any) -> engine.RunContext:
    """An app without anything: what a run lacks is no reason to call its type stored only."""
    return engine.RunContext(
        media=engine.Media(medium, None, "http://example.com/walk"),
        user_id="you",
        app_id="yours",
        find_version=_nothing,
        relations=lambda _: (),
        artifact=_nothing,
    )


def _nothing(wanted: Any) -> Any:
    raise engine.ModelFailure(status.MODEL_PREDICTION_FAILED, f"there is no {wanted}")
