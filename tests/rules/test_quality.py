"""Quality: the fast screen says what the plain check says, row by row."""

from datetime import date, datetime
from enum import StrEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.text import LANGUAGES
from hubtwin.datasets.people import BOOKINGS
from hubtwin.datasets.table import Column, Dataset
from hubtwin.datasets.transport import BOARDING_COUNTS
from hubtwin.model.record import Identity
from hubtwin.rules.quality import build, check, screen

THING = Dataset(
    "thing",
    "物",
    "thing",
    key=("id",),
    columns=(
        Column("id", "string", "号", "id"),
        Column("kind", "string", "类", "kind", nullable=True, values=("a", "b")),
        Column("count", "int", "数", "count", nullable=True, minimum=0, maximum=9),
        Column("big", "int", "大", "big", nullable=True),
        Column("share", "float", "比", "share", nullable=True, minimum=0, maximum=1),
        Column("open", "bool", "开", "open", nullable=True),
        Column("day", "date", "日", "day", nullable=True),
        Column("at_min", "minute", "时", "at", nullable=True),
        Column("pid", "pid", "人", "pid", nullable=True),
    ),
)


class Kind(StrEnum):
    A = "a"


_GOOD: dict[str, object] = {"id": "x", "kind": "a", "count": 3, "share": 0.5, "open": True, "day": date(2022, 1, 1)}


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("id", None, "rules.missing_value"),
        ("id", 5, "rules.wrong_type"),
        ("id", b"x", "rules.wrong_type"),
        ("id", "\ud800", "rules.not_text"),
        ("kind", "c", "rules.not_listed"),
        ("count", -1, "rules.below_minimum"),
        ("count", 10, "rules.above_maximum"),
        ("count", 1.5, "rules.wrong_type"),
        ("count", True, "rules.wrong_type"),
        ("count", "3", "rules.wrong_type"),
        ("big", 2**63, "rules.above_maximum"),
        ("share", float("nan"), "rules.not_finite"),
        ("share", float("inf"), "rules.not_finite"),
        ("share", 10**400, "rules.not_finite"),
        ("share", 1.01, "rules.above_maximum"),
        ("open", 1, "rules.wrong_type"),
        ("day", datetime(2022, 1, 1), "rules.wrong_type"),  # noqa: DTZ001 - a naive time is the point
        ("day", 19_000, "rules.wrong_type"),
        ("day", "2022-01-01", "rules.wrong_type"),
        ("at_min", 2**31, "rules.above_maximum"),
        ("at_min", -(2**31) - 1, "rules.below_minimum"),
        ("pid", "not a pseudonym", "rules.bad_pseudonym"),
        ("pid", Identity("citizen", " "), "rules.missing_value"),
        ("pid", 7, "rules.wrong_type"),
        ("surplus", None, "rules.unknown_column"),
        ("hub_id", "mine", "rules.unknown_column"),
    ],
)
def test_a_wrong_value_is_named_with_its_column_and_what_to_do(column: str, value: object, reason: str) -> None:
    row = {**_GOOD, column: value}
    (problem,) = check(THING, row)
    assert (problem.key, problem.values["column"]) == (reason, column)
    for lang in LANGUAGES:
        assert column in problem.message(lang)
    screened = screen(THING, [_GOOD, row, _GOOD])
    assert screened.problems == {1: [problem]}
    assert screened.kept == [0, 2]
    assert screened.columns["id"].to_pylist() == ["x", "x"]


def test_all_problems_of_a_row_are_told_and_no_document_is_shown() -> None:
    row: dict[str, object] = {"id": None, "count": 99, "pid": 330102199003070017, "what": 1}
    keys = [problem.key for problem in check(THING, row)]
    assert keys == ["rules.unknown_column", "rules.missing_value", "rules.above_maximum", "rules.wrong_type"]
    assert not any("330102" in problem.message("en") for problem in check(THING, row))


def test_values_that_only_look_odd_are_kept() -> None:
    rows: list[dict[str, object]] = [
        {"id": Kind.A, "kind": Kind.A, "share": 1, "pid": Identity("passport", "E1")},
        {"id": "", "count": 0, "share": 0.0, "big": -(2**63), "pid": "0" * 32},
    ]
    screened = screen(THING, rows)
    assert screened.problems == {}
    assert screened.columns["share"].to_pylist() == [1.0, 0.0]
    assert screened.columns["kind"].to_pylist() == ["a", None]
    assert "pid" not in screened.columns


def test_no_rows_give_columns_without_rows() -> None:
    screened = screen(BOARDING_COUNTS, [])
    assert [len(array) for array in screened.columns.values()] == [0] * len(BOARDING_COUNTS.columns)


_ANY = st.one_of(
    st.none(),
    st.sampled_from(["a", "b", "c", "\ud800", "", "0" * 32]),
    st.integers(-2, 11),
    st.sampled_from([2**31, 2**63, -(2**63), 2**53 + 1]),
    st.booleans(),
    st.floats(allow_nan=True),
    st.dates(),
    st.just(datetime(2022, 1, 1)),  # noqa: DTZ001
    st.just(Identity("citizen", "1")),
    st.just(Kind.A),
)
_ROW = st.fixed_dictionaries(
    {"id": st.one_of(st.text(max_size=2), _ANY)},
    optional={name: _ANY for name in (*THING.by_name, "surplus") if name != "id"},
)
_FITTING = st.fixed_dictionaries(
    {"id": st.text("xy", max_size=2), "count": st.integers(-1, 10), "share": st.floats(0, 1.1), "open": st.booleans()},
    optional={"kind": st.sampled_from(["a", "b", "c"]), "day": st.dates(), "at_min": st.integers(-9, 9)},
)


@settings(max_examples=150, deadline=None)
@given(rows=st.one_of(st.lists(_ROW, max_size=5), st.lists(_FITTING, max_size=8)))
def test_the_screen_equals_the_check_row_by_row(rows: list[dict[str, object]]) -> None:
    screened = screen(THING, rows)
    expected = {place: found for place, row in enumerate(rows) if (found := check(THING, row))}
    assert screened.problems == expected
    kept = [row for place, row in enumerate(rows) if place not in expected]
    assert screened.kept == [place for place in range(len(rows)) if place not in expected]
    for column in THING.columns:
        if column.type != "pid":
            assert screened.columns[column.name].to_pylist() == [row.get(column.name) for row in kept]
            assert screened.columns[column.name].equals(build(THING, kept)[column.name])


def test_a_real_dataset_of_persons_is_screened() -> None:
    row: dict[str, object] = {
        "trip_id": "T1",
        "service_date": date(2022, 10, 20),
        "pid": Identity("citizen", "330102199003070017"),
        "order_ref": Identity("order", "O1"),
        "carriage": 33,
        "seat_row": None,
        "seat_letter": "E",
        "board_seq": 0,
        "alight_seq": 5,
        "state": "booked",
        "as_of_min": 27_000_000,
    }
    assert [problem.key for problem in check(BOOKINGS, row)] == ["rules.above_maximum", "rules.not_listed"]
    assert check(BOOKINGS, {**row, "carriage": 8, "seat_letter": "F"}) == []
