"""How a copy that questions read is laid out: each part of the file holds rows of one street, and knows its values.

A question over the own street then reads the parts of that street alone (their least and greatest code are the same),
and a look-up of one record reads the parts that may hold it: a Bloom filter in each says so for the columns by which
records are looked up, of which no least and greatest value is told.

Who may not have every row must not learn from the time of an answer what such a part holds. A copy is read where all
rows are given, or rows by street, so that the parts of others are left out first; `view_sql` keeps conditions of the
latter from the filters. Every other view reads the files as they were loaded, in which streets are mixed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubtwin.datasets.listing import ROW_NO, Listing
from hubtwin.library.views import View
from hubtwin.stores.columns import ROW_GROUP

TOGETHER = 8 * ROW_GROUP  # rows that are held in memory and put in order together
LEAST_PART = 8_192  # rows of a street on an average: smaller parts would cost every question more than they save one
_WRONG = 0.01  # how often a filter says that a part may hold a value which it does not


@dataclass(frozen=True, slots=True)
class Layout:
    """By which column rows are put together, "" for none, and for which columns parts have a filter."""

    street: str = ""
    sought: tuple[str, ...] = ()


def layout_of(listing: Listing) -> Layout:
    """Return how copies of a dataset are laid out."""
    return Layout(listing.street_column, listing.sought)


def reads_copies(view: View) -> bool:
    """Tell whether a view may read copies: how long it takes then says nothing of rows or cells that it hides."""
    if view.floor is not None:
        return False
    streets = {view.listing.street_column} - {""}
    by_street = all(not branch.rows.everything and branch.rows.column in streets for branch in view.branches)
    return by_street or (len(view.branches) == 1 and view.branches[0].rows.everything)


def filters_of(rows: pq.ParquetFile, layout: Layout) -> dict[str, dict[str, float]]:
    """Return the Bloom filters of a copy of a file, as the writer takes them: by column, how many values it must hold
    and how often it may be wrong."""
    values = min(ROW_GROUP, max(1, rows.metadata.num_rows))
    schema = rows.schema_arrow
    texts = [name for name in layout.sought if name in schema.names and pa.types.is_string(schema.field(name).type)]
    return {name: {"ndv": values, "fpp": _WRONG} for name in texts}


def is_gained(file: Path, layout: Layout) -> bool:
    """Tell whether a copy of a file would be laid out otherwise than the file itself."""
    with pq.ParquetFile(file) as rows:
        return bool(filters_of(rows, layout)) or _is_worth_it(rows, layout.street)


def parts_of(rows: pq.ParquetFile, places: np.ndarray, layout: Layout) -> Iterator[pa.Table]:
    """Yield the parts of a copy of a file without the rows at some places, which rise; memory holds a few of them."""
    by_street = _is_worth_it(rows, layout.street)
    most, waiting = TOGETHER if by_street else ROW_GROUP, list[pa.Table]()
    for table in _without(rows, places):
        if waiting and sum(each.num_rows for each in waiting) + table.num_rows > most:
            yield from _laid_out(waiting, layout.street if by_street else "")
            waiting.clear()
        waiting.append(table)
    yield from _laid_out(waiting, layout.street if by_street else "")


def _laid_out(tables: list[pa.Table], street: str) -> Iterator[pa.Table]:
    if tables:
        joined = pa.concat_tables(tables)
        yield from _by_street(joined, street) if street else [joined]


def _is_worth_it(rows: pq.ParquetFile, street: str) -> bool:
    """Tell whether a file holds rows of several streets, and many of each."""
    if street not in rows.schema_arrow.names:
        return False
    found, most = set[object](), min(rows.metadata.num_rows, TOGETHER) // LEAST_PART
    for number in range(rows.num_row_groups):
        column = rows.read_row_group(number, columns=[street]).column(0)
        found.update(pc.unique(column).to_pylist())
        if len(found) > most:
            return False
    return len(found) > 1


def _by_street(table: pa.Table, street: str) -> Iterator[pa.Table]:
    """Yield rows street by street, those without one last, each in the order in which they came."""
    ordered = table.sort_by([(street, "ascending"), (ROW_NO, "ascending")])
    codes = pc.rank(ordered.column(street), tiebreaker="dense").to_numpy()  # an empty cell has a rank too
    ends = [*(np.flatnonzero(np.diff(codes)) + 1).tolist(), ordered.num_rows]
    start = 0
    for end in ends:
        if end > start:
            yield ordered.slice(start, end - start)
        start = end


def _without(rows: pq.ParquetFile, places: np.ndarray) -> Iterator[pa.Table]:
    """Yield the row groups of a file without the rows at some places."""
    start = 0
    for number in range(rows.num_row_groups):
        table = rows.read_row_group(number)
        keep = np.ones(table.num_rows, bool)
        first, last = np.searchsorted(places, (start, start + table.num_rows))
        keep[places[first:last] - start] = False
        start += table.num_rows
        yield table if keep.all() else table.filter(pa.array(keep))
