"""Dispatch: a plan becomes tasks, once each; where a team says no, or says nothing, the next suitable one gets it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hubtwin.base.errors import Denied
from hubtwin.base.ids import stable_key
from hubtwin.flow.guard import SYSTEM, require_emergency, shown
from hubtwin.model.duty import COMMANDER, Busy, Job, Roster
from hubtwin.model.event import EventKind, LoopStep
from hubtwin.model.finding import Finding
from hubtwin.model.record import UNMARKED, Marks
from hubtwin.model.task import OPEN_STATES, Task, TaskCommand, TaskState, advance_task
from hubtwin.ports import Ledger, TaskFilter, Unit
from hubtwin.rules.duty import choose_team

MEET, UNMET = "meet_train", "unmet_train"
CLOCK = "clock"  # the one timer of a task
ORDERS = "orders"  # the channel to the teams
PARTNER_TASK = "partner_task"  # what a partner asked for
REPLIES = "partner_replies"  # the channel back to the partners: what became of what they sent
_MANY = 10_000
_KINDS = {
    "accept": EventKind.TASK_ACCEPTED,
    "decline": EventKind.TASK_DECLINED,
    "arrive": EventKind.TASK_ON_POST,
    "finish": EventKind.TASK_DONE,
    "reassign": EventKind.TASK_REASSIGNED,
    "escalate": EventKind.TASK_ESCALATED,
    "cancel": EventKind.TASK_CANCELLED,
}
_STEPS = {"accept": LoopStep.ACCEPTED, "arrive": LoopStep.ON_SITE}


@dataclass(frozen=True, slots=True)
class Order:
    """What the plan wants done: `number` tells apart several teams for the same thing."""

    kind: str
    subject: str
    place: str
    team: str
    due_min: int
    number: int = 0
    marks: Marks = UNMARKED


def list_orders(findings: Iterable[Finding], staff: Mapping[str, Mapping[str, Any]]) -> list[Order]:
    """Return the orders of a staff plan: finding key -> `team` (ids), `platform`, `exit`, `on_post_min`.

    A finding that nobody meets becomes an order to the duty commander; one that the plan does not name, none.
    """
    orders = []
    for found in findings:
        plan = staff.get(found.key)
        if plan is None:
            continue
        place = str(plan.get("platform") or plan.get("exit") or "")
        for number, team in enumerate(plan["team"]):
            orders.append(Order(MEET, found.subject, place, team, int(plan["on_post_min"]), number, found.marks))
        if not plan["team"]:
            due = found.evidence.get("expected_min")
            orders.append(
                Order(UNMET, found.subject, place, COMMANDER, due if isinstance(due, int) else 0, 0, found.marks)
            )
    return orders


def dispatch(
    ledger: Ledger, orders: Sequence[Order], clocks_min: Mapping[str, int], *, scene: str, now_min: int
) -> list[Task]:
    """Give out the orders of a plan in one transaction; return the tasks that are new or were changed.

    An order that stands is kept with its team, whatever a later plan says; a change of its place or time is told.
    A train that has a team, by this plan or an earlier one, is not asked about, and leaves the commander's list. Raises
    Denied where no emergency is in force.
    """
    touched = []
    with ledger.unit(now_min) as unit:
        emergency = require_emergency(unit, scene, now_min)
        met = tuple({order.subject for order in orders if order.kind == MEET} | _met(unit, orders, scene))
        for order in orders:
            if order.kind == UNMET and order.subject in met:
                continue
            task = _give(unit, order, clocks_min, scene=scene, emergency_id=emergency.emergency_id)
            if task is not None:
                touched.append(task)
        if met:
            drop_tasks(unit, TaskFilter(scene=scene, kind=UNMET, subjects=met), "met", clocks_min)
    return touched


def _met(unit: Unit, orders: Sequence[Order], scene: str) -> set[str]:
    """Return which of the trains that a plan leaves without a team have one, from an order that stands or is done."""
    unmet = tuple({order.subject for order in orders if order.kind == UNMET})
    if not unmet:
        return set()
    standing = unit.list_tasks(TaskFilter(scene=scene, kind=MEET, subjects=unmet, limit=_MANY))
    return {task.subject for task in standing if task.state in (*OPEN_STATES, TaskState.DONE)}


def assign(unit: Unit, task: Task, clocks_min: Mapping[str, int], by: str = SYSTEM) -> Task:
    """Add a task with its clock, its event and its order; `by` is who wants it done."""
    task = replace(task, since_min=unit.at_min, deadline_min=unit.at_min + clocks_min["answer"])
    unit.save_task(task)
    _tell(unit, EventKind.TASK_ASSIGNED, task, by)
    if task.kind == MEET:
        unit.mark_time(task.scene, task.subject, LoopStep.DISPATCHED)
    return task


def ask_commander(
    unit: Unit,
    kind: str,
    subject: str,
    clocks_min: Mapping[str, int],
    *,
    scene: str,
    due_min: int,
    marks: Marks = UNMARKED,
    turn: object = 0,
) -> Task | None:
    """Give the duty commander a task; None where the same one was given before. `turn` tells apart repetitions."""
    task_id = stable_key("commander", kind, subject, turn)
    if unit.find_task(task_id) is not None:
        return None
    task = Task(task_id, scene, kind, subject, "", COMMANDER, unit.at_min, due_min, marks=marks)
    return assign(unit, task, clocks_min)


def move_task(unit: Unit, command: TaskCommand, clocks_min: Mapping[str, int], roster: Roster | None = None) -> Task:
    """Move a task by its table inside a unit; where a team declines, the next suitable one gets it at once.

    Raises Absent, Denied, Malformed as `model.task.advance_task`; Denied for a team that the roster does not know.
    """
    task = unit.get_task(command.task_id)
    if command.team and roster is not None and command.team not in roster.teams() | {COMMANDER}:
        raise Denied("flow.no_team", team=command.team)
    moved = advance_task(task, command, clocks_min)
    unit.save_task(moved)
    _tell(unit, _KINDS[command.command], moved, command.by, before=task)
    if moved.kind == MEET and command.command in _STEPS:
        unit.mark_time(moved.scene, moved.subject, _STEPS[command.command])
    if moved.state is TaskState.DECLINED:
        return reassign_to_next(unit, moved, clocks_min, roster)
    return moved


def reassign_to_next(unit: Unit, task: Task, clocks_min: Mapping[str, int], roster: Roster | None) -> Task:
    """Give a task to the nearest suitable team that has not refused it or left it; unchanged where there is none."""
    team = find_next_team(unit, task, roster)
    if team is None:
        return task
    return move_task(unit, TaskCommand(task.task_id, "reassign", SYSTEM, unit.at_min, team=team), clocks_min, roster)


def find_next_team(unit: Unit, task: Task, roster: Roster | None) -> str | None:
    """Return who could take a task over. What was asked of the commander stays with the commander."""
    if roster is None or task.team == COMMANDER:
        return None
    kinds = (EventKind.TASK_DECLINED, EventKind.TASK_ESCALATED)
    past = {str(event.payload["team"]) for event in unit.list_events(kinds=kinds, subject=task.task_id)}
    on_duty = tuple({shift.team for shift in roster.on_duty(unit.at_min)})
    if not on_duty:
        return None
    others = unit.list_tasks(TaskFilter(teams=on_duty, open_only=True, limit=_MANY))
    busy = [Busy(other.team, other.place, other.due_min) for other in others if other.task_id != task.task_id]
    job = Job(task.kind, task.place, task.due_min, frozenset(past | {task.team}))
    return choose_team(job, roster, busy, unit.at_min)


def drop_tasks(unit: Unit, where: TaskFilter, reason: str, clocks_min: Mapping[str, int]) -> int:
    """Cancel the open tasks of a filter, because `reason`; return how many."""
    tasks = unit.list_tasks(replace(where, open_only=True, limit=_MANY))
    for task in tasks:
        move_task(unit, TaskCommand(task.task_id, "cancel", SYSTEM, unit.at_min, reason=reason), clocks_min)
    return len(tasks)


def _give(unit: Unit, order: Order, clocks_min: Mapping[str, int], *, scene: str, emergency_id: str) -> Task | None:
    """Return the task of an order where it is new or was changed."""
    key, turn = ("order", emergency_id, order.kind, order.subject, order.number), 0
    while (known := unit.find_task(stable_key(*key, turn))) is not None and known.state is TaskState.CANCELLED:
        turn += 1
    if known is None:
        task_id = stable_key(*key, turn)
        task = Task(task_id, scene, order.kind, order.subject, order.place, order.team, unit.at_min, order.due_min)
        return assign(unit, replace(task, marks=order.marks), clocks_min)
    if not known.is_open or (known.place, known.due_min) == (order.place, order.due_min):
        return None
    deadline = order.due_min if known.state is TaskState.ACCEPTED else known.deadline_min
    changed = replace(known, place=order.place, due_min=order.due_min, deadline_min=deadline, version=known.version + 1)
    unit.save_task(changed)
    _tell(unit, EventKind.TASK_UPDATED, changed, SYSTEM)
    return changed


def _tell(unit: Unit, kind: EventKind, task: Task, by: str, before: Task | None = None) -> None:
    """Write the event of a task, set its clock and tell its team. A reason is free text: it stays with the task.

    `team` is who the event is about: of an order that was taken away, the team that had it.
    """
    own = before.team if before is not None and kind is not EventKind.TASK_REASSIGNED else task.team
    payload = {
        "task": task.task_id,
        "kind": task.kind,
        "about": task.subject,
        "team": own,
        "place": task.place,
        "state": task.state.value,
        "from": before.state.value if before else None,
        "due_min": task.due_min,
        "deadline_min": task.deadline_min,
        "by": by,
        "version": task.version,
        **shown(task.marks),
    }
    if kind is EventKind.TASK_REASSIGNED and before is not None:
        payload["from_team"] = before.team
    unit.append(kind, task.task_id, payload, task.scene)
    unit.cancel_timers(task.task_id)
    if task.deadline_min is not None:
        unit.set_timer(task.task_id, CLOCK, task.deadline_min, task.scene)
    if kind in (EventKind.TASK_ASSIGNED, EventKind.TASK_UPDATED, EventKind.TASK_REASSIGNED, EventKind.TASK_CANCELLED):
        unit.put_outbox(stable_key(kind, task.task_id, task.version), ORDERS, {**payload, "event": kind.value})
    if task.kind == PARTNER_TASK:
        unit.put_outbox(
            stable_key(REPLIES, kind, task.task_id, task.version), REPLIES, {**payload, "event": kind.value}
        )
