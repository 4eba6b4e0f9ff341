"""Teams to trains: greedy by deadline, and the load of the screening lanes ahead of time.

Key trains are placed first, each at its deadline and to the team that became free last (of equals the nearest):
whoever has been free for longer stays for trains with longer walks. Then the other trains fill the gaps that are
left, then come trains that can only be met late, then more teams where many persons are concerned. The order is
fixed by time and key, so the same input gives the same plan. Minutes are whole; a walk is rounded up.
`benchmarks/golden_half_hour.py` runs it beside min-cost matching.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from hubtwin.model.place import Exit, Team, Walk
from hubtwin.model.staff import (
    Arrival,
    Assignment,
    LaneLoad,
    Overload,
    Shortage,
    StaffPlan,
    StaffRules,
    Unmet,
    UnmetReason,
)

Walks = Mapping[tuple[str, str], int]


def plan_staff(
    arrivals: Iterable[Arrival],
    teams: Iterable[Team],
    walks: Iterable[Walk],
    exits: Iterable[Exit],
    *,
    rules: StaffRules,
    now_min: int,
    committed: Sequence[Assignment] = (),
) -> StaffPlan:
    """Return who meets which train, what stays unmet and why, and where the lanes will overflow.

    `committed` are orders already given: they stand, their trains count as met, and their teams work around them.
    Trains whose doors have opened before `now_min` are left out, unless they are committed.
    """
    due = sorted((a for a in arrivals if a.door_min >= now_min), key=lambda a: (a.door_min, a.train_key))
    minutes = walk_minutes(walks)
    diaries = [_diary(team, now_min, committed) for team in sorted(teams, key=lambda team: team.team_id)]
    met = {order.train_key for order in committed}
    urgent = sorted(due, key=lambda a: (not a.is_key, a.door_min, a.train_key))
    for latest_min in (0, rules.on_post_min):
        for arrival in urgent:
            if arrival.train_key not in met and _place(arrival, diaries, minutes, rules, latest_min=latest_min):
                met.add(arrival.train_key)
    shortages = _reinforce([a for a in urgent if a.train_key in met], diaries, minutes, rules)
    given = [*committed, *(order for diary in diaries for order in diary.list_orders(minutes))]
    unmet = [Unmet(a.train_key, a.is_key, _reason(a, diaries, minutes, now_min)) for a in due if a.train_key not in met]
    loads = forecast_lanes(due, minutes, exits, rules=rules)
    return StaffPlan(
        now_min=now_min,
        assignments=tuple(sorted(given, key=lambda o: (o.on_post_min, o.train_key, o.extra, o.team_id))),
        unmet=tuple(unmet),
        shortages=tuple(sorted(shortages, key=lambda s: s.train_key)),
        loads=loads,
        overloads=find_overloads(loads, now_min),
    )


def walk_minutes(walks: Iterable[Walk]) -> Walks:
    """Return the walking times both ways in whole minutes, rounded up; the shortest where a pair is given twice."""
    table: dict[tuple[str, str], int] = {}
    for walk in walks:
        minutes = ceil(walk.seconds / 60)
        for pair in ((walk.a, walk.b), (walk.b, walk.a)):
            table[pair] = min(minutes, table.get(pair, minutes))
    return table


def find_walk(walks: Walks, here: str, there: str) -> int | None:
    """Return the minutes from one place to another; 0 at the same place, None where nobody knows."""
    return 0 if here == there else walks.get((here, there))


def forecast_lanes(
    arrivals: Iterable[Arrival], walks: Walks, exits: Iterable[Exit], *, rules: StaffRules
) -> tuple[LaneLoad, ...]:
    """Return for each exit every minute from its first to its last person waiting.

    The persons of a train reach its exit evenly over `stream_min` minutes, from the moment the doors open plus the
    walk from the platform. Lanes serve up to their capacity; the rest waits for the next minute.
    """
    coming: dict[str, dict[int, float]] = {}
    for arrival in arrivals:
        if arrival.exit_id is None:
            continue
        persons = arrival.persons if arrival.screened is None else arrival.screened
        walk = find_walk(walks, arrival.platform or arrival.exit_id, arrival.exit_id) or 0
        at_exit = coming.setdefault(arrival.exit_id, {})
        for step in range(rules.stream_min):
            minute = arrival.door_min + walk + step
            at_exit[minute] = at_exit.get(minute, 0.0) + persons / rules.stream_min
    loads: list[LaneLoad] = []
    for place in sorted(exits, key=lambda place: place.exit_id):
        loads += _serve(place, coming.get(place.exit_id, {}))
    return tuple(loads)


def _serve(place: Exit, coming: Mapping[int, float]) -> Iterable[LaneLoad]:
    if not coming:
        return
    capacity = place.lanes * place.lane_capacity_per_min
    minute, waiting = min(coming), 0.0
    while minute <= max(coming) or (waiting > 0 and capacity > 0):
        arriving = coming.get(minute, 0.0)
        waiting = max(0.0, waiting + arriving - capacity)
        waiting = 0.0 if waiting < 1e-9 else waiting  # a remainder of the division is no person
        yield LaneLoad(place.exit_id, minute, arriving, capacity, waiting)
        minute += 1


def find_overloads(loads: Iterable[LaneLoad], now_min: int) -> tuple[Overload, ...]:
    """Return the stretches in which persons wait, with the time left until each begins; 0 for one under way."""
    stretches: list[list[LaneLoad]] = []
    for load in loads:
        if load.waiting <= 0:
            continue
        last = stretches[-1][-1] if stretches else None
        if last is not None and last.exit_id == load.exit_id and last.minute == load.minute - 1:
            stretches[-1].append(load)
        else:
            stretches.append([load])
    found = [
        Overload(
            exit_id=stretch[0].exit_id,
            from_min=stretch[0].minute,
            until_min=stretch[-1].minute + 1,
            peak_per_min=max(load.coming for load in stretch),
            capacity_per_min=stretch[0].capacity,
            longest_queue=max(load.waiting for load in stretch),
            lead_min=max(0, stretch[0].minute - now_min),
        )
        for stretch in stretches
    ]
    return tuple(sorted(found, key=lambda o: (o.from_min, o.exit_id)))


@dataclass(frozen=True, slots=True)
class _Job:
    """A stay at a train, before it is known from where the team comes to it."""

    train_key: str
    place: str
    on_post_min: int
    free_min: int
    late_min: int = 0
    extra: bool = False


@dataclass
class _Diary:
    """A team that is free at `here` from `since_min` on, with the jobs of the plan in order of time."""

    team: Team
    since_min: int
    here: str
    trains: set[str]
    jobs: list[_Job] = field(default_factory=list)

    def fits(self, job: _Job, walks: Walks) -> tuple[int, int] | None:
        """Return (minutes since the team is free, minutes of walk) for a job; None where it does not fit in between."""
        if job.train_key in self.trains:
            return None
        earlier = [other for other in self.jobs if other.on_post_min <= job.on_post_min]
        since_min, here = (earlier[-1].free_min, earlier[-1].place) if earlier else (self.since_min, self.here)
        walk = find_walk(walks, here, job.place)
        if walk is None or since_min + walk > job.on_post_min:
            return None
        for later in self.jobs[len(earlier) : len(earlier) + 1]:
            onward = find_walk(walks, job.place, later.place)
            if onward is None or job.free_min + onward > later.on_post_min:
                return None
        return job.on_post_min - since_min, walk

    def add(self, job: _Job) -> None:
        """Take a job that fits."""
        self.jobs = sorted([*self.jobs, job], key=lambda other: other.on_post_min)
        self.trains.add(job.train_key)

    def list_orders(self, walks: Walks) -> list[Assignment]:
        """Return the jobs as orders: from where, when to leave at the latest, with how much slack."""
        orders, since_min, here = [], self.since_min, self.here
        for job in self.jobs:
            leave_min = job.on_post_min - (find_walk(walks, here, job.place) or 0)
            orders.append(
                Assignment(
                    train_key=job.train_key,
                    team_id=self.team.team_id,
                    from_place=here,
                    to_place=job.place,
                    leave_min=leave_min,
                    on_post_min=job.on_post_min,
                    free_min=job.free_min,
                    slack_min=leave_min - since_min,
                    late_min=job.late_min,
                    extra=job.extra,
                )
            )
            since_min, here = job.free_min, job.place
        return orders


def _diary(team: Team, now_min: int, committed: Sequence[Assignment]) -> _Diary:
    """Return a team as the plan finds it: after its last given order, or at its post from now on."""
    own = [order for order in committed if order.team_id == team.team_id]
    if not own:
        return _Diary(team, now_min, team.post, set())
    last = max(own, key=lambda order: order.free_min)
    return _Diary(team, max(now_min, last.free_min), last.to_place, {order.train_key for order in own})


def _place(
    arrival: Arrival,
    diaries: Sequence[_Diary],
    walks: Walks,
    rules: StaffRules,
    *,
    latest_min: int = 0,
    extra: bool = False,
) -> _Diary | None:
    """Give a train to the team that became free last, then walks least, as early as can be; None where none fits."""
    place = arrival.meeting_place
    if place is None:
        return None
    for late_min in range(latest_min + 1):
        on_post_min = arrival.door_min - rules.on_post_min + late_min
        job = _Job(arrival.train_key, place, on_post_min, arrival.door_min + rules.service_min, late_min, extra)
        fitting = [(fit, diary) for diary in diaries if (fit := diary.fits(job, walks)) is not None]
        if fitting:
            _, chosen = min(fitting, key=lambda pair: (*pair[0], -pair[1].team.size, pair[1].team.team_id))
            chosen.add(job)
            return chosen
    return None


def _reinforce(met: Iterable[Arrival], diaries: Sequence[_Diary], walks: Walks, rules: StaffRules) -> list[Shortage]:
    """Add teams to trains whose persons ask for more members; return where members stay missing."""
    shortages = []
    for arrival in met:
        needed = ceil(arrival.persons / rules.persons_per_member)
        members = sum(diary.team.size for diary in diaries if arrival.train_key in diary.trains)
        while members < needed:
            helper = _place(arrival, diaries, walks, rules, extra=True)
            if helper is None:
                shortages.append(Shortage(arrival.train_key, members, needed))
                break
            members += helper.team.size
    return shortages


def _reason(arrival: Arrival, diaries: Sequence[_Diary], walks: Walks, now_min: int) -> UnmetReason:
    place = arrival.meeting_place
    if place is None:
        return UnmetReason.NO_PLACE
    ways = [walk for diary in diaries if (walk := find_walk(walks, diary.here, place)) is not None]
    if not ways:
        return UnmetReason.NO_WALK if diaries else UnmetReason.NO_TEAM
    return UnmetReason.TOO_LATE if now_min + min(ways) > arrival.door_min else UnmetReason.NO_TEAM
