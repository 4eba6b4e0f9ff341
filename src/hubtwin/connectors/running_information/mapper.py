"""GTFS-Realtime TripUpdates as rows of RUNNING_INFORMATION (gtfs.org, reference of the realtime feed).

A whole trip (a trip-level delay, a cancellation) is a row at its first call, from which it holds for all. Other kinds
of entity (vehicle positions, alerts) are not ours and pass without a row.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from hubtwin.base.clock import epoch_minute, from_epoch_minute, service_start
from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.gtfs_realtime import decode, enum_of, made_s, text_of
from hubtwin.connectors.common.lines import shown
from hubtwin.connectors.common.values import FIRST_YEAR, LAST_YEAR
from hubtwin.datasets.transport import RUNNING_INFORMATION
from hubtwin.model.record import Quarantined, Row
from hubtwin.ports import Page, ReadContext

MAX_DELAY_S = 7 * 86_400  # beyond a week it is no delay but a wrong clock or unit
EARLIEST_MIN, LATEST_MIN = 180, 360  # how long before its first and after its last call a trip is reported
_KEY = "connectors.running_information."
_RELATION = "schedule_relationship"
_DAY = re.compile(r"[0-9]{8}")
_START = re.compile(r"([0-9]{1,3}):([0-5][0-9]:[0-5][0-9])")
_GONE = ("CANCELED", "DELETED")
_STOP_RELATIONS = ("SCHEDULED", "SKIPPED", "NO_DATA")
_Items = Iterator[Row | Quarantined]
_Key = tuple[str, date, int]


@dataclass
class _Feed:
    """What holds for the whole page while it is read; `seen` are the rows given, by key."""

    observed_min: int
    context: ReadContext
    seen: dict[_Key, tuple[object, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Run:
    trip_id: str
    service_date: date
    locator: str


def read(page: Page, context: ReadContext) -> _Items:
    """Yield a row for every call of which the feed says something, in its order; an empty feed gives none.

    Raises Malformed for bytes that are no feed, and for a header whose time is missing or more than an hour after
    `context.now`. An update that is wrong is quarantined alone.
    """
    message = decode(page)
    if not message.entity:
        return
    feed = _Feed(made_s(message, page, context) // 60, context)
    for number, entity in enumerate(message.entity):
        locator = f"entity {number + 1}"
        try:
            if entity.is_deleted:
                raise Malformed("connectors.common.gtfs_deleted_entity", entity=text_of(entity.id)[:80])
            if entity.HasField("trip_update"):
                yield from _trip(entity.trip_update, locator, feed)
        except Malformed as error:
            yield _refused(locator, error, entity)


def _trip(update: Any, locator: str, feed: _Feed) -> _Items:
    run = _Run(*_run_of(update.trip, feed), locator)
    relation = enum_of(update.trip, _RELATION)
    if relation in _GONE:
        yield _row(run, _first_seq(run, feed), (None, None), "CANCELED", feed)
    elif relation != "SCHEDULED":
        raise Malformed(_KEY + "trip_relation", relation=relation, trip_id=run.trip_id[:80])
    elif update.stop_time_update:  # with them, a trip-level delay says nothing more
        for number, stop in enumerate(update.stop_time_update):
            yield from _stop(stop, run, f"{locator}, stop time update {number + 1}", feed)
    elif update.HasField("delay"):
        delay_s = _checked(update.delay, "delay")
        yield _row(run, _first_seq(run, feed), (delay_s, delay_s), "SCHEDULED", feed)
    else:
        raise Malformed(_KEY + "says_nothing")


def _run_of(trip: Any, feed: _Feed) -> tuple[str, date]:
    """Return trip id and service date of a TripDescriptor; a repeated trip is known by its start time too."""
    trip_id, start = text_of(trip.trip_id), text_of(trip.start_time)
    if not trip_id:
        raise Malformed(_KEY + "no_trip_id")
    calls = feed.context.calls
    if found := _START.fullmatch(start):
        repeated = f"{trip_id}@{int(found[1]):02d}:{found[2]}"
        trip_id = repeated if repeated in calls else trip_id
    if calls and trip_id not in calls:
        raise Malformed(_KEY + "unknown_trip", trip_id=trip_id[:80])
    day = text_of(trip.start_date)
    return trip_id, _read_day(day) if day else _derive_day(trip_id, feed)


def _read_day(text: str) -> date:
    try:
        found = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None or not FIRST_YEAR <= found.year < LAST_YEAR:
        raise Malformed(_KEY + "broken_start_date", value=text[:80])
    return found


def _derive_day(trip_id: str, feed: _Feed) -> date:
    """Return the one service date on which the trip can be under way when the feed was made, by its schedule.

    Raises Malformed where the schedule is not known or fits several dates, or none.
    """
    scheduled, zone = feed.context.scheduled, feed.context.zone
    calls = feed.context.calls.get(trip_id, ())
    times = [
        minute for seq, _ in calls for minute in (scheduled(trip_id, seq) if scheduled else ()) if minute is not None
    ]
    days: list[date] = []
    if times:
        today = from_epoch_minute(feed.observed_min).astimezone(zone).date()
        reach = max(times) // 1440 + 2
        for back in range(-1, reach + 1):
            day = today - timedelta(days=back)
            since_min = feed.observed_min - epoch_minute(service_start(day, zone))
            if min(times) - EARLIEST_MIN <= since_min <= max(times) + LATEST_MIN:
                days.append(day)
    if len(days) != 1:
        raise Malformed(_KEY + "start_date_unknown", trip_id=trip_id[:80], candidates=len(days))
    return days[0]


def _first_seq(run: _Run, feed: _Feed) -> int:
    calls = feed.context.calls.get(run.trip_id)
    return calls[0][0] if calls else 0


def _stop(stop: Any, run: _Run, locator: str, feed: _Feed) -> _Items:
    here = _Run(run.trip_id, run.service_date, locator)
    try:
        seq = _seq_of(stop, run.trip_id, feed)
        relation = enum_of(stop, _RELATION)
        if relation not in _STOP_RELATIONS:
            raise Malformed(_KEY + "stop_relation", relation=relation, allowed=", ".join(_STOP_RELATIONS))
    except Malformed as error:
        yield _refused(locator, error, stop)
        return
    delays: list[int | None] = [None, None]
    broken = False
    if relation == "SCHEDULED":
        for index, name in enumerate(("arrival", "departure")):
            try:
                delays[index] = _delay_s(stop, name, here, (seq, index), feed)
            except Malformed as error:
                broken = True
                yield _refused(locator, error, stop)
    if relation != "SCHEDULED" or delays != [None, None]:
        yield _row(here, seq, (delays[0], delays[1]), relation, feed)
    elif not broken:
        yield _refused(locator, Malformed(_KEY + "says_nothing"), stop)


def _seq_of(stop: Any, trip_id: str, feed: _Feed) -> int:
    calls = feed.context.calls.get(trip_id, ())
    if stop.HasField("stop_sequence"):
        seq = int(stop.stop_sequence)
        if calls and all(seq != known for known, _ in calls):
            raise Malformed(_KEY + "unknown_seq", seq=seq, trip_id=trip_id[:80])
        return seq
    stop_id = text_of(stop.stop_id)
    found = [seq for seq, station in calls if station == stop_id]
    if not found:
        raise Malformed(_KEY + "unknown_stop", stop_id=stop_id[:80], trip_id=trip_id[:80])
    if len(found) > 1:
        raise Malformed(_KEY + "stop_twice", stop_id=stop_id[:80], trip_id=trip_id[:80])
    return found[0]


def _delay_s(stop: Any, name: str, run: _Run, place: tuple[int, int], feed: _Feed) -> int | None:
    """Return the delay of an arrival or departure, from `delay` or from a time against the schedule; None: not said.

    `place` is the seq of the call, and which of its two scheduled minutes is meant.
    """
    event = getattr(stop, name)
    if event.HasField("delay"):
        return _checked(event.delay, name)
    if not event.HasField("time"):
        return None
    if event.HasField("scheduled_time"):
        return _checked(event.time - event.scheduled_time, name)
    seq, index = place
    minute = feed.context.scheduled(run.trip_id, seq)[index] if feed.context.scheduled else None
    if minute is None:
        raise Malformed(_KEY + "time_without_schedule", field=name, seq=seq, trip_id=run.trip_id[:80])
    start_min = epoch_minute(service_start(run.service_date, feed.context.zone))
    return _checked(event.time - (start_min + minute) * 60, name)


def _checked(delay_s: int, name: str) -> int:
    if abs(delay_s) > MAX_DELAY_S:
        raise Malformed(_KEY + "absurd_delay", field=name, value=delay_s)
    return int(delay_s)


def _row(run: _Run, seq: int, delays: tuple[int | None, int | None], relation: str, feed: _Feed) -> Row | Quarantined:
    """Return the row, or why the feed has already said something of this call."""
    key, content = (run.trip_id, run.service_date, seq), (*delays, relation)
    if key in feed.seen:
        reason = "repeated_row" if feed.seen[key] == content else "conflicting_row"
        raw = f"trip_id={run.trip_id} start_date={run.service_date} seq={seq} {content}"
        return Quarantined(run.locator, f"connectors.common.{reason}", {}, shown(raw))
    feed.seen[key] = content
    values = {
        "trip_id": run.trip_id,
        "service_date": run.service_date,
        "seq": seq,
        "arrival_delay_s": delays[0],
        "departure_delay_s": delays[1],
        "relation": relation,
        "observed_min": feed.observed_min,
    }
    return Row(RUNNING_INFORMATION.name, values, run.locator)


def _refused(locator: str, error: Malformed, message: Any) -> Quarantined:
    return Quarantined(locator, error.key, error.values, shown(" ".join(str(message).split())))
