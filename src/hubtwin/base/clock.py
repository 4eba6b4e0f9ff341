"""Time: UTC in storage, the venue's zone and service date beside it.

A service date is the date a train run belongs to; its calls are minutes after that day's start and may pass
24:00. As in GTFS the start is "noon minus 12 hours", so that a change of daylight saving moves no train.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def system_clock() -> datetime:
    """Return the machine's time, aware, in UTC. The only place that reads it."""
    return datetime.now(UTC)  # noqa: TID251


def service_start(service_date: date, zone: ZoneInfo) -> datetime:
    """Return the UTC moment that minute 0 of a service date means: noon minus 12 hours (GTFS reference)."""
    noon = datetime(service_date.year, service_date.month, service_date.day, 12, tzinfo=zone)
    return noon.astimezone(UTC) - timedelta(hours=12)


def at_service_minute(service_date: date, minute: int, zone: ZoneInfo) -> datetime:
    """Return the UTC moment of `minute` minutes after the start of a service date; may be over 1440."""
    return service_start(service_date, zone) + timedelta(minutes=minute)


def epoch_minute(moment: datetime) -> int:
    """Return whole minutes since 1970-01-01T00:00Z, rounded down. Raises ValueError for a naive time."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone has no place on the clock")
    return (moment - EPOCH) // timedelta(minutes=1)


def from_epoch_minute(minute: int) -> datetime:
    """Return the UTC moment of an epoch minute."""
    return EPOCH + timedelta(minutes=minute)


def local(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return the same moment on the venue's clock."""
    return moment.astimezone(zone)
