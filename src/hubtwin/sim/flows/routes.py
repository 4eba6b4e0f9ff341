"""Which zones a walk passes, and for how long: the shortest way of the venue, cut at the borders of its units."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import hypot

import shapely

from hubtwin.base.errors import Absent
from hubtwin.model.venue import Point, Unit, Venue
from hubtwin.model.walking import Leg
from hubtwin.rules.venue_shapes import Plane
from hubtwin.rules.walking import WalkingGraph

Route = tuple[
    tuple[str, float], ...
]  # zones in order, each with its seconds; begins in the first place, ends in the last
Find = Callable[[str, str], Route]
STEP_M = 8.0  # a walk is looked at so often
STRAIGHT_S = 120.0  # between two places where there is no venue, or no way in it


def straight(start: str, end: str) -> Route:
    """Return a walk that knows nothing of the venue: half of it here, half of it there."""
    return ((start, STRAIGHT_S / 2), (end, STRAIGHT_S / 2))


def route_finder(venue: Venue, graph: WalkingGraph) -> Find:
    """Return what finds the zones of a walk between two places by code; straight where the venue knows no way."""
    plane, floors = Plane(*venue.point), _floors(venue)

    @cache
    def find(start: str, end: str) -> Route:
        try:
            way = graph.find_way(start, end)
        except Absent:
            way = None
        if way is None or not way.legs:
            return straight(start, end)
        passed: list[tuple[str, float]] = [(start, 0.0)]
        for leg in way.legs:
            for zone, seconds in _along(leg, floors[leg.level_id], plane):
                if zone is None or zone == passed[-1][0]:
                    passed[-1] = (passed[-1][0], passed[-1][1] + seconds)
                else:
                    passed.append((zone, seconds))
        if passed[-1][0] != end:
            passed.append((end, 0.0))
        return tuple(passed)

    return find


@dataclass(frozen=True)
class _Floor:
    """The units of a level, to be asked for many points at once."""

    codes: tuple[str, ...]
    tree: shapely.STRtree

    def zones_at(self, points: Sequence[Point]) -> list[str | None]:
        """Return the code of the unit at each point, None where there is none."""
        found: list[str | None] = [None] * len(points)
        at, units = self.tree.query(shapely.points(points), predicate="intersects")
        for place, unit in zip(at.tolist(), units.tolist(), strict=True):
            found[place] = found[place] or self.codes[unit]
        return found


def _floors(venue: Venue) -> dict[str, _Floor]:
    plane, by_level = Plane(*venue.point), dict[str, list[Unit]]()
    for unit in venue.units:
        by_level.setdefault(unit.level_id, []).append(unit)
    return {
        level.feature_id: _Floor(
            tuple(unit.code for unit in by_level.get(level.feature_id, ())),
            shapely.STRtree([plane.draw(unit.shape) for unit in by_level.get(level.feature_id, ())]),
        )
        for level in venue.levels
    }


def _along(leg: Leg, floor: _Floor, plane: Plane) -> list[tuple[str | None, float]]:
    """Return (zone, seconds) of the pieces of a leg in order; on stairs and in lifts the zone is that of its foot."""
    points: list[Point] = []
    lengths: list[float] = []
    metres = [plane.to_metres(point) for point in leg.path]
    for (x1, y1), (x2, y2) in pairwise(metres):
        length = hypot(x2 - x1, y2 - y1)
        count = max(1, round(length / STEP_M))
        for number in range(count):
            share = (number + 0.5) / count
            points.append((x1 + share * (x2 - x1), y1 + share * (y2 - y1)))
            lengths.append(length / count)
    total = sum(lengths)
    shares = [length / total if total else 1 / len(lengths) for length in lengths]
    return [(zone, leg.seconds * share) for zone, share in zip(floor.zones_at(points), shares, strict=True)]
