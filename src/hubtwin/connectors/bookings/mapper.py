"""What a booking line means: a row of one of five datasets, or the reason why it is none.

Within one page an identical repeat of a row is left out and counted as `connectors.common.repeated_row`; a row with
the key and the time of an earlier one but other contents is `conflicting_row`, and the earlier one stands. A later
state of the same booking (a later `as_of`) is neither.
"""

import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass

from hubtwin.base.errors import Malformed
from hubtwin.connectors.bookings import codec
from hubtwin.connectors.common.csvio import CsvProblem
from hubtwin.connectors.common.repeats import Repeats
from hubtwin.connectors.common.values import (
    check_not_ahead,
    masked,
    read_choice,
    read_count,
    read_date,
    read_minute,
    read_provenance,
    read_text,
)
from hubtwin.datasets.health import RISK_COUNTS, RISK_HITS
from hubtwin.datasets.people import BOOKINGS, STAYS
from hubtwin.datasets.table import Column
from hubtwin.datasets.transport import BOARDING_COUNTS
from hubtwin.model.record import Identity, Provenance, Quarantined, Row
from hubtwin.ports import Page, ReadContext
from hubtwin.rules.privacy import SMALL_CELL, show_count

PERSON_LEVEL = frozenset({BOOKINGS.name, STAYS.name})  # whole manifests and stays; hits are few and pseudonyms
ORDER = "order"  # its number leads to the person who bought it, so no table holds it
_SEAT = re.compile(r"0?([1-9][0-9]?)([A-Z])")
_ID_TYPE = re.compile(r"[^\W_][\w -]{0,31}")
_ID_NO = re.compile(r"[\w ()./-]{4,40}")  # any country's spelling; `rules.privacy.normalise` finds the one
_PID = re.compile(r"[0-9a-f]{32}")
_AREA = re.compile(r"[0-9A-Za-z]{2,12}")  # GB/T 2260 here, FIPS or others elsewhere; the library joins by equality
_STREET = re.compile(r"[0-9A-Za-z]{2,16}")

Line = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Mapped:
    """The values of a row, and the key under which a page may say something once."""

    dataset: str
    values: Mapping[str, object]
    key: Hashable


def read(page: Page, context: ReadContext) -> Iterator[Row | Quarantined]:
    """Yield the rows of a page of any of the five forms, and its broken lines, in input order.

    Raises Malformed for a page with an unknown or missing column and for a manifest when no timetable is known
    (`context.calls`): bookings are stored by the calls of their train. The train code is not checked, because a
    train carries several and the context knows none.
    """
    sheet = codec.decode(page)
    if sheet.form is codec.MANIFEST and not context.calls:
        raise Malformed("connectors.bookings.needs_timetable", file=page.name)
    to_row = _MAPPERS[sheet.form.name]
    repeats = Repeats()
    empty = True
    for line in sheet.lines:
        empty = False
        if isinstance(line, CsvProblem):
            locator = f"{page.name}:{line.line_no}"
            yield Quarantined(locator, line.reason, line.values, codec.redacted_raw(line.raw))
        else:
            yield _read_line(f"{page.name}:{line[0]}", line[1], to_row, context, repeats)
    if empty:
        yield Quarantined(f"{page.name}:1", "connectors.bookings.empty_feed", {"form": sheet.form.name})


def _read_line(
    locator: str, line: Line, to_row: "_Mapper", context: ReadContext, repeats: Repeats
) -> Row | Quarantined:
    try:
        mapped = to_row(line, context)
        marks = read_provenance(line["provenance"])
        if not context.real_persons and marks.provenance is Provenance.REAL and mapped.dataset in PERSON_LEVEL:
            raise Malformed("connectors.bookings.real_persons", dataset=mapped.dataset)
    except Malformed as problem:
        return Quarantined(locator, problem.key, problem.values, codec.redacted(line))
    reason = repeats.find_reason(mapped.key, (*mapped.values.values(), marks.provenance))
    if reason:
        return Quarantined(locator, reason, {}, codec.redacted(line))
    return Row(mapped.dataset, mapped.values, locator, marks)


