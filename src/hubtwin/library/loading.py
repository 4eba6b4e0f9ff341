"""From the rows of a file to the shelf: looked at first, then typed, batch by batch, nothing lost and nothing twice.

What cannot be typed goes to quarantine with its line number, the line as it came and all its problems; everything else
is stored, also what is incomplete or wrong in meaning: its colour says so. A batch is known by its load and by where it
begins, and is entered together with its bad rows and with where to go on. So a load that is interrupted anywhere goes
on behind its last whole batch.
"""

import json
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hubtwin.base.errors import HubError, Malformed
from hubtwin.base.failpoint import failpoint
from hubtwin.datasets.listing import ROW_NO, Listing
from hubtwin.datasets.table import Column
from hubtwin.library.loads import Load, NewBad
from hubtwin.model.record import Marks
from hubtwin.rules.quality import Problem
from hubtwin.rules.typed import Typed, read_column

BATCH_ROWS, BATCH_BAD = 500_000, 10_000  # a file of the shelf; the second bounds what is held of bad rows
SAMPLE_ROWS = 1_000


@dataclass(frozen=True)
class Chunk:
    """Some rows of a source, in order: its columns, where each row stood, and the line as it came, by place.

    `broken` are lines that are no row at all. `cursor` says where to go on behind the chunk, `at` how far that is.
    """

    columns: Mapping[str, pa.Array]
    line_nos: Sequence[int] | npt.NDArray[np.int64]
    raw: Callable[[int], str]
    cursor: str
    at: int
    broken: Sequence[NewBad] = ()


class Source(Protocol):
    """A file or table that can be read from any cursor it gave. `total` is what `at` reaches at its end."""

    columns: tuple[str, ...]
    total: int

    def chunks(self, cursor: str, wanted: Sequence[str]) -> Iterator[Chunk]:
        """Yield the rows behind a cursor (empty: from the beginning), with the wanted columns. Raises HubError."""
        ...


class Shelf(Protocol):
    """Where rows go: `stores.shelves`."""

    def append(
        self,
        listing: Listing,
        part: str,
        tables: Iterable[pa.Table],
        *,
        key: str,
        at_min: int,
        beside: Callable[[Any], None] | None = None,
    ) -> object:
        """Store a batch once by its key, and what is written beside it in the same transaction."""
        ...


class Book(Protocol):
    """Where loads are written down: `stores.shelf_loads`."""

    def begin(self, load: Load) -> Load:
        """Write a load down, or return it as far as it came."""
        ...

    def get(self, load_id: str) -> Load:
        """Return a load."""
        ...

    def advance(self, con: Any, load: Load, bad: Sequence[NewBad], *, cursor: str, rows: int, at_min: int) -> None:
        """Write what a batch brought."""
        ...

    def end(self, load_id: str, at_min: int) -> Load:
        """Write down that a load is whole."""
        ...

    def stop(self, load_id: str, problem: Problem) -> Load:
        """Write down what stopped a load."""
        ...

    def release(self, con: Any, seqs: Iterable[int], by: str, at_min: int) -> None:
        """Mark bad rows as corrected."""
        ...


