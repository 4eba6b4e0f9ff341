"""What partners send has its effect: filed with a case, proposed, or given to the duty commander. It decides nothing.

Everything here runs inside a unit of the caller, which also writes that the message was used. Words of partners stay
with evidence and tasks; events name the message.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from hubtwin.base.errors import Absent, Denied
from hubtwin.base.ids import stable_key
from hubtwin.flow.dispatch import PARTNER_TASK, assign
from hubtwin.flow.guard import require_emergency
from hubtwin.flow.handle import propose_in
from hubtwin.model.case import Case, Evidence
from hubtwin.model.duty import COMMANDER
from hubtwin.model.partner_data import CorrectionTold, TaskAsked, TraceResult, TraceTold
from hubtwin.model.record import Marks, Provenance
from hubtwin.model.task import Task
from hubtwin.ports import TaskFilter, Unit

MOST_TASKS = 20  # open at a time for one partner; ours, no source
TRACE, CORRECTION = "trace", "partner_correction"  # kinds of evidence
CLOSED_CORRECTION = "closed_correction"  # the question to the commander about a case that is closed
_FOLLOWED = {TraceResult.CLEAR: "follow_up_clear", TraceResult.RECALL: "follow_up_recall"}


@dataclass(frozen=True, slots=True)
class Told:
    """Who said something, in which message, with which marks."""

    partner: str
    message_id: str
    marks: Marks

    @property
    def ref(self) -> str:
        """Return what evidence is filed under: one message of one partner."""
        return f"{self.partner} {self.message_id}"

    @property
    def values(self) -> dict[str, object]:
        """Return what every piece of evidence of a partner says of itself."""
        made = self.marks.provenance is Provenance.SYNTHETIC
        return {"partner": self.partner, "message_id": self.message_id, "synthetic": made}


@dataclass(frozen=True, slots=True)
class Effect:
    """What a message changed: how many records, of which thing, and what else its event names."""

    changed: int
    subject: str = ""
    named: Mapping[str, object] = field(default_factory=dict)


def file_trace(unit: Unit, told: Told, trace: TraceTold, scene: str) -> Effect:
    """File what tracing found with its case; a result of follow-up is also proposed to whoever decides.

    Raises Denied where no emergency is in force, Absent where there is no such case.
    """
    case = _case(unit, trace.case, scene)
    said = {"result": trace.result.value, "at_min": trace.at_min, "area_code": trace.area_code, "report": trace.ref}
    values = {**told.values, **{name: value for name, value in said.items() if value != ""}}
    proposed, command = False, _FOLLOWED.get(trace.result)
    if command is not None:
        proposed = propose_in(unit, case, command, Evidence("follow_up", told.ref, values))
    unit.add_evidence(case, told.partner, [Evidence(TRACE, told.ref, values)])
    return _of_case(case, command if proposed else None)


def file_correction(
    unit: Unit, told: Told, correction: CorrectionTold, clocks_min: Mapping[str, int], scene: str
) -> Effect:
    """File a partner's word that a flag was wrong; propose to correct the case where the table has that move.

    About a case that is closed the duty commander is asked: nothing else would show it. Nothing moves by it. Raises as
    `file_trace`.
    """
    case = _case(unit, correction.case, scene)
    values: dict[str, Any] = {**told.values, "ground": correction.ground.value, "report": correction.ref}
    proposed = propose_in(unit, case, "correct", Evidence("correction", told.ref, values))
    if correction.text:
        values["note"] = correction.text
    unit.add_evidence(case, told.partner, [Evidence(CORRECTION, told.ref, values)])
    asked = TaskFilter(kind=CLOSED_CORRECTION, subjects=(case.case_id,), open_only=True, limit=1)
    if not case.is_open and not unit.list_tasks(asked):
        due_min = unit.at_min + clocks_min["answer"]
        task_id = stable_key("commander", CLOSED_CORRECTION, told.ref)
        marks = case.marks.join(told.marks)
        task = Task(task_id, scene, CLOSED_CORRECTION, case.case_id, "", COMMANDER, unit.at_min, due_min, marks=marks)
        assign(unit, task, clocks_min, told.partner)
    return _of_case(case, "correct" if proposed else None)


def ask_for_partner(
    unit: Unit, told: Told, asked: TaskAsked, clocks_min: Mapping[str, int], *, scene: str, places: Collection[str]
) -> Effect:
    """Give the duty commander what a partner asks for. The place is taken where it is one of `places`; in any case it
    stands with the partner's words. Raises Denied where no emergency is in force, or so many of its tasks are open.
    """
    require_emergency(unit, scene, unit.at_min)
    standing = TaskFilter(kind=PARTNER_TASK, subjects=(told.partner,), open_only=True, limit=MOST_TASKS)
    if len(unit.list_tasks(standing)) == MOST_TASKS:  # a flood would bury what somebody has to see
        raise Denied("flow.partner_many_tasks", most=MOST_TASKS)
    words = {"kind": asked.kind.value, "what": asked.what, "place": asked.place, "ref": asked.ref}
    task = Task(
        task_id_of(told.partner, told.message_id),
        *(scene, PARTNER_TASK, told.partner, asked.place if asked.place in places else "", COMMANDER),
        *(unit.at_min, asked.due_min),
        marks=told.marks,
        told={"partner": told.partner, "message_id": told.message_id, **words},
    )
    assign(unit, task, clocks_min, told.partner)
    return Effect(1, task.task_id, {"task": task.task_id})


def task_id_of(partner: str, message_id: str) -> str:
    """Return the id of the task that a partner asked for in a message."""
    return stable_key(PARTNER_TASK, partner, message_id)


def _case(unit: Unit, case_id: str, scene: str) -> Case:
    require_emergency(unit, scene, unit.at_min)
    case = unit.find_case(case_id)
    if case is None or case.scene != scene:
        raise Absent("flow.partner_no_case")
    return case


def _of_case(case: Case, proposed: str | None) -> Effect:
    named: dict[str, object] = {"case": case.case_id, "emergency": case.emergency_id, "version": case.version}
    return Effect(1, case.case_id, named if proposed is None else {**named, "proposed": proposed})
