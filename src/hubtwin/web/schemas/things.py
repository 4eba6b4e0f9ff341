"""The things of the panorama on the wire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hubtwin.web.schemas.hub import SourceView

Values = Mapping[str, float | int | str | bool | None]
Moved = tuple[str, int, float | None, float | None, Values]


@dataclass(frozen=True, slots=True)
class ThingView:
    """A thing as it was sensed at `at_ms`. `place` and `level` are codes of the venue, empty where none is known;
    `lon` and `lat` are WGS 84 degrees. `source` is the name of a source, whose state says whether it is silent. A value
    that is null or absent was not sensed."""

    id: str
    kind: str
    at_ms: int
    source: str
    place: str
    lon: float | None
    lat: float | None
    level: str
    values: Values
    synthetic: bool


@dataclass(frozen=True, slots=True)
class ThingReply:
    """A thing, its source, and up to 120 of its newest states, oldest first: when sensed, and the values then."""

    thing: ThingView
    source: SourceView | None
    history: Sequence[tuple[int, Values]]
