"""When a term of working days ends: weekends, holidays, weekends worked in exchange, the zone of the hub."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.rules.working_days import WorkingDays, read_calendar

ZONE = ZoneInfo("Asia/Shanghai")
SHIPPED = Path(__file__).parents[2] / "data" / "calendars" / "cn.toml"
CHINA = read_calendar(tomllib.loads(SHIPPED.read_text("utf-8")))


def due(calendar: WorkingDays, began: str, days: int) -> str:
    began_min = epoch_minute(datetime.fromisoformat(began).replace(tzinfo=ZONE))
    over = datetime.fromtimestamp(calendar.due_min(began_min, days, ZONE) * 60, UTC).astimezone(ZONE)
    return f"{over:%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("began", "days", "over"),
    [
        ("2026-11-25 10:00", 2, "2026-11-28 00:00"),  # Wednesday: Thursday and Friday
        ("2026-11-27 23:59", 2, "2026-12-02 00:00"),  # Friday: over the weekend
        ("2026-11-28 08:00", 1, "2026-12-01 00:00"),  # Saturday
        ("2026-09-30 09:00", 2, "2026-10-10 00:00"),  # over the National Day holiday
        ("2026-09-30 09:00", 3, "2026-10-11 00:00"),  # the Saturday after it is worked
        ("2026-02-13 09:00", 1, "2026-02-15 00:00"),  # so is the Saturday before the Spring Festival
    ],
)
def test_a_term_ends_with_its_last_working_day(began: str, days: int, over: str) -> None:
    assert due(CHINA, began, days) == over


def test_the_shipped_years_have_as_many_days_off_as_their_notices_say() -> None:
    told = {2025: (1 + 8 + 3 + 5 + 3 + 8, 5), 2026: (3 + 9 + 3 + 5 + 3 + 3 + 7, 6)}  # days off in order, days worked
    counted = {
        year: (sum(d.year == year for d in CHINA.holidays), sum(d.year == year for d in CHINA.worked)) for year in told
    }
    assert counted == told
    assert CHINA.years == [2025, 2026]
    assert all(day.weekday() >= 5 and day not in CHINA.holidays for day in CHINA.worked)


def test_the_zone_of_the_hub_says_which_day_it_is() -> None:
    late = epoch_minute(datetime(2026, 11, 25, 17, 0, tzinfo=UTC))  # Thursday already in Shanghai
    assert WorkingDays().due_min(late, 1, ZONE) - WorkingDays().due_min(late, 1, ZoneInfo("UTC")) == 960


def test_a_calendar_that_cannot_be_read_is_refused() -> None:
    for told in ({}, {"holidays": [["2026-01-01"]], "worked": [], "source": ""}, {"holidays": 1, "worked": 1}):
        with pytest.raises(Malformed):
            read_calendar(told)
    with pytest.raises(ValueError, match="0"):
        CHINA.due_min(0, 0, ZONE)
