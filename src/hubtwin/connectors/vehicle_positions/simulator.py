"""GTFS-Realtime bytes from vehicles: what the simulated day, drills and tests put on the wire.

The format has no field that says synthetic: whoever serves these bytes marks the page (`Page.marks`).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from google.transit import gtfs_realtime_pb2

from hubtwin.base.clock import EPOCH

VERSION = "2.0"


class VehicleAt(NamedTuple):
    """Where a vehicle is; degrees and metres a second. None: not told. `occupancy` as in VEHICLE_POSITIONS."""

    mode: str
    line: str
    vehicle: str
    lon: float
    lat: float
    bearing: float | None = None
    speed_mps: float | None = None
    stop: str | None = None
    occupancy: str | None = None


def make_feed(vehicles: Iterable[VehicleAt], made_at: datetime) -> bytes:
    """Return a full feed of VehiclePositions with header time `made_at` (aware); equal input gives equal bytes."""
    feed = gtfs_realtime_pb2.FeedMessage()
    feed.header.gtfs_realtime_version = VERSION
    feed.header.timestamp = int((made_at - EPOCH).total_seconds())
    for told in vehicles:
        entity = feed.entity.add()
        entity.id = f"{told.mode} {told.vehicle}"
        found = entity.vehicle
        found.trip.route_id = f"{told.mode}:{told.line}"
        found.vehicle.id = told.vehicle
        found.position.longitude, found.position.latitude = told.lon, told.lat
        if told.bearing is not None:
            found.position.bearing = told.bearing
        if told.speed_mps is not None:
            found.position.speed = told.speed_mps
        if told.stop is not None:
            found.stop_id = told.stop
        if told.occupancy is not None:
            found.occupancy_status = getattr(gtfs_realtime_pb2.VehiclePosition, told.occupancy)
    data: bytes = feed.SerializeToString(deterministic=True)
    return data
