"""The ledger of the embedded store: one SQLite transaction holds state, events, clocks and messages of a command."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hubtwin.base.errors import Bug, Denied, Malformed
from hubtwin.base.failpoint import failpoint
from hubtwin.model.alert import Alert
from hubtwin.model.case import Case, Evidence
from hubtwin.model.emergency import Appeal, Emergency, Overflow
from hubtwin.model.event import LoopStep
from hubtwin.model.field import Piece
from hubtwin.model.record import Marks, Status
from hubtwin.model.task import Task
from hubtwin.stores.ledger_read import PIECE, LedgerReading
from hubtwin.stores.ledger_shapes import ALERTS, APPEALS, CASES, EMERGENCIES, OVERFLOWS, TASKS, R, Shape
from hubtwin.stores.rows import EVENT_VERSION, Rows, plain_json
from hubtwin.stores.sqlite import Database


class SqliteLedger(LedgerReading):
    """`ports.Ledger` in the `rows.sqlite` of an embedded store, on two connections of its own.

    Readers never wait for a writer; units of all threads and processes take turns.
    """

    def __init__(self, directory: Path, hub_id: str, *, at_min: int, status: Status = Status.ACTUAL) -> None:
        """Open the rows of a store directory and bring them to this version.

        Raises Denied for a directory of another hub, another status or a newer version of hubtwin.
        """
        rows = Rows(directory / "rows.sqlite", at_min)
        rows.claim(hub_id, status)
        self.status = status
        self._writing, self._reading = rows.database, Database(rows.database.path)

    def close(self) -> None:
        """Let go of the file."""
        self._writing.close()
        self._reading.close()

    def _all(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self._reading.all(sql, *values)

    @contextmanager
    def unit(self, at_min: int) -> Iterator["SqliteUnit"]:
        """Hold the ledger for one command; commit at the end, roll back on any error. Raises Retry, Bug (nested)."""
        with self._writing.transaction() as con:
            unit = SqliteUnit(con, at_min, self.status)
            try:
                yield unit
            finally:
                unit.end()
            failpoint("ledger.before_commit")
        failpoint("ledger.after_commit")


class SqliteUnit(LedgerReading):
    """`ports.Unit`: what one command reads and writes."""

    def __init__(self, con: sqlite3.Connection, at_min: int, status: Status) -> None:
        self._con: sqlite3.Connection | None = con
        self._at_min, self._status = at_min, status

    @property
    def at_min(self) -> int:
        """Return the minute of the command."""
        return self._at_min

    def end(self) -> None:
        """Refuse everything from now on: what came later would be outside the transaction."""
        self._con = None

    def _run(self, sql: str, *values: object) -> sqlite3.Cursor:
        if self._con is None:
            raise Bug("stores.unit_over")
        return self._con.execute(sql, values)

    def _all(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self._run(sql, *values).fetchall()

    def _save(self, shape: Shape[R], record: R) -> None:
        self._refuse(record.marks)
        line = shape.line(record)
        key, names = str(line[0]), shape.columns.split(", ")
        if record.version == 0:
            added = f"INSERT INTO {shape.table} ({shape.columns}) VALUES ({', '.join('?' * len(line))})"  # noqa: S608
            added += " ON CONFLICT DO NOTHING"
            changed = self._run(added, *line).rowcount
        else:
            sets = ", ".join(f"{name} = ?" for name in names[1:])
            replaced = f"UPDATE {shape.table} SET {sets} WHERE {shape.key} = ? AND version = ?"  # noqa: S608
            changed = self._run(replaced, *line[1:], key, record.version - 1).rowcount
        if changed != 1:
            standing = self._find(shape, key)
            raise Denied("model.case_moved_on", seen=record.version - 1, now=standing.version if standing else "-")
        failpoint("ledger.saved")

    def save_emergency(self, emergency: Emergency) -> None:
        """Add or replace a declared event."""
        self._save(EMERGENCIES, emergency)

    def save_overflow(self, overflow: Overflow) -> None:
        """Add or replace an overflow order."""
        self._save(OVERFLOWS, overflow)

    def save_alert(self, alert: Alert) -> None:
        """Add or replace an alert."""
        self._save(ALERTS, alert)

    def save_case(self, case: Case) -> None:
        """Add or replace a case."""
        self._save(CASES, case)

    def save_appeal(self, appeal: Appeal) -> None:
        """Add or replace an appeal."""
        self._save(APPEALS, appeal)

    def save_task(self, task: Task) -> None:
        """Add or replace a task."""
        self._save(TASKS, task)

    def add_evidence(self, case: Case, by: str, evidence: Sequence[Evidence]) -> None:
        """File what brought a case to its present version."""
        for piece in evidence:
            self._run(
                "INSERT INTO evidence (case_id, version, given_by, at_min, kind, ref, shown)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                *(case.case_id, case.version, by, self._at_min, piece.kind, piece.ref, plain_json(piece.values)),
            )

    def add_piece(self, piece: Piece) -> None:
        """File a piece with its task."""
        line = (piece.piece_id, piece.task_id, piece.kind.value, piece.ref, piece.by, piece.at_min, piece.done_min)
        self._run(f"INSERT INTO task_pieces ({PIECE}) VALUES (?, ?, ?, ?, ?, ?, ?)", *line)  # noqa: S608

    def append(self, kind: str, subject: str, payload: Mapping[str, object], scene: str = "") -> int:
        """Append an event of this minute; return its number. Raises Bug for what is not plain JSON."""
        number = self._run(
            "INSERT INTO events (at_min, kind, payload, version, subject, scene) VALUES (?, ?, ?, ?, ?, ?)",
            *(self._at_min, str(kind), plain_json(payload), EVENT_VERSION, subject, scene),
        ).lastrowid
        if number is None:
            raise Bug("stores.no_number")
        failpoint("ledger.appended")
        return number

    def set_timer(self, subject: str, name: str, due_min: int, scene: str = "") -> None:
        """Let a clock run; one of the same subject and name is set anew."""
        self._run("INSERT OR REPLACE INTO timers VALUES (?, ?, ?, ?)", subject, name, due_min, scene)

    def cancel_timers(self, subject: str, name: str | None = None) -> int:
        """Stop the clocks of a subject, or the named one; return how many."""
        return self._run("DELETE FROM timers WHERE subject = ?1 AND (?2 IS NULL OR name = ?2)", subject, name).rowcount

    def put_outbox(self, key: str, channel: str, payload: Mapping[str, object]) -> None:
        """Write a message; one whose key is known is not written again."""
        self._run(
            "INSERT INTO outbox (key, channel, payload, at_min) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
            *(key, channel, plain_json(payload), self._at_min),
        )

    def mark_sent(self, key: str) -> None:
        """Write down that the receiver has acknowledged a message."""
        self._run("UPDATE outbox SET sent_min = ? WHERE key = ? AND sent_min IS NULL", self._at_min, key)

    def mark_time(self, scene: str, subject: str, step: LoopStep, at_min: int | None = None) -> None:
        """Measure a step of the loop: the first time counts, of the last step (closed) the last time."""
        name, minute = LoopStep(step).value, self._at_min if at_min is None else at_min
        kept = "max(coalesce({0}, ?3), ?3)" if step is LoopStep.CLOSED else "min(coalesce({0}, ?3), ?3)"
        self._run(
            f"INSERT INTO loop_times (scene, subject, {name}) VALUES (?1, ?2, ?3)"  # noqa: S608 - a constant name
            f" ON CONFLICT (scene, subject) DO UPDATE SET {name} = {kept.format(name)}",
            *(scene, subject, minute),
        )

    def once(self, key: str, digest: str) -> bool:
        """Return True the first time a command key is seen. Raises Denied where it came with another digest."""
        found = self._all("SELECT digest FROM commands WHERE key = ?", key)
        if found and found[0][0] != digest:
            raise Denied("stores.key_reused", command_key=key)
        if not found:
            self._run("INSERT INTO commands VALUES (?, ?, ?)", key, digest, self._at_min)
        return not found

    def _refuse(self, marks: Marks) -> None:
        if marks.status is not self._status:
            raise Malformed("stores.wrong_status", found=marks.status.value, status=self._status.value)
