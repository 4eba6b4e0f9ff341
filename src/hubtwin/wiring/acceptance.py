"""The acceptance report of a source: its recording, read as the hub reads it, measured against what was agreed."""

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

from hubtwin.base.clock import EPOCH
from hubtwin.base.errors import Absent, Malformed
from hubtwin.datasets.all import DATASETS
from hubtwin.datasets.table import Dataset
from hubtwin.model.record import Identity, Provenance, Quarantined, Row
from hubtwin.model.source import NO_CARE
from hubtwin.ports import Connector, ReadContext
from hubtwin.rules.acceptance import Delivered, Watched, judge, measure_delays, overall
from hubtwin.rules.gaps import Gap, list_gaps, list_unasked
from hubtwin.rules.quality import screen
from hubtwin.rules.windows import Span, list_spans, second_of
from hubtwin.settings import Settings
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.recorder import page_of
from hubtwin.stores.recording import Frame, Recording
from hubtwin.stores.signing import Signer
from hubtwin.wiring.feeds import context_of
from hubtwin.wiring.plugs import get_connector

SAID = ("observed_min", "as_of_min", "updated_min", "result_min", "minute_min", "at_min")  # when the source knew a row
UNKNOWN = "unknown_"  # how the reasons begin that say: this value, station, trip is in no list
_LISTED = 200  # gaps that a report writes out; all of them are counted


@dataclass(frozen=True)
class PageRead:
    """A recorded page and what reading it gave: rows and quarantined rows, or why it was refused whole."""

    frame: Frame
    items: Sequence[Row | Quarantined]
    refusal: Malformed | None = None


@dataclass
class Accepted:
    """What was seen of a source between two moments."""

    pages: list[Delivered] = field(default_factory=list)
    asked_s: list[int] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    seal: Any = field(default_factory=sha256)
    first: datetime | None = None
    last: datetime | None = None
    is_synthetic: bool = False


def read_pages(connector: Connector, context: ReadContext, frames: Iterator[Frame]) -> Iterator[PageRead | Frame]:
    """Read every recorded page at the moment at which it came; other frames pass through."""
    for frame in frames:
        if frame.kind != "page":
            yield frame
            continue
        try:
            items = list(connector.read(page_of(frame), replace(context, now=frame.at)))
        except Malformed as error:
            yield PageRead(frame, (), error)
        else:
            yield PageRead(frame, items)


@dataclass(frozen=True)
class Asked:
    """A report that is asked for: on which source, from when until when (None: from the first, to the last that was
    recorded), from the recording of which store directory (None: the hub's own).
    """

    source: str
    since: datetime | None = None
    until: datetime | None = None
    store_dir: Path | None = None


def accept(settings: Settings, store: EmbeddedStore, asked: Asked, now: datetime) -> str:
    """Return the signed report on a source between two moments.

    Raises Absent (no recording, nothing in the time), Denied and Malformed of the recording.
    """
    source, recording = asked.source, Recording(asked.store_dir or store.directory, asked.source)
    connector, found = get_connector(source), Accepted()
    context, count = context_of(settings, store, source, now), _Counting(is_listing=connector.fold is not None)
    for each in read_pages(connector, context, recording.frames(since=asked.since, until=asked.until)):
        _take(found, count, each)
    if found.first is None or found.last is None:
        raise Absent("wiring_nothing_recorded", source=source)
    begin, end = asked.since or found.first, asked.until or found.last + timedelta(seconds=1)
    watched = _watch(settings, source, found, begin, end)
    return Signer(store.directory).seal(_body(settings, source, found, watched, now))


