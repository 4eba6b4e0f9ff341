"""From a plan to the features of an IMDF archive (OGC 20-094, IMDF 1.0.0) and to our extension of it.

Ids are UUIDs of version 5 over the code of the venue and of the element: the same description gives the same ids.
Stairs, escalators and lifts are units of every level they touch, cut out of the zone they stand in and open to it by a
door; a relationship joins the unit of one level with that of the next.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from hubtwin.base.errors import Malformed
from hubtwin.model.venue import SURROUNDINGS, Archive, RawFeature
from hubtwin.rules.schematic.capacity import link_length_m, link_per_min, opening_per_min, persons_in
from hubtwin.rules.schematic.footing import Footing, stand
from hubtwin.rules.schematic.openings import lay_door, lay_opening
from hubtwin.rules.schematic.plane import Plane, box_of, free_spot, length_m, middle_of, ring_of, signed_area_m2
from hubtwin.rules.schematic.records import (
    ELEVATOR,
    INFERRED,
    PUBLISHED,
    RAMP,
    WALK,
    Basis,
    FixturePlan,
    LinkPlan,
    Names,
    OpeningPlan,
    Plan,
    Rect,
    Spot,
    UnitPlan,
)
from hubtwin.rules.schematic.surroundings import draw_surroundings

OPENING_CATEGORY = {
    "passage": "pedestrian",
    "door": "pedestrian",
    "gates": "pedestrian.transit",
    "emergency": "emergencyexit",
    "out": "pedestrian.principal",
}
STEP_FREE = (ELEVATOR, RAMP, WALK)
NO_ADDRESS = dict.fromkeys(("unit", "postal_code", "postal_code_ext", "postal_code_vanity"))
WATCH_M = 0.5  # half the side of the square that stands for a camera or a counter
WATCH_NAMES = {"camera": {"zh": "摄像机", "en": "Camera"}, "counter": {"zh": "客流计数器", "en": "People counter"}}
WATCH_CODES = {"camera": "CAM", "counter": "CNT"}
INFERRED_BASIS = Basis(INFERRED)


def draw(plan: Plan) -> Archive:
    """Return the archive of a plan, the same for the same plan.

    Raises Malformed where an opening, a link or a fixture does not fit its units, and for a code that is given twice.
    """
    return _Sheet(plan).finish()


class _Sheet:
    """The features and the extension while they are put together."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.plane = plan, Plane(plan.lon, plan.lat, plan.bearing_deg)
        self.units = {unit.code: unit for unit in plan.units}
        self.levels = {level.code: level for level in plan.levels}
        self.footing: Footing = stand(plan)
        self.features: list[RawFeature] = []
        self.codes = set[str]()
        self.told: dict[str, dict[str, Any]] = defaultdict(dict)

    def finish(self) -> Archive:
        """Draw everything, in the order in which things refer to each other."""
        self._ground()
        for level in self.plan.levels:
            self._level(level.code)
        for unit in self.plan.units:
            self._unit(unit)
        for link in self.plan.links:
            self._link(link)
        self._openings()
        for fixture in [*self.plan.fixtures, *self._watchers()]:
            self._fixture(fixture)
        self._amenities()
        manifest = {
            "version": "1.0.0",
            "created": self.plan.created,
            "generated_by": "hubtwin venue build",
            "language": self.plan.languages[0],
            "extensions": [],
        }
        keys = ("basis", "capacities", "codes", "covers", "levels", "links", "sources", "spaces", "uses")
        told = {key: dict(sorted(self.told[key].items())) for key in keys}
        extension: dict[str, Any] = {"version": 1, "schematic": True, "note": dict(self.plan.note), **told}
        if self.plan.surroundings:
            extension[SURROUNDINGS] = draw_surroundings(self.plan.surroundings, self.plane, self.id_of)
        return Archive(manifest, tuple(self.features), extension)

    def id_of(self, kind: str, code: str) -> str:
        """Return the UUID of an element."""
        return str(uuid5(NAMESPACE_URL, f"hubtwin:{self.plan.code}:{kind}:{code}"))

    def _add(self, kind: str, code: str, basis: Basis, geometry: Any, properties: Mapping[str, Any]) -> str:
        feature_id = self.id_of(kind, code)
        if code in self.codes:
            raise Malformed("rules.schematic.twice", entry=code)
        self.codes.add(code)
        self.features.append(RawFeature(feature_id, kind, geometry, dict(properties)))
        self.told["codes"][feature_id] = code
        self.told["basis"][feature_id] = basis.kind
        if basis.kind == PUBLISHED:
            self.told["sources"][feature_id] = basis.source
        return feature_id

    def _ground(self) -> None:
        """Draw the address, the venue, its building and the footprints."""
        address = self._add("address", "ADDRESS", INFERRED_BASIS, None, {**NO_ADDRESS, **self.plan.address})
        everything = _around([rect for level in self.plan.levels for rect in self.footing.parts[level.code]])
        named = {"name": dict(self.plan.name), "alt_name": None, "restriction": None, "address_id": address}
        middle = self.plane.point((0.0, 0.0))
        self._add(
            "venue",
            self.plan.code,
            INFERRED_BASIS,
            self.plane.polygon(ring_of(everything)),
            {**named, "category": self.plan.category, "display_point": middle}
            | dict.fromkeys(("hours", "phone", "website")),
        )
        building = self._add(
            "building",
            "BUILDING",
            INFERRED_BASIS,
            None,
            {**named, "category": "transit.train", "display_point": middle},
        )
        for category, chosen in (("aerial", 1), ("ground", 0), ("subterranean", -1)):
            rects = [
                rect
                for level in self.plan.levels
                if (level.ordinal > 0) - (level.ordinal < 0) == chosen
                for rect in self.footing.parts[level.code]
            ]
            if rects:
                shape = self.plane.polygon(ring_of(_around(rects)))
                known = {"category": category, "name": None, "building_ids": [building]}
                self._add("footprint", f"FOOTPRINT-{category.upper()}", INFERRED_BASIS, shape, known)

    def _level(self, code: str) -> None:
        level, parts = self.levels[code], self.footing.parts[code]
        shapes = [self.plane.polygon(ring_of(part))["coordinates"] for part in parts]
        shape = (
            {"type": "MultiPolygon", "coordinates": shapes}
            if len(shapes) > 1
            else {"type": "Polygon", "coordinates": shapes[0]}
        )
        properties = {
            "category": level.category,
            "restriction": None,
            "outdoor": level.outdoor,
            "ordinal": level.ordinal,
            "name": dict(level.name),
            "short_name": dict(level.short_name),
            "display_point": self.plane.point(middle_of(parts[0])),
            "address_id": None,
            "building_ids": None if level.outdoor else [self.id_of("building", "BUILDING")],
        }
        level_id = self._add("level", code, level.basis, shape, properties)
        self.told["levels"][level_id] = {"elevation_m": level.elevation_m, "height_m": level.height_m}

    def _unit(self, unit: UnitPlan) -> None:
        holes = self.footing.holes.get(unit.code, ())
        area_m2 = signed_area_m2(unit.ring) - sum(signed_area_m2(ring_of(hole)) for hole in holes)
        properties = {
            "category": unit.category,
            "restriction": "employeesonly" if unit.category == "nonpublic" else None,
            "accessibility": ["wheelchair"] if unit.accessible else None,
            "name": None if unit.name is None else dict(unit.name),
            "alt_name": None,
            "level_id": self.id_of("level", unit.level),
            "display_point": self.plane.point(free_spot(unit.ring, holes)),
        }
        unit_id = self._add("unit", unit.code, unit.basis, self.plane.polygon(unit.ring, holes), properties)
        persons = unit.persons if unit.persons is not None else persons_in(area_m2, unit.m2_per_person)
        self.told["capacities"][unit_id] = {"persons": persons}
        if unit.spaces is not None:
            self.told["spaces"][unit_id] = unit.spaces

    def _link(self, link: LinkPlan) -> None:
        """Draw the body of a link on each level, and a relationship between each two in a row."""
        bodies = [self._body(link, i) for i in range(len(link.units))] if link.kind != WALK else list(link.units)
        spots = [middle_of(rect) for rect in link.rects]
        heights = [self.levels[self.units[unit].level].elevation_m for unit in link.units]
        for i in range(len(link.units) - 1):
            between, flat_m = spots[i : i + 2], length_m((spots[i], spots[i + 1]))
            ends = [self._reference(code) for code in bodies[i : i + 2]]
            properties = {
                "category": "traversal" if link.kind == WALK else link.kind,
                "direction": "directed" if link.forward else "undirected",
                "origin": ends[0],
                "intermediary": None,
                "destination": ends[1],
                "hours": None,
            }
            code = link.code if len(link.units) == 2 else f"{link.code}/{i + 1}"
            line = self.plane.line(between) if flat_m > 0.05 else self.plane.point(between[0])
            link_id = self._add("relationship", code, link.basis, line, properties)
            self.told["capacities"][link_id] = {"persons_per_min": _per_min(link)}
            self.told["links"][link_id] = {
                "kind": link.kind,
                "length_m": link_length_m(link.kind, heights[i + 1] - heights[i], flat_m),
                "direction": "forward" if link.forward else "both",
            }

    def _body(self, link: LinkPlan, position: int) -> str:
        """Draw what a link is on one level, with its door to the zone around it; return its code."""
        host, rect = self.units[link.units[position]], link.rects[position]
        body = UnitPlan(
            code=f"{link.code}@{host.level}",
            level=host.level,
            name=link.name,
            category=link.kind,
            ring=ring_of(rect),
            persons=0,  # who is on the way is counted in the zones that it joins
            accessible=link.kind in STEP_FREE,
            basis=link.basis,
        )
        self._unit(body)
        heights = [self.levels[self.units[unit].level].elevation_m for unit in link.units]
        door = lay_door(link, position, upper=heights[position] == max(heights))
        self._opening(f"{body.code}:door", link, door, "door", host.level)
        if link.kind == ELEVATOR:
            lift = {
                "category": "elevator",
                "unit_ids": [self.id_of("unit", body.code)],
                "accessibility": ["wheelchair"],
            }
            self._amenity(f"{link.code}:{host.level}", link.name, lift, self.plane.point(middle_of(rect)), link.basis)
        return body.code

    def _reference(self, unit: str) -> dict[str, str]:
        return {"id": self.id_of("unit", unit), "feature_type": "unit"}

    def _openings(self) -> None:
        for opening in self.plan.openings:
            line, kind = (
                lay_opening(opening, self.units, self.levels),
                opening.kind if len(opening.joins) > 1 else "out",
            )
            self._opening(opening.code, opening, line, kind, self.units[opening.joins[0]].level)

    def _opening(self, code: str, told: OpeningPlan | LinkPlan, line: tuple[Spot, Spot], kind: str, level: str) -> None:
        gates = kind == "gates"
        properties = {
            "category": OPENING_CATEGORY[kind],
            "accessibility": None if isinstance(told, LinkPlan) and told.kind not in STEP_FREE else ["wheelchair"],
            "access_control": None,
            "door": {"type": "turnstile" if gates else "open", "automatic": gates, "material": None},
            "name": None if told.name is None or isinstance(told, LinkPlan) else dict(told.name),
            "alt_name": None,
            "display_point": self.plane.point(middle_of((*line[0], *line[1]))),
            "level_id": self.id_of("level", level),
        }
        opening_id = self._add("opening", code, told.basis, self.plane.line(line), properties)
        self.told["capacities"][opening_id] = {"persons_per_min": _per_min(told)}

    def _watchers(self) -> list[FixturePlan]:
        """Return the cameras and counters of the units that have them, in two corners of each."""
        found = []
        for unit in self.plan.units:
            for watch in unit.watched:
                if watch not in WATCH_CODES:
                    raise Malformed("rules.schematic.no_such", entry=f"units.{unit.code}.watched", code=watch)
                corner = {"camera": 0, "counter": 2}[watch]
                x, y = free_spot(unit.ring, self.footing.holes[unit.code], corner)
                name = {
                    lang: f"{word} {(unit.name or {}).get(lang, unit.code)}"
                    for lang, word in WATCH_NAMES[watch].items()
                }
                rect = (x - WATCH_M, y - WATCH_M, x + WATCH_M, y + WATCH_M)
                code = f"{WATCH_CODES[watch]}-{unit.code}"
                place = {"unit": unit.code, "level": unit.level, "covers": unit.code}
                found.append(
                    FixturePlan(
                        code, use=watch, category="equipment", name=name, rect=rect, basis=INFERRED_BASIS, **place
                    )
                )
        return found

    def _fixture(self, fixture: FixturePlan) -> None:
        level = fixture.level or self.units[fixture.unit].level
        properties = {
            "category": fixture.category,
            "name": None if fixture.name is None else dict(fixture.name),
            "alt_name": None,
            "anchor_id": None,
            "level_id": self.id_of("level", level),
            "display_point": self.plane.point(middle_of(fixture.rect)),
        }
        shape = self.plane.polygon(ring_of(fixture.rect))
        fixture_id = self._add("fixture", fixture.code, fixture.basis, shape, properties)
        self.told["uses"][fixture_id] = fixture.use
        if fixture.covers:
            self.told["covers"][fixture_id] = fixture.covers

    def _amenities(self) -> None:
        for amenity in self.plan.amenities:
            known = {
                "category": amenity.category,
                "unit_ids": [self.id_of("unit", amenity.unit)],
                "accessibility": ["wheelchair"] if amenity.accessible else None,
            }
            self._amenity(amenity.code, amenity.name, known, self.plane.point(amenity.at), amenity.basis)
        for post in self.plan.posts:
            unit = self.units[post]
            spot = self.plane.point(free_spot(unit.ring, self.footing.holes[post]))
            known = {"address_id": None, "unit_id": self.id_of("unit", post)}
            self._add("anchor", f"POST-{post}", INFERRED_BASIS, spot, known)

    def _amenity(self, code: str, name: Names | None, known: Mapping[str, Any], point: Any, basis: Basis) -> None:
        empty = dict.fromkeys(("alt_name", "hours", "phone", "website", "correlation_id"))
        named = {"name": None if name is None else dict(name), "address_id": None}
        self._add("amenity", code, basis, point, {**empty, **named, **known})


def _around(rects: Sequence[Rect]) -> Rect:
    return box_of(tuple(corner for rect in rects for corner in ring_of(rect)))


def _per_min(told: OpeningPlan | LinkPlan) -> float:
    """Return the persons a minute through an opening or a link; the door of a link lets through what the link does."""
    if isinstance(told, OpeningPlan):
        one_way = told.forward or told.kind == "emergency"
        return opening_per_min(told.width_m, told.gates, told.gate_per_min, one_way=one_way)
    return told.persons_per_min or link_per_min(told.kind, told.width_m, one_way=told.forward)
