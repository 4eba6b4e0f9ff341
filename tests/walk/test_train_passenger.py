"""The walk of one train passenger, from bytes on the wire to the closed case, every record on the way looked at."""

from pathlib import Path
from typing import Any

import pytest

from hubtwin.flow.handle import handle_case, handle_task
from hubtwin.library.query import collect
from hubtwin.model.case import CaseCommand, CaseState, Evidence, Outcome
from hubtwin.model.record import Status
from hubtwin.model.task import TaskCommand, TaskState
from hubtwin.ports import CaseFilter, TaskFilter
from hubtwin.stores.deletion import Register
from tests.walk.town import DAY, DOCUMENT, TRAIN, Town, read_lines, town

SUBJECT = f"{TRAIN} {DAY}"


def move(here: Town, case_id: str, command: str, user: str, **refs: str) -> Any:
    """Let a person move the case on."""
    pieces = [Evidence(kind, ref) for kind, ref in refs.items()]
    told = CaseCommand(case_id, command, user, here.now_min, pieces)
    return handle_case(here.works.ledger, told, here.works.clocks_min, here.may(user), key=f"{command} once")


def order(here: Town, task_id: str, command: str, user: str) -> Any:
    told = TaskCommand(task_id, command, user, here.now_min)
    return handle_task(here.works.ledger, told, here.works.clocks_min, here.may(user), roster=here.works.roster)


@pytest.mark.parametrize("status", [Status.ACTUAL, Status.EXERCISE])
def test_one_passenger_from_bytes_to_a_closed_case(tmp_path: Path, status: Status) -> None:
    with town(tmp_path, status=status) as here:
        warn_and_meet(here)
        case_id = pass_the_gate(here)
        lead_through_the_steps(here, case_id)
        look_at_what_is_left(here, case_id)


def warn_and_meet(here: Town) -> None:
    ledger, store = here.works.ledger, here.works.store
    here.tell_counts(40)
    turn = here.step(0)
    # sense: the partner's bytes are rows of the library, with their marks
    (row,) = collect(store.tables(("boarding_counts",))["boarding_counts"]).to_pylist()
    assert (row["trip_id"], row["booked"], row["provenance"]) == ("T1", 40, "synthetic")
    # judge: one finding, stored once by key, with the thresholds that were used
    (found,) = store.list_findings("epidemic")
    assert (found.subject, found.evidence["level"], found.evidence["key_train"]) == (SUBJECT, "high", True)
    assert found.params["lead_min"] == 30
    assert [one.key for one in turn.findings] == [found.key]
    # warn: a CAP alert, with its message
    (alert,) = ledger.list_alerts()
    assert (alert.msg_type, alert.severity, alert.subject) == ("Alert", "Severe", SUBJECT)
    assert [line["payload"]["alert"] for line in read_lines(here.works, "cap")] == [alert.alert_id]
    # dispatch: an order to a team, which its member accepts, on post before the doors open
    (task,) = ledger.list_tasks(TaskFilter(kind="meet_train"))
    assert (task.subject, task.state) == (SUBJECT, TaskState.ASSIGNED)
    assert task.due_min <= int(str(found.evidence["expected_min"])) - 5
    assert [line["payload"]["task"] for line in read_lines(here.works, "orders")] == [task.task_id]
    user = next(name for name, person in here.people.items() if person.team == task.team)
    here.step(1)
    order(here, task.task_id, "accept", user)
    here.step(42)
    assert order(here, task.task_id, "arrive", user).state is TaskState.ON_POST
    assert not here.step(43).cases, "nobody has passed yet"


