"""Warn: findings become alerts, one for each thing that is warned of, and flagged persons become cases, once each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from hubtwin.base.ids import stable_key
from hubtwin.flow.dispatch import drop_tasks
from hubtwin.flow.guard import require_emergency, shown
from hubtwin.model.alert import Alert, Grade, MsgType, Urgency
from hubtwin.model.case import Case, Evidence
from hubtwin.model.event import FINDING, EventKind, LoopStep
from hubtwin.model.finding import Finding, Flagged
from hubtwin.ports import Ledger, TaskFilter, Unit
from hubtwin.rules.severity import digest, grade, grade_urgency

CAP = "cap"  # the channel of alerts
STEP = "step"  # the one timer of a case
REVIEW_LEAD_MIN = 10  # ours: a person must look within review_min; the commander hears of it this much earlier
_KINDS = {
    MsgType.ALERT: EventKind.ALERT_RAISED,
    MsgType.UPDATE: EventKind.ALERT_UPDATED,
    MsgType.CANCEL: EventKind.ALERT_CANCELLED,
}


def raise_alerts(
    ledger: Ledger,
    findings: Sequence[Finding],
    clocks_min: Mapping[str, int],
    *,
    scene: str,
    now_min: int,
    partial: bool = False,
    sensed: Callable[[Finding], int] | None = None,
) -> list[Alert]:
    """Bring the alerts of a scene in line with its findings, in one transaction; return those with a new message.

    Once by subject: a new one is an Alert, a change of what matters an Update, one that is not found any more a
    Cancel, or an Update with urgency Past where its time has come. `partial` findings cancel nothing. `sensed`
    says when the newest datum behind a finding came in. Raises Denied where no emergency is in force.
    """
    told: list[Alert] = []
    with ledger.unit(now_min) as unit:
        emergency_id = require_emergency(unit, scene, now_min).emergency_id
        first = {found.subject: found for found in reversed(findings)}
        for found in first.values():
            alert = _message(unit, found, emergency_id)
            if alert is not None:
                unit.mark_time(scene, found.subject, LoopStep.SENSED, sensed(found) if sensed else found.found_min)
                told.append(_send(unit, alert))
        if not partial:
            gone = [alert for alert in unit.list_alerts(scene, active_only=True) if alert.subject not in first]
            told += [end_alert(unit, alert, clocks_min) for alert in gone]
    return told


def end_alert(unit: Unit, alert: Alert, clocks_min: Mapping[str, int]) -> Alert:
    """Take an alert back with its open tasks, or let it be over where its time has come."""
    expected = alert.evidence.get("expected_min")
    over = isinstance(expected, int) and grade_urgency(expected, unit.at_min) is Urgency.PAST
    ended = replace(
        alert,
        msg_type=MsgType.UPDATE if over else MsgType.CANCEL,
        urgency=Urgency.PAST if over else alert.urgency,
        at_min=unit.at_min,
        version=alert.version + 1,
    )
    if not over:
        drop_tasks(unit, TaskFilter(scene=alert.scene, subjects=(alert.subject,)), "alert_cancelled", clocks_min)
    return _send(unit, ended)


def open_cases(
    ledger: Ledger,
    flagged: Sequence[Flagged],
    clocks_min: Mapping[str, int],
    *,
    scene: str,
    now_min: int,
) -> list[Case]:
    """Open a case for each flagged person and train, once in an emergency; return the new ones.

    A person must look at each within `review_min`; its clock asks the commander before. Raises Denied where no
    emergency is in force.
    """
    opened = []
    with ledger.unit(now_min) as unit:
        emergency_id = require_emergency(unit, scene, now_min).emergency_id
        for person in flagged:
            case = _case(person, emergency_id, scene, now_min, clocks_min["review_min"])
            if unit.find_case(case.case_id) is None:
                opened.append(_open(unit, case, person, clocks_min))
    return opened


def case_id_of(emergency_id: str, pid: str, train: str) -> str:
    """Return the id of the case of a person on a train in an emergency."""
    return stable_key("case", emergency_id, pid, train)


def _case(person: Flagged, emergency_id: str, scene: str, now_min: int, review_min: int) -> Case:
    return Case(
        case_id_of(emergency_id, person.pid, person.train),
        scene,
        emergency_id,
        person.pid,
        person.train,
        opened_min=now_min,
        since_min=now_min,
        deadline_min=now_min + review_min,
        marks=person.marks,
    )


def _open(unit: Unit, case: Case, person: Flagged, clocks_min: Mapping[str, int]) -> Case:
    unit.save_case(case)
    unit.add_evidence(case, "system", [Evidence(FINDING, person.ref, person.values)])
    payload = {
        "case": case.case_id,
        "emergency": case.emergency_id,
        "pid": case.pid,
        "train": case.train,
        "deadline_min": case.deadline_min,
        "ref": person.ref,
        "version": 0,
        **shown(case.marks),
    }
    unit.append(EventKind.CASE_OPENED, case.case_id, payload, case.scene)
    wait = clocks_min["review_min"] - clocks_min.get("review_lead_min", REVIEW_LEAD_MIN)
    unit.set_timer(case.case_id, STEP, unit.at_min + max(1, wait), case.scene)
    return case


def _message(unit: Unit, found: Finding, emergency_id: str) -> Alert | None:
    """Return the next message about a finding, None where there is nothing new to say."""
    alert_id = stable_key("alert", emergency_id, found.scene, found.kind, found.subject)
    known, graded = unit.find_alert(alert_id), grade(found, unit.at_min)
    told = digest(found, graded)
    if known is None or not known.is_active:
        if graded.urgency is Urgency.PAST:
            return None
        return _alert(found, emergency_id, alert_id, graded, known=known, at_min=unit.at_min, told=told)
    if known.digest == told:
        return None
    return replace(
        _alert(found, emergency_id, alert_id, graded, known=known, at_min=unit.at_min, told=told),
        msg_type=MsgType.UPDATE,
        raised_min=known.raised_min,
    )


def _alert(
    found: Finding, emergency_id: str, alert_id: str, graded: Grade, *, known: Alert | None, at_min: int, told: str
) -> Alert:
    return Alert(
        alert_id,
        found.scene,
        emergency_id,
        found.kind,
        found.subject,
        found.key,
        told,
        raised_min=at_min,
        at_min=at_min,
        severity=graded.severity,
        urgency=graded.urgency,
        certainty=graded.certainty,
        evidence=found.evidence,
        version=0 if known is None else known.version + 1,
        marks=found.marks,
    )


def _send(unit: Unit, alert: Alert) -> Alert:
    """Save an alert with its event and its message."""
    unit.save_alert(alert)
    payload = {
        "alert": alert.alert_id,
        "kind": alert.kind,
        "about": alert.subject,
        "finding": alert.finding_key,
        "msg_type": alert.msg_type.value,
        "severity": alert.severity.value,
        "urgency": alert.urgency.value,
        "certainty": alert.certainty.value,
        "emergency": alert.emergency_id,
        "version": alert.version,
        **shown(alert.marks),
    }
    unit.append(_KINDS[alert.msg_type], alert.alert_id, payload, alert.scene)
    if alert.msg_type is MsgType.ALERT:
        unit.mark_time(alert.scene, alert.subject, LoopStep.WARNED)
    unit.put_outbox(stable_key(alert.alert_id, alert.version), CAP, {**payload, "status": alert.marks.status.value})
    return alert
