"""What a file is, guessed from a sample, and text to values as people write them."""

from datetime import date
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Malformed
from hubtwin.datasets.listing import Element, Listing, Sharing, Trait
from hubtwin.datasets.table import Column, ColumnType, Dataset
from hubtwin.rules.guess import (
    guess_column,
    guess_delimiter,
    guess_encoding,
    guess_header,
    known_names,
    match_columns,
)
from hubtwin.rules.typed import read_cell, read_column

ZONE = ZoneInfo("Asia/Shanghai")
ID, PHONE = Element("citizen_id", {"zh": "公民身份号码", "en": "citizen id number"}, "string"), "phone"
DATASET = Dataset(
    "residents",
    "居民",
    "residents",
    ("id",),
    (
        Column("id", "string", "证件号", "document"),
        Column("name", "string", "姓名", "name", nullable=True),
        Column("born", "date", "出生日期", "date of birth", nullable=True),
        Column("old_name", "string", "曾用名", "name", nullable=True),
    ),
)
LISTING = Listing(DATASET, "people", "civil", Sharing.RESTRICTED, {}, traits={"id": Trait(element="citizen_id")})
ELEMENTS = {"citizen_id": ID}


def _column(kind: ColumnType) -> Column:
    return Column("c", kind, "列", "c", nullable=True)


def _read(kind: ColumnType, text: str) -> object:
    value, problem = read_cell(_column(kind), text, ZONE)
    return problem.key if problem else value


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2022-10-20",
            "2022/10/20",
            "2022.10.20",
            "20221020",
            "2022年10月20日",
            "２０２２-10-20",
            "2022-10-20 00:00:00",
        ),
        *("二〇二二年十月二十日", "2022-10-20T08:30:00Z", " 2022年10月20号 "),
    ],
)
def test_a_date_is_read_in_the_forms_that_people_write(text: str) -> None:
    assert _read("date", text) == date(2022, 10, 20)


@pytest.mark.parametrize(
    "text", ["2022-02-30", "2022年10月", "0022-01-01", "10/20/2022", "44854", "昨天", "2022-10/20x"]
)
def test_what_is_no_date_is_said(text: str) -> None:
    assert _read("date", text) == "rules.no_date"


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        *(("int", "1,234", 1234), ("int", "12.0", 12), ("int", "-7", -7), ("int", "１２", 12)),
        *(("int", "1.5", "rules.no_whole_number"), ("int", "1,23", "rules.no_whole_number")),
        *(("int", "9223372036854775808", "rules.no_whole_number"), ("int", "0x1F", "rules.no_whole_number")),
        *(("float", "1e3", 1000.0), ("float", ".5", 0.5), ("float", "nan", "rules.no_number")),
        *(("float", "1e999", "rules.no_number"), ("bool", "是", True), ("bool", "N", False)),
        *(("bool", "maybe", "rules.no_yes_or_no"), ("string", "0571", "0571"), ("string", " NULL ", None)),
        *(("string", "3.30106E+17", "rules.digits_lost"), ("string", "1.5E+3", "1.5E+3"), ("string", "x", "x")),
        *(("minute", "1970-01-01 08:01", 1), ("minute", "1970-01-01T00:01:59Z", 1), ("minute", "27770400", 27770400)),
        *(("minute", "197001010801", 1), ("second", "19700101080005", 5), ("second", "1970年1月1日8时00分05秒", 5)),
        *(("minute", "1970-01-01 25:00", "rules.no_moment"), ("minute", "9999999999", "rules.no_moment")),
        *(("pid", "0" * 32, "0" * 32), ("pid", "zz", "rules.no_pseudonym")),
    ],
)
def test_a_cell_is_its_value_or_a_problem(kind: ColumnType, text: str, value: object) -> None:
    assert _read(kind, text) == value


CELLS = st.one_of(
    st.none(),
    st.text("0123456789-/., eE+年月日:TZ是否NUL\\\u3000", max_size=20),
    st.from_regex(r"-?\d{1,20}(\.\d{1,3})?", fullmatch=True),
    st.dates().map(str),
    st.datetimes().map(str),
    st.dates(date(1980, 1, 1), date(1993, 1, 1)).map(lambda day: f"{day} 08:3{day.month % 10}"),
)


@given(st.sampled_from(["string", "int", "float", "bool", "date", "minute", "second", "pid"]), st.lists(CELLS))
@settings(max_examples=300, deadline=None)
def test_a_column_is_read_as_its_cells_one_by_one(kind: ColumnType, cells: list[str | None]) -> None:
    column = _column(kind)
    typed = read_column(column, pa.array(cells, pa.string()), ZONE)
    expected = [read_cell(column, cell or "", ZONE) for cell in cells]
    assert typed.values.to_pylist() == [value for value, _ in expected]
    assert typed.values.type == column.arrow.type
    assert typed.problems == {place: problem for place, (_, problem) in enumerate(expected) if problem}


