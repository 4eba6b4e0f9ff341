"""Small questions to tables."""

from typing import Any

import narwhals as nw
import pyarrow as pa

from hubtwin.library.query import collect, count_rows, marks_of
from hubtwin.model.record import Marks, Provenance, Status


def _frame(*provenance: str) -> nw.LazyFrame[Any]:
    count = len(provenance)
    table = pa.table(
        {
            "status": pa.array(["Test"] * count, pa.string()),
            "provenance": pa.array(provenance, pa.string()),
            "replayed": pa.array([False] * count, pa.bool_()),
        }
    )
    frame: nw.LazyFrame[Any] = nw.from_native(table).lazy()
    return frame


def test_one_synthetic_row_makes_the_whole_synthetic() -> None:
    tables = {"a": _frame("real", "real"), "b": _frame("real", "synthetic"), "c": _frame()}
    assert marks_of(tables, ["a"]) == Marks(Status.TEST)
    assert marks_of(tables, ["a", "b"]) == Marks(Status.TEST, Provenance.SYNTHETIC)
    assert marks_of(tables, ["c"]) == Marks()


def test_rows_are_collected_and_counted() -> None:
    assert count_rows(_frame("real", "real")) == 2
    assert collect(_frame("real")).to_pylist() == [{"status": "Test", "provenance": "real", "replayed": False}]
