"""An alarm is heard once, by a named person; what is shelved has a reason and an end; a call for help never is."""

import pytest

from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.flow.alarms import LONGEST_MIN, acknowledge, shelve
from hubtwin.model.event import EventKind
from tests.contracts.memory_ledger import MemoryLedger
from tests.flow.loop_story import NOW, anyone, declared, kinds


def nobody(action: str, *, scene: str | None = None, team: str | None = None) -> None:
    raise Denied("rules.not_permitted", action=action, roles="-", agency="-")


@pytest.fixture
def ledger() -> MemoryLedger:
    made = MemoryLedger()
    declared(made)
    with made.unit(NOW) as unit:
        unit.append(EventKind.TASK_ESCALATED, "t1", {})
        unit.append(EventKind.ALERT_RAISED, "a1", {"severity": "Minor"})
    return made


def _seq(ledger: MemoryLedger, kind: EventKind) -> int:
    return ledger.list_events(kinds=(kind,))[-1].seq


def test_an_alarm_is_heard_once_and_by_name(ledger: MemoryLedger) -> None:
    seq = _seq(ledger, EventKind.TASK_ESCALATED)
    assert acknowledge(ledger, [seq, seq], anyone, by="wang", at_min=NOW + 1) == 1
    assert acknowledge(ledger, [seq], anyone, by="li", at_min=NOW + 2) == 0
    (event,) = ledger.list_events(kinds=(EventKind.ALARM_ACKNOWLEDGED,))
    assert (event.subject, event.at_min, event.payload["by"]) == (str(seq), NOW + 1, "wang")


def test_what_is_no_alarm_is_refused_and_nothing_is_written(ledger: MemoryLedger) -> None:
    seq = _seq(ledger, EventKind.TASK_ESCALATED)
    for wrong in (_seq(ledger, EventKind.ALERT_RAISED), 10_000):
        with pytest.raises(Absent):
            acknowledge(ledger, [seq, wrong], anyone, by="wang", at_min=NOW)
    with pytest.raises(Denied):
        acknowledge(ledger, [seq], nobody, by="wang", at_min=NOW)
    with pytest.raises(Denied):
        acknowledge(ledger, [seq], anyone, by="system", at_min=NOW)
    assert kinds(ledger, [EventKind.ALARM_ACKNOWLEDGED]) == []


def test_an_alarm_of_another_scene_is_not_an_officers_to_answer(ledger: MemoryLedger) -> None:
    asked = list[str | None]()

    def officer(action: str, *, scene: str | None = None, team: str | None = None) -> None:
        asked.append(scene)
        if scene not in ("", "epidemic"):
            raise Denied("rules.not_your_scene", action=action, scene=scene, scenes="epidemic")

    with ledger.unit(NOW) as unit:
        unit.append(EventKind.TASK_ESCALATED, "t2", {}, "fire")
        unit.append(EventKind.TASK_ESCALATED, "t3", {}, "epidemic")
    first, foreign, own = (event.seq for event in ledger.list_events(kinds=(EventKind.TASK_ESCALATED,)))
    with pytest.raises(Denied):
        acknowledge(ledger, [own, foreign], officer, by="li", at_min=NOW)
    assert kinds(ledger, [EventKind.ALARM_ACKNOWLEDGED]) == []
    assert acknowledge(ledger, [first, own], officer, by="li", at_min=NOW) == 2
    assert asked[-2:] == ["", "epidemic"]


def test_alarms_are_shelved_for_a_reason_and_a_time_and_taken_back(ledger: MemoryLedger) -> None:
    told = {"by": "wang", "reason": "the gate is being mended", "at_min": NOW}
    assert shelve(ledger, "TaskEscalated", anyone, minutes=30, **told) == NOW + 30  # type: ignore[arg-type]
    assert shelve(ledger, "TaskEscalated", anyone, by="li", reason="", minutes=0, at_min=NOW + 5) == NOW + 5
    for wrong, minutes, reason in (
        ("TaskEscalated", 30, " "),
        ("TaskEscalated", LONGEST_MIN + 1, "r"),
        ("CaseMoved", 30, "r"),
    ):
        with pytest.raises(Malformed):
            shelve(ledger, wrong, anyone, by="wang", reason=reason, minutes=minutes, at_min=NOW)
    with pytest.raises(Denied, match="HelpAsked"):
        shelve(ledger, "HelpAsked", anyone, by="wang", reason="r", minutes=5, at_min=NOW)
    with pytest.raises(Denied):
        shelve(ledger, "TaskEscalated", nobody, by="wang", reason="r", minutes=5, at_min=NOW)
    assert len(kinds(ledger, [EventKind.ALARM_SHELVED])) == 2
