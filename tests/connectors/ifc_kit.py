"""A small building model, written by ifcopenshell: two storeys of two rooms with a door between, one to the street."""

from typing import Any

import ifcopenshell
import ifcopenshell.guid


class Model:
    """An IFC4 model in millimetres; lengths are given in metres."""

    def __init__(self, *, north: tuple[float, float] = (0.0, 1.0), placed: bool = True) -> None:
        self.file: Any = ifcopenshell.file(schema="IFC4")
        make = self.file.create_entity
        self.context = make(
            "IfcGeometricRepresentationContext", ContextType="Model", CoordinateSpaceDimension=3, Precision=1e-5,
            WorldCoordinateSystem=self._axis(0, 0, 0), TrueNorth=make("IfcDirection", DirectionRatios=list(north)),
        )  # fmt: skip
        unit = make("IfcSIUnit", UnitType="LENGTHUNIT", Prefix="MILLI", Name="METRE")
        units = make("IfcUnitAssignment", Units=[unit])
        project = self._root("IfcProject", "P", RepresentationContexts=[self.context], UnitsInContext=units)
        where = {"RefLatitude": [50, 30, 0, 0], "RefLongitude": [10, 15, 0, 0]} if placed else {}
        self.site = self._root("IfcSite", "Site", ObjectPlacement=self._place(None, 0), **where)
        self.building = self._root("IfcBuilding", "Station", ObjectPlacement=self._place(self.site, 0))
        self._join(project, [self.site])
        self._join(self.site, [self.building])

    def storey(self, name: str, elevation: float) -> Any:
        """Add a storey."""
        made = self._root(
            "IfcBuildingStorey", name, ObjectPlacement=self._place(self.building, elevation), Elevation=elevation * 1000
        )
        self._join(self.building, [made])
        return made

    def space(self, storey: Any, name: str, box: tuple[float, float, float, float], **more: Any) -> Any:
        """Add a space of west, south, width, depth."""
        made = self._root(
            "IfcSpace", name, ObjectPlacement=self._place(storey, 0), Representation=self._box(box, 3.0), **more
        )
        self._join(storey, [made])
        return made

    def door(self, storey: Any, name: str, box: tuple[float, float, float, float]) -> Any:
        """Add a door that fills a box."""
        made = self._root("IfcDoor", name, ObjectPlacement=self._place(storey, 0), Representation=self._box(box, 2.1))
        self.file.create_entity(
            "IfcRelContainedInSpatialStructure", GlobalId=ifcopenshell.guid.new(), RelatedElements=[made],
            RelatingStructure=storey,
        )  # fmt: skip
        return made

    def written(self) -> bytes:
        """Return the model as a file."""
        return str(self.file.to_string()).encode()

    def _root(self, kind: str, name: str, **more: Any) -> Any:
        return self.file.create_entity(kind, GlobalId=ifcopenshell.guid.new(), Name=name, **more)

    def _join(self, whole: Any, parts: list[Any]) -> None:
        self._root("IfcRelAggregates", "", RelatingObject=whole, RelatedObjects=parts)

    def _point(self, *at: float) -> Any:
        return self.file.create_entity("IfcCartesianPoint", Coordinates=[float(each) * 1000 for each in at])

    def _axis(self, *at: float) -> Any:
        return self.file.create_entity("IfcAxis2Placement3D", Location=self._point(*at))

    def _place(self, parent: Any, z: float) -> Any:
        beside = parent.ObjectPlacement if parent is not None else None
        return self.file.create_entity(
            "IfcLocalPlacement", PlacementRelTo=beside, RelativePlacement=self._axis(0, 0, z)
        )

    def _box(self, box: tuple[float, float, float, float], height: float) -> Any:
        make, (x, y, width, depth) = self.file.create_entity, box
        middle = make("IfcAxis2Placement2D", Location=self._point(x + width / 2, y + depth / 2))
        outline = make(
            "IfcRectangleProfileDef", ProfileType="AREA", Position=middle, XDim=width * 1000, YDim=depth * 1000
        )
        up = make("IfcDirection", DirectionRatios=[0.0, 0.0, 1.0])
        solid = make(
            "IfcExtrudedAreaSolid", SweptArea=outline, Position=self._axis(0, 0, 0), ExtrudedDirection=up,
            Depth=height * 1000,
        )  # fmt: skip
        shape = make(
            "IfcShapeRepresentation", ContextOfItems=self.context, RepresentationIdentifier="Body",
            RepresentationType="SweptSolid", Items=[solid],
        )  # fmt: skip
        return make("IfcProductDefinitionShape", Representations=[shape])


def small_building(**more: Any) -> Model:
    """Return the small building."""
    model = Model(**more)
    for name, elevation in (("EG", 0.0), ("OG", 4.0)):
        storey = model.storey(name, elevation)
        model.space(storey, f"{name}-WEST", (0, 0, 10, 8))
        model.space(storey, f"{name}-EAST", (10.2, 0, 10, 8), PredefinedType="PARKING")
        model.door(storey, f"{name}-D", (10, 3, 0.2, 1))
    model.door(model.file.by_type("IfcBuildingStorey")[0], "STREET", (4, -0.2, 2, 0.2))
    return model
