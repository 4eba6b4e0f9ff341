"""Working days: what a term of "5 working days" ends at. Holidays and working weekends are data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hubtwin.base.clock import EPOCH
from hubtwin.base.errors import Malformed


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """A calendar: Monday to Friday, without `holidays`, with the weekends that are `worked`. `source` says whose."""

    holidays: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()
    source: str = ""

    def is_working(self, day: date) -> bool:
        """Return whether people work on a day."""
        return day in self.worked or (day.weekday() < 5 and day not in self.holidays)

    @property
    def years(self) -> list[int]:
        """Return the years whose holidays are known; all others count Monday to Friday."""
        return sorted({day.year for day in self.holidays | self.worked})

    def due_min(self, from_min: int, days: int, zone: ZoneInfo) -> int:
        """Return the minute at which `days` working days are over: the end of the last of them in a time zone.

        The day on which the term begins does not count. Raises ValueError for no days.
        """
        if days < 1:
            raise ValueError(days)
        day = (EPOCH + timedelta(minutes=from_min)).astimezone(zone).date()
        while days:
            day += timedelta(days=1)
            days -= self.is_working(day)
        over = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
        return int((over - EPOCH).total_seconds()) // 60


def read_calendar(told: Mapping[str, Any]) -> WorkingDays:
    """Return a calendar as a TOML file tells it: `source`, spans of `holidays` (first, last), and days `worked`.

    Raises Malformed.
    """
    try:
        spans = [(date.fromisoformat(first), date.fromisoformat(last)) for first, last in told["holidays"]]
        worked = frozenset(date.fromisoformat(day) for day in told["worked"])
        source = str(told["source"])
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("rules.calendar_unreadable", detail=str(error)) from error
    holidays = {first + timedelta(days=n) for first, last in spans for n in range((last - first).days + 1)}
    return WorkingDays(frozenset(holidays), worked, source)
