"""Cases move by their table only, on a named person's word, with evidence, once; appeals have a clock of two hours."""

from dataclasses import replace

import pytest

from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.flow.emergency import begin_overflow
from hubtwin.flow.handle import decide_appeal, handle_case, handle_task, lodge_appeal
from hubtwin.flow.timers import tick
from hubtwin.model.case import Case, CaseState, Evidence, Outcome
from hubtwin.model.duty import COMMANDER
from hubtwin.ports import TaskFilter
from tests.contracts.memory_ledger import MemoryLedger
from tests.flow.loop_story import (
    CLOCKS,
    CLOCKS_MIN,
    NOW,
    SCENE,
    anyone,
    case_command,
    declared,
    kinds,
    opened,
    ordered,
    task_command,
)

SIX_STEPS = (
    "report",
    "take_antigen",
    "antigen_result",
    "take_nucleic",
    "nucleic_positive",
    "depart",
    "arrive",
    "close",
)


@pytest.fixture
def ledger() -> MemoryLedger:
    made = MemoryLedger()
    declared(made)
    return made


def walk(ledger: MemoryLedger, case: Case, *names: str) -> Case:
    for minute, name in enumerate(names, start=1):
        case = handle_case(ledger, case_command(case, name, NOW + minute), CLOCKS_MIN, anyone)
    return case


def test_a_person_is_led_through_six_steps_and_every_step_is_on_file(ledger: MemoryLedger) -> None:
    (case,) = opened(ledger)
    closed = walk(ledger, case, *SIX_STEPS)
    assert (closed.state, closed.outcome, closed.version) == (CaseState.CLOSED, Outcome.TRANSFERRED, 8)
    assert kinds(ledger, ["CaseOpened", "CaseMoved", "CaseClosed"]) == ["CaseOpened", *["CaseMoved"] * 7, "CaseClosed"]
    assert [timer for timer in ledger.list_timers() if timer.subject == case.case_id] == []
    filed = ledger.list_evidence(case.case_id)
    assert {piece.version for piece in filed} == set(range(9)), "no status changes without evidence"
    assert {piece.by for piece in filed} == {"system", "li"}
    (times,) = ledger.list_times(SCENE, case.train)
    assert times.closed == NOW + 8
    assert [message.channel for message in ledger.list_outbox()] == ["feedback"]


def test_the_clock_of_each_state_is_set_and_the_one_before_stops(ledger: MemoryLedger) -> None:
    (case,) = opened(ledger)
    moved = walk(ledger, case, "report")
    assert moved.deadline_min == NOW + 16
    assert [(t.name, t.due_min) for t in ledger.list_timers() if t.subject == case.case_id] == [("step", NOW + 16)]


def test_a_command_that_the_table_does_not_have_or_that_lacks_evidence_changes_nothing(ledger: MemoryLedger) -> None:
    (case,) = opened(ledger)
    before = ledger.last_seq()
    for wrong, kind in (
        (case_command(case, "release", NOW), Denied),
        (replace(case_command(case, "report", NOW), evidence=[]), Malformed),
        (case_command(case, "report", NOW, expects=7), Denied),
        (replace(case_command(case, "report", NOW), case_id="nobody"), Absent),
        (case_command(case, "report", NOW, by="system"), Denied),
        (case_command(case, "report", NOW, by="device:gate-3"), Denied),
    ):
        with pytest.raises(kind):
            handle_case(ledger, wrong, CLOCKS_MIN, anyone)
    assert (ledger.get_case(case.case_id), ledger.last_seq()) == (case, before)


def test_who_may_not_changes_nothing(ledger: MemoryLedger) -> None:
    (case,), task = opened(ledger), ordered(ledger)
    asked = []

    def nobody(action: str, *, scene: str | None = None, team: str | None = None) -> None:
        asked.append((action, scene, team))
        raise Denied("flow.no_person", by="x")

    before = ledger.last_seq()
    with pytest.raises(Denied):
        handle_case(ledger, case_command(case, "report", NOW), CLOCKS_MIN, nobody)
    with pytest.raises(Denied):
        handle_task(ledger, task_command(task, "accept"), CLOCKS_MIN, nobody)
    assert asked == [("case.report", SCENE, None), ("task.accept", SCENE, "TA")]
    assert ledger.last_seq() == before