def _counts(line: Line, context: ReadContext) -> _Mapped:
    trip, day, as_of = _train(line, context)
    station = _station(line, "boarding_station", trip, context)
    booked = _bounded(BOARDING_COUNTS.by_name["booked"], line["booked"])
    boarded = _bounded(BOARDING_COUNTS.by_name["boarded"], line["boarded"]) if line["boarded"] else None
    if boarded is not None and boarded > (booked or 0):
        raise Malformed("connectors.bookings.boarded_over_booked", booked=booked, boarded=boarded)
    values = {
        "trip_id": trip,
        "service_date": day,
        "station_id": station,
        "booked": booked,
        "boarded": boarded,
        "as_of_min": as_of,
    }
    return _Mapped(BOARDING_COUNTS.name, values, (trip, day, station, as_of))


def _manifest(line: Line, context: ReadContext) -> _Mapped:
    trip, day, as_of = _train(line, context)
    board = _station(line, "board_station", trip, context)
    alight = _station(line, "alight_station", trip, context)
    board_seq, alight_seq = _ride(context.calls[trip], board, alight)
    person = _identity(line)
    seat_row, seat_letter = _seat(line["seat"])
    columns = BOOKINGS.by_name
    values = {
        "trip_id": trip,
        "service_date": day,
        "pid": person,
        "order_ref": Identity(ORDER, read_text(line["order_ref"], "order_ref")),
        "carriage": _bounded(columns["carriage"], line["carriage"]) if line["carriage"] else None,
        "seat_row": seat_row,
        "seat_letter": seat_letter,
        "board_seq": board_seq,
        "alight_seq": alight_seq,
        "state": read_choice(line["state"], "state", columns["state"].values),
        "as_of_min": as_of,
    }
    return _Mapped(BOOKINGS.name, values, (trip, day, person, board_seq, as_of))


def _stays(line: Line, context: ReadContext) -> _Mapped:
    person = _identity(line)
    area = _code(line["area_code"], "area_code", _AREA)
    since = read_minute(line["from"], context.zone, "from")
    until = read_minute(line["to"], context.zone, "to")
    if until < since:
        raise Malformed("connectors.bookings.stay_ends_before_start")
    check_not_ahead(until, context.now, "to")
    values = {
        "pid": person,
        "area_code": area,
        "street_code": _code(line["street_code"], "street_code", _STREET) if line["street_code"] else None,
        "community": line["community"] or None,
        "in_min": since,
        "out_min": until,
    }
    return _Mapped(STAYS.name, values, (person, area, since))


def _hits(line: Line, context: ReadContext) -> _Mapped:
    trip, day, as_of = _train(line, context)
    if not _PID.fullmatch(line["pid"]):
        raise Malformed("connectors.bookings.broken_pid")
    values = {
        "trip_id": trip,
        "service_date": day,
        "pid": line["pid"],
        "board_station": _station(line, "boarding_station", trip, context),
        "level": read_choice(line["level"], "level", RISK_HITS.by_name["level"].values),
        "as_of_min": as_of,
        "gone_min": _gone(line, context),
    }
    return _Mapped(RISK_HITS.name, values, (trip, day, line["pid"], as_of))


def _hit_counts(line: Line, context: ReadContext) -> _Mapped:
    trip, day, as_of = _train(line, context)
    station = _station(line, "boarding_station", trip, context)
    level = read_choice(line["level"], "level", RISK_COUNTS.by_name["level"].values)
    if line["persons"] == show_count(1):
        least, most = 1, SMALL_CELL - 1
    else:  # fewer than that are never told exactly, so a small number is a mistake of the source
        least = most = read_count(
            line["persons"], "persons", SMALL_CELL, int(RISK_COUNTS.by_name["persons_most"].maximum or 0)
        )
    values = {
        "trip_id": trip,
        "service_date": day,
        "board_station": station,
        "level": level,
        "persons_least": least,
        "persons_most": most,
        "as_of_min": as_of,
        "gone_min": _gone(line, context),
    }
    return _Mapped(RISK_COUNTS.name, values, (trip, day, station, level, as_of))


