"""A small station for the tests of venues: two tracks with a platform, a hall below it, a square outside.

All lengths are metres on a plane; `at` turns them into degrees. The archive has no fault that the check would find.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from hubtwin.connectors.imdf import make_venue, parse_archive, write_archive, write_zip
from hubtwin.model.venue import Archive, RawFeature, Venue
from hubtwin.rules.venue_shapes import Plane

ORIGIN = Plane(10.0, 50.0)
Box = tuple[float, float, float, float]


def id_of(code: str) -> str:
    """Return the id of a feature by its code."""
    return str(uuid5(NAMESPACE_URL, f"hubtwin:test:{code}"))


def at(x: float, y: float) -> list[float]:
    """Return longitude and latitude of a point of the plane."""
    return list(ORIGIN.to_degrees((x, y)))


def box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    """Return a rectangle as GeoJSON."""
    ring = [at(west, south), at(east, south), at(east, north), at(west, north), at(west, south)]
    return {"type": "Polygon", "coordinates": [ring]}


def polygon(points: Iterable[tuple[float, float]]) -> dict[str, Any]:
    """Return a polygon of corners as GeoJSON."""
    ring = [at(*point) for point in points]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def line(*points: tuple[float, float]) -> dict[str, Any]:
    """Return a line as GeoJSON."""
    return {"type": "LineString", "coordinates": [at(*point) for point in points]}


def words(code: str) -> dict[str, str]:
    """Return a name in both languages."""
    return {"zh": f"{code}号", "en": f"No. {code}"}


@dataclass
class Draft:
    """An archive in the making; what it holds may be spoilt before it is packed."""

    features: list[RawFeature] = field(default_factory=list)
    manifest: dict[str, Any] = field(default_factory=lambda: {
        "version": "1.0.0", "created": "2026-01-01T00:00:00Z", "generated_by": "tests", "language": "en",
        "extensions": None,
    })  # fmt: skip
    extension: dict[str, Any] = field(default_factory=lambda: {
        "version": 1, "note": {"zh": "测试用", "en": "For tests"}, "schematic": True, "codes": {}, "levels": {},
        "capacities": {}, "basis": {}, "sources": {}, "links": {},
    })  # fmt: skip

    def add(self, kind: str, code: str, geometry: Any, **properties: Any) -> str:
        """Add a feature with a code; return its id."""
        feature_id = id_of(code)
        self.features.append(RawFeature(feature_id, kind, geometry, properties))
        self.extension["codes"][feature_id] = code
        return feature_id

    def level(self, code: str, ordinal: int, area: Box, *, outdoor: bool = False) -> None:
        """Add a level, six metres above the one below."""
        properties = {"category": "transit", "restriction": None, "outdoor": outdoor, "ordinal": ordinal}
        more = {"display_point": None, "address_id": None, "building_ids": None}
        names = {"name": words(code), "short_name": words(code)}
        feature_id = self.add("level", code, box(*area), **properties, **names, **more)
        self.extension["levels"][feature_id] = {"elevation_m": 6.0 * ordinal, "height_m": 5.0}

    def unit(self, code: str, level: str, category: str, geometry: dict[str, Any], persons: int = 40) -> None:
        """Add a unit."""
        properties = {"category": category, "restriction": None, "accessibility": None, "name": words(code)}
        more = {"alt_name": None, "level_id": id_of(level), "display_point": None}
        feature_id = self.add("unit", code, geometry, **properties, **more)
        self.extension["capacities"][feature_id] = {"persons": persons}

    def opening(self, code: str, level: str, geometry: dict[str, Any], category: str = "pedestrian") -> None:
        """Add an opening for sixty persons a minute."""
        properties = {"category": category, "accessibility": None, "access_control": None, "door": None}
        more = {"name": None, "alt_name": None, "display_point": None, "level_id": id_of(level)}
        feature_id = self.add("opening", code, geometry, **properties, **more)
        self.extension["capacities"][feature_id] = {"persons_per_min": 60.0}

    def link(
        self, code: str, category: str, ends: tuple[str, str], *, both: bool = True, length: float | None = None
    ) -> None:
        """Add a relationship between units or openings."""
        kinds = {each.feature_id: each.feature_type for each in self.features}
        a, b = ({"id": id_of(end), "feature_type": kinds[id_of(end)]} for end in ends)
        properties = {"category": category, "direction": "undirected" if both else "directed", "hours": None}
        feature_id = self.add("relationship", code, None, **properties, origin=a, intermediary=None, destination=b)
        self.extension["capacities"][feature_id] = {"persons_per_min": 60.0}
        told: dict[str, Any] = {"kind": category, "direction": "both" if both else "forward"}
        self.extension["links"][feature_id] = told | ({} if length is None else {"length_m": length})

    def at_point(self, kind: str, code: str, x: float, y: float, **properties: Any) -> None:
        """Add an amenity or an anchor."""
        self.add(kind, code, {"type": "Point", "coordinates": at(x, y)}, **properties)

    def copy(self) -> "Draft":
        """Return a copy that may be spoilt."""
        return deepcopy(self)

    def archive(self) -> Archive:
        """Return the archive."""
        return Archive(self.manifest, tuple(self.features), self.extension)

    def members(self) -> dict[str, bytes]:
        """Return its files."""
        return write_archive(self.archive())

    def packed(self) -> bytes:
        """Return its zip."""
        return write_zip(self.members())

    def venue(self) -> Venue:
        """Return the venue that is read back from its files."""
        venue, _ = make_venue(parse_archive(self.members())[0])
        assert venue is not None
        return venue

    def find(self, code: str) -> RawFeature:
        """Return a feature by its code."""
        return next(each for each in self.features if each.feature_id == id_of(code))

    def change(self, code: str, **properties: Any) -> None:
        """Change properties of a feature."""
        self.put(code, properties={**self.find(code).properties, **properties})

    def put(self, code: str, **changes: Any) -> None:
        """Put other values into a feature: geometry, properties, feature_id."""
        place = self.features.index(old := self.find(code))
        told: Mapping[str, Any] = {
            "feature_id": old.feature_id, "feature_type": old.feature_type, "geometry": old.geometry,
            "properties": old.properties,
        }  # fmt: skip
        self.features[place] = RawFeature(**{**told, **changes})


def station() -> Draft:
    """Return the small station: square G and hall H (ordinal 0), platform P-1 above, lift, stairs and an escalator."""
    draft = Draft()
    draft.add(
        "address", "ADDRESS", None, address="1 Station Road", unit=None, locality="Town", province=None, country="DE",
        postal_code=None, postal_code_ext=None, postal_code_vanity=None,
    )  # fmt: skip
    draft.add(
        "venue", "VENUE", box(-10, -60, 110, 50), category="trainstation", restriction=None, name=words("V"),
        alt_name=None, hours=None, phone=None, website=None, address_id=id_of("ADDRESS"),
        display_point={"type": "Point", "coordinates": at(0, 0)},
    )  # fmt: skip
    draft.add("footprint", "FOOT", box(-10, -10, 110, 50), category="ground", name=None, building_ids=[])
    draft.level("L0", 0, (0, 0, 100, 40))
    draft.level("L1", 1, (0, 0, 100, 40))
    draft.level("G", 0, (0, -50, 100, 0), outdoor=True)
    draft.unit("SQUARE", "G", "unenclosedarea", box(0, -50, 100, 0), 2000)
    draft.unit("HALL", "L0", "lobby", box(0, 0, 100, 30), 900)
    draft.unit("SHOP", "L0", "room", box(0, 30, 20, 40))
    draft.unit("WALL", "L0", "structure", box(49, 10, 51, 30))
    draft.unit("STAIR0", "L0", "stairs", box(20, 30, 30, 40))
    draft.unit("ESC0", "L0", "escalator", box(30, 30, 40, 40))
    draft.unit("LIFT0", "L0", "elevator", box(90, 30, 95, 35), 10)
    draft.unit("P-1", "L1", "platform", box(0, 0, 100, 30), 800)
    draft.unit("STAIR1", "L1", "stairs", box(20, 30, 30, 40))
    draft.unit("ESC1", "L1", "escalator", box(30, 30, 40, 40))
    draft.unit("LIFT1", "L1", "elevator", box(90, 30, 95, 35), 10)
    draft.opening("N1", "L0", line((10, 0), (14, 0)), "pedestrian.principal")
    draft.opening("N2", "L0", line((80, 0), (84, 0)), "pedestrian.principal")
    draft.opening("GATE", "G", line((48, -50), (52, -50)), "pedestrian.principal")
    draft.opening("SQUARE-N1", "G", line((10, 0), (14, 0)))
    draft.opening("SQUARE-N2", "G", line((80, 0), (84, 0)))
    draft.opening("D-SHOP", "L0", line((8, 30), (10, 30)))
    for level, floor in (("L0", "0"), ("L1", "1")):
        draft.opening(f"D-STAIR{floor}", level, line((22, 30), (28, 30)))
        draft.opening(f"D-ESC{floor}", level, line((32, 30), (38, 30)))
        draft.opening(f"D-LIFT{floor}", level, line((91, 30), (94, 30)))
    draft.link("STAIRS", "stairs", ("STAIR0", "STAIR1"), length=12.0)
    draft.link("ESCALATOR", "escalator", ("ESC0", "ESC1"), both=False, length=12.0)
    draft.link("LIFT", "elevator", ("LIFT0", "LIFT1"))
    draft.link("OUT1", "traversal", ("N1", "SQUARE-N1"), length=0.1)
    draft.link("OUT2", "traversal", ("N2", "SQUARE-N2"), length=0.1)
    for code in ("OUT1", "OUT2"):
        draft.extension["links"][id_of(code)]["kind"] = "walk"
    draft.at_point(
        "amenity", "HELP", 60, 20, category="information", accessibility=None, name=None, alt_name=None, hours=None,
        phone=None, website=None, unit_ids=[id_of("HALL")], address_id=None, correlation_id=None,
    )  # fmt: skip
    draft.at_point("anchor", "ANCHOR", 5, 35, address_id=None, unit_id=id_of("SHOP"))
    draft.extension["basis"][id_of("HALL")] = "published"
    draft.extension["sources"][id_of("HALL")] = "Station guide, page 3"
    return draft
