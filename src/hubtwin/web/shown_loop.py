"""From steps, proposals, appeals and overflow of the core to the replies of the wire. Pure."""

from collections.abc import Mapping, Sequence

from hubtwin.flow.guard import SYSTEM
from hubtwin.flow.handle import PROPOSAL
from hubtwin.model.case import TABLE, Case
from hubtwin.model.emergency import Appeal
from hubtwin.model.event import Filed
from hubtwin.model.task import Task
from hubtwin.rules.steps import StepRow
from hubtwin.web.schemas import loop as lo

ABOUT = ("command", "kind")  # what a proposal says of itself; the rest are values of the evidence that it proposes
DECISIONS = ("appeal", "correction")  # the kinds under which the decision on an appeal is filed
OF_APPEAL = "appeal"  # the value that names the appeal


def step(row: StepRow) -> lo.StepView:
    """Return a step of a case."""
    moved = row.transfer
    return lo.StepView(
        *(row.step.value, row.standing, row.attempt, row.owner, row.started_min, row.finished_min, row.result),
        *(row.next, row.deadline_min),
        transfer=None
        if moved is None
        else lo.TransferView(
            *(moved.vehicle, moved.receiving_site, moved.signature_out, moved.signature_in),
            *(moved.left_min, moved.arrived_min),
        ),
    )


def proposals(case: Case, filed: Sequence[Filed]) -> list[lo.ProposalView]:
    """Return what the machine proposes at the present version of a case, as far as the table has that move now."""
    found = []
    for piece in filed:
        told = piece.evidence.values
        command, kind = told.get("command"), told.get("kind")
        standing = piece.evidence.kind == PROPOSAL and piece.by == SYSTEM and piece.version == case.version
        if not standing or not isinstance(command, str) or not isinstance(kind, str):
            continue
        if (case.state, command) in TABLE:
            values = {name: value for name, value in told.items() if name not in ABOUT}
            found.append(lo.ProposalView(command, kind, piece.evidence.ref, values, piece.at_min))
    return found


def appeal(found: Appeal, filed: Sequence[Filed], *, may_decide: bool) -> lo.AppealView:
    """Return an appeal with its decision, which is on file with the case under the id of the appeal."""
    decision = next((piece for piece in filed if _decides(piece, found)), None)
    note = decision.evidence.values.get("note") if decision else None
    return lo.AppealView(
        *(found.appeal_id, found.ground, found.lodged_by, found.lodged_min, found.deadline_min, found.upheld),
        *(found.decided_by or None, found.decided_min, decision.evidence.ref if decision else None),
        note if isinstance(note, str) and note else None,
        may_decide and found.is_open,
    )


def overflow_proposal(task: Task, told: Mapping[str, object]) -> lo.OverflowProposal:
    """Return a question to the commander with the figures that `told`, its event, gives."""
    return lo.OverflowProposal(
        *(task.task_id, task.subject, task.created_min, task.deadline_min),
        *(_whole(told, "from_min"), _whole(told, "until_min")),
        *(_number(told, name) for name in ("longest_queue", "peak_per_min", "capacity_per_min")),
    )


def _decides(piece: Filed, found: Appeal) -> bool:
    return piece.evidence.kind in DECISIONS and piece.evidence.values.get(OF_APPEAL) == found.appeal_id


def _whole(told: Mapping[str, object], name: str) -> int | None:
    value = told.get(name)
    return value if isinstance(value, int) else None


def _number(told: Mapping[str, object], name: str) -> float | None:
    value = told.get(name)
    return float(value) if isinstance(value, int | float) else None
