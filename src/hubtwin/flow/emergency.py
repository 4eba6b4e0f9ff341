"""What only a person begins and ends: the declared event, without which its scene is off, and overflow at an exit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hubtwin.base.clock import HOUR_MIN
from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.base.ids import stable_key
from hubtwin.flow.dispatch import ask_commander, drop_tasks
from hubtwin.flow.guard import (
    SYSTEM,
    May,
    find_emergency,
    refuse_empty,
    refuse_machine,
    require_emergency,
    shown,
)
from hubtwin.flow.warn import end_alert
from hubtwin.model.emergency import Emergency, Overflow
from hubtwin.model.event import EventKind
from hubtwin.model.record import UNMARKED, Marks
from hubtwin.model.task import Task
from hubtwin.ports import Ledger, TaskFilter, Unit

ENDS, RECONCILE = "ends", "reconcile"  # the timers of a declared event
DECIDE_OVERFLOW = "decide_overflow"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a person declares: which disease, on what legal basis, until when at the latest."""

    scene: str
    disease: str
    legal_basis: str
    by: str
    at_min: int
    ends_min: int
    marks: Marks = UNMARKED


def declare_emergency(ledger: Ledger, said: Declaration, may: May) -> Emergency:
    """Switch a scene on. Raises Denied (not allowed, one is in force already), Malformed (no basis, no future end)."""
    may("emergency.declare", scene=said.scene)
    refuse_machine(said.by)
    refuse_empty(disease=said.disease, legal_basis=said.legal_basis)
    if said.ends_min <= said.at_min:
        raise Malformed("flow.ends_before_it_begins")
    with ledger.unit(said.at_min) as unit:
        standing = find_emergency(unit, said.scene, said.at_min)
        if standing is not None:
            raise Denied("flow.emergency_in_force", disease=standing.disease, legal_basis=standing.legal_basis)
        turn = len(unit.list_emergencies(said.scene))
        emergency = Emergency(
            stable_key("emergency", said.scene, said.disease, said.at_min, turn),
            *(said.scene, said.disease, said.legal_basis, said.by, said.at_min, said.ends_min),
            marks=said.marks,
        )
        unit.save_emergency(emergency)
        unit.append(EventKind.EMERGENCY_DECLARED, emergency.emergency_id, _emergency(emergency), said.scene)
        unit.set_timer(emergency.emergency_id, ENDS, said.ends_min, said.scene)
        unit.set_timer(emergency.emergency_id, RECONCILE, next_hour(said.at_min), said.scene)
        return emergency


def end_emergency(
    ledger: Ledger,
    emergency_id: str,
    clocks_min: Mapping[str, int],
    may: May,
    *,
    by: str,
    at_min: int,
    second: str = "",
) -> Emergency:
    """Switch a scene off: alerts and orders are taken back, nothing new is found; open cases are worked to their end.

    One that has ended stays as it is. Raises Absent, Denied (not allowed; the second word is the same person's).
    """
    with ledger.unit(at_min) as unit:
        emergency = unit.find_emergency(emergency_id)
        if emergency is None:
            raise Absent("flow.no_such_emergency", emergency_id=emergency_id)
        may("emergency.end", scene=emergency.scene)
        refuse_machine(by)
        if second and second == by:
            raise Denied("flow.same_person", by=by)
        if emergency.ended_min is not None:
            return emergency
        return close_emergency(unit, emergency, clocks_min, by=by, second=second)


def close_emergency(
    unit: Unit, emergency: Emergency, clocks_min: Mapping[str, int], *, by: str = SYSTEM, second: str = ""
) -> Emergency:
    """End a declared event inside a unit: on a person's word, or when its last day is over."""
    version = emergency.version + 1
    ended = replace(emergency, ended_min=unit.at_min, ended_by=by, second=second, version=version)
    unit.save_emergency(ended)
    unit.append(EventKind.EMERGENCY_ENDED, ended.emergency_id, _emergency(ended), ended.scene)
    unit.cancel_timers(ended.emergency_id, ENDS)
    for alert in unit.list_alerts(ended.scene, active_only=True):
        end_alert(unit, alert, clocks_min)
    for overflow in unit.list_overflows(ended.scene, on_only=True):
        _end(unit, overflow, by)
    drop_tasks(unit, TaskFilter(scene=ended.scene, kind=DECIDE_OVERFLOW), "emergency_ended", clocks_min)
    return ended


