"""Sheets: nothing typed is a formula, errors by row, and a file that is none is refused."""

import io
import zipfile
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from warnings import catch_warnings, simplefilter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from hubtwin.base.errors import Malformed
from hubtwin.channels.excel import MAX_ROWS, Column, Form, read_sheet, write_sheet
from hubtwin.channels.sheet import as_text
from hubtwin.model.record import UNMARKED, Marks, Provenance

FORM = Form(
    "urn:hubtwin:form:tracing:1",
    (
        Column("case", "事件", "Case", required=True, names_row=True),
        Column("result", "结果", "Result", "choice", ("found", "not_found")),
        Column("persons", "人数", "Persons", "number"),
        Column("note", "备注", "Note"),
    ),
)
MADE = Marks(provenance=Provenance.SYNTHETIC)
ROWS: list[dict[str, object]] = [
    {"case": "c1", "result": "found", "persons": 3, "note": "好"},
    {"case": "c2", "secret": "x"},
]


def _changed(cells: dict[str, object], content: bytes | None = None) -> bytes:
    book = load_workbook(io.BytesIO(content or write_sheet(FORM, ROWS, MADE)))
    sheet: Any = book.worksheets[0]
    for place, value in cells.items():
        sheet[place].value = value
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_sheet_is_read_back_as_it_was() -> None:
    content = write_sheet(FORM, ROWS, MADE)
    found = read_sheet(content, FORM)
    assert found.problems == ()
    assert found.rows == {4: {"case": "c1", "result": "found", "persons": 3.0, "note": "好"}, 5: {"case": "c2"}}
    sheet: Any = load_workbook(io.BytesIO(content)).worksheets[0]
    assert sheet.title == "合成 synthetic"
    assert sheet["C1"].value == "synthetic"
    assert load_workbook(io.BytesIO(write_sheet(FORM, ROWS, UNMARKED))).worksheets[0].title == "Sheet"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("x")', "=cmd|' /C calc'!A0"])
def test_what_looks_like_a_formula_is_a_text(text: str) -> None:
    content = write_sheet(FORM, [{"case": "c1", "note": text}], UNMARKED)
    cell: Any = load_workbook(io.BytesIO(content)).worksheets[0]["D4"]
    assert cell.data_type == "s"
    assert cell.quotePrefix
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        assert b"<f>" not in packed.read("xl/worksheets/sheet1.xml")
    assert read_sheet(content, FORM).rows[4]["note"] == text.strip()
    assert as_text(text) == f"'{text}"
    assert as_text("plain") == "plain"


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30))
def test_any_text_survives_as_text(text: str) -> None:
    try:
        content = write_sheet(FORM, [{"case": "c1", "note": text}], UNMARKED)
    except UnicodeEncodeError:
        return
    cell: Any = load_workbook(io.BytesIO(content)).worksheets[0]["D4"]
    assert cell.data_type in {"s", "inlineStr", "n"}
    assert cell.data_type != "n" or cell.value is None


@pytest.mark.parametrize(
    ("cells", "row", "key"),
    [
        ({"A4": None}, 4, "channels.cell_empty"),
        ({"B4": "=1+1"}, 4, "channels.cell_formula"),
        ({"D4": "=A1"}, 4, "channels.cell_formula"),
        ({"B5": "perhaps"}, 5, "channels.cell_wrong"),
        ({"C5": "many"}, 5, "channels.cell_wrong"),
        ({"C5": True}, 5, "channels.cell_wrong"),
        ({"D5": "x" * 2001}, 5, "channels.cell_wrong"),
        ({"A5": "c1"}, 5, "channels.row_twice"),
    ],
)
def test_an_error_is_one_of_its_row(cells: dict[str, object], row: int, key: str) -> None:
    found = read_sheet(_changed(cells), FORM)
    assert [(number, problem.key) for number, problem in found.problems] == [(row, key)]
    assert set(found.rows) == {4, 5} - {row}, "the other one is taken"


def test_columns_may_be_moved_and_rows_left_empty() -> None:
    moved = _changed({"B2": "note", "D2": "result", "B4": "好", "D4": "found", "A7": "c9"})
    assert read_sheet(moved, FORM).rows[4] == {"case": "c1", "result": "found", "persons": 3.0, "note": "好"}
    assert read_sheet(moved, FORM).rows[7] == {"case": "c9"}


def _bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b" " * (130 << 20))
    return out.getvalue()


def _plain() -> bytes:
    out = io.BytesIO()
    Workbook().save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"not a sheet", _plain(), _bomb(), write_sheet(FORM, ROWS, MADE)[:-200]]
)  # fmt: skip
def test_what_is_no_sheet_of_ours_is_refused(content: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        read_sheet(content, FORM)
    assert refused.value.key == "channels.no_sheet"


GOOD = write_sheet(FORM, ROWS, MADE)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, len(GOOD) - 1),
    st.integers(1, 255),
    st.sampled_from(["byte", "cut", "xml"]),
    st.text('<>/&=" c1', max_size=9),
)
def test_any_damage_is_refused_or_read(place: int, flip: int, how: str, put: str) -> None:
    content = bytearray(GOOD)
    if how == "byte":
        content[place] ^= flip
    elif how == "cut":
        del content[place : place + flip]
    else:
        content = bytearray(
            _with_sheet(lambda body: body[: place % len(body)] + put.encode() + body[place % len(body) :])
        )
    with suppress(Malformed), catch_warnings():
        simplefilter("ignore")  # openpyxl warns of what it repairs
        read_sheet(bytes(content), FORM)


def _with_sheet(change: Callable[[bytes], bytes]) -> bytes:
    source, out = io.BytesIO(GOOD), io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.infolist():
            body = old.read(entry)
            new.writestr(entry, change(body) if entry.filename == "xl/worksheets/sheet1.xml" else body)
    return out.getvalue()


def test_a_sheet_of_another_form_or_size_is_refused() -> None:
    for cells in ({"A1": "urn:x:2"}, {"B2": "other"}, {f"A{MAX_ROWS + 1}": "x"}):
        with pytest.raises(Malformed):
            read_sheet(_changed(dict(cells)), FORM)


def test_broken_xml_is_refused() -> None:
    with pytest.raises(Malformed):
        read_sheet(_with_sheet(lambda body: b"<x"), FORM)
