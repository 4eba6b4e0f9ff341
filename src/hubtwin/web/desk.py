"""The one contract between the web edge and the core: everything a page may read, ask for or hear.

Methods are synchronous and may block; the edge calls them in threads. They raise `Denied` (this person may not),
`Malformed`, `Absent` or `Retry`. Who asks is an argument of everything that depends on it: the Desk filters rows and
checks each write again, the edge only turns away earlier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hubtwin.model.agency import Person
from hubtwin.model.case import CaseState
from hubtwin.model.message import Signed
from hubtwin.model.task import TaskState
from hubtwin.web.change import Change
from hubtwin.web.desk_field import FieldDesk
from hubtwin.web.desk_library import LibraryDesks
from hubtwin.web.desk_past import PastDesk
from hubtwin.web.desk_venue import VenueDesk
from hubtwin.web.schemas import access as a
from hubtwin.web.schemas import partners as p
from hubtwin.web.schemas.alarms import AlarmsReply
from hubtwin.web.schemas.asked import (
    Acknowledge,
    BeginOverflow,
    DecideAppeal,
    Declare,
    MoveCase,
    MoveTask,
    Reveal,
    ShelveAlarms,
)
from hubtwin.web.schemas.cotravel import CotravelReply
from hubtwin.web.schemas.hub import EmergencyReply, Health, HubView, RepairsReply, RevealReply, SourcesReply
from hubtwin.web.schemas.loop import Board, CaseReply, CasesReply, TaskReply, TasksReply
from hubtwin.web.schemas.trains import AreasReply, DistrictView, PositionsReply, StaffReply, StationView, TrainsReply
from hubtwin.wiring.panorama import Panorama


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases: open ones unless a state is named. `after` is `next` of the page before."""

    state: CaseState | None = None
    scene: str | None = None
    train: str | None = None
    overdue: bool = False
    limit: int = 100
    after: str | None = None


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks: open ones unless a state is named; `mine`: of the team of who asks."""

    state: TaskState | None = None
    scene: str | None = None
    mine: bool = False
    limit: int = 100
    after: str | None = None


class AccessDesk(Protocol):
    """Who may read what, and what was written down about it. Its minutes are those of the real clock.

    Everything but `my_grants` asks the table of permissions about the one who asks, and raises Denied.
    """

    def grants(self, who: Person) -> a.GrantsReply:
        """Return live and past grants."""
        ...

    def my_grants(self, who: Person) -> a.MyGrantsReply:
        """Return what a person may unmask now."""
        ...

    def grant_options(self, who: Person) -> a.GrantOptions:
        """Return what can be granted, to whom, for what."""
        ...

    def issue_grant(self, who: Person, asked: a.IssueGrant, second: Person) -> a.GrantView:
        """Give a grant on two people's word."""
        ...

    def revoke_grant(self, who: Person, grant_id: str) -> a.GrantView:
        """End a grant. Raises Absent."""
        ...

    def review_glass(self, who: Person, grant_id: str, asked: a.ReviewGlass) -> a.GrantView:
        """Review a broken glass of somebody else. Raises Absent."""
        ...

    def holds(self, who: Person) -> a.HoldsReply:
        """Return the legal holds that stand."""
        ...

    def set_hold(self, who: Person, asked: a.SetHold) -> a.HoldsReply:
        """Set a legal hold on an event. Raises Absent."""
        ...

    def lift_hold(self, who: Person, hold_id: str) -> a.HoldsReply:
        """Lift a legal hold. Raises Absent."""
        ...

    def reports(self, who: Person, lang: str) -> a.ReportsReply:
        """Return signed reports as they are printed in a language."""
        ...

    def audit(self, who: Person, after: int | None, limit: int, *, people_only: bool) -> a.AuditReply:
        """Return rows of the audit, newest first, of those before `after`."""
        ...

    def verify_audit(self, who: Person) -> a.AuditCheck:
        """Verify the whole audit."""
        ...


