"""Exit rules: what a passage comes to, against a slow reading of the same table; nobody is flagged without a ground."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Absent
from hubtwin.base.text import catalogue
from hubtwin.rules.screening import (
    CELLS,
    GROUNDS,
    HEALTH,
    ITINERARY,
    LEVELS,
    MEASURES,
    ExitRule,
    ExitTable,
    Origin,
    Passage,
    Risk,
    choose_table,
    classify,
    decide,
    find_clash,
    find_groundless,
    find_overlap,
    find_uncovered,
    list_gaps,
)

ORIGINS = frozenset(origin.value for origin in Origin)
RISK = Risk({"110101": "high", "120101": "medium", "130102": "low"}, home="330102")
ALL = {"origins": ORIGINS, "health": frozenset(HEALTH), "itinerary": frozenset(ITINERARY)}


def rule(rule_id: str, *, flag: bool = False, measures: tuple[str, ...] = ("codes",), **more: Any) -> ExitRule:
    return ExitRule(rule_id=rule_id, flag=flag, measures=measures, **{**ALL, **more})


RED = rule("red", flag=True, health=frozenset({"red", "yellow"}), measures=("register", "antigen"))
LISTED = rule(
    "listed",
    flag=True,
    health=frozenset({"green", "none"}),
    origins=frozenset({"high_risk"}),
    max_test_age_h=48,
    without_test=("antigen",),
)
REST = rule(
    "rest",
    health=frozenset({"green", "none"}),
    origins=ORIGINS - {"high_risk"},
    max_test_age_h=48,
    without_test=("nucleic",),
)
TABLE = ExitTable("*", "v1", 100, 200, (RED, LISTED, REST), True, 37.3, frozenset({"high", "medium"}), "ours")
WELL = Passage(150, "E1-01", "a" * 32, "green", "green", 20, 36.5, "440101", False)


def test_a_well_passenger_with_a_fresh_test_passes() -> None:
    found = decide(WELL, TABLE, RISK, {})
    assert (found.flag, found.reasons, found.notes, found.measures) == (False, (), (), ("codes",))
    assert (found.rule_id, found.version, found.station, found.origin) == ("rest", "v1", "*", "elsewhere")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"health_code": "red"}, "The health code is red"),
        ({"health_code": "yellow"}, "The health code is yellow"),
        ({"origin_area": "110101"}, "Declared to come from a county with a high-risk area"),
        ({"temperature_c": 37.3}, "The temperature is 37.3 °C, which reaches 37.3 °C"),
    ],
)
def test_a_flag_says_why_in_plain_words(change: dict[str, Any], words: str) -> None:
    found = decide(replace(WELL, **change), TABLE, RISK, {})
    assert found.flag
    assert [reason.message("en") for reason in found.reasons] == [words]
    assert all(reason.message("zh") != reason.message("en") for reason in found.reasons)


@pytest.mark.parametrize(("level", "flag"), [("high", True), ("medium", True), ("low", False)])
def test_a_hit_flags_at_the_levels_of_the_table(level: str, flag: bool) -> None:
    assert decide(WELL, TABLE, RISK, {WELL.pid: level}).flag is flag
    assert not decide(WELL, TABLE, RISK, {"b" * 32: level}).flag


def test_every_reason_is_given_and_not_only_the_first() -> None:
    ill = replace(WELL, health_code="red", origin_area="110101", temperature_c=38.5)
    assert len(decide(ill, TABLE, RISK, {WELL.pid: "high"}).reasons) == 4


@pytest.mark.parametrize(("age", "note"), [(48, None), (49, "49 hours old, over 48"), (None, "last 48 hours")])
def test_an_old_test_or_none_adds_a_measure_and_no_flag(age: int | None, note: str | None) -> None:
    found = decide(replace(WELL, test_age_h=age), TABLE, RISK, {})
    assert not found.flag
    assert ("nucleic" in found.measures) == (note is not None)
    assert [words.message() for words in found.notes] == [n for n in map(_whole(found), [note]) if n]


def _whole(found: Any) -> Any:
    return lambda part: next((w.message() for w in found.notes if part and part in w.message()), None)


def test_without_a_phone_one_goes_to_the_desk_and_is_not_flagged() -> None:
    nobody = replace(WELL, health_code="none", itinerary_code="none")
    found = decide(nobody, TABLE, RISK, {})
    assert (found.flag, found.measures) == (False, ("codes", "desk"))
    assert "desk" not in decide(replace(nobody, desk=True), TABLE, RISK, {}).measures
    assert "desk" not in decide(nobody, replace(TABLE, codes=False), RISK, {}).measures


@pytest.mark.parametrize(
    ("area", "origin"),
    [
        ("110101", Origin.HIGH_RISK),
        ("120101", Origin.MEDIUM_RISK),
        ("110108", Origin.LISTED_CITY),
        ("110228", Origin.LISTED_PROVINCE),
        ("130102", Origin.ELSEWHERE),  # low is the rest of a county
        ("330102", Origin.HOME),
        ("330781", Origin.HOME),
        ("440101", Origin.ELSEWHERE),
        ("US-06", Origin.ELSEWHERE),
        ("", Origin.UNKNOWN),
        (None, Origin.UNKNOWN),
    ],
)
def test_a_declared_origin_is_classed_by_what_is_listed_there(area: str | None, origin: Origin) -> None:
    assert classify(area, RISK) is origin


def test_a_listed_county_of_the_own_province_counts_as_listed() -> None:
    at_home = Risk({"330102": "high"}, home="330104")
    assert [classify(area, at_home) for area in ("330102", "330104", "330702")] == [
        Origin.HIGH_RISK,
        Origin.LISTED_CITY,
        Origin.HOME,
    ]


AREAS = st.none() | st.sampled_from(("110101", "110108", "120101", "130102", "330102", "330781", "440101"))
PASSAGES = st.builds(
    Passage,
    at_min=st.integers(100, 199),
    gate_id=st.just("E1-01"),
    pid=st.sampled_from(("a" * 32, "b" * 32)),
    health_code=st.sampled_from(HEALTH),
    itinerary_code=st.sampled_from(ITINERARY),
    test_age_h=st.none() | st.integers(0, 100),
    temperature_c=st.none() | st.integers(350, 400).map(lambda tenths: tenths / 10),
    origin_area=AREAS,
    desk=st.booleans(),
)
HITS = st.dictionaries(st.sampled_from(("a" * 32, "b" * 32)), st.sampled_from(LEVELS))


def slow_flag(passage: Passage, table: ExitTable, risk: Risk, hits: dict[str, str]) -> bool:
    """The table read line by line, without its index."""
    flagged = False
    for one in table.rules:
        origin = classify(passage.origin_area, risk).value
        if origin in one.origins and passage.health_code in one.health and passage.itinerary_code in one.itinerary:
            flagged = one.flag
    if passage.temperature_c is not None and passage.temperature_c >= table.fever_c:
        flagged = True
    for pid, level in hits.items():
        flagged = flagged or (pid == passage.pid and level in table.hit_levels)
    return flagged


@given(PASSAGES, HITS)
@settings(max_examples=300, deadline=None)
def test_a_decision_is_what_the_table_says_read_line_by_line(passage: Passage, hits: dict[str, str]) -> None:
    found = decide(passage, TABLE, RISK, hits)
    assert found.flag == slow_flag(passage, TABLE, RISK, hits)
    assert bool(found.reasons) == found.flag
    assert list(found.measures) == sorted(set(found.measures), key=MEASURES.index)


@given(PASSAGES, HITS, st.permutations(TABLE.rules))
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_rules_decides_nothing(passage: Passage, hits: dict[str, str], rules: list[ExitRule]) -> None:
    assert decide(passage, replace(TABLE, rules=tuple(rules)), RISK, hits) == decide(passage, TABLE, RISK, hits)


@given(PASSAGES, st.sampled_from(("440101", "450202", "520103", "630104")))
@settings(max_examples=100, deadline=None)
def test_nobody_is_flagged_for_a_home_or_an_identity(passage: Passage, elsewhere: str) -> None:
    """Another pseudonym, another origin where nothing is listed: the same decision."""
    here = replace(passage, origin_area="440305")
    there = replace(here, origin_area=elsewhere, pid="c" * 32)
    assert replace(decide(there, TABLE, RISK, {}), pid=here.pid) == decide(here, TABLE, RISK, {})


def test_the_table_of_the_station_comes_before_that_of_any_station() -> None:
    own = replace(TABLE, station="HGH", version="own", valid_from_min=120, valid_until_min=None)
    assert choose_table((TABLE, own), "HGH", 119) is TABLE
    assert choose_table((TABLE, own), "HGH", 120) is own
    assert choose_table((TABLE, own), "AAA", 199) is TABLE
    with pytest.raises(Absent, match="AAA at 1970-01-01T03:20"):
        choose_table((TABLE, own), "AAA", 200)
    with pytest.raises(Absent):
        choose_table((TABLE, own), "AAA", 99)


def test_faults_of_a_table_are_found() -> None:
    assert find_uncovered(TABLE.rules) is None
    assert find_overlap(TABLE.rules) is None
    assert find_groundless(TABLE.rules) is None
    assert find_uncovered((RED, REST)) == ("high_risk", "green", "green")
    everybody = rule("everybody")
    assert find_overlap((everybody, LISTED)) == (everybody, LISTED, ("high_risk", "green", "green"))
    harsh = rule("harsh", flag=True, health=frozenset({"none"}))
    assert find_groundless((harsh,)) == (harsh, ("listed_city", "none", "green"))


def test_periods_that_clash_or_leave_a_gap_are_found() -> None:
    later = replace(TABLE, version="v2", valid_from_min=200, valid_until_min=None)
    assert find_clash((later, TABLE)) is None
    assert list_gaps((later, TABLE)) == []
    assert find_clash((replace(later, valid_from_min=199), TABLE)) == (TABLE, replace(later, valid_from_min=199))
    assert list_gaps((replace(later, valid_from_min=230), TABLE)) == [("*", 200, 230)]
    assert find_clash((TABLE, replace(TABLE, station="HGH"))) is None
    assert find_clash((replace(TABLE, valid_until_min=None), later)) is not None


def test_every_reason_and_measure_has_its_sentence() -> None:
    names = [f"origin_{part}" for part in GROUNDS[0]] + [f"health_{part}" for part in GROUNDS[1]]
    names += [f"itinerary_{part}" for part in GROUNDS[2]] + [f"hit_{level}" for level in LEVELS]
    names += ["fever", "no_test", "old_test", "to_desk", *(f"measure_{measure}" for measure in MEASURES)]
    assert {f"rules.screening_{name}" for name in names} <= set(catalogue())
    assert len(CELLS) == 7 * 4 * 5
