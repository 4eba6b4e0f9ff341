"""From the records of the core to the replies of the wire. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from hubtwin.base.text import text
from hubtwin.model.alert import Alert
from hubtwin.model.case import Case, list_moves
from hubtwin.model.emergency import Emergency, Overflow
from hubtwin.model.event import Event, Filed, LoopTimes
from hubtwin.model.record import Marks, Provenance
from hubtwin.model.task import Task, list_task_moves
from hubtwin.settings import MapSettings
from hubtwin.web.schemas import hub as h
from hubtwin.web.schemas import loop as lo
from hubtwin.web.schemas import trains as tr
from hubtwin.wiring import Warned

T = TypeVar("T")


def words(key: str) -> h.Words:
    """Return a text in both languages."""
    return h.Words(text(key, "zh"), text(key, "en"))


def named(name: Mapping[str, str]) -> h.Words:
    """Return a name in both languages; where one is missing the other stands in."""
    return h.Words(name.get("zh", name.get("en", "")), name.get("en", name.get("zh", "")))


def base_map(told: MapSettings) -> h.MapView:
    """Return which base map pages use."""
    return h.MapView(told.tiles or None, told.style or None, told.attribution, words("web.map_note"))


def is_synthetic(marks: Marks) -> bool:
    """Return whether anything behind a record was made and not sensed."""
    return marks.provenance is Provenance.SYNTHETIC


def case_row(case: Case) -> lo.CaseRow:
    """Return a case as a list shows it."""
    return lo.CaseRow(
        *(case.case_id, case.scene, case.emergency_id, case.pid, case.train, case.opened_min, case.state),
        *(case.since_min, case.deadline_min, case.owner, case.outcome, case.version, is_synthetic(case.marks)),
    )


def task_row(task: Task) -> lo.TaskRow:
    """Return a task as a list shows it."""
    return lo.TaskRow(
        *(task.task_id, task.scene, task.kind, task.subject, task.place, task.team, task.created_min, task.due_min),
        *(task.state, task.since_min, task.deadline_min, task.reason, task.version, is_synthetic(task.marks)),
        task.told,
    )


def case_moves(case: Case, clocks_min: Mapping[str, int], allowed: Callable[[str], bool]) -> list[lo.CaseMoveView]:
    """Return the moves out of the present state that `allowed(action)` lets pass."""
    return [
        lo.CaseMoveView(
            *(move.command, move.to_state, move.needs, move.clock),
            clocks_min.get(move.clock) if move.clock else None,
            words(f"web.case_{move.command}"),
        )
        for move in list_moves(case.state)
        if allowed(f"case.{move.command}")
    ]


def task_moves(task: Task, allowed: Callable[[str], bool]) -> list[lo.TaskMoveView]:
    """Return the moves out of the present state that `allowed(action)` lets pass."""
    return [
        lo.TaskMoveView(move.command, move.to_state, move.reason, move.team, words(f"web.task_{move.command}"))
        for move in list_task_moves(task.state)
        if allowed(f"task.{move.command}")
    ]


def happened(event: Event) -> lo.Happened:
    """Return a line of a timeline."""
    by = str(event.payload.get("by") or "system")
    return lo.Happened(event.seq, event.at_min, event.kind, by, event.payload)


def evidence(filed: Filed) -> lo.EvidenceView:
    """Return a piece of evidence on file."""
    piece = filed.evidence
    return lo.EvidenceView(piece.kind, piece.ref, piece.values, filed.at_min, filed.by)


def times(found: LoopTimes | None) -> tr.Times:
    """Return the measured moments of a subject."""
    if found is None:
        return tr.Times()
    return tr.Times(*(getattr(found, each.name) for each in fields(tr.Times)))


def emergency(found: Emergency, now_min: int) -> h.EmergencyView:
    """Return a declared event."""
    return h.EmergencyView(
        *(found.emergency_id, found.scene, found.disease, found.legal_basis, found.declared_by, found.begins_min),
        *(found.ends_min, found.ended_min, found.in_force(now_min), is_synthetic(found.marks)),
    )


def overflow(found: Overflow) -> lo.OverflowView:
    """Return an overflow order."""
    return lo.OverflowView(found.overflow_id, found.place, found.begun_min, found.begun_by, found.reason)


def alert(found: Alert) -> tr.AlertView:
    """Return a warning."""
    return tr.AlertView(
        *(found.alert_id, found.scene, found.kind, found.subject, found.msg_type.value, found.severity.value),
        *(found.urgency.value, found.certainty.value, found.raised_min, found.at_min, found.is_active),
        is_synthetic(found.marks),
    )


def train(rank: int, item: Warned, since: tr.Times, task_ids: Sequence[str], cases: int) -> tr.Train:
    """Return a line of the list: the evidence of its finding, who meets it, and how far its loop is."""
    found = dict[str, Any](item.finding.evidence)
    lists = {name: take(tr.Coverage, found["lists"][name]) for name in ("now", "first", "final")}
    return tr.Train(
        key=item.finding.key,
        subject=item.finding.subject,
        rank=rank,
        score=round(item.finding.score, 3),
        synthetic=is_synthetic(item.finding.marks),
        **{name: found[name] for name in ("trip_id", "service_date", "train", "hub_station", "platform")},
        **{name: found[name] for name in ("scheduled_min", "expected_min", "lead_min", "level", "key_train")},
        persons=take(tr.Persons, found["persons"]),
        lists=tr.Lists(stage=found["lists"]["stage"], **lists),
        calls=[take(tr.TrainCall, call) for call in found["calls"]],
        staff=None if item.staff is None else take(tr.Staff, item.staff),
        times=since,
        task_ids=task_ids,
        cases=cases,
    )


def take(kind: type[T], told: Mapping[str, Any]) -> T:
    """Return a reply record with what a mapping tells of its fields; what it does not tell is None."""
    return kind(**{each.name: told.get(each.name) for each in fields(kind)})  # type: ignore[arg-type]
