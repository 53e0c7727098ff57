"""Keys that were made by a request: what they allow, and how they are told from others.

A key itself is shown once, in the answer that makes it. What is kept, listed and logged is its SHA-256.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Final

from clarifai_grpc.grpc.auth.scope import scope_pb2
from clarifai_grpc.grpc.auth.util import extension_pb2

from reconciler.sandbox import status
from reconciler.sandbox.context import Caller, load
from reconciler.sandbox.routes import SERVICE
from reconciler.sandbox.transaction import Key, Tx

APP_KEY: Final = "app_specific_key"
PERSONAL: Final = "personal_access_token"
EVERYTHING: Final = "All"
GONE: Final = 1
"""The flag of a key that was deleted: it opens nothing any more, and is still known for what it was."""

_FORM: Final = re.compile(r"[0-9a-f]{32}")
_IN_PATH: Final = re.compile(r"(?<=/keys/)[^/]+")


def digest(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def hidden(path: str) -> str:
    """A path without the key that it may name."""
    return _IN_PATH.sub("***", path)


def place(user: str, kept: str) -> Key:
    """Where a key of this digest is stored."""
    return Key("key", user, "", "", kept)


@cache
def scopes() -> Mapping[str, tuple[str, ...]]:
    """Every scope of the contract with those that it depends on."""
    values = scope_pb2.S.DESCRIPTOR.values
    names = {value.number: value.name for value in values}
    depends = scope_pb2.clarifai_depending_scopes
    return MappingProxyType(
        {
            value.name: tuple(names[number] for number in value.GetOptions().Extensions[depends])
            for value in values
            if value.number
        }
    )


@cache
def endpoints() -> Mapping[str, tuple[str, ...]]:
    """Every method by its full name, ``/clarifai.api.V2/GetApp``, with the scopes that it needs."""
    names = {value.number: value.name for value in scope_pb2.S.DESCRIPTOR.values}
    depends = extension_pb2.cl_depending_scopes
    return MappingProxyType(
        {
            f"/{SERVICE.full_name}/{method.name}": tuple(
                dict.fromkeys(names[number] for number in method.GetOptions().Extensions[depends])
            )
            for method in SERVICE.methods
        }
    )


def lacking(rpc: str, grants: frozenset[str]) -> Sequence[str]:
    """The scopes that a key with these scopes and endpoints lacks for a method."""
    endpoint = f"/{SERVICE.full_name}/{rpc}"
    if EVERYTHING in grants or endpoint in grants:
        return ()
    return [scope for scope in endpoints()[endpoint] if scope not in grants]


def caller_of(token: str, user: str, now: int, tx: Tx) -> Caller | None:
    """Who shows a key that was made here, None for any other token.

    Raises PlatformError for a key that was deleted or has expired.
    """
    row = tx.get(place(user, digest(token)))
    if row is None:
        return None
    key = load(row)
    expires = key.expires_at.ToMicroseconds() if key.HasField("expires_at") else now + 1
    if row.flag == GONE or expires <= now:
        why = "was deleted" if row.flag == GONE else "has expired"
        raise status.PlatformError(status.KEY_NOT_FOUND, f"invalid key: it {why}")
    grants = frozenset((*key.scopes, *key.endpoints))
    return Caller(user, key.apps[0].id if key.type == APP_KEY else "", grants)


def may_be_made_here(token: str) -> bool:
    """Whether a token has the form of the keys that are made by requests."""
    return _FORM.fullmatch(token) is not None
