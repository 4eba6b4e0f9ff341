"""Which runs arrive next and where they call before, numbers that change on the way included."""

from typing import Any

import pyarrow as pa
import pytest

from hubtwin.datasets.transport import RAIL_TRIPS
from hubtwin.rules.arrivals import list_arrivals, list_parts, list_upstream
from tests.engines.frames import ENGINES, make_frame, rows_of

CALLS = pa.schema(
    [
        ("trip_id", pa.string()),
        ("service_date", pa.string()),
        ("seq", pa.int64()),
        ("station_id", pa.string()),
        ("code", pa.string()),
        ("platform", pa.string()),
        ("scheduled_arrive_min", pa.int32()),
        ("expected_arrive_min", pa.int32()),
        ("expected_depart_min", pa.int32()),
        ("cancelled", pa.bool_()),
    ]
)
DAY = "2022-10-20"


def call(
    trip: str, seq: int, station: str, arrive: int | None, depart: int | None, off: bool = False
) -> dict[str, Any]:
    return {
        "trip_id": trip,
        "service_date": DAY,
        "seq": seq,
        "station_id": station,
        "code": trip.upper(),
        "scheduled_arrive_min": arrive,
        "expected_arrive_min": arrive,
        "expected_depart_min": depart,
        "cancelled": off,
    }


TRAINS = [
    call("g1", 1, "WHN", None, 100),
    call("g1", 2, "NJH", 150, 152),
    call("g1", 3, "HGH", 200, 205),
    call("g1", 4, "NGH", 250, None),
    call("d2", 1, "HGH", None, 190),  # starts here: no arrival
    call("d2", 2, "NJH", 230, None),
    call("d5", 1, "NGH", None, 120),
    call("d5", 2, "SHX", 140, 142, off=True),  # skipped: nobody boards
    call("d5", 3, "HGH", 190, None),
    call("g7", 1, "HGH", 195, None, off=True),  # cancelled
    call("k8", 1, "BJP", None, 20),
    call("k8", 2, "SJP", 60, 65),
    call("k9", 1, "SJP", 60, 65),  # k8 goes on as k9
    call("k9", 2, "HGH", 198, None),
]
TRIPS = [{"trip_id": t, "continues_as": "k9" if t == "k8" else None} for t in ("g1", "d2", "d5", "g7", "k8", "k9")]


@pytest.mark.parametrize("engine", ENGINES)
def test_arrivals_are_calls_at_the_hub_from_elsewhere_inside_the_window(engine: str) -> None:
    calls = make_frame(engine, CALLS, TRAINS)
    found = rows_of(list_arrivals(calls, ("HGH",), 190, 200))
    assert sorted(row["trip_id"] for row in found) == ["d5", "k9"]
    found = rows_of(list_arrivals(calls, ("HGH",), 190, 201))
    assert sorted(row["trip_id"] for row in found) == ["d5", "g1", "k9"]


@pytest.mark.parametrize("engine", ENGINES)
def test_upstream_calls_follow_the_train_through_its_earlier_numbers(engine: str) -> None:
    calls = make_frame(engine, CALLS, TRAINS)
    parts = list_parts(make_frame(engine, RAIL_TRIPS.schema, TRIPS))
    arrivals = list_arrivals(calls, ("HGH",), 0, 1000)
    found = rows_of(list_upstream(arrivals, calls, parts))
    by_trip = {(row["trip_id"], row["part_id"], row["station_id"]) for row in found}
    assert by_trip == {
        ("g1", "g1", "WHN"),
        ("g1", "g1", "NJH"),
        ("d5", "d5", "NGH"),
        ("k9", "k9", "SJP"),
        ("k9", "k8", "BJP"),
        ("k9", "k8", "SJP"),
    }
    origin = next(row for row in found if row["station_id"] == "WHN")
    assert (origin["arrive_min"], origin["depart_min"]) == (100, 100)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_number_that_changes_in_a_circle_does_not_hang(engine: str) -> None:
    circle = [{"trip_id": "a", "continues_as": "b"}, {"trip_id": "b", "continues_as": "a"}]
    found = rows_of(list_parts(make_frame(engine, RAIL_TRIPS.schema, circle)))
    assert {row["part_id"] for row in found} == {"a", "b"}
