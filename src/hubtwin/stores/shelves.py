"""The shelves: what is held of the library's datasets, in files that a manifest says count.

`<store>/library/` holds `shelves.sqlite` and `rows/DATASET/PART-BATCH.parquet`. A stored row has the columns of its
listing (all may be empty: what is missing is coloured, not lost), the system columns, and last `row_no`, which is given
once. Rows are never folded by their key: a row that came twice is two rows, and a colour.

The crash rule is that of `stores.embedded`: the file is on disk and in its place first; one SQLite transaction then
enters it, the key of its batch and whatever belongs to it. Readers hold a list of files; a part that is replaced takes
its old files away at once, because what was erased must be gone, and a reader that had not opened one asks again.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from hubtwin.base.errors import Bug, Malformed, Retry
from hubtwin.base.failpoint import failpoint
from hubtwin.base.ids import words_digest
from hubtwin.datasets.listing import Listing
from hubtwin.library.catalogue import Held
from hubtwin.library.loads import BadRow
from hubtwin.stores.migrate import migrate
from hubtwin.stores.served import drop_copies, sweep_copies
from hubtwin.stores.shelf_files import ShelfFile, ShelfFiles, Written
from hubtwin.stores.shelf_loads import ShelfLoads
from hubtwin.stores.sqlite import Database

LIBRARY_FOLDER, SHELVES_FILE = "library", "shelves.sqlite"
# in the order of ShelfFile
_FILE = "path, dataset, part, row_count, first_row_no, batch, byte_count, sha256, digest, loaded_min, synthetic_count"
_LISTED = f"SELECT {_FILE} FROM files WHERE ?1 = '' OR dataset = ?1 ORDER BY batch, path"  # noqa: S608 - constant names
Audit = Callable[[str, Mapping[str, object]], None]  # kind, what is told; returns once it is written
Beside = Callable[[sqlite3.Connection], None]  # written in the transaction that enters a file


class Shaped(Protocol):
    """What a file of a dataset needs to know of it; a `Listing` knows it."""

    @property
    def name(self) -> str: ...

    @property
    def schema(self) -> pa.Schema: ...

    @property
    def digest(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Withheld:
    """A row that nobody may have: under legal hold, or taken out by the security officer. It counts as black."""

    row_no: int
    why: str
    by: str
    at_min: int


@dataclass(frozen=True, slots=True)
class HeldPart:
    """A part that nobody else writes while it is held, with its files by row number.

    `replace` puts other rows in their place, once, and returns the file that holds them, None where none is left. Rows
    that stay bring their `row_no` and come first, in its order; new ones come without. The old files are unlinked after
    the commit. It raises Malformed and Retry as `Shelves.append` does; then the part is as it was.
    """

    files: Sequence[ShelfFile]
    replace: Callable[[Shaped, Iterable[pa.Table]], ShelfFile | None]


class Shelves:
    """The shelves of one store. Several threads and processes may use the same directory."""

    def __init__(self, directory: Path, *, at_min: int, audit: Audit | None = None) -> None:
        """Open or create the shelves, and sweep what a crash left behind.

        `directory` is `<store>/library`. Raises Malformed where the manifest is gone beside files, Denied for one of a
        newer version.
        """
        refuse_lost_shelves(directory)
        self.directory = directory
        self._files, self._audit = ShelfFiles(directory), audit
        self.database = Database(directory / SHELVES_FILE, private=True, wal=True)
        migrate(self.database, "shelves", at_min)
        self.loads = ShelfLoads(self.database)
        self.sweep()

    def close(self) -> None:
        """Let go of the files."""
        self.database.close()

    def files(self, dataset: str = "") -> list[ShelfFile]:
        """Return the files that count, of a dataset or of all, in the order in which they came."""
        return [self._shelf_file(row) for row in self.database.all(_LISTED, dataset)]

    def append(
        self,
        listing: Listing,
        part: str,
        tables: Iterable[pa.Table],
        *,
        key: str,
        at_min: int,
        beside: Beside | None = None,
    ) -> ShelfFile | None:
        """Put rows onto the shelf as one file; None where `key` was applied before, and where there is no row.

        `tables` have the columns of `Listing.schema` without `row_no` and are read one after the other, only if the key
        is new. `beside` is called in the transaction that enters the file. Raises Malformed for another shape, Retry
        for a full disk and where somebody else writes the dataset; then nothing is stored.
        """
        with self._files.locked(listing.name):
            if self.database.all("SELECT 1 FROM batches WHERE key = ?", key):
                return None
            batch = self._take_number(listing.name, part, at_min)
            place = self._files.place(listing.name, part, batch)
            written = self._files.write(listing.schema, place, tables, self._next_row_no(listing.name))
            with self.database.transaction() as con:
                rows = written.rows if written else 0
                con.execute("UPDATE batches SET key = ?, rows = ? WHERE number = ?", (key, rows, batch))
                made = self._enter(con, listing, part, batch, at_min=at_min, written=written)
                if beside:
                    beside(con)
                failpoint("stores.shelf_before_commit")
            failpoint("stores.shelf_after_commit")
        return made

    @contextmanager
    def held_part(self, dataset: str, part: str, *, at_min: int) -> Iterator[HeldPart]:
        """Hold a part for erasure, retention or a correction: from the reading of its files to the writing of what
        takes their place nobody else writes the dataset, so nothing that came in between is lost or comes back.

        Raises Retry where somebody else writes the dataset for long.
        """
        with self._files.locked(dataset):
            files = [file for file in self.files(dataset) if file.part == part]
            files.sort(key=lambda file: file.first_row_no)
            yield HeldPart(files, partial(self._replace, files, part, at_min))

    def _replace(
        self, old: Sequence[ShelfFile], part: str, at_min: int, listing: Shaped, tables: Iterable[pa.Table]
    ) -> ShelfFile | None:
        batch = self._take_number(listing.name, part, at_min)
        place = self._files.place(listing.name, part, batch)
        written = self._files.write(listing.schema, place, tables, self._next_row_no(listing.name))
        with self.database.transaction() as con:
            con.execute("DELETE FROM files WHERE dataset = ? AND part = ?", (listing.name, part))
            con.execute("UPDATE batches SET rows = ? WHERE number = ?", (written.rows if written else 0, batch))
            made = self._enter(con, listing, part, batch, at_min=at_min, written=written)
            failpoint("stores.shelf_before_commit")
        failpoint("stores.shelf_after_commit")
        for file in old:
            file.path.unlink(missing_ok=True)
            drop_copies(file.path)
        return made

    def withhold(self, dataset: str, row_nos: Iterable[int], why: str, by: str, at_min: int) -> int:
        """Take rows out of everybody's reach; return how many were not so before. The audit hears of it first;
        `why` stands beside the rows, its digest in the audit."""
        wanted = sorted(set(row_nos))
        with self.database.transaction() as con:
            before = con.total_changes
            con.executemany(
                "INSERT OR IGNORE INTO withheld VALUES (?, ?, ?, ?, ?)",
                ((dataset, row_no, why, by, at_min) for row_no in wanted),
            )
            count = con.total_changes - before
            told = {"dataset": dataset, "rows": count, "why_sha256": words_digest(why, dataset), "by": by}
            self._tell("LibraryWithheld", told)
        return count

    def release(self, dataset: str, row_nos: Iterable[int], why: str, by: str, at_min: int) -> int:
        """Give rows back that were withheld; return how many. The audit hears of it first."""
        del at_min  # the audit has its own time; the parameter is there for symmetry with `withhold`
        with self.database.transaction() as con:
            before = con.total_changes
            con.executemany(
                "DELETE FROM withheld WHERE dataset = ? AND row_no = ?", ((dataset, no) for no in sorted(set(row_nos)))
            )
            count = con.total_changes - before
            told = {"dataset": dataset, "rows": count, "why_sha256": words_digest(why, dataset), "by": by}
            self._tell("LibraryReleased", told)
        return count

    def withheld(self, dataset: str) -> list[Withheld]:
        """Return the rows of a dataset that are withheld, by number."""
        found = self.database.all(
            "SELECT row_no, why, by, at_min FROM withheld WHERE dataset = ? ORDER BY row_no", dataset
        )
        return [Withheld(int(str(no)), str(why), str(by), int(str(at_min))) for no, why, by, at_min in found]

    def quarantined(self, dataset: str, *, after: int = 0, limit: int = 1000) -> list[BadRow]:
        """Return rows that could not be read and are not released, oldest first, after a number; they are black."""
        return self.loads.list_bad(dataset=dataset, after=after, limit=limit)

    def count_quarantined(self) -> Mapping[str, int]:
        """Return how many rows of each dataset could not be read and are not released."""
        return self.loads.count_bad()

    def held(self) -> Mapping[str, Held]:
        """Return what is held of each dataset, for the catalogue."""
        found = self.database.all(
            "SELECT dataset, sum(row_count), sum(synthetic_count), count(*), sum(byte_count), max(loaded_min)"
            " FROM files GROUP BY dataset"
        )
        return {str(name): Held(*(int(str(part)) for part in parts)) for name, *parts in found}

    def sweep(self) -> int:
        """Delete files that nothing refers to; return how many. A dataset that somebody writes is left for later."""
        count = 0
        self._files.sweep_scratch()
        for dataset in self._files.list_datasets():
            known = {file.path for file in self.files(dataset)}
            count += sweep_copies(self.directory, dataset, known)
            if all(path in known for path in self._files.list_placed(dataset)):
                continue
            try:
                with self._files.locked(dataset, wait_s=0):
                    known = {file.path for file in self.files(dataset)}
                    for path in self._files.list_placed(dataset):
                        if path not in known:
                            path.unlink(missing_ok=True)
                            count += 1
            except Retry:  # its writer is alive, so its files are no orphans
                continue
        return count

    def scratch(self) -> AbstractContextManager[Path]:
        """Give a folder of the library's own for the time of a block: what is unpacked or uploaded is personal too."""
        return self._files.scratch()

    def _take_number(self, dataset: str, part: str, at_min: int) -> int:
        """Return the number of a new batch; spent also where the batch fails: no file name comes twice."""
        with self.database.transaction() as con:
            sql = "INSERT INTO batches (dataset, part, rows, at_min) VALUES (?, ?, 0, ?)"
            number = con.execute(sql, (dataset, part, at_min)).lastrowid
        if number is None:
            raise Bug("stores.no_number")
        return number

    def _next_row_no(self, dataset: str) -> int:
        found = self.database.all("SELECT next_row_no FROM numbering WHERE dataset = ?", dataset)
        return int(str(found[0][0])) if found else 1

    def _enter(
        self,
        con: sqlite3.Connection,
        listing: Shaped,
        part: str,
        batch: int,
        *,
        at_min: int,
        written: Written | None,
    ) -> ShelfFile | None:
        if written is None:
            return None
        counts = (written.rows, written.first_row_no, batch, written.bytes, written.sha256, listing.digest, at_min)
        made = ShelfFile(written.path, listing.name, part, *counts, written.synthetic_rows)
        relative = made.path.relative_to(self.directory).as_posix()
        con.execute(f"INSERT INTO files ({_FILE}) VALUES ({', '.join('?' * 11)})", (relative, *astuple(made)[1:11]))  # noqa: S608
        con.execute("INSERT OR REPLACE INTO numbering VALUES (?, ?)", (listing.name, written.next_row_no))
        return made

    def _shelf_file(self, row: tuple[object, ...]) -> ShelfFile:
        path, dataset, part, rows, first, batch, size, sha, digest, loaded, synthetic = map(str, row)
        numbers = (int(rows), int(first), int(batch), int(size))
        return ShelfFile(self.directory / path, dataset, part, *numbers, sha, digest, int(loaded), int(synthetic))

    def _tell(self, kind: str, told: Mapping[str, object]) -> None:
        if self._audit:
            self._audit(kind, told)


def refuse_lost_shelves(directory: Path) -> None:
    """Raise Malformed where there are files of rows but their manifest is gone: a new one would sweep them all."""
    manifest = directory / SHELVES_FILE
    if (not manifest.exists() or manifest.stat().st_size == 0) and any((directory / "rows").glob("*/*.parquet")):
        raise Malformed("stores.rows_lost", path=f"{LIBRARY_FOLDER}/{SHELVES_FILE}")
