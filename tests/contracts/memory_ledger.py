"""A ledger in memory: the fake that stands for one in tests of the flow. It passes the suite of ledgers."""

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from hubtwin.base.errors import Absent, Bug, Denied, Malformed
from hubtwin.model.alert import Alert
from hubtwin.model.case import Case, CaseState, Evidence
from hubtwin.model.emergency import Appeal, Emergency, Overflow
from hubtwin.model.event import Event, EventKind, Filed, LoopStep, LoopTimes, Message, Tally, Timer
from hubtwin.model.field import Piece
from hubtwin.model.record import Status
from hubtwin.model.task import Task, TaskState
from hubtwin.ports import EVERY_CASE, EVERY_TASK, CaseFilter, TaskFilter, Unit

T = TypeVar("T")
_NEVER = 1 << 53


@dataclass
class State:
    """Everything that a ledger holds."""

    emergencies: dict[str, Emergency] = field(default_factory=dict)
    overflows: dict[str, Overflow] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    appeals: dict[str, Appeal] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    evidence: list[Filed] = field(default_factory=list)
    pieces: dict[str, Piece] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    timers: dict[tuple[str, str], Timer] = field(default_factory=dict)
    outbox: dict[str, Message] = field(default_factory=dict)
    commands: dict[str, str] = field(default_factory=dict)
    times: dict[tuple[str, str], LoopTimes] = field(default_factory=dict)


class Reading:
    """`ports.LedgerReader` over a State."""

    state: State

    def find_emergency(self, emergency_id: str) -> Emergency | None:
        return self.state.emergencies.get(emergency_id)

    def list_emergencies(self, scene: str | None = None) -> list[Emergency]:
        found = [e for e in self.state.emergencies.values() if scene in (None, e.scene)]
        return sorted(found, key=lambda e: (e.begins_min, e.emergency_id))

    def find_overflow(self, overflow_id: str) -> Overflow | None:
        return self.state.overflows.get(overflow_id)

    def list_overflows(self, scene: str | None = None, *, on_only: bool = False) -> list[Overflow]:
        found = [o for o in self.state.overflows.values() if scene in (None, o.scene) and (o.is_on or not on_only)]
        return sorted(found, key=lambda o: (o.begun_min, o.overflow_id))

    def find_alert(self, alert_id: str) -> Alert | None:
        return self.state.alerts.get(alert_id)

    def list_alerts(self, scene: str | None = None, *, active_only: bool = False) -> list[Alert]:
        found = [a for a in self.state.alerts.values() if scene in (None, a.scene) and (a.is_active or not active_only)]
        return sorted(found, key=lambda a: (a.raised_min, a.alert_id))

    def find_case(self, case_id: str) -> Case | None:
        return self.state.cases.get(case_id)

    def get_case(self, case_id: str) -> Case:
        return _get(self.find_case(case_id))

    def list_cases(self, where: CaseFilter = EVERY_CASE) -> list[Case]:
        return _page(
            self._cases(where),
            where,
            lambda c: c.opened_min,
            lambda c: c.case_id,
            self.state.cases.get(where.after or ""),
        )

    def count_cases(self, where: CaseFilter = EVERY_CASE) -> dict[CaseState, int]:
        return _count(case.state for case in self._cases(where))

    def _cases(self, where: CaseFilter) -> list[Case]:
        return [
            case
            for case in self.state.cases.values()
            if where.scene in (None, case.scene)
            and where.emergency_id in (None, case.emergency_id)
            and where.train in (None, case.train)
            and where.pid in (None, case.pid)
            and (not where.states or case.state in where.states)
            and (case.is_open or not where.open_only)
            and _overdue(case.deadline_min, where.overdue_at_min)
        ]

    def list_evidence(self, case_id: str) -> list[Filed]:
        return [filed for filed in self.state.evidence if filed.case_id == case_id]

    def find_appeal(self, appeal_id: str) -> Appeal | None:
        return self.state.appeals.get(appeal_id)

    def list_appeals(self, case_id: str | None = None, *, open_only: bool = False) -> list[Appeal]:
        found = [
            a for a in self.state.appeals.values() if case_id in (None, a.case_id) and (a.is_open or not open_only)
        ]
        return sorted(found, key=lambda a: (a.lodged_min, a.appeal_id))

    def find_task(self, task_id: str) -> Task | None:
        return self.state.tasks.get(task_id)

    def get_task(self, task_id: str) -> Task:
        return _get(self.find_task(task_id))

    def list_tasks(self, where: TaskFilter = EVERY_TASK) -> list[Task]:
        return _page(
            self._tasks(where),
            where,
            lambda t: t.created_min,
            lambda t: t.task_id,
            self.state.tasks.get(where.after or ""),
        )

    def count_tasks(self, where: TaskFilter = EVERY_TASK) -> dict[TaskState, int]:
        return _count(task.state for task in self._tasks(where))

    def _tasks(self, where: TaskFilter) -> list[Task]:
        return [
            task
            for task in self.state.tasks.values()
            if where.scene in (None, task.scene)
            and where.kind in (None, task.kind)
            and (not where.teams or task.team in where.teams)
            and (not where.subjects or task.subject in where.subjects)
            and (not where.states or task.state in where.states)
            and (task.is_open or not where.open_only)
            and _overdue(task.deadline_min, where.overdue_at_min)
        ]

    def find_piece(self, piece_id: str) -> Piece | None:
        return self.state.pieces.get(piece_id)

    def list_pieces(self, task_id: str) -> list[Piece]:
        return [piece for piece in self.state.pieces.values() if piece.task_id == task_id]

    def list_timers(self, until_min: int | None = None, limit: int | None = None) -> list[Timer]:
        found = [t for t in self.state.timers.values() if until_min is None or t.due_min <= until_min]
        return sorted(found, key=lambda t: (t.due_min, t.subject, t.name))[:limit]

    def list_outbox(self, limit: int = 100) -> list[Message]:
        return [message for message in self.state.outbox.values() if message.sent_min is None][:limit]

    def list_events(
        self,
        after_seq: int = 0,
        kinds: Sequence[str] | None = None,
        subject: str | None = None,
        limit: int | None = None,
    ) -> list[Event]:
        return [
            event
            for event in self.state.events[after_seq:]
            if (kinds is None or event.kind in kinds) and subject in (None, event.subject)
        ][:limit]

    def find_last_event(self, kinds: Sequence[str]) -> Event | None:
        return next((event for event in reversed(self.state.events) if event.kind in kinds), None)

    def last_seq(self) -> int:
        return len(self.state.events)

    def list_times(
        self, scene: str | None = None, subject: str | None = None, since_min: int | None = None
    ) -> list[LoopTimes]:
        found = [t for t in self.state.times.values() if scene in (None, t.scene) and subject in (None, t.subject)]
        if since_min is not None:
            begun = ((t, t.warned if t.sensed is None else t.sensed) for t in found)
            found = [t for t, at_min in begun if at_min is not None and at_min >= since_min]
        return sorted(found, key=lambda t: (t.scene, t.subject))

    def tally(self, emergency_id: str) -> Tally:
        own = [event for event in self.state.events if event.payload.get("emergency") == emergency_id]
        closed = _count(str(e.payload["outcome"] or "") for e in own if e.kind == EventKind.CASE_CLOSED)
        cases = [case for case in self.state.cases.values() if case.emergency_id == emergency_id]
        open_rows = sum(case.is_open for case in cases)
        entered = sum(event.kind == EventKind.CASE_OPENED for event in own)
        return Tally(entered, closed, open_rows, len(cases) - open_rows)


