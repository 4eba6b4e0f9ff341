"""The match itself, pure: who of the booked was in a listed area, and who travelled along with a case.

A person is known here by a number of this one match. Only who hits gets a pseudonym, under the key that the hub gave
for the epoch of the service date: the one that its row of RISK_HITS has.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, cast

import narwhals as nw
import polars as pl

from hubtwin.base.clock import epoch_minute, service_start
from hubtwin.datasets.health import RISK_HITS
from hubtwin.matcher.manifests import Booking, Folder, Timetable, Travellers
from hubtwin.model.pathogen import Pathogen
from hubtwin.model.risk_table import RiskTable
from hubtwin.rules.cotravel import Contact, Ride, Run, trace
from hubtwin.rules.exposure import ExposureRule, Precision, expose, list_boardings, sum_up
from hubtwin.rules.privacy import epoch_of, moment_min, pseudonym, show_count

KeyOf = Callable[[int], bytes | None]  # epoch number -> key, None where the hub gave none
_TEXT, _MINUTE = pl.String, pl.Int64
_STAYS = dict.fromkeys(("pid", "area_code", "street_code", "community"), _TEXT)
_AREAS = dict.fromkeys(("area_key", "level", "area_code", "street_code", "community", "resolution"), _TEXT)


@dataclass(frozen=True, slots=True)
class Found:
    """Who hit, on which run, from where: `person` is a number of `Travellers`; `level` the highest one met."""

    person: int
    trip_id: str
    service_date: date
    board_station: str
    level: str
    synthetic: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """A hit as the hub may see it: a row of RISK_HITS. `gone_min` is when it was withdrawn, None while it stands."""

    trip_id: str
    train_code: str
    service_date: date
    pid: str
    board_station: str
    level: str
    synthetic: bool
    as_of_min: int
    gone_min: int | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many hit on a run at one boarding station and level; "<5" for one to four. A row of RISK_COUNTS.

    `as_of_min` is when it was first counted so, `gone_min` when nobody hit any more, None while it stands.
    """

    trip_id: str
    service_date: date
    board_station: str
    level: str
    persons: str
    synthetic: bool
    as_of_min: int
    gone_min: int | None = None


def wants(table: RiskTable, timetable: Timetable) -> Callable[[str, date, int], bool]:
    """Return which bookings concern a hub: those that alight at one of its stations."""
    here = {
        (trip, seq) for trip, calls in timetable.calls.items() for seq, station in calls if station in table.stations
    }
    return lambda trip_id, service_date, alight_seq: (trip_id, alight_seq) in here


def find_hits(who: Travellers, table: RiskTable, folder: Folder, reference_min: int) -> list[Found]:
    """Return the booked persons whom the table's rule exposes, once a run, by run, station and person.

    Stays count as far as they lie before `reference_min`; boardings only where the table matches by county.
    """
    if not who.bookings or not table.areas:
        return []
    rule = table.rule
    exposure = ExposureRule(rule.lookback_d, rule.min_stay_h, cast("Precision", rule.precision), rule.levels)
    evidence = expose(
        _stays(who),
        _boardings(who.bookings, folder),
        _areas(table),
        _frame({"pid": _TEXT, "earlier_pid": _TEXT, "expires_min": _MINUTE}, {}),
        rule=exposure,
        reference_min=reference_min,
    )
    exposed = sum_up(evidence).select("pid", "level", "synthetic").collect("pyarrow").to_native().to_pylist()
    levels = {int(row["pid"]): (str(row["level"]), bool(row["synthetic"])) for row in exposed}
    first: dict[tuple[str, date, int], Booking] = {}
    for booking in who.bookings:
        key = (booking.trip_id, booking.service_date, booking.person)
        if booking.person in levels and (key not in first or booking.board_seq < first[key].board_seq):
            first[key] = booking
    return [_found(booking, levels[booking.person], folder.timetable) for _, booking in sorted(first.items())]


def name_hits(
    found: Sequence[Found], who: Travellers, timetable: Timetable, key_of: KeyOf, as_of_min: int
) -> tuple[list[Hit], int]:
    """Return the hits under the hub's pseudonyms, and how many could not be named because the hub gave no key."""
    hits = []
    for one in found:
        key = key_of(epoch_of_run(one.trip_id, one.service_date))
        if key is not None:
            pid = pseudonym(key, who.documents[one.person])
            ride = (one.trip_id, timetable.codes.get(one.trip_id, one.trip_id), one.service_date)
            hits.append(Hit(*ride, pid, one.board_station, one.level, one.synthetic, as_of_min))
    return hits, len(found) - len(hits)


def count_hits(found: Sequence[Found], as_of_min: int) -> list[Count]:
    """Return how many hit per run, boarding station and level; counts under five are not told."""
    made = {_cell(one): False for one in found}
    for one in found:
        made[_cell(one)] |= one.synthetic
    cells = Counter(map(_cell, found))
    return [Count(*cell, show_count(persons), made[cell], as_of_min) for cell, persons in sorted(cells.items())]


