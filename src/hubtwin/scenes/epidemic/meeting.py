"""Who meets which warned train: findings become arrivals at platforms and exits, a plan becomes lines of the list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubtwin.base.ids import stable_key
from hubtwin.model.finding import Finding
from hubtwin.model.place import Exit, Hub
from hubtwin.model.staff import Arrival, Assignment, StaffPlan, StaffRules
from hubtwin.rules.staffing import find_walk, plan_staff, walk_minutes

SHARED_MIN = 10  # trains whose doors open this close together share an exit's lanes (ours)


@dataclass(frozen=True)
class Meetings:
    """Per finding key who meets it (team, platform, exit, leave_min, ...) or why nobody; and lanes that overflow."""

    staff: Mapping[str, Mapping[str, Any]]
    overloads: Sequence[Mapping[str, Any]]


def plan_meetings(hub: Hub, findings: Sequence[Finding], params: Mapping[str, Any], now_min: int) -> Meetings:
    """Plan teams for the warned trains of a hub; nothing where the hub describes no teams.

    A train of which nobody knows the number of persons is planned as a key train of its level.
    """
    if not hub.teams or not findings:
        return Meetings({}, ())
    arrivals = choose_exits([_arrival(hub, found, params) for found in findings], hub)
    rules = StaffRules(**params["staff"])
    plan = plan_staff(arrivals, hub.teams, hub.walks, hub.exits, rules=rules, now_min=now_min)
    by_key = {arrival.train_key: arrival for arrival in arrivals}
    given = {found.evidence["platform"] is not None for found in findings}
    return Meetings(_staff(plan, by_key, inferred=given == {False}), [_overload(o) for o in plan.overloads])


def choose_exits(arrivals: Sequence[Arrival], hub: Hub) -> list[Arrival]:
    """Send each train to the exit whose lanes are freest around its door time, then to the nearest one."""
    walks = walk_minutes(hub.walks)
    sent: list[tuple[str, int, int]] = []  # exit, door minute, persons
    chosen = []
    for arrival in sorted(arrivals, key=lambda a: (a.door_min, a.train_key)):
        platform = arrival.platform

        def burden(
            place: Exit, door_min: int = arrival.door_min, platform: str | None = platform
        ) -> tuple[float, int, str]:
            near = sum(
                persons for name, minute, persons in sent if name == place.exit_id and door_min - minute < SHARED_MIN
            )
            share = near / (place.lanes * place.lane_capacity_per_min * SHARED_MIN)
            walk = find_walk(walks, platform or place.exit_id, place.exit_id)
            return round(share, 2), 10**6 if walk is None else walk, place.exit_id

        exit_id = min(hub.exits, key=burden).exit_id if hub.exits else None
        if exit_id is not None:
            sent.append((exit_id, arrival.door_min, arrival.persons))
        chosen.append(_at_exit(arrival, exit_id))
    return chosen


def _arrival(hub: Hub, found: Finding, params: Mapping[str, Any]) -> Arrival:
    evidence = dict[str, Any](found.evidence)
    persons = evidence["persons"]["concerned"]
    return Arrival(
        train_key=found.key,
        door_min=evidence["expected_min"],
        persons=int(params["key_persons"]["high"]) if persons is None else persons,
        is_key=evidence["key_train"],
        platform=_platform(hub, found),
    )


def _platform(hub: Hub, found: Finding) -> str | None:
    """Return where a train is met: the platform of the feed, if the hub knows it; where the feed gives none, one
    that depends on the train only, which stands for a plan and not for a fact; None: at the exit.
    """
    known, told = [platform.platform_id for platform in hub.platforms], found.evidence["platform"]
    if told is not None or not known:
        return str(told) if told in known else None
    number = int(stable_key(found.evidence["trip_id"], found.evidence["service_date"]), 16)
    return known[number % len(known)]


def _at_exit(arrival: Arrival, exit_id: str | None) -> Arrival:
    return Arrival(
        arrival.train_key,
        arrival.door_min,
        arrival.persons,
        arrival.is_key,
        arrival.platform,
        exit_id,
        arrival.screened,
    )


def _staff(plan: StaffPlan, arrivals: Mapping[str, Arrival], *, inferred: bool) -> dict[str, dict[str, Any]]:
    short = {shortage.train_key: shortage for shortage in plan.shortages}
    staff: dict[str, dict[str, Any]] = {}
    for order in plan.assignments:
        if order.train_key in staff:
            staff[order.train_key]["team"].append(order.team_id)
            continue
        arrival = arrivals[order.train_key]
        staff[order.train_key] = _order(order, arrival, inferred=inferred)
        if order.train_key in short:
            missing = short[order.train_key]
            staff[order.train_key] |= {"members": missing.members, "members_needed": missing.needed}
    for nobody in plan.unmet:
        staff[nobody.train_key] = {"team": [], "reason": nobody.reason.value}
    return staff


def _order(order: Assignment, arrival: Arrival, *, inferred: bool) -> dict[str, Any]:
    return {
        "team": [order.team_id],
        "platform": arrival.platform,
        "platform_inferred": inferred,
        "exit": arrival.exit_id,
        "leave_min": order.leave_min,
        "on_post_min": order.on_post_min,
        "late_min": order.late_min,
        "slack_min": order.slack_min,
    }


def _overload(overload: Any) -> dict[str, Any]:
    return {
        "exit": overload.exit_id,
        "from_min": overload.from_min,
        "until_min": overload.until_min,
        "peak_per_min": round(overload.peak_per_min, 1),
        "capacity_per_min": overload.capacity_per_min,
        "longest_queue": round(overload.longest_queue),
        "lead_min": overload.lead_min,
    }
