"""Which train runs arrive at the hub next, where they call before, and how complete a list of them can be.

A *run* is a trip on a service date. A vehicle whose trip number changes on the way is one run for the hub: the
calls of the trips that continue as the arriving one are upstream calls too.

Two lists are issued for every run: one `lead_min` minutes before the expected arrival, one after the last
upstream departure. Neither can be replaced by the other: on the reference timetable 79.8 % of the trains leave
their last upstream stop inside the last 30 minutes.
"""

from typing import Any

import narwhals as nw

RUN = ("trip_id", "service_date")


def list_arrivals(
    calls: nw.LazyFrame[Any], stations: tuple[str, ...], from_min: int, until_min: int
) -> nw.LazyFrame[Any]:
    """Return the runs that arrive at one of `stations` with expected arrival in [from_min, until_min).

    `calls` has the columns of `rules.delays.expected_calls`. Result: one row per run and arrival with columns
    trip_id, service_date, hub_seq, code, hub_station, platform, scheduled_min, expected_min. A run that starts at
    the hub has no arrival there and is left out, as is a cancelled call.
    """
    at_hub = calls.filter(
        nw.col("station_id").is_in(list(stations)),
        ~nw.col("expected_arrive_min").is_null(),
        ~nw.col("cancelled"),
        nw.col("expected_arrive_min") >= from_min,
        nw.col("expected_arrive_min") < until_min,
    )
    return at_hub.select(
        *RUN,
        nw.col("seq").alias("hub_seq"),
        "code",
        nw.col("station_id").alias("hub_station"),
        "platform",
        nw.col("scheduled_arrive_min").alias("scheduled_min"),
        nw.col("expected_arrive_min").alias("expected_min"),
    )


def list_parts(trips: nw.LazyFrame[Any], depth: int = 3) -> nw.LazyFrame[Any]:
    """Return (trip_id, part_id, steps): every trip whose vehicle and seats become `trip_id`, itself with steps 0.

    `depth` bounds how often a number may change on the way.
    """
    itself = trips.select("trip_id", part_id=nw.col("trip_id"), steps=nw.lit(0))
    follows = trips.filter(~nw.col("continues_as").is_null()).select(
        earlier_id=nw.col("trip_id"), later_id=nw.col("continues_as")
    )
    parts, frontier = [itself], itself
    for steps in range(1, depth + 1):
        frontier = frontier.join(follows, left_on="part_id", right_on="later_id").select(
            "trip_id", part_id=nw.col("earlier_id"), steps=nw.lit(steps)
        )
        parts.append(frontier)
    return nw.concat(parts)


def list_upstream(arrivals: nw.LazyFrame[Any], calls: nw.LazyFrame[Any], parts: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return the calls before the hub of each arriving run, those of earlier trip numbers included.

    Columns: trip_id, service_date, hub_seq (the run and its arrival), part_id, seq, station_id, arrive_min,
    depart_min (expected, epoch minutes). Cancelled and skipped calls are left out: nobody boards there.
    """
    of_run = arrivals.select(*RUN, "hub_seq").join(parts, on="trip_id")
    upstream = calls.filter(~nw.col("cancelled"), ~nw.col("expected_depart_min").is_null()).select(
        "service_date",
        "seq",
        "station_id",
        part_id=nw.col("trip_id"),
        arrive_min=nw.coalesce("expected_arrive_min", "expected_depart_min"),
        depart_min=nw.col("expected_depart_min"),
    )
    joined = of_run.join(upstream, on=["part_id", "service_date"])
    return joined.filter((nw.col("steps") > 0) | (nw.col("seq") < nw.col("hub_seq"))).drop("steps")
