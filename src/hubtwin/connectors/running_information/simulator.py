"""GTFS-Realtime bytes from delays: what the simulated day, drills and tests put on the wire.

The format has no field that says synthetic: whoever serves these bytes marks the page (`Page.marks`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from google.transit import gtfs_realtime_pb2

from hubtwin.base.clock import EPOCH

VERSION = "2.0"


@dataclass(frozen=True, slots=True)
class Delay:
    """What is said of one call; CANCELED is said of the whole trip. `relation` as in RUNNING_INFORMATION."""

    trip_id: str
    service_date: date
    seq: int
    arrival_delay_s: int | None = None
    departure_delay_s: int | None = None
    relation: str = "SCHEDULED"


def make_feed(delays: Iterable[Delay], made_at: datetime) -> bytes:
    """Return a full feed of TripUpdates with header time `made_at` (aware); equal input gives equal bytes.

    A trip on a date is one entity, in the order in which it comes first.
    """
    runs: dict[tuple[str, date], list[Delay]] = {}
    for delay in delays:
        runs.setdefault((delay.trip_id, delay.service_date), []).append(delay)
    feed = gtfs_realtime_pb2.FeedMessage()
    feed.header.gtfs_realtime_version = VERSION
    feed.header.timestamp = int((made_at - EPOCH).total_seconds())
    for (trip_id, service_date), said in runs.items():
        entity = feed.entity.add()
        entity.id = f"{trip_id} {service_date:%Y%m%d}"
        update = entity.trip_update
        update.trip.trip_id = trip_id
        update.trip.start_date = f"{service_date:%Y%m%d}"
        if any(delay.relation == "CANCELED" for delay in said):
            update.trip.schedule_relationship = gtfs_realtime_pb2.TripDescriptor.CANCELED
            continue
        for delay in sorted(said, key=lambda one: one.seq):
            _add_stop(update.stop_time_update.add(), delay)
    data: bytes = feed.SerializeToString(deterministic=True)
    return data


def _add_stop(stop: Any, delay: Delay) -> None:
    stop.stop_sequence = delay.seq
    kinds = gtfs_realtime_pb2.TripUpdate.StopTimeUpdate.ScheduleRelationship
    stop.schedule_relationship = kinds.Value(delay.relation)
    if delay.arrival_delay_s is not None:
        stop.arrival.delay = delay.arrival_delay_s
    if delay.departure_delay_s is not None:
        stop.departure.delay = delay.departure_delay_s
