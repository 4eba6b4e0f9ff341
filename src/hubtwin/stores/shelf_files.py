"""The files of the shelves: Parquet, written so that a crash leaves all of a file or nothing.

Who writes a dataset holds its lock (`flock`, let go by the kernel when the process dies), so a sweep under the same
lock can tell a file that a crash left behind from one that somebody is about to enter into the manifest.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubtwin.base.errors import Malformed, Retry
from hubtwin.base.failpoint import failpoint
from hubtwin.datasets.listing import ROW_NO
from hubtwin.stores.columns import ROW_GROUP, count_synthetic, sha256
from hubtwin.stores.locks import held, locked
from hubtwin.stores.sqlite import BUSY_S, fsync

NAMED = re.compile(r"(?P<part>[a-z0-9][a-z0-9_.-]{0,63})-(?P<batch>\d{10})\.parquet\Z")
_PART = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}\Z")
_SCRATCH = "scratch"


@dataclass(frozen=True, slots=True)
class ShelfFile:
    """A file that counts. Its row numbers rise; they are `first_row_no` onwards without a gap unless rows were taken
    out of it. `digest` is that of the shape under which it was written. `numbered`: its rows hold their numbers; those
    of the hub's own datasets do not, and are counted from `first_row_no` on."""

    path: Path
    dataset: str
    part: str
    rows: int
    first_row_no: int
    batch: int
    bytes: int
    sha256: str
    digest: str
    loaded_min: int
    synthetic_rows: int
    numbered: bool = True


@dataclass(frozen=True, slots=True)
class Written:
    """What a file turned out to be."""

    path: Path
    rows: int
    first_row_no: int
    next_row_no: int
    bytes: int
    sha256: str
    synthetic_rows: int


class ShelfFiles:
    """The folders `rows/` and `tmp/` of the library."""

    def __init__(self, directory: Path) -> None:
        """Create the folders that are missing; rows of persons are for nobody else on the machine."""
        self.directory = directory
        for folder in (directory, directory / "rows", directory / "tmp"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def locked(self, dataset: str, *, wait_s: float = BUSY_S) -> Iterator[None]:
        """Hold the lock of a dataset. Raises Retry where another process or thread holds it."""
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.directory / "tmp" / f"{dataset}.lock", wait_s=wait_s))
            except BlockingIOError:
                raise Retry("stores.shelf_busy", dataset=dataset) from None
            yield

    def write(self, schema: pa.Schema, place: Path, tables: Iterable[pa.Table], next_row_no: int) -> Written | None:
        """Write one file that survives kill -9 from here on; None where there is no row. The lock must be held.

        A table without `row_no` is numbered from `next_row_no` on; one that has it keeps its numbers.
        Raises Malformed for another shape and for numbers that do not rise, Retry for a full disk.
        """
        draft = self.directory / "tmp" / f"{place.parent.name}-{place.name}"
        with _disk(place):
            try:
                counted = _Counted(next_row_no)
                with os.fdopen(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as stream:
                    with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
                        for table in tables:
                            if table.num_rows:
                                writer.write_table(counted.take(schema, table), row_group_size=ROW_GROUP)
                    if not counted.rows:
                        return None
                    stream.flush()
                    os.fsync(stream.fileno())
                failpoint("stores.shelf_written")
                size, digest = draft.stat().st_size, sha256(draft)
                if not place.parent.exists():
                    place.parent.mkdir(mode=0o700)
                    fsync(place.parent.parent)
                draft.replace(place)
                failpoint("stores.shelf_renamed")
                fsync(place.parent)
            finally:
                draft.unlink(missing_ok=True)
        failpoint("stores.shelf_synced")
        return Written(place, counted.rows, counted.first, counted.next, size, digest, counted.synthetic)

    def place(self, dataset: str, part: str, batch: int) -> Path:
        """Return where the file of a batch lies. Raises Malformed for a part that is no file name."""
        if not _PART.match(part):
            raise Malformed("stores.bad_part", part=part)
        return self.directory / "rows" / dataset / f"{part}-{batch:010d}.parquet"

    def list_datasets(self) -> list[str]:
        """Return the datasets that have a folder, or only a draft: a first file may not have got as far as that."""
        folders = {folder.name for folder in (self.directory / "rows").iterdir() if folder.is_dir()}
        drafts = {path.name.partition("-")[0] for path in (self.directory / "tmp").glob("*-*.parquet")}
        return sorted(folders | drafts)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a folder for the time of a block; one that a crash left behind goes with the next sweep."""
        with self.locked(_SCRATCH):
            folder = Path(tempfile.mkdtemp(prefix=f"{_SCRATCH}-", dir=self.directory / "tmp"))
            mine = ExitStack()
            mine.enter_context(held(folder, wait=True))
        with mine:
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def sweep_scratch(self) -> None:
        """Delete folders of `scratch` that no living process holds."""
        if not any((self.directory / "tmp").glob(f"{_SCRATCH}-*")):
            return
        with self.locked(_SCRATCH):
            for folder in (self.directory / "tmp").glob(f"{_SCRATCH}-*"):
                with held(folder) as is_left:  # else its maker is alive
                    if is_left:
                        shutil.rmtree(folder, ignore_errors=True)

    def list_placed(self, dataset: str) -> list[Path]:
        """Return the files of rows of a dataset on disk, and its drafts; what others put beside them is not named."""
        folder = self.directory / "rows" / dataset
        drafts = (self.directory / "tmp").glob(f"{dataset}-*.parquet")
        own = [path for path in drafts if NAMED.match(path.name.removeprefix(f"{dataset}-"))]
        return sorted(path for path in folder.glob("*.parquet") if NAMED.match(path.name)) + sorted(own)


class _Counted:
    """Numbers the rows of a file and counts them."""

    def __init__(self, next_row_no: int) -> None:
        self.rows = self.synthetic = 0
        self.first = self.next = next_row_no
        self._last = 0

    def take(self, schema: pa.Schema, table: pa.Table) -> pa.Table:
        """Return a table as it is stored."""
        if ROW_NO not in table.schema.names:
            numbers = pa.array(range(self.next, self.next + table.num_rows), pa.int64())
            self.next += table.num_rows
            table = table.append_column(ROW_NO, numbers)
        _refuse_shape(schema, table)
        numbers = table.column(ROW_NO).combine_chunks()
        rise = pc.all(pc.greater(numbers.slice(1), numbers.slice(0, len(numbers) - 1))).as_py() is not False
        first, last = numbers[0].as_py(), numbers[-1].as_py()
        if numbers.null_count or not rise or not self._last < first or last >= self.next:
            raise Malformed("stores.row_numbers")
        if not self.rows:
            self.first = first
        self._last = last
        self.rows += table.num_rows
        self.synthetic += count_synthetic(table)
        return table.cast(schema)


def widened(schema: pa.Schema, table: pa.Table) -> pa.Table:
    """Return a table in the order of a schema, empty in the columns that it was written without; what the schema does
    not have stays behind them."""
    lacking = [field for field in schema if field.name not in table.column_names]
    for each in lacking:
        table = table.append_column(each, pa.nulls(table.num_rows, each.type))
    return table.select([*schema.names, *(name for name in table.column_names if name not in schema.names)])


def _refuse_shape(schema: pa.Schema, table: pa.Table) -> None:
    found, declared = ([(f.name, str(f.type)) for f in each] for each in (table.schema, schema))
    if found != declared:
        differ = sorted({name for name, _ in set(found) ^ set(declared)})
        raise Malformed("stores.shelf_shape", columns=", ".join(differ) or "order")


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Retry("stores.disk", path=path.name, detail=error.strerror or str(error)) from error
