"""What messages of partners are compared with: stations, the runs of the timetable, present and former counties."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import narwhals as nw

from hubtwin.base.clock import epoch_minute, service_start
from hubtwin.channels.repairs import Known
from hubtwin.library.query import collect
from hubtwin.ports import Store
from hubtwin.rules.message_trains import Run
from hubtwin.rules.places import Gazetteer
from hubtwin.rules.train_codes import split_codes


def known_of(store: Store, gazetteer: Gazetteer, zone: ZoneInfo, days: tuple[date, date]) -> Known:
    """Return what the library knows now. `days` are the first and last service date of runs; a message about another
    day finds no run. Make it anew when a timetable was imported."""
    stations = store.tables(("rail_stations",))["rail_stations"]
    places = {
        name: (float(row["lon"]), float(row["lat"]))
        for row in collect(stations.select("station_id", "name", "lon", "lat")).to_pylist()
        if row["lon"] is not None and row["lat"] is not None
        for name in (row["station_id"], row["name"])
    }
    runs = _index(list_runs(store, zone, days))
    return Known(
        place_of=places.get,
        runs_of=lambda number, day: runs.get((number, day), ()),
        counties=frozenset(gazetteer.counties.values()),
        successors=gazetteer.successors,
    )


def list_runs(store: Store, zone: ZoneInfo, days: tuple[date, date]) -> list[Run]:
    """Return the runs of service dates, first and last included, with the numbers of their trips and calls."""
    tables = store.tables(("rail_trips", "rail_calls", "rail_service_days"))
    dates = tables["rail_service_days"].filter(nw.col("service_date") >= days[0], nw.col("service_date") <= days[1])
    begins = {days[0] + timedelta(days=n): 0 for n in range((days[1] - days[0]).days + 1)}
    begins = {day: epoch_minute(service_start(day, zone)) for day in begins}
    trips = {row["trip_id"]: row for row in collect(tables["rail_trips"]).to_pylist()}
    vehicles = _vehicles({key: row["continues_as"] for key, row in trips.items() if row["continues_as"]})
    numbers, spans = defaultdict[str, set[str]](set), dict[str, tuple[int, int]]()
    for row in collect(tables["rail_calls"].select("trip_id", "code", "arrive_min", "depart_min")).to_pylist():
        numbers[row["trip_id"]].update(split_codes(row["code"]))
        times = [row[name] for name in ("arrive_min", "depart_min") if row[name] is not None]
        if times:
            first, last = spans.get(row["trip_id"], (times[0], times[0]))
            spans[row["trip_id"]] = (min(first, *times), max(last, *times))
    found = []
    for row in collect(dates).to_pylist():
        trip_id, day = row["trip_id"], row["service_date"]
        if trip_id in trips and trip_id in spans:
            code = trips[trip_id]["code"]
            carried = frozenset(numbers[trip_id] | set(split_codes(code)))
            first, last = (begins[day] + minute for minute in spans[trip_id])
            found.append(Run(trip_id, day, code, carried, first, last, vehicles.get(trip_id, "")))
    return found


def _vehicles(continues: Mapping[str, str]) -> dict[str, str]:
    """Return, for each trip that goes on as another or from another, the first trip of its vehicle."""
    before = {later: earlier for earlier, later in continues.items()}
    found = dict[str, str]()
    for trip in {*continues, *before}:
        first, seen = trip, {trip}
        while first in before and before[first] not in seen:
            first = before[first]
            seen.add(first)
        found[trip] = first
    return found


def _index(runs: Iterable[Run]) -> Mapping[tuple[str, date], tuple[Run, ...]]:
    """Return the runs of a number and a date, together with those that their vehicles go on as."""
    by_vehicle, named = defaultdict[tuple[str, date], list[Run]](list), defaultdict[tuple[str, date], list[Run]](list)
    for run in runs:
        by_vehicle[run.vehicle, run.service_date].append(run)
        for number in run.numbers:
            named[number, run.service_date].append(run)
    return {
        (number, day): tuple(
            dict.fromkeys([*found, *(other for run in found if run.vehicle for other in by_vehicle[run.vehicle, day])])
        )
        for (number, day), found in named.items()
    }
