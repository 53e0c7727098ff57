"""Where the state is kept: SQLite in a folder or in a private temporary one.

One table of objects holds protobuf messages as blobs beside the columns that lists need; media,
artifacts, embeddings and background jobs have tables of their own. Every RPC that writes is one
``BEGIN IMMEDIATE`` transaction, so no update is lost; with a folder each commit is on disk before
the answer goes out (WAL, synchronous=FULL). Tokens are never stored.
"""

from __future__ import annotations

import fcntl
import os
import queue
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from reconciler.errors import SandboxError
from reconciler.sandbox.transaction import Tx

FILE: Final = "sandbox.db"
LOCK: Final = "sandbox.lock"
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
        self._folder = folder or Path(tempfile.mkdtemp(prefix="clarifai-sandbox-"))
        self._lock_file = _lock_folder(self._folder, lock_timeout) if folder else None
        self._readers: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._writing = threading.Lock()
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
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A reading transaction over one consistent state."""
        with self._reader() as connection:
            connection.execute("BEGIN")
            try:
                yield Tx(connection, writing=False)
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
        return Snapshot(connection)

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
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None
        if self._temporary:
            shutil.rmtree(self._folder, ignore_errors=True)


class Snapshot:
    """A state that no later write touches."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A reading transaction over the old state."""
        with self._lock:
            yield Tx(self._connection, writing=False)

    def close(self) -> None:
        """Let the old state go."""
        with self._lock:
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


def _lock_folder(folder: Path, timeout: float) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SandboxError(
            f"the data folder {folder} cannot be used: {error.strerror}",
            hint="name a folder that can be written with --data",
        ) from error
    deadline = time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except OSError:
            if time.monotonic() >= deadline:
                os.close(handle)
                raise SandboxError(
                    f"another sandbox uses the data folder {folder}",
                    hint="wait until it has ended, or stop it; sandbox serve can use another one with --data",
                ) from None
            time.sleep(0.05)
