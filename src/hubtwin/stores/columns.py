"""The column half of the embedded store: Parquet files, written so that a crash leaves all of a file or nothing.

A file is written in `tmp`, forced to disk, renamed into place, and its directory forced to disk. It counts only
once the row half has it in its manifest, so what is on disk and not in the manifest is an orphan.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubtwin.base.errors import Malformed, Retry
from hubtwin.base.failpoint import failpoint
from hubtwin.datasets.table import Dataset
from hubtwin.stores.rows import StoredFile
from hubtwin.stores.sqlite import fsync

ROW_GROUP = 131_072  # rows: one vector-friendly group; a batch is smaller
_SQL_OF_ARROW = {pa.string(): "VARCHAR", pa.int64(): "BIGINT", pa.float64(): "DOUBLE", pa.bool_(): "BOOLEAN"}
_SQL_OF_ARROW |= {pa.date32(): "DATE", pa.int32(): "INTEGER"}


class Columns:
    """The Parquet files below `columns/` of a store directory."""

    def __init__(self, directory: Path) -> None:
        """Create the directories that are missing."""
        self.directory = directory
        self._tmp = directory / "tmp"
        for folder in (directory / "columns", self._tmp):
            folder.mkdir(parents=True, exist_ok=True)

    def write(self, dataset: Dataset, name: str, batches: Iterable[pa.Table], batch_no: int) -> StoredFile:
        """Write one file that survives kill -9 from here on, and describe it. Raises Retry for a full disk."""
        relative = f"columns/{dataset.name}/{name}.parquet"
        target, draft = self.directory / relative, self._tmp / f"{dataset.name}-{name}.parquet"
        rows = synthetic = parts = 0
        unique = True
        with _disk(target):
            if not target.parent.exists():
                target.parent.mkdir(exist_ok=True)
                fsync(target.parent.parent)
            try:
                with draft.open("wb") as stream:
                    with pq.ParquetWriter(stream, dataset.schema, compression="zstd") as writer:
                        for table in batches:
                            writer.write_table(table, row_group_size=ROW_GROUP)
                            rows, parts = rows + table.num_rows, parts + 1
                            synthetic += count_synthetic(table)
                            unique = unique and parts == 1 and is_key_unique(dataset, table)
                    stream.flush()
                    os.fsync(stream.fileno())
                failpoint("stores.parquet_written")
                size, digest = draft.stat().st_size, sha256(draft)
                draft.replace(target)
                failpoint("stores.parquet_renamed")
                fsync(target.parent)
            finally:
                draft.unlink(missing_ok=True)
        failpoint("stores.parquet_synced")
        return StoredFile(relative, dataset.name, batch_no, rows, synthetic, size, digest, unique)

    def list_orphans(self, known: set[str]) -> list[Path]:
        """Return the files on disk that nothing refers to, and unfinished drafts."""
        placed = (self.directory / "columns").glob("*/*.parquet")
        orphans = [path for path in placed if path.relative_to(self.directory).as_posix() not in known]
        return sorted(orphans) + sorted(path for path in self._tmp.iterdir() if path.is_file())

    def sweep(self, known: set[str]) -> int:
        """Delete orphans; return how many. Only who holds the write lock of the row half may call it."""
        orphans = self.list_orphans(known)
        for path in orphans:
            path.unlink(missing_ok=True)
        return len(orphans)

    def latest(self, dataset: Dataset, files: Sequence[StoredFile], within: str = "") -> str:
        """Return SQL for the latest row of each key: files in order, then rows in the order of the file.

        `within` is a clause, such as a semi-join on the key, that is applied to the files before the latest row
        is sought. No window is needed for a single file whose keys are known to be unique.
        """
        names = ", ".join(_quoted(field.name) for field in dataset.schema)
        if not files:
            return empty(dataset)
        source = f"read_parquet([{', '.join(self._literal(file) for file in files)}])"
        if len(files) == 1 and files[0].key_unique:
            return f"SELECT {names} FROM {source} {within}"  # noqa: S608 - names and paths are ours, and quoted
        keys = ", ".join(_quoted(name) for name in dataset.key)
        newest = f"row_number() OVER (PARTITION BY {keys} ORDER BY file_index DESC, file_row_number DESC)"
        return f"SELECT {names} FROM {source} {within} QUALIFY {newest} = 1"  # noqa: S608

    def read(self, dataset: Dataset, files: Sequence[StoredFile]) -> pa.Table:
        """Return the latest row of each key of a few small files, as `latest` does, without an engine: for files of a
        step it takes a tenth of the time. Raises Malformed where a file is gone or damaged.
        """
        try:
            parts = [pq.ParquetFile(self.directory / file.path).read() for file in files]
        except (pa.ArrowInvalid, OSError) as error:
            raise _unreadable(error) from error
        table = pa.concat_tables(parts).cast(dataset.schema) if parts else dataset.schema.empty_table()
        if len(files) < 2 and all(file.key_unique for file in files):
            return table
        place = pa.array(range(table.num_rows), pa.int64())
        last = table.select(dataset.key).append_column("place", place).group_by(list(dataset.key))
        return table.take(last.aggregate([("place", "max")]).column("place_max"))

    def superseded(self, dataset: Dataset, files: Sequence[StoredFile]) -> str:
        """Return SQL for the rows that `latest` leaves out, oldest first."""
        names = ", ".join(_quoted(field.name) for field in dataset.schema)
        keys = ", ".join(_quoted(name) for name in dataset.key)
        source = f"read_parquet([{', '.join(self._literal(file) for file in files)}])"
        newest = f"row_number() OVER (PARTITION BY {keys} ORDER BY file_index DESC, file_row_number DESC)"
        return (
            f"SELECT {names} FROM (SELECT *, file_index, file_row_number, {newest} AS hubtwin_age FROM {source})"  # noqa: S608
            " WHERE hubtwin_age > 1 ORDER BY file_index, file_row_number"
        )

    def connect(self, threads: int | None) -> duckdb.DuckDBPyConnection:
        """Return a DuckDB that fetches nothing from anywhere and spills into the store's own `tmp`."""
        config: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "temp_directory": str(self._tmp / "spill"),
            "preserve_insertion_order": "false",
        }
        if threads:
            config["threads"] = threads
        return duckdb.connect(config=config)

    def _literal(self, file: StoredFile) -> str:
        """Return a file name as SQL text; what DuckDB would read as a pattern is put in brackets."""
        path = str(self.directory / file.path)
        return "'" + "".join(f"[{c}]" if c in "[*?" else c for c in path).replace("'", "''") + "'"


