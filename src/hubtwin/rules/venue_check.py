"""The check of an archive: the standard, how features lie to each other, our extension, and use as a walking graph.

Three severities: an error breaks the standard (IMDF 1.0.0, OGC 20-094), a warning breaks a use of ours (a map, a way,
an evacuation), a note is only told.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import shapely

from hubtwin.model.venue import Archive, Placed, RawFeature, Severity, Shape, Venue, VenueFinding
from hubtwin.rules.venue_extension import check_extension
from hubtwin.rules.venue_shapes import Plane
from hubtwin.rules.venue_standard import check_features
from hubtwin.rules.venue_use import check_use
from hubtwin.rules.walking_build import is_walkable
from hubtwin.rules.walking_speeds import get_figures

SLACK_M = 0.1  # how far a drawing may miss an edge
OVERLAP_M2 = 0.5  # more than that of two units is no matter of rounding
WIDEST_KM = 20.0  # of a venue; beyond, coordinates of two systems were mixed
ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
AREAS = ("Polygon", "MultiPolygon")


def check_archive(archive: Archive, venue: Venue | None) -> list[VenueFinding]:
    """Return all findings about an archive and the venue made of it, the worst first."""
    findings = [*check_features(archive)]
    if venue is not None:
        findings += check_lie(archive, venue)
        findings += check_extension(archive, venue)
        findings += check_use(venue)
    return sort_findings(findings)


def sort_findings(findings: Iterable[VenueFinding]) -> list[VenueFinding]:
    """Return findings by severity, each kind together, in the order of the files."""
    return sorted(findings, key=lambda each: (ORDER[each.severity], each.key))


def check_lie(archive: Archive, venue: Venue) -> Iterator[VenueFinding]:
    """Yield what is wrong with how features lie: in their level, on edges, over each other, one level above another."""
    drawing = _Drawing(archive, venue)
    yield from drawing.extent()
    yield from drawing.invalid()
    yield from drawing.levels()
    yield from drawing.inside()
    yield from drawing.openings()
    yield from drawing.overlaps()
    yield from drawing.points()


class _Drawing:
    """The features of a venue drawn on its plane."""

    def __init__(self, archive: Archive, venue: Venue) -> None:
        self.venue, self.plane = venue, Plane(*venue.point)
        self.raw: dict[str, RawFeature] = {each.feature_id: each for each in archive.features}
        self.shapes: dict[str, Any] = {venue.feature_id: self.plane.draw(venue.shape)}
        for feature in venue.list_features():
            shape = getattr(feature, "shape", None)
            if isinstance(shape, Shape):
                self.shapes[feature.feature_id] = self.plane.draw(shape)
        self.drawn = {
            each: shape if shape.is_valid else shapely.make_valid(shape) for each, shape in self.shapes.items()
        }

    def say(self, feature_id: str, key: str, severity: Severity = Severity.ERROR, /, **values: object) -> VenueFinding:
        raw = self.raw.get(feature_id)
        return VenueFinding(severity, f"rules.venue_{key}", feature_id, raw.where if raw else "", values)

    def extent(self) -> Iterator[VenueFinding]:
        """A venue of a size that no station has holds coordinates of another place or system."""
        boxes = [shape.bounds for shape in self.shapes.values() if not shape.is_empty]
        width = max(box[2] for box in boxes) - min(box[0] for box in boxes)
        depth = max(box[3] for box in boxes) - min(box[1] for box in boxes)
        if max(width, depth) > WIDEST_KM * 1000:
            widest = round(max(width, depth) / 1000, 1)
            yield self.say(self.venue.feature_id, "too_wide", Severity.WARNING, km=widest, most=WIDEST_KM)

    def invalid(self) -> Iterator[VenueFinding]:
        """RFC 7946 and simple features: a polygon does not cross itself."""
        for feature_id, shape in self.shapes.items():
            if shape.geom_type in AREAS and not shape.is_valid:
                yield self.say(feature_id, "crosses_itself", problem=shapely.is_valid_reason(shape)[:80])

    def levels(self) -> Iterator[VenueFinding]:
        """Levels of one ordinal do not overlap; a higher ordinal is not lower; one of them is the ground."""
        levels = sorted(self.venue.levels, key=lambda level: level.ordinal)
        if levels and all(level.ordinal != 0 for level in levels):
            yield self.say(self.venue.feature_id, "no_ground", Severity.WARNING)
        for place, low in enumerate(levels):
            for high in levels[place + 1 :]:
                if low.ordinal == high.ordinal and self._overlap(low.feature_id, high.feature_id) > OVERLAP_M2:
                    yield self.say(high.feature_id, "same_ordinal", ordinal=low.ordinal, other=low.code)
                if low.ordinal < high.ordinal and low.elevation_m >= high.elevation_m:
                    values = {"low": low.code, "low_m": low.elevation_m, "high": high.code, "high_m": high.elevation_m}
                    yield self.say(high.feature_id, "elevation_order", Severity.WARNING, **values)

    def _overlap(self, a: str, b: str) -> float:
        return float(self.drawn[a].intersection(self.drawn[b]).area)

    def inside(self) -> Iterator[VenueFinding]:
        """Units, openings, fixtures, kiosks and sections lie in their level."""
        wide = {level.feature_id: self.drawn[level.feature_id].buffer(SLACK_M) for level in self.venue.levels}
        for shape in wide.values():
            shapely.prepare(shape)
        groups = (self.venue.units, self.venue.openings, self.venue.fixtures, self.venue.kiosks, self.venue.sections)
        placed: Iterable[Placed] = (each for group in groups for each in group)
        for each in placed:
            if not wide[each.level_id].covers(self.drawn[each.feature_id]):
                yield self.say(each.feature_id, "outside_level", code=each.code)

    def openings(self) -> Iterator[VenueFinding]:
        """An opening lies on the edge of a unit of its level."""
        by_level: dict[str, list[Any]] = defaultdict(list)
        for unit in self.venue.units:
            by_level[unit.level_id].append(self.drawn[unit.feature_id].boundary)
        trees = {level: shapely.STRtree(edges) for level, edges in by_level.items()}
        reach = float(get_figures()["openings"]["reach_m"])
        for opening in self.venue.openings:
            tree, middle = trees.get(opening.level_id), self.drawn[opening.feature_id].interpolate(0.5, normalized=True)
            if tree is None or not len(tree.query(middle, predicate="dwithin", distance=reach)):
                yield self.say(opening.feature_id, "off_edge", code=opening.code, reach=reach)

    def overlaps(self) -> Iterator[VenueFinding]:
        """Two units of a level in which people walk do not share floor."""
        by_level: dict[str, list[str]] = defaultdict(list)
        codes = {unit.feature_id: unit.code for unit in self.venue.units}
        for unit in filter(is_walkable, self.venue.units):
            by_level[unit.level_id].append(unit.feature_id)
        for ids in by_level.values():
            shapes = [self.drawn[each] for each in ids]
            for i, j in zip(*shapely.STRtree(shapes).query(shapes, predicate="intersects"), strict=True):
                if i < j and (area := self._overlap(ids[i], ids[j])) > OVERLAP_M2:
                    values = {"code": codes[ids[j]], "other": codes[ids[i]], "area": round(area, 1)}
                    yield self.say(ids[j], "overlap", Severity.WARNING, **values)

    def points(self) -> Iterator[VenueFinding]:
        """Display points lie in their feature, anchors and amenities in their unit."""
        for feature in (self.venue, *self.venue.list_features()):
            point, shape = getattr(feature, "point", None), self.drawn.get(feature.feature_id)
            if point is None or shape is None or shape.geom_type == "Point":
                continue
            if shape.distance(shapely.Point(self.plane.to_metres(point))) > SLACK_M:
                yield self.say(feature.feature_id, "display_point_outside", code=feature.code)
        tied = [(anchor, (anchor.unit_id,)) for anchor in self.venue.anchors]
        for each, unit_ids in [*tied, *((amenity, amenity.unit_ids) for amenity in self.venue.amenities)]:
            units = [self.drawn[unit_id] for unit_id in unit_ids if unit_id in self.drawn]
            if units and min(unit.distance(self.drawn[each.feature_id]) for unit in units) > SLACK_M:
                yield self.say(each.feature_id, "outside_unit", code=each.code)


def count_by_severity(findings: Iterable[VenueFinding]) -> dict[str, int]:
    """Return how many findings there are of each severity, zero included."""
    held = Counter(finding.severity for finding in findings)
    return {severity.value: held[severity] for severity in Severity}
