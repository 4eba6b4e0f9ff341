"""Applying for the library at a hub: its catalogue, its accounts, its clocks, and what the clock does in each step."""

import tomllib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path

from hubtwin.base.clock import epoch_minute
from hubtwin.datasets.listing import Catalogue
from hubtwin.library.applying import Applying
from hubtwin.library.basket_clock import Swept, sweep
from hubtwin.library.basket_times import Use
from hubtwin.model.agency import Person
from hubtwin.model.sharing import Probe
from hubtwin.rules.working_days import WorkingDays, read_calendar
from hubtwin.settings import Settings
from hubtwin.stores.baskets import Baskets
from hubtwin.wiring.library import open_catalogue
from hubtwin.wiring.minutes import OnceAMinute
from hubtwin.wiring.works import Access

CALENDARS = "calendars"
COUNTRY = "cn"
YEAR_MIN = 366 * 24 * 60


def open_baskets(access: Access) -> Baskets:
    """Return the applications and shares of a hub."""
    return Baskets(access.database, access.audit, clock=access.clock)


def make_applying(
    settings: Settings,
    access: Access,
    probe: Probe | None = None,
    *,
    stored_rows: Callable[[str], int | None] = lambda _: None,
    catalogue: Callable[[], Catalogue] | None = None,
) -> Applying:
    """Return what applying needs at a hub; without a probe nothing becomes active. Raises Malformed, Absent."""
    return Applying(
        *(open_baskets(access), catalogue or partial(open_catalogue, settings), access.clock, settings.hub.zone, probe),
        stored_rows=stored_rows,
        limits=settings.terms,
        calendar=calendar_of(settings),
    )


def calendar_of(settings: Settings) -> WorkingDays:
    """Return the calendar of working days that a hub goes by. Raises Malformed."""
    return open_calendar(settings.data_dir / CALENDARS / f"{COUNTRY}.toml")


@lru_cache(maxsize=4)
def open_calendar(file: Path) -> WorkingDays:
    """Return the calendar of working days of a file; Monday to Friday where there is none. Raises Malformed."""
    if not file.exists():
        return WorkingDays()
    with file.open("rb") as stream:
        return read_calendar(tomllib.load(stream))


def person_of(access: Access, user_id: str) -> Person:
    """Return who applied, as the person is now: rules ask about roles of today. Raises Absent, Denied."""
    return access.accounts.get_person(user_id)


class BasketClock:
    """What the clock does to baskets, as a part of each step of the service; once a minute of the real clock."""

    def __init__(self, applying: Applying, book: Baskets) -> None:
        """Take what is applied with, and where baskets are kept."""
        self._applying, self._book = applying, book
        self._once = OnceAMinute(applying.now_min, self._sweep)
        self.swept = Swept()

    def __call__(self, _: datetime) -> None:
        """Do what is due by now. Raises Retry."""
        self._once()

    def _sweep(self, _: int) -> None:
        self.swept = sweep(self._applying, self._book)


def uses_of(access: Access) -> Mapping[str, Use]:
    """Return what was asked under each share within a year, by the audit: each question is there before rows leave."""
    found: dict[str, Use] = {}
    from_min = max(0, epoch_minute(access.clock()) - YEAR_MIN)
    for entry in access.audit.list_entries(kind="LibraryAsked", from_min=from_min):
        for share_id in entry.payload.get("shares", ()):
            before = found.get(share_id, Use())
            found[share_id] = Use(before.asked + 1, before.rows + int(entry.payload.get("rows", 0)))
    return found
