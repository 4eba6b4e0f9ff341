"""Clocks are rows: they fire once, in order, also those that came due while nobody ran."""

import pytest

from hubtwin.flow.handle import handle_case, handle_task
from hubtwin.flow.timers import BATCH, Clocks, tick
from hubtwin.model.duty import COMMANDER
from hubtwin.model.task import TaskState
from hubtwin.ports import TaskFilter
from tests.contracts.memory_ledger import MemoryLedger
from tests.flow.loop_story import (
    CLOCKS,
    CLOCKS_MIN,
    NOW,
    anyone,
    case_command,
    declared,
    kinds,
    opened,
    ordered,
    task_command,
)


@pytest.fixture
def ledger() -> MemoryLedger:
    made = MemoryLedger()
    declared(made)
    return made


def questions(ledger: MemoryLedger) -> list[str]:
    return [task.kind for task in ledger.list_tasks(TaskFilter(teams=(COMMANDER,), open_only=True))]


def test_a_flagged_person_whom_nobody_looked_at_reaches_the_commander_before_30_minutes(ledger: MemoryLedger) -> None:
    (case,) = opened(ledger)
    assert tick(ledger, NOW + 19, CLOCKS) == []
    tick(ledger, NOW + 20, CLOCKS)
    (question,) = ledger.list_tasks(TaskFilter(teams=(COMMANDER,)))
    assert (question.kind, question.subject, question.due_min) == ("review_person", case.case_id, NOW + 30)
    assert kinds(ledger)[-3:] == ["TimerFired", "CaseEscalated", "TaskAssigned"]
    handle_case(ledger, case_command(case, "report", NOW + 22), CLOCKS_MIN, anyone)
    assert questions(ledger) == [], "somebody looked: the question is gone"


@pytest.mark.parametrize(
    ("path", "wait_min", "question"),
    [
        (("report",), 15, "overdue_case"),
        (("report", "take_antigen"), 20, "overdue_case"),
        (("report", "take_antigen", "antigen_result"), 30, "overdue_case"),
        (("report", "take_antigen", "antigen_result", "take_nucleic"), 360, "overdue_case"),
        (("refuse",), 30, "overdue_case"),
        (
            ("report", "take_antigen", "antigen_result", "take_nucleic", "nucleic_positive", "depart"),
            120,
            "find_transfer",
        ),
    ],
)
def test_a_step_that_takes_too_long_asks_the_commander(
    ledger: MemoryLedger, path: tuple[str, ...], wait_min: int, question: str
) -> None:
    (case,) = opened(ledger)
    for name in path:
        case = handle_case(ledger, case_command(case, name, NOW), CLOCKS_MIN, anyone)
    own = [timer for timer in ledger.list_timers() if timer.subject == case.case_id]
    assert [timer.due_min for timer in own] == [NOW + wait_min]
    tick(ledger, NOW + wait_min, CLOCKS)
    assert questions(ledger) == [question]


def test_a_timer_fires_once_however_often_the_clock_ticks(ledger: MemoryLedger) -> None:
    opened(ledger, *(f"p{number}" for number in range(3 * BATCH)))
    assert len(tick(ledger, NOW + 20, CLOCKS)) == 3 * BATCH
    assert tick(ledger, NOW + 20, CLOCKS) == []
    subjects = [event.subject for event in ledger.list_events(kinds=["CaseEscalated"])]
    assert len(subjects) == len(set(subjects)) == 3 * BATCH


def test_what_came_due_while_nobody_ran_fires_in_order_and_says_how_late(ledger: MemoryLedger) -> None:
    with ledger.unit(NOW) as unit:
        for number, due in enumerate((9, 3, 7, 3)):
            unit.set_timer(f"nobody {number}", "clock", NOW + due)
    fired = tick(ledger, NOW + 30, CLOCKS)
    assert [timer.due_min - NOW for timer in fired] == [3, 3, 7, 9]
    assert [event.payload["late_min"] for event in ledger.list_events(kinds=["TimerFired"])] == [27, 27, 23, 21]


def test_a_clock_that_is_set_anew_while_clocks_fire_waits_for_the_next_tick(ledger: MemoryLedger) -> None:
    task = ordered(ledger)
    nothing = Clocks({**CLOCKS_MIN, "escalated": 0})
    assert len(tick(ledger, NOW + 3, nothing)) == 1
    assert ledger.get_task(task.task_id).state is TaskState.ESCALATED


def test_many_clocks_that_are_set_anew_at_once_fire_once_in_a_tick(ledger: MemoryLedger) -> None:
    tasks = [ordered(ledger, train=f"G{number}") for number in range(2 * BATCH + 7)]
    assert len(tick(ledger, NOW + 3, Clocks({**CLOCKS_MIN, "escalated": 0}))) == len(tasks)
    assert len(ledger.list_events(kinds=["TaskEscalated"])) == len(tasks)


def test_a_clock_whose_consequence_is_refused_does_not_hold_up_the_others(ledger: MemoryLedger) -> None:
    (case,) = opened(ledger)
    with ledger.unit(NOW) as unit:
        unit.append("AppealLodged", "lost", {})
        unit.set_timer("lost", "reconcile", NOW + 1)
        unit.set_timer(case.case_id, "step", NOW + 2)
    broken = Clocks(CLOCKS_MIN, flagged=lambda emergency_id: ledger.get_case("nobody").version)
    assert len(tick(ledger, NOW + 5, broken)) == 2
    (failed,) = ledger.list_events(kinds=["TimerFailed"])
    assert (failed.subject, failed.payload["error"]) == ("lost", "stores.no_case")
    assert questions(ledger) == ["review_person"]
    assert tick(ledger, NOW + 5, broken) == []


def test_a_team_that_forgot_to_say_done_is_shown_and_not_taken_away(ledger: MemoryLedger) -> None:
    task = ordered(ledger)
    for name in ("accept", "arrive"):
        handle_task(ledger, task_command(task, name, NOW + 1), CLOCKS_MIN, anyone)
    assert [timer.subject for timer in tick(ledger, NOW + 31, CLOCKS)] == [task.task_id]
    assert ledger.get_task(task.task_id).state is TaskState.ON_POST


def test_a_question_to_the_commander_goes_up_and_stays_with_the_commander(ledger: MemoryLedger) -> None:
    opened(ledger)
    for minute in range(20, 50):
        tick(ledger, NOW + minute, CLOCKS)
    (question,) = ledger.list_tasks(TaskFilter(teams=(COMMANDER,)))
    assert (question.state, question.team) == (TaskState.ESCALATED, COMMANDER)
