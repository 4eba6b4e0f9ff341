"""What tests of the loop share: a scene that is on, findings of trains, a roster, and a person who may do anything."""

from collections.abc import Iterable

from hubtwin.flow.dispatch import Order, dispatch
from hubtwin.flow.emergency import Declaration, declare_emergency
from hubtwin.flow.timers import Clocks
from hubtwin.flow.warn import open_cases
from hubtwin.model.case import MOVES, Case, CaseCommand, Evidence
from hubtwin.model.duty import Qualification, Roster, Shift
from hubtwin.model.emergency import Emergency
from hubtwin.model.finding import Finding, Flagged
from hubtwin.model.record import UNMARKED
from hubtwin.model.task import Task, TaskCommand
from hubtwin.ports import Ledger, LedgerReader

NOW = 27_770_460  # a full hour
SCENE = "epidemic"
CLOCKS_MIN = {
    "antigen_min": 15,
    "antigen_result_min": 20,
    "review_min": 30,
    "nucleic_result_min": 360,
    "transfer_min": 480,
    "arrive_min": 120,
    "feedback_min": 60,
    "follow_up_min": 1440,
    "refused_min": 30,
    "appeal_min": 120,
    "answer": 3,
    "done": 30,
    "escalated": 5,
}
MEET = frozenset({Qualification.MEET})
WALKS = {("A", "P4"): 2, ("B", "P4"): 5, ("C", "P4"): 9, ("P4", "P5"): 3}
ROSTER = Roster(
    tuple(Shift(f"T{post}", post, NOW - 60, NOW + 600, MEET, 4) for post in "ABC"),
    {**WALKS, **{(b, a): minutes for (a, b), minutes in WALKS.items()}},
)
CLOCKS = Clocks(CLOCKS_MIN, ROSTER)


def anyone(action: str, *, scene: str | None = None, team: str | None = None) -> None:
    """Allow everything."""


def declared(ledger: Ledger, at_min: int = NOW, days: int = 30) -> Emergency:
    """Declare an emergency and return it."""
    said = Declaration(SCENE, "covid-19", "Law on Infectious Diseases, art. 42", "zhao", at_min, at_min + days * 1440)
    return declare_emergency(ledger, said, anyone)


def finding(train: str = "G1 2022-10-20", *, in_min: int = 40, lead_min: int = 0, **evidence: object) -> Finding:
    """Return the finding of a train that is expected `in_min` after NOW."""
    told: dict[str, object] = {
        "level": "high",
        "key_train": True,
        "platform": "P4",
        "expected_min": NOW + in_min,
        "lead_min": in_min - lead_min,
        "persons": {"rung": "hits", "concerned": 7},
        "lists": {"stage": "first"},
        **evidence,
    }
    return Finding(f"key of {sorted(told.items())}", SCENE, "train_warning", train, NOW, 1.0, told, {}, UNMARKED)


def ordered(ledger: Ledger, team: str = "TA", *, due: int = NOW + 30, train: str = "G1 2022-10-20") -> Task:
    """Order a team to meet a train and return the task."""
    (task,) = dispatch(ledger, [Order("meet_train", train, "P4", team, due)], CLOCKS_MIN, scene=SCENE, now_min=NOW)
    return task


def opened(ledger: Ledger, *pids: str, at_min: int = NOW) -> list[Case]:
    """Flag persons on one train and return their cases."""
    flagged = [Flagged(pid, "G1 2022-10-20", f"hit of {pid}") for pid in pids or ("p1",)]
    return open_cases(ledger, flagged, CLOCKS_MIN, scene=SCENE, now_min=at_min)


def case_command(case: Case, name: str, at_min: int, *, by: str = "li", expects: int | None = None) -> CaseCommand:
    """Return a command with every piece of evidence that its move needs."""
    needs = next((move.needs for move in MOVES if move.command == name), ())
    return CaseCommand(case.case_id, name, by, at_min, [Evidence(kind, f"{kind} 1") for kind in needs], expects)


def task_command(task: Task, name: str, at_min: int = NOW, *, reason: str = "", team: str = "") -> TaskCommand:
    """Return a command of a member of the team."""
    return TaskCommand(task.task_id, name, "wang", at_min, reason, team)


def kinds(ledger: LedgerReader, only: Iterable[str] = ()) -> list[str]:
    """Return the kinds of all events in order, or of those that are asked for."""
    return [event.kind for event in ledger.list_events(kinds=list(only) or None)]
