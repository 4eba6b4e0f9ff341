"""The places of a venue as far as things need them: points, levels, areas, and which scale of crowding holds."""

from hubtwin.model.venue import Placed, Venue
from hubtwin.rules.crowding import scale_of
from hubtwin.rules.things import Ground, Grounds
from hubtwin.rules.venue_shapes import Plane


def grounds_of(venue: Venue) -> Grounds:
    """Return units, openings, fixtures and amenities by code; square metres of units in the plane of the venue."""
    plane, levels = Plane(*venue.point), {level.feature_id: level.code for level in venue.levels}
    found: dict[str, Ground] = {}
    spots: tuple[Placed, ...] = (*venue.amenities, *venue.openings, *venue.fixtures, *venue.units)  # units win a code
    units = {unit.feature_id for unit in venue.units}
    for spot in spots:
        lon, lat = spot.point or (None, None)
        area = float(plane.draw(spot.shape).area) if spot.feature_id in units else 0.0
        found[spot.code] = Ground(lon, lat, levels.get(spot.level_id, ""), area or None, scale_of(spot.category))
    return found
