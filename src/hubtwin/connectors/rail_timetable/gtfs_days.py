"""On which days a GTFS service runs: calendar.txt, changed by calendar_dates.txt; either may be missing."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.csvio import Form
from hubtwin.connectors.common.values import FIRST_YEAR, LAST_YEAR, read_choice, read_text
from hubtwin.connectors.rail_timetable.codec import Archive, raw_of, records
from hubtwin.connectors.rail_timetable.records import Timetable

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MAX_DAYS = 1_100  # three years of one calendar line; an end date such as 2099-12-31 means "not known"
_CALENDAR = Form("calendar.txt", ("service_id", *WEEKDAYS, "start_date", "end_date"), is_open=True)
_DATES = Form("calendar_dates.txt", ("service_id", "date", "exception_type"), is_open=True)
_ADDED, _REMOVED = "1", "2"
_DAY = re.compile(r"[0-9]{8}")


def read_days(archive: Archive, timetable: Timetable) -> dict[str, tuple[date, ...]]:
    """Return service id -> the dates it runs on, in order; a service that runs on none is there with no date."""
    days: dict[str, set[date]] = {}
    for form, apply in ((_CALENDAR, _add_week), (_DATES, _change_day)):
        if form.name not in archive.files:
            continue
        for locator, values in records(archive.sheet(form.name, (form,)), form.name, timetable):
            try:
                service = days.setdefault(read_text(values["service_id"], "service_id"), set())
                clipped = apply(values, service)
            except Malformed as error:
                timetable.refuse(locator, error.key, raw_of(values), **error.values)
                continue
            if clipped:
                timetable.refuse(locator, "calendar_clipped", raw_of(values), limit_days=MAX_DAYS)
    return {service: tuple(sorted(found)) for service, found in days.items()}


def read_day(text: str, field: str) -> date:
    """Return the date of YYYYMMDD. Raises Malformed."""
    try:
        found = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None or not FIRST_YEAR <= found.year < LAST_YEAR:
        raise Malformed("connectors.rail_timetable.broken_day", field=field, value=text[:80])
    return found


def _add_week(values: dict[str, str], service: set[date]) -> bool:
    """Add the days of a calendar line; return whether some were left out because it goes on for too long."""
    runs = [read_choice(values[weekday], weekday, ("0", "1")) == "1" for weekday in WEEKDAYS]
    first, last = read_day(values["start_date"], "start_date"), read_day(values["end_date"], "end_date")
    if last < first:
        raise Malformed("connectors.rail_timetable.ends_before_start", start=first.isoformat(), end=last.isoformat())
    count = (last - first).days + 1
    service.update(day for day in _days(first, min(count, MAX_DAYS)) if runs[day.weekday()])
    return count > MAX_DAYS and any(runs)


def _change_day(values: dict[str, str], service: set[date]) -> bool:
    day = read_day(values["date"], "date")
    if read_choice(values["exception_type"], "exception_type", (_ADDED, _REMOVED)) == _ADDED:
        service.add(day)
    else:
        service.discard(day)
    return False


def _days(first: date, count: int) -> Iterator[date]:
    return (first + timedelta(days=step) for step in range(count))
