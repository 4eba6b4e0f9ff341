"""What the loop writes beside its cases and tasks: events, timers, messages, evidence on file, measured times."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hubtwin.model.case import Evidence


class EventKind(StrEnum):
    """What can happen in the loop. Past participles; an event is never edited and never deleted by the loop."""

    EMERGENCY_DECLARED = "EmergencyDeclared"
    EMERGENCY_ENDED = "EmergencyEnded"
    EMERGENCY_DATA_DESTROYED = "EmergencyDataDestroyed"  # its certificate stands among the reports
    ALERT_RAISED = "AlertRaised"
    ALERT_UPDATED = "AlertUpdated"
    ALERT_CANCELLED = "AlertCancelled"
    CASE_OPENED = "CaseOpened"
    CASE_MOVED = "CaseMoved"
    CASE_CLOSED = "CaseClosed"
    CASE_PROPOSED = "CaseProposed"  # what the machine would do next, on which evidence; a person decides
    CASE_ESCALATED = "CaseEscalated"  # a clock of the case ran out; the duty commander has a task
    APPEAL_LODGED = "AppealLodged"
    APPEAL_DECIDED = "AppealDecided"
    TASK_ASSIGNED = "TaskAssigned"
    TASK_UPDATED = "TaskUpdated"  # its place or time changed, its state did not
    TASK_ACCEPTED = "TaskAccepted"
    TASK_DECLINED = "TaskDeclined"
    TASK_ON_POST = "TaskOnPost"
    TASK_DONE = "TaskDone"
    TASK_ESCALATED = "TaskEscalated"
    TASK_REASSIGNED = "TaskReassigned"
    TASK_CANCELLED = "TaskCancelled"
    TASK_CHECKED = "TaskChecked"  # a line of its checklist was ticked, or the tick taken back
    TASK_NOTED = "TaskNoted"  # a report or a scanned code was filed with it; what it says is sealed
    TASK_PHOTOGRAPHED = "TaskPhotographed"
    HELP_ASKED = "HelpAsked"  # somebody of the own staff needs help, now
    ALARM_ACKNOWLEDGED = "AlarmAcknowledged"  # somebody has heard it; the subject is the number of the alarm's event
    ALARM_SHELVED = "AlarmShelved"  # alarms of a kind are quiet until a minute, for a reason; the subject is the kind
    TIMER_FIRED = "TimerFired"
    TIMER_FAILED = "TimerFailed"  # what should have followed could not be done; shown like an alarm
    LOOP_RECONCILED = "LoopReconciled"
    LOOP_DIFFERS = "LoopDiffers"
    SCENE_FAILED = "SceneFailed"
    OVERFLOW_PROPOSED = "OverflowProposed"
    OVERFLOW_BEGUN = "OverflowBegun"
    OVERFLOW_ENDED = "OverflowEnded"
    PARTNER_ANSWERED = "PartnerAnswered"
    PARTNER_DATA_USED = "PartnerDataUsed"  # something that a partner sent was taken over, and what it changed
    PARTNER_DATA_REFUSED = "PartnerDataRefused"  # it was not, and why; the partner is told
    DISCLOSURE_HELD = "DisclosureHeld"  # a partner was not told what it should be: why, never what


ALARMS = frozenset(
    {
        EventKind.ALERT_RAISED,
        EventKind.CASE_ESCALATED,
        EventKind.TASK_ESCALATED,
        EventKind.TIMER_FAILED,
        EventKind.LOOP_DIFFERS,
        EventKind.SCENE_FAILED,
        EventKind.OVERFLOW_PROPOSED,
        EventKind.HELP_ASKED,
    }
)
NEVER_SHELVED = frozenset({EventKind.HELP_ASKED})  # life depends on them
LOUD = frozenset({"Severe", "Extreme"})  # CAP severity of a warning that sounds


def is_alarm(kind: str, payload: Mapping[str, object]) -> bool:
    """Return whether an event of a kind goes out as an alarm: to be heard, and acknowledged by a person.

    A warning does where it is severe: a key train from a high-level area. The others stand in the ranked list; an
    alarm for each of forty trains would be a flood in which the one that matters is lost (EEMUA 191).
    """
    return kind in ALARMS and (kind != EventKind.ALERT_RAISED or payload.get("severity") in LOUD)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `payload` holds pseudonyms and references only.

    `seq` grows with every event of a store, whoever wrote it. `subject` is the id of what it happened to, empty
    where it happened to the store itself. `version` is the shape of the payload.
    """

    seq: int
    at_min: int
    kind: str
    payload: Mapping[str, object]
    version: int = 1
    subject: str = ""
    scene: str = ""


@dataclass(frozen=True, slots=True)
class Timer:
    """A clock that runs: at `due_min` it fires, once. There is one of each name for a subject."""

    subject: str
    name: str
    due_min: int
    scene: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """Something for somebody else, written with the state it tells of. The receiver knows it again by its key."""

    key: str
    channel: str
    payload: Mapping[str, object]
    at_min: int
    sent_min: int | None = None


@dataclass(frozen=True, slots=True)
class Filed:
    """A piece of evidence on file: the case, the version of the case that it brought about, who gave it and when."""

    case_id: str
    version: int
    by: str
    at_min: int
    evidence: Evidence


FINDING = "finding"  # the kind of evidence that opens a case: why the person was flagged


def find_exit(evidence: Iterable[Filed]) -> str:
    """Return the exit at which the person of a case was found, by the evidence on file; empty where none says it."""
    found = (one.evidence.values for one in evidence if one.evidence.kind == FINDING)
    return next((str(values["exit_id"]) for values in found if "exit_id" in values), "")


class LoopStep(StrEnum):
    """The measured moments of the loop, in order."""

    SENSED = "sensed"
    WARNED = "warned"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    ON_SITE = "on_site"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class LoopTimes:
    """When the loop reached each step for a subject, in epoch minutes; None where it has not."""

    subject: str
    scene: str
    sensed: int | None = None
    warned: int | None = None
    dispatched: int | None = None
    accepted: int | None = None
    on_site: int | None = None
    closed: int | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of one emergency from two sides: events (what was acknowledged) and rows (what stands).

    `closed` is by outcome, from the events; `closed_rows` are the closed cases among the rows.
    """

    entered: int = 0
    closed: Mapping[str, int] = field(default_factory=dict)
    open_rows: int = 0
    closed_rows: int = 0
