"""The railway's side: manifests and stays from files of the forms that `connectors.bookings` reads, held in memory.

What is read here is about everybody. It is read anew for each match and let go after it: no copy, no cache, no log line
holds a person. Documents become numbers of this one match at once; only `match` turns the few that hit into pseudonyms.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hubtwin.base.errors import Absent, Malformed
from hubtwin.connectors.bookings import CONNECTOR as BOOKINGS_SOURCE
from hubtwin.connectors.common.files import FileTransport
from hubtwin.connectors.rail_timetable import CONNECTOR as TIMETABLE_SOURCE
from hubtwin.connectors.rail_timetable.codec import bundle
from hubtwin.connectors.rail_timetable.mapper import read_station_areas
from hubtwin.datasets.people import BOOKINGS, STAYS
from hubtwin.datasets.transport import RAIL_CALLS, RAIL_STATIONS, RAIL_TRIPS
from hubtwin.model.record import Identity, Provenance, Quarantined, Row
from hubtwin.ports import Page, ReadContext
from hubtwin.rules.privacy import normalise

PATTERN = "*.csv*"
STAY_COLUMNS = ("pid", "area_code", "street_code", "community", "in_min", "out_min", "provenance")


@dataclass(frozen=True)
class Timetable:
    """What a manifest is read against. `calls` is trip id -> (seq, station id) in order; `minutes` is (trip id, seq) ->
    arrival and departure in minutes of the service date; `counties` is station id -> area code.
    """

    calls: Mapping[str, tuple[tuple[int, str], ...]]
    minutes: Mapping[tuple[str, int], tuple[int | None, int | None]]
    codes: Mapping[str, str]
    counties: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Booking:
    """One booking of one run as it stands; `person` and `order` are numbers of this reading."""

    person: int
    trip_id: str
    service_date: date
    order: str
    carriage: int | None
    seat_row: int | None
    seat_letter: str | None
    board_seq: int
    alight_seq: int
    as_of_min: int
    cancelled: bool
    synthetic: bool


@dataclass
class Travellers:
    """Who travels and where they stayed, for the time of one match. `documents` is number -> document.

    `stays` are columns of STAYS with the person's number as `pid`; `refused` counts lines that could not be read, by
    the key of their reason.
    """

    bookings: list[Booking] = field(default_factory=list)
    stays: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in STAY_COLUMNS})
    documents: list[Identity] = field(default_factory=list)
    lines: int = 0
    refused: Counter[str] = field(default_factory=Counter)


Wanted = Callable[[str, date, int], bool]  # trip id, service date, seq where alighting -> whether it concerns us


@dataclass(frozen=True)
class Folder:
    """Where a railway lays its files down, how its clock runs, and the timetable that they are read against."""

    path: Path
    zone: ZoneInfo
    timetable: Timetable

    def seal(self) -> str:
        """Return what changes when a file comes, goes or changes. Raises Retry where the folder cannot be read."""
        cursor = ""
        for page in FileTransport((self.path,), PATTERN).pages(None):
            cursor = page.cursor
        return cursor

    def read(self, now: datetime, wanted: Wanted, areas: Collection[str]) -> Travellers:
        """Return the bookings that are wanted and, of their persons, the stays in some areas.

        The state of a booking that was known last stands; a line of a later time than `now` is refused. Raises Retry.
        """
        return _read(self, now, wanted, areas)


def read_timetable(files: tuple[Path, ...], zone: ZoneInfo, now: datetime, areas: Path | None = None) -> Timetable:
    """Return the timetable in files: a GTFS feed, or those of the CSV form. Raises Absent, Malformed, Retry."""
    missing = [file.name for file in files if not file.exists()]
    if missing or not files:
        raise Absent("matcher.no_timetable", files=", ".join(missing))
    contents = {page.name: (b"".join(page.chunks),) for page in FileTransport(files).pages(None)}
    only = next(iter(contents.values())) if len(contents) == 1 else None
    body = only[0] if only and only[0].startswith(b"PK") else bundle(contents)
    context = ReadContext(zone=zone, now=now, station_areas=_read_areas(areas))
    return _as_timetable(TIMETABLE_SOURCE.read(Page("timetable", (body,), ""), context))


def _read_areas(file: Path | None) -> Mapping[str, tuple[str, str]]:
    return {} if file is None else read_station_areas(next(iter(FileTransport((file,)).pages(None))))


def _as_timetable(rows: Iterator[Row | Quarantined]) -> Timetable:
    calls: dict[str, list[tuple[int, str]]] = {}
    minutes: dict[tuple[str, int], tuple[int | None, int | None]] = {}
    codes: dict[str, str] = {}
    counties: dict[str, str] = {}
    for row in rows:
        if isinstance(row, Quarantined):
            continue
        told: Mapping[str, Any] = row.values
        if row.dataset == RAIL_CALLS.name:
            calls.setdefault(told["trip_id"], []).append((told["seq"], told["station_id"]))
            minutes[told["trip_id"], told["seq"]] = (told["arrive_min"], told["depart_min"])
        elif row.dataset == RAIL_TRIPS.name:
            codes[told["trip_id"]] = told["code"]
        elif row.dataset == RAIL_STATIONS.name and told["area_code"]:
            counties[told["station_id"]] = told["area_code"]
    return Timetable({trip: tuple(sorted(found)) for trip, found in calls.items()}, minutes, codes, counties)


def _read(folder: Folder, now: datetime, wanted: Wanted, areas: Collection[str]) -> Travellers:
    """Read bookings first, then the stays of who is booked: a stay of anybody else is never held."""
    found, numbers = Travellers(), dict[Identity, int]()
    stand: dict[tuple[str, date, int, int], Booking] = {}
    for values, synthetic in _rows(folder, now, BOOKINGS.name, found):
        if wanted(values["trip_id"], values["service_date"], values["alight_seq"]):
            booking = _booking(values, synthetic, numbers)
            key = (booking.trip_id, booking.service_date, booking.person, booking.board_seq)
            if key not in stand or stand[key].as_of_min <= booking.as_of_min:
                stand[key] = booking
    found.bookings = [booking for booking in stand.values() if not booking.cancelled]
    aboard = {booking.person for booking in found.bookings}
    for values, synthetic in _rows(folder, now, STAYS.name, found) if areas else ():
        person = numbers.get(normalise(values["pid"])) if values["area_code"] in areas else None
        if person in aboard:
            made = Provenance.SYNTHETIC if synthetic else Provenance.REAL
            told = {**values, "pid": str(person), "provenance": made.value}
            for name in STAY_COLUMNS:
                found.stays[name].append(told[name])
    found.documents = list(numbers)
    return found


def _booking(values: Mapping[str, Any], synthetic: bool, numbers: dict[Identity, int]) -> Booking:
    person = numbers.setdefault(normalise(values["pid"]), len(numbers))
    return Booking(
        person=person,
        trip_id=values["trip_id"],
        service_date=values["service_date"],
        order=values["order_ref"].id_no,
        carriage=values["carriage"],
        seat_row=values["seat_row"],
        seat_letter=values["seat_letter"],
        board_seq=values["board_seq"],
        alight_seq=values["alight_seq"],
        as_of_min=values["as_of_min"],
        cancelled=values["state"] == "cancelled",
        synthetic=synthetic,
    )


def _rows(folder: Folder, now: datetime, dataset: str, found: Travellers) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """Yield (values, synthetic) of the rows of a dataset; a file that cannot be read at all is counted and passed."""
    context = ReadContext(zone=folder.zone, now=now, calls=folder.timetable.calls, real_persons=True)
    for page in FileTransport((folder.path,), PATTERN).pages(None):
        if not page.name.startswith(_STARTS[dataset]):
            if dataset == BOOKINGS.name and not page.name.startswith(tuple(_STARTS.values())):
                found.refused["matcher.other_file"] += 1
            continue
        try:
            for row in BOOKINGS_SOURCE.read(page, context):
                found.lines += 1
                if isinstance(row, Quarantined):
                    found.refused[row.reason] += 1
                elif row.dataset == dataset:
                    yield row.values, row.marks.provenance is Provenance.SYNTHETIC
        except Malformed as error:
            found.refused[error.key] += 1


_STARTS = {BOOKINGS.name: "manifest", STAYS.name: "stays"}  # a file is named by its form, as `sim.wire` does
