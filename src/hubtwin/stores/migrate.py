"""Bringing a SQLite file to the shape this version knows: numbered SQL files, each applied once.

A migration and the record that it was applied are one transaction, so a crash leaves the old shape or the new one.
"""

import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from hubtwin.base.errors import Denied
from hubtwin.stores.sqlite import Database

_FOLDER = Path(__file__).parent / "migrations"
_RECORD = (
    "CREATE TABLE IF NOT EXISTS migrations"
    " (number INTEGER PRIMARY KEY, name TEXT NOT NULL, at_min INTEGER NOT NULL) STRICT"
)


@cache
def list_migrations(kind: str) -> tuple[Path, ...]:
    """Return the migrations of "rows", "vault" or "keys" in order; the first is number 1."""
    return tuple(sorted(_FOLDER.glob(f"{kind}_*.sql")))


def version_of(database: Database) -> int:
    """Return the number of the last migration that was applied; 0 for a new file."""
    if not database.all("SELECT 1 FROM sqlite_master WHERE name = 'migrations'"):
        return 0
    (number,) = database.all("SELECT coalesce(max(number), 0) FROM migrations")[0]
    return int(str(number))


def migrate(database: Database, kind: str, at_min: int) -> int:
    """Apply what is missing; return how many were applied. Raises Denied for a file of a newer version."""
    steps = list_migrations(kind)
    refuse_newer(database, kind)
    if version_of(database) == len(steps):
        return 0
    with database.transaction() as con:
        con.execute(_RECORD)
        (done,) = con.execute("SELECT coalesce(max(number), 0) FROM migrations").fetchone()
        for number, step in enumerate(steps[done:], start=done + 1):
            for statement in list_statements(step.read_text(encoding="utf-8")):
                con.execute(statement)
            con.execute("INSERT INTO migrations VALUES (?, ?, ?)", (number, step.stem, at_min))
    return len(steps) - int(done)


def refuse_newer(database: Database, kind: str) -> None:
    """Raise Denied where a later version of hubtwin wrote the file."""
    found, known = version_of(database), len(list_migrations(kind))
    if found > known:
        raise Denied("stores.newer_version", path=database.path.name, found=found, known=known)


def list_statements(script: str) -> Iterator[str]:
    """Yield the statements of a migration one by one: `executescript` would commit before the first."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
