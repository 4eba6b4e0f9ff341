"""How simulated staff decide: when the next thing is done to a case or a task, and what. Pure and seeded.

Every draw hangs on the id of the case or task and its version, never on the order of calls: the same ledger gives the
same actions, also to a crew that was started anew in the middle of the day.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hubtwin.base.ids import stable_key
from hubtwin.model.case import TABLE, Case, CaseState, Evidence
from hubtwin.model.duty import COMMANDER
from hubtwin.model.emergency import Appeal
from hubtwin.model.task import Task, TaskState
from hubtwin.model.verified import DESTINATION
from hubtwin.sim.screening import Figures

AWAITS = frozenset({CaseState.ANTIGEN, CaseState.NUCLEIC, CaseState.FOLLOW_UP})  # a result ends them, not a clock
SPECIMENS: Mapping[str, str] = {  # command after which a specimen is taken -> its kind
    "take_antigen": "antigen",
    "take_nucleic": "nucleic",
    "overflow": "nucleic",  # by the district, later
}
_TAKES: Mapping[CaseState, str] = {
    CaseState.FOUND: "report_min",
    CaseState.REPORTED: "specimen_min",
    CaseState.REVIEW: "review_min",
    CaseState.TRANSFER: "depart_min",
    CaseState.UNDER_WAY: "ride_min",
    CaseState.FEEDBACK: "feedback_min",
    CaseState.REFUSED: "refused_min",
}
SCANNED = frozenset({"scan", "desk_form"})  # evidence for which a document is read
_OF_REPORT = frozenset({"antigen", "nucleic", "negative", "invalid_test", "follow_up"})
DECIDE_APPEAL = "decide_appeal"  # a question that only the decision itself answers
_DIGITS = 13  # 52 bits: as many as a double holds exactly


@dataclass(frozen=True, slots=True)
class Known:
    """What staff see beside a person: are they at the desk, is overflow on at this exit, what does the report say.

    `report` and `result` are those of the newest test on file; empty where there is none.
    """

    desk: bool = False
    order_id: str = ""
    report: str = ""
    result: str = ""


@dataclass(frozen=True, slots=True)
class Habits:
    """The seed and the figures of crew.toml; `area_code` is where the hub stands, empty where nobody says it."""

    seed: int
    figures: Figures
    area_code: str = ""

    def chance(self, *what: object) -> float:
        """Return a number in [0, 1) that depends on the seed and `what` only."""
        return int(stable_key("crew", self.seed, *what)[:_DIGITS], 16) / float(16**_DIGITS)

    def within(self, name: str, *what: object) -> int:
        """Return whole minutes in the span of a figure, both ends included."""
        low, high = map(int, self.figures[name])
        return low + int(self.chance(name, *what) * (high - low + 1))

    def case_due(self, case: Case) -> int:
        """Return the epoch minute at which a case that awaits no result moves on."""
        return case.since_min + self.within(_TAKES[case.state], case.case_id, case.version)

    def follow_up_specimen(self, case_id: str, version: int, let_go_min: int) -> int:
        """Return when a specimen is taken of somebody whom overflow let go with this version of the case."""
        return let_go_min + self.within("follow_up_min", case_id, version)

    def choose(self, case: Case, known: Known) -> str:
        """Return the command that moves an open case on."""
        if case.state in (CaseState.FOUND, CaseState.REPORTED):
            return self._choose_first(case, known)
        consents = self.chance("consent", case.case_id, case.version) < self.figures["consent"]
        choice: Mapping[CaseState, str] = {
            CaseState.ANTIGEN: "antigen_invalid" if known.result == "invalid" else "antigen_result",
            CaseState.REVIEW: "release" if known.result == "negative" else "take_nucleic",
            CaseState.NUCLEIC: f"nucleic_{known.result}",
            CaseState.TRANSFER: "depart",
            CaseState.UNDER_WAY: "arrive",
            CaseState.FEEDBACK: "close",
            CaseState.FOLLOW_UP: "follow_up_clear" if known.result == "negative" else "follow_up_recall",
            CaseState.REFUSED: "consent" if consents else "hand_over",
        }
        return choice[case.state]

    def give_evidence(self, case: Case, command: str, known: Known) -> tuple[Evidence, ...]:
        """Return the evidence that a command needs: references and figures, each marked synthetic."""
        return tuple(self._piece(case, kind, known) for kind in TABLE[case.state, command].needs)

    def destination(self, case_id: str) -> str:
        """Return the code of where a person says to go: mostly a district of the city; empty where none is known."""
        near = self.figures["districts"].get(self.area_code[:4], ())
        far = self.figures["other_cities"].get(self.area_code[:2], ())
        codes = far if far and self.chance("elsewhere", case_id) < self.figures["elsewhere"] else near
        return str(codes[self.pick(len(codes), "destination", case_id)]) if codes else ""

    def appeal_due(self, case: Case) -> int | None:
        """Return when a person says that the case is wrong; None for nearly everybody."""
        if self.chance("appeal", case.case_id) >= self.figures["appeal"]:
            return None
        return case.opened_min + self.within("appeal_min", case.case_id)

    def decide_due(self, appeal: Appeal) -> int:
        """Return when an appeal is decided, before its clock runs out."""
        due = appeal.lodged_min + self.within("decide_min", appeal.appeal_id)
        return max(appeal.lodged_min, min(due, appeal.deadline_min - 1))

    def upholds(self, appeal: Appeal) -> bool:
        """Return whether an appeal is right."""
        return self.chance("uphold", appeal.appeal_id) < float(self.figures["uphold"])

    def task_due(self, task: Task, clocks_min: Mapping[str, int]) -> int | None:
        """Return when its team does something about an open task; None where it waits for somebody else.

        A team that is late already comes at once: its clock would call for help again in the same minute.
        """
        who = (task.task_id, task.team, task.version)
        if task.state is TaskState.ESCALATED:
            return task.since_min + clocks_min["escalated"] + self.within("late_min", *who)
        if task.state is TaskState.ON_POST:
            return task.since_min + self.within("finish_min", *who)
        if task.state not in (TaskState.ASSIGNED, TaskState.ACCEPTED):
            return None
        return self._commander_due(task, who) if task.team == COMMANDER else self._team_due(task, who)

    def choose_task(self, task: Task) -> tuple[str, str]:
        """Return the command that moves an open task on, and the key of the reason for it (empty: none is needed)."""
        if task.state is TaskState.ASSIGNED and task.team != COMMANDER:
            draw = self.chance("decline", task.task_id, task.team)
            if draw < self.figures["decline"]:
                return "decline", "sim.crew_busy" if draw < self.figures["decline"] / 2 else "sim.crew_short"
        if task.state in (TaskState.ASSIGNED, TaskState.ESCALATED):
            return "accept", ""
        return ("finish" if task.state is TaskState.ON_POST or task.team == COMMANDER else "arrive"), ""

    def pick(self, count: int, *what: object) -> int:
        """Return a number in [0, count)."""
        return int(self.chance("pick", *what) * count)

    def _commander_due(self, task: Task, who: tuple[object, ...]) -> int | None:
        if task.state is TaskState.ASSIGNED:
            return task.since_min + self.within("commander_accept_min", *who)
        if task.kind == DECIDE_APPEAL:
            return None
        due = task.since_min + self.within("commander_finish_min", *who)
        return min(due, max(task.since_min, task.due_min - 1))

    def _team_due(self, task: Task, who: tuple[object, ...]) -> int | None:
        if task.state is TaskState.ACCEPTED:
            return max(task.since_min, task.due_min - self.within("early_min", *who))
        silent = self.chance("silent", task.task_id, task.team) < self.figures["silent"]
        return None if silent else task.since_min + self.within("accept_min", *who)

    def _choose_first(self, case: Case, known: Known) -> str:
        if known.order_id:
            return "overflow"
        draw = self.chance("refuse", case.case_id)
        early = draw < self.figures["refuse"] / 2
        if draw < self.figures["refuse"] and case.version == (0 if early else 1):
            return "refuse"
        if case.state is CaseState.REPORTED:
            return "take_antigen"
        return "report_at_desk" if known.desk else "report"

    def _piece(self, case: Case, kind: str, known: Known) -> Evidence:
        marked: dict[str, object] = {"synthetic": True}
        number = stable_key(self.seed, case.case_id, case.version, kind)[:8]
        if kind == "overflow_order":
            return Evidence(kind, known.order_id, marked)
        if kind in SCANNED and (code := self.destination(case.case_id)):
            return Evidence(kind, f"{kind.replace('_', ' ')} {number}", {DESTINATION: code, **marked})
        if kind in _OF_REPORT and known.report:
            return Evidence(kind, known.report, {"result": known.result, **marked})
        if kind == "vehicle":
            vehicle = 1 + self.pick(int(self.figures["vehicles"]), kind, case.case_id)
            return Evidence(kind, f"vehicle sim-{vehicle:02d}", marked)
        if kind == "receiving_site":
            return Evidence(kind, f"site sim-{1 + self.pick(int(self.figures['sites']), kind, case.case_id)}", marked)
        return Evidence(kind, f"{kind.replace('_', ' ')} {number}", marked)
