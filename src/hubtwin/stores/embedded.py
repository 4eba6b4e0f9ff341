"""The embedded store of one hub: SQLite rows and DuckDB over Parquet columns, in one directory.

`<home>/<hub_id>/` holds `rows.sqlite`, `columns/<dataset>/*.parquet`, the vault and `tmp/`. An exercise has a
directory of its own, `<hub_id>.exercise`, and neither store takes a row of the other.

The crash rule: Parquet files are forced to disk and renamed into place while the write lock is held; then one
SQLite transaction enters them in the manifest together with the quarantine, the key of the batch and the cursor.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Self

import duckdb
import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import Absent, Malformed, Retry
from hubtwin.base.failpoint import failpoint
from hubtwin.datasets.all import DATASETS
from hubtwin.datasets.table import Dataset
from hubtwin.library.catalogue import Held
from hubtwin.model.event import Event
from hubtwin.model.finding import Finding
from hubtwin.model.record import Quarantined, Status
from hubtwin.ports import Batch, Tables
from hubtwin.stores.columns import Columns, read_batches, refuse_wrong_table
from hubtwin.stores.rows import Rows, StoredFile, refuse_lost_rows

RETIRED_KEEP_MIN = 60  # a reader holds its list of files far shorter than an hour
MANY_FILES = 64  # above this, a small dataset is merged before the next batch
SMALL_ROWS = 2_000_000  # what is merged in about a second
COMPARE_ROWS = 2_000_000  # above this, `compare` would cost more than it tells
NEWS_ROWS = 200_000  # read into memory at once: a few tens of MB
_READ_ROWS = 131_072
_HUB_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction did: files before, rows that stand, and rows that were superseded and are kept apart."""

    files: int
    rows: int
    superseded: int


def store_directory(home: Path, hub_id: str, status: Status = Status.ACTUAL) -> Path:
    """Return where the store of a hub lives; an exercise and a test live beside it, never in it. Raises Malformed."""
    if not _HUB_ID.match(hub_id):
        raise Malformed("stores.bad_hub_id", hub_id=hub_id)
    return home / status.apart(hub_id)


