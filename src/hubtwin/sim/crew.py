"""Simulated staff at work: they act through the commands of real persons, under the same permissions, and leave the
rest to whoever is faster.

A crew follows the events of the ledger and keeps what is due on a heap, so that a minute costs what happens in it.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from heapq import heappop, heappush
from typing import NamedTuple

from hubtwin.base.errors import Absent, Denied, Retry
from hubtwin.base.ids import stable_key
from hubtwin.base.text import text
from hubtwin.flow.emergency import DECIDE_OVERFLOW, begin_overflow, end_overflow
from hubtwin.flow.handle import decide_appeal, handle_case, handle_task, lodge_appeal
from hubtwin.model.agency import Person
from hubtwin.model.case import Case, CaseCommand, Evidence
from hubtwin.model.duty import COMMANDER
from hubtwin.model.event import EventKind
from hubtwin.model.task import TASK_TABLE, Task, TaskCommand
from hubtwin.ports import TaskFilter
from hubtwin.rules.permission import may
from hubtwin.sim.day import HubDay
from hubtwin.sim.habits import SCANNED, SPECIMENS, Habits, Known
from hubtwin.sim.lookout import Awaited, CrewDesk, Lookout, number
from hubtwin.sim.results import Sampled
from hubtwin.sim.screening import Figures, Gates
from hubtwin.sim.staff import TEAM, WORK, group_people, load_crew_figures
from hubtwin.sim.timed import PidOf

__all__ = ["Crew", "CrewDesk", "never"]

_KINDS = (
    EventKind.CASE_OPENED,
    EventKind.CASE_MOVED,
    EventKind.CASE_CLOSED,
    EventKind.TASK_ASSIGNED,
    EventKind.TASK_UPDATED,
    EventKind.TASK_ACCEPTED,
    EventKind.TASK_ON_POST,
    EventKind.TASK_ESCALATED,
    EventKind.TASK_REASSIGNED,
    EventKind.APPEAL_LODGED,
    EventKind.OVERFLOW_BEGUN,
)
# somebody was faster: a person at the page, a clock, or the end of the event
_FASTER = frozenset({"model.case_moved_on", "model.illegal_move", "flow.no_open_appeal", "flow.no_emergency"})


class _Due(NamedTuple):
    """Something to do at a minute, about the thing of an id; `version` is that of the thing when this was planned."""

    at_min: int
    what: str
    subject: str
    version: int = 0


def never(case: Case) -> bool:
    """Leave no case to somebody else."""
    return False


class Crew:
    """The staff of one scene for one simulated day."""

    def __init__(
        self,
        desk: CrewDesk,
        day: HubDay,
        gates: Gates,
        *,
        pid_of: PidOf,
        seed: int,
        leaves: Callable[[Case], bool] = never,
        figures: Figures | None = None,
    ) -> None:
        """Take up work. `leaves` says of a case that somebody else works it, and answers what is asked about it.

        On a ledger with a past the crew picks up what is open. The specimens of cases that wait for a result are handed
        out once more: they are the same specimens, so a laboratory and a library that know them lose nothing.
        """
        self._desk, self._ledger, self._leaves = desk, desk.ledger, leaves
        self._habits = Habits(seed, figures or load_crew_figures(), desk.area_code)
        self._lookout = Lookout(desk, day, gates, pid_of=pid_of, habits=self._habits)
        self._people = group_people(desk.scene, desk.roster.teams(), self._habits.figures)
        self._teams: defaultdict[str, list[Person]] = defaultdict(list)
        for person in (*self._people[TEAM], *self._people["commander"]):
            self._teams[person.team].append(person)
        self._due: list[_Due] = []
        self._awaited: dict[str, Awaited] = {}
        self._arrived: dict[str, Known] = {}
        self._absent: defaultdict[str, list[str]] = defaultdict(list)  # pid -> cases of somebody who is not here yet
        self._sampled: list[Sampled] = []
        self._seq: int | None = None

    def act(self, now_min: int) -> list[Sampled]:
        """Do everything that is due at a minute; return the specimens since the last call, for the laboratory.

        Also those of cases that others moved; one that a district takes may lie ahead. What somebody else did first is
        left at that; where the ledger asks to try again, the crew does in the next minute.
        """
        for pid in self._lookout.crowd.meet(now_min):
            for case_id in self._absent.pop(pid, ()):
                self._plan_person(case_id)
        if self._seq is None:
            self._pick_up()
        self._follow()
        self._read_results(now_min)
        while self._due and self._due[0].at_min <= now_min:
            while self._due and self._due[0].at_min <= now_min:
                self._do(heappop(self._due), now_min)
            self._follow()
        sampled, self._sampled = self._sampled, []
        return sampled

    # ------------------------------------------------------------------------------------------- what is to be done

    def _pick_up(self) -> None:
        self._seq = self._ledger.last_seq()
        for case in self._lookout.list_open_cases():
            self._plan_person(case.case_id)
            self._sampled += self._lookout.list_sampled(case.case_id, case.version)
        for task in self._lookout.list_open_tasks():
            self._plan_task(task.task_id)
        for appeal in self._ledger.list_appeals(open_only=True):
            self._plan_appeal(appeal.appeal_id)
        for order in self._ledger.list_overflows(self._desk.scene, on_only=True):
            self._plan_overflow(order.overflow_id)

    def _follow(self) -> None:
        """Plan what follows from the events since the last look, once for each thing that they are about."""
        last, since = self._ledger.last_seq(), self._seq or 0
        events = self._ledger.list_events(since, _KINDS) if last > since else []
        self._seq = max(last, events[-1].seq if events else 0)
        for event in events:
            if event.payload.get("command") in SPECIMENS:
                self._sampled += self._lookout.list_sampled(event.subject, number(event.payload["version"]))
        for plan, subject in dict.fromkeys((self._planner(event.kind), event.subject) for event in events):
            plan(subject)

    def _planner(self, kind: str) -> Callable[[str], None]:
        if kind == EventKind.CASE_OPENED:
            return self._plan_person
        if kind in (EventKind.CASE_MOVED, EventKind.CASE_CLOSED):
            return self._plan_case
        if kind == EventKind.APPEAL_LODGED:
            return self._plan_appeal
        return self._plan_overflow if kind == EventKind.OVERFLOW_BEGUN else self._plan_task

    def _plan_person(self, case_id: str) -> None:
        """Plan a case, and the appeal of its person."""
        self._plan_case(case_id)
        case = self._find_case(case_id)
        due = None if case is None else self._lookout.find_appeal_due(case)
        if due is not None:
            heappush(self._due, _Due(due, "lodge", case_id))

    def _plan_case(self, case_id: str) -> None:
        self._awaited.pop(case_id, None)
        self._arrived.pop(case_id, None)
        case = self._find_case(case_id)
        if case is None:
            return
        if self._lookout.crowd.find(case.pid) is None:
            self._absent[case.pid].append(case_id)
            return
        due, awaited = self._lookout.find_due(case), self._lookout.find_awaited(case)
        if due is not None:
            heappush(self._due, _Due(due, "case", case_id, case.version))
        if awaited is not None:
            self._awaited[case_id] = awaited

    def _plan_task(self, task_id: str) -> None:
        task = self._ledger.find_task(task_id)
        if task is None or task.scene != self._desk.scene or not self._teams.get(task.team) or self._is_left(task):
            return
        due = self._habits.task_due(task, self._desk.clocks_min)
        if due is not None:
            heappush(self._due, _Due(due, "task", task_id, task.version))

    def _plan_appeal(self, appeal_id: str) -> None:
        appeal, case = self._ledger.find_appeal(appeal_id), self._lookout.find_case_of(appeal_id)
        if appeal is not None and case is not None and case.scene == self._desk.scene and not self._leaves(case):
            heappush(self._due, _Due(self._habits.decide_due(appeal), "decide", appeal_id))

    def _plan_overflow(self, overflow_id: str) -> None:
        """Plan the end of an overflow that the crew has begun; whoever else began one ends it."""
        order = self._ledger.find_overflow(overflow_id)
        if order is not None and order.is_on and order.begun_by in {who.user_id for who in self._people["commander"]}:
            heappush(self._due, _Due(self._lookout.find_overflow_end(order), "end", overflow_id))

    # ------------------------------------------------------------------------------------------------ what is done

    def _do(self, due: _Due, now_min: int) -> None:
        work: Mapping[str, Callable[[_Due, int], None]] = {
            "case": self._work_case,
            "task": self._work_task,
            "lodge": self._lodge,
            "decide": self._decide,
            "end": self._end,
        }
        try:
            work[due.what](due, now_min)
        except Absent:
            return  # deleted meanwhile
        except Retry:
            heappush(self._due, due._replace(at_min=now_min + 1))
        except Denied as error:
            if error.key == "flow.no_overflow":  # ended meanwhile: the person goes the usual way
                heappush(self._due, due._replace(at_min=now_min + 1))
            elif error.key not in _FASTER:
                raise

    def _work_case(self, due: _Due, now_min: int) -> None:
        case = self._find_case(due.subject)
        if case is None or case.version != due.version:
            return
        known = self._lookout.look(case, self._arrived.get(case.case_id))
        command = self._habits.choose(case, known)
        person = self._pick(self._people[WORK[command]], case.case_id, case.version)
        evidence = self._habits.give_evidence(case, command, known)
        told = CaseCommand(case.case_id, command, person.user_id, now_min, evidence, case.version)
        key = f"sim {case.case_id} {case.version} {command}"
        handle_case(self._ledger, told, self._desk.clocks_min, partial(may, person), key=key)
        place = self._lookout.crowd.find(case.pid)
        if place is not None and SCANNED & {piece.kind for piece in evidence}:
            self._desk.take_in(person.user_id, case, self._lookout.crowd.document(place))

    def _work_task(self, due: _Due, now_min: int) -> None:
        task = self._ledger.find_task(due.subject)
        if task is None or task.version != due.version:
            return
        command, reason = self._habits.choose_task(task)
        person = self._pick(self._teams[task.team], task.task_id, task.version)
        if command == "finish" and task.kind == DECIDE_OVERFLOW and self._begin(task, person, now_min):
            return
        self._move_task(task, command, person, now_min, reason=text(reason, person.lang) if reason else "")

    def _move_task(self, task: Task, command: str, person: Person, now_min: int, *, reason: str = "") -> None:
        told = TaskCommand(task.task_id, command, person.user_id, now_min, reason, expects=task.version)
        handle_task(
            *(self._ledger, told, self._desk.clocks_min, partial(may, person)),
            roster=self._desk.roster,
            key=f"sim {task.task_id} {task.version} {command}",
        )

    def _begin(self, task: Task, person: Person, now_min: int) -> bool:
        """Let overflow begin where the queue will be too long; return whether it did, which answers the task."""
        longest = self._lookout.longest_queue(task)
        if longest <= self._habits.figures["overflow_queue"]:
            return False
        begin_overflow(
            *(self._ledger, task.subject, self._desk.clocks_min, partial(may, person)),
            scene=task.scene,
            by=person.user_id,
            reason=text("sim.crew_overflow", person.lang, persons=longest),
            at_min=now_min,
        )
        return True

    def _end(self, due: _Due, now_min: int) -> None:
        person = self._pick(self._people["commander"], due.subject)
        end_overflow(self._ledger, due.subject, partial(may, person), by=person.user_id, at_min=now_min)

    def _lodge(self, due: _Due, now_min: int) -> None:
        if self._find_case(due.subject) is None:
            return
        person = self._pick(self._people["desk"], due.subject)
        lodge_appeal(
            *(self._ledger, due.subject, self._desk.clocks_min, partial(may, person)),
            by=person.user_id,
            ground=f"form {stable_key('ground', due.subject)[:8]}",
            at_min=now_min,
        )

    def _decide(self, due: _Due, now_min: int) -> None:
        appeal = self._ledger.find_appeal(due.subject)
        if appeal is None or not appeal.is_open:
            return
        person = self._pick(self._people["commander"], due.subject)
        for task in self._ledger.list_tasks(TaskFilter(teams=(COMMANDER,), subjects=(due.subject,), open_only=True)):
            if (task.state, "finish") in TASK_TABLE:  # else the decision takes the question back
                self._move_task(task, "finish", person, now_min)
        decide_appeal(
            *(self._ledger, due.subject, self._desk.clocks_min, partial(may, person)),
            by=person.user_id,
            upheld=self._habits.upholds(appeal),
            evidence=Evidence("decision", f"decision {due.subject[:8]}", {"synthetic": True}),
            at_min=now_min,
        )

    # ------------------------------------------------------------------------------------------------ what is known

    def _read_results(self, now_min: int) -> None:
        """Look into the library for the results that cases wait for; asked once a minute, and only if one does."""
        rows = self._desk.results() if self._awaited else {}
        for case_id, wanted in list(self._awaited.items()):
            report, result = rows.get((wanted.pid, wanted.kind), ("", ""))
            if report == wanted.report:
                del self._awaited[case_id]
                self._arrived[case_id] = Known(report=report, result=result)
                heappush(self._due, _Due(now_min, "case", case_id, wanted.version))

    def _find_case(self, case_id: str) -> Case | None:
        """Return an open case of the crew's own."""
        case = self._ledger.find_case(case_id)
        own = case is not None and case.is_open and case.scene == self._desk.scene
        return case if case is not None and own and not self._leaves(case) else None

    def _is_left(self, task: Task) -> bool:
        """Return whether a question to the commander is about a case that somebody else works."""
        case = self._lookout.find_case_of(task.subject) if task.team == COMMANDER else None
        return case is not None and self._leaves(case)

    def _pick(self, people: Sequence[Person], *about: object) -> Person:
        return people[self._habits.pick(len(people), *about)]