def pass_the_gate(here: Town) -> str:
    here.step(52)
    sent = here.pass_gate()
    assert DOCUMENT[1].encode() in sent
    turn = here.step(53)
    # sense: the passage is a row with a pseudonym; the document is nowhere in the store
    (row,) = collect(here.works.store.tables(("gate_screenings",))["gate_screenings"]).to_pylist()
    assert (row["pid"], row["health_code"], row["provenance"]) == (here.pid(), "red", "synthetic")
    for file in here.works.store.directory.rglob("*"):
        if file.is_file():
            assert DOCUMENT[1].encode() not in file.read_bytes(), file.name
    # judge and warn: a case, opened by the machine, with the rule that said so
    (case,) = turn.cases
    (filed,) = here.works.ledger.list_evidence(case.case_id)
    assert (case.pid, case.state, case.owner) == (here.pid(), CaseState.FOUND, None)
    assert (filed.by, filed.evidence.kind, filed.evidence.values["rule_id"]) == ("system", "finding", "red code")
    assert case.deadline_min == here.now_min + 30, "a human reviewer looks within half an hour"
    # the scene read the row under its grant, and that was written down
    looked = [e for e in here.works.access.audit.list_entries() if e.kind == "LookedUp"]
    assert any(e.by == "scene:epidemic" and e.payload["dataset"] == "gate_screenings" for e in looked)
    return str(case.case_id)


def lead_through_the_steps(here: Town, case_id: str) -> None:
    here.step(55)
    move(here, case_id, "report", "qian", scan="scan 1")
    here.step(58)
    move(here, case_id, "take_antigen", "zhao", sample="sample 1")
    here.tell_result("antigen", "negative", "A-1")
    here.step(60)
    # the machine proposes, a named person decides
    proposal = here.works.ledger.list_evidence(case_id)[-1]
    assert (proposal.by, proposal.evidence.kind, proposal.evidence.ref) == ("system", "proposal", "urn:hubtwin:sim|A-1")
    assert proposal.evidence.values["command"] == "antigen_result"
    assert here.works.ledger.get_case(case_id).state is CaseState.ANTIGEN
    here.step(61)
    assert len(here.works.ledger.list_evidence(case_id)) == 4, "the same result is proposed once"
    move(here, case_id, "antigen_result", "zhao", antigen="urn:hubtwin:sim|A-1")
    here.step(64)
    move(here, case_id, "release", "li", negative="urn:hubtwin:sim|A-1", review="review 1")
    here.step(66)
    closed = move(here, case_id, "close", "li", feedback="told in person")
    assert (closed.state, closed.outcome) == (CaseState.CLOSED, Outcome.RELEASED)


def look_at_what_is_left(here: Town, case_id: str) -> None:
    ledger, works = here.works.ledger, here.works
    here.step(81)  # past the full hour: the loop was reconciled
    kinds = [event.kind for event in ledger.list_events(subject=case_id)]
    assert kinds == [
        *("CaseOpened", "CaseMoved", "CaseMoved", "CaseProposed", "CaseMoved", "CaseMoved", "CaseClosed"),
    ]
    by = [event.payload.get("by") for event in ledger.list_events(kinds=["CaseMoved", "CaseClosed"])]
    assert by == ["qian", "zhao", "zhao", "li", "li"]
    assert [line["payload"]["case"] for line in read_lines(works, "feedback")] == [case_id]
    (balance,) = ledger.list_events(kinds=["LoopReconciled", "LoopDiffers"])[-1:]
    told = {name: balance.payload[name] for name in ("entered", "released", "open", "difference", "missing")}
    assert (balance.kind, told) == (
        "LoopReconciled",
        {"entered": 1, "released": 1, "open": 0, "difference": 0, "missing": 0},
    )
    assert not ledger.list_outbox()
    assert not ledger.list_timers(here.now_min)
    assert ledger.list_cases(CaseFilter(open_only=True)) == []
    (times,) = ledger.list_times(subject=SUBJECT)
    moments = (times.sensed, times.warned, times.dispatched, times.accepted, times.on_site)
    assert None not in moments
    assert list(moments) == sorted(moment for moment in moments if moment is not None)
    (kept,) = Register(works.access.database).list_kept()
    assert kept.pid == here.pid()
    assert works.access.audit.verify().problems == ()
