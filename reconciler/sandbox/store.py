"""Where the state is kept: SQLite in a folder or in a private temporary one.

One table of objects holds protobuf messages as blobs beside the columns that lists need; media,
artifacts, embeddings and background jobs have tables of their own. Every RPC that writes is one
``BEGIN IMMEDIATE`` transaction, so no update is lost; with a folder each commit is on disk before
the answer goes out (WAL, synchronous=FULL). Tokens are never stored.

A folder has one user at a time: a second, tiny database in it is locked for as long as it is used. The
operating system lets go of that lock however the process ends, on every system that SQLite runs on.
"""

from __future__ import annotations

import queue
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from reconciler.errors import SandboxError
from reconciler.sandbox.paging import Pages
from reconciler.sandbox.transaction import Tx

FILE: Final = "sandbox.db"
LOCK: Final = "sandbox.lock"
_TEMPORARY: Final = "clarifai-sandbox-"
FORMAT: Final = 1

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS objects (
  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, user TEXT NOT NULL, app TEXT NOT NULL,
  parent TEXT NOT NULL, id TEXT NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL,
  status INTEGER NOT NULL, k1 TEXT NOT NULL, k2 TEXT NOT NULL, flag INTEGER NOT NULL,
  body BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS by_key ON objects (kind, user, app, parent, id);
CREATE INDEX IF NOT EXISTS by_seq ON objects (kind, user, app, seq);
CREATE INDEX IF NOT EXISTS by_parent ON objects (kind, user, app, parent, seq);
CREATE INDEX IF NOT EXISTS by_modified ON objects (kind, user, app, modified);
CREATE INDEX IF NOT EXISTS by_status ON objects (kind, user, app, status);
CREATE INDEX IF NOT EXISTS by_k1 ON objects (kind, user, app, k1) WHERE k1 <> '';
CREATE INDEX IF NOT EXISTS by_k2 ON objects (kind, user, app, k2) WHERE k2 <> '';
CREATE TABLE IF NOT EXISTS media (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS artifacts (version_id TEXT PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS embeddings (
  sha256 TEXT NOT NULL, version_id TEXT NOT NULL, vector BLOB NOT NULL,
  PRIMARY KEY (sha256, version_id));
CREATE TABLE IF NOT EXISTS jobs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, user TEXT NOT NULL, app TEXT NOT NULL,
  parent TEXT NOT NULL, id TEXT NOT NULL, due INTEGER NOT NULL, running INTEGER NOT NULL,
  binding BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (kind, running, due, seq);
CREATE TABLE IF NOT EXISTS counters (
  user TEXT NOT NULL, app TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL,
  PRIMARY KEY (user, app, name));
"""


class Store:
    """The database: many readers, one writer at a time."""

    def __init__(self, folder: Path | None, *, lock_timeout: float = 3.0) -> None:
        self._temporary = folder is None
        self._folder, self._held = (
            (folder, _lock_folder(folder, lock_timeout)) if folder else _make_temporary()
        )
        self._readers: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._writing = threading.Lock()
        self._pages = Pages()
        self._closed = False
        try:
            self._writer = self._connect()
            _prepare(self._writer, self._folder)
        except (sqlite3.Error, SandboxError) as error:
            self._unlock()
            if isinstance(error, SandboxError):
                raise
            raise SandboxError(
                f"{self._folder / FILE} cannot be used as sandbox data: {error}",
                hint="name another folder with --data, or remove that file to start afresh",
            ) from error

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._folder / FILE, isolation_level=None, check_same_thread=False, timeout=30.0
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'OFF' if self._temporary else 'FULL'}")
        connection.execute("PRAGMA cache_size=-16000")
        return connection

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """A writing transaction: committed at the end, rolled back on any exception."""
        with self._writing:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield Tx(self._writer, writing=True)
                with self._pages.committing():
                    self._writer.execute("COMMIT")
            except BaseException:
                # SQLite may have rolled back by itself (a full disk).
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A reading transaction over one consistent state."""
        with self._reader() as connection:
            pages = self._pages.open()
            connection.execute("BEGIN")
            try:
                yield Tx(connection, writing=False, pages=pages)
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._readers.get_nowait()
        except queue.Empty:
            connection = self._connect()
        try:
            yield connection
        finally:
            if self._closed:
                connection.close()
            else:
                self._readers.put(connection)

    def snapshot(self) -> Snapshot:
        """The state as it is now, for answers that are stale on purpose."""
        connection = self._connect()
        connection.execute("BEGIN")
        connection.execute("SELECT COUNT(*) FROM counters").fetchone()
        return Snapshot(connection, self.read)

    def close(self) -> None:
        """Close everything; a temporary folder goes away."""
        with self._writing:
            if self._closed:
                return
            self._closed = True
            while not self._readers.empty():
                self._readers.get_nowait().close()
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._writer.close()
        self._unlock()

    def _unlock(self) -> None:
        self._held.close()
        if self._temporary:
            shutil.rmtree(self._folder, ignore_errors=True)


class Snapshot:
    """A state that no later write touches; ``now`` reads the present one."""

    def __init__(
        self, connection: sqlite3.Connection, now: Callable[[], AbstractContextManager[Tx]]
    ) -> None:
        self._connection = connection
        self._now = now
        self._closed = False
        self._lock = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A reading transaction over the old state; over the present one if that is gone meanwhile."""
        with self._lock:
            if not self._closed:
                yield Tx(self._connection, writing=False)
                return
        with self._now() as tx:
            yield tx

    def close(self) -> None:
        """Let the old state go."""
        with self._lock:
            self._closed = True
            self._connection.close()


def _prepare(connection: sqlite3.Connection, folder: Path) -> None:
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if found not in (0, FORMAT):
        raise SandboxError(
            f"{folder / FILE} has format {found}, this version knows {FORMAT}",
            hint="use the version that wrote it, or name another folder with --data",
        )
    connection.executescript(_SCHEMA)
    connection.execute(f"PRAGMA user_version={FORMAT}")


def _lock_folder(folder: Path, timeout: float) -> sqlite3.Connection:
    """Hold the folder, made if absent, until the connection is closed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error.strerror or str(error)) from error
    held = _try_lock(folder, timeout)
    if held is None:
        raise SandboxError(
            f"another sandbox uses the data folder {folder}",
            hint="wait until it has ended, or stop it; sandbox serve can use another one with --data",
        )
    return held


def _try_lock(folder: Path, timeout: float) -> sqlite3.Connection | None:
    """The lock of a folder; None if somebody has it for longer than ``timeout`` seconds."""
    try:
        connection = sqlite3.connect(
            folder / LOCK, isolation_level=None, check_same_thread=False, timeout=timeout
        )
    except sqlite3.Error as error:
        raise _unusable(folder, str(error)) from error
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            return None
        raise _unusable(folder, str(error)) from error
    return connection


def _unusable(folder: Path, problem: str) -> SandboxError:
    return SandboxError(
        f"the data folder {folder} cannot be used: {problem}",
        hint="name a folder that can be written with --data",
    )


def _make_temporary() -> tuple[Path, sqlite3.Connection]:
    """A private folder. One that holds a database is locked: that comes after the lock."""
    folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
    held = _lock_folder(folder, 0)
    for other in folder.parent.glob(f"{_TEMPORARY}*"):
        _clear_away(other, owner=folder.lstat().st_uid)
    return folder, held


def _clear_away(folder: Path, *, owner: int) -> None:
    """Remove the private folder of a sandbox that was killed; leave alone what somebody holds."""
    try:
        mine = folder.lstat().st_uid == owner and not folder.is_symlink()
        left = mine and all((folder / name).is_file() for name in (FILE, LOCK))
        held = _try_lock(folder, 0) if left else None
        if held is not None:
            # First, so that nobody else takes it for one to be cleared away.
            (folder / FILE).unlink()
            held.close()
            shutil.rmtree(folder, ignore_errors=True)
    except (OSError, SandboxError):
        # Somebody else was faster, or may do what we may not.
        return
