"""The CSV form of timetable: stations, trips, stops, and the county of each station; files known by their headers.

Coordinates of this form are taken as GCJ-02 (see PROVENANCE.md of the data) and converted to WGS 84. A code such
as C2901/C2904 names a train whose number changes on the way; where it changes is not in this form, so every call
carries both numbers (`rules.train_codes` finds a train by either).
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from hubtwin.base.errors import Malformed
from hubtwin.base.geo import gcj02_to_wgs84
from hubtwin.connectors.common.csvio import Form, Sheet
from hubtwin.connectors.common.values import read_count, read_date, read_text
from hubtwin.connectors.rail_timetable.codec import Archive, raw_of, records
from hubtwin.connectors.rail_timetable.records import Call, Station, Timetable, Trip

STATIONS = Form("stations", ("name", "telecode", "lon", "lat"), ("seq", "pinyin", "initials", "pinyin_code"))
COUNTIES = Form("station counties", ("telecode", "county_code"), ("name", "county", "city", "province"))
TRIPS = Form(
    "trips",
    ("trip", "train_code", "train_no", "run_dates"),
    ("origin", "destination", "depart", "arrive", "class", "service"),
)
STOPS = Form("stops", ("trip", "seq", "telecode", "arrive_min", "depart_min"), ("station", "arrive", "depart", "open"))
AREAS = Form("station areas", ("station_id", "area_code"))
FORMS = (STATIONS, COUNTIES, TRIPS, STOPS, AREAS)

# What run_dates = ALL means in the collection of 2016-03-10: the days it covers (PROVENANCE.md of the data).
VALID_FROM, VALID_UNTIL = date(2016, 1, 30), date(2016, 3, 29)
MAX_SEQ = 100_000
MAX_MINUTE = 7 * 1440  # the longest run of the source takes 1,992 minutes
_NUMBER = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,15})?")
_CHINA = (72.0, 138.0, 0.8, 55.9)  # west, east, south, north of where GCJ-02 is used

_Sheets = Mapping[Form, list[tuple[str, Sheet]]]


def read_csv_form(archive: Archive) -> Timetable:
    """Return the timetable of a bundle in the CSV form.

    Raises Malformed, naming it, for a file of unknown form and for a missing one. The counties may be missing.
    """
    sheets: dict[Form, list[tuple[str, Sheet]]] = {form: [] for form in FORMS}
    for file in archive.files:
        sheet = archive.sheet(file, FORMS)
        sheets[sheet.form].append((file, sheet))
    for form in (STATIONS, TRIPS, STOPS):
        if not sheets[form]:
            raise Malformed("connectors.rail_timetable.missing_file", page=archive.name, file=form.name)
    timetable = Timetable()
    _read_stations(sheets, timetable, read_areas(sheets, timetable))
    _read_trips(sheets, timetable)
    _read_stops(sheets, timetable)
    return timetable


def read_areas(sheets: _Sheets, timetable: Timetable) -> dict[str, tuple[str, str]]:
    """Return the county of each station and how it is known; a given one stands before the nearest centroid."""
    areas: dict[str, tuple[str, str]] = {}
    for form, station, area, basis in (
        (COUNTIES, "telecode", "county_code", "nearest_centroid"),
        (AREAS, "station_id", "area_code", "given"),
    ):
        for locator, values in _lines(sheets, form, timetable):
            try:
                areas[read_text(values[station], station)] = (read_text(values[area], area), basis)
            except Malformed as error:
                timetable.refuse(locator, error.key, raw_of(values), **error.values)
    return areas


def _lines(sheets: _Sheets, form: Form, timetable: Timetable) -> Iterator[tuple[str, dict[str, str]]]:
    for file, sheet in sheets.get(form, ()):
        yield from records(sheet, file, timetable)


def _read_stations(sheets: _Sheets, timetable: Timetable, areas: Mapping[str, tuple[str, str]]) -> None:
    for locator, values in _lines(sheets, STATIONS, timetable):
        try:
            station_id, name = read_text(values["telecode"], "telecode"), read_text(values["name"], "name")
        except Malformed as error:
            timetable.refuse(locator, error.key, raw_of(values), **error.values)
            continue
        if station_id in timetable.stations:
            timetable.refuse(locator, "repeated_id", raw_of(values), field="telecode", value=station_id)
            continue
        place = read_place(values["lon"], values["lat"])
        if place is None and (values["lon"] or values["lat"]):
            timetable.refuse(locator, "broken_place", raw_of(values), station_id=station_id)
        lon, lat = _to_wgs84(*place) if place else (None, None)
        area_code, basis = areas.get(station_id, (None, "unknown"))
        timetable.stations[station_id] = Station(station_id, name, lon, lat, area_code, basis, locator)


def read_place(lon: str, lat: str) -> tuple[float, float] | None:
    """Return (longitude, latitude) in degrees, or None where the two are no place on Earth."""
    if not (_NUMBER.fullmatch(lon) and _NUMBER.fullmatch(lat)):
        return None
    place = float(lon), float(lat)
    return place if abs(place[0]) <= 180 and abs(place[1]) <= 90 else None


def _to_wgs84(lon: float, lat: float) -> tuple[float, float]:
    west, east, south, north = _CHINA
    if not (west <= lon <= east and south <= lat <= north):
        return lon, lat
    found = gcj02_to_wgs84(lon, lat)
    return round(found[0], 6), round(found[1], 6)


def _read_trips(sheets: _Sheets, timetable: Timetable) -> None:
    every_day: list[str] = []
    named: set[date] = set()
    for locator, values in _lines(sheets, TRIPS, timetable):
        try:
            trip_id, code = read_text(values["trip"], "trip"), read_text(values["train_code"], "train_code")
        except Malformed as error:
            timetable.refuse(locator, error.key, raw_of(values), **error.values)
            continue
        if trip_id in timetable.trips:
            timetable.refuse(locator, "repeated_id", raw_of(values), field="trip", value=trip_id)
            continue
        dates: tuple[date, ...] = ()
        if values["run_dates"] == "ALL":
            every_day.append(trip_id)
        else:
            dates = tuple(_read_dates(values["run_dates"], locator, timetable))
            named.update(dates)
        timetable.trips[trip_id] = Trip(trip_id, code, values["train_no"] or None, dates, locator)
    days = _every_day(named)
    for trip_id in every_day:
        trip = timetable.trips[trip_id]
        timetable.trips[trip_id] = Trip(trip_id, trip.code, trip.train_no, days, trip.locator)


def _read_dates(text: str, locator: str, timetable: Timetable) -> Iterator[date]:
    """Yield each day once; a broken one is put aside and the others stay."""
    seen: set[date] = set()
    for part in text.split("|"):
        try:  # a spreadsheet shows the single date of a cell with its midnight
            found = read_date(part.strip().removesuffix(" 00:00:00"), "run_dates")
        except Malformed as error:
            timetable.refuse(locator, error.key, part[:80], **error.values)
            continue
        if found not in seen:
            seen.add(found)
            yield found


def _every_day(named: set[date]) -> tuple[date, ...]:
    """Return the days of ALL: the collection's period, or for another collection the days its trips name."""
    first, last = VALID_FROM, VALID_UNTIL
    if named and (min(named) < first or max(named) > last):
        first, last = min(named), max(named)
    return tuple(first + timedelta(days=day) for day in range((last - first).days + 1))


