"""SQLite as hubtwin uses it: WAL, synchronous=FULL, one writer at a time, every change in one transaction."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import RLock

from hubtwin.base.errors import Bug, Malformed, Retry

BUSY_S = 20
_DISK = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}


class Database:
    """One SQLite file. Threads of a process share it under a lock; processes share it by SQLite's own locks."""

    def __init__(self, path: Path, *, private: bool = False, wal: bool = False) -> None:
        """Open or create the file; `private` gives it mode 0600 from its first byte. Raises Retry.

        Whoever erases from a private file with `wal` empties the log afterwards (`empty_log`).
        """
        self.path = path
        self._lock = RLock()
        if private:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        with _said(path):
            self._con = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            if private:  # the old content of deleted keys must not linger in a log or on a free page
                self._con.execute("PRAGMA secure_delete=ON")
            self._con.execute(f"PRAGMA journal_mode={'TRUNCATE' if private and not wal else 'WAL'}")
            self._con.execute("PRAGMA synchronous=FULL")

    @contextmanager
    def transaction(self, *, wait: bool = True) -> Iterator[sqlite3.Connection]:
        """Hold the write lock; commit at the end, roll back on any error. Raises Retry where another holds it."""
        with self._lock, _said(self.path):
            if self._con.in_transaction:
                raise Bug("stores.nested_transaction", path=self.path.name)
            self._con.execute(f"PRAGMA busy_timeout={BUSY_S * 1000 if wait else 0}")
            self._con.execute("BEGIN IMMEDIATE")
            try:
                yield self._con
                self._con.execute("COMMIT")
            finally:
                if self._con.in_transaction:
                    self._con.execute("ROLLBACK")

    def empty_log(self) -> None:
        """Bring what was erased out of the log into the file. Raises Retry where somebody still reads the old."""
        with self._lock, _said(self.path):
            self._con.execute(f"PRAGMA busy_timeout={BUSY_S * 1000}")
            ((busy, *_),) = self._con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if busy:
            raise Retry("stores.busy", path=self.path.name, seconds=BUSY_S)

    def all(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Return all rows of a query. Raises Retry."""
        with self._lock, _said(self.path):
            return self._con.execute(sql, values).fetchall()

    def seen_by(self, *_: str) -> "Database":
        """Return itself: SQLite knows no rows of somebody's, the condition of a query is all that narrows it."""
        return self

    def copy_to(self, target: Path) -> None:
        """Write a consistent copy, while others may go on writing (SQLite's online backup), and fsync it."""
        with self._lock, _said(self.path):
            copy = sqlite3.connect(target)
            try:
                self._con.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")
            finally:
                copy.close()
        fsync(target)

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        with self._lock:
            self._con.close()


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    """Ask a SQLite file without changing it. Raises Malformed for a damaged file."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=20)) as con:
            return con.execute(sql).fetchall()
    except sqlite3.DatabaseError as error:
        raise Malformed("stores.damaged", path=path.name, detail=str(error)) from error


def fsync(path: Path) -> None:
    """Force a file or a directory to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """Turn what SQLite says about locks, the disk and the file into what to do next; anything else is ours."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise Retry("stores.busy", path=path.name, seconds=BUSY_S) from error
        if code in _DISK:
            raise Retry("stores.disk", path=path.name, detail=str(error)) from error
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise Malformed("stores.damaged", path=path.name, detail=str(error)) from error
        raise