class _Counting:
    """Tells rows that came before, that correct an earlier one, and that are older than what an earlier page brought.

    It remembers digests only, under a key of this run: no document can be found out from them.
    """

    def __init__(self, *, is_listing: bool) -> None:
        self._is_listing, self._key = is_listing, secrets.token_bytes(16)
        self._seen: dict[bytes, bytes] = {}
        self._pages: set[str] = set()
        self._newest: dict[str, int] = {}

    def is_repeat(self, digest: str) -> bool:
        """Tell whether a page of these bytes came before, and remember it."""
        repeat = digest in self._pages
        self._pages.add(digest)
        return repeat

    def count(self, rows: Sequence[Row]) -> tuple[int | None, int | None, int | None]:
        """Return duplicates, repaired and disordered rows of a page; None each for a source of full listings."""
        if self._is_listing:
            return None, None, None
        duplicates = repaired = disordered = 0
        newest = dict(self._newest)
        for row in rows:
            dataset = DATASETS[row.dataset]
            key = self._digest(dataset, row, dataset.key)
            values = self._digest(dataset, row, dataset.by_name)
            earlier = self._seen.get(key)
            duplicates += earlier == values
            repaired += earlier is not None and earlier != values
            self._seen[key] = values
            said = said_min(row)
            if said is not None:
                disordered += said < self._newest.get(row.dataset, said)
                newest[row.dataset] = max(said, newest.get(row.dataset, said))
        self._newest = newest
        return duplicates, repaired, disordered

    def _digest(self, dataset: Dataset, row: Row, names: Any) -> bytes:
        told = [dataset.name, *(_plain(row.values.get(name)) for name in names)]
        return blake2b(repr(told).encode("utf-8", "surrogatepass"), key=self._key, digest_size=12).digest()


def said_min(row: Row) -> int | None:
    """Return the epoch minute at which the source says that it knew a row, None where the dataset does not tell."""
    name = next((each for each in SAID if each in DATASETS[row.dataset].by_name), None)
    value = None if name is None else row.values.get(name)
    return value if isinstance(value, int) else None


def _plain(value: object) -> object:
    return (value.id_type, value.id_no) if isinstance(value, Identity) else value


def _take(found: Accepted, count: _Counting, each: PageRead | Frame) -> None:
    frame = each.frame if isinstance(each, PageRead) else each
    if frame.kind == "noted":
        found.notes[str(frame.note.get("what"))] += 1
        return
    found.first, found.last = found.first or frame.at, frame.at
    found.asked_s.append(second_of(frame.at))
    if isinstance(each, Frame):
        if frame.kind == "failed":
            found.failures[str(frame.note.get("reason"))] += 1
        return
    found.seal.update(bytes.fromhex(frame.sha256))
    good, refused = sort_rows(each)
    claimed = [frame.marks, *(row.marks for row in good)]
    found.is_synthetic |= any(marks.provenance is Provenance.SYNTHETIC for marks in claimed)
    duplicates, repaired, disordered = count.count(good)
    found.pages.append(
        Delivered(
            *(second_of(frame.at), len(good), refused, Counter(m for m in map(said_min, good) if m is not None)),
            *(duplicates, repaired, disordered),
            is_repeat=count.is_repeat(frame.sha256),
            bytes=len(frame.body),
        )
    )


def sort_rows(page: PageRead) -> tuple[list[Row], Counter[str]]:
    """Return the rows of a page that the hub would keep, and how many it would refuse, by reason."""
    if page.refusal is not None:
        return [], Counter({page.refusal.key: 1})
    refused = Counter(item.reason for item in page.items if isinstance(item, Quarantined))
    rows: dict[str, list[Row]] = {}
    for item in page.items:
        if isinstance(item, Row):
            rows.setdefault(item.dataset, []).append(item)
    good: list[Row] = []
    for name, some in rows.items():
        screened = screen(DATASETS[name], [row.values for row in some])
        good += [some[place] for place in screened.kept]
        refused.update(problems[0].key for problems in screened.problems.values())
    return good, refused


def _watch(settings: Settings, source: str, found: Accepted, begin: datetime, end: datetime) -> Watched:
    care = settings.sources[source].care if source in settings.sources else NO_CARE
    whole = Span(second_of(begin), second_of(end))
    cadence_s = care.agreed.cadence_s or get_connector(source).manifest.cadence_s
    planned = list_spans(care.windows, settings.hub.zone, begin, end)
    gaps = list_gaps((page.at_s for page in found.pages), found.asked_s, whole, cadence_s, planned)
    return Watched(whole, found.pages, found.asked_s, planned, gaps, cadence_s)


