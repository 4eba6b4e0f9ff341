"""A shadow run: a recording goes through codec, mapper and checks into a store that is thrown away, and what came of it
is compared with what the hub stored of the same source for the same time.

Nothing of the hub is written: the throw-away store lies beside the hub's and is deleted at the end (what a kill left,
by the next run), and a key epoch that the hub's vault has no key for gets one that is forgotten with it.
"""

import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import narwhals as nw

from hubtwin.base.clock import DAY_MIN, EPOCH, epoch_minute
from hubtwin.base.errors import Absent
from hubtwin.datasets.all import DATASETS
from hubtwin.datasets.table import Dataset, Grade
from hubtwin.flow.sense import Sensing, sense
from hubtwin.library.query import collect
from hubtwin.ports import Connector, Page, Tables
from hubtwin.rules.privacy import pseudonymise
from hubtwin.settings import Settings
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.locks import held
from hubtwin.stores.recorder import page_of
from hubtwin.stores.recording import Frame, Recording
from hubtwin.stores.sqlite import query
from hubtwin.stores.vault import KEY_FILE, Vault
from hubtwin.wiring.acceptance import SAID
from hubtwin.wiring.feeds import context_of, window_min
from hubtwin.wiring.plugs import get_connector

EXAMPLES = 5  # of each kind and dataset
EDGE_MIN = 2  # what happened so late in the recording may have reached the hub after it
_SHOWN_CHARS = 60
Keyed = Mapping[tuple[object, ...], Mapping[str, object]]


@dataclass(frozen=True)
class Told:
    """What is asked: the source, from when until when, how many minutes at the end may lack in the recording.

    `store_dir` is the store directory whose recording is used, the hub's own where none is given: that of another home
    of the same hub, for instance one that only recorded.
    """

    source: str
    since: datetime | None = None
    until: datetime | None = None
    edge_min: int = EDGE_MIN
    store_dir: Path | None = None


@dataclass(frozen=True)
class Compared:
    """Rows of one dataset: `here` from the recording, `there` in the hub. `outside` are rows of the hub that the
    recording need not hold; `columns` counts the differing rows by column; `examples` are masked.
    """

    dataset: str
    same: int
    different: int
    only_here: int
    only_there: int
    outside: int
    columns: Mapping[str, int] = field(default_factory=dict)
    examples: Sequence[Mapping[str, object]] = ()

    @property
    def differences(self) -> int:
        """Return how many rows are not as in the hub."""
        return self.different + self.only_here + self.only_there


@dataclass(frozen=True)
class Shadowed:
    """What a shadow run found. Quarantined rows by reason: here, in the hub. `listing`: times were not compared."""

    source: str
    pages: int
    begin_min: int
    end_min: int
    datasets: Sequence[Compared]
    quarantined: Mapping[str, tuple[int, int]]
    is_listing: bool

    @property
    def share(self) -> float:
        """Return which share of all rows, kept or quarantined, is not as in the hub; 0 where there are none."""
        rows = sum(each.same + each.differences for each in self.datasets)
        rows += sum(max(pair) for pair in self.quarantined.values())
        different = sum(each.differences for each in self.datasets)
        different += sum(abs(here - there) for here, there in self.quarantined.values())
        return different / rows if rows else 0.0


def shadow(settings: Settings, store: EmbeddedStore, told: Told, now: datetime) -> Shadowed:
    """Run a recording through the present codec, mapping and checks, and compare. Raises Absent, Denied, Malformed."""
    connector, recording = get_connector(told.source), Recording(told.store_dir or store.directory, told.source)
    frames = (each for each in recording.frames(since=told.since, until=told.until) if each.kind == "page")
    with _thrown_away(settings, store) as aside, _pseudonyms(store, now) as persons:
        how = Sensing(settings.hub.hub_id, store.status, pseudonymise=persons)
        context, moments = context_of(settings, store, told.source, now), list[datetime]()
        for frame in frames:
            sense(connector, _OnePage(frame), aside, replace(context, now=frame.at), how)
            moments.append(frame.at)
        if not moments:
            raise Absent("wiring_nothing_recorded", source=told.source)
        span = (epoch_minute(min(moments)), epoch_minute(max(moments)))
        names, is_listing = connector.manifest.datasets, connector.fold is not None
        here, there = aside.tables(names), store.tables(names)
        compare = partial(_compare, connector, here=here, there=there, span=(span[0], span[1] - told.edge_min))
        found = [compare(DATASETS[name]) for name in names]
        bad = _quarantined(store, aside, connector.manifest.name, span)
    return Shadowed(told.source, len(moments), *span, found, bad, is_listing)


@dataclass(frozen=True)
class _OnePage:
    frame: Frame

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """Yield the recorded page, whatever was read before: the bytes may be those of an earlier one."""
        yield page_of(self.frame)


@contextmanager
def _thrown_away(settings: Settings, store: EmbeddedStore) -> Iterator[EmbeddedStore]:
    """Give an empty store beside the hub's, with its status; it is gone afterwards."""
    prefix = f"{settings.hub.hub_id}.shadow-"
    for left in store.directory.parent.glob(f"{prefix}*"):
        with held(left) as is_ours:
            if is_ours:  # nobody is at work there
                shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=store.directory.parent))
    with held(folder):
        try:
            aside = EmbeddedStore(folder / "store", store.hub_id, clock=_nobody_asks, status=store.status)
            with closing(aside):
                yield aside
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _nobody_asks() -> datetime:
    """Return a moment: rows of a store that is thrown away are dated by nobody."""
    return EPOCH