def test_moments_around_a_change_of_the_clock_are_read_as_one_by_one() -> None:
    column = Column("c", "second", "", "", nullable=True)
    for name in ("Asia/Shanghai", "Europe/Berlin", "America/New_York"):
        zone = ZoneInfo(name)
        for day in ("1986-05-04", "1986-09-14", "2022-03-27", "2022-10-30", "2022-03-13", "2022-11-06", "1900-12-31"):
            cells = [f"{day} {hour:02d}:{minute}" for hour in range(24) for minute in ("00", "30:15")]
            for part in (cells, cells[:1], ["2022-02-28 00:00", "2022-02-30 00:00", "x", ""]):
                expected = [read_cell(column, cell, zone)[0] for cell in part]
                assert read_column(column, pa.array(part, pa.string()), zone).values.to_pylist() == expected


def test_encodings_are_told_apart_and_a_wrong_declaration_is_refused() -> None:
    text = "姓名,号码\n张三,0571\n"
    for name in ("utf-8", "utf-8-sig", "gb18030"):
        assert guess_encoding([text.encode(name)]) == name
    for name, bom in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")):
        assert guess_encoding([bom + text.encode(name)]) == name
        assert guess_encoding(["a,b\n1,2\n".encode(name)]) == name
    assert guess_encoding([b"a,b\n"]) == guess_encoding([b"a,b\n"], "gbk") == "utf-8"
    assert guess_encoding([b"a,b\n", text.encode("gb18030")]) == "gb18030", "a later piece decides"
    assert guess_encoding([text.encode("gb18030")], "GB2312") == "gb18030"
    for declared, real in (("utf-8", "gb18030"), ("gb18030", "utf-8"), ("utf-16", "utf-8")):
        with pytest.raises(Malformed) as refused:
            guess_encoding([text.encode(real)], declared)
        assert refused.value.values["found"] == real
    with pytest.raises(Malformed):
        guess_encoding([text.encode()], "klingon")
    with pytest.raises(Malformed):
        guess_encoding([b"\xff\xff\xff,\xff\n" * 3])


def test_delimiter_and_header_are_found_below_a_title() -> None:
    lines = ["居民登记表", "制表：民政局", "证件号;姓名;出生日期", '330102;"a;b";2000-01-01', "330103;c;2000-01-02"]
    assert guess_delimiter(lines) == ";"
    assert guess_delimiter(["a\tb", "c,d\te,f"]) == "\t"
    rows = [["居民登记表"], ["证件号", "姓名", "出生日期"], ["330102", "a", "2000-01-01"]]
    assert guess_header(rows, known_names(LISTING, ELEMENTS)) == 1
    assert guess_header([["alpha", "beta"], ["1", "2"]], []) == 0
    assert guess_header([["330102", "a"], ["330103", "b"]], []) is None


def test_types_are_guessed_and_codes_stay_text() -> None:
    assert guess_column("c", ["1", "2", ""]).type == "int"
    assert guess_column("c", ["1.5", "2"]).type == "float"
    assert guess_column("c", ["2022年1月2日", "2022-01-02"]).type == "date"
    assert guess_column("c", ["20220102", "20221020"]).type == "date"
    assert guess_column("c", ["2022-01-02 08:00"]).type == "second"
    assert guess_column("c", ["是", "否"]).type == "bool"
    assert guess_column("c", ["330102199001011234"]).type == "string"
    zeros, lost, formula = (guess_column("c", [cell]) for cell in ("0571", "3.30106E+17", "=1+1"))
    assert (zeros.type, zeros.notes) == ("string", ("rules.note_leading_zeros",))
    assert (lost.type, lost.notes) == ("string", ("rules.note_digits_lost",))
    assert formula.notes == ("rules.note_formula",)


def test_columns_are_matched_by_name_title_and_element_and_as_told() -> None:
    source = ["公民身份号码", "姓 名", "BORN", "whatever"]
    assert match_columns(source, LISTING, ELEMENTS, {}) == {"公民身份号码": "id", "姓 名": "name", "BORN": "born"}
    assert match_columns(["Name"], LISTING, ELEMENTS, {}) == {"Name": "name"}, "its own name before a shared title"
    told = {"whatever": "old_name", "BORN": ""}
    assert match_columns(source, LISTING, ELEMENTS, told)["whatever"] == "old_name"
    assert "BORN" not in match_columns(source, LISTING, ELEMENTS, told)
    for wrong in ({"nowhere": "id"}, {"BORN": "nothing"}, {"BORN": "id", "whatever": "id"}):
        with pytest.raises(Malformed):
            match_columns(source, LISTING, ELEMENTS, wrong)
