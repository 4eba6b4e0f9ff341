"""The closed loop: cases, tasks, the board."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
class TransferView:
    """A transfer in references. `left_min` without `arrived_min`: left, not arrived; the clock of its step runs."""

    vehicle: str | None
    receiving_site: str | None
    signature_out: str | None
    signature_in: str | None
    left_min: int | None
    arrived_min: int | None


@dataclass(frozen=True, slots=True)
class StepView:
    """One time that a step was taken, or one of the six that was not (`ahead`, `skipped`).

    `next` is the step after it, or "closed"; null while it lasts. `attempt` counts the times of a step from 1.
    """

    step: Literal["report", "antigen", "review", "nucleic", "transfer", "feedback", "refusal", "follow_up"]
    standing: Literal["done", "now", "ahead", "skipped"]
    attempt: int
    owner: str | None
    started_min: int | None
    finished_min: int | None
    result: str | None
    next: str | None
    deadline_min: int | None
    transfer: TransferView | None


@dataclass(frozen=True, slots=True)
class ProposalView:
    """What the system proposes at the present version of a case: a move and its evidence. A named person decides."""

    command: str
    kind: str
    ref: str
    values: Mapping[str, Any]
    at_min: int


@dataclass(frozen=True, slots=True)
class AppealView:
    """Somebody says that the case is wrong: `ground` and `ref` are references, the clock is two hours.

    `upheld` is null while it waits. `may_decide`: this person may; nobody decides on an appeal of their own.
    """

    appeal_id: str
    ground: str
    lodged_by: str
    lodged_min: int
    deadline_min: int
    upheld: bool | None
    decided_by: str | None
    decided_min: int | None
    ref: str | None
    note: str | None
    may_decide: bool


@dataclass(frozen=True, slots=True)
class CaseReply:
    """A case with its history, its steps, its evidence, its appeals, and what may be done."""

    case: CaseRow
    timeline: Sequence[Happened]
    evidence: Sequence[EvidenceView]
    moves: Sequence[CaseMoveView]
    times: Times
    steps: Sequence[StepView]
    proposals: Sequence[ProposalView]
    appeals: Sequence[AppealView]


@dataclass(frozen=True, slots=True)
class TaskRow:
    """An order to a team. `told` is what a partner asked for, in its words; empty for every other order."""

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
    told: Mapping[str, Any] = field(default_factory=dict)


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
class CheckView:
    """A line of the checklist of a task; who ticked it and when (epoch minute) are null while it is open."""

    item: str
    label: Words
    by: str | None
    done_min: int | None


PieceName = Literal["note", "scan", "photo"]


@dataclass(frozen=True, slots=True)
class PieceView:
    """A note, a scanned code or a photo on file. `text` is null for a photo, and for what was destroyed meanwhile.

    `stands`: the content is still there; a photo is asked for by its `piece_id`.
    """

    piece_id: str
    kind: PieceName
    by: str
    done_min: int
    text: str | None
    stands: bool


@dataclass(frozen=True, slots=True)
class TaskReply:
    """A task with its history, its checklist, what was filed with it, and what may be done.

    `may_file`: this person may tick, report and send photos.
    """

    task: TaskRow
    timeline: Sequence[Happened]
    moves: Sequence[TaskMoveView]
    checklist: Sequence[CheckView] = ()
    pieces: Sequence[PieceView] = ()
    may_file: bool = False


@dataclass(frozen=True, slots=True)
class NearTeam:
    """A team that could go to a place: minutes of walk, and how many open tasks it has."""

    team: str
    walk_min: int
    tasks: int


@dataclass(frozen=True, slots=True)
class NearReply:
    """The teams on duty that can walk to a place, the best first."""

    place: str
    teams: Sequence[NearTeam]


@dataclass(frozen=True, slots=True)
class PhoneReply:
    """What the phone of a person locks its queue with (32 bytes, base64): held in memory only, never stored there."""

    secret: str


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
class OverflowProposal:
    """The system proposes overflow at an exit: from when to when its lanes fill, how long the queue gets. Open until
    somebody begins overflow there or cancels the task."""

    task_id: str
    place: str
    proposed_min: int
    deadline_min: int | None
    from_min: int | None
    until_min: int | None
    longest_queue: float | None
    peak_per_min: float | None
    capacity_per_min: float | None


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
    overflow_proposals: Sequence[OverflowProposal]
    alarm_rate: AlarmRate
    synthetic: bool
