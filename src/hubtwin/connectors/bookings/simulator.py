"""Speaks the wire format of a booking source for `sim` and tests. What it writes is always marked synthetic."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import islice
from typing import NamedTuple

from hubtwin.connectors.bookings import codec
from hubtwin.connectors.common.csvio import Form
from hubtwin.model.record import Provenance

PAGE_LINES = 50_000


class CountLine(NamedTuple):
    """Booked and boarded persons of a train at one boarding station; fields as the `counts` form."""

    trip_id: str
    train_code: str
    service_date: date
    boarding_station: str
    booked: int
    boarded: int | None
    as_of: datetime


class ManifestLine(NamedTuple):
    """One booking; fields as the `manifest` form, `seat` like 12F or empty."""

    trip_id: str
    train_code: str
    service_date: date
    order_ref: str
    id_type: str
    id_no: str
    carriage: int | None
    seat: str
    board_station: str
    alight_station: str
    state: str
    as_of: datetime


class StayLine(NamedTuple):
    """One stay of one person; fields as the `stays` form."""

    id_type: str
    id_no: str
    area_code: str
    street_code: str
    community: str
    since: datetime
    until: datetime


class HitLine(NamedTuple):
    """One hit of a matcher; fields as the `hits` form."""

    trip_id: str
    train_code: str
    service_date: date
    pid: str
    boarding_station: str
    level: str
    as_of: datetime


class HitCountLine(NamedTuple):
    """How many a matcher found of a train at one boarding station; fields as the `hit_counts` form."""

    trip_id: str
    service_date: date
    boarding_station: str
    level: str
    persons: str
    as_of: datetime


Line = CountLine | ManifestLine | StayLine | HitLine | HitCountLine
_FORMS: dict[type[Line], Form] = {
    CountLine: codec.COUNTS,
    ManifestLine: codec.MANIFEST,
    StayLine: codec.STAYS,
    HitLine: codec.HITS,
    HitCountLine: codec.HIT_COUNTS,
}


def pages(kind: type[Line], lines: Iterable[Line], page_lines: int = PAGE_LINES) -> Iterator[bytes]:
    """Yield pages of at most `page_lines` lines of one kind, in order; nothing for no lines.

    The same lines give the same bytes. Times are written with their offset and must be aware.
    """
    remaining = iter(lines)
    while taken := list(islice(remaining, page_lines)):
        yield page(kind, taken)


def page(kind: type[Line], lines: Iterable[Line]) -> bytes:
    """Return one page: the header of the form, then its lines; UTF-8, ends with a line end."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_FORMS[kind].required)
    writer.writerows([*map(_wire, line), Provenance.SYNTHETIC.value] for line in lines)
    return text.getvalue().encode()


def _wire(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="minutes")
    return "" if value is None else value
