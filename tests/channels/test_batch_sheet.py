"""Files of a batch for people: what is written comes back, nothing that somebody typed is a formula."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtwin.base.errors import Malformed
from hubtwin.channels.batch_sheet import (
    Wrong,
    read_batch_sheet,
    read_errors_csv,
    read_errors_sheet,
    write_batch_sheet,
    write_errors_csv,
    write_errors_sheet,
)
from hubtwin.channels.excel import Column, Form, read_sheet, write_sheet
from hubtwin.model.batch import BatchHead, RowFate, SentRow
from hubtwin.model.record import Marks, Provenance
from hubtwin.rules.quality import Problem
from tests.rules.report_story import template

MADE = Marks(provenance=Provenance.SYNTHETIC)
TEMPLATE = template()
NAMES = [column.key for column in TEMPLATE.columns]
HEAD = BatchHead("persons-20221020-0001", "province", "persons", 1, 1, 0, 1, marks=MADE)
PROBLEMS = (("phone", Problem("rules.cell_phone")), ("name", Problem("rules.cell_missing")))


def _cells(name: str = "合成") -> list[str]:
    return [name if key == "name" else "0057" if key == "train" else "" for key in NAMES]


def test_the_error_file_says_in_both_languages_what_to_do() -> None:
    told = write_errors_csv(
        TEMPLATE, [Wrong("b:1", "held", _cells(), PROBLEMS), Wrong("b:2", "refused", _cells(), (), "无此地址")]
    )
    assert told.startswith(b"\xef\xbb\xbf"), "Excel knows it for UTF-8"
    rows = list(csv.reader(io.StringIO(told.decode("utf-8-sig"))))
    assert rows[0][:4] == ["row", "state", "errors_zh", "errors_en"]
    assert rows[0][4:] == NAMES
    assert rows[1][4:6] == ["枢纽案例编号 Case at the hub", "姓名 Name"]
    assert rows[2][2] == (
        "联系电话: 不是有效的电话号码；请填 11 位手机号、带区号的固定电话，或带 + 和国家代码的国外号码。"
        "; 姓名: 必填，现为空；请补填。"
    )
    assert rows[2][3].startswith("Telephone: is no telephone number")
    assert rows[3][1:4] == ["refused", "无此地址", "无此地址"]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12))
def test_what_is_written_as_csv_comes_back_and_runs_nothing(name: str) -> None:
    told = write_errors_csv(TEMPLATE, [Wrong("b:1", "held", _cells(name), ())])
    (row,) = list(csv.reader(io.StringIO(told.decode("utf-8-sig"))))[2:]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)
    (back,) = read_errors_csv(TEMPLATE, told)
    assert (back.ref, back.cells["name"]) == ("b:1", name)


def test_what_excel_saves_is_read_too() -> None:
    told = write_errors_csv(TEMPLATE, [Wrong("b:1", "held", _cells(), PROBLEMS)])
    chinese = told.decode("utf-8-sig").encode("gb18030")
    assert read_errors_csv(TEMPLATE, chinese)[0].cells["name"] == "合成"
    for wrong in (b"", b"row,name\nb:1,x\n", b"\xff\xff\xff"):
        with pytest.raises(Malformed):
            read_errors_csv(TEMPLATE, wrong)


def test_the_sheet_of_errors_keeps_leading_zeros_and_formulas_as_text() -> None:
    told = write_errors_sheet(TEMPLATE, [Wrong("b:1", "held", _cells("=1+1"), PROBLEMS)], MADE)
    rows, problems = read_errors_sheet(TEMPLATE, told)
    assert problems == []
    assert (rows[0].ref, rows[0].cells["name"], rows[0].cells["train"]) == ("b:1", "=1+1", "0057")
    with pytest.raises(Malformed):
        read_errors_sheet(template(2), told)


def test_a_person_at_the_platform_writes_the_results() -> None:
    sheet = write_batch_sheet(HEAD, TEMPLATE, [SentRow("k1", 1, _cells()), SentRow("k2", 2, _cells())])
    assert read_batch_sheet(sheet) == ({}, []), "nothing is answered yet"
    answer = Form(
        "urn:hubtwin:batch-sheet:1",
        tuple(Column(key, key, key) for key in ("batch", "key", "revision", "result", "reason")),
    )
    rows = [dict(row) for row in read_sheet(sheet, answer).rows.values()]
    rows[0]["result"] = "accepted"
    rows[1] |= {"result": "refused", "reason": "无此地址"}
    answers, problems = read_batch_sheet(write_sheet(answer, rows, MADE))
    assert problems == []
    assert [(one.key, one.revision, one.fate, one.reason) for one in answers[HEAD.batch_id]] == [
        ("k1", 1, RowFate.ACCEPTED, ""),
        ("k2", 2, RowFate.REFUSED, "无此地址"),
    ]
    rows[1]["reason"] = ""
    rows[0]["result"] = "taken"
    answers, problems = read_batch_sheet(write_sheet(answer, rows, MADE))
    assert answers == {}
    assert [problem.key for _, problem in problems] == ["channels.cell_wrong", "channels.no_reason"]
