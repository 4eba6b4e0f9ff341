"""The one contract between the web edge and the core: everything a page may read, ask for or hear.

Methods are synchronous and may block; the edge calls them in threads. They raise `Denied` (this person may not),
`Malformed`, `Absent` or `Retry`. Who asks is an argument of everything that depends on it: the Desk filters rows and
checks each write again, the edge only turns away earlier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from hubtwin.model.agency import Person
from hubtwin.model.case import CaseState
from hubtwin.model.task import TaskState
from hubtwin.web.schemas.asked import Declare, MoveCase, MoveTask, Reveal
from hubtwin.web.schemas.hub import EmergencyReply, Health, HubView, RepairsReply, RevealReply
from hubtwin.web.schemas.live import LiveChange
from hubtwin.web.schemas.loop import Board, CaseReply, CasesReply, TaskReply, TasksReply
from hubtwin.web.schemas.trains import AreasReply, PositionsReply, StaffReply, StationView, TrainsReply

TOPICS: Mapping[str, str] = {  # topic of a live change -> what one must be allowed to do to hear of it
    "train": "alert.read",
    "alert": "alert.read",
    "position": "map.read",
    "case": "case.read",
    "task": "task.read",
    "board": "board.read",
    "overflow": "board.read",
    "balance": "board.read",
    "emergency": "hub.read",
    "repair": "repairs.read",
}


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


@dataclass(frozen=True, slots=True)
class Change:
    """What one event means for a page: the thing of `topic` and `key` as it stands now, or None where it is gone.

    `alarm` puts it on the lane that is never conflated. `scene` is empty for what concerns the whole hub.
    """

    rev: int
    at_min: int
    kind: str
    topic: str
    key: str
    scene: str
    value: Any
    alarm: bool = False

    def shown(self) -> LiveChange:
        """Return it as the wire carries it."""
        return LiveChange(self.topic, self.key, self.rev, self.at_min, self.kind, self.value)


class Desk(Protocol):
    """The core as the pages see it. What a route has let pass is asked of the table again for the very thing."""

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

    def now(self) -> datetime:
        """Return the time of the hub clock."""
        ...

    def hub(self) -> HubView:
        """Return the hub, its clock and its revision."""
        ...

    def emergency(self) -> EmergencyReply:
        """Return the declared event."""
        ...

    def declare(self, who: Person, asked: Declare) -> EmergencyReply:
        """Declare an event."""
        ...

    def end_emergency(self, who: Person, reason: str, second: Person) -> EmergencyReply:
        """End the event on two people's word."""
        ...

    def trains(self) -> TrainsReply:
        """Return the present list."""
        ...

    def areas(self) -> AreasReply:
        """Return the counties with risk areas in force."""
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

    def tasks(self, who: Person, chosen: TaskFilter) -> TasksReply:
        """Return a page of tasks."""
        ...

    def task(self, who: Person, task_id: str) -> TaskReply:
        """Return a task. Raises Absent."""
        ...

    def move_task(self, who: Person, task_id: str, asked: MoveTask) -> TaskReply:
        """Move a task on."""
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
