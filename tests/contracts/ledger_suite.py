"""What every Ledger keeps, as plain functions of how to open one. A ledger passes all of `CHECKS`.

`Opener(path)` opens the ledger at `path`. A check opens the same path twice without closing the first: what was
acknowledged must be there for a second one, as after kill -9.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from hubtwin.base.errors import Absent, Bug, Denied, HubError, Malformed
from hubtwin.model.alert import Alert, Certainty, MsgType, Severity, Urgency
from hubtwin.model.case import Case, CaseState, Evidence, Outcome
from hubtwin.model.emergency import Appeal, Emergency, Overflow
from hubtwin.model.event import Event, EventKind, Filed, LoopStep, LoopTimes, Message, Tally, Timer
from hubtwin.model.record import UNMARKED, Marks, Provenance, Status
from hubtwin.model.task import Task, TaskState
from hubtwin.ports import CaseFilter, Ledger, TaskFilter, Unit

Opener = Callable[[Path], Ledger]
NOW = 27_770_460
SYNTHETIC = Marks(provenance=Provenance.SYNTHETIC, replayed=True)


def case(name: str, pid: str = "", *, train: str = "G1", state: CaseState = CaseState.FOUND, opened: int = NOW) -> Case:
    """Return a case of emergency e1."""
    deadline = None if state is CaseState.CLOSED else opened + 30
    outcome = Outcome.RELEASED if state is CaseState.CLOSED else None
    return Case(
        name, "epidemic", "e1", pid or name, train, opened, state, opened, deadline, None, outcome, marks=SYNTHETIC
    )


def task(name: str, team: str = "T01", *, subject: str = "G1", due: int = NOW + 9, kind: str = "meet_train") -> Task:
    """Return an assigned task."""
    return Task(name, "epidemic", kind, subject, "P4", team, NOW, due, since_min=NOW, deadline_min=NOW + 3)


def what_was_written_in_a_unit_is_there_for_another_process(opener: Opener, path: Path) -> None:
    ledger = opener(path)
    with ledger.unit(NOW) as unit:
        assert unit.at_min == NOW
        unit.save_case(case("c1"))
        unit.add_evidence(
            case("c1"), "officer", [Evidence("scan", "s1", {"gate": 3, "状态": "绿"}), Evidence("x", "2")]
        )
        unit.save_task(task("t1"))
        seq = unit.append(EventKind.CASE_OPENED, "c1", {"emergency": "e1", "n": 1, "l": ["一"]}, "epidemic")
        unit.set_timer("c1", "step", NOW + 30, "epidemic")
        unit.put_outbox("m1", "orders", {"to": "T01"})
        unit.mark_time("epidemic", "G1", LoopStep.WARNED)
    other = opener(path)
    assert other.get_case("c1") == case("c1")
    assert other.get_task("t1") == task("t1")
    assert other.list_evidence("c1") == [
        Filed("c1", 0, "officer", NOW, Evidence("scan", "s1", {"gate": 3, "状态": "绿"})),
        Filed("c1", 0, "officer", NOW, Evidence("x", "2", {})),
    ]
    told = Event(seq, NOW, "CaseOpened", {"emergency": "e1", "n": 1, "l": ["一"]}, 1, "c1", "epidemic")
    assert other.list_events() == [told]
    assert other.last_seq() == seq
    assert other.list_timers() == [Timer("c1", "step", NOW + 30, "epidemic")]
    assert other.list_outbox() == [Message("m1", "orders", {"to": "T01"}, NOW)]
    assert other.list_times() == [LoopTimes("G1", "epidemic", warned=NOW)]


def a_unit_that_fails_leaves_nothing(opener: Opener, path: Path) -> None:
    ledger = opener(path)
    with ledger.unit(NOW) as unit:
        unit.save_case(case("c0"))
        unit.set_timer("c0", "step", NOW + 5)

    def fail(unit: Unit) -> None:
        unit.save_case(case("c1"))
        unit.save_case(replace(case("c0"), version=1))
        unit.save_task(task("t1"))
        unit.append(EventKind.CASE_OPENED, "c1", {})
        unit.cancel_timers("c0")
        unit.put_outbox("m1", "orders", {})
        unit.mark_time("epidemic", "G1", LoopStep.WARNED)
        unit.once("k", "d")
        raise Malformed("model.team_missing", command="x")

    with pytest.raises(Malformed), ledger.unit(NOW) as unit:
        fail(unit)
    assert (ledger.find_case("c1"), ledger.find_task("t1"), ledger.list_events()) == (None, None, [])
    assert ledger.get_case("c0").version == 0
    assert [timer.subject for timer in ledger.list_timers()] == ["c0"]
    assert (ledger.list_outbox(), ledger.list_times()) == ([], [])
    with ledger.unit(NOW) as unit:
        assert unit.once("k", "d") is True


def a_unit_reads_what_it_wrote_and_nobody_else_does_before_its_end(opener: Opener, path: Path) -> None:
    ledger = opener(path)
    with ledger.unit(NOW) as unit:
        unit.save_case(case("c1"))
        unit.append(EventKind.CASE_OPENED, "c1", {})
        assert unit.get_case("c1") == case("c1")
        assert [event.subject for event in unit.list_events()] == ["c1"]
        assert unit.count_cases() == {CaseState.FOUND: 1}
    assert ledger.get_case("c1") == case("c1")


def a_unit_is_over_when_it_is_over_and_there_is_one_at_a_time(opener: Opener, path: Path) -> None:
    ledger = opener(path)
    with ledger.unit(NOW) as unit, pytest.raises(Bug), ledger.unit(NOW):
        pass
    with pytest.raises(Bug):
        unit.append(EventKind.CASE_OPENED, "c1", {})
    assert ledger.list_events() == []


def a_record_is_replaced_by_its_next_version_only(opener: Opener, path: Path) -> None:
    ledger = opener(path)
    with ledger.unit(NOW) as unit:
        unit.save_case(case("c1"))
        unit.save_task(task("t1"))
    moved = replace(case("c1"), state=CaseState.REPORTED, owner="officer", deadline_min=None, version=1)
    with ledger.unit(NOW) as unit:
        unit.save_case(moved)
        unit.save_task(replace(task("t1"), state=TaskState.ACCEPTED, version=1))
    assert ledger.get_case("c1") == moved
    assert ledger.get_task("t1").state is TaskState.ACCEPTED
    stale = (case("c1"), moved, replace(moved, version=3), replace(case("c9"), version=1))
    for wrong in stale:
        with pytest.raises(Denied) as refused, ledger.unit(NOW) as unit:
            unit.save_case(wrong)
        assert refused.value.key == "model.case_moved_on"
    assert ledger.get_case("c1") == moved


def a_person_has_one_case_on_a_train_in_an_emergency(opener: Opener, path: Path) -> None:
    ledger = opener(path)
    with ledger.unit(NOW) as unit:
        unit.save_case(case("c1", "p1"))
        unit.save_case(case("c2", "p1", train="G2"))
        unit.save_case(replace(case("c3", "p1"), emergency_id="e2"))
    with pytest.raises(Denied), ledger.unit(NOW) as unit:
        unit.save_case(case("c4", "p1"))
    assert [found.case_id for found in ledger.list_cases()] == ["c1", "c2", "c3"]


def a_row_of_an_exercise_is_refused(opener: Opener, path: Path) -> None:
    ledger = opener(path)
    drill = Marks(status=Status.EXERCISE)
    with pytest.raises(Malformed) as refused, ledger.unit(NOW) as unit:
        unit.save_case(replace(case("c1"), marks=drill))
    assert refused.value.key == "stores.wrong_status"
    with pytest.raises(Malformed), ledger.unit(NOW) as unit:
        unit.save_task(replace(task("t1"), marks=drill))


def what_is_absent_is_told(opener: Opener, path: Path) -> None:
    ledger = opener(path)
    for get in (ledger.get_case, ledger.get_task):
        with pytest.raises(Absent):
            get("nobody")
    for find in (ledger.find_case, ledger.find_task, ledger.find_alert, ledger.find_emergency, ledger.find_overflow):
        assert find("nobody") is None
    assert ledger.find_appeal("nobody") is None
    assert (ledger.list_evidence("nobody"), ledger.last_seq()) == ([], 0)


def events_come_in_order_and_are_chosen_by_kind_and_subject(opener: Opener, path: Path) -> None:
    ledger = opener(path)
    for number in range(6):
        with ledger.unit(NOW + number) as unit:
            unit.append("CaseOpened" if number % 2 else "CaseMoved", f"c{number % 3}", {"n": number})
    events = ledger.list_events()
    assert [event.payload["n"] for event in events] == list(range(6))
    assert [event.at_min - NOW for event in events] == list(range(6))
    assert all(a.seq < b.seq for a, b in pairwise(events))
    assert ledger.list_events(after_seq=events[3].seq) == events[4:]
    assert ledger.list_events(kinds=["CaseOpened"]) == events[1::2]
    assert ledger.list_events(kinds=[]) == []
    assert ledger.find_last_event(["CaseOpened", "Nothing"]) == events[1::2][-1]
    assert ledger.find_last_event([]) is None
    assert ledger.list_events(subject="c1") == [events[1], events[4]]
    assert ledger.list_events(after_seq=events[1].seq, kinds=["CaseMoved"], subject="c1", limit=1) == [events[4]]
    assert ledger.list_events(limit=2) == events[:2]


def an_event_holds_plain_values_only(opener: Opener, path: Path) -> None:
    ledger = opener(path)
    for wrong in ({"at": object()}, {"x": float("nan")}):
        with pytest.raises(Bug), ledger.unit(NOW) as unit:
            unit.append(EventKind.CASE_OPENED, "c1", wrong)
    assert ledger.list_events() == []


def cases_are_chosen_ordered_counted_and_paged(opener: Opener, path: Path) -> None:
    ledger = opener(path)
    with ledger.unit(NOW) as unit:
        for number in range(6):
            found = case(f"c{number}", train=f"G{number % 2}", opened=NOW + number // 2)
            unit.save_case(replace(found, deadline_min=NOW + 60 - number))
        unit.save_case(case("c6", state=CaseState.CLOSED))
        unit.save_case(replace(case("c7"), emergency_id="e2", scene="fire"))
        unit.save_case(replace(case("c8", "p8"), state=CaseState.REVIEW, deadline_min=None, opened_min=NOW + 9))
    listed = [found.case_id for found in ledger.list_cases()]
    assert listed == ["c0", "c1", "c6", "c7", "c2", "c3", "c4", "c5", "c8"]
    by_clock = CaseFilter(order="deadline", open_only=True, scene="epidemic")
    assert [found.case_id for found in ledger.list_cases(by_clock)] == ["c5", "c4", "c3", "c2", "c1", "c0", "c8"]
    assert [c.case_id for c in ledger.list_cases(replace(by_clock, limit=2, after="c4"))] == ["c3", "c2"]
    assert [c.case_id for c in ledger.list_cases(CaseFilter(limit=3, after="c6"))] == ["c7", "c2", "c3"]
    assert [c.case_id for c in ledger.list_cases(CaseFilter(train="G1"))] == ["c1", "c6", "c7", "c3", "c5", "c8"]
    assert [c.case_id for c in ledger.list_cases(CaseFilter(pid="p8", states=(CaseState.REVIEW,)))] == ["c8"]
    assert [c.case_id for c in ledger.list_cases(CaseFilter(overdue_at_min=NOW + 56))] == ["c6", "c7", "c5"][1:]
    assert ledger.list_cases(CaseFilter(states=(CaseState.CLOSED,), open_only=True)) == []
    own = ledger.count_cases(CaseFilter(emergency_id="e1", limit=1))
    assert own == {CaseState.FOUND: 6, CaseState.CLOSED: 1, CaseState.REVIEW: 1}
    assert ledger.count_cases(CaseFilter(open_only=True, scene="fire")) == {CaseState.FOUND: 1}


def tasks_are_chosen_ordered_counted_and_paged(opener: Opener, path: Path) -> None:
    ledger = opener(path)
    with ledger.unit(NOW) as unit:
        unit.save_task(replace(task("t1"), created_min=NOW + 2, deadline_min=NOW + 1))
        unit.save_task(task("t2", "T02", subject="G2", kind="transfer"))
        unit.save_task(replace(task("t3", "T03"), state=TaskState.DONE, deadline_min=None))
        unit.save_task(replace(task("t4", "T01"), state=TaskState.ESCALATED))
    assert [found.task_id for found in ledger.list_tasks()] == ["t2", "t3", "t4", "t1"]
    assert [t.task_id for t in ledger.list_tasks(TaskFilter(order="deadline"))] == ["t1", "t2", "t4", "t3"]
    assert [t.task_id for t in ledger.list_tasks(TaskFilter(order="deadline", after="t1", limit=1))] == ["t2"]
    assert [t.task_id for t in ledger.list_tasks(TaskFilter(open_only=True, teams=("T01", "T03")))] == ["t4", "t1"]
    assert [t.task_id for t in ledger.list_tasks(TaskFilter(subjects=("G2", "G3")))] == ["t2"]
    assert [t.task_id for t in ledger.list_tasks(TaskFilter(kind="transfer", scene="epidemic"))] == ["t2"]
    assert [t.task_id for t in ledger.list_tasks(TaskFilter(overdue_at_min=NOW + 3))] == ["t1"]
    assert ledger.list_tasks(TaskFilter(states=(TaskState.DONE,), open_only=True)) == []
    assert ledger.count_tasks(TaskFilter(open_only=True)) == {TaskState.ASSIGNED: 2, TaskState.ESCALATED: 1}


def timers_come_in_order_are_set_anew_and_stopped(opener: Opener, path: Path) -> None:
    ledger = opener(path)
    with ledger.unit(NOW) as unit:
        for subject, name, due in (("b", "x", 5), ("a", "y", 5), ("a", "x", 9), ("c", "x", 1)):
            unit.set_timer(subject, name, NOW + due, "epidemic")
        unit.set_timer("c", "x", NOW + 7, "epidemic")
    listed = [(timer.subject, timer.name, timer.due_min - NOW) for timer in ledger.list_timers()]
    assert listed == [("a", "y", 5), ("b", "x", 5), ("c", "x", 7), ("a", "x", 9)]
    assert [timer.subject for timer in ledger.list_timers(NOW + 7)] == ["a", "b", "c"]
    assert [timer.subject for timer in ledger.list_timers(NOW + 7, 2)] == ["a", "b"]
    with ledger.unit(NOW) as unit:
        assert (unit.cancel_timers("a", "x"), unit.cancel_timers("a", "x")) == (1, 0)
        assert unit.cancel_timers("a") == 1
    assert [timer.subject for timer in ledger.list_timers()] == ["b", "c"]


def a_message_is_written_once_and_waits_until_it_is_sent(opener: Opener, path: Path) -> None:
    ledger = opener(path)
    with ledger.unit(NOW) as unit:
        for key in ("m2", "m1", "m3"):
            unit.put_outbox(key, "orders", {"key": key})
        unit.put_outbox("m1", "cap", {"key": "again"})
    waiting = ledger.list_outbox()
    assert [(message.key, message.channel, message.payload["key"]) for message in waiting] == [
        ("m2", "orders", "m2"),
        ("m1", "orders", "m1"),
        ("m3", "orders", "m3"),
    ]
    with ledger.unit(NOW + 1) as unit:
        unit.mark_sent("m1")
        unit.put_outbox("m1", "orders", {"key": "again"})
    assert [message.key for message in opener(path).list_outbox()] == ["m2", "m3"]
    assert [message.key for message in ledger.list_outbox(1)] == ["m2"]


def a_command_key_is_new_once(opener: Opener, path: Path) -> None:
    ledger = opener(path)
    with ledger.unit(NOW) as unit:
        assert (unit.once("k1", "d"), unit.once("k1", "d"), unit.once("k2", "d")) == (True, False, True)
    with opener(path).unit(NOW) as unit:
        assert unit.once("k1", "d") is False
    with pytest.raises(Denied) as refused, ledger.unit(NOW) as unit:
        unit.once("k1", "another")
    assert refused.value.key == "stores.key_reused"


def of_a_measured_step_the_first_time_counts_and_of_the_last_the_last(opener: Opener, path: Path) -> None:
    ledger = opener(path)
    with ledger.unit(NOW) as unit:
        unit.mark_time("epidemic", "G1", LoopStep.SENSED, NOW - 3)
        unit.mark_time("epidemic", "G1", LoopStep.SENSED)
        unit.mark_time("epidemic", "G1", LoopStep.ACCEPTED)
        unit.mark_time("epidemic", "G1", LoopStep.CLOSED)
        unit.mark_time("epidemic", "G2", LoopStep.WARNED)
    with ledger.unit(NOW + 9) as unit:
        for step in (LoopStep.ACCEPTED, LoopStep.CLOSED):
            unit.mark_time("epidemic", "G1", step)
    first = LoopTimes("G1", "epidemic", sensed=NOW - 3, accepted=NOW, closed=NOW + 9)
    assert ledger.list_times() == [first, LoopTimes("G2", "epidemic", warned=NOW)]
    assert ledger.list_times("epidemic", "G1") == [first]
    assert [times.subject for times in ledger.list_times(since_min=NOW)] == ["G2"]
    assert [times.subject for times in ledger.list_times("epidemic", since_min=NOW - 3)] == ["G1", "G2"]
    assert ledger.list_times("fire") == []


def declared_events_overflows_alerts_and_appeals_come_back_as_they_were(opener: Opener, path: Path) -> None:
    ledger = opener(path)
    emergency = Emergency("e1", "epidemic", "covid-19", "§1", "me", NOW, NOW + 99, marks=SYNTHETIC)
    order = Overflow("o1", "epidemic", "e1", "E1", "me", NOW, "full")
    grades = (Severity.SEVERE, Urgency.IMMEDIATE, Certainty.LIKELY)
    alert = Alert("a1", "epidemic", "e1", "train", "G1", "f1", "d1", NOW, NOW, *grades, evidence={"甲": [1, None]})
    appeal = Appeal("p1", "c1", "me", NOW, NOW + 120, "ref")
    with ledger.unit(NOW) as unit:
        unit.save_emergency(emergency)
        unit.save_overflow(order)
        unit.save_alert(alert)
        unit.save_alert(replace(alert, alert_id="a0", subject="G0", raised_min=NOW + 1))
        unit.save_appeal(appeal)
    assert (ledger.find_emergency("e1"), ledger.find_overflow("o1")) == (emergency, order)
    assert (ledger.find_alert("a1"), ledger.find_appeal("p1")) == (alert, appeal)
    assert [found.alert_id for found in ledger.list_alerts()] == ["a1", "a0"]
    with ledger.unit(NOW) as unit:
        unit.save_emergency(replace(emergency, ended_min=NOW + 5, ended_by="me", second="you", version=1))
        unit.save_overflow(replace(order, ended_min=NOW, ended_by="me", version=1))
        unit.save_alert(replace(alert, msg_type=MsgType.CANCEL, version=1))
        unit.save_appeal(replace(appeal, decided_min=NOW, decided_by="you", upheld=False, version=1))
    ended = ledger.find_emergency("e1")
    assert ended is not None
    assert (ended.ended_min, ended.second, ended.marks) == (NOW + 5, "you", SYNTHETIC)
    assert (ledger.list_overflows("epidemic", on_only=True), len(ledger.list_overflows())) == ([], 1)
    assert [found.alert_id for found in ledger.list_alerts("epidemic", active_only=True)] == ["a0"]
    (decided,) = ledger.list_appeals("c1")
    assert (decided.upheld, ledger.list_appeals(open_only=True)) == (False, [])
    assert (ledger.list_emergencies("fire"), len(ledger.list_emergencies("epidemic"))) == ([], 1)


def a_tally_counts_events_and_rows_of_one_emergency(opener: Opener, path: Path) -> None:
    ledger = opener(path)
    with ledger.unit(NOW) as unit:
        for number in range(3):
            unit.save_case(case(f"c{number}"))
            unit.append(EventKind.CASE_OPENED, f"c{number}", {"emergency": "e1"})
        unit.save_case(case("c3", state=CaseState.CLOSED))
        for outcome in ("released", "released", "transferred"):
            unit.append(EventKind.CASE_CLOSED, "c3", {"emergency": "e1", "outcome": outcome})
        unit.append(EventKind.CASE_OPENED, "x", {"emergency": "e2"})
        unit.append(EventKind.CASE_MOVED, "c1", {"emergency": "e1", "outcome": "released"})
    assert ledger.tally("e1") == Tally(3, {"released": 2, "transferred": 1}, 3, 1)
    assert ledger.tally("e9") == Tally()


def marks_travel_with_every_record(opener: Opener, path: Path) -> None:
    ledger = opener(path)
    with ledger.unit(NOW) as unit:
        unit.save_case(case("c1"))
        unit.save_task(task("t1"))
    assert (ledger.get_case("c1").marks, ledger.get_task("t1").marks) == (SYNTHETIC, UNMARKED)


CHECKS: tuple[Callable[[Opener, Path], None], ...] = (
    what_was_written_in_a_unit_is_there_for_another_process,
    a_unit_that_fails_leaves_nothing,
    a_unit_reads_what_it_wrote_and_nobody_else_does_before_its_end,
    a_unit_is_over_when_it_is_over_and_there_is_one_at_a_time,
    a_record_is_replaced_by_its_next_version_only,
    a_person_has_one_case_on_a_train_in_an_emergency,
    a_row_of_an_exercise_is_refused,
    what_is_absent_is_told,
    events_come_in_order_and_are_chosen_by_kind_and_subject,
    an_event_holds_plain_values_only,
    cases_are_chosen_ordered_counted_and_paged,
    tasks_are_chosen_ordered_counted_and_paged,
    timers_come_in_order_are_set_anew_and_stopped,
    a_message_is_written_once_and_waits_until_it_is_sent,
    a_command_key_is_new_once,
    of_a_measured_step_the_first_time_counts_and_of_the_last_the_last,
    declared_events_overflows_alerts_and_appeals_come_back_as_they_were,
    a_tally_counts_events_and_rows_of_one_emergency,
    marks_travel_with_every_record,
)


def notices(opener: Opener, path: Path) -> list[str]:
    """Return the names of the checks that a ledger fails."""
    failed = []
    for number, check in enumerate(CHECKS):
        place = path / str(number)
        place.mkdir()
        try:
            check(opener, place)
        except (AssertionError, HubError, pytest.fail.Exception):
            failed.append(check.__name__)
    return failed
