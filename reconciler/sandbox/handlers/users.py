"""Users: the one that the sandbox belongs to, and ``clarifai``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2, service_pb2

from reconciler.sandbox.context import Context, Entry, load, ok, reads
from reconciler.sandbox.transaction import Key


def get_user(request: Any, context: Context) -> Any:
    """The user of the path; ``me`` is settled already."""
    user = context.scope.user
    row = context.tx.get(Key("user", user, "", "", user))
    found = load(row) if row else resources_pb2.User(id=user)
    return service_pb2.SingleUserResponse(status=ok(), user=found)


def list_collaborators(request: Any, context: Context) -> Any:
    """Nobody: there is one user here, and a collaborator is somebody else."""
    return service_pb2.MultiCollaboratorsResponse(status=ok())


def list_collaborations(request: Any, context: Context) -> Any:
    """None: nobody else is here whose apps could be shared."""
    return service_pb2.MultiCollaborationsResponse(status=ok())


ENTRIES: Final[Mapping[str, Entry]] = {
    "GetUser": reads(get_user),
    "ListCollaborators": reads(list_collaborators),
    "ListCollaborations": reads(list_collaborations),
}
