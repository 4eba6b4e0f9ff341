"""Where an opening lies: on the wall that its two units share, or on the outer wall of one."""

from collections.abc import Mapping

from hubtwin.base.errors import Malformed
from hubtwin.rules.schematic.plane import cut, edges_of, length_m, middle_of, place_on, shared_edges
from hubtwin.rules.schematic.records import ELEVATOR, LevelPlan, LinkPlan, OpeningPlan, Spot, UnitPlan

_OFF_M = 0.05  # how far beside the wall the middle of an opening may be told


def lay_opening(
    opening: OpeningPlan, units: Mapping[str, UnitPlan], levels: Mapping[str, LevelPlan]
) -> tuple[Spot, Spot]:
    """Return the two ends of an opening in metres. Raises Malformed where no wall is wide enough for it.

    Without `at` it lies in the middle of the longest stretch that both units share.
    """
    if not 0 < len(opening.joins) <= 2 or (len(opening.joins) == 1) != (opening.line is not None):
        raise Malformed("rules.schematic.wrong", entry=f"openings.{opening.code}", need="two units, or one and a line")
    first, last = units[opening.joins[0]], units[opening.joins[-1]]
    if opening.line is not None:
        ends = ((opening.line[0], opening.line[1]), (opening.line[2], opening.line[3]))
        walls = [edge for edge in edges_of(first.ring) if all(place_on(edge, end)[1] < _OFF_M for end in ends)]
        if not walls or abs(length_m(ends) - opening.width_m) > _OFF_M:
            raise _apart(opening, first, last)
        return ends
    if levels[first.level].code != levels[last.level].code:
        raise _apart(opening, first, last)
    for edge in shared_edges(first.ring, last.ring):
        middle_m, off_m = (length_m(edge) / 2, 0.0) if opening.at is None else place_on(edge, opening.at)
        if off_m < _OFF_M and opening.width_m / 2 <= min(middle_m, length_m(edge) - middle_m) + 1e-6:
            return cut(edge, middle_m, opening.width_m)
    raise _apart(opening, first, last)


def lay_door(link: LinkPlan, position: int, *, upper: bool) -> tuple[Spot, Spot]:
    """Return the door of a link on one of its levels, in metres.

    Stairs and escalators open at the short side that is away from their other end; where both ends lie over each other,
    on the upper level at the side away from the middle of the venue. A lift opens at one side on every level.
    """
    x0, y0, x1, y1 = link.rects[position]
    axis = 1 if y1 - y0 >= x1 - x0 else 0
    here = middle_of(link.rects[position])[axis]
    away_m = here - middle_of(link.rects[1 if position == 0 else position - 1])[axis]
    if abs(away_m) <= _OFF_M:
        away_m = here if upper else -here
    high = link.kind != ELEVATOR and away_m > 0
    if axis == 1:
        y = y1 if high else y0
        wall = ((x0, y), (x1, y))
    else:
        x = x1 if high else x0
        wall = ((x, y0), (x, y1))
    return cut(wall, length_m(wall) / 2, min(link.width_m, length_m(wall)))


def _apart(opening: OpeningPlan, one: UnitPlan, other: UnitPlan) -> Malformed:
    return Malformed(
        "rules.schematic.apart",
        entry=f"openings.{opening.code}",
        one=one.code,
        other=other.code,
        width=opening.width_m,
    )
