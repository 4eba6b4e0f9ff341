"""Loads into the library: what a person asks for, looked at, carried out, gone on with; and rows out of quarantine.

The command line and the page both come through here, so both are written down in the same way. A load is known by its
dataset, the bytes of its file and how they are read: the same file twice is loaded once, and a file that changed since
its load began is not gone on with.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from hashlib import sha256 as sha256_of
from pathlib import Path

from hubtwin.base.clock import Clock, epoch_minute, from_epoch_minute, local
from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.base.ids import stable_key
from hubtwin.connectors.tables.opened import Opened, Told, open_file
from hubtwin.datasets.listing import Catalogue, Listing
from hubtwin.library.hub_listings import HUB_LIBRARY
from hubtwin.library.loading import BATCH_ROWS, Plan, Progress, Running, Sampled, Source, retype, run, sample
from hubtwin.library.loads import BadRow, Load
from hubtwin.model.record import Marks, Provenance
from hubtwin.rules.guess import Guessed, guess_column, known_names, match_columns
from hubtwin.rules.quality import Problem
from hubtwin.settings import Settings
from hubtwin.stores.audit import Audit
from hubtwin.stores.columns import sha256
from hubtwin.stores.contracts import Contracts
from hubtwin.stores.shelves import LIBRARY_FOLDER, Shelves
from hubtwin.stores.signing import Signer
from hubtwin.wiring.access import open_rows
from hubtwin.wiring.library import open_catalogue
from hubtwin.wiring.library_works import Tell, tell_audit
from hubtwin.wiring.plugs import directory_of
from hubtwin.wiring.plugs import load as plugged

POSTGRES = "hubtwin.connectors.tables.postgres_table:PostgresTable"
_ID = 16  # hex digits


@dataclass(frozen=True)
class Asked:
    """What a person wants loaded. `file` or `database` (the name of an environment variable, with `told.table`).

    `name` is what the file is called where it comes under another name (an upload). `part` is empty for that of today.
    `again` loads a file that was loaded before, or one that changed since, as a new load.
    """

    dataset: str
    by: str
    file: Path | None = None
    database: str = ""
    name: str = ""
    told: Told = field(default_factory=Told)
    mapping: Mapping[str, str] = field(default_factory=dict)
    synthetic: bool = False
    part: str = ""
    again: bool = False


@dataclass(frozen=True)
class Previewed:
    """What a load would do. `columns` are those of the file with their target, "" where they go nowhere; `missing` are
    columns of the dataset that nothing goes into. `load` is the one that would go on or has ended, if any."""

    listing: Listing
    file: str
    format: str
    found: Mapping[str, object]
    columns: Sequence[tuple[Guessed, str]]
    missing: Sequence[str]
    sampled: Sampled
    load: Load | None


@dataclass(frozen=True)
class Ready:
    """A source that is open, and what is to be done with it."""

    opened: Opened
    plan: Plan
    load: Load
    unchanged: Callable[[], None]


class Loader:
    """Loads into the shelves of one store. Several may be at work; a dataset is written by one at a time."""

    def __init__(
        self, settings: Settings, shelves: Shelves, catalogue: Callable[[], Catalogue], *, clock: Clock, tell: Tell
    ) -> None:
        """Take the open shelves; `tell` writes into the audit."""
        self._settings, self.shelves, self.catalogue = settings, shelves, catalogue
        self._clock, self._tell = clock, tell

    def preview(self, asked: Asked) -> Previewed:
        """Look at a file or table and say what would become of it; nothing is stored. Raises as `load` does."""
        with self._ready(asked) as ready:
            source, plan = ready.opened.source, ready.plan
            sampled = sample(source, plan)
            guessed = [(guess_column(name, sampled.cells[name]), plan.mapping.get(name, "")) for name in source.columns]
            taken = set(plan.mapping.values())
            missing = [column.name for column in plan.listing.dataset.columns if column.name not in taken]
            known = [one for one in self.shelves.loads.list_loads(asked.dataset) if one.load_id == ready.load.load_id]
            return Previewed(
                *(plan.listing, ready.load.file, ready.opened.format, ready.opened.found, guessed, missing, sampled),
                known[0] if known else None,
            )

    def load(
        self,
        asked: Asked,
        progress: Callable[[Progress], None] = lambda told: None,
        *,
        begun: Callable[[Load], None] = lambda load: None,
        batch_rows: int = BATCH_ROWS,
    ) -> Load:
        """Load a file or table, or go on with it; return the load. `begun` hears of it before the first batch.

        Raises Absent (dataset, file), Denied (dataset of the hub's own, a file that changed), Malformed (what is no
        file of rows, a wrong mapping), Retry (disk, another load into the dataset).
        """
        with self._ready(asked) as ready:
            load = self.shelves.loads.begin(ready.load)
            if load.ended_min is not None:
                return load
            if not load.batches:
                self._tell("LibraryLoadBegun", self._shown(load, asked.by))
            begun(load)
            running = Running(
                self.shelves,
                self.shelves.loads,
                self._now_min(),
                progress,
                ready.unchanged,
                batch_rows,
                lambda done: self._tell("LibraryLoaded", self._shown(done, asked.by)),
            )
            return run(ready.opened.source, ready.plan, load, running)

    def release(
        self, seqs: Sequence[int], corrections: Mapping[str, str], by: str
    ) -> tuple[list[int], dict[int, list[Problem]]]:
        """Correct rows of the quarantine and put those onto the shelf that can be typed now.

        Returns the numbers of those, and what is still wrong with the others. Raises Absent, Denied (released before),
        Malformed (a column that does not exist).
        """
        problems: dict[int, list[Problem]] = {}
        rows = [self.shelves.loads.get_bad(seq) for seq in sorted(set(seqs))]
        done = list[int]()
        for row in rows:
            if row.released_min is not None:
                raise Denied("stores.released_before", row=row.seq)
            load = self.shelves.loads.get(row.load_id)
            plan = self._plan(self.catalogue().get(row.dataset), {}, load.file, bool(load.told.get("synthetic")))
            table, wrong = retype(plan, {**row.cells, **corrections})
            if wrong or not table.num_rows:
                problems[row.seq] = wrong
                continue
            at_min = self._now_min()
            told = {"dataset": row.dataset, "load": row.load_id, "row": row.seq, "columns": sorted(corrections)}
            mark = partial(self._release, row.seq, {**told, "by": by}, at_min)
            key = f"release:{row.seq}"
            self.shelves.append(plan.listing, row.part, [table], key=key, at_min=at_min, beside=mark)
            done.append(row.seq)
        return done, problems

    def _release(self, seq: int, told: Mapping[str, object], at_min: int, con: sqlite3.Connection) -> None:
        """Mark a row as released in the transaction that stores it; the audit hears of it before that is certain."""
        self.shelves.loads.release(con, [seq], str(told["by"]), at_min)
        self._tell("LibraryRowReleased", told)

    def show_bad(self, seq: int, by: str) -> BadRow:
        """Return a row of the quarantine as it came; that somebody looked is written down first. Raises Absent."""
        row = self.shelves.loads.get_bad(seq)
        self._tell("LibraryQuarantineRead", {"dataset": row.dataset, "load": row.load_id, "row": seq, "by": by})
        return row

    def match_folder(self, folder: Path) -> list[tuple[Path, str]]:
        """Return the files of a folder, each with the dataset it is named after ("" for none): by name or title."""
        if not folder.is_dir():
            raise Absent("wiring.no_folder", folder=folder.name)
        named = {}
        for one in self.catalogue().listings:
            if one.library != HUB_LIBRARY:
                named.update(dict.fromkeys((one.name, one.dataset.zh, one.dataset.en), one.name))
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        return [(path, named.get(path.stem, "")) for path in files if path.suffix.lower() not in {".toml", ".md"}]

    @contextmanager
    def _ready(self, asked: Asked) -> Iterator[Ready]:
        listing = self.catalogue().get(asked.dataset)
        if listing.library == HUB_LIBRARY:
            raise Denied("wiring.load_hub_dataset", dataset=listing.name)
        elements = {each.name: each for each in self.catalogue().elements}
        with self.shelves.scratch() as scratch:
            if asked.file is not None:
                opened = open_file(asked.file, asked.told, known_names(listing, elements), scratch)
                name = asked.name or asked.file.name
                unchanged: Callable[[], None] = partial(_refuse_changed, asked.file, _seen(asked.file))
                digest = sha256(asked.file)
            else:
                table = _postgres(asked.database, asked.told.table)
                opened, unchanged = Opened(table, "postgresql", {"table": asked.told.table}), _as_it_was
                name = f"{asked.database}:{asked.told.table}"
                digest = sha256_of(f"{name}:{self._part(asked)}".encode()).hexdigest()
            mapping = match_columns(opened.source.columns, listing, elements, asked.mapping)
            if not mapping:
                raise Malformed("wiring.nothing_mapped", file=name, dataset=listing.name)
            plan = self._plan(listing, mapping, name, asked.synthetic)
            yield Ready(opened, plan, self._load_of(asked, plan, digest, opened), unchanged)

    def _load_of(self, asked: Asked, plan: Plan, digest: str, opened: Opened) -> Load:
        """Return the load that this is: a new one, or the one that goes on or has ended. Raises Denied."""
        told = {
            "format": opened.format,
            **opened.found,
            "synthetic": asked.synthetic,
            "mapping": dict(plan.mapping),
            "told": {k: v for k, v in asdict(asked.told).items() if v},
        }
        dataset, part = asked.dataset, self._part(asked)
        base = stable_key(dataset, digest, json.dumps(told, sort_keys=True, default=str))[:_ID]
        made = Load(base, dataset, part, plan.source, digest, told, asked.by, self._now_min())
        known = self.shelves.loads.list_loads(dataset)
        same = [one for one in known if one.load_id.partition("-")[0] == base]
        for one in same:
            if one.ended_min is None:
                return replace(made, load_id=one.load_id)
        for one in known:
            if one.ended_min is None and one.file == plan.source and one.sha256 != digest:
                if not asked.again:
                    raise Denied("wiring.load_changed", file=one.file, load=one.load_id)
                self.shelves.loads.abandon(one.load_id, self._now_min())
        return replace(made, load_id=f"{base}-{len(same) + 1}") if same and asked.again else made

    def _part(self, asked: Asked) -> str:
        today = local(from_epoch_minute(self._now_min()), self._settings.hub.zone)
        return asked.part or f"{today:%Y-%m-%d}"

    def _plan(self, listing: Listing, mapping: Mapping[str, str], source: str, synthetic: bool) -> Plan:
        marks = Marks(self._settings.status, Provenance.SYNTHETIC if synthetic else Provenance.REAL)
        hub = self._settings.hub
        return Plan(listing, mapping, hub.zone, hub.hub_id, source, marks)

    def _shown(self, load: Load, by: str) -> dict[str, object]:
        """Return what the audit is told of a load: no value of any row, no name of a file, which may name a person."""
        told = {name: getattr(load, name) for name in ("dataset", "part", "sha256", "rows", "quarantined")}
        return {**told, "load": load.load_id, "synthetic": bool(load.told.get("synthetic")), "by": by}

    def _now_min(self) -> int:
        return epoch_minute(self._clock())


@contextmanager
def opened_loader(settings: Settings, clock: Clock) -> Iterator[Loader]:
    """Open what a load needs, beside a hub that may be at work or not. Raises what its stores raise."""
    directory = directory_of(settings)
    with ExitStack() as stack:
        at_min = epoch_minute(clock())
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        signer = Signer(directory)
        database = open_rows(settings.rows, directory, signer, at_min)
        stack.callback(database.close)
        audit = Audit(database, signer, clock=clock)
        shelves = Shelves(directory / LIBRARY_FOLDER, at_min=at_min, audit=partial(tell_audit, audit))
        stack.callback(shelves.close)
        contracts = Contracts(database, audit, clock=clock)
        catalogue = partial(open_catalogue, settings, contracts)
        yield Loader(settings, shelves, catalogue, clock=clock, tell=partial(tell_audit, audit))


def _postgres(variable: str, table: str) -> Source:
    try:
        source: Source = plugged(POSTGRES)(variable, table)
    except ModuleNotFoundError as error:
        raise Absent("wiring.no_postgres") from error
    return source


def _as_it_was() -> None:
    """Let a load of a database go on: it reads one snapshot, or goes on behind its last key."""


def _seen(file: Path) -> tuple[int, int]:
    state = file.stat()
    return state.st_size, state.st_mtime_ns


def _refuse_changed(file: Path, seen: tuple[int, int]) -> None:
    if not file.exists() or _seen(file) != seen:
        raise Denied("wiring.load_changing", file=file.name)