class PartnersDesk(Protocol):
    """Partners: what they were told, what came from them, their answers. Only a letter holds what a message says.

    Everything but what a link opens asks the table of permissions about the one who asks, and raises Denied.
    """

    def partners(self, who: Person) -> p.PartnersReply:
        """Return the partners that a person may see."""
        ...

    def partner(self, who: Person, partner_id: str) -> p.PartnerReply:
        """Return a partner in full. Raises Absent."""
        ...

    def verify(self, who: Person, partner_id: str) -> p.LogCheck:
        """Verify the message log with a partner. Raises Absent."""
        ...

    def issue_link(self, who: Person, partner_id: str, message_id: str, asked: p.IssueLink) -> p.NewLink:
        """Make a link to a message, shown once. Raises Absent."""
        ...

    def revoke_link(self, who: Person, link_id: str) -> p.LinkView:
        """End a link. Raises Absent."""
        ...

    def case_told(self, who: Person, case_id: str) -> p.CaseToldReply:
        """Return to whom a case was told. Raises Absent."""
        ...

    def letters(self, who: Person) -> p.LettersReply:
        """Return the messages of the own agency."""
        ...

    def letter(self, who: Person, message_id: str) -> p.LetterReply:
        """Return a message of the own agency with what it says; written to the audit. Raises Absent."""
        ...

    def answer(self, who: Person, message_id: str, asked: p.SayAnswer) -> p.LetterReply:
        """Answer a message of the own agency. Raises Absent."""
        ...

    def open_link(self, token: str) -> p.LetterReply:
        """Return the message that a link opens; written to the audit. Raises Absent, Denied."""
        ...

    def answer_link(self, token: str, asked: p.SayAnswer, through: str) -> p.LetterReply:
        """Answer the message that a link opens. Raises Absent, Denied, Malformed."""
        ...


