"""The only module that knows concrete plug-ins. It loads each by name on first use: a command pays for what it uses."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Any

import narwhals as nw

from hubtwin.base.clock import Clock, epoch_minute, from_epoch_minute
from hubtwin.base.errors import Absent
from hubtwin.flow.judge import judge
from hubtwin.model.finding import Finding
from hubtwin.model.record import UNMARKED, Marks, Provenance, Status
from hubtwin.ports import Connector, Page, ReadContext, Tables, Transport
from hubtwin.rules.service import project_days
from hubtwin.settings import Settings
from hubtwin.stores.embedded import EmbeddedStore, store_directory

CONNECTORS = {
    "risk-areas": "hubtwin.connectors.risk_areas:CONNECTOR",
    "timetable": "hubtwin.connectors.rail_timetable:CONNECTOR",
    "gtfs": "hubtwin.connectors.rail_timetable:CONNECTOR",
    "running": "hubtwin.connectors.running_information:CONNECTOR",
    "bookings": "hubtwin.connectors.bookings:CONNECTOR",
}
SIMULATED = {  # what a simulated day sends: kind of connector, and how its pages are named
    "counts": ("bookings", "bookings/counts-"),
    "manifest": ("bookings", "bookings/manifest-"),
    "stays": ("bookings", "bookings/stays-"),
    "running": ("running", "running_information/"),
}
SCENES = {"epidemic": "hubtwin.scenes.epidemic.scene:SCENE"}
PROFILES = "hubtwin.scenes.epidemic.profiles:PROFILES"
LONGEST_STAY_D = 14  # a stay is stored under the key epoch in which it began


@dataclass(frozen=True)
class Warned:
    """A finding with the team that meets the train, or why none does. `staff` is None where no plan was asked for."""

    finding: Finding
    staff: Mapping[str, Any] | None


@dataclass(frozen=True)
class WarningList:
    """The list at one moment: trains, exits that will be overloaded, and which of its datasets hold synthetic rows."""

    now: datetime
    service_date: date
    pattern_date: date
    trains: Sequence[Warned]
    overloads: Sequence[Mapping[str, Any]]
    synthetic: Sequence[str]


@dataclass(frozen=True)
class Ask:
    """What a list is asked for."""

    now: datetime
    horizon_min: int
    rung: str = "auto"
    pattern: date | None = None
    save: bool = False


@dataclass(frozen=True)
class ImportJob:
    """Files of one kind to bring in. `areas` maps station ids to counties for feeds that do not say."""

    kind: str
    files: tuple[Path, ...]
    now: datetime
    marks: Marks = UNMARKED
    areas: Path | None = None


def load(target: str) -> Any:
    """Return the object that "module:name" stands for."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


@contextmanager
def open_store(settings: Settings, clock: Clock, status: Status = Status.ACTUAL) -> Iterator[EmbeddedStore]:
    """Open the store of the hub for the time of a block."""
    directory = store_directory(settings.home, settings.hub.hub_id, status)
    store = EmbeddedStore(directory, settings.hub.hub_id, clock=clock, status=status, threads=settings.threads)
    try:
        yield store
    finally:
        store.close()


def warn(settings: Settings, store: EmbeddedStore, ask: Ask) -> WarningList:
    """Judge the moment of `ask` and plan who meets which train."""
    scene = load(SCENES["epidemic"])
    local_day = ask.now.astimezone(settings.hub.zone).date()
    pattern_of = _patterns(settings, local_day, ask.pattern)
    tables = _for_dates(store.tables(scene.needs), pattern_of)
    params = {
        **settings.scenes.get(scene.name, {}),
        "stations": settings.hub.stations,
        "zone": settings.hub.zone.key,
        "horizon_min": ask.horizon_min,
        "rung": ask.rung,
    }
    judged = judge(scene, tables, params, ask.now, store if ask.save else None)
    meet = load("hubtwin.scenes.epidemic.meeting:plan_meetings")
    plan = meet(settings.hub, judged.findings, {**scene.params, **params}, epoch_minute(ask.now))
    trains = [Warned(found, plan.staff.get(found.key)) for found in judged.findings]
    made = [name for name, held in store.held().items() if name in scene.needs and held.synthetic_rows]
    return WarningList(ask.now, local_day, pattern_of[local_day], trains, plan.overloads, made)


def import_files(
    settings: Settings, store: EmbeddedStore, job: ImportJob, progress: Callable[[Any], None] | None = None
) -> Any:
    """Bring files in through the connector of their kind; return the `library.report.Report`.

    Raises Absent (no such file or kind), Malformed (a file that must be refused whole), Retry, Denied.
    """
    missing = [str(file) for file in job.files if not file.exists()]
    if missing:
        raise Absent("wiring_no_file", files=", ".join(missing))
    report = _sense(settings, store, job, _transport(job), progress)
    if job.kind == "risk-areas" and "risk_snapshots" not in store.held():  # intervals, not live snapshots
        _judge_history(settings, store)
    return report


