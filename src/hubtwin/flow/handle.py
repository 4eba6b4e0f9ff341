"""Handle: what a named person does with a case or a task. One command is one transaction; the same one twice is one."""

from collections.abc import Mapping
from dataclasses import replace

from hubtwin.base.errors import Denied
from hubtwin.base.ids import stable_key
from hubtwin.flow.dispatch import ask_commander, drop_tasks, move_task
from hubtwin.flow.guard import SYSTEM, May, is_new, refuse_empty, refuse_machine, shown
from hubtwin.flow.warn import STEP
from hubtwin.model.case import TABLE, Case, CaseCommand, CaseState, Evidence, advance
from hubtwin.model.duty import COMMANDER, Roster
from hubtwin.model.emergency import Appeal
from hubtwin.model.event import EventKind, LoopStep, find_exit
from hubtwin.model.task import Task, TaskCommand
from hubtwin.ports import Ledger, TaskFilter, Unit

APPEAL = "appeal"
FEEDBACK = "feedback"  # the channel to the districts
PROPOSAL = "proposal"  # the kind of evidence that the machine files


def handle_case(
    ledger: Ledger, command: CaseCommand, clocks_min: Mapping[str, int], may: May, *, key: str | None = None
) -> Case:
    """Carry out a command on a case; return the case as it stands now.

    `key` is the sender's name of the command: sent again it changes nothing. Raises Denied (not allowed, not a
    person, not in the table, moved on meanwhile, key used for something else), Malformed (evidence missing),
    Absent, Retry.
    """
    with ledger.unit(command.at_min) as unit:
        case = unit.get_case(command.case_id)
        may(f"case.{command.command}", scene=case.scene)
        refuse_machine(command.by)
        pieces = [(piece.kind, piece.ref) for piece in command.evidence]
        if not is_new(unit, key, command.case_id, command.command, command.by, command.expects, pieces):
            return case
        if command.command == "overflow":
            _refuse_without_order(unit, case, command)
        moved = advance(case, command, clocks_min)
        unit.save_case(moved)
        unit.add_evidence(moved, command.by, command.evidence)
        _tell(unit, case, moved, command, clocks_min)
        return moved


def propose_move(ledger: Ledger, case_id: str, command: str, piece: Evidence, *, at_min: int) -> bool:
    """File with a case what the machine would do next, on which evidence; return False where it was proposed before,
    the report is on file already, or the case is no longer where the move leads from. Nothing moves by it.

    Raises Absent.
    """
    with ledger.unit(at_min) as unit:
        return propose_in(unit, unit.get_case(case_id), command, piece)


def propose_in(unit: Unit, case: Case, command: str, piece: Evidence) -> bool:
    """Propose a move inside a unit, as `propose_move`."""
    if (case.state, command) not in TABLE:
        return False
    if any(filed.evidence.ref == piece.ref for filed in unit.list_evidence(case.case_id)):
        return False
    told = {"command": command, "kind": piece.kind, **piece.values}
    unit.add_evidence(case, SYSTEM, [Evidence(PROPOSAL, piece.ref, told)])
    payload = {"case": case.case_id, "command": command, "ref": piece.ref, "kind": piece.kind, "version": case.version}
    emergency = {"emergency": case.emergency_id, "pid": case.pid, "train": case.train}
    unit.append(EventKind.CASE_PROPOSED, case.case_id, {**payload, **emergency, **shown(case.marks)}, case.scene)
    return True


def handle_task(
    ledger: Ledger,
    command: TaskCommand,
    clocks_min: Mapping[str, int],
    may: May,
    *,
    roster: Roster | None = None,
    key: str | None = None,
) -> Task:
    """Carry out a command on a task; return the task as it stands now: after a refusal, with the next team.

    `key` as in `handle_case`; a refusal that comes again is known although another team has the task now. Raises
    Denied, Malformed (reason or team missing), Absent, Retry.
    """
    with ledger.unit(command.at_min) as unit:
        task = unit.get_task(command.task_id)
        refuse_machine(command.by)
        if not is_new(unit, key, command.task_id, command.command, command.by, command.team, command.expects):
            return task
        may(f"task.{command.command}", scene=task.scene, team=task.team)
        return move_task(unit, command, clocks_min, roster)


def lodge_appeal(
    ledger: Ledger,
    case_id: str,
    clocks_min: Mapping[str, int],
    may: May,
    *,
    by: str,
    ground: str,
    at_min: int,
) -> Appeal:
    """Take in somebody's word that a case is wrong; the duty commander decides within `appeal_min`.

    The same ground twice is one appeal. `ground` is a reference, never free text about a person. Raises Denied,
    Malformed, Absent.
    """
    with ledger.unit(at_min) as unit:
        case = unit.get_case(case_id)
        may("case.read", scene=case.scene)
        refuse_machine(by)
        refuse_empty(ground=ground)
        appeal_id = stable_key("appeal", case_id, ground)
        known = unit.find_appeal(appeal_id)
        if known is not None:
            return known
        deadline = at_min + clocks_min["appeal_min"]
        appeal = Appeal(appeal_id, case_id, by, at_min, deadline, ground, marks=case.marks)
        unit.save_appeal(appeal)
        unit.append(EventKind.APPEAL_LODGED, appeal_id, {**_appeal(appeal), "by": by}, case.scene)
        unit.set_timer(appeal_id, APPEAL, deadline, case.scene)
        ask_commander(
            *(unit, "decide_appeal", appeal_id, clocks_min), scene=case.scene, due_min=deadline, marks=case.marks
        )
        return appeal


