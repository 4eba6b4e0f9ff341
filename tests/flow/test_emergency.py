"""Only a person switches a scene on, off, and into overflow; the last day switches it off by itself."""

import pytest

from hubtwin.base.errors import Absent, Denied, HubError, Malformed
from hubtwin.flow.emergency import (
    Declaration,
    begin_overflow,
    declare_emergency,
    end_emergency,
    end_overflow,
    propose_overflow,
)
from hubtwin.flow.guard import find_emergency
from hubtwin.flow.timers import tick
from hubtwin.flow.warn import raise_alerts
from hubtwin.ports import TaskFilter
from tests.contracts.memory_ledger import MemoryLedger
from tests.flow.loop_story import CLOCKS, CLOCKS_MIN, NOW, SCENE, anyone, declared, finding, kinds, opened, ordered

OVERLOAD = {"exit": "E1", "from_min": NOW + 25, "until_min": NOW + 40, "longest_queue": 300, "lead_min": 25}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"legal_basis": " "}, Malformed),
        ({"disease": ""}, Malformed),
        ({"ends_min": NOW}, Malformed),
        ({"by": "system"}, Denied),
    ],
)
def test_a_declaration_names_a_person_a_basis_and_an_end(change: dict[str, object], kind: type[HubError]) -> None:
    said: dict[str, object] = {"legal_basis": "art. 42", "disease": "covid-19", "ends_min": NOW + 1, "by": "zhao"}
    ledger = MemoryLedger()
    with pytest.raises(kind):
        declare_emergency(ledger, Declaration(scene=SCENE, at_min=NOW, **{**said, **change}), anyone)  # type: ignore[arg-type]
    assert ledger.last_seq() == 0


def test_one_emergency_is_in_force_at_a_time() -> None:
    ledger = MemoryLedger()
    first = declared(ledger)
    with pytest.raises(Denied) as refused:
        declared(ledger, NOW + 1)
    assert "art. 42" in refused.value.message("en")
    end_emergency(ledger, first.emergency_id, CLOCKS_MIN, anyone, by="zhao", at_min=NOW + 1, second="qian")
    assert declared(ledger, NOW + 1).emergency_id != first.emergency_id


def test_the_second_word_is_somebody_elses() -> None:
    ledger = MemoryLedger()
    emergency = declared(ledger)
    with pytest.raises(Denied):
        end_emergency(ledger, emergency.emergency_id, CLOCKS_MIN, anyone, by="zhao", at_min=NOW, second="zhao")
    with pytest.raises(Absent):
        end_emergency(ledger, "?", CLOCKS_MIN, anyone, by="zhao", at_min=NOW)
    ended = end_emergency(ledger, emergency.emergency_id, CLOCKS_MIN, anyone, by="zhao", at_min=NOW + 1)
    assert end_emergency(ledger, emergency.emergency_id, CLOCKS_MIN, anyone, by="sun", at_min=NOW + 2) == ended


def test_the_last_day_ends_it_and_its_open_cases_are_still_worked_on() -> None:
    ledger = MemoryLedger()
    emergency = declared(ledger, days=1)
    raise_alerts(ledger, [finding(in_min=2000)], CLOCKS_MIN, scene=SCENE, now_min=NOW)
    ordered(ledger, due=NOW + 1990)
    (case,) = opened(ledger)
    tick(ledger, NOW + 1440, CLOCKS)
    assert find_emergency(ledger, SCENE, NOW + 1440) is None
    (ended,) = ledger.list_events(kinds=["EmergencyEnded"])
    assert (ended.subject, ended.payload["by"]) == (emergency.emergency_id, "system")
    assert ledger.list_alerts(active_only=True) == []
    assert ledger.list_tasks(TaskFilter(kind="meet_train", open_only=True)) == []
    assert ledger.get_case(case.case_id).is_open
    assert any(timer.name == "reconcile" for timer in ledger.list_timers()), "until its last case is closed"


def test_the_machine_proposes_overflow_once_and_a_named_person_begins_and_ends_it() -> None:
    ledger = MemoryLedger()
    declared(ledger)
    (question,) = propose_overflow(ledger, [OVERLOAD], CLOCKS_MIN, scene=SCENE, now_min=NOW)
    assert (question.kind, question.subject, question.due_min) == ("decide_overflow", "E1", NOW + 25)
    assert propose_overflow(ledger, [OVERLOAD], CLOCKS_MIN, scene=SCENE, now_min=NOW + 1) == []
    with pytest.raises(Malformed):
        begin_overflow(ledger, "E1", CLOCKS_MIN, anyone, scene=SCENE, by="zhao", reason="", at_min=NOW)
    with pytest.raises(Denied):
        begin_overflow(ledger, "E1", CLOCKS_MIN, anyone, scene=SCENE, by="system", reason="full", at_min=NOW)
    order = begin_overflow(ledger, "E1", CLOCKS_MIN, anyone, scene=SCENE, by="zhao", reason="full", at_min=NOW + 2)
    again = begin_overflow(ledger, "E1", CLOCKS_MIN, anyone, scene=SCENE, by="sun", reason="full", at_min=NOW + 3)
    assert again == order
    assert ledger.list_tasks(TaskFilter(open_only=True)) == []
    later = {**OVERLOAD, "from_min": NOW + 90}
    assert propose_overflow(ledger, [later], CLOCKS_MIN, scene=SCENE, now_min=NOW + 4) == [], "it is on already"
    ended = end_overflow(ledger, order.overflow_id, anyone, by="zhao", at_min=NOW + 60)
    assert (ended.is_on, ended.begun_by, ended.ended_by) == (False, "zhao", "zhao")
    assert end_overflow(ledger, order.overflow_id, anyone, by="sun", at_min=NOW + 61) == ended
    with pytest.raises(Absent):
        end_overflow(ledger, "?", anyone, by="zhao", at_min=NOW)
    told = ["OverflowProposed", "OverflowBegun", "OverflowEnded"]
    assert kinds(ledger, told) == told
