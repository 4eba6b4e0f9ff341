"""The golden half hour as an outcome: are the key trains met by a team on post 5 minutes before the doors open?

    python -m benchmarks.golden_half_hour

Real: the 337 trains that arrive at Hangzhou East on the service pattern of 2016-03-01, and the risk areas listed at
noon of nine dates of 2022. Synthetic, one fixed generator: persons aboard, platforms and exits. Teams, posts and
walking times are those of the shipped hub (ways through its venue, where it has one), all inferred.

A train is *warned* when it passes a county with a high or medium area before the hub; it is a *key train* by the
thresholds of the scene (`params.toml`): many persons boarded for the hub in counties with such areas. Only warned
trains are to be met.

Every 5 minutes the trains of the next 30 are planned; who has left by the next round stands. Three planners see the
same: greedy by deadline (the product), min-cost matching over the same 30 minutes, and min-cost matching that
knows the whole day, the optimum of meeting each train with one team.
"""

import csv
import gzip
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from benchmarks.common import ROOT, machine_header, measure
from hubtwin.connectors.risk_areas.gazetteer import ADMIN_FILES, parse_gazetteer
from hubtwin.model.place import Hub, Team
from hubtwin.model.staff import Arrival, Assignment, StaffRules
from hubtwin.rules.places import resolver
from hubtwin.rules.staffing import Walks, find_walk, plan_staff, walk_minutes
from hubtwin.scenes.epidemic.scene import SCENE
from hubtwin.settings import load_settings
from hubtwin.wiring.venues import with_venue

DATES = ("04-20", "07-08", "08-01", "08-28", "10-01", "10-20", "11-13", "11-24", "12-02")
PATTERN = "2016-03-01"
STATION = "HGH"
SEED = 20160301
ARRIVING_PERSONS = 120_000
KEY_PERSONS: Mapping[str, int] = SCENE.params["key_persons"]
HORIZON_MIN = 30
ROUND_MIN = 5
RULES = StaffRules(**SCENE.params["staff"])
TARGET = 0.95
SKIP_KEY, SKIP_OTHER, NEVER = 10_000.0, 100.0, 1e9  # minutes of walking that a missed train weighs

Planner = Callable[[Sequence[Arrival], int, Sequence[Assignment]], Sequence[Assignment]]
Levels = Mapping[str, frozenset[str]]  # level -> county codes


@dataclass(frozen=True)
class Train:
    """An arriving train: minute of the day, and (county, persons for the hub) of each call before."""

    key: str
    arrive_min: int
    boarded: tuple[tuple[str, int], ...]
    platform: str
    exit_id: str


