"""What a simulated day starts from: trips that arrive at the hub, stations, risk areas, streets. All of it is given."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from hashlib import sha256
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from hubtwin.base.clock import DAY_MIN, epoch_minute, service_start
from hubtwin.base.errors import Absent

_DAYS_ABOARD = 3  # a run of an earlier service date may still arrive; the longest run known here takes 33 hours


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a trip. Times are epoch minutes; both are filled: a first call arrives and a last departs at once."""

    seq: int
    station_id: str
    arrive_min: int
    depart_min: int


@dataclass(frozen=True, slots=True)
class Trip:
    """A run that arrives at the hub: its calls in order, `hub_at` the place of the hub's call among them (over 0)."""

    trip_id: str
    code: str
    service_date: date
    calls: tuple[Call, ...]
    hub_at: int


@dataclass(frozen=True, slots=True)
class Listed:
    """An interval in which an area was listed: one row of RISK_AREAS with a county code; `gone_by_min` None: still."""

    area_key: str
    level: str
    area_code: str
    street_code: str | None
    community: str
    first_seen_min: int
    gone_by_min: int | None


@dataclass(frozen=True)
class World:
    """The given part of a day. `station_sizes`: calls a day at each station, the only known measure of its size."""

    hub_stations: tuple[str, ...]
    hub_date: date
    zone: ZoneInfo
    trips: tuple[Trip, ...]
    station_areas: Mapping[str, str]
    station_sizes: Mapping[str, int]
    listed: tuple[Listed, ...]
    streets: Mapping[str, tuple[str, ...]]

    @property
    def day_start_min(self) -> int:
        """Return the epoch minute at which the hub's day starts."""
        return epoch_minute(service_start(self.hub_date, self.zone))

    def fingerprint(self) -> dict[str, str]:
        """Return a SHA-256 for each part of the input, the same on every machine."""
        parts: dict[str, Sequence[object]] = {
            "trips": [astuple(trip) for trip in self.trips],
            "stations": [*sorted(self.station_areas.items()), *sorted(self.station_sizes.items())],
            "risk_areas": [astuple(area) for area in self.listed],
            "streets": sorted(self.streets.items()),
            "hub": [self.hub_stations, self.hub_date, self.zone.key],
        }
        return {name: sha256(repr(part).encode()).hexdigest() for name, part in parts.items()}


def build_world(
    tables: Mapping[str, pa.Table],
    *,
    hub_stations: tuple[str, ...],
    hub_date: date,
    zone: ZoneInfo,
    pattern_of: Callable[[date], date] | None = None,
    streets: Mapping[str, tuple[str, ...]] | None = None,
    lookback_d: int = 14,
) -> World:
    """Build a world from datasets by name: rail_calls, rail_service_days, rail_stations and, if any, risk_areas.

    Kept are the trips that arrive at a hub station on `hub_date` by the hub's clock, of that or an earlier service
    date, and the listed intervals that touch twice the look-back before the end of that day and have a county
    code. `pattern_of(service date)` names the date whose service days stand for it. Raises Absent where no trip
    arrives.
    """
    calls = _calls_by_trip(tables["rail_calls"])
    days = tables["rail_service_days"]
    same = pattern_of or (lambda day: day)
    trips = _arriving(calls, days, hub_stations=hub_stations, hub_date=hub_date, zone=zone, pattern_of=same)
    if not trips:
        raise Absent("sim.no_arrivals", date=hub_date.isoformat(), stations=", ".join(hub_stations))
    stations = tables["rail_stations"]
    placed = zip(stations["station_id"].to_pylist(), stations["area_code"].to_pylist(), strict=True)
    sizes = Counter(tables["rail_calls"]["station_id"].to_pylist())
    known = {call.station_id for trip in trips for call in trip.calls}
    end_min = epoch_minute(service_start(hub_date, zone)) + DAY_MIN
    listed = _listed(tables["risk_areas"], end_min, lookback_d) if "risk_areas" in tables else ()
    return World(
        hub_stations=hub_stations,
        hub_date=hub_date,
        zone=zone,
        trips=tuple(trips),
        station_areas={station: area for station, area in placed if area and station in known},
        station_sizes={station: sizes[station] for station in sorted(known)},
        listed=listed,
        streets=streets or {},
    )


def _calls_by_trip(table: pa.Table) -> dict[str, list[dict[str, Any]]]:
    ordered = table.select(["trip_id", "seq", "station_id", "code", "arrive_min", "depart_min"]).sort_by(
        [("trip_id", "ascending"), ("seq", "ascending")]
    )
    return {trip: list(rows) for trip, rows in groupby(ordered.to_pylist(), key=lambda row: str(row["trip_id"]))}


def _arriving(
    calls: Mapping[str, Sequence[Mapping[str, Any]]],
    service_days: pa.Table,
    *,
    hub_stations: tuple[str, ...],
    hub_date: date,
    zone: ZoneInfo,
    pattern_of: Callable[[date], date],
) -> list[Trip]:
    day_min = epoch_minute(service_start(hub_date, zone))
    runs_on: dict[date, list[str]] = {}
    for trip_id, day in zip(service_days["trip_id"].to_pylist(), service_days["service_date"].to_pylist(), strict=True):
        runs_on.setdefault(day, []).append(trip_id)
    found = []
    for back in range(_DAYS_ABOARD):
        service_date = hub_date - timedelta(days=back)
        start_min = epoch_minute(service_start(service_date, zone))
        for trip_id in sorted(runs_on.get(pattern_of(service_date), ())):
            trip = _trip(trip_id, service_date, start_min, calls.get(trip_id, ()), hub_stations)
            if trip and day_min <= trip.calls[trip.hub_at].arrive_min < day_min + DAY_MIN:
                found.append(trip)
    return sorted(found, key=lambda trip: (trip.calls[trip.hub_at].arrive_min, trip.trip_id, trip.service_date))


def _trip(
    trip_id: str, service_date: date, start_min: int, rows: Sequence[Mapping[str, Any]], hub_stations: tuple[str, ...]
) -> Trip | None:
    at = next((i for i, row in enumerate(rows) if i and row["station_id"] in hub_stations), None)
    if at is None or rows[at]["arrive_min"] is None:
        return None
    calls = []
    for row in rows:
        arrive = row["arrive_min"] if row["arrive_min"] is not None else row["depart_min"]
        depart = row["depart_min"] if row["depart_min"] is not None else row["arrive_min"]
        if arrive is not None:  # a call without any time is a pass
            calls.append(Call(int(row["seq"]), str(row["station_id"]), start_min + arrive, start_min + depart))
    hub_at = next(i for i, call in enumerate(calls) if call.seq == rows[at]["seq"])
    return Trip(trip_id, str(rows[at]["code"]), service_date, tuple(calls), hub_at) if hub_at else None


def _listed(table: pa.Table, end_min: int, lookback_d: int) -> tuple[Listed, ...]:
    since_min = end_min - 2 * lookback_d * DAY_MIN
    gone = pc.fill_null(table["gone_by_min"], end_min)
    wanted = pc.and_(
        pc.and_(pc.is_valid(table["area_code"]), pc.less(table["first_seen_min"], end_min)), pc.greater(gone, since_min)
    )
    columns = ["area_key", "level", "area_code", "street_code", "community", "first_seen_min", "gone_by_min"]
    kept = table.filter(wanted).select(columns).sort_by([("area_key", "ascending"), ("first_seen_min", "ascending")])
    return tuple(Listed(**row) for row in kept.to_pylist())
