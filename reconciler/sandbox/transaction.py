"""What can be done within one transaction: objects, media, artifacts, embeddings, jobs, counters."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from google.protobuf.message import Message

from reconciler.sandbox.paging import OpenPages

_AT_ONCE: Final = 10_000
_COLUMNS: Final = "seq, kind, user, app, parent, id, created, modified, status, k1, k2, flag, body"


class Scope(NamedTuple):
    """Whose app: real user id and app id."""

    user: str
    app: str


class Key(NamedTuple):
    """The identity of an object; ``parent`` is the model, workflow or input it belongs to."""

    kind: str
    user: str
    app: str
    parent: str
    id: str


class Row(NamedTuple):
    """An object as stored; ``k1``, ``k2`` and ``flag`` mean what its kind says."""

    seq: int
    kind: str
    user: str
    app: str
    parent: str
    id: str
    created: int
    modified: int
    status: int
    k1: str
    k2: str
    flag: int
    body: bytes

    @property
    def key(self) -> Key:
        """The identity of the object."""
        return Key(self.kind, self.user, self.app, self.parent, self.id)


class Job(NamedTuple):
    """Work to do in the background; ``binding`` is what was settled when it started."""

    seq: int
    kind: str
    user: str
    app: str
    parent: str
    id: str
    due: int
    running: int
    binding: bytes

    @property
    def scope(self) -> Scope:
        """The app that the work is for."""
        return Scope(self.user, self.app)


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition of a list: a column, and the values that it may have.

    ``other`` is a second condition that does as well.
    """

    column: str
    values: Sequence[object]
    other: Filter | None = None

    def sql(self) -> str:
        """The condition with placeholders."""
        own = f"{self.column} IN ({','.join('?' * len(self.values))})" if self.values else "0"
        return f"({own} OR {self.other.sql()})" if self.other else own

    def arguments(self) -> tuple[object, ...]:
        """What the placeholders stand for."""
        return (*self.values, *(self.other.arguments() if self.other else ()))


@dataclass(frozen=True, slots=True)
class Beyond:
    """A condition of a list that is gone on with: what stands behind ``value``, or before it."""

    column: str
    value: object
    backwards: bool = False

    def sql(self) -> str:
        """The condition with its placeholder."""
        return f"{self.column}{'<' if self.backwards else '>'}?"

    def arguments(self) -> tuple[object, ...]:
        """What the placeholder stands for."""
        return (self.value,)


Condition: TypeAlias = Filter | Beyond

ORDERS: Final = {
    "created": "seq",
    "-created": "seq DESC",
    "modified": "modified, seq",
    "-modified": "modified DESC, seq DESC",
    "id": "id",
    "-id": "id DESC",
}
"""How lists may be sorted; by creation means in the order of the commits."""

_BEHIND: Final = {
    "created": "seq > ?",
    "-created": "seq < ?",
    "modified": "(modified, seq) > (?, ?)",
    "-modified": "(modified, seq) < (?, ?)",
}
"""What comes after a row in a list, for the orders in which no two rows are equal."""


