"""Whether the message logs of a `wire.sqlite` verify, read without changing it: for backups, restores and checks."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from hubtwin.base.errors import Malformed
from hubtwin.model.message import Entry
from hubtwin.rules.message_log import verify
from hubtwin.rules.quality import Problem
from hubtwin.stores.wire_rows import ENTRY, entry_of


def log_problems(wire: Path) -> list[Problem]:
    """Return what is wrong with the logs for all partners; empty where nothing is. Raises Malformed (damaged)."""
    try:
        with closing(sqlite3.connect(f"{wire.absolute().as_uri()}?mode=ro", uri=True, timeout=20)) as con:
            owners = con.execute("SELECT source FROM owner").fetchall()
            partners = [str(name) for (name,) in con.execute("SELECT DISTINCT partner FROM entries").fetchall()]
            return [p for partner in partners for p in verify(_log(con, partner), str(owners[0][0]), partner)]
    except sqlite3.DatabaseError as error:
        raise Malformed("stores.damaged", path=wire.name, detail=str(error)) from error


def _log(con: sqlite3.Connection, partner: str) -> Iterator[Entry]:
    sql = f"SELECT {ENTRY} FROM entries WHERE partner = ? ORDER BY seq"  # noqa: S608
    return (entry_of(row) for row in con.execute(sql, (partner,)))
