"""Is the train at the top of the list the right one? Rankings judged against the simulator's truth.

    python -m benchmarks.ranking [DATE ...]

For each date the real timetable (pattern of the same weekday of early 2016) and the real risk areas of that date carry
a simulated hub day of 120,000 arrivals. The truth (who was in a listed community while it was listed) stays in the
simulator; the rules of the product get what a partner would send. Judged are

- persons: precision and recall of `rules.exposure.expose` at county, street and community;
- trains: the first rung (counts x level x freshness) and the person rungs, as the scene scores them (and by the plain
  number of persons found at the community), beside a random
  order, the fullest trains first, and a county lock (any upstream stop in a county with an active area). Equal
  scores come in random order.

Passengers and stays are synthetic: the figures compare methods on the same day and say nothing of any real one.
"""

import gzip
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import narwhals as nw
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.common import ROOT, machine_header, measure
from hubtwin.base.clock import DAY_MIN
from hubtwin.connectors.rail_timetable.codec import bundle
from hubtwin.connectors.rail_timetable.mapper import read as read_timetable
from hubtwin.connectors.risk_areas.gazetteer import ADMIN_FILES, parse_gazetteer
from hubtwin.connectors.risk_areas.mapper import read as read_areas
from hubtwin.datasets.health import RISK_AREAS, RISK_FREEZES
from hubtwin.datasets.people import BOOKINGS, PSEUDONYM_LINKS, STAYS
from hubtwin.datasets.table import Dataset
from hubtwin.datasets.transport import RAIL_CALLS, RAIL_SERVICE_DAYS, RAIL_STATIONS, RUNNING_INFORMATION
from hubtwin.model.record import Row
from hubtwin.ports import Page, ReadContext
from hubtwin.rules.collision import bound_areas, collide, gather_calls, weigh
from hubtwin.rules.delays import expected_calls
from hubtwin.rules.exposure import ExposureRule, Precision, expose, list_boardings
from hubtwin.rules.places import Gazetteer, resolver
from hubtwin.scenes.epidemic.persons import Weighing, count_exposed
from hubtwin.scenes.epidemic.scene import SCENE
from hubtwin.sim.day import HubDay, simulate
from hubtwin.sim.people import Kind
from hubtwin.sim.places import NOWHERE, OTHER
from hubtwin.sim.world import World, build_world

# Dates of the published lock rates and, for each, how many of 337 arriving trains a county lock holds (issue's
# reference, timetable of 2016-03-01, areas at noon).
LOCKED = {
    "2022-04-20": 80,
    "2022-07-08": 144,
    "2022-08-01": 157,
    "2022-08-28": 58,
    "2022-10-01": 30,
    "2022-10-20": 184,
    "2022-11-13": 75,
    "2022-11-24": 224,
    "2022-12-02": 258,
}
SHOWN = ("2022-08-28", "2022-10-20", "2022-11-24")
SEED, ARRIVALS, SHUFFLES = 20221020, 120_000, 200
HUB, ZONE, PATTERN_WEEK = "HGH", ZoneInfo("Asia/Shanghai"), date(2016, 2, 29)
LOOKBACK_D = 15  # the simulated stays reach 14 days back from boarding; the day is judged at its end
PRECISIONS: tuple[Precision, ...] = ("county", "street", "community")
TOP = (20, 34)  # trains that could be met; 34 is a tenth of a day
DATA = ROOT / "data"

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Given:
    """The real part, read once through the connectors: tables by dataset name, and the gazetteer."""

    tables: Mapping[str, pa.Table]
    gazetteer: Gazetteer


@dataclass(frozen=True)
class Persons:
    """How well persons are found at one resolution."""

    precision: Precision
    flagged: int
    right: int
    exposed: int


@dataclass(frozen=True)
class Trains:
    """How well an order of trains finds the exposed: means over random orders of equal scores.

    `average_precision` takes a train with at least one exposed person as relevant; `share` is the share of all
    exposed persons who are on the first k trains, `hit` the share of the first k that carry one, by k.
    """

    order: str
    average_precision: float
    hit: Mapping[int, float]
    share: Mapping[int, float]