_Mapper = Callable[[Line, ReadContext], _Mapped]
_MAPPERS: Mapping[str, _Mapper] = {
    codec.COUNTS.name: _counts,
    codec.MANIFEST.name: _manifest,
    codec.STAYS.name: _stays,
    codec.HITS.name: _hits,
    codec.HIT_COUNTS.name: _hit_counts,
}


def _train(line: Line, context: ReadContext) -> tuple[str, object, int]:
    """Return trip id, service date and `as_of` of a line about a train."""
    trip = read_text(line["trip_id"], "trip_id")
    if "train_code" in line:
        read_text(line["train_code"], "train_code")
    if context.calls and trip not in context.calls:
        raise Malformed("connectors.bookings.unknown_trip", trip=masked(trip))
    day = read_date(line["service_date"], "service_date")
    as_of = read_minute(line["as_of"], context.zone, "as_of")
    check_not_ahead(as_of, context.now, "as_of")
    return trip, day, as_of


def _gone(line: Line, context: ReadContext) -> int | None:
    """Return when what a line says was withdrawn; None while it stands."""
    if not line.get("gone"):
        return None
    gone = read_minute(line["gone"], context.zone, "gone")
    check_not_ahead(gone, context.now, "gone")
    return gone


def _station(line: Line, field: str, trip: str, context: ReadContext) -> str:
    station = read_text(line[field], field)
    if context.stations and station not in context.stations:
        raise Malformed("connectors.bookings.unknown_station", field=field, station=masked(station))
    if context.calls and all(station != called for _, called in context.calls[trip]):
        raise Malformed(
            "connectors.bookings.station_not_on_trip", field=field, station=masked(station), trip=masked(trip)
        )
    return station


def _ride(calls: tuple[tuple[int, str], ...], board: str, alight: str) -> tuple[int, int]:
    """Return the first call at `board` and the first later one at `alight`; both are on the trip."""
    board_seq = min(seq for seq, station in calls if station == board)
    later = [seq for seq, station in calls if station == alight and seq > board_seq]
    if not later:
        raise Malformed("connectors.bookings.alight_before_board", board=masked(board), alight=masked(alight))
    return board_seq, min(later)


def _identity(line: Line) -> Identity:
    """Return the document. Its number may be in the values of no error."""
    kind = line["id_type"].strip()
    number = line["id_no"].strip()
    if not _ID_TYPE.fullmatch(kind):
        raise Malformed("connectors.bookings.broken_id_type", value=masked(kind))
    if not _ID_NO.fullmatch(number) or sum(map(str.isalnum, number)) < 4:
        raise Malformed("connectors.bookings.broken_id_no")
    return Identity(kind, number)


def _seat(text: str) -> tuple[int | None, str | None]:
    """Return row and letter of a seat like 12F; both None for a ticket without a seat."""
    if not text:
        return None, None
    found = _SEAT.fullmatch(text)
    columns = BOOKINGS.by_name
    row = int(found[1]) if found else 0
    if not found or row > (columns["seat_row"].maximum or 0) or found[2] not in columns["seat_letter"].values:
        raise Malformed("connectors.bookings.broken_seat", value=masked(text))
    return row, found[2]


def _code(text: str, field: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(text):
        raise Malformed("connectors.bookings.broken_code", field=field, value=masked(text))
    return text


def _bounded(column: Column, text: str) -> int:
    return read_count(text, column.name, int(column.minimum or 0), int(column.maximum or 0))
