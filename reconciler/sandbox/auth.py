"""Tokens: whose they are, and which methods they open (fact sheet, section 1)."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from clarifai_grpc.grpc.auth.types import types_pb2
from clarifai_grpc.grpc.auth.util import extension_pb2
from google.protobuf.descriptor import MethodDescriptor

from reconciler.sandbox import keys, routes, status
from reconciler.sandbox.context import PUBLIC, Caller
from reconciler.sandbox.transaction import Scope

_NO_TOKEN: Final = types_pb2.NoAuth
_ANY_KEY: Final = types_pb2.KeyAuth


def _demand(method: MethodDescriptor) -> int:
    return int(method.GetOptions().Extensions[extension_pb2.cl_auth_type])


OPEN: Final = frozenset(
    method.name for method in routes.SERVICE.methods if _demand(method) == _NO_TOKEN
)
"""Methods that ask for no token (option ``cl_auth_type`` of the contract)."""

PERSONAL: Final = frozenset(
    method.name for method in routes.SERVICE.methods if _demand(method) not in (_NO_TOKEN, _ANY_KEY)
)
"""Methods that an app key does not open."""

USER_LEVEL: Final = frozenset(routes.rpcs()) - {
    route.rpc.name for route in routes.routes() if route.names_app
}
"""Methods about a user, not about one app: no path of theirs names one."""

ACROSS_APPS: Final = frozenset({"ListEvaluations", "ListModels", "ListWorkflows"})
"""Methods that a personal token may also call for a user alone."""

_HEADER: Final = re.compile(r"Key ([!-~]+)")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What counts as a token here. With neither a token nor app keys, any printable one is ``user``."""

    user: str
    pat: str | None
    app_keys: Mapping[str, str]

    def caller(
        self,
        authorization: str | None,
        made: Callable[[str], Caller | None],
        malformed_http: int = 401,
    ) -> Caller:
        """Who shows this ``Authorization`` header.

        ``made`` knows the keys that were made by requests; ``malformed_http`` goes with a header that
        is none.
        """
        match = _HEADER.fullmatch(authorization or "")
        if match is None:
            raise status.PlatformError(
                status.INVALID_REQUEST,
                "Empty or malformed authorization header. Please provide an API key or session "
                "token: 'Authorization: Key YOUR_TOKEN'.",
                http=malformed_http,
            )
        token = match.group(1)
        if self.pat is not None and _same(token, self.pat):
            return Caller(self.user)
        for key, app in self.app_keys.items():
            if _same(token, key):
                return Caller(self.user, app)
        known = made(token) if keys.may_be_made_here(token) else None
        if known is not None:
            return known
        if self.pat is None and not self.app_keys:
            return Caller(self.user)
        # Recorded: what looks like a key and is none is not found, anything else is no key.
        if keys.may_be_made_here(token):
            raise status.PlatformError(
                status.KEY_NOT_FOUND, "invalid key: this sandbox does not know it"
            )
        raise status.PlatformError(status.KEY_INVALID, "this sandbox does not know that key")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def scope_for(rpc: str, named: Any, caller: Caller) -> Scope:
    """The app (or user alone) that a request is about; raises if the token does not reach it."""
    if rpc in PERSONAL and not caller.personal:
        raise status.PlatformError(
            status.INSUFFICIENT_SCOPES,
            f"{rpc} needs a personal access token; an app key does not open it",
        )
    lacking = keys.lacking(rpc, caller.grants) if caller.grants is not None else ()
    if lacking:
        raise status.PlatformError(
            status.INSUFFICIENT_SCOPES,
            f"{rpc} needs scopes that the key lacks: {', '.join(lacking)}",
        )
    if not caller.personal:
        return _scope_of_key(named, caller)
    user = caller.user if named.user_id in ("", "me") else named.user_id
    scope = Scope(user, named.app_id)
    if rpc in USER_LEVEL:
        scope = Scope(user, "")
    elif not scope.app and not (rpc in ACROSS_APPS and named.user_id):
        raise status.PlatformError(
            status.KEY_INVALID,
            "Must provide app external ID in API authorizer: with a personal access token, name "
            "user and app in the path",
        )
    if user not in (caller.user, PUBLIC.user):
        raise status.missing("user_id", user)
    return scope


def _scope_of_key(named: Any, caller: Caller) -> Scope:
    if named.user_id not in ("", "me", caller.user) or named.app_id not in ("", caller.app):
        raise status.PlatformError(
            status.KEY_INVALID,
            f"this key is for the app '{caller.app}' of user '{caller.user}' alone",
        )
    return Scope(caller.user, caller.app)
