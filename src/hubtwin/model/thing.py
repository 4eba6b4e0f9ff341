"""What is sensed about a place or a moving object: the newest state of one thing of the panorama."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hubtwin.model.record import UNMARKED, Marks

Value = float | int | str | bool | None
KINDS: Mapping[str, tuple[str, ...]] = {  # kind of thing -> the values that it may have; one that is missing is unknown
    "zone": ("people", "density_per_m2", "los"),
    "queue": ("mode", "waiting", "wait_s", "vehicles", "served_per_min"),
    "supply": (
        *("mode", "line", "vehicles", "spaces", "capacity", "next_min", "headway_s", "last_min"),
        "state",
    ),
    "vehicle": ("mode", "line", "bearing", "speed_mps", "delay_s", "stop", "occupancy"),
    "staff": ("team", "state"),
    "camera": ("state", "covers"),
    "counter": ("state", "covers"),
    "lift": ("state", "covers"),
    "device": ("state", "covers"),
    "weather": ("temperature_c", "wind_mps", "gust_mps", "rain_1h_mm", "visibility_m", "text"),
    "warning": ("event", "event_en", "colour", "severity", "status", "headline", "headline_en", "expires_min"),
}
PASSING = frozenset({"vehicle"})  # kinds that drive off without a word: one not heard for long has left


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing as it was sensed at `at_ms` (hub clock, milliseconds since 1970).

    `thing_id` is the kind, a colon and what names it within the kind: "zone:<unit code>", "vehicle:bus:<id>".
    `source` is the kind of source that told of it, whose state says whether it is live or silent. `place` is the venue
    code of a unit, opening or fixture, empty where only a point is known (WGS 84 degrees); `level` the code of a level.
    `values` are those of `KINDS`: what was not sensed is None or absent, never 0. `gone` is how a source says that the
    thing is no more.
    """

    thing_id: str
    kind: str
    at_ms: int
    source: str
    place: str = ""
    lon: float | None = None
    lat: float | None = None
    level: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)
    marks: Marks = UNMARKED
    gone: bool = False