def _read_stops(sheets: _Sheets, timetable: Timetable) -> None:
    for locator, values in _lines(sheets, STOPS, timetable):
        trip_id = values["trip"]
        if trip_id not in timetable.trips:
            timetable.refuse(locator, "unknown_trip", raw_of(values), trip_id=trip_id[:80])
            continue
        try:
            seq = read_count(values["seq"], "seq", 0, MAX_SEQ)
            timetable.see_seq(trip_id, seq)
            arrive_s = _read_seconds(values["arrive_min"], "arrive_min")
            depart_s = _read_seconds(values["depart_min"], "depart_min")
            station_id = read_text(values["telecode"], "telecode")
        except Malformed as error:
            timetable.refuse(locator, error.key, raw_of(values), **error.values)
            continue
        if station_id not in timetable.stations:
            timetable.refuse(locator, "unknown_stop", raw_of(values), stop_id=station_id[:80])
        elif arrive_s is not None and depart_s is not None and depart_s < arrive_s:
            timetable.refuse(locator, "departs_before_arrival", raw_of(values), trip_id=trip_id, seq=seq)
        else:
            timetable.calls.setdefault(trip_id, []).append(Call(seq, station_id, None, arrive_s, depart_s, locator))


def _read_seconds(text: str, field: str) -> int | None:
    return read_count(text, field, 0, MAX_MINUTE) * 60 if text else None
