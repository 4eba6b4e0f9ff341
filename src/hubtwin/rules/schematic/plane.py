"""Local metres: rectangles and rings, what two rings share, and where a metre lies on the earth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, hypot, pi, radians, sin

from hubtwin.base.geo import EARTH_RADIUS_M
from hubtwin.rules.schematic.records import Rect, Ring, Spot

DIGITS = 7  # of a degree: about a centimetre
NEAR_M = 1e-6
EDGE_M = 1.0  # what is put into a corner stays so far from the walls
_DEGREE_M = EARTH_RADIUS_M * pi / 180


@dataclass(frozen=True, slots=True)
class Plane:
    """A plane that touches the sphere at a point (equirectangular; under 1 cm off within a kilometre)."""

    lon: float
    lat: float
    bearing_deg: float

    def degrees(self, spot: Spot) -> list[float]:
        """Return [longitude, latitude] of a spot in metres."""
        x, y = spot
        turn = radians(self.bearing_deg)
        east, north = x * cos(turn) + y * sin(turn), y * cos(turn) - x * sin(turn)
        lon = self.lon + east / (_DEGREE_M * cos(radians(self.lat)))
        return [round(lon, DIGITS), round(self.lat + north / _DEGREE_M, DIGITS)]

    def ring(self, ring: Ring) -> list[list[float]]:
        """Return a closed ring in degrees."""
        return [self.degrees(spot) for spot in (*ring, ring[0])]

    def polygon(self, ring: Ring, holes: Sequence[Rect] = ()) -> dict[str, object]:
        """Return a GeoJSON polygon: the outer ring counter-clockwise, holes clockwise (RFC 7946)."""
        inner = [self.ring(tuple(reversed(ring_of(hole)))) for hole in holes]
        return {"type": "Polygon", "coordinates": [self.ring(ring), *inner]}

    def line(self, spots: Sequence[Spot]) -> dict[str, object]:
        """Return a GeoJSON line."""
        return {"type": "LineString", "coordinates": [self.degrees(spot) for spot in spots]}

    def point(self, spot: Spot) -> dict[str, object]:
        """Return a GeoJSON point."""
        return {"type": "Point", "coordinates": self.degrees(spot)}


def ring_of(rect: Rect) -> Ring:
    """Return the corners of a rectangle, counter-clockwise."""
    x0, y0, x1, y1 = rect
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def box_of(ring: Ring) -> Rect:
    """Return the rectangle around a ring."""
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    return (min(xs), min(ys), max(xs), max(ys))


def middle_of(rect: Rect) -> Spot:
    """Return the middle of a rectangle."""
    return ((rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2)


def signed_area_m2(ring: Ring) -> float:
    """Return the area of a ring, above zero where it runs counter-clockwise (shoelace formula)."""
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in edges_of(ring)) / 2


def edges_of(ring: Ring) -> Iterator[tuple[Spot, Spot]]:
    """Return each edge of a ring."""
    return zip(ring, (*ring[1:], ring[0]), strict=True)


def is_inside(spot: Spot, ring: Ring) -> bool:
    """Tell whether a spot lies within a ring (even-odd rule)."""
    x, y = spot
    crossed = False
    for (x0, y0), (x1, y1) in edges_of(ring):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            crossed = not crossed
    return crossed


def is_in_rect(spot: Spot, rect: Rect, margin_m: float = 0.0) -> bool:
    """Tell whether a spot lies in a rectangle widened by a margin."""
    return rect[0] - margin_m <= spot[0] <= rect[2] + margin_m and rect[1] - margin_m <= spot[1] <= rect[3] + margin_m


def overlap(one: Rect, other: Rect) -> bool:
    """Tell whether two rectangles share more than an edge."""
    return (
        min(one[2], other[2]) - max(one[0], other[0]) > NEAR_M
        and min(one[3], other[3]) - max(one[1], other[1]) > NEAR_M
    )


def shared_edges(one: Ring, other: Ring) -> list[tuple[Spot, Spot]]:
    """Return the stretches of wall that two rings have in common, longest first."""
    found = [shared for a in edges_of(one) for b in edges_of(other) if (shared := _common(a, b)) is not None]
    return sorted(found, key=lambda edge: (-length_m(edge), edge))


def length_m(edge: tuple[Spot, Spot]) -> float:
    """Return the length of a stretch."""
    (x0, y0), (x1, y1) = edge
    return hypot(x1 - x0, y1 - y0)


def cut(edge: tuple[Spot, Spot], middle_m: float, width_m: float) -> tuple[Spot, Spot]:
    """Return the piece of an edge that is `width_m` wide around `middle_m` from its begin."""
    return _along(edge, middle_m - width_m / 2), _along(edge, middle_m + width_m / 2)


def place_on(edge: tuple[Spot, Spot], spot: Spot) -> tuple[float, float]:
    """Return how far along an edge a spot lies, and how far away from it."""
    (x0, y0), (x1, y1) = edge
    far = length_m(edge)
    ux, uy = (x1 - x0) / far, (y1 - y0) / far
    dx, dy = spot[0] - x0, spot[1] - y0
    return dx * ux + dy * uy, abs(dx * uy - dy * ux)


def free_spot(ring: Ring, holes: Sequence[Rect], corner: int | None = None) -> Spot:
    """Return a spot of a ring that lies in no hole: near its middle, or near a corner of its box (0 to 3)."""
    x0, y0, x1, y1 = box_of(ring)
    if corner is not None:
        edge_m = min(EDGE_M, (x1 - x0) / 4, (y1 - y0) / 4)
        x0, y0, x1, y1 = x0 + edge_m, y0 + edge_m, x1 - edge_m, y1 - edge_m
    aim = middle_of((x0, y0, x1, y1)) if corner is None else ring_of((x0, y0, x1, y1))[corner]

    def is_free(spot: Spot) -> bool:
        return is_inside(spot, ring) and not any(is_in_rect(spot, hole, 0.6) for hole in holes)

    if is_free(aim):
        return aim
    shares = [(i + 0.5) / 41 for i in range(41)]
    spots = [(x0 + i * (x1 - x0), y0 + j * (y1 - y0)) for i in shares for j in shares]
    spots.sort(key=lambda s: (round(hypot(s[0] - aim[0], s[1] - aim[1]), 6), s))
    # thinner than the grid of spots: an edge is as near as it gets
    return next(filter(is_free, spots), middle_of((*ring[0], *ring[1])))


def _along(edge: tuple[Spot, Spot], far_m: float) -> Spot:
    (x0, y0), (x1, y1) = edge
    share = far_m / length_m(edge)
    return (x0 + (x1 - x0) * share, y0 + (y1 - y0) * share)


def _common(one: tuple[Spot, Spot], other: tuple[Spot, Spot]) -> tuple[Spot, Spot] | None:
    """Return what two edges on one straight line have in common, None where they have less than a centimetre."""
    if any(place_on(one, end)[1] > NEAR_M for end in other):
        return None
    first, last = sorted(place_on(one, end)[0] for end in other)
    begin, end = max(0.0, first), min(length_m(one), last)
    return (_along(one, begin), _along(one, end)) if end - begin > 0.01 else None
