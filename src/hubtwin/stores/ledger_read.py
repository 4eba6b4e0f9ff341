"""Reading the ledger of the embedded store: the same questions inside a unit and beside it."""

import json
from collections.abc import Sequence
from typing import Any

from hubtwin.base.errors import Absent
from hubtwin.model.alert import Alert
from hubtwin.model.case import Case, CaseState, Evidence
from hubtwin.model.emergency import Appeal, Emergency, Overflow
from hubtwin.model.event import Event, EventKind, Filed, LoopTimes, Message, Tally, Timer
from hubtwin.model.field import Piece, PieceKind
from hubtwin.model.task import OPEN_STATES, Task, TaskState
from hubtwin.ports import EVERY_CASE, EVERY_TASK, CaseFilter, TaskFilter
from hubtwin.stores.ledger_shapes import ALERTS, APPEALS, CASES, EMERGENCIES, OVERFLOWS, TASKS, R, Shape

PIECE = "piece_id, task_id, kind, ref, given_by, at_min, done_min"  # the columns of a piece, in the order of its fields
_NEVER = 1 << 53  # sorts what has no clock behind everything that has one
_LATER = f"coalesce(deadline_min, {_NEVER})"
_OPEN_TASKS = tuple(state.value for state in OPEN_STATES)
_OPEN_CASES = tuple(state.value for state in CaseState if state is not CaseState.CLOSED)