def decide_appeal(
    ledger: Ledger,
    appeal_id: str,
    clocks_min: Mapping[str, int],
    may: May,
    *,
    by: str,
    upheld: bool,
    evidence: Evidence,
    at_min: int,
) -> Appeal:
    """Decide an appeal on a named person's word and evidence; nobody decides on an appeal of their own.

    One that is upheld corrects its case where the table has that move; a case that is closed keeps its outcome
    and the decision stays on file with it. Raises Denied, Absent.
    """
    with ledger.unit(at_min) as unit:
        appeal = unit.find_appeal(appeal_id)
        if appeal is None or not appeal.is_open:
            raise Denied("flow.no_open_appeal", appeal_id=appeal_id)
        case = unit.get_case(appeal.case_id)
        may("case.correct", scene=case.scene)
        refuse_machine(by)
        if by == appeal.lodged_by:
            raise Denied("flow.own_appeal", by=by)
        decided = replace(appeal, decided_min=at_min, decided_by=by, upheld=upheld, version=appeal.version + 1)
        unit.save_appeal(decided)
        unit.append(EventKind.APPEAL_DECIDED, appeal_id, {**_appeal(decided), "by": by, "upheld": upheld}, case.scene)
        unit.cancel_timers(appeal_id)
        drop_tasks(unit, TaskFilter(subjects=(appeal_id,)), "appeal_decided", clocks_min)
        _settle(unit, case, evidence, clocks_min, decided=decided)
        return decided


def _settle(unit: Unit, case: Case, evidence: Evidence, clocks_min: Mapping[str, int], *, decided: Appeal) -> None:
    """File the decision with the case; correct a case that the table lets be corrected."""
    pieces = [Evidence("correction" if decided.upheld else "appeal", evidence.ref, evidence.values)]
    command = CaseCommand(case.case_id, "correct", decided.decided_by, unit.at_min, pieces)
    corrected = advance(case, command, clocks_min) if decided.upheld and (case.state, "correct") in TABLE else case
    unit.add_evidence(corrected, decided.decided_by, pieces)
    if corrected is not case:  # else whoever holds the case acts on the decision on file
        unit.save_case(corrected)
        _tell(unit, case, corrected, command, clocks_min)


def _appeal(appeal: Appeal) -> dict[str, object]:
    told = {"appeal": appeal.appeal_id, "case": appeal.case_id, "deadline_min": appeal.deadline_min}
    return {**told, **shown(appeal.marks)}


def _refuse_without_order(unit: Unit, case: Case, command: CaseCommand) -> None:
    """Raise Denied where the overflow order that is named does not stand, or stands for another exit than the one at
    which the person was found; a case that names no exit goes by any.
    """
    standing = {order.overflow_id: order.place for order in unit.list_overflows(case.scene, on_only=True)}
    named = {piece.ref for piece in command.evidence if piece.kind == "overflow_order"}
    if named and not named & standing.keys():
        raise Denied("flow.no_overflow", standing=", ".join(sorted(standing)) or "-")
    here = find_exit(unit.list_evidence(case.case_id))
    if here and named and here not in {standing.get(ref) for ref in named}:
        raise Denied("flow.overflow_elsewhere", here=here)


def _tell(unit: Unit, case: Case, moved: Case, command: CaseCommand, clocks_min: Mapping[str, int]) -> None:
    """Write the event of a move, set the clock of the new state, and drop what the commander was asked about it."""
    closed = moved.state is CaseState.CLOSED
    payload = {
        "case": case.case_id,
        "emergency": case.emergency_id,
        "pid": case.pid,
        "train": case.train,
        "command": command.command,
        "from": case.state.value,
        "to": moved.state.value,
        "by": command.by,
        "outcome": moved.outcome.value if moved.outcome else None,
        "deadline_min": moved.deadline_min,
        "evidence": [{"kind": piece.kind, "ref": piece.ref} for piece in command.evidence],
        "version": moved.version,
        **shown(case.marks),
    }
    unit.append(EventKind.CASE_CLOSED if closed else EventKind.CASE_MOVED, case.case_id, payload, case.scene)
    unit.cancel_timers(case.case_id)
    if moved.deadline_min is not None:
        unit.set_timer(case.case_id, STEP, moved.deadline_min, case.scene)
    drop_tasks(unit, TaskFilter(teams=(COMMANDER,), subjects=(case.case_id,)), "case_moved", clocks_min)
    if closed:
        if case.train:
            unit.mark_time(case.scene, case.train, LoopStep.CLOSED)
        unit.put_outbox(stable_key(case.case_id, moved.version), FEEDBACK, payload)
