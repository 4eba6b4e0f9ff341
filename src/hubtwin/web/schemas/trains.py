"""Warned trains, their evidence and staff, and what the map shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hubtwin.web.schemas.hub import Words

Level = Literal["high", "medium", "none"]


@dataclass(frozen=True, slots=True)
class Times:
    """When the loop reached each step; null where it has not."""

    sensed: int | None = None
    warned: int | None = None
    dispatched: int | None = None
    accepted: int | None = None
    on_site: int | None = None
    closed: int | None = None


@dataclass(frozen=True, slots=True)
class Persons:
    """How many persons of a train are concerned, and on which rung of evidence that rests.

    With `hits_least` the railway has told hits as a range, of which `hits` is the upper end: "<5" is 1 to 4.
    """

    rung: str
    concerned: int | None
    booked: int | None
    boarded: int | None
    to_board: int | None
    hits: int | None
    exposed: int | None
    hits_least: int | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a run has boarded: calls left, of how many; persons still to board."""

    calls: int
    of_calls: int
    completeness: float
    to_board: int | None
    due_min: int | None = None


@dataclass(frozen=True, slots=True)
class Lists:
    """The two lists of a run and which of them can be issued now."""

    stage: Literal["preview", "first", "final"]
    now: Coverage
    first: Coverage
    final: Coverage


@dataclass(frozen=True, slots=True)
class TrainCall:
    """One call of a train in a risk area: the evidence of its warning. `told_by`: the partners who told of areas."""

    station: str
    station_id: str
    area_code: str
    area_basis: str
    county: str | None
    arrive_min: int | None
    depart_min: int
    areas: int
    high_areas: int
    with_exception: int
    county_only: int
    newest_min: int
    booked: int | None
    boarded: int | None
    told_by: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Staff:
    """Who meets a train, or why nobody does (`reason`)."""

    team: Sequence[str]
    reason: str | None = None
    platform: str | None = None
    platform_inferred: bool | None = None
    exit: str | None = None
    leave_min: int | None = None
    on_post_min: int | None = None
    late_min: int | None = None
    slack_min: int | None = None
    members: int | None = None
    members_needed: int | None = None


@dataclass(frozen=True, slots=True)
class Train:
    """A warned train of the present list. `key` names the warning and changes with it; `subject` is the train."""

    key: str
    subject: str
    rank: int
    score: float
    synthetic: bool
    trip_id: str
    service_date: str
    train: str
    hub_station: str
    platform: str | None
    scheduled_min: int
    expected_min: int
    lead_min: int
    level: Level
    key_train: bool
    persons: Persons
    lists: Lists
    calls: Sequence[TrainCall]
    staff: Staff | None
    times: Times
    task_ids: Sequence[str]
    cases: int


@dataclass(frozen=True, slots=True)
class AlertView:
    """A warning in the words of CAP 1.2; `subject` is what it warns of, a train."""

    alert_id: str
    scene: str
    kind: str
    subject: str
    msg_type: str
    severity: str
    urgency: str
    certainty: str
    raised_min: int
    at_min: int
    active: bool
    synthetic: bool


@dataclass(frozen=True, slots=True)
class OverloadView:
    """A stretch in which persons wait at an exit."""

    exit: str
    from_min: int
    until_min: int
    peak_per_min: float
    capacity_per_min: float
    longest_queue: float
    lead_min: int


@dataclass(frozen=True, slots=True)
class TrainsReply:
    """The list as of `now_min`, ranked."""

    now_min: int
    service_date: str
    service_pattern: str
    synthetic: Sequence[str]
    overloads: Sequence[OverloadView]
    trains: Sequence[Train]


@dataclass(frozen=True, slots=True)
class Point:
    """A GeoJSON point: longitude, latitude (WGS 84)."""

    coordinates: tuple[float, float]
    type: Literal["Point"] = "Point"


@dataclass(frozen=True, slots=True)
class AreaFacts:
    """A county with its numbers of risk areas in force; `geometry_basis` says what the point is, `told_by` names the
    partners who told of some of them."""

    area_code: str
    name: str
    high: int
    medium: int
    newest_min: int | None
    synthetic: bool
    geometry_basis: str
    told_by: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Area:
    """A GeoJSON feature."""

    geometry: Point
    properties: AreaFacts
    type: Literal["Feature"] = "Feature"


@dataclass(frozen=True, slots=True)
class AreasReply:
    """A GeoJSON collection of counties with risk areas in force at `now_min`."""

    now_min: int
    features: Sequence[Area]
    type: Literal["FeatureCollection"] = "FeatureCollection"


@dataclass(frozen=True, slots=True)
class DistrictView:
    """A district or county that a person may go to: its administrative code, and its name with those above it."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class StationView:
    """A station of the timetable with its place."""

    station_id: str
    name: str
    lon: float
    lat: float
    hub: bool


@dataclass(frozen=True, slots=True)
class Position:
    """Where a warned train is: computed from the timetable and delays between two calls (`inferred`), or sensed."""

    subject: str
    train: str
    lon: float
    lat: float
    bearing: float
    from_station: str
    to_station: str
    expected_min: int
    level: Level
    key_train: bool
    inferred: bool


@dataclass(frozen=True, slots=True)
class PositionsReply:
    """The warned trains on their way at `now_min`."""

    now_min: int
    trains: Sequence[Position]


@dataclass(frozen=True, slots=True)
class TeamDuty:
    """A team on duty, and what it does."""

    team_id: str
    name: Words
    place: str
    size: int
    until_min: int | None
    qualifications: Sequence[str]
    task_ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class UnmetView:
    """A warned train that no team meets."""

    train: str
    key_train: bool
    reason: str


@dataclass(frozen=True, slots=True)
class StaffReply:
    """The staff plan as of `now_min`."""

    now_min: int
    teams: Sequence[TeamDuty]
    unmet: Sequence[UnmetView]
    overloads: Sequence[OverloadView]
