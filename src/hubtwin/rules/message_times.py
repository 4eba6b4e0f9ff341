"""Times as partners write them, and what can be made of the wrong ones.

Repaired, because only one meaning is possible: 25:10 (the next day, 01:10), a time without a zone (the venue's), a
local time marked as UTC (it lies in the future by just the offset of the zone). A time in the past is never moved: a
message may simply be late. Everything else is refused with a reason.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from hubtwin.base.errors import Malformed

AHEAD = timedelta(minutes=5)  # clocks of partners may differ by so much; more lies in the future
NEAR = timedelta(minutes=15)  # how near to the offset of the zone a future time must lie to be a local one
LAST_HOUR = 47  # a service date ends within the next day
_TEXT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d?):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,9}))?)?\s?(Z|z|[+-]\d\d:?\d\d)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Timed:
    """A moment in UTC, and how it was repaired: "", or words out of `hour_over_24 no_zone local_as_utc`."""

    at: datetime
    repair: str = ""


def read_time(
    text: str, zone: ZoneInfo, now: datetime, *, ahead: timedelta = AHEAD, writes_local: bool = False
) -> Timed:
    """Return the moment that a partner's text means. Raises Malformed for no time, and for one too far ahead.

    `zone` is the venue's, `now` is aware. `writes_local`: the sender is known, from the time of the message, to mark
    local times as UTC, so a time that is marked so is moved even where it could be right.
    """
    found = _TEXT.fullmatch(text.strip())
    if found is None or int(found[4]) > LAST_HOUR:
        raise Malformed("rules.broken_time", value=text[:40])
    hour = int(found[4])
    try:
        day = datetime(int(found[1]), int(found[2]), int(found[3])) + timedelta(days=hour // 24)  # noqa: DTZ001 - below
        wall = day.replace(hour=hour % 24, minute=int(found[5]), second=int(found[6] or 0))
        moment = wall.replace(microsecond=int((found[7] or "0")[:6].ljust(6, "0")), tzinfo=_zone(found[8], zone))
        at = moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Malformed("rules.broken_time", value=text[:40]) from error
    repairs = (["hour_over_24"] if hour >= 24 else []) + ([] if found[8] else ["no_zone"])
    offset = zone.utcoffset(now.astimezone(zone).replace(tzinfo=None)) or timedelta(0)
    as_utc = bool(found[8]) and not moment.utcoffset() and bool(offset)
    if as_utc and (writes_local or (at > now + ahead and abs(at - now - offset) <= NEAR)):
        at, repairs = at - offset, [*repairs, "local_as_utc"]
    if at > now + ahead + (NEAR if "local_as_utc" in repairs else timedelta(0)):
        raise Malformed("rules.future_time", value=text[:40])
    return Timed(at, " ".join(repairs))


def _zone(text: str | None, venue: ZoneInfo) -> timezone | ZoneInfo:
    if text is None:
        return venue
    if text in "Zz":
        return UTC
    digits = text[1:].replace(":", "")
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-ahead if text[0] == "-" else ahead)
