"""Alerts stand once by subject and say Alert, Update, Cancel; flagged persons have one case each."""

from dataclasses import replace

import pytest

from hubtwin.base.errors import Denied
from hubtwin.flow.emergency import end_emergency
from hubtwin.flow.warn import open_cases, raise_alerts
from hubtwin.model.alert import Alert, MsgType, Urgency
from hubtwin.model.event import is_alarm
from hubtwin.model.finding import Finding, Flagged
from hubtwin.model.record import Marks, Provenance
from hubtwin.model.task import TaskState
from tests.contracts.memory_ledger import MemoryLedger
from tests.flow.loop_story import CLOCKS_MIN, NOW, SCENE, anyone, declared, finding, kinds, opened, ordered


def warn(ledger: MemoryLedger, *findings: Finding, at_min: int = NOW, partial: bool = False) -> list[Alert]:
    return raise_alerts(ledger, findings, CLOCKS_MIN, scene=SCENE, now_min=at_min, partial=partial)


def test_a_scene_is_off_until_an_emergency_is_declared_and_after_it_has_ended() -> None:
    ledger = MemoryLedger()
    with pytest.raises(Denied):
        warn(ledger, finding())
    emergency = declared(ledger)
    assert len(warn(ledger, finding())) == 1
    end_emergency(ledger, emergency.emergency_id, CLOCKS_MIN, anyone, by="zhao", at_min=NOW + 1)
    with pytest.raises(Denied):
        warn(ledger, finding(), at_min=NOW + 1)
    with pytest.raises(Denied):
        opened(ledger, at_min=NOW + 1)
    assert ledger.list_alerts(active_only=True) == []


def test_the_same_finding_warns_once_and_a_minute_less_is_no_news() -> None:
    ledger = MemoryLedger()
    declared(ledger)
    (alert,) = warn(ledger, finding())
    assert (alert.msg_type, alert.severity, alert.urgency, alert.certainty) == ("Alert", "Severe", "Expected", "Likely")
    assert warn(ledger, finding()) == []
    assert warn(ledger, finding(lead_min=1), at_min=NOW + 1) == []
    assert kinds(ledger)[1:] == ["AlertRaised"]
    (raised,) = ledger.list_events(kinds=["AlertRaised"])
    assert is_alarm(raised.kind, raised.payload)
    assert not is_alarm(raised.kind, {**raised.payload, "severity": "Moderate"}), "it stands in the list, and is quiet"


@pytest.mark.parametrize(
    "change",
    [
        {"level": "medium"},
        {"key_train": False},
        {"platform": "P5"},
        {"persons": {"rung": "hits", "concerned": 8}},
        {"lists": {"stage": "final"}},
        {"expected_min": NOW + 44},
    ],
)
def test_a_change_of_what_matters_is_an_update(change: dict[str, object]) -> None:
    ledger = MemoryLedger()
    declared(ledger)
    (first,) = warn(ledger, finding())
    (second,) = warn(ledger, finding(**change), at_min=NOW + 2)  # type: ignore[arg-type]
    assert (second.alert_id, second.msg_type, second.version) == (first.alert_id, MsgType.UPDATE, 1)
    assert (second.raised_min, second.at_min) == (NOW, NOW + 2)
    assert len(ledger.list_outbox()) == 2


def test_the_time_left_makes_an_alert_more_urgent_once() -> None:
    ledger = MemoryLedger()
    declared(ledger)
    warn(ledger, finding())
    told = [alert.urgency for minute in range(1, 41) for alert in warn(ledger, finding(), at_min=NOW + minute)]
    assert told == [Urgency.IMMEDIATE]


def test_what_is_found_no_more_is_cancelled_with_its_open_orders() -> None:
    ledger = MemoryLedger()
    declared(ledger)
    warn(ledger, finding(), finding("G2 2022-10-20"))
    task = ordered(ledger)
    assert warn(ledger, finding("G2 2022-10-20"), at_min=NOW + 1, partial=True) == []
    (gone,) = warn(ledger, finding("G2 2022-10-20"), at_min=NOW + 1)
    assert (gone.subject, gone.msg_type) == ("G1 2022-10-20", MsgType.CANCEL)
    assert ledger.get_task(task.task_id).state is TaskState.CANCELLED
    assert ledger.list_timers(NOW + 60)[0].name != "clock"
    (again,) = warn(ledger, finding(), finding("G2 2022-10-20"), at_min=NOW + 2)
    assert (again.alert_id, again.msg_type, again.version) == (gone.alert_id, MsgType.ALERT, 2)


def test_a_train_that_has_arrived_is_past_and_not_cancelled() -> None:
    ledger = MemoryLedger()
    declared(ledger)
    warn(ledger, finding())
    task = ordered(ledger)
    (past,) = warn(ledger, at_min=NOW + 41)
    assert (past.msg_type, past.urgency, past.is_active) == (MsgType.UPDATE, Urgency.PAST, False)
    assert ledger.get_task(task.task_id).is_open, "the team is at the train"
    assert warn(ledger, finding(), at_min=NOW + 42) == []


def test_a_flagged_person_has_one_case_with_its_reason_and_its_clock() -> None:
    ledger = MemoryLedger()
    emergency = declared(ledger)
    (case,) = opened(ledger, "p1")
    assert opened(ledger, "p1", at_min=NOW + 5) == []
    assert (case.emergency_id, case.deadline_min, case.version) == (emergency.emergency_id, NOW + 30, 0)
    assert [filed.evidence.ref for filed in ledger.list_evidence(case.case_id)] == ["hit of p1"]
    other = replace(Flagged("p1", "G2 2022-10-20", "r"), marks=Marks(provenance=Provenance.SYNTHETIC))
    (second,) = open_cases(ledger, [other, other], CLOCKS_MIN, scene=SCENE, now_min=NOW)
    assert second.marks.provenance is Provenance.SYNTHETIC
    assert [event.payload["provenance"] for event in ledger.list_events(kinds=["CaseOpened"])] == ["real", "synthetic"]


def test_a_finding_of_another_kind_gets_unknown_grades() -> None:
    ledger = MemoryLedger()
    declared(ledger)
    bare = replace(finding(), evidence={}, subject="lane 3")
    (alert,) = warn(ledger, bare)
    assert (alert.severity, alert.urgency, alert.certainty) == ("Unknown", "Unknown", "Unknown")
    (gone,) = warn(ledger, at_min=NOW + 9)
    assert gone.msg_type is MsgType.CANCEL
