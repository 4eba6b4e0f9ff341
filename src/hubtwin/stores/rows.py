"""The row half of the embedded store: manifest of Parquet files, batches, cursors, quarantine, findings, events."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import astuple, dataclass
from pathlib import Path

from hubtwin.base.errors import Bug, Denied, Malformed
from hubtwin.library.catalogue import Held
from hubtwin.library.ingest import REFUSED
from hubtwin.model.event import Event
from hubtwin.model.finding import Finding
from hubtwin.model.record import Marks, Provenance, Quarantined, Status
from hubtwin.ports import Batch
from hubtwin.stores.migrate import migrate
from hubtwin.stores.sqlite import Database

EVENT_VERSION = 1
_FILE = "path, dataset, batch_no, row_count, synthetic_count, byte_count, sha256, key_unique, role"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A Parquet file of the manifest. Files of a dataset count in the order of `batch_no`; the later row stands."""

    path: str
    dataset: str
    batch_no: int
    rows: int
    synthetic_rows: int
    bytes: int
    sha256: str
    key_unique: bool
    role: str = "current"


class Rows:
    """The tables of `rows.sqlite`. Methods that take a connection belong inside `transaction`."""

    def __init__(self, path: Path, at_min: int) -> None:
        """Open or create the file and bring it to this version. Raises Denied for a file of a newer version."""
        self.database = Database(path)
        migrate(self.database, "rows", at_min)

    def transaction(self, *, wait: bool = True) -> AbstractContextManager[sqlite3.Connection]:
        """Hold the write lock of the store; all or nothing."""
        return self.database.transaction(wait=wait)

    def claim(self, hub_id: str, status: Status) -> None:
        """Write down whose store this is, the first time; raise Denied if it is somebody else's ever after."""
        wanted = {"hub_id": hub_id, "status": status.value}
        if not (found := self.identity()):
            with self.transaction() as con:
                con.executemany("INSERT OR IGNORE INTO store VALUES (?, ?)", wanted.items())
            found = self.identity()
        if found != wanted:
            raise Denied("stores.other_owner", **{f"found_{name}": value for name, value in found.items()}, **wanted)

    def identity(self) -> dict[str, str]:
        """Return `hub_id` and `status` of the store; empty for a new one."""
        return {str(name): str(value) for name, value in self.database.all("SELECT name, value FROM store")}

    def begin_batch(self, con: sqlite3.Connection, batch: Batch, at_min: int) -> int | None:
        """Return the number of a new batch, or None where its key was applied before."""
        if con.execute("SELECT 1 FROM batches WHERE key = ?", (batch.key,)).fetchone():
            return None
        values = (batch.key, batch.source, at_min)
        found = con.execute("INSERT INTO batches (key, source, at_min) VALUES (?, ?, ?)", values).lastrowid
        if found is None:
            raise Bug("stores.no_number")
        return found

    def end_batch(self, con: sqlite3.Connection, batch: Batch, number: int, at_min: int) -> None:
        """Write the quarantine and the cursor of a batch."""
        con.executemany(
            "INSERT INTO quarantine (source, batch_no, locator, reason, reason_values, raw, at_min)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (batch.source, number, row.locator, row.reason, _shown(row.values), row.raw, at_min)
                for row in batch.quarantined
            ),
        )
        if batch.cursor is not None:
            con.execute(
                "INSERT INTO cursors VALUES (?, ?, 1, ?) ON CONFLICT (source)"
                " DO UPDATE SET cursor = excluded.cursor, committed = committed + 1, at_min = excluded.at_min",
                (batch.source, batch.cursor, at_min),
            )

    def add_files(self, con: sqlite3.Connection, files: Iterable[StoredFile], at_min: int) -> None:
        """Enter files into the manifest: from the commit on they count."""
        con.executemany(
            f"INSERT INTO files ({_FILE}, at_min) VALUES ({', '.join('?' * 10)})",  # noqa: S608 - constant names
            ((*astuple(file), at_min) for file in files),
        )

    def retire_files(self, con: sqlite3.Connection, paths: Iterable[str], at_min: int) -> None:
        """Take files out of the manifest; they stay on disk a while for readers that are at work."""
        for path in paths:
            con.execute("DELETE FROM files WHERE path = ?", (path,))
            con.execute("INSERT OR REPLACE INTO retired VALUES (?, ?)", (path, at_min))

    def drop_retired(self, con: sqlite3.Connection, until_min: int) -> None:
        """Forget files that were retired before `until_min`: the next sweep deletes them."""
        con.execute("DELETE FROM retired WHERE at_min < ?", (until_min,))

    def known_paths(self) -> set[str]:
        """Return every path that must stay on disk."""
        return {str(path) for (path,) in self.database.all("SELECT path FROM files UNION SELECT path FROM retired")}

    def list_files(self, dataset: str | None = None, role: str | None = None) -> list[StoredFile]:
        """Return the manifest in the order in which its files count."""
        rows = self.database.all(
            f"SELECT {_FILE} FROM files WHERE (?1 IS NULL OR dataset = ?1) AND (?2 IS NULL OR role = ?2)"  # noqa: S608
            " ORDER BY batch_no, path",
            dataset,
            role,
        )
        return [_file(row) for row in rows]

    def held(self) -> dict[str, Held]:
        """Return what is held of each dataset."""
        found = self.database.all(
            "SELECT dataset, sum(row_count), sum(synthetic_count), count(*), sum(byte_count), max(at_min)"
            " FROM files WHERE role = 'current' GROUP BY dataset"
        )
        return {str(name): Held(*(int(str(part)) for part in parts)) for name, *parts in found}

    def find_cursor(self, source: str) -> str | None:
        """Return the cursor of a source."""
        found = self.database.all("SELECT cursor FROM cursors WHERE source = ?", source)
        return str(found[0][0]) if found else None

    def count_cursors(self, source: str) -> int:
        """Return how often a cursor of the source was committed."""
        found = self.database.all("SELECT committed FROM cursors WHERE source = ?", source)
        return int(str(found[0][0])) if found else 0

    def list_cursors(self) -> list[tuple[str, str, int]]:
        """Return source, cursor and the epoch minute in which it was written."""
        found = self.database.all("SELECT source, cursor, at_min FROM cursors ORDER BY source")
        return [(str(source), str(cursor), int(str(at_min))) for source, cursor, at_min in found]

    def list_quarantine(self, source: str | None) -> list[Quarantined]:
        """Return quarantined rows, oldest first."""
        found = self.database.all(
            "SELECT locator, reason, reason_values, raw FROM quarantine WHERE ?1 IS NULL OR source = ?1 ORDER BY seq",
            source,
        )
        return [Quarantined(str(a), str(b), json.loads(str(c)), str(d)) for a, b, c, d in found]

    def count_quarantine(self) -> dict[tuple[str, str], int]:
        """Return how many rows are in quarantine by source and reason."""
        found = self.database.all(
            "SELECT source, reason, count(*) FROM quarantine GROUP BY source, reason ORDER BY 1, 2"
        )
        return {(str(source), str(reason)): int(str(count)) for source, reason, count in found}

    def count_refused(self) -> dict[tuple[str, str], int]:
        """Return how many rows are in quarantine by source and dataset; the dataset is empty for rows that could not
        be read as rows of any."""
        size = len(REFUSED)
        found = self.database.all(
            f"SELECT source, CASE WHEN substr(raw, 1, {size}) = ? THEN substr(raw, {size + 1},"  # noqa: S608 - a number
            f" instr(substr(raw, {size + 1}), '\"') - 1) ELSE '' END AS named, count(*) FROM quarantine GROUP BY 1, 2",
            REFUSED,
        )
        return {(str(source), str(dataset)): int(str(count)) for source, dataset, count in found}

    def list_taken(self, dataset: str) -> dict[int, int]:
        """Return the minute in which each batch was taken in that is the last one of a file of a dataset."""
        found = self.database.all(
            "SELECT batch_no, at_min FROM batches WHERE batch_no IN"
            " (SELECT batch_no FROM files WHERE dataset = ? AND role = 'current')",
            dataset,
        )
        return {int(str(number)): int(str(at_min)) for number, at_min in found}

    def save_findings(self, findings: Sequence[Finding]) -> int:
        """Store findings once by key; return how many were new."""
        with self.transaction() as con:
            (last,) = con.execute("SELECT coalesce(max(seq), 0) FROM findings").fetchone()
            before = con.total_changes
            for seq, found in enumerate(findings, start=last + 1):
                con.execute(
                    "INSERT OR IGNORE INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _line(seq, found)
                )
            return con.total_changes - before

    def list_findings(self, scene: str) -> list[Finding]:
        """Return all findings of a scene in the order they were first saved."""
        found = self.database.all(
            "SELECT key, scene, kind, subject, found_min, score, evidence, params, status, provenance, replayed"
            " FROM findings WHERE scene = ? ORDER BY seq",
            scene,
        )
        return [_finding(row) for row in found]

    def add_event(self, con: sqlite3.Connection, at_min: int, kind: str, payload: Mapping[str, object]) -> int:
        """Append an event inside a transaction; return its number."""
        values = (at_min, kind, plain_json(payload), EVENT_VERSION)
        number = con.execute(
            "INSERT INTO events (at_min, kind, payload, version) VALUES (?, ?, ?, ?)", values
        ).lastrowid
        if number is None:
            raise Bug("stores.no_number")
        return number

    def list_events(self, kind: str | None, after_seq: int) -> list[Event]:
        """Return events in order, after a number, of one kind or of all."""
        found = self.database.all(
            "SELECT seq, at_min, kind, payload, version FROM events WHERE seq > ?1 AND (?2 IS NULL OR kind = ?2)"
            " ORDER BY seq",
            after_seq,
            kind,
        )
        return [
            Event(int(str(seq)), int(str(at_min)), str(name), json.loads(str(payload)), int(str(version)))
            for seq, at_min, name, payload, version in found
        ]


