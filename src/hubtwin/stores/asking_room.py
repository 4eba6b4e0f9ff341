"""The DuckDB of one grantee: its connection, the places that questions leave out, and the views of its last questions.

A view is known by its text, which names columns, masks, rows and files: two questions of which the same may be seen
read the same view, and making it is most of what a short question costs. A view is never changed; one that is not the
view of a question cannot be named by it (`sqlgate`).
"""

import secrets
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock

import duckdb
import numpy as np
import pyarrow as pa

from hubtwin.stores.view_sql import quoted

KEPT_TABLES, KEPT_VIEWS = 16, 32


@dataclass(slots=True)
class _Kept:
    """A view that was made: the schema that holds it alone, and how many questions read it now."""

    schema: str
    readers: int = 0


@dataclass
class Room:
    """What is kept of a grantee between questions. `running` is how many questions there are now."""

    connection: duckdb.DuckDBPyConnection
    running: int = 0
    _lock: Lock = field(default_factory=Lock)
    _views: OrderedDict[tuple[str, str], _Kept] = field(default_factory=OrderedDict)  # name and text -> view
    # what nobody may have: ids of the arrays of places -> the table that holds them, and the arrays
    _barred: OrderedDict[tuple[int, ...], tuple[str, Sequence[np.ndarray]]] = field(default_factory=OrderedDict)

    @contextmanager
    def views(self, cursor: duckdb.DuckDBPyConnection, texts: Mapping[str, str]) -> Iterator[dict[str, str]]:
        """Give the schema of each view (name -> text of its SELECT), made where none is kept; none of them is dropped
        meanwhile. Raises duckdb.Error where one cannot be made."""
        held = list[_Kept]()
        try:
            for name, text in texts.items():
                held.append(self._hold(cursor, name, text))
            yield {name: kept.schema for name, kept in zip(texts, held, strict=True)}
        finally:
            with self._lock:
                for kept in held:
                    kept.readers -= 1

    def bar(self, cursor: duckdb.DuckDBPyConnection, places: Sequence[np.ndarray]) -> str | None:
        """Return the table that holds places (file, row), None for no place; the same places make one table.

        The last few are kept: a question that runs may still read one that another question has no use for.
        """
        if not any(len(each) for each in places):
            return None
        with self._lock:
            key = tuple(map(id, places))  # what is looked for once is one object, and the room holds on to it
            if key in self._barred:
                self._barred.move_to_end(key)
                return self._barred[key][0]
            name = f"main.out_{secrets.token_hex(8)}"
            files = np.repeat(np.arange(len(places), dtype=np.uint64), [len(each) for each in places])
            given = pa.table({"file": files, "place": np.concatenate(places)})
            cursor.register("given", given)
            cursor.execute(f"CREATE TABLE {name} AS SELECT file, place FROM given")  # noqa: S608 - a name of ours
            cursor.unregister("given")
            self._barred[key] = (name, places)
            while len(self._barred) > KEPT_TABLES:
                cursor.execute(f"DROP TABLE IF EXISTS {self._barred.popitem(last=False)[1][0]}")
            return name

    def _hold(self, cursor: duckdb.DuckDBPyConnection, name: str, text: str) -> _Kept:
        with self._lock:
            kept = self._views.get((name, text))
            if kept is None:
                kept = self._views[name, text] = _make(cursor, name, text)
            self._views.move_to_end((name, text))
            kept.readers += 1
            self._drop_unread(cursor)
            return kept

    def _drop_unread(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Drop the views that were longest not read, as far as there are too many."""
        over = len(self._views) - KEPT_VIEWS
        for key, kept in list(self._views.items())[: max(over, 0)]:
            if not kept.readers:
                del self._views[key]
                with suppress(duckdb.Error):  # a question that is stopped stops this too; nobody can name what stays
                    cursor.execute(f"DROP SCHEMA IF EXISTS {kept.schema} CASCADE")


def _make(cursor: duckdb.DuckDBPyConnection, name: str, text: str) -> _Kept:
    """Make a view in a schema of its own. Raises duckdb.Error; then nothing of it stays."""
    schema = f"v_{secrets.token_hex(8)}"
    cursor.execute(f"CREATE SCHEMA {schema}")
    try:
        cursor.execute(f"CREATE SECURE VIEW {schema}.{quoted(name)} AS {text}")
    except duckdb.Error:
        with suppress(duckdb.Error):
            cursor.execute(f"DROP SCHEMA {schema}")
        raise
    return _Kept(schema)
