"""The data of the events of the live feed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hubtwin.model.record import Mode
from hubtwin.web.schemas.hub import EmergencyReply, HubView
from hubtwin.web.schemas.loop import Board
from hubtwin.web.schemas.things import Moved, ThingView
from hubtwin.web.schemas.trains import PositionsReply, TrainsReply


@dataclass(frozen=True, slots=True)
class LiveChange:
    """A changed thing of the live feed, whole: `value` null means that it is gone."""

    topic: str
    key: str
    rev: int
    at_min: int
    kind: str
    value: Any


@dataclass(frozen=True, slots=True)
class LiveDelta:
    """Data of an event `delta`: apply each change whose `rev` is not older than what you hold for its key.

    `things` are things as they stand now, or only [id, at_ms, lon, lat, values] of one that you hold: it moved there,
    and those of its values changed. `gone` are ids of things that are no more.
    """

    rev: int
    changes: Sequence[LiveChange]
    things: Sequence[ThingView | Moved] = ()
    gone: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class LiveHeartbeat:
    """Data of an event `heartbeat`, every 2 s."""

    rev: int
    now: str
    now_min: int
    mode: Mode
    speed: float


@dataclass(frozen=True, slots=True)
class LiveSnapshot:
    """Data of an event `snapshot`: everything that this person may see, but the pages of cases and tasks."""

    rev: int
    hub: HubView
    emergency: EmergencyReply | None
    trains: TrainsReply | None
    positions: PositionsReply | None
    board: Board | None
    alarms: Sequence[LiveChange]
    things: Sequence[ThingView] = ()
