"""Walking inside one unit: its free floor, and which points see each other across it.

The shortest way between two points of a polygon is straight where they see each other, and bends at inner corners
where they do not (visibility graph). Distances are in metres on the plane of the venue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely

from hubtwin.model.venue import Point

SLACK_M = 0.02  # a way along a wall is a way, and a drawing is rounded
MOST_CORNERS = 600  # beyond, corners of small things are left out: ways get a little longer, never wrong


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
    def _seen_through(self) -> Any:
        wide = self.space.buffer(SLACK_M, join_style="mitre")
        shapely.prepare(wide)
        return wide

    def place(self, point: Point) -> Point:
        """Return a point itself where it is on the floor, else the nearest one that is."""
        dot = shapely.Point(point)
        if self.space.covers(dot):
            return point
        near = shapely.ops.nearest_points(self.space, dot)[0]
        return near.x, near.y

    @cached_property
    def corners(self) -> list[Point]:
        """Return the inner corners, those at which a shortest way may bend; none where every point sees every other."""
        if self.is_plain:
            return []
        found: list[Point] = []
        for piece in getattr(self.space, "geoms", [self.space]):
            whole = shapely.geometry.polygon.orient(piece)
            for ring in (whole.exterior, *whole.interiors):
                found += _right_turns(np.asarray(ring.coords)[:-1])
        return found[:MOST_CORNERS]

    def pairs(self, points: Sequence[Point], among: int | None = None) -> list[tuple[int, int, float]]:
        """Return (i, j, metres) with i < j for each two points that see each other.

        With `among`, only pairs that hold one of the first `among` points.
        """
        spots = np.asarray(points, dtype=float).reshape(-1, 2)
        left, right = np.triu_indices(len(spots), 1)
        if among is not None:
            kept = left < among
            left, right = left[kept], right[kept]
        lengths = np.hypot(*(spots[left] - spots[right]).T)
        if not self.is_plain and len(left):
            lines = shapely.linestrings(np.stack([spots[left], spots[right]], axis=1))
            seen = shapely.covers(self._seen_through, lines) | (lengths == 0)
            left, right, lengths = left[seen], right[seen], lengths[seen]
        return list(zip(left.tolist(), right.tolist(), lengths.tolist(), strict=True))


def _right_turns(ring: Any) -> list[Point]:
    """Return the corners of a ring that turn right; with outer rings counter-clockwise these are the inner ones."""
    into, out = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    turn = into[:, 0] * out[:, 1] - into[:, 1] * out[:, 0]
    return [(float(x), float(y)) for x, y in ring[turn < -1e-9]]
