"""Positions and codes of areas that come wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtwin.base.errors import Malformed
from hubtwin.base.geo import distance_m, gcj02_to_wgs84, wgs84_to_gcj02
from hubtwin.rules.message_places import FITS_M, GCJ02, SHIFT_M, Area, read_area, read_position

HUB = (121.3194, 31.1955)  # a station hall, WGS 84
SUCCESSORS = {"330104": "330102", "330103": "330105", "1": "2", "999901": "999902", "999902": "999901"}
KNOWN = frozenset({"330102", "330105", "110101"})
MAINLAND = st.tuples(st.floats(98.0, 122.0), st.floats(22.0, 45.0))


def test_a_declared_position_is_converted_and_another_one_is_not() -> None:
    told = wgs84_to_gcj02(*HUB)
    found = read_position(*told, GCJ02)
    assert found.repair == "gcj02"
    assert distance_m(found.lon, found.lat, *HUB) < 0.1
    assert read_position(*told).repair == "", "without a place nobody can know"
    assert (read_position(*HUB).lon, read_position(*HUB).lat) == HUB


def test_a_shifted_position_is_found_by_the_place_that_it_names() -> None:
    told = wgs84_to_gcj02(*HUB)
    found = read_position(*told, named=HUB)
    assert found.repair == "gcj02_found"
    assert distance_m(found.lon, found.lat, *HUB) < 0.1
    near = read_position(HUB[0] + 0.0005, HUB[1], named=HUB)
    assert near.repair == "", "50 m off is where it is"
    aside = (HUB[0], HUB[1] + 0.0045)  # 500 m to the north, where GCJ-02 moves to the east
    assert read_position(*aside, named=HUB).repair == "", "as far away, but it does not fit after conversion"


def test_what_was_declared_as_gcj02_and_is_not_is_left_where_the_place_says_so() -> None:
    found = read_position(*HUB, GCJ02, HUB)
    assert (found.lon, found.lat, found.repair) == (*HUB, "wgs84_found")


@given(MAINLAND)
def test_found_or_declared_the_point_is_the_same(place: tuple[float, float]) -> None:
    told = wgs84_to_gcj02(*place)
    declared, found = read_position(*told, GCJ02, place), read_position(*told, named=place)
    assert (declared.lon, declared.lat) == gcj02_to_wgs84(*told)
    if SHIFT_M[0] <= distance_m(*told, *place) <= SHIFT_M[1]:
        assert (found.lon, found.lat) == (declared.lon, declared.lat)
    assert distance_m(declared.lon, declared.lat, *place) < FITS_M


@given(st.floats(-180, 70), st.floats(-90, 90), st.sampled_from([GCJ02, "WGS84"]))
def test_outside_of_china_nothing_is_moved(lon: float, lat: float, datum: str) -> None:
    found = read_position(lon, lat, datum, (lon + 0.004, lat))
    assert (found.lon, found.lat) == (lon, lat)
    assert found.repair in ("", "swapped")


def test_longitude_and_latitude_in_each_others_place_are_turned_and_texts_are_read() -> None:
    found = read_position(f"{HUB[1]}", f" {HUB[0]} ")
    assert (found.lon, found.lat, found.repair) == (*HUB, "swapped")


@pytest.mark.parametrize("told", [("", "1"), ("x", 1), (None, 31), (181, 95), (float("nan"), 1), (True, 1), ("inf", 0)])
def test_what_is_no_position_is_refused(told: tuple[object, object]) -> None:
    with pytest.raises(Malformed) as refused:
        read_position(*told)
    assert refused.value.key == "rules.broken_position"


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("330102", Area("330102")),
        (330102, Area("330102")),
        (330102.0, Area("330102")),
        ("330104", Area("330102", "former_area")),
        ("330104007", Area("330102", "former_area")),
        ("330102007012", Area("330102007012")),
        ("654321", Area("654321", "unknown_area")),
        ("330100", Area("330100")),
        ("330000", Area("330000")),
        ("440000", Area("440000", "unknown_area")),
    ],
)
def test_codes_of_areas(told: object, found: Area) -> None:
    assert read_area(told, SUCCESSORS, KNOWN) == found


def test_a_table_that_goes_round_in_a_circle_ends() -> None:
    assert read_area("999901", SUCCESSORS, KNOWN).code in ("999901", "999902")


@pytest.mark.parametrize("told", ["", "33010", "杭州", True, ["330102"], "3301022"])
def test_what_is_no_code_is_refused(told: object) -> None:
    with pytest.raises(Malformed) as refused:
        read_area(told, SUCCESSORS, KNOWN)
    assert refused.value.key == "rules.broken_area"