@contextmanager
def _pseudonyms(store: EmbeddedStore, now: datetime) -> Iterator[Callable[..., Any]]:
    """Give the hub's own pseudonyms, so that rows can be compared, without making a vault or a key in it."""
    with ExitStack() as stack:
        vault, known, made = None, set[int](), dict[int, bytes]()
        if (store.directory / KEY_FILE).exists():
            vault = stack.enter_context(closing(Vault(store.directory, clock=lambda: now, record=store.append_event)))
            known = {epoch.number for epoch in vault.list_epochs()}

        def key_of(number: int) -> bytes | None:
            if vault is not None and number in known:
                return vault.find_epoch_key(number)
            return made.setdefault(number, secrets.token_bytes(32))

        yield partial(pseudonymise, key_of=key_of, window_min=window_min())


def _compare(connector: Connector, dataset: Dataset, *, here: Tables, there: Tables, span: tuple[int, int]) -> Compared:
    source, clock = connector.manifest.name, _clock_of(dataset)
    ours, theirs = _keyed(dataset, here, source), _keyed(dataset, there, source)
    listed = {column.name for column in dataset.columns if connector.fold and column.type == "minute"}
    columns = [column.name for column in dataset.columns if column.name not in {*dataset.key, *listed}]
    count, differ, examples = Counter[str](), Counter[str](), list[Mapping[str, object]]()
    for key in sorted({*ours, *theirs}, key=repr):
        one, other = ours.get(key), theirs.get(key)
        names = [name for name in columns if one is not None and other is not None and one[name] != other[name]]
        kind = "only_there" if one is None else "only_here" if other is None else "different" if names else "same"
        if kind == "only_there" and clock and not _is_within(_minute_of(dataset, clock, other or {}), span):
            kind = "outside"
        count[kind] += 1
        differ.update(names)
        if kind in ("only_here", "only_there", "different") and count[kind] <= EXAMPLES:
            named = _masked(dataset, one or other or {}, dataset.key)
            examples.append({"kind": kind, **named, **_both(dataset, one, other, names)})
    return Compared(
        dataset.name,
        same=count["same"],
        different=count["different"],
        only_here=count["only_here"],
        only_there=count["only_there"],
        outside=count["outside"],
        columns=dict(differ),
        examples=examples,
    )


def _keyed(dataset: Dataset, tables: Tables, source: str) -> Keyed:
    own = [column.name for column in dataset.columns]
    rows = collect(tables[dataset.name].filter(nw.col("source") == source).select(*own)).to_pylist()
    return {tuple(row[name] for name in dataset.key): row for row in rows}


def _clock_of(dataset: Dataset) -> str | None:
    """Return the column that says when a row happened: a time of its key, when the source knew it, its date."""
    of_type = {
        kind: [name for name in dataset.key if dataset.by_name[name].type == kind]
        for kind in ("minute", "second", "date")
    }
    said = [name for name in SAID if name in dataset.by_name]
    return next(iter([*of_type["minute"], *of_type["second"], *said, *of_type["date"]]), None)


def _minute_of(dataset: Dataset, clock: str, row: Mapping[str, object]) -> object:
    """Return when a row happened as a minute or a date."""
    value = row[clock]
    return value // 60 if dataset.by_name[clock].type == "second" and isinstance(value, int) else value


def _is_within(value: object, span: tuple[int, int]) -> bool:
    """Tell whether a minute, or a day, lies in the minutes of a recording."""
    if isinstance(value, date):
        return span[0] // DAY_MIN <= (value - EPOCH.date()).days <= span[1] // DAY_MIN
    return value is None or span[0] <= int(str(value)) <= span[1]


def _both(
    dataset: Dataset, one: Mapping[str, object] | None, other: Mapping[str, object] | None, names: Sequence[str]
) -> dict[str, object]:
    ours, theirs = (_masked(dataset, row or {}, names) for row in (one, other))
    return {name: f"{ours[name]} / {theirs[name]}" for name in names}


def _masked(dataset: Dataset, row: Mapping[str, object], names: Sequence[str]) -> dict[str, object]:
    """Return values as they may be shown: what is rather sensitive, or tells of a person, is ***."""
    return {
        name: "***" if dataset.by_name[name].grade >= Grade.L3 else str(row.get(name))[:_SHOWN_CHARS] for name in names
    }


def _quarantined(
    store: EmbeddedStore, aside: EmbeddedStore, source: str, span: tuple[int, int]
) -> dict[str, tuple[int, int]]:
    """Return how many rows were quarantined by reason: here, and in the hub in the minutes of the recording."""
    here = {reason: count for (name, reason), count in aside.count_quarantine().items() if name == source}
    sql = "SELECT source, reason, at_min FROM quarantine"
    there = Counter(
        str(reason)
        for name, reason, at_min in query(store.directory / "rows.sqlite", sql)
        if name == source and span[0] <= int(str(at_min)) <= span[1]
    )
    return {reason: (here.get(reason, 0), there[reason]) for reason in sorted({*here, *there})}
