"""The catalogue is searched in Chinese and English; what is asked for by name comes first."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtwin.datasets.listing import Sharing
from hubtwin.datasets.table import Grade
from hubtwin.library.districts import read_district
from hubtwin.library.hub_listings import hub_catalogue
from hubtwin.library.search import Narrowed, SearchIndex, cut
from hubtwin.settings import find_data_dir

CATALOGUE = read_district(find_data_dir() / "districts" / "shangcheng", hub_catalogue())
INDEX = SearchIndex(CATALOGUE)


def _names(asked: str, **narrowed: object) -> list[str]:
    return [hit.listing.name for hit in INDEX.search(asked, Narrowed(**narrowed))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("residents", "residents"),
        ("resident", "residents"),
        ("常住人口", "residents"),
        ("人口", "residents"),
        ("法人单位", "legal_entities"),
        ("营业执照", "legal_entities"),
        ("company", "legal_entities"),
        ("penalty", "penalties"),
        ("独居老人", "elderly_persons"),
        ("lives alone", "elderly_persons"),
        ("低保", "low_income_persons"),
        ("写字楼", "buildings"),
        ("office buildings", "buildings"),
        ("风险区", "risk_areas"),
        ("清波街道 补充", "street_330102001_additions"),
        ("Qingbo additions", "street_330102001_additions"),
        ("330102014 residents", "street_330102014_residents"),
        ("ＳＨＥＬＴＥＲＳ", "shelters"),
        ("hazard_sources", "hazard_sources"),
        ("户", "households"),
    ],
)
def test_what_is_asked_for_comes_first(asked: str, first: str) -> None:
    assert _names(asked)[0] == first


def test_a_column_and_its_element_are_found_and_the_place_is_told() -> None:
    hits = {hit.listing.name: hit for hit in INDEX.search("车辆号牌")}
    assert set(hits["inspections"].where) == {"column", "element"}
    assert "residents" not in hits
    found = _names("身份号码")
    assert {"residents", "low_income_persons", "elderly_persons", "monitored_persons"} <= set(found)


def test_nothing_is_found_for_what_nobody_lists() -> None:
    assert _names("火星探测器") == []
    assert _names("zebra") == []
    assert _names("!!! ???") == []


def test_an_empty_question_gives_the_whole_catalogue_in_its_order() -> None:
    assert _names("") == [each.name for each in CATALOGUE.listings]
    assert _names("  ") == _names("")


def test_a_search_is_narrowed_by_library_sharing_and_grade() -> None:
    assert set(_names("", library="people")) == {"residents", "households", "addresses", "low_income_persons"}
    assert "legal_entities" in _names("企业", sharing=Sharing.UNCONDITIONAL)
    assert "hazard_sources" not in _names("企业", sharing=Sharing.UNCONDITIONAL)
    assert all(CATALOGUE.get(name).dataset.grade is Grade.L4 for name in _names("", grade=Grade.L4))
    assert all(CATALOGUE.get(name).owner == "commerce" for name in _names("楼宇", owner="commerce"))


def test_chinese_is_cut_into_pairs_and_english_into_words() -> None:
    assert cut("常住人口 Residents 2026") == ["resident", "2026", "常住", "住人", "人口"]
    assert cut("户") == ["户"]
    assert cut("人口", single=True) == ["人口", "人", "口"]


@given(st.text(max_size=300))
def test_any_text_may_be_asked_for(asked: str) -> None:
    hits = INDEX.search(asked)
    assert all(one.score >= other.score for one, other in pairwise(hits))
    assert len({hit.listing.name for hit in hits}) == len(hits)


def test_a_search_is_quick_however_long_the_question_is() -> None:
    begin = time.perf_counter()
    INDEX.search("人口 residents " * 10_000)
    assert time.perf_counter() - begin < 0.5
