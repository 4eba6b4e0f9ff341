"""A building drawn as an archive of IMDF. What a model does not tell is left unknown, for a person to fill in."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from math import atan2, cos, sin
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import shapely

from hubtwin.base.errors import Malformed
from hubtwin.connectors.ifc.building import Building, Ring, Storey
from hubtwin.model.venue import STOREY_M, Archive, RawFeature
from hubtwin.rules.venue_shapes import Plane

Point = tuple[float, float]
WALL_M = 0.5  # how far a level reaches around its spaces: doors stand in walls
DOOR_M = 0.6  # a door this near to a space opens it
UNIT_OF = {"EXTERNAL": "unenclosedarea", "PARKING": "parking"}  # IfcSpaceTypeEnum -> category; all others are rooms
UNKNOWN_COUNTRY = "ZZ"  # ISO 3166 leaves it to its users
VENUE = "transitstation"


def draw_building(building: Building, *, source: str, now: datetime, origin: Point | None = None) -> Archive:
    """Return the archive of a building; ids come from its GlobalIds, so that an import again gives the same.

    `origin` (longitude, latitude) is the zero of the model, where it has none or is wrong. Raises Malformed without.
    """
    at = origin or building.origin
    if at is None:
        raise Malformed("connectors.ifc.no_origin")
    if not building.spaces:
        raise Malformed("connectors.ifc.no_space")
    return _Drawing(building, Plane(*at), source).run(now)


def _id(guid: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"ifc:{guid}"))


def _labels(name: str) -> dict[str, str]:
    return {"en": name, "zh": name}


class _Drawing:
    """One building on its way to an archive."""

    def __init__(self, building: Building, plane: Plane, source: str) -> None:
        self.building, self.plane, self.source = building, plane, source
        self.turn = atan2(building.north[0], building.north[1])  # clockwise from the model's y to true north
        self.floors: dict[str, list[Any]] = defaultdict(list)
        for space in building.spaces:
            self.floors[space.storey].append(_area(space.pieces))
        self.codes: dict[str, str] = {}
        names = [each.name for each in building.storeys] + [each.name for each in building.spaces]
        self.names = Counter(names + [each.name for each in building.doors])

    def run(self, now: datetime) -> Archive:
        storeys = [each for each in self.building.storeys if self.floors[each.guid]]
        features = [*self._frame(), *self._levels(storeys), *self._units(), *self._openings({s.guid for s in storeys})]
        stamp = now.replace(microsecond=0).isoformat().replace("+00:00", "Z")
        manifest = {
            "version": "1.0.0",
            "created": stamp,
            "generated_by": "hubtwin",
            "language": "en",
            "extensions": None,
        }
        skipped = ", ".join(self.building.skipped[:20])
        note = {
            "zh": f"由建筑模型 {self.source} 导入；地址、类别、容量、楼梯和电梯需人工补充。略去：{skipped or '无'}。",
            "en": f"Imported from {self.source}; a person adds address, categories, capacities, stairs and lifts. "
            f"Left out: {skipped or 'nothing'}.",
        }
        heights = {_id(each.guid): self._height(each) for each in storeys}
        told = {_id(guid): f"{self.source}, GlobalId {guid}" for guid in self.codes}
        codes = {_id(guid): code for guid, code in self.codes.items()}
        extension = {"version": 1, "note": note, "codes": codes, "levels": heights, "sources": told}
        return Archive(manifest, tuple(features), extension)

    def _height(self, storey: Storey) -> dict[str, float]:
        above = [e.elevation_m for e in self.building.storeys if e.elevation_m > storey.elevation_m]
        height = min(above) - storey.elevation_m if above else STOREY_M
        return {"elevation_m": round(storey.elevation_m, 3), "height_m": round(height, 3)}

    def _code(self, guid: str, name: str) -> str:
        """Give a code: the name if it is the only one of its kind, else the GlobalId."""
        self.codes[guid] = name if self.names[name] == 1 and 0 < len(name) <= 60 else guid
        return _id(guid)

    def _at(self, point: Sequence[float]) -> list[float]:
        """Return longitude and latitude of a point of the model, turned so that true north is up."""
        x, y = point
        east, north = x * cos(self.turn) - y * sin(self.turn), x * sin(self.turn) + y * cos(self.turn)
        return list(self.plane.to_degrees((east, north)))

    def _polygons(self, shape: Any) -> dict[str, Any]:
        pieces = [
            [[self._at(point) for point in ring] for ring in _rings(each)] for each in getattr(shape, "geoms", [shape])
        ]
        if len(pieces) == 1:
            return {"type": "Polygon", "coordinates": pieces[0]}
        return {"type": "MultiPolygon", "coordinates": pieces}

    def _frame(self) -> Iterator[RawFeature]:
        """Yield the address, the venue and its footprint."""
        name = self.building.name or self.source
        everything = shapely.union_all([each for floors in self.floors.values() for each in floors]).buffer(WALL_M)
        address = {"address": name, "locality": name, "country": UNKNOWN_COUNTRY}
        empty = ("unit", "province", "postal_code", "postal_code_ext", "postal_code_vanity")
        yield RawFeature(_id("address"), "address", None, address | dict.fromkeys(empty))
        hull = self._polygons(everything.convex_hull)
        spot = everything.convex_hull.representative_point()
        more = dict.fromkeys(("restriction", "alt_name", "hours", "phone", "website"))
        point = {"type": "Point", "coordinates": self._at((spot.x, spot.y))}
        told = {"category": VENUE, "name": _labels(name), "display_point": point, "address_id": _id("address")}
        yield RawFeature(_id("venue"), "venue", hull, told | more)
        yield RawFeature(_id("footprint"), "footprint", hull, {"category": "ground", "name": None, "building_ids": []})

    def _levels(self, storeys: Sequence[Storey]) -> Iterator[RawFeature]:
        order = sorted(storeys, key=lambda each: each.elevation_m)
        ground = min(range(len(order)), key=lambda place: abs(order[place].elevation_m))
        for place, storey in enumerate(order):
            shape = shapely.union_all(self.floors[storey.guid]).buffer(WALL_M)
            told = {"category": "unspecified", "outdoor": False, "ordinal": place - ground}
            names = {"name": _labels(storey.name), "short_name": _labels(storey.name)}
            empty = dict.fromkeys(("restriction", "display_point", "address_id", "building_ids"))
            yield RawFeature(self._code(storey.guid, storey.name), "level", self._polygons(shape), told | names | empty)

    def _units(self) -> Iterator[RawFeature]:
        for space in self.building.spaces:
            told = {
                "category": UNIT_OF.get(space.kind, "room"),
                "name": _labels(space.name),
                "level_id": _id(space.storey),
            }
            empty = dict.fromkeys(("restriction", "accessibility", "alt_name", "display_point"))
            shape = self._polygons(_area(space.pieces))
            yield RawFeature(self._code(space.guid, space.name), "unit", shape, told | empty)

    def _openings(self, drawn: set[str]) -> Iterator[RawFeature]:
        """Yield the doors of the storeys that have spaces; one with a space on one side only leads outside."""
        for door in self.building.doors:
            if door.storey not in drawn:
                continue
            middle = shapely.LineString(door.ends).centroid
            beside = sum(floor.distance(middle) <= DOOR_M for floor in self.floors[door.storey])
            category = "pedestrian.principal" if beside == 1 else "pedestrian"
            line = {"type": "LineString", "coordinates": [self._at(end) for end in door.ends]}
            told = {"category": category, "name": _labels(door.name), "level_id": _id(door.storey)}
            empty = dict.fromkeys(("accessibility", "access_control", "door", "alt_name", "display_point"))
            yield RawFeature(self._code(door.guid, door.name), "opening", line, told | empty)


def _area(pieces: Sequence[Sequence[Ring]]) -> Any:
    return shapely.union_all([shapely.Polygon(rings[0], rings[1:]) for rings in pieces])


def _rings(polygon: Any) -> list[list[Point]]:
    return [[(float(x), float(y)) for x, y in ring.coords] for ring in (polygon.exterior, *polygon.interiors)]
