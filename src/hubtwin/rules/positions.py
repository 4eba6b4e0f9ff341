"""Where a train is between two calls: on the straight line between their stations, by expected times. An inference."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, cos, degrees, radians, sin


@dataclass(frozen=True, slots=True)
class Stop:
    """A call of a run: where, and its expected minutes (epoch; the same twice where only one is known)."""

    station_id: str
    lon: float
    lat: float
    arrive_min: int
    depart_min: int


@dataclass(frozen=True, slots=True)
class Where:
    """A place on the way; `bearing` in degrees from north, clockwise. At a station both ids are the same."""

    lon: float
    lat: float
    bearing: float
    from_station: str
    to_station: str


def locate(stops: Sequence[Stop], at_min: float) -> Where | None:
    """Return where a run is at a moment, None before its first departure and after its last arrival.

    `stops` are in order of calling. A line between stations is not the track: it is some kilometres off, and the
    page says so.
    """
    if not stops or at_min < stops[0].arrive_min or at_min > stops[-1].arrive_min:
        return None
    for here, there in itertools.pairwise(stops):
        if at_min < here.depart_min:
            return Where(here.lon, here.lat, bearing(here, there), here.station_id, here.station_id)
        if at_min < there.arrive_min:
            share = (at_min - here.depart_min) / (there.arrive_min - here.depart_min)
            return Where(
                here.lon + share * (there.lon - here.lon),
                here.lat + share * (there.lat - here.lat),
                bearing(here, there),
                here.station_id,
                there.station_id,
            )
    last = stops[-1]
    before = stops[-2] if len(stops) > 1 else last
    return Where(last.lon, last.lat, bearing(before, last), last.station_id, last.station_id)


def bearing(a: Stop, b: Stop) -> float:
    """Return the initial bearing of the great circle from one stop to another, degrees in [0, 360)."""
    lat1, lat2, d_lon = radians(a.lat), radians(b.lat), radians(b.lon - a.lon)
    east = sin(d_lon) * cos(lat2)
    north = cos(lat1) * sin(lat2) - sin(lat1) * cos(lat2) * cos(d_lon)
    return degrees(atan2(east, north)) % 360