def test_a_phone_that_sends_again_changes_nothing(ledger: MemoryLedger) -> None:
    (case,), task = opened(ledger), ordered(ledger)
    report = case_command(case, "report", NOW + 1, expects=0)
    first = handle_case(ledger, report, CLOCKS_MIN, anyone, key="k1")
    before = ledger.last_seq()
    assert handle_case(ledger, replace(report, at_min=NOW + 3), CLOCKS_MIN, anyone, key="k1") == first
    accepted = handle_task(ledger, task_command(task, "accept"), CLOCKS_MIN, anyone, key="k2")
    assert handle_task(ledger, task_command(task, "accept"), CLOCKS_MIN, anyone, key="k2") == accepted
    assert ledger.last_seq() == before + 1
    with pytest.raises(Denied) as refused:
        handle_case(ledger, case_command(first, "take_antigen", NOW + 4), CLOCKS_MIN, anyone, key="k1")
    assert refused.value.key == "stores.key_reused"


def test_a_command_that_was_refused_may_be_sent_again_under_its_key(ledger: MemoryLedger) -> None:
    (case,) = opened(ledger)
    with pytest.raises(Malformed):
        handle_case(ledger, replace(case_command(case, "report", NOW), evidence=[]), CLOCKS_MIN, anyone, key="k1")
    assert handle_case(ledger, case_command(case, "report", NOW), CLOCKS_MIN, anyone, key="k1").version == 1


def test_the_first_of_two_people_wins_and_the_second_is_told(ledger: MemoryLedger) -> None:
    (case,) = opened(ledger)
    handle_case(ledger, case_command(case, "report", NOW + 1, expects=0), CLOCKS_MIN, anyone)
    with pytest.raises(Denied) as told:
        handle_case(ledger, case_command(case, "refuse", NOW + 1, by="sun", expects=0), CLOCKS_MIN, anyone)
    assert told.value.key == "model.case_moved_on"


def test_nobody_is_let_go_in_overflow_unless_a_named_person_began_it(ledger: MemoryLedger) -> None:
    (case,) = opened(ledger)
    with pytest.raises(Denied) as refused:
        handle_case(ledger, case_command(case, "overflow", NOW), CLOCKS_MIN, anyone)
    assert refused.value.key == "flow.no_overflow"
    order = begin_overflow(ledger, "E1", CLOCKS_MIN, anyone, scene=SCENE, by="zhao", reason="lanes full", at_min=NOW)
    named = replace(case_command(case, "overflow", NOW), evidence=[Evidence("overflow_order", order.overflow_id)])
    followed = handle_case(ledger, named, CLOCKS_MIN, anyone)
    assert (followed.state, followed.deadline_min) == (CaseState.FOLLOW_UP, NOW + 1440)


def test_an_overflow_order_lets_go_those_found_at_its_own_exit(ledger: MemoryLedger) -> None:
    (case,) = opened(ledger)
    with ledger.unit(NOW) as unit:
        unit.add_evidence(case, "system", [Evidence("finding", "at the gate", {"exit_id": "W2"})])
    orders = {
        place: begin_overflow(ledger, place, CLOCKS_MIN, anyone, scene=SCENE, by="zhao", reason="full", at_min=NOW)
        for place in ("E1", "W2")
    }
    named = {
        place: replace(case_command(case, "overflow", NOW), evidence=[Evidence("overflow_order", order.overflow_id)])
        for place, order in orders.items()
    }
    with pytest.raises(Denied) as refused:
        handle_case(ledger, named["E1"], CLOCKS_MIN, anyone)
    assert (refused.value.key, refused.value.values["here"]) == ("flow.overflow_elsewhere", "W2")
    assert handle_case(ledger, named["W2"], CLOCKS_MIN, anyone).state is CaseState.FOLLOW_UP


