"""Who, where, when: the session, the hub, the declared event, what needs repair, health."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hubtwin.model.record import Mode, Status


@dataclass(frozen=True, slots=True)
class Words:
    """A text in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong and what to do: the key of the text, and the sentence in the language of the reader."""

    key: str
    message: str


@dataclass(frozen=True, slots=True)
class Me:
    """Who is signed in. `may` lists `action:scene` pairs, so that a page shows only what can be pressed."""

    user: str
    name: str
    roles: Sequence[str]
    scenes: Sequence[str]
    agency: str
    team: str | None
    lang: str
    may: Sequence[str]


@dataclass(frozen=True, slots=True)
class TeamView:
    """A team as the hub describes it."""

    team_id: str
    name: Words
    post: str
    size: int


@dataclass(frozen=True, slots=True)
class ExitView:
    """An exit with its screening lanes."""

    exit_id: str
    name: Words
    lanes: int


@dataclass(frozen=True, slots=True)
class MapView:
    """The base map: raster tiles or a MapLibre style of the deployment, both null where the shipped map is used.
    `note` is to be shown: whoever publishes a map in China needs an approved base map."""

    tiles: str | None
    style: str | None
    attribution: str
    note: Words


@dataclass(frozen=True, slots=True)
class HubView:
    """The hub and its clock. `now` is ISO 8601 UTC; `speed` is hub seconds per second; `rev` is the last event.

    `status` is that of CAP 1.2: of an exercise or a test everything that is shown is one.
    """

    hub_id: str
    name: Words
    zone: str
    stations: Sequence[str]
    now: str
    now_min: int
    mode: Mode
    speed: float
    synthetic: bool
    rev: int
    exits: Sequence[ExitView]
    teams: Sequence[TeamView]
    status: Status = Status.ACTUAL
    map: MapView | None = None


@dataclass(frozen=True, slots=True)
class EmergencyView:
    """A declared event. `in_force` says whether its scene works now.

    `data`: what became of its personal data. "held" until it ends; then "destroyed", or "standing" as long as
    something keeps them or nobody has given the order (`POST /emergency/destroy`).
    """

    emergency_id: str
    scene: str
    disease: str
    legal_basis: str
    declared_by: str
    begins_min: int
    ends_min: int
    ended_min: int | None
    in_force: bool
    synthetic: bool
    data: Literal["held", "standing", "destroyed"] = "held"


@dataclass(frozen=True, slots=True)
class Disease:
    """A disease that an event can be declared for."""

    disease: str
    name: Words


@dataclass(frozen=True, slots=True)
class EmergencyReply:
    """The event in force, or the last one; null where there never was one.

    Once its data are destroyed, `certificate` is the signed certificate as it is printed, in both languages.
    `kept_because` is a sentence in both languages: why they may not be destroyed now (a legal hold, another event of
    the same time); null where they may. `standing` are the other events that ended and whose data still stand.
    """

    emergency: EmergencyView | None
    diseases: Sequence[Disease]
    certificate: Words | None = None
    kept_because: Words | None = None
    standing: Sequence[EmergencyView] = ()


@dataclass(frozen=True, slots=True)
class OfficeView:
    """The office that answers for a source, as hub.toml names it; `hours` is empty where nobody said."""

    office: Words
    phone: str
    hours: str


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source and how it stands. `late`: nothing was read for two cadences; `failed`: the last reading was refused,
    for `error`; `off`: it is not read; `maintenance`: it would be late or failed, and its office announced work until
    `until_min`. `last_row_min` is when it last had something new, null for never. `contact` is whom to ring;
    `datasets` are what it feeds, `decisions` the names of those that rest on them."""

    name: str
    title: Words
    cadence_s: int
    last_read_min: int | None
    last_row_min: int | None
    rows: int
    state: Literal["live", "late", "failed", "off", "maintenance"]
    error_key: str | None
    error: Words | None
    until_min: int | None = None
    contact: OfficeView | None = None
    datasets: Sequence[str] = ()
    decisions: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class SourcesReply:
    """The sources of the hub by name."""

    now_min: int
    sources: Sequence[SourceView]


@dataclass(frozen=True, slots=True)
class Repair:
    """Something that a person must fix: what, since when, and where to go."""

    key: str
    kind: Literal["source_late", "source_failed", "quarantine", "delivery", "glass", "timer", "scene"]
    title: Words
    detail: Words
    since_min: int | None
    count: int


@dataclass(frozen=True, slots=True)
class RepairsReply:
    """All that waits for a person."""

    now_min: int
    repairs: Sequence[Repair]


@dataclass(frozen=True, slots=True)
class Revealed:
    """A person unmasked, for the screen of the one who asked."""

    pid: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RevealReply:
    """Persons that were unmasked, without those whom the vault does not know; `audit_seq` is the audit as of then."""

    persons: Sequence[Revealed]
    audit_seq: int


@dataclass(frozen=True, slots=True)
class JournalView:
    """Since when the past can be shown (null: not yet), the gigabytes that takes, and how many it may take: beyond, the
    oldest hours go."""

    since_min: int | None
    gb: float
    max_gb: int


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the hub works. `status` is ok, degraded (late timers or sources) or down. `journal`: the past
    that can be shown."""

    status: Literal["ok", "degraded", "down"]
    store: bool
    timers_lag_s: float
    sources_late: Sequence[str]
    version: str
    journal: JournalView | None = None
