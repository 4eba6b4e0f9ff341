"""What the stores of accounts, grants and the audit ask of the database that holds their rows.

`stores.sqlite.Database` gives it for one machine, `stores.postgres.PostgresDatabase` for a larger hub. Statements are
written once, in what both understand: `?` for values, ON CONFLICT for what is put in anew, no numbered values. The few
things that PostgreSQL says otherwise are turned round in `stores.dialect`.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from hubtwin.base.errors import Bug


class Outcome(Protocol):
    """What a statement did: its rows, and how many it touched."""

    @property
    def rowcount(self) -> int:
        """Return how many rows it changed."""

    def fetchone(self) -> Any:
        """Return the next row as a tuple; None after the last."""

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""


class Session(Protocol):
    """An open transaction: nobody else writes before it ends."""

    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> Outcome:
        """Run one statement."""

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> Outcome:
        """Run one statement for each of some rows."""


class Reader(Protocol):
    """Somebody's view of the rows."""

    def all(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Return all rows of a query. Raises Retry."""


class AccessRows(Reader, Protocol):
    """The rows of accounts, grants, words, holds and the audit."""

    def transaction(self, *, wait: bool = True) -> AbstractContextManager[Session]:
        """Hold the right to write; commit at the end, roll back on any error. Raises Retry where another holds it."""

    def seen_by(self, *grantees: str) -> Reader:
        """Return the rows as these grantees may see them. Where the database knows row-level security it gives out
        no other rows, whatever is asked; elsewhere the condition of the query is all there is."""

    def copy_to(self, target: Path) -> None:
        """Write a consistent copy as a SQLite file, while others go on writing. Raises Retry."""

    def close(self) -> None:
        """Close it; closing twice is harmless."""


def narrowed(conditions: Mapping[str, object]) -> tuple[str, tuple[object, ...]]:
    """Return the conditions that have a value, joined for WHERE, and the values; `true` where none has one."""
    given = {condition: value for condition, value in conditions.items() if value is not None}
    return " AND ".join(given) or "true", tuple(given.values())


def plain_bytes(value: object) -> bytes:
    """Return what a column of bytes holds. Raises Bug where it is something else."""
    if not isinstance(value, bytes):
        raise Bug("stores.not_plain", detail=type(value).__name__)
    return value
