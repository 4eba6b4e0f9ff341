"""Orders are given once; late ones go up by themselves, refused ones to the next suitable team."""

import pytest

from hubtwin.base.errors import Denied, Malformed
from hubtwin.flow.dispatch import Order, dispatch, list_orders
from hubtwin.flow.handle import handle_task
from hubtwin.flow.timers import Clocks, tick
from hubtwin.model.duty import COMMANDER
from hubtwin.model.task import TaskState
from hubtwin.ports import TaskFilter
from tests.contracts.memory_ledger import MemoryLedger
from tests.flow.loop_story import (
    CLOCKS,
    CLOCKS_MIN,
    NOW,
    ROSTER,
    SCENE,
    anyone,
    declared,
    finding,
    kinds,
    ordered,
    task_command,
)


@pytest.fixture
def ledger() -> MemoryLedger:
    made = MemoryLedger()
    declared(made)
    return made


def test_the_staff_plan_becomes_orders() -> None:
    met, alone, unplanned = finding("G1"), finding("G2", in_min=50), finding("G3")
    staff: dict[str, dict[str, object]] = {
        met.key: {"team": ["TA", "TB"], "platform": None, "exit": "E1", "on_post_min": NOW + 35},
        alone.key: {"team": [], "reason": "no_team"},
    }
    told = [
        (o.kind, o.subject, o.place, o.team, o.due_min - NOW, o.number)
        for o in list_orders([met, alone, unplanned], staff)
        if o.subject != "G3"
    ]
    assert told == [
        ("meet_train", "G1", "E1", "TA", 35, 0),
        ("meet_train", "G1", "E1", "TB", 35, 1),
        ("unmet_train", "G2", "", COMMANDER, 50, 0),
    ]


def test_an_order_is_given_once_and_stands_with_its_team(ledger: MemoryLedger) -> None:
    task = ordered(ledger)
    again = dispatch(
        ledger, [Order("meet_train", task.subject, "P4", "TB", NOW + 30)], CLOCKS_MIN, scene=SCENE, now_min=NOW
    )
    assert again == []
    later = Order("meet_train", task.subject, "P5", "TB", NOW + 45)
    (changed,) = dispatch(ledger, [later], CLOCKS_MIN, scene=SCENE, now_min=NOW + 1)
    assert (changed.team, changed.place, changed.due_min, changed.version) == ("TA", "P5", NOW + 45, 1)
    assert kinds(ledger)[1:] == ["TaskAssigned", "TaskUpdated"]
    assert [message.channel for message in ledger.list_outbox()] == ["orders", "orders"]


def test_the_clock_of_an_accepted_order_moves_with_its_train(ledger: MemoryLedger) -> None:
    task = ordered(ledger)
    handle_task(ledger, task_command(task, "accept"), CLOCKS_MIN, anyone)
    dispatch(ledger, [Order("meet_train", task.subject, "P4", "TA", NOW + 50)], CLOCKS_MIN, scene=SCENE, now_min=NOW)
    assert [timer.due_min for timer in ledger.list_timers() if timer.subject == task.task_id] == [NOW + 50]


def test_a_train_that_found_a_team_leaves_the_list_of_the_commander(ledger: MemoryLedger) -> None:
    unmet = Order("unmet_train", "G1", "", COMMANDER, NOW + 40)
    dispatch(ledger, [unmet], CLOCKS_MIN, scene=SCENE, now_min=NOW)
    dispatch(ledger, [Order("meet_train", "G1", "P4", "TA", NOW + 35)], CLOCKS_MIN, scene=SCENE, now_min=NOW + 1)
    assert [task.kind for task in ledger.list_tasks(TaskFilter(open_only=True))] == ["meet_train"]
    assert dispatch(ledger, [unmet], CLOCKS_MIN, scene=SCENE, now_min=NOW + 2) == [], "the order of the team stands"
    (met,) = ledger.list_tasks(TaskFilter(open_only=True))
    handle_task(ledger, task_command(met, "cancel", NOW + 3, reason="taken back"), CLOCKS_MIN, anyone)
    assert len(dispatch(ledger, [unmet], CLOCKS_MIN, scene=SCENE, now_min=NOW + 4)) == 1, (
        "unmet again is a new question"
    )


def test_an_order_is_accepted_on_post_and_done(ledger: MemoryLedger) -> None:
    task = ordered(ledger)
    for minute, name in ((1, "accept"), (28, "arrive"), (40, "finish")):
        handle_task(ledger, task_command(task, name, NOW + minute), CLOCKS_MIN, anyone, roster=ROSTER)
    assert kinds(ledger)[1:] == ["TaskAssigned", "TaskAccepted", "TaskOnPost", "TaskDone"]
    assert [timer for timer in ledger.list_timers() if timer.subject == task.task_id] == []
    (times,) = ledger.list_times(SCENE, task.subject)
    assert (times.dispatched, times.accepted, times.on_site) == (NOW, NOW + 1, NOW + 28)


