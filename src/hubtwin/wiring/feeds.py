"""What comes in: files through the connector of their kind, and what follows from an imported history."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import narwhals as nw
import structlog

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent
from hubtwin.library.query import collect, count_rows
from hubtwin.model.record import UNMARKED, Marks
from hubtwin.ports import Page, ReadContext, Transport
from hubtwin.settings import Settings
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.wiring.plugs import PROFILES, get_connector, load

_LOG = structlog.get_logger()

HISTORY = "risk_areas_history"  # source of what is judged of an imported interval table
ABOUT_PERSONS = frozenset({"bookings", "gates", "results"})  # kinds whose rows name persons by document
LONGEST_STAY_D = 14  # a stay is stored under the key epoch in which it began


@dataclass(frozen=True)
class ImportJob:
    """Files of one kind to bring in. `areas` maps station ids to counties for feeds that do not say."""

    kind: str
    files: tuple[Path, ...]
    now: datetime
    marks: Marks = UNMARKED
    areas: Path | None = None


def import_files(
    settings: Settings, store: EmbeddedStore, job: ImportJob, progress: Callable[[Any], None] | None = None
) -> Any:
    """Bring files in through the connector of their kind; return the `library.report.Report`.

    Raises Absent (no such file or kind), Malformed (a file that must be refused whole), Retry, Denied.
    """
    missing = [str(file) for file in job.files if not file.exists()]
    if missing:
        raise Absent("wiring_no_file", files=", ".join(missing))
    report = sense_pages(settings, store, job, _transport(job), progress)
    if job.kind == "risk-areas" and _lacks_history(store):
        _judge_history(settings, store, job)
    if job.kind == "risk-areas":
        _log_freezes(store)
    return report


def sense_pages(
    settings: Settings,
    store: EmbeddedStore,
    job: ImportJob,
    transport: Transport,
    progress: Callable[[Any], None] | None,
) -> Any:
    """Sense the pages of a transport as a job says; return the report."""
    connector, context = get_connector(job.kind), _context(settings, store, job)
    with ExitStack() as stack:
        pseudonymise = stack.enter_context(_pseudonyms(store, job.now)) if job.kind in ABOUT_PERSONS else None
        sensing = load("hubtwin.flow.sense:Sensing")(
            settings.hub.hub_id,
            store.status,
            pseudonymise=pseudonymise,
            on_malformed="raise",
            compare=store.compare,
            progress=progress,
        )
        return load("hubtwin.flow.sense:sense")(connector, transport, store, context, sensing)


def preview_files(settings: Settings, store: EmbeddedStore, job: ImportJob, limit: int = 20) -> list[tuple[str, Any]]:
    """Return what the first rows of each file would become: (page name, `library.ingest.Preview`)."""
    connector, transport, context = get_connector(job.kind), _transport(job), _context(settings, store, job)
    preview = load("hubtwin.library.ingest:preview")
    return [(page.name, preview(connector.read(page, context), limit)) for page in transport.pages(None)]


def prepare(
    settings: Settings, store: EmbeddedStore, now: datetime, tell: Callable[[str, Path | None], Any]
) -> list[tuple[str, Any]]:
    """Bring in the feeds that hub.toml names, if the library has no whole timetable or no whole risk areas yet.

    Whole is what its cursor confirms: an import that was killed left rows without one, and is done again.
    `now` is the time of the import, not the moment that is asked about: a published history reaches beyond that.
    `tell(kind, file)` is called before each step and returns a progress callback. Returns (kind, report) of each.
    """
    kinds, reports = ("timetable", "gtfs", "risk-areas"), []
    sources = {kind: get_connector(kind).manifest.name for kind in kinds}
    whole = {source for source in sources.values() if store.cursor(source) is not None}
    if sources["risk-areas"] in whole and _lacks_history(store):
        whole.remove(sources["risk-areas"])
    for kind in kinds:
        files = settings.feeds.get(kind.replace("-", "_"))
        if files and sources[kind] not in whole:
            areas = settings.feeds.get("station_areas", (None,))[0]
            job = ImportJob(kind, tuple(files), now, areas=areas)
            reports.append((kind, import_files(settings, store, job, tell(kind, files[-1]))))
    if reports:  # one file a dataset, its keys known to be unique: a list then takes two thirds of the CPU time
        for dataset, held in store.held().items():
            if held.files > 1:
                store.compact(dataset)
    return reports


def release_freeze(settings: Settings, store: EmbeddedStore, level: str, *, by: str, reason: str, now: datetime) -> int:
    """End the running freeze of a level on a person's word; return how many areas that concerns."""
    names = get_connector("risk-areas").manifest.datasets
    end = load("hubtwin.connectors.risk_areas.fold:release_level")
    rows = end(level, epoch_minute(now), store.tables(names))
    areas = sum(row.dataset == "risk_freezes" for row in rows)
    store.append_event("FreezeReleased", {"level": level, "by": by, "reason": reason, "areas": areas})
    _store_rows(settings, store, "release", rows)
    return int(areas)


def _lacks_history(store: EmbeddedStore) -> bool:
    """Tell whether there are intervals whose history was not judged to its end, and no live snapshot took over."""
    if store.cursor(HISTORY) is not None or "risk_areas" not in store.held():
        return False
    snapshots = store.tables(("risk_snapshots",))["risk_snapshots"]
    return not len(collect(snapshots.filter(nw.col("source") != HISTORY).head(1)))