class EmbeddedStore:
    """`ports.Store` on one machine. Several threads and processes may use the same directory."""

    def __init__(
        self,
        directory: Path,
        hub_id: str,
        *,
        clock: Clock,
        status: Status = Status.ACTUAL,
        threads: int | None = None,
    ) -> None:
        """Open or create the store, and sweep what a crash left behind.

        Raises Denied for a directory of another hub, another status or a newer version of hubtwin, and Malformed
        where `rows.sqlite` is gone or empty beside data: a new one would sweep all of them as orphans.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)  # rows of persons are for nobody else on the machine
        refuse_lost_rows(directory)
        self.directory, self.hub_id, self.status = directory, hub_id, status
        self._clock, self._threads = clock, threads
        self._columns = Columns(directory)
        self._rows = Rows(directory / "rows.sqlite", self._now_min())
        self._rows.claim(hub_id, status)
        self._duck: duckdb.DuckDBPyConnection | None = None
        self._duck_lock = Lock()
        with suppress(Retry):  # another process is writing: it is alive, and its files are no orphans
            self.sweep(wait=False)

    @classmethod
    def open(
        cls,
        home: Path,
        hub_id: str,
        *,
        clock: Clock,
        status: Status = Status.ACTUAL,
        threads: int | None = None,
    ) -> Self:
        """Open or create the store of a hub below `home`. Raises Malformed for a hub id that is no folder name."""
        return cls(store_directory(home, hub_id, status), hub_id, clock=clock, status=status, threads=threads)

    def close(self) -> None:
        """Let go of the files."""
        self._rows.database.close()
        with self._duck_lock:
            if self._duck is not None:
                self._duck.close()
                self._duck = None

    def write(self, batch: Batch) -> bool:
        """Store a batch and its cursor; return False where the key was already applied.

        Raises Malformed for a table that is not as declared or carries another hub or status, and Retry where
        the disk is full or another process holds the lock; in both cases nothing of the batch is stored.
        """
        given = {_dataset(name): table for name, table in batch.tables.items() if table.num_rows}
        for dataset, table in given.items():
            self._refuse(dataset, table)
        tables = {dataset: table.cast(dataset.schema) for dataset, table in given.items()}
        self._merge_small(tables)
        at_min = self._now_min()
        with self._rows.transaction() as con:
            number = self._rows.begin_batch(con, batch, at_min)
            if number is None:
                return False
            name = f"{number:010d}"
            files = [self._columns.write(dataset, name, [table], number) for dataset, table in tables.items()]
            self._rows.add_files(con, files, at_min)
            self._rows.end_batch(con, batch, number, at_min)
            payload = {
                "batch": batch.key,
                "source": batch.source,
                "rows": {file.dataset: file.rows for file in files},
                "quarantined": len(batch.quarantined),
            }
            self._rows.add_event(con, at_min, "BatchIngested", payload)
            failpoint("stores.before_commit")
        failpoint("stores.after_commit")
        return True

    def cursor(self, source: str) -> str | None:
        """Return the cursor of the last batch of a source, None where there is none."""
        return self._rows.find_cursor(source)

    def count_cursors(self, source: str) -> int:
        """Return how often a cursor of the source was committed."""
        return self._rows.count_cursors(source)

    def tables(self, names: Iterable[str]) -> Tables:
        """Return datasets by name, lazily, the latest row of each key, system columns included.

        All frames of one call belong to one connection and can be joined. Raises Absent for an unknown name.
        """
        wanted = [_dataset(name) for name in names]
        connection = self._connection()
        return {
            dataset.name: nw.from_native(connection.sql(self._columns.latest(dataset, self._current(dataset))))
            for dataset in wanted
        }

    def files_of(self, name: str) -> tuple[str, ...]:
        """Return the files that hold a dataset: another answer means that something was written, merged or erased."""
        return tuple(file.path for file in self._current(_dataset(name)))

    def list_stored(self, name: str) -> list[StoredFile]:
        """Return the files that hold a dataset, oldest first; their paths are below `directory`. Raises Absent."""
        return self._current(_dataset(name))

    def since(self, name: str, batch_no: int) -> tuple[Callable[[], pa.Table], int] | None:
        """Return what reads the rows of a dataset that came after a batch, and the number of the last one; None: none
        came.

        After a merge older rows may come again; none that came later is left out. Raises Absent for an unknown name.
        """
        dataset = _dataset(name)
        newer = [file for file in self._current(dataset) if file.batch_no > batch_no]
        if not newer:
            return None
        return partial(self._columns.read, dataset, newer), max(file.batch_no for file in newer)

    def grown(self, name: str, known: Sequence[str]) -> Callable[[], pa.Table] | None:
        """Return what reads the rows of a dataset that came since `files_of` gave `known`.

        None where what was known was merged or erased since, and where more came than is read into memory at once.
        """
        dataset = _dataset(name)
        files = self._current(dataset)
        newer = files[len(known) :]
        if [file.path for file in files[: len(known)]] != list(known) or sum(file.rows for file in newer) > NEWS_ROWS:
            return None
        return partial(self._columns.read, dataset, newer)

    def save_findings(self, findings: Sequence[Finding]) -> int:
        """Store findings once by key; return how many were new. Raises Malformed for another status."""
        for found in findings:
            if found.marks.status is not self.status:
                raise Malformed("stores.wrong_status", found=found.marks.status.value, status=self.status.value)
        return self._rows.save_findings(findings)

    def list_findings(self, scene: str) -> list[Finding]:
        """Return all findings of a scene, in the order they were first saved."""
        return self._rows.list_findings(scene)

    def list_quarantine(self, source: str | None = None) -> list[Quarantined]:
        """Return what is in quarantine, oldest first; of one source or of all."""
        return self._rows.list_quarantine(source)

    def count_quarantine(self) -> dict[tuple[str, str], int]:
        """Return how many rows are in quarantine by source and reason."""
        return self._rows.count_quarantine()

    def append_event(self, kind: str, payload: Mapping[str, object]) -> int:
        """Append an event; return its number. Raises Bug where the payload is not plain JSON."""
        with self._rows.transaction() as con:
            return self._rows.add_event(con, self._now_min(), kind, payload)

    def list_events(self, kind: str | None = None, *, after_seq: int = 0) -> list[Event]:
        """Return events in order."""
        return self._rows.list_events(kind, after_seq)

    def count_refused(self) -> dict[tuple[str, str], int]:
        """Return how many rows are in quarantine by source and dataset, empty where they are not rows of any."""
        return self._rows.count_refused()

    def list_taken(self, name: str) -> dict[int, int]:
        """Return the minute in which the last batch of each file of a dataset was taken in, by its number."""
        return self._rows.list_taken(_dataset(name).name)

    def held(self) -> dict[str, Held]:
        """Return what is held of each dataset, for `library.catalogue`."""
        return self._rows.held()

    def compare(self, name: str, table: pa.Table) -> tuple[int, int] | None:
        """Return how many rows of a table repeat a stored row, and how many replace one with the same key.

        `table` has unique keys and is not written yet. None where the dataset is too large to ask for each batch.
        """
        dataset = _dataset(name)
        files = self._current(dataset)
        if not files:
            return 0, 0
        if sum(file.rows for file in files) > COMPARE_ROWS:
            return None
        keys = ", ".join(dataset.key)
        known = self._columns.latest(dataset, files, f"SEMI JOIN incoming USING ({keys})")
        own = [column.name for column in dataset.columns if column.name not in dataset.key]
        same = " AND ".join(f"i.{name} IS NOT DISTINCT FROM k.{name}" for name in [*own, "provenance", "replayed"])
        connection = self._connection()
        connection.register("incoming", table)
        query = f"SELECT count(*), count(*) FILTER ({same}) FROM incoming i JOIN ({known}) k USING ({keys})"  # noqa: S608
        met, identical = connection.sql(query).fetchall()[0]
        return identical, met - identical

    def compact(self, name: str) -> Compacted:
        """Merge the files of a dataset into one with unique keys, sorted by key; what was superseded is kept apart.

        `tables` gives the same rows before and after, whenever the process is killed.
        """
        dataset, at_min = _dataset(name), self._now_min()
        with self._rows.transaction() as con:
            files = self._current(dataset)
            total = sum(file.rows for file in files)
            if len(files) < 2 and all(file.key_unique for file in files):
                return Compacted(len(files), total, 0)
            made = self._merged(dataset, files)
            self._rows.add_files(con, made, at_min)
            self._rows.retire_files(con, [file.path for file in files], at_min)
            done = Compacted(len(files), made[0].rows, total - made[0].rows)
            payload = {"dataset": name, "files": done.files, "rows": done.rows, "superseded": done.superseded}
            self._rows.add_event(con, at_min, "DatasetCompacted", payload)
            failpoint("stores.before_commit")
        failpoint("stores.after_commit")
        return done

    def sweep(self, *, wait: bool = True) -> int:
        """Delete files that nothing refers to; return how many. Raises Retry while another process writes."""
        with self._rows.transaction(wait=wait) as con:
            self._rows.drop_retired(con, self._now_min() - RETIRED_KEEP_MIN)
            return self._columns.sweep(self._rows.known_paths())

    def _merged(self, dataset: Dataset, files: Sequence[StoredFile]) -> list[StoredFile]:
        connection, last = self._connection(), files[-1].batch_no
        order = f" ORDER BY {', '.join(dataset.key)}"
        latest = read_batches(connection, self._columns.latest(dataset, files) + order, dataset, _READ_ROWS)
        made = [replace(self._columns.write(dataset, f"{last:010d}-merged", latest, last), key_unique=True)]
        if made[0].rows < sum(file.rows for file in files):
            old = read_batches(connection, self._columns.superseded(dataset, files), dataset, _READ_ROWS)
            made.append(replace(self._columns.write(dataset, f"{last:010d}-superseded", old, last), role="superseded"))
        return made

    def _merge_small(self, datasets: Iterable[Dataset]) -> None:
        for dataset in datasets:
            files = self._current(dataset)
            if len(files) > MANY_FILES and sum(file.rows for file in files) <= SMALL_ROWS:
                self.compact(dataset.name)

    def _refuse(self, dataset: Dataset, table: pa.Table) -> None:
        refuse_wrong_table(dataset, table)
        for column, own, key in (("status", self.status.value, "wrong_status"), ("hub_id", self.hub_id, "wrong_hub")):
            for found in pc.unique(table.column(column)).to_pylist():
                if found != own:
                    raise Malformed(f"stores.{key}", found=found, **{column: own})

    def _current(self, dataset: Dataset) -> list[StoredFile]:
        return self._rows.list_files(dataset.name, "current")

    def _connection(self) -> duckdb.DuckDBPyConnection:
        """Return a connection of its own for this call: DuckDB's are not for several threads at once."""
        with self._duck_lock:
            if self._duck is None:
                self._duck = self._columns.connect(self._threads)
            return self._duck.cursor()

    def _now_min(self) -> int:
        return epoch_minute(self._clock())


def _dataset(name: str) -> Dataset:
    if name not in DATASETS:
        raise Absent("stores.unknown_dataset", dataset=name, known=", ".join(sorted(DATASETS)))
    return DATASETS[name]
