"""Tokens: whose they are, and which methods they open (fact sheet, section 1)."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.sandbox import status
from reconciler.sandbox.context import PUBLIC, Caller
from reconciler.sandbox.transaction import Scope

OPEN: Final = frozenset({"ListStatusCodes", "GetStatusCode"})
"""Methods that ask for no token."""

PERSONAL: Final = frozenset(
    {
        "GetUser",
        "ListApps",
        "PostApps",
        "PatchApps",
        "PatchApp",
        "PatchAppsDetails",
        "PatchAppsIds",
        "PostAppsSearches",
        "DeleteApp",
        "ListConceptRelations",
        "PostConceptRelations",
        "DeleteConceptRelations",
    }
)
"""Methods that an app key does not open."""

USER_LEVEL: Final = frozenset(
    {"GetUser", "ListApps", "PostApps", "PatchApps", "PatchAppsIds", "PostAppsSearches"}
)
"""Methods about a user, not about one app."""

ACROSS_APPS: Final = frozenset({"ListEvaluations", "ListModels", "ListWorkflows"})
"""Methods that a personal token may also call for a user alone."""

_HEADER: Final = re.compile(r"Key ([!-~]+)")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What counts as a token here. With neither a token nor app keys, any printable one is ``user``."""

    user: str
    pat: str | None
    app_keys: Mapping[str, str]

    def caller(self, authorization: str | None, malformed_http: int = 401) -> Caller:
        """Who shows this ``Authorization`` header; ``malformed_http`` goes with one that is none."""
        match = _HEADER.fullmatch(authorization or "")
        if match is None:
            raise status.PlatformError(
                status.INVALID_REQUEST,
                "Empty or malformed authorization header. Please provide an API key or session "
                "token: 'Authorization: Key YOUR_TOKEN'.",
                http=malformed_http,
            )
        token = match.group(1)
        if self.pat is None and not self.app_keys:
            return Caller(self.user)
        if self.pat is not None and _same(token, self.pat):
            return Caller(self.user)
        for key, app in self.app_keys.items():
            if _same(token, key):
                return Caller(self.user, app)
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
