"""The contracts: Connector, Store, Scene. Each has one suite in `tests/contracts` that every plug-in passes.

A plug-in is a frozen record of functions, not a subclass: it cannot reach what it is not given.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import narwhals as nw
import pyarrow as pa

from hubtwin.model.finding import Finding
from hubtwin.model.place import Resolved
from hubtwin.model.record import UNMARKED, Marks, Quarantined, Row

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


@dataclass(frozen=True)
class Scene:
    """A scene as data, its functions in the order of the loop.

    `judge(tables, params, now)` is lazy, set-based and deterministic: the same tables and `now` give the same
    findings whatever the order of the rows. `now` is aware.
    """

    name: str
    needs: tuple[str, ...]
    params: Mapping[str, Any]
    judge: Callable[[Tables, Mapping[str, Any], datetime], Sequence[Finding]]
