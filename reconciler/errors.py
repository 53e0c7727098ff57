"""Every exception that a user may meet, in one tree.

    ReconcilerError
    ├── ManifestError            the manifest cannot be used (carries diagnostics)
    ├── SettingsError            an option, variable or environment setting is unusable
    ├── PlanError
    │   ├── CycleError           references go round in a circle
    │   ├── RefusedError         the live app does not allow what the manifest asks for
    │   ├── StalePlanError       the live app or the manifest moved since the plan was made
    │   └── PlanFileError        a plan file cannot be read
    ├── ApiError                 a request that did not succeed (carries method, path, code, request id)
    │   ├── TransportError       no answer: unreachable, reset, timed out
    │   ├── ProtocolError        an answer that is not the platform's JSON
    │   ├── AuthenticationError  401, 11008, 11009
    │   ├── PermissionDeniedError 403
    │   ├── NotFoundError        404, 11101, 21200, 22102, 30102
    │   ├── DuplicateError       an object of that id exists
    │   ├── ThrottledError       429, 11005
    │   └── MixedError           10010, 10020: some or all items of a bulk write failed
    ├── LeaseError               another run holds the app, or took it over
    ├── DataError                an input file cannot be sent
    └── SandboxError             the embedded platform cannot start

Bugs raise outside this tree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any


class ReconcilerError(Exception):
    """The root: ``message`` says what was wrong, ``hint`` what to do next."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class ManifestError(ReconcilerError):
    """The manifest cannot be used.

    ``diagnostics`` hold each problem with its place, ``sources`` the text of each file by its name.
    """

    def __init__(
        self, diagnostics: Sequence[Any], sources: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        count = len(diagnostics)
        super().__init__(f"the manifest has {count} problem{'s' if count != 1 else ''}")
        self.diagnostics = tuple(diagnostics)
        self.sources = sources


class SettingsError(ReconcilerError):
    """An option, variable or environment setting is unusable."""


class PlanError(ReconcilerError):
    """No plan can be made or used."""


class CycleError(PlanError):
    """References go round in a circle; ``members`` names them in a stable order."""

    def __init__(self, members: Sequence[str]) -> None:
        super().__init__("cycle: " + " -> ".join((*members, members[0])))
        self.members = tuple(members)


class RefusedError(PlanError):
    """The live app does not allow what the manifest asks for; ``refusals`` lists each."""

    def __init__(self, refusals: Sequence[str]) -> None:
        super().__init__("refused:\n" + "\n".join(f"  - {refusal}" for refusal in refusals))
        self.refusals = tuple(refusals)


class StalePlanError(PlanError):
    """The live app or the manifest moved since the plan was made; ``moved`` names what."""

    def __init__(self, moved: Sequence[str]) -> None:
        super().__init__(
            "stale plan:\n" + "\n".join(f"  - {line}" for line in moved),
            hint="make a new plan and review it",
        )
        self.moved = tuple(moved)


class PlanFileError(PlanError):
    """A plan file cannot be read: not JSON, not of the schema, or of a newer format."""


class ApiError(ReconcilerError):
    """A request that did not succeed.

    ``method`` and ``path`` are the request's, ``http_status`` is 0 without an answer, ``code`` is
    the service's status code (0 if none), ``request_id`` the service's own. ``unclear`` is True for
    a write that the service may have carried out all the same: read back before sending it again.
    """

    def __init__(
        self,
        message: str,
        *,
        method: str,
        path: str,
        http_status: int = 0,
        code: int = 0,
        request_id: str = "",
        hint: str = "",
        unclear: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.method = method
        self.path = path
        self.http_status = http_status
        self.code = code
        self.request_id = request_id
        self.unclear = unclear

    def __str__(self) -> str:
        facts = [f"HTTP {self.http_status}"] if self.http_status else []
        facts += [f"code {self.code}"] if self.code else []
        facts += [f"request {self.request_id}"] if self.request_id else []
        where = f"{self.method} {self.path}" + (f" ({', '.join(facts)})" if facts else "")
        return f"{where}: {self.message}" + (f"\n  {self.hint}" if self.hint else "")


class TransportError(ApiError):
    """No answer came: unreachable, refused, reset or timed out.

    ``sent`` is False when the request certainly never reached the service.
    """

    sent: bool = True


class ProtocolError(ApiError):
    """An answer that is not the platform's JSON envelope (HTML from a proxy, a cut body)."""


class AuthenticationError(ApiError):
    """The token is missing, malformed or unknown."""


class PermissionDeniedError(ApiError):
    """The token is good but may not do this."""


class NotFoundError(ApiError):
    """The object is absent, or looks absent to this token."""


class DuplicateError(ApiError):
    """An object of that id exists already."""


class ThrottledError(ApiError):
    """Too many requests, and the retries are used up."""


class MixedError(ApiError):
    """A bulk write of which some items (10010) or all (10020) failed.

    ``body`` is the decoded answer; each of its items carries a ``status`` of its own.
    """

    body: Any = None


class LeaseError(ReconcilerError):
    """Another run holds the lease on the app, or took it over."""


class DataError(ReconcilerError):
    """An input file or URL cannot be sent."""


class SandboxError(ReconcilerError):
    """The embedded platform cannot start or be used."""
