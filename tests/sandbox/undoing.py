"""A store in memory whose changes can be taken back: a fresh platform for each of thousands of examples."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from reconciler.sandbox.store import FILE, Snapshot, Store
from reconciler.sandbox.transaction import Tx


class Undoing(Store):
    """Begins as the state that a sandbox left in ``folder``; holds handlers to the rules of a store."""

    def __init__(self, folder: Path) -> None:
        self.db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        with closing(sqlite3.connect(folder / FILE)) as disk:
            disk.backup(self.db)
        self._lock = threading.RLock()
        self._is_writing = False

    @contextmanager
    def write(self) -> Iterator[Tx]:
        with self._lock:
            assert not self._is_writing, "a writing transaction within another one never ends"
            self._is_writing = True
            self.db.execute("SAVEPOINT written")
            try:
                yield Tx(self.db, writing=True)
            except BaseException:
                self.db.execute("ROLLBACK TO written")
                raise
            finally:
                self.db.execute("RELEASE written")
                self._is_writing = False

    @contextmanager
    def read(self) -> Iterator[Tx]:
        with self._lock:
            before = self.db.total_changes
            yield Tx(self.db, writing=False)
            assert self.db.total_changes == before, "a reading transaction wrote"

    def snapshot(self) -> Snapshot:
        raise NotImplementedError

    def close(self) -> None:
        self.db.close()

    @contextmanager
    def undone(self) -> Iterator[None]:
        """All that happens within is taken back."""
        with self._lock:
            self.db.execute("SAVEPOINT example")
        try:
            yield
        finally:
            with self._lock:
                self.db.execute("ROLLBACK TO example")
                self.db.execute("RELEASE example")

    def digest(self) -> tuple[object, ...]:
        """What changes when anything does."""
        objects = "COUNT(*), MAX(seq), SUM(modified), SUM(status), SUM(LENGTH(body)) FROM objects"
        with self._lock:
            jobs = self.db.execute("SELECT COUNT(*), MAX(seq) FROM jobs").fetchone()
            return (*self.db.execute(f"SELECT {objects}").fetchone(), *jobs)