def read_trains(hub: Hub) -> list[Train]:
    """Return the arriving trains of the pattern day with seeded persons, platforms and exits."""
    folder = ROOT / "data" / "cn-rail-timetable-2016"
    with gzip.open(folder / "trips.csv.gz", "rt", encoding="utf-8") as stream:
        runs = {
            row["trip"]: row["train_code"]
            for row in csv.DictReader(stream)
            if row["run_dates"] == "ALL" or PATTERN in row["run_dates"].split("|")
        }
    with (folder / "station_county_nearest.csv").open(encoding="utf-8") as stream:
        county = {row["telecode"]: row["county_code"] for row in csv.DictReader(stream)}
    calls: dict[str, list[dict[str, str]]] = {}
    with gzip.open(folder / "stops.csv.gz", "rt", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["trip"] in runs:
                calls.setdefault(row["trip"], []).append(row)
    arriving = []
    for trip, stops in calls.items():
        stops.sort(key=lambda stop: int(stop["seq"]))
        here = [number for number, stop in enumerate(stops) if stop["telecode"] == STATION and number > 0]
        if here:
            upstream = [county[stop["telecode"]] for stop in stops[: here[0]]]
            arriving.append((int(stops[here[0]]["arrive_min"]) % 1440, f"{runs[trip]} {trip}", upstream))
    return _people(sorted(arriving), hub)


def _people(arriving: Sequence[tuple[int, str, list[str]]], hub: Hub) -> list[Train]:
    chance = np.random.default_rng(SEED)
    mean = ARRIVING_PERSONS / len(arriving)
    trains = []
    for minute, key, upstream in arriving:
        aboard = min(1200, round(chance.lognormal(np.log(mean) - 0.125, 0.5)))
        split = chance.multinomial(aboard, chance.dirichlet(np.ones(len(upstream))))
        platform = hub.platforms[int(chance.integers(len(hub.platforms)))].platform_id
        exit_id = hub.exits[int(chance.integers(len(hub.exits)))].exit_id
        boarded = tuple(zip(upstream, split.tolist(), strict=True))
        trains.append(Train(key, minute, boarded, platform, exit_id))
    return trains


def read_areas() -> dict[str, Levels]:
    """Return for each date the counties with high and medium areas listed at noon."""
    folder = ROOT / "data" / "cn-admin"
    resolve = resolver(parse_gazetteer({name: (folder / name).read_bytes() for name in ADMIN_FILES.values()}))
    noons = {day: datetime.combine(date.fromisoformat(f"2022-{day}"), time(12)).isoformat()[:16] for day in DATES}
    found: dict[str, dict[str, set[str]]] = {day: {"high": set(), "medium": set()} for day in DATES}
    with gzip.open(ROOT / "data" / "risk-areas" / "risk_area_intervals.csv.gz", "rt", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            days = [day for day, noon in noons.items() if row["first_seen"] <= noon < row["gone_by"]]
            if days and row["level"] != "low":
                code = resolve(row["province"], row["city"], row["county"], row["community"]).area_code
                for day in days:
                    if code is not None:
                        found[day][row["level"]].add(code)
    return {day: {level: frozenset(codes) for level, codes in levels.items()} for day, levels in found.items()}


def warn(trains: Iterable[Train], levels: Levels) -> list[Arrival]:
    """Return the warned trains of a day, with the persons concerned and whether each is a key train."""
    arrivals = []
    for train in trains:
        high = sum(persons for code, persons in train.boarded if code in levels["high"])
        concerned = sum(persons for code, persons in train.boarded if code in levels["high"] | levels["medium"])
        passes = any(code in levels["high"] | levels["medium"] for code, _ in train.boarded)
        if passes:
            key = high >= KEY_PERSONS["high"] or concerned >= KEY_PERSONS["medium"]
            arrivals.append(Arrival(train.key, train.arrive_min, concerned, key, train.platform, train.exit_id))
    return arrivals


def roll(arrivals: Sequence[Arrival], planner: Planner) -> list[Assignment]:
    """Plan every 5 minutes for the next 30; orders whose team has left by the next round stand."""
    standing: list[Assignment] = []
    if not arrivals:
        return standing
    first, last = min(a.door_min for a in arrivals), max(a.door_min for a in arrivals)
    for now_min in range(first - HORIZON_MIN, last + 1, ROUND_MIN):
        known = [a for a in arrivals if a.door_min <= now_min + HORIZON_MIN]
        orders = planner(known, now_min, standing)
        given = {(order.train_key, order.team_id) for order in standing}
        standing += [
            order
            for order in orders
            if order.leave_min < now_min + ROUND_MIN and (order.train_key, order.team_id) not in given
        ]
    return standing


def greedy(hub: Hub, teams: Sequence[Team], rules: StaffRules = RULES) -> Planner:
    """Return the product's planner."""

    def plan(arrivals: Sequence[Arrival], now_min: int, standing: Sequence[Assignment]) -> Sequence[Assignment]:
        return plan_staff(
            arrivals, teams, hub.walks, hub.exits, rules=rules, now_min=now_min, committed=standing
        ).assignments

    return plan


def matching(hub: Hub, teams: Sequence[Team]) -> Planner:
    """Return a planner by min-cost matching: each train gets what comes before it, a team or another train, or is
    matched with itself, which means that nobody meets it. Chains of matches are the teams' days."""
    walks = walk_minutes(hub.walks)

    def plan(arrivals: Sequence[Arrival], now_min: int, standing: Sequence[Assignment]) -> Sequence[Assignment]:
        met = {order.train_key for order in standing}
        due = [a for a in arrivals if a.door_min >= now_min and a.train_key not in met]
        states = [_state(team, now_min, standing) for team in teams]
        cost = _costs(due, states, walks)
        before, after = linear_sum_assignment(cost)
        successor = {int(row): int(column) for row, column in zip(before, after, strict=True)}
        orders = []
        for number, team in enumerate(teams):
            at, (since_min, here) = successor[len(due) + number], states[number]
            while at < len(due):
                order = _order(due[at], team, since_min, here, walks)
                orders.append(order)
                since_min, here, at = order.free_min, order.to_place, successor[at]
        return orders

    return plan


def _state(team: Team, now_min: int, standing: Sequence[Assignment]) -> tuple[int, str]:
    own = [order for order in standing if order.team_id == team.team_id]
    if not own:
        return now_min, team.post
    last = max(own, key=lambda order: order.free_min)
    return max(now_min, last.free_min), last.to_place


def _costs(due: Sequence[Arrival], states: Sequence[tuple[int, str]], walks: Walks) -> npt.NDArray[np.float64]:
    """Rows: what comes before (trains, then teams). Columns: what comes after (trains, then the end of a day)."""
    size = len(due) + len(states)
    cost = np.full((size, size), NEVER)
    cost[:, len(due) :] = 0.0
    ready = [(a.door_min + RULES.service_min, a.platform or "") for a in due] + list(states)
    for row, (since_min, here) in enumerate(ready):
        for column, arrival in enumerate(due):
            walk = find_walk(walks, here, arrival.platform or "")
            if row == column:
                cost[row, column] = SKIP_KEY if arrival.is_key else SKIP_OTHER
            elif walk is not None and since_min + walk <= arrival.door_min - RULES.on_post_min:
                cost[row, column] = walk
    return cost


def _order(arrival: Arrival, team: Team, since_min: int, here: str, walks: Walks) -> Assignment:
    place = arrival.platform or ""
    on_post_min = arrival.door_min - RULES.on_post_min
    leave_min = on_post_min - (find_walk(walks, here, place) or 0)
    free_min = arrival.door_min + RULES.service_min
    key = arrival.train_key
    return Assignment(key, team.team_id, here, place, leave_min, on_post_min, free_min, leave_min - since_min)


@dataclass(frozen=True)
class Score:
    """Key trains and all warned trains met on time, mean walk of an order, share of the members asked for."""

    key_met: int
    met: int
    walk_min: float
    staffed: float


def score(arrivals: Sequence[Arrival], orders: Sequence[Assignment], teams: Sequence[Team]) -> Score:
    """Judge orders by the outcome: a team on post 5 minutes before the doors open."""
    sizes = {team.team_id: team.size for team in teams}
    on_time = {order.train_key for order in orders if order.late_min == 0}
    members: dict[str, int] = {}
    for order in orders:
        members[order.train_key] = members.get(order.train_key, 0) + sizes[order.team_id]
    needed = {a.train_key: -(-a.persons // RULES.persons_per_member) for a in arrivals}
    present = sum(min(members.get(key, 0), need) for key, need in needed.items())
    return Score(
        key_met=sum(a.is_key and a.train_key in on_time for a in arrivals),
        met=sum(a.train_key in on_time for a in arrivals),
        walk_min=float(np.mean([order.on_post_min - order.leave_min for order in orders])) if orders else 0.0,
        staffed=present / max(1, sum(needed.values())),
    )


def run_date(hub: Hub, teams: Sequence[Team], arrivals: Sequence[Arrival]) -> tuple[Score, Score, Score]:
    """Return the scores of the three planners on one day."""
    start = min((a.door_min for a in arrivals), default=0) - HORIZON_MIN
    whole_day = matching(hub, teams)(arrivals, start, ())
    return (
        score(arrivals, roll(arrivals, greedy(hub, teams)), teams),
        score(arrivals, roll(arrivals, matching(hub, teams)), teams),
        score(arrivals, whole_day, teams),
    )


def busiest(arrivals: Sequence[Arrival]) -> int:
    """Return the most key trains within 30 minutes."""
    doors = sorted(a.door_min for a in arrivals if a.is_key)
    return max((sum(door <= other < door + 30 for other in doors) for door in doors), default=0)


def share(part: int, whole: int) -> str:
    """Return a percentage, or a dash where there is nothing to meet."""
    return f"{part / whole:6.1%}" if whole else "     -"


def main() -> None:
    """Print the table of nine dates, then how few teams still meet the target on the hardest one."""
    print(machine_header(["numpy", "scipy"]))
    hub = with_venue(load_settings("hangzhou-east", lang="en")).hub
    trains, areas = read_trains(hub), read_areas()
    print(
        f"{len(trains)} arriving trains; {len(hub.teams)} teams of {hub.teams[0].size}; persons and platforms SYNTHETIC"
    )
    print("\ndate   warned  key  in 30'   greedy (product)      matching 30'   matching whole day   walk min g/m")
    total = met = 0
    days = {day: warn(trains, areas[day]) for day in DATES}
    for day, arrivals in days.items():
        (ours, near, best), used = measure(partial(run_date, hub, hub.teams, arrivals))
        key = sum(a.is_key for a in arrivals)
        total, met = total + key, met + ours.key_met
        print(
            f"{day}  {len(arrivals):6} {key:4} {busiest(arrivals):7}   {share(ours.key_met, key)} "
            f"staffed {ours.staffed:4.0%}   {share(near.key_met, key)}          {share(best.key_met, key)}"
            f"         {ours.walk_min:4.1f} / {near.walk_min:4.1f}   {used.cpu_s:5.1f} CPU s"
        )
    verdict = "reached" if total and met / total >= TARGET else "MISSED"
    print(f"all nine: {met} of {total} key trains met on time, {share(met, total)}; target {TARGET:.0%} {verdict}")
    hardest = max(days, key=lambda day: sum(a.is_key for a in days[day]))
    print(f"\nteams on {hardest}:   greedy   without extra teams   matching 30'   whole day")
    for count in range(2, len(hub.teams) + 1):
        teams, arrivals = hub.teams[:count], days[hardest]
        key = sum(a.is_key for a in arrivals)
        alone = replace(RULES, persons_per_member=10**6)
        plain = score(arrivals, roll(arrivals, greedy(hub, teams, alone)), teams)
        ours, near, best = run_date(hub, teams, arrivals)
        shares = [share(found.key_met, key) for found in (ours, plain, near, best)]
        print(f"{count:12}        {shares[0]}   {shares[1]}                {shares[2]}         {shares[3]}")


if __name__ == "__main__":
    main()