def read_given() -> Given:
    """Read the shipped timetable and risk areas through their connectors."""
    admin = {name: (DATA / "cn-admin" / name).read_bytes() for name in ADMIN_FILES.values()}
    gazetteer = parse_gazetteer(admin)
    context = ReadContext(zone=ZONE, now=datetime(2026, 1, 1, tzinfo=UTC), resolve=resolver(gazetteer))
    rail = DATA / "cn-rail-timetable-2016"
    names = ("stations.csv", "station_county_nearest.csv", "trips.csv.gz", "stops.csv.gz")
    timetable = bundle({name: [(rail / name).read_bytes()] for name in names})
    rows: dict[str, list[Mapping[str, object]]] = {}
    areas = gzip.decompress((DATA / "risk-areas" / "risk_area_intervals.csv.gz").read_bytes())
    for page, read in (
        (Page("timetable", [timetable], ""), read_timetable),
        (Page("areas.csv", [areas], ""), read_areas),
    ):
        for row in read(page, context):
            if isinstance(row, Row):
                rows.setdefault(row.dataset, []).append(row.values)
    wanted = (RAIL_CALLS, RAIL_SERVICE_DAYS, RAIL_STATIONS, RISK_AREAS)
    return Given({dataset.name: _table(dataset, rows[dataset.name]) for dataset in wanted}, gazetteer)


def _table(dataset: Dataset, rows: Sequence[Mapping[str, object]]) -> pa.Table:
    """Return rows as an Arrow table with the provenance that a store would add."""
    columns = {c.name: pa.array([row.get(c.name) for row in rows], c.arrow.type) for c in dataset.columns}
    made = "real" if dataset in (RAIL_CALLS, RAIL_SERVICE_DAYS, RAIL_STATIONS, RISK_AREAS) else "synthetic"
    return pa.table({**columns, "provenance": pa.array([made] * len(rows), pa.string())})


def make_day(given: Given, day: date) -> HubDay:
    """Simulate a hub day on the real timetable and risk areas."""
    streets = {area: tuple(sorted(set(found.values()))) for area, found in given.gazetteer.streets.items()}
    world = build_world(
        given.tables,
        hub_stations=(HUB,),
        hub_date=day,
        zone=ZONE,
        pattern_of=lambda service: PATTERN_WEEK + timedelta(days=service.weekday()),
        streets=streets,
    )
    return simulate(world, SEED, ARRIVALS)


class Tables:
    """The tables of a day on DuckDB: the real ones, and what the simulator's partners know."""

    def __init__(self, given: Given, day: HubDay) -> None:
        self._connection = duckdb.connect(config={"threads": 2})
        empty = {dataset.name: _table(dataset, []) for dataset in (RISK_FREEZES, PSEUDONYM_LINKS, RUNNING_INFORMATION)}
        self._tables = {**given.tables, **empty, **_made(day)}

    def __getitem__(self, name: str) -> nw.LazyFrame[Any]:
        return nw.from_native(self._connection.from_arrow(self._tables[name]))

    def frame(self, table: pa.Table) -> nw.LazyFrame[Any]:
        """Return a table of our own beside the others."""
        return nw.from_native(self._connection.from_arrow(table))


def _made(day: HubDay) -> dict[str, pa.Table]:
    """Return bookings of those who arrive, their stays as known on the wire, and the service days of the trains."""
    bookings, stays, places, trips = day.bookings, day.stays, day.places, day.world.trips
    here = np.flatnonzero(bookings.kind == Kind.ARRIVES)
    numbers = np.array(day.documents, dtype=object)
    booked = [
        {
            "trip_id": trips[bookings.trip[person]].trip_id,
            "service_date": trips[bookings.trip[person]].service_date,
            "pid": day.documents[person],
            "order_ref": "",
            "board_seq": int(day.runs.seq[bookings.board[person]]),
            "alight_seq": int(day.runs.seq[bookings.alight[person]]),
            "state": "boarded",
            "as_of_min": int(bookings.boarded_min[person]),
        }
        for person in here.tolist()
    ]
    street = np.array([*places.streets, None], dtype=object)[stays.wire_street]  # NOWHERE is the last
    listed = np.array([*places.community, None], dtype=object)
    community = listed[np.maximum(stays.wire_community, NOWHERE)]
    ordinary = stays.wire_community <= OTHER
    community[ordinary] = [f"模拟小区{n}" for n in (OTHER - stays.wire_community[ordinary]).tolist()]
    columns = {
        "pid": pa.array(numbers[stays.person], pa.string()),
        "area_code": pa.array(np.array(places.counties, dtype=object)[stays.county], pa.string()),
        "street_code": pa.array(street, pa.string()),
        "community": pa.array(community, pa.string()),
        "in_min": pa.array(stays.in_min, pa.int32()),
        "out_min": pa.array(stays.out_min, pa.int32()),
        "provenance": pa.array(["synthetic"] * len(stays), pa.string()),
    }
    days = [{"trip_id": trip.trip_id, "service_date": trip.service_date} for trip in trips]
    return {
        BOOKINGS.name: _table(BOOKINGS, booked),
        STAYS.name: pa.table(columns),
        RAIL_SERVICE_DAYS.name: _table(RAIL_SERVICE_DAYS, days),
    }


