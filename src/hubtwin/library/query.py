"""Small questions to the library's tables, the same on every engine."""

from collections.abc import Iterable
from typing import Any

import narwhals as nw
import pyarrow as pa

from hubtwin.model.record import UNMARKED, Marks, Provenance, Status
from hubtwin.ports import Tables

_MARKS = ("status", "provenance", "replayed")


def collect(frame: nw.LazyFrame[Any]) -> pa.Table:
    """Return all rows of a frame as an Arrow table."""
    return frame.collect(backend="pyarrow").to_native()


def count_rows(frame: nw.LazyFrame[Any]) -> int:
    """Return the number of rows of a frame."""
    return int(frame.select(nw.len().alias("n")).collect(backend="pyarrow").item())


def marks_of(tables: Tables, names: Iterable[str]) -> Marks:
    """Return the marks of something that is made from all rows of these datasets: any synthetic row makes it so."""
    found = UNMARKED
    for name in names:
        for row in collect(tables[name].select(*_MARKS).unique()).to_pylist():
            found = found.join(Marks(Status(row["status"]), Provenance(row["provenance"]), row["replayed"]))
    return found