def empty(dataset: Dataset) -> str:
    """Return SQL for no rows of the right types."""
    columns = ", ".join(f"NULL::{_SQL_OF_ARROW[field.type]} AS {_quoted(field.name)}" for field in dataset.schema)
    return f"SELECT {columns} WHERE false"


def read_batches(
    connection: duckdb.DuckDBPyConnection, sql: str, dataset: Dataset, batch_rows: int
) -> Iterator[pa.Table]:
    """Yield the result of a query in tables of the dataset's schema, so that memory stays bounded."""
    for batch in connection.sql(sql).to_arrow_reader(batch_rows):
        yield pa.Table.from_batches([batch]).cast(dataset.schema)


def refuse_wrong_table(dataset: Dataset, table: pa.Table) -> None:
    """Raise Malformed where a table is not what the dataset declares: names, types, order, empty cells."""
    found = {field.name: str(field.type) for field in table.schema}
    declared = {field.name: str(field.type) for field in dataset.schema}
    if list(found.items()) != list(declared.items()):
        differ = sorted(set(found.items()) ^ set(declared.items()))
        raise Malformed("stores.wrong_schema", dataset=dataset.name, columns=", ".join(name for name, _ in differ))
    for field in dataset.schema:
        if not field.nullable and table.column(field.name).null_count:
            raise Malformed("stores.empty_cell", dataset=dataset.name, column=field.name)


def is_key_unique(dataset: Dataset, table: pa.Table) -> bool:
    """Tell whether no two rows of a table have the same key."""
    groups = table.group_by(list(dataset.key)).aggregate([([], "count_all")])
    return bool(groups.num_rows == table.num_rows)


def count_synthetic(table: pa.Table) -> int:
    """Return how many rows are marked synthetic."""
    return int(pc.sum(pc.equal(table.column("provenance"), "synthetic")).as_py() or 0)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def reading() -> Iterator[None]:
    """Say what to do where a file of the tables is gone or damaged; frames are lazy, so it shows wherever one is read.

    Raises Malformed.
    """
    try:
        yield
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> Malformed:
    return Malformed("stores.tables_unreadable", detail=str(error).partition("\n")[0][:200])


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Retry("stores.disk", path=path.name, detail=error.strerror or str(error)) from error
