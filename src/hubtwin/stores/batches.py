"""Batches for the platform above, in `batches.sqlite`, mode 0600: every row with its state, from made to answered.

What a row says is personal. It is sealed (AES-256-GCM) under a key of its batch; the vault holds the key, so it dies
with the batch in every backup too. Cells go as soon as nobody needs them: when the platform has the row, or
when another row says it instead. What stays is the key of the row, an HMAC under `batches.key`, and its state.
"""

import hmac
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hubtwin.base.errors import Absent, Denied
from hubtwin.base.failpoint import failpoint
from hubtwin.model.batch import BatchHead, RowAnswer, SentRow
from hubtwin.rules.batching import Fate, Known, RowState, Sorted
from hubtwin.rules.cells import Found
from hubtwin.stores.batch_keys import Keys
from hubtwin.stores.batch_rows import (
    HEAD,
    INSERT_ROW,
    marks_text,
    read_head,
    read_problems,
    replaced,
    row_values,
    seal,
    settle_rows,
    supersede,
    unseal,
    write_problems,
)
from hubtwin.stores.keyfile import read_key
from hubtwin.stores.migrate import migrate
from hubtwin.stores.sqlite import Database

BATCHES_FILE, BATCHES_KEY_FILE = "batches.sqlite", "batches.key"
_STORED = (Fate.GOES, Fate.HELD, Fate.SAME, Fate.OLDER)


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A row of the books. `cells` is None where they were destroyed; `problems` are those of a row that is held."""

    batch_id: str
    place: int
    key: str
    revision: int
    state: RowState
    case_id: str
    cells: Sequence[str] | None
    problems: Sequence[Found]
    reason: str

    @property
    def ref(self) -> str:
        """Return what names the row in files that people correct."""
        return f"{self.batch_id}:{self.place}"


class BatchBooks:
    """The books of one store directory. Threads share them; processes take turns."""

    def __init__(self, directory: Path, keys: Keys, at_min: int) -> None:
        """Open or make the books. Raises Denied where `batches.key` is lost or open: new keys would count everybody a
        second time.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        existed = (directory / BATCHES_KEY_FILE).exists()
        self._database = Database(directory / BATCHES_FILE, private=True)
        migrate(self._database, "batches", at_min)
        used = bool(self._database.all("SELECT 1 FROM batches LIMIT 1"))
        secret = None if used and not existed else read_key(directory / BATCHES_KEY_FILE)
        if secret is None:
            self._database.close()
            raise Denied("stores.batches_key_lost", path=BATCHES_KEY_FILE)
        self._secret, self._keys, self._ciphers = secret, keys, dict[str, AESGCM]()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def key_of(self, *parts: str) -> str:
        """Return the key of whom some texts name: 32 hex digits that nobody else can compute."""
        return self._mac("key", parts)

    def digest_of(self, cells: Sequence[str]) -> str:
        """Return what tells two contents apart, and tells nothing else."""
        return self._mac("cells", cells)

    def find_known(self, keys: Iterable[str]) -> dict[str, Known]:
        """Return what the books have of some keys; those that they do not have are missing."""
        sql = (
            "SELECT key, revision, state, digest, newest FROM batch_rows WHERE key IN (SELECT value FROM json_each(?))"
            " AND (revision > 0 OR state = 'held') ORDER BY revision"
        )
        found = dict[str, Known]()
        for key, revision, state, digest, newest in self._database.all(sql, json.dumps(sorted(set(keys)))):
            known = found.get(str(key), Known())
            if state == "held":
                found[str(key)] = replace(known, held=known.held | {str(digest)})
            else:
                found[str(key)] = replace(known, revision=int(str(revision)), digest=str(digest), newest=str(newest))
        return found

    def add(
        self, head: BatchHead, day: str, rows: Sequence[Sorted], corrected: Sequence[tuple[str, int]] = ()
    ) -> BatchHead:
        """Write a batch and all its rows in one transaction; return its head with the id that it got.

        `day` is the date of the hub, for the id. Rows that are known or stale leave no trace. `corrected` are rows, by
        batch and place, that these stand for.
        """
        key_id, key = self._keys.make()
        cipher = AESGCM(key)
        failpoint("batches.key_made")
        with self._database.transaction() as con:
            made = replace(head, batch_id=_insert(con, head, day, key_id), attempt=0, staged=False)
            con.executemany(INSERT_ROW, (row_values(made.batch_id, one, cipher) for one in rows if one.fate in _STORED))
            supersede(con, made.batch_id, [one for one in rows if one.fate in (Fate.GOES, Fate.HELD)])
            replaced(con, corrected)
            failpoint("batches.before_made")
        failpoint("batches.made")
        self._ciphers[key_id] = cipher
        return made

    def take_away(self, corrected: Iterable[tuple[str, int]]) -> None:
        """Take rows away that were corrected to what a batch before says already."""
        with self._database.transaction() as con:
            replaced(con, corrected)

    def leave_out(self, batch_id: str, kept: Iterable[str]) -> None:
        """Take rows of a batch away that were never sent, but for some keys; offered again, they are new."""
        with self._database.transaction() as con:
            con.execute(
                "DELETE FROM batch_rows WHERE batch_id = ? AND state = 'ready'"
                " AND key NOT IN (SELECT value FROM json_each(?))",
                (batch_id, json.dumps(sorted(set(kept)))),
            )

    def hold_again(self, ref: tuple[str, int], cells: Sequence[str], problems: Sequence[Found]) -> None:
        """Keep what a person typed for a row that is held and still wrong, in its place.

        Raises Absent where its content was destroyed meanwhile."""
        batch_id, place = ref
        cipher = self._cipher(batch_id)
        if cipher is None:
            raise Absent("stores.no_batch_row", row=f"{batch_id}:{place}")
        with self._database.transaction() as con:
            sql = (
                "UPDATE batch_rows SET sealed = ?, problems = ?"
                " WHERE batch_id = ? AND place = ? AND state = 'held' AND sealed IS NOT NULL"
            )
            con.execute(sql, (seal(cipher, batch_id, place, cells), write_problems(problems), batch_id, place))

    def begin(self, batch_id: str, *, again: bool = False) -> BatchHead:
        """Begin to send a batch, or to send it again; one that was begun and not staged goes on as it was."""
        with self._database.transaction() as con:
            sql = "UPDATE batches SET attempt = attempt + 1, staged = 0 WHERE batch_id = ? AND (attempt = 0 OR ?)"
            con.execute(sql, (batch_id, again))
        failpoint("batches.begun")
        return self.get(batch_id)

    def mark_staged(self, batch_id: str, keys: Iterable[tuple[str, int]]) -> None:
        """Note that rows stand signed in the books of the wire."""
        with self._database.transaction() as con:
            con.execute("UPDATE batches SET staged = 1, reason = '' WHERE batch_id = ?", (batch_id,))
            sql = "UPDATE batch_rows SET state = 'sent' WHERE key = ? AND revision = ? AND state = 'ready'"
            con.executemany(sql, keys)
        failpoint("batches.marked")

    def settle(self, partner: str, batch_id: str, answers: Sequence[RowAnswer], upto: int = 0, reason: str = "") -> int:
        """Note what the platform says of rows, with how far the incoming book was read; return how many rows moved.

        What is accepted stays accepted, whatever comes later or comes twice.
        """
        moved = 0
        with self._database.transaction() as con:
            (own,) = con.execute(
                "SELECT count(*) FROM batches WHERE batch_id = ? AND partner = ?", (batch_id, partner)
            ).fetchone()
            if own:
                moved = settle_rows(con, answers)
                con.execute("UPDATE batches SET reason = ? WHERE batch_id = ?", (reason[:100], batch_id))
            con.execute("UPDATE followed SET last = max(last, ?)", (upto,))
            failpoint("batches.before_settled")
        failpoint("batches.settled")
        return moved

    def followed(self, upto: int | None = None) -> int:
        """Return how far the incoming book was read; note it where it is given."""
        if upto is not None:
            with self._database.transaction() as con:
                con.execute("UPDATE followed SET last = max(last, ?)", (upto,))
        return int(str(self._database.all("SELECT last FROM followed")[0][0]))

    def get(self, batch_id: str) -> BatchHead:
        """Return the head of a batch. Raises Absent."""
        found = self._database.all(f"SELECT {HEAD} FROM batches WHERE batch_id = ?", batch_id)  # noqa: S608
        if not found:
            raise Absent("stores.no_batch", batch=batch_id)
        return read_head(found[0])

    def list_heads(self, template: str | None = None) -> list[BatchHead]:
        """Return all batches, or those of a template, the oldest first."""
        sql = f"SELECT {HEAD} FROM batches WHERE ?1 IS NULL OR template = ?1 ORDER BY number"  # noqa: S608
        return [read_head(row) for row in self._database.all(sql, template)]

    def list_unstaged(self, partner: str) -> list[BatchHead]:
        """Return the batches to a partner that have something to send and do not stand in the books of the wire yet."""
        sql = (
            f"SELECT {HEAD} FROM batches b WHERE partner = ? AND staged = 0 AND EXISTS (SELECT 1 FROM batch_rows r"  # noqa: S608
            " WHERE r.batch_id = b.batch_id AND state IN ('ready', 'sent', 'refused')) ORDER BY number"
        )
        return [read_head(row) for row in self._database.all(sql, partner)]

    def count(self, batch_id: str) -> dict[RowState, int]:
        """Return how many rows of a batch are in which state."""
        sql = "SELECT state, count(*) FROM batch_rows WHERE batch_id = ? GROUP BY state"
        found = {str(state): int(str(number)) for state, number in self._database.all(sql, batch_id)}
        return {state: found.get(state.value, 0) for state in RowState}

    def list_going(self, batch_id: str) -> list[SentRow]:
        """Return the rows of a batch that a sending takes along: not yet accepted, cells still here."""
        return [
            SentRow(row.key, row.revision, row.cells)
            for row in self.list_rows(batch_id, (RowState.READY, RowState.SENT, RowState.REFUSED))
            if row.cells is not None
        ]

    def list_rows(self, batch_id: str, states: Iterable[RowState] = tuple(RowState)) -> list[BatchRow]:
        """Return rows of a batch in the order of the input."""
        sql = (
            "SELECT place, key, revision, state, case_id, sealed, problems, reason FROM batch_rows"
            " WHERE batch_id = ? AND state IN (SELECT value FROM json_each(?)) ORDER BY place"
        )
        found = self._database.all(sql, batch_id, json.dumps([state.value for state in states]))
        cipher = self._cipher(batch_id) if any(row[5] is not None for row in found) else None
        return [
            BatchRow(
                *(batch_id, int(str(place)), str(key), int(str(revision)), RowState(str(state)), str(case_id)),
                unseal(cipher, batch_id, int(str(place)), sealed),
                *(read_problems(str(problems)), str(reason)),
            )
            for place, key, revision, state, case_id, sealed, problems, reason in found
        ]

    def find_row(self, ref: str) -> BatchRow:
        """Return a row by its reference. Raises Absent."""
        batch_id, _, place = ref.rpartition(":")
        if place.isascii() and place.isdigit():
            for row in self.list_rows(batch_id):
                if row.place == int(place):
                    return row
        raise Absent("stores.no_batch_row", row=ref[:80])

    def list_keys(self) -> dict[str, int]:
        """Return the ids of the keys that open something here, each with the minute in which its batch was made."""
        found = self._database.all("SELECT key_id, made_min FROM batches WHERE key_id != ''")
        return {str(key_id): int(str(made)) for key_id, made in found}

    def sweep(self) -> int:
        """Destroy the keys of batches of which nothing is sealed any more; return how many."""
        with self._database.transaction() as con:
            done = (
                "key_id != '' AND NOT EXISTS"
                " (SELECT 1 FROM batch_rows r WHERE r.batch_id = batches.batch_id AND sealed IS NOT NULL)"
            )
            con.execute(f"INSERT OR IGNORE INTO doomed SELECT key_id FROM batches WHERE {done}")  # noqa: S608
            con.execute(f"UPDATE batches SET key_id = '' WHERE {done}")  # noqa: S608
        return self._destroy_doomed()

    def forget_cases(self, case_ids: Iterable[str]) -> int:
        """Destroy what rows say of some cases, here and in backups; return how many rows. What was not sent will not
        be. The rows of others in the same batches are sealed anew under another key.
        """
        where = "sealed IS NOT NULL AND case_id IN (SELECT value FROM json_each(?))"
        return self._forget(where, json.dumps(sorted(set(case_ids))))

    def list_of_cases(self, case_ids: Iterable[str]) -> list[BatchHead]:
        """Return the batches that were begun to be sent and have a row of some cases."""
        sql = (
            f"SELECT {HEAD} FROM batches WHERE attempt > 0 AND batch_id IN (SELECT batch_id FROM batch_rows"  # noqa: S608
            " WHERE revision > 0 AND case_id IN (SELECT value FROM json_each(?))) ORDER BY number"
        )
        return [read_head(row) for row in self._database.all(sql, json.dumps(sorted(set(case_ids))))]

    def drop_dead(self) -> None:
        """Let go of cells whose key was destroyed elsewhere: in a store that this is an older copy of."""
        for key_id in self.list_keys():
            if self._keys.find(key_id) is None:
                self._forget(
                    "sealed IS NOT NULL AND batch_id = (SELECT batch_id FROM batches WHERE key_id = ?)", key_id
                )

    def forget_before(self, made_min: int) -> int:
        """Destroy what rows say of batches that were made before a minute; return how many rows."""
        where = "sealed IS NOT NULL AND batch_id IN (SELECT batch_id FROM batches WHERE made_min < ?)"
        return self._forget(where, made_min)

    def _forget(self, where: str, value: object) -> int:
        sql = f"SELECT DISTINCT batch_id FROM batch_rows WHERE {where}"  # noqa: S608
        told = [str(batch_id) for (batch_id,) in self._database.all(sql, value)]
        fresh = {batch_id: self._keys.make() for batch_id in told}
        ciphers = {batch_id: (self._cipher(batch_id), AESGCM(key)) for batch_id, (_, key) in fresh.items()}
        with self._database.transaction() as con:
            state = "iif(state IN ('ready', 'held', 'refused'), 'superseded', state)"
            sql = f"UPDATE batch_rows SET sealed = NULL, reason = 'forgotten', state = {state} WHERE {where}"  # noqa: S608
            count = con.execute(sql, (value,)).rowcount
            for batch_id, (old, new) in ciphers.items():
                _seal_anew(con, batch_id, old, new)
                con.execute("INSERT OR IGNORE INTO doomed SELECT key_id FROM batches WHERE batch_id = ?", (batch_id,))
                con.execute("UPDATE batches SET key_id = ? WHERE batch_id = ?", (fresh[batch_id][0], batch_id))
        failpoint("batches.forgetting")
        self.sweep()
        return count

    def _destroy_doomed(self) -> int:
        """Destroy the keys that are to go; a kill leaves them on the list."""
        gone = [str(key_id) for (key_id,) in self._database.all("SELECT key_id FROM doomed")]
        if gone:
            self._keys.destroy(gone)
            with self._database.transaction() as con:
                con.executemany("DELETE FROM doomed WHERE key_id = ?", [(key_id,) for key_id in gone])
        for key_id in gone:
            self._ciphers.pop(key_id, None)
        return len(gone)

    def _cipher(self, batch_id: str) -> AESGCM | None:
        found = self._database.all("SELECT key_id FROM batches WHERE batch_id = ?", batch_id)
        key_id = str(found[0][0]) if found else ""
        if key_id and key_id not in self._ciphers:
            key = self._keys.find(key_id)
            if key is None:
                return None
            self._ciphers[key_id] = AESGCM(key)
        return self._ciphers.get(key_id)

    def _mac(self, what: str, parts: Sequence[str]) -> str:
        return hmac.digest(self._secret, orjson.dumps([what, *parts]), "sha256").hex()[:32]


def _insert(con: sqlite3.Connection, head: BatchHead, day: str, key_id: str) -> str:
    (number,) = con.execute("SELECT coalesce(max(number), 0) + 1 FROM batches").fetchone()
    batch_id = f"{head.template}-{day}-{number:04d}"
    con.execute(
        "INSERT INTO batches (batch_id, partner, template, version, made_min, from_min, until_min, revision, corrects,"
        " marks, key_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(batch_id, head.partner, head.template, head.version, head.made_min, head.from_min, head.until_min),
            *(head.revision, head.corrects, marks_text(head.marks), key_id),
        ),
    )
    return batch_id


def _seal_anew(con: sqlite3.Connection, batch_id: str, old: AESGCM | None, new: AESGCM) -> None:
    sql = "SELECT place, sealed FROM batch_rows WHERE batch_id = ? AND sealed IS NOT NULL"
    for place, sealed in con.execute(sql, (batch_id,)).fetchall():
        cells = unseal(old, batch_id, int(place), sealed)
        told = None if cells is None else seal(new, batch_id, int(place), cells)
        con.execute("UPDATE batch_rows SET sealed = ? WHERE batch_id = ? AND place = ?", (told, batch_id, place))
