"""A model version as the service answers it: what can be done with it, what its mark recorded."""

from __future__ import annotations

from reconciler.call import Json
from reconciler.resource import Resource, VersionStatus
from reconciler.values import DIGEST_SCHEME, Mark

_TRAINED = frozenset({21100})
_PENDING = frozenset({21101, 21103, 21104, 21107})
UNTRAINED = 21102
"""MODEL_UNTRAINED: it waits for nothing but to be trained."""
UNLABELLED = frozenset({21110, 21111, 21112, 21117})
"""Statuses of a training that lacked labelled inputs."""


def status_of(version: Json) -> VersionStatus:
    """What can be done with it; of a status that is not known, nothing."""
    code = (version.get("status") or {}).get("code")
    if code in _TRAINED:
        return VersionStatus.TRAINED
    return VersionStatus.PENDING if code in _PENDING else VersionStatus.FAILED


def trusted_digest(version: Json) -> str:
    """The recorded digest, if nobody can have changed the version since it was made or trained."""
    mark = Mark.read(version.get("metadata"))
    changed = _micros(version.get("modified_at"))
    made = max(_micros(version.get("created_at")), _micros(version.get("completed_at")))
    if mark is None or not changed or not version.get("created_at") or changed > made:
        return ""
    return mark.digest if mark.digest.startswith(f"{DIGEST_SCHEME}:") else ""


def how_many(live: Resource | None) -> int | None:
    """How many versions a model has; None where the service does not count them."""
    if live is None or not live.versions:
        return 0
    return live.raw.get("version_count") or None


def recorded(version: Json) -> tuple[str, str, str, int | None]:
    """The digest in a version's mark, trusted or not; when it was changed in place; whose it is; its number."""
    mark = Mark.read(version.get("metadata"))
    changed, made = (_micros(version.get(name)) for name in ("modified_at", "created_at"))
    trained = _micros(version.get("completed_at"))
    later = str(version["modified_at"]) if made and changed > max(made, trained) else ""
    digest, count = (mark.digest, mark.number) if mark else ("", None)
    return digest, later, str(version.get("user_id") or ""), count


def _micros(timestamp: object) -> str:
    """An RFC 3339 UTC time that sorts as text: a create answers in nanoseconds, a read in micros."""
    if not isinstance(timestamp, str) or not timestamp:
        return ""
    second, _, fraction = timestamp.rstrip("Z").partition(".")
    return f"{second}.{fraction[:6]:0<6}"
