"""An advisory lease on an app: who applies says so, and others who ask for one wait.

It stands in the app's ``metadata.reconciler.leases``, put there by a merge that leaves what is there
alone (contract, PatchAction: ``merge`` with ``do_nothing``), and counts only once it was read back.
The API has no compare-and-swap, so it is a courtesy among those who use it, not a lock.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from reconciler.api.protocol import Reader, Writer
from reconciler.call import Call, Json, Target
from reconciler.errors import ApiError, LeaseError, NotFoundError
from reconciler.kind import editable_app
from reconciler.values import MARK_KEY

_NAME: Final = "apply"

_SHOWN_WITHIN: Final = 10.0
"""Seconds after which a lease that was asked for, and that no read shows, is given up."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Whose an app is for now. Times are RFC 3339, UTC."""

    holder: str
    started: str
    expires: str

    def as_json(self) -> dict[str, str]:
        """As it stands in the metadata."""
        return {"holder": self.holder, "started": self.started, "expires": self.expires}

    def expired(self, now: datetime) -> bool:
        """Whether its time is over. What is no time never ends by itself."""
        try:
            return datetime.fromisoformat(self.expires) <= now
        except (ValueError, TypeError):
            return False

    def __str__(self) -> str:
        since = f" since {self.started}" if self.started else ""
        until = f"until {self.expires} at the latest" if self.expires else "for an unknown time"
        return f"{self.holder or 'somebody unnamed'}{since}, {until}"


@dataclass(frozen=True, slots=True)
class Clock:
    """What a wait goes by; tests have one of their own."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def holder_name(user: str, host: str) -> str:
    """A name for this run that people recognise and no other run has."""
    return f"{user}@{host}-{secrets.token_hex(4)}"


def read(reader: Reader, target: Target) -> Lease | None:
    """The lease on an app, whoever holds it. Raises ApiError; NotFoundError for an absent app."""
    return _read(reader.get(Call("GET", target.path))["app"])


def take(
    writer: Writer,
    target: Target,
    holder: str,
    *,
    seconds: float,
    timeout: float,
    clock: Clock | None = None,
    waiting: Callable[[Lease], None] = lambda _: None,
) -> Lease | None:
    """A lease of ``seconds``, at the latest after ``timeout``; None if there is no app yet.

    ``waiting`` is told whom it waits for. Raises ``LeaseError`` if another's does not end in time,
    or if the service does not show ours, ApiError.
    """
    clock = clock or Clock()
    began, pause, told, asked = clock.monotonic(), 0.5, False, False
    deadline = began + timeout
    while True:
        try:
            app = writer.get(Call("GET", target.path))["app"]
        except NotFoundError:
            return None
        found = _read(app)
        if found is not None and found.holder == holder:
            return found
        if found is not None and found.expired(clock.now()):
            writer.send(_patch(target, app, {}, "delete"))
            continue
        if found is None:
            if asked and clock.monotonic() >= max(deadline, began + _SHOWN_WITHIN):
                raise LeaseError(
                    "the service does not show the lease that was asked for",
                    hint="apply without --lock-timeout",
                )
            if asked:
                clock.sleep(pause)
                pause = min(2 * pause, 5.0)
            asked = True
            start = clock.now().replace(microsecond=0)
            wanted = Lease(holder, _text(start), _text(start + timedelta(seconds=seconds)))
            _try(writer, _patch(target, app, wanted.as_json(), "merge"))
            continue
        if clock.monotonic() >= deadline:
            raise LeaseError(
                f"the app is leased to {found}",
                hint="wait for it (--lock-timeout), or, if that run is gone: reconciler unlock PATH",
            )
        if not told:
            waiting(found)
            told = True
        asked = False
        clock.sleep(min(pause, max(0.0, deadline - clock.monotonic())))
        pause = min(2 * pause, 5.0)


def lost(reader: Reader, target: Target, lease: Lease) -> LeaseError | ApiError | None:
    """Why a lease does not hold any more, if it does not."""
    try:
        found = read(reader, target)
    except ApiError as error:
        return error
    if found == lease and not lease.expired(datetime.now(UTC)):
        return None
    now = f"it is leased to {found}" if found and found != lease else "it has run out"
    if found is None:
        now = "somebody ended it"
    return LeaseError(f"the lease on the app is lost: {now}", hint="apply again")


def end(writer: Writer, target: Target, lease: Lease | None = None) -> Lease | None:
    """Ends a lease: this one, or whichever there is. The ended one; None if there was none.

    Raises ApiError.
    """
    try:
        app = writer.get(Call("GET", target.path))["app"]
    except NotFoundError:
        return None
    found = _read(app)
    if found is None or (lease is not None and found != lease):
        return None
    writer.send(_patch(target, app, {}, "delete"))
    return found


def _read(app: Mapping[str, Any]) -> Lease | None:
    mark = (app.get("metadata") or {}).get(MARK_KEY)
    leases = mark.get("leases") if isinstance(mark, Mapping) else None
    found = leases.get(_NAME) if isinstance(leases, Mapping) else None
    if not found:
        return None
    # what is no lease of ours stands in its place all the same, and a merge would leave it there
    held = found if isinstance(found, Mapping) else {}
    return Lease(*(str(held.get(name) or "") for name in ("holder", "started", "expires")))


def _patch(target: Target, app: Json, lease: Mapping[str, str], op: str) -> Call:
    """A PATCH of one key of the metadata; all else is sent back as it is, since overwrite may drop it."""
    kept = editable_app(app)
    kept.pop("metadata", None)  # it has an action of its own
    body: dict[str, Any] = {"apps": [{"id": target.app_id, **kept}], "action": "overwrite"}
    if op == "merge":
        body["apps"][0]["metadata"] = {MARK_KEY: {"leases": {_NAME: dict(lease)}}}
        body["metadata_action"] = {"op": "merge", "merge_conflict_resolution": "do_nothing"}
    else:
        body["metadata_action"] = {"op": "delete", "path": f"{MARK_KEY}.leases.{_NAME}"}
    return Call("PATCH", f"{target.user_path}/apps", body=body)


def _try(writer: Writer, call: Call) -> None:
    """A lost answer is no harm: the lease counts only as it is read back."""
    try:
        writer.send(call)
    except ApiError as error:
        if not error.unclear:
            raise


def _text(time_: datetime) -> str:
    return time_.isoformat().replace("+00:00", "Z")
