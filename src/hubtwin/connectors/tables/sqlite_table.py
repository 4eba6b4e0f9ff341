"""A table of a SQLite file as a source of rows: read-only, in the order of its row numbers.

The cursor is the last rowid; a view, or a table without rowids, is read in the order of its columns and counted. A view
is a program of whoever made the file, and may have no end: it has a minute to say how many rows it has, and a minute
for each row.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic

from hubtwin.base.errors import Malformed
from hubtwin.connectors.tables.rows import cell_text, chunks_of, joined
from hubtwin.library.loading import Chunk

VIEW_S = 60.0
_STEPS = 100_000  # of SQLite's machine between two looks at the clock


class SqliteTable:
    """`library.loading.Source` over a table or view."""

    def __init__(self, path: Path, table: str) -> None:
        """Look at a table, the only one where none is named. Raises Malformed."""
        self._path = path
        try:
            with closing(self._connect()) as con:
                listed = (
                    "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
                )
                kinds = {str(name): str(kind) for name, kind in con.execute(listed)}
                names = list(kinds)
                found = [name for name in names if table in {"", name}]
                if len(found) != 1:
                    known = ", ".join(sorted(names))[:400]
                    raise Malformed("connectors.tables.which_table", file=path.name, known=known)
                self._table, self._is_view = quoted(found[0]), kinds[found[0]] == "view"
                self._look_at_clock(con)
                self.columns = tuple(str(row[1]) for row in con.execute(f"PRAGMA table_info({self._table})"))
                self._numbered = self._has_rowid(con)
                (self.total,) = con.execute(f"SELECT count(*) FROM {self._table}").fetchone()  # noqa: S608 - quoted
        except sqlite3.Error as error:
            raise self._damaged(error) from error

    def chunks(self, cursor: str, wanted: Sequence[str]) -> Iterator[Chunk]:
        """Yield the rows behind a cursor. Raises Malformed where the file is damaged further down."""
        yield from chunks_of(self._rows(int(cursor or (-(2**63) if self._numbered else 0))), self.columns, wanted, str)

    def _rows(self, after: int) -> Iterator[tuple[int, list[str | None], str]]:
        names = ", ".join(map(quoted, self.columns))
        number = "rowid" if self._numbered else f"row_number() OVER (ORDER BY {names})"
        sql = f"SELECT * FROM (SELECT {number} AS hubtwin_row, {names} FROM {self._table}) WHERE hubtwin_row > ?"  # noqa: S608
        try:
            with closing(self._connect()) as con:
                self._look_at_clock(con)
                for row_no, *row in con.execute(f"{sql} ORDER BY 1", (after,)):
                    cells = [cell_text(cell) for cell in row]
                    yield int(row_no), cells, joined(cells)
                    self._look_at_clock(con)
        except sqlite3.Error as error:
            raise self._damaged(error) from error

    def _look_at_clock(self, con: sqlite3.Connection) -> None:
        """Let a view have its time from now on."""
        if self._is_view:
            until_s = monotonic() + VIEW_S
            con.set_progress_handler(lambda: monotonic() > until_s, _STEPS)

    def _damaged(self, error: sqlite3.Error) -> Malformed:
        if isinstance(error, sqlite3.OperationalError) and str(error) == "interrupted":
            return Malformed("connectors.tables.slow_view", file=self._path.name, seconds=VIEW_S)
        return Malformed("connectors.tables.bad_database", file=self._path.name)

    def _connect(self) -> sqlite3.Connection:
        con = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        con.text_factory = lambda raw: raw.decode("utf-8", "replace")
        return con

    def _has_rowid(self, con: sqlite3.Connection) -> bool:
        if "rowid" in map(str.lower, self.columns):  # a column of that name hides it
            return False
        try:
            con.execute(f"SELECT rowid FROM {self._table} WHERE rowid IS NULL LIMIT 1").fetchall()  # noqa: S608
        except sqlite3.OperationalError:
            return False
        return not self._is_view


def quoted(name: str) -> str:
    """Return a name as SQL takes it, whatever stands in it."""
    return '"' + name.replace('"', '""') + '"'
