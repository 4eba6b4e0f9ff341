"""Tables of a database that a partner reads: a SQLite file of its own, written by the hub, answered by the partner.

    messages   id, sequence, subject, type, ..., digest, event, signature: every message, so that it can be verified
    <profile>  one table for a profile and version (`health_1`), one for each list in it (`health_1_tests`)
    head       the signed end of the hub's log
    receipts   the partner's signed receipts            answers    the partner's own signed messages, with our receipts

The hub writes what the partner may know and nothing of anybody else. A message stands there once by its id, however
often it is handed over, and goes with its rows when it is withdrawn. The same tables can stand in any SQL database;
`docs/formats.md` has them in words.
"""

import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubtwin.base.errors import Denied, Malformed, Retry
from hubtwin.base.failpoint import failpoint
from hubtwin.channels.cloudevent import read_event
from hubtwin.channels.jws import read_line
from hubtwin.model.message import Envelope, Signed
from hubtwin.rules.disclosure import Profile

Take = Callable[[str, Sequence[Signed], Signed | None], Signed]  # sender, lines, head -> signed receipt
BUSY_S, LINES = 20, 400
_TYPES = {"count": "INTEGER", "number": "REAL", "truth": "INTEGER", "minute": "INTEGER"}
_TABLES = """
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, sender TEXT NOT NULL, recipient TEXT NOT NULL,
    type TEXT NOT NULL, subject TEXT NOT NULL, sequence INTEGER NOT NULL, time TEXT NOT NULL, dataschema TEXT NOT NULL,
    status TEXT NOT NULL, provenance TEXT NOT NULL, replayed INTEGER NOT NULL, digest TEXT NOT NULL UNIQUE,
    event BLOB NOT NULL, signature TEXT NOT NULL, taken INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS messages_subject ON messages (subject, sequence);
CREATE TABLE IF NOT EXISTS head (one INTEGER PRIMARY KEY CHECK (one = 1), sender TEXT NOT NULL, line BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS receipts (number INTEGER PRIMARY KEY AUTOINCREMENT, line BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS answers (number INTEGER PRIMARY KEY AUTOINCREMENT, line BLOB NOT NULL, receipt BLOB);
"""


@dataclass(frozen=True, slots=True)
class ViewTable:
    """A table: its name, the list of the data that it holds (empty: the data themselves), its columns as column name,
    path within a row, kind of the profile."""

    name: str
    list_path: tuple[str, ...]
    columns: tuple[tuple[str, tuple[str, ...], str], ...]


@dataclass(frozen=True, slots=True)
class View:
    """What one profile and version looks like as tables; the first is that of the data themselves."""

    schema: str
    tables: tuple[ViewTable, ...]


def view_of(profile: Profile) -> View:
    """Return the tables of a profile. Raises Malformed where two fields would share a column, or for lists in lists."""
    main = f"{profile.name}_{profile.version}"
    parted: dict[tuple[str, ...], list[tuple[str, tuple[str, ...], str]]] = {(): []}
    for field in profile.fields:
        head, mark, rest = field.path.partition("[]")
        outer = tuple(head.split(".")) if mark else ()
        inner = tuple(rest.removeprefix(".").split(".")) if rest else ()
        path = inner if mark else tuple(head.split("."))
        if "[]" in rest:
            raise Malformed("channels.no_view", profile=profile.name, field=field.path)
        parted.setdefault(outer, []).append(("_".join(path) or "value", path, field.kind))
    tables = tuple(ViewTable("_".join((main, *outer)), outer, tuple(columns)) for outer, columns in parted.items())
    for table in tables:
        names = [name for name, _, _ in table.columns]
        if len({*names, "message_id", "no"}) != len(names) + 2:
            raise Malformed("channels.no_view", profile=profile.name, field=", ".join(names)[:80])
    return View(profile.schema, tables)