class LedgerReading:
    """`ports.LedgerReader` on SQLite. A subclass says how a query is run."""

    def _all(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        raise NotImplementedError

    def _find(self, shape: Shape[R], key: str) -> R | None:
        found = self._all(f"SELECT {shape.columns} FROM {shape.table} WHERE {shape.key} = ?", key)  # noqa: S608
        return shape.read(found[0]) if found else None

    def _list(self, shape: Shape[R], tail: str, *values: object) -> list[R]:
        found = self._all(f"SELECT {shape.columns} FROM {shape.table} {tail}", *values)  # noqa: S608
        return [shape.read(line) for line in found]

    def find_emergency(self, emergency_id: str) -> Emergency | None:
        """Return a declared event."""
        return self._find(EMERGENCIES, emergency_id)

    def list_emergencies(self, scene: str | None = None) -> list[Emergency]:
        """Return declared events, the oldest first."""
        tail = "WHERE ?1 IS NULL OR scene = ?1 ORDER BY begins_min, emergency_id"
        return self._list(EMERGENCIES, tail, scene)

    def find_overflow(self, overflow_id: str) -> Overflow | None:
        """Return an overflow order."""
        return self._find(OVERFLOWS, overflow_id)

    def list_overflows(self, scene: str | None = None, *, on_only: bool = False) -> list[Overflow]:
        """Return overflow orders, the oldest first."""
        tail = "WHERE (?1 IS NULL OR scene = ?1) AND (?2 = 0 OR ended_min IS NULL) ORDER BY begun_min, overflow_id"
        return self._list(OVERFLOWS, tail, scene, on_only)

    def find_alert(self, alert_id: str) -> Alert | None:
        """Return an alert."""
        return self._find(ALERTS, alert_id)

    def list_alerts(self, scene: str | None = None, *, active_only: bool = False) -> list[Alert]:
        """Return alerts, the oldest first."""
        active = "AND msg_type <> 'Cancel' AND urgency <> 'Past'" if active_only else ""
        tail = f"WHERE (?1 IS NULL OR scene = ?1) {active} ORDER BY raised_min, alert_id"
        return self._list(ALERTS, tail, scene)

    def find_case(self, case_id: str) -> Case | None:
        """Return a case, if it exists."""
        return self._find(CASES, case_id)

    def get_case(self, case_id: str) -> Case:
        """Return a case. Raises Absent."""
        found = self.find_case(case_id)
        if found is None:
            raise Absent("stores.no_case", case_id=case_id)
        return found

    def list_cases(self, where: CaseFilter = EVERY_CASE) -> list[Case]:
        """Return the cases of a filter."""
        clauses, values = _of_cases(where)
        order = _LATER if where.order == "deadline" else "opened_min"
        return self._list(CASES, *_page(CASES, clauses, values, order=order, where=where))

    def count_cases(self, where: CaseFilter = EVERY_CASE) -> dict[CaseState, int]:
        """Return how many cases of a filter stand in each state."""
        clauses, values = _of_cases(where)
        found = self._all(f"SELECT state, count(*) FROM cases {_where(clauses)} GROUP BY state", *values)  # noqa: S608
        return {CaseState(state): count for state, count in found}

    def list_evidence(self, case_id: str) -> list[Filed]:
        """Return the evidence on file in the order it was given."""
        columns = "version, given_by, at_min, kind, ref, shown"
        found = self._all(f"SELECT {columns} FROM evidence WHERE case_id = ? ORDER BY seq", case_id)  # noqa: S608
        return [
            Filed(case_id, version, by, at_min, Evidence(kind, ref, json.loads(shown)))
            for version, by, at_min, kind, ref, shown in found
        ]

    def find_appeal(self, appeal_id: str) -> Appeal | None:
        """Return an appeal."""
        return self._find(APPEALS, appeal_id)

    def list_appeals(self, case_id: str | None = None, *, open_only: bool = False) -> list[Appeal]:
        """Return appeals, the oldest first."""
        tail = "WHERE (?1 IS NULL OR case_id = ?1) AND (?2 = 0 OR decided_min IS NULL) ORDER BY lodged_min, appeal_id"
        return self._list(APPEALS, tail, case_id, open_only)

    def find_task(self, task_id: str) -> Task | None:
        """Return a task, if it exists."""
        return self._find(TASKS, task_id)

    def get_task(self, task_id: str) -> Task:
        """Return a task. Raises Absent."""
        found = self.find_task(task_id)
        if found is None:
            raise Absent("stores.no_task", task_id=task_id)
        return found

    def list_tasks(self, where: TaskFilter = EVERY_TASK) -> list[Task]:
        """Return the tasks of a filter."""
        clauses, values = _of_tasks(where)
        order = _LATER if where.order == "deadline" else "created_min"
        return self._list(TASKS, *_page(TASKS, clauses, values, order=order, where=where))

    def count_tasks(self, where: TaskFilter = EVERY_TASK) -> dict[TaskState, int]:
        """Return how many tasks of a filter stand in each state."""
        clauses, values = _of_tasks(where)
        found = self._all(f"SELECT state, count(*) FROM tasks {_where(clauses)} GROUP BY state", *values)  # noqa: S608
        return {TaskState(state): count for state, count in found}

    def find_piece(self, piece_id: str) -> Piece | None:
        """Return a piece, if it was filed."""
        found = self._all(f"SELECT {PIECE} FROM task_pieces WHERE piece_id = ?", piece_id)  # noqa: S608
        return _piece(found[0]) if found else None

    def list_pieces(self, task_id: str) -> list[Piece]:
        """Return what was filed with a task, in the order it came."""
        found = self._all(f"SELECT {PIECE} FROM task_pieces WHERE task_id = ? ORDER BY seq", task_id)  # noqa: S608
        return [_piece(line) for line in found]

    def list_timers(self, until_min: int | None = None, limit: int | None = None) -> list[Timer]:
        """Return timers due at `until_min` or before, by due minute, then subject and name."""
        tail = "WHERE due_min <= ? ORDER BY due_min, subject, name LIMIT ?"
        values = (_NEVER if until_min is None else until_min, -1 if limit is None else limit)
        return [Timer(*line) for line in self._all(f"SELECT subject, name, due_min, scene FROM timers {tail}", *values)]  # noqa: S608

    def list_outbox(self, limit: int = 100) -> list[Message]:
        """Return messages that wait, in the order in which they were written."""
        columns = "key, channel, payload, at_min, sent_min"
        found = self._all(f"SELECT {columns} FROM outbox WHERE sent_min IS NULL ORDER BY seq LIMIT ?", limit)  # noqa: S608
        return [Message(key, channel, json.loads(payload), *times) for key, channel, payload, *times in found]

    def list_events(
        self,
        after_seq: int = 0,
        kinds: Sequence[str] | None = None,
        subject: str | None = None,
        limit: int | None = None,
    ) -> list[Event]:
        """Return events in order."""
        clauses, values = ["seq > ?"], [after_seq, *(kinds or ())]
        if kinds is not None:
            clauses.append(f"kind IN ({_marks(kinds)})")
        if subject is not None:
            clauses.append("subject = ? AND subject <> ''")
            values.append(subject)
        columns = "seq, at_min, kind, payload, version, subject, scene"
        tail = f"{_where(clauses)} ORDER BY seq LIMIT ?"
        found = self._all(f"SELECT {columns} FROM events {tail}", *values, -1 if limit is None else limit)  # noqa: S608
        return [Event(seq, at_min, kind, json.loads(payload), *rest) for seq, at_min, kind, payload, *rest in found]

    def find_last_event(self, kinds: Sequence[str]) -> Event | None:
        """Return the newest event of some kinds; the index by kind leads to it."""
        newest = [self._all("SELECT max(seq) FROM events WHERE kind = ?", kind)[0][0] for kind in kinds]
        last = max((int(seq) for seq in newest if seq is not None), default=0)
        return next(iter(self.list_events(last - 1, limit=1)), None) if last else None

    def last_seq(self) -> int:
        """Return the number of the last event."""
        ((seq,),) = self._all("SELECT coalesce(max(seq), 0) FROM events")
        return int(seq)

    def list_times(
        self, scene: str | None = None, subject: str | None = None, since_min: int | None = None
    ) -> list[LoopTimes]:
        """Return the measured times, by scene and subject; of all loops or of those begun since a minute."""
        columns = "subject, scene, sensed, warned, dispatched, accepted, on_site, closed"
        tail = (
            "WHERE (?1 IS NULL OR scene = ?1) AND (?2 IS NULL OR subject = ?2)"
            " AND (?3 IS NULL OR coalesce(sensed, warned) >= ?3) ORDER BY scene, subject"
        )
        found = self._all(f"SELECT {columns} FROM loop_times {tail}", scene, subject, since_min)  # noqa: S608
        return [LoopTimes(*line) for line in found]

    def tally(self, emergency_id: str) -> Tally:
        """Return what the events and the rows say of the cases of an emergency."""
        told = self._all(
            "SELECT kind, coalesce(json_extract(payload, '$.outcome'), ''), count(*) FROM events"
            " WHERE kind IN (?, ?) AND json_extract(payload, '$.emergency') = ? GROUP BY 1, 2",
            *(EventKind.CASE_OPENED.value, EventKind.CASE_CLOSED.value, emergency_id),
        )
        rows = self.count_cases(CaseFilter(emergency_id=emergency_id))
        closed_rows = rows.pop(CaseState.CLOSED, 0)
        return Tally(
            entered=sum(count for kind, _, count in told if kind == EventKind.CASE_OPENED),
            closed={outcome: count for kind, outcome, count in told if kind == EventKind.CASE_CLOSED},
            open_rows=sum(rows.values()),
            closed_rows=closed_rows,
        )


def _piece(line: Sequence[Any]) -> Piece:
    piece_id, task_id, kind, *rest = line
    return Piece(piece_id, task_id, PieceKind(kind), *rest)


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _where(clauses: Sequence[str]) -> str:
    return f"WHERE {' AND '.join(clauses)}" if clauses else ""


def _of_cases(where: CaseFilter) -> tuple[list[str], list[object]]:
    equal = {
        "scene": where.scene,
        "emergency_id": where.emergency_id,
        "train": where.train,
        "pid": where.pid,
    }
    states = tuple(state.value for state in where.states) or (_OPEN_CASES if where.open_only else ())
    clauses, values = _of(equal, states, where.overdue_at_min)
    if where.open_only and where.states:
        clauses.append("state <> 'closed'")
    return clauses, values


def _of_tasks(where: TaskFilter) -> tuple[list[str], list[object]]:
    states = tuple(state.value for state in where.states) or (_OPEN_TASKS if where.open_only else ())
    clauses, values = _of({"scene": where.scene, "kind": where.kind}, states, where.overdue_at_min)
    if where.open_only and where.states:
        clauses.append(f"state IN ({_marks(_OPEN_TASKS)})")
        values += _OPEN_TASKS
    for name, wanted in (("team", where.teams), ("subject", where.subjects)):
        if wanted:
            clauses.append(f"{name} IN ({_marks(wanted)})")
            values += wanted
    return clauses, values


def _of(equal: dict[str, str | None], states: Sequence[str], overdue_at_min: int | None) -> tuple[list[str], list[Any]]:
    given = {name: value for name, value in equal.items() if value is not None}
    clauses, values = [f"{name} = ?" for name in given], list[Any](given.values())
    if states:
        clauses.append(f"state IN ({_marks(states)})")
        values += states
    if overdue_at_min is not None:
        clauses.append("deadline_min < ?")
        values.append(overdue_at_min)
    return clauses, values


def _page(
    shape: Shape[Any], clauses: list[str], values: list[object], *, order: str, where: CaseFilter | TaskFilter
) -> list[Any]:
    """Return the tail of a query for one page, and its values."""
    if where.after is not None:
        before = f"SELECT {order}, {shape.key} FROM {shape.table} WHERE {shape.key} = ?"  # noqa: S608
        clauses, values = [*clauses, f"({order}, {shape.key}) > ({before})"], [*values, where.after]
    return [f"{_where(clauses)} ORDER BY {order}, {shape.key} LIMIT ?", *values, where.limit]
