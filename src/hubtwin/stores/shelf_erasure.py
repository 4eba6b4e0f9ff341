"""Erasing rows from the shelves of the library: part by part, under the crash rule of the shelves.

What is withheld stays: it is under a legal hold, or somebody has yet to look at it. Rows keep their numbers.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubtwin.base.clock import DAY_MIN
from hubtwin.datasets.listing import ROW_NO
from hubtwin.library.loads import BadRow
from hubtwin.stores.shelf_files import ShelfFile, widened
from hubtwin.stores.shelves import LIBRARY_FOLDER, SHELVES_FILE, Shelves

_NO_WORD, _ESCAPED = re.compile(r"\W+"), re.compile(r"\\u([0-9a-fA-F]{4})")
_EPOCH = date(1970, 1, 1)
LOADED = "_loaded_min"  # stands for the minute at which a row came onto the shelf, which is that of its file


class Condition(Protocol):
    """A condition on a column: `stores.erasure.Where`."""

    @property
    def column(self) -> str: ...

    @property
    def from_value(self) -> int | date | None: ...

    @property
    def until_value(self) -> int | date | None: ...

    @property
    def only(self) -> frozenset[str] | None: ...


@dataclass(frozen=True, slots=True)
class Shape:
    """What rewriting a part needs to know of a dataset, read from its files: the catalogue may list it no more."""

    name: str
    schema: pa.Schema
    digest: str


def erase_from_shelves(store_dir: Path, name: str, where: Sequence[Condition], at_min: int) -> int:
    """Erase the rows of a dataset that meet all conditions; return how many. An empty cell meets none.

    A file may be from before a contract added the column of a condition. Whom a row is about is then looked for in all
    its texts, and how old it is goes by when it came. Raises Retry where somebody else writes the dataset.
    """
    with _opened(store_dir, at_min) as shelves:
        if shelves is None:
            return 0
        parts = dict.fromkeys(file.part for file in shelves.files(name))
        return sum(_erase_part(shelves, name, part, where, at_min=at_min) for part in parts)


def _erase_part(shelves: Shelves, name: str, part: str, where: Sequence[Condition], *, at_min: int) -> int:
    """Erase from one part; return how many rows went. Whether anything is to go is looked up without holding it: what
    comes meanwhile is read again under the lock, and most erasures have nothing to do in most parts."""
    files = [file for file in shelves.files(name) if file.part == part]
    with suppress(FileNotFoundError):  # replaced meanwhile: it has to be held to be read
        if not any(_count(file, where, _withheld(shelves, name)) for file in files):
            return 0
    with shelves.held_part(name, part, at_min=at_min) as held:
        if not held.files:
            return 0
        shape = Shape(name, _schema_of(held.files), held.files[-1].digest)
        made = held.replace(shape, _kept(held.files, where, _withheld(shelves, name), shape.schema))
        return sum(file.rows for file in held.files) - (made.rows if made else 0)


def _withheld(shelves: Shelves, name: str) -> pa.Array:
    return pa.array([one.row_no for one in shelves.withheld(name)], pa.int64())


def erase_from_quarantine(store_dir: Path, name: str, digests: frozenset[str], at_min: int, value: str = "") -> int:
    """Destroy lines of a dataset that could not be read and of which a cell, or a word as it came, is one of those with
    these digests, in whatever column; return how many. A line that was cut is looked at as far as it was kept.

    `value`, where it is known, is looked for in the whole line too: a name with a blank is no word.
    """
    names = naming(digests, value)

    def names_somebody(row: BadRow) -> bool:
        return names([_unescaped(row.raw), *(str(cell) for cell in row.cells.values())])

    with _opened(store_dir, at_min) as shelves:
        return shelves.loads.forget_where(name, names_somebody) if shelves else 0


def naming(digests: frozenset[str], value: str = "") -> Callable[[Iterable[str]], bool]:
    """Return what tells whether one of some texts, or a word in it, is one of those with these digests; or holds
    `value`, where that is known."""
    whole = re.compile(rf"(?<!\w){re.escape(value)}(?!\w)") if value else None

    def names(texts: Iterable[str]) -> bool:
        told = list(texts)
        words = {word for each in told for word in (*_NO_WORD.split(each), each.strip()) if word}
        return any(whole and whole.search(each) for each in told) or any(digest_of(word) in digests for word in words)

    return names


def erase_lines_between(store_dir: Path, name: str, from_min: int, until_min: int, at_min: int) -> int:
    """Destroy lines of a dataset that could not be read and came between two minutes; return how many."""
    with _opened(store_dir, at_min) as shelves:
        return shelves.loads.forget(name, from_min, until_min) if shelves else 0


def _unescaped(line: str) -> str:
    """Return a line with the signs that JSON writes by number."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), line)


