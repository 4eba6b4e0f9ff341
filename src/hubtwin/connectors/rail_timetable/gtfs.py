"""GTFS Schedule (gtfs.org, reference of the feed's files) to a timetable: zone, stops, trips, stop times.

Unknown columns and files are legal in GTFS and pass. Times keep the source's seconds; what a feed leaves out (an
arrival, a departure, both) stays empty: nothing is interpolated. Buses and ferries of a feed are trips like trains.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hubtwin.base.clock import epoch_minute, service_start
from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.csvio import Form
from hubtwin.connectors.common.values import read_count, read_text
from hubtwin.connectors.rail_timetable.codec import Archive, raw_of, records
from hubtwin.connectors.rail_timetable.csv_form import AREAS, read_place
from hubtwin.connectors.rail_timetable.gtfs_days import read_days
from hubtwin.connectors.rail_timetable.gtfs_links import link_blocks, read_frequencies, read_transfers
from hubtwin.connectors.rail_timetable.records import Call, Station, Timetable, Trip
from hubtwin.connectors.rail_timetable.times import read_time

REQUIRED = ("agency.txt", "stops.txt", "routes.txt", "trips.txt", "stop_times.txt")
CALENDARS = ("calendar.txt", "calendar_dates.txt")
STATION_AREAS = "station_areas.csv"  # ours: may travel in the zip
_FORMS = {
    "agency.txt": ("agency_timezone",),
    "stops.txt": ("stop_id",),
    "routes.txt": ("route_id",),
    "trips.txt": ("route_id", "service_id", "trip_id"),
    "stop_times.txt": ("trip_id", "stop_id", "stop_sequence"),
}
_STATION = "1"  # location_type of a station; entrances, nodes and boarding areas are no station of their own
_STOP_TYPES = ("", "0")
_MAX_SEQ = 100_000


@dataclass(frozen=True, slots=True)
class _Stop:
    station_id: str
    platform: str | None


def is_gtfs(archive: Archive) -> bool:
    """Return whether a page is GTFS, by the names of its files."""
    return any(file in archive.files for file in REQUIRED + CALENDARS)


def read_gtfs(archive: Archive, zone: ZoneInfo) -> tuple[Timetable, int]:
    """Return the timetable of a feed, and the minutes to add so that it counts from the start of the hub's date.

    Raises Malformed for a missing file or column, an unknown zone, agencies in several zones, and a feed whose zone
    differs from the hub's by an amount that changes within the feed's dates.
    """
    missing = [file for file in REQUIRED if file not in archive.files]
    if not missing and not any(file in archive.files for file in CALENDARS):
        missing = ["calendar.txt / calendar_dates.txt"]
    if missing:
        raise Malformed("connectors.rail_timetable.missing_file", page=archive.name, file=missing[0])
    timetable = Timetable()
    feed_zone = _read_zone(archive, timetable)
    stops = _read_stops(archive, timetable)
    days = read_days(archive, timetable)
    _read_trips(archive, timetable, days)
    _read_stop_times(archive, timetable, stops)
    timetable.tidy()
    linked = read_transfers(archive, timetable)
    link_blocks(timetable, linked)
    read_frequencies(archive, timetable)
    return timetable, _shift_min(archive.name, feed_zone, zone, days.values())


def _lines(archive: Archive, file: str, timetable: Timetable) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (locator, values) of a required file; a column that the feed does not have reads as empty."""
    form = Form(file, _FORMS[file], is_open=True)
    yield from records(archive.sheet(file, (form,)), file, timetable)


def _read_zone(archive: Archive, timetable: Timetable) -> ZoneInfo:
    names = {values["agency_timezone"] for _, values in _lines(archive, "agency.txt", timetable)}
    if len(names) != 1:
        raise Malformed("connectors.rail_timetable.one_zone", page=archive.name, found=", ".join(sorted(names))[:80])
    (name,) = names
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Malformed("connectors.rail_timetable.unknown_zone", page=archive.name, zone=name[:80]) from None


def _shift_min(page: str, feed: ZoneInfo, hub: ZoneInfo, days: Iterable[tuple[date, ...]]) -> int:
    """Return the minutes from the hub's start of a service date to the feed's, the same on every date."""
    if feed.key == hub.key:
        return 0
    dates = {day for service in days for day in service}
    shifts = {epoch_minute(service_start(day, feed)) - epoch_minute(service_start(day, hub)) for day in dates}
    if len(shifts) > 1:
        raise Malformed("connectors.rail_timetable.zone_differs", page=page, zone=feed.key, hub_zone=hub.key)
    return shifts.pop() if shifts else 0


