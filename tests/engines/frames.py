"""The same small table on every engine that a rule must run on."""

from collections.abc import Sequence
from typing import Any

import duckdb
import narwhals as nw
import polars as pl
import pyarrow as pa

ENGINES = ("duckdb", "polars")
_CONNECTION = duckdb.connect(config={"threads": 1})  # frames of one connection can be joined


def make_frame(engine: str, schema: pa.Schema, rows: Sequence[dict[str, Any]]) -> nw.LazyFrame[Any]:
    """Return `rows` as a lazy frame on `engine`; a column that a row lacks is null."""
    table = pa.table({f.name: pa.array([r.get(f.name) for r in rows], f.type) for f in schema}, schema=_loose(schema))
    if engine == "polars":
        return nw.from_native(pl.DataFrame(table)).lazy()
    return nw.from_native(_CONNECTION.from_arrow(table))


def rows_of(frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
    """Collect a frame as plain rows."""
    found = frame.collect("pyarrow").to_native().to_pylist()
    return [dict(row) for row in found]


def _loose(schema: pa.Schema) -> pa.Schema:
    return pa.schema([f.with_nullable(True) for f in schema])
