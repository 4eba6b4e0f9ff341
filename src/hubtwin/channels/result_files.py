"""Answers of the library as files: CSV, Excel, Parquet, Arrow. What somebody typed is text in all of them, no formula.

Synthetic rows are marked where a file can hold a mark: the name of the sheet, the metadata of the schema; the name of
every file says it too.
"""

import io
import math
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from hubtwin.base.errors import Malformed
from hubtwin.channels.sheet import as_text, begins_like_formula

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
BOM = b"\xef\xbb\xbf"  # by which Excel knows that a CSV is UTF-8
SHEET_ROWS = 200_000
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # XML 1.0 cannot hold them
_LONG = 32_000  # characters that a cell of Excel holds


def write_result(table: pa.Table, form: str, *, bom: bool = False, marks: Mapping[str, str]) -> bytes:
    """Return a table as a file of a form of `TYPES`. Raises Malformed for another form and for too many rows."""
    if form == "csv":
        return (BOM if bom else b"") + _csv(table)
    if form == "xlsx":
        return _xlsx(table, synthetic=marks.get("provenance") == "synthetic")
    held = {key.encode(): value.encode() for key, value in marks.items()}
    if form == "parquet":
        table = pa.table([_without_interval(column) for column in table.columns], names=_names(table))
    marked, out = table.replace_schema_metadata(held), io.BytesIO()
    if form == "parquet":
        pq.write_table(marked, out, compression="zstd")
    elif form == "arrow":
        with pa.ipc.new_stream(out, marked.schema) as writer:
            writer.write_table(marked)
    else:
        raise Malformed("channels.result_form", form=form[:20], known=", ".join(TYPES))
    return out.getvalue()


def _csv(table: pa.Table) -> bytes:
    """Return a table as CSV; texts that look like formulas get an apostrophe, numbers stay numbers."""
    columns = [_safe(_without_interval(column)) for column in table.columns]
    safe = pa.table(columns, names=[as_text(name) for name in _names(table)])
    out = io.BytesIO()
    pc_csv.write_csv(safe, out)
    return out.getvalue()


def _names(table: pa.Table) -> list[str]:
    """Return the headings, each once: a query may give two columns the same name, a file may not."""
    seen: dict[str, int] = {}
    names = []
    for name in table.column_names:
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return names


def _without_interval(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of intervals as text: neither CSV nor Parquet has a kind for them."""
    if not pa.types.is_interval(column.type):
        return column
    texts = [None if value is None else str(value) for value in column.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _safe(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        texts = [None if value is None else as_text(value) for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
    if pa.types.is_nested(column.type):
        return pa.chunked_array([pa.array([as_text(str(value)) for value in column.to_pylist()], pa.string())])
    return column


def _xlsx(table: pa.Table, *, synthetic: bool) -> bytes:
    if table.num_rows > SHEET_ROWS:
        raise Malformed("channels.result_sheet", limit=SHEET_ROWS)
    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet("合成 synthetic" if synthetic else "data")
    sheet.append([_cell(sheet, name) for name in _names(table)])
    for row in _rows(table):
        sheet.append([_cell(sheet, value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _rows(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    for batch in table.to_batches(max_chunksize=10_000):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _cell(sheet: Any, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | date | datetime | Decimal):
        cell = WriteOnlyCell(sheet, value if not _beyond(value) else str(value))
    else:
        text = _FORBIDDEN.sub("�", str(value))[:_LONG]
        cell = WriteOnlyCell(sheet, text)
        cell.quotePrefix = begins_like_formula(text)
    if isinstance(cell.value, str):
        cell.data_type = "s"
    return cell


def _beyond(value: Any) -> bool:
    """Tell whether a number is one that Excel would round or cannot hold."""
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**15
