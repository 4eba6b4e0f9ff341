"""Answers as files: nothing that somebody typed is a formula, nothing changes on the way, synthetic is marked."""

import csv
import io
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from hubtwin.base.errors import Malformed
from hubtwin.channels import result_files
from hubtwin.channels.result_files import write_result

NASTY = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")', 'a,"b"\n', "张三", None, "\x01"]
TABLE = pa.table(
    {
        "=name": pa.array(NASTY, pa.string()),
        "n": pa.array([-1, 2, 2**60, *range(8)], pa.int64()),
        "f": pa.array([float("nan"), float("inf"), -0.5, *map(float, range(8))]),
        "d": pa.array([date(1990, 1, 1)] * 11),
        "m": pa.array([Decimal("-1.50")] * 11),
        "b": pa.array([True] * 11),
    }
)
MARKS = {"provenance": "synthetic", "purpose": "care"}


def test_a_csv_holds_no_formula_and_excel_sees_utf8() -> None:
    content = write_result(TABLE, "csv", bom=True, marks=MARKS)
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content[3:].decode(), newline="")))
    assert rows[0][0] == "'=name"
    texts = [row[0] for row in rows[1:]]
    assert not any(text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for text in texts)
    assert texts[:2] == ["'=1+1", "'+1"]
    assert texts[8] == "张三"
    assert [row[1] for row in rows[1:3]] == ["-1", "2"]  # a number below zero stays a number
    assert not write_result(TABLE, "csv", marks=MARKS).startswith(b"\xef\xbb\xbf")


def test_a_sheet_holds_texts_and_says_that_it_is_synthetic() -> None:
    sheet = load_workbook(io.BytesIO(write_result(TABLE, "xlsx", marks=MARKS))).worksheets[0]
    assert sheet.title == "合成 synthetic"
    cells = [row[0] for row in sheet.iter_rows(min_row=2)]
    assert all(cell.data_type in {"s", "n"} for row in sheet.iter_rows() for cell in row[:1])
    assert [cell.value for cell in cells[:4]] == NASTY[:4]
    assert all(cell.quotePrefix for cell in cells[:4])
    assert sheet.cell(4, 2).value == str(2**60)  # Excel would round it


def test_parquet_and_arrow_hold_the_same_and_their_marks() -> None:
    stored = pq.read_table(io.BytesIO(write_result(TABLE, "parquet", marks=MARKS)))
    with pa.ipc.open_stream(write_result(TABLE, "arrow", marks=MARKS)) as reader:
        streamed = reader.read_all()
    for found in (stored, streamed):
        assert str(found.to_pylist()) == str(TABLE.to_pylist())
        assert found.schema.metadata[b"provenance"] == b"synthetic"


def test_two_columns_of_one_name_and_none_at_all() -> None:
    twice = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    assert write_result(twice, "csv", marks={}).decode().splitlines()[0] == '"a","a_2"'
    write_result(twice, "xlsx", marks={})
    assert write_result(TABLE.slice(0, 0), "csv", marks={}).count(b"\n") == 1
    write_result(TABLE.slice(0, 0), "xlsx", marks={})


def test_what_a_file_has_no_kind_for_is_text() -> None:
    days = pa.array([pa.MonthDayNano((0, 3, 0)), None], pa.month_day_nano_interval())
    table = pa.table([days, days], names=["a", "a"])
    assert "days=3" in write_result(table, "csv", marks={}).decode()
    held = pq.read_table(io.BytesIO(write_result(table, "parquet", marks={})))
    assert held.column_names == ["a", "a_2"]
    assert "days=3" in held.column("a_2")[0].as_py()


def test_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Malformed):
        write_result(TABLE, "exe", marks={})
    monkeypatch.setattr(result_files, "SHEET_ROWS", 5)
    with pytest.raises(Malformed):
        write_result(TABLE, "xlsx", marks={})