def find_flagged(tables: Tables, day: HubDay, precision: Precision) -> Bools:
    """Return by person who is found exposed at a resolution; boardings count at the county, as in the scene."""
    end_min = day.world.day_start_min + DAY_MIN
    calls = _expected(tables, day)
    boardings = list_boardings(tables["bookings"], calls, tables["rail_stations"])
    rule = ExposureRule(lookback_d=LOOKBACK_D, precision=precision, levels=tuple(SCENE.params["levels"]))
    frames = (tables["stays"], boardings, tables["risk_areas"], tables["pseudonym_links"])
    found = expose(*frames, rule=rule, reference_min=end_min).select("pid").unique().collect("pyarrow")
    return np.isin(np.array(day.documents), np.array(found["pid"].to_list(), dtype=str))


def weigh_persons(tables: Tables, day: HubDay) -> Floats:
    """Return by train the score of the scene's manifest rung: each exposed person by the own evidence."""
    params, end_min = SCENE.params, day.world.day_start_min + DAY_MIN
    keys = [
        {"trip_id": t.trip_id, "service_date": t.service_date, "hub_seq": t.calls[t.hub_at].seq}
        for t in day.world.trips
    ]
    arrivals = tables.frame(pa.Table.from_pylist(keys))
    rule = ExposureRule(lookback_d=LOOKBACK_D, precision="county", levels=tuple(params["levels"]))
    half_life = int(params["freshness_half_life_min"])
    weighing = Weighing(params["level_weights"], params["match_weights"], half_life, end_min)
    needed = {name: tables[name] for name in ("bookings", "rail_stations", "stays", "risk_areas", "pseudonym_links")}
    rows = _rows(count_exposed(needed, arrivals, _expected(tables, day), rule, weighing=weighing))
    weights = {(row["trip_id"], row["service_date"]): row["weight"] for row in rows}
    return np.array([weights.get((key["trip_id"], key["service_date"]), 0.0) for key in keys])


def _expected(tables: Tables, day: HubDay) -> nw.LazyFrame[Any]:
    """Return the calls of the day as planned: lateness does not change who is exposed."""
    dates = {trip.service_date for trip in day.world.trips}
    starts = {d: day.world.day_start_min - (day.world.hub_date - d).days * DAY_MIN for d in dates}
    frames = (tables["rail_calls"], tables["rail_service_days"], tables["running_information"])
    return expected_calls(*frames, starts, day.world.day_start_min)


def find_calls(tables: Tables, day: HubDay) -> dict[int, list[dict[str, Any]]]:
    """Return by train its upstream calls in active areas at noon, with weight and booked persons, as the scene has."""
    now_min = day.world.day_start_min + DAY_MIN // 2
    booked = np.bincount(
        day.bookings.board[np.isin(day.bookings.kind, (Kind.ARRIVES, Kind.NO_SHOW))], minlength=len(day.runs.seq)
    )
    rows = [_call(day.world, int(trip), place, int(booked[place])) for place, trip in enumerate(day.runs.trip_of_call)]
    upstream = [row for place, row in enumerate(rows) if place < day.runs.hub[row["train"]] and row["area_code"]]
    areas = bound_areas(tables["risk_areas"], tables["risk_freezes"], tuple(SCENE.params["levels"]), now_min)
    table = pa.Table.from_pylist([{k: v for k, v in row.items() if k not in ("train", "booked")} for row in upstream])
    pairs = collide(tables.frame(table), areas)
    half_life = int(SCENE.params["freshness_half_life_min"])
    weighed = weigh(pairs, dict(SCENE.params["level_weights"]), half_life, now_min)
    at_risk = {(r["trip_id"], r["service_date"], r["seq"]): r for r in _rows(gather_calls(weighed))}
    found: dict[int, list[dict[str, Any]]] = {}
    for row in upstream:
        hit = at_risk.get((row["trip_id"], row["service_date"], row["seq"]))
        if hit:
            found.setdefault(row["train"], []).append(hit | {"booked": row["booked"]})
    return found


def _call(world: World, train: int, place: int, booked: int) -> dict[str, Any]:
    trip = world.trips[train]
    first = place - sum(len(earlier.calls) for earlier in world.trips[:train])
    call = trip.calls[first]
    return {
        "train": train,
        "booked": booked,
        "trip_id": trip.trip_id,
        "service_date": trip.service_date,
        "hub_seq": trip.calls[trip.hub_at].seq,
        "part_id": trip.trip_id,
        "seq": call.seq,
        "station_id": call.station_id,
        "area_code": world.station_areas.get(call.station_id),
        "arrive_min": call.arrive_min,
        "depart_min": call.depart_min,
    }


