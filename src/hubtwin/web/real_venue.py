"""The venue of a hub at work, for pages: drawn once for each edition of its archive; ways on demand."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from threading import Lock

from hubtwin.base.errors import Absent, Malformed
from hubtwin.base.text import printable
from hubtwin.model import venue as v
from hubtwin.model.walking import Leg
from hubtwin.rules.hub_walks import find_place
from hubtwin.rules.venue_shapes import as_geojson, list_points
from hubtwin.settings import Settings
from hubtwin.web import shown
from hubtwin.web.schemas import venue as sv
from hubtwin.web.schemas.hub import Words
from hubtwin.web.wire import encode
from hubtwin.wiring.venues import Drawn, open_drawn

NOTHING = Words("", "")


@dataclass
class RealVenue:
    """`web.desk_venue.VenueDesk` of a hub."""

    settings: Settings

    def __post_init__(self) -> None:
        """Nothing is drawn before somebody asks."""
        self._lock = Lock()
        self._kept: sv.Kept | None = None

    def venue(self) -> sv.Kept:
        """Return the venue as JSON. Raises Absent."""
        drawn = self._drawn()
        with self._lock:
            if self._kept is None or self._kept.etag != drawn.etag:
                assert drawn.venue is not None
                self._kept = sv.Kept(drawn.etag, encode(show_venue(drawn.venue)))
            return self._kept

    def way(self, start: str, end: str, *, step_free: bool) -> sv.WayReply:
        """Return the shortest way. Raises Absent for a place that is not known, Malformed where no way is left."""
        drawn = self._drawn()
        closed = self.settings.venue.closed if self.settings.venue else ()
        graph = drawn.graph
        places = [find_place(graph, place) or place for place in (start, end)]
        found = graph.find_way(*places, step_free=step_free, closed=closed)
        if found is None:
            raise Malformed("web.no_way", start=printable(start), end=printable(end))
        assert drawn.venue is not None
        features = {each.feature_id: each for each in drawn.venue.list_features()}
        legs = [_leg(leg, features.get(leg.to_id)) for leg in found.legs]
        return sv.WayReply(round(found.seconds, 1), round(found.length_m, 1), step_free, legs)

    def _drawn(self) -> Drawn:
        drawn = open_drawn(self.settings)
        if drawn is None:
            raise Absent("web.no_venue")
        return drawn


def show_venue(venue: v.Venue) -> sv.VenueReply:
    """Return a venue as pages read it."""
    return sv.VenueReply(
        venue_id=venue.feature_id,
        name=shown.named(venue.name or {}),
        note=shown.named(venue.note) if venue.note else NOTHING,
        schematic=venue.schematic,
        centre=venue.point,
        levels=[_level(level) for level in sorted(venue.levels, key=lambda level: (level.ordinal, level.elevation_m))],
        features=[*_placed(venue), *_links(venue)],
        surroundings=[_surrounding(each) for each in venue.surroundings],
    )


def _level(level: v.Level) -> sv.LevelView:
    return sv.LevelView(
        level_id=level.feature_id,
        code=level.code,
        ordinal=level.ordinal,
        name=shown.named(level.name or {}),
        short_name=shown.named(level.short_name),
        elevation_m=level.elevation_m,
        height_m=level.height_m,
        outdoor=level.outdoor,
    )


def _placed(venue: v.Venue) -> Iterator[sv.VenueFeature]:
    for unit in venue.units:
        yield _feature(unit, "unit", persons=unit.persons)
    for opening in venue.openings:
        yield _feature(opening, "opening", per_min=opening.persons_per_min)
    for fixture in venue.fixtures:
        yield replace(_feature(fixture, "fixture"), category=fixture.use or fixture.category)  # a camera, a check gate
    for amenity in venue.amenities:
        yield _feature(amenity, "amenity")
    for kiosk in venue.kiosks:
        yield _feature(kiosk, "kiosk")
    for footprint in venue.footprints:
        yield _feature(footprint, "footprint")
    for section in venue.sections:
        yield _feature(section, "section")


def _feature(
    feature: v.Placed, kind: sv.FeatureKind, *, persons: int | None = None, per_min: float | None = None
) -> sv.VenueFeature:
    return sv.VenueFeature(
        *(feature.feature_id, feature.code, kind, feature.category, feature.level_id or None),
        name=shown.named(feature.name) if feature.name else None,
        geometry=as_geojson(feature.shape),
        persons=persons,
        persons_per_min=per_min,
        basis=feature.basis.value,
        source=feature.source,
    )


def _surrounding(one: v.Surrounding) -> sv.SurroundingView:
    name = shown.named(one.name) if one.name else None
    drawn = as_geojson(one.shape)
    return sv.SurroundingView(one.code, one.kind.value, name, drawn, one.width_m, one.basis.value, one.source)


def _links(venue: v.Venue) -> Iterator[sv.VenueFeature]:
    """A link is drawn by its own geometry, else as a line between the middles of its two ends; on no level."""
    middles = {each.feature_id: _middle(each) for each in (*venue.units, *venue.openings)}
    for link in venue.links:
        ends = [middles.get(link.origin_id), middles.get(link.destination_id)]
        if link.shape is None and None in ends:
            continue
        drawn = as_geojson(link.shape) if link.shape else {"type": "LineString", "coordinates": ends}
        yield sv.VenueFeature(
            *(link.feature_id, link.code, "link", link.kind.value, None),
            name=shown.named(link.name) if link.name else None,
            geometry=drawn,
            persons=None,
            persons_per_min=link.persons_per_min,
            basis=link.basis.value,
            source=link.source,
        )


def _middle(feature: v.Placed) -> v.Point:
    """Return the label of a feature, else the middle of the corners of its first ring or of its line."""
    if feature.point is not None:
        return feature.point
    points = list(list_points(feature.shape))
    points = points[: points.index(points[0], 1)] if points[0] in points[1:] else points
    return sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)


def _leg(leg: Leg, end: v.Feature | None) -> sv.LegView:
    return sv.LegView(
        level_id=leg.level_id,
        by=leg.by.value,
        seconds=round(leg.seconds, 1),
        length_m=round(leg.length_m, 1),
        path=leg.path,
        to_code=end.code if end else "",
        to_name=shown.named(end.name) if end and end.name else None,
    )
