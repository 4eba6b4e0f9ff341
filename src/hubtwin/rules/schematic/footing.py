"""Whether what a plan places fits: links and fixtures inside their units, zones of a level beside each other."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations

from hubtwin.base.errors import Malformed
from hubtwin.rules.schematic.plane import NEAR_M, box_of, is_inside, overlap, ring_of
from hubtwin.rules.schematic.records import WALK, Plan, Rect, Ring


@dataclass(frozen=True)
class Footing:
    """Parts of each level, and the holes that links cut into each unit, by code."""

    parts: dict[str, tuple[Rect, ...]]
    holes: dict[str, tuple[Rect, ...]]


def stand(plan: Plan) -> Footing:
    """Return what levels and units consist of. Raises Malformed where a thing stands outside, or two overlap."""
    units = {unit.code: unit for unit in plan.units}
    holes: dict[str, list[Rect]] = defaultdict(list)
    for link in plan.links:
        for code, rect in zip(link.units, link.rects, strict=True):
            if not _fits(rect, units[code].ring):
                raise Malformed("rules.schematic.outside", entry=f"links.{link.code}", unit=code)
            if link.kind == WALK:
                continue
            if any(overlap(rect, other) for other in holes[code]):
                raise Malformed("rules.schematic.overlapping", one=f"links.{link.code}", other=code)
            holes[code].append(rect)
    for fixture in plan.fixtures:
        if fixture.unit and not _fits(fixture.rect, units[fixture.unit].ring):
            raise Malformed("rules.schematic.outside", entry=f"fixtures.{fixture.code}", unit=fixture.unit)
    parts = {}
    for level in plan.levels:
        here = [unit for unit in plan.units if unit.level == level.code]
        for one, other in combinations(here, 2):  # boxes: exact for rectangles, strict for other shapes
            if overlap(box_of(one.ring), box_of(other.ring)):
                raise Malformed("rules.schematic.overlapping", one=one.code, other=other.code)
        around = box_of(tuple(corner for unit in here for corner in unit.ring)) if here else (0.0, 0.0, 1.0, 1.0)
        parts[level.code] = level.rects or (around,)
        for unit in here:
            if not any(_holds(part, box_of(unit.ring)) for part in parts[level.code]):
                raise Malformed("rules.schematic.outside", entry=f"units.{unit.code}", unit=level.code)
    return Footing(parts, {unit.code: tuple(sorted(holes[unit.code])) for unit in plan.units})


def _fits(rect: Rect, ring: Ring) -> bool:
    """Tell whether a rectangle lies inside a ring without touching it: its corners, pushed out by a centimetre, do."""
    x0, y0, x1, y1 = rect
    wider = (x0 - 0.01, y0 - 0.01, x1 + 0.01, y1 + 0.01)
    return all(is_inside(corner, ring) for corner in ring_of(wider))


def _holds(outer: Rect, inner: Rect) -> bool:
    return (
        outer[0] <= inner[0] + NEAR_M
        and outer[1] <= inner[1] + NEAR_M
        and inner[2] <= outer[2] + NEAR_M
        and inner[3] <= outer[3] + NEAR_M
    )
