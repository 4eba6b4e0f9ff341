"""Timetable pages made from plain records, in both forms that the connector reads.

Neither form has a field that says synthetic: whoever serves these bytes marks the page (`Page.marks`).
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from hubtwin.base.geo import wgs84_to_gcj02
from hubtwin.connectors.rail_timetable.codec import bundle
from hubtwin.connectors.rail_timetable.times import show_time


@dataclass(frozen=True, slots=True)
class Place:
    """A station in WGS 84, with its county where it is known."""

    station_id: str
    name: str
    lon: float
    lat: float
    area_code: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """A call of a train, in minutes after the start of the service date."""

    station_id: str
    arrive_min: int | None
    depart_min: int | None


@dataclass(frozen=True, slots=True)
class Train:
    """A trip with its calls in order and the days it runs on. `continues_as` is written in GTFS only."""

    trip_id: str
    code: str
    stops: tuple[Stop, ...]
    dates: tuple[date, ...]
    continues_as: str = ""


def make_csv(places: Sequence[Place], trains: Sequence[Train]) -> bytes:
    """Return a page in the CSV form; its coordinates are GCJ-02 as the form has them."""
    stations, counties, trips, stops = [], [], [], []
    for place in places:
        lon, lat = wgs84_to_gcj02(place.lon, place.lat)
        stations.append((place.name, place.station_id, f"{lon:.8f}", f"{lat:.8f}"))
        if place.area_code:
            counties.append((place.station_id, place.area_code))
    for train in trains:
        trips.append((train.trip_id, train.code, "", "|".join(day.isoformat() for day in train.dates)))
        for seq, stop in enumerate(train.stops, 1):
            stops.append((train.trip_id, seq, stop.station_id, stop.arrive_min, stop.depart_min))
    return bundle(
        {
            "stations.csv": [_csv(("name", "telecode", "lon", "lat"), stations)],
            "station_county_nearest.csv": [_csv(("telecode", "county_code"), counties)],
            "trips.csv": [_csv(("trip", "train_code", "train_no", "run_dates"), trips)],
            "stops.csv": [_csv(("trip", "seq", "telecode", "arrive_min", "depart_min"), stops)],
        }
    )


def make_gtfs(places: Sequence[Place], trains: Sequence[Train], zone: str) -> bytes:
    """Return a GTFS page whose services are in calendar_dates.txt only, one service a train."""
    return bundle({name: [data] for name, data in gtfs_files(places, trains, zone).items()})


def gtfs_files(places: Sequence[Place], trains: Sequence[Train], zone: str) -> dict[str, bytes]:
    """Return the files of `make_gtfs` by name, to be changed before they are bundled."""
    days = [(train.trip_id, f"{day:%Y%m%d}", 1) for train in trains for day in train.dates]
    times = [
        (train.trip_id, _time(stop.arrive_min), _time(stop.depart_min), stop.station_id, seq)
        for train in trains
        for seq, stop in enumerate(train.stops, 1)
    ]
    links = [(train.trip_id, train.continues_as, 4) for train in trains if train.continues_as]
    stops = [(place.station_id, place.name, f"{place.lat:.6f}", f"{place.lon:.6f}") for place in places]
    files = {
        "agency.txt": _csv(
            ("agency_name", "agency_url", "agency_timezone"), [("Railway", "https://example.org", zone)]
        ),
        "stops.txt": _csv(("stop_id", "stop_name", "stop_lat", "stop_lon"), stops),
        "routes.txt": _csv(("route_id", "route_short_name", "route_type"), [("R", "R", 2)]),
        "trips.txt": _csv(
            ("route_id", "service_id", "trip_id", "trip_short_name"),
            [("R", train.trip_id, train.trip_id, train.code) for train in trains],
        ),
        "stop_times.txt": _csv(("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"), times),
        "calendar_dates.txt": _csv(("service_id", "date", "exception_type"), days),
    }
    if links:
        files["transfers.txt"] = _csv(("from_trip_id", "to_trip_id", "transfer_type"), links)
    return files


def _time(minute: int | None) -> str:
    return "" if minute is None else show_time(minute * 60)


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()
