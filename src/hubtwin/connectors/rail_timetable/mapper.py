"""A timetable as rows of the library's datasets; and the counties of stations from a mapping file."""

from collections.abc import Iterator, Mapping

from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.csvio import CsvProblem, read_csv
from hubtwin.connectors.common.values import read_text
from hubtwin.connectors.rail_timetable.codec import open_archive
from hubtwin.connectors.rail_timetable.csv_form import AREAS, read_csv_form
from hubtwin.connectors.rail_timetable.gtfs import is_gtfs, read_gtfs
from hubtwin.connectors.rail_timetable.records import Call, Station, Timetable, Trip
from hubtwin.datasets.transport import RAIL_CALLS, RAIL_SERVICE_DAYS, RAIL_STATIONS, RAIL_TRIPS
from hubtwin.model.record import Quarantined, Row
from hubtwin.ports import Page, ReadContext


def read(page: Page, context: ReadContext) -> Iterator[Row | Quarantined]:
    """Yield the rows of one bundle (a zip of the CSV form or of GTFS): stations, then trips with days and calls.

    A page is read as a whole before the first row, because trips, calls and links check one another. Raises
    Malformed for a damaged or oversized archive, a missing file or column, and a zone that cannot be converted.
    """
    archive = open_archive(page)
    if is_gtfs(archive):
        timetable, shift_min = read_gtfs(archive, context.zone)
    else:
        timetable, shift_min = read_csv_form(archive), 0
        timetable.tidy()
    yield from _rows(timetable, context.station_areas, shift_min)
    yield from timetable.problems


def read_station_areas(page: Page) -> dict[str, tuple[str, str]]:
    """Return what ReadContext.station_areas holds from a mapping file with columns station_id and area_code.

    The file is configuration, so the first broken line refuses it: raises Malformed.
    """
    found: dict[str, tuple[str, str]] = {}
    for line in read_csv(page.chunks, page.name, (AREAS,)).lines:
        if isinstance(line, CsvProblem):
            raise Malformed(line.reason, **line.values)
        values = line[1]
        found[read_text(values["station_id"], "station_id")] = (read_text(values["area_code"], "area_code"), "given")
    return found


def _rows(timetable: Timetable, areas: Mapping[str, tuple[str, str]], shift_min: int) -> Iterator[Row]:
    for station in timetable.stations.values():
        yield _station_row(station, areas)
    for trip in timetable.trips.values():
        calls = timetable.calls.get(trip.trip_id)
        if not calls:
            timetable.refuse(trip.locator, "trip_without_calls", trip_id=trip.trip_id)
            continue
        yield _trip_row(trip, calls)
        for service_date in trip.dates:
            yield Row(RAIL_SERVICE_DAYS.name, {"trip_id": trip.trip_id, "service_date": service_date}, trip.locator)
        for call in calls:
            yield _call_row(trip, call, shift_min)


def _station_row(station: Station, areas: Mapping[str, tuple[str, str]]) -> Row:
    area_code, area_basis = areas.get(station.station_id, (station.area_code, station.area_basis))
    values = {
        "station_id": station.station_id,
        "name": station.name,
        "lon": station.lon,
        "lat": station.lat,
        "area_code": area_code,
        "area_basis": area_basis,
    }
    return Row(RAIL_STATIONS.name, values, station.locator)


def _trip_row(trip: Trip, calls: list[Call]) -> Row:
    values = {
        "trip_id": trip.trip_id,
        "code": trip.code,
        "train_no": trip.train_no,
        "origin": calls[0].station_id,
        "destination": calls[-1].station_id,
        "continues_as": trip.continues_as,
    }
    return Row(RAIL_TRIPS.name, values, trip.locator)


def _call_row(trip: Trip, call: Call, shift_min: int) -> Row:
    values = {
        "trip_id": trip.trip_id,
        "seq": call.seq,
        "station_id": call.station_id,
        "code": trip.code,
        "arrive_min": None if call.arrive_s is None else call.arrive_s // 60 + shift_min,
        "depart_min": None if call.depart_s is None else call.depart_s // 60 + shift_min,
        "platform": call.platform,
    }
    return Row(RAIL_CALLS.name, values, call.locator)
