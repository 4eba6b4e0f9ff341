"""A table of a PostgreSQL database as a source of rows: read-only, one snapshot, by a cursor on the server.

Where to connect stands in an environment variable and nowhere else: no error and no log repeats it. A table with a
primary key goes on behind the last key; another is read in the order of its columns and counted.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from hubtwin.base.errors import Absent, Malformed, Retry
from hubtwin.connectors.tables.rows import CHUNK_ROWS, cell_text, chunks_of, joined
from hubtwin.library.loading import Chunk

CONNECT_S = 10
_COLUMNS = (
    "SELECT a.attname FROM pg_attribute a WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped"
    " ORDER BY a.attnum"
)
_KEY = (
    "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)"
    " WHERE i.indrelid = %s::regclass AND i.indisprimary ORDER BY array_position(i.indkey::int[], a.attnum::int)"
)


class PostgresTable:
    """`library.loading.Source` over a table, view or foreign table, named as "table" or "schema.table"."""

    def __init__(self, variable: str, table: str) -> None:
        """Look at a table in the database that an environment variable names.

        Raises Absent where the variable is not set, Malformed where there is no such table, Retry for a database that
        does not answer.
        """
        if not os.environ.get(variable):
            raise Absent("connectors.tables.no_dsn", variable=variable)
        self._variable, self._name = variable, table
        schema, _, name = table.rpartition(".")
        self._table = sql.Identifier(schema, name) if schema else sql.Identifier(name)
        with self._connected() as con:
            named = self._table.as_string(con)
            self.columns = tuple(str(row[0]) for row in con.execute(_COLUMNS, (named,)).fetchall())
            self._key = tuple(str(row[0]) for row in con.execute(_KEY, (named,)).fetchall())
            counted = con.execute(sql.SQL("SELECT count(*) FROM {}").format(self._table)).fetchone()
            self.total = int(counted[0]) if counted else 0

    def chunks(self, cursor: str, wanted: Sequence[str]) -> Iterator[Chunk]:
        """Yield the rows behind a cursor. Raises Retry where the database goes away."""
        done, last = json.loads(cursor) if cursor else (0, None)
        yield from chunks_of(self._rows(done, last), self.columns, wanted, self._cursor)

    def _cursor(self, number: int) -> str:
        return json.dumps([number, self._last], default=str)

    def _rows(self, done: int, last: list[object] | None) -> Iterator[tuple[int, list[str | None], str]]:
        self._last: list[object] | None = last
        names = sql.SQL(", ").join(map(sql.Identifier, self.columns))
        order = sql.SQL(", ").join(map(sql.Identifier, self._key or self.columns))
        query = sql.SQL("SELECT {} FROM {}").format(names, self._table)
        told: Sequence[object] = ()
        if self._key and last is not None:
            places = sql.SQL(", ").join([sql.Placeholder()] * len(last))
            query, told = sql.SQL("{} WHERE ({}) > ({})").format(query, order, places), last
        query = sql.SQL("{} ORDER BY {}").format(query, order)
        if not self._key and done:
            query, told = sql.SQL("{} OFFSET %s").format(query), (done,)
        keys = [self.columns.index(name) for name in self._key]
        with self._connected() as con, con.cursor(name="hubtwin_load") as reading:
            reading.itersize = CHUNK_ROWS
            for number, row in enumerate(reading.execute(query, told), start=done + 1):
                self._last = [row[place] for place in keys] or None
                cells = [cell_text(cell) for cell in row]
                yield number, cells, joined(cells)

    @contextmanager
    def _connected(self) -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
        try:
            with psycopg.connect(os.environ[self._variable], connect_timeout=CONNECT_S) as con:
                con.read_only = True
                con.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                yield con
                con.rollback()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            raise Malformed("connectors.tables.no_table", table=self._name, variable=self._variable) from None
        except psycopg.Error as error:  # its text may hold the address and the user
            what = error.sqlstate or type(error).__name__
            raise Retry("connectors.tables.database", variable=self._variable, what=what) from None