def test_an_appeal_is_decided_within_two_hours_by_somebody_else(ledger: MemoryLedger) -> None:
    (case,) = opened(ledger)
    appeal = lodge_appeal(ledger, case.case_id, CLOCKS_MIN, anyone, by="li", ground="form 7", at_min=NOW + 1)
    again = lodge_appeal(ledger, case.case_id, CLOCKS_MIN, anyone, by="li", ground="form 7", at_min=NOW + 2)
    assert (again, appeal.deadline_min) == (appeal, NOW + 121)
    (question,) = ledger.list_tasks(TaskFilter(teams=(COMMANDER,), open_only=True))
    assert (question.kind, question.subject) == ("decide_appeal", appeal.appeal_id)
    proof = Evidence("review", "ticket of another day")
    with pytest.raises(Denied):
        decide_appeal(
            ledger, appeal.appeal_id, CLOCKS_MIN, anyone, by="li", upheld=True, evidence=proof, at_min=NOW + 9
        )
    decided = decide_appeal(
        ledger, appeal.appeal_id, CLOCKS_MIN, anyone, by="zhao", upheld=True, evidence=proof, at_min=NOW + 9
    )
    corrected = ledger.get_case(case.case_id)
    assert (decided.upheld, corrected.state, corrected.outcome) == (True, CaseState.CLOSED, Outcome.CORRECTED)
    assert ledger.list_tasks(TaskFilter(open_only=True)) == []
    assert all(timer.subject != appeal.appeal_id for timer in ledger.list_timers())
    with pytest.raises(Denied):
        decide_appeal(
            ledger, appeal.appeal_id, CLOCKS_MIN, anyone, by="zhao", upheld=False, evidence=proof, at_min=NOW + 9
        )


def test_an_appeal_that_is_turned_down_or_comes_too_late_for_the_table_stays_on_file(ledger: MemoryLedger) -> None:
    first, second = opened(ledger, "p1", "p2")
    closed = walk(ledger, second, *SIX_STEPS)
    for case, upheld in ((first, False), (closed, True)):
        appeal = lodge_appeal(ledger, case.case_id, CLOCKS_MIN, anyone, by="li", ground="form", at_min=NOW + 9)
        proof = Evidence("review", "r")
        decide_appeal(
            ledger, appeal.appeal_id, CLOCKS_MIN, anyone, by="zhao", upheld=upheld, evidence=proof, at_min=NOW + 9
        )
        assert ledger.get_case(case.case_id) == case
        last = ledger.list_evidence(case.case_id)[-1]
        assert (last.evidence.kind, last.by) == ("correction" if upheld else "appeal", "zhao")


def test_an_appeal_that_nobody_decides_is_an_alarm(ledger: MemoryLedger) -> None:
    (case,) = opened(ledger)
    appeal = lodge_appeal(ledger, case.case_id, CLOCKS_MIN, anyone, by="li", ground="form 7", at_min=NOW)
    tick(ledger, NOW + 120, CLOCKS)
    late = [e for e in ledger.list_events(kinds=["CaseEscalated"]) if e.payload.get("appeal") == appeal.appeal_id]
    assert [event.subject for event in late] == [case.case_id]


def test_no_event_holds_what_somebody_typed(ledger: MemoryLedger) -> None:
    (case,), task = opened(ledger), ordered(ledger)
    secret = "Wang Xiaoming, 13800000000"
    handle_task(ledger, task_command(task, "decline", reason=secret), CLOCKS_MIN, anyone)
    typed = Evidence("scan", "scan 1", {"note": secret})
    handle_case(ledger, replace(case_command(case, "report", NOW), evidence=[typed]), CLOCKS_MIN, anyone)
    assert all(secret not in str(event.payload) for event in ledger.list_events())
    assert all(secret not in str(message.payload) for message in ledger.list_outbox())
