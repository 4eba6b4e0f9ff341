"""The closed loop: cases, tasks, the board."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hubtwin.model.case import CaseState, Outcome
from hubtwin.model.task import TaskState
from hubtwin.web.schemas.hub import Words
from hubtwin.web.schemas.trains import Times


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case as a list shows it: a pseudonym, a state, a clock, an owner."""

    case_id: str
    scene: str
    emergency_id: str
    pid: str
    train: str
    opened_min: int
    state: CaseState
    since_min: int
    deadline_min: int | None
    owner: str | None
    outcome: Outcome | None
    version: int
    synthetic: bool


@dataclass(frozen=True, slots=True)
class CasesReply:
    """A page of cases by deadline, then id. `next` goes into `after` for the next page; `rev` is its revision."""

    rev: int
    total: int
    cases: Sequence[CaseRow]
    next: str | None


@dataclass(frozen=True, slots=True)
class Happened:
    """A line of a timeline: what happened when, by whom; `payload` holds pseudonyms and references only."""

    seq: int
    at_min: int
    kind: str
    by: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """A piece of evidence on file."""

    kind: str
    ref: str
    values: Mapping[str, Any]
    at_min: int
    by: str


@dataclass(frozen=True, slots=True)
class CaseMoveView:
    """A button that this person may press. `clock_min` is how long the next state may last."""

    command: str
    to_state: CaseState
    needs: Sequence[str]
    clock: str | None
    clock_min: int | None
    label: Words


@dataclass(frozen=True, slots=True)
class CaseReply:
    """A case with its history, its evidence and what may be done."""

    case: CaseRow
    timeline: Sequence[Happened]
    evidence: Sequence[EvidenceView]
    moves: Sequence[CaseMoveView]
    times: Times


@dataclass(frozen=True, slots=True)
class TaskRow:
    """An order to a team."""

    task_id: str
    scene: str
    kind: str
    subject: str
    place: str
    team: str
    created_min: int
    due_min: int
    state: TaskState
    since_min: int
    deadline_min: int | None
    reason: str
    version: int
    synthetic: bool


@dataclass(frozen=True, slots=True)
class TasksReply:
    """A page of open tasks by due minute, then id."""

    rev: int
    total: int
    tasks: Sequence[TaskRow]
    next: str | None


@dataclass(frozen=True, slots=True)
class TaskMoveView:
    """A button that this person may press; `reason` and `team` say what it asks for."""

    command: str
    to_state: TaskState
    reason: bool
    team: bool
    label: Words


@dataclass(frozen=True, slots=True)
class TaskReply:
    """A task with its history and what may be done."""

    task: TaskRow
    timeline: Sequence[Happened]
    moves: Sequence[TaskMoveView]


@dataclass(frozen=True, slots=True)
class StateCount:
    """Cases in one state; `next_min` is when the first of their clocks runs out."""

    state: CaseState
    count: int
    overdue: int
    next_min: int | None


@dataclass(frozen=True, slots=True)
class BalanceView:
    """The hourly reconciliation: entered = released + transferred + open; a difference is an alarm."""

    at_min: int | None
    entered: int
    released: int
    transferred: int
    open: int
    difference: int


@dataclass(frozen=True, slots=True)
class StepTime:
    """Minutes from the step before to this one, over the loops of today; null where none got there."""

    step: str
    count: int
    p50_min: float | None
    p95_min: float | None


@dataclass(frozen=True, slots=True)
class OverflowView:
    """Overflow at a place: proposed by the system, begun and ended by a person."""

    overflow_id: str
    place: str
    since_min: int
    begun_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class AlarmRate:
    """Alarms of the last ten minutes and the band of EEMUA 191: more than ten in ten minutes is a flood."""

    per_10_min: float
    band: Literal["acceptable", "manageable", "demanding", "flood"]


@dataclass(frozen=True, slots=True)
class Board:
    """The closed loop in figures."""

    rev: int
    now_min: int
    by_state: Sequence[StateCount]
    open: int
    overdue: int
    tasks_open: int
    tasks_late: int
    balance: BalanceView
    loop_times: Sequence[StepTime]
    overflow: Sequence[OverflowView]
    alarm_rate: AlarmRate
    synthetic: bool
