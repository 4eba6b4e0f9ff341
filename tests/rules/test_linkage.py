"""The collision equals a slow loop, and the portable expression on two engines, exact to the minute."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import duckdb
import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Absent, Malformed
from hubtwin.base.text import catalogue
from hubtwin.rules import linkage_portable
from hubtwin.rules.linkage import Stays, collide, index_stays, pair, rank_persons, trace_area, trace_person
from hubtwin.rules.linkage_risk import OPEN_MIN, Risk, find_exposure, index_risk


class Stay(NamedTuple):
    area: int
    person: int
    t_in: int
    t_out: int


class Interval(NamedTuple):
    area: int
    start: int
    end: int
    level: int


# few areas, persons and minutes, so that touching, nesting and equal edges are common
SPANS = st.tuples(st.integers(-40, 40), st.one_of(st.integers(1, 4), st.integers(1, 40)))
STAYS = st.lists(st.builds(lambda a, p, s: Stay(a, p, s[0], s[0] + s[1]), st.integers(0, 3), st.integers(0, 5), SPANS))
INTERVALS = st.lists(
    st.builds(
        lambda a, s, level, opened: Interval(a, s[0], OPEN_MIN if opened else s[0] + s[1], level),
        st.integers(0, 4),
        SPANS,
        st.integers(1, 3),
        st.integers(0, 9).map(lambda draw: draw == 0),
    ),
    max_size=12,
)


def as_stays(stays: Sequence[Stay]) -> Stays:
    table = np.array(stays, np.int64).reshape(-1, 4)
    return index_stays(*table.T)


def as_risk(intervals: Sequence[Interval]) -> Risk:
    table = np.array(intervals, np.int64).reshape(-1, 4)
    return index_risk(*table.T)


def loop_pairs(stays: Sequence[Stay], intervals: Sequence[Interval]) -> list[tuple[int, int]]:
    """The definition, slowly."""
    return sorted(
        (stay_id, name)
        for stay_id, stay in enumerate(stays)
        for name, one in enumerate(intervals)
        if stay.area == one.area and stay.t_in < one.end and stay.t_out > one.start
    )


def loop_persons(stays: Sequence[Stay], intervals: Sequence[Interval]) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for stay_id, name in loop_pairs(stays, intervals):
        stay, one = stays[stay_id], intervals[name]
        level, first = found.get(stay.person, (0, OPEN_MIN))
        found[stay.person] = (max(level, one.level), min(first, max(stay.t_in, one.start)))
    return found


@given(STAYS, INTERVALS)
@example([], [])
@example([Stay(0, 0, 0, 10)], [Interval(0, 10, 20, 1), Interval(0, -10, 0, 1)])
@example([Stay(0, 0, 0, 10)], [Interval(0, 9, 20, 1), Interval(0, -10, 1, 2)])
@settings(max_examples=150)
def test_every_answer_equals_the_slow_loop(stays: list[Stay], intervals: list[Interval]) -> None:
    index, risk = as_stays(stays), as_risk(intervals)
    pairs = loop_pairs(stays, intervals)

    exposed = collide(index, risk)
    assert sorted(zip(exposed.stay_id.tolist(), exposed.person.tolist(), strict=True)) == sorted(
        {(stay_id, stays[stay_id].person) for stay_id, _ in pairs}
    )
    found = pair(index, risk)
    assert sorted(zip(found.stay_id.tolist(), found.interval.tolist(), strict=True)) == pairs
    ranked = rank_persons(index, risk)
    assert ranked.person.tolist() == sorted(ranked.person.tolist())
    columns = (ranked.person.tolist(), ranked.level.tolist(), ranked.first_min.tolist())
    assert {p: (level, first) for p, level, first in zip(*columns, strict=True)} == loop_persons(stays, intervals)


@given(STAYS, INTERVALS)
@settings(max_examples=60)
def test_one_area_one_person_and_one_stay_equal_the_slow_loop(stays: list[Stay], intervals: list[Interval]) -> None:
    index, risk = as_stays(stays), as_risk(intervals)
    for one in intervals:
        traced = trace_area(index, one.area, one.start, one.end)
        assert traced.tolist() == sorted({stays[stay_id].person for stay_id, _ in loop_pairs(stays, [one])})
    for stay in stays:
        first = [max(stay.t_in, intervals[name].start) for _, name in loop_pairs([stay], intervals)]
        assert find_exposure(risk, stay.area, stay.t_in, stay.t_out) == min(first, default=None)
    for person in range(index.person_count):
        evidence = trace_person(index, risk, person)
        expected = [
            (
                stay_id,
                stays[stay_id].area,
                name,
                intervals[name].level,
                max(stays[stay_id].t_in, intervals[name].start),
                min(stays[stay_id].t_out, intervals[name].end),
            )
            for stay_id, name in loop_pairs(stays, intervals)
            if stays[stay_id].person == person
        ]
        assert sorted(zip(*(column.tolist() for column in evidence), strict=True)) == expected


def _duckdb(con: duckdb.DuckDBPyConnection, table: pa.Table) -> nw.LazyFrame[Any]:
    return nw.from_native(con.from_arrow(table))


def _polars(_: duckdb.DuckDBPyConnection, table: pa.Table) -> nw.LazyFrame[Any]:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return nw.from_native(frame.lazy())


@pytest.mark.parametrize("engine", [_duckdb, _polars])
@given(STAYS, INTERVALS)
@settings(max_examples=25, deadline=None)
def test_the_portable_expressions_give_the_same_answers(
    engine: Any, stays: list[Stay], intervals: list[Interval]
) -> None:
    index, risk = as_stays(stays), as_risk(intervals)
    stay_table = pa.table(
        {
            "stay_id": pa.array(range(len(stays)), pa.int64()),
            **{name: pa.array([getattr(s, name) for s in stays], pa.int64()) for name in Stay._fields},
        }
    )
    risk_table = pa.table(
        {
            "interval": pa.array(range(len(intervals)), pa.int64()),
            **{name: pa.array([getattr(i, name) for i in intervals], pa.int64()) for name in Interval._fields},
        }
    )

    def rows(frame: nw.LazyFrame[Any]) -> list[tuple[Any, ...]]:
        return sorted(frame.collect("pyarrow").rows())

    with duckdb.connect() as con:
        tables = engine(con, stay_table), engine(con, risk_table)
        exposed, pairs, ranked = collide(index, risk), pair(index, risk), rank_persons(index, risk)
        assert rows(linkage_portable.collide(*tables)) == sorted(zip(*map(np.ndarray.tolist, exposed), strict=True))
        portable_pairs = linkage_portable.pair(*tables).select("stay_id", "interval")
        assert rows(portable_pairs) == sorted(zip(*map(np.ndarray.tolist, pairs), strict=True))
        assert rows(linkage_portable.rank_persons(*tables)) == sorted(zip(*map(np.ndarray.tolist, ranked), strict=True))


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_many_stays_in_any_order_give_the_same_answers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    t_in = rng.integers(0, 20160, 4000)
    table = np.column_stack(
        [rng.integers(0, 9, 4000), rng.integers(0, 900, 4000), t_in, t_in + rng.integers(5, 2881, 4000)]
    )
    begins = rng.integers(0, 20160, 60)
    intervals = np.column_stack(
        [rng.integers(0, 12, 60), begins, begins + rng.integers(1, 9000, 60), rng.integers(1, 4, 60)]
    )
    order = rng.permutation(4000)
    index, mixed = index_stays(*table.T), index_stays(*table[order].T, stay_id=order)
    risk = index_risk(*intervals.T)
    for question in (collide, pair):
        one, other = question(index, risk), question(mixed, risk)
        assert set(zip(*map(np.ndarray.tolist, one), strict=True)) == set(
            zip(*map(np.ndarray.tolist, other), strict=True)
        )
        assert len(one.stay_id) == len(other.stay_id)
    meets = (table[:, None, 0] == intervals[None, :, 0]) & (table[:, None, 2] < intervals[None, :, 2])
    meets &= table[:, None, 3] > intervals[None, :, 1]
    assert len(pair(index, risk).stay_id) == np.count_nonzero(meets)
    assert len(collide(index, risk).stay_id) == np.count_nonzero(meets.any(axis=1))


def test_an_interval_without_end_and_the_widest_minutes_do_not_overflow() -> None:
    lowest = -(2**31)
    index = index_stays([0, 0], [0, 1], [lowest, 2**31 - 2], [lowest + 1, 2**31 - 1])
    risk = index_risk([0, 0], [lowest, 10], [lowest + 5, OPEN_MIN], [1, 3])
    assert sorted(collide(index, risk).person.tolist()) == [0, 1]
    ranked = rank_persons(index, risk)
    assert ranked.first_min.tolist() == [lowest, 2**31 - 2]
    assert ranked.level.tolist() == [1, 3]


def test_levels_of_overlapping_intervals_do_not_hide_each_other() -> None:
    index = index_stays([7], [0], [0], [100])
    risk = index_risk([7, 7, 7], [0, 50, 60], [100, 55, 61], [1, 3, 2])
    ranked = rank_persons(index, risk)
    assert (ranked.level.tolist(), ranked.first_min.tolist()) == ([3], [0])


@pytest.mark.parametrize(
    ("columns", "key"),
    [
        (([0], [0], [5], [5]), "rules.linkage_not_positive"),
        (([-1], [0], [5], [6]), "rules.linkage_not_slots"),
        (([0], [1 << 31], [5], [6]), "rules.linkage_not_slots"),
        (([0], [0], [5], [1 << 40]), "rules.linkage_not_minutes"),
        (([0], [0], [0.5], [6]), "rules.linkage_not_minutes"),
        (([0, 1], [0], [5], [6]), "rules.linkage_lengths_differ"),
    ],
)
def test_stays_that_cannot_be_are_refused_with_the_reason(columns: tuple[Any, ...], key: str) -> None:
    with pytest.raises(Malformed) as refused:
        index_stays(*columns)
    assert refused.value.key == key
    assert set(catalogue()[key]) == {"zh", "en"}


def test_intervals_that_cannot_be_are_refused_with_the_reason() -> None:
    for columns, key in (
        (([0], [5], [5]), "rules.linkage_not_positive"),
        (([0], [5], [6], [256]), "rules.linkage_not_slots"),
        (([0], [5], [6, 7]), "rules.linkage_lengths_differ"),
    ):
        with pytest.raises(Malformed) as refused:
            index_risk(*columns)
        assert refused.value.key == key
    huge = index_risk([0], [5], [6], interval=[1 << 40])
    with pytest.raises(Malformed):
        pair(index_stays([0], [0], [5], [6]), huge)


def test_a_person_who_is_not_in_the_index_is_absent() -> None:
    index, risk = index_stays([0], [0], [5], [6], person_count=2), index_risk([0], [5], [6])
    assert len(trace_person(index, risk, 1).stay_id) == 0
    for person in (-1, 2):
        with pytest.raises(Absent) as refused:
            trace_person(index, risk, person)
        assert refused.value.key in catalogue()
