"""A Parquet file as a source of rows, a row group at a time. The cursor is "group:rows of it that were read"."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hubtwin.base.errors import Malformed
from hubtwin.connectors.tables.csv_file import MAX_COLUMNS
from hubtwin.connectors.tables.rows import cell_text, joined
from hubtwin.library.loading import Chunk

BATCH_ROWS = 100_000


class ParquetFile:
    """`library.loading.Source` over a Parquet file."""

    def __init__(self, path: Path) -> None:
        """Look at the schema. Raises Malformed for a damaged file, and for two columns of one name."""
        self._path = path
        try:
            with pq.ParquetFile(path) as found:
                self.columns, self.total = tuple(found.schema_arrow.names), int(found.metadata.num_rows)
        except (pa.ArrowException, OSError) as error:
            raise Malformed("connectors.tables.bad_parquet", file=path.name) from error
        if len(self.columns) > MAX_COLUMNS:
            count = len(self.columns)
            raise Malformed("connectors.tables.too_wide", file=path.name, count=count, most=MAX_COLUMNS)
        for name, times in Counter(self.columns).items():
            if times > 1:
                raise Malformed("connectors.common.repeated_column", file=path.name, column=name[:80])

    def chunks(self, cursor: str, wanted: Sequence[str]) -> Iterator[Chunk]:
        """Yield the rows behind a cursor. Raises Malformed where the file is damaged further down."""
        group, passed = (int(part) for part in (cursor or "0:0").split(":"))
        try:
            with pq.ParquetFile(self._path) as found:
                before = sum(found.metadata.row_group(number).num_rows for number in range(group))
                for number in range(group, found.num_row_groups):
                    read = 0
                    for batch in found.iter_batches(BATCH_ROWS, row_groups=[number], columns=list(wanted)):
                        read += batch.num_rows
                        if number == group and read <= passed:
                            continue
                        lines = range(before + read - batch.num_rows + 1, before + read + 1)
                        columns = {name: batch.column(name) for name in wanted}
                        at = before + read
                        yield Chunk(columns, lines, _Raw(batch).show, f"{number}:{read}", at)
                    before += read
        except (pa.ArrowException, OSError) as error:
            raise Malformed("connectors.tables.bad_parquet", file=self._path.name) from error


class _Raw:
    """Shows a row of a batch to a steward."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch

    def show(self, place: int) -> str:
        """Return the read columns of a row."""
        return joined(cell_text(_cell(column)) for column in self._batch.slice(place, 1).columns)


def _cell(column: pa.Array) -> object:
    """Return the one cell of a column; a date that Python cannot hold as text."""
    try:
        return column[0].as_py()
    except (OverflowError, ValueError):
        return column.cast(pa.string())[0].as_py()
