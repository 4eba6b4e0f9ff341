"""Everybody of a simulated day on their way: who is in which zone in which minute. Pure, seeded, vectorised.

Who arrives by train walks from the platform to the exit and through its lanes as `sim.screening` has it, then to the
line, lane or garage by which they leave, and waits there. As many depart: they come by the same modes, wait in the hall
and board. Nobody is lost: at any minute, who has come in is here or has left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hubtwin.sim.day import HubDay
from hubtwin.sim.draws import stream
from hubtwin.sim.flows.plan import FlowPlan, Line
from hubtwin.sim.flows.routes import Find, Route
from hubtwin.sim.flows.service import Served, leaving_min, serve
from hubtwin.sim.recipe import Floats, Ints
from hubtwin.sim.screening import Gates

BEFORE_MIN, AFTER_MIN = 240, 300  # minutes before and after the hub's day that are played
TURN_S = 25 * 60  # a train that ends here leaves again after so long; ours
BOARDING_S, GATE_SHUTS_S = 8 * 60, 3 * 60  # people go down to the platform between these times before departure; ours
AT_DOOR_S = 45  # who comes by a mode is so long at its place; ours


@dataclass(frozen=True)
class Flows:
    """The minutes from `first_min` on (epoch): people by zone, who has come in and left, and the lines.

    `people[m, z]` are in zone `zones[z]` at the beginning of minute m; `came` and `left` count up to then.
    """

    first_min: int
    zones: tuple[str, ...]
    people: Ints
    came: Ints
    left: Ints
    lines: tuple[Line, ...]
    served: Mapping[tuple[str, str], Served]

    def at(self, minute: int) -> int:
        """Return the place of an epoch minute, the first or the last where it is outside."""
        return min(max(minute - self.first_min, 0), len(self.people) - 1)

    def people_at(self, minute: int) -> dict[str, int]:
        """Return how many people are in each zone at an epoch minute."""
        return dict(zip(self.zones, self.people[self.at(minute)].tolist(), strict=True))


@dataclass
class _Tally:
    """Stays in zones, added up: every stay of a group has a zone, and for each person when it begins and ends."""

    first_s: int
    minutes: int
    zones: dict[str, int] = field(default_factory=dict)
    stays: list[tuple[int, Ints, Ints]] = field(default_factory=list)
    came: list[Ints] = field(default_factory=list)
    left: list[Ints] = field(default_factory=list)

    def stay(self, zone: str, begin_s: Ints, end_s: Ints) -> None:
        self.stays.append((self.zones.setdefault(zone, len(self.zones)), begin_s, end_s))

    def minute(self, at_s: Ints) -> Ints:
        """Return the first minute at whose beginning somebody is already there."""
        return np.clip(-(-(at_s - self.first_s) // 60), 0, self.minutes)

    def people(self) -> Ints:
        change = np.zeros((self.minutes + 1, len(self.zones)), dtype=np.int64)
        for zone, begin, end in self.stays:
            change[:, zone] += np.bincount(self.minute(begin), minlength=self.minutes + 1)
            change[:, zone] -= np.bincount(self.minute(end), minlength=self.minutes + 1)
        return np.cumsum(change, axis=0)[: self.minutes]

    def total(self, moments: Sequence[Ints]) -> Ints:
        count = np.zeros(self.minutes + 1, dtype=np.int64)
        for each in moments:
            count += np.bincount(self.minute(each), minlength=self.minutes + 1)
        return np.cumsum(count)[: self.minutes]

    def walk(self, route: Route, begin_s: Ints, pace: Floats) -> Ints:
        """Let people walk all of a route but its last zone; return when they are there. `pace` stretches each walk."""
        now = begin_s
        for zone, seconds in route[:-1]:
            then = now + np.rint(seconds * pace).astype(np.int64)
            self.stay(zone, now, then)
            now = then
        return now


def simulate_flows(day: HubDay, gates: Gates, platforms: Sequence[str], plan: FlowPlan, find: Find) -> Flows:
    """Walk everybody through the hub. The same day, gates, plan and ways give the same flows.

    `platforms` are codes of the venue; a train has the one that its place in the day falls on. Without lines in the
    plan people leave at the exits, and nobody is seen to come.
    """
    first_min = day.world.day_start_min - BEFORE_MIN
    tally = _Tally(first_min * 60, BEFORE_MIN + 1440 + AFTER_MIN)
    rng = stream(day.seed, f"flows {day.world.hub_date.isoformat()}")
    trip = day.bookings.trip[gates.person]
    doors = day.runs.real_arrive_s[day.runs.hub[trip]]
    tally.came.append(doors)
    _to_the_exits(tally, gates, (trip % len(platforms), doors), platforms, find)
    choice, pace = _Choice(plan, day.world.day_start_min), np.clip(rng.normal(1.0, 0.12, len(gates)), 0.7, 1.4)
    by_line = choice.draw(gates.at_s + 5 * 60, rng.random(len(gates)))
    entering = _departures(tally, day, trip, (platforms, plan, find), (choice, rng))
    served = _leave(tally, gates, (by_line, pace), (plan, find), entering)
    return Flows(
        *(first_min, tuple(tally.zones), tally.people(), tally.total(tally.came), tally.total(tally.left)),
        *(plan.lines, served),
    )


def _to_the_exits(tally: _Tally, gates: Gates, trains: tuple[Ints, Ints], platforms: Sequence[str], find: Find) -> None:
    """From the doors of the train to the end of the lanes, at the times that the gates give."""
    platform, doors = trains
    for place in range(len(platforms)):
        for number, exit_ in enumerate(gates.exits):
            those = np.flatnonzero((platform == place) & (gates.exit == number))
            if not len(those):
                continue
            route = find(platforms[place], exit_.exit_id)
            usual = sum(seconds for _, seconds in route[:-1]) or 1.0
            begin, joined = doors[those], gates.joined_s[those]
            tally.walk(((*route[:-1], (exit_.exit_id, 0.0))), begin, (joined - begin) / usual)
            reached = begin + sum(
                np.rint(seconds * ((joined - begin) / usual)).astype(np.int64) for _, seconds in route[:-1]
            )
            tally.stay(exit_.exit_id, np.minimum(reached, gates.at_s[those]), gates.at_s[those])


def _leave(
    tally: _Tally,
    gates: Gates,
    ways: tuple[Ints, Floats],
    how: tuple[FlowPlan, Find],
    entering: Mapping[int, Ints],
) -> dict[tuple[str, str], Served]:
    """From the exits to the lines, and away; `ways` are the line and the pace of each."""
    (plan, find), (by_line, pace) = how, ways
    if not plan.lines:
        tally.left.append(gates.at_s)
        return {}
    found = {}
    for number, line in enumerate(plan.lines):
        those = np.flatnonzero(by_line == number)
        arrive = np.zeros(len(those), dtype=np.int64)
        place = np.array([line.places[each % len(line.places)] for each in those.tolist()], dtype=object)
        for exit_number, exit_ in enumerate(gates.exits):
            for code in line.places:
                some = np.flatnonzero((gates.exit[those] == exit_number) & (place == code))
                if len(some):
                    who = those[some]
                    arrive[some] = tally.walk(find(exit_.exit_id, code), gates.at_s[who], pace[who])
        order = np.argsort(arrive, kind="stable")
        minute = np.minimum(tally.minute(arrive[order]), tally.minutes - 1)
        came = np.bincount(minute, minlength=tally.minutes)
        open_min = -BEFORE_MIN
        found[line.key] = served = serve(line, came, entering.get(number, np.zeros_like(came)), open_min)
        gone = np.maximum(arrive[order], tally.first_s + leaving_min(served, minute) * 60 + 59)
        for code in line.places:
            some = np.flatnonzero(place[order] == code)
            tally.stay(code, arrive[order][some], gone[some])
        tally.left.append(gone)
    return found


@dataclass(frozen=True)
class _Leaving:
    """Who departs, by person: the train, when it leaves, when they are at the hub at the latest to make it, how long
    before it they come, where they wait."""

    train: Ints
    depart_s: Ints
    down_s: Ints
    lead_s: Ints
    hall: Ints


def _draw_leaving(day: HubDay, trip: Ints, plan: FlowPlan, rng: np.random.Generator) -> _Leaving:
    """As many as arrive depart, by the train that they came with or by its return."""
    hub, last = day.runs.hub, day.runs.first[1:] - 1
    returns_s = day.runs.real_arrive_s[hub] + TURN_S
    leaves_s = np.where(hub == last, returns_s, day.runs.real_depart_s[hub])
    train = rng.permutation(trip)
    median, sigma = plan.lead_min
    lead = np.rint(60 * median * np.exp(sigma * rng.standard_normal(len(train)))).astype(np.int64)
    down = leaves_s[train] - rng.integers(GATE_SHUTS_S, BOARDING_S, size=len(train))
    return _Leaving(train, leaves_s[train], down, lead, train % len(plan.waiting))


def _departures(
    tally: _Tally,
    day: HubDay,
    trip: Ints,
    where: tuple[Sequence[str], FlowPlan, Find],
    chance: tuple["_Choice", np.random.Generator],
) -> dict[int, Ints]:
    """From the lines to the halls, and aboard; return who comes by which line, by minute."""
    (platforms, plan, _), (choice, rng) = where, chance
    if not plan.lines or not plan.waiting:
        return {}
    who = _draw_leaving(day, trip, plan, rng)
    by_line = choice.draw(who.depart_s - who.lead_s, rng.random(len(who.train)))
    entering: dict[int, Ints] = {}
    ready = np.zeros(len(who.train), dtype=np.int64)
    for number, line in enumerate(plan.lines):
        come = _come(tally, who, np.flatnonzero(by_line == number), line, (where, ready))
        minutes = np.minimum(tally.minute(np.concatenate(come)), tally.minutes - 1)
        entering[number] = np.bincount(minutes, minlength=tally.minutes)
    for place, waits in enumerate(plan.waiting):
        those = np.flatnonzero(who.hall == place)
        _board(tally, (who.train[those] % len(platforms), ready[those], who.depart_s[those]), waits, where)
    return entering


def _come(
    tally: _Tally,
    who: _Leaving,
    by_it: Ints,
    line: Line,
    how: tuple[tuple[Sequence[str], FlowPlan, Find], Ints],
) -> list[Ints]:
    """Let those who come by a line walk to their halls and wait there; note in `ready` when they go down to the
    platform, and return when they came."""
    (_, plan, find), ready = how
    come = [np.zeros(0, dtype=np.int64)]
    for place, waits in enumerate(plan.waiting):
        those = by_it[who.hall[by_it] == place]
        if not len(those):
            continue
        code = line.places[place % len(line.places)]
        into = find(code, waits)
        walk_s = AT_DOOR_S + int(sum(round(seconds) for _, seconds in into[:-1])) + 60
        begin = np.minimum(who.depart_s[those] - who.lead_s[those], who.down_s[those] - walk_s)
        tally.came.append(begin)
        come.append(begin)
        tally.stay(code, begin, begin + AT_DOOR_S)
        there = tally.walk(into, begin + AT_DOOR_S, np.ones(1))
        ready[those] = np.maximum(there, who.down_s[those])
        tally.stay(waits, there, ready[those])
    return come


def _board(
    tally: _Tally, who: tuple[Ints, Ints, Ints], waits: str, where: tuple[Sequence[str], FlowPlan, Find]
) -> None:
    """From the hall to the platform and aboard; whoever is slow finds the train still there."""
    platforms, _, find = where
    platform, down, depart = who
    for place in range(len(platforms)):
        those = np.flatnonzero(platform == place)
        if len(those):
            there = tally.walk(find(waits, platforms[place]), down[those], np.ones(1))
            gone = np.maximum(there, depart[those])
            tally.stay(platforms[place], there, gone)
            tally.left.append(gone)


class _Choice:
    """Which line people take at a moment: by the shares of the modes among those that still run."""

    def __init__(self, plan: FlowPlan, day_start_min: int) -> None:
        self._start_s = day_start_min * 60
        per_mode = {mode: sum(line.mode == mode for line in plan.lines) for mode in plan.shares}
        self._weights = np.array([plan.shares.get(x.mode, 0.0) / max(1, per_mode.get(x.mode, 0)) for x in plan.lines])
        self._hours = np.array([(x.first_min * 60, x.last_min * 60) for x in plan.lines], dtype=np.int64).reshape(-1, 2)

    def draw(self, at_s: Ints, chance: Floats) -> Ints:
        """Return the number of the line of each person, by a chance in [0, 1); 0 where the plan has no line."""
        if not len(self._weights):
            return np.zeros(len(at_s), dtype=np.int64)
        second = at_s - self._start_s
        # a line of the evening before still runs after midnight
        runs = [
            ((second >= first) & (second <= last)) | (second + 86_400 <= last) for first, last in self._hours.tolist()
        ]
        weights = np.cumsum(np.stack(runs, axis=1) * self._weights, axis=1)
        total = weights[:, -1]
        weights[:, -1] = np.where(total > 0, total, 1.0)  # where nothing runs people go to the last one and wait
        found: Ints = (weights <= (chance * weights[:, -1])[:, None]).sum(axis=1).astype(np.int64)
        return np.minimum(found, len(self._weights) - 1)
