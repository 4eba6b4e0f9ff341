"""The contracts: Connector, Store, Ledger, Scene. Each has one suite in `tests/contracts` that every plug-in passes.

A plug-in is a frozen record of functions, not a subclass: it cannot reach what it is not given.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol
from zoneinfo import ZoneInfo

import narwhals as nw
import pyarrow as pa

from hubtwin.model.alert import Alert
from hubtwin.model.case import Case, CaseState, Evidence
from hubtwin.model.emergency import Appeal, Emergency, Overflow
from hubtwin.model.event import Event, Filed, LoopStep, LoopTimes, Message, Tally, Timer
from hubtwin.model.field import Checklists, Piece
from hubtwin.model.finding import Finding, Flagged
from hubtwin.model.place import Resolved
from hubtwin.model.record import UNMARKED, Marks, Quarantined, Row
from hubtwin.model.task import Task, TaskState
from hubtwin.model.verified import Verified
from hubtwin.rules.disclosure import NOTHING, Disclosures

Tables = Mapping[str, nw.LazyFrame[Any]]  # dataset name -> its rows, the latest one of each key


@dataclass(frozen=True)
class Page:
    """What a transport hands over: bytes in pieces, and the cursor that says "everything up to here".

    `name` is a file name or an address without secrets. `chunks` may be read once; reading may raise Retry.
    """

    name: str
    chunks: Iterable[bytes]
    cursor: str
    marks: Marks = UNMARKED


class Transport(Protocol):
    """I/O of a source, without meaning. Raises Retry (later) or Denied (credentials)."""

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """Yield what comes after `cursor` (None: from the start), in order, then stop."""
        ...


@dataclass(frozen=True)
class ReadContext:
    """What meaning needs besides the bytes. An empty collection means: not known, do not check."""

    zone: ZoneInfo
    now: datetime
    stations: frozenset[str] = frozenset()
    calls: Mapping[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)  # trip id -> (seq, station id)
    station_areas: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # station id -> (area code, basis)
    resolve: Callable[[str, str, str, str], Resolved] | None = None  # province, city, county, community
    scheduled: Callable[[str, int], tuple[int | None, int | None]] | None = None  # trip id, seq -> RAIL_CALLS minutes
    since_min: int | None = None  # who was read before it is not kept: no event was in force
    real_persons: bool = True  # False: rows of whole manifests and stays must be synthetic, or go to quarantine


@dataclass(frozen=True)
class Manifest:
    """Who a source is: shown in the catalogue and on the page of sources."""

    name: str
    title: Mapping[str, str]
    owner: str
    contact: str
    cadence_s: int
    datasets: tuple[str, ...]
    formats: tuple[str, ...]
    steady: bool = False  # says something new in every cadence: an answer without news is a silence


@dataclass(frozen=True)
class Connector:
    """A source system: `read` is codec and mapper in one pure, total function.

    It yields rows and quarantined rows in input order, and raises Malformed for a page that must be refused
    whole (unknown column, not the declared format); a source whose rows check one another may yield its
    quarantined rows at the end. `fold`, where given, turns the rows of a page into changes against what is stored
    (`Tables` holds the manifest's datasets): a sequence for a full listing, which is stored in one batch, or an
    iterator for rows that pass one by one.
    """

    manifest: Manifest
    read: Callable[[Page, ReadContext], Iterator[Row | Quarantined]]
    fold: Callable[[Iterable[Row], Tables], Iterable[Row]] | None = None


@dataclass(frozen=True)
class Batch:
    """What one step of sensing writes, all or nothing. The same key twice is applied once."""

    key: str
    source: str
    tables: Mapping[str, pa.Table]
    quarantined: Sequence[Quarantined] = ()
    cursor: str | None = None


class Store(Protocol):
    """Rows and columns of one hub. Every method that writes returns only after the data would survive kill -9."""

    def write(self, batch: Batch) -> bool:
        """Store a batch and its cursor; return False where the key was already applied. Raises Malformed."""
        ...

    def cursor(self, source: str) -> str | None:
        """Return the cursor of the last batch of a source."""
        ...

    def count_cursors(self, source: str) -> int:
        """Return how often a cursor of the source was committed: what is read after that is a new page, even if
        its bytes are those of an older one; what is read again before that is the same page."""
        ...

    def tables(self, names: Iterable[str]) -> Tables:
        """Return the datasets by name, lazily, the latest row of each key. Raises Absent for unknown names."""
        ...

    def save_findings(self, findings: Sequence[Finding]) -> int:
        """Store findings once by key; return how many were new."""
        ...

    def list_findings(self, scene: str) -> list[Finding]:
        """Return all findings of a scene, in the order they were first saved."""
        ...

    def list_quarantine(self, source: str | None = None) -> list[Quarantined]:
        """Return what is in quarantine, oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases; what is not given does not narrow. `after` is the id of the last case of the page before.

    `overdue_at_min`: only those whose clock ran out before that minute. "deadline" puts the shortest clock first.
    """

    scene: str | None = None
    emergency_id: str | None = None
    states: tuple[CaseState, ...] = ()
    train: str | None = None
    pid: str | None = None
    open_only: bool = False
    overdue_at_min: int | None = None
    order: Literal["opened", "deadline"] = "opened"
    limit: int = 200
    after: str | None = None


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks; what is not given does not narrow. `teams` and `subjects`: any of them. As in `CaseFilter`."""

    scene: str | None = None
    states: tuple[TaskState, ...] = ()
    teams: tuple[str, ...] = ()
    kind: str | None = None
    subjects: tuple[str, ...] = ()
    open_only: bool = False
    overdue_at_min: int | None = None
    order: Literal["created", "deadline"] = "created"
    limit: int = 200
    after: str | None = None


EVERY_CASE, EVERY_TASK = CaseFilter(), TaskFilter()


class LedgerReader(Protocol):
    """What stands in a ledger. `get_` raises Absent, `find_` may return None."""

    def find_emergency(self, emergency_id: str) -> Emergency | None: ...

    def list_emergencies(self, scene: str | None = None) -> list[Emergency]:
        """Return declared events, the oldest first."""
        ...

    def find_overflow(self, overflow_id: str) -> Overflow | None: ...

    def list_overflows(self, scene: str | None = None, *, on_only: bool = False) -> list[Overflow]:
        """Return overflow orders, the oldest first."""
        ...

    def find_alert(self, alert_id: str) -> Alert | None: ...

    def list_alerts(self, scene: str | None = None, *, active_only: bool = False) -> list[Alert]:
        """Return alerts, the oldest first."""
        ...

    def find_case(self, case_id: str) -> Case | None: ...

    def get_case(self, case_id: str) -> Case: ...

    def list_cases(self, where: CaseFilter = EVERY_CASE) -> list[Case]: ...

    def count_cases(self, where: CaseFilter = EVERY_CASE) -> dict[CaseState, int]:
        """Return how many by state; order, limit and after do not count."""
        ...

    def list_evidence(self, case_id: str) -> list[Filed]:
        """Return the evidence on file in the order it was given."""
        ...

    def find_appeal(self, appeal_id: str) -> Appeal | None: ...

    def list_appeals(self, case_id: str | None = None, *, open_only: bool = False) -> list[Appeal]:
        """Return appeals, the oldest first."""
        ...

    def find_task(self, task_id: str) -> Task | None: ...

    def get_task(self, task_id: str) -> Task: ...

    def list_tasks(self, where: TaskFilter = EVERY_TASK) -> list[Task]: ...

    def count_tasks(self, where: TaskFilter = EVERY_TASK) -> dict[TaskState, int]:
        """Return how many by state; order, limit and after do not count."""
        ...

    def find_piece(self, piece_id: str) -> Piece | None: ...

    def list_pieces(self, task_id: str) -> list[Piece]:
        """Return what was filed with a task, in the order it came."""
        ...

    def list_timers(self, until_min: int | None = None, limit: int | None = None) -> list[Timer]:
        """Return timers due at `until_min` or before, by due minute, then subject and name."""
        ...

    def list_outbox(self, limit: int = 100) -> list[Message]:
        """Return messages that wait, in the order in which they were written."""
        ...

    def list_events(
        self,
        after_seq: int = 0,
        kinds: Sequence[str] | None = None,
        subject: str | None = None,
        limit: int | None = None,
    ) -> list[Event]:
        """Return events in order."""
        ...

    def find_last_event(self, kinds: Sequence[str]) -> Event | None:
        """Return the newest event of some kinds; it costs the same however many there are."""
        ...

    def last_seq(self) -> int:
        """Return the number of the last event, 0 where there is none."""
        ...

    def list_times(
        self, scene: str | None = None, subject: str | None = None, since_min: int | None = None
    ) -> list[LoopTimes]:
        """Return the measured times, by scene and subject; with `since_min` of loops that were sensed or warned then or
        later."""
        ...

    def tally(self, emergency_id: str) -> Tally:
        """Return what the events and the rows say of the cases of an emergency."""
        ...


class Unit(LedgerReader, Protocol):
    """One command: everything it writes is there after it, or nothing is. It reads what it has written itself.

    Saving a record of version 0 adds it; of a later version replaces the one of the version before. Raises Denied
    (`model.case_moved_on`) where another version stands. The status of every record must be that of the store.
    """

    @property
    def at_min(self) -> int: ...

    def save_emergency(self, emergency: Emergency) -> None: ...

    def save_overflow(self, overflow: Overflow) -> None: ...

    def save_alert(self, alert: Alert) -> None: ...

    def save_case(self, case: Case) -> None: ...

    def save_appeal(self, appeal: Appeal) -> None: ...

    def save_task(self, task: Task) -> None: ...

    def add_evidence(self, case: Case, by: str, evidence: Sequence[Evidence]) -> None:
        """File what brought a case to its present version."""
        ...

    def add_piece(self, piece: Piece) -> None:
        """File a piece with its task."""
        ...

    def append(self, kind: str, subject: str, payload: Mapping[str, object], scene: str = "") -> int:
        """Append an event of this minute; return its number. Raises Bug for what is not plain JSON."""
        ...

    def set_timer(self, subject: str, name: str, due_min: int, scene: str = "") -> None:
        """Let a clock run; one of the same subject and name is set anew."""
        ...

    def cancel_timers(self, subject: str, name: str | None = None) -> int:
        """Stop the clocks of a subject, or the named one; return how many."""
        ...

    def put_outbox(self, key: str, channel: str, payload: Mapping[str, object]) -> None:
        """Write a message; one whose key is known is not written again."""
        ...

    def mark_sent(self, key: str) -> None:
        """Write down that the receiver has acknowledged a message."""
        ...

    def mark_time(self, scene: str, subject: str, step: LoopStep, at_min: int | None = None) -> None:
        """Measure a step of the loop: the first time counts, of the last step (closed) the last time."""
        ...

    def once(self, key: str, digest: str) -> bool:
        """Return True the first time a command key is seen. Raises Denied where it came with another digest."""
        ...


class Ledger(LedgerReader, Protocol):
    """The state of the loop, its events, its clocks and its messages. What a unit wrote survives kill -9."""

    def unit(self, at_min: int) -> AbstractContextManager[Unit]:
        """Hold the ledger for one command; commit at the end, roll back on any error. Raises Retry, Bug (nested)."""
        ...


def hand_on(tables: Tables, params: Mapping[str, Any], now: datetime) -> Tables:
    """Return the tables as they are: a scene that does not say what of them matters."""
    return tables


def flag_nobody(tables: Tables, params: Mapping[str, Any], now: datetime) -> Sequence[Flagged]:
    """Return nobody: a scene without persons."""
    return ()


def no_facts(told: Verified, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Know nothing: the `facts` of a scene that tells nobody."""
    return {}


@dataclass(frozen=True)
class Scene:
    """A scene as data, its functions in the order of the loop.

    `judge(tables, params, now)` is lazy, set-based and deterministic: the same tables and `now` give the same
    findings whatever the order of the rows. `now` is aware. `narrow` gives the part of the tables that decides around
    `now`, with the same findings; which rows it keeps of the tables of `grow` is told by the row and by tables that
    are not of `grow`, so that new rows may be narrowed by themselves. `flag` says which persons of the new rows of
    `watches` need a case; `watches` are datasets of which only rows that nobody has looked at yet are given. `facts`
    says what is known of a case after a person has moved it, `disclosures` who is told what of it. `checklists` are
    what a team ticks, by kind of task.
    """

    name: str
    needs: tuple[str, ...]
    params: Mapping[str, Any]
    judge: Callable[[Tables, Mapping[str, Any], datetime], Sequence[Finding]]
    narrow: Callable[[Tables, Mapping[str, Any], datetime], Tables] = hand_on
    flag: Callable[[Tables, Mapping[str, Any], datetime], Sequence[Flagged]] = flag_nobody
    watches: tuple[str, ...] = ()
    grow: tuple[str, ...] = ()
    disclosures: Disclosures = NOTHING
    facts: Callable[[Verified, Mapping[str, Any]], Mapping[str, Any]] = no_facts
    checklists: Checklists = field(default_factory=dict)
