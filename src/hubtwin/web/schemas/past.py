"""What was shown at a past moment. Times are milliseconds since 1970 on the hub's clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hubtwin.web.schemas.hub import EmergencyReply, HubView, SourceView
from hubtwin.web.schemas.live import LiveChange
from hubtwin.web.schemas.loop import Board, CaseRow, TaskRow
from hubtwin.web.schemas.things import Moved, ThingView
from hubtwin.web.schemas.trains import AreasReply, PositionsReply, TrainsReply


@dataclass(frozen=True, slots=True)
class PastMark:
    """Something that happened, for the timeline: an alarm, a key train that was warned of, a start of the server.

    `severity` is that of CAP 1.2 where the thing has one, else empty."""

    at_ms: int
    kind: str
    subject: str
    severity: str


@dataclass(frozen=True, slots=True)
class PastRange:
    """From when until when the past is known (null: nothing yet), and what to mark on it, oldest first. `more`: there
    are more marks than are told, and the newest are."""

    first_ms: int | None
    last_ms: int | None
    marks: Sequence[PastMark]
    more: bool


@dataclass(frozen=True, slots=True)
class PastReply:
    """What was shown at `at_ms`: the snapshot of the live feed, with sources, risk areas, open cases and open tasks.

    `shown_ms` is when that picture last changed; `next_ms` is what to ask /past/changes from, to go on from here.
    """

    at_ms: int
    shown_ms: int
    next_ms: int
    replay: Literal[True]
    rev: int
    hub: HubView
    emergency: EmergencyReply | None
    trains: TrainsReply | None
    positions: PositionsReply | None
    areas: AreasReply | None
    board: Board | None
    alarms: Sequence[LiveChange]
    things: Sequence[ThingView]
    sources: Sequence[SourceView] | None
    cases: Sequence[CaseRow] | None
    tasks: Sequence[TaskRow] | None


@dataclass(frozen=True, slots=True)
class PastChange:
    """A change as the live feed told it, and when; `alarm`: it went out on the lane of alarms too.

    Beside the topics of the live feed there are those that a page reads elsewhere while it is live: `hub`, `trains`
    (the list without its lines, which are `train`), `standing` (an alarm that stands, null once it does not)."""

    at_ms: int
    topic: str
    key: str
    rev: int
    at_min: int
    kind: str
    value: Any
    alarm: bool


@dataclass(frozen=True, slots=True)
class PastThings:
    """What the live feed told of things at one moment, in the form of its deltas."""

    at_ms: int
    things: Sequence[ThingView | Moved]
    gone: Sequence[str]


@dataclass(frozen=True, slots=True)
class PastChanges:
    """What was shown after `from_ms` and until `to_ms`, oldest first. `more`: it was too much for one answer, which
    ends at `to_ms`: ask again from there."""

    from_ms: int
    to_ms: int
    changes: Sequence[PastChange]
    things: Sequence[PastThings]
    more: bool
