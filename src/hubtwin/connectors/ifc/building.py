"""A building as far as a venue needs it: storeys, spaces and doors, in metres on the plane of the model."""

from dataclasses import dataclass

Ring = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Storey:
    """IfcBuildingStorey. `elevation_m` over the zero of the building."""

    guid: str
    name: str
    elevation_m: float


@dataclass(frozen=True, slots=True)
class Space:
    """IfcSpace: its floor as closed rings (outer, holes), one group for each piece."""

    guid: str
    name: str
    kind: str  # PredefinedType, empty where it has none
    storey: str
    pieces: tuple[tuple[Ring, ...], ...]


@dataclass(frozen=True, slots=True)
class Door:
    """IfcDoor: the line across its opening."""

    guid: str
    name: str
    storey: str
    ends: tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Building:
    """What was read of a model. `origin` is longitude and latitude of its zero, None where the model has none;
    `north` is the direction of true north on its plane; `skipped` are elements without a usable shape or storey."""

    name: str
    origin: tuple[float, float] | None
    north: tuple[float, float]
    storeys: tuple[Storey, ...]
    spaces: tuple[Space, ...]
    doors: tuple[Door, ...]
    skipped: tuple[str, ...] = ()
