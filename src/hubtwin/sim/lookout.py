"""What simulated staff see: who is behind a case, which specimen it waits for, what the library and the ledger say.

They stand beside the persons and know who they are; of results they know only what has arrived in the library.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from hubtwin.model.case import Case, CaseState
from hubtwin.model.duty import Roster
from hubtwin.model.emergency import Overflow
from hubtwin.model.event import EventKind, find_exit
from hubtwin.model.place import Exit
from hubtwin.model.task import Task
from hubtwin.ports import CaseFilter, Ledger, TaskFilter
from hubtwin.sim.crowd import Crowd
from hubtwin.sim.day import HubDay
from hubtwin.sim.habits import AWAITS, SPECIMENS, Habits, Known
from hubtwin.sim.results import Sampled, filed_id
from hubtwin.sim.screening import Gates
from hubtwin.sim.timed import PidOf

Results = Callable[[], Mapping[tuple[str, str], tuple[str, str]]]
_PAGE = 500
_TESTED = ("antigen", "invalid_test")


TakeIn = Callable[[str, Case, str], None]


def keep_nothing(by: str, case: Case, document: str) -> None:
    """Keep nothing of a document that was read."""


@dataclass(frozen=True)
class CrewDesk:
    """What a crew works with. `results` reads the newest row of TEST_RESULTS by (pid, kind): (report id, result).

    `take_in` seals what somebody read of the document of a case's person; `area_code` is where the hub stands.
    """

    ledger: Ledger
    clocks_min: Mapping[str, int]
    roster: Roster
    scene: str
    exits: Sequence[Exit]
    results: Results
    take_in: TakeIn = keep_nothing
    area_code: str = ""


class Awaited(NamedTuple):
    """A result that a case of this version waits for: whose, of which kind, on which report of TEST_RESULTS."""

    version: int
    pid: str
    kind: str
    report: str


class Lookout:
    """The eyes of a crew. It reads and changes nothing; `crowd` is filled by whoever owns it."""

    def __init__(self, desk: CrewDesk, day: HubDay, gates: Gates, *, pid_of: PidOf, habits: Habits) -> None:
        """Begin with nobody having passed."""
        self.crowd = Crowd(day, gates, pid_of)
        self._desk, self._ledger, self._day, self._gates = desk, desk.ledger, day, gates
        self._pid_of, self._habits = pid_of, habits

    def look(self, case: Case, arrived: Known | None) -> Known:
        """Return what staff see who stand before the person of a case; `arrived` is the result it waited for."""
        if case.state in AWAITS:
            return arrived or Known()
        if case.state is CaseState.REVIEW:
            return self._review(case)
        place = self.crowd.find(case.pid)
        orders = {order.place: order for order in self._ledger.list_overflows(case.scene, on_only=True)}
        order = orders.get(find_exit(self._ledger.list_evidence(case.case_id))) if orders else None
        at_desk = place is not None and bool(self._gates.desk[place])
        return Known(at_desk, "" if order is None else order.overflow_id)

    def find_due(self, case: Case) -> int | None:
        """Return when staff move a case on; None where they wait for the person at the gate, or for a result."""
        place = self.crowd.find(case.pid)
        if place is None or case.state in AWAITS:
            return None
        return self._habits.case_due(replace(case, since_min=max(case.since_min, self.crowd.gate_min(place))))

    def find_appeal_due(self, case: Case) -> int | None:
        """Return when the person of a case says that it is wrong; None for nearly everybody."""
        place, due = self.crowd.find(case.pid), self._habits.appeal_due(case)
        return None if place is None or due is None else max(due, self.crowd.gate_min(place))

    def find_awaited(self, case: Case) -> Awaited | None:
        """Return the result that a case waits for; None where it waits for none."""
        specimens = self._list_specimens(case) if case.state in AWAITS else []
        if not specimens:
            return None
        _, one = specimens[-1]
        pid = self._pid_of(self._day.documents[one.person], one.at_min)
        return Awaited(case.version, pid, one.kind, filed_id(self._day, one))

    def list_sampled(self, case_id: str, version: int) -> list[Sampled]:
        """Return the specimen that the move to a version of a case led to, whoever made it; none for a stranger."""
        case = self._ledger.find_case(case_id)
        if case is None or case.scene != self._desk.scene:
            return []
        return [one for brought, one in self._list_specimens(case) if brought == version]

    def find_overflow_end(self, order: Overflow) -> int:
        """Return when an overflow is no longer needed: after the stretch that was forecast when it began."""
        proposed = self._ledger.list_events(kinds=[EventKind.OVERFLOW_PROPOSED])
        told = [event for event in proposed if event.payload.get("exit") == order.place]
        before = [number(event.payload["until_min"]) for event in told if event.at_min <= order.begun_min]
        until = max(order.begun_min, before[-1] if before else 0)
        return until + self._habits.within("overflow_end_min", order.overflow_id)

    def longest_queue(self, task: Task) -> int:
        """Return how many persons will wait at an exit, as the question to the commander says it."""
        if task.subject not in {place.exit_id for place in self._desk.exits}:
            return 0
        proposed = self._ledger.list_events(kinds=[EventKind.OVERFLOW_PROPOSED], subject=task.task_id)
        return max((number(event.payload["longest_queue"]) for event in proposed), default=0)

    def find_case_of(self, subject: str) -> Case | None:
        """Return the case that a task or an appeal is about, by its id or that of an appeal."""
        appeal = self._ledger.find_appeal(subject)
        return self._ledger.find_case(subject if appeal is None else appeal.case_id)

    def list_open_cases(self) -> Iterator[Case]:
        """Yield the open cases of the scene."""
        where = CaseFilter(scene=self._desk.scene, open_only=True, limit=_PAGE)
        while found := self._ledger.list_cases(where):
            yield from found
            where = replace(where, after=found[-1].case_id)

    def list_open_tasks(self) -> Iterator[Task]:
        """Yield the open tasks of the scene."""
        where = TaskFilter(scene=self._desk.scene, open_only=True, limit=_PAGE)
        while found := self._ledger.list_tasks(where):
            yield from found
            where = replace(where, after=found[-1].task_id)

    def _list_specimens(self, case: Case) -> list[tuple[int, Sampled]]:
        """Return (version of the case, specimen) of every move after which one is taken, in order."""
        place = self.crowd.find(case.pid)
        if place is None:
            return []
        taken: Counter[str] = Counter()
        found = []
        for event in self._ledger.list_events(kinds=[EventKind.CASE_MOVED], subject=case.case_id):
            command, version, at_min = str(event.payload["command"]), number(event.payload["version"]), event.at_min
            if command not in SPECIMENS:
                continue
            if command == "overflow":
                at_min = self._habits.follow_up_specimen(case.case_id, version, at_min)
            kind = SPECIMENS[command]
            found.append((version, Sampled(int(self._gates.person[place]), kind, at_min, taken[kind])))
            taken[kind] += 1
        return found

    def _review(self, case: Case) -> Known:
        """Return the test that brought a case to its review; where its result was not written down, the library's."""
        for filed in self._ledger.list_evidence(case.case_id):
            piece = filed.evidence
            if filed.version == case.version and piece.kind in _TESTED:
                result = "invalid" if piece.kind == "invalid_test" else piece.values.get("result")
                if isinstance(result, str) and result:
                    return Known(report=piece.ref, result=result)
        report, result = self._desk.results().get((case.pid, "antigen"), ("", ""))
        return Known(report=report, result=result)


def number(value: object) -> int:
    """Return a number of an event as a whole one, 0 for anything else."""
    return int(value) if isinstance(value, int | float) else 0
