"""Timers: rows that fire once when their minute has come, in order, also those that came while nobody ran."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hubtwin.base.errors import Absent, Bug, Denied, HubError, Malformed
from hubtwin.base.failpoint import failpoint
from hubtwin.flow.dispatch import CLOCK, ask_commander, move_task, reassign_to_next
from hubtwin.flow.emergency import ENDS, RECONCILE, close_emergency, next_hour
from hubtwin.flow.feedback import reconcile_in
from hubtwin.flow.guard import SYSTEM, shown
from hubtwin.flow.handle import APPEAL
from hubtwin.flow.warn import STEP
from hubtwin.model.case import CaseState
from hubtwin.model.duty import Roster
from hubtwin.model.event import EventKind, Timer
from hubtwin.model.task import TASK_TABLE, TaskCommand, TaskState
from hubtwin.ports import Ledger, Unit

BATCH = 50  # timers a transaction: one commit to the disk costs more than fifty timers
_QUESTIONS = {CaseState.FOUND: "review_person", CaseState.UNDER_WAY: "find_transfer"}


@dataclass(frozen=True)
class Clocks:
    """What a timer needs to act: minutes by clock name, who is on duty, how many persons the sources flagged."""

    clocks_min: Mapping[str, int]
    roster: Roster | None = None
    flagged: Callable[[str], int | None] = lambda emergency_id: None


def tick(ledger: Ledger, now_min: int, clocks: Clocks) -> list[Timer]:
    """Fire what is due at `now_min`, the earliest first; return what fired.

    Each timer fires once: it is taken away in the transaction that does what follows. One whose consequence is
    refused becomes `TimerFailed` and does not hold up the others. A timer that is set anew while this runs waits
    for the next tick. Raises Retry.
    """
    fired: list[Timer] = []
    done: set[tuple[str, str]] = set()
    again: set[tuple[str, str]] = set()  # fired, and set anew for a minute that is due already
    while True:
        listed = {(timer.subject, timer.name): timer for timer in ledger.list_timers(now_min, BATCH + len(again))}
        due = [timer for key, timer in listed.items() if key not in done]
        if not due and not listed.keys() - again:
            return fired
        again |= listed.keys() & done
        done |= listed.keys()
        fired += _fire_all(ledger, now_min, due, clocks)


def _fire_all(ledger: Ledger, now_min: int, due: Sequence[Timer], clocks: Clocks) -> list[Timer]:
    try:
        return _fire(ledger, now_min, due, clocks)
    except (Absent, Bug, Denied, Malformed):
        return [timer for each in due for timer in _fire_alone(ledger, now_min, each, clocks)]


def _fire(ledger: Ledger, now_min: int, due: Sequence[Timer], clocks: Clocks) -> list[Timer]:
    fired = []
    with ledger.unit(now_min) as unit:
        for timer in due:
            if not unit.cancel_timers(timer.subject, timer.name):
                continue  # what fired just before has stopped it
            failpoint("flow.timer_taken")
            late = {"timer": timer.name, "due_min": timer.due_min, "late_min": now_min - timer.due_min}
            unit.append(EventKind.TIMER_FIRED, timer.subject, late, timer.scene)
            _ACTIONS[timer.name](unit, timer, clocks)
            fired.append(timer)
    return fired


def _fire_alone(ledger: Ledger, now_min: int, timer: Timer, clocks: Clocks) -> list[Timer]:
    try:
        return _fire(ledger, now_min, [timer], clocks)
    except (Absent, Bug, Denied, Malformed) as error:
        _give_up(ledger, now_min, timer, error)
        return [timer]


def _give_up(ledger: Ledger, now_min: int, timer: Timer, error: HubError) -> None:
    with ledger.unit(now_min) as unit:
        unit.cancel_timers(timer.subject, timer.name)
        told = {"timer": timer.name, "due_min": timer.due_min, "error": error.key}
        unit.append(EventKind.TIMER_FAILED, timer.subject, told, timer.scene)


def _task_late(unit: Unit, timer: Timer, clocks: Clocks) -> None:
    """An order that nobody answered, or nobody came for, goes up; one that went up goes to the next suitable team.

    Where the table has no way up (a team that forgot to say "done") the firing itself is what the board shows.
    """
    task = unit.find_task(timer.subject)
    if task is None:
        return
    if task.state is TaskState.ESCALATED:
        reassign_to_next(unit, task, clocks.clocks_min, clocks.roster)
    elif (task.state, "escalate") in TASK_TABLE:
        move_task(unit, TaskCommand(task.task_id, "escalate", SYSTEM, unit.at_min), clocks.clocks_min)


def _case_late(unit: Unit, timer: Timer, clocks: Clocks) -> None:
    """A clock of a case ran out: the duty commander gets a task, and everybody sees it."""
    case = unit.find_case(timer.subject)
    if case is None or not case.is_open or case.deadline_min is None:
        return
    payload = {
        "case": case.case_id,
        "emergency": case.emergency_id,
        "train": case.train,
        "state": case.state.value,
        "since_min": case.since_min,
        "deadline_min": case.deadline_min,
        "owner": case.owner,
        **shown(case.marks),
    }
    unit.append(EventKind.CASE_ESCALATED, case.case_id, payload, case.scene)
    ask_commander(
        *(unit, _QUESTIONS.get(case.state, "overdue_case"), case.case_id, clocks.clocks_min),
        scene=case.scene,
        due_min=max(case.deadline_min, unit.at_min),
        marks=case.marks,
        turn=case.version,
    )


def _appeal_late(unit: Unit, timer: Timer, clocks: Clocks) -> None:
    """Nobody decided on an appeal in time: it is shown as an alarm; the commander has had its task all along."""
    appeal = unit.find_appeal(timer.subject)
    if appeal is None or not appeal.is_open:
        return
    case = unit.get_case(appeal.case_id)
    payload = {
        "case": case.case_id,
        "emergency": case.emergency_id,
        "appeal": appeal.appeal_id,
        "state": "appeal",
        "since_min": appeal.lodged_min,
        "deadline_min": appeal.deadline_min,
        **shown(case.marks),
    }
    unit.append(EventKind.CASE_ESCALATED, case.case_id, payload, case.scene)


def _emergency_over(unit: Unit, timer: Timer, clocks: Clocks) -> None:
    emergency = unit.find_emergency(timer.subject)
    if emergency is not None and emergency.ended_min is None:
        close_emergency(unit, emergency, clocks.clocks_min)


def _hour_over(unit: Unit, timer: Timer, clocks: Clocks) -> None:
    """Reconcile, once for all the hours that passed; go on until the event has ended and its last case is closed."""
    found = reconcile_in(unit, timer.subject, clocks.flagged(timer.subject))
    emergency = unit.find_emergency(timer.subject)
    if found.open or (emergency is not None and emergency.ended_min is None):
        unit.set_timer(timer.subject, RECONCILE, next_hour(unit.at_min), timer.scene)


_ACTIONS: Mapping[str, Callable[[Unit, Timer, Clocks], None]] = {
    CLOCK: _task_late,
    STEP: _case_late,
    APPEAL: _appeal_late,
    ENDS: _emergency_over,
    RECONCILE: _hour_over,
}