def _rows(frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in frame.collect("pyarrow").to_native().to_pylist()]


def judge_order(name: str, scores: Floats, persons: Floats) -> Trains:
    """Return how well a descending order of `scores` finds `persons` (exposed, by train)."""
    rng = np.random.default_rng(SEED)
    precisions, hits, shares = [], [], []
    for _ in range(SHUFFLES):
        order = np.lexsort((rng.random(len(scores)), -scores))
        relevant = persons[order] > 0
        at = np.cumsum(relevant) / np.arange(1, len(order) + 1)
        precisions.append(float(at[relevant].mean()))
        hits.append([float(relevant[:k].mean()) for k in TOP])
        shares.append([float(persons[order][:k].sum() / persons.sum()) for k in TOP])
    hit, share = np.mean(hits, axis=0), np.mean(shares, axis=0)
    ks = range(len(TOP))
    return Trains(
        name, float(np.mean(precisions)), {TOP[i]: float(hit[i]) for i in ks}, {TOP[i]: float(share[i]) for i in ks}
    )


def judge_day(given: Given, day: HubDay) -> tuple[list[Persons], list[Trains], int, int]:
    """Return persons and trains judged, how many trains a county lock holds, and how many carry somebody exposed."""
    tables, bookings = Tables(given, day), day.bookings
    arrives = bookings.kind == Kind.ARRIVES
    exposed = day.truth.exposed & arrives
    calls = find_calls(tables, day)
    trains = len(day.world.trips)
    at_risk = [calls.get(train, []) for train in range(trains)]
    by_train = np.bincount(bookings.trip[exposed], minlength=trains).astype(np.float64)
    locked = np.array([float(bool(found)) for found in at_risk])
    counts = np.array([sum(call["weight"] * call["booked"] for call in found) for found in at_risk])
    booked = np.bincount(bookings.trip[arrives], minlength=trains).astype(np.float64)
    orders = [("random", np.zeros(trains)), ("most passengers", booked), ("county lock", locked)]
    orders.append(("counts x level x freshness", counts))
    persons = []
    for precision in PRECISIONS:
        flagged = find_flagged(tables, day, precision) & arrives
        persons.append(Persons(precision, int(flagged.sum()), int((flagged & exposed).sum()), int(exposed.sum())))
        found = np.bincount(bookings.trip[flagged], minlength=trains)
        orders.append((f"persons, {precision}", found.astype(np.float64)))
    orders.append(("manifest, as the scene ranks", weigh_persons(tables, day)))
    judged = [judge_order(name, scores, by_train) for name, scores in orders]
    return persons, judged, int(locked.sum()), int((by_train > 0).sum())


def show(day: HubDay, judged: tuple[list[Persons], list[Trains], int, int]) -> list[str]:
    """Return two tables of a day in Markdown."""
    persons, trains, locked, relevant = judged
    text = day.world.hub_date.isoformat()
    lines = [
        f"### {text}",
        "",
        f"{len(day.world.trips)} trains, {day.counts()['arrivals']:,} arrivals, {persons[0].exposed} of them exposed, "
        f"on {relevant} trains; a county lock holds {locked} trains (published for this date: {LOCKED[text]} of 337).",
        "",
        "| resolution | persons flagged | right | precision | recall |",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {found.precision} | {found.flagged:,} | {found.right:,} | {found.right / max(found.flagged, 1):.3f} "
        f"| {found.right / max(found.exposed, 1):.3f} |"
        for found in persons
    ]
    heads = [f"precision@{k}" for k in TOP] + [f"exposed met @{k}" for k in TOP]
    lines += [
        "",
        f"| order of trains | average precision | {' | '.join(heads)} |",
        "|---|" + "---:|" * (1 + len(heads)),
    ]
    for found in trains:
        figures = [*found.hit.values(), *found.share.values()]
        cells = " | ".join(f"{figure:.3f}" for figure in figures)
        lines.append(f"| {found.order} | {found.average_precision:.3f} | {cells} |")
    return [*lines, ""]


def main(dates: Sequence[str]) -> None:
    """Judge the dates and print the machine and the tables."""
    print(machine_header(("numpy", "duckdb", "narwhals", "pyarrow")))
    given, reading = measure(read_given)
    print(f"reading timetable and risk areas: {reading.cpu_s:.1f} CPU s\n")
    for text in dates:
        day, making = measure(partial(make_day, given, date.fromisoformat(text)))
        judged, judging = measure(partial(judge_day, given, day))
        print("\n".join(show(day, judged)))
        print(f"simulated in {making.cpu_s:.1f}, judged in {judging.cpu_s:.1f} CPU s\n")


if __name__ == "__main__":
    main(sys.argv[1:] or SHOWN)
