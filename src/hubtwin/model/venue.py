"""The venue: levels, units, openings and what joins them, in the words of IMDF (OGC 20-094, IMDF 1.0.0).

An archive is read in two steps. `Archive` holds the features as they stand in the files, for the checks of the
standard; `Venue` holds those that could be understood, with what our extension adds: readable codes, capacities,
elevations, lengths of links, and whether a figure was published or inferred. Coordinates are WGS 84, longitude first.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Any

from hubtwin.model.place import Name

Point = tuple[float, float]  # longitude, latitude in degrees
EXTENSION = "hubtwin.json"  # the file of our extension in an archive
SURROUNDINGS = "surroundings"  # what it calls the collection of what lies around the venue
STOREY_M = 6.0  # between two levels where nobody told an elevation


class LinkKind(StrEnum):
    """How a link is passed; what it costs stands in `rules/walking.toml`."""

    STAIRS = "stairs"
    ESCALATOR = "escalator"
    ELEVATOR = "elevator"
    RAMP = "ramp"
    WALK = "walk"


class Basis(StrEnum):
    """Where a feature comes from: it was published (its source is named), we inferred it, or nobody said."""

    PUBLISHED = "published"
    INFERRED = "inferred"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """A GeoJSON geometry: its type and its coordinates as nested tuples of `Point`."""

    kind: str
    coordinates: Any


@dataclass(frozen=True, slots=True)
class RawFeature:
    """A feature as its file holds it; nothing is checked but that it is a JSON object with these members.

    `geometry` is the JSON value, None where it is null; `where` names the file and the place in it.
    """

    feature_id: str
    feature_type: str
    geometry: Any
    properties: Mapping[str, Any]
    where: str = ""


@dataclass(frozen=True, slots=True)
class Archive:
    """What the files of an archive hold: the manifest, the features in the order of files, our extension if any."""

    manifest: Mapping[str, Any]
    features: tuple[RawFeature, ...]
    extension: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """What every feature of a venue has. `code` is what the hub calls it; the id where nobody gave a code."""

    feature_id: str
    code: str
    name: Name | None = None
    basis: Basis = Basis.UNKNOWN
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed(Feature):
    """A feature with a geometry on a level; `point` is where its label stands, inside of it."""

    shape: Shape
    level_id: str = ""
    category: str = ""
    point: Point | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level(Feature):
    """A floor. `elevation_m` is the height of its floor over that of ordinal 0, `height_m` that of the storey."""

    shape: Shape
    category: str
    ordinal: int
    short_name: Name
    outdoor: bool
    elevation_m: float
    height_m: float
    point: Point | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit(Placed):
    """A room, a hall, a platform, a stair, a wall: a piece of a level. `persons` it may hold, None for unknown.

    `spaces` are those of a garage or a car park, None where it is none or nobody told.
    """

    restriction: str | None = None
    accessibility: tuple[str, ...] = ()
    persons: int | None = None
    spaces: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening(Placed):
    """A door, a gate, a threshold: a line on the boundary of units. Capacity in persons per minute, all lanes."""

    accessibility: tuple[str, ...] = ()
    access_control: tuple[str, ...] = ()
    persons_per_min: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture(Placed):
    """A thing that stands on the floor and is walked around: a desk, a wall, a column, equipment.

    `use` is the hub's word for it where IMDF has none: camera, counter, check_gate, taxi_bay, track; empty where nobody
    told. `covers` is the code of the unit that a camera or a counter looks at.
    """

    use: str = ""
    covers: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amenity(Placed):
    """A service at a point, in the units of `unit_ids`."""

    unit_ids: tuple[str, ...] = ()
    accessibility: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor(Placed):
    """A point of a unit that an occupant or an address is tied to."""

    unit_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kiosk(Placed):
    """A small stand that is occupied and walked around."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section(Placed):
    """An area of a level with a purpose of its own; sections may overlap units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint(Placed):
    """The extent of a building or of the ground around it; on no level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupant(Feature):
    """Who is to be found at an anchor."""

    category: str
    anchor_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(Feature):
    """A way between two places that is no opening: a relationship of IMDF between units or openings.

    With `both` false it is walked from `origin_id` to `destination_id` only. `through_ids` are units that it passes,
    an escalator's body for instance. `length_m` is along the way; None: taken from the geometry.
    """

    kind: LinkKind
    origin_id: str
    destination_id: str
    through_ids: tuple[str, ...] = ()
    both: bool = True
    length_m: float | None = None
    persons_per_min: float | None = None
    shape: Shape | None = None


class SurroundingKind(StrEnum):
    """What may be drawn around a venue: lines with a width (the first three) or areas."""

    ROAD = "road"
    WATER = "water"
    RAIL = "rail"
    BLOCK = "block"
    GREEN = "green"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surrounding(Feature):
    """What lies around a venue and is only looked at: no place of it, nobody is sent there, no way leads through it.

    `width_m` is that of a line; None for an area.
    """

    kind: SurroundingKind
    shape: Shape
    width_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue(Feature):
    """A venue with all that stands in it. `note` says how far to trust it, `schematic` that nobody surveyed it.

    `surroundings` lie around it: `list_features` does not list them.
    """

    category: str
    shape: Shape
    point: Point
    note: Name | None = None
    schematic: bool = False
    levels: tuple[Level, ...] = ()
    units: tuple[Unit, ...] = ()
    openings: tuple[Opening, ...] = ()
    links: tuple[Link, ...] = ()
    fixtures: tuple[Fixture, ...] = ()
    amenities: tuple[Amenity, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    kiosks: tuple[Kiosk, ...] = ()
    sections: tuple[Section, ...] = ()
    footprints: tuple[Footprint, ...] = ()
    occupants: tuple[Occupant, ...] = ()
    surroundings: tuple[Surrounding, ...] = ()

    def list_features(self) -> Iterator[Feature]:
        """Return every feature of the venue, levels first, the venue itself not."""
        yield from chain[Feature](self.levels, self.units, self.openings, self.links, self.fixtures, self.amenities)
        yield from chain[Feature](self.anchors, self.kiosks, self.sections, self.footprints, self.occupants)


class Severity(StrEnum):
    """How bad a finding of the check is: it breaks the standard, it breaks a use of ours, or it is only told."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class VenueFinding:
    """One thing that the check of an archive found. `key` and `values` make the sentence (`base/text.py`)."""

    severity: Severity
    key: str
    feature_id: str = ""
    where: str = ""
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """Return what a reader looks the finding up by: the key without the folder of its text."""
        return self.key.rpartition(".")[2].removeprefix("venue_")
