"""What a description of a schematic venue says, after reading: local metres, codes, names, and their origin."""

from collections.abc import Mapping
from dataclasses import dataclass

Names = Mapping[str, str]
Spot = tuple[float, float]  # x, y in metres: y along the bearing of the origin, x to the right of it
Rect = tuple[float, float, float, float]  # x0, y0, x1, y1 in metres
Ring = tuple[Spot, ...]  # counter-clockwise, not closed

PUBLISHED, INFERRED = "published", "inferred"
STAIRS, ESCALATOR, ELEVATOR, RAMP, WALK = "stairs", "escalator", "elevator", "ramp", "walk"
LINK_KINDS = (STAIRS, ESCALATOR, ELEVATOR, RAMP, WALK)


@dataclass(frozen=True, slots=True)
class Basis:
    """Whether somebody published that an element exists (and what was published, where), or we inferred it."""

    kind: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class LevelPlan:
    """A level: `ordinal` 0 is the ground, `elevation_m` of its floor, `height_m` to the next."""

    code: str
    ordinal: int
    name: Names
    short_name: Names
    elevation_m: float
    height_m: float
    outdoor: bool
    category: str
    rects: tuple[Rect, ...]  # its parts; the box around its units where none are given
    basis: Basis


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """A zone of a level. `m2_per_person` gives its capacity where `persons` is None."""

    code: str
    level: str
    name: Names | None
    category: str
    ring: Ring
    basis: Basis
    persons: int | None = None
    m2_per_person: float = 0.0
    spaces: int | None = None
    accessible: bool = True
    watched: tuple[str, ...] = ()  # "camera", "counter"


@dataclass(frozen=True, slots=True)
class OpeningPlan:
    """An opening between two units that share an edge, or from one unit to the outside along `line`."""

    code: str
    joins: tuple[str, ...]
    name: Names | None
    kind: str  # passage, door, gates, emergency
    width_m: float
    gates: int
    gate_per_min: float
    forward: bool
    at: Spot | None
    line: Rect | None
    basis: Basis


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """Stairs, an escalator, a lift, a ramp or a level walk through `units`, each on a level of its own."""

    code: str
    kind: str
    units: tuple[str, ...]
    rects: tuple[Rect, ...]
    name: Names | None
    width_m: float
    persons_per_min: float | None
    forward: bool
    basis: Basis


@dataclass(frozen=True, slots=True)
class FixturePlan:
    """A thing that stands in a unit: a check gate, a taxi bay, a camera. `use` is ours, `category` is IMDF's."""

    code: str
    unit: str
    level: str
    use: str
    category: str
    name: Names | None
    rect: Rect
    covers: str
    basis: Basis


@dataclass(frozen=True, slots=True)
class AmenityPlan:
    """A service at a point of a unit: toilets, tickets, information, first aid."""

    code: str
    unit: str
    category: str
    name: Names | None
    at: Spot
    accessible: bool
    basis: Basis


@dataclass(frozen=True, slots=True)
class SurroundingPlan:
    """What lies around the venue: a line along `path` that is `width_m` wide, or an area within `ring`."""

    code: str
    kind: str  # road, water, rail, block, green
    name: Names | None
    path: tuple[Spot, ...]
    width_m: float | None
    ring: Ring
    basis: Basis


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole description. `lon`, `lat` are WGS 84 and lie at x = y = 0; `bearing_deg` is where the y axis points."""

    code: str
    name: Names
    note: Names
    category: str
    address: Mapping[str, str]
    languages: tuple[str, ...]
    lon: float
    lat: float
    bearing_deg: float
    created: str
    levels: tuple[LevelPlan, ...]
    units: tuple[UnitPlan, ...]
    openings: tuple[OpeningPlan, ...]
    links: tuple[LinkPlan, ...]
    fixtures: tuple[FixturePlan, ...]
    amenities: tuple[AmenityPlan, ...]
    posts: tuple[str, ...]  # units that get an anchor
    surroundings: tuple[SurroundingPlan, ...] = ()
