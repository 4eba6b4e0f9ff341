"""A way through a venue: legs on foot and over links, with times, lengths and paths by level."""

from dataclasses import dataclass

from hubtwin.model.venue import LinkKind, Point


@dataclass(frozen=True, slots=True)
class Leg:
    """A piece of a way: on foot on one level, or over one link. `to_id` is the feature at its end, `path` lon/lat.

    The path of a link begins on `level_id` and ends on the level of the next leg.
    """

    level_id: str
    by: LinkKind
    seconds: float
    length_m: float
    path: tuple[Point, ...]
    to_id: str


@dataclass(frozen=True, slots=True)
class Way:
    """The shortest way between two places by walking time, of one person who is not held up by others."""

    seconds: float
    length_m: float
    step_free: bool
    legs: tuple[Leg, ...]
