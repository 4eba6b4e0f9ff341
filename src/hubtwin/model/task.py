"""A task for a team as a table of moves: assigned, accepted, on post, done; late orders escalate by themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from hubtwin.base.errors import Denied, Malformed
from hubtwin.model.record import UNMARKED, Marks


class TaskState(StrEnum):
    """Where a task stands."""

    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    ON_POST = "on_post"
    DONE = "done"
    DECLINED = "declined"  # waits for another team
    ESCALATED = "escalated"  # nobody answered in time: the duty commander decides
    CANCELLED = "cancelled"


OPEN_STATES = (TaskState.ASSIGNED, TaskState.ACCEPTED, TaskState.ON_POST, TaskState.DECLINED, TaskState.ESCALATED)


@dataclass(frozen=True, slots=True)
class TaskMove:
    """A line of the table. `reason` says that a reason must be given, `team` that a team must be named."""

    command: str
    from_state: TaskState
    to_state: TaskState
    clock: str | None = None
    reason: bool = False
    team: bool = False


T = TaskState
TASK_MOVES: tuple[TaskMove, ...] = (
    TaskMove("accept", T.ASSIGNED, T.ACCEPTED, "on_post"),
    TaskMove("accept", T.ESCALATED, T.ACCEPTED, "on_post"),
    TaskMove("decline", T.ASSIGNED, T.DECLINED, "answer", reason=True),
    TaskMove("decline", T.ACCEPTED, T.DECLINED, "answer", reason=True),
    TaskMove("arrive", T.ACCEPTED, T.ON_POST, "done"),
    TaskMove("finish", T.ON_POST, T.DONE),
    TaskMove("finish", T.ACCEPTED, T.DONE),
    *(TaskMove("reassign", s, T.ASSIGNED, "answer", team=True) for s in (T.ASSIGNED, T.DECLINED, T.ESCALATED)),
    *(TaskMove("escalate", s, T.ESCALATED, "escalated") for s in (T.ASSIGNED, T.ACCEPTED, T.DECLINED)),
    *(TaskMove("cancel", s, T.CANCELLED, reason=True) for s in OPEN_STATES),
)
TASK_TABLE: Mapping[tuple[TaskState, str], TaskMove] = {(m.from_state, m.command): m for m in TASK_MOVES}
TASK_COMMANDS: tuple[str, ...] = tuple(dict.fromkeys(move.command for move in TASK_MOVES))


@dataclass(frozen=True, slots=True)
class Task:
    """An order to a team. `kind` is what to do (meet_train, transfer, ...), `subject` what it is about.

    `due_min` is when the team must be on post; `deadline_min` is when the clock of the present state runs out. `told`
    is what somebody from outside asked for, in own words: it stays here and goes into no event.
    """

    task_id: str
    scene: str
    kind: str
    subject: str
    place: str
    team: str
    created_min: int
    due_min: int
    state: TaskState = TaskState.ASSIGNED
    since_min: int = 0
    deadline_min: int | None = None
    reason: str = ""
    version: int = 0
    marks: Marks = UNMARKED
    told: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Return whether anything is still to be done."""
        return self.state in OPEN_STATES


@dataclass(frozen=True, slots=True)
class TaskCommand:
    """What somebody wants done with a task. `by` is a person, or `system` for a clock that ran out."""

    task_id: str
    command: str
    by: str
    at_min: int
    reason: str = ""
    team: str = ""
    expects: int | None = None


def advance_task(task: Task, command: TaskCommand, clocks_min: Mapping[str, int]) -> Task:
    """Return the task after a command.

    `clocks_min` gives minutes for answer, done, escalated; on post is due at `due_min` itself. Raises Denied for a
    move that the table does not have or an old version, Malformed where a reason or a team is missing.
    """
    move = TASK_TABLE.get((task.state, command.command))
    if move is None:
        raise Denied("model.illegal_move", command=command.command, state=task.state.value)
    if command.expects is not None and command.expects != task.version:
        raise Denied("model.case_moved_on", seen=command.expects, now=task.version)
    if move.reason and not command.reason.strip():
        raise Malformed("model.reason_missing", command=command.command)
    if move.team and not command.team:
        raise Malformed("model.team_missing", command=command.command)
    deadline = None
    if move.clock == "on_post":
        deadline = task.due_min
    elif move.clock is not None:
        deadline = command.at_min + clocks_min[move.clock]
    return replace(
        task,
        state=move.to_state,
        since_min=command.at_min,
        deadline_min=deadline,
        team=command.team or task.team,
        reason=command.reason or task.reason,
        version=task.version + 1,
    )


def list_task_moves(state: TaskState) -> list[TaskMove]:
    """Return the moves that lead out of a state, in the order of the table."""
    return [move for move in TASK_MOVES if move.from_state is state]