def refuse_lost_rows(directory: Path) -> None:
    """Raise Malformed where there are columns but their manifest is gone."""
    rows = directory / "rows.sqlite"
    if (not rows.exists() or rows.stat().st_size == 0) and any((directory / "columns").glob("*/*.parquet")):
        raise Malformed("stores.rows_lost", path=rows.name)


def _file(row: Sequence[object]) -> StoredFile:
    path, dataset, batch_no, rows, synthetic, size, digest, unique, role = map(str, row)
    return StoredFile(path, dataset, int(batch_no), int(rows), int(synthetic), int(size), digest, unique == "1", role)


def _line(seq: int, found: Finding) -> tuple[object, ...]:
    marks = found.marks
    return (
        *(found.key, seq, found.scene, found.kind, found.subject, found.found_min, found.score),
        *(plain_json(found.evidence), plain_json(found.params)),
        *(marks.status.value, marks.provenance.value, marks.replayed),
    )


def _finding(row: Sequence[object]) -> Finding:
    key, scene, kind, subject, found_min, score, evidence, params, status, provenance, replayed = map(str, row)
    marks = Marks(Status(status), Provenance(provenance), replayed == "1")
    return Finding(
        key, scene, kind, subject, int(found_min), float(score), json.loads(evidence), json.loads(params), marks
    )


def plain_json(values: Mapping[str, object]) -> str:
    """Return JSON of plain values. Raises Bug for anything that JSON has no word for: it would not come back."""
    try:
        return json.dumps(values, ensure_ascii=False, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Bug("stores.not_plain", detail=str(error)) from error


def _shown(values: Mapping[str, object]) -> str:
    """Return JSON of the values of a message; what JSON has no word for is shown as text."""
    return json.dumps(values, ensure_ascii=False, sort_keys=True, default=str)
