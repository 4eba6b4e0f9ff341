"""expected_calls against a plain loop, on DuckDB and Polars, and the rules of propagation one by one."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import narwhals as nw
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.datasets.table import Dataset
from hubtwin.datasets.transport import RAIL_CALLS, RAIL_SERVICE_DAYS, RUNNING_INFORMATION
from hubtwin.rules.delays import expected_calls, service_starts

DAY, NEXT_DAY = date(2016, 3, 3), date(2016, 3, 4)
STARTS = {DAY: 100_000, NEXT_DAY: 101_440}
NOW_MIN = 100_600
ENGINES = ("duckdb", "polars")
Values = Mapping[str, object]
Rows = Sequence[Values]


def call(seq: int, arrive: int | None, depart: int | None, trip: str = "T") -> Values:
    return {"trip_id": trip, "seq": seq, "station_id": f"S{seq}", "code": "G1", "arrive_min": arrive,
            "depart_min": depart, "platform": None}  # fmt: skip


def seen(
    seq: int, arrival_s: int | None = None, departure_s: int | None = None, *, at: int = 100_500,
    relation: str = "SCHEDULED", trip: str = "T", day: date = DAY,
) -> Values:  # fmt: skip
    return {"trip_id": trip, "service_date": day, "seq": seq, "arrival_delay_s": arrival_s,
            "departure_delay_s": departure_s, "relation": relation, "observed_min": at}  # fmt: skip


CALLS = [call(1, None, 600), call(2, 610, 612), call(3, 640, 645), call(4, 700, None)]
DAYS: Rows = [{"trip_id": "T", "service_date": DAY}]


def lazy(engine: str, dataset: Dataset, rows: Rows, connection: duckdb.DuckDBPyConnection) -> nw.LazyFrame[Any]:
    schema = pa.schema([column.arrow for column in dataset.columns])
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    if engine == "duckdb":
        return nw.from_native(connection.from_arrow(table))
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return nw.from_native(frame.lazy())


def run(engine: str, calls: Rows, days: Rows, running: Rows, now_min: int = NOW_MIN) -> list[dict[str, Any]]:
    with duckdb.connect() as connection:
        frame = expected_calls(
            lazy(engine, RAIL_CALLS, calls, connection),
            lazy(engine, RAIL_SERVICE_DAYS, days, connection),
            lazy(engine, RUNNING_INFORMATION, running, connection),
            STARTS,
            now_min,
        )
        found = frame.collect("pyarrow").to_arrow().to_pylist()
    return sorted(found, key=lambda row: (row["trip_id"], row["service_date"], row["seq"]))


def oracle(calls: Rows, days: Rows, running: Rows, now_min: int) -> list[dict[str, Any]]:
    """The same by plain loops: per call, walk through what was said, newest first."""
    found = []
    for day in days:
        if day["service_date"] not in STARTS:
            continue
        told = [row for row in running if _of(row, day) and _int(row["observed_min"]) <= now_min]
        stands = [row for row in told if not any(_replaces(other, row) for other in told)]
        found += [_expect(planned, day, stands) for planned in calls if planned["trip_id"] == day["trip_id"]]
    return sorted(found, key=lambda row: (row["trip_id"], row["service_date"], row["seq"]))


def _of(row: Values, day: Values) -> bool:
    return row["trip_id"] == day["trip_id"] and row["service_date"] == day["service_date"]


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


def _replaces(other: Values, row: Values) -> bool:
    return _int(other["seq"]) <= _int(row["seq"]) and _int(other["observed_min"]) > _int(row["observed_min"])


def _expect(planned: Values, day: Values, stands: Rows) -> dict[str, Any]:
    seq = _int(planned["seq"])
    start = STARTS[day["service_date"]]  # type: ignore[index]
    skipped = any(row["seq"] == seq and row["relation"] == "SKIPPED" for row in stands)
    holder: Values | None = None
    for row in stands:
        if row["relation"] != "SKIPPED" and _int(row["seq"]) <= seq:
            holder = row if holder is None or _int(row["seq"]) > _int(holder["seq"]) else holder
    arriving = leaving = None
    if holder is not None and holder["relation"] == "SCHEDULED":
        arrival_s, departure_s = holder["arrival_delay_s"], holder["departure_delay_s"]
        first, second = (arrival_s, departure_s) if holder["seq"] == seq else (departure_s, arrival_s)
        arriving = first if first is not None else second
        leaving = departure_s if departure_s is not None else arrival_s
    arriving_min = None if arriving is None else _int(arriving) // 60
    leaving_min = None if leaving is None else _int(leaving) // 60
    arrive = None if planned["arrive_min"] is None else start + _int(planned["arrive_min"])
    depart = None if planned["depart_min"] is None else start + _int(planned["depart_min"])
    return {
        "trip_id": planned["trip_id"], "service_date": day["service_date"], "seq": seq,
        "station_id": planned["station_id"], "code": planned["code"], "platform": planned["platform"],
        "scheduled_arrive_min": arrive, "scheduled_depart_min": depart,
        "expected_arrive_min": None if arrive is None else arrive + (arriving_min or 0),
        "expected_depart_min": None if depart is None else depart + (leaving_min or 0),
        "arrival_delay_min": arriving_min,
        "cancelled": skipped or (holder is not None and holder["relation"] == "CANCELED"),
    }  # fmt: skip


def _calls_of(trips: Sequence[str]) -> list[Values]:
    return [{**planned, "trip_id": trip} for trip in trips for planned in CALLS]


OBSERVATIONS = st.lists(
    st.builds(
        seen,
        st.integers(0, 5),
        st.one_of(st.none(), st.integers(-400, 4000)),
        st.one_of(st.none(), st.integers(-400, 4000)),
        at=st.integers(NOW_MIN - 3, NOW_MIN + 1),
        relation=st.sampled_from(("SCHEDULED", "SCHEDULED", "SKIPPED", "CANCELED", "NO_DATA")),
        trip=st.sampled_from(("T", "U")),
        day=st.sampled_from((DAY, NEXT_DAY)),
    ),
    max_size=14,
    unique_by=lambda row: (row["trip_id"], row["service_date"], row["seq"], row["observed_min"]),
)


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=60, deadline=None)
@given(running=OBSERVATIONS)
def test_expected_calls_equal_the_plain_loop_on_every_engine(engine: str, running: Rows) -> None:
    days: Rows = [{"trip_id": trip, "service_date": day} for trip, day in (("T", DAY), ("T", NEXT_DAY), ("U", DAY))]
    calls = _calls_of(("T", "U", "V"))
    assert run(engine, calls, days, running) == oracle(calls, days, running, NOW_MIN)


def delays(running: Rows) -> list[int | None]:
    return [row["arrival_delay_min"] for row in run("polars", CALLS, DAYS, running)]


def test_without_observations_the_timetable_stands_and_no_delay_is_known() -> None:
    found = run("polars", CALLS, DAYS, [])
    assert [row["expected_arrive_min"] for row in found] == [None, 100_610, 100_640, 100_700]
    assert [row["expected_depart_min"] for row in found] == [100_600, 100_612, 100_645, None]
    assert [row["arrival_delay_min"] for row in found] == [None] * 4
    assert not any(row["cancelled"] for row in found)


def test_a_delay_holds_for_later_calls_until_another_observation() -> None:
    assert delays([seen(2, 300, 360), seen(4, 60)]) == [None, 5, 6, 1]


def test_an_early_train_is_expected_early_and_seconds_round_down() -> None:
    assert delays([seen(2, -61), seen(3, 59)]) == [None, -2, 0, 0]


def test_a_newer_forecast_from_an_earlier_call_drops_the_older_one() -> None:
    assert delays([seen(1, None, 0, at=100_400), seen(4, 1200, at=100_400), seen(2, 60)]) == [0, 1, 1, 1]


def test_what_happened_before_the_newest_observation_stays_known() -> None:
    assert delays([seen(2, 600, at=100_400), seen(3, 120)]) == [None, 10, 2, 2]


def test_an_observation_after_now_is_not_used() -> None:
    assert delays([seen(2, 600, at=NOW_MIN + 1)]) == [None] * 4


def test_no_data_ends_what_was_known() -> None:
    assert delays([seen(2, 600), seen(3, relation="NO_DATA")]) == [None, 10, None, None]


def test_a_skipped_call_is_cancelled_alone_and_the_delay_goes_on() -> None:
    found = run("polars", CALLS, DAYS, [seen(2, 600), seen(3, relation="SKIPPED")])
    assert [row["cancelled"] for row in found] == [False, False, True, False]
    assert [row["arrival_delay_min"] for row in found] == [None, 10, 10, 10]


def test_a_cancellation_holds_from_its_call_on_and_can_be_taken_back() -> None:
    cancelled = seen(0, relation="CANCELED", at=100_400)
    assert all(row["cancelled"] for row in run("polars", CALLS, DAYS, [cancelled]))
    again = run("polars", CALLS, DAYS, [cancelled, seen(0, 0)])
    assert not any(row["cancelled"] for row in again)


def test_service_starts_are_noon_minus_twelve_hours_of_each_day() -> None:
    zone = ZoneInfo("America/Los_Angeles")
    found = service_starts(datetime(2017, 11, 6, 3, tzinfo=UTC), zone, days_back=1, days_ahead=1)
    assert list(found) == [date(2017, 11, 4), date(2017, 11, 5), date(2017, 11, 6)]
    first, second, third = found.values()
    assert (second - first, third - second) == (1500, 1440)  # clocks went back on the 5th
