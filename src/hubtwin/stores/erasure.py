"""Erasing rows of persons from the columns, under the crash rule of the store, so that they stay erased.

What matches is erased by key: every version of such a row goes, in current and in superseded files, or an older
version would come back. New files are forced to disk, then one SQLite transaction enters them, takes the old ones
out of the manifest and writes down what was erased, then the old files are deleted. A kill at any moment leaves the
old rows or none of them; the next open sweeps the rest.

A backup made earlier still holds the rows. What was erased is therefore written beside its keys as well, and
`restore_forgetting` erases it again before the restored store is in its place.
"""

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.base.failpoint import failpoint
from hubtwin.datasets.all import DATASETS
from hubtwin.datasets.table import Dataset
from hubtwin.stores.backup import KEYS_FOLDER, Taken, restore
from hubtwin.stores.columns import Columns, read_batches
from hubtwin.stores.erasures_told import ERASED_EVENT, id_of, list_erasures
from hubtwin.stores.journal import opened_journal
from hubtwin.stores.rows import Rows, StoredFile
from hubtwin.stores.shelf_erasure import (
    LOADED,
    digest_of,
    erase_from_quarantine,
    erase_from_shelves,
    erase_lines_between,
)
from hubtwin.stores.sqlite import fsync

SHELF = "library:"  # before the name of a dataset of the library
QUARANTINE = "quarantine:"  # likewise, of which lines that could not be read were destroyed by when they came
JOURNAL, FOR_EVER_MIN = "journal", 1 << 32  # stands for a dataset where something was erased from the journal
_READ_ROWS = 131_072
_KEPT = re.compile(r"-kept(\d+)\Z")


