"""The venue on the wire: levels, features with their geometry, and a way through them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hubtwin.web.schemas.hub import Words

FeatureKind = Literal["unit", "opening", "fixture", "amenity", "kiosk", "footprint", "section", "link"]


@dataclass(frozen=True, slots=True)
class LevelView:
    """A floor. `ordinal` stacks them; `elevation_m` is the height of the floor, `height_m` that of the storey."""

    level_id: str
    code: str
    ordinal: int
    name: Words
    short_name: Words
    elevation_m: float
    height_m: float
    outdoor: bool


@dataclass(frozen=True, slots=True)
class VenueFeature:
    """A feature of the venue. `geometry` is GeoJSON, WGS 84. `basis` is empty where nobody said what it rests on.

    Capacities are null where nobody told them: `persons` of a unit, `persons_per_min` of an opening or a link.
    """

    feature_id: str
    code: str
    kind: FeatureKind
    category: str
    level_id: str | None
    name: Words | None
    geometry: Mapping[str, Any]
    persons: int | None
    persons_per_min: float | None
    basis: Literal["published", "inferred", ""]
    source: str


@dataclass(frozen=True, slots=True)
class SurroundingView:
    """What lies around the venue, to be drawn below it: a line that is `width_m` wide, or an area (null)."""

    code: str
    kind: Literal["road", "water", "rail", "block", "green"]
    name: Words | None
    geometry: Mapping[str, Any]
    width_m: float | None
    basis: Literal["published", "inferred", ""]
    source: str


@dataclass(frozen=True, slots=True)
class VenueReply:
    """The venue of the hub. `note` says how far it is to be trusted; `schematic`: drawn, not surveyed."""

    venue_id: str
    name: Words
    note: Words
    schematic: bool
    centre: Sequence[float]
    levels: Sequence[LevelView]
    features: Sequence[VenueFeature]
    surroundings: Sequence[SurroundingView] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that changes seldom, as JSON, with what tells one edition from another."""

    etag: str
    body: bytes


@dataclass(frozen=True, slots=True)
class LegView:
    """A piece of a way: on foot on one level, or over a link to `to_code`. `path` are pairs of longitude, latitude."""

    level_id: str
    by: Literal["walk", "stairs", "escalator", "elevator", "ramp"]
    seconds: float
    length_m: float
    path: Sequence[Sequence[float]]
    to_code: str
    to_name: Words | None


@dataclass(frozen=True, slots=True)
class WayReply:
    """The shortest way between two places of the venue, by walking time."""

    seconds: float
    length_m: float
    step_free: bool
    legs: Sequence[LegView]
