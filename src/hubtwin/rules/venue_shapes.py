"""Shapes of a venue: GeoJSON read without trust, and a plane in metres on which shapely computes.

The plane is the equirectangular one about the venue's middle: at the size of a station (a few kilometres) it is off by
less than a millimetre a metre, far below what a drawing knows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from math import cos, isfinite, radians
from typing import Any

import shapely
from shapely.geometry import shape as from_geojson

from hubtwin.base.geo import EARTH_RADIUS_M
from hubtwin.model.venue import Point, Shape

M_PER_DEGREE = radians(EARTH_RADIUS_M)
DEPTHS = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
MOST_POINTS = 100_000  # of one feature
RING = 4  # points of the smallest ring: three corners and the first again


class BadShape(Exception):
    """A geometry that cannot be used; its first argument is the end of a text key."""


def read_shape(told: Any) -> Shape:
    """Return a GeoJSON geometry as a shape with finite coordinates on the globe. Raises BadShape: what is wrong."""
    if not isinstance(told, dict) or not isinstance(told.get("type"), str) or told["type"] not in DEPTHS:
        raise BadShape("no_geometry")
    kind = told["type"]
    shape = Shape(kind, _nested(told.get("coordinates"), DEPTHS[kind]))
    if sum(1 for _ in list_points(shape)) > MOST_POINTS:
        raise BadShape("too_many_points")
    rings = {"Polygon": [shape.coordinates], "MultiPolygon": shape.coordinates}.get(kind, ())
    for ring in chain.from_iterable(rings):
        if len(ring) < RING or ring[0] != ring[-1]:
            raise BadShape("open_ring")
    if kind in ("Polygon", "MultiPolygon") and (not shape.coordinates or not all(rings)):
        raise BadShape("empty")
    if kind == "LineString" and len(set(shape.coordinates)) < 2:
        raise BadShape("short_line")
    return shape


def _nested(told: Any, depth: int) -> Any:
    if not isinstance(told, list):
        raise BadShape("no_coordinates")
    if depth == 0:
        return read_point(told)
    return tuple(_nested(each, depth - 1) for each in told)


def read_point(told: Any) -> Point:
    """Return a pair of coordinates; a height is left out. Raises BadShape."""
    if not isinstance(told, list) or not 2 <= len(told) <= 3:
        raise BadShape("no_coordinates")
    if not all(isinstance(each, int | float) and not isinstance(each, bool) and isfinite(each) for each in told):
        raise BadShape("not_finite")
    lon, lat = float(told[0]), float(told[1])
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise BadShape("off_globe")
    return lon, lat


def list_points(shape: Shape) -> Iterable[Point]:
    """Return every point of a shape in order."""
    points: Any = [shape.coordinates]
    for _ in range(DEPTHS[shape.kind]):
        points = chain.from_iterable(points)
    return points  # type: ignore[no-any-return]


def as_geojson(shape: Shape) -> dict[str, Any]:
    """Return the GeoJSON geometry of a shape; tuples are written as arrays."""
    return {"type": shape.kind, "coordinates": shape.coordinates}


@dataclass(frozen=True, slots=True)
class Plane:
    """Metres east and north of a point. Only for what lies within some kilometres of it."""

    lon: float
    lat: float

    def to_metres(self, point: Point) -> Point:
        """Return (east, north) in metres of (longitude, latitude)."""
        return (
            (point[0] - self.lon) * M_PER_DEGREE * cos(radians(self.lat)),
            (point[1] - self.lat) * M_PER_DEGREE,
        )

    def to_degrees(self, point: Sequence[float]) -> Point:
        """Return (longitude, latitude) of (east, north) in metres, to a centimetre."""
        lon = self.lon + point[0] / (M_PER_DEGREE * cos(radians(self.lat)))
        return round(lon, 7), round(self.lat + point[1] / M_PER_DEGREE, 7)

    def draw(self, shape: Shape) -> Any:
        """Return the shapely geometry of a shape, in metres."""
        drawn = from_geojson(as_geojson(shape))
        scale = M_PER_DEGREE * cos(radians(self.lat)), M_PER_DEGREE
        return shapely.transform(drawn, lambda xy: (xy - (self.lon, self.lat)) * scale)