class Views:
    """A channel to one partner over a file that both can open. `views` are those of the partner's profiles."""

    def __init__(self, path: Path, partner: str, views: Sequence[View] = ()) -> None:
        """Take the file and the source of the partner; what is missing in it is made when something is handed over."""
        self._path, self._partner = path, partner
        self._views: Mapping[str, View] = {view.schema: view for view in views}

    def put(self, batch: Sequence[Signed], head: Signed) -> None:
        """Write messages, each once by its id; what is there already is asked about again. The receipt comes later.

        Raises Denied for a message to somebody else, before anything is written; Retry where the file is in use.
        """
        read = [(signed, read_event(signed.content)) for signed in batch]
        for _, event in read:
            if event.recipient != self._partner:
                raise Denied("channels.other_recipient", recipient=event.recipient)
        with opened(self._path, self._views.values()) as con:
            for signed, event in read:
                if not con.execute("UPDATE messages SET taken = 0 WHERE id = ?", (event.id,)).rowcount:
                    _write(con, signed, event, self._views.get(event.dataschema))
            sender = read[0][1].source if read else ""
            con.execute("INSERT OR REPLACE INTO head VALUES (1, ?, ?)", (sender, head.line))
            failpoint("wire.views_written")

    def collect(self) -> list[Signed]:
        """Return the receipts that lie there, in their order; what is no receipt is deleted."""
        found = []
        with self._if_there() as con:
            for number, line in (
                con.execute("SELECT number, line FROM receipts ORDER BY number").fetchall() if con else ()
            ):
                try:
                    found.append(read_line(_bytes(line).rstrip(b"\n")))
                except Denied:
                    con.execute("DELETE FROM receipts WHERE number = ?", (number,))
        return found

    def forget(self, receipt: Signed) -> None:
        """Delete a receipt that stands in the books; its messages stay for the partner to read."""
        with self._if_there() as con:
            for number, line in con.execute("SELECT number, line FROM receipts").fetchall() if con else ():
                if _bytes(line).rstrip(b"\n") == receipt.line:
                    con.execute("DELETE FROM receipts WHERE number = ?", (number,))

    def withdraw(self, subjects: Collection[str]) -> None:
        """Delete the messages of some subjects with all of their rows."""
        with self._if_there() as con:
            if con:
                con.executemany("DELETE FROM messages WHERE subject = ?", [(subject,) for subject in subjects])

    @contextmanager
    def _if_there(self) -> Iterator[Any]:
        """Open the file, if there is one; one that is not there is not made."""
        if not self._path.exists():
            yield None
            return
        with opened(self._path) as con:
            yield con


def take_in(path: Path, take: Take) -> int:
    """Take in what the partner has not answered, and leave the receipt: the receiving half, run by the partner. `take`
    stores messages and returns the signed receipt, as `receive` does. Return how many were taken in. Raises Retry.

    A kill between storing and answering repeats the messages, which the books know by their keys.
    """
    if not path.exists():
        return 0
    sql = f"SELECT number, event, signature FROM messages WHERE taken = 0 ORDER BY number LIMIT {LINES}"  # noqa: S608
    with opened(path) as con:
        rows = con.execute(sql).fetchall()
        head = con.execute("SELECT sender, line FROM head").fetchone()
    if not rows or head is None:
        return 0
    lines = [Signed(_bytes(event), str(signature)) for _, event, signature in rows]
    receipt = take(str(head[0]), lines, read_line(_bytes(head[1])))
    failpoint("wire.views_taken")
    with opened(path) as con:
        con.execute("INSERT INTO receipts (line) VALUES (?)", (receipt.line,))
        con.executemany("UPDATE messages SET taken = 1 WHERE number = ?", [(number,) for number, *_ in rows])
    return len(rows)


