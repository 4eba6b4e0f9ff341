"""The two databases in which accounts, grants and the audit may stand, so that a test runs on both.

`do` is somebody who has the database and not the signing key: the file, or the rights of its owner.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import psycopg

from hubtwin.stores.access_rows import AccessRows
from hubtwin.stores.audit import ACCESS_FILE, open_access
from hubtwin.stores.dialect import as_asked
from hubtwin.stores.postgres import PostgresDatabase
from tests.cluster import SCHEMA, Cluster


class Engine(Protocol):
    """Makes the database of a store directory, and opens it again for who asks again."""

    name: str

    def open(self, directory: Path, at_min: int) -> AccessRows:
        """Return the rows of a directory; the same ones for the same directory."""

    def do(self, directory: Path, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Run a statement as somebody who has the database; return its rows."""

    def content(self, directory: Path) -> bytes:
        """Return all that is stored, as it lies on the disk or as text."""


class EmbeddedEngine:
    """SQLite."""

    name = "sqlite"

    def open(self, directory: Path, at_min: int) -> AccessRows:
        return open_access(directory, at_min)

    def do(self, directory: Path, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        with sqlite3.connect(directory / ACCESS_FILE) as con:
            found = con.execute(sql, values).fetchall()
        con.close()
        return found

    def content(self, directory: Path) -> bytes:
        return (directory / ACCESS_FILE).read_bytes()


class PostgresEngine:
    """PostgreSQL, a database of its own for each directory."""

    name = "postgresql"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._made: dict[Path, str] = {}

    def open(self, directory: Path, at_min: int) -> AccessRows:
        directory.mkdir(parents=True, exist_ok=True)
        if directory not in self._made:
            self._made[directory] = self._cluster.make()
        database = PostgresDatabase(self._cluster.address(self._made[directory]), SCHEMA)
        database.prove()
        return database

    def do(self, directory: Path, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        with psycopg.connect(self._cluster.owner(self._made[directory])) as con:
            con.execute(f"SET search_path = {SCHEMA}".encode())
            done = con.execute(as_asked(sql).encode(), values)
            return done.fetchall() if done.description else []

    def end(self) -> None:
        """Let another test have the databases."""
        for name in self._made.values():
            self._cluster.give_back(name)

    def content(self, directory: Path) -> bytes:
        tables = self.do(directory, "SELECT tablename FROM pg_tables WHERE schemaname = ?", (SCHEMA,))
        rows = (self.do(directory, f"SELECT t::text FROM {name} t") for (name,) in tables)
        return "\n".join(str(row) for found in rows for row in found).encode()