@contextmanager
def _opened(store_dir: Path, at_min: int) -> Iterator[Shelves | None]:
    directory = store_dir / LIBRARY_FOLDER
    if not (directory / SHELVES_FILE).exists():
        yield None
        return
    with closing(Shelves(directory, at_min=at_min)) as shelves:
        yield shelves


def digest_of(value: object) -> str:
    """Return what stands for a value in a condition, so that what is written down names nobody."""
    return hashlib.sha256(str(value).encode()).hexdigest()


def _count(file: ShelfFile, where: Sequence[Condition], held: pa.Array) -> int:
    return sum(int(pc.sum(_doomed(file, table, where, held)).as_py() or 0) for table in _tables(file))


def _kept(
    files: Sequence[ShelfFile], where: Sequence[Condition], held: pa.Array, schema: pa.Schema
) -> Iterator[pa.Table]:
    for file in files:
        for table in _tables(file):
            yield widened(schema, table.filter(pc.invert(_doomed(file, table, where, held))))


def _schema_of(files: Sequence[ShelfFile]) -> pa.Schema:
    """Return the columns of the newest file, then those that only older ones have: nothing is lost by rewriting."""
    found: dict[str, pa.Field] = {}
    for file in reversed(files):
        for field in pq.read_schema(file.path):
            found.setdefault(field.name, field)
    return pa.schema([*(field for name, field in found.items() if name != ROW_NO), found[ROW_NO]])


def _tables(file: ShelfFile) -> Iterator[pa.Table]:
    """Yield the row groups of a file: memory holds one."""
    with pq.ParquetFile(file.path) as stream:
        for number in range(stream.num_row_groups):
            yield stream.read_row_group(number)


def _doomed(file: ShelfFile, table: pa.Table, where: Sequence[Condition], held: pa.Array) -> pa.Array:
    """Return of each row whether it goes."""
    found = pc.invert(pc.is_in(table.column(ROW_NO).combine_chunks(), held))
    for each in where:
        if each.column == LOADED:
            column = pa.array([file.loaded_min] * table.num_rows, pa.int64())
        elif each.column in table.column_names:
            column = table.column(each.column).combine_chunks()
        else:
            found = pc.and_(found, _without_column(file, table, each))
            continue
        if each.from_value is not None:
            found = pc.and_(found, pc.greater_equal(column, pa.scalar(each.from_value, column.type)))
        if each.until_value is not None:
            found = pc.and_(found, pc.less(column, pa.scalar(each.until_value, column.type)))
        if each.only is not None:
            found = pc.and_(found, _named(column, each.only))
    return pc.fill_null(found, False)


def _without_column(file: ShelfFile, table: pa.Table, where: Condition) -> pa.Array:
    """Return of each row of a file that lacks the column of a condition whether it meets it all the same."""
    meets = pa.array([False] * table.num_rows, pa.bool_())
    if where.only is not None:
        for column in table.columns:
            if pa.types.is_string(column.type):
                meets = pc.or_(meets, _named(column.combine_chunks(), where.only))
        return meets
    if where.from_value is not None or where.until_value is None:
        return meets
    until = where.until_value
    # a day begins at another minute in another zone: the earliest one that may be meant
    cut_min = (until - _EPOCH).days * DAY_MIN - DAY_MIN if isinstance(until, date) else until
    return pa.array([file.loaded_min < cut_min] * table.num_rows, pa.bool_())


def _named(column: pa.Array, digests: frozenset[str]) -> pa.Array:
    texts = {value: digest_of(value) for value in column.unique().to_pylist()}
    wanted = [value for value, digest in texts.items() if value is not None and digest in digests]
    return pc.is_in(column, pa.array(wanted, column.type))
