"""Walking inside one unit: its free floor, and which points see each other across it.

The shortest way between two points of a polygon is straight where they see each other, and bends at inner corners
where they do not (visibility graph). Distances are in metres on the plane of the venue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import dist
from typing import Any

import numpy as np
import shapely
from shapely.geometry.polygon import orient

from hubtwin.model.venue import Point

SLACK_M = 0.02  # a way along a wall is a way, and a drawing is rounded
FEW = 8
OUTSIDE_M = 10.0  # as far around a floor as it is looked whether a line leaves it


@dataclass(frozen=True)
class Floor:
    """The free floor of a unit: its polygon without what stands in it."""

    space: Any

    @property
    def is_open(self) -> bool:
        """Return whether there is any floor to walk on."""
        return bool(not self.space.is_empty and self.space.area > 0)

    @cached_property
    def is_plain(self) -> bool:
        """Return whether every point sees every other: one convex piece without holes."""
        if self.space.geom_type != "Polygon":
            return False
        return bool(self.space.convex_hull.area <= self.space.area * (1 + 1e-9) + 1e-6)

    @cached_property
    def _barred(self) -> Any:
        """Return what a line of sight may not touch: everything around the floor and in its holes."""
        around = shapely.box(*self.space.bounds).buffer(OUTSIDE_M, join_style="mitre")
        barred = around.difference(self.space.buffer(SLACK_M, join_style="mitre"))
        shapely.prepare(barred)
        return barred

    def place(self, point: Point) -> Point:
        """Return a point itself where it is on the floor, else the nearest one that is."""
        dot = shapely.Point(point)
        if self.space.covers(dot):
            return point
        near = shapely.get_point(shapely.shortest_line(self.space, dot), 0)
        return near.x, near.y

    @cached_property
    def _turns(self) -> Any:
        """Return an array of corners: their place, the side before and the side behind (2 columns each)."""
        found = [np.empty((0, 6))]
        for piece in [] if self.is_plain else getattr(self.space, "geoms", [self.space]):
            whole = orient(piece)
            found += [_right_turns(np.asarray(ring.coords)[:-1]) for ring in (whole.exterior, *whole.interiors)]
        return np.concatenate(found)

    @property
    def corners(self) -> list[Point]:
        """Return the inner corners, those at which a shortest way may bend; none where every point sees every other."""
        return [] if self.is_plain else [(float(x), float(y)) for x, y in self._turns[:, :2]]

    def pairs(self, points: Sequence[Point], among: int | None = None) -> list[tuple[int, int, float]]:
        """Return (i, j, metres) with i < j for each two that see each other: `points`, and behind them the corners.

        A shortest way only touches a corner, so a line that would cross the wall behind one is left out. With
        `among`, only pairs that hold one of the first `among` points.
        """
        if self.is_plain and len(points) <= FEW:  # most rooms: not worth an array
            ends = combinations(range(len(points)), 2)
            return [(i, j, dist(points[i], points[j])) for i, j in ends if among is None or i < among]
        given = np.asarray(points, dtype=float).reshape(-1, 2)
        spots = np.concatenate([given, self._turns[:, :2]])
        left, right = np.triu_indices(len(spots), 1)
        if among is not None:
            kept = left < among
            left, right = left[kept], right[kept]
        if not self.is_plain and len(left):
            kept = self._touches(spots, left, right, len(given)) & self._touches(spots, right, left, len(given))
            left, right = left[kept], right[kept]
            lines = shapely.linestrings(np.stack([spots[left], spots[right]], axis=1))
            seen = ~shapely.intersects(self._barred, lines)
            left, right = left[seen], right[seen]
        lengths = np.hypot(*(spots[left] - spots[right]).T)
        return list(zip(left.tolist(), right.tolist(), lengths.tolist(), strict=True))

    def _touches(self, spots: Any, start: Any, end: Any, first: int) -> Any:
        """Return for each line whether it passes its end without going into the wall there; true where that is no
        corner."""
        way = spots[end] - spots[start]
        turns = self._turns[np.maximum(end - first, 0)] if len(self._turns) else np.zeros((len(end), 6))
        sides = [way[:, 0] * turns[:, k + 1] - way[:, 1] * turns[:, k] for k in (2, 4)]
        return (end < first) | (sides[0] * sides[1] >= -1e-9)


def _right_turns(ring: Any) -> Any:
    """Return the corners of a ring that turn right; with outer rings counter-clockwise these are the inner ones."""
    into, out = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    turn = into[:, 0] * out[:, 1] - into[:, 1] * out[:, 0]
    return np.concatenate([ring, -into, out], axis=1)[turn < -1e-9]
