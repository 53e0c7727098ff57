"""The list of apps, and an app at a glance: what runs on new inputs, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.sandbox import codec, status
from reconciler.sandbox.context import PUBLIC, load
from reconciler.sandbox.explorer import inputs, links, text, workflows
from reconciler.sandbox.explorer.inputs import Queue
from reconciler.sandbox.explorer.visit import Page, Time, Visit
from reconciler.sandbox.transaction import Filter, Key, Scope, Tx

_STRIP: Final = 12
_KINDS: Final = ("input", "workflow", "model", "concept")


@dataclass(frozen=True, slots=True)
class App:
    """An app as a card: how much of each kind there is, which workflow is the default."""

    id: str
    link: str
    name: str
    description: str
    made: Time
    default: str
    counts: Mapping[str, int]
    queue: Queue
    success: int
    pending: int


def card(tx: Tx, scope: Scope) -> App:
    """The app of this scope, which is there."""
    row = tx.get(Key("app", *scope, "", scope.app))
    assert row is not None
    app = load(row)
    default = workflows.default_of(tx, scope)
    return App(
        id=row.id,
        link=links.within(scope),
        name=app.name if app.name != row.id else "",
        description=app.description,
        made=text.time(row.created),
        default=_called(default[0], scope) if default else "",
        counts={kind: tx.count(kind, scope) for kind in _KINDS},
        queue=inputs.queue(tx, scope),
        success=_written(tx, scope, status.ANNOTATION_SUCCESS),
        pending=_written(tx, scope, status.ANNOTATION_PENDING),
    )


def _called(key: Key, scope: Scope) -> str:
    return key.id if Scope(key.user, key.app) == scope else f"{key.user}/{key.app}/{key.id}"


def _written(tx: Tx, scope: Scope, code: int) -> int:
    """Annotations of a status without those that hold an input's own labels."""
    return tx.count("annotation", scope, Filter("status", (code,)), Filter("flag", (0,)))


def listing(visit: Visit) -> Page:
    """Every app of the sandbox's user."""
    apps = [card(visit.tx, Scope(visit.owner, id_)) for id_ in visit.tx.apps_of(visit.owner)]
    public = links.within(PUBLIC, "models")
    return Page("apps.html", "Apps", {"apps": apps, "public": public})


def overview(visit: Visit) -> Page:
    """One app."""
    tx, scope = visit.tx, visit.scope
    app = load(visit.row("app", "app", scope.app))
    default = workflows.default_of(tx, scope)
    row = tx.get(default[0]) if default else None
    pinned = workflows.version_of(tx, *default) if default else None
    newest = tx.select("input", scope, order="-created", limit=_STRIP)
    data: dict[str, Any] = {
        "app": card(tx, scope),
        "metadata": text.pretty(codec.struct_json(app.metadata)),
        "workflow": workflows.show(tx, scope, row, version=pinned) if row else None,
        "tiles": inputs.tiles(tx, scope, newest),
        "links": {
            "inputs": links.within(scope, "inputs"),
            "pending": links.within(scope, "inputs", status="pending"),
            "success": links.within(scope, "inputs", status="success"),
            "failed": links.within(scope, "inputs", state="failed"),
            "waiting": links.within(scope, "inputs", state="waiting"),
            "none": links.within(scope, "inputs", status="none"),
            "workflow": links.within(scope, "workflows"),
            "model": links.within(scope, "models"),
            "concept": links.within(scope, "concepts"),
            "input": links.within(scope, "inputs"),
        },
    }
    return Page("app.html", scope.app, data, "overview")