class Desk(LibraryDesks, Protocol):
    """The core as the pages see it. What a route has let pass is asked of the table again for the very thing."""

    @property
    def access(self) -> AccessDesk:
        """Return the part about grants, holds, reports and the audit."""
        ...

    @property
    def partners(self) -> PartnersDesk:
        """Return the part about partners."""
        ...

    @property
    def venue(self) -> VenueDesk:
        """Return the part about the venue."""
        ...

    @property
    def past(self) -> PastDesk:
        """Return the part about what was shown."""
        ...

    @property
    def panorama(self) -> Panorama:
        """Return what is sensed."""
        ...

    def sign_in(self, user: str, password: str) -> tuple[str, Person]:
        """Open a session; return its token and its person. Raises Denied, never saying which part was wrong."""
        ...

    def vouch(self, user: str, password: str) -> Person:
        """Return the person that a password proves, without a session: the second one of a two-person act."""
        ...

    def session(self, token: str) -> Person:
        """Return the person of a live session as the person is now, and keep it alive. Raises Denied."""
        ...

    def sign_out(self, token: str) -> None:
        """End a session; ending it twice is harmless."""
        ...

    def take_messages(self, headers: Mapping[str, str], body: bytes) -> Signed:
        """Take in what a partner hands over; return the signed receipt. Raises Denied, Malformed, Retry."""
        ...

    def now(self) -> datetime:
        """Return the time of the hub clock."""
        ...

    def hub(self) -> HubView:
        """Return the hub, its clock and its revision."""
        ...

    def set_speed(self, who: Person, speed: float) -> HubView:
        """Let a replay run at another speed. Raises Denied for a hub at work."""
        ...

    def emergency(self) -> EmergencyReply:
        """Return the declared event."""
        ...

    def declare(self, who: Person, asked: Declare) -> EmergencyReply:
        """Declare an event."""
        ...

    def end_emergency(self, who: Person, reason: str, second: Person) -> EmergencyReply:
        """End the event on two people's word, and destroy its data unless something keeps them; the answer says."""
        ...

    def destroy_data(self, who: Person, emergency_id: str, reason: str, second: Person) -> EmergencyReply:
        """Destroy the data of an event that is over. Raises Denied where something keeps them, Absent."""
        ...

    def trains(self) -> TrainsReply:
        """Return the present list."""
        ...

    def areas(self) -> AreasReply:
        """Return the counties with risk areas in force."""
        ...

    def districts(self, named: str) -> Sequence[DistrictView]:
        """Return districts of which the name or the code holds a text, those near the hub first, at most twelve."""
        ...

    def stations(self) -> Sequence[StationView]:
        """Return the stations with a known place."""
        ...

    def positions(self) -> PositionsReply:
        """Return where the warned trains are."""
        ...

    def cases(self, who: Person, chosen: CaseFilter) -> CasesReply:
        """Return a page of cases."""
        ...

    def case(self, who: Person, case_id: str) -> CaseReply:
        """Return a case. Raises Absent."""
        ...

    def move_case(self, who: Person, case_id: str, asked: MoveCase) -> CaseReply:
        """Move a case on."""
        ...

    def lodge_appeal(self, who: Person, case_id: str, ground: str) -> CaseReply:
        """Take in that somebody says a case is wrong. Raises Absent."""
        ...

    def cotravel(self, who: Person, case_id: str) -> CotravelReply:
        """Return what matchers can be asked about a case, and what was. Raises Absent."""
        ...

    def ask_cotravel(self, who: Person, case_id: str, reason: str) -> CotravelReply:
        """Ask matchers who travelled along with a confirmed case. Raises Absent."""
        ...

    def decide_appeal(self, who: Person, appeal_id: str, asked: DecideAppeal) -> CaseReply:
        """Decide an appeal of somebody else. Raises Absent."""
        ...

    def alarm_answers(self) -> AlarmsReply:
        """Return who has heard the alarms that stand, and what is shelved."""
        ...

    def acknowledge(self, who: Person, asked: Acknowledge) -> AlarmsReply:
        """Write down that a person has heard alarms. Raises Absent."""
        ...

    def shelve(self, who: Person, asked: ShelveAlarms) -> AlarmsReply:
        """Shelve alarms of a kind for some minutes. Raises Denied for those that life depends on."""
        ...

    def begin_overflow(self, who: Person, asked: BeginOverflow) -> Board:
        """Begin overflow at a place."""
        ...

    def end_overflow(self, who: Person, overflow_id: str) -> Board:
        """End overflow at a place; what has ended stays ended. Raises Absent."""
        ...

    def sources(self) -> SourcesReply:
        """Return the sources and how they stand."""
        ...

    def tasks(self, who: Person, chosen: TaskFilter) -> TasksReply:
        """Return a page of tasks."""
        ...

    def task(self, who: Person, task_id: str) -> TaskReply:
        """Return a task. Raises Absent."""
        ...

    def move_task(self, who: Person, task_id: str, asked: MoveTask) -> TaskReply:
        """Move a task on."""
        ...

    @property
    def field(self) -> FieldDesk:
        """Return the part about what staff file, calls for help, and sending teams."""
        ...

    def board(self) -> Board:
        """Return the loop in figures."""
        ...

    def staff(self) -> StaffReply:
        """Return the staff plan."""
        ...

    def repairs(self) -> RepairsReply:
        """Return what a person must fix."""
        ...

    def reveal(self, who: Person, asked: Reveal, second: Person | None) -> RevealReply:
        """Unmask persons; written to the audit before the answer leaves."""
        ...

    def rev(self) -> int:
        """Return the sequence number of the last event; 0 where there is none."""
        ...

    def events_after(self, seq: int, limit: int) -> Sequence[Change]:
        """Return what the events after `seq` mean, oldest first; several changes of one event share its `rev`.

        Events that no page shows are answered by a Change without topic, so that the revision goes on.
        """
        ...

    def alarms(self) -> Sequence[Change]:
        """Return the alarms that stand, oldest first."""
        ...

    def pulse(self) -> Sequence[Change]:
        """Return what changed by the clock alone (positions); called every two seconds."""
        ...

    def health(self) -> Health:
        """Return whether the hub works. Never raises."""
        ...
