"""Routing by jurisdiction: the nearest office of each profile, and said where there is none."""

import csv
import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtwin.base.errors import Denied, Malformed
from hubtwin.rules.routing import Office, check_offices, covering, require_verified, route

DATA = Path(__file__).parents[2] / "data/cn-admin"
OFFICES = (
    Office("province", "health", "330000"),
    Office("hangzhou", "health", "330100"),
    Office("shangcheng", "health", "330102"),
    Office("street", "health", "330102004"),
    Office("police-hangzhou", "police", "3301"),
    Office("bus", "bus", "33"),
)


@pytest.mark.parametrize(
    ("code", "levels"),
    [
        ("330102004", ("330102004", "330102", "3301", "33")),
        ("330102004001", ("330102004", "330102", "3301", "33")),
        ("330102", ("330102", "3301", "33")),
        ("330100", ("3301", "33")),
        ("330000", ("33",)),
        ("33", ("33",)),
        ("441900003", ("441900003", "441900", "4419", "44")),  # a city without districts
    ],
)
def test_a_code_lies_in_the_levels_above_it(code: str, levels: tuple[str, ...]) -> None:
    assert covering(code) == levels


@pytest.mark.parametrize(
    ("destination", "health"),
    [("330102004", "street"), ("330102005", "shangcheng"), ("330106", "hangzhou"), ("330200", "province")],
)
def test_the_nearest_office_is_told(destination: str, health: str) -> None:
    found = route(destination, check_offices(OFFICES), ["health"])
    assert [office.partner for office in found.offices] == [health]


def test_where_nobody_is_there_it_is_said() -> None:
    found = route("330200", check_offices(OFFICES), ["health", "police", "bus"])
    assert [office.partner for office in found.offices] == ["province", "bus"]
    assert found.nobody == ("police",)
    assert route("110101", check_offices(OFFICES), ["health"]).nobody == ("health",)


@pytest.mark.parametrize("code", ["", "3", "33010", "33010a", "杭州", "3301020041", "３３"])
def test_what_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(Malformed):
        route(code, check_offices(OFFICES), ["health"])


def test_two_offices_for_the_same_are_refused() -> None:
    with pytest.raises(Malformed):
        check_offices([*OFFICES, Office("other", "health", "330102")])
    with pytest.raises(Malformed):
        check_offices([Office("a", "health", "330100"), Office("b", "health", "3301")])


def test_nobody_is_told_what_no_person_verified() -> None:
    assert require_verified("zhao") == "zhao"
    for nobody in (None, "", "  "):
        with pytest.raises(Denied):
            require_verified(nobody)


@given(st.lists(st.sampled_from(["33", "3301", "330102", "330102004", "330106", "3302"]), unique=True), st.data())
def test_the_slow_way_finds_the_same(places: list[str], data: st.DataObject) -> None:
    destination = data.draw(st.sampled_from(["330102004", "330102001", "330106", "330200", "330000", "110000"]))
    offices = check_offices(Office(f"at {place}", "health", place) for place in places)
    short = destination.rstrip("0") if len(destination) == 6 else destination
    short += "0" * (len(short) % 2 if len(destination) == 6 else 0)
    inside = [place for place in places if short.startswith(place)]
    expected = [f"at {max(inside, key=len)}"] if inside else []
    assert [office.partner for office in route(destination, offices, ["health"]).offices] == expected


def test_every_street_of_the_country_reaches_its_city_and_province() -> None:
    with gzip.open(DATA / "streets.csv.gz", "rt", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            levels = covering(row["code"])
            assert row["areaCode"] in levels
            assert row["cityCode"] in levels
            assert levels[-1] == row["provinceCode"]