def _sense(
    settings: Settings,
    store: EmbeddedStore,
    job: ImportJob,
    transport: Transport,
    progress: Callable[[Any], None] | None,
) -> Any:
    connector, context = get_connector(job.kind), _context(settings, store, job)
    with ExitStack() as stack:
        pseudonymise = stack.enter_context(_pseudonyms(store, job.now)) if job.kind == "bookings" else None
        sensing = load("hubtwin.flow.sense:Sensing")(
            settings.hub.hub_id,
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
    """Bring in the feeds that hub.toml names, if the library has no timetable or no risk areas yet.

    `now` is the time of the import, not the moment that is asked about: a published history reaches beyond that.
    `tell(kind, file)` is called before each step and returns a progress callback. Returns (kind, report) of each.
    """
    held, reports = store.held(), []
    for kind, dataset in (("timetable", "rail_calls"), ("gtfs", "rail_calls"), ("risk_areas", "risk_areas")):
        files = settings.feeds.get(kind)
        if files and dataset not in held:
            areas = settings.feeds.get("station_areas", (None,))[0]
            job = ImportJob(kind.replace("_", "-"), tuple(files), now, areas=areas)
            reports.append((job.kind, import_files(settings, store, job, tell(job.kind, files[-1]))))
    return reports


def simulate_day(settings: Settings, store: EmbeddedStore, day: date, seed: int, arrivals: int) -> Any:
    """Return a seeded hub day (`sim.day.HubDay`) on the timetable and the risk areas of the library."""
    names = ("rail_calls", "rail_service_days", "rail_stations", "risk_areas")
    tables = {name: frame.collect("pyarrow").to_native() for name, frame in store.tables(names).items()}
    world = load("hubtwin.sim.world:build_world")(
        tables,
        hub_stations=settings.hub.stations,
        hub_date=day,
        zone=settings.hub.zone,
        pattern_of=settings.pattern_of,
        streets={
            county: tuple(sorted(set(names.values()))) for county, names in find_gazetteer(settings).streets.items()
        },
    )
    return load("hubtwin.sim.day:simulate")(world, seed, arrivals)


def bring_in_day(
    settings: Settings, store: EmbeddedStore, day: Any, wanted: Sequence[str], begin: Callable[[str, Path | None], Any]
) -> None:
    """Bring pages of a simulated day in through the connectors of its sources, as their partners would send them.

    `wanted` names what to bring in: keys of SIMULATED.
    """
    pages = list(load("hubtwin.sim.wire:list_pages")(day, kinds=tuple(wanted)))
    end = from_epoch_minute(load("hubtwin.sim.day:end_min")(day.world)) + timedelta(days=1)
    marks = Marks(provenance=Provenance.SYNTHETIC)
    for name in wanted:
        kind, prefix = SIMULATED[name]
        chosen = tuple(page for page in pages if page[0].startswith(prefix))
        _sense(settings, store, ImportJob(kind, (), end, marks), _Pages(chosen, marks), begin(name, None))
    for dataset, held in store.held().items():
        if held.files > 1:
            store.compact(dataset)


def simulate_into(
    settings: Settings, store: EmbeddedStore, day: date, begin: Callable[[str, Path | None], Any]
) -> None:
    """Make the hub day of hub.toml for a date and bring in its counts and delays, unless there are counts of it."""
    counts = store.tables(("boarding_counts",))["boarding_counts"].filter(nw.col("service_date") == nw.lit(day))
    if len(counts.head(1).collect("pyarrow").to_native()):
        return
    begin("simulate", None)
    made = simulate_day(settings, store, day, settings.sim_seed, settings.sim_arrivals)
    bring_in_day(settings, store, made, ("counts", "running"), begin)


def release_freeze(settings: Settings, store: EmbeddedStore, level: str, *, by: str, reason: str, now: datetime) -> int:
    """End the running freeze of a level on a person's word; return how many areas that concerns."""
    names = get_connector("risk-areas").manifest.datasets
    end = load("hubtwin.connectors.risk_areas.fold:release_level")
    rows = end(level, epoch_minute(now), store.tables(names))
    areas = sum(row.dataset == "risk_freezes" for row in rows)
    store.append_event("FreezeReleased", {"level": level, "by": by, "reason": reason, "areas": areas})
    _store_rows(settings, store, "release", rows)
    return int(areas)


def _judge_history(settings: Settings, store: EmbeddedStore) -> None:
    """Write what the guard of the feed would have said of an imported history: its snapshots and its freezes."""
    module = "hubtwin.connectors.risk_areas"
    counts = settings.feeds.get("risk_counts")
    declared = load(f"{module}.history:parse_counts")(counts[0].read_bytes()) if counts else None
    tables = store.tables(get_connector("risk-areas").manifest.datasets)
    rows = load(f"{module}.history:judge_imported")(tables, load(f"{module}:GUARD"), declared)
    _store_rows(settings, store, "risk_areas_history", rows)


def _store_rows(settings: Settings, store: EmbeddedStore, source: str, rows: Iterable[Any]) -> None:
    """Store rows that a rule derived from stored ones."""
    target = load("hubtwin.library.ingest:Target")(store, settings.hub.hub_id, source, store.status)
    load("hubtwin.library.ingest:ingest")(rows, Page(source, (), f"{store.count_cursors(source)}"), target)


def _patterns(settings: Settings, day: date, pattern: date | None) -> dict[date, date]:
    """Return the dates whose trains may be under way or arrive soon, each with the date whose pattern it runs."""
    days = [day + timedelta(days=step) for step in (-2, -1, 0, 1)]
    if pattern is None:
        return {each: settings.pattern_of(each) for each in days}
    return {each: pattern + (each - day) for each in days}


def _for_dates(tables: Tables, patterns: Mapping[date, date]) -> dict[str, nw.LazyFrame[Any]]:
    return {**tables, "rail_service_days": project_days(tables["rail_service_days"], patterns)}


def get_connector(kind: str) -> Connector:
    """Return the connector of a kind of data. Raises Absent."""
    if kind not in CONNECTORS:
        raise Absent("wiring_no_kind", kind=kind, kinds=", ".join(CONNECTORS))
    connector: Connector = load(CONNECTORS[kind])
    return connector


def _transport(job: ImportJob) -> Transport:
    files = load("hubtwin.connectors.common.files:FileTransport")(job.files, marks=job.marks)
    is_folder = any(file.is_dir() for file in job.files)  # a timetable unpacked; its files make one page
    return _Bundle(files) if job.kind == "timetable" or (job.kind == "gtfs" and is_folder) else files


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
        return replace(context, **known_trains(store))
    return context


def find_gazetteer(settings: Settings) -> Any:
    """Return the shipped administrative tables as a `rules.places.Gazetteer`."""
    module, folder = "hubtwin.connectors.risk_areas.gazetteer", settings.data_dir / "cn-admin"
    files = {name: (folder / name).read_bytes() for name in load(f"{module}:ADMIN_FILES").values()}
    return load(f"{module}:parse_gazetteer")(files)


def known_trains(store: EmbeddedStore) -> dict[str, Any]:
    """Return the stations, the calls of every trip and their planned minutes, for the checks of `ReadContext`."""
    tables = store.tables(("rail_stations", "rail_calls"))
    stations = tables["rail_stations"].select("station_id").collect("pyarrow").to_native()
    calls = tables["rail_calls"].sort("trip_id", "seq").collect("pyarrow").to_native().to_pydict()
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


@contextmanager
def _pseudonyms(store: EmbeddedStore, now: datetime) -> Iterator[Callable[..., Any]]:
    """Give the function from a document and a minute to its pseudonyms, under the keys of the hub's vault."""
    vault = load("hubtwin.stores.vault:Vault")(store.directory, clock=lambda: now, record=store.append_event)
    lookback_d = max(profile.area_lookback_d.value for profile in load(PROFILES))
    window_min = (lookback_d + LONGEST_STAY_D) * 24 * 60
    try:
        yield partial(load("hubtwin.rules.privacy:pseudonymise"), key_of=vault.find_epoch_key, window_min=window_min)
    finally:
        vault.close()


@dataclass(frozen=True)
class _Bundle:
    """A transport that hands several files over as one page: the files of a timetable check one another."""

    files: Transport
    marks: Marks = field(default=UNMARKED)

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """Yield one page of all files, unless the cursor says that exactly these were read."""
        contents = {page.name: b"".join(page.chunks) for page in self.files.pages(None)}
        body = load("hubtwin.connectors.rail_timetable.codec:bundle")({n: (c,) for n, c in contents.items()})
        seal = blake2b(body, digest_size=16).hexdigest()
        if seal != cursor:
            yield Page(", ".join(contents), (body,), seal, self.marks)


@dataclass(frozen=True)
class _Pages:
    """A transport over pages in memory, for a simulated day; each page is read once, its cursor is its number."""

    bodies: tuple[tuple[str, bytes], ...]
    marks: Marks

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """Yield every page; a simulated day has keys of its own, so reading it again changes nothing."""
        for name, body in self.bodies:
            yield Page(name, (body,), f"simulated {name}", self.marks)
