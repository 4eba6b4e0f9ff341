"""The book of loads, and the rows that could not be read, beside the manifest of the shelves.

What a batch adds to a load is written in the transaction that enters the batch's file: a load that is interrupted
anywhere goes on behind its last whole batch.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence

from hubtwin.base.errors import Absent, Denied
from hubtwin.library.loads import RAW_CHARS, BadRow, Load, NewBad
from hubtwin.rules.quality import Problem
from hubtwin.stores.rows import plain_json
from hubtwin.stores.sqlite import Database

_LOAD = (
    "load_id, dataset, part, file, sha256, told, by, begun_min, ended_min, cursor, batches, rows, quarantined, problem"
)
_BAD = "seq, dataset, part, load_id, line_no, raw, is_cut, cells, problems, at_min, released_min"


class ShelfLoads:
    """The tables `loads` and `quarantine` of `shelves.sqlite`."""

    def __init__(self, database: Database) -> None:
        """Take the open file."""
        self._database = database

    def begin(self, load: Load) -> Load:
        """Write a load down, or return the one of the same id, which goes on. Raises Denied where that is of another
        file, dataset or part."""
        with self._database.transaction() as con:
            values = (load.load_id, load.dataset, load.part, load.file, load.sha256, plain_json(load.told), load.by)
            con.execute(
                "INSERT OR IGNORE INTO loads (load_id, dataset, part, file, sha256, told, by, begun_min)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, load.begun_min),
            )
        found = self.get(load.load_id)
        if (found.dataset, found.sha256) != (load.dataset, load.sha256):
            raise Denied("stores.load_of_other", load=load.load_id, file=found.file, dataset=found.dataset)
        return found

    def advance(
        self, con: sqlite3.Connection, load: Load, bad: Sequence[NewBad], *, cursor: str, rows: int, at_min: int
    ) -> None:
        """Write what a batch brought: its bad rows, its counts, and where to go on. Inside a transaction."""
        con.executemany(
            "INSERT INTO quarantine (dataset, part, load_id, line_no, raw, is_cut, cells, problems, at_min)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    *(load.dataset, load.part, load.load_id, each.line_no),
                    *(each.raw[:RAW_CHARS], len(each.raw) > RAW_CHARS, _json(each.cells)),
                    *(_json([[problem.key, dict(problem.values)] for problem in each.problems]), at_min),
                )
                for each in bad
            ),
        )
        con.execute(
            "UPDATE loads SET cursor = ?, batches = batches + 1, rows = rows + ?, quarantined = quarantined + ?,"
            " problem = '' WHERE load_id = ?",
            (cursor, rows, len(bad), load.load_id),
        )

    def end(self, load_id: str, at_min: int) -> Load:
        """Write down that a load is whole."""
        with self._database.transaction() as con:
            con.execute("UPDATE loads SET ended_min = ?, problem = '' WHERE load_id = ?", (at_min, load_id))
        return self.get(load_id)

    def stop(self, load_id: str, problem: Problem) -> Load:
        """Write down what stopped a load; it can go on later."""
        with self._database.transaction() as con:
            told = _json([problem.key, dict(problem.values)])
            con.execute("UPDATE loads SET problem = ? WHERE load_id = ?", (told, load_id))
        return self.get(load_id)

    def abandon(self, load_id: str, at_min: int) -> None:
        """Write down that a load will not go on; the rows that it stored stay."""
        with self._database.transaction() as con:
            told = _json(["stores.load_abandoned", {}])
            con.execute("UPDATE loads SET ended_min = ?, problem = ? WHERE load_id = ?", (at_min, told, load_id))

    def get(self, load_id: str) -> Load:
        """Return a load. Raises Absent."""
        found = self._database.all(f"SELECT {_LOAD} FROM loads WHERE load_id = ?", load_id)  # noqa: S608 - constant names
        if not found:
            raise Absent("stores.no_load", load=load_id)
        return _load(found[0])

    def list_loads(self, dataset: str = "") -> list[Load]:
        """Return the loads into a dataset or into all, the latest first."""
        sql = f"SELECT {_LOAD} FROM loads WHERE ?1 = '' OR dataset = ?1 ORDER BY begun_min DESC, load_id"  # noqa: S608
        return [_load(row) for row in self._database.all(sql, dataset)]

    def list_bad(self, *, dataset: str = "", load_id: str = "", after: int = 0, limit: int = 1000) -> list[BadRow]:
        """Return rows in quarantine that are not released, oldest first, after a number."""
        found = self._database.all(
            f"SELECT {_BAD} FROM quarantine WHERE released_min IS NULL AND seq > ?3"  # noqa: S608 - constant names
            " AND (?1 = '' OR dataset = ?1) AND (?2 = '' OR load_id = ?2) ORDER BY seq LIMIT ?4",
            *(dataset, load_id, after, limit),
        )
        return [_bad(row) for row in found]

    def get_bad(self, seq: int) -> BadRow:
        """Return a row of the quarantine, released or not. Raises Absent."""
        found = self._database.all(f"SELECT {_BAD} FROM quarantine WHERE seq = ?", seq)  # noqa: S608
        if not found:
            raise Absent("stores.no_bad_row", row=seq)
        return _bad(found[0])

    def count_bad(self) -> Mapping[str, int]:
        """Return how many rows are in quarantine and not released, by dataset."""
        found = self._database.all("SELECT dataset, count(*) FROM quarantine WHERE released_min IS NULL GROUP BY 1")
        return {str(name): int(str(count)) for name, count in found}

    def release(self, con: sqlite3.Connection, seqs: Iterable[int], by: str, at_min: int) -> None:
        """Mark rows as corrected and loaded; the line as it came is destroyed with that. Inside a transaction.

        Raises Denied for one that was released before.
        """
        for seq in seqs:
            done = con.execute(
                "UPDATE quarantine SET released_min = ?, released_by = ?, raw = '', cells = '{}'"
                " WHERE seq = ? AND released_min IS NULL",
                (at_min, by, seq),
            )
            if done.rowcount != 1:
                raise Denied("stores.released_before", row=seq)

    def forget_where(self, dataset: str, is_doomed: Callable[[BadRow], bool]) -> int:
        """Destroy rows of the quarantine that a condition names; return how many. For the erasure of a person."""
        doomed, after = list[int](), 0
        while page := self.list_bad(dataset=dataset, after=after):
            doomed += [row.seq for row in page if is_doomed(row)]
            after = page[-1].seq
        with self._database.transaction() as con:
            con.executemany("DELETE FROM quarantine WHERE seq = ?", [(seq,) for seq in doomed])
        self._database.empty_log()
        return len(doomed)

    def forget(self, dataset: str, from_min: int, until_min: int) -> int:
        """Destroy rows of the quarantine that came from a minute on and before another; return how many. For retention
        and the end of an event. What was released goes with them."""
        with self._database.transaction() as con:
            sql = "DELETE FROM quarantine WHERE dataset = ? AND at_min >= ? AND at_min < ?"
            count = con.execute(sql, (dataset, from_min, until_min)).rowcount
        if count:
            self._database.empty_log()
        return count


def _load(row: Sequence[object]) -> Load:
    load_id, dataset, part, file, sha, told, by, begun, ended, cursor, *counts, problem = row
    batches, rows, quarantined = (int(str(each)) for each in counts)
    return Load(
        *(str(load_id), str(dataset), str(part), str(file), str(sha), json.loads(str(told)), str(by), int(str(begun))),
        ended_min=None if ended is None else int(str(ended)),
        cursor=str(cursor),
        batches=batches,
        rows=rows,
        quarantined=quarantined,
        problem=Problem(*json.loads(str(problem))) if problem else None,
    )


def _bad(row: Sequence[object]) -> BadRow:
    seq, dataset, part, load_id, line_no, raw, is_cut, cells, problems, at_min, released = row
    return BadRow(
        *(int(str(seq)), str(dataset), str(part), str(load_id), int(str(line_no)), str(raw), bool(is_cut)),
        json.loads(str(cells)),
        tuple(Problem(key, values) for key, values in json.loads(str(problems))),
        int(str(at_min)),
        None if released is None else int(str(released)),
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
