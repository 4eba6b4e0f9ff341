"""A train is on its line, moves forward, and is nowhere before it starts and after it has ended."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtwin.rules.positions import Stop, locate

EAST = [Stop("A", 120.0, 30.0, 100, 100), Stop("B", 121.0, 30.0, 130, 135), Stop("C", 121.0, 31.0, 165, 165)]


def test_half_way_in_time_is_half_way_in_place() -> None:
    where = locate(EAST, 115)
    assert where is not None
    assert (where.lon, where.lat, where.from_station, where.to_station) == (120.5, 30.0, "A", "B")
    assert where.bearing == pytest.approx(90, abs=1)


def test_it_stands_at_a_station_until_it_leaves() -> None:
    where = locate(EAST, 132)
    assert where is not None
    assert (where.lon, where.from_station, where.to_station) == (121.0, "B", "B")
    assert where.bearing == pytest.approx(0, abs=1)


def test_it_is_nowhere_before_and_after() -> None:
    assert locate(EAST, 99) is None
    assert locate(EAST, 166) is None
    assert locate([], 100) is None
    arrived = locate(EAST, 165)
    assert arrived is not None
    assert arrived.to_station == "C"


@given(st.lists(st.integers(0, 60), min_size=3, max_size=12), st.floats(-10, 800))
def test_whatever_the_timetable_it_stays_within_its_stations(gaps: list[int], at_min: float) -> None:
    stops, minute = [], 0
    for number, gap in enumerate(gaps):
        stops.append(Stop(str(number), 100.0 + number, 30.0, minute, minute + gap % 5))
        minute += gap % 5 + gap
    where = locate(stops, at_min)
    assert (where is not None) == (0 <= at_min <= stops[-1].arrive_min)
    if where is not None:
        assert 100.0 <= where.lon <= 100.0 + len(gaps) - 1
        assert int(where.from_station) <= int(where.to_station) <= int(where.from_station) + 1