def _read_stops(archive: Archive, timetable: Timetable) -> dict[str, _Stop]:
    areas = _read_areas(archive, timetable)
    lines: dict[str, tuple[str, dict[str, str]]] = {}
    for locator, values in _lines(archive, "stops.txt", timetable):
        stop_id = values["stop_id"]
        if not stop_id or stop_id in lines:
            timetable.refuse(locator, "repeated_id", raw_of(values), field="stop_id", value=stop_id[:80])
        else:
            lines[stop_id] = locator, values
    stops: dict[str, _Stop] = {}
    for stop_id, (locator, values) in lines.items():
        parent = values.get("parent_station", "")
        if parent and parent not in lines:
            timetable.refuse(locator, "unknown_parent", raw_of(values), stop_id=stop_id[:80], parent=parent[:80])
        station_id = _station_of(stop_id, lines)
        stops[stop_id] = _Stop(station_id, values.get("platform_code") or None)
        kind = values.get("location_type", "")
        if station_id == stop_id and (kind == _STATION or kind in _STOP_TYPES):
            timetable.stations[stop_id] = _station(stop_id, locator, values, areas, timetable)
    return {stop_id: stop for stop_id, stop in stops.items() if stop.station_id in timetable.stations}


def _station_of(stop_id: str, lines: Mapping[str, tuple[str, dict[str, str]]]) -> str:
    """Return the top of the parents of a stop: boarding area, platform, station. A circle ends where it began."""
    seen = [stop_id]
    while (parent := lines[seen[-1]][1].get("parent_station", "")) in lines and parent not in seen:
        seen.append(parent)
    return seen[-1] if parent not in seen else stop_id


def _station(
    stop_id: str, locator: str, values: Mapping[str, str], areas: Mapping[str, str], timetable: Timetable
) -> Station:
    lon, lat = values.get("stop_lon", ""), values.get("stop_lat", "")
    place = read_place(lon, lat)
    if place is None and (lon or lat):
        timetable.refuse(locator, "broken_place", raw_of(values), station_id=stop_id[:80])
    area = areas.get(stop_id)
    x, y = place or (None, None)
    name = values.get("stop_name") or stop_id
    return Station(stop_id, name, x, y, area, "given" if area else "unknown", locator)


def _read_areas(archive: Archive, timetable: Timetable) -> dict[str, str]:
    if STATION_AREAS not in archive.files:
        return {}
    sheet = archive.sheet(STATION_AREAS, (AREAS,))
    return {
        values["station_id"]: values["area_code"]
        for _, values in records(sheet, STATION_AREAS, timetable)
        if values["area_code"]
    }


def _read_trips(archive: Archive, timetable: Timetable, days: Mapping[str, tuple[date, ...]]) -> None:
    routes = {
        values["route_id"]: values.get("route_short_name") or values.get("route_long_name") or ""
        for _, values in _lines(archive, "routes.txt", timetable)
    }
    for locator, values in _lines(archive, "trips.txt", timetable):
        trip_id = values["trip_id"]
        if not trip_id or trip_id in timetable.trips:
            timetable.refuse(locator, "repeated_id", raw_of(values), field="trip_id", value=trip_id[:80])
            continue
        service = values["service_id"]
        if service not in days:
            timetable.refuse(locator, "unknown_service", raw_of(values), service_id=service[:80])
        short_name = values.get("trip_short_name") or None
        code = short_name or routes.get(values["route_id"]) or trip_id
        trip = Trip(trip_id, code, short_name, days.get(service, ()), locator)
        timetable.trips[trip_id] = replace(trip, block_id=values.get("block_id", ""))


def _read_stop_times(archive: Archive, timetable: Timetable, stops: Mapping[str, _Stop]) -> None:
    for locator, values in _lines(archive, "stop_times.txt", timetable):
        trip_id = values["trip_id"]
        if trip_id not in timetable.trips:
            timetable.refuse(locator, "unknown_trip", raw_of(values), trip_id=trip_id[:80])
            continue
        try:
            seq = read_count(values["stop_sequence"], "stop_sequence", 0, _MAX_SEQ)
            timetable.see_seq(trip_id, seq)
            arrive_s = read_time(values.get("arrival_time", ""), "arrival_time")
            depart_s = read_time(values.get("departure_time", ""), "departure_time")
            stop_id = read_text(values["stop_id"], "stop_id")
        except Malformed as error:
            timetable.refuse(locator, error.key, raw_of(values), **error.values)
            continue
        stop = stops.get(stop_id)
        if stop is None:
            timetable.refuse(locator, "unknown_stop", raw_of(values), stop_id=stop_id[:80])
        elif arrive_s is not None and depart_s is not None and depart_s < arrive_s:
            timetable.refuse(locator, "departs_before_arrival", raw_of(values), trip_id=trip_id, seq=seq)
        else:
            call = Call(seq, stop.station_id, stop.platform, arrive_s, depart_s, locator)
            timetable.calls.setdefault(trip_id, []).append(call)