def test_a_refusal_with_reason_goes_to_the_next_suitable_team_until_none_is_left(ledger: MemoryLedger) -> None:
    task = ordered(ledger)
    with pytest.raises(Malformed):
        handle_task(ledger, task_command(task, "decline"), CLOCKS_MIN, anyone, roster=ROSTER)
    teams = []
    for minute in (1, 2, 3):
        refused = task_command(task, "decline", NOW + minute, reason="with another train")
        teams.append(handle_task(ledger, refused, CLOCKS_MIN, anyone, roster=ROSTER).team)
    assert teams == ["TB", "TC", "TC"]
    left = ledger.get_task(task.task_id)
    assert (left.state, left.deadline_min) == (TaskState.DECLINED, NOW + 6)
    tick(ledger, NOW + 6, CLOCKS)
    assert ledger.get_task(task.task_id).state is TaskState.ESCALATED
    declined = ledger.list_events(kinds=["TaskDeclined"])
    assert [event.payload["team"] for event in declined] == ["TA", "TB", "TC"]


def test_a_team_with_a_clash_is_passed_over(ledger: MemoryLedger) -> None:
    ordered(ledger, "TB", train="G9 2022-10-20", due=NOW + 28)
    task = ordered(ledger)
    refused = task_command(task, "decline", reason="ill")
    assert handle_task(ledger, refused, CLOCKS_MIN, anyone, roster=ROSTER).team == "TC"


def test_an_order_that_nobody_answers_goes_up_and_then_to_the_next_team(ledger: MemoryLedger) -> None:
    task = ordered(ledger)
    assert tick(ledger, NOW + 2, CLOCKS) == []
    assert [timer.name for timer in tick(ledger, NOW + 3, CLOCKS)] == ["clock"]
    assert ledger.get_task(task.task_id).state is TaskState.ESCALATED
    tick(ledger, NOW + 8, CLOCKS)
    assert (ledger.get_task(task.task_id).team, ledger.get_task(task.task_id).state) == ("TB", TaskState.ASSIGNED)
    tick(ledger, NOW + 11, CLOCKS)
    handle_task(ledger, task_command(task, "accept", NOW + 12), CLOCKS_MIN, anyone)
    assert kinds(ledger, ["TaskEscalated", "TaskReassigned", "TaskAccepted"]) == [
        "TaskEscalated",
        "TaskReassigned",
        "TaskEscalated",
        "TaskAccepted",
    ]


def test_a_team_that_is_not_on_post_in_time_is_told_to_the_commander(ledger: MemoryLedger) -> None:
    task = ordered(ledger)
    handle_task(ledger, task_command(task, "accept", NOW + 1), CLOCKS_MIN, anyone)
    tick(ledger, NOW + 29, CLOCKS)
    assert ledger.get_task(task.task_id).state is TaskState.ACCEPTED
    tick(ledger, NOW + 30, CLOCKS)
    assert ledger.get_task(task.task_id).state is TaskState.ESCALATED


def test_without_a_roster_an_order_that_went_up_waits_for_the_commander(ledger: MemoryLedger) -> None:
    task = ordered(ledger)
    for minute in (3, 8, 60):
        tick(ledger, NOW + minute, Clocks(CLOCKS_MIN))
    assert ledger.get_task(task.task_id).state is TaskState.ESCALATED
    moved = handle_task(ledger, task_command(task, "reassign", NOW + 61, team="TC"), CLOCKS_MIN, anyone, roster=ROSTER)
    assert (moved.team, moved.state) == ("TC", TaskState.ASSIGNED)
    with pytest.raises(Denied) as refused:
        handle_task(ledger, task_command(task, "reassign", NOW + 62, team="T?"), CLOCKS_MIN, anyone, roster=ROSTER)
    assert "T?" in refused.value.message("zh")


def test_an_event_says_which_team_lost_the_order(ledger: MemoryLedger) -> None:
    task = ordered(ledger)
    handle_task(ledger, task_command(task, "reassign", team="TC"), CLOCKS_MIN, anyone)
    (event,) = ledger.list_events(kinds=["TaskReassigned"], subject=task.task_id)
    assert (event.payload["from_team"], event.payload["team"]) == ("TA", "TC")


def test_the_commander_is_not_asked_about_a_train_that_has_a_team_from_an_earlier_plan() -> None:
    ledger = MemoryLedger()
    declared(ledger)
    ordered(ledger)
    unmet = Order("unmet_train", "G1 2022-10-20", "", COMMANDER, NOW + 40)
    assert dispatch(ledger, [unmet], CLOCKS_MIN, scene=SCENE, now_min=NOW + 1) == []
    other = Order("unmet_train", "G2 2022-10-20", "", COMMANDER, NOW + 40)
    (asked,) = dispatch(ledger, [unmet, other], CLOCKS_MIN, scene=SCENE, now_min=NOW + 2)
    assert asked.subject == "G2 2022-10-20"