def _judge_history(settings: Settings, store: EmbeddedStore, job: ImportJob) -> None:
    """Write what the guard of the feed would have said of an imported history: its snapshots and its freezes."""
    module = "hubtwin.connectors.risk_areas"
    ships = set(job.files) <= set(settings.feeds.get("risk_areas", ()))  # declared counts belong to their intervals
    counts = settings.feeds.get("risk_counts") if ships else None
    declared = load(f"{module}.history:parse_counts")(counts[0].read_bytes()) if counts else None
    tables = store.tables(get_connector("risk-areas").manifest.datasets)
    rows = load(f"{module}.history:judge_imported")(tables, load(f"{module}:GUARD"), declared, Marks(store.status))
    _store_rows(settings, store, HISTORY, rows)


def _log_freezes(store: EmbeddedStore) -> None:
    """Warn of withdrawals that are held back after a suspicious drop of the feed."""
    held = store.tables(("risk_freezes",))["risk_freezes"].filter(nw.col("until_min").is_null())
    areas = count_rows(held)
    if areas:
        _LOG.warning("withdrawals_frozen", areas=areas)


def _store_rows(settings: Settings, store: EmbeddedStore, source: str, rows: Iterable[Any]) -> None:
    """Store rows that a rule derived from stored ones."""
    target = load("hubtwin.library.ingest:Target")(store, settings.hub.hub_id, source, store.status)
    load("hubtwin.library.ingest:ingest")(rows, Page(source, (), f"{store.count_cursors(source)}"), target)


def _transport(job: ImportJob) -> Transport:
    files = load("hubtwin.connectors.common.files:FileTransport")(job.files, marks=job.marks)
    is_folder = any(file.is_dir() for file in job.files)  # a timetable unpacked; its files make one page
    return _Bundle(files, job.marks) if job.kind == "timetable" or (job.kind == "gtfs" and is_folder) else files


def context_of(settings: Settings, store: EmbeddedStore, kind: str, now: datetime) -> ReadContext:
    """Return what reading a live source of a kind needs; `now` may be replaced from page to page."""
    areas = settings.feeds.get("station_areas") if kind in ("timetable", "gtfs") else None
    return _context(settings, store, ImportJob(kind, (), now, areas=areas[0] if areas else None))


def _context(settings: Settings, store: EmbeddedStore, job: ImportJob) -> ReadContext:
    """Return what meaning needs: the gazetteer for risk areas, the known calls for everything about trains."""
    context = ReadContext(zone=settings.hub.zone, now=job.now)
    if job.kind == "risk-areas":
        return replace(context, resolve=load("hubtwin.rules.places:resolver")(find_gazetteer(settings)))
    if job.areas is not None:
        transport = load("hubtwin.connectors.common.files:FileTransport")((job.areas,))
        read = load("hubtwin.connectors.rail_timetable.mapper:read_station_areas")
        return replace(context, station_areas=read(next(iter(transport.pages(None)))))
    if job.kind in ("bookings", "running"):
        return replace(context, **known_trains(store), real_persons=False)
    return context


def find_gazetteer(settings: Settings) -> Any:
    """Return the shipped administrative tables as a `rules.places.Gazetteer`."""
    return _gazetteer(settings.data_dir / "cn-admin")


@cache
def _gazetteer(folder: Path) -> Any:
    """Read the tables once a process: half a second, and three parts of a hub look places up."""
    module = "hubtwin.connectors.risk_areas.gazetteer"
    files = {name: (folder / name).read_bytes() for name in load(f"{module}:ADMIN_FILES").values()}
    return load(f"{module}:parse_gazetteer")(files)


def known_trains(store: EmbeddedStore) -> dict[str, Any]:
    """Return the stations, the calls of every trip and their planned minutes, for the checks of `ReadContext`."""
    tables = store.tables(("rail_stations", "rail_calls"))
    stations = collect(tables["rail_stations"].select("station_id"))
    calls = collect(tables["rail_calls"].sort("trip_id", "seq")).to_pydict()
    by_trip: dict[str, list[tuple[int, str]]] = {}
    planned = {}
    columns = (calls[name] for name in ("trip_id", "seq", "station_id", "arrive_min", "depart_min"))
    for trip, seq, station, arrive, depart in zip(*columns, strict=True):
        by_trip.setdefault(trip, []).append((seq, station))
        planned[trip, seq] = (arrive, depart)
    return {
        "stations": frozenset(stations.column("station_id").to_pylist()),
        "calls": {trip: tuple(found) for trip, found in by_trip.items()},
        "scheduled": lambda trip, seq: planned.get((trip, seq), (None, None)),
    }


def window_min() -> int:
    """Return how far back persons are looked for: the longest look-back of a profile and the longest stay."""
    lookback_d = max(profile.area_lookback_d.value for profile in load(PROFILES))
    return int((lookback_d + LONGEST_STAY_D) * 24 * 60)


@contextmanager
def _pseudonyms(store: EmbeddedStore, now: datetime) -> Iterator[Callable[..., Any]]:
    """Give the function from a document and a minute to its pseudonyms, under the keys of the hub's vault."""
    vault = load("hubtwin.stores.vault:Vault")(store.directory, clock=lambda: now, record=store.append_event)
    try:
        yield partial(load("hubtwin.rules.privacy:pseudonymise"), key_of=vault.find_epoch_key, window_min=window_min())
    finally:
        vault.close()


@dataclass(frozen=True)
class _Bundle:
    """A transport that hands several files over as one page: the files of a timetable check one another."""

    files: Transport
    marks: Marks

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """Yield one page of all files, unless the cursor says that exactly these were read."""
        contents = {page.name: b"".join(page.chunks) for page in self.files.pages(None)}
        body = load("hubtwin.connectors.rail_timetable.codec:bundle")({n: (c,) for n, c in contents.items()})
        seal = blake2b(body, digest_size=16).hexdigest()
        if seal != cursor:
            yield Page(", ".join(contents), (body,), seal, self.marks)