def propose_overflow(
    ledger: Ledger,
    overloads: Sequence[Mapping[str, Any]],
    clocks_min: Mapping[str, int],
    *,
    scene: str,
    now_min: int,
) -> list[Task]:
    """Ask the duty commander about exits whose lanes will fill, once per exit and hour; return the new questions.

    `overloads` give `exit`, `from_min`, `until_min`, `longest_queue`. The machine proposes, it begins nothing.
    """
    asked = []
    with ledger.unit(now_min) as unit:
        emergency = require_emergency(unit, scene, now_min)
        on = {order.place for order in unit.list_overflows(scene, on_only=True)}
        for overload in overloads:
            place, from_min = str(overload["exit"]), int(overload["from_min"])
            if place in on:
                continue
            turn = (emergency.emergency_id, from_min // HOUR_MIN)
            task = ask_commander(
                *(unit, DECIDE_OVERFLOW, place, clocks_min),
                scene=scene,
                due_min=max(now_min, from_min),
                marks=emergency.marks,
                turn=turn,
            )
            if task is not None:
                asked.append(task)
                told = {**dict(overload), "emergency": emergency.emergency_id, **shown(emergency.marks)}
                unit.append(EventKind.OVERFLOW_PROPOSED, task.task_id, told, scene)
    return asked


def begin_overflow(
    ledger: Ledger,
    place: str,
    clocks_min: Mapping[str, int],
    may: May,
    *,
    scene: str,
    by: str,
    reason: str,
    at_min: int,
) -> Overflow:
    """Begin overflow at a place on a named person's word: from now on cases there may be let go and followed up.

    One that is on stays. Raises Denied (not allowed, no emergency), Malformed (no reason).
    """
    may("overflow.switch", scene=scene)
    refuse_machine(by)
    refuse_empty(place=place, reason=reason)
    with ledger.unit(at_min) as unit:
        emergency = require_emergency(unit, scene, at_min)
        orders = unit.list_overflows(scene)
        for known in orders:
            if known.place == place and known.is_on:
                return known
        key = stable_key("overflow", emergency.emergency_id, place, at_min, len(orders))
        order = Overflow(key, scene, emergency.emergency_id, place, by, at_min, reason, marks=emergency.marks)
        unit.save_overflow(order)
        unit.append(EventKind.OVERFLOW_BEGUN, key, {**_overflow(order), "by": by}, scene)
        drop_tasks(unit, TaskFilter(kind=DECIDE_OVERFLOW, subjects=(place,)), "overflow_begun", clocks_min)
        return order


def end_overflow(ledger: Ledger, overflow_id: str, may: May, *, by: str, at_min: int) -> Overflow:
    """End overflow at a place on a named person's word; one that has ended stays as it is. Raises Absent, Denied."""
    with ledger.unit(at_min) as unit:
        order = unit.find_overflow(overflow_id)
        if order is None:
            raise Absent("flow.no_such_overflow", overflow_id=overflow_id)
        may("overflow.switch", scene=order.scene)
        refuse_machine(by)
        return _end(unit, order, by) if order.is_on else order


def next_hour(at_min: int) -> int:
    """Return the next full hour after a minute."""
    return (at_min // HOUR_MIN + 1) * HOUR_MIN


def _end(unit: Unit, order: Overflow, by: str) -> Overflow:
    ended = replace(order, ended_min=unit.at_min, ended_by=by, version=order.version + 1)
    unit.save_overflow(ended)
    unit.append(EventKind.OVERFLOW_ENDED, ended.overflow_id, {**_overflow(ended), "by": by}, ended.scene)
    return ended


def _overflow(order: Overflow) -> dict[str, object]:
    return {"overflow": order.overflow_id, "place": order.place, "emergency": order.emergency_id, **shown(order.marks)}


def _emergency(emergency: Emergency) -> dict[str, object]:
    return {
        "emergency": emergency.emergency_id,
        "disease": emergency.disease,
        "legal_basis": emergency.legal_basis,
        "by": emergency.ended_by or emergency.declared_by,
        "second": emergency.second or None,
        "begins_min": emergency.begins_min,
        "ends_min": emergency.ends_min,
        "ended_min": emergency.ended_min,
        **shown(emergency.marks),
    }
