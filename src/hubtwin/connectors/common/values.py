"""Plain values out of text: dates, minutes, counts, enumerations; and masking of what is personal.

Each reader returns the value or raises Malformed with the field in its values; a mapper turns that into a
quarantined row.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from hubtwin.base.clock import EPOCH, epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.model.record import Marks, Provenance

FIRST_YEAR, LAST_YEAR = 1990, 2100  # outside, a time is a slip of the pen; inside, epoch minutes fit 32 bits
CLOCK_TOLERANCE_MIN = 60  # a source this far ahead of the hub's clock has a wrong clock or zone

_COUNT = re.compile(r"-?[0-9]{1,15}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_RUN = re.compile(r"[^\W_]+")  # letters and digits of any script
_DOCUMENT_DIGITS = 5


def read_text(text: str, field: str) -> str:
    """Return the text without surrounding blanks; Malformed when nothing is left."""
    found = text.strip()
    if not found:
        raise Malformed("connectors.common.missing_value", field=field)
    return found


@lru_cache(maxsize=4096)
def read_date(text: str, field: str) -> date:
    """Return the date of `YYYY-MM-DD`."""
    try:
        found = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None or not FIRST_YEAR <= found.year < LAST_YEAR:
        raise Malformed("connectors.common.broken_date", field=field, value=masked(text))
    return found


def read_minute(text: str, zone: ZoneInfo, field: str) -> int:
    """Return the epoch minute of an ISO 8601 date and time; without an offset it is in `zone`."""
    return epoch_minute(_read_moment(text, zone, field))


def read_second(text: str, zone: ZoneInfo, field: str) -> int:
    """Return the epoch second, rounded down, of an ISO 8601 date and time; without an offset it is in `zone`."""
    return (_read_moment(text, zone, field) - EPOCH) // timedelta(seconds=1)


@lru_cache(maxsize=4096)
def _read_moment(text: str, zone: ZoneInfo, field: str) -> datetime:
    try:
        found = datetime.fromisoformat(text) if len(text) > len("YYYY-MM-DD") else None
    except ValueError:
        found = None
    if found is None or not FIRST_YEAR <= found.year < LAST_YEAR:
        raise Malformed("connectors.common.broken_time", field=field, value=masked(text))
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def check_not_ahead(minute: int, now: datetime, field: str) -> None:
    """Raise Malformed where an epoch minute is more than an hour after `now`: a clock 8 hours wrong, say."""
    ahead = minute - epoch_minute(now)
    if ahead > CLOCK_TOLERANCE_MIN:
        raise Malformed("connectors.common.clock_ahead", field=field, ahead_min=ahead)


def read_count(text: str, field: str, minimum: int, maximum: int) -> int:
    """Return a whole number within bounds, both inclusive."""
    if not _COUNT.fullmatch(text):
        raise Malformed("connectors.common.broken_count", field=field, value=masked(text))
    found = int(text)
    if not minimum <= found <= maximum:
        raise Malformed("connectors.common.count_out_of_range", field=field, value=found, low=minimum, high=maximum)
    return found


def read_choice(text: str, field: str, allowed: tuple[str, ...]) -> str:
    """Return `text` if it is one of `allowed`, exactly."""
    if text not in allowed:
        raise Malformed("connectors.common.unknown_value", field=field, value=masked(text), allowed=", ".join(allowed))
    return text


_MARKS: Mapping[str, Marks] = {kind.value: Marks(provenance=kind) for kind in Provenance}


def read_provenance(text: str) -> Marks:
    """Return the marks that a `provenance` column claims."""
    return _MARKS[read_choice(text, "provenance", tuple(_MARKS))]


def masked(text: str) -> str:
    """Return at most 80 characters of `text` with every run that could be a document number as ***.

    A run is letters and digits with at least five digits in it. What cannot be a document stays readable: dates,
    times and short codes.
    """
    return _RUN.sub(_mask_run, text[:80])


def _mask_run(match: re.Match[str]) -> str:
    run = match.group()
    return "***" if sum(map(str.isdigit, run)) >= _DOCUMENT_DIGITS else run