def trace_along(
    who: Travellers, folder: Folder, cases: Collection[str], pathogen: Pathogen, key: bytes
) -> tuple[list[Contact], int]:
    """Return the contacts of the cases among the bookings of one run, and how many of the cases are aboard.

    `cases` are pseudonyms under `key`. Nobody gets a pseudonym in the answer but who is a contact. A profile that says
    not to trace gives no contacts.
    """
    wanted, named = set(cases), dict[int, str]()
    for person in {booking.person for booking in who.bookings}:
        pid = pseudonym(key, who.documents[person])
        if pid in wanted:
            named[person] = pid
    if not named:
        return [], 0
    rides = [_ride(booking, named) for booking in who.bookings]
    trip = who.bookings[0].trip_id
    minutes = folder.timetable.minutes
    calls = {seq: minutes[trip, seq] for seq, _ in folder.timetable.calls[trip]}
    contacts = trace(
        Run(rides, calls, {}),
        frozenset(named.values()),
        pathogen.cotravel,
        residual_air_min=pathogen.residual_air_min.value,
    )
    return [replace(contact, pid=pseudonym(key, who.documents[int(contact.pid)])) for contact in contacts], len(named)


def epoch_of_run(trip_id: str, service_date: date) -> int:
    """Return the key epoch in which the hub keeps a hit of a run."""
    decides = moment_min(RISK_HITS, {"trip_id": trip_id, "service_date": service_date})
    assert decides is not None, "a hit has its service date in its key"
    return epoch_of(decides)


def _cell(one: Found) -> tuple[str, date, str, str]:
    return one.trip_id, one.service_date, one.board_station, one.level


def _found(booking: Booking, met: tuple[str, bool], timetable: Timetable) -> Found:
    station = dict(timetable.calls[booking.trip_id])[booking.board_seq]
    made = booking.synthetic or met[1]
    return Found(booking.person, booking.trip_id, booking.service_date, station, met[0], made)


def _ride(booking: Booking, named: dict[int, str]) -> Ride:
    return Ride(
        pid=named.get(booking.person, str(booking.person)),
        order_ref=booking.order,
        board_seq=booking.board_seq,
        alight_seq=booking.alight_seq,
        carriage=booking.carriage,
        seat_row=booking.seat_row,
        seat_letter=booking.seat_letter,
    )


def _stays(who: Travellers) -> nw.LazyFrame[Any]:
    return _frame({**_STAYS, "in_min": _MINUTE, "out_min": _MINUTE, "provenance": _TEXT}, who.stays)


def _areas(table: RiskTable) -> nw.LazyFrame[Any]:
    columns = {name: [getattr(area, name) for area in table.areas] for name in (*_AREAS, "first_seen_min")}
    columns["gone_by_min"] = [area.gone_by_min for area in table.areas]
    columns["provenance"] = ["synthetic" if area.synthetic else "real" for area in table.areas]
    return _frame({**_AREAS, "first_seen_min": _MINUTE, "gone_by_min": _MINUTE, "provenance": _TEXT}, columns)


def _boardings(bookings: Sequence[Booking], folder: Folder) -> nw.LazyFrame[Any]:
    """Return where and when each person boarded by the timetable; `rules.exposure.list_boardings` on its columns."""
    runs = {(booking.trip_id, booking.service_date) for booking in bookings}
    starts = {day: epoch_minute(service_start(day, folder.zone)) for _, day in runs}
    calls = [
        (trip, day, seq, station, starts[day] + leave)
        for trip, day in sorted(runs)
        for seq, station in folder.timetable.calls[trip]
        if (leave := folder.timetable.minutes[trip, seq][1]) is not None
    ]
    booked = [(str(b.person), b.trip_id, b.service_date, b.board_seq, "booked", _made(b)) for b in bookings]
    call = {"trip_id": _TEXT, "service_date": pl.Date, "seq": _MINUTE, "station_id": _TEXT}
    run = {"pid": _TEXT, "trip_id": _TEXT, "service_date": pl.Date, "board_seq": _MINUTE}
    stations = list(folder.timetable.counties.items())
    return list_boardings(
        _frame({**run, "state": _TEXT, "provenance": _TEXT}, booked),
        _frame({**call, "expected_depart_min": _MINUTE}, calls),
        _frame({"station_id": _TEXT, "area_code": _TEXT}, stations),
    )


def _made(booking: Booking) -> str:
    return "synthetic" if booking.synthetic else "real"


def _frame(schema: dict[str, Any], rows: Any) -> nw.LazyFrame[Any]:
    frame = pl.DataFrame(rows or None, schema=schema, orient="row" if isinstance(rows, list) else None)
    return nw.from_native(frame.lazy())