@dataclass(frozen=True, slots=True)
class Where:
    """A condition on a column: from a value, until before a value, and of certain persons only, or of all others.

    Persons are named by the SHA-256 of their pseudonym, so that what is written down names nobody.
    """

    column: str
    from_value: int | date | None = None
    until_value: int | date | None = None
    only: frozenset[str] | None = None
    others_than: frozenset[str] | None = None

    def as_json(self) -> dict[str, object]:
        """Return it as plain values."""
        return {
            "column": self.column,
            "from": _plain(self.from_value),
            "until": _plain(self.until_value),
            "only": None if self.only is None else sorted(self.only),
            "others_than": None if self.others_than is None else sorted(self.others_than),
        }


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did: rows gone, in all their versions, and files written anew or dropped."""

    dataset: str
    rows: int
    files: int


def person_digest(pid: str) -> str:
    """Return what stands for a pseudonym in a condition."""
    return digest_of(pid)


def erase(store_dir: Path, name: str, where: Sequence[Where], *, clock: Clock, why: str) -> Erased:
    """Erase every row of a dataset, in all its versions, that meets all of the conditions.

    Raises Absent for an unknown dataset or column, Malformed for an erasure without a condition.
    """
    dataset = _checked(name, where)
    with _opened(store_dir, clock) as rows:
        return _Eraser(store_dir, rows, clock).erase(dataset, where, why)


def erase_shown(store_dir: Path, where: Where, *, clock: Clock, why: str, erasure_min: int | None = None) -> int:
    """Erase from the journal what pages were shown of events between two minutes of the hub, or only what names
    somebody or something of `only`; return how many entries changed. A later restore erases it again."""
    from_min, until_min = (0 if where.from_value is None else where.from_value), where.until_value
    told: dict[str, object] = {"dataset": JOURNAL, "where": [where.as_json()], "why": why}
    told["at_min"] = epoch_minute(clock()) if erasure_min is None else erasure_min
    known: dict[str, bool] = {}

    def is_hit(texts: Iterable[str]) -> bool:
        for text in texts:
            if text not in known:
                known[text] = person_digest(text) in (where.only or ())
            if known[text]:
                return True
        return False

    with opened_journal(store_dir, epoch_minute(clock())) as journal:
        count = 0
        if journal:
            first_ms, last_ms = int(str(from_min)) * 60_000, int(str(until_min or FOR_EVER_MIN)) * 60_000
            count = journal.erase(first_ms, last_ms, None if where.only is None else is_hit)
    with _opened(store_dir, clock) as rows, rows.transaction() as con:
        rows.add_event(con, epoch_minute(clock()), ERASED_EVENT, {**told, "rows": count, "files": 0})
    return count


def erase_shelf(
    store_dir: Path,
    name: str,
    where: Sequence[Where],
    *,
    clock: Clock,
    why: str,
    erasure_min: int | None = None,
    always: bool = False,
) -> int:
    """Erase rows of a dataset of the library that meet all conditions; return how many. A later restore erases them
    again. What found nothing is written down only with `always`: a night that deletes by age comes again, an order to
    destroy does not. Raises Malformed for an erasure without a condition."""
    if not where or any(each == Where(each.column) for each in where):
        raise Malformed("stores.erase_what", dataset=name)
    count = erase_from_shelves(store_dir, name, where, epoch_minute(clock()))
    failpoint("stores.shelf_erased")
    if count or always or erasure_min is not None:
        _tell(store_dir, f"{SHELF}{name}", where, why, clock=clock, rows=count, erasure_min=erasure_min)
    return count


def erase_lines(store_dir: Path, name: str, where: Sequence[Where], *, clock: Clock, value: str = "") -> int:
    """Destroy lines of a dataset of the library that could not be read and name one of the persons of a condition, or
    hold `value`; return how many. What `erase_shelf` has written down makes a later restore do this again too."""
    persons = frozenset[str]().union(*(each.only or () for each in where))
    return erase_from_quarantine(store_dir, name, persons, epoch_minute(clock()), value) if persons else 0


def erase_old_lines(
    store_dir: Path,
    name: str,
    where: Where,
    *,
    clock: Clock,
    why: str,
    erasure_min: int | None = None,
    always: bool = False,
) -> int:
    """Destroy lines of a dataset of the library that could not be read and came between two minutes, which is the
    condition on `LOADED`; return how many. A later restore destroys them again, as `erase_shelf` says. They are told by
    themselves: how old a row is may go by a column, and a line that could not be read has none. Raises Malformed for
    another condition."""
    first, until = (end if isinstance(end, int) else None for end in (where.from_value, where.until_value))
    if where.column != LOADED or until is None:
        raise Malformed("stores.erase_what", dataset=name)
    count = erase_lines_between(store_dir, name, first or 0, until, epoch_minute(clock()))
    failpoint("stores.lines_erased")
    if count or always or erasure_min is not None:
        _tell(store_dir, f"{QUARANTINE}{name}", [where], why, clock=clock, rows=count, erasure_min=erasure_min)
    return count


def erase_again(store_dir: Path, erasures: Iterable[Mapping[str, object]], *, clock: Clock) -> int:
    """Erase here what was erased elsewhere later; return how many rows went. Doing it twice is harmless."""
    count = 0
    with _opened(store_dir, clock) as rows:
        eraser, known = _Eraser(store_dir, rows, clock), {id_of(told) for told in list_erasures(store_dir)}
        for told in erasures:
            if id_of(told) not in known:
                conditions = [_where(entry) for entry in _entries(told)]
                if told["dataset"] == JOURNAL:
                    at_min, why = int(str(told["at_min"])), str(told["why"])
                    count += erase_shown(store_dir, conditions[0], clock=clock, why=why, erasure_min=at_min)
                    continue
                if str(told["dataset"]).startswith((SHELF, QUARANTINE)):
                    count += _erase_listed_again(store_dir, told, conditions, clock)
                    continue
                dataset = _checked(str(told["dataset"]), conditions)
                count += eraser.erase(dataset, conditions, str(told["why"]), erasure_min=int(str(told["at_min"]))).rows
    return count


def _erase_listed_again(store_dir: Path, told: Mapping[str, object], conditions: Sequence[Where], clock: Clock) -> int:
    kind, _, name = str(told["dataset"]).partition(":")
    why, at_min = str(told["why"]), int(str(told["at_min"]))
    if f"{kind}:" == QUARANTINE:
        return erase_old_lines(store_dir, name, conditions[0], clock=clock, why=why, erasure_min=at_min)
    count = erase_shelf(store_dir, name, conditions, clock=clock, why=why, erasure_min=at_min)
    return count + erase_lines(store_dir, name, conditions, clock=clock)


def restore_forgetting(
    source: Path,
    new_dir: Path,
    *,
    clock: Clock,
    hub_id: str | None = None,
    keys: Path | None = None,
    forgotten_by: Sequence[Path] = (),
) -> tuple[Taken, int]:
    """Restore a backup as `stores.backup.restore` does, and erase again what was erased since; return how many rows.

    `forgotten_by` are later backups or stores. The store is in its place only when it is done. Raises as `restore`.
    """
    waiting = new_dir.with_name(new_dir.name + ".forgetting")
    if new_dir.exists():
        raise Denied("stores.target_exists", path=new_dir.name)
    shutil.rmtree(waiting, ignore_errors=True)
    taken = restore(source, waiting, clock=clock, hub_id=hub_id, keys=keys, forgotten_by=forgotten_by)
    places = [source, keys or source / KEYS_FOLDER, *forgotten_by]
    count = erase_again(waiting, [told for place in places for told in list_erasures(place)], clock=clock)
    failpoint("stores.erased_again")
    waiting.rename(new_dir)
    fsync(new_dir.absolute().parent)
    return replace(taken, path=new_dir), count


class _Eraser:
    """Erases from one store directory."""

    def __init__(self, store_dir: Path, rows: Rows, clock: Clock) -> None:
        self._rows, self._columns, self._directory = rows, Columns(store_dir), store_dir
        self._at_min = epoch_minute(clock())

    def erase(self, dataset: Dataset, where: Sequence[Where], why: str, erasure_min: int | None = None) -> Erased:
        """Erase, and write down what; `erasure_min` is when it was first done elsewhere."""
        told: dict[str, object] = {"dataset": dataset.name, "where": [each.as_json() for each in where], "why": why}
        told["at_min"] = self._at_min if erasure_min is None else erasure_min
        with self._rows.transaction() as con, closing(self._columns.connect(None)) as duck:
            files = self._rows.list_files(dataset.name)
            gone: list[StoredFile] = []
            made: list[StoredFile] = []
            count = 0
            if files and _mark_doomed(duck, dataset, [self._literal(file) for file in files], where):
                for file in files:
                    if hit := self._count(duck, dataset, file):
                        count += hit
                        gone.append(file)
                        made += self._kept(duck, dataset, file, file.rows - hit)
            self._rows.add_files(con, made, self._at_min)
            con.executemany("DELETE FROM files WHERE path = ?", [(file.path,) for file in gone])
            con.execute("DELETE FROM retired WHERE path LIKE ?", (f"columns/{dataset.name}/%",))
            self._rows.add_event(con, self._at_min, ERASED_EVENT, {**told, "rows": count, "files": len(gone)})
            failpoint("stores.before_commit")
        failpoint("stores.after_commit")
        with self._rows.transaction():  # whoever still reads the old files has to ask again: erased is erased
            self._columns.sweep(self._rows.known_paths())
        return Erased(dataset.name, count, len(gone))

    def _count(self, duck: duckdb.DuckDBPyConnection, dataset: Dataset, file: StoredFile) -> int:
        keys = ", ".join(dataset.key)
        sql = f"SELECT count(*) FROM read_parquet({self._literal(file)}) SEMI JOIN doomed USING ({keys})"  # noqa: S608
        return int(duck.sql(sql).fetchall()[0][0])

    def _kept(
        self, duck: duckdb.DuckDBPyConnection, dataset: Dataset, file: StoredFile, left: int
    ) -> Iterator[StoredFile]:
        """Write what is left of a file under a new name, in its order; nothing where nothing is left."""
        if left == 0:
            return
        stem = Path(file.path).stem
        before = _KEPT.search(stem)
        name = f"{_KEPT.sub('', stem)}-kept{int(before[1]) + 1 if before else 1}"
        names, keys = ", ".join(f'"{field.name}"' for field in dataset.schema), ", ".join(dataset.key)
        sql = f"SELECT {names} FROM read_parquet({self._literal(file)}) ANTI JOIN doomed USING ({keys})"  # noqa: S608
        rows = read_batches(duck, f"{sql} ORDER BY file_row_number", dataset, _READ_ROWS)
        written = self._columns.write(dataset, name, rows, file.batch_no)
        yield replace(written, key_unique=file.key_unique or written.key_unique, role=file.role)

    def _literal(self, file: StoredFile) -> str:
        """Return a file name as SQL text; what DuckDB would read as a pattern is put in brackets."""
        path = str(self._directory / file.path)
        return "'" + "".join(f"[{c}]" if c in "[*?" else c for c in path).replace("'", "''") + "'"


def _mark_doomed(
    duck: duckdb.DuckDBPyConnection, dataset: Dataset, files: Sequence[str], where: Sequence[Where]
) -> int:
    """Make the table `doomed` of the keys to erase; return how many."""
    conditions: list[str] = []
    values: list[object] = []
    for number, each in enumerate(where):
        column = f'"{each.column}"'
        for sign, value in ((">=", each.from_value), ("<", each.until_value)):
            if value is not None:
                conditions.append(f"{column} {sign} ?")
                values.append(value)
        for word, digests in (("IN", each.only), ("NOT IN", each.others_than)):
            if digests is not None:
                name = f"persons_{number}_{word[0]}"
                duck.register(name, pa.table({"digest": pa.array(sorted(digests), pa.string())}))
                conditions.append(f"sha256({column}) {word} (SELECT digest FROM {name})")  # noqa: S608
    keys, met = ", ".join(dataset.key), " AND ".join(conditions)
    source = f"read_parquet([{', '.join(files)}])"
    duck.execute(f"CREATE TEMP TABLE doomed AS SELECT DISTINCT {keys} FROM {source} WHERE {met}", values)  # noqa: S608
    return int(duck.sql("SELECT count(*) FROM doomed").fetchall()[0][0])


def _checked(name: str, where: Sequence[Where]) -> Dataset:
    if name not in DATASETS:
        raise Absent("stores.unknown_dataset", dataset=name, known=", ".join(sorted(DATASETS)))
    dataset = DATASETS[name]
    for each in where:
        if each.column not in dataset.by_name:
            raise Absent("stores.unknown_column", dataset=name, column=each.column)
    if not where or any(each == Where(each.column) for each in where):
        raise Malformed("stores.erase_what", dataset=name)
    return dataset


@contextmanager
def _opened(store_dir: Path, clock: Clock) -> Iterator[Rows]:
    if not (store_dir / "rows.sqlite").is_file():
        raise Absent("stores.no_store", path=store_dir.name)
    rows = Rows(store_dir / "rows.sqlite", epoch_minute(clock()))
    try:
        yield rows
    finally:
        rows.database.close()


def _tell(
    store_dir: Path,
    dataset: str,
    where: Sequence[Where],
    why: str,
    *,
    clock: Clock,
    rows: int,
    erasure_min: int | None,
) -> None:
    """Write down what was erased; `erasure_min` is when it was first done elsewhere."""
    at_min = epoch_minute(clock())
    told: dict[str, object] = {"dataset": dataset, "where": [each.as_json() for each in where], "why": why}
    told |= {"at_min": at_min if erasure_min is None else erasure_min, "rows": rows, "files": 0}
    with _opened(store_dir, clock) as book, book.transaction() as con:
        book.add_event(con, at_min, ERASED_EVENT, told)


def _entries(told: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    found = told["where"]
    return found if isinstance(found, list) else []


def _where(entry: Mapping[str, object]) -> Where:
    only, others = entry["only"], entry["others_than"]
    return Where(
        str(entry["column"]),
        _value(entry["from"]),
        _value(entry["until"]),
        frozenset(map(str, only)) if isinstance(only, list) else None,
        frozenset(map(str, others)) if isinstance(others, list) else None,
    )


def _plain(value: int | date | None) -> int | str | None:
    return value.isoformat() if isinstance(value, date) else value


def _value(plain: object) -> int | date | None:
    if plain is None or isinstance(plain, int):
        return plain
    return date.fromisoformat(str(plain))
