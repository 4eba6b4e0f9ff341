"""Masks in Python and in SQL leave the same; nothing hidden stays."""

from collections.abc import Callable
from datetime import date
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.datasets.table import Column, ColumnType, Grade
from hubtwin.rules.masks import HASH, NULL, SQL_TYPES, default_mask, is_mask, mask, sql_mask

_DUCK = duckdb.connect()
_LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
_WORDS = st.text(_LETTERS, max_size=24) | st.sampled_from(
    ["欧阳修", "欧阳", "张三", "330102199003070013", "13800000000", "", "浙A12345", "𠮷野家", "e\u0301a", "=1+1"]
)
_VALUES: dict[ColumnType, st.SearchStrategy[Any]] = {
    "string": _WORDS,
    "pid": st.text("0123456789abcdef", min_size=32, max_size=32),
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=64),
    "bool": st.booleans(),
    "date": st.dates(),
    "minute": st.integers(-(2**31), 2**31 - 1),
    "second": st.integers(-(2**63), 2**63 - 1),
}
_NAMES = st.one_of(
    st.sampled_from(["clear", "null", "hidden", "surname", "year", "month", "hash", "no_such", "phone", "round"]),
    st.builds("keep_last_{}".format, st.integers(0, 9)),
    st.builds("keep_first_{}".format, st.integers(0, 9)),
    st.builds("keep_ends_{}_{}".format, st.integers(0, 5), st.integers(0, 5)),
    st.builds("bucket_{}".format, st.sampled_from([1, 5, 10, 97, 100_000])),
)


@settings(max_examples=600, deadline=None)
@given(st.data(), st.sampled_from(list(_VALUES)), _NAMES)
def test_sql_and_python_leave_the_same(data: st.DataObject, kind: ColumnType, name: str) -> None:
    value = data.draw(st.none() | _VALUES[kind])
    typed = f"CAST(? AS {SQL_TYPES[kind]})"
    sql = sql_mask(name, "v", kind, "salt7")
    found = _DUCK.execute(f"SELECT {sql} FROM (SELECT {typed} AS v)", [value]).fetchall()[0][0]
    expected = mask(name, value, kind, "salt7")
    assert found == expected or (found != found and expected != expected)


@given(st.text("0123456789", min_size=10, max_size=18))
def test_a_masked_number_is_not_in_what_is_left(number: str) -> None:
    for name in ("keep_last_4", "keep_first_6", "keep_ends_3_4", "hidden", "hash"):
        assert number not in str(mask(name, number, "string", "s"))
    assert len(str(mask("keep_last_4", number, "string"))) == 7  # how long it was is not told


@pytest.mark.parametrize(
    ("name", "value", "left"),
    [
        ("surname", "欧阳修", "欧阳**"),
        ("surname", "欧阳", "欧**"),
        ("surname", "张三", "张**"),
        ("keep_last_4", "330102199003070013", "***0013"),
        ("keep_ends_3_4", "13800001234", "138***1234"),
        ("keep_last_4", "0013", "***"),
        ("hidden", "anything", "***"),
    ],
)
def test_what_is_left(name: str, value: str, left: str) -> None:
    assert mask(name, value, "string") == left


def test_hashes_of_two_shares_do_not_join() -> None:
    assert mask(HASH, "330102199003070013", "string", "a") != mask(HASH, "330102199003070013", "string", "b")


def test_an_unknown_mask_or_a_wrong_kind_leaves_nothing() -> None:
    assert mask("keep_last_4", 20, "int") is None
    assert mask("no_such", "x", "string") is None
    assert sql_mask("no_such", "v", "string") == "CAST(NULL AS VARCHAR)"
    assert not is_mask("bucket_0", "int")
    assert not is_mask("keep_ends_3", "string")


def _column(kind: ColumnType, grade: Grade) -> Column:
    return Column("x", kind, "某", "x", grade)


@pytest.mark.parametrize("kind", list(_VALUES))
def test_defaults_by_grade(kind: ColumnType) -> None:
    make: Callable[[Grade], str] = lambda grade: default_mask(_column(kind, grade))  # noqa: E731
    assert (make(Grade.L1), make(Grade.L2), make(Grade.L4)) == ("clear", "clear", NULL)
    assert make(Grade.L3) != "clear"
    assert is_mask(make(Grade.L3), kind)


def test_defaults_by_format() -> None:
    column = _column("string", Grade.L3)
    assert default_mask(column, "citizen_id") == "keep_last_4"
    assert default_mask(column, "phone") == "keep_ends_3_4"
    assert default_mask(_column("date", Grade.L3)) == "year"
    assert date(1990, 1, 1) == mask("year", date(1990, 3, 7), "date")