@dataclass(frozen=True)
class Plan:
    """Which columns go where, and what every row is marked with. `mapping` is source column -> dataset column."""

    listing: Listing
    mapping: Mapping[str, str]
    zone: ZoneInfo
    hub_id: str
    source: str
    marks: Marks


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a load is: rows stored and quarantined by it so far, and the share of the file, 0 to 1."""

    rows: int
    quarantined: int
    share: float


@dataclass(frozen=True)
class Sampled:
    """The first rows of a source as they would be stored, and those that would not be, with all their problems."""

    rows: int
    good: pa.Table
    bad: Sequence[NewBad]
    cells: Mapping[str, Sequence[str]]  # source column -> texts, also of columns that go nowhere

    @property
    def counted(self) -> Mapping[str, int]:
        """Return how often each problem was met, by its text key."""
        return dict(Counter(problem.key for row in self.bad for problem in row.problems))


def sample(source: Source, plan: Plan, limit: int = SAMPLE_ROWS) -> Sampled:
    """Read the first `limit` rows without storing anything. Raises what the source raises."""
    good, bad, seen = list[pa.Table](), list[NewBad](), 0
    cells: dict[str, list[str]] = {name: [] for name in source.columns}
    for chunk in source.chunks("", source.columns):
        count = min(len(chunk.line_nos), limit - seen)
        part = _first(chunk, count)
        table, wrong = type_chunk(plan, part)
        good.append(table)
        bad += wrong
        seen += count + len(part.broken)
        for name, texts in cells.items():
            texts += [text or "" for text in as_text(part.columns[name]).to_pylist()]
        if seen >= limit:
            break
    whole = pa.concat_tables(good) if good else _row_schema(plan.listing).empty_table()
    return Sampled(seen, whole, sorted(bad, key=lambda row: row.line_no), cells)


@dataclass(frozen=True)
class Running:
    """What a load needs around it. `unchanged` raises where the file is no longer the one that was begun."""

    shelf: Shelf
    book: Book
    at_min: int
    progress: Callable[[Progress], None] = lambda told: None
    unchanged: Callable[[], None] = lambda: None
    batch_rows: int = BATCH_ROWS
    ended: Callable[[Load], None] = lambda load: None  # hears of the whole load before it is written down as ended


def run(source: Source, plan: Plan, load: Load, running: Running) -> Load:
    """Load a source from where its load stands to its end; return the load as it is written down then.

    Whatever stops it is written down too and passes through; the same call goes on later. Raises Denied where the
    file has changed, and what the source and the shelf raise.
    """
    book = running.book
    load = book.begin(load)
    if load.ended_min is not None:
        return load
    try:
        _batches(source, plan, load, running)
    except HubError as error:
        book.stop(load.load_id, Problem(error.key, error.values))
        raise
    running.ended(book.get(load.load_id))
    failpoint("library.load_told")
    return book.end(load.load_id, running.at_min)


def _batches(source: Source, plan: Plan, load: Load, running: Running) -> None:
    """Store batch after batch. One that somebody else has stored meanwhile is skipped by its key."""
    wanted = [name for name in source.columns if name in plan.mapping]
    cursor = load.cursor
    chunks = _ahead(source.chunks(cursor, wanted))
    while (first := next(chunks, None)) is not None:
        batch = _Batch(plan, first, chunks, running.batch_rows)
        key = f"{load.load_id}:{cursor}"
        beside = partial(_advance, running, load, batch)
        running.unchanged()
        running.shelf.append(plan.listing, load.part, batch.tables(), key=key, at_min=running.at_min, beside=beside)
        found = running.book.get(load.load_id)
        if batch.cursor != found.cursor:
            chunks.close()
            chunks = _ahead(source.chunks(found.cursor, wanted))
        cursor = found.cursor
        running.progress(Progress(found.rows, found.quarantined, batch.at / max(source.total, 1)))


def _advance(running: Running, load: Load, batch: "_Batch", con: Any) -> None:
    at_min = running.at_min
    running.book.advance(con, load, batch.bad, cursor=batch.cursor, rows=batch.rows, at_min=at_min)


class _Batch:
    """Types chunks until there are enough rows, or enough bad ones."""

    def __init__(self, plan: Plan, first: Chunk, chunks: Iterator[Chunk], most: int) -> None:
        self._plan, self._first, self._chunks, self._most = plan, first, chunks, most
        self.bad: list[NewBad] = []
        self.rows, self.cursor, self.at = 0, "", 0

    def tables(self) -> Iterator[pa.Table]:
        """Yield the good rows; afterwards the rest is known."""
        chunk: Chunk | None = self._first
        while chunk is not None:
            table, bad = type_chunk(self._plan, chunk)
            self.bad += bad
            self.rows += table.num_rows
            self.cursor, self.at = chunk.cursor, chunk.at
            yield table
            if self.rows >= self._most or len(self.bad) >= BATCH_BAD:
                return
            chunk = next(self._chunks, None)


def type_chunk(plan: Plan, chunk: Chunk) -> tuple[pa.Table, list[NewBad]]:
    """Return the rows that can be typed, as they are stored but for `row_no`, and the others with their problems."""
    count = len(chunk.line_nos)
    sources = {target: name for name, target in plan.mapping.items()}
    problems: dict[int, list[Problem]] = {}
    arrays = list[pa.Array]()
    for column in plan.listing.dataset.columns:
        cells = chunk.columns.get(sources.get(column.name, ""))
        if cells is None:
            arrays.append(pa.nulls(count, column.arrow.type))
            continue
        plain = _as_declared(column, cells)
        typed = read_column(column, as_text(cells), plan.zone) if plain is None else Typed(plain, {})
        arrays.append(typed.values)
        for place, problem in typed.problems.items():
            problems.setdefault(place, []).append(problem)
    table = pa.Table.from_arrays([*arrays, *_system(plan, count)], schema=_row_schema(plan.listing))
    bad = [_bad_row(plan, chunk, place, found) for place, found in sorted(problems.items())]
    if bad:
        keep = pa.array([place not in problems for place in range(count)])
        table = table.filter(keep)
    return table, [*chunk.broken, *bad]


def retype(plan: Plan, cells: Mapping[str, str]) -> tuple[pa.Table, list[Problem]]:
    """Return a row of the dataset from texts by column, and what is wrong with it still. Raises Malformed for a column
    that the dataset does not have."""
    for name in cells:
        if name not in plan.listing.dataset.by_name:
            raise Malformed("rules.no_column_to_map", column=name[:80], where=plan.listing.name)
    own = Plan(plan.listing, {name: name for name in cells}, plan.zone, plan.hub_id, plan.source, plan.marks)
    columns = {name: pa.array([text], pa.string()) for name, text in cells.items()}
    table, bad = type_chunk(own, Chunk(columns, (1,), lambda place: "", "", 0))
    return table, [problem for row in bad for problem in row.problems]


def as_text(cells: pa.Array) -> pa.Array:
    """Return an Arrow column as texts, exact: what typed files hold is written in the plain form of its type."""
    kind = cells.type
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    if pa.types.is_string(kind):
        return cells
    if pa.types.is_dictionary(kind):
        return as_text(cells.dictionary_decode())
    if pa.types.is_timestamp(kind):
        text = pc.strftime(pc.cast(cells, pa.timestamp("s", kind.tz), safe=False), format="%Y-%m-%dT%H:%M:%S")
        return pc.binary_join_element_wise(text, "Z", "") if kind.tz else text
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        return pa.array([None if cell is None else _json(cell) for cell in cells.to_pylist()], pa.string())
    return pc.cast(cells, pa.string())


def _as_declared(column: Column, cells: pa.Array) -> pa.Array | None:
    """Return cells that a typed file holds in the type of the column already; None where they must be read."""
    whole = pa.types.is_integer(cells.type) and column.type in {"int", "second", "minute"}
    if column.type in {"string", "pid"} or not (whole or cells.type == column.arrow.type):
        return None
    if column.type == "float" and pc.all(pc.is_finite(cells)).as_py() is False:
        return None
    try:
        return pc.cast(cells, column.arrow.type)
    except pa.ArrowInvalid:  # one of them is too large
        return None


def _json(cell: object) -> str:
    return json.dumps(cell.hex() if isinstance(cell, bytes) else cell, ensure_ascii=False, default=str)


def _bad_row(plan: Plan, chunk: Chunk, place: int, problems: Sequence[Problem]) -> NewBad:
    cells = {
        target: as_text(chunk.columns[name].slice(place, 1))[0].as_py() or ""
        for name, target in plan.mapping.items()
        if name in chunk.columns
    }
    return NewBad(int(chunk.line_nos[place]), storable(chunk.raw(place)), tuple(problems), cells)


def storable(text: str) -> str:
    """Return a text that every store takes: what is no character is replaced."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{SYMBOL FOR NULL}")


def _system(plan: Plan, count: int) -> list[pa.Array]:
    marks = plan.marks
    told: tuple[Any, ...] = (plan.hub_id, plan.source, marks.status.value, marks.provenance.value, marks.replayed)
    return [pa.repeat(pa.scalar(value), count) for value in told]


def _row_schema(listing: Listing) -> pa.Schema:
    return pa.schema([each for each in listing.schema if each.name != ROW_NO])


def _first(chunk: Chunk, count: int) -> Chunk:
    columns = {name: cells.slice(0, count) for name, cells in chunk.columns.items()}
    return Chunk(columns, chunk.line_nos[:count], chunk.raw, chunk.cursor, chunk.at, chunk.broken[:SAMPLE_ROWS])


def _ahead(chunks: Iterator[Chunk]) -> Generator[Chunk]:
    """Yield chunks while the next one is being read: reading and writing share two cores."""
    with ThreadPoolExecutor(1, thread_name_prefix="load") as pool:
        waiting = pool.submit(next, chunks, None)
        while (chunk := waiting.result()) is not None:
            waiting = pool.submit(next, chunks, None)
            yield chunk