def take_answers(path: Path, partner: str, take: Take) -> int:
    """Take in what the partner has written into `answers`, and put our receipt beside it; return how many there were.

    A line that is no signed message gets none. Raises Retry.
    """
    if not path.exists():
        return 0
    with opened(path) as con:
        rows = con.execute(
            "SELECT number, line FROM answers WHERE receipt IS NULL ORDER BY number LIMIT 400"
        ).fetchall()
    lines = dict[int, Signed]()
    for number, line in rows:
        try:
            lines[number] = read_line(_bytes(line).rstrip(b"\n"))
        except Denied:
            lines.pop(number, None)
    broken = [(b"", number) for number, _ in rows if number not in lines]
    receipt = take(partner, list(lines.values()), None).line if lines else b""
    with opened(path) as con:
        sql = "UPDATE answers SET receipt = ? WHERE number = ?"
        con.executemany(sql, [*((receipt, number) for number in lines), *broken])
    return len(lines)


@contextmanager
def opened(path: Path, views: Collection[View] = ()) -> Iterator[sqlite3.Connection]:
    """Hold the file for one transaction, made with its tables where it is new. Raises Retry where it is in use."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # whom else the file is for is set where it runs
        con = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        try:
            for word in ("secure_delete=ON", "journal_mode=TRUNCATE", "synchronous=FULL", "foreign_keys=ON"):
                con.execute(f"PRAGMA {word}")
            con.execute("BEGIN IMMEDIATE")
            for statement in (*_TABLES.split(";\n"), *(sql for view in views for sql in statements(view))):
                con.execute(statement)
            yield con
            con.execute("COMMIT")
        finally:
            con.close()
    except (sqlite3.DatabaseError, OSError) as error:
        raise Retry("channels.views_failed", path=path.name, detail=type(error).__name__) from error


def cells_of(view: View, data: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield the columns of a sheet and what they hold: those of the main table, and each list in one cell as text."""
    for table in view.tables:
        found = _at(data, table.list_path)
        if not table.list_path:
            for name, path, _ in table.columns:
                yield name, _plain(_at(found, path))
        else:
            rows = found if isinstance(found, list) else []
            told = [" ".join(str(_plain(_at(row, path)) or "-") for _, path, _ in table.columns) for row in rows]
            yield "_".join(table.list_path), "; ".join(told) or None


def statements(view: View) -> Iterator[str]:
    """Yield the SQL that makes the tables of a view."""
    for table in view.tables:
        columns = ", ".join(f'"{name}" {_TYPES.get(kind, "TEXT")}' for name, _, kind in table.columns)
        key = "PRIMARY KEY (message_id, no)" if table.list_path else "PRIMARY KEY (message_id)"
        number = ", no INTEGER NOT NULL" if table.list_path else ""
        yield (
            f'CREATE TABLE IF NOT EXISTS "{table.name}"'
            f" (message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE{number}"
            f"{', ' if columns else ''}{columns}, {key})"
        )


def _write(con: sqlite3.Connection, signed: Signed, event: Envelope, view: View | None) -> None:
    marks = event.marks
    con.execute(
        "INSERT INTO messages (id, sender, recipient, type, subject, sequence, time, dataschema, status, provenance,"
        " replayed, digest, event, signature) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(event.id, event.source, event.recipient, event.type, event.subject, event.sequence, event.time),
            *(event.dataschema, marks.status.value, marks.provenance.value, marks.replayed),
            *(signed.digest, signed.content, signed.signature),
        ),
    )
    for table in view.tables if view else ():
        found = _at(event.data, table.list_path)
        rows = [found] if not table.list_path else found if isinstance(found, list) else []
        marks_of = "?, ?" if table.list_path else "?"
        sql = f'INSERT INTO "{table.name}" VALUES ({marks_of}{", ?" * len(table.columns)})'  # noqa: S608
        for number, row in enumerate(rows):
            key = (event.id, number) if table.list_path else (event.id,)
            con.execute(sql, (*key, *(_plain(_at(row, path)) for _, path, _ in table.columns)))


def _at(data: object, path: Sequence[str]) -> object:
    for name in path:
        data = data.get(name) if isinstance(data, Mapping) else None
    return data


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float) else None


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
