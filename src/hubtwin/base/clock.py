"""Time: UTC in storage, the venue's zone and service date beside it.

A service date is the date a train run belongs to; its calls are minutes after that day's start and may pass
24:00. As in GTFS the start is "noon minus 12 hours", so that a change of daylight saving moves no train.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR_MIN, DAY_MIN = 60, 24 * 60


def system_clock() -> datetime:
    """Return the machine's time, aware, in UTC. The only place that reads it."""
    return datetime.now(UTC)  # noqa: TID251


class PacedClock:
    """A clock of a hub that runs at a chosen pace from a chosen moment, for replays; 0 stands still.

    It never goes back and stops at `end`. Threads share it.
    """

    def __init__(self, start: datetime, speed: float, real: Clock, end: datetime | None = None) -> None:
        """Begin at `start`, `speed` hub seconds a second of the clock `real`."""
        self._lock, self._real, self.end = Lock(), real, end
        self._from, self._since, self._speed = start, real(), speed

    def __call__(self) -> datetime:
        """Return the time of the hub."""
        with self._lock:
            return self._now()

    @property
    def speed(self) -> float:
        """Return hub seconds per second; 0 once the end is reached."""
        with self._lock:
            return 0.0 if self.end is not None and self._now() >= self.end else self._speed

    def run(self, speed: float) -> None:
        """Go on at another pace from now on. Raises ValueError below 0."""
        if not 0 <= speed < float("inf"):
            raise ValueError(speed)
        with self._lock:
            self._from, self._since, self._speed = self._now(), self._real(), speed

    def jump(self, moment: datetime) -> None:
        """Go on from a later moment; an earlier one changes nothing."""
        with self._lock:
            self._from, self._since = max(moment, self._now()), self._real()

    def _now(self) -> datetime:
        passed = max(timedelta(0), self._real() - self._since)
        now = self._from + passed * self._speed
        return now if self.end is None else min(now, self.end)


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
