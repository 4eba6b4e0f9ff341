"""When trains really call: the timetable moved by what is known of how they run.

What is said of a call, by GTFS-Realtime's rules of propagation (Trip Updates, "stop time updates"):

- An observation at call s holds for s and every later call, until an observation at a later call says otherwise.
- A newer observation at s or earlier replaces what older ones said of s and later: a new forecast for the train
  drops the old one, while what happened at calls before s stays known.
- At s itself the arrival moves by the arrival delay and the departure by the departure delay, each standing in for
  the other where only one is given; later calls move by the departure delay. Delays may be negative.
- NO_DATA: from s on nothing is known; the timetable stands and the delay is null.
- SKIPPED: the train does not call at s; later calls keep the delay that held before s.
- CANCELED: the train does not run from s on.

Only observations up to `now_min` count. A call without an observation is expected as scheduled or propagated even
when that minute is past: no report does not mean that the train is still to come, and moving all of them to `now`
would invent arrivals.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import narwhals as nw

from hubtwin.base.clock import epoch_minute, service_start

RUN = ("trip_id", "service_date")
CALL = (*RUN, "seq")
_SHIFT_MIN = 1_000_000  # keeps the operand of // positive: engines differ in how they divide below zero


def service_starts(now: datetime, zone: ZoneInfo, *, days_back: int = 2, days_ahead: int = 1) -> dict[date, int]:
    """Return service date -> epoch minute of its minute 0, for the dates whose trains may be under way at `now`.

    The longest run of the reference timetable takes 33 hours, so two days back hold every train that is late by
    less than 15 hours.
    """
    today = now.astimezone(zone).date()
    days = (today + timedelta(days=step) for step in range(-days_back, days_ahead + 1))
    return {day: epoch_minute(service_start(day, zone)) for day in days}


def expected_calls(
    calls: nw.LazyFrame[Any],
    service_days: nw.LazyFrame[Any],
    running: nw.LazyFrame[Any],
    starts: Mapping[date, int],
    now_min: int,
) -> nw.LazyFrame[Any]:
    """Return every call of the runs on the service dates of `starts`, scheduled and expected.

    `calls`, `service_days` and `running` are RAIL_CALLS, RAIL_SERVICE_DAYS and RUNNING_INFORMATION (or the part of
    them that matters: narrow `calls` to the trips concerned first); `starts` is service date -> epoch minute of
    minute 0 (`service_starts`). Columns of the result, one row per (trip_id, service_date, seq): station_id, code,
    platform; scheduled_arrive_min, scheduled_depart_min, expected_arrive_min, expected_depart_min (epoch minutes,
    null where the timetable gives none; delays round down, so nobody is warned late); arrival_delay_min (null: not
    known); cancelled (true also where the train passes without a stop).
    """
    scheduled = _schedule(calls, service_days, starts)
    known = _latest(running.filter(nw.col("service_date").is_in(list(starts))), now_min)
    skipped = known.filter(nw.col("relation") == "SKIPPED").select(*CALL, skipped=nw.lit(True))
    held = _held(scheduled.select(*CALL), known.filter(nw.col("relation") != "SKIPPED"))
    joined = scheduled.join(held, on=list(CALL), how="left").join(skipped, on=list(CALL), how="left")
    return joined.select(
        *CALL,
        "station_id",
        "code",
        "platform",
        "scheduled_arrive_min",
        "scheduled_depart_min",
        _moved("scheduled_arrive_min", "arrival_delay_min").alias("expected_arrive_min"),
        _moved("scheduled_depart_min", "departure_delay_min").alias("expected_depart_min"),
        "arrival_delay_min",
        cancelled=nw.coalesce(nw.col("skipped"), nw.lit(False)) | nw.coalesce(nw.col("canceled"), nw.lit(False)),
    )


def _schedule(
    calls: nw.LazyFrame[Any], service_days: nw.LazyFrame[Any], starts: Mapping[date, int]
) -> nw.LazyFrame[Any]:
    start = nw.lit(None, dtype=nw.Int64)
    for day, minute in starts.items():
        start = nw.when(nw.col("service_date") == nw.lit(day)).then(nw.lit(minute, dtype=nw.Int64)).otherwise(start)
    days = service_days.filter(nw.col("service_date").is_in(list(starts))).select(*RUN, start_min=start)
    return calls.join(days, on="trip_id").select(
        *CALL,
        "station_id",
        "code",
        "platform",
        scheduled_arrive_min=nw.col("arrive_min").cast(nw.Int64) + nw.col("start_min"),
        scheduled_depart_min=nw.col("depart_min").cast(nw.Int64) + nw.col("start_min"),
    )


def _latest(running: nw.LazyFrame[Any], now_min: int) -> nw.LazyFrame[Any]:
    """Return the observations that stand: the newest of each call, if no newer one was made at an earlier call."""
    known = running.filter(nw.col("observed_min") <= now_min)
    newest = known.with_columns(newest_min=nw.col("observed_min").max().over(*CALL))
    newest = newest.filter(nw.col("observed_min") == nw.col("newest_min"))
    reached = newest.with_columns(reached_min=nw.col("observed_min").cum_max().over(*RUN, order_by="seq"))
    return reached.filter(nw.col("observed_min") == nw.col("reached_min"))


def _held(calls: nw.LazyFrame[Any], known: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return the delays in minutes, and canceled, of the calls (by CALL) that some observation holds for."""
    leaving = nw.coalesce("departure_delay_s", "arrival_delay_s")
    spans = known.select(
        *RUN,
        from_seq=nw.col("seq"),
        until_seq=nw.col("seq").shift(-1).over(*RUN, order_by="seq"),
        told=nw.col("relation") == "SCHEDULED",
        canceled=nw.col("relation") == "CANCELED",
        arriving_min=_minutes(nw.coalesce("arrival_delay_s", "departure_delay_s")),
        leaving_min=_minutes(leaving),
    )
    held = calls.join(spans, on=list(RUN)).filter(
        nw.col("seq") >= nw.col("from_seq"),
        nw.col("until_seq").is_null() | (nw.col("seq") < nw.col("until_seq")),
    )
    at_place = nw.col("seq") == nw.col("from_seq")
    arrival = nw.when(at_place).then(nw.col("arriving_min")).otherwise(nw.col("leaving_min"))
    return held.select(
        *CALL,
        "canceled",
        arrival_delay_min=nw.when(nw.col("told")).then(arrival),
        departure_delay_min=nw.when(nw.col("told")).then(nw.col("leaving_min")),
    )


def _minutes(seconds: nw.Expr) -> nw.Expr:
    return (seconds.cast(nw.Int64) + 60 * _SHIFT_MIN) // 60 - _SHIFT_MIN


def _moved(scheduled: str, delay: str) -> nw.Expr:
    return nw.col(scheduled) + nw.coalesce(nw.col(delay), nw.lit(0, dtype=nw.Int64))