def _body(settings: Settings, source: str, found: Accepted, watched: Watched, now: datetime) -> Mapping[str, object]:
    """Return the report as plain values; moments on the venue's clock with their offset."""
    care = settings.sources[source].care if source in settings.sources else NO_CARE
    manifest, lines = get_connector(source).manifest, judge(watched, care.agreed)
    delays, silent_s = measure_delays(found.pages), sum(g.length_s for g in watched.gaps if g.why == "silent")
    unasked = list_unasked([*found.asked_s], watched.whole, watched.cadence_s)
    return {
        "kind": "acceptance",
        "hub_id": settings.hub.hub_id,
        "source": source,
        "title": dict(manifest.title),
        "contact": None if care.contact is None else asdict(care.contact),
        "made_at": _shown(settings, second_of(now)),
        "from": _shown(settings, watched.whole.begin_s),
        "until": _shown(settings, watched.whole.end_s),
        "first_seen": None if found.first is None else _shown(settings, second_of(found.first)),
        "last_seen": None if found.last is None else _shown(settings, second_of(found.last)),
        "synthetic": found.is_synthetic,
        "recording_sha256": found.seal.hexdigest(),
        "recording_notes": dict(sorted(found.notes.items())),
        "cadence_s": watched.cadence_s,
        "agreed": {name: value for name, value in asdict(care.agreed).items() if value is not None},
        "lines": [asdict(line) for line in lines],
        "verdict": overall(lines),
        "counts": _counts(found),
        "refused": _joined(page.refused for page in found.pages),
        "failures": dict(sorted(found.failures.items())),
        "delays": None if delays is None else asdict(delays),
        "gaps": {
            **{why: sum(gap.why == why for gap in watched.gaps) for why in ("silent", "maintenance", "unasked")},
            "silent_s": silent_s,
            "unasked_s": sum(span.end_s - span.begin_s for span in unasked),
            "list": [_gap(settings, gap) for gap in watched.gaps[:_LISTED]],
        },
        "maintenance": [[_shown(settings, span.begin_s), _shown(settings, span.end_s)] for span in watched.planned],
        "per_day": _per(settings, found, "%Y-%m-%d"),
        "per_hour": _per(settings, found, "%Y-%m-%dT%H:00%z"),
    }


def _counts(found: Accepted) -> dict[str, int | None]:
    pages = found.pages
    refused = _joined(page.refused for page in pages)
    row_counts = {
        name: None if any(value is None for value in values) else sum(value or 0 for value in values)
        for name, values in (
            ("duplicates", [page.duplicates for page in pages]),
            ("repaired", [page.repaired for page in pages]),
            ("out_of_order", [page.disordered for page in pages]),
        )
    }
    return {
        "pages": len(pages),
        "repeated_pages": sum(page.is_repeat for page in pages),
        "bytes": sum(page.bytes for page in pages),
        "rows": sum(page.rows for page in pages),
        "kept": sum(page.kept for page in pages),
        "refused": sum(refused.values()),
        "unknown_values": sum(n for reason, n in refused.items() if reason.rpartition(".")[2].startswith(UNKNOWN)),
        **row_counts,
    }


def _joined(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(sorted(total.items()))


def _gap(settings: Settings, gap: Gap) -> dict[str, object]:
    begin, end = (_shown(settings, at) for at in (gap.begin_s, gap.end_s))
    return {"begin": begin, "end": end, "seconds": gap.length_s, "why": gap.why}


def _per(settings: Settings, found: Accepted, form: str) -> dict[str, int]:
    total: Counter[str] = Counter()
    for page in found.pages:
        total[_local(settings, page.at_s).strftime(form)] += page.rows
    return dict(total)


def _shown(settings: Settings, at_s: int) -> str:
    return _local(settings, at_s).isoformat(timespec="seconds")


def _local(settings: Settings, at_s: int) -> datetime:
    return (EPOCH + timedelta(seconds=at_s)).astimezone(settings.hub.zone)