class MemoryLedger(Reading):
    """`ports.Ledger` in memory. Two of them may share a State, as two processes share a file."""

    def __init__(self, state: State | None = None, status: Status = Status.ACTUAL) -> None:
        self.state = State() if state is None else state
        self.status = status
        self._busy = False

    @contextmanager
    def unit(self, at_min: int) -> Iterator[Unit]:
        if self._busy:
            raise Bug("stores.nested_transaction", path="memory")
        before = {name: copy.copy(held) for name, held in self.state.__dict__.items()}  # what they hold never changes
        self._busy = True
        unit = MemoryUnit(self.state, at_min, self.status)
        try:
            yield unit
        except BaseException:
            self.state.__dict__.update(before)
            raise
        finally:
            unit.over, self._busy = True, False


class MemoryUnit(Reading):
    """`ports.Unit` over a State."""

    def __init__(self, state: State, at_min: int, status: Status) -> None:
        self.state, self._at_min, self._status, self.over = state, at_min, status, False

    @property
    def at_min(self) -> int:
        return self._at_min

    def _save(self, table: dict[str, T], key: str, record: T) -> None:
        self._check()
        marked: Any = record
        if marked.marks.status is not self._status:
            raise Malformed("stores.wrong_status", found=marked.marks.status.value, status=self._status.value)
        known: Any = table.get(key)
        if (marked.version == 0) != (known is None) or (known is not None and known.version != marked.version - 1):
            now = "-" if known is None else known.version
            raise Denied("model.case_moved_on", seen=marked.version - 1, now=now)
        table[key] = record

    def _check(self) -> None:
        if self.over:
            raise Bug("stores.unit_over")

    def save_emergency(self, emergency: Emergency) -> None:
        self._save(self.state.emergencies, emergency.emergency_id, emergency)

    def save_overflow(self, overflow: Overflow) -> None:
        self._save(self.state.overflows, overflow.overflow_id, overflow)

    def save_alert(self, alert: Alert) -> None:
        self._save(self.state.alerts, alert.alert_id, alert)

    def save_case(self, case: Case) -> None:
        twins = [
            known
            for known in self.state.cases.values()
            if (known.emergency_id, known.pid, known.train) == (case.emergency_id, case.pid, case.train)
        ]
        if any(twin.case_id != case.case_id for twin in twins):
            raise Denied("model.case_moved_on", seen=-1, now="-")
        self._save(self.state.cases, case.case_id, case)

    def save_appeal(self, appeal: Appeal) -> None:
        self._save(self.state.appeals, appeal.appeal_id, appeal)

    def save_task(self, task: Task) -> None:
        self._save(self.state.tasks, task.task_id, task)

    def add_evidence(self, case: Case, by: str, evidence: Sequence[Evidence]) -> None:
        self._check()
        self.state.evidence += [
            Filed(case.case_id, case.version, by, self._at_min, Evidence(e.kind, e.ref, _plain(e.values)))
            for e in evidence
        ]

    def add_piece(self, piece: Piece) -> None:
        self._check()
        self.state.pieces[piece.piece_id] = piece

    def append(self, kind: str, subject: str, payload: Mapping[str, object], scene: str = "") -> int:
        self._check()
        seq = len(self.state.events) + 1
        self.state.events.append(Event(seq, self._at_min, str(kind), _plain(payload), 1, subject, scene))
        return seq

    def set_timer(self, subject: str, name: str, due_min: int, scene: str = "") -> None:
        self._check()
        self.state.timers[subject, name] = Timer(subject, name, due_min, scene)

    def cancel_timers(self, subject: str, name: str | None = None) -> int:
        self._check()
        gone = [key for key in self.state.timers if key[0] == subject and name in (None, key[1])]
        for key in gone:
            del self.state.timers[key]
        return len(gone)

    def put_outbox(self, key: str, channel: str, payload: Mapping[str, object]) -> None:
        self._check()
        self.state.outbox.setdefault(key, Message(key, channel, _plain(payload), self._at_min))

    def mark_sent(self, key: str) -> None:
        self._check()
        found = self.state.outbox.get(key)
        if found is not None and found.sent_min is None:
            self.state.outbox[key] = replace(found, sent_min=self._at_min)

    def mark_time(self, scene: str, subject: str, step: LoopStep, at_min: int | None = None) -> None:
        self._check()
        minute = self._at_min if at_min is None else at_min
        found = self.state.times.get((scene, subject), LoopTimes(subject, scene))
        known = getattr(found, step.value)
        pick: Callable[[int, int], int] = max if step is LoopStep.CLOSED else min
        kept: Any = {step.value: minute if known is None else pick(known, minute)}
        self.state.times[scene, subject] = replace(found, **kept)

    def once(self, key: str, digest: str) -> bool:
        self._check()
        known = self.state.commands.setdefault(key, "")
        if known not in ("", digest):
            raise Denied("stores.key_reused", command_key=key)
        self.state.commands[key] = digest
        return not known


def _get(found: T | None) -> T:
    if found is None:
        raise Absent("stores.no_case", case_id="?")
    return found


def _overdue(deadline_min: int | None, at_min: int | None) -> bool:
    return at_min is None or (deadline_min is not None and deadline_min < at_min)


def _count(found: Iterable[T]) -> dict[T, int]:
    counted: dict[T, int] = {}
    for each in found:
        counted[each] = counted.get(each, 0) + 1
    return counted


def _page(
    found: list[T], where: CaseFilter | TaskFilter, made: Callable[[T], int], key: Callable[[T], str], last: T | None
) -> list[T]:
    def order(record: T) -> tuple[int, str]:
        clock: int | None = getattr(record, "deadline_min", None)
        return (_NEVER if clock is None else clock) if where.order == "deadline" else made(record), key(record)

    if where.after is not None:
        found = [] if last is None else [record for record in found if order(record) > order(last)]
    return sorted(found, key=order)[: where.limit]


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    try:
        read: dict[str, object] = json.loads(json.dumps(values, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise Bug("stores.not_plain", detail=str(error)) from error
    return read
