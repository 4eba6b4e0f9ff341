"""One scan over a file of rows: masks in a spool, hashes of keys in runs, counts from its footer.

A file is read in blocks of whole row groups, so that memory is bounded by the block. Files are scanned side by side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubtwin.base.errors import Absent, Malformed
from hubtwin.datasets.listing import ROW_NO, Catalogue, Listing
from hubtwin.datasets.table import Grade
from hubtwin.rules.quality_rules import Kind, RuleBook
from hubtwin.rules.quality_sql import Against, literal, quoted, scan_sql, stale_before
from hubtwin.stores.colour_files import Counted, MaskSpool, write_run
from hubtwin.stores.key_runs import pack, refuse_too_long
from hubtwin.stores.shelf_files import ShelfFile

BLOCK_ROWS = 1 << 21
_SHOWN_TYPES = frozenset({"int", "float", "date", "minute", "second"})


@dataclass(frozen=True, slots=True)
class Scanned:
    """A file that was scanned: its masks so far, and its runs by the bit of a rule."""

    file: ShelfFile
    spool: MaskSpool
    runs: Mapping[int, Path]
    next_stale_min: int | None


@dataclass(frozen=True, slots=True)
class Profile:
    """What the footer of a file says: how many values are missing, by column; the range of figures to be shown."""

    nulls: Mapping[str, int] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def connect(spill: Path, threads: int | None, memory_mib: int) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB that fetches nothing from anywhere, keeps the order of rows and spills beside the library."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "temp_directory": str(spill),
        "memory_limit": f"{memory_mib}MiB",
    }
    if threads:
        config["threads"] = threads
    return duckdb.connect(config=config)


def source_of(paths: Sequence[Path], options: str = "") -> str:
    """Return files as a relation; what DuckDB would read as a pattern is put in brackets."""
    names = ("".join(f"[{c}]" if c in "[*?" else c for c in str(path)) for path in paths)
    return f"read_parquet([{', '.join(literal(name) for name in names)}]{options})"


def rows_of(files: Sequence[ShelfFile]) -> str:
    """Return the rows of files of one dataset as a relation, with `row_no` and all columns that any of them has."""
    source = source_of([file.path for file in files], ", union_by_name = true" if len(files) > 1 else "")
    if all(file.numbered for file in files):
        return source
    first = ", ".join(str(file.first_row_no) for file in files)
    number = f"[{first}]::BIGINT[]"
    return f"(SELECT *, ({number})[file_index::BIGINT + 1] + file_row_number::BIGINT AS row_no FROM {source})"  # noqa: S608


def stored_types(con: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    """Return the SQL types that lie in files, by column. Raises Absent where a file is gone, Malformed if damaged."""
    try:
        return {name: kind for name, kind, *_ in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}  # noqa: S608
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        raise unreadable(error) from error


def unreadable(error: Exception) -> Absent | Malformed:
    """Return what to say of a file that cannot be read."""
    gone = isinstance(error, duckdb.IOException)
    return Absent("stores.rows_gone") if gone else Malformed("stores.rows_damaged")


def scan(
    con: duckdb.DuckDBPyConnection,
    book: RuleBook,
    catalogue: Catalogue,
    file: ShelfFile,
    against: Against,
    *,
    place: Path,
) -> Scanned:
    """Scan a file; what comes out lies at `place` with further endings. Raises Absent, Malformed."""
    refuse_too_long(file.rows, file.path.name)
    source = rows_of([file])
    told = Against(against.now_min, stored_types(con, source), against.tables, file.loaded_min)
    spool = MaskSpool(place.with_name(f"{place.name}.spool"))
    hashes = {rule.bit: np.empty(file.rows, np.uint64) for rule in book.unique}
    try:
        for low, high in _blocks(file):
            block = f"(SELECT * FROM {source} WHERE row_no BETWEEN {low} AND {high})"  # noqa: S608 - numbers
            found = _rising(con.execute(scan_sql(book, block, told, catalogue)).fetchnumpy())
            for bit, run in hashes.items():
                run[spool.rows : spool.rows + len(found[ROW_NO])] = pack(found[f"k{bit}"], spool.rows)
            spool.append(found[ROW_NO], found["failed"])
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        raise unreadable(error) from error
    if spool.rows != file.rows:
        raise Malformed("stores.rows_damaged")
    runs = {bit: place.with_name(f"{place.name}.{bit}.run") for bit in hashes}
    for bit, run in hashes.items():
        write_run(runs[bit], run)
    return Scanned(file, spool, runs, next_stale(con, book, file, against.now_min))


def count(
    con: duckdb.DuckDBPyConnection, book: RuleBook, catalogue: Catalogue, file: ShelfFile, against: Against
) -> Counted:
    """Count what the rows of a file fail, in the same scan, and write nothing; keys are left out.

    Raises Absent, Malformed.
    """
    source = rows_of([file])
    told = Against(against.now_min, stored_types(con, source), against.tables, file.loaded_min)
    try:
        found = con.sql(scan_sql(book, source, told, catalogue, hashed=False)).to_arrow_reader(BLOCK_ROWS)
        sums: dict[int, int] = {}
        for batch in found:
            for pair in pc.value_counts(batch.column("failed")).to_pylist():
                sums[pair["values"]] = sums.get(pair["values"], 0) + pair["counts"]
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        raise unreadable(error) from error
    return Counted.of(book.rules, np.array(list(sums), np.uint64), np.array(list(sums.values()), np.int64))


def _rising(found: dict[str, Any]) -> dict[str, Any]:
    """Return the columns with rising numbers of rows: the engine keeps the order, except where a join had to spill."""
    row_nos = found[ROW_NO]
    if bool((row_nos[1:] > row_nos[:-1]).all()):
        return found
    order = np.argsort(row_nos)
    return {name: values[order] for name, values in found.items()}


def _blocks(file: ShelfFile) -> list[tuple[int, int]]:
    """Return ranges of row numbers, each of whole row groups with at most a block of rows, where rows hold them."""
    if not file.numbered:
        end = file.first_row_no + file.rows
        return [(low, min(low + BLOCK_ROWS, end) - 1) for low in range(file.first_row_no, end, BLOCK_ROWS)]
    meta = pq.read_metadata(file.path)
    column = meta.schema.to_arrow_schema().get_field_index(ROW_NO)
    blocks: list[tuple[int, int]] = []
    rows = BLOCK_ROWS
    for number in range(meta.num_row_groups):
        group = meta.row_group(number)
        told = group.column(column).statistics
        if told is None or not told.has_min_max:
            return [(-(1 << 63) + 1, (1 << 63) - 1)]
        if rows + group.num_rows > BLOCK_ROWS:
            blocks.append((told.min, told.max))
            rows = group.num_rows
        else:
            blocks[-1] = (blocks[-1][0], told.max)
            rows += group.num_rows
    return blocks


def next_stale(con: duckdb.DuckDBPyConnection, book: RuleBook, file: ShelfFile, now_min: int) -> int | None:
    """Return the minute at which the next row of a file becomes stale, None where none will."""
    listing = book.listing
    promise = listing.update_every_min
    if promise is None or not book.by_kind(Kind.STALE):
        return None
    limit = stale_before(book, now_min)
    if limit is None:
        due = file.loaded_min + promise + 1
        return due if due > now_min else None
    column, source = listing.confirmed_column, rows_of([file])
    if column not in stored_types(con, source):
        return None
    value = f"({quoted(column)} - DATE '1970-01-01')" if _is_day(listing) else quoted(column)
    found = con.execute(f"SELECT min({value}) FROM {source} WHERE {value} >= {limit}").fetchone()  # noqa: S608
    return None if not found or found[0] is None else stale_at(listing, int(found[0]), promise)


def _is_day(listing: Listing) -> bool:
    return listing.dataset.by_name[listing.confirmed_column].type == "date"


def stale_at(listing: Listing, confirmed: int, promise: int) -> int:
    """Return the first minute at which a row that was confirmed then (in the unit of its column) is stale."""
    kind = listing.dataset.by_name[listing.confirmed_column].type
    if kind == "date":
        return (confirmed + 1) * 1440 + promise + 1
    return (confirmed // 60 if kind == "second" else confirmed) + promise + 1


def confirmed_at(listing: Listing, stale_min: int) -> int:
    """Return when a row was confirmed, in the unit of its column, that becomes stale at a minute."""
    kind = listing.dataset.by_name[listing.confirmed_column].type
    confirmed = stale_min - 1 - (listing.update_every_min or 0)
    if kind == "date":
        return confirmed // 1440 - 1
    return confirmed * 60 if kind == "second" else confirmed


def row_range(file: ShelfFile) -> tuple[int, int]:
    """Return the lowest and the highest number of a row of a file."""
    blocks = _blocks(file)
    return blocks[0][0], blocks[-1][1]


def profile(listing: Listing, path: Path) -> Profile:
    """Return what the footer of a file says of its columns.

    Ranges are kept of figures of grades L1 and L2 only: the lowest and highest value of a name is a person's.
    """
    meta = pq.read_metadata(path)
    names = {meta.schema.column(number).name: number for number in range(meta.num_columns)}
    nulls, ranges = {}, {}
    for column in listing.dataset.columns:
        if column.name not in names:
            nulls[column.name] = meta.num_rows
            continue
        parts = [meta.row_group(n).column(names[column.name]).statistics for n in range(meta.num_row_groups)]
        if all(part is not None and part.has_null_count for part in parts):
            nulls[column.name] = sum(part.null_count for part in parts)
        told = [part for part in parts if part is not None and part.has_min_max]
        if told and column.type in _SHOWN_TYPES and column.grade <= Grade.L2:
            ranges[column.name] = (min(_figure(part.min) for part in told), max(_figure(part.max) for part in told))
    return Profile(nulls, ranges)


def _figure(value: object) -> float:
    return float((value - date(1970, 1, 1)).days if isinstance(value, date) else str(value))
