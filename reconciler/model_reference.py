"""How one model is named by another object: in manifests, in normal form, on the wire."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, WithJsonSchema

from reconciler.address import Address
from reconciler.call import Json
from reconciler.catalogue import PUBLIC_APP_ID, PUBLIC_USER_ID, public_model
from reconciler.kind import Scope
from reconciler.resource import External, Path, Place, Reference
from reconciler.spec import Text, mistake

NAME_PATTERN = r"^[^/@]+(/[^/@]+/[^/@]+)?(@[^/@]+)?$"
_NAME = re.compile(NAME_PATTERN, re.DOTALL)


def _well_formed(stated: str) -> str:
    if _NAME.fullmatch(stated) is None:
        hint = "write ID of a model of this manifest, or user/app/model, either with @version"
        name, _, version = stated.rpartition("/")
        if name.count("/") == 2 and _NAME.fullmatch(f"{name}@{version}"):
            hint = f"a version stands behind '@': {name}@{version}"
        raise mistake("RC106", f"{stated!r} names no model", hint=hint)
    return stated


ModelName = Annotated[
    Text,
    AfterValidator(_well_formed),
    WithJsonSchema({"type": ["string", "number", "boolean"], "pattern": NAME_PATTERN}),
]
"""``id`` of this manifest or ``user/app/id``, either with ``@version``."""


def written_model(stated: str, scope: Scope) -> tuple[str, str]:
    """``id`` or ``user/app/id``, with or without ``@version``, as (model, version).

    The owner is left out for the app's own models; hash ids of public models become readable.
    """
    model, _, version = stated.partition("@")
    parts = model.split("/")
    if len(parts) != 3:
        return model, version
    user = scope.me if parts[0] == "me" else parts[0]
    return owned_model(user, parts[1], parts[2], scope), version


def owned_model(user_id: str, app_id: str, id_: str, scope: Scope) -> str:
    """How a model is named in normal form: a bare id in this app, else ``user/app/id``."""
    if (user_id, app_id) == (scope.target.user_id, scope.target.app_id):
        return id_
    if (user_id, app_id) == (PUBLIC_USER_ID, PUBLIC_APP_ID) and (known := public_model(id_)):
        return f"{user_id}/{app_id}/{known.id}"
    return f"{user_id}/{app_id}/{id_}"


def model_wire(model: str, version: Any, scope: Scope) -> Json:
    """A model reference as the API takes it."""
    user, app, id_ = (
        model.split("/") if "/" in model else (scope.target.user_id, scope.target.app_id, model)
    )
    wire: dict[str, Any] = {"id": id_, "user_id": user, "app_id": app}
    if version:
        wire["model_version"] = {"id": version}
    return wire


def uses_model(
    model: str, version: str, base: Path, at: Place
) -> tuple[tuple[Reference, ...], tuple[External, ...]]:
    """How a stated model is tied in: a bare id is one of this manifest."""
    model_path, version_path = (*base, "model"), (*base, "model_version_id")
    if "/" in model:
        return (), (External(model, version, model_path, version_path, at=at),)
    return (Reference(version_path, Address("model", (model,)), version, pins=True, at=at),), ()