class Tx:
    """A transaction. Objects go in and come out as rows; the caller knows the message types."""

    def __init__(
        self, connection: sqlite3.Connection, *, writing: bool, pages: OpenPages | None = None
    ) -> None:
        self._db = connection
        self._pages = pages
        self.writing = writing
        self.new_jobs = False
        self.job_delay = 0
        """How much later than asked for new jobs are due, in microseconds."""

    def get(self, key: Key) -> Row | None:
        """The object of this identity."""
        found = self._db.execute(
            f"SELECT {_COLUMNS} FROM objects WHERE kind=? AND user=? AND app=? AND parent=? "
            "AND id=?",
            key,
        ).fetchone()
        return Row._make(found) if found else None

    def insert(
        self,
        key: Key,
        body: Message,
        *,
        at: int,
        status: int = 0,
        k1: str = "",
        k2: str = "",
        flag: int = 0,
    ) -> bool:
        """Add an object; False if one of this identity is there already."""
        done = self._db.execute(
            "INSERT OR IGNORE INTO objects (kind,user,app,parent,id,created,modified,status,k1,k2,"
            "flag,body) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            (*key, at, at, status, k1, k2, flag, body.SerializeToString()),
        )
        return done.rowcount == 1

    def update(self, row: Row, body: Message, *, at: int | None = None, **columns: Any) -> None:
        """Replace an object; ``at`` moves its modification time, ``columns`` sets others."""
        values: dict[str, Any] = {"body": body.SerializeToString(), **columns}
        if at is not None:
            values["modified"] = at
        self._db.execute(
            f"UPDATE objects SET {','.join(f'{name}=?' for name in values)} WHERE seq=?",
            (*values.values(), row.seq),
        )

    def delete(self, row: Row) -> None:
        """Remove an object."""
        self._db.execute("DELETE FROM objects WHERE seq=?", (row.seq,))

    def delete_all(self, scope: Scope, *filters: Filter) -> int:
        """Remove all objects of an app that pass the filters; how many there were."""
        where, values = _where(None, scope, filters)
        return self._db.execute(f"DELETE FROM objects WHERE {where}", values).rowcount

    def select(
        self,
        kind: str | None,
        scope: Scope,
        *filters: Condition,
        order: str = "created",
        offset: int = 0,
        limit: int = -1,
    ) -> list[Row]:
        """Objects of one kind in one app; without a kind, of those that a filter names."""
        where, values = _where(kind, scope, filters)
        which = (where, values, order)
        pages = self._pages if order in _BEHIND else None
        mark = pages.find(which, offset) if pages else None
        if mark is not None:
            where = f"{where} AND {_BEHIND[order]}"
            values = (*values, *mark.position)
        found = self._db.execute(
            f"SELECT {_COLUMNS} FROM objects WHERE {where} ORDER BY {ORDERS[order]} "
            "LIMIT ? OFFSET ?",
            (*values, limit, offset - mark.rows if mark else offset),
        )
        rows = list(map(Row._make, found))
        if pages and rows and len(rows) == limit:
            before = 1 if order.startswith("-") else -1
            pages.keep(which, offset, _position(rows[0], order, before))
            pages.keep(which, offset + limit, _position(rows[-1], order))
        return rows

    def newest_children(
        self, kind: str, scope: Scope, parents: Sequence[str], *filters: Filter
    ) -> dict[str, Row]:
        """The newest child of each parent, among those that pass the filters."""
        newest: dict[str, Row] = {}
        # SQLite takes some tens of thousands of values in one statement.
        for start in range(0, len(parents), _AT_ONCE):
            some = Filter("parent", tuple(parents[start : start + _AT_ONCE]))
            where, values = _where(kind, scope, (some, *filters))
            found = self._db.execute(
                f"SELECT {_COLUMNS} FROM objects WHERE seq IN "
                f"(SELECT MAX(seq) FROM objects WHERE {where} GROUP BY parent)",
                values,
            )
            newest.update((row.parent, row) for row in map(Row._make, found))
        return newest

    def count(self, kind: str, scope: Scope, *filters: Filter) -> int:
        """How many objects pass."""
        where, values = _where(kind, scope, filters)
        found = self._db.execute(f"SELECT COUNT(*) FROM objects WHERE {where}", values).fetchone()
        return int(found[0])

    def count_by_status(self, kind: str, scope: Scope) -> dict[int, int]:
        """How many objects have each status."""
        return dict(
            self._db.execute(
                "SELECT status, COUNT(*) FROM objects WHERE kind=? AND user=? AND app=? "
                "GROUP BY status",
                (kind, *scope),
            ).fetchall()
        )

    def apps_of(self, user: str) -> list[str]:
        """The ids of a user's apps."""
        return [
            row[0]
            for row in self._db.execute(
                "SELECT id FROM objects WHERE kind='app' AND user=? ORDER BY seq", (user,)
            )
        ]

    # --- media, artifacts, embeddings -----------------------------------------------------------

    def put_media(self, sha256: str, content: bytes) -> None:
        """Keep the bytes of an input; the same bytes are kept once."""
        self._db.execute("INSERT OR IGNORE INTO media VALUES (?,?)", (sha256, content))

    def media(self, sha256: str) -> bytes | None:
        """The bytes of this digest."""
        return self._blob("SELECT bytes FROM media WHERE sha256=?", sha256)

    def put_artifact(self, version_id: str, content: bytes) -> None:
        """Keep what training made."""
        self._db.execute("INSERT OR REPLACE INTO artifacts VALUES (?,?)", (version_id, content))

    def artifact(self, version_id: str) -> bytes | None:
        """What training made for this model version."""
        return self._blob("SELECT bytes FROM artifacts WHERE version_id=?", version_id)

    def put_embedding(self, sha256: str, version_id: str, vector: bytes) -> None:
        """Keep a feature vector (float32, little endian) of some media by some embedder."""
        self._db.execute(
            "INSERT OR IGNORE INTO embeddings VALUES (?,?,?)", (sha256, version_id, vector)
        )

    def embedding(self, sha256: str, version_id: str) -> bytes | None:
        """A kept feature vector."""
        return self._blob(
            "SELECT vector FROM embeddings WHERE sha256=? AND version_id=?", sha256, version_id
        )

    def _blob(self, sql: str, *values: str) -> bytes | None:
        found = self._db.execute(sql, values).fetchone()
        return bytes(found[0]) if found else None

    # --- jobs -----------------------------------------------------------------------------------

    def add_job(
        self, kind: str, scope: Scope, parent: str, id_: str, *, due: int, binding: str = ""
    ) -> None:
        """Queue background work; ``due`` in microseconds, not started before."""
        self._db.execute(
            "INSERT INTO jobs (kind,user,app,parent,id,due,running,binding) "
            "VALUES (?,?,?,?,?,?,0,?)",
            (kind, *scope, parent, id_, due + self.job_delay, binding.encode()),
        )
        self.new_jobs = True

    def due_jobs(self, kinds: Sequence[str], now: int, limit: int) -> list[Job]:
        """The oldest jobs of these kinds that nobody works on."""
        found = self._db.execute(
            f"SELECT * FROM jobs WHERE running=0 AND due<=? AND kind IN "
            f"({','.join('?' * len(kinds))}) ORDER BY seq LIMIT ?",
            (now, *kinds, limit),
        )
        return list(map(Job._make, found))

    def start_job(self, job: Job, binding: bytes) -> None:
        """Mark a job as being worked on, and what it is bound to."""
        self._db.execute("UPDATE jobs SET running=1, binding=? WHERE seq=?", (binding, job.seq))

    def end_job(self, job: Job) -> bool:
        """Remove a job; False if it is gone already."""
        return self._db.execute("DELETE FROM jobs WHERE seq=?", (job.seq,)).rowcount == 1

    def drop_jobs(self, scope: Scope, *filters: Filter) -> None:
        """Remove the jobs of an app that pass the filters."""
        where, values = _where(None, scope, filters)
        self._db.execute(f"DELETE FROM jobs WHERE {where}", values)

    def requeue_jobs(self) -> int:
        """Take up again what a server that died was working on; how many."""
        return self._db.execute("UPDATE jobs SET running=0 WHERE running=1").rowcount

    def count_jobs(self, scope: Scope | None = None, *filters: Filter) -> int:
        """How many jobs are not done, in an app or everywhere."""
        where, values = _where(None, scope, filters) if scope else ("1", ())
        found = self._db.execute(f"SELECT COUNT(*) FROM jobs WHERE {where}", values).fetchone()
        return int(found[0])

    def next_due(self) -> int | None:
        """When the next waiting job is due."""
        found = self._db.execute("SELECT MIN(due) FROM jobs WHERE running=0").fetchone()
        return None if found[0] is None else int(found[0])

    # --- counters and renames -------------------------------------------------------------------

    def bump(self, scope: Scope, name: str, by: int = 1) -> None:
        """Add to a counter of an app."""
        self._db.execute(
            "INSERT INTO counters VALUES (?,?,?,?) "
            "ON CONFLICT (user,app,name) DO UPDATE SET value=value+excluded.value",
            (*scope, name, by),
        )

    def counter(self, scope: Scope, name: str) -> int:
        """A counter of an app; 0 if it was never used."""
        found = self._db.execute(
            "SELECT value FROM counters WHERE user=? AND app=? AND name=?", (*scope, name)
        ).fetchone()
        return int(found[0]) if found else 0

    def reset_counter(self, scope: Scope, name: str) -> None:
        """Set a counter back to 0."""
        self._db.execute("DELETE FROM counters WHERE user=? AND app=? AND name=?", (*scope, name))

    def rename_parent(self, kind: str, scope: Scope, old: str, new: str) -> None:
        """Give the children of a renamed object their new parent."""
        for table in ("objects", "jobs"):
            column = "kind=? AND " if table == "objects" else ""
            values = (kind,) if table == "objects" else ()
            self._db.execute(
                f"UPDATE {table} SET parent=? WHERE {column}user=? AND app=? AND parent=?",
                (new, *values, *scope, old),
            )

    def rename_app(self, scope: Scope, new: str) -> None:
        """Move everything of an app to its new id."""
        for table in ("objects", "jobs", "counters"):
            self._db.execute(f"UPDATE {table} SET app=? WHERE user=? AND app=?", (new, *scope))


def _position(row: Row, order: str, beside: int = 0) -> tuple[int, ...]:
    """Where a row stands in a list, or ``beside`` it, where no other row can stand."""
    seq = row.seq + beside
    return (row.modified, seq) if "modified" in order else (seq,)


def _where(
    kind: str | None, scope: Scope, filters: Sequence[Condition]
) -> tuple[str, tuple[object, ...]]:
    parts = ["user=?", "app=?", *(item.sql() for item in filters)]
    values: list[object] = [*scope, *(value for item in filters for value in item.arguments())]
    if kind is not None:
        parts.insert(0, "kind=?")
        values.insert(0, kind)
    return " AND ".join(parts), tuple(values)
