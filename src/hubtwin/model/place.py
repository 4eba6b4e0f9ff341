"""The hub as a place: what `hub.toml` describes. Words follow IMDF where it has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

Name = Mapping[str, str]  # language tag -> text


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform; `tracks` are the tracks at its edges."""

    platform_id: str
    tracks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exit:
    """An exit with screening lanes; capacity in persons per minute and lane."""

    exit_id: str
    name: Name
    lanes: int
    lane_capacity_per_min: float


@dataclass(frozen=True, slots=True)
class Team:
    """A team that meets trains: its post when idle and its number of people."""

    team_id: str
    name: Name
    post: str
    size: int


@dataclass(frozen=True, slots=True)
class Walk:
    """Walking time between two places of the hub, in seconds, the same both ways. `told`: somebody measured it."""

    a: str
    b: str
    seconds: int
    told: bool = False


@dataclass(frozen=True, slots=True)
class Hub:
    """A transport hub. `stations` are its station ids in the timetable."""

    hub_id: str
    name: Name
    zone: ZoneInfo
    stations: tuple[str, ...]
    area_code: str = ""  # administrative code of the district in which it lies
    platforms: tuple[Platform, ...] = ()
    exits: tuple[Exit, ...] = ()
    teams: tuple[Team, ...] = ()
    walks: tuple[Walk, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where a place text was found: codes and how far it was resolved (values of RISK_AREAS.resolution)."""

    area_code: str | None
    street_code: str | None
    resolution: str
