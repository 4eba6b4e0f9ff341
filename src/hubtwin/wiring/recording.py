"""Recordings of a hub: which sources are recorded, recording alone, and what becomes of recordings at night."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

import structlog

from hubtwin.base.clock import Clock
from hubtwin.base.errors import Absent, Denied, Retry
from hubtwin.ports import Transport
from hubtwin.rules.retention import DELETE, Due, Kept
from hubtwin.settings import Settings, SourceSettings
from hubtwin.settings.rows import RowsSettings
from hubtwin.stores.deletion import Keeping
from hubtwin.stores.recorder import RecordingTransport
from hubtwin.stores.recording import (
    Frame,
    Limits,
    Recorder,
    delete_segments,
    folder_of,
    list_segments,
    list_sources,
    prune,
)
from hubtwin.wiring.access import is_free
from hubtwin.wiring.feeds import ABOUT_PERSONS
from hubtwin.wiring.works import Works

RECORDING = "recording"  # the kind of the register
MB = 1 << 20
_LOG = structlog.get_logger()


@dataclass
class Recorded:
    """What recording alone has brought so far. `failures` are reasons (text keys) with how often each came."""

    pages: int = 0
    bytes: int = 0
    failures: Counter[str] = field(default_factory=Counter)


def limits_of(told: SourceSettings, store_dir: Path, rows: RowsSettings | None = None) -> Limits:
    """Return how much of a source is kept at most; nothing goes while a legal hold stands."""
    return Limits(told.record_max_mb * MB, told.record_max_days, partial(is_free, store_dir, rows))


@contextmanager
def recorded(works: Works, transports: Mapping[str, Transport]) -> Iterator[dict[str, Transport]]:
    """Give the transports of a hub, those with `record = true` recording what they hand over. Raises Retry, Denied."""
    with ExitStack() as stack:
        found = dict(transports)
        for kind, inner in transports.items():
            told = works.settings.sources.get(kind)
            if told is not None and told.record:
                recorder = Recorder(
                    works.store.directory,
                    kind,
                    works.clock,
                    limits_of(told, works.store.directory, works.settings.rows),
                )
                stack.callback(recorder.close)
                found[kind] = RecordingTransport(inner, recorder, works.clock)
        yield found


def record_alone(
    directory: Path,
    settings: Settings,
    kind: str,
    transport: Transport,
    clock: Clock,
    *,
    wait: Callable[[], bool],
    reason: str = "",
) -> Iterator[Recorded]:
    """Record a source and store nothing else; yield what there is so far, once before and after each time it is asked.

    It goes on behind the last recorded page for as long as `wait()`, called between two times, returns True. A source
    about persons is recorded for a `reason`, which stands in the recording: no event need be in force. A source that
    fails for now is asked again. Raises Absent for no such source, Denied without a reason or of the source, Retry
    and Denied of the recording itself.
    """
    told = _told(settings, kind, reason)
    recorder = Recorder(directory, kind, clock, limits_of(told, directory, settings.rows))
    try:
        so_far, source = Recorded(), RecordingTransport(transport, recorder, clock, strict=True)
        cursor = recorder.last_cursor()
        if reason.strip():
            recorder.write(Frame("noted", clock(), note={"what": "begun_for", "reason": reason.strip()}))
        yield so_far
        while True:
            try:
                for page in source.pages(cursor):
                    so_far.pages, cursor = so_far.pages + 1, page.cursor
                    so_far.bytes += sum(map(len, page.chunks))
            except Retry as error:
                if error.key.startswith("stores."):  # the disk, not the source
                    raise
                so_far.failures[error.key] += 1
            yield so_far
            if not wait():
                return
    finally:
        recorder.close()


def _told(settings: Settings, kind: str, reason: str) -> SourceSettings:
    if kind not in settings.sources:
        raise Absent("wiring_no_source", source=kind, sources=", ".join(sorted(settings.sources)) or "-")
    if kind in ABOUT_PERSONS and not reason.strip():
        raise Denied("wiring_recording_reason", source=kind)
    return settings.sources[kind]


def enter_recordings(keeping: Keeping, settings: Settings, now: datetime) -> None:
    """Delete what is older than hub.toml allows, and enter every segment that is left into the register.

    While a legal hold stands a segment stands under it: a recording may hold what the hold is about.
    """
    holds = keeping.grants.list_holds()
    held_by = holds[0].emergency_id if holds else ""
    for source in list_sources(keeping.store_dir):
        folder, told = folder_of(keeping.store_dir, source), settings.sources.get(source)
        if told is not None and not holds:
            gone, size = prune(folder, limits_of(told, keeping.store_dir, settings.rows), now)
            if gone:
                _LOG.info("recording_pruned", source=source, segments=gone, bytes=size)
        keeping.register.keep(
            Kept(f"{RECORDING} {source} {each.number}", RECORDING, "", each.begin_min, held_by)
            for each in list_segments(folder)
        )


def delete_due(store_dir: Path, batch: Iterable[Due]) -> int:
    """Delete the segments among the records that are due; return how many."""
    wanted: dict[str, set[int]] = {}
    for due in batch:
        if due.item.kind == RECORDING and due.action == DELETE:
            _, source, number = due.item.item_id.split(" ")
            wanted.setdefault(source, set()).add(int(number))
    return delete_segments(store_dir, wanted) if wanted else 0


def forget_recordings(works: Works, emergency_id: str) -> None:
    """Delete every recording with the data of an event: a page cannot be taken apart by event."""
    if gone := delete_segments(works.store.directory):
        works.store.append_event("RecordingsDeleted", {"emergency": emergency_id, "segments": gone})
