"""Copying the rows of accounts, grants and the audit from one database to another, table by table.

`access.sqlite` of this version says which tables and columns there are; PostgreSQL has the same. So a backup of a hub
on PostgreSQL holds an `access.sqlite` like any other, and a hub moves either way without another program.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from hubtwin.base.errors import Denied
from hubtwin.stores.access_rows import Session
from hubtwin.stores.migrate import migrate
from hubtwin.stores.sqlite import Database

KIND = "access"
_PAGE = 20_000  # rows held in memory at once
_TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name != 'migrations'"
    " ORDER BY rowid"
)
Ask = Callable[[str, Sequence[object]], list[tuple[object, ...]]]


@dataclass(frozen=True, slots=True)
class Shape:
    """A table: the columns that are written, and the number by which its rows are in the order they came."""

    name: str
    columns: tuple[str, ...]
    order: str


def list_shapes(database: Database) -> list[Shape]:
    """Return the tables of an `access.sqlite`, those that others refer to first."""
    return [_shape(database, str(name)) for (name,) in database.all(_TABLES)]


def copy_to_sqlite(source: Session, target: Path) -> None:
    """Write a new `access.sqlite` with all rows of an open transaction."""
    with closing(Database(target, private=True)) as database:
        (at_min,) = source.execute("SELECT max(at_min) FROM migrations").fetchone()
        migrate(database, KIND, int(at_min))
        with database.transaction() as con:
            for shape in list_shapes(database):
                _copy(lambda sql, values: source.execute(sql, values).fetchall(), con, shape)


def copy_from_sqlite(source: Path, target: Session, at_min: int) -> tuple[list[Shape], dict[str, int]]:
    """Write all rows of an `access.sqlite` into the empty tables of an open transaction; return how many by table.

    A file of an earlier version is brought to this one first. Raises Denied where the tables are not empty.
    """
    with closing(Database(source, private=True)) as database:
        migrate(database, KIND, at_min)
        shapes = list_shapes(database)
        for shape in shapes:
            if target.execute(f"SELECT 1 FROM {shape.name} LIMIT 1").fetchone():  # noqa: S608
                raise Denied("stores.postgres_not_empty", table=shape.name)
        copied = {shape.name: _copy(lambda sql, values: database.all(sql, *values), target, shape) for shape in shapes}
        return shapes, copied


def _shape(database: Database, name: str) -> Shape:
    told = database.all(f"PRAGMA table_info({name})")  # without generated columns
    numbered = [str(column) for _, column, kind, _, _, key in told if key and kind == "INTEGER"]
    return Shape(name, tuple(str(row[1]) for row in told), numbered[0] if len(numbered) == 1 else "rowid")


def _copy(ask: Ask, target: Session, shape: Shape) -> int:
    count, columns = 0, ", ".join(shape.columns)
    put = f"INSERT INTO {shape.name} ({columns}) VALUES ({', '.join('?' * len(shape.columns))})"  # noqa: S608
    for page in _pages(ask, shape):
        target.executemany(put, [row[1:] for row in page])
        count += len(page)
    return count


def _pages(ask: Ask, shape: Shape) -> Iterator[list[tuple[object, ...]]]:
    columns, last = ", ".join(shape.columns), -1
    sql = f"SELECT {shape.order}, {columns} FROM {shape.name} WHERE {shape.order} > ? ORDER BY {shape.order} LIMIT ?"  # noqa: S608
    while page := ask(sql, (last, _PAGE)):
        yield page
        last = int(str(page[-1][0]))
