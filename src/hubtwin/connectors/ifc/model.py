"""Reading a building model through ifcopenshell, which computes the shapes in metres."""

from collections.abc import Iterator
from typing import Any

import ifcopenshell
import ifcopenshell.geom
import ifcopenshell.util.element as elements
import ifcopenshell.util.unit as units
import numpy as np
import shapely

from hubtwin.base.errors import Malformed
from hubtwin.connectors.ifc.building import Building, Door, Ring, Space, Storey

BEGINS, ENDS = "ISO-10303-21", "END-ISO-10303-21;"  # a model as text (STEP physical file)
FLAT_M2 = 1e-6  # a triangle of less is a side seen from above
DEGREES = (1.0, 60.0, 3600.0, 3_600_000_000.0)  # degrees, minutes, seconds, millionths of a second


def read_building(content: bytes) -> Building:
    """Return the building of an IFC file. Raises Malformed where it is none or has no storey."""
    text = content.decode("utf-8", errors="replace")
    if not text.lstrip("\ufeff \r\n").startswith(BEGINS):
        raise Malformed("connectors.ifc.not_ifc")
    if not text.rstrip().endswith(ENDS):  # the library would take the half that is there
        raise Malformed("connectors.ifc.cut_off")
    try:
        model = ifcopenshell.file.from_string(text)
        storeys = model.by_type("IfcBuildingStorey")
        scale = float(units.calculate_unit_scale(model)) if storeys else 1.0
    except (RuntimeError, ValueError, ifcopenshell.Error) as problem:
        raise Malformed("connectors.ifc.not_ifc") from problem
    if not storeys:
        raise Malformed("connectors.ifc.no_storey")
    return _Reader(model, scale).run()


class _Reader:
    """One model on its way to a building."""

    def __init__(self, model: Any, scale: float) -> None:
        self.model, self.scale, self.skipped = model, scale, list[str]()
        self.settings = ifcopenshell.geom.settings()
        self.settings.set("use-world-coords", True)

    def run(self) -> Building:
        name = next(
            (each.Name for kind in ("IfcBuilding", "IfcSite") for each in self.model.by_type(kind) if each.Name), ""
        )
        storeys = tuple(
            Storey(each.GlobalId, each.Name or each.GlobalId, float(each.Elevation or 0.0) * self.scale)
            for each in self.model.by_type("IfcBuildingStorey")
        )
        spaces, doors = tuple(self._spaces()), tuple(self._doors())
        return Building(name, self._origin(), self._north(), storeys, spaces, doors, tuple(self.skipped))

    def _storey_of(self, element: Any) -> str:
        """Return the storey that an element belongs to, by whatever chain of parts and containers; empty if none."""
        found, seen = element, 0
        while found is not None and seen < 20:
            if found.is_a("IfcBuildingStorey"):
                return str(found.GlobalId)
            found, seen = elements.get_container(found) or elements.get_aggregate(found), seen + 1
        return ""

    def _triangles(self, element: Any) -> Any:
        """Return the triangles of an element as an array (n, 3, 3) in metres, None where it has no shape."""
        if element.Representation is None:
            return None
        try:
            shape = ifcopenshell.geom.create_shape(self.settings, element).geometry
        except (RuntimeError, ValueError):
            return None
        points = np.asarray(shape.verts, dtype=float).reshape(-1, 3)
        faces = np.asarray(shape.faces, dtype=int).reshape(-1, 3)
        return points[faces] if len(faces) and np.isfinite(points).all() else None

    def _placed(self, kind: str) -> Iterator[tuple[Any, str, Any]]:
        for element in self.model.by_type(kind):
            storey, triangles = self._storey_of(element), self._triangles(element)
            if triangles is None or not storey:
                self.skipped.append(f"{kind} {element.Name or element.GlobalId}")
            else:
                yield element, storey, triangles

    def _spaces(self) -> Iterator[Space]:
        for element, storey, triangles in self._placed("IfcSpace"):
            flat = shapely.polygons(triangles[:, :, :2])
            floor = shapely.union_all(flat[shapely.area(flat) > FLAT_M2])
            pieces = tuple(_rings(each) for each in getattr(floor, "geoms", [floor]) if each.area > 0)
            if not pieces:
                self.skipped.append(f"IfcSpace {element.Name or element.GlobalId}")
                continue
            name = " ".join(filter(None, (element.Name, element.LongName))) or element.GlobalId
            yield Space(element.GlobalId, name, getattr(element, "PredefinedType", None) or "", storey, pieces)

    def _doors(self) -> Iterator[Door]:
        for element, storey, triangles in self._placed("IfcDoor"):
            ends = _across(triangles[:, :, :2].reshape(-1, 2))
            if ends is None:
                self.skipped.append(f"IfcDoor {element.Name or element.GlobalId}")
            else:
                yield Door(element.GlobalId, element.Name or element.GlobalId, storey, ends)

    def _origin(self) -> tuple[float, float] | None:
        for site in self.model.by_type("IfcSite"):
            if site.RefLatitude and site.RefLongitude:
                return _degrees(site.RefLongitude), _degrees(site.RefLatitude)
        return None

    def _north(self) -> tuple[float, float]:
        for context in self.model.by_type("IfcGeometricRepresentationContext"):
            direction = getattr(context, "TrueNorth", None)
            if direction is not None and any(direction.DirectionRatios[:2]):
                east, north = (float(each) for each in direction.DirectionRatios[:2])
                return east, north
        return 0.0, 1.0


def _degrees(parts: Any) -> float:
    """Return an IfcCompoundPlaneAngleMeasure in degrees; all its parts have the sign of the first."""
    return float(sum(part / size for part, size in zip(parts, DEGREES, strict=False)))


def _rings(polygon: Any) -> tuple[Ring, ...]:
    return tuple(tuple((float(x), float(y)) for x, y in ring.coords) for ring in (polygon.exterior, *polygon.interiors))


def _across(points: Any) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Return the middle line along the longer side of the smallest rectangle around points, None for no rectangle."""
    around = shapely.MultiPoint(points).minimum_rotated_rectangle
    if around.geom_type != "Polygon":
        return None
    a, b, c, d = np.asarray(around.exterior.coords)[:4]
    if np.hypot(*(b - a)) < np.hypot(*(c - b)):
        a, b, c, d = b, c, d, a
    (ax, ay), (bx, by) = (a + d) / 2, (b + c) / 2
    return (float(ax), float(ay)), (float(bx), float(by))
